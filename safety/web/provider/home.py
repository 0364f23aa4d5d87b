"""The first page of a house's telephone: who waits, who comes, who is here, and its beds."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from safety import premises, referrals
from safety.lifecycle import LIVE, Role, State
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
    return {
        "provider": user.provider,
        "many": len(houses) > 1,
        "asks": referrals.open_asks(premises_ids=[house.id for house in houses]),
        "waiting": [row for row in found if row.state == State.HELD],
        "expected": [row for row in found if row.state == State.CONFIRMED],
        "here": [row for row in found if row.state == State.ARRIVED],
        "ended": [row for row in found if row.state not in LIVE],
        "possible": {
            row.id: {step.slug for step in steps.possible(row, user.actor(), instant)} for row in found
        },
        "short": needs.short,
        "minutes_left": lambda moment: max(0, -int((instant - moment).total_seconds() // 60)),
    }
