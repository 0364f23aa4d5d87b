"""The rooms of a house: what they are like, out of service and back, retired; and what was said and done of them."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import bedspaces, premises, referrals, workdays
from safety.extensions import db
from safety.lifecycle import LIVE, Role
from safety.models import Bedspace, OutOfService, Placement, Premises
from safety.models.premises import OUT_REASONS
from safety.permissions import NotYours, allow
from safety.web.forms.rooms import NEW_GROUP, AddForm, DescribeForm, OutForm, in_words
from safety.web.gate import now
from safety.web.provider.blueprint import me, own, pages


@dataclass(frozen=True)
class Room:
    """A room on a page. stands: free, held, occupied, out or retired; spell: why and until when it is out."""

    bedspace: Bedspace
    stands: str
    words: str
    spell: OutOfService | None
    placement: Placement | None


def _rooms(house: Premises) -> list[Room]:
    stands = premises.standing(house, now())
    live = {
        row.bedspace_id: row
        for row in referrals.of_house(premises_ids=[house.id], now=now())
        if row.state in LIVE
    }
    return [
        Room(
            bedspace=room,
            stands=stands.get(room.id, "retired"),
            words=", ".join(in_words(room)),
            spell=bedspaces.spell(bedspace_id=room.id, now=now()) if stands.get(room.id) == "out" else None,
            placement=live.get(room.id),
        )
        for room in house.bedspaces
    ]


def _own_room(bedspace_id: uuid.UUID) -> Bedspace:
    bedspace = db.session.get(Bedspace, bedspace_id)
    if bedspace is None:
        raise NotYours
    own(bedspace.premises_id)
    return bedspace


@pages.get("/house/premises/<uuid:premises_id>/rooms")
@allow(Role.PROVIDER)
def rooms(premises_id: uuid.UUID) -> ResponseReturnValue:
    """Every room of a house, group by group."""
    house = own(premises_id)
    found = _rooms(house)
    return render_template(
        "provider/rooms.html",
        house=house,
        groups=[
            (group, [one for one in found if one.bedspace.group_id == group.id and one.stands != "retired"])
            for group in house.groups
        ],
        retired=[one for one in found if one.stands == "retired"],
        reasons=OUT_REASONS,
    )


@pages.route("/house/premises/<uuid:premises_id>/rooms/new", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def add_room(premises_id: uuid.UUID) -> ResponseReturnValue:
    """A new room: free from the moment it is added."""
    house = own(premises_id)
    form = AddForm()
    form.fit(house)
    if request.method == "POST" and form.validate():
        try:
            return _added(form, house)
        except bedspaces.NameTaken as refused:
            db.session.rollback()
            letter = form.group.data == NEW_GROUP and f"group {form.letter.data.upper()} " in str(refused)
            form.refuse("letter" if letter else "name", str(refused))
    return render_template("provider/room_form.html", form=form, house=house, bedspace=None), (
        400 if form.errors else 200
    )


def _added(form: AddForm, house: Premises) -> ResponseReturnValue:
    if form.group.data == NEW_GROUP:
        group = bedspaces.add_group(
            premises_id=house.id, letter=form.letter.data.upper(), name=form.group_name.data
        )
    else:
        group = next(group for group in house.groups if group.id.hex == form.group.data)
    made = bedspaces.add(group_id=group.id, said=form.said(house), by=me().actor().by, now=now())
    referrals.rematch(now=now())
    db.session.commit()
    flash(f"{made.name} is added. It is free, and people can be sent there.", "success")
    return redirect(url_for("provider.rooms", premises_id=house.id), 303)


@pages.get("/house/rooms/<uuid:bedspace_id>")
@allow(Role.PROVIDER)
def room(bedspace_id: uuid.UUID) -> ResponseReturnValue:
    """One room: how it stands and what can be done about it."""
    bedspace = _own_room(bedspace_id)
    found = next(one for one in _rooms(bedspace.premises) if one.bedspace.id == bedspace.id)
    return render_template("provider/room.html", one=found, house=bedspace.premises, reasons=OUT_REASONS)


@pages.route("/house/rooms/<uuid:bedspace_id>/describe", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def describe_room(bedspace_id: uuid.UUID) -> ResponseReturnValue:
    """Say anew what a room is like."""
    bedspace = _own_room(bedspace_id)
    form = DescribeForm(data=DescribeForm.beforehand(bedspace))
    form.fit(bedspace.premises)
    if request.method == "POST" and form.validate():
        try:
            changed = bedspaces.describe(
                bedspace_id=bedspace.id, said=form.said(bedspace.premises), by=me().actor().by, now=now()
            )
        except (bedspaces.NameTaken, bedspaces.StillUsed) as refused:
            form.refuse("name" if isinstance(refused, bedspaces.NameTaken) else "sleeps", str(refused))
        else:
            referrals.rematch(now=now())
            db.session.commit()
            flash(
                f"{bedspace.name} is described anew." if changed else "Nothing was changed.",
                "success" if changed else "notice",
            )
            return redirect(url_for("provider.room", bedspace_id=bedspace_id), 303)
    return render_template(
        "provider/room_form.html", form=form, house=bedspace.premises, bedspace=bedspace
    ), (400 if form.errors else 200)


@pages.route("/house/rooms/<uuid:bedspace_id>/out", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def out_of_service(bedspace_id: uuid.UUID) -> ResponseReturnValue:
    """Take a room out of service, with its reason and an end that brings it back by itself."""
    bedspace = _own_room(bedspace_id)
    form = OutForm()
    form.prepare(now())
    if request.method == "POST" and form.validate():
        until = form.until_at(now())
        if not form.errors:
            return _taken_out(bedspace, str(form.reason.data), until)
    return render_template("provider/room_out.html", form=form, house=bedspace.premises, bedspace=bedspace), (
        400 if form.errors else 200
    )


def _taken_out(bedspace: Bedspace, reason: str, until: dt.datetime | None) -> ResponseReturnValue:
    try:
        bedspaces.take_out(bedspace_id=bedspace.id, reason=reason, until=until, by=me().actor().by, now=now())
    except (bedspaces.StillUsed, bedspaces.Retired) as refused:
        return _not_done(bedspace.id, refused)
    else:
        db.session.commit()
        again = f"It comes back by itself {workdays.day_words(until, now())}." if until else ""
        flash(f"{bedspace.name} is out of service: nobody is sent there. {again}".strip(), "success")
    return redirect(url_for("provider.room", bedspace_id=bedspace.id), 303)


@pages.post("/house/rooms/<uuid:bedspace_id>/back")
@allow(Role.PROVIDER)
def back_in_service(bedspace_id: uuid.UUID) -> ResponseReturnValue:
    """Bring a room back into service."""
    try:
        bedspace = bedspaces.bring_back(bedspace_id=_own_room(bedspace_id).id, by=me().actor().by, now=now())
    except bedspaces.Retired as refused:
        return _not_done(bedspace_id, refused)
    return _again(bedspace, "is back in service")


@pages.post("/house/rooms/<uuid:bedspace_id>/use-again")
@allow(Role.PROVIDER)
def use_again(bedspace_id: uuid.UUID) -> ResponseReturnValue:
    """A retired room is part of the scheme again."""
    bedspace = bedspaces.use_again(bedspace_id=_own_room(bedspace_id).id, by=me().actor().by, now=now())
    return _again(bedspace, "is part of the scheme again")


def _not_done(bedspace_id: uuid.UUID, refused: Exception) -> ResponseReturnValue:
    db.session.rollback()
    flash(f"{refused}. Nothing was changed.", "notice")
    return redirect(url_for("provider.room", bedspace_id=bedspace_id), 303)


def _again(bedspace: Bedspace, words: str) -> ResponseReturnValue:
    referrals.rematch(now=now())
    given = premises.standing(bedspace.premises, now()).get(bedspace.id) == "held"
    db.session.commit()
    now_so = (
        "Somebody was waiting for it, and it is held for them."
        if given
        else "It is free, and people can be sent there."
    )
    flash(f"{bedspace.name} {words}. {now_so}", "success")
    return redirect(url_for("provider.room", bedspace_id=bedspace.id), 303)


@pages.route("/house/rooms/<uuid:bedspace_id>/retire", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def retire(bedspace_id: uuid.UUID) -> ResponseReturnValue:
    """Take a room out of the scheme for good; what happened there stays in the record."""
    bedspace = _own_room(bedspace_id)
    if request.method != "POST":
        return render_template("provider/room_retire.html", house=bedspace.premises, bedspace=bedspace)
    try:
        bedspaces.retire(bedspace_id=bedspace.id, by=me().actor().by, now=now())
    except bedspaces.StillUsed as refused:
        return _not_done(bedspace.id, refused)
    db.session.commit()
    flash(f"{bedspace.name} is retired: nobody is sent there, and it is counted no more.", "success")
    return redirect(url_for("provider.rooms", premises_id=bedspace.premises_id), 303)
