"""What a house says of itself on its own pages.

The rule kept: an address is asked for in boxes that the browser does not remember, and no message repeats a word of it.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from safety import geography, workdays
from safety.houses import NewAddress
from safety.lifecycle import HOUSE_CLOSED
from safety.models import Premises
from safety.web.forms.base import Form
from safety.web.forms.fields import ClockTime, OneOf, Pick, Tick, Words
from safety.web.forms.request import WhereNow

# Any two pieces that could be the halves of a postcode: "LS1 4AP", "ls14ap".
_POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}\b", re.IGNORECASE)
_NOT_KEPT = {"autocomplete": "off"}
_CLOSED_DAYS = 14  # how far ahead an end may be said; longer than that, a house opens again by saying so
_DAY = dt.timedelta(days=1)


class AddressForm(Form):
    """The whole new address, with what else an officer is told instead of it or before they come to the door."""

    lines = Words(
        "The new address",
        subject="The new address",
        hint="All of it, as an officer needs it at night. Nobody but officers on their way to you sees it.",
        most=300,
        rows=5,
        needed="Enter the new address",
        drawn=_NOT_KEPT,
    )
    outcode = WhereNow(
        "First half of its postcode",
        subject="First half of its postcode",
        hint="Like LS1. We match people by it: how far they are, and which areas they must keep away from.",
        most=12,
        width=5,
        needed="Enter the first half of the postcode of the new address, like LS1",
    )
    meeting_point = Words(
        "Meeting point (optional)",
        subject="Meeting point",
        hint="If you meet people somewhere else first. Officers then see this and not the address.",
        most=300,
        rows=3,
        drawn=_NOT_KEPT,
    )
    ring_first = Tick("Officers must ring before they come to the door", subject="Ring first")

    def validate(self, extra_validators: Any = None) -> bool:
        """A whole postcode among the lines has to be of the same place as its first half: a slip there misleads matching."""
        good = super().validate(extra_validators)
        if good and not self._agree():
            self.refuse(
                "outcode",
                "The postcode in the address begins otherwise. Check the address and its first half",
            )
            good = False
        return good

    def _agree(self) -> bool:
        whole = [geography.normalise(found) for found in _POSTCODE.findall(self.lines.data)]
        return all(code is None or code == self.outcode.code for code in whole)

    def said(self) -> NewAddress:
        """What was answered, as the rooms take it."""
        return NewAddress(
            lines=self.lines.data,
            outcode=self.outcode.code,
            meeting_point=self.meeting_point.data,
            ring_first=self.ring_first.data,
        )


class CloseForm(Form):
    """Why no new people are taken, and until when. After validate(): `until`, None for an end that is not known."""

    reason = OneOf("Why?", subject="Why", choices=HOUSE_CLOSED, needed="Select why you take nobody new")
    until_day = Pick("Until when?", subject="Until when", nothing="We open again ourselves")
    until_time = ClockTime(
        "At what time? (only with a day)", subject="The time you open again", hint="Like 08:00"
    )

    def __init__(self, *, now: dt.datetime, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.now = now
        self.until: dt.datetime | None = None
        today = workdays.uk(now).date()
        days = [today + ahead * _DAY for ahead in range(_CLOSED_DAYS + 1)]
        self.until_day.offer({f"{day:%Y-%m-%d}": f"{day:%A} {day.day} {day:%B}" for day in days})

    @staticmethod
    def beforehand(house: Premises) -> dict[str, str | None]:
        """Why and until when it is closed now, so that changing one does not lose the other."""
        if house.accepting or house.accepting_until is None:
            return {"reason": house.accepting_reason}
        end = workdays.uk(house.accepting_until)
        return {
            "reason": house.accepting_reason,
            "until_day": f"{end:%Y-%m-%d}",
            "until_time": f"{end:%H:%M}",
        }

    def validate(self, extra_validators: Any = None) -> bool:
        """Make an instant of day and time, which has to be still to come."""
        good = super().validate(extra_validators)
        if good and self.until_day.data:
            problem = self._end(dt.date.fromisoformat(self.until_day.data), self.until_time.clock)
            if problem:
                self.refuse("until_time", problem)
                good = False
        elif good and self.until_time.data:
            self.refuse("until_day", "Select the day as well, or leave the time empty")
            good = False
        return good

    def _end(self, day: dt.date, clock: dt.time | None) -> str | None:
        if clock is None:
            return "Enter the time you open again, like 08:00"
        try:
            # In the hour that comes twice the later one: a house is rather closed too long than sent somebody too early.
            until = workdays.local(day, clock, fold=1)
        except workdays.NoSuchTime:
            return "The clocks go forward over that time. Enter a time before or after it"
        if until <= self.now:
            return "Enter a time that is still to come"
        self.until = until
        return None
