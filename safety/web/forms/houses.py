"""What a coordinator is asked to enter providers, houses and their rooms."""

from __future__ import annotations

from typing import Any

from safety.matching import CHILD_AGES, SUPPORT
from safety.models import Cohort
from safety.models.premises import WHO_FOR
from safety.registry import NewHouse, NewRooms
from safety.web.forms import AnyOf, ClockTime, Form, Mobile, OneOf, Text, Tick, Whole
from safety.web.forms.request import WhereNow
from safety.web.forms.rooms import MOST_SLEEP, ROOM_FEATURES


class ProviderForm(Form):
    """An organisation."""

    name = Text("Name of the provider", needed="Enter the name of the provider", most=100, autocomplete="off")


class HouseForm(Form):
    """A house, as far as matching has to know it."""

    name = Text(
        "Name of the house",
        needed="Enter a name for the house",
        hint="What coordinators and the house call it. No officer and no text is ever given it. Not a street.",
        most=60,
        autocomplete="off",
    )
    outcode = WhereNow(
        "First half of its postcode",
        needed="Enter the first half of the house’s postcode, like LS1",
        hint="Like LS1. The address itself is typed by the house, on its own page.",
        most=12,
        width=5,
        autocomplete="off",
    )
    cohort = OneOf("Whom does the house take?", choices=WHO_FOR, needed="Select whom the house takes")
    pregnant = OneOf(
        "Does it take somebody who is pregnant?",
        choices={"yes": "Yes", "no": "No"},
        needed="Select whether it takes somebody who is pregnant",
    )
    children = AnyOf(
        "Which ages of children can come too?", choices=CHILD_AGES, hint="None ticked: no children."
    )
    supports = AnyOf(
        "What can the staff manage?",
        choices=SUPPORT,
        hint="Somebody with a risk that is not ticked is never sent there.",
    )
    features = AnyOf(
        "What is true of every room of the house?", choices=ROOM_FEATURES, hint="Leave the rest to the rooms."
    )
    arrive = OneOf(
        "When can people arrive?",
        choices={"always": "At any time, day and night", "hours": "Between two times, every day"},
        needed="Select when people can arrive",
    )
    opens = ClockTime("From (if not at any time)", subject="From", needed=None)
    latest = ClockTime("Latest arrival (if not at any time)", subject="Latest arrival", needed=None)
    phone = Mobile(
        "The house’s mobile",
        subject="The house’s mobile",
        needed="Enter the mobile on which the house gets texts",
        hint="It is asked by text when a bed is wanted, day and night. The house can add others by day and by night.",
        autocomplete="off",
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Whoever opens between two times says which."""
        good = super().validate(extra_validators)
        if self.arrive.data != "hours":
            return good
        for field in (self.opens, self.latest):
            if not field.data:
                self.refuse(field.name, f"Enter the time: {field.subject.lower()}")
                good = False
        if good and self.opens.clock == self.latest.clock:
            self.refuse("latest", "Latest arrival must be another time than the first")
            good = False
        return good

    def said(self) -> NewHouse:
        """What was answered, as the room takes it."""
        opens, latest = self.opens.clock, self.latest.clock
        always = self.arrive.data == "always" or opens is None or latest is None
        return NewHouse(
            name=" ".join(self.name.data.split()),
            outcode=self.outcode.code,
            cohort=str(self.cohort.data),
            phone=self.phone.e164,
            admits=("00:00", "24:00") if always else (f"{opens:%H:%M}", f"{latest:%H:%M}"),
            takes_pregnant=self.pregnant.data == "yes",
            child_ages=tuple(self.children.data),
            supports=tuple(self.supports.data),
            features=tuple(self.features.data),
        )


class RoomsForm(Form):
    """Some like rooms of a house."""

    letter = Text(
        "Letter",
        needed="Enter a letter, like W for women’s rooms",
        hint="One letter for rooms that are alike, like W or F. Houses answer texts with it: BEDS W2.",
        most=1,
        width=2,
        pattern="[A-Za-z]",
        wrong="Letter must be one letter from A to Z",
        autocomplete="off",
    )
    called = Text(
        "What these rooms are called",
        subject="The name of the rooms",
        hint="Like Women’s rooms. Not needed for a letter that the house has already.",
        most=40,
        autocomplete="off",
    )
    number = Whole(
        "How many rooms like this?",
        subject="How many rooms",
        least=1,
        greatest=20,
        needed="Enter how many rooms",
    )
    sleeps = Whole(
        "How many people does each sleep?",
        subject="How many people",
        least=1,
        greatest=MOST_SLEEP,
        needed="Enter how many people each room sleeps",
    )
    cohort: OneOf | None = OneOf(
        "Who can have these rooms?", choices=WHO_FOR, needed="Select who can have these rooms"
    )
    own_flat = Tick(
        "Each is a flat of its own, where nothing is shared with strangers",
        subject="A flat of its own",
    )
    features = AnyOf("What does each of these rooms have?", choices=ROOM_FEATURES)

    def fit(self, house_cohort: str) -> None:
        """A house for women has rooms for women: it is not asked."""
        if house_cohort != Cohort.EITHER:
            del self.cohort

    def said(self, house_cohort: str) -> NewRooms:
        """What was answered, as the room takes it."""
        assert self.number.number is not None
        assert self.sleeps.number is not None
        return NewRooms(
            letter=self.letter.data.upper(),
            name=" ".join(self.called.data.split()),
            number=self.number.number,
            sleeps=self.sleeps.number,
            cohort=str(self.cohort.data) if self.cohort else house_cohort,
            self_contained=self.own_flat.data,
            features=tuple(self.features.data),
        )
