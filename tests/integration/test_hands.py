"""Several texts in hand at a time: as many as were said, each text once, and what goes wrong with one keeps no other."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import clock, jobs, messages, outbox
from safety.extensions import begin_write, db
from safety.jobs import texts
from safety.models import MessageState, Text
from safety.sms import Sent
from safety.sms.simulator import Simulator

HANDS = 4


class Line(Simulator):
    """A supplier that keeps everybody waiting until `together` are on the line, and counts whom it was given."""

    def __init__(self, together: int = 1) -> None:
        self.met = threading.Barrier(together)
        self.given: Counter[str] = Counter()
        self.turn = threading.Lock()
        self.breaks_for: str | None = None

    def send(self, *, to: str, body: str, validity_s: int, callback_url: str, reference: str = "") -> Sent:
        self.met.wait(timeout=20)
        with self.turn:
            self.given[to] += 1
            if to == self.breaks_for:
                raise ZeroDivisionError
            return Sent(sid=f"SM{len(self.given):032x}", status="queued")


def queued(many: int) -> list[str]:
    begin_write()
    numbers = [f"+4477009{number:05}" for number in range(many)]
    now = clock.now()
    for number in numbers:
        outbox.queue(
            wording=messages.not_understood,
            matter=messages.Matter(ring="0113 496 0100"),
            to=number,
            worthless_at=now + dt.timedelta(hours=1),
            now=now,
        )
    db.session.commit()
    return numbers


def at_once(app: Flask, hands: int, line: Line) -> Line:
    app.config["SMS_AT_ONCE"] = hands
    app.extensions["sms"] = line
    return line


def states() -> Counter[str]:
    db.session.rollback()
    return Counter(db.session.scalars(sa.select(Text.state)))


def test_as_many_are_in_hand_at_a_time_as_was_said(app: Flask) -> None:
    line = at_once(app, HANDS, Line(together=HANDS))  # nobody's call ends before the others' have begun
    numbers = queued(2 * HANDS)
    jobs.send(jobs.this_process())
    assert line.given == Counter(numbers) and states() == {MessageState.SENT: 2 * HANDS}


def test_many_hands_of_two_processes_hand_over_each_text_once(app: Flask) -> None:
    line = at_once(app, HANDS, Line())
    numbers = queued(60)
    wrong: list[BaseException] = []

    def process() -> None:
        with app.app_context():
            try:
                jobs.send(jobs.this_process())
            except BaseException as problem:
                wrong.append(problem)
            finally:
                db.session.remove()

    both = [threading.Thread(target=process) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert wrong == [] and line.given == Counter(numbers) and states() == {MessageState.SENT: 60}


def test_what_goes_wrong_in_one_hand_is_said_and_keeps_no_other(app: Flask) -> None:
    line = at_once(app, HANDS, Line(together=HANDS))
    numbers = queued(HANDS)
    line.breaks_for = numbers[-1]
    with pytest.raises(ZeroDivisionError):
        jobs.send(jobs.this_process())
    assert states() == {MessageState.SENT: HANDS - 1, MessageState.SENDING: 1}


def test_one_text_takes_one_hand(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(app, HANDS, Line())
    queued(1)
    begun: list[object] = []
    monkeypatch.setattr(texts, "_beside", lambda *given: begun.append(given))
    jobs.send(jobs.this_process())
    assert begun == [] and states() == {MessageState.SENT: 1}
