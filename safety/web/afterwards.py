"""The questions that are left when somebody has left: one page for the house's door and the coordinator's."""

from __future__ import annotations

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from safety import lifecycle, referrals
from safety.extensions import db
from safety.models import Placement
from safety.permissions import Actor
from safety.web.forms.placement import AfterwardsForm
from safety.web.gate import now


def page(placement: Placement, *, actor: Actor, back: str) -> ResponseReturnValue:
    """Where they went and what they decided (GET), and what was answered (POST): recorded, committed, and to `back`.

    Raises permissions.NotYours.
    """
    said = {"onward": placement.onward, "nrm_decision": placement.nrm_decision}
    form = AfterwardsForm(data=said)
    try:
        if request.method == "POST" and form.validate():
            referrals.say_afterwards(
                placement_id=placement.id,
                onward=form.onward.data or "",
                nrm_decision=form.nrm_decision.data or "",
                actor=actor,
                now=now(),
            )
            db.session.commit()
            flash("Kept. Thank you.", "success")
            return redirect(back, 303)
        referrals.may_say_afterwards(placement)
    except lifecycle.NotAllowed as refused:
        db.session.rollback()
        flash(f"{refused}. Nothing was changed.", "notice")
        return redirect(back, 303)
    html = render_template(
        "provider/afterwards.html", placement=placement, referral=placement.referral, form=form, back=back
    )
    return html, 400 if form.errors else 200
