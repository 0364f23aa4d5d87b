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

from safety import accounts, clock, forces, geography, matching, workdays
from safety.crypto import ring
from safety.demo import days, rota, tables
from safety.extensions import begin_write, db
from safety.lifecycle import Role
from safety.models import (
    Bedspace,
    CallBack,
    Contact,
    Force,
    Group,
    OutOfService,
    Premises,
    Provider,
    User,
)
from safety.models.premises import ReportVia
from safety.permissions import CLOCK

PASSWORD = "otter lantern teapot"  # noqa: S105 - of invented people only; production refuses the whole module


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
    width = max(len(person.email) for person in tables.PEOPLE)
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
    names = {slug: name for slug, name, _ in tables.FORCES}
    found = []
    for person in tables.PEOPLE:
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
    police = {slug: _demo_force(slug, name, switchboard) for slug, name, switchboard in tables.FORCES}
    providers = {name: _add(Provider(name=name)) for name in tables.PROVIDERS}
    for number, house in enumerate(tables.HOUSES):
        _house(
            house,
            providers[house.provider],
            f"+447700900{301 + 2 * number}",
            f"+447700900{302 + 2 * number}",
            now,
        )
    people = {person.email: _person(person, police, providers, secret, began) for person in tables.PEOPLE}
    days.before(people, now)
    rota.fill(people["duty@scheme.example"], people["duty2@scheme.example"], now=now)
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
    person: tables.Person,
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


def _house(plan: tables.House, provider: Provider, by_day: str, by_night: str, now: dt.datetime) -> Premises:
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


def _drawn(chance: random.Random, provider: str, number: int, outcode: str) -> tables.House:
    kind = chance.choices(("women", "men", "either"), (40, 25, 35))[0]
    some = {"women": tables.women, "men": tables.men, "either": tables.flats}[kind]
    low, high = (3, 5) if kind == "either" else (1, 2)
    rooms = [some(*(chance.randint(low, high) for _ in range(chance.randint(3, 6))))]
    if chance.random() < 0.4:
        rooms.append(tables.step_free(kind, chance.randint(1, 2)))
    supports = [
        code
        for code in matching.SUPPORT
        if chance.random() < (0.25 if code in ("fire", "sexual_offence") else 0.75)
    ]
    hours = chance.choices(
        (tables.ALL_DAY, ["07:00", "23:00"], ["09:00", "21:00"], ["16:00", "02:00"]), (60, 20, 10, 10)
    )[0]
    return tables.House(
        provider,
        f"House {number}",
        outcode,
        kind,
        tuple(rooms),
        admits=(hours,) * 7,
        supports=tuple(supports),
        features=tuple(code for code in ("women_staff", "diet", "quiet", "pet") if chance.random() < 0.3),
        child_ages=tables.AGES if kind == "either" else tables.AGES[: chance.randint(0, 2)],
        takes_pregnant=kind != "men",
        reported_h=chance.choices((2, 12, 30), (75, 15, 10))[0],
        accepts_unasked=chance.random() < 0.2,
        closed="staff" if chance.random() < 0.1 else None,
    )
