"""The page of one referral, and the part of it that keeps itself up to date."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from safety import permissions, referrals
from safety.lifecycle import ReferralState
from safety.permissions import allow
from safety.referrals.opening import same_incident
from safety.web.gate import now, poll
from safety.web.officer import standing
from safety.web.officer.blueprint import ASKERS, me, pages
from safety.web.wire import fragment


@pages.get("/referrals/<uuid:referral_id>")
@allow(*ASKERS)
def referral(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Where it stands, what happens next and by when, and the buttons."""
    found = referrals.seen_by(referral_id=referral_id, actor=me().actor())
    if found.state == ReferralState.DIVERTED:
        return redirect(url_for("officer.child"), 303)
    if found.state == ReferralState.DECLINED_BY_PERSON:
        return redirect(url_for("officer.did_not_agree"), 303)
    return render_template("officer/referral.html", **_shown(found))


@pages.get("/referrals/<uuid:referral_id>/live")
@allow(*ASKERS)
@poll
def live(referral_id: uuid.UUID) -> Response:
    """The part that is asked for again every few seconds."""
    found = referrals.seen_by(referral_id=referral_id, actor=me().actor())
    return fragment(render_template("officer/live.html", **_shown(found)))


def _shown(found: Any) -> dict[str, Any]:
    actor, instant = me().actor(), now()
    at = standing.of(found, actor, instant, correct_within_min=current_app.config["CORRECT_WITHIN_MIN"])
    return {
        "referral": found,
        "at": at,
        "left": standing.left_words(at.by, instant) if at.by else "",
        "causes": referrals.explain(found)
        if at.stage in (standing.Stage.SEARCHING, standing.Stage.FAR_AHEAD)
        else (),
        "same": [(other, permissions.holds(actor, other)) for other in same_incident(found)],
        "is_mine": found.holder_id == actor.user_id,
        "shown_at": instant,
    }
