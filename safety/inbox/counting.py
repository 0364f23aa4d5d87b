"""Texts about beds: so many are free, the same as before, take that back."""

from __future__ import annotations

import datetime as dt
import uuid

from safety import beds, messages, premises, referrals
from safety.extensions import db
from safety.inbox.sender import Answer, Sender, sorry
from safety.models import Premises
from safety.models.premises import ReportVia
from safety.replies import Reply


def same(sender: Sender, now: dt.datetime) -> Answer:
    """All is as it was, in every house of this telephone."""
    if not sender.houses:
        return sorry(sender, now)
    for premises_id in sorted(sender.houses):
        beds.same(premises_id=premises_id, by=sender.by, via=ReportVia.TEXT, now=now)
    matter = messages.Matter(words=premises.figures_words(_houses(sender), now))
    referrals.rematch(now=now)
    return Answer("same", messages.counts_same, matter)


def _houses(sender: Sender) -> list[Premises]:
    return [db.session.get_one(Premises, premises_id) for premises_id in sorted(sender.houses)]


def said(reply: Reply, sender: Sender, now: dt.datetime) -> Answer:
    """So many are free: of the one house whose group each letter names. All of it, or nothing and why."""
    if not sender.houses:
        return sorry(sender, now)
    houses = _houses(sender)
    figures = _figures(reply, houses)
    if isinstance(figures, Answer):
        return figures
    try:
        with db.session.begin_nested():
            for house, free in figures:
                beds.report(premises_id=house.id, free=free, by=sender.by, via=ReportVia.TEXT, now=now)
    except beds.TooMany as refused:
        words = f"{refused.letter} can have {refused.most} free at most, the rest are used"
        return Answer("beds:too_many", messages.counts_refused, messages.Matter(words=words))
    except beds.BeingReleased:
        words = "A bed is just coming free, send it again in 2 minutes"
        return Answer("beds:being_released", messages.counts_refused, messages.Matter(words=words))
    told = [house for house, _ in figures]
    spoken = premises.figures_words(told, now)
    shut = any(not house.accepts_at(now) or house.compromised_at is not None for house in told)
    # Only now: whoever was searching is held a bed of these in the same transaction, and asked about in a text of its own.
    referrals.rematch(now=now)
    wording = messages.counts_while_closed if shut else messages.counts_changed
    return Answer("beds", wording, messages.Matter(words=spoken))


def _figures(reply: Reply, houses: list[Premises]) -> list[tuple[Premises, dict[str, int]]] | Answer:
    """Which house has how many of which group free; or the answer that asks for what cannot be told."""
    groups = [(house, group.letter) for house in houses for group in house.groups]
    counts = dict(reply.counts)
    if reply.total is not None:
        if len(groups) != 1 and reply.total != 0:
            example = " ".join(f"{letter}1" for _, letter in groups[:3])
            return Answer("beds:which_group", messages.which_group, messages.Matter(words=example))
        # None at all is clear however many groups there are.
        found = [(house, {group.letter: reply.total for group in house.groups}) for house in houses]
        return [(house, free) for house, free in found if free]
    figures: dict[uuid.UUID, tuple[Premises, dict[str, int]]] = {}
    for letter, number in counts.items():
        having = [house for house, its in groups if its == letter]
        if not having:
            words = f"You have no group {letter}"
            return Answer("beds:no_such_group", messages.counts_refused, messages.Matter(words=words))
        if len(having) > 1:
            return Answer("beds:which_house", messages.which_house)
        figures.setdefault(having[0].id, (having[0], {}))[1][letter] = number
    return list(figures.values())


def undo(sender: Sender, now: dt.datetime) -> Answer:
    """Take back the last change of these houses; the same change of several houses together."""
    if not sender.houses:
        return sorry(sender, now)
    rows = [row for house in sender.houses if (row := beds.undoable(premises_id=house, now=now))]
    newest = max((row.reported_at for row in rows), default=None)
    together = sorted(row.premises_id for row in rows if row.reported_at == newest)
    if not together:
        return Answer("undo:nothing", messages.nothing_to_undo)
    try:
        with db.session.begin_nested():
            for premises_id in together:
                beds.undo(premises_id=premises_id, by=sender.by, now=now)
    except beds.CannotUndo:
        words = "That bed has been given since. Decline it if they cannot come"
        return Answer("undo:given", messages.counts_refused, messages.Matter(words=words))
    spoken = premises.figures_words(
        [db.session.get_one(Premises, premises_id) for premises_id in together], now
    )
    referrals.rematch(now=now)
    return Answer("undo", messages.counts_undone, messages.Matter(words=spoken))
