"""The forces of the scheme, and the control-room number of each: the one by which officers are checked.

The rule kept: the number comes from a coordinator who has just proved who they are, never from an officer.
"""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import forces
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Force
from safety.permissions import NotYours, allow
from safety.web.forms.people import SwitchboardForm
from safety.web.gate import freshly_proved, me, now, prove_first

pages = Blueprint("forces", __name__)


@pages.get("/forces")
@allow(Role.COORDINATOR)
def home() -> ResponseReturnValue:
    """Every force that may ask for a bed, those with a control-room number first."""
    every = forces.placing(now=now())
    known = [force for force in every if force.switchboard]
    return render_template(
        "forces/home.html", known=known, unknown=[force for force in every if not force.switchboard]
    )


@pages.route("/forces/<uuid:force_id>", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def switchboard(force_id: uuid.UUID) -> ResponseReturnValue:
    """Enter or change the control-room number of a force."""
    force = db.session.get(Force, force_id)
    if force is None:
        raise NotYours
    if not freshly_proved():
        db.session.rollback()
        return prove_first(url_for("forces.switchboard", force_id=force_id))
    form = SwitchboardForm(data={"number": force.switchboard})
    if request.method != "POST" or not form.validate():
        return render_template("forces/switchboard.html", force=force, form=form), 400 if form.errors else 200
    forces.set_switchboard(force_id=force_id, number=form.number.plain, by=me().actor().by, now=now())
    db.session.commit()
    flash(f"{force.name}: the control room is {force.switchboard}.", "success")
    return redirect(url_for("forces.home"), 303)
