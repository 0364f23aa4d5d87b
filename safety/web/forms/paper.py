"""What a coordinator keys in from a paper form beside the request itself: when it was, and what has happened since."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable

from wtforms.validators import StopValidation

from safety.models import Premises
from safety.referrals.handover import OVERRIDE
from safety.referrals.on_paper import Paper
from safety.web.forms import Form, OneOf, Pick
from safety.web.forms.moments import past_days
from safety.web.forms.times import UkTime

DAYS_BACK = 3
SINCE = {
    "nothing": "No bed was promised: look for one now",
    "promised": "A house has promised a bed, and they have not arrived",
    "arrived": "They have arrived at a house",
}


def _day(words: str, subject: str) -> Pick:
    return Pick(words, subject=subject)


class PaperForm(Form):
    """The real times, typed; none is filled in beforehand."""

    asked_day = Pick("Day they asked", needed="Select the day they asked")
    asked_time = UkTime(
        "Time they asked", needed="Enter the time they asked", hint="UK time, like 14:30 or 2:30pm"
    )
    since = OneOf("What has happened since?", choices=SINCE, needed="Select what has happened since")
    room = Pick("Which room?", subject="Room")
    promised_day = _day("Day the house said yes", "Day the house said yes")
    promised_time = UkTime("Time the house said yes", subject="Time the house said yes")
    arrived_day = _day("Day they arrived", "Day they arrived")
    arrived_time = UkTime("Time they arrived", subject="Time they arrived")
    why = Pick(
        "If the room does not fit everything asked for, why is it right all the same?",
        choices=OVERRIDE,
        nothing="It fits",
        subject="Why",
    )

    def __init__(self, *, now: dt.datetime, houses: Iterable[Premises] = (), **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.now = now
        days = past_days(now, back=DAYS_BACK)
        for field in (self.asked_day, self.promised_day, self.arrived_day):
            field.offer(days)
        self.room.offer(
            {
                room.id.hex: f"{house.name}: {room.name}"
                for house in houses
                for room in house.bedspaces
                if room.retired_at is None
            }
        )
        self.paper: Paper | None = None

    def validate(self, extra_validators: object = None) -> bool:
        """Make instants of the times, and ask for what the answers call for."""
        good = super().validate(extra_validators)
        asked = self._at("asked")
        promised = arrived = None
        if self.since.data in ("promised", "arrived"):
            if not self.room.data:
                self.refuse("room", "Select the room")
            promised = self._at("promised")
        if self.since.data == "arrived":
            arrived = self._at("arrived")
        if not good or self.errors or asked is None:
            return False
        self.paper = Paper(
            asked_at=asked,
            room=uuid.UUID(hex=self.room.data) if promised else None,
            promised_at=promised,
            arrived_at=arrived,
            why=self.why.data or "",
        )
        return True

    def _at(self, which: str) -> dt.datetime | None:
        """The instant of a day and a time; None, with the message on its field, when it is not one."""
        day, time = self[f"{which}_day"], self[f"{which}_time"]
        if not day.data and not day.errors:
            self.refuse(day.name, f"Select the {day.subject[0].lower()}{day.subject[1:]}")
        if not time.data and not time.errors:
            self.refuse(time.name, f"Enter the {time.subject[0].lower()}{time.subject[1:]}")
        if day.errors or time.errors:
            return None
        try:
            at: dt.datetime = time.on(dt.date.fromisoformat(day.data), before=self.now)
        except StopValidation as problem:
            self.refuse(time.name, str(problem))
            return None
        return at
