"""When a house opens its door to new people, and whom it takes.

The rule kept: whom a house is for does not change while anybody it was promised to is asked about, coming or living there.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from safety import audit, matching, workdays
from safety.extensions import db
from safety.lifecycle import LIVE
from safety.models import Placement, Premises, Referral
from safety.models.premises import Cohort

MIDNIGHT = "24:00"
# A door that opens in the evening may stay open past midnight; up to noon that is what was meant, later it is a slip.
_NOON = "12:00"
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class HoursAmiss(Exception):
    """The hours of a day cannot be meant. The message can be shown."""


class StillToCome(Exception):
    """A day that is not over cannot have seen a check. The message can be shown."""


class PromisedToSomebody(Exception):
    """Whom the house is for cannot change: somebody is there, or coming, who was told. The message can be shown."""


@dataclass(frozen=True)
class Whom:
    """Whom a house takes, and what is true of every room of it.

    cohort: a Cohort; child_ages: codes of matching.CHILD_AGES; supports: of matching.SUPPORT; features: of matching.FEATURES.
    """

    cohort: str
    child_ages: frozenset[str]
    takes_pregnant: bool
    supports: frozenset[str]
    accepts_unasked: bool
    features: frozenset[str]


def a_day(opens: str, latest: str) -> list[str] | None:
    """The admission hours of a day as they are kept: local "HH:MM", or None for a day without admissions.

    opens and latest: "HH:MM" or "", latest also "24:00"; midnight at the end of the day is kept as "24:00". A latest arrival
    by noon and before the door opens is on the day after. Raises HoursAmiss.
    """
    if not opens and not latest:
        return None
    if not opens or not latest:
        raise HoursAmiss("enter both times, or leave both empty if you admit nobody that day")
    latest = MIDNIGHT if latest == "00:00" else latest
    if not _CLOCK.fullmatch(opens) or not (latest == MIDNIGHT or _CLOCK.fullmatch(latest)):
        raise HoursAmiss("enter times like 08:00 and 22:00, or 24:00 for the end of the day")
    if opens == latest:
        raise HoursAmiss("the two times are the same. For the whole day enter 00:00 and 24:00")
    if _NOON < latest < opens:
        raise HoursAmiss("the latest arrival is before you open. After midnight it can be noon at most")
    return [opens, latest]


def change_hours(
    *, premises_id: uuid.UUID, admits: Sequence[list[str] | None], by: str, now: dt.datetime
) -> Premises:
    """When new people may arrive. The same again changes nothing.

    admits: seven days, Monday first, each as a_day makes it. Raises HoursAmiss; ValueError when there are not seven.
    """
    if len(admits) != 7:
        raise ValueError("a week has seven days")
    week = [a_day(*day) if day else None for day in admits]
    house = db.session.get_one(Premises, premises_id)
    if week == house.admits:
        return house
    house.admits = week
    audit.record(what="house_hours", by=by, now=now, premises_id=house.id, facts={"admits": week})
    db.session.flush()
    return house


def change_questions(*, premises_id: uuid.UUID, start: str, end: str, by: str, now: dt.datetime) -> Premises:
    """When the house may be asked by text what can wait until then. The same again changes nothing.

    start, end: local "HH:MM"; the same twice is at any time, an end before the start is past midnight. Raises ValueError for
    anything else.
    """
    if not _CLOCK.fullmatch(start) or not _CLOCK.fullmatch(end):
        raise ValueError("not two times of day")
    house = db.session.get_one(Premises, premises_id)
    if (house.questions_from, house.questions_to) == (start, end):
        return house
    house.questions_from, house.questions_to = start, end
    audit.record(
        what="house_questions", by=by, now=now, premises_id=house.id, facts={"from": start, "to": end}
    )
    db.session.flush()
    return house


def record_safety_check(*, premises_id: uuid.UUID, on: dt.date, by: str, now: dt.datetime) -> Premises:
    """The day on which the house was last looked over for fire, gas and electrics. The same again changes nothing.

    Raises StillToCome.
    """
    if on > workdays.uk(now).date():
        raise StillToCome("The day of the check must be today or in the past")
    house = db.session.get_one(Premises, premises_id)
    if house.safety_checked_on == on:
        return house
    house.safety_checked_on, house.safety_checked_by = on, by
    audit.record(
        what="house_safety_check", by=by, now=now, premises_id=house.id, facts={"on": on.isoformat()}
    )
    db.session.flush()
    return house


def change_whom(*, premises_id: uuid.UUID, whom: Whom, by: str, now: dt.datetime) -> Premises:
    """Whom the house takes from now on; whoever it has said yes to stays. The same again changes nothing.

    Raises PromisedToSomebody when women, men or either would change for somebody, or what they were promised would no longer be
    true; ValueError for a code that is not known.
    """
    known = (
        whom.cohort in set(Cohort)
        and whom.child_ages <= set(matching.CHILD_AGES)
        and whom.supports <= set(matching.SUPPORT)
        and whom.features <= set(matching.FEATURES)
    )
    if not known:
        raise ValueError("a code that is not known")
    house = db.session.get_one(Premises, premises_id)
    if whom == takes(house):
        return house
    if whom.cohort != house.cohort or not whom.features >= set(house.features):
        _refuse_where_promised(house)
    house.cohort = whom.cohort
    house.child_ages = [age for age in matching.CHILD_AGES if age in whom.child_ages]
    house.supports = [risk for risk in matching.SUPPORT if risk in whom.supports]
    house.features = [feature for feature in matching.FEATURES if feature in whom.features]
    house.takes_pregnant, house.accepts_unasked = whom.takes_pregnant, whom.accepts_unasked
    facts = {
        "cohort": house.cohort,
        "child_ages": house.child_ages,
        "supports": house.supports,
        "features": house.features,
        "takes_pregnant": house.takes_pregnant,
        "accepts_unasked": house.accepts_unasked,
    }
    audit.record(what="house_takes", by=by, now=now, premises_id=house.id, facts=facts)
    db.session.flush()
    return house


def takes(house: Premises) -> Whom:
    """Whom a house takes now."""
    return Whom(
        house.cohort,
        frozenset(house.child_ages),
        house.takes_pregnant,
        frozenset(house.supports),
        house.accepts_unasked,
        frozenset(house.features),
    )


def _refuse_where_promised(house: Premises) -> None:
    """Officers were told "women only", and people came because of it."""
    live = (
        sa.select(Referral)
        .join(Placement, Placement.referral_id == Referral.id)
        .where(Placement.premises_id == house.id, Placement.state.in_(LIVE))
        .order_by(Referral.reference)
    )
    spoken = [referral.spoken for referral in db.session.scalars(live)]
    if spoken:
        was = "was" if len(spoken) == 1 else "were"
        raise PromisedToSomebody(
            f"{' and '.join(spoken)} {was} promised the house as it is. Change it when nobody is waiting for your answer, "
            "coming or staying, or ring the duty line"
        )


def rooms_for_nobody(house: Premises) -> tuple[str, ...]:
    """Rooms marked for women in a house for men, or the other way: nobody can ever be given them. By name."""
    if house.cohort == Cohort.EITHER:
        return ()
    return tuple(
        room.name
        for room in house.bedspaces
        if room.retired_at is None and room.cohort not in (Cohort.EITHER, house.cohort)
    )
