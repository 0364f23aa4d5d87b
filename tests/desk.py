"""Texts handed over by hand, step by step, by a clock that only moves when told."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

import sqlalchemy as sa
from flask import Flask

from safety import delivery, duty, messages, outbox, sms
from safety.extensions import begin_write, db
from safety.messages import Matter
from safety.models import Text
from tests import factories
from tests.factories import NOW
from tests.fakes import FakeSupplier

SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)


def writing(*, deciding: bool = True) -> None:
    """Begin a write as a door does, leaving behind whatever the test has read."""
    db.session.rollback()
    begin_write(deciding=deciding)


@dataclass
class Desk:
    """A supplier and a clock that only moves when told."""

    supplier: FakeSupplier
    now: dt.datetime = NOW

    def round(self, owner: str = "one") -> int:
        """What one round of the jobs process does, at the desk's time; returns how many texts were in hand."""
        writing()
        delivery.tidy(now=self.now)
        db.session.commit()
        handled = 0
        while errands := claim(self.now, owner=owner, limit=5):
            for errand in errands:
                hand_over(errand, self.now)
                handled += 1
        return handled

    def later(self, span: dt.timedelta) -> None:
        self.now += span


def desk_of(app: Flask) -> Desk:
    """A desk whose supplier is the app's."""
    made = Desk(FakeSupplier(clock=lambda: NOW))
    made.supplier.clock = lambda: made.now
    app.extensions["sms"] = made.supplier
    return made


def text(
    *,
    worth: dt.timedelta = 15 * MINUTE,
    now: dt.datetime = NOW,
    critical: bool = False,
    to: str | None = None,
    ring: str = "0113 496 0100",
) -> Text:
    queued = outbox.queue(
        wording=messages.not_understood,
        matter=Matter(ring=ring),
        to=to or factories.phone(),
        worthless_at=now + worth,
        now=now,
        critical=critical,
    )
    db.session.commit()
    return queued


def claim(now: dt.datetime = NOW, *, owner: str = "one", limit: int = 1) -> list[outbox.Errand]:
    writing(deciding=False)
    errands = outbox.claim(owner=owner, limit=limit, lease_s=40, now=now)
    db.session.commit()
    return errands


def hand_over(errand: outbox.Errand, now: dt.datetime = NOW) -> Text | None:
    result = delivery.hand_over(errand=errand, now=now)
    writing()
    recorded = delivery.record(errand=errand, result=result, now=now)
    db.session.commit()
    return recorded


def receipt(sid: str, status: str, error: str | None = None, now: dt.datetime = NOW) -> Text | None:
    writing()
    moved = delivery.receipt(sid=sid, status=status, error=error, now=now)
    db.session.commit()
    return moved


def alerts() -> list[tuple[str, str]]:
    return [(alert.kind, alert.subject) for alert in duty.open_alerts()]


def fresh(row: Text) -> Text:
    db.session.refresh(row)
    return row


def storm(desk: Desk, dice: random.Random, texts: int) -> list[Text]:
    """Queue texts and hand them over while the supplier refuses, drops and hangs, and processes die at any point."""
    # Few numbers, and words that tell each text from every other.
    queued = [
        text(worth=dt.timedelta(hours=12), now=desk.now, ring=f"{number:011d}") for number in range(texts)
    ]
    for _ in range(400):
        for errand in claim(desk.now, owner=f"p{dice.random()}", limit=20):
            fate = dice.random()
            if fate < 0.05:
                continue  # killed after the claim
            desk.supplier.next = [dice.choices(["ok", "drop", "hang", sms.Refused("503")], [85, 5, 5, 5])[0]]
            result = delivery.hand_over(errand=errand, now=desk.now)
            desk.supplier.next = []
            if fate < 0.10:
                continue  # killed after the call
            writing()
            delivery.record(errand=errand, result=result, now=desk.now)
            db.session.commit()
        desk.later(7 * SECOND)
        waiting = sa.select(Text.id).where(
            Text.state.in_(["queued", "unknown", "sending"]), Text.wording == "not_understood"
        )
        if db.session.scalar(waiting.limit(1)) is None:
            break
        db.session.rollback()
    return queued
