"""What people do with a referral as such: take it over, withdraw it, start looking again, place by hand, and see the address."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import joinedload

from safety import audit, geography, lifecycle, matching, messages, outbox, placements, premises
from safety.crypto import ring
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL, Event, Recipient, ReferralState, Role, State, Worth
from safety.models import AddressOpening, Placement, Premises, Referral, User
from safety.permissions import OFFICERS, Actor, NotYours
from safety.referrals.consequences import close, settle
from safety.referrals.finding import rematch, take
from safety.referrals.reading import live_placement, plain_reference, seen_by
from safety.referrals.seeking import person

# Why the officer on the road opens the address.
ADDRESS: Mapping[str, str] = {
    "on_the_way": "We are on our way there",
    "cannot_find": "We are near and cannot find it",
    "driver_changed": "Somebody else is driving now",
    "other": "Something else",
}
# Why a coordinator hands a request to another officer.
HAND_OVER: Mapping[str, str] = {
    "shift": "Shift handover",
    "on_scene": "The other officer is with the person",
    "unreachable": "The holder cannot be reached",
    "other": "Something else",
}
# Why a coordinator looks for a place in another nation, and why a room is right that breaks a rule of matching.
BORDER: Mapping[str, str] = {
    "none_here": "No place in this nation fits",
    "nearer": "The nearest place that fits is across the border",
    "safety": "They are safer further away",
    "other": "Something else",
}
OVERRIDE: Mapping[str, str] = {
    "house_agrees": "The house has agreed, by telephone",
    "person_agrees": "The person knows and agrees",
    "both_agree": "The house and the person have agreed",
    "no_other": "There is nothing else, and they cannot stay where they are",
    "other": "Something else",
}


def take_over(*, reference: str, actor: Actor, phone: str, reason: str, now: dt.datetime) -> Referral:
    """Make this officer the holder of a live referral of their own force, by its spoken reference.

    phone: E.164, where its texts go from now on. The officer who held it and the force's lead are told. Raises NotYours for
    a reference of another force and for one that does not exist, alike.
    """
    if actor.role not in OFFICERS or actor.user_id is None or reason not in lifecycle.TAKE_OVER:
        raise NotYours
    wanted = sa.select(Referral).where(
        Referral.reference == plain_reference(reference),
        Referral.force_id == actor.force_id,
        Referral.state.in_(LIVE_REFERRAL),
    )
    referral = db.session.scalars(wanted).first()
    if referral is None:
        raise NotYours
    if referral.holder_id == actor.user_id:
        return referral
    told = {number for number in (referral.officer_phone, _lead_phone(referral)) if number}
    before, referral.holder_id = referral.holder_id, actor.user_id
    db.session.flush()
    db.session.refresh(referral, ["holder"])
    referral.officer_phone, referral.officer_phone_index = phone, ring().index("phone", phone)
    audit.record(
        what="take_over",
        by=actor.by,
        now=now,
        referral_id=referral.id,
        facts={"from": before, "reason": reason},
    )
    for number in told - {phone}:
        _text(referral, messages.taken_over, number, now)
    db.session.flush()
    return referral


def hand_over(
    *, referral_id: uuid.UUID, to: uuid.UUID, actor: Actor, reason: str, now: dt.datetime
) -> Referral:
    """A coordinator makes another officer the holder of a live referral. The same again is a success that changes nothing.

    to: an officer or lead of its force (of any force when it has none, which it then gets), with a mobile, whose account is
    open. Whoever held it, the lead and the new holder are told. reason: a code of HAND_OVER. Raises NotYours, NotAllowed.
    """
    referral = seen_by(referral_id=referral_id, actor=actor)
    if actor.role is not Role.COORDINATOR:
        raise lifecycle.NotAllowed("Take it over yourself, with its reference")
    if reason not in HAND_OVER:
        raise lifecycle.NotAllowed("Choose one of the reasons listed")
    if referral.state not in LIVE_REFERRAL:
        raise lifecycle.NotAllowed("This request is closed already")
    if referral.holder_id == to:
        return referral
    person = next((one for one in may_hold(referral) if one.id == to), None)
    if person is None or person.phone is None:
        raise lifecycle.NotAllowed("They cannot hold it. Choose an officer from the list")
    told = {number for number in (referral.officer_phone, _lead_phone(referral)) if number}
    before, referral.holder_id = referral.holder_id, person.id
    referral.force_id = referral.force_id or person.force_id
    referral.officer_phone, referral.officer_phone_index = person.phone, ring().index("phone", person.phone)
    db.session.flush()
    db.session.refresh(referral, ["holder", "force"])
    audit.record(
        what="hand_over",
        by=actor.by,
        now=now,
        referral_id=referral.id,
        facts={"from": before, "to": person.id, "reason": reason},
    )
    for number in sorted(told - {person.phone}):
        _text(referral, messages.taken_over, number, now)
    _text(referral, messages.handed_over, person.phone, now)
    db.session.flush()
    return referral


def may_hold(referral: Referral) -> Sequence[User]:
    """The officers and leads a coordinator may hand this referral to, by name: of its force, open, confirmed, with a mobile."""
    wanted = sa.select(User).where(
        User.role.in_(OFFICERS), User.disabled_at.is_(None), User.phone_sealed.is_not(None)
    )
    if referral.force_id is not None:
        wanted = wanted.where(User.force_id == referral.force_id)
    people = db.session.scalars(
        wanted.options(joinedload(User.call_back), joinedload(User.force)).order_by(User.name, User.id)
    )
    return [one for one in people if one.is_active and one.id != referral.holder_id]


def _lead_phone(referral: Referral) -> str | None:
    leads = sa.select(User).where(
        User.role == Role.LEAD, User.force_id == referral.force_id, User.disabled_at.is_(None)
    )
    lead = db.session.scalars(leads.order_by(User.created_at).limit(1)).first()
    return lead.phone if lead else None


def _text(referral: Referral, wording: messages.Wording, to: str, now: dt.datetime) -> None:
    outbox.queue(
        wording=wording,
        matter=messages.Matter(reference=referral.spoken, ring=current_app.config["DUTY_NUMBER"]),
        to=to,
        worthless_at=now + dt.timedelta(hours=12),
        now=now,
        referral_id=referral.id,
    )


def withdraw(*, referral_id: uuid.UUID, actor: Actor, reason: str, now: dt.datetime) -> Referral:
    """No place is needed any more: ends a held or confirmed placement too. The same again is a success.

    reason: a code of lifecycle.CLOSE. Raises NotYours, or NotAllowed when somebody is inside (they depart instead).
    """
    referral = seen_by(referral_id=referral_id, actor=actor)
    if reason not in lifecycle.CLOSE:
        raise lifecycle.NotAllowed("Choose one of the reasons listed")
    if referral.state == ReferralState.CLOSED:
        if referral.closed_reason == reason:
            return referral
        raise lifecycle.NotAllowed("This request is closed already")
    if referral.state not in LIVE_REFERRAL:
        raise lifecycle.NotAllowed("No place was looked for")
    placement = live_placement(referral)
    if placement is not None and placement.state == State.ARRIVED:
        raise lifecycle.NotAllowed("They have arrived. The house records when they leave")
    if placement is not None:
        placements.change(
            placement=placement,
            event=Event.CANCEL,
            actor=actor,
            facts={"reason": "plans", "still_needed": False},
            now=now,
        )
    close(referral, reason=reason, by=actor.by, now=now)
    rematch(now=now)
    settle(referral, now)
    return referral


def resume(*, referral_id: uuid.UUID, actor: Actor, now: dt.datetime) -> Placement | None:
    """Somebody knows where the person is: look again, and hold the best bed if there is one.

    Raises NotYours; NotAllowed for anybody but a coordinator, or when the referral is not waiting for this.
    """
    referral = seen_by(referral_id=referral_id, actor=actor)
    if actor.role is not Role.COORDINATOR:
        raise lifecycle.NotAllowed("Ring the duty line: a coordinator starts the search again")
    if referral.state != ReferralState.SEARCHING:
        raise lifecycle.NotAllowed("They are not waiting for a bed")
    referral.paused_at = referral.paused_by = None
    referral.eta_at = max(referral.eta_at or now, now)
    audit.record(what="resume", by=actor.by, now=now, referral_id=referral.id)
    db.session.flush()
    settle(referral, now)
    rematch(now=now)
    return live_placement(referral)


def look_across_border(
    *, referral_id: uuid.UUID, actor: Actor, reason: str, now: dt.datetime
) -> Placement | None:
    """Match this referral in every nation from now on, and hold the best bed if there is one. The same again is a success.

    reason: a code of BORDER. Raises NotYours; NotAllowed for anybody but a coordinator, an unknown reason, or a referral that
    is not waiting for a bed.
    """
    referral = seen_by(referral_id=referral_id, actor=actor)
    if actor.role is not Role.COORDINATOR:
        raise lifecycle.NotAllowed("Ring the duty line: a coordinator decides about another nation")
    if reason not in BORDER:
        raise lifecycle.NotAllowed("Choose one of the reasons listed")
    if referral.state != ReferralState.SEARCHING:
        raise lifecycle.NotAllowed("They are not waiting for a bed")
    if referral.border_reason != reason:
        referral.border_reason = reason
        audit.record(
            what="across_border", by=actor.by, now=now, referral_id=referral.id, facts={"reason": reason}
        )
        db.session.flush()
    rematch(now=now)
    return live_placement(referral)


def place(
    *, referral_id: uuid.UUID, bedspace_id: uuid.UUID, actor: Actor, reason: str, now: dt.datetime
) -> Placement:
    """A coordinator holds a bedspace by hand. Rules may be overridden, with the reason kept; a bed in use may not.

    Raises NotYours, NotAllowed.
    """
    referral = seen_by(referral_id=referral_id, actor=actor)
    if actor.role is not Role.COORDINATOR:
        raise lifecycle.NotAllowed("Only a coordinator can choose a room")
    if referral.state != ReferralState.SEARCHING:
        raise lifecycle.NotAllowed("They are not waiting for a bed")
    room = next((room for room in premises.rooms(now) if room.id == bedspace_id), None)
    if room is None or not room.free:
        raise lifecycle.NotAllowed("That room is not free. Choose another")
    broken = matching.against(person(referral, now), room)
    if matching.Cause.NOT_ACCEPTING in broken:
        raise lifecycle.NotAllowed("That house is not taking anybody just now. Choose another")
    if broken and not reason.strip():
        raise lifecycle.NotAllowed(
            "That room does not fit everything asked for. Say why it is right all the same"
        )
    miles = geography.miles(referral.outcode or "", room.outcode)
    placement = take(referral, bedspace_id, actor=actor, miles=miles, now=now)
    if placement is None:
        raise lifecycle.NotAllowed("That room has just been taken. Choose another")
    override = sorted(str(cause) for cause in broken)
    facts = {"bedspace": bedspace_id, "override": override, "reason": reason or None}
    audit.record(
        what="placed_by_hand",
        by=actor.by,
        now=now,
        referral_id=referral.id,
        placement_id=placement.id,
        facts=facts,
    )
    rematch(now=now)
    settle(referral, now)
    return placement


@dataclass(frozen=True)
class Whereabouts:
    """Where to go. Exists only for the page that shows it; never logged, never stored, never sent."""

    lines: tuple[str, ...]
    is_meeting_point: bool
    ring_first: bool
    ring: str | None  # the house's own telephone, when it wants to be rung first


def may_open_address(placement: Placement | None, actor: Actor, now: dt.datetime) -> bool:
    """Whether this actor may see where the house is: the holder only, after setting off, until an hour after arrival."""
    if placement is None or actor.user_id is None or placement.referral.holder_id != actor.user_id:
        return False
    if actor.role not in OFFICERS or placement.set_off_at is None:
        return False
    if db.session.get_one(Premises, placement.premises_id).compromised_at is not None:
        return False  # nobody drives there now, and nobody else has to learn where it is
    if placement.state == State.CONFIRMED:
        return True
    after = dt.timedelta(minutes=current_app.config["ADDRESS_AFTER_ARRIVAL_MIN"])
    return (
        placement.state == State.ARRIVED
        and placement.arrived_at is not None
        and now <= placement.arrived_at + after
    )


def open_address(*, referral_id: uuid.UUID, actor: Actor, reason: str, now: dt.datetime) -> Whereabouts:
    """Open the address for the officer on the road. The opening is recorded here; the door commits it before the page leaves.

    reason: "on_the_way", or a code why it is opened again. The house is told once a journey. Raises NotYours when any
    precondition does not hold, and records the refusal's reason for the force's own review.
    """
    referral = seen_by(referral_id=referral_id, actor=actor)
    placement = live_placement(referral)
    if placement is None or not may_open_address(placement, actor, now):
        raise NotYours
    house = db.session.get_one(Premises, placement.premises_id)
    earlier = db.session.scalar(
        sa.select(AddressOpening.id).where(AddressOpening.placement_id == placement.id).limit(1)
    )
    db.session.add(
        AddressOpening(
            placement_id=placement.id,
            premises_id=house.id,
            address_version=house.address_version,
            user_id=actor.user_id,
            opened_at=now,
            reason=reason,
        )
    )
    audit.record(
        what="address_opened",
        by=actor.by,
        now=now,
        referral_id=referral.id,
        placement_id=placement.id,
        premises_id=house.id,
        facts={"version": house.address_version, "reason": reason},
    )
    if earlier is None:
        placements.tell(
            placement=placement,
            to=Recipient.HOUSE,
            wording=messages.address_opened,
            worth=Worth.ARRIVE_BY,
            now=now,
        )
    db.session.flush()
    words = house.meeting_point or house.address or ""
    contact = premises.on_call(house, now)
    return Whereabouts(
        lines=tuple(line.strip() for line in words.splitlines() if line.strip()),
        is_meeting_point=bool(house.meeting_point),
        ring_first=house.ring_first,
        ring=contact.phone if house.ring_first and contact else None,
    )
