"""A scheme of made-up forces, houses and people to try the service with, and the real table of UK forces it stands on.

The rules kept: production is refused; every person, address and telephone is invented (numbers from Ofcom's drama ranges); what
happened to the placements happened through the rooms, so that it is as consistent as the real thing.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
import sqlalchemy as sa
from flask import Flask, current_app

from safety import accounts, clock, demo_rota, forces, geography, matching, outbox, referrals, workdays
from safety.crypto import ring
from safety.extensions import begin_write, db, new_id
from safety.lifecycle import Event, Role
from safety.models import (
    Bedspace,
    CallBack,
    Contact,
    Force,
    Group,
    OutOfService,
    Placement,
    Premises,
    Provider,
    Referral,
    User,
)
from safety.models.premises import ReportVia
from safety.permissions import CLOCK
from safety.sms.simulator import keep

PASSWORD = "otter lantern teapot"  # noqa: S105 - of invented people only; production refuses the whole module

_ALL_DAY = ["00:00", "24:00"]
_AGES = tuple(matching.CHILD_AGES)


class NotHere(Exception):
    """The demonstration was asked for in production. The message can be shown."""


class NotEmpty(Exception):
    """There are people already; nothing was loaded. The message can be shown."""


@dataclass(frozen=True)
class Account:
    """One demonstration account, as it is printed."""

    email: str
    role: Role
    what: str


@dataclass(frozen=True)
class _Person:
    email: str
    name: str
    role: Role
    of: str = ""  # the slug of a force, or the name of a provider
    collar: str | None = None
    phone: str | None = None


@dataclass(frozen=True)
class _Rooms:
    """Some like rooms of a house. sleeps: one figure a room."""

    letter: str
    name: str
    sleeps: tuple[int, ...]
    cohort: str
    features: tuple[str, ...] = ()
    self_contained: bool = False


@dataclass(frozen=True)
class _House:
    provider: str
    name: str
    outcode: str
    cohort: str
    rooms: tuple[_Rooms, ...]
    admits: tuple[list[str] | None, ...] = (_ALL_DAY,) * 7
    supports: tuple[str, ...] = ("self_harm", "medication", "alcohol", "drugs")
    features: tuple[str, ...] = ()
    child_ages: tuple[str, ...] = ()
    takes_pregnant: bool = True
    reported_h: float = 2.0  # hours since its figures were last said to be true
    accepts_unasked: bool = False
    closed: str | None = None
    ring_first: bool = False
    meeting_point: str | None = None
    out: Mapping[str, tuple[str, int | None]] | None = None  # room -> (reason, hours until it is back)


FORCES = (
    ("demo-north", "Demo North Police", "0113 496 0201"),
    ("demo-west", "Demo West Police", "01632 960202"),
    ("demo-south", "Demo South Police", "020 7946 0203"),
)
PROVIDERS = ("Rowan Demo Homes", "Lantern Demo Trust", "Kestrel Demo Housing", "Willow Demo Refuge")
_ROWAN, _LANTERN, _KESTREL, _WILLOW = PROVIDERS

_PEOPLE = (
    _Person("officer@north.example", "Alex Penhallow", Role.OFFICER, "demo-north", "4471", "+447700900101"),
    _Person("colleague@north.example", "Morgan Tamsett", Role.OFFICER, "demo-north", "4512", "+447700900102"),
    _Person("lead@north.example", "Robin Averill", Role.LEAD, "demo-north", "2208", "+447700900103"),
    _Person("officer@west.example", "Charlie Oakshott", Role.OFFICER, "demo-west", "3105", "+447700900111"),
    _Person("lead@west.example", "Frankie Dunmore", Role.LEAD, "demo-west", "1960", "+447700900112"),
    _Person("officer@south.example", "Jo Fennimore", Role.OFFICER, "demo-south", "8830", "+447700900121"),
    _Person("lead@south.example", "Lee Marchbank", Role.LEAD, "demo-south", "7714", "+447700900122"),
    _Person("house@rowan.example", "Kim Thistlewood", Role.PROVIDER, _ROWAN),
    _Person("house@lantern.example", "Dana Ellerby", Role.PROVIDER, _LANTERN),
    _Person("house@kestrel.example", "Ash Winterley", Role.PROVIDER, _KESTREL),
    _Person("house@willow.example", "Noor Holloway", Role.PROVIDER, _WILLOW),
    _Person("duty@scheme.example", "Pat Lindqvist", Role.COORDINATOR),
    _Person("duty2@scheme.example", "Sasha Brampton", Role.COORDINATOR, phone="+447700900198"),
    _Person("oversight@scheme.example", "Terry Wakeling", Role.OVERSIGHT),
)


def _women(*sleeps: int) -> _Rooms:
    return _Rooms("W", "Women's rooms", sleeps, "women")


def _men(*sleeps: int) -> _Rooms:
    return _Rooms("M", "Men's rooms", sleeps, "men")


def _flats(*sleeps: int) -> _Rooms:
    return _Rooms("F", "Family flats", sleeps, "either", ("own_bathroom", "cot"), self_contained=True)


def _step_free(cohort: str, *sleeps: int) -> _Rooms:
    return _Rooms("S", "Step-free rooms", sleeps, cohort, ("step_free", "ground_floor", "own_bathroom"))


_HOUSES = (
    _House(
        _ROWAN,
        "Heron House",
        "LS8",
        "women",
        (_women(1, 1, 1, 2), _step_free("women", 1)),
        features=("women_staff", "diet"),
        child_ages=("under_2",),
        ring_first=True,
    ),
    _House(
        _ROWAN,
        "Kingfisher House",
        "BD9",
        "either",
        (_flats(3, 4, 5), _step_free("either", 2)),
        child_ages=_AGES,
    ),
    _House(
        _LANTERN,
        "Linnet House",
        "S7",
        "men",
        (_men(1, 1, 1, 1), _step_free("men", 2)),
        supports=(*("self_harm", "medication", "alcohol", "drugs"), "violence"),
        out={"M4": ("repair", 48)},
    ),
    _House(
        _LANTERN,
        "Wren House",
        "M14",
        "women",
        (_women(1, 1, 2, 2), _step_free("women", 1)),
        features=("women_staff",),
        child_ages=("under_2", "2_to_4"),
        accepts_unasked=True,
        out={"W4": ("cleaning", None)},
    ),
    _House(_KESTREL, "Dunlin House", "L8", "men", (_men(1, 1, 1, 1, 2),)),
    _House(
        _KESTREL,
        "Plover House",
        "PR2",
        "either",
        (_flats(3, 4), _women(1, 1)),
        admits=(["09:00", "21:00"],) * 7,
        child_ages=_AGES,
        reported_h=30,
    ),
    _House(
        _KESTREL,
        "Curlew House",
        "SE15",
        "women",
        (_women(1, 1, 2), _step_free("women", 1)),
        admits=(["07:00", "23:00"],) * 7,
        features=("women_staff",),
        reported_h=10,
        meeting_point="Outside the main entrance of the demonstration library\nSomebody in a green coat meets you",
    ),
    _House(
        _WILLOW,
        "Teal House",
        "E17",
        "men",
        (_men(1, 1, 1, 1),),
        admits=(["18:00", "02:00"],) * 7,
        closed="staff",
    ),
    _House(
        _WILLOW,
        "Sandpiper House",
        "N4",
        "either",
        (_flats(3, 3, 4, 5),),
        admits=(*((["10:00", "20:00"],) * 6), None),
        child_ages=_AGES,
        out={"F4": ("works", 120)},
    ),
)


def init_app(app: Flask) -> None:
    """Register `flask --app wsgi demo`."""

    @app.cli.command("demo")
    @click.option("--reset", is_flag=True, help="Forget everything in this database first.")
    def demo(reset: bool) -> None:  # noqa: FBT001 - click's way
        """Load the demonstration scheme, unless there are people already, and print its accounts."""
        try:
            if reset:
                forget()
            load(now=clock.now())
        except NotHere as refused:
            raise click.ClickException(str(refused)) from refused
        except NotEmpty as kept:
            click.echo(f"{kept}\n")
        click.echo(welcome(str(current_app.config["POS_PUBLIC_URL"])))


def welcome(address: str) -> str:
    """The accounts, and what to try first. address: where the service is, without a final slash."""
    width = max(len(person.email) for person in _PEOPLE)
    lines = [f"  {account.email:<{width}}  {account.what}" for account in accounts_to_try()]
    return "\n".join(
        [
            "A demonstration scheme: everybody and everything in it is invented.",
            f"Every account has the same password:  {PASSWORD}",
            "",
            *lines,
            "",
            "What to try first",
            f"  1. {address}/sign-in as officer@north.example: Find a place of safety, for a woman in LS1.",
            f"  2. {address}/phones in another window: the house's telephone has the question. Reply YES and the four digits.",
            "     (Or sign in as house@rowan.example in a private window and press Accept.)",
            "  3. Back at the officer's: it is confirmed. We are on our way, the address, They have arrived.",
            "  4. duty@scheme.example sees every request, and the alert about somebody nothing fits.",
        ]
    )


def accounts_to_try() -> tuple[Account, ...]:
    """Every demonstration account with what it is for."""
    kinds = {
        Role.OFFICER: "officer of",
        Role.LEAD: "modern slavery lead of",
        Role.PROVIDER: "works at the houses of",
        Role.COORDINATOR: "coordinator on the duty line",
        Role.OVERSIGHT: "oversight (totals only; its pages come later)",
    }
    names = {slug: name for slug, name, _ in FORCES}
    found = []
    for person in _PEOPLE:
        of = f" {names.get(person.of, person.of)}" if person.of else ""
        found.append(Account(person.email, person.role, f"{kinds[person.role]}{of}"))
    return tuple(found)


def forget() -> None:
    """Empty every table, to start over. Begins and commits. Raises NotHere in production."""
    _not_in_production()
    db.session.rollback()
    begin_write()
    for table in reversed(db.metadata.sorted_tables):
        db.session.execute(sa.delete(table))
    db.session.commit()
    db.session.expunge_all()


def load(*, now: dt.datetime) -> None:
    """Load the demonstration scheme as it would stand at `now`, with the days before it. Begins and commits.

    Raises NotHere in production, and NotEmpty when anybody has an account already.
    """
    _not_in_production()
    secret = _password()
    begin_write()
    if db.session.scalar(sa.select(User.id).limit(1)) is not None:
        db.session.rollback()
        raise NotEmpty("There are people here already, so nothing was loaded.")
    forces.load(by=CLOCK.by, now=now)
    began = now - dt.timedelta(days=30)
    police = {slug: _demo_force(slug, name, switchboard) for slug, name, switchboard in FORCES}
    providers = {name: _add(Provider(name=name)) for name in PROVIDERS}
    for number, house in enumerate(_HOUSES):
        _house(
            house,
            providers[house.provider],
            f"+447700900{301 + 2 * number}",
            f"+447700900{302 + 2 * number}",
            now,
        )
    people = {person.email: _person(person, police, providers, secret, began) for person in _PEOPLE}
    _days_before(people, now)
    demo_rota.fill(people["duty@scheme.example"], people["duty2@scheme.example"], now=now)
    db.session.commit()


def _not_in_production() -> None:
    if current_app.config["SETTINGS"].production:
        raise NotHere("POS_ENV is production: invented people have no place there. Nothing was done.")


def _password() -> accounts.Hashed:
    db.session.rollback()  # the clock was read in a transaction, and nothing is hashed inside one
    return accounts.hashed(password=PASSWORD)


def _demo_force(slug: str, name: str, switchboard: str) -> Force:
    made: Force = _add(
        Force(
            slug=slug,
            name=name,
            nation="England",
            kind="territorial",
            duty_to_notify=True,
            switchboard=switchboard,
            valid_from=forces.SINCE,
        )
    )
    return made


def _person(
    person: _Person,
    police: Mapping[str, Force],
    providers: Mapping[str, Provider],
    secret: accounts.Hashed,
    began: dt.datetime,
) -> User:
    phone = current_app.config["ON_CALL_MOBILE"] if person.email == "duty@scheme.example" else person.phone
    user = accounts.create(
        email=person.email,
        name=person.name,
        role=person.role,
        password=secret,
        by=CLOCK.by,
        force_id=police[person.of].id if person.of in police else None,
        provider_id=providers[person.of].id if person.of in providers else None,
        collar_number=person.collar,
        phone=phone,
        now=began,
    )
    user.phone_verified_at = began if phone else None
    if user.awaits_call_back:
        _add(CallBack(user_id=user.id, called_at=began, called_by=CLOCK.by))
    return user


def _house(plan: _House, provider: Provider, by_day: str, by_night: str, now: dt.datetime) -> Premises:
    """One house with its rooms and its two telephones, one by day and one by night (E.164)."""
    where = geography.find(plan.outcode)
    assert where is not None, f"{plan.outcode} is not an outcode"
    house: Premises = _add(
        Premises(
            provider_id=provider.id,
            name=plan.name,
            outcode=where.code,
            nation=where.nation,
            region=where.region,
            cohort=plan.cohort,
            takes_pregnant=plan.takes_pregnant,
            child_ages=list(plan.child_ages),
            supports=list(plan.supports),
            features=list(plan.features),
            admits=list(plan.admits),
            accepting=plan.closed is None,
            accepting_reason=plan.closed,
            accepts_unasked=plan.accepts_unasked,
            ring_first=plan.ring_first,
            address=f"1 Demonstration Road ({plan.name})\nExampleton\nAn invented address",
            meeting_point=plan.meeting_point,
            address_confirmed_at=now - dt.timedelta(days=3),
            address_confirmed_by=CLOCK.by,
            reported_at=now - dt.timedelta(hours=plan.reported_h),
            reported_by=CLOCK.by,
            reported_via=ReportVia.PAGE,
        )
    )
    for position, (phone, start, end) in enumerate(
        ((by_day, "08:00", "20:00"), (by_night, "20:00", "08:00")), 1
    ):
        contact = Contact(premises_id=house.id, position=position, from_time=start, to_time=end)
        contact.phone, contact.phone_index = phone, ring().index("phone", phone)
        _add(contact)
    for rooms in plan.rooms:
        group = _add(Group(premises_id=house.id, letter=rooms.letter, name=rooms.name))
        for number, sleeps in enumerate(rooms.sleeps, 1):
            name = f"{rooms.letter}{number}"
            bedspace = _add(
                Bedspace(
                    premises_id=house.id,
                    group_id=group.id,
                    name=name,
                    cohort=rooms.cohort,
                    sleeps=sleeps,
                    self_contained=rooms.self_contained,
                    features=list(rooms.features),
                )
            )
            if plan.out and name in plan.out:
                reason, back_h = plan.out[name]
                until = now + dt.timedelta(hours=back_h) if back_h else None
                since = now - dt.timedelta(hours=6)
                _add(
                    OutOfService(
                        bedspace_id=bedspace.id, since_at=since, since_by=CLOCK.by, reason=reason, until=until
                    )
                )
    db.session.refresh(house)
    return house


def _add(row: Any) -> Any:
    db.session.add(row)
    db.session.flush()
    return row


# What happened in the days before, oldest first: the rooms are asked in the order in which it would have been.


def _days_before(people: Mapping[str, User], now: dt.datetime) -> None:
    day, hour, minute = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)
    north, west, south = (people[f"officer@{force}.example"] for force in ("north", "west", "south"))
    rowan, lantern, kestrel = (people[f"house@{name}.example"] for name in ("rowan", "lantern", "kestrel"))

    began = now - 5 * day
    left = _opened(north, began, cohort="men", outcode="S2", alias="Teo")
    _step(left, Event.CONFIRM, lantern, began + 6 * minute)
    _step(left, Event.SET_OFF, north, began + 30 * minute, eta_at=began + hour)
    _step(left, Event.ARRIVE, lantern, began + 65 * minute)
    gone = {"reason": "planned", "onward": "msvcc", "nrm_decision": "consented"}
    _step(left, Event.DEPART, lantern, now - 18 * hour, **gone)

    began = now - 44 * hour
    family = {"under_2": 1, "5_to_11": 1}
    here = _opened(
        west,
        began,
        cohort="women",
        outcode="HX1",
        alias="Mina",
        children=family,
        needed=("cot",),
        interpreter=True,
    )
    _step(here, Event.CONFIRM, rowan, began + 4 * minute)
    _step(here, Event.SET_OFF, west, began + 20 * minute, eta_at=began + hour)
    _step(here, Event.ARRIVE, west, began + 58 * minute)

    # Wren House accepts without asking, so this one is confirmed as it is opened.
    road = _opened(
        west, now - 70 * minute, cohort="women", outcode="M20", alias="Joy", support=("medication",)
    )
    _step(road, Event.SET_OFF, west, now - 20 * minute, eta_at=now + 25 * minute)

    coming = _opened(
        north, now - 50 * minute, eta_in=100 * minute, cohort="men", outcode="WA2", support=("alcohol",)
    )
    _step(coming, Event.CONFIRM, kestrel, now - 41 * minute)

    # No house of the demonstration takes somebody who has set fires.
    _opened(
        south,
        now - 40 * minute,
        cohort="either",
        adults=2,
        outcode="CR0",
        children={"2_to_4": 2},
        support=("fire",),
    )

    turned = _opened(west, now - 12 * minute, cohort="men", outcode="WA4", alias="Sol", support=("drugs",))
    _step(turned, Event.DECLINE, kestrel, now - 5 * minute, reason="others")

    _opened(
        north,
        now - 4 * minute,
        cohort="women",
        outcode="LS1",
        alias="Ana",
        pregnant="yes",
        wished=("women_staff",),
        support=("self_harm",),
        interpreter=True,
    )


def _opened(
    officer: User, now: dt.datetime, *, eta_in: dt.timedelta = dt.timedelta(hours=1), **asked: Any
) -> Referral:
    """Open a referral as this officer did at `now`, and let its texts arrive."""
    request = referrals.Request(
        adults=asked.pop("adults", 1),
        eta_at=now + eta_in,
        ready_at=now,
        officer_phone=officer.phone or "",
        setting="scene",
        tracking_checked="yes",
        **asked,
    )
    referral = referrals.open(request=request, officer=officer, form_token=new_id(), now=now)
    _deliver(now)
    return referral


def _step(referral: Referral, event: Event, by: User, now: dt.datetime, **facts: Any) -> None:
    """Record an event of the referral's live placement as this person did at `now`, and let its texts arrive."""
    placement = referrals.live_placement(referral)
    assert placement is not None, "no house of the demonstration had room"
    if event is Event.CONFIRM and placement.confirmed_at is not None:
        return
    actor = by.actor()
    if by.role == Role.PROVIDER and placement.premises_id not in actor.premises_ids:
        actor = _staff(placement).actor()
    referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=now)
    _deliver(now)


