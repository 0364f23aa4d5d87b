"""Who is on call when, and on which days the digest was sent."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from safety.extensions import Model, Row
from safety.models.people import User

FIRST, SECOND = 1, 2


class Shift(Row):
    """One coordinator on call from a time until another, first or second to be texted."""

    __tablename__ = "shift"
    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    place: Mapped[int]  # FIRST or SECOND
    from_at: Mapped[dt.datetime] = mapped_column(index=True)
    to_at: Mapped[dt.datetime] = mapped_column(index=True)
    put_at: Mapped[dt.datetime]
    put_by: Mapped[str] = mapped_column(sa.String(40))
    user: Mapped[User] = relationship()

    __table_args__ = (
        sa.CheckConstraint("place IN (1, 2)", name="place_is_known"),
        sa.CheckConstraint("from_at < to_at", name="ends_after_it_begins"),
    )


# One person first on call at any moment, and one second: no two shifts of a place overlap. PostgreSQL excludes it; SQLite,
# which has no such constraint, refuses the row.
_IN_THE_WAY = (
    "EXISTS (SELECT 1 FROM shift AS other WHERE other.place = NEW.place AND other.id <> NEW.id "
    "AND other.from_at < NEW.to_at AND other.to_at > NEW.from_at)"
)
NO_OVERLAP = {
    "postgresql": [
        f"ALTER TABLE shift ADD CONSTRAINT ex_shift_place_{place} "
        f"EXCLUDE USING gist (tstzrange(from_at, to_at) WITH &&) WHERE (place = {place})"
        for place in (FIRST, SECOND)
    ],
    "sqlite": [
        f"CREATE TRIGGER ex_shift_{what.split()[0].lower()} BEFORE {what} ON shift WHEN {_IN_THE_WAY} "
        "BEGIN SELECT RAISE(ABORT, 'shifts overlap'); END"
        for what in ("INSERT", "UPDATE OF place, from_at, to_at")
    ],
}
for _dialect, _lines in NO_OVERLAP.items():
    for _line in _lines:
        sa.event.listen(Shift.__table__, "after_create", sa.DDL(_line).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]


class Digest(Model):
    """What can wait was told for this day, or there was nothing to tell."""

    __tablename__ = "digest"
    # Once a day, whichever process comes first.
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime]
    things: Mapped[int]
