"""The rota as coordinators fill it: a page by week, shifts put in, given away and taken off, and gaps before they happen."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
import sqlalchemy as sa

from safety import duty
from safety.extensions import db
from safety.models import Alert, AlertKind, AuditEvent, Shift
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
WEEK = "/duty/rota/weeks/2027-01-11"  # the week NOW is in: it is Wednesday, 14:00
NEXT = "/duty/rota/weeks/2027-01-18"


@pytest.fixture
def pat(app):
    return factories.on_the_rota("Pat Lindqvist")


@pytest.fixture
def sasha(app):
    return factories.on_the_rota("Sasha Brampton")


@pytest.fixture
def desk(client, pat, sasha) -> Visitor:
    """Pat's browser."""
    signed_in = Visitor(client).sign_in(pat)
    signed_in.get("/duty")
    return signed_in


def stands() -> list[tuple[str, int, dt.datetime, dt.datetime]]:
    db.session.rollback()
    rows = db.session.scalars(sa.select(Shift).order_by(Shift.from_at, Shift.place))
    return [(row.user.name.split()[0], row.place, row.from_at, row.to_at) for row in rows]


def add(
    desk: Visitor, who, days: list[str], begins: str, ends: str, status: int = 303, week: str = WEEK, **more
):
    data = {"who": who.id.hex, "days": days, "begins": begins, "ends": ends, "place": "1", **more}
    return desk.post(f"{week}/add", status, **data)


def test_an_empty_rota_says_that_nobody_is_on_call_and_from_when(desk):
    page = words(desk.get("/duty/rota"))
    assert "Nobody is on call now. An urgent alert is texted to every coordinator at once." in page
    assert "now until at least Wednesday 20 January 14:00 This week" in page
    assert "14:00 to Monday 00:00 Nobody, 4 days and 10 hours Thursday 14 January Nobody, all day" in page
    assert "Sunday 17 January Nobody, all day Times are UK time" in page
    assert "Tuesday 12 January No shift begins on this day." in page
    assert "Nobody is on call : every coordinator is texted at once. The rota" in words(desk.get("/duty"))


def test_somebody_is_put_on_call_on_several_days_at_once(desk, sasha):
    page = desk.get(f"{WEEK}/add")
    assert "Wednesday 13 January" in words(page) and "Tuesday 12 January" not in words(page)
    answer = add(desk, sasha, ["2027-01-14", "2027-01-16"], "20:00", "8am")
    page = words(desk.get(answer.headers["Location"]))
    assert "Sasha Brampton is on call then." in page
    assert "Thursday 14 January 20:00 to Friday 08:00 Sasha Brampton" in page
    thursday = NOW.replace(hour=20) + DAY
    assert stands() == [
        ("Sasha", 1, thursday, thursday + 12 * HOUR),
        ("Sasha", 1, thursday + 2 * DAY, thursday + 2 * DAY + 12 * HOUR),
    ]


def test_who_is_on_call_and_who_is_next_stands_on_top_and_on_the_duty_page(desk, pat, sasha):
    factories.shift(pat, start=NOW - HOUR)
    factories.shift(sasha, start=NOW - HOUR, place=2)
    factories.shift(sasha, start=NOW + 9 * HOUR)
    db.session.commit()
    page = words(desk.get("/duty/rota"))
    assert "On call now: Pat Lindqvist , 07700 900" in page and "second: Sasha Brampton" in page
    assert "Next: Sasha Brampton, from today 23:00." in page
    assert "today 21:00 to 23:00, 2 hours" in page
    assert "21:00 to 23:00 Nobody, 2 hours" in page
    assert (
        "On call: Pat Lindqvist until today 21:00, Sasha Brampton (second) until today 21:00. The rota"
        in words(desk.get("/duty"))
    )


def test_a_shift_of_today_counts_from_now_and_one_of_yesterday_is_not_offered(desk, sasha):
    add(desk, sasha, ["2027-01-13"], "08:00", "20:00")
    assert stands() == [("Sasha", 1, NOW, NOW + 6 * HOUR)]
    page = add(desk, sasha, ["2027-01-12"], "08:00", "20:00", 400)
    assert summary(page) == ["On which days: select from the answers on this page"]
    page = add(desk, sasha, ["2027-01-13"], "08:00", "13:00", 400)
    assert summary(page) == ["That is over already. Choose a time that is still to come"]
    desk.get("/duty/rota/weeks/2027-01-04/add", 404)


