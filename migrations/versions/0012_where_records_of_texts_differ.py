"""where the supplier's record of texts and ours differ"""

import sqlalchemy as sa
from alembic import op

import safety.extensions

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "text_difference",
        sa.Column("sid", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ours", sa.String(length=12), nullable=True),
        sa.Column("theirs", sa.String(length=20), nullable=True),
        sa.Column("taken_at", safety.extensions.UTC(), nullable=True),
        sa.Column("found_at", safety.extensions.UTC(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('unknown_here', 'unknown_there', 'status')",
            name=op.f("ck_text_difference_kind_is_known"),
        ),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_text_difference")),
    )


def downgrade() -> None:
    op.drop_table("text_difference")
