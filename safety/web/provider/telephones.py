"""Who answers for a house and when. A number is shown by its last three digits: the page lies open on a shared desk."""

from __future__ import annotations

import uuid

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import houses, premises
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Contact
from safety.permissions import NotYours, allow
from safety.web.forms.house import TelephoneForm
from safety.web.gate import now
from safety.web.provider.blueprint import me, own, pages

_TOLD = "Whoever answered before has been told by text."


@pages.get("/house/premises/<uuid:premises_id>/telephones")
@allow(Role.PROVIDER)
def telephones(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The telephones in order, and which of them answers now."""
    house, instant = own(premises_id), now()
    return render_template(
        "provider/telephones.html", house=house, answers=premises.on_call(house, instant), instant=instant
    )


@pages.route("/house/premises/<uuid:premises_id>/telephones/add", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def telephone_add(premises_id: uuid.UUID) -> ResponseReturnValue:
    """One more telephone."""
    house = own(premises_id)
    form = TelephoneForm()
    if request.method == "POST" and form.validate():
        try:
            houses.add_telephone(
                premises_id=house.id, phone=form.phone.e164, hours=form.hours(), by=me().actor().by, now=now()
            )
        except (houses.TooManyTelephones, houses.ThereAlready) as refused:
            form.refuse("phone", str(refused))
        else:
            return _kept(premises_id, f"The telephone is added, and we sent it a text. {_TOLD}")
    html = render_template("provider/telephone.html", form=form, house=house, contact=None)
    return html, 400 if form.errors else 200


@pages.route("/house/premises/<uuid:premises_id>/telephones/<uuid:contact_id>", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def telephone(premises_id: uuid.UUID, contact_id: uuid.UUID) -> ResponseReturnValue:
    """Another number, or other hours."""
    house = own(premises_id)
    contact = _contact(house.contacts, contact_id)
    form = TelephoneForm.of(contact)
    if request.method == "POST" and form.validate():
        houses.change_telephone(
            premises_id=house.id,
            contact_id=contact.id,
            phone=form.phone.e164 or None,
            hours=form.hours(),
            by=me().actor().by,
            now=now(),
        )
        return _kept(premises_id, "The telephone is changed.")
    html = render_template("provider/telephone.html", form=form, house=house, contact=contact)
    return html, 400 if form.errors else 200


@pages.post("/house/premises/<uuid:premises_id>/telephones/<uuid:contact_id>/remove")
@allow(Role.PROVIDER)
def telephone_remove(premises_id: uuid.UUID, contact_id: uuid.UUID) -> ResponseReturnValue:
    """Nobody answers there any more."""
    house = own(premises_id)
    try:
        houses.remove_telephone(premises_id=house.id, contact_id=contact_id, by=me().actor().by, now=now())
    except houses.OnlyTelephone as refused:
        db.session.rollback()
        flash(f"{refused}.", "notice")
        return redirect(url_for("provider.telephones", premises_id=premises_id), 303)
    return _kept(premises_id, f"The telephone is removed. {_TOLD}")


@pages.post("/house/premises/<uuid:premises_id>/telephones/<uuid:contact_id>/up")
@allow(Role.PROVIDER)
def telephone_up(premises_id: uuid.UUID, contact_id: uuid.UUID) -> ResponseReturnValue:
    """Tried earlier than it was."""
    house = own(premises_id)
    houses.move_up(premises_id=house.id, contact_id=contact_id, by=me().actor().by, now=now())
    return _kept(premises_id, "The order is changed.")


def _contact(contacts: list[Contact], contact_id: uuid.UUID) -> Contact:
    found = next((one for one in contacts if one.id == contact_id), None)
    if found is None:
        raise NotYours
    return found


def _kept(premises_id: uuid.UUID, words: str) -> ResponseReturnValue:
    db.session.commit()
    flash(words, "success")
    return redirect(url_for("provider.telephones", premises_id=premises_id), 303)
