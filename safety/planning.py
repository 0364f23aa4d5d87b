"""Beds for several people at once: who gets which room so that as many as can be are placed, together or apart as was wished.

Pure, like matching, whose rules it asks: a room is right for somebody here exactly when it would be right with the others of the
plan already in theirs. The search is exhaustive in a fixed order, so the same people and rooms give the same plan.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from safety import matching
from safety.matching import Cause, Fit, Person, Room

# So many steps a search may take; beyond, the best plan found so far is as good as it gets.
BUDGET = 20_000
# So many houses that could take several of them are looked at in full, when they are to stay together.
MOST_SHARED = 12

Value = tuple[int, int, int, int, int, int]


class Wish(StrEnum):
    """Whether people of one operation should be in the same house."""

    ANY = "any"
    TOGETHER = "together"
    APART = "apart"


@dataclass(frozen=True)
class Member:
    """One person or family to place. apart_from: ids of other members that must not be in the same house."""

    id: uuid.UUID
    person: Person
    apart_from: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True)
class Plan:
    """Who gets which room, and who is left. given: in the order the members came; left: what stood in the way of each, nothing
    when the only rooms that fit go to others of the plan. certain: False when the search was cut short at BUDGET.
    """

    given: Mapping[uuid.UUID, Fit]
    left: Mapping[uuid.UUID, tuple[Cause, ...]]
    certain: bool = True

    @property
    def whole(self) -> bool:
        """Whether everybody gets a room."""
        return not self.left


@dataclass
class _Search:
    members: Sequence[Member]
    options: Sequence[Sequence[Fit]]
    wish: Wish
    already: frozenset[uuid.UUID]
    order: Sequence[int]
    fewest_left: Sequence[int]  # of the members from this place of the order on, whatever the others have
    cheapest: Sequence[
        Sequence[tuple[int, int, int, int]]
    ]  # of the same, each part by itself, by how many are placed
    best: Value | None = None
    found: dict[int, Fit] = field(default_factory=dict)
    steps: int = 0

    def run(self) -> None:
        self._place(0, {}, (0, 0, 0, 0, 0, 0))

    def _place(self, place: int, chosen: dict[int, Fit], value: Value) -> None:
        self.steps += 1
        if self.steps > BUDGET or (self.best is not None and self._least(place, value) >= self.best):
            return
        if place == len(self.order):
            self.best, self.found = value, dict(chosen)
            return
        index = self.order[place]
        houses = {fit.room.premises_id for fit in chosen.values()} | self.already
        for fit in self._tried(index, chosen, houses):
            extra = int(self.wish is Wish.TOGETHER and fit.room.premises_id not in houses)
            chosen[index] = fit
            self._place(place + 1, chosen, _plus(value, (0, extra, *cost(fit))))
            del chosen[index]
        self._place(place + 1, chosen, _plus(value, (1, 0, 0, 0, 0, 0)))

    def _tried(self, index: int, chosen: Mapping[int, Fit], houses: set[uuid.UUID]) -> list[Fit]:
        """The rooms this member may have beside those chosen already; of like rooms of a house only the first."""
        seen = set()
        found = []
        for fit in self.options[index]:
            like = _like(fit.room)
            if like not in seen and self._goes(index, fit, chosen):
                seen.add(like)
                found.append(fit)
        if self.wish is Wish.TOGETHER:
            found.sort(key=lambda fit: fit.room.premises_id not in houses)
        return found

    def _goes(self, index: int, fit: Fit, chosen: Mapping[int, Fit]) -> bool:
        return all(
            self._together(index, fit, other, theirs)
            for other, theirs in chosen.items()
            if theirs.room.premises_id == fit.room.premises_id
        )

    def _together(self, one: int, fit: Fit, other: int, theirs: Fit) -> bool:
        """Whether two members may be in these two rooms of one house."""
        first, second = self.members[one], self.members[other]
        if fit.room.id == theirs.room.id or self.wish is Wish.APART:
            return False
        if second.id in first.apart_from or first.id in second.apart_from:
            return False
        own = fit.room.self_contained or theirs.room.self_contained
        return own or first.person.cohort == second.person.cohort

    def _least(self, place: int, value: Value) -> Value:
        """What this cannot come out below, whatever follows: never more than the truth in any part."""
        rest = len(self.order) - place
        left = self.fewest_left[place]
        if self.best is not None and value[0] + left > self.best[0]:
            return _plus(value, (left, 0, 0, 0, 0, 0))
        # No better in who is left, so at most so many of the rest may be: the others each cost something.
        may_stay = rest if self.best is None else self.best[0] - value[0]
        return _plus(value, (left, 0, *self.cheapest[place][max(rest - may_stay, 0)]))


def plan(
    members: Sequence[Member],
    rooms: Sequence[Room],
    *,
    wish: Wish = Wish.ANY,
    already: frozenset[uuid.UUID] = frozenset(),
) -> Plan:
    """The best plan for these members over these rooms.

    Best is: fewest left without a room; with TOGETHER then the fewest houses; then the freshest figures, the fewest wishes
    unmet, the least distance, the plainest rooms, each summed over everybody. already: the houses where others of the
    operation are: with TOGETHER they cost nothing, and with APART matching must have been told of them (Person.apart_from).
    """
    answers = [matching.match(member.person, rooms) for member in members]
    options = _worth_trying([answer.fits for answer in answers], wish, already)
    order = sorted(range(len(members)), key=lambda index: (len(options[index]), index))
    search = _Search(
        members,
        options,
        wish,
        already,
        order,
        fewest_left=[
            _fewest_left([options[index] for index in order[place:]]) for place in range(len(order) + 1)
        ],
        cheapest=[_cheapest([options[index] for index in order[place:]]) for place in range(len(order) + 1)],
    )
    search.run()
    given = {member.id: search.found[index] for index, member in enumerate(members) if index in search.found}
    left = {
        member.id: answers[index].causes for index, member in enumerate(members) if index not in search.found
    }
    return Plan(given, left, certain=search.steps <= BUDGET)


def cost(fit: Fit) -> tuple[int, int, int, int]:
    """What a room costs a plan, the first part first: figures that are not fresh, wishes unmet, tenths of a mile, what nobody
    asked for.
    """
    return (int(fit.room.freshness), fit.unmet_wishes, round(fit.miles * 10), fit.spare)


def _plus(value: Value, more: tuple[int, ...]) -> Value:
    one, two, three, four, five, six = (part + also for part, also in zip(value, more, strict=True))
    return (one, two, three, four, five, six)


def _like(room: Room) -> tuple[object, ...]:
    return (room.premises_id, room.sleeps, room.self_contained, room.room_cohort, room.features)


def _worth_trying(
    fits: Sequence[Sequence[Fit]], wish: Wish, already: frozenset[uuid.UUID]
) -> list[list[Fit]]:
    """For each member the rooms a best plan could give them.

    The others can be in one house each, so one of the cheapest houses, as many as there are members, is free of them all:
    a dearer one is never needed, but to be together.
    """
    shared: set[uuid.UUID] = set(already)
    if wish is Wish.TOGETHER:
        reach: dict[uuid.UUID, list[int]] = {}
        for theirs in fits:
            for house in {fit.room.premises_id for fit in theirs}:
                reach.setdefault(house, []).append(_nearest(theirs, house))
        several = [house for house, each in reach.items() if len(each) > 1]
        several.sort(key=lambda house: (-len(reach[house]), sum(reach[house]), house.bytes))
        shared |= set(several[:MOST_SHARED])
    kept = []
    for theirs in fits:
        cheapest: dict[uuid.UUID, None] = {}
        for fit in sorted(theirs, key=lambda fit: (cost(fit), fit.rank)):
            cheapest.setdefault(fit.room.premises_id, None)
        houses = set(list(cheapest)[: len(fits)]) | shared
        kept.append([fit for fit in theirs if fit.room.premises_id in houses])
    return kept


def _nearest(fits: Sequence[Fit], house: uuid.UUID) -> int:
    return min(round(fit.miles * 10) for fit in fits if fit.room.premises_id == house)


def _fewest_left(options: Sequence[Sequence[Fit]]) -> int:
    """How many of these must be left when nothing counts but that a room takes one: a matching by augmenting paths."""
    holder: dict[uuid.UUID, int] = {}

    def give(one: int, tried: set[uuid.UUID]) -> bool:
        for fit in options[one]:
            room = fit.room.id
            if room in tried:
                continue
            tried.add(room)
            if room not in holder or give(holder[room], tried):
                holder[room] = one
                return True
        return False

    return sum(not give(one, set()) for one in range(len(options)))


def _cheapest(options: Sequence[Sequence[Fit]]) -> list[tuple[int, int, int, int]]:
    """For each number of these that are placed, what they cost at least, each part by itself."""
    least = [
        tuple(min(part) for part in zip(*(cost(fit) for fit in theirs), strict=True))
        for theirs in options
        if theirs
    ]
    parts = [sorted(part) for part in zip(*least, strict=True)] if least else [[], [], [], []]
    sums = []
    for many in range(len(options) + 1):
        one, two, three, four = (sum(part[:many]) for part in parts)
        sums.append((one, two, three, four))
    return sums
