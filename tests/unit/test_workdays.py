"""Bank holidays, stays, and UK clock time around the two nights the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety import workdays

ENGLAND, WALES, SCOTLAND, NORTHERN_IRELAND = workdays.CALENDARS


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


# Moments of the years we hold, made naive because hypothesis adds the zone itself.
FIRST, LAST = (datetime(year, 1, 1) for year in (2026, 2031))  # noqa: DTZ001


def days(year, *month_days):
    return frozenset(date(year, month, day) for month, day in month_days)


# --- bank holidays -----------------------------------------------------------------------------------------------------

# As published by the government for 2026, 2027 and 2028, typed by hand.
PUBLISHED = {
    (ENGLAND, 2026): ((1, 1), (4, 3), (4, 6), (5, 4), (5, 25), (8, 31), (12, 25), (12, 28)),
    (ENGLAND, 2027): ((1, 1), (3, 26), (3, 29), (5, 3), (5, 31), (8, 30), (12, 27), (12, 28)),
    (ENGLAND, 2028): ((1, 3), (4, 14), (4, 17), (5, 1), (5, 29), (8, 28), (12, 25), (12, 26)),
    (SCOTLAND, 2026): (
        (1, 1), (1, 2), (4, 3), (5, 4), (5, 25), (6, 15), (8, 3), (11, 30), (12, 25), (12, 28),
    ),
    (SCOTLAND, 2027): ((1, 1), (1, 4), (3, 26), (5, 3), (5, 31), (8, 2), (11, 30), (12, 27), (12, 28)),
    (SCOTLAND, 2028): ((1, 3), (1, 4), (4, 14), (5, 1), (5, 29), (8, 7), (11, 30), (12, 25), (12, 26)),
    (NORTHERN_IRELAND, 2026): (
        (1, 1), (3, 17), (4, 3), (4, 6), (5, 4), (5, 25), (7, 13), (8, 31), (12, 25), (12, 28),
    ),
    (NORTHERN_IRELAND, 2027): (
        (1, 1), (3, 17), (3, 26), (3, 29), (5, 3), (5, 31), (7, 12), (8, 30), (12, 27), (12, 28),
    ),
    (NORTHERN_IRELAND, 2028): (
        (1, 3), (3, 17), (4, 14), (4, 17), (5, 1), (5, 29), (7, 12), (8, 28), (12, 25), (12, 26),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("nation", "year"), PUBLISHED)
def test_bank_holidays_are_the_published_ones(nation, year):
    assert workdays.bank_holidays(nation, year) == days(year, *PUBLISHED[nation, year])


@pytest.mark.parametrize("year", range(2026, 2031))
def test_wales_keeps_the_bank_holidays_of_england(year):
    assert workdays.bank_holidays(WALES, year) == workdays.bank_holidays(ENGLAND, year)


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [
        (2000, 4, 23), (2008, 3, 23), (2011, 4, 24), (2019, 4, 21), (2024, 3, 31), (2025, 4, 20), (2026, 4, 5),
        (2027, 3, 28), (2028, 4, 16), (2029, 4, 1), (2030, 4, 21), (2038, 4, 25), (2049, 4, 18), (2285, 3, 22),
    ],
)  # fmt: skip
def test_easter_is_on_its_known_dates(year, month, day):
    assert workdays.easter(year) == date(year, month, day)


@pytest.mark.parametrize("nation", workdays.CALENDARS)
@pytest.mark.parametrize("year", range(2026, 2061))
def test_no_bank_holiday_is_on_a_weekend_and_each_nation_keeps_its_number(nation, year):
    holidays = workdays.bank_holidays(nation, year)
    assert all(day.year == year and day.weekday() < 5 for day in holidays)
    proclaimed = [day for day in workdays.PROCLAIMED.get(nation, ()) if day.year == year]
    assert len(holidays) - len(proclaimed) == {SCOTLAND: 9, NORTHERN_IRELAND: 10}.get(nation, 8)


@pytest.mark.parametrize(
    ("christmas_year", "expected"),
    [
        (2026, ((12, 25), (12, 28))),  # Friday and Saturday
        (2027, ((12, 27), (12, 28))),  # Saturday and Sunday
        (2033, ((12, 26), (12, 27))),  # Sunday and Monday: Boxing Day keeps its day
        (2028, ((12, 25), (12, 26))),  # Monday and Tuesday
    ],
)
def test_christmas_and_boxing_day_move_off_the_weekend(christmas_year, expected):
    december = {day for day in workdays.bank_holidays(ENGLAND, christmas_year) if day.month == 12}
    assert december == days(christmas_year, *expected)


def test_a_nation_without_a_calendar_is_refused():
    for nation in ("Isle of Man", "Channel Islands", "", "england"):
        with pytest.raises(workdays.NoCalendar):
            workdays.bank_holidays(nation, 2027)
        with pytest.raises(workdays.NoCalendar):
            # A Saturday is no excuse for not knowing the nation.
            workdays.is_working_day(date(2027, 1, 2), nation)


def test_working_days_differ_between_the_nations():
    easter_monday, st_patrick, andrew = date(2027, 3, 29), date(2027, 3, 17), date(2027, 11, 30)
    working = {
        day: {nation for nation in workdays.CALENDARS if workdays.is_working_day(day, nation)}
        for day in (easter_monday, st_patrick, andrew)
    }
    assert working[easter_monday] == {SCOTLAND}
    assert working[st_patrick] == {ENGLAND, WALES, SCOTLAND}
    assert working[andrew] == {ENGLAND, WALES, NORTHERN_IRELAND}
    assert not workdays.is_working_day(date(2027, 3, 27), SCOTLAND)


# --- stays -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrived_at", "working_days", "nation", "until"),
    [
        # Thursday evening: Friday, Monday, Tuesday at noon.
        (utc(2027, 2, 4, 22, 15), 3, ENGLAND, utc(2027, 2, 9, 12, 0)),
        # Saturday and Sunday count from the same Monday.
        (utc(2027, 2, 6, 3, 0), 3, ENGLAND, utc(2027, 2, 10, 12, 0)),
        (utc(2027, 2, 7, 23, 0), 3, ENGLAND, utc(2027, 2, 10, 12, 0)),
        # One working day on a Friday is Monday.
        (utc(2027, 2, 5, 9, 0), 1, ENGLAND, utc(2027, 2, 8, 12, 0)),
        # Over Easter 2027: arrived on Maundy Thursday or Good Friday, and the clocks change on Easter Sunday, so noon is 11:00 UTC.
        (utc(2027, 3, 25, 23, 30), 3, ENGLAND, utc(2027, 4, 1, 11, 0)),
        (utc(2027, 3, 26, 1, 0), 3, ENGLAND, utc(2027, 4, 1, 11, 0)),
        (utc(2027, 3, 26, 1, 0), 3, WALES, utc(2027, 4, 1, 11, 0)),
        (utc(2027, 3, 26, 1, 0), 3, NORTHERN_IRELAND, utc(2027, 4, 1, 11, 0)),
        # Scotland works on Easter Monday.
        (utc(2027, 3, 26, 1, 0), 3, SCOTLAND, utc(2027, 3, 31, 11, 0)),
        # Over the autumn change: noon is 12:00 UTC again.
        (utc(2027, 10, 29, 18, 0), 3, ENGLAND, utc(2027, 11, 3, 12, 0)),
        # 23:30 UTC in summer is already tomorrow here: Tuesday's arrival, so Wednesday, Thursday, Friday.
        (utc(2027, 7, 5, 23, 30), 3, ENGLAND, utc(2027, 7, 9, 11, 0)),
        (utc(2027, 7, 5, 22, 30), 3, ENGLAND, utc(2027, 7, 8, 11, 0)),
        # Over Christmas and New Year 2027: 29, 30, 31 December.
        (utc(2027, 12, 24, 12, 0), 3, ENGLAND, utc(2027, 12, 31, 12, 0)),
        (utc(2027, 12, 24, 12, 0), 4, ENGLAND, utc(2028, 1, 4, 12, 0)),
        (utc(2027, 12, 24, 12, 0), 4, SCOTLAND, utc(2028, 1, 5, 12, 0)),
    ],
)
def test_a_stay_ends_at_noon_of_its_last_working_day(arrived_at, working_days, nation, until):
    ends = workdays.stay_until(arrived_at, working_days, nation)
    assert ends == until
    assert ends.tzinfo is UTC


@given(
    st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    st.integers(1, 20),
    st.sampled_from(workdays.CALENDARS),
)
def test_a_stay_holds_exactly_its_working_days_after_the_day_of_arrival(arrived_at, working_days, nation):
    ends = workdays.uk(workdays.stay_until(arrived_at, working_days, nation))
    arrived = workdays.uk(arrived_at).date()
    between = [arrived + timedelta(days=ahead) for ahead in range(1, (ends.date() - arrived).days + 1)]
    assert sum(workdays.is_working_day(day, nation) for day in between) == working_days
    assert workdays.is_working_day(ends.date(), nation)
    assert (ends.hour, ends.minute, ends.second, ends.microsecond) == (12, 0, 0, 0)


def test_a_stay_of_no_days_or_from_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="one working day"):
        workdays.stay_until(utc(2027, 2, 4), 0, ENGLAND)
    with pytest.raises(ValueError, match="time zone"):
        workdays.stay_until(datetime(2027, 2, 4), 3, ENGLAND)  # noqa: DTZ001
    with pytest.raises(workdays.NoCalendar):
        workdays.stay_until(utc(2027, 2, 4), 3, "Isle of Man")


# --- clock words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (utc(2027, 1, 5, 14, 35), "14:35"),
        (utc(2027, 7, 5, 14, 35), "15:35"),
        (utc(2027, 7, 5, 23, 5), "00:05"),
        # 28 March 2027: 00:59 GMT, then 02:00 BST.
        (utc(2027, 3, 28, 0, 59), "00:59"),
        (utc(2027, 3, 28, 1, 0), "02:00"),
        # 31 October 2027: the hour from one to two comes twice.
        (utc(2027, 10, 30, 23, 59), "00:59"),
        (utc(2027, 10, 31, 0, 0), "01:00 BST"),
        (utc(2027, 10, 31, 0, 30), "01:30 BST"),
        (utc(2027, 10, 31, 0, 59), "01:59 BST"),
        (utc(2027, 10, 31, 1, 0), "01:00 GMT"),
        (utc(2027, 10, 31, 1, 30), "01:30 GMT"),
        (utc(2027, 10, 31, 1, 59), "01:59 GMT"),
        (utc(2027, 10, 31, 2, 0), "02:00"),
        (datetime(2027, 7, 5, 16, 35, tzinfo=timezone(timedelta(hours=2))), "15:35"),
    ],
)
def test_a_clock_time_is_that_of_the_uk_and_never_ambiguous(moment, words):
    assert workdays.clock_words(moment) == words


NOW = utc(2027, 3, 24, 15, 0)  # Wednesday


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (utc(2027, 3, 24, 14, 35), "today 14:35"),
        (utc(2027, 3, 24, 23, 59), "today 23:59"),
        (utc(2027, 3, 25, 2, 10), "tomorrow 02:10"),
        (utc(2027, 3, 23, 12, 0), "yesterday 12:00"),
        (utc(2027, 3, 26, 12, 0), "Friday 12:00"),
        (utc(2027, 3, 28, 11, 0), "Sunday 12:00"),
        (utc(2027, 3, 30, 11, 0), "Tuesday 12:00"),
        # A week on is the same weekday: the date says which.
        (utc(2027, 3, 31, 11, 0), "Wednesday 31 March 12:00"),
        (utc(2027, 4, 7, 11, 0), "Wednesday 7 April 12:00"),
        (utc(2027, 3, 22, 12, 0), "Monday 22 March 12:00"),
        (utc(2027, 10, 31, 1, 30), "Sunday 31 October 2027 01:30 GMT"),
        (utc(2028, 3, 24, 12, 0), "Friday 24 March 2028 12:00"),
    ],
)
def test_a_day_is_said_as_people_say_it(moment, words):
    assert workdays.day_words(moment, NOW) == words


def test_today_and_tomorrow_are_those_of_the_uk():
    late = utc(2027, 7, 5, 23, 30)  # 00:30 on the 6th here
    assert workdays.day_words(utc(2027, 7, 5, 22, 30), late) == "yesterday 23:30"
    assert workdays.day_words(utc(2027, 7, 6, 11, 0), late) == "today 12:00"
    assert workdays.day_words(utc(2027, 7, 6, 23, 15), late) == "tomorrow 00:15"


def test_the_two_nights_of_the_year_do_not_lose_or_win_a_day():
    before_spring, before_autumn = utc(2027, 3, 27, 23, 30), utc(2027, 10, 30, 22, 30)
    assert workdays.day_words(utc(2027, 3, 28, 1, 0), before_spring) == "tomorrow 02:00"
    assert workdays.day_words(utc(2027, 10, 31, 0, 30), before_autumn) == "tomorrow 01:30 BST"
    assert workdays.day_words(utc(2027, 10, 31, 1, 30), before_autumn) == "tomorrow 01:30 GMT"


def test_a_moment_without_a_zone_has_no_words():
    naive = datetime(2027, 3, 24, 15, 0)  # noqa: DTZ001
    for call in (
        lambda: workdays.uk(naive),
        lambda: workdays.clock_words(naive),
        lambda: workdays.day_words(naive, NOW),
        lambda: workdays.day_words(NOW, naive),
    ):
        with pytest.raises(ValueError, match="time zone"):
            call()


# --- typed times -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "clock", "fold", "moment"),
    [
        (date(2027, 1, 5), time(14, 35), None, utc(2027, 1, 5, 14, 35)),
        (date(2027, 7, 5), time(14, 35), None, utc(2027, 7, 5, 13, 35)),
        (date(2027, 7, 5), time(0, 5), None, utc(2027, 7, 4, 23, 5)),
        (date(2027, 3, 28), time(0, 59), None, utc(2027, 3, 28, 0, 59)),
        (date(2027, 3, 28), time(2, 0), None, utc(2027, 3, 28, 1, 0)),
        (date(2027, 10, 31), time(0, 59), None, utc(2027, 10, 30, 23, 59)),
        (date(2027, 10, 31), time(1, 30), 0, utc(2027, 10, 31, 0, 30)),
        (date(2027, 10, 31), time(1, 30), 1, utc(2027, 10, 31, 1, 30)),
        (date(2027, 10, 31), time(2, 0), None, utc(2027, 10, 31, 2, 0)),
        # Saying which of the two does no harm where there is only one.
        (date(2027, 1, 5), time(14, 35), 1, utc(2027, 1, 5, 14, 35)),
    ],
)
def test_a_typed_time_is_taken_for_uk_time(day, clock, fold, moment):
    got = workdays.local(day, clock, fold)
    assert got == moment
    assert got.tzinfo is UTC


@pytest.mark.parametrize("clock", [time(1, 0), time(1, 30), time(1, 59, 59)])
@pytest.mark.parametrize("fold", [None, 0, 1])
def test_a_time_the_clocks_jump_over_is_refused(clock, fold):
    with pytest.raises(workdays.NoSuchTime):
        workdays.local(date(2027, 3, 28), clock, fold)


def test_a_time_that_comes_twice_is_asked_about():
    with pytest.raises(workdays.TimeComesTwice) as twice:
        workdays.local(date(2027, 10, 31), time(1, 30))
    assert (twice.value.first, twice.value.second) == (utc(2027, 10, 31, 0, 30), utc(2027, 10, 31, 1, 30))
    assert [workdays.clock_words(moment) for moment in (twice.value.first, twice.value.second)] == [
        "01:30 BST",
        "01:30 GMT",
    ]


def test_both_awkward_times_can_be_caught_as_one():
    assert issubclass(workdays.NoSuchTime, workdays.AwkwardTime)
    assert issubclass(workdays.TimeComesTwice, workdays.AwkwardTime)
    assert issubclass(workdays.AwkwardTime, ValueError)


def test_a_typed_time_with_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        workdays.local(date(2027, 1, 5), time(14, 35, tzinfo=UTC))


@given(st.datetimes(FIRST, LAST, timezones=st.just(UTC)))
def test_what_the_clock_says_leads_back_to_the_same_moment(moment):
    here = workdays.uk(moment)
    clock = here.time().replace(fold=0)
    assert workdays.local(here.date(), clock, here.fold) == moment
    if not workdays.clock_words(moment).endswith(("BST", "GMT")):
        assert workdays.local(here.date(), clock) == moment
        return
    with pytest.raises(workdays.TimeComesTwice) as twice:
        workdays.local(here.date(), clock)
    assert moment in {twice.value.first, twice.value.second}


@given(st.integers(0, 7199))
def test_every_second_of_the_hour_that_comes_twice_leads_back_to_the_same_moment(seconds):
    moment = utc(2027, 10, 31) + timedelta(seconds=seconds)
    here = workdays.uk(moment)
    assert workdays.local(here.date(), here.time(), here.fold) == moment


@given(
    st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    st.integers(1, 10),
    st.sampled_from(sorted(workdays.CALENDARS)),
)
def test_the_day_of_a_stay_is_its_last_on_the_day_it_ends_and_never_runs_back(arrived, working_days, nation):
    end = workdays.stay_until(arrived, working_days, nation)
    assert workdays.stay_day(arrived, arrived, nation) == 0
    assert workdays.stay_day(arrived, end, nation) == working_days
    assert workdays.stay_day(arrived, end - timedelta(days=1), nation) == working_days - 1
    whole = [workdays.stay_day(arrived, arrived + timedelta(days=day), nation) for day in range(20)]
    assert whole == sorted(whole)
