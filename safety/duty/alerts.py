"""Alerts: raised by a cause, taken by one person, over when the cause is.

An alert never ends by a tick: whoever removes its cause calls end().
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import joinedload

from safety import audit, messages, outbox
from safety.crypto import ring
from safety.duty import ladder
from safety.extensions import db
from safety.models import Alert, AlertKind, Referral, Text
from safety.models.alerts import ALERT_WORDS, URGENT

_WORTH_H = 4


def raise_alert(
    *, kind: AlertKind, subject: str, referral: Referral | None = None, now: dt.datetime
) -> Alert:
    """Raise an alert, or find it already raised: one open alert a kind and subject.

    subject: "referral:<hex>", "text:<hex>" or a word. An urgent one is texted to whoever is on call in the same transaction.
    """
    found = standing(kind=kind, subject=subject)
    if found is not None:
        return found
    alert = Alert(
        kind=kind,
        subject=subject,
        referral_id=referral.id if referral else None,
        urgent=kind in URGENT,
        code=_free_code(),
        raised_at=now,
    )
    db.session.add(alert)
    facts = {"kind": str(kind), "alert": alert.id}
    audit.record(what="alert", by="clock", now=now, referral_id=alert.referral_id, facts=facts)
    db.session.flush()
    if alert.urgent and alert.code:
        _text(alert, range(1, 2), now)
    return alert


def standing(*, kind: AlertKind, subject: str) -> Alert | None:
    """The open alert of this kind and subject, if there is one."""
    return db.session.scalars(_open().where(Alert.kind == kind, Alert.subject == subject)).first()


def subjects(*, kind: AlertKind) -> set[str]:
    """What the open alerts of this kind are about."""
    return set(
        db.session.scalars(sa.select(Alert.subject).where(Alert.kind == kind, Alert.ended_at.is_(None)))
    )


def about(*, kind: AlertKind, referral_id: uuid.UUID) -> Sequence[Alert]:
    """The open alerts of this kind about a referral, whatever their subject."""
    return db.session.scalars(_open().where(Alert.kind == kind, Alert.referral_id == referral_id)).all()


def end(*, kind: AlertKind, subject: str, now: dt.datetime) -> None:
    """The cause is gone: end the open alert of this kind and subject, if there is one."""
    for alert in db.session.scalars(_open().where(Alert.kind == kind, Alert.subject == subject)).all():
        alert.ended_at = now
        _heard(alert, now)
    db.session.flush()


def needs_hearing(alert: Alert) -> bool:
    """Whether somebody has still to hear of this alert: it is not over, and nobody has taken it."""
    return alert.ended_at is None and alert.claimed_by is None


def _heard(alert: Alert, now: dt.datetime) -> None:
    """Nobody has to hear of an alert any more, so a text about it that was lost needs nobody either."""
    texts = db.session.scalars(sa.select(Text.id).where(Text.alert_id == alert.id))
    lost = _open().where(
        Alert.kind == AlertKind.TEXT_FAILED, Alert.subject.in_([f"text:{text.hex}" for text in texts])
    )
    for failed in db.session.scalars(lost):
        failed.ended_at = now


def claim(*, code: str, by: str, now: dt.datetime) -> Alert | None:
    """Take the open alert with this code, for one person only.

    Returns it when it is now this person's (or was already); None when somebody else has it or it is over.
    """
    alert = db.session.scalars(_open().where(Alert.code == code)).first()
    return take(alert=alert, by=by, now=now) if alert is not None else None


def take(*, alert: Alert, by: str, now: dt.datetime) -> Alert | None:
    """Take an open alert, for one person only; None when somebody else has it or it is over."""
    if alert.ended_at is not None or (alert.claimed_by is not None and alert.claimed_by != by):
        return None
    if alert.claimed_by is None:
        alert.claimed_at, alert.claimed_by = now, by
        _heard(alert, now)
        audit.record(
            what="alert_claimed", by=by, now=now, referral_id=alert.referral_id, facts={"alert": alert.id}
        )
        db.session.flush()
    return alert


def release(*, taken_by: str, by: str, now: dt.datetime) -> int:
    """Whoever took these alerts cannot act on them any more: each is open to take again, and the ladder begins anew for it.

    taken_by: who they signed as. Returns how many there were.
    """
    found = db.session.scalars(_open().where(Alert.claimed_by == taken_by)).all()
    for alert in found:
        alert.claimed_at = alert.claimed_by = None
        alert.texted = 0
        facts = {"alert": alert.id, "kind": alert.kind}
        audit.record(what="alert_released", by=by, now=now, referral_id=alert.referral_id, facts=facts)
    db.session.flush()
    return len(found)


def climb(*, now: dt.datetime) -> int:
    """Text every urgent alert nobody has taken on, at each step of LADDER_MIN to whoever's turn it is (ladder.whom).

    Returns how many texts were queued. Steps that were missed are made up for in one.
    """
    queued = 0
    for alert in db.session.scalars(_open().where(Alert.urgent, Alert.claimed_by.is_(None))):
        due = ladder.reached(alert.raised_at, now)
        if due > alert.texted and alert.code:
            queued += _text(alert, range(alert.texted + 1, due + 1), now)
    return queued


def open_alerts() -> Sequence[Alert]:
    """Every open alert, urgent first, then the worst kind, then the oldest."""
    order = {kind: place for place, kind in enumerate(AlertKind)}
    alerts = db.session.scalars(_open().options(joinedload(Alert.referral))).all()
    return sorted(alerts, key=lambda alert: (not alert.urgent, order[AlertKind(alert.kind)], alert.raised_at))


def _open() -> sa.Select[Alert]:
    return sa.select(Alert).where(Alert.ended_at.is_(None))


def _free_code() -> str | None:
    taken = set(db.session.scalars(sa.select(Alert.code).where(Alert.ended_at.is_(None))))
    free = [code for code in range(100, 1000) if str(code) not in taken]
    return str(secrets.choice(free)) if free else None


def _told(alert: Alert) -> set[str]:
    """The fingerprints of the numbers that were texted about an alert."""
    return set(db.session.scalars(sa.select(Text.to_index).where(Text.alert_id == alert.id)))


def _text(alert: Alert, steps: range, now: dt.datetime) -> int:
    """Text an alert to whoever these steps of the ladder lead to, each number once; returns how many."""
    referral = alert.referral or (db.session.get(Referral, alert.referral_id) if alert.referral_id else None)
    matter = messages.Matter(
        reference=referral.spoken if referral else "",
        code=alert.code or "",
        words=ALERT_WORDS[AlertKind(alert.kind)],
        ring=current_app.config["DUTY_NUMBER"],
    )
    told = _told(alert)
    numbers: dict[str, None] = {}
    for step in steps:
        these = ladder.whom(step=step, told=told, now=now)
        numbers |= dict.fromkeys(these)
        told |= {ring().index("phone", number) for number in these}
    for number in numbers:
        outbox.queue(
            wording=messages.urgent,
            matter=matter,
            to=number,
            worthless_at=now + dt.timedelta(hours=_WORTH_H),
            now=now,
            # A failed text about a failed text would raise itself for ever.
            critical=alert.kind not in (AlertKind.TEXT_FAILED, AlertKind.SUPPLIER),
            referral_id=alert.referral_id,
            alert_id=alert.id,
        )
    alert.texted = steps[-1]
    db.session.flush()
    return len(numbers)
