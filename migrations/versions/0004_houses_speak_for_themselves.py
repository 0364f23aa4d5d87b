"""houses speak for themselves: their address"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

BEFORE = "'arrived_without_bed', 'house_withdrew', 'nothing_fits', 'overdue_on_the_road', 'not_arrived', 'houses_said_no', 'far_ahead', 'text_failed', 'supplier_failing', 'cannot_be_matched', 'released_unused', 'stay_over'"
ADDED = ", 'address_unconfirmed'"


def upgrade() -> None:
    _alerts_may_be(BEFORE + ADDED)
    with op.batch_alter_table("premises", schema=None) as batch_op:
        batch_op.add_column(sa.Column("address_due_told_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("address_over_told_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("premises", schema=None) as batch_op:
        batch_op.drop_column("address_over_told_at")
        batch_op.drop_column("address_due_told_at")
    # A release that does not know the kind could not read such an alert; its cause is found again by the next one that does.
    op.execute(
        "UPDATE text SET alert_id = NULL WHERE alert_id IN (SELECT id FROM alert WHERE kind = 'address_unconfirmed')"
    )
    op.execute("DELETE FROM alert WHERE kind = 'address_unconfirmed'")
    _alerts_may_be(BEFORE)


def _alerts_may_be(kinds: str) -> None:
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_alert_kind_is_known"), type_="check")
        batch_op.create_check_constraint(op.f("ck_alert_kind_is_known"), f"kind IN ({kinds})")
