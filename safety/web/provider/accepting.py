"""Closed to new people for a while, and open again.

The rule kept: what closing does not do is said before it is pressed, with a way to do it for each person it is about.
"""

from __future__ import annotations

import uuid

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import houses, premises, referrals, workdays
from safety.extensions import db
from safety.lifecycle import HOUSE_CLOSED, LIVE, Role
from safety.models import Premises
from safety.permissions import allow
from safety.web.forms.house import CloseForm
from safety.web.gate import now
from safety.web.provider.blueprint import me, own, pages


@pages.route("/house/premises/<uuid:premises_id>/accepting", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def accepting(premises_id: uuid.UUID) -> ResponseReturnValue:
    """GET: whether new people are sent, and whom closing would not touch. POST: close."""
    found, instant = own(premises_id), now()
    form = CloseForm(now=instant, data=CloseForm.beforehand(found))
    if request.method == "POST" and form.validate():
        houses.close(
            premises_id=found.id,
            reason=form.reason.data or "",
            until=form.until,
            by=me().actor().by,
            now=instant,
        )
        db.session.commit()
        end = workdays.day_words(form.until, instant) if form.until else "you open it again"
        flash(f"Closed. Nobody new is sent to {found.name} until {end}.", "success")
        return redirect(url_for("provider.accepting", premises_id=premises_id), 303)
    there = referrals.of_house(premises_ids=[found.id], now=instant)
    html = render_template(
        "provider/accepting.html",
        form=form,
        house=found,
        open=found.accepts_at(instant),
        reason=HOUSE_CLOSED.get(found.accepting_reason or "", ""),
        there=[row for row in there if row.state in LIVE],
        instant=instant,
    )
    return html, 400 if form.errors else 200


@pages.post("/house/premises/<uuid:premises_id>/accepting/open")
@allow(Role.PROVIDER)
def open_again(premises_id: uuid.UUID) -> ResponseReturnValue:
    """Open again, now; whoever is searching may fit."""
    found, instant = own(premises_id), now()
    houses.open_again(premises_id=found.id, by=me().actor().by, now=instant)
    referrals.rematch(now=instant)
    db.session.commit()
    if premises.open_to_all(found, instant):
        flash(f"Open. People are sent to {found.name} again.", "success")
    else:
        flash(_still_shut(found), "notice")
    return redirect(url_for("provider.house", premises_id=premises_id), 303)


def _still_shut(house: Premises) -> str:
    if house.compromised_at is not None:
        return "Open, but nobody is sent: somebody who should not may know where the house is. Ring the duty line."
    return "Open, but nobody is sent until you have confirmed your address."
