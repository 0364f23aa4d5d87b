"""What a coordinator does about a referral: steps of its placement, placing by hand, asking every house, closing it."""

from __future__ import annotations

import uuid

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from safety import lifecycle, premises, referrals
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL, ReferralState, Role, State
from safety.models import Placement, Referral, User
from safety.permissions import allow
from safety.referrals.consequences import far_ahead
from safety.referrals.handover import hand_over as hand_to
from safety.referrals.handover import look_across_border, may_hold
from safety.referrals.operations import is_gathering
from safety.web import afterwards, needs, steps
from safety.web.coordinator.blueprint import address, address_of, live_of, pages
from safety.web.forms import Form
from safety.web.forms.placement import BorderForm, HandOverForm, PlaceForm, WithdrawReferralForm, offer_rooms
from safety.web.gate import me, now

_UNASKED = "That house takes people without being asked: the bed is held and confirmed already."


@pages.route("/duty/placements/<uuid:placement_id>/<slug>", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def step(placement_id: uuid.UUID, slug: str) -> ResponseReturnValue:
    """One thing to record, for the house or for the officer."""
    actor = me().actor()
    found = referrals.lookup(placement_id=placement_id, actor=actor)
    return steps.page(
        found,
        slug,
        actor=actor,
        template="coordinator/step.html",
        back=address_of,
        afterwards=lambda left: url_for("coordinator.say_afterwards", placement_id=left.id),
    )


@pages.route("/duty/placements/<uuid:placement_id>/afterwards", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def say_afterwards(placement_id: uuid.UUID) -> ResponseReturnValue:
    """Where somebody who has left went, and what they decided."""
    actor = me().actor()
    found = referrals.lookup(placement_id=placement_id, actor=actor)
    return afterwards.page(found, actor=actor, back=address_of(found))


@pages.route("/duty/referrals/<uuid:referral_id>/close", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def close(referral_id: uuid.UUID) -> ResponseReturnValue:
    """No place is needed any more."""
    found, form = _found(referral_id), WithdrawReferralForm()
    if request.method != "POST" or not form.validate():
        return _asked(found, form, "close")
    try:
        referrals.withdraw(
            referral_id=referral_id, actor=me().actor(), reason=form.reason.data or "", now=now()
        )
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    flash("The request is closed. A bed that was held is free again and its house has been told.", "success")
    return redirect(address(referral_id), 303)


@pages.post("/duty/referrals/<uuid:referral_id>/search-again")
@allow(Role.COORDINATOR)
def search_again(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Somebody knows where they are: look for a bed again."""
    try:
        placement = referrals.resume(referral_id=referral_id, actor=me().actor(), now=now())
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    _say_what_was_found(placement, _found(referral_id))
    return redirect(address(referral_id), 303)


@pages.post("/duty/referrals/<uuid:referral_id>/ask-every-house")
@allow(Role.COORDINATOR)
def ask_every_house(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Ask every house that could make room, without waiting for more of them to say no."""
    try:
        asks = referrals.ask_by_hand(referral_id=referral_id, actor=me().actor(), now=now())
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    if asks:
        flash(f"{len(asks)} house{'s were' if len(asks) > 1 else ' was'} asked to make room.", "success")
    else:
        flash(
            "Nobody else could be asked: no other house has a room out of service that fits. Ring houses, or place them by hand.",
            "notice",
        )
    return redirect(address(referral_id), 303)


@pages.route("/duty/referrals/<uuid:referral_id>/across-the-border", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def across_the_border(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Look for a place in every nation, with a reason."""
    found, form = _found(referral_id), BorderForm()
    if request.method != "POST" or not form.validate():
        return _asked(found, form, "border")
    try:
        placement = look_across_border(
            referral_id=referral_id, actor=me().actor(), reason=form.reason.data or "", now=now()
        )
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    _say_what_was_found(placement, _found(referral_id))
    return redirect(address(referral_id), 303)


@pages.route("/duty/referrals/<uuid:referral_id>/hand-over", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def hand_over(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Another officer holds it from now on."""
    found, form = _found(referral_id), HandOverForm()
    officers = may_hold(found)
    form.officer.offer({str(one.id): _officer_words(one) for one in officers})
    if request.method == "POST" and not officers:
        return _not_now(referral_id, lifecycle.NotAllowed("There is no other officer who can hold it"))
    if request.method != "POST" or not form.validate():
        return _asked(found, form, "hand-over")
    try:
        hand_to(
            referral_id=referral_id,
            to=uuid.UUID(form.officer.data),
            actor=me().actor(),
            reason=form.reason.data or "",
            now=now(),
        )
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    flash("Handed over. Both officers and the force's lead have been told.", "success")
    return redirect(address(referral_id), 303)


def _officer_words(officer: User) -> str:
    collar = f", collar number {officer.collar_number}" if officer.collar_number else ""
    return f"{officer.name}{collar}" + (f" ({officer.force.name})" if officer.force else "")


@pages.route("/duty/referrals/<uuid:referral_id>/place", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def place(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Choose a room by hand: those that fit, and the nearest misses with what stands in the way."""
    found, form = _found(referral_id), PlaceForm()
    fitting = offer_rooms(form.bedspace_id, found, premises.rooms(now()), now())
    if request.method == "POST" and not form.bedspace_id.choices:
        return _not_now(referral_id, lifecycle.NotAllowed("No room is free any more"))
    if request.method != "POST" or not form.validate():
        return _asked(found, form, "place")
    if form.bedspace_id.data not in fitting and not form.reason.data:
        form.refuse("reason", "Select why this room is right all the same, or choose a room that fits")
        return _asked(found, form, "place")
    try:
        placement = referrals.place(
            referral_id=referral_id,
            bedspace_id=uuid.UUID(form.bedspace_id.data),
            actor=me().actor(),
            reason=form.reason.data or "",
            now=now(),
        )
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    if placement.state == State.HELD:
        flash("The bed is held and the house has been asked. Ring it to have the answer at once.", "success")
    else:
        flash(_UNASKED, "success")
    return redirect(address(referral_id), 303)


def _found(referral_id: uuid.UUID) -> Referral:
    """A referral a place was looked for. Raises NotYours, NotFound."""
    found = referrals.seen_by(referral_id=referral_id, actor=me().actor())
    if found.outcode is None:
        raise NotFound
    return found


def _asked(found: Referral, form: Form, what: str) -> ResponseReturnValue:
    if request.method != "POST" and found.state not in LIVE_REFERRAL:
        flash("This request is closed already.", "notice")
        return redirect(address(found.id), 303)
    waiting = found.state == ReferralState.SEARCHING
    if request.method != "POST" and what not in ("close", "hand-over") and not waiting:
        flash("They are not waiting for a bed any more.", "notice")
        return redirect(address(found.id), 303)
    html = render_template(
        "coordinator/asked.html",
        referral=found,
        placement=live_of(found),
        form=form,
        what=what,
        asked=[field for field in form if field.name != "csrf_token"],
        rows=needs.rows(found) if what == "place" else [],
        causes=referrals.explain(found),
        back=address(found.id),
    )
    return html, 400 if form.errors else 200


def _not_now(referral_id: uuid.UUID, refused: lifecycle.NotAllowed) -> ResponseReturnValue:
    db.session.rollback()
    flash(f"{refused}. Nothing was changed.", "notice")
    return redirect(address(referral_id), 303)


def _say_what_was_found(placement: Placement | None, referral: Referral) -> None:
    operation = referral.operation
    if placement is None and operation is not None and is_gathering(operation, now()):
        flash(
            f"Nobody of {operation.number or 'the operation'} is matched by themselves just now, so no bed was looked for. Find "
            "beds for all of them on the page of the operation, or place them by hand.",
            "notice",
        )
    elif placement is None and far_ahead(referral, now()):
        flash(
            "They come too far ahead for a bed to be held by itself. Place them by hand, or wait.", "notice"
        )
    elif placement is None:
        flash(
            "Nothing fits yet. We match again at every change of a bed, and you can place them by hand.",
            "notice",
        )
    else:
        asked = placement.state == State.HELD
        flash("A bed is held and its house has been asked." if asked else _UNASKED, "success")
