"""ask everybody"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPEN = sa.text("answer IS NULL")


def upgrade() -> None:
    op.create_table(
        "ask",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=4), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=8), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(length=40), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "answer IN ('yes', 'no', 'settled', 'lapsed')", name=op.f("ck_ask_answer_is_known")
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answered_by IS NULL)", name=op.f("ck_ask_answered_at_with_answered_by")
        ),
        sa.CheckConstraint(
            "(COALESCE(answer, '') IN ('yes', 'no')) = (answered_at IS NOT NULL)",
            name=op.f("ck_ask_answered_has_a_time"),
        ),
        sa.CheckConstraint(
            "(COALESCE(answer, '') IN ('settled', 'lapsed')) = (settled_at IS NOT NULL)",
            name=op.f("ck_ask_settled_has_a_time"),
        ),
        sa.CheckConstraint(
            "answer <> 'lapsed' OR settled_at >= answer_by", name=op.f("ck_ask_never_lapses_early")
        ),
        sa.CheckConstraint("answer_by > asked_at", name=op.f("ck_ask_time_to_answer")),
        sa.ForeignKeyConstraint(["premises_id"], ["premises.id"], name=op.f("fk_ask_premises_id_premises")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_ask_referral_id_referral")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ask")),
    )
    op.create_index(op.f("ix_ask_premises_id"), "ask", ["premises_id"])
    op.create_index(op.f("ix_ask_referral_id"), "ask", ["referral_id"])
    _only_open("ix_ask_answer_by", "answer_by", unique=False)
    _only_open("uq_ask_open_code", "code")
    _only_open("uq_ask_open_premises", "referral_id", "premises_id")


def _only_open(name: str, *columns: str, unique: bool = True) -> None:
    op.create_index(name, "ask", list(columns), unique=unique, sqlite_where=_OPEN, postgresql_where=_OPEN)


def downgrade() -> None:
    op.drop_table("ask")
