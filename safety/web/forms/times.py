"""Times of a UK clock as they are typed, and the one instant each means: in the night the clocks change too."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

from wtforms.validators import StopValidation

from safety import workdays
from safety.web.forms.base import Form
from safety.web.forms.fields import ClockTime
from safety.web.forms.moments import DAY
from safety.workdays import AwkwardTime, NoSuchTime, TimeComesTwice


class UkTime(ClockTime):
    """A UK time of day that can become an instant; in October's repeated hour it may say which: "01:30 BST"."""

    fold: int | None = None

    def read(self, typed: str) -> None:
        """Raises StopValidation for what is not a time of day."""
        found = re.fullmatch(r"(.+?)\s*(BST|GMT)", typed, re.IGNORECASE)
        self.fold = None if found is None else int(found[2].upper() == "GMT")
        super().read(found[1] if found else typed)

    def coming(self, after: dt.datetime) -> dt.datetime:
        """The next time the clock shows this, at or after `after`. Raises StopValidation when that is not one instant."""
        return self._instant(after, forward=True)

    def gone(self, before: dt.datetime) -> dt.datetime:
        """The last time the clock showed this, at or before `before`. Raises StopValidation likewise."""
        return self._instant(before, forward=False)

    def on(self, day: dt.date, *, before: dt.datetime) -> dt.datetime:
        """The instant at which the clock showed this on that day, when it is over by `before`. Raises StopValidation otherwise."""
        assert self.clock is not None
        try:
            at = workdays.local(day, self.clock, self.fold)
        except NoSuchTime:
            raise StopValidation(self._no_such()) from None
        except TimeComesTwice as both:
            if both.second <= before:
                raise StopValidation(self._twice()) from None
            at = both.first
        if at > before:
            raise StopValidation(f"{self.subject} is still to come. Enter when it was")
        return at

    def _instant(self, edge: dt.datetime, *, forward: bool) -> dt.datetime:
        assert self.clock is not None
        edge = edge.replace(second=0, microsecond=0) if forward else edge
        here = workdays.uk(edge)
        today = here.date()
        for day in (today, today + (DAY if forward else -DAY)):
            try:
                at = workdays.local(day, self.clock, self.fold)
            except NoSuchTime:
                passed = self.clock < here.time()
                if day == today and passed == forward:
                    continue
                raise StopValidation(self._no_such()) from None
            except TimeComesTwice as both:
                fits = [at for at in (both.first, both.second) if (at >= edge if forward else at <= edge)]
                if len(fits) > 1:
                    raise StopValidation(self._twice()) from None
                if not fits:
                    continue
                at = fits[0]
            if at >= edge if forward else at <= edge:
                return at
        raise StopValidation(f"{self.subject} must be within a day")

    def _no_such(self) -> str:
        return f"{self.subject}: the clocks go forward over that time, so it never comes. Enter one an hour later"

    def _twice(self) -> str:
        shown = f"{self.clock:%H:%M}"
        return f"{self.subject}: {shown} comes twice that night. Enter {shown} BST for the first or {shown} GMT for the second"


def moment(form: Form, name: str, missing: str, find: Callable[[UkTime], dt.datetime]) -> dt.datetime | None:
    """The instant `find` makes of a time that was typed; None, with the message on the field, when it is not one.

    missing: the message when nothing was typed.
    """
    field = form[name]
    if field.errors:
        return None
    if not field.data:
        form.refuse(name, missing)
        return None
    try:
        found = find(field)
    except (StopValidation, AwkwardTime) as problem:
        form.refuse(name, str(problem))
        return None
    return found
