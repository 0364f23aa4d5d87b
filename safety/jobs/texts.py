"""Texts on a timer: those that go out, several in hand at a time, and those that came in and nobody brought us.

The rule kept: the supplier is called with nothing open, and each step of a text is a transaction of its own.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from flask import Flask, current_app

from safety import clock, delivery, failpoints, inbox, outbox, sms, switching
from safety.extensions import begin_write, db, reading
from safety.jobs.process import LeftAside, Process

log = logging.getLogger(__name__)

# The outbox shows that it lives at least this often, however long the queue.
_ROUND_S = 30.0
_PACE = dt.timedelta(seconds=1)
# How far back the supplier is asked for texts that came in.
_FETCH_BACK = dt.timedelta(hours=24)


def send(process: Process) -> None:
    """Hand over every text that is due, those whose worth ends first before the others, SMS_AT_ONCE at a time.

    A text is in hand for as long as the supplier takes to answer, most of which is waiting.
    """
    until = time.monotonic() + _ROUND_S
    if reading(lambda: delivery.untidy(now=clock.now())):
        begin_write()
        delivery.tidy(now=clock.now())
        db.session.commit()
    most: int = current_app.config["SMS_AT_ONCE"]
    more = max(0, reading(lambda: outbox.due(most=most, now=clock.now())) - 1)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with ThreadPoolExecutor(max(1, more)) as hands:
        others = [hands.submit(_beside, app, process, until) for _ in range(more)]
        _hand_over_what_is_due(process, until)
    for other in others:
        other.result()  # raises what went wrong there


def _beside(app: Flask, process: Process, until: float) -> None:
    """The same in a thread of its own, which has its own session."""
    with app.app_context():
        try:
            _hand_over_what_is_due(process, until)
        finally:
            db.session.remove()


def _hand_over_what_is_due(process: Process, until: float) -> None:
    """One text after another in three short steps: claim and commit, call the supplier with nothing open, record and commit."""
    while not process.stopping.is_set() and time.monotonic() < until:
        if not reading(lambda: outbox.due(now=clock.now())):
            return
        if reading(_fast_enough):
            process.stopping.wait(_PACE.total_seconds() / current_app.config["SMS_PER_SECOND"])
            continue
        begin_write(deciding=False)
        now = clock.now()
        errands = outbox.claim(
            owner=process.name,
            limit=1,
            lease_s=delivery.lease_s(),
            supplier=switching.chosen(now=now).name,
            now=now,
        )
        db.session.commit()
        for errand in errands:
            _hand_over(errand)


def _fast_enough() -> bool:
    """Whether all processes together hand over as many texts as the supplier takes in a second.

    Counted in the rows, so each hand that asks at the same moment may still add one; what is a little too much waits in the
    supplier's queue, where it would stand in order of age and not of worth.
    """
    lately = outbox.called_within(window=_PACE, lease_s=delivery.lease_s(), now=clock.now())
    most: int = current_app.config["SMS_PER_SECOND"]
    return lately >= most


def _hand_over(errand: outbox.Errand) -> None:
    failpoints.reach("outbox.claimed")
    at = clock.now()
    db.session.rollback()
    result = delivery.hand_over(errand=errand, now=at)
    failpoints.reach("outbox.called")
    begin_write(deciding=not result.well)
    delivery.record(errand=errand, result=result, now=clock.now())
    db.session.commit()
    failpoints.reach("outbox.recorded")


def fetch(process: Process) -> None:
    """Act on every text of the last day that the supplier has and did not bring us: it tries to once, and then forgets.

    The supplier is asked with nothing open, and each text is a transaction of its own, so that one that fails keeps none of the
    others. Raises LeftAside when one did, Refused and Unanswered as the supplier does: then no beat says that all is well.
    """
    now = clock.now()
    db.session.rollback()
    came = _came_in(process, now - _FETCH_BACK)
    had = reading(lambda: inbox.known(text.sid for text in came))
    left_aside = 0
    for text in came:
        if process.stopping.is_set():
            return
        if text.sid not in had and not _taken_in(text):
            left_aside += 1
    if left_aside:
        raise LeftAside(f"{left_aside} texts were left aside")


def _came_in(process: Process, since: dt.datetime) -> list[sms.Received]:
    """What the supplier has, unless it said how long to leave it alone and that is not over. Raises Refused, Unanswered."""
    if time.monotonic() < process.ask_again_at:
        raise sms.Refused("asked_to_wait")
    try:
        return sms.supplier().received(since=since)
    except sms.Refused as refused:
        process.ask_again_at = time.monotonic() + (refused.retry_after_s or 0)
        raise


def _taken_in(text: sms.Received) -> bool:
    """Act on one text as if the supplier had brought it; False when that failed, which is logged."""
    try:
        begin_write()
        inbox.receive(sid=text.sid, sender=text.sender, body=text.body, sent_at=text.sent_at, now=clock.now())
        db.session.commit()
    except Exception as problem:  # noqa: BLE001 - one bad text must not keep everybody else's
        db.session.rollback()
        log.error("jobs: the text %s was left aside: %s", text.sid, type(problem).__name__)  # noqa: TRY400
        return False
    return True
