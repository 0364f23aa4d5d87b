"""asking for old figures"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BEFORE = (
    "kind IN ('arrived_without_bed', 'house_withdrew', 'nothing_fits', 'overdue_on_the_road', 'not_arrived', "
    "'houses_said_no', 'far_ahead', 'text_failed', 'supplier_failing', 'cannot_be_matched', 'released_unused', "
    "'stay_over')"
)
AFTER = BEFORE.replace("'stay_over'", "'stay_over', 'figures_stale'")


def upgrade() -> None:
    with op.batch_alter_table("premises") as batch_op:
        batch_op.add_column(
            sa.Column("questions_from", sa.String(length=5), nullable=False, server_default="08:00")
        )
        batch_op.add_column(
            sa.Column("questions_to", sa.String(length=5), nullable=False, server_default="20:00")
        )
        batch_op.add_column(sa.Column("figures_asked", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("figures_asked_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("premises") as batch_op:
        # They were only for the rows that are there: the models say what a new one has.
        for column in ("questions_from", "questions_to", "figures_asked"):
            batch_op.alter_column(column, server_default=None)
    with op.batch_alter_table("alert") as batch_op:
        batch_op.drop_constraint(op.f("ck_alert_kind_is_known"), type_="check")
        batch_op.create_check_constraint(op.f("ck_alert_kind_is_known"), AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM alert WHERE kind = 'figures_stale'")
    with op.batch_alter_table("alert") as batch_op:
        batch_op.drop_constraint(op.f("ck_alert_kind_is_known"), type_="check")
        batch_op.create_check_constraint(op.f("ck_alert_kind_is_known"), BEFORE)
    with op.batch_alter_table("premises") as batch_op:
        for column in ("figures_asked_at", "figures_asked", "questions_to", "questions_from"):
            batch_op.drop_column(column)
