"""The house's pages: who is waiting for an answer, who is coming, who is here; made for a shared telephone and ten seconds.

The rule kept: a house sees its own placements only, and what somebody needs for as long as they are asked about or with it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from safety import beds, matching, premises, referrals
from safety.extensions import db
from safety.lifecycle import LIVE, Role, State
from safety.models import Placement, Premises, User
from safety.models.premises import ReportVia
from safety.permissions import NotYours, allow
from safety.web import needs, steps
from safety.web.gate import now, person, poll
from safety.web.wire import fragment

pages = Blueprint("provider", __name__)


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
    user, instant = _user(), now()
    assert user.provider is not None
    houses = premises.of_provider(user.provider.id)
    found = referrals.of_house(premises_ids=[house.id for house in houses], now=instant)
    return {
        "provider": user.provider,
        "figures": [_figures(house, instant) for house in houses],
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


@pages.get("/house/placements/<uuid:placement_id>")
@allow(Role.PROVIDER)
def placement(placement_id: uuid.UUID) -> ResponseReturnValue:
    """One person or family: what they need, who brings them, and what can be recorded."""
    return render_template("provider/placement.html", **_placement(placement_id))


@pages.get("/house/placements/<uuid:placement_id>/now")
@allow(Role.PROVIDER)
@poll
def placement_now(placement_id: uuid.UUID) -> ResponseReturnValue:
    """The same, as the page asks for it by itself."""
    return fragment(render_template("provider/_placement.html", **_placement(placement_id)))


@pages.route("/house/placements/<uuid:placement_id>/<slug>", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def step(placement_id: uuid.UUID, slug: str) -> ResponseReturnValue:
    """One thing to record."""
    actor = _user().actor()
    found = referrals.lookup(placement_id=placement_id, actor=actor)
    return steps.page(found, slug, actor=actor, template="provider/step.html", back=_address)


@pages.post("/house/premises/<uuid:premises_id>/same")
@allow(Role.PROVIDER)
def same(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The figures of this house are as they were."""
    actor = _user().actor()
    if premises_id not in actor.premises_ids:
        raise NotYours
    house = beds.same(premises_id=premises_id, by=actor.by, via=ReportVia.PAGE, now=now())
    referrals.rematch(now=now())
    db.session.commit()
    flash(f"Thank you. The figures of {house.name} are marked as still true.", "success")
    return redirect(url_for("provider.home"), 303)


def _user() -> User:
    user = person()
    assert user is not None
    return user


def _placement(placement_id: uuid.UUID) -> dict[str, object]:
    actor, instant = _user().actor(), now()
    found = referrals.lookup(placement_id=placement_id, actor=actor)
    live = found.state in LIVE
    return {
        "placement": found,
        "referral": found.referral,
        "live": live,
        "rows": needs.rows(found.referral) if live else [],
        "alias": found.referral.alias if live else None,
        "steps": steps.possible(found, actor, instant),
        "overdue": found.state == State.HELD and found.answer_by <= instant,
        "instant": instant,
    }


def _address(found: Placement) -> str:
    return url_for("provider.placement", placement_id=found.id)
