"""when a text that came in was sent, by the supplier's own time; an alert over jobs that have fallen silent

Texts of before count as sent when they came, which is all that is known of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BEFORE = "kind IN ('arrived_without_bed', 'house_withdrew', 'nothing_fits', 'overdue_on_the_road', 'not_arrived', 'houses_said_no', 'far_ahead', 'text_failed', 'supplier_failing', 'cannot_be_matched', 'released_unused', 'stay_over', 'figures_stale')"
_AFTER = _BEFORE.replace("'text_failed'", "'jobs_silent', 'text_failed'")


def upgrade() -> None:
    op.add_column("inbound", sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE inbound SET sent_at = received_at")
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.alter_column("sent_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    _let_kinds_be(_AFTER)


def downgrade() -> None:
    op.execute(
        "UPDATE text SET alert_id = NULL WHERE alert_id IN (SELECT id FROM alert WHERE kind = 'jobs_silent')"
    )
    op.execute("DELETE FROM alert WHERE kind = 'jobs_silent'")
    _let_kinds_be(_BEFORE)
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.drop_column("sent_at")


def _let_kinds_be(these: str) -> None:
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_alert_kind_is_known"), type_="check")
        batch_op.create_check_constraint(op.f("ck_alert_kind_is_known"), these)
