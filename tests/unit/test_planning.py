"""Beds for several people at once: against every plan there is, on small instances; and plans a person can check by eye."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safety import matching, planning
from safety.matching import Cause, Freshness, Person, Room
from safety.planning import Member, Wish

NOW = dt.datetime(2027, 1, 13, 14, 0, tzinfo=dt.UTC)
ALWAYS = [["00:00", "24:00"]] * 7
OUTCODES = ("LS1", "LS8", "BD1", "S1")


def person(**kept) -> Person:
    values = {"cohort": "women", "adults": 1, "outcode": "LS1", "nation": "England", "eta_at": NOW}
    return Person(**values | kept)


def member(number: int, *, apart: tuple[int, ...] = (), **kept) -> Member:
    return Member(uuid.UUID(int=number), person(**kept), frozenset(uuid.UUID(int=one) for one in apart))


def room(number: int, house: int, **kept) -> Room:
    values = {
        "id": uuid.UUID(int=100 + number),
        "premises_id": uuid.UUID(int=1000 + house),
        "outcode": "LS1",
        "nation": "England",
        "room_cohort": "either",
        "house_cohort": "either",
        "sleeps": 2,
        "self_contained": False,
        "features": frozenset(),
        "supports": frozenset(),
        "child_ages": frozenset(),
        "takes_pregnant": True,
        "admits": ALWAYS,
        "open_to_all": True,
        "free": True,
    }
    return Room(**values | kept)


def houses(plan: planning.Plan) -> list[int]:
    return [fit.room.premises_id.int - 1000 for fit in plan.given.values()]


def value(members, chosen, wish, already=frozenset()):
    """What a plan is worth, worked out without the search: fewest left, fewest houses, and what the rooms cost."""
    fits = [matching._fit(one.person, place) for one, place in zip(members, chosen, strict=True) if place]
    used = {fit.room.premises_id for fit in fits} - already
    costs = [planning.cost(fit) for fit in fits]
    return (
        sum(place is None for place in chosen),
        len(used) if wish is Wish.TOGETHER else 0,
        *(sum(part) for part in (zip(*costs, strict=True) if costs else [(), (), (), ()])),
    )


def holds(members, chosen, wish):
    """Whether matching itself would give each of them their room with all the others in theirs already."""
    there = [(one, place) for one, place in zip(members, chosen, strict=True) if place is not None]
    if len({place.id for _, place in there}) < len(there):
        return False
    for one, place in there:
        others = [(other, theirs) for other, theirs in there if other is not one]
        shared = {
            other.person.cohort
            for other, theirs in others
            if theirs.premises_id == place.premises_id and not theirs.self_contained
        }
        apart = {
            theirs.premises_id
            for other, theirs in others
            if wish is Wish.APART or other.id in one.apart_from or one.id in other.apart_from
        }
        asks = replace(one.person, apart_from=one.person.apart_from | apart)
        if matching.against(asks, replace(place, others=place.others | shared)):
            return False
    return True


def best_of_all(members, rooms, wish, already=frozenset()):
    every = itertools.product([None, *rooms], repeat=len(members))
    return min(value(members, chosen, wish, already) for chosen in every if holds(members, chosen, wish))


people = st.builds(
    lambda cohort, adults, outcode, needed: {
        "cohort": cohort,
        "adults": adults,
        "outcode": outcode,
        "needed": frozenset(needed),
    },
    st.sampled_from(["women", "men", "either"]),
    st.integers(1, 3),
    st.sampled_from(OUTCODES),
    st.sets(st.sampled_from(["step_free", "cot"]), max_size=1),
)
places = st.builds(
    lambda house, cohort, sleeps, own, features, fresh, free: {
        "house": house,
        "room_cohort": cohort,
        "sleeps": sleeps,
        "self_contained": own,
        "features": frozenset(features),
        "freshness": fresh,
        "outcode": OUTCODES[house],
        "free": free,
    },
    st.integers(0, 3),
    st.sampled_from(["women", "men", "either", "either"]),
    st.integers(1, 3),
    st.booleans(),
    st.sets(st.sampled_from(["step_free", "cot"])),
    st.sampled_from(list(Freshness)),
    st.sampled_from([True, True, True, False]),
)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(people, min_size=1, max_size=4),
    st.lists(places, max_size=5),
    st.sampled_from(list(Wish)),
    st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=2),
    st.sets(st.integers(0, 3), max_size=1),
)
def test_no_plan_is_better_than_the_one_that_is_made(asked, offered, wish, pairs, there):
    members = [
        member(number, apart=tuple(two for one, two in pairs if one == number and two != number), **kept)
        for number, kept in enumerate(asked)
    ]
    rooms = [room(number, **kept) for number, kept in enumerate(offered)]
    already = frozenset(uuid.UUID(int=1000 + house) for house in there)
    plan = planning.plan(members, rooms, wish=wish, already=already)
    chosen = [plan.given[one.id].room if one.id in plan.given else None for one in members]
    assert plan.certain
    assert holds(members, chosen, wish)
    assert value(members, chosen, wish, already) == best_of_all(members, rooms, wish, already)
    assert set(plan.given) | set(plan.left) == {one.id for one in members}
    assert not set(plan.given) & set(plan.left)


@settings(max_examples=60, deadline=None)
@given(st.lists(people, min_size=1, max_size=5), st.lists(places, max_size=8), st.sampled_from(list(Wish)))
def test_the_same_people_and_rooms_give_the_same_plan_in_whatever_order_rooms_come(asked, offered, wish):
    members = [member(number, **kept) for number, kept in enumerate(asked)]
    rooms = [room(number, **kept) for number, kept in enumerate(offered)]
    assert planning.plan(members, rooms, wish=wish) == planning.plan(members, rooms[::-1], wish=wish)


def test_the_only_room_for_one_is_not_given_to_somebody_who_has_another():
    """One by one, the first would take the nearer step-free room, and the second would be left."""
    rooms = [room(1, 1, features=frozenset({"step_free"})), room(2, 2, outcode="S1")]
    members = [member(1), member(2, needed=frozenset({"step_free"}))]
    plan = planning.plan(members, rooms)
    assert plan.whole
    assert houses(plan) == [2, 1]


def test_together_is_one_house_although_two_are_nearer():
    near = [room(1, 1), room(2, 2)]
    far = [room(number, 3, outcode="S1") for number in (3, 4)]
    members = [member(1), member(2)]
    assert houses(planning.plan(members, near + far)) == [1, 2]
    assert houses(planning.plan(members, near + far, wish=Wish.TOGETHER)) == [3, 3]


def test_together_leaves_nobody_only_to_be_in_one_house():
    rooms = [room(1, 1), room(2, 1), room(3, 2, outcode="S1")]
    plan = planning.plan([member(1), member(2), member(3)], rooms, wish=Wish.TOGETHER)
    assert plan.whole and sorted(houses(plan)) == [1, 1, 2]


def test_together_goes_where_others_of_the_operation_are_already():
    rooms = [room(1, 1), room(2, 2, outcode="S1")]
    there = frozenset({uuid.UUID(int=1002)})
    assert houses(planning.plan([member(1)], rooms, wish=Wish.TOGETHER, already=there)) == [2]


def test_apart_is_never_the_same_house_and_says_who_is_left():
    rooms = [room(1, 1), room(2, 1)]
    plan = planning.plan([member(1), member(2)], rooms, wish=Wish.APART)
    assert len(plan.given) == 1
    assert plan.left == {uuid.UUID(int=2): ()}, "a room fits; it goes to the other"


def test_two_who_must_be_apart_are_apart_and_a_third_may_be_with_either():
    rooms = [room(number, 1) for number in (1, 2, 3)] + [room(4, 2, outcode="S1")]
    plan = planning.plan([member(1, apart=(2,)), member(2), member(3)], rooms, wish=Wish.TOGETHER)
    assert plan.whole
    first, second, _ = houses(plan)
    assert first != second


def test_women_and_men_share_no_house_but_through_a_flat_of_their_own():
    rooms = [room(1, 1), room(2, 1)]
    members = [member(1), member(2, cohort="men")]
    assert len(planning.plan(members, rooms).given) == 1
    flat = [room(1, 1), room(2, 1, self_contained=True)]
    assert planning.plan(members, flat).whole


def test_who_is_left_is_told_what_stood_in_the_way():
    rooms = [room(1, 1), room(2, 1)]
    plan = planning.plan([member(1), member(2, adults=3)], rooms)
    assert plan.left == {uuid.UUID(int=2): (Cause.SIZE,)}


def test_nobody_to_place_and_nowhere_to_go():
    assert planning.plan([], [room(1, 1)]).whole
    assert planning.plan([member(1)], []).left == {uuid.UUID(int=1): (Cause.FULL,)}


@pytest.mark.parametrize("wish", list(Wish))
def test_twelve_people_over_three_hundred_houses_are_all_placed(wish):
    rooms = [
        room(number, number // 3, outcode=OUTCODES[number // 3 % 4], sleeps=1 + number % 3)
        for number in range(900)
    ]
    members = [member(number, adults=1 + number % 2) for number in range(12)]
    plan = planning.plan(members, rooms, wish=wish)
    assert plan.whole
    chosen = [plan.given[one.id].room for one in members]
    assert holds(members, chosen, wish)
    if wish is Wish.TOGETHER:
        assert len(set(houses(plan))) <= 6


def test_how_many_must_be_left_is_found_by_giving_the_first_another_room():
    both, one = [room(1, 1), room(2, 2)], [room(1, 1)]
    fits = [matching.match(person(), rooms).fits for rooms in (both, one)]
    assert planning._fewest_left(fits) == 0
    assert planning._fewest_left([*fits, fits[1]]) == 1
