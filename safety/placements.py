"""The only writer of placements: hold() makes one, change() moves one along the table.

Every change writes its audit event and its texts in the same transaction, and the row remembers the event and its facts, so
that the same press twice is a success that changes nothing and a contradiction is told who did what, when.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from flask import current_app

from safety import audit, duty, lifecycle, messages, outbox, permissions, premises, workdays
from safety.extensions import db
from safety.lifecycle import LIVE, Event, Recipient, Role, State, Tell, Worth
from safety.models import AlertKind, Ask, Bedspace, Placement, Premises, Referral, User
from safety.permissions import Actor

LEAST_HOLD = dt.timedelta(hours=2)
CODE_KEPT = dt.timedelta(hours=24)


class BedspaceTaken(Exception):
    """Somebody else has the bedspace. The caller goes on to the next."""


class Conflict(Exception):
    """It is already recorded otherwise. The message says what, by whom and when, and can be shown."""


def hold(
    *,
    referral: Referral,
    bedspace_id: uuid.UUID,
    actor: Actor,
    miles: float,
    unasked: bool = False,
    quiet: bool = False,
    code: str | None = None,
    now: dt.datetime,
) -> Placement:
    """Hold a bedspace for a referral until the house has answered, or (unasked) confirm it in the same step.

    quiet: nobody is asked or told, because the caller confirms at once what a person has just said. code: the one they said
    it with, which stays the code of the bed; a free one otherwise.

    miles: distance between the outcodes, kept for the band the officer is shown. The caller has begun a deciding write and
    has lapsed what was overdue on the bedspace. Raises BedspaceTaken when it has a live placement; the caller's savepoint
    then undoes whatever was tried.
    """
    row = lifecycle.transition(None, Event.HOLD, actor.role)
    bedspace = db.session.get_one(Bedspace, bedspace_id)
    settings = current_app.config["SETTINGS"]
    eta_at = referral.eta_at or now
    placement = Placement(
        referral_id=referral.id,
        bedspace_id=bedspace.id,
        premises_id=bedspace.premises_id,
        state=row.target,
        code=code or free_code(now=now),
        distance_miles=round(miles, 1),
        held_at=now,
        held_by=actor.by,
        was_on_road=_was_on_road(referral),
        answer_by=now + dt.timedelta(minutes=settings.ANSWER_WITHIN_MIN),
        eta_at=max(eta_at, now),
        arrive_by=max(eta_at + dt.timedelta(minutes=settings.ARRIVE_GRACE_MIN), now + LEAST_HOLD),
        last_event=Event.HOLD,
        last_facts={},
        last_at=now,
        last_by=actor.by,
    )
    placement.referral = referral
    db.session.add(placement)
    try:
        db.session.flush()
    except sa.exc.IntegrityError as taken:
        # The partial unique index has the last word, whatever was read before.
        raise BedspaceTaken from taken
    bedspace.last_used_at = now
    _record(placement, Event.HOLD, actor, {"bedspace": bedspace.id}, now)
    if unasked:
        confirm = lifecycle.transition(State.HELD, Event.CONFIRM, Role.CLOCK)
        placement.confirmed_at, placement.confirmed_by = now, permissions.CLOCK.by
        _step(placement, confirm, permissions.CLOCK, {"unasked": True}, now)
        _tell(placement, Tell(Recipient.HOUSE, messages.agreed, Worth.ARRIVE_BY, critical=True), now)
    elif not quiet:
        for tell in row.tells:
            _tell(placement, tell, now)
    db.session.flush()
    return placement


def _was_on_road(referral: Referral) -> bool:
    """Whether they were travelling, or between two houses, when a place they had ended."""
    let_down = (State.WITHDRAWN, State.CANCELLED, State.LAPSED, State.DECLINED)
    travelling = sa.or_(Placement.set_off_at.is_not(None), Placement.was_on_road)
    left = sa.or_(Placement.last_event == Event.TRANSFER, sa.and_(travelling, Placement.state.in_(let_down)))
    earlier = sa.select(Placement.id).where(Placement.referral_id == referral.id, left)
    return db.session.scalar(earlier.limit(1)) is not None


def change(
    *, placement: Placement, event: Event, actor: Actor, facts: Mapping[str, Any], now: dt.datetime
) -> bool:
    """Apply one event to a placement. Returns False when it had been applied with the same facts before.

    facts: what the event needs, already validated (codes, aware datetimes, ids). Raises permissions.NotYours,
    lifecycle.NotAllowed, or Conflict when the row already says otherwise. Cascades are the caller's (safety.referrals).
    """
    if actor.role is not Role.CLOCK:
        permissions.require_placement(actor, placement)
    if _again(placement, event, facts):
        return False
    state = State(placement.state)
    try:
        if event is Event.CORRECT:
            row = lifecycle.correction(state, State(placement.state_before or placement.state), actor.role)
        else:
            row = lifecycle.transition(state, event, actor.role, set_off=placement.on_road)
    except lifecycle.NotAllowed as refused:
        if state in lifecycle.FINAL and event is not Event.CORRECT:
            raise Conflict(told(placement)) from refused
        raise
    missing = [name for name in row.needs if facts.get(name) is None]
    if missing:
        raise lifecycle.NotAllowed(f"This needs {', '.join(missing)}")
    kept = _WRITERS[event](placement, actor, facts, now)
    _step(placement, row, actor, kept, now)
    return True


def told(placement: Placement) -> str:
    """What stands recorded, by which side and when, in words for a person of the other side."""
    at = workdays.clock_words(placement.last_at)
    return (
        f"Recorded as {lifecycle.STATE_WORDS[State(placement.state)]} at {at} by {_side(placement.last_by)}"
    )


def _side(by: str) -> str:
    kind, _, number = by.partition(":")
    if kind == "phone":
        return "the house, by text"
    if kind == "user":
        person = db.session.get(User, uuid.UUID(number))
        sides = {Role.PROVIDER: "the house", Role.COORDINATOR: "a coordinator"}
        return sides.get(Role(person.role), "the officer") if person else "somebody"
    return "the service itself"


def _again(placement: Placement, event: Event, facts: Mapping[str, Any]) -> bool:
    """Whether the row already says exactly this. Events that may rightly happen twice never are."""
    given = {key: _flat(value) for key, value in facts.items() if value is not None}
    if event is Event.CONFIRM:
        return placement.state in (State.CONFIRMED, State.ARRIVED)
    if event is Event.ARRIVE:
        same_time = given.get("arrived_at") in (
            None,
            _flat(placement.arrived_at) if placement.arrived_at else None,
        )
        return placement.state == State.ARRIVED and same_time
    if event is Event.SET_OFF:
        return placement.last_event == event and given.get("eta_at") == placement.last_facts.get("eta_at")
    if placement.last_event != event or event in (Event.LATE, Event.MOVE, Event.EXTEND):
        return False
    return all(
        placement.last_facts.get(key) == value for key, value in given.items() if key in placement.last_facts
    )


def _flat(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="minutes")
    return value.hex if isinstance(value, uuid.UUID) else value


def _step(
    placement: Placement, row: lifecycle.Transition, actor: Actor, facts: Mapping[str, Any], now: dt.datetime
) -> None:
    before = placement.state
    placement.state = row.target
    if row.event is Event.CORRECT:
        placement.state_before = None
        placement.ended_at = placement.ended_by = placement.reason = None
    elif row.target in lifecycle.FINAL:
        placement.state_before = before
        placement.ended_at, placement.ended_by = now, actor.by
        placement.reason = facts.get("reason")
    placement.last_event, placement.last_at, placement.last_by = row.event, now, actor.by
    placement.last_facts = {key: _flat(value) for key, value in facts.items()}
    _record(placement, row.event, actor, facts, now)
    db.session.flush()
    for tell in row.tells:
        _tell(placement, tell, now)


def _record(
    placement: Placement, event: Event, actor: Actor, facts: Mapping[str, Any], now: dt.datetime
) -> None:
    audit.record(
        what=event,
        by=actor.by,
        now=now,
        referral_id=placement.referral_id,
        placement_id=placement.id,
        premises_id=placement.premises_id,
        facts=dict(facts),
    )


# One small writer an event: what the row keeps of its facts. Each returns the facts as recorded.

Facts = Mapping[str, Any]
Writer = Callable[[Placement, Actor, Facts, dt.datetime], dict[str, Any]]


def _reason_only(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    return {"reason": facts["reason"]} if facts.get("reason") else {}


def _cancel(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    return {"reason": facts["reason"], "still_needed": facts.get("still_needed", True)}


def _confirm(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    placement.confirmed_at, placement.confirmed_by = now, actor.by
    # A late yes must leave the officer time to come.
    placement.arrive_by = max(placement.arrive_by, now + LEAST_HOLD)
    return {}


def _set_off(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    if placement.set_off_at is None:
        placement.set_off_at, placement.set_off_by = now, actor.by
    elif actor.role is not Role.COORDINATOR:
        raise lifecycle.NotAllowed("You have set off already. Add 30 minutes, or ring the duty line")
    placement.eta_at = facts["eta_at"]
    placement.arrive_by = facts["eta_at"] + dt.timedelta(minutes=current_app.config["ARRIVE_GRACE_MIN"])
    placement.arrival_asked_at = None
    return {"eta_at": facts["eta_at"]}


def _late(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    if actor.role is not Role.COORDINATOR and placement.times_late >= 2:
        raise lifecycle.NotAllowed(
            "You have moved the arrival twice. Ring the duty line and they can move it again"
        )
    step = dt.timedelta(minutes=current_app.config["LATE_STEP_MIN"])
    placement.times_late += 1
    placement.eta_at += step
    placement.arrive_by += step
    placement.warned_30_at = placement.warned_10_at = placement.arrival_asked_at = None
    return {"eta_at": placement.eta_at, "times": placement.times_late}


def _arrive(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    arrived_at: dt.datetime = facts.get("arrived_at") or now
    if arrived_at > now + dt.timedelta(minutes=1):
        raise lifecycle.NotAllowed("The time of arrival is still to come. Enter when they came in")
    if arrived_at < placement.held_at - dt.timedelta(hours=12):
        raise lifecycle.NotAllowed(
            "The time of arrival is long before the bed was held. Enter when they came in"
        )
    placement.arrived_at, placement.arrival_recorded_at, placement.arrival_recorded_by = (
        arrived_at,
        now,
        actor.by,
    )
    house = db.session.get_one(Premises, placement.premises_id)
    placement.stay_until = workdays.stay_until(
        arrived_at, current_app.config["STAY_WORKING_DAYS"], house.nation
    )
    return {"arrived_at": arrived_at}


def _move(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    bedspace = db.session.get(Bedspace, facts["bedspace_id"])
    if bedspace is None or bedspace.premises_id != placement.premises_id or bedspace.retired_at is not None:
        raise lifecycle.NotAllowed("Choose another room of the same house")
    before, placement.bedspace_id = placement.bedspace_id, bedspace.id
    try:
        db.session.flush()
    except sa.exc.IntegrityError as taken:
        raise BedspaceTaken from taken
    bedspace.last_used_at = now
    return {"bedspace_id": bedspace.id, "from": before}


def _extend(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    if placement.stay_until is None or facts["stay_until"] <= placement.stay_until:
        raise lifecycle.NotAllowed("The new end of the stay must be later than the one recorded")
    placement.stay_until, placement.stay_end_told_at = facts["stay_until"], None
    return {"stay_until": facts["stay_until"], "reason": facts["reason"]}


def _depart(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    departed_at: dt.datetime = facts.get("departed_at") or now
    if departed_at > now + dt.timedelta(minutes=1):
        raise lifecycle.NotAllowed("The time of departure is still to come. Enter when they left")
    if placement.arrived_at and departed_at < placement.arrived_at:
        raise lifecycle.NotAllowed("The time of departure is before they arrived. Enter when they left")
    placement.departed_at = departed_at
    placement.onward, placement.nrm_decision = facts.get("onward"), facts.get("nrm_decision")
    kept = {"departed_at": departed_at, "reason": facts["reason"]}
    return kept | {name: facts[name] for name in ("onward", "nrm_decision") if facts.get(name)}


def _transfer(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    placement.departed_at, placement.onward = now, "other_house"
    return {"reason": "transferred", "why": facts["reason"]}


def _correct(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    settings = current_app.config["SETTINGS"]
    within = dt.timedelta(minutes=settings.CORRECT_WITHIN_MIN)
    ended_at = placement.ended_at or now
    if now > ended_at + within and actor.role is not Role.COORDINATOR:
        raise lifecycle.NotAllowed(
            "Too long ago to put right here. Ring the duty line and a coordinator can do it"
        )
    if is_taken(placement.bedspace_id):
        raise lifecycle.NotAllowed("The bed has been given to somebody else since. Ring the duty line")
    undone = placement.state
    placement.departed_at = placement.onward = placement.nrm_decision = None
    if placement.state_before == State.HELD:
        placement.answer_by = now + dt.timedelta(minutes=settings.ANSWER_WITHIN_MIN)
        placement.reminded_at = None
    elif placement.state_before == State.CONFIRMED:
        placement.arrive_by = max(placement.arrive_by, now + LEAST_HOLD)
        placement.warned_30_at = placement.warned_10_at = placement.arrival_asked_at = None
    return {"undone": str(undone), "to": str(placement.state_before)}


_WRITERS: Mapping[Event, Writer] = {
    Event.CONFIRM: _confirm,
    Event.DECLINE: _reason_only,
    Event.LAPSE: _reason_only,
    Event.WITHDRAW: _reason_only,
    Event.CANCEL: _cancel,
    Event.SET_OFF: _set_off,
    Event.LATE: _late,
    Event.ARRIVE: _arrive,
    Event.RELEASE: lambda placement, actor, facts, now: {"reason": "never_set_off"},
    Event.NOT_ARRIVED: _reason_only,
    Event.MOVE: _move,
    Event.TRANSFER: _transfer,
    Event.EXTEND: _extend,
    Event.DEPART: _depart,
    Event.CORRECT: _correct,
}


def is_taken(bedspace_id: uuid.UUID) -> bool:
    """Whether a live placement stands on the bedspace, overdue ones included."""
    live = sa.select(Placement.id).where(Placement.bedspace_id == bedspace_id, Placement.state.in_(LIVE))
    return db.session.scalar(live.limit(1)) is not None


def overdue_event(placement: Placement, now: dt.datetime) -> Event | None:
    """The release that is due on this placement at `now`: LAPSE, RELEASE, or nothing.

    Nobody who set off or arrived is ever released by a clock.
    """
    if placement.state == State.HELD and placement.answer_by <= now:
        return Event.LAPSE
    if placement.state == State.CONFIRMED and not placement.on_road and placement.arrive_by <= now:
        return Event.RELEASE
    return None


def free_code(*, now: dt.datetime) -> str:
    """Four digits that no live placement and no open ask has, nor one that ended in the last 24 hours.

    A late reply must find its own, and a code must mean one thing. Codes are given out to the one writer that decides.
    """
    lately = sa.or_(Placement.state.in_(LIVE), Placement.ended_at > now - CODE_KEPT)
    taken = set(db.session.scalars(sa.select(Placement.code).where(lately)))
    taken |= set(db.session.scalars(sa.select(Ask.code).where(ask_has_code(now))))
    while (code := str(1000 + secrets.randbelow(9000))) in taken:
        pass
    return code


def ask_has_code(now: dt.datetime) -> sa.ColumnElement[bool]:
    """An ask whose code is still its own: open, or over in the last 24 hours."""
    over_at = sa.func.coalesce(Ask.answered_at, Ask.settled_at)
    return sa.or_(Ask.answer.is_(None), over_at > now - CODE_KEPT)


def tell(
    *,
    placement: Placement,
    to: Recipient,
    wording: messages.Wording,
    worth: Worth,
    critical: bool = False,
    now: dt.datetime,
) -> None:
    """Queue one text about a placement that is not the consequence of an event: a reminder, a warning, a question."""
    _tell(placement, Tell(to, wording, worth, critical=critical), now)


def matter(placement: Placement, now: dt.datetime) -> messages.Matter:
    """What a wording may say about this placement."""
    referral = placement.referral
    bedspace = db.session.get_one(Bedspace, placement.bedspace_id)
    force = referral.force
    return messages.Matter(
        reference=referral.spoken,
        code=placement.code,
        group=bedspace.group.letter,
        answer_by=workdays.clock_words(placement.answer_by),
        arrive_by=workdays.clock_words(placement.arrive_by),
        eta=workdays.clock_words(placement.eta_at),
        stay_until=workdays.day_words(placement.stay_until, now) if placement.stay_until else "",
        officer=f"Officer {referral.holder.collar_number}" if referral.holder.collar_number else "An officer",
        switchboard=(force.switchboard or "") if force else current_app.config["DUTY_NUMBER"],
        ring=current_app.config["DUTY_NUMBER"],
    )


def _tell(placement: Placement, tell: Tell, now: dt.datetime) -> None:
    to = _number(placement, tell.to, now)
    if to is None:
        if tell.critical:
            # Nobody to text: somebody must ring.
            subject = f"placement:{placement.id.hex}"
            duty.raise_alert(
                kind=AlertKind.TEXT_FAILED, subject=subject, referral=placement.referral, now=now
            )
        return
    worthless = {
        Worth.ANSWER_BY: placement.answer_by,
        Worth.ARRIVE_BY: max(placement.arrive_by, now + dt.timedelta(minutes=30)),
        Worth.HOURS_2: now + dt.timedelta(hours=2),
        Worth.HOURS_12: now + dt.timedelta(hours=12),
    }[tell.worth]
    outbox.queue(
        wording=tell.wording,
        matter=matter(placement, now),
        to=to,
        worthless_at=worthless,
        now=now,
        critical=tell.critical,
        referral_id=placement.referral_id,
        placement_id=placement.id,
    )


def _number(placement: Placement, to: Recipient, now: dt.datetime) -> str | None:
    if to is Recipient.OFFICER:
        return placement.referral.officer_phone
    if to is Recipient.HOUSE:
        contact = premises.on_call(db.session.get_one(Premises, placement.premises_id), now)
        return contact.phone if contact else None
    lead = db.session.scalars(
        sa.select(User)
        .where(
            User.role == Role.LEAD, User.force_id == placement.referral.force_id, User.disabled_at.is_(None)
        )
        .order_by(User.created_at)
        .limit(1)
    ).first()
    return lead.phone if lead else None
