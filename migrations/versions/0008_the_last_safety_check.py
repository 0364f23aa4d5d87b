"""the last safety check of a house"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("premises") as batch_op:
        batch_op.add_column(sa.Column("safety_checked_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("safety_checked_by", sa.String(length=40), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_premises_safety_checked_on_with_safety_checked_by"),
            "(safety_checked_on IS NULL) = (safety_checked_by IS NULL)",
        )


def downgrade() -> None:
    with op.batch_alter_table("premises") as batch_op:
        batch_op.drop_constraint(op.f("ck_premises_safety_checked_on_with_safety_checked_by"), type_="check")
        batch_op.drop_column("safety_checked_by")
        batch_op.drop_column("safety_checked_on")
