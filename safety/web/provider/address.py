"""Our address: looked at for a minute by somebody who has just proved who they are, confirmed, or changed.

The rule kept: looking is recorded and committed before the page leaves; no form of ours is sent back with an address that was
stored, and nothing that was typed stands in a notice, an error or a link.
"""

from __future__ import annotations

import uuid

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import houses, premises, referrals
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Premises
from safety.permissions import allow
from safety.web.forms.house import AddressForm
from safety.web.gate import freshly_proved, now, prove_first
from safety.web.glance import glance
from safety.web.provider.blueprint import me, own, pages


@pages.route("/house/premises/<uuid:premises_id>/address", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def address(premises_id: uuid.UUID) -> ResponseReturnValue:
    """GET: until when it holds, and what can be done about it. POST: the address itself."""
    house = own(premises_id)
    if not freshly_proved():
        return _prove(premises_id)
    if request.method != "POST":
        standing = houses.address_standing(house, now())
        return render_template("provider/address.html", house=house, standing=standing)
    where = houses.look_at_address(premises_id=house.id, by=me().actor().by, now=now())
    db.session.commit()
    back = url_for("provider.house", premises_id=premises_id)
    return glance("provider/address_shown.html", back=back, where=where, house=house)


@pages.post("/house/premises/<uuid:premises_id>/address/right")
@allow(Role.PROVIDER)
def address_right(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The address that was just shown is right."""
    house = own(premises_id)
    if not freshly_proved():
        return _prove(premises_id)
    try:
        version = int(request.form.get("version", ""))
        houses.confirm_address(premises_id=house.id, version=version, by=me().actor().by, now=now())
    except (ValueError, houses.AlreadyChanged):
        db.session.rollback()
        flash("Your address was changed after you looked at it. Look at it again.", "notice")
        return redirect(url_for("provider.address", premises_id=premises_id), 303)
    return _kept(house, "Thank you. Your address is confirmed.")


@pages.route("/house/premises/<uuid:premises_id>/address/change", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def address_change(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The address has changed: the whole new one."""
    house = own(premises_id)
    if not freshly_proved():
        return _prove(premises_id)
    form = AddressForm()
    if request.method == "POST" and form.validate():
        try:
            told = houses.change_address(premises_id=house.id, new=form.said(), by=me().actor().by, now=now())
        except (houses.MustKeepAway, premises.NotAPlaceForAHouse) as refused:
            form.refuse("outcode", str(refused))
        else:
            return _kept(house, f"The new address is kept and confirmed. {_heard(told)}".strip())
    return render_template(
        "provider/address_change.html", form=form, house=house
    ), 400 if form.errors else 200


def _heard(told: int) -> str:
    if not told:
        return ""
    who = "An officer on the way to you has" if told == 1 else f"{told} officers on the way to you have"
    return f"{who} been told by text to look again."


def _kept(house: Premises, thanks: str) -> ResponseReturnValue:
    """Whoever was searching may fit in this house again; committed, and back to the house's page."""
    referrals.rematch(now=now())
    db.session.commit()
    flash(thanks, "success")
    return redirect(url_for("provider.house", premises_id=house.id), 303)


def _prove(premises_id: uuid.UUID) -> ResponseReturnValue:
    db.session.rollback()
    return prove_first(url_for("provider.address", premises_id=premises_id))
