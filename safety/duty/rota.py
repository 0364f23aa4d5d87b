"""The rota: who is on call when, first and second, and where nobody is.

The rules kept: one first and one second at any moment, never the same person; whoever cannot be texted is not on call, so the
shifts of a closed account are a gap and anybody may be put in their place; what is over is never changed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from safety import audit, workdays
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Shift, User
from safety.models.duty import FIRST, SECOND

PLACES = {FIRST: "first", SECOND: "second"}
WEEK = dt.timedelta(days=7)


class Refused(Exception):
    """What was asked of the rota cannot be. Nothing was changed; the message can be shown."""


class CannotBeOnCall(Refused):
    """No text would reach this person as a coordinator."""


class Overlaps(Refused):
    """Somebody is on call then already."""


class Over(Refused):
    """It is too late to change that."""


class NothingToCopy(Refused):
    """The week before has no shift that could stand in this one."""


@dataclass(frozen=True)
class Plan:
    """A shift somebody wants: who, FIRST or SECOND, from when until when (aware UTC)."""

    user_id: uuid.UUID
    place: int
    from_at: dt.datetime
    to_at: dt.datetime


@dataclass(frozen=True)
class Gap:
    """A time in which nobody is on call."""

    from_at: dt.datetime
    to_at: dt.datetime


def coordinators() -> Sequence[User]:
    """Every coordinator with an open account, by name."""
    wanted = sa.select(User).where(User.role == Role.COORDINATOR, User.disabled_at.is_(None))
    return db.session.scalars(wanted.order_by(sa.func.lower(User.name), User.id)).all()


def _texted() -> sa.ColumnElement[bool]:
    """Whether a text reaches them as a coordinator; as can_be_texted, in the database."""
    return sa.and_(User.role == Role.COORDINATOR, User.disabled_at.is_(None), User.phone_sealed.is_not(None))


def can_be_texted(user: User) -> bool:
    """Whether this is a coordinator with an open account and a mobile."""
    return user.role == Role.COORDINATOR and user.disabled_at is None and user.phone_sealed is not None


def between(*, start: dt.datetime, end: dt.datetime) -> Sequence[Shift]:
    """Every shift that has a part between two instants, also those of people who cannot be texted any more, earliest first."""
    wanted = sa.select(Shift).where(Shift.from_at < end, Shift.to_at > start)
    return db.session.scalars(
        wanted.options(joinedload(Shift.user)).order_by(Shift.from_at, Shift.place)
    ).all()


def on_call(*, now: dt.datetime) -> list[Shift]:
    """The shifts of this moment, the first on call before the second; empty when nobody is."""
    wanted = sa.select(Shift).join(User).where(Shift.from_at <= now, Shift.to_at > now, _texted())
    return list(db.session.scalars(wanted.options(joinedload(Shift.user)).order_by(Shift.place)))


def coming(*, now: dt.datetime) -> Sequence[Shift]:
    """The shifts that begin after this moment, the soonest first."""
    wanted = sa.select(Shift).join(User).where(Shift.from_at > now, _texted())
    return db.session.scalars(
        wanted.options(joinedload(Shift.user)).order_by(Shift.from_at, Shift.place)
    ).all()


def turn(*, now: dt.datetime) -> list[User]:
    """In which order people are texted one after another: first and second on call, then whoever comes next on the rota.

    Each person once; empty when nobody is on call.
    """
    here = on_call(now=now)
    if not here:
        return []
    people = {shift.user_id: shift.user for shift in (*here, *coming(now=now))}
    return list(people.values())


def gaps(*, start: dt.datetime, end: dt.datetime) -> list[Gap]:
    """When nobody is on call between two instants, earliest first."""
    covered = [shift for shift in between(start=start, end=end) if can_be_texted(shift.user)]
    return without(covered, start, end)


def without(covered: Iterable[Shift], start: dt.datetime, end: dt.datetime) -> list[Gap]:
    """What these shifts, earliest first, leave of the time between two instants."""
    found, reached = [], start
    for shift in covered:
        if shift.from_at > reached:
            found.append(Gap(reached, shift.from_at))
        reached = max(reached, shift.to_at)
    if reached < end:
        found.append(Gap(reached, end))
    return found


def put(*, plans: Sequence[Plan], by: str, now: dt.datetime) -> list[Shift]:
    """Enter shifts, all of them or none. One that has begun counts from this minute.

    Raises CannotBeOnCall for somebody no text would reach, Over for a shift that is over, Overlaps when somebody is on call
    then in that place already, or the same person in the other.
    """
    with _all_or_nothing():
        return [_enter(plan, by, now) for plan in plans]


def remove(*, shift: Shift, by: str, now: dt.datetime) -> None:
    """Take a shift off the rota, or what is still to come of it. Raises Over when nothing is."""
    this_minute = _still_to_come(shift, now)
    with _all_or_nothing():
        _record("shift_removed", shift, by, now, since=max(shift.from_at, this_minute))
        _cut(shift, max(shift.from_at, this_minute), shift.to_at)


def give(
    *, shift: Shift, to: uuid.UUID, from_at: dt.datetime, to_at: dt.datetime, by: str, now: dt.datetime
) -> Shift:
    """Give a shift, or a part of it that is still to come, to somebody else; whoever had it keeps the rest.

    Raises Over, CannotBeOnCall, Overlaps when they are on call in the other place then, and Refused for times that are not
    within the shift or the person who has it.
    """
    from_at = max(from_at, _still_to_come(shift, now))
    if not shift.from_at <= from_at < to_at <= shift.to_at:
        raise Refused(
            f"The shift is from {workdays.day_words(shift.from_at, now)} to {workdays.day_words(shift.to_at, now)}. "
            "Choose a part of it that is still to come"
        )
    if to == shift.user_id:
        raise Refused(f"{shift.user.name} has that shift already. Choose somebody else")
    with _all_or_nothing():
        _record("shift_given", shift, by, now, since=from_at, until=to_at, to=to)
        place = shift.place
        _cut(shift, from_at, to_at)
        return _enter(Plan(to, place, from_at, to_at), by, now)


def copy_week(*, monday: dt.date, by: str, now: dt.datetime) -> tuple[int, int]:
    """Enter the shifts that began in the week before this Monday at the same UK times of the week that begins with it.

    Returns how many were entered, and how many left out because whoever had them cannot be on call. Raises NothingToCopy, and
    Overlaps when anything is in the way; then nothing is copied.
    """
    start, end = week(monday - WEEK)[0], week(monday)[0]
    before = [shift for shift in between(start=start, end=end) if shift.from_at >= start]
    plans = [
        Plan(shift.user_id, shift.place, _a_week_later(shift.from_at), _a_week_later(shift.to_at))
        for shift in before
        if can_be_texted(shift.user)
    ]
    plans = [plan for plan in plans if plan.to_at > now]
    if not plans:
        raise NothingToCopy("The week before has no shift that could stand in this week. Add shifts here")
    put(plans=plans, by=by, now=now)
    return len(plans), sum(not can_be_texted(shift.user) for shift in before)


def week(monday: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """From when until when a week is, by the UK's clock: 167 or 169 hours when the clocks change in it."""
    midnight = dt.time(0)
    return workdays.local(monday, midnight), workdays.local(monday + WEEK, midnight)


