"""Providers, houses and rooms as a coordinator enters them.

The rule kept: no page here shows or asks where a house is beyond the first half of its postcode.
"""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import bedspaces, premises, referrals, registry
from safety.extensions import db
from safety.lifecycle import Role
from safety.matching import CHILD_AGES, FEATURES, SUPPORT
from safety.models import Bedspace, Premises, Provider
from safety.permissions import NotYours, allow
from safety.web.forms.houses import HouseForm, ProviderForm, RoomsForm
from safety.web.gate import me, now

pages = Blueprint("houses", __name__)


@pages.get("/houses")
@allow(Role.COORDINATOR)
def home() -> ResponseReturnValue:
    """Every provider with its houses."""
    instant = now()
    return render_template(
        "houses/home.html",
        providers=registry.providers(),
        in_use=registry.in_use,
        takes=lambda house: premises.open_to_all(house, instant),
    )


@pages.route("/houses/new-provider", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def add_provider() -> ResponseReturnValue:
    """Enter an organisation."""
    form = ProviderForm()
    if request.method == "POST" and form.validate():
        name = " ".join(form.name.data.split())
        try:
            registry.add_provider(name=name, by=me().actor().by, now=now())
        except registry.NameTaken as refused:
            form.refuse("name", str(refused))
        else:
            db.session.commit()
            flash(f"{name} is entered. Next: add its first house.", "success")
            return redirect(url_for("houses.home"), 303)
    return render_template("houses/new_provider.html", form=form), 400 if form.errors else 200


@pages.route("/houses/providers/<uuid:provider_id>/new-house", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def add_house(provider_id: uuid.UUID) -> ResponseReturnValue:
    """Enter a house of a provider."""
    provider = db.session.get(Provider, provider_id)
    if provider is None:
        raise NotYours
    form = HouseForm()
    if request.method == "POST" and form.validate():
        try:
            house = registry.add_house(
                provider_id=provider_id, new=form.said(), by=me().actor().by, now=now()
            )
        except registry.NameTaken as refused:
            form.refuse("name", str(refused))
        except premises.NotAPlaceForAHouse as refused:
            form.refuse("outcode", str(refused))
        else:
            db.session.commit()
            flash(f"{house.name} is entered. Next: its rooms.", "success")
            return redirect(url_for("houses.house", premises_id=house.id), 303)
    return render_template("houses/new_house.html", form=form, provider=provider), 400 if form.errors else 200


@pages.get("/houses/<uuid:premises_id>")
@allow(Role.COORDINATOR)
def house(premises_id: uuid.UUID) -> ResponseReturnValue:
    """One house: what is left to do before anybody is sent there, its rooms, and what it takes."""
    found = _house(premises_id)
    return render_template(
        "houses/house.html",
        house=found,
        rooms=registry.in_use(found),
        retired=[room for room in found.bedspaces if room.retired_at is not None],
        child_ages=CHILD_AGES,
        supports=SUPPORT,
        features=FEATURES,
        takes=premises.open_to_all(found, now()),
        instant=now(),
    )


@pages.route("/houses/<uuid:premises_id>/new-rooms", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def add_rooms(premises_id: uuid.UUID) -> ResponseReturnValue:
    """Add some like rooms to a house."""
    found = _house(premises_id)
    form = RoomsForm()
    form.fit(found.cohort)
    if request.method == "POST" and form.validate():
        sent = request.form.get("seen", "")
        seen = int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 6 else -1
        try:
            rooms = registry.add_rooms(
                premises_id=premises_id,
                new=form.said(found.cohort),
                seen=seen,
                by=me().actor().by,
                now=now(),
            )
        except registry.GroupNeedsAName as refused:
            form.refuse("called", str(refused))
        except registry.TooManyRooms as refused:
            form.refuse("number", str(refused))
        except registry.RoomsChanged as refused:
            db.session.rollback()
            flash(f"{refused}.", "notice")
            return redirect(url_for("houses.house", premises_id=premises_id), 303)
        else:
            names = ", ".join(room.name for room in rooms)
            referrals.rematch(now=now())
            db.session.commit()
            flash(f"Added: {names}.", "success")
            return redirect(url_for("houses.house", premises_id=premises_id), 303)
    asked = [field for field in form if field.name not in ("csrf_token", "own_flat")]
    return render_template(
        "houses/new_rooms.html", form=form, house=found, asked=asked, seen=len(found.bedspaces)
    ), 400 if form.errors else 200


@pages.post("/houses/<uuid:premises_id>/rooms/<uuid:bedspace_id>/retire")
@allow(Role.COORDINATOR)
def retire(premises_id: uuid.UUID, bedspace_id: uuid.UUID) -> ResponseReturnValue:
    """A room is no more: it is offered to nobody."""
    _room(premises_id, bedspace_id)
    try:
        room = bedspaces.retire(bedspace_id=bedspace_id, by=me().actor().by, now=now())
    except bedspaces.StillUsed as refused:
        db.session.rollback()
        flash(f"{refused}.", "notice")
    else:
        db.session.commit()
        flash(f"{room.name} is offered to nobody any more.", "success")
    return redirect(url_for("houses.house", premises_id=premises_id), 303)


@pages.post("/houses/<uuid:premises_id>/rooms/<uuid:bedspace_id>/use-again")
@allow(Role.COORDINATOR)
def use_again(premises_id: uuid.UUID, bedspace_id: uuid.UUID) -> ResponseReturnValue:
    """A retired room is there again."""
    _room(premises_id, bedspace_id)
    name = bedspaces.use_again(bedspace_id=bedspace_id, by=me().actor().by, now=now()).name
    referrals.rematch(now=now())
    db.session.commit()
    flash(f"{name} is offered to people again.", "success")
    return redirect(url_for("houses.house", premises_id=premises_id), 303)


def _room(premises_id: uuid.UUID, bedspace_id: uuid.UUID) -> Bedspace:
    found = db.session.get(Bedspace, bedspace_id)
    if found is None or found.premises_id != premises_id:
        raise NotYours
    return found


def _house(premises_id: uuid.UUID) -> Premises:
    found = db.session.get(Premises, premises_id)
    if found is None:
        raise NotYours
    return found
