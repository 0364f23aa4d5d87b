"""Which bedspace may take which person, in what order, and why not. Nobody browses houses: this is asked, and answers.

Pure: it is handed what is known and says what follows. Rules of lifecycle.md, "Matching".
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from safety import geography, workdays

CHILD_AGES: Mapping[str, str] = {
    "under_2": "Under 2",
    "2_to_4": "2 to 4",
    "5_to_11": "5 to 11",
    "12_to_17": "12 to 17",
}
FEATURES: Mapping[str, str] = {
    "step_free": "Step-free",
    "ground_floor": "Ground floor",
    "own_bathroom": "Own bathroom",
    "self_contained": "Self-contained flat",
    "cot": "Cot",
    "women_staff": "Women staff on duty",
    "quiet": "Quiet room",
    "diet": "Halal, vegetarian or other diet",
    "smoking": "Somewhere to smoke",
    "pet": "Takes an animal",
}
SUPPORT: Mapping[str, str] = {
    "self_harm": "Risk of self-harm",
    "violence": "Risk of violence to others",
    "fire": "Has set fires",
    "sexual_offence": "Risk of sexual offending",
    "alcohol": "Depends on alcohol",
    "drugs": "Depends on drugs",
    "medication": "Needs medication kept safe",
}


class Freshness(IntEnum):
    """How far a house's figures can be trusted. Lower is better, and ranks first."""

    FRESH = 0
    AGEING = 1
    STALE = 2


class Cause(StrEnum):
    """What stood in the way of a bed. Shown to officers as needs, never as houses."""

    FULL = "full"
    COHORT = "cohort"
    SHARING = "sharing"
    SIZE = "size"
    CHILDREN = "children"
    PREGNANT = "pregnant"
    FEATURES = "features"
    SUPPORT = "support"
    HOURS = "hours"
    NATION = "nation"
    KEEP_AWAY = "keep_away"
    KEEP_APART = "keep_apart"
    NOT_ACCEPTING = "not_accepting"
    ASKED = "asked"


CAUSE_WORDS: Mapping[Cause, str] = {
    Cause.FULL: "every bed that would fit is in use",
    Cause.COHORT: "the kind of place asked for (women's, men's or mixed)",
    Cause.SHARING: "who already lives in the houses with room",
    Cause.SIZE: "room for everybody together",
    Cause.CHILDREN: "the ages of the children",
    Cause.PREGNANT: "a place that takes somebody who is pregnant",
    Cause.FEATURES: "what was ticked as needed in the room",
    Cause.SUPPORT: "a house that can manage the risks ticked",
    Cause.HOURS: "a house that opens its door at that time",
    Cause.NATION: "no place in this nation; a coordinator may look across the border",
    Cause.KEEP_AWAY: "the areas to keep away from",
    Cause.KEEP_APART: "keeping apart from somebody else",
    Cause.NOT_ACCEPTING: "houses that are not taking anybody just now",
    Cause.ASKED: "houses that were asked already",
}


@dataclass(frozen=True)
class Person:
    """Who needs a place: one person or one family, as far as matching may know.

    cohort: women | men | either. children: how many in each of CHILD_AGES. needed and wished: codes of FEATURES.
    support: codes of SUPPORT. keep_away: outcodes with `keep_away_miles` around each. eta_at: aware.
    """

    cohort: str
    adults: int
    outcode: str
    nation: str
    eta_at: dt.datetime
    children: Mapping[str, int] = field(default_factory=dict)
    pregnant: bool = False
    needed: frozenset[str] = frozenset()
    wished: frozenset[str] = frozenset()
    support: frozenset[str] = frozenset()
    keep_away: tuple[str, ...] = ()
    keep_away_miles: float = 0.0
    apart_from: frozenset[uuid.UUID] = frozenset()  # premises where somebody to keep apart from is
    asked: frozenset[uuid.UUID] = frozenset()  # premises that just said no, or nothing
    beside: frozenset[uuid.UUID] = frozenset()  # premises where others are whom they would like to be with
    any_nation: bool = False

    @property
    def party(self) -> int:
        """How many people."""
        return self.adults + sum(self.children.values())


@dataclass(frozen=True)
class Room:
    """One bedspace with what its house brings. others: the cohorts of everybody else living in or coming to the shared part."""

    id: uuid.UUID
    premises_id: uuid.UUID
    outcode: str
    nation: str
    room_cohort: str
    house_cohort: str
    sleeps: int
    self_contained: bool
    features: frozenset[str]
    supports: frozenset[str]
    child_ages: frozenset[str]
    takes_pregnant: bool
    admits: Sequence[Sequence[str] | None]
    open_to_all: bool  # accepting, not compromised, address confirmed lately
    free: bool
    out: bool = False  # out of service, which nobody is in: a word of its house makes it free
    others: frozenset[str] = frozenset()
    freshness: Freshness = Freshness.FRESH
    last_used_at: dt.datetime | None = None


@dataclass(frozen=True)
class Fit:
    """A room that may take the person, with what ranks it."""

    room: Room
    unmet_wishes: int
    miles: float
    spare: int  # sleeping places and features nobody asked for, which somebody else may need
    parted: bool = False  # others are placed whom they would like to be with, and not here

    @property
    def rank(self) -> tuple[int, bool, int, float, int, float, bytes]:
        """Freshness, with the others, unmet wishes, distance, the plainest, longest unused, id."""
        used = self.room.last_used_at.timestamp() if self.room.last_used_at else 0.0
        away = round(self.miles, 1)
        return (
            self.room.freshness,
            self.parted,
            self.unmet_wishes,
            away,
            self.spare,
            used,
            self.room.id.bytes,
        )