def monday_of(day: dt.date) -> dt.date:
    """The Monday of a day's week."""
    return day - dt.timedelta(days=day.weekday())


def _a_week_later(moment: dt.datetime) -> dt.datetime:
    """The same time of the UK's clock a week later; an hour on where the clocks jump over it."""
    here = workdays.uk(moment)
    day, clock = here.date() + WEEK, here.time()
    try:
        return workdays.local(day, clock, fold=here.fold)
    except workdays.NoSuchTime:
        return workdays.local(day, clock.replace(hour=clock.hour + 1))


def _enter(plan: Plan, by: str, now: dt.datetime) -> Shift:
    user = _able(plan.user_id)
    from_at = max(plan.from_at, minute(now))
    if plan.to_at <= from_at:
        raise Over("That is over already. Choose a time that is still to come")
    for there in between(start=from_at, end=plan.to_at):
        if there.place == plan.place and not can_be_texted(there.user):
            _record("shift_removed", there, by, now, since=max(from_at, there.from_at))
            _cut(there, from_at, plan.to_at)
        elif there.place == plan.place:
            raise Overlaps(
                f"{_said(there, now)}. Give that shift to somebody else or remove it, or choose other times"
            )
        elif there.user_id == plan.user_id:
            raise Overlaps(
                f"{_said(there, now)}, and nobody can be both. Choose somebody else, or other times"
            )
    shift = Shift(user_id=user.id, place=plan.place, from_at=from_at, to_at=plan.to_at, put_at=now, put_by=by)
    shift.user = user
    db.session.add(shift)
    db.session.flush()
    _record("shift_put", shift, by, now, since=from_at)
    return shift


