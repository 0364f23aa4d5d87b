"""A house that may not be safe any more: nobody new is sent, and everybody who is to do with it is found and told at once.

The rules kept: whoever is inside or on the road keeps their bed until a person moves them; a bed nobody has set off for is
given up and the next best is held in the same transaction; only a coordinator who has spoken to the house says it is safe again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import joinedload

from safety import audit, duty, messages, outbox, placements
from safety.extensions import db
from safety.houses import address
from safety.lifecycle import COMPROMISED, LIVE, SAFE_AGAIN, Event, NotAllowed, Recipient, Role, State, Worth
from safety.models import Alert, AlertKind, AuditEvent, Placement, Premises, Referral, User
from safety.permissions import Actor, NotYours
from safety.referrals import asking
from safety.referrals.finding import rematch
from safety.referrals.happening import record

_TEXT_WORTH = dt.timedelta(hours=4)
# Events by which somebody learned where a house is.
_LEARNED = ("address_opened", "address_seen", "address_changed")


@dataclass(frozen=True)
class Knowing:
    """One time somebody saw the address of a house, or typed it.

    what: "address_opened" (an officer on the way, with the referral), "address_seen" or "address_changed" (the house itself).
    version: of the address.
    """

    at: dt.datetime
    what: str
    version: int
    user: User | None
    referral: Referral | None


def mark(*, premises_id: uuid.UUID, reason: str, actor: Actor, now: dt.datetime) -> Premises:
    """Nobody new is matched with or asked to this house from now on, and everybody to do with it is told. The same again
    changes nothing.

    reason: a code of COMPROMISED. What was only promised and nobody has set off for is given up, as if the house had said so
    itself; whoever is on the road is told not to go there yet. Raises NotYours for anybody but a coordinator; NotAllowed.
    The caller has begun a deciding write.
    """
    house = _house(premises_id, actor)
    if reason not in COMPROMISED:
        raise NotAllowed("Choose one of the reasons listed")
    if house.compromised_at is not None:
        return house
    house.compromised_at, house.compromised_by = now, actor.by
    house.compromised_reason, house.compromised_version = reason, house.address_version
    facts = {"reason": reason, "version": house.address_version}
    audit.record(what="house_compromised", by=actor.by, now=now, premises_id=house.id, facts=facts)
    db.session.flush()
    duty.raise_alert(kind=AlertKind.HOUSE_COMPROMISED, subject=address.subject(house.id), now=now)
    _tell_house(house, now)
    asking.settle_house(house, now=now)
    for placement in there(house):
        if placement.state == State.CONFIRMED and placement.on_road:
            _tell_officer(placement, now)
    given_up = {State.HELD: (Event.DECLINE, "other"), State.CONFIRMED: (Event.WITHDRAW, "incident")}
    for placement in there(house):
        state = State(placement.state)
        if state is State.HELD or (state is State.CONFIRMED and not placement.on_road):
            event, why = given_up[state]
            record(placement_id=placement.id, event=event, actor=actor, facts={"reason": why}, now=now)
    return house


def clear(*, premises_id: uuid.UUID, reason: str, spoken: bool, actor: Actor, now: dt.datetime) -> Premises:
    """The house takes people again, where it is or where it has moved to. Of a house that is not marked, nothing changes.

    reason: a code of SAFE_AGAIN. spoken: the coordinator has spoken to the house, and it is ready. Raises NotYours for anybody
    but a coordinator; NotAllowed.
    """
    house = _house(premises_id, actor)
    if house.compromised_at is None:
        return house
    if reason not in SAFE_AGAIN:
        raise NotAllowed("Choose one of the reasons listed")
    if not spoken:
        raise NotAllowed("Ring the house first: nobody is sent there until it says that it is ready")
    if reason == "moved" and house.address_version <= (house.compromised_version or 0):
        raise NotAllowed("The house has not typed a new address yet. It does that on its own page")
    house.compromised_at = house.compromised_by = house.compromised_reason = house.compromised_version = None
    facts = {"reason": reason, "version": house.address_version}
    audit.record(what="house_safe_again", by=actor.by, now=now, premises_id=house.id, facts=facts)
    db.session.flush()
    duty.end(kind=AlertKind.HOUSE_COMPROMISED, subject=address.subject(house.id), now=now)
    rematch(now=now)
    return house


def there(house: Premises) -> Sequence[Placement]:
    """Everybody this house has, expects or is asked about: who lives there first, then who comes first."""
    order = sa.case({State.ARRIVED: 0, State.CONFIRMED: 1}, value=Placement.state, else_=2)
    return db.session.scalars(
        sa.select(Placement)
        .where(Placement.premises_id == house.id, Placement.state.in_(LIVE))
        .options(
            joinedload(Placement.bedspace),
            joinedload(Placement.referral).joinedload(Referral.holder),
            joinedload(Placement.referral).joinedload(Referral.force),
        )
        .order_by(order, Placement.eta_at)
    ).all()


def given_up(house: Premises) -> Sequence[Placement]:
    """What was promised by this house and given up when it was marked: nobody had set off for it."""
    return db.session.scalars(
        sa.select(Placement)
        .where(
            Placement.premises_id == house.id,
            Placement.ended_at == house.compromised_at,
            Placement.ended_by == house.compromised_by,
        )
        .options(
            joinedload(Placement.referral).selectinload(Referral.placements).selectinload(Placement.premises)
        )
        .order_by(Placement.held_at)
    ).all()


def known_by(house: Premises) -> list[Knowing]:
    """Everybody who saw or typed the address of the house, the latest first, from the audit trail."""
    wanted = sa.select(AuditEvent).where(AuditEvent.premises_id == house.id, AuditEvent.what.in_(_LEARNED))
    events = db.session.scalars(wanted.order_by(AuditEvent.id.desc())).all()
    ids = {
        event.by: uuid.UUID(event.by.partition(":")[2]) for event in events if event.by.startswith("user:")
    }
    users = {
        user.id: user
        for user in db.session.scalars(
            sa.select(User).where(User.id.in_(ids.values())).options(joinedload(User.force))
        )
    }
    asked_for = {event.referral_id for event in events if event.referral_id}
    found = {one.id: one for one in db.session.scalars(sa.select(Referral).where(Referral.id.in_(asked_for)))}
    return [
        Knowing(
            event.at,
            event.what,
            int(event.facts.get("version", 1)),
            users.get(ids[event.by]) if event.by in ids else None,
            found.get(event.referral_id) if event.referral_id else None,
        )
        for event in events
    ]


def alert_again(*, now: dt.datetime) -> None:
    """Raise the alert anew over a house where somebody is after all: they came to the door, or a departure was a mistake."""
    there = sa.exists().where(Placement.premises_id == Premises.id, Placement.state.in_(LIVE))
    marked = db.session.scalars(sa.select(Premises).where(Premises.compromised_at.is_not(None), there)).all()
    for house in marked:
        # Found again, and nobody texted, where it stands already.
        duty.raise_alert(kind=AlertKind.HOUSE_COMPROMISED, subject=address.subject(house.id), now=now)


def end_alerts(*, now: dt.datetime) -> None:
    """End the alerts nobody is needed for any more: somebody has taken it, and nobody lives there or is on the way.

    An alert nobody has taken climbs on even over an empty house: somebody on call has to know that it is lost.
    """
    taken = sa.select(Alert).where(
        Alert.kind == AlertKind.HOUSE_COMPROMISED, Alert.ended_at.is_(None), Alert.claimed_by.is_not(None)
    )
    for alert in db.session.scalars(taken).all():
        house = uuid.UUID(hex=alert.subject.partition(":")[2])
        live = sa.select(Placement.id).where(Placement.premises_id == house, Placement.state.in_(LIVE))
        if db.session.scalar(live.limit(1)) is None:
            duty.end(kind=AlertKind.HOUSE_COMPROMISED, subject=alert.subject, now=now)


def _house(premises_id: uuid.UUID, actor: Actor) -> Premises:
    house = db.session.get(Premises, premises_id, populate_existing=True)
    if house is None or actor.role is not Role.COORDINATOR:
        raise NotYours
    return house


def _tell_house(house: Premises, now: dt.datetime) -> None:
    """Every telephone of the house, not only the one on call: whoever hears it first rings."""
    for contact in house.contacts:
        if contact.unreachable_at is None:
            outbox.queue(
                wording=messages.ring_us_now,
                matter=messages.Matter(ring=current_app.config["DUTY_NUMBER"]),
                to=contact.phone,
                worthless_at=now + _TEXT_WORTH,
                now=now,
            )


def _tell_officer(placement: Placement, now: dt.datetime) -> None:
    placements.tell(
        placement=placement,
        to=Recipient.OFFICER,
        wording=messages.do_not_go_yet,
        worth=Worth.HOURS_12,
        critical=True,
        now=now,
    )
