"""One small writer an event: what the row keeps of its facts. Each returns the facts as recorded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from flask import current_app

from safety import lifecycle, workdays
from safety.extensions import db
from safety.lifecycle import Event, Role, State
from safety.models import Bedspace, Placement, Premises
from safety.permissions import Actor
from safety.placements.standing import LEAST_HOLD, BedspaceTaken, is_taken

LONGEST_ANSWER = dt.timedelta(minutes=60)

Facts = Mapping[str, Any]
Writer = Callable[[Placement, Actor, Facts, dt.datetime], dict[str, Any]]


def _reason_only(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    return {"reason": facts["reason"]} if facts.get("reason") else {}


def _cancel(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    return {"reason": facts["reason"], "still_needed": facts.get("still_needed", True)}


def _confirm(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    # What was said on the telephone while nothing could be recorded has its own time.
    said_at: dt.datetime | None = facts.get("said_at")
    placement.confirmed_at, placement.confirmed_by = said_at or now, actor.by
    # A late yes must leave the officer time to come.
    placement.arrive_by = max(placement.arrive_by, now + LEAST_HOLD)
    return {"said_at": said_at} if said_at else {}


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


def _longer(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    if facts["answer_by"] <= max(placement.answer_by, now):
        raise lifecycle.NotAllowed("The new time to answer must be later than the one that stands")
    if facts["answer_by"] > now + LONGEST_ANSWER:
        raise lifecycle.NotAllowed("Nobody waits so long for one house. Give it an hour at most")
    placement.answer_by, placement.reminded_at = facts["answer_by"], None
    # A yes at the last moment must leave the officer time to come, as any other does.
    placement.arrive_by = max(placement.arrive_by, facts["answer_by"] + LEAST_HOLD)
    return {"answer_by": facts["answer_by"], "reason": facts["reason"]}


def _plan(placement: Placement, actor: Actor, facts: Facts, now: dt.datetime) -> dict[str, Any]:
    placement.planned_onward = facts["onward"]
    return {"onward": facts["onward"]}


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
    kept = {"reason": "transferred", "why": facts["reason"]}
    return kept | ({"override": facts["override"]} if facts.get("override") else {})


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


WRITERS: Mapping[Event, Writer] = {
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
    Event.LONGER: _longer,
    Event.PLAN: _plan,
    Event.DEPART: _depart,
    Event.CORRECT: _correct,
}
