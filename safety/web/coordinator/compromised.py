"""A house that may not be safe any more: marked with one press, everything to do about it on one page, and safe again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import duty, lifecycle, people
from safety.extensions import db
from safety.houses import address
from safety.lifecycle import Role, State
from safety.models import AlertKind, Placement, Premises
from safety.permissions import Actor, NotYours, allow
from safety.referrals import compromised as rooms
from safety.web import steps
from safety.web.coordinator.blueprint import live_of, pages
from safety.web.forms.compromised import CompromisedForm, SafeAgainForm
from safety.web.gate import me, now

# What is done about somebody who is inside or on the way; the rest of what can be recorded stands on their own page.
_NEXT = {
    State.ARRIVED: ("transfer", "departed"),
    State.CONFIRMED: ("withdraw", "arrived", "not-arrived"),
    State.HELD: ("decline",),
}


@pages.route("/duty/premises/<uuid:premises_id>/compromised", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def compromised(premises_id: uuid.UUID) -> ResponseReturnValue:
    """Mark the house (why), or, once it is marked, everybody who has to be rung, moved or turned back."""
    house = _house(premises_id)
    form = CompromisedForm()
    if request.method == "POST" and (house.compromised_at is not None or form.validate()):
        rooms.mark(premises_id=house.id, reason=form.reason.data or "", actor=me().actor(), now=now())
        db.session.commit()
        return redirect(url_for("coordinator.compromised", premises_id=house.id), 303)
    if house.compromised_at is not None:
        return _screen(house)
    html = render_template("coordinator/compromised_why.html", house=house, form=form, there=_tally(house))
    return html, 400 if form.errors else 200


@pages.route("/duty/premises/<uuid:premises_id>/safe-again", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def safe_again(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The house takes people again, with a reason, once a coordinator has spoken to it."""
    house = _house(premises_id)
    back = redirect(url_for("houses.house", premises_id=house.id), 303)
    if house.compromised_at is None:
        flash("This house is not marked as compromised.", "notice")
        return back
    form = SafeAgainForm()
    if request.method == "POST" and form.validate():
        try:
            rooms.clear(
                premises_id=house.id,
                reason=form.reason.data or "",
                spoken=form.spoken.data,
                actor=me().actor(),
                now=now(),
            )
        except lifecycle.NotAllowed as refused:
            form.refuse("reason", str(refused))
        else:
            db.session.commit()
            flash(
                "The house takes people again. Anybody who was looking for a bed was matched anew.", "success"
            )
            return back
    html = render_template("coordinator/safe_again.html", house=house, form=form)
    return html, 400 if form.errors else 200


def _screen(house: Premises) -> str:
    actor, instant = me().actor(), now()
    known = rooms.known_by(house)
    there = rooms.there(house)
    return render_template(
        "coordinator/compromised.html",
        house=house,
        why=lifecycle.COMPROMISED.get(house.compromised_reason or "", ""),
        by=people.named({house.compromised_by or ""})[house.compromised_by or ""],
        inside=[_with_steps(one, actor) for one in there if one.state == State.ARRIVED],
        coming=[_with_steps(one, actor) for one in there if one.state != State.ARRIVED],
        given_up=[(one.referral, live_of(one.referral)) for one in rooms.given_up(house)],
        now_known=[one for one in known if one.version >= house.address_version],
        known_before=[one for one in known if one.version < house.address_version],
        parts=people.ROLES,
        alert=duty.standing(kind=AlertKind.HOUSE_COMPROMISED, subject=address.subject(house.id)),
        instant=instant,
    )


def _with_steps(placement: Placement, actor: Actor) -> tuple[Placement, Sequence[steps.Step]]:
    wanted = _NEXT[State(placement.state)]
    found = {step.slug: step for step in steps.possible(placement, actor, now())}
    return placement, [found[slug] for slug in wanted if slug in found]


def _tally(house: Premises) -> dict[str, int]:
    """How many live there, are on the way, and have been promised a bed nobody has set off for."""
    there = rooms.there(house)
    inside = sum(one.state == State.ARRIVED for one in there)
    road = sum(one.state == State.CONFIRMED and one.on_road for one in there)
    return {"inside": inside, "road": road, "promised": len(there) - inside - road}


def _house(premises_id: uuid.UUID) -> Premises:
    found = db.session.get(Premises, premises_id)
    if found is None:
        raise NotYours
    return found
