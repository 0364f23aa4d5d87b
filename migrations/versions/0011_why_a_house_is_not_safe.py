"""why a house is marked compromised, and which address of it is no longer secret"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

REASONS = "'exploiter', 'watched', 'passed_on', 'lost', 'threat', 'other'"


def upgrade() -> None:
    with op.batch_alter_table("premises") as batch_op:
        batch_op.add_column(sa.Column("compromised_reason", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("compromised_version", sa.Integer(), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_premises_compromised_reason_is_known"), f"compromised_reason IN ({REASONS})"
        )
        batch_op.create_check_constraint(
            op.f("ck_premises_compromised_reason_with_compromised_version"),
            "(compromised_reason IS NULL) = (compromised_version IS NULL)",
        )
    # Until now a house was marked by hand, without a reason.
    op.execute(
        "UPDATE premises SET compromised_reason = 'other', compromised_version = address_version "
        "WHERE compromised_at IS NOT NULL"
    )


def downgrade() -> None:
    with op.batch_alter_table("premises") as batch_op:
        batch_op.drop_constraint(
            op.f("ck_premises_compromised_reason_with_compromised_version"), type_="check"
        )
        batch_op.drop_constraint(op.f("ck_premises_compromised_reason_is_known"), type_="check")
        batch_op.drop_column("compromised_version")
        batch_op.drop_column("compromised_reason")