def test_an_overlap_is_refused_in_words_and_nothing_is_half_done(desk, pat, sasha):
    add(desk, pat, ["2027-01-15"], "08:00", "20:00")
    before = stands()
    page = add(desk, sasha, ["2027-01-14", "2027-01-15"], "19:00", "07:00", 400)
    assert summary(page) == [
        "Pat Lindqvist is first on call from Friday 08:00 to Friday 20:00 already. Give that shift to somebody else or "
        "remove it, or choose other times"
    ]
    assert "19:00" in page.text and stands() == before
    page = add(desk, pat, ["2027-01-15"], "10:00", "11:00", 400, place="2")
    assert "nobody can be both" in summary(page)[0] and stands() == before


def test_somebody_without_a_mobile_cannot_be_put_on_call(desk):
    mute = factories.coordinator(name="Kim Thistlewood")
    db.session.commit()
    page = add(desk, mute, ["2027-01-15"], "08:00", "20:00", 400)
    assert summary(page) == [
        "Kim Thistlewood has no mobile here, so no alert would reach them. Choose somebody who has one"
    ]
    page = desk.post(f"{WEEK}/add", 400, who=uuid.uuid4().hex, place="1", days="2027-01-15")
    assert "Select who is on call" in summary(page)
    assert stands() == []


def test_what_is_missing_is_asked_for(desk):
    page = desk.post(f"{WEEK}/add", 400)
    assert summary(page) == [
        "Select who is on call",
        "Select the days on which the shift begins",
        "Enter the time at which it begins",
        "Enter the time at which it is over",
        "Select whether they are first or second",
    ]


def test_a_time_the_clocks_jump_over_is_asked_again(desk, sasha, clock):
    week = "/duty/rota/weeks/2027-03-22"
    page = add(desk, sasha, ["2027-03-27", "2027-03-28"], "01:30", "09:00", 400, week=week)
    assert summary(page) == ["The clocks go forward over that time. Enter a time before or after it"]
    assert stands() == []
    add(desk, sasha, ["2027-03-27"], "20:00", "08:00", week=week)
    ((_, _, start, end),) = stands()
    assert end - start == 11 * HOUR


def test_the_week_before_is_copied_with_a_press(desk, pat, sasha):
    factories.shift(pat, start=NOW + DAY)
    factories.shift(sasha, start=NOW + 2 * DAY)
    db.session.commit()
    answer = desk.send(desk.get(NEXT), "Copy the week before")
    assert answer.headers["Location"].endswith(NEXT)
    page = words(desk.get(NEXT))
    assert "2 shifts copied from the week before." in page
    assert "Thursday 21 January 14:00 to 22:00 Pat Lindqvist" in page
    assert len(stands()) == 4
    page = words(desk.press(f"{NEXT}/copy"))
    assert "Nothing was copied. Pat Lindqvist is first on call from Thursday 21 January" in page
    assert len(stands()) == 4
    assert "Nothing was copied. The week before has no shift" in words(desk.press(f"{WEEK}/copy"))


def test_a_part_of_a_shift_is_given_to_somebody_else(desk, pat, sasha):
    shift = factories.shift(pat, start=NOW + HOUR, hours=24)
    db.session.commit()
    path = f"/duty/rota/shifts/{shift.id}/give"
    page = desk.get(path)
    assert 'value="15:00"' in page.text and "Pat Lindqvist keeps the rest." in words(page)
    day = {"from_day": "2027-01-13", "until_day": "2027-01-14", "who": sasha.id.hex}
    page = desk.post(path, 400, begins="14:59", ends="02:00", **day)
    assert summary(page) == [
        "The shift is from today 15:00 to tomorrow 15:00. Choose a part of it that is still to come"
    ]
    page = words(desk.press(path, begins="22:00", ends="02:00", **day))
    assert "Sasha Brampton has it now. Tell them: the rota texts nobody." in page
    assert [(name, start, end) for name, _, start, end in stands()] == [
        ("Pat", NOW + HOUR, NOW + 8 * HOUR),
        ("Sasha", NOW + 8 * HOUR, NOW + 12 * HOUR),
        ("Pat", NOW + 12 * HOUR, NOW + 25 * HOUR),
    ]
    assert db.session.scalars(sa.select(AuditEvent.by).where(AuditEvent.what == "shift_given")).all() == [
        pat.actor().by
    ]


