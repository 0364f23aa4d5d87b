"""The questions forms are made of, drawn as GOV.UK components and answered in GOV.UK's words.

Each takes `needed`, the message when it is left empty (None: it may be), and `subject`, what the question is about in the
other messages ("Collar number"); it defaults to the label.
"""

from __future__ import annotations

import copy
import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from flask import current_app
from govuk_frontend_wtf.wtforms_widgets import (
    GovCheckboxesInput,
    GovCheckboxInput,
    GovDateInput,
    GovPasswordInput,
    GovRadioInput,
    GovSelect,
    GovTextArea,
    GovTextInput,
)
from wtforms import BooleanField, Field, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import StopValidation

from safety import telephones


class _Drawn:
    """Hands a field's own `drawn` parameters to the component, over which a template's params go."""

    def map_gov_params(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        # A copy each time: the widgets take pieces out of what they are handed.
        drawn = copy.deepcopy(field.drawn)
        kwargs["params"] = self.merge_params(drawn, copy.deepcopy(kwargs.get("params") or {}))  # type: ignore[attr-defined]
        params: dict[str, Any] = super().map_gov_params(field, **kwargs)  # type: ignore[misc]
        if not field.description:
            params.pop("hint", None)
        return params


class _TextInput(_Drawn, GovTextInput):  # type: ignore[misc]
    pass


class _PasswordInput(_Drawn, GovPasswordInput):  # type: ignore[misc]
    pass


class _TextArea(_Drawn, GovTextArea):  # type: ignore[misc]
    pass


class _Radios(_Drawn, GovRadioInput):  # type: ignore[misc]
    pass


class _Checkboxes(_Drawn, GovCheckboxesInput):  # type: ignore[misc]
    pass


class _Checkbox(_Drawn, GovCheckboxInput):  # type: ignore[misc]
    pass


class _Select(_Drawn, GovSelect):  # type: ignore[misc]
    pass


class _DateInput(_Drawn, GovDateInput):  # type: ignore[misc]
    def map_gov_params(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        # The widget unpacks exactly three values; a post without them, or with four, would be a failure of ours.
        if field.raw_data is not None:
            field.raw_data = [*field.raw_data, "", "", ""][:3]
        return super().map_gov_params(field, **kwargs)


class _Question:
    """What every question has. `drawn`: parameters of its GOV.UK component."""

    most_answers = 1

    def __init__(
        self,
        label: str,
        *,
        needed: str | None = None,
        subject: str | None = None,
        hint: str = "",
        drawn: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.needed = needed
        self.subject = subject or label
        self.drawn = dict(drawn or {})
        super().__init__(label, description=hint, **kwargs)  # type: ignore[call-arg]  # the WTForms field beside it

    def missing(self) -> None:
        """Nothing was answered: refuse that, or ask nothing further. Raises StopValidation."""
        raise StopValidation(*([self.needed] if self.needed else []))


class Text(_Question, StringField):  # type: ignore[misc]
    """One line of text, without the blanks around it. `most`: characters at most; `width`: characters the box has room for.

    `pattern` and `wrong`: what it must look like altogether, and the message when it does not. data: str, "" when empty.
    """

    widget = _TextInput()
    one_line = True

    def __init__(
        self,
        label: str,
        *,
        most: int,
        pattern: str | None = None,
        wrong: str | None = None,
        width: int | None = None,
        inputmode: str | None = None,
        autocomplete: str | None = None,
        spellcheck: bool = False,
        **kwargs: Any,
    ) -> None:
        drawn: dict[str, Any] = {"spellcheck": spellcheck}
        if width:
            drawn["classes"] = f"govuk-input--width-{width}"
        if inputmode:
            drawn["inputmode"] = inputmode
        if autocomplete:
            drawn["autocomplete"] = autocomplete
        drawn |= kwargs.pop("drawn", None) or {}
        self.most = most
        self.pattern = re.compile(pattern) if pattern else None
        self.wrong = wrong
        super().__init__(label, drawn=drawn, **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take what was sent; a field that was left out was left empty."""
        self.data = valuelist[0].strip() if valuelist else ""

    def pre_validate(self, form: Any) -> None:
        """Raises StopValidation with what to do."""
        if not self.data:
            self.missing()
        if len(self.data) > self.most:
            characters = "one character" if self.most == 1 else f"{self.most} characters or fewer"
            raise StopValidation(f"{self.subject} must be {characters}")
        if self.one_line and ("\n" in self.data or "\t" in self.data):
            raise StopValidation(f"{self.subject} must be on one line")
        if self.pattern and not self.pattern.fullmatch(self.data):
            raise StopValidation(self.wrong or f"{self.subject} is not in the right format")
        self.read(self.data)

    def read(self, typed: str) -> None:
        """For fields that make something of the text. Raises StopValidation when they cannot."""


class Words(Text):
    """Several lines of text."""

    widget = _TextArea()
    one_line = False

    def __init__(self, label: str, *, most: int, rows: int = 3, **kwargs: Any) -> None:
        super().__init__(
            label, most=most, drawn={"rows": rows, **(kwargs.pop("drawn", None) or {})}, **kwargs
        )


class Password(Text):
    """A password: taken letter for letter, never sent back."""

    widget = _PasswordInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        """A blank at its end may be part of it (OWASP ASVS 5.0, 6.2.8)."""
        self.data = valuelist[0] if valuelist else ""


class Whole(Text):
    """A whole number within `least` and `greatest`. data: what was typed; `number`: the number, once it is checked."""

    def __init__(self, label: str, *, least: int, greatest: int, **kwargs: Any) -> None:
        self.least, self.greatest = least, greatest
        self.number: int | None = None
        super().__init__(label, most=20, **{"inputmode": "numeric", "width": 2, **kwargs})

    def process_data(self, value: Any) -> None:
        """Take a number from a draft."""
        self.number = value if isinstance(value, int) else None
        super().process_data(None if value is None else str(value))

    def read(self, typed: str) -> None:
        """Raises StopValidation for anything but a whole number in range."""
        if not re.fullmatch(r"[0-9]{1,6}", typed) or not self.least <= int(typed) <= self.greatest:
            raise StopValidation(
                f"{self.subject} must be a whole number from {self.least} to {self.greatest}"
            )
        self.number = int(typed)


class ClockTime(Text):
    """A UK time of day as people type it: 14:30, 1430, 2.30pm, 2pm. data: what was typed; `clock`: dt.time, once checked."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        self.clock: dt.time | None = None
        super().__init__(label, most=20, **{"width": 5, **kwargs})

    def read(self, typed: str) -> None:
        """Raises StopValidation for what is not a time of day."""
        found = re.fullmatch(r"(\d{1,2})(?:[:.]?([0-5]\d))?\s*([ap]m)?", typed.lower())
        wrong = StopValidation(f"{self.subject} must be a time, like 14:30 or 2:30pm")
        if not found or not typed.isascii():
            raise wrong
        hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
        if half:
            if not 1 <= hour <= 12:
                raise wrong
            hour = hour % 12 + (12 if half == "pm" else 0)
        elif found[2] is None or hour > 23:
            raise wrong  # a bare "7" might be either half of the day
        self.clock = dt.time(hour, minute)


class Mobile(Text):
    """A mobile number as people in the UK write it. data: what was typed; `e164`: the number to text, once checked."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        self.e164 = ""
        super().__init__(label, most=30, **{"inputmode": "tel", "autocomplete": "tel", "width": 20, **kwargs})

    def read(self, typed: str) -> None:
        """Raises StopValidation for a number that cannot be read, or cannot get our texts."""
        try:
            self.e164 = telephones.mobile(typed, drama=not current_app.config["SETTINGS"].production)
        except telephones.Unusable as refused:
            raise StopValidation(f"{self.subject} {refused}") from refused


class Switchboard(Text):
    """A telephone of the UK that people ring. data: what was typed; `plain`: the number as people read it, once checked."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        self.plain = ""
        super().__init__(label, most=30, **{"inputmode": "tel", "width": 20, **kwargs})

    def read(self, typed: str) -> None:
        """Raises StopValidation for a number nobody could ring."""
        try:
            self.plain = telephones.any_of_the_uk(typed, drama=not current_app.config["SETTINGS"].production)
        except telephones.Unusable as refused:
            raise StopValidation(f"{self.subject} {refused}") from refused


class Email(Text):
    """An e-mail address. data: what was typed."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(
            label,
            **{
                "most": 254,
                "pattern": r"[^\s@]+@[^\s@]+",
                "wrong": "Enter an email address in the correct format, like name@example.com",
                "inputmode": "email",
                **kwargs,
            },
        )


class _Choosing(_Question):
    """A question with answers to choose from: `choices` maps each value to its label; a view may set it anew."""

    def __init__(self, label: str, *, choices: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(label, choices=None, **kwargs)
        self.offer(choices or {})

    def offer(self, choices: Mapping[str, str]) -> None:
        """Offer these answers, a label for each value."""
        self.choices = [SelectChoice(str(value), words) for value, words in choices.items()]
        self.offered = frozenset(str(value) for value in choices)


class OneOf(_Choosing, RadioField):  # type: ignore[misc]
    """Radios. data: the value chosen, None when none was."""

    widget = _Radios()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the first answer; none when nothing was sent."""
        self.data = valuelist[0] if valuelist else None

    def pre_validate(self, form: Any) -> None:
        """Raises StopValidation with what to do."""
        if not self.data:
            self.missing()
        if self.data not in self.offered:
            raise StopValidation(self.needed or f"{self.subject}: select one of the answers on this page")


class Pick(_Choosing, SelectField):  # type: ignore[misc]
    """A drop-down list, for many answers. data: the value chosen, None when none was."""

    widget = _Select()

    def __init__(self, label: str, *, nothing: str = "Choose", **kwargs: Any) -> None:
        self.nothing = nothing
        super().__init__(label, **kwargs)

    def offer(self, choices: Mapping[str, str]) -> None:
        """Offer these answers after an empty one."""
        super().offer(choices)
        self.choices.insert(0, SelectChoice("", self.nothing))

    process_formdata = OneOf.process_formdata
    pre_validate = OneOf.pre_validate


class AnyOf(_Choosing, SelectMultipleField):  # type: ignore[misc]
    """Checkboxes. data: the values ticked, each once, in the order they are offered."""

    widget = _Checkboxes()
    most_answers = 0  # any number

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take every tick; none when nothing was sent."""
        self.data = list(dict.fromkeys(valuelist))

    def pre_validate(self, form: Any) -> None:
        """Raises StopValidation with what to do."""
        if not self.data:
            self.missing()
        if not self.offered.issuperset(self.data):
            raise StopValidation(f"{self.subject}: select from the answers on this page")
        self.data = [choice.value for choice in self.choices if choice.value in self.data]


class Tick(_Question, BooleanField):  # type: ignore[misc]
    """One checkbox. data: whether it was ticked."""

    widget = _Checkbox()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Ticked means exactly the value we drew."""
        self.data = valuelist == ["y"]

    def _value(self) -> str:
        return "y"

    def pre_validate(self, form: Any) -> None:
        """Raises StopValidation with what to do."""
        if not self.data and self.raw_data and self.raw_data != ["y"]:
            raise StopValidation(f"{self.subject}: select it or leave it empty")
        if not self.data:
            self.missing()


class Day(_Question, Field):  # type: ignore[misc]
    """A date in three boxes. data: dt.date, None when it is empty or wrong."""

    widget = _DateInput()
    most_answers = 3

    @property
    def first_input(self) -> str:
        """The id of the box to put the cursor in: the first that is wrong."""
        return f"{self.id}-{self.at_fault}"

    def __init__(self, label: str, **kwargs: Any) -> None:
        self.at_fault = "day"
        self.typed: dict[str, str] = {}
        super().__init__(label, **kwargs)

    def _value(self) -> str:
        return ""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Keep the three boxes as they were typed."""
        self.data: dt.date | None = None
        self.typed = dict(zip(("day", "month", "year"), [text.strip() for text in valuelist], strict=False))

    def pre_validate(self, form: Any) -> None:
        """Raises StopValidation with what to do."""
        boxes = {name: self.typed.get(name, "") for name in ("day", "month", "year")}
        if not any(boxes.values()):
            self.missing()
        for name, text in boxes.items():
            if not text:
                self.at_fault = name
                raise StopValidation(f"{self.subject} must include a {name}")
        for name, text in boxes.items():
            if not re.fullmatch(r"[0-9]{4}" if name == "year" else r"[0-9]{1,2}", text):
                self.at_fault = name
                raise StopValidation(
                    f"{self.subject}: the year must have 4 numbers"
                    if name == "year"
                    else f"{self.subject} must be a real date"
                )
        try:
            self.data = dt.date(int(boxes["year"]), int(boxes["month"]), int(boxes["day"]))
        except ValueError:
            raise StopValidation(f"{self.subject} must be a real date") from None
