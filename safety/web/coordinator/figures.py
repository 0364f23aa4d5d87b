"""What a house said on the telephone of its beds, keyed in by a coordinator."""

from __future__ import annotations

import uuid

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import premises
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Premises
from safety.models.premises import ReportVia
from safety.permissions import NotYours, allow
from safety.web.coordinator.blueprint import pages
from safety.web.figures import Figures, changes_words, figures_of, said_the_same, saved, taken_back
from safety.web.gate import me, now


@pages.route("/duty/premises/<uuid:premises_id>/beds", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def figures(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The beds of one house, as whoever answers its telephone says them."""
    found = figures_of(_house(premises_id), now())
    if request.method != "POST":
        return _page(found)
    if request.form.get("step"):
        found.form.step(request.form["step"])
        return _page(found)
    return _again(found) if saved(found, by=me().actor().by, via=ReportVia.PHONE) else (_page(found), 400)


@pages.post("/duty/premises/<uuid:premises_id>/same")
@allow(Role.COORDINATOR)
def same(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The house says that its figures are as they stood on the page."""
    found = figures_of(_house(premises_id), now())
    done = said_the_same(found, by=me().actor().by, via=ReportVia.PHONE)
    return _again(found) if done else (_page(found), 400)


@pages.post("/duty/premises/<uuid:premises_id>/beds/undo")
@allow(Role.COORDINATOR)
def undo(premises_id: uuid.UUID) -> ResponseReturnValue:
    """Take the last change of the house's figures back."""
    house = _house(premises_id)
    taken_back(house, by=me().actor().by)
    return redirect(url_for("coordinator.figures", premises_id=house.id), 303)


def _house(premises_id: uuid.UUID) -> Premises:
    found = db.session.get(Premises, premises_id)
    if found is None:
        raise NotYours
    return found


def _again(found: Figures) -> ResponseReturnValue:
    return redirect(url_for("coordinator.figures", premises_id=found.house.id), 303)


def _page(found: Figures) -> str:
    return render_template(
        "coordinator/figures.html",
        one=found,
        form=found.form,
        contact=premises.on_call(found.house, now()),
        changes=changes_words,
        instant=now(),
    )
