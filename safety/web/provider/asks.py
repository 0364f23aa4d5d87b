"""A house that is asked, with every other that could, whether it can make room for somebody: its yes with a room, its no.

The rule kept: many houses are asked about one person, so each sees what decides (needs.short) and no more until they are its own.
"""

from __future__ import annotations

import uuid

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import referrals
from safety.extensions import db
from safety.lifecycle import NotAllowed, Role
from safety.models import Ask
from safety.permissions import allow
from safety.referrals import Happened
from safety.web import needs
from safety.web.forms.placement import MakeRoomForm
from safety.web.gate import now
from safety.web.provider.blueprint import me, pages


@pages.route("/house/asks/<uuid:ask_id>/yes", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def make_room(ask_id: uuid.UUID) -> ResponseReturnValue:
    """Which room they can have. Sent again, or too late, it says how things stand."""
    actor, instant = me().actor(), now()
    ask = referrals.ask_of(ask_id=ask_id, actor=actor, now=instant)
    form = MakeRoomForm()
    if referrals.still_wanted(ask):
        form.offer(referrals.spare(ask, instant))
        if not form.bedspace_id.choices:
            return _home(f"None of your rooms that are out of service fits {ask.referral.spoken} any more.")
        if request.method != "POST" or not form.validate():
            return _shown(ask, form)
    elif request.method != "POST":
        return _home(_settled(ask))
    try:
        said = referrals.say_yes(ask_id=ask_id, actor=actor, bedspace_id=form.room, now=instant)
    except (NotAllowed, referrals.NoRoomThere, referrals.WhichGroup) as refused:
        db.session.rollback()
        return _home(f"{refused}. Nothing was changed.")
    db.session.commit()
    if said.placement is None:
        return _home(_settled(ask))
    if said.kind is Happened.DONE:
        flash(
            f"Thank you. {said.placement.bedspace.name} is theirs, and the officer has been told that you are expecting them.",
            "success",
        )
    else:
        flash("That was recorded already, so nothing has changed.", "notice")
    return redirect(url_for("provider.placement", placement_id=said.placement.id), 303)


@pages.post("/house/asks/<uuid:ask_id>/no")
@allow(Role.PROVIDER)
def no_room(ask_id: uuid.UUID) -> ResponseReturnValue:
    """The house has no room."""
    try:
        said = referrals.say_no(ask_id=ask_id, actor=me().actor(), now=now())
    except NotAllowed as refused:
        db.session.rollback()
        return _home(f"{refused}. Nothing was changed.")
    db.session.commit()
    if said.kind is Happened.SETTLED:
        return _home(_settled(said.ask))
    return _home(
        f"Thank you. We noted that you have no room for {said.ask.referral.spoken}. There is nothing more to do."
    )


def _settled(ask: Ask) -> str:
    return f"{ask.referral.spoken} is settled, thank you. Your rooms stay as they are and there is nothing more to do."


def _home(words: str) -> ResponseReturnValue:
    flash(words, "notice")
    return redirect(url_for("provider.home"), 303)


def _shown(ask: Ask, form: MakeRoomForm) -> ResponseReturnValue:
    html = render_template(
        "provider/make_room.html",
        ask=ask,
        referral=ask.referral,
        short=needs.short(ask.referral),
        form=form,
        asked=[form.bedspace_id],
        over=ask.answer is not None or ask.answer_by <= now(),
    )
    return html, 400 if form.errors else 200
