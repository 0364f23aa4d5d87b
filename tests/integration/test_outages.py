"""A supplier in trouble, over a real socket: what becomes of the text, who is told at once, and that nobody else waits."""

from __future__ import annotations

import datetime as dt
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from bench.kills import time_passes
from safety import clock, jobs
from safety.extensions import db
from safety.models import AlertKind, Contact, Heartbeat, MessageState, Placement
from safety.sms.twilio import Twilio
from tests import factories, servers
from tests.conftest import settings_for
from tests.desk import MINUTE, SECOND, Desk, alerts, fresh, text, writing
from tests.factories import NOW
from tests.twilio_line import TwilioLine
from tests.visitor import Visitor, cheap_hashes

pytestmark = pytest.mark.xdist_group("processes")
AT_ONCE = [(AlertKind.SUPPLIER, "supplier")]


@pytest.fixture
def line() -> Iterator[TwilioLine]:
    with TwilioLine() as made:
        made.wire.clock = lambda: NOW
        yield made


def client_of(line: TwilioLine, **changes: str) -> Twilio:
    """Twilio's own client, which does not wait for long."""
    return Twilio(
        settings_for("sqlite:///unused.sqlite", **line.settings | {"TWILIO_TIMEOUT_S": "1"} | changes)
    )


@dataclass(frozen=True)
class Trouble:
    """What is wrong with the supplier, and where that leaves a text. asked: whether it is asked before it is sent to again."""

    state: MessageState
    error: str
    asked: bool
    alerts: list[tuple[str, str]] = field(default_factory=list)
    modes: tuple[Any, ...] = ()
    settings: Callable[[TwilioLine], dict[str, str]] = lambda _line: {}
    wait_s: int = 1


UNKNOWN, QUEUED = MessageState.UNKNOWN, MessageState.QUEUED
TROUBLES = {
    "500": Trouble(UNKNOWN, "500", asked=True, modes=(500,)),
    "503": Trouble(QUEUED, "503", asked=False, modes=(503,)),
    "too many requests": Trouble(QUEUED, "20429", asked=False, modes=((429, 20429),), wait_s=90),
    "it hangs": Trouble(UNKNOWN, "ReadTimeout", asked=True, modes=("timeout",)),
    "the line is cut": Trouble(UNKNOWN, "ConnectionError", asked=True, modes=("accept_then_drop",)),
    "no TLS": Trouble(
        UNKNOWN,
        "SSLError",
        asked=True,
        settings=lambda line: {"TWILIO_API_BASE": line.base.replace("http", "https")},
    ),
    "no such name": Trouble(
        UNKNOWN,
        "ConnectionError",
        asked=True,
        settings=lambda _line: {"TWILIO_API_BASE": "http://twilio.invalid"},
    ),
    "a key that is not ours": Trouble(
        QUEUED, "20003", asked=False, alerts=AT_ONCE, settings=lambda _line: {"TWILIO_KEY_SECRET": "another"}
    ),
    "no JSON": Trouble(UNKNOWN, "JSONDecodeError", asked=True, modes=("not_json",)),
}


@pytest.mark.parametrize("kind", TROUBLES)
def test_whatever_is_wrong_with_the_supplier_the_text_waits_and_then_goes_once(
    app: Flask, desk: Desk, line: TwilioLine, kind: str
) -> None:
    trouble = TROUBLES[kind]
    line.wire.modes, line.wire.retry_after = list(trouble.modes), "90"
    app.extensions["sms"] = troubled = client_of(line, **trouble.settings(line))
    queued = text(worth=60 * MINUTE, to="+447700900321")
    desk.round()
    troubled.close()
    assert (fresh(queued).state, queued.error) == (trouble.state, trouble.error)
    assert queued.next_try_at >= NOW + trouble.wait_s * SECOND
    assert alerts() == trouble.alerts
    line.enough.set()
    app.extensions["sms"] = well = client_of(line)
    desk.later(2 * MINUTE)
    line.outcomes.clear()
    desk.round()
    well.close()
    assert fresh(queued).state == MessageState.SENT
    assert alerts() == []
    assert [one["sid"] for one in line.outbound() if one["to"] == queued.to] == [queued.sid]
    assert (line.outcomes[0][0] == "GET") == trouble.asked
    assert line.problems == []


