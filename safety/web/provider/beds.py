"""What a house says of its beds, on its pages: so many are free, the same as before, take that back."""

from __future__ import annotations

import uuid

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import premises
from safety.lifecycle import Role
from safety.models.premises import ReportVia
from safety.permissions import allow
from safety.web.figures import Figures, changes_words, figures_of, said_the_same, saved, taken_back
from safety.web.gate import now, poll
from safety.web.provider.blueprint import me, own, pages
from safety.web.wire import fragment


@pages.get("/house/beds/now")
@allow(Role.PROVIDER)
@poll
def beds_now() -> ResponseReturnValue:
    """The beds of every house of this provider, as the first page asks for them by itself."""
    return fragment(render_template("provider/_beds.html", **all_figures()))


def all_figures() -> dict[str, object]:
    """What the beds of the first page are drawn from."""
    provider = me().provider
    assert provider is not None
    instant = now()
    return {
        "figures": [figures_of(house, instant) for house in premises.of_provider(provider.id)],
        "changes": changes_words,
        "instant": instant,
    }


@pages.route("/house/premises/<uuid:premises_id>/beds", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def figures(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The beds of one house. A press of − or + without JavaScript only counts; saving is a press of its own."""
    found = figures_of(own(premises_id), now())
    if request.method != "POST":
        return _page(found)
    if request.form.get("step"):
        found.form.step(request.form["step"])
        return _page(found)
    return _home() if saved(found, by=me().actor().by, via=ReportVia.PAGE) else (_page(found), 400)


@pages.post("/house/premises/<uuid:premises_id>/same")
@allow(Role.PROVIDER)
def same(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The figures of this house are as they stood on the page."""
    found = figures_of(own(premises_id), now())
    return _home() if said_the_same(found, by=me().actor().by, via=ReportVia.PAGE) else (_page(found), 400)


@pages.post("/house/premises/<uuid:premises_id>/beds/undo")
@allow(Role.PROVIDER)
def undo(premises_id: uuid.UUID) -> ResponseReturnValue:
    """Take the last change of this house's figures back."""
    taken_back(own(premises_id), by=me().actor().by)
    return _home()


def _home() -> ResponseReturnValue:
    return redirect(url_for("provider.home"), 303)


def _page(found: Figures) -> str:
    return render_template(
        "provider/beds.html", one=found, form=found.form, changes=changes_words, instant=now()
    )
