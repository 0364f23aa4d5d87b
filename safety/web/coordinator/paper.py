"""What coordinators print and keep, for when no page can be had: the form of a request on one sheet, and whom to ring.

The form is made of the questions the screens ask, so it cannot be older than they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue

from safety import forces, registry
from safety.lifecycle import Role
from safety.models import Premises
from safety.models.premises import WHO_FOR
from safety.permissions import allow
from safety.web.coordinator.blueprint import pages
from safety.web.forms import AnyOf, OneOf, Pick, Tick
from safety.web.forms.base import Form
from safety.web.forms.paper import PaperForm
from safety.web.forms.request import NeedsForm, WhereForm, WhoForm
from safety.web.gate import now

# What stands above a question on its screen, and has to stand with it on paper.
_UNDER = {
    **dict.fromkeys(WhoForm.CHILDREN, "Children: "),
    **dict.fromkeys(("away_1", "away_2", "away_3"), "Keep away from: "),
    "apart": "Keep apart from: ",
}


@dataclass(frozen=True)
class Question:
    """One question on paper: boxes to tick (none: a line to write on; one empty one: the question itself is ticked)."""

    words: str
    boxes: tuple[str, ...]
    several: bool


@pages.get("/duty/paper")
@allow(Role.COORDINATOR)
def paper() -> ResponseReturnValue:
    """The form of a request, one sheet of A4."""
    instant = now()
    return render_template(
        "coordinator/paper.html",
        screens=[
            ("Who", _questions(WhoForm())),
            ("What they need", _questions(NeedsForm())),
            ("Where and when", _questions(WhereForm(now=instant))),
            ("Afterwards", _questions(PaperForm(now=instant))),
        ],
        instant=instant,
    )


@pages.get("/duty/paper/numbers")
@allow(Role.COORDINATOR)
def paper_numbers() -> ResponseReturnValue:
    """Whom to ring: houses with what they take, and the switchboards of forces."""
    return render_template(
        "coordinator/paper_numbers.html",
        houses=[
            (provider.name, house, _takes(house))
            for provider in registry.providers()
            for house in provider.premises
            if registry.in_use(house)
        ],
        forces=forces.placing(now=now()),
        instant=now(),
    )


def _questions(form: Form) -> list[Question]:
    return [_question(field) for field in form if field.name != "csrf_token"]


def _question(field: Any) -> Question:
    words = _UNDER.get(field.name, "") + field.label.text.removesuffix(" (optional)")
    if isinstance(field, Tick):
        return Question(words, ("",), several=False)
    if isinstance(field, OneOf | AnyOf):
        return Question(words, tuple(choice.label for choice in field.choices), isinstance(field, AnyOf))
    if isinstance(field, Pick) and field.name == "why":
        return Question(words, tuple(choice.label for choice in field.choices if choice.value), several=False)
    return Question(words, (), several=False)


def _takes(house: Premises) -> str:
    """In a line: whom the house is for, and its rooms by how many they sleep."""
    rooms = registry.in_use(house)
    sizes = ", ".join(f"{room.name} sleeps {room.sleeps}" for room in rooms)
    return f"{WHO_FOR[house.cohort]}. {sizes}"
