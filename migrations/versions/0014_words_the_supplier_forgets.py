"""words the supplier forgets, and texts found by when they were queued and handed over"""

import sqlalchemy as sa
from alembic import op

import safety.extensions

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("text") as batch_op:
        batch_op.add_column(sa.Column("blanked_at", safety.extensions.UTC(), nullable=True))
        batch_op.create_index("ix_text_sent_at", ["sent_at"])
        batch_op.create_index("ix_text_queued_at", ["queued_at"])


def downgrade() -> None:
    with op.batch_alter_table("text") as batch_op:
        batch_op.drop_index("ix_text_queued_at")
        batch_op.drop_index("ix_text_sent_at")
        batch_op.drop_column("blanked_at")
