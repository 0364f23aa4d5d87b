"""What a house's beds did: counted from the placements, shown as a table, and taken away as a sheet."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from safety import referrals, usage, workdays
from safety.extensions import db
from safety.lifecycle import Event
from safety.models import Placement, Premises
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, cheap_hashes, words

MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
JANUARY, FEBRUARY = dt.date(2027, 1, 1), dt.date(2027, 2, 1)


def happen(placement: Placement, event: Event, at: dt.datetime, **facts: object) -> None:
    actor = factories.house_actor(placement.premises_id)
    referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=at)


def stayed(days: int) -> Placement:
    """Somebody who came half an hour after the bed was held, and left so many days later."""
    placement = factories.placement()
    happen(placement, Event.CONFIRM, NOW + 4 * MINUTE)
    happen(placement, Event.ARRIVE, NOW + 30 * MINUTE)
    if days:
        left = NOW + 30 * MINUTE + days * DAY
        happen(placement, Event.DEPART, left, reason="planned", onward="own", nrm_decision="deciding")
    return placement


@pytest.fixture
def house(app: Flask) -> Premises:
    return factories.house(rooms=4, name="Heron House")


def month_of(house: Premises, now: dt.datetime, first: dt.date) -> usage.Month:
    db.session.expire_all()
    return next(month for month in usage.of_house(house=house, now=now).months if month.first == first)


def test_each_placement_is_counted_once_where_it_ended(house: Premises) -> None:
    stayed(3)
    declined = factories.placement()
    happen(declined, Event.DECLINE, NOW + 2 * MINUTE, reason="staff")
    lapsed = factories.placement()
    referrals.sweep(now=lapsed.answer_by)
    found = usage.of_house(house=house, now=NOW + 5 * DAY)
    month = found.months[-1]
    assert (month.first, month.held, month.accepted) == (JANUARY, 3, 1)
    assert (month.declined, month.lapsed, month.cancelled, month.came) == (1, 1, 0, 1)
    assert dict(month.nights) == {"W": 3}
    assert found.reasons == {"staff": 1}
    assert found.answers_s == (120.0, 240.0)
    assert (found.answer_s(0.5), found.answer_s(0.95)) == (120.0, 240.0)


def test_whoever_is_still_here_has_slept_every_night_until_now(house: Premises) -> None:
    stayed(0)
    assert month_of(house, NOW + 20 * DAY, JANUARY).nights == {"W": 19}
    assert month_of(house, NOW + 20 * DAY, FEBRUARY).nights == {"W": 1}


def test_a_house_nobody_was_sent_to_has_twelve_empty_months(house: Premises) -> None:
    found = usage.of_house(house=house, now=NOW)
    assert [month.first for month in found.months][:: usage.MONTHS - 1] == [dt.date(2026, 2, 1), JANUARY]
    assert not any(month.held or month.nights for month in found.months)
    assert found.answer_s(0.5) is None


def test_another_house_does_not_count(house: Premises) -> None:
    other = factories.house(rooms=1, provider=house.provider)
    stayed(1)
    held = [usage.of_house(house=one, now=NOW + DAY * 3).months[-1].held for one in (house, other)]
    assert sorted(held) == [0, 1]


@given(minutes=st.integers(0, 60 * 24 * 700), hours=st.integers(0, 24 * 70))
def test_nights_are_midnights_whatever_the_clocks_do(minutes: int, hours: int) -> None:
    arrived = NOW + minutes * MINUTE
    left = arrived + dt.timedelta(hours=hours)
    nights = usage.nights_by_month(arrived, left)
    days = (workdays.uk(left).date() - workdays.uk(arrived).date()).days
    assert sum(nights.values()) == days
    assert all(first.day == 1 and count > 0 for first, count in nights.items())
    ends = [workdays.uk(arrived).date().replace(day=1), workdays.uk(left - DAY).date().replace(day=1)]
    assert not nights or (min(nights), max(nights)) == (min(ends), max(ends))


def test_a_name_that_looks_like_a_formula_is_no_formula_in_the_sheet(house: Premises) -> None:
    house.groups[0].name = "=HYPERLINK(1)"
    rows = list(csv.reader(io.StringIO(usage.as_csv(usage.of_house(house=house, now=NOW)))))
    assert rows[0][7] == "Nights in W: =HYPERLINK(1)", "not at its beginning"
    assert usage.as_csv(usage.Usage((), {}, {"=1+1": 2, "staff": 1}, ())).splitlines()[-2] == "'=1+1,2"
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_the_page_and_the_sheet_say_the_same_and_name_nobody(house, client, monkeypatch) -> None:
    cheap_hashes(monkeypatch)
    placement = stayed(2)
    monkeypatch.setattr("safety.clock.now", lambda: NOW + 3 * DAY)
    home = Visitor(client).sign_in(factories.staff(of=house.provider))
    page = home.get(f"/house/premises/{house.id}/usage")
    assert "Jan 2027 2 1 1 1 0 0 0" in words(page)
    assert "You answered once, within 4 minutes at the most." in words(page)
    sheet = home.get(f"/house/premises/{house.id}/usage/sheet")
    assert sheet.headers["Content-Disposition"] == 'attachment; filename="beds.csv"'
    assert "2027-01,1,1,0,0,0,1,2" in sheet.text
    for text in (page.text, sheet.text):
        assert placement.referral.spoken not in text and "Example Street" not in text
    other = factories.house()
    db.session.commit()
    for what in ("usage", "usage/sheet"):
        home.get(f"/house/premises/{other.id}/{what}", 404)
