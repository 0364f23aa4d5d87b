"""The three screens of a request, and the questions only an officer is asked.

The rule kept: ticks, numbers and times only. No name but an alias, no date of birth, nothing about status or story is asked.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from wtforms.validators import StopValidation

from safety import geography
from safety.matching import CHILD_AGES, FEATURES, SUPPORT
from safety.referrals.numbers import NotANumber, plain_number
from safety.referrals.reading import ALPHABET, plain_reference
from safety.web.forms.base import Form
from safety.web.forms.fields import AnyOf, Mobile, OneOf, Pick, Text, Tick, Whole
from safety.web.forms.times import UkTime, moment

YES_NO = {"yes": "Yes", "no": "No"}
YES_NO_NOT_KNOWN = {**YES_NO, "not_known": "Not known"}
SETTINGS = {
    "station": "Police station",
    "hospital": "Hospital",
    "scene": "At the scene",
    "vehicle": "In a vehicle",
    "other": "Somewhere else",
}
TRANSPORT = {"police": "Police car", "scheme": "Scheme driver", "taxi": "Taxi", "other": "Something else"}
READY = {
    "0": "Now",
    "30": "In 30 minutes",
    "60": "In 1 hour",
    "120": "In 2 hours",
    "time": "Later, at a time you enter",
}
TRAVEL = {
    "30": "30 minutes",
    "60": "1 hour",
    "90": "1 hour 30 minutes",
    "120": "2 hours",
    "180": "3 hours",
    "240": "4 hours",
    "time": "At a time you enter",
}
MILES = {"5": "5 miles", "10": "10 miles", "20": "20 miles", "50": "50 miles"}

# A time was typed and another answer is selected, by the question.
_NOT_CHOSEN = {
    "ready": "Select Later above, or take this time out",
    "travel": "Select At a time you enter above, or take this time out",
}

_SHORT = {"classes": "govuk-radios--small pos-two"}
_TICKS = {"classes": "govuk-checkboxes--small"}
_MANY_TICKS = {"classes": "govuk-checkboxes--small pos-two"}


class Reference(Text):
    """A reference as somebody said it. data: what was typed; `plain`: as it is stored."""

    plain = ""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, most=12, width=10, **kwargs)

    def read(self, typed: str) -> None:
        """Raises StopValidation for what cannot be a reference."""
        self.plain = plain_reference(typed)
        if len(self.plain) != 6 or not set(self.plain) <= set(ALPHABET):
            raise StopValidation(
                f"{self.subject} has 6 letters and numbers, like K7M-4QX. Check it and enter it again"
            )


class Area(Text):
    """A place to keep away from: a postcode or its first half, or a town. `kept`: as the draft keeps it, never a full postcode."""

    kept = ""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, most=60, **kwargs)

    def read(self, typed: str) -> None:
        """Raises StopValidation for a place that is not known: it must never be ignored."""
        if geography.resolve_area(typed) is None:
            raise StopValidation(f"We do not know {typed}. Enter the first half of a postcode, or a town")
        self.kept = geography.normalise(typed) or typed


class OperationNumber(Text):
    """The number of an operation as somebody said it. `kept`: as it is stored."""

    kept = ""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, most=30, width=20, **kwargs)

    def read(self, typed: str) -> None:
        """Raises StopValidation for what cannot be a number."""
        try:
            self.kept = plain_number(typed)
        except NotANumber as refused:
            raise StopValidation(str(refused)) from refused


class WhereNow(Text):
    """Where they are, by the first half of a postcode. `code`: the outcode; nothing finer is ever kept."""

    code = ""

    def read(self, typed: str) -> None:
        """Raises StopValidation for an outcode that is not known."""
        code = geography.normalise(typed)
        if code is None:
            raise StopValidation("We do not know that postcode. Enter its first half, like LS1 or BT28")
        self.code = code


class _Screen(Form):
    """One screen of the request."""

    def answers(self) -> dict[str, Any]:
        """What a draft keeps of this screen: answers that are as they should be."""
        return {
            field.name: getattr(field, "kept", "") or getattr(field, "code", "") or field.data
            for field in self
            if field.name != "csrf_token" and not field.errors
        }


class WhoForm(_Screen):
    """Screen 1: may a place be sought, and for whom."""

    force = Pick(
        "Which force are they ringing from?",
        needed="Select the force the officer belongs to",
        subject="Force",
    )
    adult = OneOf(
        "Are they an adult?",
        subject="Whether they are an adult",
        hint="18 or over. If you think they may be younger, say you are not sure.",
        choices={"yes": "Yes, 18 or over", "no": "No, under 18", "not_sure": "Not sure"},
        needed="Select whether they are an adult",
    )
    agrees = OneOf(
        "Do they agree to come to a place of safety?",
        subject="Whether they agree to come",
        hint="Asked in a language they understand. They agree to the place and to nothing else.",
        choices=YES_NO,
        needed="Select whether they agree to come",
        drawn={"classes": "pos-inline"},
    )
    interpreter = Tick("An interpreter was used", subject="Interpreter", drawn=_TICKS)
    hospital = OneOf(
        "Does anybody need a hospital first?",
        subject="Whether anybody needs a hospital",
        choices={"no": "No", "yes": "Yes"},
        needed="Select whether anybody needs a hospital first",
        drawn={"classes": "pos-inline"},
    )
    kind = OneOf(
        "What kind of place do they want?",
        subject="Kind of place",
        hint="As they say themselves.",
        choices={"women": "Women only", "men": "Men only", "either": "Either"},
        needed="Select what kind of place they want",
        drawn={
            "items": [
                {"hint": {"text": "Everybody else there is a woman, or a woman's child"}},
                {"hint": {"text": "Everybody else there is a man"}},
                {
                    "hint": {
                        "text": "Only mixed houses and self-contained flats, so the fewest beds. "
                        "For a couple, a mixed family, or somebody for whom neither is right"
                    }
                },
            ]
        },
    )
    adults = Whole(
        "How many adults?",
        subject="Number of adults",
        hint="To be placed together",
        least=1,
        greatest=8,
        needed="Enter how many adults",
    )
    under_2 = Whole(CHILD_AGES["under_2"], subject="Children under 2", least=0, greatest=9)
    aged_2_to_4 = Whole(CHILD_AGES["2_to_4"], subject="Children aged 2 to 4", least=0, greatest=9)
    aged_5_to_11 = Whole(CHILD_AGES["5_to_11"], subject="Children aged 5 to 11", least=0, greatest=9)
    aged_12_to_17 = Whole(CHILD_AGES["12_to_17"], subject="Children aged 12 to 17", least=0, greatest=9)
    pregnant = OneOf(
        "Is anybody pregnant?",
        subject="Whether anybody is pregnant",
        choices=YES_NO_NOT_KNOWN,
        drawn={"classes": "pos-inline"},
    )

    CHILDREN: ClassVar[dict[str, str]] = {
        "under_2": "under_2",
        "aged_2_to_4": "2_to_4",
        "aged_5_to_11": "5_to_11",
        "aged_12_to_17": "12_to_17",
    }

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether anybody is pregnant must be answered where a woman may be meant."""
        good = super().validate(extra_validators)
        if self.kind.data in ("women", "either") and not self.pregnant.data and not self.pregnant.errors:
            self.refuse("pregnant", "Select whether anybody is pregnant, or that it is not known")
            good = False
        return good

    def stops(self) -> str | None:
        """The answer for which no bed is sought: "child", "did_not_agree", "hospital"; None. Ask after validate()."""

        def said(name: str, *values: str) -> bool:
            return not self[name].errors and self[name].data in values

        if said("adult", "no", "not_sure"):
            return "child"
        if said("adult", "yes") and said("agrees", "no"):
            return "did_not_agree"
        if said("adult", "yes") and said("agrees", "yes") and said("hospital", "yes"):
            return "hospital"
        return None


