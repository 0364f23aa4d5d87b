"""the day on which a force becomes part of another"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Until now this was entered by hand. What follows a force that is not over said nothing yet.
    op.execute("UPDATE force SET succeeded_by_id = NULL WHERE valid_to IS NULL")
    with op.batch_alter_table("force", schema=None) as batch_op:
        batch_op.add_column(sa.Column("merges_on", sa.Date(), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_force_merges_or_is_merged"),
            "succeeded_by_id IS NULL OR (valid_to IS NULL) <> (merges_on IS NULL)",
        )
        batch_op.create_check_constraint(
            op.f("ck_force_merges_into_a_force"), "merges_on IS NULL OR succeeded_by_id IS NOT NULL"
        )


def downgrade() -> None:
    # Announced and not done: as if it had never been.
    op.execute("UPDATE force SET succeeded_by_id = NULL, merges_on = NULL WHERE merges_on IS NOT NULL")
    with op.batch_alter_table("force", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_force_merges_into_a_force"), type_="check")
        batch_op.drop_constraint(op.f("ck_force_merges_or_is_merged"), type_="check")
        batch_op.drop_column("merges_on")
