"""several people found in one operation"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("force_id", sa.Uuid(), nullable=False),
        sa.Column("number_sealed", sa.String(), nullable=True),
        sa.Column("number_index", sa.String(length=32), nullable=True),
        sa.Column("wish", sa.String(length=10), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.String(length=40), nullable=False),
        sa.Column("gathering_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("wish IN ('any', 'together', 'apart')", name=op.f("ck_operation_wish_is_known")),
        sa.CheckConstraint(
            "(number_sealed IS NULL) = (number_index IS NULL)",
            name=op.f("ck_operation_number_sealed_with_number_index"),
        ),
        sa.ForeignKeyConstraint(["force_id"], ["force.id"], name=op.f("fk_operation_force_id_force")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
        sa.UniqueConstraint("number_index", name=op.f("uq_operation_number_index")),
    )
    op.create_index(op.f("ix_operation_force_id"), "operation", ["force_id"])
    with op.batch_alter_table("referral") as batch_op:
        batch_op.add_column(sa.Column("operation_id", sa.Uuid(), nullable=True))
        batch_op.create_index(op.f("ix_referral_operation_id"), ["operation_id"])
        batch_op.create_foreign_key(
            op.f("fk_referral_operation_id_operation"), "operation", ["operation_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("referral") as batch_op:
        batch_op.drop_constraint(op.f("fk_referral_operation_id_operation"), type_="foreignkey")
        batch_op.drop_index(op.f("ix_referral_operation_id"))
        batch_op.drop_column("operation_id")
    op.drop_index(op.f("ix_operation_force_id"), table_name="operation")
    op.drop_table("operation")