def _able(user_id: uuid.UUID) -> User:
    user = db.session.get(User, user_id)
    if user is None or user.role != Role.COORDINATOR or user.disabled_at is not None:
        raise CannotBeOnCall(
            "Only a coordinator with an open account can be on call. Choose one on this page"
        )
    if user.phone_sealed is None:
        raise CannotBeOnCall(
            f"{user.name} has no mobile here, so no alert would reach them. Choose somebody who has one"
        )
    return user


def _cut(shift: Shift, from_at: dt.datetime, to_at: dt.datetime) -> None:
    """Take this part out of a shift; what is left before and after stays whose it was."""
    before, after = shift.from_at < from_at, shift.to_at > to_at
    rest = None
    if after:
        rest = Shift(
            user_id=shift.user_id,
            place=shift.place,
            from_at=to_at,
            to_at=shift.to_at,
            put_at=shift.put_at,
            put_by=shift.put_by,
        )
    # First the old row makes room, and then its rest is written: the database looks at each row as it comes.
    if before:
        shift.to_at = from_at
    else:
        db.session.delete(shift)
    db.session.flush()
    if rest is not None:
        db.session.add(rest)
        db.session.flush()


def _still_to_come(shift: Shift, now: dt.datetime) -> dt.datetime:
    """This minute, when the shift is not over in it. Raises Over."""
    this_minute = minute(now)
    if shift.to_at <= this_minute:
        raise Over("That shift is over, and what was stays as it was")
    return this_minute


def minute(now: dt.datetime) -> dt.datetime:
    """The minute an instant is in: shifts change hands on the minute."""
    return now.replace(second=0, microsecond=0)


def _said(shift: Shift, now: dt.datetime) -> str:
    since, until = (workdays.day_words(moment, now) for moment in (shift.from_at, shift.to_at))
    return f"{shift.user.name} is {PLACES[shift.place]} on call from {since} to {until} already"


def _record(
    what: str,
    shift: Shift,
    by: str,
    now: dt.datetime,
    *,
    since: dt.datetime,
    until: dt.datetime | None = None,
    to: uuid.UUID | None = None,
) -> None:
    facts = {
        "account": shift.user_id,
        "place": shift.place,
        "from": since,
        "until": until or shift.to_at,
    }
    audit.record(what=what, by=by, now=now, facts=facts | ({"to": to} if to else {}))


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    """What is refused half-way leaves nothing behind, and the database's own word on overlaps is put as ours."""
    try:
        with db.session.begin_nested():
            yield
    except sa.exc.IntegrityError as problem:
        raise Overlaps("Somebody was put on call then in this moment. Look at the rota again") from problem
