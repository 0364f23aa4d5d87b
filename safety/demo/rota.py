"""The rota of the invented scheme: this week and the next, day and night turn about, with one gap to see."""

from __future__ import annotations

import datetime as dt

from safety import workdays
from safety.duty import rota
from safety.models import User
from safety.models.duty import FIRST
from safety.permissions import CLOCK

_MORNING, _EVENING = dt.time(8), dt.time(20)
_DAYS = 10
_GAP = 5  # days from now: the night nobody has yet


def fill(one: User, other: User, *, now: dt.datetime) -> None:
    """Put these two coordinators on call by day and by night from yesterday on. The caller has begun a write."""
    yesterday = workdays.uk(now).date() - dt.timedelta(days=1)
    began = workdays.local(yesterday, _MORNING)
    plans = []
    for number in range(_DAYS):
        day = yesterday + number * dt.timedelta(days=1)
        dawn, dusk, next_dawn = (
            workdays.local(day, _MORNING),
            workdays.local(day, _EVENING),
            workdays.local(day + dt.timedelta(days=1), _MORNING),
        )
        by_day, by_night = (one, other) if number % 2 else (other, one)
        plans.append(rota.Plan(by_day.id, FIRST, dawn, dusk))
        if number != _GAP + 1:
            plans.append(rota.Plan(by_night.id, FIRST, dusk, next_dawn))
    rota.put(plans=plans, by=CLOCK.by, now=began)
