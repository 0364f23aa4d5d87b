"""One referral from the coordinator's chair: where it stands, what can be done, and all that happened."""

from __future__ import annotations

import uuid

from flask import render_template
from flask.typing import ResponseReturnValue

from safety import duty, geography, lifecycle, people, premises, referrals
from safety.lifecycle import LIVE, LIVE_REFERRAL, ReferralState, Role, State
from safety.models import Placement, Referral
from safety.models.alerts import ALERT_WORDS
from safety.permissions import allow
from safety.referrals.handover import BORDER
from safety.referrals.timeline import timeline
from safety.web import needs, steps
from safety.web.coordinator.blueprint import live_of, pages
from safety.web.coordinator.board import BY_ITSELF
from safety.web.gate import me, now, poll
from safety.web.wire import fragment


@pages.get("/duty/referrals/<uuid:referral_id>")
@allow(Role.COORDINATOR)
def referral(referral_id: uuid.UUID) -> ResponseReturnValue:
    """One request: where it stands, what can be done, and what happened."""
    return render_template("coordinator/referral.html", **_referral(referral_id))


@pages.get("/duty/referrals/<uuid:referral_id>/now")
@allow(Role.COORDINATOR)
@poll
def referral_now(referral_id: uuid.UUID) -> ResponseReturnValue:
    """The same, as the page asks for it by itself."""
    return fragment(render_template("coordinator/_referral.html", **_referral(referral_id)))


def _referral(referral_id: uuid.UUID) -> dict[str, object]:
    actor, instant = me().actor(), now()
    found = referrals.seen_by(referral_id=referral_id, actor=actor)
    placement = live_of(found)
    earlier = [row for row in reversed(found.placements) if row.state not in LIVE]
    alerts = [alert for alert in duty.open_alerts() if alert.referral_id == found.id]
    contact = premises.on_call(placement.premises, instant) if placement else None
    return {
        "referral": found,
        "placement": placement,
        "contact": contact,
        "steps": steps.possible(placement, actor, instant) if placement else [],
        "earlier": [(row, steps.possible(row, actor, instant)) for row in earlier],
        "alerts": alerts,
        "alert_words": ALERT_WORDS,
        "by_itself": BY_ITSELF,
        "names": people.named({alert.claimed_by for alert in alerts if alert.claimed_by}),
        "rows": needs.rows(found),
        "keep_away": _keep_away(found),
        "causes": referrals.explain(found) if found.state == ReferralState.SEARCHING else (),
        "reasons": _reason_words,
        "searching": found.state == ReferralState.SEARCHING,
        "live": found.state in LIVE_REFERRAL,
        "border": BORDER.get(found.border_reason or ""),
        "region": geography.region_of(found.outcode or "") or "",
        "asks": [(ask, premises.on_call(ask.premises, instant)) for ask in referrals.asks_about(found)],
        "ask_words": lifecycle.ASK_WORDS,
        "timeline": timeline(found, instant),
        "onward": lifecycle.ONWARD,
        "instant": instant,
    }


def _keep_away(found: Referral) -> str:
    asked = found.needs or {}
    areas, miles = asked.get("keep_away") or [], asked.get("keep_away_miles") or 0
    if not areas:
        return ""
    around = f", and {miles:g} miles around" if miles else ""
    return f"{len(areas)} postcode area{'s' if len(areas) > 1 else ''}{around}"


def _reason_words(placement: Placement) -> str:
    """Why a placement ended, in the words it was chosen by; nothing when there is no reason."""
    event = {
        State.DECLINED: lifecycle.DECLINE,
        State.WITHDRAWN: lifecycle.WITHDRAW_BY_HOUSE,
        State.CANCELLED: lifecycle.CANCEL,
        State.NOT_ARRIVED: lifecycle.NOT_ARRIVED,
        State.DEPARTED: lifecycle.DEPART,
    }.get(State(placement.state), {})
    return event.get(placement.reason or "", "")
