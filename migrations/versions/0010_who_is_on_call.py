"""who is on call when, and the digest of the day"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_IN_THE_WAY = (
    "EXISTS (SELECT 1 FROM shift AS other WHERE other.place = NEW.place AND other.id <> NEW.id "
    "AND other.from_at < NEW.to_at AND other.to_at > NEW.from_at)"
)


def upgrade() -> None:
    op.create_table(
        "shift",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("put_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("put_by", sa.String(length=40), nullable=False),
        sa.CheckConstraint("place IN (1, 2)", name=op.f("ck_shift_place_is_known")),
        sa.CheckConstraint("from_at < to_at", name=op.f("ck_shift_ends_after_it_begins")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_shift_user_id_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
    )
    for column in ("user_id", "from_at", "to_at"):
        op.create_index(op.f(f"ix_shift_{column}"), "shift", [column])
    op.create_table(
        "digest",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("things", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_digest")),
    )
    # No two shifts of a place overlap. SQLite has no such constraint, so a trigger refuses the row there.
    if op.get_bind().dialect.name == "postgresql":
        for place in (1, 2):
            op.execute(
                f"ALTER TABLE shift ADD CONSTRAINT ex_shift_place_{place} "
                f"EXCLUDE USING gist (tstzrange(from_at, to_at) WITH &&) WHERE (place = {place})"
            )
        return
    for name, what in (("insert", "INSERT"), ("update", "UPDATE OF place, from_at, to_at")):
        op.execute(
            f"CREATE TRIGGER ex_shift_{name} BEFORE {what} ON shift WHEN {_IN_THE_WAY} BEGIN SELECT RAISE(ABORT, 'shifts overlap'); END"
        )


def downgrade() -> None:
    op.drop_table("digest")
    op.drop_table("shift")
