"""Who is due to be vouched for again, and one press for each: coordinators, and leads for the officers of their force.

The rule kept: what keeps somebody in asks for a password given in the last PROOF_FRESH_MIN, as letting them in did.
"""

from __future__ import annotations

import uuid

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from safety import attestation
from safety.extensions import db
from safety.lifecycle import Role
from safety.people import ROLES
from safety.permissions import NotYours, allow
from safety.web.gate import freshly_proved, me, now, prove_first

pages = Blueprint("attesting", __name__)


@pages.get("/people/still-here")
@allow(Role.COORDINATOR, Role.LEAD)
def home() -> ResponseReturnValue:
    """Everybody this person is to speak for soon, the longest overdue first."""
    instant = now()
    return render_template(
        "attesting/home.html",
        found=[
            (user, attestation.due_at(user), attestation.paused_at(user))
            for user in attestation.due(actor=me().actor(), now=instant)
        ],
        roles=ROLES,
        instant=instant,
        days=current_app.config["ATTEST_DAYS"],
        grace=current_app.config["ATTEST_GRACE_DAYS"],
        leads=me().role == Role.LEAD,
    )


@pages.post("/people/<uuid:user_id>/still-here")
@allow(Role.COORDINATOR, Role.LEAD)
def attest(user_id: uuid.UUID) -> ResponseReturnValue:
    """This person still needs their account."""
    if not freshly_proved():
        db.session.rollback()
        return prove_first(url_for("attesting.home"))
    try:
        user = attestation.attest(user_id=user_id, actor=me().actor(), now=now())
    except attestation.OnesOwn as refused:
        db.session.rollback()
        flash(str(refused), "notice")
        return redirect(url_for("attesting.home"), 303)
    except LookupError:
        raise NotYours from None
    name = user.name
    db.session.commit()
    flash(f"{name} keeps their account.", "success")
    return redirect(url_for("attesting.home"), 303)