def test_a_shift_is_taken_off_with_a_press_and_what_is_left_is_red(desk, pat, sasha, clock):
    shift = factories.shift(pat, start=NOW + HOUR)
    old = factories.shift(sasha, start=NOW - 9 * HOUR, hours=5)
    db.session.commit()
    page = words(desk.press(f"/duty/rota/shifts/{shift.id}/remove"))
    assert "Pat Lindqvist is not on call then any more. Look whether a gap is left." in page
    assert "14:00 to Monday 00:00 Nobody" in page
    for path in (f"{shift.id}/remove", f"{old.id}/remove", f"{old.id}/give", f"{uuid.uuid4()}/give"):
        assert "That shift is over, or was changed meanwhile." in words(
            desk.press(f"/duty/rota/shifts/{path}")
        )
    assert stands() == [("Sasha", 1, NOW - 9 * HOUR, NOW - 4 * HOUR)]


def test_the_shifts_of_a_closed_account_are_marked_and_a_gap(desk, pat, sasha):
    factories.shift(sasha, start=NOW + DAY)
    db.session.commit()
    desk.press(f"/people/{sasha.id}/close")
    page = words(desk.get("/duty/rota"))
    assert "14:00 to 22:00 Sasha Brampton Cannot be on call" in page
    assert "14:00 to Monday 00:00 Nobody, 4 days and 10 hours" in page


@pytest.mark.parametrize("week", ["2027-01-12", "0001-01-01", "9999-12-27", "nonsense", "20270111"])
def test_a_week_that_is_none_is_not_found(desk, week):
    desk.get(f"/duty/rota/weeks/{week}", 404 if week != "20270111" else 200)


def test_a_gap_on_the_board_leads_to_the_rota(desk):
    duty.tending.tend(now=NOW)
    db.session.commit()
    page = desk.get("/duty")
    assert "Nobody is on call for a part of the rota" in words(page)
    assert "See when nobody is on call" in words(page) and 'href="/duty/rota"' in page.text
    assert db.session.scalars(sa.select(Alert.kind)).all() == [AlertKind.ROTA_GAP]


def test_the_second_to_take_an_alert_is_told_who_has_it(app, desk, sasha):
    alert = duty.raise_alert(kind=AlertKind.SILENT, subject="job:sweep", now=NOW)
    db.session.commit()
    desk.get("/duty")
    other = Visitor(app.test_client()).sign_in(sasha)
    other.get("/duty")
    other.press(f"/duty/alerts/{alert.id}/claim")
    page = words(desk.press(f"/duty/alerts/{alert.id}/claim"))
    assert "Somebody else has taken that alert: Sasha Brampton (coordinator)." in page


def test_weeks_lead_to_one_another(desk):
    page = desk.get(WEEK)
    assert 'href="/duty/rota/weeks/2027-01-04"' in page.text and f'href="{NEXT}"' in page.text
    assert buttons(desk.get("/duty/rota/weeks/2027-01-04")) == []
    assert "Add a shift" in buttons(page)


def test_an_alert_says_to_the_page_which_it_is_and_whether_somebody_has_it_and_nothing_of_anybody(desk, pat):
    alert = duty.raise_alert(kind=AlertKind.SILENT, subject="job:sweep", now=NOW)
    db.session.commit()
    page = desk.get("/duty")
    assert f'data-alert="{alert.id.hex}">' in page.text and 'data-alarm="board" hidden' in page.text
    duty.take(alert=alert, by=pat.actor().by, now=NOW)
    db.session.commit()
    assert f'data-alert="{alert.id.hex}" data-taken>' in desk.get("/duty/now").text
