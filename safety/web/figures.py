"""How many beds of a house are free, as a page asks and answers it: for the house itself, and for a coordinator who rang it.

The rule kept: nobody's change is lost without a word, and the same as before is not said of a figure nobody saw.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from flask import current_app, flash

from safety import beds, matching, people, premises, referrals
from safety.extensions import db
from safety.lifecycle import LIVE
from safety.models import BedReport, Placement, Premises
from safety.models.premises import ReportVia
from safety.web.forms.figures import FiguresForm, figures_form
from safety.web.gate import now

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
    in_the_way: list[Placement] = field(default_factory=list)  # whose beds were said to be free


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
        return f"{_VIA[ReportVia.PAGE]} by {people.named({by})[by]}"
    return _VIA[ReportVia(via)]


def changes_words(row: BedReport) -> str:
    """What a report changed: "W from 2 to 3, F from 1 to 0"."""
    return ", ".join(
        f"{letter} from {before} to {row.after[letter]}"
        for letter, before in row.before.items()
        if row.after.get(letter, before) != before
    )


def saved(found: Figures, *, by: str, via: ReportVia) -> bool:
    """Save the figures of the form that was sent, in the transaction of this request. Commits, and says what was done.

    Returns False, with the reasons in the form, when something has to be put right first.
    """
    form = found.form
    if not form.validate() or form.overtaken(found.counts):
        return False
    if not form.touched:
        flash("You changed no figure. If all is as it was, press Same as before.", "notice")
        return True
    standing = {count.letter: count.free for count in found.counts}
    free = {letter: number for letter, number in form.changed.items() if number != standing[letter]}
    if not free:
        flash("That is saved already, so nothing more has changed.", "notice")
        return True
    try:
        with db.session.begin_nested():
            said = beds.report(premises_id=found.house.id, free=free, by=by, via=via, now=now())
    except beds.TooMany as refused:
        form.refuse(f"free_{refused.letter}", str(refused))
        found.in_the_way.extend(_in_the_way(found.house, refused))
        return False
    except beds.BeingReleased as refused:
        form.refuse(f"free_{next(iter(free))}", str(refused))
        return False
    referrals.rematch(now=now())
    db.session.commit()
    flash(
        f"Saved: {changes_words(said.row)}. You can take it back for 10 minutes, beside the figures.",
        "success",
    )
    return True


def said_the_same(found: Figures, *, by: str, via: ReportVia) -> bool:
    """The figures are as they stood on the page that was sent. Commits; False, with the reasons in the form, if not."""
    form = found.form
    if form.touched:
        form.refuse_changes("You changed {letter} and pressed Same as before. Press Save to keep the change")
        return False
    if form.overtaken(found.counts, all_of_them=True):
        return False
    beds.same(premises_id=found.house.id, by=by, via=via, now=now())
    referrals.rematch(now=now())
    db.session.commit()
    flash(f"Thank you. The figures of {found.house.name} are marked as still true.", "success")
    return True


def taken_back(house: Premises, *, by: str) -> None:
    """Take the last change of a house's figures back, and say whether that could be done. Commits."""
    try:
        with db.session.begin_nested():
            row = beds.undo(premises_id=house.id, by=by, now=now())
    except beds.CannotUndo as refused:
        flash(f"{refused}.", "notice")
        return
    referrals.rematch(now=now())
    db.session.commit()
    flash(f"Taken back: {changes_words(row)} is as it was before.", "success")


def _in_the_way(house: Premises, refused: beds.TooMany) -> list[Placement]:
    rows = referrals.of_house(premises_ids=[house.id], now=now())
    return [row for row in rows if row.state in LIVE and row.referral.spoken in refused.used]
