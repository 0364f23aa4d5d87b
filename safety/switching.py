"""Which of two suppliers a text goes by: the first, unless it fails or is slow and the second is neither.

The rule is GOV.UK Notify's own between its suppliers, at our size: there more than 50 errors in a minute, or 15 of 100 texts slower
than 5 minutes within 15, shift the weight; here a minute may hold a handful of texts. Worked out from the rows each time, so any
number of processes comes to the same answer, and nobody has to switch back.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from safety import sms
from safety.extensions import db
from safety.models import Channel, MessageState, SupplierError, Text

# So many calls that failed within a minute, and none is handed to it until it was left in peace for some minutes.
ERRORS = 3
WITHIN = dt.timedelta(seconds=60)
LEFT_ALONE = dt.timedelta(minutes=5)
# So many texts, to as many telephones (one that is switched off says nothing of the supplier), and that share of all.
SLOW = 3
SLOW_SHARE = 0.15
SLOW_AFTER = dt.timedelta(minutes=5)
SLOW_WITHIN = dt.timedelta(minutes=15)
_MOST = 500
_KEPT = dt.timedelta(hours=24)


def failed(*, supplier: str, code: str, now: dt.datetime) -> None:
    """A call to this supplier failed, for a reason that is not the text's. The caller has begun a write."""
    db.session.add(SupplierError(supplier=supplier, code=code[:40], at=now))
    db.session.execute(sa.delete(SupplierError).where(SupplierError.at < now - _KEPT))
    db.session.flush()


def failing(*, supplier: str, now: dt.datetime) -> bool:
    """Whether ERRORS calls failed within a minute, and the last of such was less than LEFT_ALONE ago. Reads only."""
    times = db.session.scalars(
        sa.select(SupplierError.at)
        .where(
            SupplierError.supplier == supplier,
            SupplierError.at > now - LEFT_ALONE - WITHIN,
            SupplierError.at <= now,
        )
        .order_by(SupplierError.at.desc())
        .limit(_MOST)
    ).all()
    return any(
        last - first <= WITHIN and last > now - LEFT_ALONE
        for last, first in zip(times, times[ERRORS - 1 :], strict=False)
    )


def slow(*, supplier: str, now: dt.datetime) -> bool:
    """Whether, of the texts of the last 15 minutes, too many were not delivered within 5. Reads only."""
    rows = db.session.execute(
        sa.select(Text.to_index, Text.state, Text.sent_at, Text.settled_at).where(
            Text.supplier == supplier,
            Text.channel == Channel.TEXT,
            Text.sent_at > now - SLOW_WITHIN,
            Text.state.in_([MessageState.SENT, MessageState.DELIVERED]),
        )
    ).all()
    late = {
        number
        for number, _, sent_at, settled_at in rows
        if sent_at is not None and (settled_at or now) - sent_at > SLOW_AFTER
    }
    return len(late) >= SLOW and len(late) >= SLOW_SHARE * len({number for number, *_ in rows})


def bad(*, supplier: str, now: dt.datetime) -> bool:
    """Whether this supplier fails or is slow. Reads only."""
    return failing(supplier=supplier, now=now) or slow(supplier=supplier, now=now)


def chosen(*, now: dt.datetime) -> sms.Supplier:
    """The supplier the next text goes by. Never the second when both are bad: then nothing is gained. Reads only."""
    first, second = sms.supplier(), sms.second()
    if second is None or not bad(supplier=first.name, now=now) or bad(supplier=second.name, now=now):
        return first
    return second
