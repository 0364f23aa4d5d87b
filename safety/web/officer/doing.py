"""What the officer's side records: on our way, late, arrived, not arrived, another place, no place, taken back, more about them.

The rules kept: a button says which placement it was drawn for; pressed twice it acts once; a refusal comes back in the words
of whoever refused, and nothing is written.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import lifecycle, placements, referrals, workdays
from safety.extensions import db
from safety.lifecycle import Event, State
from safety.models import Placement, Referral
from safety.permissions import NotYours, allow
from safety.referrals import Happened, details
from safety.web.forms import Form
from safety.web.forms.referral import (
    AnotherPlaceForm,
    ArrivedForm,
    DetailsForm,
    NotArrivedForm,
    SetOffForm,
    WithdrawForm,
)
from safety.web.gate import now
from safety.web.officer.blueprint import ASKERS, me, pages, pressed

REFUSED = (lifecycle.NotAllowed, placements.Conflict)


@pages.route("/referrals/<uuid:referral_id>/on-our-way", methods=["GET", "POST"])
@allow(*ASKERS)
def on_our_way(referral_id: uuid.UUID) -> ResponseReturnValue:
    """They set off: how long it takes. The house is told who comes and when."""
    referral, placement = _confirmed(referral_id)
    form = SetOffForm()
    if placement.set_off_at is not None:
        return _back(referral_id)
    if request.method == "POST" and form.validate():
        eta_at = now() + dt.timedelta(minutes=int(form.travel.data or 0))
        return _do(
            referral,
            Event.SET_OFF,
            {"eta_at": eta_at},
            "The house knows you are coming. Open the address below.",
        )
    return _asking("on_our_way", form, referral, placement)


@pages.post("/referrals/<uuid:referral_id>/running-late")
@allow(*ASKERS)
def running_late(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Half an hour more, twice at most."""
    referral = _mine(referral_id)
    placement = _pressed_of(referral)
    if request.form.get("times") != str(placement.times_late):
        return _back(referral_id)  # pressed twice: the first press did it
    return _do(referral, Event.LATE, {}, "30 minutes added. The house is told.")


@pages.route("/referrals/<uuid:referral_id>/arrived", methods=["GET", "POST"])
@allow(*ASKERS)
def arrived(referral_id: uuid.UUID) -> ResponseReturnValue:
    """They are inside: now, or at a time."""
    referral = _mine(referral_id)
    placement = _pressed_of(referral) if request.method == "POST" else _confirmed_or_released(referral)
    form = ArrivedForm(now=now(), data={"when": "now"})
    if request.method == "POST" and form.validate():
        facts = {"arrived_at": form.arrived_at} if form.arrived_at else {}
        return _do(referral, Event.ARRIVE, facts, "Arrival recorded. Thank you.")
    return _asking("arrived", form, referral, placement)


@pages.route("/referrals/<uuid:referral_id>/not-arrived", methods=["GET", "POST"])
@allow(*ASKERS)
def not_arrived(referral_id: uuid.UUID) -> ResponseReturnValue:
    """They set off and did not arrive: why."""
    referral, placement = _confirmed(referral_id)
    form = NotArrivedForm()
    if request.method == "POST" and form.validate():
        return _do(
            referral,
            Event.NOT_ARRIVED,
            {"reason": form.reason.data},
            "Recorded. A coordinator has been alerted.",
        )
    return _asking("not_arrived", form, referral, placement)


