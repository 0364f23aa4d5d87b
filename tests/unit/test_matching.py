"""Which room may take which person: properties of the match, and each rule by its own example."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety import geography, matching
from safety.matching import Cause, Freshness, Person, Room

NOW = dt.datetime(2027, 1, 13, 22, 0, tzinfo=dt.UTC)
ALWAYS = [["00:00", "24:00"]] * 7
HOUSE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
OUTCODES = ["LS1", "LS6", "BD1", "M1", "E1", "CF10", "EH1"]


def person(**kept: Any) -> Person:
    values: dict[str, Any] = {
        "cohort": "women",
        "adults": 1,
        "outcode": "LS1",
        "nation": "England",
        "eta_at": NOW,
    }
    return Person(**values | kept)


def room(**kept: Any) -> Room:
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "premises_id": uuid.uuid4(),
        "outcode": "LS6",
        "nation": "England",
        "room_cohort": "women",
        "house_cohort": "women",
        "sleeps": 2,
        "self_contained": False,
        "features": frozenset(),
        "supports": frozenset(),
        "child_ages": frozenset(),
        "takes_pregnant": False,
        "admits": ALWAYS,
        "open_to_all": True,
        "free": True,
    }
    return Room(**values | kept)


# Each rule broken alone: the person or the room that breaks it, and what makes it fit again.
BROKEN: dict[Cause, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    Cause.FULL: ({}, {"free": False}, {"free": True}),
    Cause.NOT_ACCEPTING: ({}, {"open_to_all": False}, {"open_to_all": True}),
    Cause.COHORT: ({}, {"room_cohort": "men"}, {"room_cohort": "either"}),
    Cause.SHARING: (
        {},
        {"others": frozenset({"men"})},
        {"others": frozenset({"men"}), "self_contained": True},
    ),
    Cause.SIZE: ({"adults": 3}, {}, {"sleeps": 3}),
    Cause.CHILDREN: ({"children": {"5_to_11": 1}}, {}, {"child_ages": frozenset({"5_to_11"})}),
    Cause.PREGNANT: ({"pregnant": True}, {}, {"takes_pregnant": True}),
    Cause.FEATURES: ({"needed": frozenset({"step_free"})}, {}, {"features": frozenset({"step_free"})}),
    Cause.SUPPORT: ({"support": frozenset({"alcohol"})}, {}, {"supports": frozenset({"alcohol"})}),
    Cause.HOURS: ({}, {"admits": [["09:00", "20:00"]] * 7}, {"admits": [["09:00", "23:00"]] * 7}),
    Cause.NATION: ({"nation": "Wales"}, {}, {"nation": "Wales"}),
    Cause.KEEP_AWAY: ({"keep_away": ("LS6",), "keep_away_miles": 5.0}, {}, {"outcode": "M1"}),
    Cause.KEEP_APART: ({"apart_from": frozenset({HOUSE})}, {"premises_id": HOUSE}, {"premises_id": OTHER}),
    Cause.ASKED: ({"asked": frozenset({HOUSE})}, {"premises_id": HOUSE}, {"premises_id": OTHER}),
}


def test_every_cause_has_an_example_and_words() -> None:
    assert set(BROKEN) == set(Cause) == set(matching.CAUSE_WORDS)


@pytest.mark.parametrize("cause", list(BROKEN))
def test_a_room_that_breaks_one_rule_is_refused_for_it_and_for_nothing_else(cause: Cause) -> None:
    wanted, broken, mended = BROKEN[cause]
    answer = matching.match(person(**wanted), [room(**broken)])
    assert answer.fits == () and answer.causes == (cause,)
    assert matching.match(person(**wanted), [room(**{**broken, **mended})]).causes == ()


@st.composite
def people(draw: Any) -> Person:
    some = st.frozensets(st.sampled_from(["step_free", "cot", "quiet"]))
    return person(
        cohort=draw(st.sampled_from(["women", "men", "either"])),
        adults=draw(st.integers(1, 4)),
        outcode=draw(st.sampled_from(OUTCODES)),
        children={"under_2": draw(st.integers(0, 2))},
        needed=draw(some),
        wished=draw(some),
        keep_away=tuple(draw(st.lists(st.sampled_from(OUTCODES), max_size=2))),
        keep_away_miles=draw(st.sampled_from([0.0, 5.0, 50.0])),
    )


@st.composite
def rooms(draw: Any) -> Room:
    some = st.frozensets(st.sampled_from(["step_free", "cot", "quiet"]))
    return room(
        outcode=draw(st.sampled_from(OUTCODES)),
        room_cohort=draw(st.sampled_from(["women", "men", "either"])),
        house_cohort=draw(st.sampled_from(["women", "men", "either"])),
        sleeps=draw(st.integers(1, 5)),
        features=draw(some),
        child_ages=frozenset({"under_2"}) if draw(st.booleans()) else frozenset(),
        free=draw(st.booleans()),
        others=draw(st.frozensets(st.sampled_from(["women", "men"]))),
        freshness=draw(st.sampled_from(list(Freshness))),
    )


@given(people(), st.lists(rooms(), max_size=8))
def test_whoever_is_given_a_room_may_have_it_and_nobody_is_passed_over(
    wanted: Person, there: list[Room]
) -> None:
    answer = matching.match(wanted, there)
    fitting = [one for one in there if not matching.against(wanted, one)]
    assert {fit.room.id for fit in answer.fits} == {one.id for one in fitting}
    assert bool(answer.fits) != bool(answer.causes)
    for fit in answer.fits:
        one = fit.room
        assert (
            one.free
            and one.room_cohort in ("either", wanted.cohort)
            and one.house_cohort in ("either", wanted.cohort)
        )
        assert wanted.needed <= one.features
        assert not one.others - {wanted.cohort} or one.self_contained
        assert all(geography.miles(one.outcode, area) > wanted.keep_away_miles for area in wanted.keep_away)
    assert [fit.rank for fit in answer.fits] == sorted(fit.rank for fit in answer.fits)


@given(people(), st.lists(rooms(), max_size=8), st.data())
def test_just_those_houses_could_make_room_that_a_room_brought_back_would_give_one(
    wanted: Person, there: list[Room], data: Any
) -> None:
    # A room in use is neither free nor out; one that is out is not free.
    stands = [data.draw(st.sampled_from(["free", "out", "used"])) for _ in there]
    houses = [data.draw(st.sampled_from([HOUSE, OTHER])) for _ in there]
    there = [
        dataclasses.replace(one, premises_id=house, free=kind == "free", out=kind == "out")
        for one, house, kind in zip(there, houses, stands, strict=True)
    ]
    brought_back = [(one, dataclasses.replace(one, free=True, out=False)) for one in there if one.out]
    expected = {
        (one.premises_id, one.id) for one, back in brought_back if matching.match(wanted, [back]).fits
    }
    could = matching.could_make_room(wanted, there)
    assert {(house, one.id) for house, its in could.items() for one in its} == expected
    assert all(could.values()), "a house was named that has no room to bring back"


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.FULL])
def test_a_house_that_breaks_one_rule_besides_its_count_is_not_asked_to_make_room(cause: Cause) -> None:
    wanted, broken, mended = BROKEN[cause]
    out = {"free": False, "out": True}
    assert matching.could_make_room(person(**wanted), [room(**{**broken, **out})]) == {}
    fits = room(**{**broken, **mended, **out})
    assert matching.could_make_room(person(**wanted), [fits]) == {fits.premises_id: (fits,)}


def test_a_house_in_which_every_room_is_lived_in_has_nothing_to_bring_back() -> None:
    assert matching.could_make_room(person(), [room(free=False), room(free=False)]) == {}


@given(people(), st.lists(rooms(), max_size=6), st.randoms())
def test_the_order_the_rooms_come_in_does_not_matter(wanted: Person, there: list[Room], dice: Any) -> None:
    shuffled = there[:]
    dice.shuffle(shuffled)
    assert matching.match(wanted, there) == matching.match(wanted, shuffled)


@given(people(), st.lists(rooms(), min_size=1, max_size=6))
def test_what_stood_in_the_way_is_told_of_the_nearest_misses_only(wanted: Person, there: list[Room]) -> None:
    answer = matching.match(wanted, there)
    if answer.causes:
        fewest = min(len(matching.against(wanted, one)) for one in there)
        nearest = [
            matching.against(wanted, one) for one in there if len(matching.against(wanted, one)) == fewest
        ]
        assert set(answer.causes) == set().union(*nearest)


def test_the_rank_is_freshness_then_wishes_then_distance_then_longest_unused() -> None:
    wanted = person(wished=frozenset({"quiet"}))
    quiet = frozenset({"quiet"})
    used = NOW - dt.timedelta(days=1)
    best = room(outcode="M1", features=quiet, last_used_at=used)
    near = room(outcode="LS1")
    older = dataclasses.replace(near, id=uuid.UUID(int=9), last_used_at=used)
    stale = room(outcode="LS1", features=quiet, freshness=Freshness.STALE)
    answer = matching.match(wanted, [stale, older, near, best])
    assert [fit.room for fit in answer.fits] == [best, near, older, stale]


def test_at_the_same_distance_the_plainest_room_goes_first_and_the_scarce_ones_are_kept() -> None:
    plain = room(sleeps=1, id=uuid.UUID(int=9))
    step_free = room(sleeps=1, features=frozenset({"step_free"}), id=uuid.UUID(int=1))
    family = room(sleeps=4, self_contained=True, id=uuid.UUID(int=2))
    assert [fit.room for fit in matching.match(person(), [family, step_free, plain]).fits] == [
        plain,
        step_free,
        family,
    ]
    needs_it = person(needed=frozenset({"step_free"}))
    assert [fit.room for fit in matching.match(needs_it, [family, step_free, plain]).fits] == [step_free]
    wishes_it = person(wished=frozenset({"step_free"}))
    assert matching.match(wishes_it, [plain, step_free]).fits[0].room == step_free


@pytest.mark.parametrize(
    ("hours", "at", "opens"),
    [
        (["16:00", "02:00"], "2027-01-14T01:30", True),
        (["16:00", "02:00"], "2027-01-14T02:30", False),
        (["16:00", "02:00"], "2027-01-13T16:00", True),
        (["00:00", "24:00"], "2027-01-13T23:59", True),
        (["09:00", "21:00"], "2027-07-13T20:30", False),  # 21:30 in British Summer Time
        (None, "2027-01-13T12:00", False),
    ],
)
def test_a_house_opens_its_door_by_local_time(hours: list[str] | None, at: str, opens: bool) -> None:
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
    assert matching.admits([hours] * 7, moment) is opens
