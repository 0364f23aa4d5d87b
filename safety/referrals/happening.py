"""Whatever happens to a placement comes through record(): the event itself, what follows for its referral, and the next best
bed for whoever lost one, in one transaction.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safety import (
    audit,
    bedspaces,
    duty,
    geography,
    lifecycle,
    matching,
    messages,
    permissions,
    placements,
    premises,
)
from safety.extensions import db
from safety.lifecycle import Event, Recipient, ReferralState, Role, State, Worth
from safety.models import AlertKind, Placement, Premises, Referral
from safety.permissions import Actor
from safety.referrals.consequences import close, fall, room_out, settle, subject
from safety.referrals.finding import clear_overdue, rematch, take
from safety.referrals.following import catch_up
from safety.referrals.reading import live_placement, lookup
from safety.referrals.seeking import person


class Happened(StrEnum):
    """What became of an event."""

    DONE = "done"
    SAME = "same"  # it was recorded so already; nothing changed
    SETTLED = "settled"  # a late yes, and they have a place elsewhere
    NO_BED = "no_bed"  # they are inside and the bed is gone: somebody rings now


@dataclass(frozen=True)
class Outcome:
    """What happened and the placement it concerns now: a late yes or arrival may have made a new one."""

    kind: Happened
    placement: Placement


# They stand at the door of a house whose bed was given back: the person stays inside.
_STILL_TRUE = (State.NOT_ARRIVED, State.LAPSED, State.CANCELLED, State.WITHDRAWN)
_FALLS = (Event.DECLINE, Event.LAPSE, Event.WITHDRAW, Event.RELEASE, Event.NOT_ARRIVED)


def record(
    *, placement_id: uuid.UUID, event: Event, actor: Actor, facts: Mapping[str, Any], now: dt.datetime
) -> Outcome:
    """Record one event of a placement with everything that follows from it.

    facts, by event: reason (a code of lifecycle.REASONS), eta_at, arrived_at, departed_at, stay_until (aware), onward,
    nrm_decision (codes), bedspace_id (UUID), still_needed (bool, for CANCEL; True when not said), room_out (bool, for a DECLINE
    about the room: whether it goes out of service; True when not said).
    Raises permissions.NotYours, lifecycle.NotAllowed, or placements.Conflict; then nothing may be committed.
    """
    placement = db.session.get(Placement, placement_id)
    if placement is None:
        raise permissions.NotYours
    if actor.role is not Role.CLOCK:
        placement = lookup(placement_id=placement_id, actor=actor)
    _check_codes(event, facts)
    state = State(placement.state)
    house_side = permissions.houses(actor, placement.premises_id)
    if event is Event.CONFIRM and state is State.LAPSED and house_side:
        return _late_yes(placement, actor, now)
    if event is Event.ARRIVE and state in _STILL_TRUE:
        return _late_arrival(placement, actor, facts, now)
    if event is Event.ARRIVE and state is State.HELD and house_side:
        # They are let in before anybody said yes: letting them in is the yes.
        placements.change(placement=placement, event=Event.CONFIRM, actor=actor, facts={}, now=now)
    if event is Event.SET_OFF and actor.role is not Role.COORDINATOR:
        _may_set_off(placement)
    if event is Event.TRANSFER:
        return _transfer(placement, actor, facts, now)
    if event is Event.CORRECT:
        _may_return(placement, actor, now)
    if event is Event.MOVE:
        _may_move(placement, facts, now)
    try:
        done = placements.change(placement=placement, event=event, actor=actor, facts=facts, now=now)
    except placements.BedspaceTaken as taken:
        raise lifecycle.NotAllowed("That room has just been taken. Choose another") from taken
    if not done:
        return Outcome(Happened.SAME, placement)
    _follow(placement, event, facts, actor, now)
    return Outcome(Happened.DONE, placement)


def _may_set_off(placement: Placement) -> None:
    """Nobody sets off by themselves for a house that may not be safe. Raises NotAllowed."""
    if db.session.get_one(Premises, placement.premises_id).compromised_at is not None:
        raise lifecycle.NotAllowed("Do not go there yet. Ring the duty line now")


def _check_codes(event: Event, facts: Mapping[str, Any]) -> None:
    lists = {
        "reason": lifecycle.REASONS.get(event, {}),
        "onward": lifecycle.PLANNED if event is Event.PLAN else lifecycle.ONWARD,
        "nrm_decision": lifecycle.NRM_DECISION,
    }
    for name, known in lists.items():
        if facts.get(name) is not None and known and facts[name] not in known:
            raise lifecycle.NotAllowed("Choose one of the reasons listed")


def _follow(
    placement: Placement, event: Event, facts: Mapping[str, Any], actor: Actor, now: dt.datetime
) -> None:
    referral = placement.referral
    if event in _FALLS or (event is Event.CANCEL and facts.get("still_needed", True)):
        fall(placement, event, now)
    elif event is Event.CANCEL:
        close(referral, reason=_closing(facts.get("reason")), by=actor.by, now=now)
    elif event is Event.DEPART:
        close(referral, reason="departed", by=actor.by, now=now)
    elif event is Event.CORRECT:
        _reopen(referral)
        catch_up(referral, by=actor.by, now=now)
    if event is Event.DECLINE and facts.get("room_out", True):
        room_out(placement, by=actor.by, now=now)
    if event in _FALLS or event in (Event.CANCEL, Event.DEPART, Event.MOVE, Event.CORRECT):
        rematch(now=now)
    settle(referral, now)


def _closing(reason: str | None) -> str:
    return reason if reason is not None and reason in lifecycle.CLOSE else "other"


def _reopen(referral: Referral) -> None:
    referral.state = ReferralState.PLACED
    referral.closed_at = referral.closed_by = referral.closed_reason = None
    referral.paused_at = referral.paused_by = None
    db.session.flush()


def _may_return(placement: Placement, actor: Actor, now: dt.datetime) -> None:
    """Putting a mistake right must give nobody two beds, and bring nobody back where they may no longer go.

    Raises NotAllowed.
    """
    referral = placement.referral
    _not_long_gone(placement, now, for_coordinator=actor.role is Role.COORDINATOR)
    other = live_placement(referral)
    if other is not None and other.id != placement.id:
        raise lifecycle.NotAllowed("They have another place since. Ring the duty line")
    if placement.state not in lifecycle.FINAL or placement.state_before is None:
        return
    if placement.state == State.DECLINED and placement.reason in lifecycle.NOT_NOW:
        spell = bedspaces.spell(bedspace_id=placement.bedspace_id, now=now)
        if spell is not None and spell.since_at == placement.ended_at:
            # The no took the room out; what somebody said of it since stands.
            bedspaces.end_spells(placement.bedspace, by=actor.by, now=now)
    clear_overdue(placement.bedspace_id, now)
    room = _room(placement.bedspace_id, now, leaving_out=referral.id)
    broken = matching.against(person(referral, now), room) if room else frozenset({matching.Cause.FULL})
    if placement.state_before == State.ARRIVED:
        broken &= {matching.Cause.FULL}  # they never left: who else is there is for people to settle
    if matching.Cause.FULL in broken:
        raise lifecycle.NotAllowed("The bed is not free any more. Ring the duty line")
    if broken & {matching.Cause.NOT_ACCEPTING, matching.Cause.SHARING, matching.Cause.KEEP_APART}:
        raise lifecycle.NotAllowed("They can no longer go there. Ring the duty line")


def _not_long_gone(placement: Placement, now: dt.datetime, *, for_coordinator: bool = False) -> None:
    """What is long over stays over, and what was erased is never lived again. Raises NotAllowed."""
    long_ago = placement.ended_at is not None and now > placement.ended_at + placements.CODE_KEPT
    if placement.referral.erased_at is not None or (long_ago and not for_coordinator):
        raise lifecycle.NotAllowed("That is too long ago to record here. Ring the duty line")


def _room(
    bedspace_id: uuid.UUID, now: dt.datetime, *, leaving_out: uuid.UUID | None = None
) -> matching.Room | None:
    return next(
        (room for room in premises.rooms(now, leaving_out=leaving_out) if room.id == bedspace_id), None
    )


def _may_move(placement: Placement, facts: Mapping[str, Any], now: dt.datetime) -> None:
    """The other room must be one they would have been given. Raises NotAllowed."""
    wanted = facts.get("bedspace_id") or uuid.UUID(int=0)
    if wanted != placement.bedspace_id:
        clear_overdue(wanted, now)
    room = _room(wanted, now, leaving_out=placement.referral_id)
    if room is None or room.premises_id != placement.premises_id:
        raise lifecycle.NotAllowed("Choose another room of the same house")
    if not room.free:
        raise lifecycle.NotAllowed("That room is not free. Choose another")
    broken = matching.against(person(placement.referral, now), room)
    if broken & {matching.Cause.SIZE, matching.Cause.COHORT, matching.Cause.SHARING, matching.Cause.FEATURES}:
        raise lifecycle.NotAllowed("That room does not suit them. Choose another")


def _late_yes(placement: Placement, actor: Actor, now: dt.datetime) -> Outcome:
    """A yes after the lapse: taken if they still search and the bed is free and fits, else it is settled, thank you."""
    referral = placement.referral
    if referral.state == ReferralState.SEARCHING and referral.paused_at is None:
        wanted = person(referral, now)
        room = next((room for room in premises.rooms(now) if room.id == placement.bedspace_id), None)
        if room is not None and not matching.against(wanted, room) - {matching.Cause.ASKED}:
            miles = geography.miles(wanted.outcode, room.outcode)
            again = take(referral, room.id, actor=permissions.CLOCK, miles=miles, now=now, asking=False)
            if again is not None:
                placements.change(placement=again, event=Event.CONFIRM, actor=actor, facts={}, now=now)
                settle(referral, now)
                return Outcome(Happened.DONE, again)
    audit.record(
        what="late_yes",
        by=actor.by,
        now=now,
        referral_id=referral.id,
        placement_id=placement.id,
        facts={"settled": True},
    )
    return Outcome(Happened.SETTLED, placement)


def _late_arrival(placement: Placement, actor: Actor, facts: Mapping[str, Any], now: dt.datetime) -> Outcome:
    """They are at the door of a house whose bed was released: the person stays inside, in this bed if it is free."""
    referral = placement.referral
    _not_long_gone(placement, now)
    if referral.state == ReferralState.CLOSED and referral.closed_reason == "departed":
        raise lifecycle.NotAllowed("They are recorded as having stayed and left. Ring the duty line")
    current = live_placement(referral)
    if current is not None and current.state == State.ARRIVED:
        raise placements.Conflict(placements.told(current))
    if current is not None and current.premises_id == placement.premises_id:
        # The same house holds them another room meanwhile: that is where they have arrived.
        return record(placement_id=current.id, event=Event.ARRIVE, actor=actor, facts=facts, now=now)
    # A journey to another house is not ended by the word of a house that never said yes: somebody rings.
    elsewhere = current is not None and current.on_road and not permissions.holds(actor, referral)
    if not elsewhere:
        clear_overdue(placement.bedspace_id, now)
    free = not placements.is_taken(placement.bedspace_id) and not _out_of_service(placement.bedspace_id, now)
    if free and not elsewhere:
        if current is not None:
            _give_up(current, now)
        _revive(referral)
        catch_up(referral, by=actor.by, now=now)
        again = take(
            referral,
            placement.bedspace_id,
            actor=permissions.CLOCK,
            miles=placement.distance_miles,
            now=now,
            asking=False,
        )
        if again is not None:
            again.set_off_at, again.set_off_by = placement.set_off_at, placement.set_off_by
            placements.change(
                placement=again, event=Event.CONFIRM, actor=_house_or_clock(actor), facts={}, now=now
            )
            placements.change(placement=again, event=Event.ARRIVE, actor=actor, facts=facts, now=now)
            rematch(now=now)
            settle(referral, now)
            return Outcome(Happened.DONE, again)
    duty.raise_alert(kind=AlertKind.NO_BED_ON_ARRIVAL, subject=subject(referral), referral=referral, now=now)
    audit.record(
        what="arrived_without_bed", by=actor.by, now=now, referral_id=referral.id, placement_id=placement.id
    )
    return Outcome(Happened.NO_BED, placement)


def _house_or_clock(actor: Actor) -> Actor:
    return actor if actor.role in (Role.PROVIDER, Role.COORDINATOR) else permissions.CLOCK


def _out_of_service(bedspace_id: uuid.UUID, now: dt.datetime) -> bool:
    return bedspace_id in premises.out_now(now)


def _revive(referral: Referral) -> None:
    referral.state = ReferralState.SEARCHING
    referral.closed_at = referral.closed_by = referral.closed_reason = None
    referral.paused_at = referral.paused_by = None
    db.session.flush()


def _give_up(current: Placement, now: dt.datetime) -> None:
    """The bed held elsewhere meanwhile is not needed: the service cancels it, and that house is told."""
    coordinator = Actor(Role.COORDINATOR, permissions.CLOCK.by)
    placements.change(
        placement=current, event=Event.CANCEL, actor=coordinator, facts={"reason": "plans"}, now=now
    )


def _transfer(placement: Placement, actor: Actor, facts: Mapping[str, Any], now: dt.datetime) -> Outcome:
    """Another house: departed here and held there on the same referral, in one transaction."""
    referral = placement.referral
    room = next(
        (
            room
            for room in premises.rooms(now, leaving_out=referral.id)
            if room.id == facts.get("bedspace_id")
        ),
        None,
    )
    if room is None or room.premises_id == placement.premises_id:
        raise lifecycle.NotAllowed("Choose a room of another house")
    if not room.free:
        raise lifecycle.NotAllowed("That room is not free. Choose another")
    if not room.open_to_all:
        raise lifecycle.NotAllowed("That house is not taking anybody just now. Choose another")
    override = sorted(str(cause) for cause in matching.against(person(referral, now), room))
    facts = {**facts, "override": override or None}
    if not placements.change(placement=placement, event=Event.TRANSFER, actor=actor, facts=facts, now=now):
        return Outcome(Happened.SAME, placement)
    miles = geography.miles(referral.outcode or "", room.outcode)
    again = take(referral, room.id, actor=actor, miles=miles, now=now, asking=False)
    if again is None:
        raise lifecycle.NotAllowed("That room has just been taken. Choose another")
    # Nobody inside a house is put at the mercy of a clock: the coordinator has rung the other house, and its yes is recorded.
    placements.change(placement=again, event=Event.CONFIRM, actor=actor, facts={}, now=now)
    placements.tell(
        placement=again,
        to=Recipient.HOUSE,
        wording=messages.agreed,
        worth=Worth.ARRIVE_BY,
        critical=True,
        now=now,
    )
    rematch(now=now)
    settle(referral, now)
    return Outcome(Happened.DONE, again)
