"""Where an officer starts: the one big button, what they have begun, what they hold."""

from __future__ import annotations

import uuid

from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import attestation, referrals
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL, Role
from safety.permissions import OFFICERS, allow
from safety.referrals import drafts
from safety.web.gate import now
from safety.web.officer import standing
from safety.web.officer.blueprint import me, pages


@pages.get("/referrals")
@allow(*OFFICERS)
def home() -> ResponseReturnValue:
    """What this officer holds, live first; for a lead their force's as well."""
    officer, instant = me(), now()
    actor = officer.actor()
    within = current_app.config["CORRECT_WITHIN_MIN"]
    held = referrals.holding(actor)
    shown = [(one, standing.of(one, actor, instant, correct_within_min=within)) for one in held]
    live = [pair for pair in shown if pair[0].state in LIVE_REFERRAL]
    return render_template(
        "officer/home.html",
        mine=[pair for pair in live if pair[0].holder_id == officer.id],
        of_force=[pair for pair in live if pair[0].holder_id != officer.id],
        over=[pair for pair in shown if pair[0].state not in LIVE_REFERRAL],
        unfinished=drafts.unfinished(officer=officer, now=instant),
        now=instant,
        to_confirm=len(attestation.due(actor=actor, now=instant)) if officer.role == Role.LEAD else 0,
        left_words=standing.left_words,
    )


@pages.post("/find/discard")
@allow(*OFFICERS)
def discard() -> ResponseReturnValue:
    """Erase a draft nobody wants any more. Unknown, or somebody else's: nothing happens, and nothing is told."""
    try:
        form_token = uuid.UUID(hex=request.form.get("draft", ""))
    except ValueError:
        form_token = uuid.UUID(int=0)
    drafts.discard(form_token=form_token, officer=me())
    db.session.commit()
    return redirect(url_for("officer.home"), 303)
