"""How quickly texts are handed over and delivered, and why some are not: counted from the texts themselves each time.

No number and no word of a text is looked at. Delays are counted by the tenth of a second, so that a month of any size is a few
hundred rows of counts.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from safety import outbox
from safety.extensions import db
from safety.models import Channel, MessageState, Text

DAY = dt.timedelta(hours=24)
MONTH = dt.timedelta(days=30)
# GOV.UK Notify promises 95 of 100 texts within so long, and says every day how many it was.
PROMISED_S = 10.0


@dataclass(frozen=True)
class Delays:
    """How long something took. `tenths`: tenths of a second -> how many texts took so long."""

    tenths: Mapping[int, int]

    @property
    def count(self) -> int:
        """How many texts there are."""
        return sum(self.tenths.values())

    def within_s(self, share: float) -> float | None:
        """The seconds within which this share of them was done (nearest rank), None without any. share: 0 to 1."""
        rank = max(1, math.ceil(share * self.count))
        for tenth in sorted(self.tenths):
            rank -= self.tenths[tenth]
            if rank <= 0:
                return tenth / 10
        return None

    def done_in(self, seconds: float) -> int:
        """How many took no longer."""
        return sum(many for tenth, many in self.tenths.items() if tenth <= seconds * 10)


@dataclass(frozen=True)
class Fate:
    """What became of the texts of one supplier (None: those no supplier took). `lost`: (state, code) -> how many."""

    handed_over: Delays
    delivered: Delays
    on_the_way: int
    lost: Mapping[tuple[str, str | None], int]


@dataclass(frozen=True)
class Spell:
    """The texts queued since `since`, by supplier and all together."""

    since: dt.datetime
    suppliers: Mapping[str, Fate]
    total: Fate
    waiting: int  # still to be handed over


@dataclass(frozen=True)
class Waiting:
    """Texts that are to be handed over now. since: when the oldest of them was queued."""

    count: int
    since: dt.datetime | None


def spells(*, now: dt.datetime) -> tuple[Spell, Spell]:
    """The last 24 hours and the last 30 days up to `now`, in three queries."""
    lately = sa.case((Text.queued_at > now - DAY, 1), else_=0)
    begun = _delays(lately, Text.sent_at, now, Text.sent_at.is_not(None))
    done = _delays(lately, Text.settled_at, now, Text.state == MessageState.DELIVERED)
    ends = db.session.execute(
        sa.select(lately, Text.supplier, Text.state, Text.error, sa.func.count())
        .where(Text.queued_at > now - MONTH, Text.channel == Channel.TEXT)
        .group_by(lately, Text.supplier, Text.state, Text.error)
    ).all()
    return (
        _spell(now - DAY, begun, done, [tuple(row) for row in ends if row[0]], only_lately=True),
        _spell(now - MONTH, begun, done, [tuple(row) for row in ends], only_lately=False),
    )


def waiting() -> Waiting:
    """How many texts are to be handed over now, and since when the oldest waits."""
    states = (*outbox.WAITING, MessageState.SENDING)
    count, since = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(Text.queued_at)).where(Text.state.in_(states))
    ).one()
    return Waiting(count, since)


Moment = orm.InstrumentedAttribute[dt.datetime | None]
# (lately, supplier) -> tenths of a second -> how many
_Counts = dict[tuple[int, str], Counter[int]]


def _delays(
    lately: sa.ColumnElement[int],
    until: Moment,
    now: dt.datetime,
    which: sa.ColumnElement[bool],
) -> _Counts:
    tenths = sa.cast(sa.func.round(_seconds(until) * 10), sa.Integer)
    rows = db.session.execute(
        sa.select(lately, Text.supplier, tenths, sa.func.count())
        .where(Text.queued_at > now - MONTH, Text.channel == Channel.TEXT, which)
        .group_by(lately, Text.supplier, tenths)
    )
    counts: _Counts = {}
    for recent, supplier, tenth, many in rows:
        counts.setdefault((recent, supplier or ""), Counter())[max(0, tenth)] += many
    return counts


def _seconds(until: Moment) -> sa.ColumnElement[float]:
    """Seconds from a text's queueing to then, as each database counts them."""
    if db.session.get_bind().dialect.name == "sqlite":
        return (sa.func.julianday(until) - sa.func.julianday(Text.queued_at)) * 86400
    return sa.cast(sa.extract("epoch", until - Text.queued_at), sa.Float)


def _spell(
    since: dt.datetime,
    begun: _Counts,
    done: _Counts,
    ends: Sequence[tuple[int, str | None, str, str | None, int]],
    *,
    only_lately: bool,
) -> Spell:
    wanted = (1,) if only_lately else (0, 1)

    def fate(names: set[str]) -> Fate:
        lost: Counter[tuple[str, str | None]] = Counter()
        on_the_way = 0
        for _, supplier, state, error, many in ends:
            if (supplier or "") not in names:
                continue
            if state in outbox.LOST:
                lost[state, error] += many
            elif state == MessageState.SENT:
                on_the_way += many
        return Fate(_together(begun, wanted, names), _together(done, wanted, names), on_the_way, lost)

    names = {supplier or "" for _, supplier, _, _, _ in ends}
    waits = sum(many for _, _, state, _, many in ends if state in (*outbox.WAITING, MessageState.SENDING))
    return Spell(since, {name: fate({name}) for name in sorted(names) if name}, fate(names), waits)


def _together(counts: _Counts, wanted: Sequence[int], names: set[str]) -> Delays:
    tenths: Counter[int] = Counter()
    for (recent, name), found in counts.items():
        if recent in wanted and name in names:
            tenths.update(found)
    return Delays(tenths)
