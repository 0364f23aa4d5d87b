"""The supplier's record of texts beside ours: a call that was lost is made up for, and what then still differs is kept.

The supplier was asked before, with nothing open. The rule kept: a difference never makes anything be sent again; it is shown to a
person with ids, codes and times alone, and is over when it is found no more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from safety import delivery, duty, outbox
from safety.extensions import db
from safety.models import AlertKind, Channel, MessageState, Text, TextDifference
from safety.models.messages import Differs
from safety.sms import Listed

# A day is compared; the supplier is asked for an hour more, so that no text lies outside for one of us alone.
COMPARED = dt.timedelta(hours=24)
ASKED_BACK = dt.timedelta(hours=25)
# What was handed over so lately may not be on both records yet.
SETTLED = dt.timedelta(minutes=10)
# Of texts that are not on the supplier's list so many are asked for one by one, the newest first.
MOST_LOOKED_FOR = 50
SUBJECT = "supplier:record"


@dataclass(frozen=True)
class Compared:
    """What came of it. mend: texts that are final there and not here. differ: what cannot be mended, by the supplier's id."""

    mend: tuple[Listed, ...]
    differ: Mapping[str, tuple[Differs, str | None, str | None, dt.datetime | None]]


def unlisted(*, supplier: str, listed: Sequence[Listed], now: dt.datetime) -> list[str]:
    """The ids of texts this supplier took from us and does not list, MOST_LOOKED_FOR at most. Reads only.

    A list may be cut, or leave out what is still in a queue: whether the supplier has such a text, only asking for it tells.
    Calls stand on no list of texts: those of whose end nothing was heard are asked for too.
    """
    there = {one.sid for one in listed}
    ours = db.session.scalars(
        sa.select(Text.sid)
        .where(
            Text.supplier == supplier,
            sa.or_(Text.channel == Channel.TEXT, Text.state == MessageState.SENT),
            Text.sid.is_not(None),
            Text.sent_at > now - COMPARED,
            Text.sent_at <= now - SETTLED,
        )
        .order_by(Text.sent_at.desc())
    )
    return [sid for sid in ours if sid is not None and sid not in there][:MOST_LOOKED_FOR]


def compare(*, listed: Sequence[Listed], gone: Collection[str], now: dt.datetime) -> Compared:
    """Find what differs. gone: ids of ours the supplier says it has no text for. Reads only."""
    theirs = {one.sid: one for one in listed}
    rows = db.session.execute(
        sa.select(Text.sid, Text.state, Text.sent_at).where(Text.sid.in_([*theirs, *gone]))
    )
    ours = {sid: (MessageState(state), sent_at) for sid, state, sent_at in rows}
    mend: list[Listed] = []
    differ: dict[str, tuple[Differs, str | None, str | None, dt.datetime | None]] = {}
    for sid, one in theirs.items():
        settled = one.at is None or one.at <= now - SETTLED
        if sid not in ours:
            if settled and not one.trial:
                differ[sid] = (Differs.UNKNOWN_HERE, None, one.status, one.at)
            continue
        state, sent_at = ours[sid]
        means = outbox.means(one.status)
        if means not in outbox.FINAL or means == state:
            continue
        if state in outbox.FINAL:
            differ[sid] = (Differs.STATUS, state, one.status, one.at or sent_at)
        else:
            mend.append(one)
    for sid in gone:
        if sid in ours:
            state, sent_at = ours[sid]
            differ[sid] = (Differs.UNKNOWN_THERE, state, None, sent_at)
    return Compared(tuple(mend), differ)


def is_news(*, compared: Compared) -> bool:
    """Whether settle() would write anything; reads only, so that a round that finds nothing takes nobody's turn."""
    kept = {
        one.sid: (one.kind, one.ours, one.theirs) for one in db.session.scalars(sa.select(TextDifference))
    }
    found = {sid: (kind, ours, theirs) for sid, (kind, ours, theirs, _) in compared.differ.items()}
    return bool(compared.mend) or kept != found


def mend(*, compared: Compared, now: dt.datetime) -> None:
    """Mend what can be mended: it goes the way of any other word of the supplier's. The caller has begun a deciding write."""
    for one in compared.mend:
        delivery.receipt(sid=one.sid, status=one.status, error=one.error, now=now)


def settle(*, compared: Compared, now: dt.datetime) -> None:
    """Keep what differs, and raise or end the alert over it. The caller has begun a deciding write."""
    kept = {one.sid: one for one in db.session.scalars(sa.select(TextDifference))}
    for sid, row in kept.items():
        if sid not in compared.differ:
            db.session.delete(row)
    for sid, (kind, ours, theirs, at) in compared.differ.items():
        if (row_ := kept.get(sid)) is not None:
            row_.kind, row_.ours, row_.theirs = kind, ours, theirs
        else:
            db.session.add(
                TextDifference(sid=sid, kind=kind, ours=ours, theirs=theirs, taken_at=at, found_at=now)
            )
    if compared.differ:
        duty.raise_alert(kind=AlertKind.TEXTS_DIFFER, subject=SUBJECT, now=now)
    else:
        duty.end(kind=AlertKind.TEXTS_DIFFER, subject=SUBJECT, now=now)
    db.session.flush()


def differences() -> Sequence[TextDifference]:
    """What differs, as of the last round: the newest found first."""
    return db.session.scalars(
        sa.select(TextDifference).order_by(TextDifference.found_at.desc(), TextDifference.sid)
    ).all()
