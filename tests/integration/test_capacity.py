"""Where beds are, by region and whom they are for, and the last seven days: counted right, to coordinators only."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlalchemy as sa

from safety import bedspaces, capacity, geography, outlines, referrals, week
from safety.extensions import db
from safety.houses import accepting
from safety.lifecycle import Event
from safety.models import Cohort, Placement, Referral
from tests import crowd, factories
from tests.factories import NOW
from tests.visitor import StillClock, Visitor, cheap_hashes, still_clock, words

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
YORKSHIRE = "Yorkshire and the Humber"


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> StillClock:
    cheap_hashes(monkeypatch)
    return still_clock(monkeypatch, NOW)


@pytest.fixture
def desk(app, client) -> Visitor:
    return Visitor(client).sign_in(factories.coordinator())


def held(now: dt.datetime = NOW, **kept) -> Placement:
    placement = factories.placement(now=now, **kept)
    db.session.commit()
    return placement


def step(placement: Placement, event: Event, now: dt.datetime, **facts) -> None:
    referrals.record(
        placement_id=placement.id,
        event=event,
        actor=factories.house_actor(placement.premises_id),
        facts=facts,
        now=now,
    )
    db.session.commit()


def arrived(now: dt.datetime = NOW, **kept) -> Placement:
    placement = held(now, **kept)
    step(placement, Event.CONFIRM, now)
    step(placement, Event.ARRIVE, now)
    return placement


def numbers(one: capacity.Beds) -> tuple[int, ...]:
    return one.free, one.held, one.occupied, one.out, one.closed


def test_every_room_is_counted_once_as_it_stands(app):
    house = factories.house(rooms=5)
    arrived()
    held()
    taken = {row.bedspace_id for row in db.session.query(Placement)}
    spare = next(room for room in house.bedspaces if room.id not in taken)
    bedspaces.take_out(bedspace_id=spare.id, reason="repair", until=None, by="clock", now=NOW)
    found = capacity.everywhere(now=NOW).of(YORKSHIRE)
    assert numbers(found) == (2, 1, 1, 1, 0)
    assert found.every == 5


def test_a_hold_that_lapsed_holds_nothing_swept_or_not(app):
    factories.house()
    placement = held()
    assert capacity.everywhere(now=placement.answer_by - MINUTE).total.held == 1
    assert numbers(capacity.everywhere(now=placement.answer_by).total) == (1, 0, 0, 0, 0)


def test_free_beds_of_a_house_that_takes_nobody_are_not_called_free(app):
    house = factories.house(rooms=2)
    factories.house(rooms=3, address_confirmed_at=None, address_confirmed_by=None)
    accepting.close(premises_id=house.id, reason="staff", until=NOW + HOUR, by="clock", now=NOW)
    assert numbers(capacity.everywhere(now=NOW).total) == (0, 0, 0, 0, 5)
    assert numbers(capacity.everywhere(now=NOW + HOUR).total) == (2, 0, 0, 0, 3)


def test_a_room_is_for_whom_its_house_is_for_and_no_more(app):
    factories.house(cohort="women", room={"cohort": "either"})
    factories.house(cohort="either", room={"cohort": "men"})
    factories.house(
        cohort="either", room={"cohort": "either"}, outcode="CF10", region="Wales", nation="Wales"
    )
    found = capacity.everywhere(now=NOW)
    assert {region: set(beds) for region, beds in found.regions.items()} == {
        YORKSHIRE: {Cohort.WOMEN, Cohort.MEN},
        "Wales": {Cohort.EITHER},
    }
    assert [found.for_(cohort).free for cohort in Cohort] == [1, 1, 1] and found.total.free == 3


def test_of_the_free_ones_it_is_said_how_old_the_word_is(app):
    for hours in (1, 7, 8, 23, 24, 100):
        factories.house(reported_at=NOW - hours * HOUR)
    factories.house(reported_at=None, reported_by=None, reported_via=None)
    said = capacity.everywhere(now=NOW).total.said
    assert [said[age] for age in capacity.FRESHNESS] == [2, 2, 2, 1]


def test_the_page_counts_the_same_as_a_table_and_on_the_map(desk):
    crowd.fill(houses=120, placed=60, searching=5, now=NOW)
    found = capacity.everywhere(now=NOW)
    page = desk.get("/duty/capacity")
    said = words(page)
    assert f"{found.total.free} free , {found.total.held} held" in said
    for region, beds in found.regions.items():
        cells = " ".join(str(count) for count in (*numbers(found.of(region)), found.of(region).every))
        assert f"{region} {cells}" in said
        assert sum(map(sum, map(numbers, beds.values()))) == sum(numbers(found.of(region)))
        assert f"<title>{region}: {found.of(region).free} free</title>" in page.text.replace("&amp;", "&")
    assert sum(beds.every for region in found.regions.values() for beds in region.values()) == 120 * 2


def test_nothing_on_the_page_is_finer_than_a_region(desk):
    factories.house(rooms=2, name="Heron House", address="9 Secret Street\nHiddenham", outcode="LS8")
    db.session.commit()
    page = desk.get("/duty/capacity").text
    for secret in ("Heron", "Secret Street", "Hiddenham", "LS8", "Provider"):
        assert secret not in page


def test_only_coordinators_see_it(app):
    for user in (factories.officer(), factories.staff(of=factories.house().provider)):
        Visitor(app.test_client()).sign_in(user).get("/duty/capacity", 404)


def test_an_empty_scheme_has_a_page_too(desk):
    assert "No house has a room yet." in words(desk.get("/duty/capacity"))


def test_every_region_a_house_can_be_in_is_on_the_map():
    drawn = outlines.outlines()
    assert set(drawn.regions) == set(geography.REGIONS) - {"Isle of Man", "Channel Islands"}
    for outline in drawn.regions.values():
        assert re.fullmatch(r"(M\d+ \d+(L\d+ \d+){2,}z)+", outline.path)
        assert 0 < outline.x < drawn.width and 0 < outline.y < drawn.height


def last_days(now: dt.datetime) -> dict[str, week.Day]:
    return {f"{day.date:%d}": day for day in week.last_days(now=now)}


def test_the_last_seven_days_end_with_today(app):
    days = week.last_days(now=NOW)
    assert [day.date.day for day in days] == [7, 8, 9, 10, 11, 12, 13]
    assert [day.over for day in days] == [True] * 6 + [False]
    assert all((day.asked, day.share, day.inside) == (0, None, 0) for day in days)


def test_what_was_asked_and_held_at_once_is_counted_by_the_day_it_was_asked(app):
    factories.house(rooms=2)
    yesterday = NOW - DAY
    held(yesterday)
    factories.referral(cohort="men", now=yesterday)
    late = factories.referral(cohort="men", now=NOW)
    # A bed comes free for them a second too late to be counted.
    factories.house(cohort="men", now=NOW)
    db.session.execute(
        sa.update(Referral).where(Referral.id != late.id).values(paused_at=NOW, paused_by="clock")
    )
    referrals.rematch(now=NOW + MINUTE + dt.timedelta(seconds=1))
    db.session.commit()
    assert referrals.live_placement(late) is not None
    days = last_days(NOW + HOUR)
    assert (days["12"].asked, days["12"].at_once, days["12"].share, days["12"].unmet) == (2, 1, 50, 1)
    assert (days["13"].asked, days["13"].at_once, days["13"].share, days["13"].unmet) == (1, 0, 0, 1)


def test_whoever_came_in_slept_there_until_they_left(app):
    factories.house(rooms=2)
    placement = arrived(NOW - 3 * DAY)
    arrived(NOW)
    left = {"reason": "planned", "onward": "own", "nrm_decision": "deciding"}
    step(placement, Event.DEPART, NOW - DAY, **left)
    days = last_days(NOW)
    assert [day.inside for day in days.values()] == [0, 0, 0, 1, 1, 0, 1]
    assert [day.arrived for day in days.values()] == [0, 0, 0, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("clocks", "hours"), [(dt.date(2027, 3, 28), 23), (dt.date(2027, 10, 31), 25)], ids=["spring", "autumn"]
)
def test_a_day_on_which_the_clocks_change_is_a_day(app, clocks, hours):
    begins = week._begins(clocks)
    ends = week._begins(clocks + DAY)
    assert ends - begins == hours * HOUR
    factories.house(now=begins)
    held(begins)
    factories.referral(cohort="men", now=ends - MINUTE)
    factories.referral(cohort="men", now=ends)
    db.session.commit()
    days = {day.date: day for day in week.last_days(now=ends + HOUR)}
    assert (days[clocks].asked, days[clocks + DAY].asked) == (2, 1)
    assert len(days) == week.DAYS


def test_the_days_stand_on_the_page_as_charts_and_as_a_table(desk):
    factories.house()
    arrived()
    said = words(desk.get("/duty/capacity"))
    assert "Today so far 1 1 (100 of 100) 1 0 1" in said
    assert "Tue 12 Jan 0 nobody asked 0 0 0" in said