class NeedsForm(_Screen):
    """Screen 2: needs and risks, as ticks."""

    needed = AnyOf(
        "What must the room have?",
        subject="What the room must have",
        hint="Only what they cannot do without. Leave empty if nothing.",
        choices=FEATURES,
        drawn=_MANY_TICKS,
    )
    wished = AnyOf(
        "What would be good to have?",
        subject="What would be good",
        hint="Used to choose between beds, never to refuse one.",
        choices=FEATURES,
        drawn=_MANY_TICKS,
    )
    support = AnyOf(
        "What must the house be able to manage?",
        subject="What the house must manage",
        hint="What you know or have good reason to think. Leave empty if nothing.",
        choices=SUPPORT,
        drawn=_TICKS,
    )
    tracking = OneOf(
        "Have their phone and belongings been checked for tracking?",
        subject="Whether they were checked for tracking",
        hint="Location sharing, unknown apps, tags in bags and linings.",
        choices={"yes": "Yes", "no": "No", "not_known": "Not yet known"},
        drawn={"classes": "pos-inline"},
        needed="Select whether their phone and belongings have been checked for tracking",
    )
    away_1 = Area("First area", subject="First area to keep away from")
    away_2 = Area("Second area", subject="Second area to keep away from")
    away_3 = Area("Third area", subject="Third area to keep away from")
    miles = OneOf(
        "How far from these areas?",
        subject="How far",
        choices=MILES,
        drawn={"classes": "govuk-radios--small pos-two"},
    )
    apart = Reference(
        "Reference of the other request",
        subject="Reference to keep apart from",
        hint="One of your own force, like K7M-4QX",
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Areas without a distance are kept at the usual one."""
        good = super().validate(extra_validators)
        if not self.miles.data and not self.miles.errors:
            self.miles.data = "10"
        return good


class WhereForm(_Screen):
    """Screen 3: where they are and when they can be there. After validate(): `ready_at` and `eta_at`, aware UTC."""

    outcode = WhereNow(
        "Where are they now?",
        subject="Where they are",
        hint="First half of the postcode, like LS1",
        most=12,
        width=5,
        needed="Enter the first half of the postcode where they are, like LS1",
    )
    setting = OneOf(
        "What kind of place is that?",
        subject="Kind of place",
        choices=SETTINGS,
        needed="Select what kind of place they are at",
        drawn=_SHORT,
    )
    ready = OneOf(
        "When are they ready to leave?",
        subject="When they are ready",
        choices=READY,
        needed="Select when they are ready to leave",
        drawn=_SHORT,
    )
    ready_time = UkTime("Ready at", subject="Time they are ready", hint="Like 14:30 or 2:30pm")
    transport = OneOf(
        "How will they travel?",
        subject="How they travel",
        choices=TRANSPORT,
        needed="Select how they will travel",
        drawn=_SHORT,
    )
    travel = OneOf(
        "How long could you travel?",
        subject="How long you could travel",
        hint="From when they are ready. Roughly: you can change it once a bed is confirmed.",
        choices=TRAVEL,
        needed="Select how long you could travel",
        drawn=_SHORT,
    )
    eta_time = UkTime("There by", subject="Time you would be there", hint="Like 14:30 or 2:30pm")
    mobile = Mobile(
        "Your mobile number",
        subject="Your mobile number",
        hint="We text you each time something changes",
        needed="Enter your mobile number",
    )
    incident = Text(
        "Your force's incident number (optional)",
        subject="Incident number",
        most=30,
        width=20,
        pattern=r"[A-Za-z0-9/-]+",
        wrong="Incident number must only include letters, numbers, hyphens and slashes",
    )
    operation = OperationNumber(
        "Operation number",
        subject="Operation number",
        hint="Like OP26/114. The same for everybody of it, so that they can be followed together.",
    )

    def __init__(self, *, now: dt.datetime, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.now = now
        self.ready_at = self.eta_at = now

    def validate(self, extra_validators: Any = None) -> bool:
        """Make instants of the times."""
        good = super().validate(extra_validators)
        ready = self._at("ready", "ready_time", self.now, "Enter the time they are ready to leave")
        eta = self._at("travel", "eta_time", ready or self.now, "Enter the time you would be there")
        if ready and eta:
            self.ready_at, self.eta_at = ready, eta
        return good and ready is not None and eta is not None

    def _at(self, choice: str, clock: str, start: dt.datetime, missing: str) -> dt.datetime | None:
        said = self[choice].data
        if self[choice].errors or not said:
            return None
        if said != "time":
            if self[clock].data and not self[clock].errors:
                # Which of the two they meant only they know, and a house that is told the wrong time waits for nobody.
                self.refuse(clock, _NOT_CHOSEN[choice])
                return None
            return start + dt.timedelta(minutes=int(said))
        return moment(self, clock, missing, lambda field: field.coming(start))