def test_while_the_supplier_hangs_the_pages_are_served_and_a_bed_is_held(
    app: Flask,
    client: FlaskClient,
    database_url: str,
    tmp_path: Path,
    line: TwilioLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cheap_hashes(monkeypatch)
    officer = factories.officer()
    factories.house()
    line.fate = lambda method: "timeout" if method == "POST" else "ok"
    text()
    sender = servers.jobs(database_url, tmp_path / "jobs.log", **line.settings, TWILIO_TIMEOUT_S="60")
    try:
        assert line.hanging.wait(60), sender.words()
        visitor = Visitor(client).sign_in(officer)
        visitor.get("/referrals")
        writing()
        factories.placement(by=officer)
        db.session.commit()
        visitor.get("/referrals")
        assert line.hanging.is_set()
        assert db.session.scalars(sa.select(Placement.state)).all() == ["held"]
    finally:
        sender.kill()


@pytest.mark.parametrize("mutant", [None, "no_fence"])
def test_a_sender_that_was_stopped_in_its_call_and_wakes_up_later_writes_nothing(
    database_url: str, app: Flask, tmp_path: Path, line: TwilioLine, mutant: str | None
) -> None:
    """While it lay there another took the text over and sent it. Its own call was refused: written down, that would mark the
    number as unreachable and call a coordinator. A sender without its fence does just that.
    """
    house = factories.house()
    queued = text(to=house.contacts[0].phone, worth=24 * 60 * MINUTE, now=clock.now())
    fates = iter(["timeout"])
    line.fate = lambda method: next(fates, "ok") if method == "POST" else "ok"
    line.at_last = (400, 21610)
    line.wire.clock = lambda: dt.datetime.now(dt.UTC)
    others = {job.name for job in jobs.JOBS} - {"outbox"}
    module = ["tests.mutants", mutant] if mutant else []
    settings = {**line.settings, "TWILIO_TIMEOUT_S": "30"}
    stopped = servers.jobs(database_url, tmp_path / "stopped.log", module=module, **settings)
    try:
        assert line.hanging.wait(60), stopped.words()
        # It must have nothing else in hand: on SQLite a process that lies there in the middle of a write keeps everybody waiting.
        until(lambda: others <= set(db.session.scalars(sa.select(Heartbeat.job))))
        os.kill(stopped.process.pid, signal.SIGSTOP)
        time_passes(leases=True)
        other = servers.jobs(database_url, tmp_path / "other.log", **settings)
        try:
            until(lambda: fresh(queued).state == MessageState.SENT)
        finally:
            other.stop()
        line.enough.set()
        os.kill(stopped.process.pid, signal.SIGCONT)
        # It finishes the round it was in, and leaves.
        assert stopped.stop() == 0, stopped.words()
    finally:
        stopped.kill()
    assert ("POST", (400, 21610)) in line.outcomes
    assert [one["sid"] for one in line.outbound() if one["to"] == queued.to] == [fresh(queued).sid]
    unreachable_at = db.session.scalars(sa.select(Contact.unreachable_at)).one()
    told = AlertKind.TEXT_FAILED in {kind for kind, _ in alerts()}
    written = (queued.state, unreachable_at, told)
    assert (written == (MessageState.SENT, None, False)) == (mutant is None), written


def until(so: Callable[[], bool]) -> None:
    """Look again until it is so. Raises AssertionError when it never is."""
    for _ in range(600):
        found = so()
        # What is looked at later must not be what stood here now.
        db.session.rollback()
        if found:
            return
        time.sleep(0.1)
    raise AssertionError("it never was so")
