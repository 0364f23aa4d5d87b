"""The first page of a house's telephone: who waits, who comes, who is here, and its beds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from safety import matching, premises, referrals
from safety.lifecycle import LIVE, Role, State
from safety.models import Premises
from safety.permissions import allow
from safety.web import needs, steps
from safety.web.gate import now, poll
from safety.web.provider.blueprint import me, pages
from safety.web.wire import fragment


@dataclass(frozen=True)
class Figures:
    """A house of the provider with its beds."""

    house: Premises
    counts: tuple[premises.Count, ...]
    freshness: str  # fresh | ageing | stale


@pages.get("/house")
@allow(Role.PROVIDER)
def home() -> ResponseReturnValue:
    """Everything of this provider's houses, what waits for an answer first."""
    return render_template("provider/home.html", **_home())


@pages.get("/house/now")
@allow(Role.PROVIDER)
@poll
def home_now() -> ResponseReturnValue:
    """The same, as the page asks for it by itself."""
    return fragment(render_template("provider/_home.html", **_home()))


def _home() -> dict[str, object]:
    user, instant = me(), now()
    assert user.provider is not None
    houses = premises.of_provider(user.provider.id)
    found = referrals.of_house(premises_ids=[house.id for house in houses], now=instant)
    return {
        "provider": user.provider,
        "figures": [_figures(house, instant) for house in houses],
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
        "instant": instant,
    }


def _figures(house: Premises, instant: dt.datetime) -> Figures:
    settings = current_app.config["SETTINGS"]
    fresh = matching.freshness(house.reported_at, instant, fresh_h=settings.FRESH_H, stale_h=settings.STALE_H)
    return Figures(house, premises.counts(house, instant), fresh.name.lower())
