"""Which providers, houses and rooms the scheme has: a coordinator enters them, and the house says the rest itself.

The rules kept: where a house is in full is neither asked nor known here, and nobody is sent there until the house has confirmed
its address; a room is never deleted, because stays belong to it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from safety import audit, bedspaces, premises
from safety.crypto import ring
from safety.extensions import db
from safety.models import Bedspace, Contact, Premises, Provider

MOST_ROOMS = 60  # of one house, retired ones left out


@dataclass(frozen=True)
class NewHouse:
    """A house as it is entered. outcode: a known one, where people live; phone: E.164, answered day and night.

    admits: [opens, latest arrival] in local "HH:MM" for every day of the week. child_ages, supports, features: codes of matching.
    """

    name: str
    outcode: str
    cohort: str
    phone: str
    admits: tuple[str, str] = ("00:00", "24:00")
    takes_pregnant: bool = True
    child_ages: tuple[str, ...] = ()
    supports: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewRooms:
    """Some like rooms. letter: of their group, by which a text names them; name: the group's, needed when it is new."""

    letter: str
    name: str
    number: int
    sleeps: int
    cohort: str
    self_contained: bool = False
    features: tuple[str, ...] = ()


class NameTaken(Exception):
    """A provider, or a house of this provider, has that name already. The message can be shown."""


class RoomsChanged(Exception):
    """The house has other rooms than whoever adds to them has seen. The message can be shown."""


class GroupNeedsAName(Exception):
    """The first rooms of a letter come with the name of the group. The message can be shown."""


class TooManyRooms(Exception):
    """More rooms than a house has. The message can be shown."""


def providers() -> Sequence[Provider]:
    """Every provider by name, with its houses and their rooms."""
    return db.session.scalars(
        sa.select(Provider)
        .options(selectinload(Provider.premises).selectinload(Premises.bedspaces))
        .order_by(Provider.name)
    ).all()


def add_provider(*, name: str, by: str, now: dt.datetime) -> Provider:
    """An organisation that runs houses. Raises NameTaken."""
    if db.session.scalar(sa.select(Provider.id).where(Provider.name == name)) is not None:
        raise NameTaken("There is a provider with this name already")
    provider = Provider(name=name)
    db.session.add(provider)
    db.session.flush()
    audit.record(what="create_provider", by=by, now=now, facts={"provider": provider.id})
    db.session.flush()
    return provider


def add_house(*, provider_id: uuid.UUID, new: NewHouse, by: str, now: dt.datetime) -> Premises:
    """A house of a provider, with its first telephone and no room yet. Raises NameTaken and premises.NotAPlaceForAHouse.

    It has no address, so nobody is sent there: its own staff type that on their own page.
    """
    same = sa.select(Premises.id).where(Premises.provider_id == provider_id, Premises.name == new.name)
    if db.session.scalar(same) is not None:
        raise NameTaken("This provider has a house with this name already")
    where = premises.place_for_a_house(new.outcode)
    house = Premises(
        provider_id=provider_id,
        name=new.name,
        outcode=where.code,
        nation=where.nation,
        region=where.region,
        cohort=new.cohort,
        takes_pregnant=new.takes_pregnant,
        child_ages=list(new.child_ages),
        supports=list(new.supports),
        features=list(new.features),
        admits=[list(new.admits)] * 7,
    )
    db.session.add(house)
    db.session.flush()
    index = ring().index("phone", new.phone)
    db.session.add(Contact(premises_id=house.id, position=1, phone=new.phone, phone_index=index))
    audit.record(what="create_house", by=by, now=now, premises_id=house.id)
    db.session.flush()
    return house


def add_rooms(
    *, premises_id: uuid.UUID, new: NewRooms, seen: int, by: str, now: dt.datetime
) -> list[Bedspace]:
    """Add like rooms to a house, named by their letter and a number; in service from now on.

    seen: how many rooms the house had when they were asked for, so that a form sent twice adds them once. The caller matches
    whoever is searching afterwards (referrals.rematch). Raises LookupError, RoomsChanged, GroupNeedsAName and TooManyRooms.
    """
    house = db.session.get(Premises, premises_id, populate_existing=True)
    if house is None:
        raise LookupError("no such house")
    if len(house.bedspaces) != seen:
        raise RoomsChanged("Rooms were added since you opened this page. They are listed below")
    if len(in_use(house)) + new.number > MOST_ROOMS:
        raise TooManyRooms(f"A house has {MOST_ROOMS} rooms at most")
    group = next((group for group in house.groups if group.letter == new.letter), None)
    if group is None:
        if not new.name:
            raise GroupNeedsAName(f"Enter a name for the rooms of letter {new.letter}")
        group = bedspaces.add_group(premises_id=house.id, letter=new.letter, name=new.name)
    taken = {bedspace.name.casefold() for bedspace in house.bedspaces}
    numbers = (f"{new.letter}{number}" for number in range(1, MOST_ROOMS + len(taken) + new.number))
    free_names = (name for name in numbers if name.casefold() not in taken)
    described = bedspaces.Description("", new.cohort, new.sleeps, new.self_contained, new.features)
    return [
        bedspaces.add(group_id=group.id, said=replace(described, name=next(free_names)), by=by, now=now)
        for _ in range(new.number)
    ]


def in_use(house: Premises) -> list[Bedspace]:
    """The rooms of a house that are not retired."""
    return [room for room in house.bedspaces if room.retired_at is None]
