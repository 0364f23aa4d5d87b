"""Texts that would have done something, had they come from the telephone they were not from.

The rule kept: nothing is done and nothing is learned by them, so they wake nobody; but whoever writes so often that it is no
slip is told to a coordinator: somebody tries codes, or a house has a new telephone and believes that it has answered.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from safety import duty
from safety.extensions import db
from safety.inbox.sender import Sender
from safety.models import AlertKind, Inbound
from safety.replies import HARMLESS, Kind

# So many within that time are no slip of the thumb.
MOST = 5
WITHIN = dt.timedelta(hours=1)
# After so long without another one it is over.
PEACE = dt.timedelta(days=1)
# All numbers we do not know are one trouble: whoever sends from many would otherwise fill the board.
STRANGERS = "phones:unknown"

_UNKNOWN, _NOT_THEIRS = "unknown_number", "code_not_known"
_ASKS_FOR_SOMETHING = [str(kind) for kind in Kind if kind not in HARMLESS]


def note(*, sender: Sender, outcome: str, now: dt.datetime) -> None:
    """Alert a coordinator when the text just kept is one too many of its kind; most texts are none and cost no question."""
    if outcome not in (_UNKNOWN, _NOT_THEIRS):
        return
    subject = sender.by if sender.known else STRANGERS
    if duty.standing(kind=AlertKind.NOT_THEIRS, subject=subject) is None and _many(subject, now):
        duty.raise_alert(kind=AlertKind.NOT_THEIRS, subject=subject, now=now)


def due(*, now: dt.datetime) -> bool:
    """Whether tend() would end anything; reads only."""
    return bool(_over(now))


def tend(*, now: dt.datetime) -> None:
    """End the alerts over telephones from which no such text came for a day. The caller has begun a deciding write."""
    for subject in _over(now):
        duty.end(kind=AlertKind.NOT_THEIRS, subject=subject, now=now)


def _over(now: dt.datetime) -> list[str]:
    return sorted(
        subject
        for subject in duty.subjects(kind=AlertKind.NOT_THEIRS)
        if not db.session.scalar(_tries(subject, now - PEACE).limit(1))
    )


def _many(subject: str, now: dt.datetime) -> bool:
    return len(db.session.scalars(_tries(subject, now - WITHIN).limit(MOST)).all()) >= MOST


def _tries(subject: str, since: dt.datetime) -> sa.Select[str]:
    """The texts that tried something of somebody else's, from one telephone of ours or from all that are nobody's."""
    lately = sa.select(Inbound.sid).where(Inbound.received_at > since)
    if subject == STRANGERS:
        return lately.where(Inbound.outcome == _UNKNOWN, Inbound.meaning.in_(_ASKS_FOR_SOMETHING))
    index = subject.partition(":")[2]
    return lately.where(Inbound.sender_index == index, Inbound.outcome == _NOT_THEIRS)