def _staff(placement: Placement) -> User:
    house = db.session.get_one(Premises, placement.premises_id)
    return db.session.scalars(sa.select(User).where(User.provider_id == house.provider_id).limit(1)).one()


def _deliver(now: dt.datetime) -> None:
    """What is queued has arrived on the telephones of the simulator by now: nobody is told a day later of what is long over."""
    for errand in outbox.claim(owner="demo", limit=100, lease_s=60, now=now):
        text = keep(number=errand.to, body=errand.body, from_us=True, now=now)
        outbox.sent(errand=errand, supplier="simulator", sid=text.sid, status="delivered", now=now)


# A larger scheme, for proofs with many requests.


def scale(*, houses: int = 60, seed: int = 1, now: dt.datetime) -> int:
    """Add invented houses until there are `houses`, at real outcodes of the four nations; returns how many were added.

    The same seed gives the same houses, with the figures of a scheme of about that size: two in five for women, one in four
    for men, the rest flats; one in ten closed, one in ten stale. Begins and commits. Raises NotHere in production.
    """
    _not_in_production()
    chance = random.Random(seed)  # noqa: S311 - a proof must be able to be run again
    begin_write()
    there = db.session.scalar(sa.select(sa.func.count()).select_from(Premises)) or 0
    where = [row.code for row in geography.every() if row.in_use and row.nation in workdays.CALENDARS]
    for number in range(there, houses):
        provider_name = f"Demo Provider {number // 3 + 1}"
        provider = db.session.scalars(sa.select(Provider).where(Provider.name == provider_name)).first()
        plan = _drawn(chance, provider_name, number + 1, chance.choice(where))
        first = 400 + 2 * number % 600
        phones = (f"+447700900{first:03d}", f"+447700900{first + 1:03d}")
        _house(plan, provider or _add(Provider(name=provider_name)), *phones, now)
    db.session.commit()
    return max(0, houses - there)


