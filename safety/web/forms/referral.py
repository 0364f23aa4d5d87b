"""What the officer's side says of a request once it is sent: on our way, arrived, why not, more about them, taking over.

The rule kept: reasons are codes of safety.lifecycle; the only words anybody types are an alias.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from safety import lifecycle
from safety.referrals import details
from safety.referrals.handover import ADDRESS
from safety.web.forms.base import Form
from safety.web.forms.fields import AnyOf, Mobile, OneOf, Pick, Text
from safety.web.forms.request import TRAVEL, YES_NO, Reference
from safety.web.forms.times import UkTime, moment

_TICKS = {"classes": "govuk-checkboxes--small"}


class SetOffForm(Form):
    """We are on our way: how long it takes."""

    travel = OneOf(
        "How long will it take?",
        subject="How long it takes",
        choices={minutes: words for minutes, words in TRAVEL.items() if minutes != "time"},
        needed="Select how long it will take",
    )


class ArrivedForm(Form):
    """They have arrived: now, or earlier. After validate(): `arrived_at`, None for now."""

    when = OneOf(
        "When did they arrive?",
        subject="When they arrived",
        choices={"now": "Just now", "earlier": "Earlier, at a time you enter"},
        needed="Select when they arrived",
    )
    time = UkTime("Arrived at", subject="Time they arrived", hint="Like 14:30 or 2:30pm")

    def __init__(self, *, now: dt.datetime, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.now = now
        self.arrived_at: dt.datetime | None = None

    def validate(self, extra_validators: Any = None) -> bool:
        """Make an instant of the time."""
        good = super().validate(extra_validators)
        if good and self.when.data == "earlier":
            self.arrived_at = moment(
                self, "time", "Enter the time they arrived", lambda field: field.gone(self.now)
            )
            good = self.arrived_at is not None
        return good


class NotArrivedForm(Form):
    """They did not arrive: why, as far as known."""

    reason = OneOf(
        "What happened?",
        choices={code: words for code, words in lifecycle.NOT_ARRIVED.items() if code != "never_set_off"},
        needed="Select what happened, or that you do not know",
    )


class AnotherPlaceForm(Form):
    """This place is not the one, and they still need one."""

    reason = OneOf(
        "Why do they need another place?",
        subject="Why",
        choices=lifecycle.CANCEL,
        needed="Select why they need another place",
    )


class WithdrawForm(Form):
    """No place is needed any more."""

    reason = OneOf(
        "Why is no place needed?",
        subject="Why",
        choices=lifecycle.CLOSE,
        needed="Select why no place is needed",
    )


class AddressForm(Form):
    """Why the address is opened."""

    reason = OneOf(
        "Why do you need it?",
        subject="Why",
        choices=ADDRESS,
        needed="Select why you need the address",
    )


class DetailsForm(Form):
    """More about them, for the house that receives them. All optional."""

    alias = Text(
        "What do they like to be called?",
        subject="What they like to be called",
        hint="A first name or any other. Not their full name. Only the house that takes them sees it.",
        most=details.ALIAS_ROOM,
        width=20,
    )
    interpreter = OneOf(
        "Do they need an interpreter?",
        subject="Interpreter",
        choices=YES_NO,
        drawn={"classes": "pos-inline"},
    )
    language = Pick(
        "Language they speak best", subject="Language", nothing="Not said", choices=details.LANGUAGES
    )
    diet = AnyOf("What they eat", subject="What they eat", choices=details.DIETS, drawn=_TICKS)

    def validate(self, extra_validators: Any = None) -> bool:
        """An alias is one word or two."""
        good = super().validate(extra_validators)
        if (
            "alias" in self
            and self.alias.data
            and not self.alias.errors
            and not details.is_alias(self.alias.data)
        ):
            self.refuse("alias", "Enter a first name or alias: one or two words, letters only")
            good = False
        return good


class TakeOverForm(Form):
    """A colleague's request, by the reference they say."""

    reference = Reference(
        "Reference",
        hint="As your colleague reads it to you, like K7M-4QX",
        needed="Enter the reference, like K7M-4QX",
    )
    reason = OneOf(
        "Why are you taking it over?",
        subject="Why",
        choices=lifecycle.TAKE_OVER,
        needed="Select why you are taking it over",
    )
    mobile = Mobile(
        "Your mobile number",
        hint="Texts about this request come to you from now on",
        needed="Enter your mobile number",
    )
