"""when a text that came in was sent, by the supplier's own time

Texts of before count as sent when they came, which is all that is known of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbound", sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE inbound SET sent_at = received_at")
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.alter_column("sent_at", existing_type=sa.DateTime(timezone=True), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.drop_column("sent_at")
