"""Deadlines over clock changes and holidays, by handing the rooms the time."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask

from safety import referrals, workdays
from safety.lifecycle import Event, State
from tests import factories


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


# 28 March 2027 01:00 UTC: clocks go forward. 31 October 2027 01:00 UTC: they go back.
NIGHTS = ["2027-03-28T00:30", "2027-10-31T00:30"]


@pytest.mark.parametrize("night", NIGHTS)
def test_a_hold_over_a_clock_change_lasts_exactly_as_long(app: Flask, night: str) -> None:
    now = at(night)
    house = factories.house(now=now)
    placement = factories.placement(now=now)
    assert placement.answer_by - now == dt.timedelta(minutes=15)
    referrals.record(
        placement_id=placement.id,
        event=Event.CONFIRM,
        actor=factories.house_actor(house.id),
        facts={},
        now=now,
    )
    assert placement.arrive_by - now == dt.timedelta(hours=3)
    referrals.sweep(now=placement.arrive_by - dt.timedelta(seconds=1))
    assert placement.state == State.CONFIRMED
    referrals.sweep(now=placement.arrive_by)
    assert placement.state == State.NOT_ARRIVED


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    assert workdays.clock_words(at("2027-10-31T00:30")) == "01:30 BST"
    assert workdays.clock_words(at("2027-10-31T01:30")) == "01:30 GMT"


@pytest.mark.parametrize(
    ("nation", "arrived", "until"),
    [
        # Maundy Thursday 2027: Good Friday, the weekend and Easter Monday do not count in England.
        ("England", "2027-03-25T20:00", "2027-04-01T11:00"),
        # In Scotland Good Friday counts not, Easter Monday does.
        ("Scotland", "2027-03-25T20:00", "2027-03-31T11:00"),
        ("England", "2027-01-13T14:00", "2027-01-18T12:00"),
    ],
)
def test_a_stay_is_counted_in_working_days_of_the_houses_nation(
    app: Flask, nation: str, arrived: str, until: str
) -> None:
    now = at(arrived)
    outcode = {"England": "LS1", "Scotland": "EH1"}[nation]
    house = factories.house(now=now, nation=nation, outcode=outcode)
    placement = factories.placement(now=now, outcode=outcode)
    actor = factories.house_actor(house.id)
    for event in (Event.CONFIRM, Event.ARRIVE):
        referrals.record(placement_id=placement.id, event=event, actor=actor, facts={}, now=now)
    assert placement.stay_until == at(until)
