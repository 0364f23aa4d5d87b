"""What a house tells us about itself, and what follows: who answers its telephone now, how fresh its figures are, its rooms.

Availability is derived here and nowhere else: free is in service, not retired, without a live placement.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import selectinload

from safety import geography, matching, messages, workdays
from safety.extensions import db
from safety.lifecycle import LIVE, State
from safety.models import Bedspace, Contact, OutOfService, Placement, Premises, Referral

log = logging.getLogger(__name__)

SMALL_REGION = 3


class NotAPlaceForAHouse(Exception):
    """No house can stand there, as far as this service knows. The message can be shown."""


def place_for_a_house(outcode: str) -> geography.Outcode:
    """The district of a house, and with it its nation and region.

    Raises NotAPlaceForAHouse for one where nobody lives, and for a nation whose working days are not known: a stay there would
    have no end, so that nobody could be recorded as arrived.
    """
    where = geography.find(outcode)
    if where is None or not where.in_use:
        raise NotAPlaceForAHouse(
            "Nobody lives in that postcode district. Enter the first half of the house's own postcode, like LS1"
        )
    if where.nation not in workdays.CALENDARS:
        raise NotAPlaceForAHouse("This service does not reach the Isle of Man or the Channel Islands")
    return where


def on_call(house: Premises, now: dt.datetime) -> Contact | None:
    """The telephone of `house` that answers at `now`. None: no contact that can be reached."""
    return next(iter(to_try(house, now)), None)


def to_try(house: Premises, now: dt.datetime) -> list[Contact]:
    """The telephones of `house` in the order to try them at `now`: those whose hours cover the local time, then the others.

    The others too, because a house that wrote its hours badly must still be asked. A number that takes nothing is left out.
    """
    reachable = [contact for contact in house.contacts if contact.unreachable_at is None]
    return sorted(reachable, key=_answers_first(now))


def on_call_of(*, premises_ids: Collection[uuid.UUID], now: dt.datetime) -> dict[uuid.UUID, Contact]:
    """The telephone of each of these houses that answers at `now`, in one query; a house that cannot be reached is left out."""
    reachable = db.session.scalars(
        sa.select(Contact)
        .where(Contact.premises_id.in_(premises_ids), Contact.unreachable_at.is_(None))
        .order_by(Contact.position)
    )
    # The last one written for a house stays, so the first to try comes last.
    to_try = sorted(reachable, key=_answers_first(now), reverse=True)
    return {contact.premises_id: contact for contact in to_try}


def _answers_first(now: dt.datetime) -> Callable[[Contact], tuple[bool, int]]:
    return lambda contact: (not within(contact.from_time, contact.to_time, now), contact.position)


def within(start: str, end: str, now: dt.datetime) -> bool:
    """Whether the UK clock at `now` is from `start` until before `end`, each "HH:MM". The same twice is all day; an `end`
    before the `start` is past midnight.
    """
    clock = workdays.uk(now).strftime("%H:%M")
    if start == end:
        return True
    return start <= clock < end if start < end else clock >= start or clock < end


@dataclass(frozen=True)
class Count:
    """The bedspaces of one group: told apart, never typed in."""

    letter: str
    name: str
    free: int
    held: int
    occupied: int
    out_of_service: int


def not_free(now: dt.datetime, premises_id: uuid.UUID | None = None) -> dict[uuid.UUID, str]:
    """How every bedspace that is not free stands at `now`, of one house or of all: held, occupied or out. Two queries."""
    live = sa.select(Placement.bedspace_id, Placement.state).where(_counts_as_live(now))
    if premises_id is not None:
        live = live.where(Placement.premises_id == premises_id)
    found = dict.fromkeys(out_now(now, premises_id), "out")
    for bedspace_id, state in db.session.execute(live):
        found[bedspace_id] = "occupied" if state == State.ARRIVED else "held"
    return found


def standing(house: Premises, now: dt.datetime) -> dict[uuid.UUID, str]:
    """How every bedspace of `house` that is not retired stands at `now`: free, held, occupied or out."""
    taken = not_free(now, house.id)
    return {
        bedspace.id: taken.get(bedspace.id, "free")
        for bedspace in house.bedspaces
        if bedspace.retired_at is None
    }


def counts(house: Premises, now: dt.datetime) -> tuple[Count, ...]:
    """Free, held (and expected), occupied and out of service of every group of `house`, at `now`."""
    stands = standing(house, now)
    tally: dict[str, Counter[str]] = {group.letter: Counter() for group in house.groups}
    for bedspace in house.bedspaces:
        if bedspace.id in stands:
            tally[bedspace.group.letter][stands[bedspace.id]] += 1
    return tuple(
        Count(
            group.letter,
            group.name,
            *(tally[group.letter][kind] for kind in ("free", "held", "occupied", "out")),
        )
        for group in house.groups
    )


def _counts_as_live(now: dt.datetime) -> sa.ColumnElement[bool]:
    # A hold past its deadline no longer counts, swept or not: readers never wait for the sweep.
    overdue = sa.or_(
        sa.and_(Placement.state == State.HELD, Placement.answer_by <= now),
        sa.and_(
            Placement.state == State.CONFIRMED,
            Placement.set_off_at.is_(None),
            ~Placement.was_on_road,
            Placement.arrive_by <= now,
        ),
    )
    return sa.and_(Placement.state.in_(LIVE), ~overdue)


def out_now(now: dt.datetime, premises_id: uuid.UUID | None = None) -> set[uuid.UUID]:
    """The bedspaces out of service at `now`, of one house or of all. A spell past its `until` is over, whoever noticed."""
    wanted = (
        sa.select(OutOfService.bedspace_id)
        .join(Bedspace, Bedspace.id == OutOfService.bedspace_id)
        .where(
            OutOfService.ended_at.is_(None), sa.or_(OutOfService.until.is_(None), OutOfService.until > now)
        )
    )
    if premises_id is not None:
        wanted = wanted.where(Bedspace.premises_id == premises_id)
    return set(db.session.scalars(wanted))


def rooms(now: dt.datetime, *, leaving_out: uuid.UUID | None = None) -> list[matching.Room]:
    """Every bedspace of the scheme as matching sees it at `now`; three queries whatever the size.

    leaving_out: a referral whose own placement does not count as somebody else (for moves and transfers).
    """
    settings = current_app.config["SETTINGS"]
    houses = {
        house.id: house
        for house in db.session.scalars(sa.select(Premises).execution_options(populate_existing=True))
    }
    live = sa.select(
        Placement.bedspace_id,
        Placement.premises_id,
        Referral.cohort,
        Bedspace.self_contained,
        _counts_as_live(now),
    )
    live = live.join(Referral, Referral.id == Placement.referral_id)
    live = live.join(Bedspace, Bedspace.id == Placement.bedspace_id).where(Placement.state.in_(LIVE))
    if leaving_out is not None:
        live = live.where(Placement.referral_id != leaving_out)
    used: set[uuid.UUID] = set()
    sharing: dict[uuid.UUID, set[str]] = {}
    for bedspace_id, premises_id, cohort, self_contained, counts in db.session.execute(live):
        if counts:
            used.add(bedspace_id)
        # Overdue or not: a late yes to somebody overdue still counts, and strangers must not have been mixed meanwhile.
        if not self_contained:
            sharing.setdefault(premises_id, set()).add(cohort or "either")
    out = out_now(now)
    found = []
    for bedspace in db.session.scalars(sa.select(Bedspace).where(Bedspace.retired_at.is_(None))):
        house = houses[bedspace.premises_id]
        if geography.find(house.outcode) is None:
            # One house in a place the table no longer knows must not stop everybody's search.
            log.error("premises %s is left out: its outcode is not known", house.id.hex)
            continue
        found.append(
            matching.Room(
                id=bedspace.id,
                premises_id=house.id,
                outcode=house.outcode,
                nation=house.nation,
                room_cohort=bedspace.cohort,
                house_cohort=house.cohort,
                sleeps=bedspace.sleeps,
                self_contained=bedspace.self_contained,
                features=frozenset(bedspace.features) | frozenset(house.features),
                supports=frozenset(house.supports),
                child_ages=frozenset(house.child_ages),
                takes_pregnant=house.takes_pregnant,
                admits=house.admits,
                open_to_all=open_to_all(house, now),
                free=bedspace.id not in used and bedspace.id not in out,
                out=bedspace.id in out,
                others=frozenset(sharing.get(house.id, ())),
                freshness=matching.freshness(
                    house.reported_at, now, fresh_h=settings.FRESH_H, stale_h=settings.STALE_H
                ),
                last_used_at=bedspace.last_used_at,
            )
        )
    return found


def open_to_all(house: Premises, now: dt.datetime) -> bool:
    """Whether anybody at all may be sent there: accepting, not compromised, its address confirmed lately."""
    until = address_good_until(house)
    return house.accepts_at(now) and house.compromised_at is None and until is not None and now < until


def address_good_until(house: Premises) -> dt.datetime | None:
    """When the house has to have confirmed its address again, or nobody is sent there; None if nobody ever confirmed it."""
    if house.address_confirmed_at is None:
        return None
    return house.address_confirmed_at + dt.timedelta(days=current_app.config["ADDRESS_CONFIRMED_DAYS"])


def address_over(now: dt.datetime) -> sa.ColumnElement[bool]:
    """The same in the database: houses whose address nobody has confirmed, or not lately enough at `now`."""
    good = dt.timedelta(days=current_app.config["ADDRESS_CONFIRMED_DAYS"])
    return sa.or_(Premises.address_confirmed_at.is_(None), Premises.address_confirmed_at <= now - good)


def merged_regions() -> dict[str, str]:
    """Each region of the scheme's houses -> what officers are told: its own name, or joined with a neighbour's until at least
    three houses stand behind it, so that a region never points at a house.
    """
    sizes = Counter(db.session.scalars(sa.select(Premises.region)))
    names: dict[str, tuple[str, ...]] = {}
    for region in sizes:
        joined, count = [region], sizes[region]
        for neighbour in geography.NEIGHBOURS.get(region, ()):
            if count >= SMALL_REGION:
                break
            joined.append(neighbour)
            count += sizes.get(neighbour, 0)
        names[region] = tuple(joined)
    return {region: " or ".join(joined) for region, joined in names.items()}


def figures_words(houses: Iterable[Premises], now: dt.datetime) -> str:
    """The free beds of these houses, group by group, as a text has room for them: "W2 F1 free"."""
    spoken = " ".join(f"{count.letter}{count.free}" for house in houses for count in counts(house, now))
    # Many groups would not fit one text, and half of them would mislead.
    return f"{spoken} free" if spoken and len(spoken) <= messages.COUNTS_ROOM else "all as they were"


def of_provider(provider_id: uuid.UUID) -> Sequence[Premises]:
    """The houses of a provider with their rooms and contacts, by name."""
    return db.session.scalars(
        sa.select(Premises)
        .where(Premises.provider_id == provider_id)
        .options(
            selectinload(Premises.bedspaces).selectinload(Bedspace.group), selectinload(Premises.contacts)
        )
        .order_by(Premises.name)
    ).all()
