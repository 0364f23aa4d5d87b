"""The first page of a house's telephone: who waits, who comes, who is here, and its beds."""

from __future__ import annotations

import datetime as dt

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from safety import premises, referrals, workdays
from safety.lifecycle import LIVE, Role, State
from safety.models import Placement
from safety.permissions import allow
from safety.web import needs, steps
from safety.web.gate import now, poll
from safety.web.provider.beds import all_figures
from safety.web.provider.blueprint import me, pages
from safety.web.wire import fragment


@pages.get("/house")
@allow(Role.PROVIDER)
def home() -> ResponseReturnValue:
    """Everything of this provider's houses: what waits for an answer first, then who comes and is here, then the beds."""
    return render_template("provider/home.html", **_home(), **all_figures())


@pages.get("/house/now")
@allow(Role.PROVIDER)
@poll
def home_now() -> ResponseReturnValue:
    """The same, as the page asks for it by itself."""
    return fragment(render_template("provider/_home.html", **_home(), instant=now()))


def _home() -> dict[str, object]:
    user, instant = me(), now()
    assert user.provider is not None
    houses = premises.of_provider(user.provider.id)
    found = referrals.of_house(premises_ids=[house.id for house in houses], now=instant)
    expected = [row for row in found if row.state == State.CONFIRMED]
    here = [row for row in found if row.state == State.ARRIVED]
    leaving = [row for row in here if _leaves_today(row, instant)]
    return {
        "provider": user.provider,
        "many": len(houses) > 1,
        "asks": referrals.open_asks(premises_ids=[house.id for house in houses]),
        "waiting": [row for row in found if row.state == State.HELD],
        # Whoever is late first: somebody has to find out where they are.
        "expected": sorted(expected, key=lambda row: (row.eta_at > instant, row.eta_at)),
        "leaving": leaving,
        "here": [row for row in here if row not in leaving],
        "day_of_stay": lambda row: _day_of_stay(row, instant),
        "unsaid": referrals.unsaid(premises_ids=[house.id for house in houses], now=instant),
        "ended": [row for row in found if row.state not in LIVE],
        "possible": {
            row.id: {step.slug for step in steps.possible(row, user.actor(), instant)} for row in found
        },
        "short": needs.short,
        "minutes_left": lambda moment: max(0, -int((instant - moment).total_seconds() // 60)),
    }


def _leaves_today(row: Placement, instant: dt.datetime) -> bool:
    return row.stay_until is not None and workdays.uk(row.stay_until).date() <= workdays.uk(instant).date()


def _day_of_stay(row: Placement, instant: dt.datetime) -> str:
    """Which working day of their stay it is: "Day 2 of 3"; until the first, when they came."""
    assert row.arrived_at is not None
    days = current_app.config["STAY_WORKING_DAYS"]
    day = workdays.stay_day(row.arrived_at, instant, row.premises.nation)
    return (
        f"Day {day} of {days}" if 1 <= day <= days else f"Came {workdays.day_words(row.arrived_at, instant)}"
    )
