"""What a house says of itself on its own pages.

The rule kept: an address is asked for in boxes that the browser does not remember, and no message repeats a word of it.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from safety import geography, matching, workdays
from safety.houses import Hours, HoursAmiss, NewAddress, Whom, a_day
from safety.houses.about import MIDNIGHT
from safety.lifecycle import HOUSE_CLOSED
from safety.models import Contact, Premises
from safety.models.premises import WHO_FOR
from safety.web.forms.base import Form
from safety.web.forms.fields import AnyOf, ClockTime, Day, Mobile, OneOf, Pick, Tick, Words
from safety.web.forms.moments import coming_days
from safety.web.forms.request import WhereNow
from safety.web.forms.rooms import ROOM_FEATURES

# Any two pieces that could be the halves of a postcode: "LS1 4AP", "ls14ap".
_POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}\b", re.IGNORECASE)
_NOT_KEPT = {"autocomplete": "off"}
_CLOSED_DAYS = 14  # how far ahead an end may be said; longer than that, a house opens again by saying so
_TICKS = {"classes": "govuk-checkboxes--small"}
_WHOM = ("cohort", "child_ages", "takes_pregnant", "supports", "features", "accepts_unasked")
# As in the names of the boxes, Monday first.
DAYS = {
    "monday": "Monday",
    "tuesday": "Tuesday",
    "wednesday": "Wednesday",
    "thursday": "Thursday",
    "friday": "Friday",
    "saturday": "Saturday",
    "sunday": "Sunday",
}


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
        self.until_day.offer(coming_days(now, ahead=_CLOSED_DAYS))

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


class DoorTime(ClockTime):
    """A UK time of day, or 24:00 for midnight at its end. `kept`: "HH:MM", "" when it was left empty."""

    kept = ""

    def read(self, typed: str) -> None:
        """Raises StopValidation for what is not a time of day."""
        if re.fullmatch(r"24[:.]?00", typed):
            self.kept = MIDNIGHT
            return
        super().read(typed)
        assert self.clock is not None
        self.kept = f"{self.clock:%H:%M}"


class HoursForm(Form):
    """For each day of the week when the door opens and the latest arrival; both empty: nobody that day.

    After validate(): `admits`, seven days as the rooms take them.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.admits: list[list[str] | None] = []

    @staticmethod
    def beforehand(house: Premises) -> dict[str, str]:
        """The hours as they are."""
        times: dict[str, str] = {}
        for day, kept in zip(DAYS, house.admits, strict=True):
            times[f"opens_{day}"], times[f"latest_{day}"] = kept or ("", "")
        return times

    def validate(self, extra_validators: Any = None) -> bool:
        """Every day by itself: two times that can be meant, or none."""
        good = super().validate(extra_validators)
        self.admits = []
        for day, name in DAYS.items():
            opens, latest = self[f"opens_{day}"], self[f"latest_{day}"]
            if opens.errors or latest.errors:
                continue
            try:
                self.admits.append(a_day(opens.kept, latest.kept))
            except HoursAmiss as amiss:
                empty = not opens.kept
                self.refuse(f"{'opens' if empty else 'latest'}_{day}", f"{name}: {amiss}")
                good = False
        return good


class SafetyCheckForm(Form):
    """When the house was last looked over."""

    on = Day(
        "When was the last check?",
        needed="Enter the day of the last check",
        subject="The day of the check",
        hint="For example, 27 3 2026",
    )


class QuestionsForm(Form):
    """When the house may be asked what can wait."""

    start = ClockTime(
        "From", needed="Enter from when we may ask", subject="From when we may ask", hint="Like 08:00"
    )
    end = ClockTime(
        "Until", needed="Enter until when we may ask", subject="Until when we may ask", hint="Like 20:00"
    )

    @staticmethod
    def beforehand(house: Premises) -> dict[str, str]:
        """The times as they are."""
        return {"start": house.questions_from, "end": house.questions_to}


for _day, _name in DAYS.items():
    # Written out they would be the same two lines seven times.
    setattr(HoursForm, f"opens_{_day}", DoorTime("Opens", subject=f"When you open on {_name}"))
    setattr(HoursForm, f"latest_{_day}", DoorTime("Latest arrival", subject=f"The latest arrival on {_name}"))


_UNASKED = "The bed is confirmed at once and we text you. You can still say that you cannot take them."


class WhomForm(Form):
    """Whom the house takes and what it can manage."""

    cohort = OneOf(
        "Who is the house for?",
        subject="Who the house is for",
        choices=WHO_FOR,
        needed="Select who the house is for",
        hint="With Women or men, strangers of the other sex still never share rooms: whoever is there decides who can come.",
    )
    child_ages = AnyOf(
        "Children of which ages?",
        subject="Ages of children",
        choices=matching.CHILD_AGES,
        hint="None ticked: no children.",
        drawn=_TICKS,
    )
    takes_pregnant = Tick("Somebody who is pregnant", subject="Pregnant", drawn=_TICKS)
    supports = AnyOf(
        "What can you manage?",
        subject="What you can manage",
        choices=matching.SUPPORT,
        hint="People with anything you do not tick are not sent to you.",
        drawn=_TICKS,
    )
    features = AnyOf(
        "What is true of every room?",
        subject="What is true of every room",
        choices=ROOM_FEATURES,
        hint="Leave out what only some rooms have: that is said of each room.",
        drawn=_TICKS,
    )
    accepts_unasked = Tick(
        "Send people without asking first, while our figures are fresh",
        subject="Without asking",
        drawn={**_TICKS, "items": [{"hint": {"text": _UNASKED}}]},
    )

    @staticmethod
    def beforehand(house: Premises) -> dict[str, Any]:
        """Whom it takes now."""
        return {name: getattr(house, name) for name in _WHOM}

    def said(self) -> Whom:
        """What was answered, as the rooms take it."""
        return Whom(
            cohort=self.cohort.data or "",
            child_ages=frozenset(self.child_ages.data or ()),
            takes_pregnant=self.takes_pregnant.data,
            supports=frozenset(self.supports.data or ()),
            accepts_unasked=self.accepts_unasked.data,
            features=frozenset(self.features.data or ()),
        )


class TelephoneForm(Form):
    """A telephone that answers for the house, and when."""

    phone = Mobile(
        "Mobile number",
        subject="Mobile number",
        hint="One that gets texts, and that somebody has with them",
        needed="Enter a mobile number",
    )
    start = ClockTime(
        "Answers from", subject="When it begins to answer", hint="Leave both times empty for day and night"
    )
    end = ClockTime(
        "Until", subject="When it no longer answers", hint="Like 08:00; it may be the next morning"
    )

    @classmethod
    def of(cls, contact: Contact) -> TelephoneForm:
        """The form to change this telephone. Its number is not sent back: an empty box keeps it."""
        always = contact.from_time == contact.to_time
        form = cls(
            data={
                "start": "" if always else contact.from_time,
                "end": "" if always else contact.to_time,
            }
        )
        form.phone.needed = None
        form.phone.description = f"Leave empty to keep the number ending {contact.phone[-3:]}"
        return form

    def validate(self, extra_validators: Any = None) -> bool:
        """Both times or neither."""
        good = super().validate(extra_validators)
        for one, other in ((self.start, self.end), (self.end, self.start)):
            if good and one.data and not other.data:
                self.refuse(other.name, "Enter both times, or leave both empty for day and night")
                return False
        return good

    def hours(self) -> Hours:
        """When it answers."""
        if self.start.clock is None or self.end.clock is None:
            return Hours()
        return Hours(f"{self.start.clock:%H:%M}", f"{self.end.clock:%H:%M}")
