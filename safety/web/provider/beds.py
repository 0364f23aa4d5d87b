"""What a house says of its beds, on its pages: so many are free, the same as before, take that back."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import beds, matching, premises, referrals
from safety.extensions import db
from safety.lifecycle import LIVE, Role
from safety.models import BedReport, Placement, Premises
from safety.models.premises import ReportVia
from safety.permissions import allow
from safety.web.forms.figures import FiguresForm, figures_form
from safety.web.gate import now, poll
from safety.web.provider.blueprint import me, own, pages
from safety.web.signed import names
from safety.web.wire import fragment

_VIA = {
    ReportVia.PAGE: "on this page",
    ReportVia.TEXT: "by text",
    ReportVia.PHONE: "by telephone, to the duty line",
}


@dataclass(frozen=True)
class Figures:
    """A house of the provider with its beds, how old the house's word is, whose it is, and what of it can be undone."""

    house: Premises
    counts: tuple[premises.Count, ...]
    freshness: str  # fresh | ageing | stale
    said: str  # "by text", "on this page by Asha"
    undoable: BedReport | None
    form: FiguresForm


def figures_of(house: Premises, instant: dt.datetime) -> Figures:
    """All that is shown of a house's beds at `instant`."""
    settings = current_app.config["SETTINGS"]
    fresh = matching.freshness(house.reported_at, instant, fresh_h=settings.FRESH_H, stale_h=settings.STALE_H)
    counts = premises.counts(house, instant)
    return Figures(
        house=house,
        counts=counts,
        freshness=fresh.name.lower(),
        said=_said(house),
        undoable=beds.undoable(premises_id=house.id, now=instant),
        form=figures_form(house, counts),
    )


def _said(house: Premises) -> str:
    via, by = house.reported_via, house.reported_by
    if via is None or by is None:
        return ""
    if via == ReportVia.PAGE and by.startswith("user:"):
        return f"{_VIA[ReportVia.PAGE]} by {names({by})[by]}"
    return _VIA[ReportVia(via)]


def changes_words(row: BedReport) -> str:
    """What a report changed: "W from 2 to 3, F from 1 to 0"."""
    return ", ".join(
        f"{letter} from {before} to {row.after[letter]}"
        for letter, before in row.before.items()
        if row.after.get(letter, before) != before
    )


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
    form = found.form
    if request.form.get("step"):
        form.step(request.form["step"])
        return _page(found)
    if not form.validate() or form.overtaken(found.counts):
        return _page(found), 400
    if not form.touched:
        flash("You changed no figure. If all is as it was, press Same as before.", "notice")
        return redirect(url_for("provider.home"), 303)
    return _save(found)


@pages.post("/house/premises/<uuid:premises_id>/same")
@allow(Role.PROVIDER)
def same(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The figures of this house are as they stood on the page."""
    found = figures_of(own(premises_id), now())
    form = found.form
    if form.touched:
        for letter in form.letters:
            if form[f"free_{letter}"].data != form[f"was_{letter}"].data:
                form.refuse(
                    f"free_{letter}",
                    f"You changed {letter} and pressed Same as before. Press Save to keep the change",
                )
        return _page(found), 400
    if form.overtaken(found.counts, all_of_them=True):
        return _page(found), 400
    beds.same(premises_id=found.house.id, by=me().actor().by, via=ReportVia.PAGE, now=now())
    referrals.rematch(now=now())
    db.session.commit()
    flash(f"Thank you. The figures of {found.house.name} are marked as still true.", "success")
    return redirect(url_for("provider.home"), 303)


def _save(found: Figures) -> ResponseReturnValue:
    form = found.form
    standing = {count.letter: count.free for count in found.counts}
    free = {letter: number for letter, number in form.changed.items() if number != standing[letter]}
    if not free:
        flash("That is saved already, so nothing more has changed.", "notice")
        return redirect(url_for("provider.home"), 303)
    try:
        with db.session.begin_nested():
            said = beds.report(
                premises_id=found.house.id,
                free=free,
                by=me().actor().by,
                via=ReportVia.PAGE,
                now=now(),
            )
    except beds.TooMany as refused:
        form.refuse(f"free_{refused.letter}", str(refused))
        return _page(found, in_the_way=_in_the_way(found.house, refused)), 400
    except beds.BeingReleased as refused:
        form.refuse(f"free_{next(iter(free))}", str(refused))
        return _page(found), 400
    referrals.rematch(now=now())
    db.session.commit()
    spoken = ", ".join(
        f"{letter} from {before} to {after}" for letter, (before, after) in said.changed.items()
    )
    flash(f"Saved: {spoken}. You can take it back for 10 minutes, beside the figures.", "success")
    return redirect(url_for("provider.home"), 303)


def _in_the_way(house: Premises, refused: beds.TooMany) -> list[Placement]:
    """The placements whose beds were said to be free, for a link to each."""
    rows = referrals.of_house(premises_ids=[house.id], now=now())
    return [row for row in rows if row.state in LIVE and row.referral.spoken in refused.used]


@pages.post("/house/premises/<uuid:premises_id>/beds/undo")
@allow(Role.PROVIDER)
def undo(premises_id: uuid.UUID) -> ResponseReturnValue:
    """Take the last change of this house's figures back."""
    house = own(premises_id)
    try:
        with db.session.begin_nested():
            row = beds.undo(premises_id=house.id, by=me().actor().by, now=now())
    except beds.CannotUndo as refused:
        flash(f"{refused}.", "notice")
        return redirect(url_for("provider.home"), 303)
    referrals.rematch(now=now())
    db.session.commit()
    flash(f"Taken back: {changes_words(row)} is as it was before.", "success")
    return redirect(url_for("provider.home"), 303)


def _page(found: Figures, in_the_way: list[Placement] | None = None) -> str:
    return render_template(
        "provider/beds.html",
        one=found,
        form=found.form,
        in_the_way=in_the_way or (),
        changes=changes_words,
        instant=now(),
    )
