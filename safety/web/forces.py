"""The forces of the scheme: the control-room number of each, by which officers are checked, and merging one into another.

The rules kept: the number comes from a coordinator who has just proved who they are, never from an officer; a merger is shown
in words, with what it will do as things stand, before it can be pressed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import forces, merging, workdays
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Force
from safety.permissions import NotYours, allow
from safety.web.forms.people import MergerForm, SwitchboardForm
from safety.web.gate import begins_its_own_write, freshly_proved, me, now, prove_first

pages = Blueprint("forces", __name__)


@pages.get("/forces")
@allow(Role.COORDINATOR)
def home() -> ResponseReturnValue:
    """Every force that may ask for a bed, those with a control-room number first, and those that are over."""
    every = forces.placing(now=now())
    known = [force for force in every if force.switchboard]
    return render_template(
        "forces/home.html",
        known=known,
        unknown=[force for force in every if not force.switchboard],
        over=forces.over(now=now()),
    )


@pages.get("/forces/<uuid:force_id>")
@allow(Role.COORDINATOR)
def force_page(force_id: uuid.UUID) -> ResponseReturnValue:
    """One force: who leads it, its control room, from when to when it is, and what it came from or becomes part of."""
    force = _force(force_id)
    today = workdays.uk(now()).date()
    last_day = force.merges_on - workdays.DAY if force.merges_on else force.valid_to
    return render_template(
        "forces/force.html",
        force=force,
        leads=forces.leads(force),
        parts=forces.part_of(force),
        has=merging.belongings(force),
        since_ever=force.valid_from <= forces.SINCE,
        over=force.valid_to is not None and force.valid_to < today,
        first_day=last_day + workdays.DAY if last_day else None,
        last_day=last_day,
        overdue=force.merges_on is not None and force.merges_on <= today,
        places_nobody=force.kind == forces.PLACES_NOBODY,
    )


@pages.route("/forces/<uuid:force_id>/control-room", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def switchboard(force_id: uuid.UUID) -> ResponseReturnValue:
    """Enter or change the control-room number of a force."""
    force = _force(force_id)
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


@pages.route("/forces/<uuid:force_id>/merge", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
@begins_its_own_write
def merge(force_id: uuid.UUID) -> ResponseReturnValue:
    """Into which force, and from when on. Writes nothing: what it would do is shown next."""
    force = _force(force_id)
    form = MergerForm()
    every = forces.placing(now=now())
    form.into.offer({one.id.hex: one.name for one in every if one.id != force.id})
    if request.method == "POST" and form.validate():
        into, first_day = _force(uuid.UUID(hex=form.into.data)), form.first_day.data
        assert first_day is not None
        try:
            merging.refuse(force, into, first_day=first_day, now=now())
        except merging.NotToBeMerged as refused:
            form.refuse("first_day" if first_day < workdays.uk(now()).date() else "into", str(refused))
        else:
            day = f"{first_day:%Y%m%d}"
            return redirect(url_for("forces.look_ahead", force_id=force.id, into_id=into.id, day=day), 303)
    return render_template("forces/merge.html", force=force, form=form), 400 if form.errors else 200


@pages.route("/forces/<uuid:force_id>/merge/<uuid:into_id>/<int:day>", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def look_ahead(force_id: uuid.UUID, into_id: uuid.UUID, day: int) -> ResponseReturnValue:
    """What will happen, in words; by POST, announce it, or do it when the day is today."""
    force, into, first_day = _force(force_id), _force(into_id), _day(day)
    here = url_for("forces.look_ahead", force_id=force_id, into_id=into_id, day=day)
    if request.method == "POST" and not freshly_proved():
        db.session.rollback()
        return prove_first(here)
    if request.method == "POST":
        by = me().actor().by
        return _done(
            force_id,
            lambda: merging.announce(
                force_id=force_id, into_id=into_id, first_day=first_day, by=by, now=now()
            ),
            f"{force.name} is part of {into.name} from {workdays.date_words(first_day)} on.",
        )
    try:
        merging.refuse(force, into, first_day=first_day, now=now())
    except merging.NotToBeMerged as refused:
        flash(str(refused), "notice")
        return redirect(url_for("forces.force_page", force_id=force_id), 303)
    if not freshly_proved():
        return prove_first(here)
    return render_template(
        "forces/look_ahead.html",
        force=force,
        into=into,
        first_day=first_day,
        last_day=first_day - workdays.DAY,
        at_once=first_day == workdays.uk(now()).date(),
        ahead=merging.ahead(force, into),
        here=here,
    )


@pages.post("/forces/<uuid:force_id>/merge/take-back")
@allow(Role.COORDINATOR)
def take_back(force_id: uuid.UUID) -> ResponseReturnValue:
    """What was announced is off."""
    force = _force(force_id)
    if not freshly_proved():
        db.session.rollback()
        return prove_first(url_for("forces.force_page", force_id=force_id))
    by = me().actor().by
    return _done(
        force_id,
        lambda: merging.take_back(force_id=force_id, by=by, now=now()),
        f"{force.name} goes on as it is. The leads of both forces whom a text reaches are told.",
    )


def _done(force_id: uuid.UUID, work: Callable[[], Force], words: str) -> ResponseReturnValue:
    """Commit what was pressed, or say why it was refused; the page of the force either way."""
    try:
        work()
    except merging.NotToBeMerged as refused:
        db.session.rollback()
        flash(str(refused), "notice")
    else:
        db.session.commit()
        flash(words, "success")
    return redirect(url_for("forces.force_page", force_id=force_id), 303)


def _force(force_id: uuid.UUID) -> Force:
    force = db.session.get(Force, force_id)
    if force is None:
        raise NotYours
    return force


def _day(said: int) -> dt.date:
    try:
        return dt.date.fromisoformat(f"{said:08}")
    except ValueError:
        raise NotYours from None
