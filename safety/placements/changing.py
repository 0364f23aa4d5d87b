"""hold() makes a placement, change() moves one along the table.

Every change writes its audit event and its texts in the same transaction, and the row remembers the event and its facts, so
that the same press twice is a success that changes nothing and a contradiction is told who did what, when.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import current_app

from safety import audit, lifecycle, messages, permissions, workdays
from safety.extensions import db
from safety.lifecycle import Event, Recipient, Role, State, Tell, Worth
from safety.models import Bedspace, Placement, Referral, User
from safety.permissions import Actor
from safety.placements.codes import free_code
from safety.placements.standing import LEAST_HOLD, BedspaceTaken
from safety.placements.telling import tell_of
from safety.placements.writers import WRITERS


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
    said_at: dt.datetime | None = None,
    now: dt.datetime,
) -> Placement:
    """Hold a bedspace for a referral until the house has answered, or (unasked) confirm it in the same step.

    quiet: nobody is asked or told, because the caller confirms at once what a person has just said. code: the one they said
    it with, which stays the code of the bed; a free one otherwise. said_at: when they said it, on paper, if that was before `now`.

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
        held_at=said_at or now,
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
        tell_of(placement, Tell(Recipient.HOUSE, messages.agreed, Worth.ARRIVE_BY, critical=True), now)
    elif not quiet:
        for tell in row.tells:
            tell_of(placement, tell, now)
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
    kept = WRITERS[event](placement, actor, facts, now)
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
    if placement.last_event != event or event in (Event.LATE, Event.MOVE, Event.EXTEND, Event.LONGER):
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
        tell_of(placement, tell, now)


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
