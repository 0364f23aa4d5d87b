"""What a room is like, and when it cannot be used."""

from __future__ import annotations

import datetime as dt

from safety import matching
from safety.bedspaces import Description
from safety.models import Bedspace, Premises
from safety.models.premises import OUT_REASONS, WHO_FOR, Cohort
from safety.web.forms import AnyOf, ClockTime, Form, OneOf, Text, Whole
from safety.web.forms.moments import coming_days, instant

NEW_GROUP = "new"
MOST_SLEEP = 12  # as the database has it
_LATER = "later"
# A self-contained flat is asked about by itself: it decides who may share the house.
ROOM_FEATURES = {code: words for code, words in matching.FEATURES.items() if code != "self_contained"}


class DescribeForm(Form):
    """What a room is like."""

    name = Text(
        "What do you call the room?",
        subject="The name of the room",
        most=40,
        width=10,
        needed="Enter what you call the room",
        hint="As your staff say it, like W3 or Blue room. Never the name of somebody who lives there",
    )
    cohort: OneOf | None = OneOf("Whom is it for?", choices=WHO_FOR, needed="Select whom the room is for")
    sleeps = Whole(
        "How many people can sleep there?",
        subject="How many people can sleep there",
        least=1,
        greatest=MOST_SLEEP,
        needed="Enter how many people can sleep there",
        hint="A family counts as one placement, and needs a room that sleeps them all",
    )
    self_contained = OneOf(
        "Is it a flat with its own door, kitchen and bathroom?",
        choices={"yes": "Yes, nothing is shared", "no": "No, something is shared"},
        needed="Select whether anything is shared",
        hint="Whoever lives in such a flat does not share with the others, so it may be for anybody",
    )
    features = AnyOf("What does it have?", choices=ROOM_FEATURES, hint="Select all that are true of it")

    @staticmethod
    def beforehand(bedspace: Bedspace) -> dict[str, object]:
        """The room as it stands, as answers."""
        return {
            "name": bedspace.name,
            "cohort": bedspace.cohort,
            "sleeps": bedspace.sleeps,
            "self_contained": "yes" if bedspace.self_contained else "no",
            "features": bedspace.features,
        }

    def fit(self, house: Premises) -> None:
        """A house for women, or for men, has rooms for nobody else: there is nothing to ask."""
        if house.cohort != Cohort.EITHER:
            del self.cohort

    def said(self, house: Premises) -> Description:
        """The answers of a form that was validated."""
        assert self.sleeps.number is not None
        return Description(
            name=self.name.data,
            cohort=str(self.cohort.data) if self.cohort else house.cohort,
            sleeps=self.sleeps.number,
            self_contained=self.self_contained.data == "yes",
            features=tuple(self.features.data),
        )


class AddForm(DescribeForm):
    """A new room, and the group it belongs to."""

    group = OneOf(
        "Which group does it belong to?",
        needed="Select the group, or a new one",
        hint="Rooms of a group are alike, and are counted together in a text",
    )
    letter = Text(
        "Letter of the new group",
        most=1,
        width=2,
        pattern="[A-Za-z]",
        wrong="The letter must be one letter, A to Z",
        hint="Only for a new group. What a text calls it, like F in BEDS F2",
    )
    group_name = Text(
        "Name of the new group",
        most=40,
        width=20,
        hint="Only for a new group, like Family flats",
    )

    def fit(self, house: Premises) -> None:
        """Besides, the groups of this house and a new one."""
        super().fit(house)
        groups = {group.id.hex: f"{group.letter}: {group.name}" for group in house.groups}
        self.group.offer(groups | {NEW_GROUP: "A new group"})

    def validate(self, extra_validators: object = None) -> bool:
        """A new group needs its letter and name."""
        good = super().validate(extra_validators)
        if self.group.data == NEW_GROUP:
            for name, words in (("letter", "the letter"), ("group_name", "the name")):
                if not self[name].data and not self[name].errors:
                    self.refuse(name, f"Enter {words} of the new group")
                    good = False
        return good


class OutForm(Form):
    """Why a room cannot be used, and until when."""

    reason = OneOf("Why can it not be used?", choices=OUT_REASONS, needed="Select why it cannot be used")
    until = OneOf("When can it be used again?", needed="Select when it can be used again")
    time = ClockTime(
        "Time",
        subject="The time",
        hint="Only with a day, like 14:30. Empty means 12:00",
    )

    def prepare(self, now: dt.datetime) -> None:
        """Offer the days to come."""
        self.until.offer({_LATER: "When we say so"} | coming_days(now, ahead=7))

    def until_at(self, now: dt.datetime) -> dt.datetime | None:
        """When the room comes back by itself; None when somebody has to say so. Errors are in the form then."""
        if self.until.data == _LATER:
            return None
        at = instant(dt.date.fromisoformat(str(self.until.data)), self.time.clock or dt.time(12), after=now)
        if at is None:
            self.refuse("time", "The clocks go forward over that time. Enter a time before or after it")
        elif at <= now:
            at = None
            self.refuse("time", "That time is over. Enter a time that is still to come, or another day")
        return at


def in_words(bedspace: Bedspace) -> list[str]:
    """A room in a few words: "sleeps 2", "women", "cot"."""
    words = [f"sleeps {bedspace.sleeps}", WHO_FOR[bedspace.cohort].lower()]
    if bedspace.self_contained:
        words.append("self-contained flat")
    return words + [ROOM_FEATURES[code].lower() for code in bedspace.features if code in ROOM_FEATURES]
