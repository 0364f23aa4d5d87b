"""Working days, bank holidays, how long a stay is, and UK clock time as people read and type it.

Instants are aware and UTC; only words and typed times are Europe/London, and an hour that comes twice or never is said so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
STAY_ENDS = time(12, 0)

ENGLAND, WALES, SCOTLAND, NORTHERN_IRELAND = "England", "Wales", "Scotland", "Northern Ireland"
CALENDARS = (ENGLAND, WALES, SCOTLAND, NORTHERN_IRELAND)

MONDAY, SATURDAY = 0, 5
WEEK = timedelta(days=7)
DAY = timedelta(days=1)

# Beyond the 1971 Act's own list, by proclamation and for one year only. A new one is added here when it is proclaimed.
PROCLAIMED = {
    # The Scottish men's team at the World Cup (proclaimed 3 February 2026, for Scotland alone).
    SCOTLAND: frozenset({date(2026, 6, 15)}),
}


class NoCalendar(ValueError):
    """We hold no bank holidays for that nation."""


class AwkwardTime(ValueError):
    """A typed time of day that does not name one instant, because the clocks change that night."""


class NoSuchTime(AwkwardTime):
    """The clocks jump over that time: it never comes."""


class TimeComesTwice(AwkwardTime):
    """The clocks go back and that time comes twice. `first` (BST) and `second` (GMT) are both, aware and UTC."""

    def __init__(self, first: datetime, second: datetime) -> None:
        super().__init__("that time comes twice")
        self.first = first
        self.second = second


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous computus, as Meeus gives it)."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon_shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon_shift + 15) % 30
    leaps, rest = divmod(of_century, 4)
    to_sunday = (32 + 2 * century_rest + 2 * leaps - epact - rest) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=256)
def bank_holidays(nation: str, year: int) -> frozenset[date]:
    """The bank holidays of a nation of the UK in a year, weekends' substitutes included. Raises NoCalendar.

    Schedule 1 of the Banking and Financial Dealings Act 1971, with the days that are proclaimed every year (New Year's Day
    and the first Monday in May in England, Wales and Northern Ireland; the last Monday in May and Boxing Day in Scotland),
    St Andrew's Day (2007 asp 2), and those of PROCLAIMED. One-off days before 2026 are not held.
    """
    if nation not in CALENDARS:
        raise NoCalendar("no bank holidays are held for that nation")
    sunday = easter(year)
    summer = _first_monday(year, 8) if nation == SCOTLAND else _last_monday(year, 8)
    days = {sunday - 2 * DAY, _first_monday(year, 5), _last_monday(year, 5), summer}
    if nation != SCOTLAND:
        days.add(sunday + DAY)
    days |= _moved_off_weekends([date(year, 12, 25), date(year, 12, 26)])
    new_year = [date(year, 1, 1)]
    if nation == SCOTLAND:
        new_year.append(date(year, 1, 2))
        days |= _moved_off_weekends([date(year, 11, 30)])
    if nation == NORTHERN_IRELAND:
        days |= _moved_off_weekends([date(year, 3, 17)])
        days |= _moved_off_weekends([date(year, 7, 12)])
    days |= _moved_off_weekends(new_year)
    days |= {day for day in PROCLAIMED.get(nation, ()) if day.year == year}
    return frozenset(days)


def is_working_day(day: date, nation: str) -> bool:
    """Whether a day is neither Saturday, Sunday nor a bank holiday of the nation. Raises NoCalendar."""
    return day not in bank_holidays(nation, day.year) and day.weekday() < SATURDAY


def stay_until(arrived_at: datetime, working_days: int, nation: str) -> datetime:
    """When a stay ends: 12:00 UK time on the last of `working_days` working days, as an aware UTC instant.

    The first of them is the next working day after the day of arrival (by UK clock), whatever the hour of arrival; days are
    those of the nation the house is in. Raises ValueError for a naive instant or fewer than one day, and NoCalendar.
    """
    if working_days < 1:
        raise ValueError("a stay is at least one working day")
    day = uk(arrived_at).date()
    counted = 0
    while counted < working_days:
        day += DAY
        counted += is_working_day(day, nation)
    return local(day, STAY_ENDS)


def stay_day(arrived_at: datetime, now: datetime, nation: str) -> int:
    """Which working day of a stay it is at `now`, 1 the first that counts (see stay_until); 0 before it. Raises NoCalendar."""
    day, today, counted = uk(arrived_at).date(), uk(now).date(), 0
    while day < today:
        day += DAY
        counted += is_working_day(day, nation)
    return counted


def uk(moment: datetime) -> datetime:
    """The same instant on a UK clock. Raises ValueError for a naive one."""
    if moment.utcoffset() is None:
        raise ValueError("a moment must know its time zone")
    return moment.astimezone(LONDON)


def clock_words(moment: datetime) -> str:
    """The UK time of day: "14:35"; in the hour that comes twice in October "01:30 BST" or "01:30 GMT"."""
    here = uk(moment)
    words = f"{here:%H:%M}"
    return f"{words} {here.tzname()}" if _comes_twice(here) else words


def day_words(moment: datetime, now: datetime) -> str:
    """An instant as one would say it at `now`: "today 14:35", "tomorrow 02:10", "Wednesday 12:00" in the week that follows,
    else "Wednesday 31 March 12:00", with the year when it is more than half a year away.
    """
    here = uk(moment)
    away = (here.date() - uk(now).date()).days
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    if away in near:
        day = near[away]
    elif 0 < away < WEEK.days:
        day = f"{here:%A}"
    else:
        day = f"{here:%A} {here.day} {here:%B}"
        if abs(away) > 182:
            day += f" {here.year}"
    return f"{day} {clock_words(moment)}"


def date_words(day: date) -> str:
    """A day in full: "Monday 1 March 2027"."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def local(day: date, clock: time, fold: int | None = None) -> datetime:
    """The UTC instant of a day and a UK clock time that somebody typed.

    fold: which of the two is meant when the hour comes twice, 0 for the first (BST) and 1 for the second (GMT); without it
    TimeComesTwice is raised, with both. Raises NoSuchTime for a time the clocks jump over, ValueError if `clock` has a zone.
    """
    if clock.tzinfo is not None:
        raise ValueError("a typed time has no time zone")
    first, second = (
        datetime.combine(day, clock.replace(fold=which), LONDON).astimezone(UTC) for which in (0, 1)
    )
    if first > second:
        raise NoSuchTime("the clocks go forward over that time")
    if first < second and fold is None:
        raise TimeComesTwice(first, second)
    return second if fold else first


def _comes_twice(here: datetime) -> bool:
    return here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset()


def _first_monday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(MONDAY - first.weekday()) % 7)


def _last_monday(year: int, month: int) -> date:
    fifth = _first_monday(year, month) + 4 * WEEK
    return fifth if fifth.month == month else fifth - WEEK


def _moved_off_weekends(days: Iterable[date]) -> set[date]:
    """Neighbouring holidays, each moved to the next free weekday when it falls on a Saturday or Sunday.

    A holiday that already stands on a weekday keeps it: when Christmas Day is a Sunday, Boxing Day stays on Monday and
    Christmas Day's substitute is Tuesday.
    """
    wanted = list(days)
    taken = {day for day in wanted if day.weekday() < SATURDAY}
    for day in wanted:
        if day.weekday() >= SATURDAY:
            taken.add(
                next(later for later in _after(day) if later.weekday() < SATURDAY and later not in taken)
            )
    return taken


def _after(day: date) -> Iterator[date]:
    return (day + ahead * DAY for ahead in range(1, 8))
