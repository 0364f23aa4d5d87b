"""One person or family, as the house they are asked about or with sees them."""

from __future__ import annotations

import uuid

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from safety import referrals
from safety.lifecycle import LIVE, ONWARD, Role, State
from safety.models import Placement
from safety.permissions import allow
from safety.web import afterwards, needs, steps
from safety.web.gate import now, poll
from safety.web.provider.blueprint import me, pages
from safety.web.wire import fragment


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
    actor = me().actor()
    found = referrals.lookup(placement_id=placement_id, actor=actor)
    return steps.page(
        found, slug, actor=actor, template="provider/step.html", back=_address, afterwards=_afterwards
    )


@pages.route("/house/placements/<uuid:placement_id>/afterwards", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def say_afterwards(placement_id: uuid.UUID) -> ResponseReturnValue:
    """Where somebody who has left went, and what they decided."""
    actor = me().actor()
    found = referrals.lookup(placement_id=placement_id, actor=actor)
    return afterwards.page(found, actor=actor, back=_address(found))


def _placement(placement_id: uuid.UUID) -> dict[str, object]:
    actor, instant = me().actor(), now()
    found = referrals.lookup(placement_id=placement_id, actor=actor)
    live = found.state in LIVE
    return {
        "placement": found,
        "referral": found.referral,
        "live": live,
        "rows": needs.rows(found.referral, inside=found.state == State.ARRIVED) if live else [],
        "alias": found.referral.alias if live else None,
        "steps": steps.possible(found, actor, instant),
        "unsaid": referrals.is_unsaid(found),
        "overdue": found.state == State.HELD and found.answer_by <= instant,
        "onward": ONWARD,
        "room_out": steps.room_out(found, instant),
        "instant": instant,
    }


def _afterwards(found: Placement) -> str:
    return url_for("provider.say_afterwards", placement_id=found.id)


def _address(found: Placement) -> str:
    return url_for("provider.placement", placement_id=found.id)
