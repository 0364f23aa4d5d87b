"""Who answers for a house and when: telephones in order, each with its hours.

The rule kept: a house always has one, and whoever answered before hears that it was changed, so that nobody can turn a house's
telephone to themselves unseen.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app

from safety import audit, duty, messages, outbox, premises
from safety.crypto import ring
from safety.extensions import db
from safety.models import AlertKind, Contact, Premises
from safety.permissions import NotYours

MOST_TELEPHONES = 12
_ALL_DAY = "00:00"
_TEXT_WORTH = dt.timedelta(hours=12)


class OnlyTelephone(Exception):
    """The last telephone of a house stays: without one it cannot be asked. The message can be shown."""


class ThereAlready(Exception):
    """The house has that telephone: twice it would be asked in its own place. The message can be shown."""


class TooManyTelephones(Exception):
    """A house has as many as anybody can keep in order. The message can be shown."""


@dataclass(frozen=True)
class Hours:
    """When a telephone answers: local "HH:MM", past midnight when `start` is later than `end`; the same twice is all day."""

    start: str = _ALL_DAY
    end: str = _ALL_DAY


def add_telephone(*, premises_id: uuid.UUID, phone: str, hours: Hours, by: str, now: dt.datetime) -> Contact:
    """One more telephone, after the others. phone: E.164. Raises TooManyTelephones and ThereAlready."""
    house = db.session.get_one(Premises, premises_id)
    if any(one.phone == phone for one in house.contacts):
        raise ThereAlready("That telephone is there already. Change its hours where it stands in the list")
    if len(house.contacts) >= MOST_TELEPHONES:
        raise TooManyTelephones(f"{MOST_TELEPHONES} telephones are enough. Change or remove one of them")
    with _told(house, now) as hear:
        contact = Contact(
            premises_id=house.id,
            position=1 + max((one.position for one in house.contacts), default=0),
            from_time=hours.start,
            to_time=hours.end,
        )
        contact.phone, contact.phone_index = phone, ring().index("phone", phone)
        db.session.add(contact)
        hear.add(phone)
    _record("telephone_added", contact, hours, by, now)
    return contact


def change_telephone(
    *,
    premises_id: uuid.UUID,
    contact_id: uuid.UUID,
    phone: str | None,
    hours: Hours,
    by: str,
    now: dt.datetime,
) -> Contact:
    """Another number (E.164; None: the same one), or other hours. The same again changes nothing. Raises NotYours."""
    house, contact = _find(premises_id, contact_id)
    before = contact.phone
    number = before if phone is None else phone
    if (number, hours.start, hours.end) == (before, contact.from_time, contact.to_time):
        return contact
    with _told(house, now) as hear:
        contact.from_time, contact.to_time = hours.start, hours.end
        if number != before:
            hear |= {before, number}
            left = contact.phone_index
            contact.phone, contact.phone_index = number, ring().index("phone", number)
            contact.unreachable_at = None
            _forget(left, now)
    _record("telephone_changed", contact, hours, by, now)
    return contact


def remove_telephone(*, premises_id: uuid.UUID, contact_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    """Nobody answers there any more. Raises NotYours, OnlyTelephone."""
    house, contact = _find(premises_id, contact_id)
    if len(house.contacts) == 1:
        raise OnlyTelephone("This is the only telephone of the house. Add another one first")
    _record("telephone_removed", contact, None, by, now)
    with _told(house, now) as hear:
        hear.add(contact.phone)
        left = contact.phone_index
        db.session.delete(contact)
        _forget(left, now)


def move_up(*, premises_id: uuid.UUID, contact_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    """Tried before the one that was tried before it. The first stays where it is. Raises NotYours."""
    house, contact = _find(premises_id, contact_id)
    ahead = [one for one in house.contacts if one.position < contact.position]
    if not ahead:
        return
    other = ahead[-1]
    with _told(house, now):
        mine, theirs = contact.position, other.position
        # One at a time, because two never share a place.
        for one, place in ((contact, -1), (other, mine), (contact, theirs)):
            one.position = place
            db.session.flush()
    _record("telephone_first", contact, None, by, now)


def _find(premises_id: uuid.UUID, contact_id: uuid.UUID) -> tuple[Premises, Contact]:
    house = db.session.get_one(Premises, premises_id)
    contact = next((one for one in house.contacts if one.id == contact_id), None)
    if contact is None:
        raise NotYours
    return house, contact


@contextmanager
def _told(house: Premises, now: dt.datetime) -> Iterator[set[str]]:
    """Text whoever answers at `now`, before and after what is done within, when that differs; and every number put in the set."""
    hear: set[str] = set()
    before = premises.on_call(house, now)
    answered = before.phone if before else None
    yield hear
    db.session.flush()
    db.session.expire(house, ["contacts"])
    after = premises.on_call(house, now)
    answers = after.phone if after else None
    if answers != answered:
        hear |= {number for number in (answered, answers) if number}
    if hear and answered:
        hear.add(answered)
    for number in sorted(hear):
        outbox.queue(
            wording=messages.telephones_changed,
            matter=messages.Matter(ring=current_app.config["DUTY_NUMBER"]),
            to=number,
            worthless_at=now + _TEXT_WORTH,
            now=now,
        )


def _forget(index: str, now: dt.datetime) -> None:
    """A number that took nothing from us needs nobody any more, once no house has it."""
    db.session.flush()
    if db.session.scalar(sa.select(Contact.id).where(Contact.phone_index == index).limit(1)) is None:
        duty.end(kind=AlertKind.TEXT_FAILED, subject=f"phone:{index}", now=now)


def _record(what: str, contact: Contact, hours: Hours | None, by: str, now: dt.datetime) -> None:
    facts = {"contact": contact.id}
    said = {"from": hours.start, "to": hours.end} if hours else {}
    audit.record(what=what, by=by, now=now, premises_id=contact.premises_id, facts=facts | said)
    db.session.flush()
