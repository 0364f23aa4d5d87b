"""How many beds of each group of a house are free, with a step down and up, and what was on the page when it was looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from wtforms import HiddenField

from safety.models import Premises
from safety.premises import Count
from safety.web.forms.base import Form
from safety.web.forms.fields import Whole

MOST = 99  # of one group; how many it can be is for the room to say


class FiguresForm(Form):
    """Made for one house by figures_form. For each letter: `free_W` as typed, `was_W` as it stood on the page."""

    letters: tuple[str, ...] = ()

    @property
    def changed(self) -> dict[str, int]:
        """The groups whose figure was touched, {letter: beds said to be free}. For a form that was validated."""
        return {
            letter: self[f"free_{letter}"].number for letter in self.letters if self._touched(letter) is True
        }

    @property
    def touched(self) -> bool:
        """Whether any figure is other than it was on the page, or cannot be read."""
        return any(self._touched(letter) is not False for letter in self.letters)

    def step(self, asked: str) -> None:
        """One more or one fewer, as the buttons beside a figure ask: "W+" or "W-". Anything else changes nothing."""
        letter, sign = asked[:1], asked[1:]
        if letter in self.letters and sign in ("+", "-"):
            box = self[f"free_{letter}"]
            number = (_whole(box.data) or 0) + (1 if sign == "+" else -1)
            box.data = str(min(max(number, 0), MOST))

    def overtaken(self, counts: Iterable[Count], *, all_of_them: bool = False) -> bool:
        """Whether somebody changed a figure after the page was looked at; says so beside it, and what it is now.

        A figure that was not touched is nobody's word and is not looked at, unless `all_of_them`: "same as before" speaks of
        each. One that both changed to the same, by a second press perhaps, is agreed. What is typed stays, save in a figure
        that was not touched.
        """
        found = False
        for count in counts:
            was, touched = _whole(self[f"was_{count.letter}"].data), self._touched(count.letter)
            agreed = touched and _whole(self[f"free_{count.letter}"].data) == count.free
            if was is None or was == count.free or agreed or not (touched or all_of_them):
                continue
            found = True
            self[f"was_{count.letter}"].data = str(count.free)
            if not touched:
                self[f"free_{count.letter}"].data = str(count.free)
            self.refuse(
                f"free_{count.letter}",
                f"{count.letter} was {was} when you looked and is {count.free} now. Check it and send it again",
            )
        return found

    def refuse_changes(self, words: str) -> None:
        """Say `words`, with the group's {letter}, beside every figure that was touched."""
        for letter in self.letters:
            if self._touched(letter) is not False:
                self.refuse(f"free_{letter}", words.format(letter=letter))

    def _touched(self, letter: str) -> bool | None:
        """None: what was typed is not a number."""
        typed = _whole(self[f"free_{letter}"].data)
        return None if typed is None else typed != _whole(self[f"was_{letter}"].data)


def figures_form(house: Premises, counts: Iterable[Count]) -> FiguresForm:
    """The form of this house, showing `counts`. Several may stand on one page: names begin with the house's own id."""
    counts = tuple(counts)
    fields: dict[str, Any] = {"letters": tuple(count.letter for count in counts)}
    shown: dict[str, Any] = {}
    for count in counts:
        fields[f"free_{count.letter}"] = Whole(
            f"{count.letter}: {count.name}, free now",
            hint=_besides(count),
            subject=f"How many are free in {count.letter}",
            needed=f"Enter how many are free in {count.letter}, 0 if none are",
            least=0,
            greatest=MOST,
        )
        fields[f"was_{count.letter}"] = HiddenField()
        shown |= {f"free_{count.letter}": count.free, f"was_{count.letter}": str(count.free)}
    made: type[FiguresForm] = type("FiguresOfHouse", (FiguresForm,), fields)
    return made(prefix=prefix(house), data=shown)


def _besides(count: Count) -> str:
    """The beds of a group that are not free, told apart: "1 held, 2 in use"."""
    kinds = ((count.held, "held"), (count.occupied, "in use"), (count.out_of_service, "out of service"))
    return ", ".join(f"{number} {word}" for number, word in kinds if number)


def prefix(house: Premises) -> str:
    """What the names of this house's fields begin with."""
    return f"h{house.id.hex[:12]}-"


def _whole(typed: object) -> int | None:
    return int(typed) if isinstance(typed, str) and re.fullmatch(r"[0-9]{1,6}", typed.strip()) else None
