"""houses speak for themselves: their address, and whether they take people"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BEFORE = "'arrived_without_bed', 'house_withdrew', 'nothing_fits', 'overdue_on_the_road', 'not_arrived', 'houses_said_no', 'far_ahead', 'jobs_silent', 'text_failed', 'supplier_failing', 'cannot_be_matched', 'released_unused', 'stay_over', 'figures_stale'"
ADDED = ", 'address_unconfirmed'"
CLOSED = "'staff', 'incident', 'repair', 'illness', 'planned', 'other'"


def upgrade() -> None:
    # No page set a reason before this one; what was written by hand and is no code of ours becomes "something else".
    op.execute(
        "UPDATE premises SET accepting_reason = 'other' "  # noqa: S608 - codes of this file
        f"WHERE accepting_reason IS NOT NULL AND accepting_reason NOT IN ({CLOSED})"
    )
    _alerts_may_be(BEFORE + ADDED)
    with op.batch_alter_table("premises", schema=None) as batch_op:
        batch_op.add_column(sa.Column("address_due_told_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("address_over_told_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("accepting_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_premises_accepting_reason_is_known"), f"accepting_reason IN ({CLOSED})"
        )
        batch_op.create_check_constraint(
            op.f("ck_premises_only_closed_until"), "accepting_until IS NULL OR NOT accepting"
        )


def downgrade() -> None:
    with op.batch_alter_table("premises", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_premises_only_closed_until"), type_="check")
        batch_op.drop_constraint(op.f("ck_premises_accepting_reason_is_known"), type_="check")
        batch_op.drop_column("accepting_until")
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
