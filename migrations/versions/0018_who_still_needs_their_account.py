"""who still needs their account, said by whom"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("attested_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("attested_by", sa.String(length=40), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_user_account_attested_at_with_attested_by"),
            "(attested_at IS NULL) = (attested_by IS NULL)",
        )


def downgrade() -> None:
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_user_account_attested_at_with_attested_by"), type_="check")
        batch_op.drop_column("attested_by")
        batch_op.drop_column("attested_at")
