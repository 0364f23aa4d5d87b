"""Houses whose word about their beds has gone stale are asked for it: by text, in their hours, and not too often.

The rule kept: whoever answers is left in peace. Twice without an answer and the next telephone of the house is asked, a third
time and a coordinator sees it; nobody is woken for it.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from flask import current_app

from safety import duty, messages, outbox, premises
from safety.extensions import db
from safety.models import AlertKind, Bedspace, Contact, Premises

ASK_AGAIN_AFTER = dt.timedelta(hours=4)
SAME_PHONE, MOST = 2, 3  # questions to whoever answers now; questions in all, the last to the next telephone


def due(*, now: dt.datetime) -> bool:
    """Whether any house is to be asked, or any alert raised or ended. Writes nothing."""
    return bool(_to_ask(now) or _to_alert(now) or _answered(now))


def ask(*, now: dt.datetime) -> int:
    """Ask every house that is due, once; returns how many texts were queued.

    Alerts of houses that said nothing three times are raised, and those whose cause is gone are ended. The caller has begun a
    deciding write, so that two processes do not both ask, and commits.
    """
    queued = 0
    for house in _to_ask(now):
        contact = _whom(house, now)
        house.figures_asked += 1
        house.figures_asked_at = now
        if contact is not None:
            _text(house, contact, now)
            queued += 1
    for house in _to_alert(now):
        duty.raise_alert(kind=AlertKind.STALE, subject=_subject(house), now=now)
    for subject in _answered(now):
        duty.end(kind=AlertKind.STALE, subject=subject, now=now)
    db.session.flush()
    return queued


def _stale(now: dt.datetime) -> sa.Select[Premises]:
    """Houses that people might be sent to and whose word is too old."""
    settings = current_app.config["SETTINGS"]
    before = now - dt.timedelta(hours=settings.STALE_H)
    rooms = sa.select(Bedspace.id).where(Bedspace.premises_id == Premises.id, Bedspace.retired_at.is_(None))
    return sa.select(Premises).where(
        # As Premises.accepts_at, in the database.
        sa.or_(Premises.accepting, Premises.accepting_until <= now),
        Premises.compromised_at.is_(None),
        sa.or_(Premises.reported_at.is_(None), Premises.reported_at <= before),
        rooms.exists(),
    )


def _waited(now: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.or_(Premises.figures_asked_at.is_(None), Premises.figures_asked_at <= now - ASK_AGAIN_AFTER)


def _to_ask(now: dt.datetime) -> list[Premises]:
    waiting = db.session.scalars(
        _stale(now).where(Premises.figures_asked < MOST, _waited(now)).order_by(Premises.id)
    )
    return [house for house in waiting if premises.within(house.questions_from, house.questions_to, now)]


def _to_alert(now: dt.datetime) -> list[Premises]:
    raised = duty.subjects(kind=AlertKind.STALE)
    silent = db.session.scalars(_stale(now).where(Premises.figures_asked >= MOST, _waited(now)))
    return [house for house in silent if _subject(house) not in raised]


def _answered(now: dt.datetime) -> set[str]:
    """The open alerts whose house answered, closed, or has no rooms any more."""
    raised = duty.subjects(kind=AlertKind.STALE)
    return raised - {_subject(house) for house in db.session.scalars(_stale(now))} if raised else raised


def _whom(house: Premises, now: dt.datetime) -> Contact | None:
    """Whoever answers now; once that was asked twice in vain, the next telephone."""
    telephones = premises.to_try(house, now)
    if house.figures_asked >= SAME_PHONE:
        telephones = telephones[1:]
    return next(iter(telephones), None)


def _text(house: Premises, contact: Contact, now: dt.datetime) -> None:
    matter = messages.Matter(
        words=premises.figures_words([house], now),
        group=house.groups[0].letter,
        ring=current_app.config["DUTY_NUMBER"],
    )
    outbox.queue(
        wording=messages.figures_asked,
        matter=matter,
        to=contact.phone,
        worthless_at=now + ASK_AGAIN_AFTER,
        now=now,
    )


def _subject(house: Premises) -> str:
    return f"premises:{house.id.hex}"