@dataclass(frozen=True)
class Answer:
    """What matching says: rooms that fit, best first; and, when there are none, what stood in the way."""

    fits: tuple[Fit, ...]
    causes: tuple[Cause, ...]


def freshness(reported_at: dt.datetime | None, now: dt.datetime, *, fresh_h: int, stale_h: int) -> Freshness:
    """How far figures reported at `reported_at` can be trusted at `now` (settings FRESH_H and STALE_H, hours)."""
    if reported_at is None:
        return Freshness.STALE
    age = now - reported_at
    if age < dt.timedelta(hours=fresh_h):
        return Freshness.FRESH
    return Freshness.AGEING if age < dt.timedelta(hours=stale_h) else Freshness.STALE


def _cohort(person: Person, room: Room) -> bool:
    return room.room_cohort in ("either", person.cohort) and room.house_cohort in ("either", person.cohort)


def _sharing(person: Person, room: Room) -> bool:
    # A house is single-sex unless its units are self-contained, whatever its label: what counts is who is there and expected.
    return room.self_contained or not (room.others - {person.cohort})


def _size(person: Person, room: Room) -> bool:
    babies = person.children.get("under_2", 0) if "cot" in room.features else 0
    return person.party - babies <= room.sleeps


def _children(person: Person, room: Room) -> bool:
    return {age for age, count in person.children.items() if count} <= room.child_ages


def _features(person: Person, room: Room) -> bool:
    has = room.features | ({"self_contained"} if room.self_contained else set())
    return person.needed <= has


def _nation(person: Person, room: Room) -> bool:
    return person.any_nation or room.nation == person.nation


def _keep_away(person: Person, room: Room) -> bool:
    return not geography.within(room.outcode, person.keep_away, person.keep_away_miles)


RULES: tuple[tuple[Cause, Callable[[Person, Room], bool]], ...] = (
    (Cause.FULL, lambda person, room: room.free),
    (Cause.NOT_ACCEPTING, lambda person, room: room.open_to_all),
    (Cause.COHORT, _cohort),
    (Cause.SHARING, _sharing),
    (Cause.SIZE, _size),
    (Cause.CHILDREN, _children),
    (Cause.PREGNANT, lambda person, room: room.takes_pregnant or not person.pregnant),
    (Cause.FEATURES, _features),
    (Cause.SUPPORT, lambda person, room: person.support <= room.supports),
    (Cause.HOURS, lambda person, room: admits(room.admits, person.eta_at)),
    (Cause.NATION, _nation),
    (Cause.KEEP_AWAY, _keep_away),
    (Cause.KEEP_APART, lambda person, room: room.premises_id not in person.apart_from),
    (Cause.ASKED, lambda person, room: room.premises_id not in person.asked),
)


def admits(hours: Sequence[Sequence[str] | None], at: dt.datetime) -> bool:
    """Whether a house with these admission hours opens its door at `at`.

    hours: seven pairs of local "HH:MM" (opens, latest), Monday first, None for no admissions that day. A latest at or before
    opens runs past midnight; "00:00" to "24:00" is the whole day.
    """
    local = workdays.uk(at)
    clock = local.strftime("%H:%M")
    today, yesterday = hours[local.weekday()], hours[(local.weekday() - 1) % 7]
    if today and (today[0] <= clock <= today[1] if today[0] < today[1] else clock >= today[0]):
        return True
    return bool(yesterday and yesterday[0] >= yesterday[1] and clock <= yesterday[1])


def against(person: Person, room: Room) -> frozenset[Cause]:
    """Every rule this room breaks for this person; none means it fits."""
    return frozenset(cause for cause, holds in RULES if not holds(person, room))


def match(person: Person, rooms: Iterable[Room]) -> Answer:
    """The rooms that fit, best first; when none does, what stood in the way.

    The causes are those of the nearest misses only: the fewest rules that some room would have had to bend.
    """
    fits: list[Fit] = []
    nearest: set[Cause] = set()
    fewest = len(RULES) + 1
    for room in rooms:
        broken = against(person, room)
        if not broken:
            fits.append(_fit(person, room))
        elif len(broken) < fewest:
            fewest, nearest = len(broken), set(broken)
        elif len(broken) == fewest:
            nearest |= broken
    if fits:
        return Answer(tuple(sorted(fits, key=lambda fit: fit.rank)), ())
    causes = nearest or {Cause.FULL}
    return Answer((), tuple(cause for cause in Cause if cause in causes))


def _fit(person: Person, room: Room) -> Fit:
    has = room.features | ({"self_contained"} if room.self_contained else set())
    return Fit(
        room,
        unmet_wishes=len(person.wished - has),
        miles=geography.miles(person.outcode, room.outcode),
        spare=room.sleeps - person.party + len(has - person.needed - person.wished),
        parted=bool(person.beside) and room.premises_id not in person.beside,
    )


def could_make_room(person: Person, rooms: Iterable[Room]) -> dict[uuid.UUID, tuple[Room, ...]]:
    """The houses that fit but for their count, each with its rooms that would fit if they were brought back into service.

    A room that somebody lives in or is coming to can be made free by no answer of its house, so it does not count; every other
    rule holds as it does for a room that is free. Rule of lifecycle.md, "Ask everybody".
    """
    found: dict[uuid.UUID, tuple[Room, ...]] = {}
    for room in rooms:
        if room.out and against(person, room) == {Cause.FULL}:
            found[room.premises_id] = (*found.get(room.premises_id, ()), room)
    return found
