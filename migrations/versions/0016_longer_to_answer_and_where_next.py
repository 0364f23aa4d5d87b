"""longer to answer, and where they go next"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BEFORE = "'hold', 'confirm', 'decline', 'lapse', 'withdraw', 'cancel', 'set_off', 'late', 'arrive', 'release', 'not_arrived', 'move', 'transfer', 'extend', 'depart', 'correct'"
AFTER = "'hold', 'confirm', 'decline', 'lapse', 'withdraw', 'cancel', 'set_off', 'late', 'arrive', 'release', 'not_arrived', 'move', 'transfer', 'extend', 'longer', 'plan', 'depart', 'correct'"
PLANNED = (
    "'msvcc', 'local_authority', 'charity', 'friends_family', 'hospital', 'asylum', 'other_house', 'own'"
)


def upgrade() -> None:
    with op.batch_alter_table("placement", schema=None) as batch_op:
        batch_op.add_column(sa.Column("planned_onward", sa.String(length=20), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_placement_planned_onward_is_known"), f"planned_onward IN ({PLANNED})"
        )
        batch_op.drop_constraint(op.f("ck_placement_last_event_is_known"), type_="check")
        batch_op.create_check_constraint(op.f("ck_placement_last_event_is_known"), f"last_event IN ({AFTER})")


def downgrade() -> None:
    # To a release that does not know them these left a placement where it was: they read as held, or as arrived.
    op.execute("UPDATE placement SET last_event = 'hold', last_facts = '{}' WHERE last_event = 'longer'")
    op.execute("UPDATE placement SET last_event = 'arrive', last_facts = '{}' WHERE last_event = 'plan'")
    with op.batch_alter_table("placement", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_placement_last_event_is_known"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_placement_last_event_is_known"), f"last_event IN ({BEFORE})"
        )
        batch_op.drop_constraint(op.f("ck_placement_planned_onward_is_known"), type_="check")
        batch_op.drop_column("planned_onward")
