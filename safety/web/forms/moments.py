"""A day and a time of the clock, as people choose and type them, and the instant they mean."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from safety import workdays

DAY = dt.timedelta(days=1)


def past_days(now: dt.datetime, *, back: int) -> dict[str, str]:
    """Today and so many days before it, as radios."""
    return _days(now, range(0, -back - 1, -1))


def coming_days(now: dt.datetime, *, ahead: int) -> dict[str, str]:
    """Today and so many days after it, as radios."""
    return _days(now, range(ahead + 1))


def _days(now: dt.datetime, which: Iterable[int]) -> dict[str, str]:
    today = workdays.uk(now).date()
    names = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}
    named = [(away, today + away * DAY) for away in which]
    return {f"{day:%Y-%m-%d}": names.get(away, f"{day:%A} {day.day} {day:%B}") for away, day in named}


def moment(form: Any, now: dt.datetime) -> dt.datetime | None:
    """The instant of a form's `day` and `time`; None, with the field saying why, when the clocks jumped over it."""
    at = instant(dt.date.fromisoformat(form.day.data), form.time.clock, before=now)
    if at is None:
        form.refuse("time", "The clocks went forward over that time. Enter a time before or after it")
    return at


def instant(
    day: dt.date, clock: dt.time, *, before: dt.datetime | None = None, after: dt.datetime | None = None
) -> dt.datetime | None:
    """What a typed time means; None when the clocks jump over it.

    Where the clock shows it twice: the later one that is over by `before`, or the first that is still to come at `after`.
    """
    try:
        return workdays.local(day, clock)
    except workdays.NoSuchTime:
        return None
    except workdays.TimeComesTwice as twice:
        if before is not None:
            return twice.second if twice.second <= before else twice.first
        return twice.first if after is None or twice.first >= after else twice.second
