"""What is asked to put somebody on call, and to give their shift to somebody else."""

from __future__ import annotations

import datetime as dt
from typing import Any

from safety import workdays
from safety.duty import rota
from safety.models import Shift, User
from safety.models.duty import FIRST, SECOND
from safety.web.forms.base import Form
from safety.web.forms.fields import AnyOf, ClockTime, OneOf, Pick
from safety.web.forms.moments import DAY, instant

_JUMPED = "The clocks go forward over that time. Enter a time before or after it"


def day_names(first: dt.date, last: dt.date) -> dict[str, str]:
    """Each day from the first to the last, as answers: "Monday 11 January"."""
    days = (first + n * DAY for n in range((last - first).days + 1))
    return {f"{day:%Y-%m-%d}": f"{day:%A} {day.day} {day:%B}" for day in days}


def _offered(people: list[User]) -> dict[str, str]:
    return {user.id.hex: user.name for user in people}


class AddForm(Form):
    """Who is on call on which days of a week, at the same times each day. After validate(): `spans`, aware UTC."""

    who = Pick("Who", needed="Select who is on call", nothing="Choose a coordinator")
    days = AnyOf("On which days", needed="Select the days on which the shift begins")
    begins = ClockTime("From", needed="Enter the time at which it begins", hint="Like 20:00")
    ends = ClockTime(
        "Until",
        needed="Enter the time at which it is over",
        hint="A time before “From”, or the same, is the next day",
    )
    place = OneOf(
        "First or second",
        choices={
            str(FIRST): "First: texted at once",
            str(SECOND): "Second: texted when the first does not answer",
        },
        default=str(FIRST),
        needed="Select whether they are first or second",
    )

    def __init__(self, *, monday: dt.date, people: list[User], now: dt.datetime, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spans: list[tuple[dt.datetime, dt.datetime]] = []
        first = max(monday, workdays.uk(now).date())
        self.who.offer(_offered(people))
        self.days.offer(day_names(first, monday + 6 * DAY))

    def validate(self, extra_validators: Any = None) -> bool:
        """Also that each time of each day comes: on one night of the year the clocks jump over an hour."""
        if not super().validate(extra_validators):
            return False
        begins, ends = self.begins.clock, self.ends.clock
        assert begins is not None
        assert ends is not None
        self.spans = []
        for chosen in self.days.data:
            day = dt.date.fromisoformat(chosen)
            start, end = instant(day, begins), instant(day + DAY if ends <= begins else day, ends)
            if start is None or end is None:
                self.refuse("begins" if start is None else "ends", _JUMPED)
                return False
            self.spans.append((start, end))
        return True


class GiveForm(Form):
    """Who has the shift instead, and which part of it. After validate(): `start` and `end`, aware UTC."""

    who = Pick("Who takes it", needed="Select who takes it", nothing="Choose a coordinator")
    from_day = Pick("From which day", needed="Select the day")
    begins = ClockTime("From what time", needed="Enter the time from which they take it")
    until_day = Pick("Until which day", needed="Select the day")
    ends = ClockTime("Until what time", needed="Enter the time until which they take it")

    def __init__(self, *, shift: Shift, people: list[User], now: dt.datetime, **kwargs: Any) -> None:
        start, end = workdays.uk(max(shift.from_at, now)), workdays.uk(shift.to_at)
        whole = {
            "from_day": f"{start:%Y-%m-%d}",
            "begins": f"{start:%H:%M}",
            "until_day": f"{end:%Y-%m-%d}",
            "ends": f"{end:%H:%M}",
        }
        super().__init__(data=whole, **kwargs)
        self.shift, self.now = shift, now
        self.start = self.end = now
        days = day_names(start.date(), end.date())
        self.who.offer(_offered([user for user in people if user.id != shift.user_id]))
        self.from_day.offer(days)
        self.until_day.offer(days)

    def validate(self, extra_validators: Any = None) -> bool:
        """Also that both times come."""
        if not super().validate(extra_validators):
            return False
        begins, ends = self.begins.clock, self.ends.clock
        assert begins is not None
        assert ends is not None
        since = max(self.shift.from_at, rota.minute(self.now))
        start = instant(dt.date.fromisoformat(self.from_day.data), begins, after=since)
        end = instant(dt.date.fromisoformat(self.until_day.data), ends, before=self.shift.to_at)
        if start is None or end is None:
            self.refuse("begins" if start is None else "ends", _JUMPED)
            return False
        self.start, self.end = start, end
        return True