@pages.get("/referrals/<uuid:referral_id>/no-longer-needed")
@allow(*ASKERS)
def no_longer_needed(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Do they still need a place?"""
    referral = _mine(referral_id)
    placement = referrals.live_placement(referral)
    if placement is None or Event.CANCEL not in _possible(placement):
        return redirect(url_for("officer.withdraw", referral_id=referral_id), 303)
    return render_template("officer/no_longer_needed.html", referral=referral, placement=placement)


@pages.route("/referrals/<uuid:referral_id>/another-place", methods=["GET", "POST"])
@allow(*ASKERS)
def another_place(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Not this place, and they still need one: the next best is held at once."""
    referral = _mine(referral_id)
    placement = _pressed_of(referral) if request.method == "POST" else referrals.live_placement(referral)
    if placement is None:
        return _back(referral_id)
    form = AnotherPlaceForm()
    if request.method == "POST" and form.validate():
        facts = {"reason": form.reason.data, "still_needed": True}
        return _do(referral, Event.CANCEL, facts, "That bed is given back. We are looking for another now.")
    return _asking("another_place", form, referral, placement)


@pages.route("/referrals/<uuid:referral_id>/withdraw", methods=["GET", "POST"])
@allow(*ASKERS)
def withdraw(referral_id: uuid.UUID) -> ResponseReturnValue:
    """No place is needed any more: why. Ends the request and gives any bed back."""
    referral = _mine(referral_id)
    form = WithdrawForm()
    if request.method == "POST" and form.validate():
        actor, reason = me().actor(), form.reason.data or ""
        return _try(
            referral_id,
            lambda: referrals.withdraw(referral_id=referral_id, actor=actor, reason=reason, now=now()),
            "The request is closed, and any bed is given back.",
        )
    return _asking("withdraw", form, referral, referrals.live_placement(referral))


@pages.post("/referrals/<uuid:referral_id>/take-back")
@allow(*ASKERS)
def take_back(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Recorded by mistake: back to how it stood, while the bed is still free."""
    return _do(_mine(referral_id), Event.CORRECT, {}, "Taken back. The bed is held for them again.")


@pages.route("/referrals/<uuid:referral_id>/more-about-them", methods=["GET", "POST"])
@allow(*ASKERS)
def more_about_them(referral_id: uuid.UUID) -> ResponseReturnValue:
    """What else the house should know, said while it is answering."""
    referral = _mine(referral_id)
    known = referral.needs or {}
    # What they like to be called is for the house, and for the officer who was told it: not for a lead, not for a coordinator.
    theirs = referral.holder_id == me().id
    form = DetailsForm(
        data={
            "alias": (referral.alias or "") if theirs else "",
            "interpreter": "yes" if known.get("interpreter") else None,
            "language": known.get("language"),
            "diet": known.get("diet") or [],
        }
    )
    if not theirs:
        del form.alias
    if request.method == "POST" and form.validate():
        actor = me().actor()
        return _try(
            referral_id,
            lambda: details.add_details(
                referral_id=referral_id,
                actor=actor,
                alias=(form.alias.data or None) if theirs else referral.alias,
                interpreter=form.interpreter.data == "yes",
                language=form.language.data or None,
                diet=form.diet.data,
                now=now(),
            ),
            "Saved. The house that takes them sees it.",
        )
    return _asking("more_about_them", form, referral, None)


def _mine(referral_id: uuid.UUID) -> Referral:
    return referrals.seen_by(referral_id=referral_id, actor=me().actor())


def _possible(placement: Placement) -> tuple[Event, ...]:
    return lifecycle.possible(
        State(placement.state), me().actor().role, set_off=placement.set_off_at is not None
    )


def _pressed_of(referral: Referral) -> Placement:
    """The placement the button was drawn for. Raises NotYours when it is not one of this referral's."""
    placement = referrals.lookup(placement_id=pressed(), actor=me().actor())
    if placement.referral_id != referral.id:
        raise NotYours
    return placement


def _confirmed(referral_id: uuid.UUID) -> tuple[Referral, Placement]:
    referral = _mine(referral_id)
    if request.method == "POST":
        return referral, _pressed_of(referral)
    placement = referrals.live_placement(referral)
    if placement is None:
        raise NotYours
    return referral, placement


def _confirmed_or_released(referral: Referral) -> Placement:
    """The live placement; or the last one that was given back, for whoever stands at its door all the same."""
    placement = referrals.live_placement(referral)
    if placement is None:
        released = [one for one in referral.placements if one.state == State.NOT_ARRIVED]
        placement = max(released, key=lambda one: one.ended_at, default=None)
    if placement is None:
        raise NotYours
    return placement


def _do(referral: Referral, event: Event, facts: dict[str, Any], done: str) -> ResponseReturnValue:
    placement, actor = _pressed_of(referral), me().actor()
    return _try(
        referral.id,
        lambda: referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=now()),
        done,
    )


def _try(referral_id: uuid.UUID, work: Callable[[], Any], done: str) -> ResponseReturnValue:
    """Do it, commit, and go back to the page; or say why not."""
    try:
        outcome = work()
    except REFUSED as refused:
        db.session.rollback()
        flash(f"{refused}.", "refused")
        return _back(referral_id)
    db.session.commit()
    if getattr(outcome, "kind", None) is Happened.NO_BED:
        flash(
            "Keep them safe where they are. The bed is no longer free, and a coordinator is ringing you now.",
            "refused",
        )
    elif getattr(outcome, "kind", None) is not Happened.SAME:
        flash(done, "success")
    return _back(referral_id)


def _back(referral_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for("officer.referral", referral_id=referral_id), 303)


def _asking(page: str, form: Form, referral: Referral, placement: Placement | None) -> ResponseReturnValue:
    shown = render_template(
        f"officer/{page}.html", form=form, referral=referral, placement=placement, clock=workdays.clock_words
    )
    return shown, 400 if form.errors else 200
