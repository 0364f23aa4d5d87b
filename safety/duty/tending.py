"""What the duty line does by itself: it looks a week ahead for gaps in the rota, and tells once a day what can wait.

The rule kept: what can wait wakes nobody. One text at 08:00 to whoever is on call, with counts and nothing else.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter

import sqlalchemy as sa
from flask import current_app

from safety import messages, outbox, workdays
from safety.duty import alerts, ladder, rota
from safety.extensions import db
from safety.models import Alert, AlertKind, Digest
from safety.models.alerts import DIGEST_WORDS

ROTA = "rota"
DIGEST_AT = dt.time(8)
# A digest that could not be sent in the morning is still worth something in the afternoon.
_WORTH = dt.timedelta(hours=12)


def due(*, now: dt.datetime) -> bool:
    """Whether tend() would do anything; reads only."""
    return _gap_amiss(now) or _digest_due(now) is not None


def tend(*, now: dt.datetime) -> None:
    """Raise or end the alert over a gap in the rota, and send the digest of the day.

    The caller has begun a deciding write, so that two processes do neither twice, and commits.
    """
    if _gap_amiss(now):
        if alerts.standing(kind=AlertKind.ROTA_GAP, subject=ROTA) is None:
            alerts.raise_alert(kind=AlertKind.ROTA_GAP, subject=ROTA, now=now)
        else:
            alerts.end(kind=AlertKind.ROTA_GAP, subject=ROTA, now=now)
    day = _digest_due(now)
    if day is not None:
        _digest(day, now)


def gaps_ahead(*, now: dt.datetime) -> list[rota.Gap]:
    """When nobody is on call in the next ROTA_AHEAD_DAYS days."""
    return rota.gaps(start=now, end=looked_until(now=now))


def looked_until(*, now: dt.datetime) -> dt.datetime:
    """How far ahead a gap is looked for: one that ends here may go on."""
    return now + dt.timedelta(days=current_app.config["ROTA_AHEAD_DAYS"])


def _gap_amiss(now: dt.datetime) -> bool:
    """Whether there is a gap and no alert over it, or the other way round."""
    return bool(gaps_ahead(now=now)) != bool(alerts.subjects(kind=AlertKind.ROTA_GAP))


def _digest_due(now: dt.datetime) -> dt.date | None:
    """The day whose digest is to be sent now; None when it is too early, too late or done."""
    day = workdays.uk(now).date()
    begins = workdays.local(day, DIGEST_AT)
    if not begins <= now < begins + _WORTH or db.session.get(Digest, day) is not None:
        return None
    return day


def _digest(day: dt.date, now: dt.datetime) -> None:
    """Tell what can wait and nobody has taken. A day with nothing to tell is done as well: no text comes later in it."""
    waiting = Counter(
        AlertKind(kind)
        for kind in db.session.scalars(
            sa.select(Alert.kind).where(Alert.ended_at.is_(None), ~Alert.urgent, Alert.claimed_by.is_(None))
        )
    )
    db.session.add(Digest(day=day, at=now, things=waiting.total()))
    if waiting:
        outbox.queue(
            wording=messages.digest,
            matter=messages.Matter(words=summed(waiting), ring=current_app.config["DUTY_NUMBER"]),
            to=ladder.on_call(now=now),
            worthless_at=workdays.local(day, DIGEST_AT) + _WORTH,
            now=now,
        )
    db.session.flush()


def summed(waiting: Counter[AlertKind]) -> str:
    """What waits, worst first, in as many words as the text has room for: "3 things for the day: 2 stays over, 1 house stale"."""
    things = waiting.total()
    said = f"{things} thing{'s' if things != 1 else ''} for the day: "
    parts = [
        f"{waiting[kind]} {DIGEST_WORDS[kind][waiting[kind] != 1]}" for kind in AlertKind if waiting[kind]
    ]
    for shown in range(len(parts), 0, -1):
        left = sum(waiting[kind] for kind in [kind for kind in AlertKind if waiting[kind]][shown:])
        words = said + ", ".join(parts[:shown]) + (f", {left} more" if left else "")
        if len(words) <= messages.DIGEST_ROOM:
            return words
    raise AssertionError("the first line of a digest always has room")
