"""A scheme as big as it may become, built at once: for tests that count and for the benchmark, never by way of the rooms."""

from __future__ import annotations

import datetime as dt
import random

import sqlalchemy as sa

from safety import geography
from safety.crypto import ring
from safety.extensions import begin_write, db, new_id
from safety.lifecycle import LIVE, Event, ReferralState, State
from safety.models import (
    Alert,
    AlertKind,
    Bedspace,
    Contact,
    Group,
    MessageState,
    Placement,
    Premises,
    Provider,
    Referral,
    Text,
    User,
)
from safety.models.alerts import URGENT
from safety.referrals.reading import ALPHABET
from tests import factories

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
_AT_ONCE = 60  # of each kind of trouble at most


def fill(*, houses: int = 500, placed: int = 200, searching: int = 30, now: dt.datetime) -> None:
    """Houses of all regions and people in every state, with troubles of every kind. Commits.

    A tenth of the houses is closed and a tenth stale; of the people some are overdue, some lapse soon, some stay too long.
    """
    chance = random.Random(1)
    db.session.rollback()
    begin_write()
    where = [
        row for row in geography.every() if row.in_use and row.nation in ("England", "Wales", "Scotland")
    ]
    provider, officers = Provider(id=new_id(), name="Crowd"), [factories.officer() for _ in range(20)]
    db.session.add(provider)
    db.session.flush()
    homes = [_house(number, provider, chance.choice(where), now) for number in range(houses)]
    db.session.add_all(homes)
    db.session.flush()
    rooms = [_room(home, number) for home in homes for number in range(2)]
    db.session.add_all(rooms)
    people = [_referral(number, chance.choice(officers), now) for number in range(placed + searching)]
    db.session.add_all(people)
    db.session.flush()
    taken = set(db.session.scalars(sa.select(Placement.code).where(Placement.state.in_(LIVE))))
    codes = (code for code in map(str, range(1000, 10_000)) if code not in taken)
    for number, (referral, room) in enumerate(zip(people[:placed], rooms, strict=False)):
        referral.state = ReferralState.PLACED
        db.session.add(_placement(number, referral, room, next(codes), now))
    for number in range(min(_AT_ONCE, placed)):
        db.session.add(_text(number, people[number], officers[number % len(officers)], now))
    db.session.flush()
    for number, referral in enumerate(people[placed:]):
        if number % 3:
            db.session.add(
                _alert(number, AlertKind.NOTHING_FITS, f"referral:{referral.id.hex}", referral, now)
            )
    for number, home in enumerate(home for home in homes if home.reported_at is None):
        if number % 2:
            db.session.add(_alert(200 + number, AlertKind.STALE, f"premises:{home.id.hex}", None, now))
    db.session.commit()


def _house(number: int, provider: Provider, where: geography.Outcode, now: dt.datetime) -> Premises:
    closed, silent = number % 10 == 3, number % 10 == 7
    mobile = f"+447700900{number % 900:03d}"
    home = Premises(
        id=new_id(),
        provider_id=provider.id,
        name=f"Crowd House {number}",
        outcode=where.code,
        nation=where.nation,
        region=where.region,
        cohort=("women", "men", "either")[number % 3],
        admits=factories.ALWAYS,
        address=f"{number} Example Street",
        address_confirmed_at=now,
        address_confirmed_by="clock",
        accepting=not closed,
        accepting_reason="staff" if closed else None,
        reported_at=None if silent else now - (number % 30) * HOUR,
        reported_by=None if silent else "clock",
        reported_via=None if silent else "page",
    )
    home.groups = [Group(id=new_id(), letter="W", name="Rooms")]
    home.contacts = [Contact(position=1, phone=mobile, phone_index=ring().index("phone", mobile))]
    return home


def _room(home: Premises, number: int) -> Bedspace:
    return Bedspace(
        id=new_id(),
        premises_id=home.id,
        group_id=home.groups[0].id,
        name=f"Room {number}",
        cohort=home.cohort,
        sleeps=2,
    )


def _referral(number: int, officer: User, now: dt.datetime) -> Referral:
    mobile = f"+447700900{number % 900:03d}"
    return Referral(
        id=new_id(),
        reference=_reference(number),
        form_token=new_id(),
        state=ReferralState.SEARCHING,
        opened_at=now - (number % 90) * MINUTE,
        opened_by_id=officer.id,
        holder_id=officer.id,
        force_id=officer.force_id,
        outcode="LS1",
        nation="England",
        cohort="women",
        party=1,
        eta_at=now + HOUR,
        officer_phone=mobile,
        officer_phone_index=ring().index("phone", mobile),
    )


def _reference(number: int) -> str:
    found = ""
    for _ in range(6):
        number, letter = divmod(number, len(ALPHABET))
        found += ALPHABET[letter]
    return found


def _placement(number: int, referral: Referral, room: Bedspace, code: str, now: dt.datetime) -> Placement:
    """Every fifth held, two in five on the way, the others inside; each a little later than the one before."""
    state = (State.HELD, State.CONFIRMED, State.CONFIRMED, State.ARRIVED, State.ARRIVED)[number % 5]
    held, road = now - (20 + number % 40) * MINUTE, number % 2 == 0
    said = state is not State.HELD
    inside = state is State.ARRIVED
    return Placement(
        id=new_id(),
        referral_id=referral.id,
        bedspace_id=room.id,
        premises_id=room.premises_id,
        state=state,
        code=code,
        distance_miles=10,
        held_at=held,
        held_by="clock",
        answer_by=now + (1 + number % 15) * MINUTE,
        confirmed_at=held + MINUTE if said else None,
        confirmed_by="clock" if said else None,
        set_off_at=held + 2 * MINUTE if said and road else None,
        set_off_by="clock" if said and road else None,
        eta_at=now + (number % 60 - 20) * MINUTE,
        arrive_by=now + (number % 60 + 5) * MINUTE,
        arrived_at=held + 3 * MINUTE if inside else None,
        arrival_recorded_at=held + 3 * MINUTE if inside else None,
        arrival_recorded_by="clock" if inside else None,
        stay_until=now + (number % 72 - 5) * HOUR if inside else None,
        last_event=Event.HOLD,
        last_at=held,
        last_by="clock",
    )


def _text(number: int, referral: Referral, officer: User, now: dt.datetime) -> Text:
    state = (MessageState.UNDELIVERED, MessageState.FAILED, MessageState.QUEUED)[number % 3]
    return Text(
        id=new_id(),
        wording="held",
        to=officer.phone,
        to_index=officer.phone_index,
        body="Places of Safety",
        referral_id=referral.id,
        queued_at=now - (5 + number) * MINUTE,
        next_try_at=now,
        worthless_at=now + HOUR,
        state=state,
    )


def _alert(number: int, kind: AlertKind, subject: str, referral: Referral | None, now: dt.datetime) -> Alert:
    return Alert(
        kind=kind,
        subject=subject,
        referral_id=referral.id if referral else None,
        urgent=kind in URGENT,
        code=f"{100 + number}",
        raised_at=now - number % 60 * MINUTE,
    )
