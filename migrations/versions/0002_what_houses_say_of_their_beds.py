"""what houses say of their beds"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bed_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_by", sa.String(length=40), nullable=False),
        sa.Column("via", sa.String(length=10), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("taken_out", sa.JSON(), nullable=False),
        sa.Column("brought_back", sa.JSON(), nullable=False),
        sa.Column("earlier_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("earlier_by", sa.String(length=40), nullable=True),
        sa.Column("earlier_via", sa.String(length=10), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=40), nullable=True),
        sa.CheckConstraint("via IN ('page', 'text', 'phone')", name=op.f("ck_bed_report_via_is_known")),
        sa.CheckConstraint(
            "(earlier_at IS NULL) = (earlier_by IS NULL)",
            name=op.f("ck_bed_report_earlier_at_with_earlier_by"),
        ),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undone_by IS NULL)", name=op.f("ck_bed_report_undone_at_with_undone_by")
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"], ["premises.id"], name=op.f("fk_bed_report_premises_id_premises")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bed_report")),
        sa.UniqueConstraint("premises_id", "number", name="uq_bed_report_number"),
    )


def downgrade() -> None:
    op.drop_table("bed_report")