def _drawn(chance: random.Random, provider: str, number: int, outcode: str) -> _House:
    kind = chance.choices(("women", "men", "either"), (40, 25, 35))[0]
    some = {"women": _women, "men": _men, "either": _flats}[kind]
    low, high = (3, 5) if kind == "either" else (1, 2)
    rooms = [some(*(chance.randint(low, high) for _ in range(chance.randint(3, 6))))]
    if chance.random() < 0.4:
        rooms.append(_step_free(kind, chance.randint(1, 2)))
    supports = [
        code
        for code in matching.SUPPORT
        if chance.random() < (0.25 if code in ("fire", "sexual_offence") else 0.75)
    ]
    hours = chance.choices(
        (_ALL_DAY, ["07:00", "23:00"], ["09:00", "21:00"], ["16:00", "02:00"]), (60, 20, 10, 10)
    )[0]
    return _House(
        provider,
        f"House {number}",
        outcode,
        kind,
        tuple(rooms),
        admits=(hours,) * 7,
        supports=tuple(supports),
        features=tuple(code for code in ("women_staff", "diet", "quiet", "pet") if chance.random() < 0.3),
        child_ages=_AGES if kind == "either" else _AGES[: chance.randint(0, 2)],
        takes_pregnant=kind != "men",
        reported_h=chance.choices((2, 12, 30), (75, 15, 10))[0],
        accepts_unasked=chance.random() < 0.2,
        closed="staff" if chance.random() < 0.1 else None,
    )
