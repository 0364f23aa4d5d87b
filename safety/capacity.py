"""Where beds are: how many are free, held, occupied and out of service, by region and by whom they are for, and how fresh that is.

For coordinators. The rule kept: nothing here is finer than a region.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from flask import current_app

from safety import geography, matching, premises
from safety.extensions import db
from safety.models import Bedspace, Cohort, Premises

# How old the word of a house is that free beds were counted by, the best first: as matching has it, and never apart from old.
FRESHNESS: Mapping[str, str] = {
    "fresh": "Fresh",
    "ageing": "Ageing",
    "stale": "Stale",
    "never": "Never said",
}


@dataclass
class Beds:
    """Rooms counted. free: somebody could be sent there now. closed: free, but nobody is sent to that house now (it is closed,
    compromised, or its address is not confirmed). said: of the free ones, how old the word of the house is (FRESHNESS).
    """

    free: int = 0
    held: int = 0
    occupied: int = 0
    out: int = 0
    closed: int = 0
    said: Counter[str] = field(default_factory=Counter)

    @property
    def every(self) -> int:
        """All rooms that are not retired."""
        return self.free + self.held + self.occupied + self.out + self.closed

    def add(self, other: Beds) -> None:
        """Count the others in."""
        for name in ("free", "held", "occupied", "out", "closed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.said += other.said


@dataclass(frozen=True)
class Capacity:
    """Beds by region (in the order of geography.REGIONS) and within it by whom they are for; those without rooms left out."""

    regions: Mapping[str, Mapping[Cohort, Beds]]

    def of(self, region: str) -> Beds:
        """All rooms of a region; none for one that has no house."""
        return _sum(self.regions.get(region, {}).values())

    def for_(self, cohort: Cohort) -> Beds:
        """All rooms for these people."""
        return _sum(beds[cohort] for beds in self.regions.values() if cohort in beds)

    @property
    def total(self) -> Beds:
        """All rooms of the scheme."""
        return _sum(self.of(region) for region in self.regions)


def everywhere(*, now: dt.datetime) -> Capacity:
    """How every room of the scheme stands at `now`; four queries whatever the size."""
    settings = current_app.config["SETTINGS"]
    stands = premises.not_free(now)
    counted: dict[str, dict[Cohort, Beds]] = defaultdict(lambda: defaultdict(Beds))
    houses = {house.id: house for house in db.session.scalars(sa.select(Premises))}
    open_ = {house.id for house in houses.values() if premises.open_to_all(house, now)}
    rooms = db.session.execute(
        sa.select(Bedspace.id, Bedspace.cohort, Bedspace.premises_id).where(Bedspace.retired_at.is_(None))
    )
    for bedspace_id, cohort, premises_id in rooms:
        house = houses[premises_id]
        # A room for anybody in a house for women is a room for women.
        whom = Cohort(house.cohort if cohort == Cohort.EITHER else cohort)
        beds = counted[house.region][whom]
        stand = stands.get(bedspace_id, "free")
        if stand == "free" and house.id not in open_:
            stand = "closed"
        setattr(beds, stand, getattr(beds, stand) + 1)
        if stand == "free":
            age = matching.freshness(
                house.reported_at, now, fresh_h=settings.FRESH_H, stale_h=settings.STALE_H
            )
            beds.said["never" if house.reported_at is None else age.name.lower()] += 1
    return Capacity(
        {
            region: {cohort: counted[region][cohort] for cohort in Cohort if cohort in counted[region]}
            for region in geography.REGIONS
            if region in counted
        }
    )


def _sum(parts: Iterable[Beds]) -> Beds:
    total = Beds()
    for part in parts:
        total.add(part)
    return total
