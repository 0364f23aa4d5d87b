"""two suppliers of texts, and what failed at each"""

import sqlalchemy as sa
from alembic import op

import safety.extensions

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "supplier_error",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("supplier", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("at", safety.extensions.UTC(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier_error")),
    )
    op.create_index("ix_supplier_error_supplier_at", "supplier_error", ["supplier", "at"])


def downgrade() -> None:
    op.drop_index("ix_supplier_error_supplier_at", "supplier_error")
    op.drop_table("supplier_error")
