"""Where a house is, as it says itself: looked at, confirmed every 30 days, changed; and who must know of it when it is not.

The rule kept: the record says that an address was seen, confirmed or changed, and of which version, and never a word of it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app

from safety import audit, duty, geography, messages, outbox, placements, premises, workdays
from safety.extensions import db
from safety.lifecycle import LIVE, Recipient, State, Worth
from safety.models import AddressOpening, AlertKind, Contact, Placement, Premises
from safety.models.premises import CONFIRM_NOTICE

# A house is reminded when somebody is likely to be at a desk: a reminder wakes nobody.
DAYTIME = range(9, 18)  # hours on a UK clock
_TEXT_WORTH = dt.timedelta(hours=2)


@dataclass(frozen=True)
class Address:
    """An address as it stands. Exists only for the page that shows it; never logged, never sent."""

    lines: tuple[str, ...]
    meeting_point: tuple[str, ...]
    ring_first: bool
    version: int


@dataclass(frozen=True)
class NewAddress:
    """An address as a house types it. lines and meeting_point: several lines of text; outcode: a known one, in capitals."""

    lines: str
    outcode: str
    meeting_point: str = ""
    ring_first: bool = False


@dataclass(frozen=True)
class AddressStanding:
    """Whether people are sent to the address of a house. good_until: None when nobody ever confirmed it."""

    good_until: dt.datetime | None
    soon: bool  # less than 7 days are left
    over: bool


class AlreadyChanged(Exception):
    """It is not the address they looked at any more, so it cannot be confirmed by them. The message can be shown."""


class MustKeepAway(Exception):
    """Somebody who is held, expected or living there must keep away from where the house would be. The message can be shown."""


def address_standing(house: Premises, now: dt.datetime) -> AddressStanding:
    """How the address of `house` stands at `now`."""
    until = premises.address_good_until(house)
    if until is None or until <= now:
        return AddressStanding(until, soon=False, over=True)
    return AddressStanding(until, soon=until - now < CONFIRM_NOTICE, over=False)


def look_at_address(*, premises_id: uuid.UUID, by: str, now: dt.datetime) -> Address:
    """The address, for somebody of the house who has just proved who they are. Recorded here; the door commits it before the
    page leaves.
    """
    house = db.session.get_one(Premises, premises_id)
    facts = {"version": house.address_version}
    audit.record(what="address_seen", by=by, now=now, premises_id=house.id, facts=facts)
    db.session.flush()
    return Address(
        tuple((house.address or "").splitlines()),
        tuple((house.meeting_point or "").splitlines()),
        house.ring_first,
        house.address_version,
    )


def confirm_address(*, premises_id: uuid.UUID, version: int, by: str, now: dt.datetime) -> Premises:
    """The house says that its address is right: people are sent there for another 30 days.

    version: of the address they looked at. Raises AlreadyChanged when it is another one by now, or none was ever typed.
    """
    house = db.session.get_one(Premises, premises_id)
    if house.address_version != version or not house.address:
        raise AlreadyChanged("Your address was changed after you looked at it. Look at it again")
    _confirm(house, by, now)
    facts = {"version": version}
    audit.record(what="address_confirmed", by=by, now=now, premises_id=house.id, facts=facts)
    db.session.flush()
    return house


def _confirm(house: Premises, by: str, now: dt.datetime) -> None:
    house.address_confirmed_at, house.address_confirmed_by = now, by
    house.address_due_told_at = house.address_over_told_at = None
    duty.end(kind=AlertKind.ADDRESS_UNCONFIRMED, subject=subject(house.id), now=now)


def change_address(*, premises_id: uuid.UUID, new: NewAddress, by: str, now: dt.datetime) -> int:
    """The house is somewhere else, or was written down wrongly: kept as a new version, and confirmed by being typed.

    Officers who have seen an older one and are still to come are texted; returns how many. The same address again is only
    confirmed, so that a form sent twice tells nobody twice. Raises MustKeepAway and premises.NotAPlaceForAHouse; ValueError for
    no lines.
    """
    house = db.session.get_one(Premises, premises_id)
    lines, meeting_point = _tidy(new.lines), _tidy(new.meeting_point) or None
    where = premises.place_for_a_house(new.outcode)
    if not lines:
        raise ValueError("an address has lines")
    if (lines, meeting_point, new.ring_first, where.code) == (
        house.address,
        house.meeting_point,
        house.ring_first,
        house.outcode,
    ):
        confirm_address(premises_id=house.id, version=house.address_version, by=by, now=now)
        return 0
    moved = where.code != house.outcode
    if moved:
        _refuse_where_not_safe(house, where.code)
        house.outcode, house.nation, house.region = where.code, where.nation, where.region
    house.address, house.meeting_point, house.ring_first = lines, meeting_point, new.ring_first
    house.address_version += 1
    _confirm(house, by, now)
    misled = _still_to_come_having_seen_another(house)
    for placement in misled:
        placements.tell(
            placement=placement,
            to=Recipient.OFFICER,
            wording=messages.address_changed,
            worth=Worth.ARRIVE_BY,
            critical=True,
            now=now,
        )
    facts = {"version": house.address_version, "moved": moved, "told": len(misled)}
    audit.record(what="address_changed", by=by, now=now, premises_id=house.id, facts=facts)
    db.session.flush()
    return len(misled)


def _tidy(typed: str) -> str:
    return "\n".join(line for line in (" ".join(line.split()) for line in typed.splitlines()) if line)


def _refuse_where_not_safe(house: Premises, outcode: str) -> None:
    """Whoever lives there or is coming was matched with where the house was; what they must keep away from still holds."""
    live = sa.select(Placement).where(Placement.premises_id == house.id, Placement.state.in_(LIVE))
    for placement in db.session.scalars(live.order_by(Placement.held_at)):
        needs = placement.referral.needs or {}
        areas, miles = tuple(needs.get("keep_away") or ()), float(needs.get("keep_away_miles") or 0)
        if areas and geography.within(outcode, areas, miles):
            raise MustKeepAway(
                f"{placement.referral.spoken} must keep away from there, so nothing was changed. Ring the duty line now: "
                f"{current_app.config['DUTY_NUMBER']}"
            )


def _still_to_come_having_seen_another(house: Premises) -> Sequence[Placement]:
    seen = sa.exists().where(
        AddressOpening.placement_id == Placement.id, AddressOpening.address_version < house.address_version
    )
    wanted = sa.select(Placement).where(
        Placement.premises_id == house.id, Placement.state == State.CONFIRMED, seen
    )
    return db.session.scalars(wanted.order_by(Placement.held_at)).all()


def saw_old_address(placement: Placement) -> bool:
    """Whether the address was opened for this journey, which is not over, and not since the house changed it."""
    if placement.state != State.CONFIRMED:
        return False
    newest = db.session.scalar(
        sa.select(sa.func.max(AddressOpening.address_version)).where(
            AddressOpening.placement_id == placement.id
        )
    )
    return newest is not None and newest < placement.premises.address_version


# What time brings about. The sweep asks for each of these, and does it once because it is kept on the row.


def address_due(now: dt.datetime) -> sa.ColumnElement[bool]:
    """Houses to remind: less than 7 days are left, nobody was reminded, and there is a telephone."""
    settings = current_app.config["SETTINGS"]
    good = dt.timedelta(days=settings.ADDRESS_CONFIRMED_DAYS)
    return sa.and_(
        _ours_to_watch(),
        Premises.address_confirmed_at > now - good,
        Premises.address_confirmed_at <= now - good + CONFIRM_NOTICE,
        Premises.address_due_told_at.is_(None),
        _has_telephone(),
    )


def address_over_untold(now: dt.datetime) -> sa.ColumnElement[bool]:
    """Houses to which nobody is sent for want of a confirmed address, and that were not told so."""
    return sa.and_(_over(now), Premises.address_over_told_at.is_(None), _has_telephone())


def address_over_unalerted(now: dt.datetime) -> sa.ColumnElement[bool]:
    """The same houses, as long as no coordinator has them on the board."""
    told = duty.subjects(kind=AlertKind.ADDRESS_UNCONFIRMED)
    return sa.and_(_over(now), Premises.id.not_in([_of_subject(one) for one in told]))


def _over(now: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_ours_to_watch(), premises.address_over(now))


def _ours_to_watch() -> sa.ColumnElement[bool]:
    # Nobody is sent to a compromised house whatever its address, so asking for it would help nobody.
    return Premises.compromised_at.is_(None)


def _has_telephone() -> sa.ColumnElement[bool]:
    return sa.exists().where(Contact.premises_id == Premises.id, Contact.unreachable_at.is_(None))


def is_daytime(now: dt.datetime) -> bool:
    """Whether a house may be reminded at `now`: between 9:00 and 18:00 UK time."""
    return workdays.uk(now).hour in DAYTIME


def remind(house: Premises, *, now: dt.datetime) -> None:
    """Text the house that its address wants confirming."""
    until = premises.address_good_until(house)
    assert until is not None
    day = workdays.uk(until)
    house.address_due_told_at = now
    _text(house, messages.address_due, f"{day.day} {day:%B}", now)


def tell_over(house: Premises, *, now: dt.datetime) -> None:
    """Text the house that nobody is sent there any more."""
    house.address_over_told_at = now
    _text(house, messages.address_over, "", now)


def _text(house: Premises, wording: messages.Wording, words: str, now: dt.datetime) -> None:
    contact = premises.on_call(house, now)
    if contact is None:
        return
    outbox.queue(
        wording=wording,
        matter=messages.Matter(words=words, ring=current_app.config["DUTY_NUMBER"]),
        to=contact.phone,
        worthless_at=now + _TEXT_WORTH,
        now=now,
    )


def alert_over(house: Premises, *, now: dt.datetime) -> None:
    """Put the house on the coordinators' board."""
    duty.raise_alert(kind=AlertKind.ADDRESS_UNCONFIRMED, subject=subject(house.id), now=now)


def end_alerts(*, now: dt.datetime) -> None:
    """End the alerts of houses whose address is confirmed, or that nobody waits for: derived, never ticked off."""
    standing = duty.subjects(kind=AlertKind.ADDRESS_UNCONFIRMED)
    if not standing:
        return
    still = {subject(house_id) for house_id in db.session.scalars(sa.select(Premises.id).where(_over(now)))}
    for about in standing - still:
        duty.end(kind=AlertKind.ADDRESS_UNCONFIRMED, subject=about, now=now)


def subject(premises_id: uuid.UUID) -> str:
    """What an alert about a house is about."""
    return f"premises:{premises_id.hex}"


def _of_subject(about: str) -> uuid.UUID:
    return uuid.UUID(hex=about.partition(":")[2])
