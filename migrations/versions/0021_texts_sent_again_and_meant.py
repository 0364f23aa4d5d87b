"""texts sent again, and what a text was meant to say"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("text", schema=None) as batch_op:
        batch_op.add_column(sa.Column("again_of_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(op.f("fk_text_again_of_id_text"), "text", ["again_of_id"], ["id"])
        batch_op.create_unique_constraint(op.f("uq_text_again_of_id"), ["again_of_id"])
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.add_column(sa.Column("meant", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("meant_outcome", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("meant_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("meant_by", sa.String(length=40), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_inbound_meant_at_with_meant_by"), "(meant_at IS NULL) = (meant_by IS NULL)"
        )
        batch_op.create_check_constraint(
            op.f("ck_inbound_meant_with_meant_at"), "(meant IS NULL) = (meant_at IS NULL)"
        )


def downgrade() -> None:
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_inbound_meant_with_meant_at"), type_="check")
        batch_op.drop_constraint(op.f("ck_inbound_meant_at_with_meant_by"), type_="check")
        for column in ("meant_by", "meant_at", "meant_outcome", "meant"):
            batch_op.drop_column(column)
    with op.batch_alter_table("text", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("uq_text_again_of_id"), type_="unique")
        batch_op.drop_constraint(op.f("fk_text_again_of_id_text"), type_="foreignkey")
        batch_op.drop_column("again_of_id")
