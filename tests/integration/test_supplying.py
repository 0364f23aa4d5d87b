"""What is watched of the supplier: how fast and how much is handed over, and that it forgets words. On both databases."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from safety import create_app, jobs, outbox, sms
from safety.extensions import db
from safety.models import Heartbeat, MessageState, Text
from safety.sms.twilio import Twilio
from tests.conftest import settings_for
from tests.desk import MINUTE, SECOND, Desk, alerts, claim, desk_of, hand_over, receipt, text
from tests.factories import NOW
from tests.fakes import TWILIO, FakeTwilio
from tests.twilio_line import TwilioLine
from tests.visitor import StillClock, still_clock

HOUR = 60 * MINUTE
SPEND = ("spending_on_texts", "supplier:spending")


def went(name: str) -> bool:
    """One round of a job as the jobs process does it; whether it went well."""
    job = next(job for job in jobs.JOBS if job.name == name)
    return jobs.round_of(job, jobs.this_process(), anyway=True)


def fresh(row: Text) -> Text:
    """The row as it is committed."""
    db.session.rollback()
    return db.session.get_one(Text, row.id, populate_existing=True)


def kept(row: Text) -> Text:
    """The row as it stands now, which no round of a job takes away."""
    found = fresh(row)
    db.session.expunge(found)
    return found


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    return still_clock(monkeypatch, NOW)


@pytest.fixture
def desk(app: Flask, still: StillClock) -> Desk:
    made = desk_of(app)
    made.supplier.clock = lambda: still.at
    return made


# How fast


class Waiting(threading.Event):
    """A wait that moves a clock instead of anybody's time."""

    def __init__(self, still: StillClock) -> None:
        super().__init__()
        self.still = still
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waited.append(timeout)
        self.still.at += dt.timedelta(seconds=timeout)
        return False


def test_no_more_texts_a_second_are_handed_over_than_the_supplier_takes_and_none_is_left(
    app: Flask, desk: Desk, still: StillClock
) -> None:
    app.config["SMS_PER_SECOND"] = 2
    for _ in range(7):
        text(now=NOW)
    process = jobs.Process("one", Waiting(still), 0.0)
    jobs.send(process)
    at = [had.at - NOW for had in desk.supplier.has]
    assert len(at) == 7
    for first, third in zip(at, at[2:], strict=False):
        assert third - first >= SECOND
    assert at[-1] <= 4 * SECOND


def test_what_another_process_has_in_hand_counts(app: Flask, desk: Desk) -> None:
    text(now=NOW)
    (errand,) = claim(NOW, owner="other")
    count = {"window": SECOND, "lease_s": 40.0}  # what the desk claims for
    assert outbox.called_within(**count, now=NOW) == 1
    # An old call that hangs, and one that is over, are of no second but their own.
    assert outbox.called_within(**count, now=NOW + SECOND) == 0
    hand_over(errand, NOW + 2 * SECOND)
    assert outbox.called_within(**count, now=NOW + 2.5 * SECOND) == 1
    assert outbox.called_within(**count, now=NOW + 3 * SECOND) == 0


def test_the_worth_of_a_text_decides_who_waits(app: Flask, desk: Desk, still: StillClock) -> None:
    app.config["SMS_PER_SECOND"] = 1
    later, sooner = text(now=NOW, worth=HOUR), text(now=NOW, worth=5 * MINUTE)
    numbers = [sooner.to, later.to]
    jobs.send(jobs.Process("one", Waiting(still), 0.0))
    assert [had.to for had in desk.supplier.has] == numbers


def test_a_supplier_that_asks_for_time_gets_it(desk: Desk, still: StillClock) -> None:
    row = text(now=NOW)
    desk.supplier.next = [sms.Refused("20429", retry_after_s=30)]
    jobs.send(jobs.this_process())
    assert fresh(row).next_try_at >= NOW + 30 * SECOND
    still.at = NOW + 29 * SECOND
    jobs.send(jobs.this_process())
    assert desk.supplier.sends == 1
    still.at = NOW + 60 * SECOND
    jobs.send(jobs.this_process())
    assert fresh(row).state == MessageState.SENT


# How much


def test_more_texts_than_expected_reach_a_coordinator_and_none_is_held_back(
    app: Flask, desk: Desk, still: StillClock
) -> None:
    app.config["SMS_DAILY_TEXTS"] = 10
    for _ in range(10):
        text(now=NOW)
    desk.round()
    assert went("spending")
    assert alerts() == []
    text(now=NOW)
    desk.round()
    assert went("spending")
    assert went("spending")
    assert alerts() == [SPEND]
    # It can wait for daylight: nobody is texted about it, and texts go on.
    row = text(now=NOW)
    assert desk.round() == 1
    assert fresh(row).state == MessageState.SENT
    assert desk.supplier.sends == 12


def test_the_alert_over_spending_ends_with_a_day_of_clearly_fewer(
    app: Flask, desk: Desk, still: StillClock
) -> None:
    app.config["SMS_DAILY_TEXTS"] = 10
    for count in (2, 9):
        for _ in range(count):
            text(now=desk.now)
        desk.round()
        desk.later(HOUR)
    still.at = NOW + HOUR
    assert went("spending")
    assert alerts() == [SPEND]
    # The first two are a day old, then nine are left, which is a tenth below.
    still.at = NOW + 24 * HOUR - SECOND
    assert went("spending")
    assert alerts() == [SPEND]
    still.at = NOW + 24 * HOUR
    assert went("spending")
    assert alerts() == []


def test_just_below_the_limit_the_alert_stays(app: Flask, desk: Desk, still: StillClock) -> None:
    app.config["SMS_DAILY_TEXTS"] = 10
    for count in (1, 10):
        for _ in range(count):
            text(now=desk.now)
        desk.round()
        desk.later(HOUR)
    still.at = NOW + HOUR
    assert went("spending")
    still.at = NOW + 24 * HOUR
    assert went("spending")
    assert alerts() == [SPEND]


# Words that are forgotten


@pytest.fixture
def wire(still: StillClock) -> FakeTwilio:
    made = FakeTwilio()
    made.clock = lambda: still.at
    return made


def twilio_app(database_url: str, wire: FakeTwilio, **changes: str) -> Flask:
    settings = settings_for(database_url, **TWILIO, **changes)
    made = create_app(settings)
    made.extensions["sms"] = Twilio(settings, transport=wire)
    return made


@pytest.fixture
def real(database_url: str, wire: FakeTwilio) -> Iterator[Flask]:
    """An app that texts by Twilio, over the faked wire, and wants words forgotten."""
    made = twilio_app(database_url, wire, TWILIO_BLANK_BODIES="yes")
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


def over(wire: FakeTwilio, *words: str) -> list[Text]:
    """Texts that Twilio took and that became what `words` say."""
    rows = [text(now=NOW) for _ in words]
    jobs.send(jobs.this_process())
    for row, word in zip(rows, words, strict=True):
        next(one for one in wire.has if one["sid"] == fresh(row).sid)["status"] = word
        receipt(str(row.sid), word)
    return [kept(row) for row in rows]


def bodies(wire: FakeTwilio) -> list[bool]:
    """Whether Twilio still has the words, text by text."""
    return [bool(one["body"]) for one in wire.has]


def test_twilio_forgets_the_words_of_a_text_that_is_over_and_only_of_those(
    real: Flask, wire: FakeTwilio
) -> None:
    rows = over(wire, "delivered", "undelivered", "sent")
    assert all(bodies(wire))
    before = len(wire.requests)
    assert went("blank")
    assert [bool(one["body"]) for one in wire.has if one["status"] != "sent"] == [False, False]
    assert sum(bodies(wire)) == 1
    assert {call[2]["Body"] for call in wire.requests[before:]} == {""}
    # Ours are kept, and nobody is asked twice.
    assert went("blank")
    assert len(wire.requests) == before + 2
    assert [fresh(row).blanked_at for row in rows] == [NOW, NOW, None]
    assert all(fresh(row).body for row in rows)


def test_without_the_setting_twilio_keeps_them(
    database_url: str, wire: FakeTwilio, still: StillClock
) -> None:
    made = twilio_app(database_url, wire)
    with made.app_context():
        over(wire, "delivered")
        assert went("blank")
        assert all(bodies(wire))
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize("mode", ["timeout", 500, (429, 20429), (401, 20003)])
def test_what_could_not_be_forgotten_is_tried_again(real: Flask, wire: FakeTwilio, mode: Any) -> None:
    over(wire, "delivered", "delivered")
    before = len(wire.requests)
    wire.modes = [mode]
    assert not went("blank")
    # Whoever refuses us or says nothing is left alone until the next round.
    assert len(wire.requests) == before + 1
    assert went("blank")
    assert not any(bodies(wire))


def test_one_text_that_is_refused_keeps_no_other(real: Flask, wire: FakeTwilio, still: StillClock) -> None:
    first, second = over(wire, "delivered", "delivered")
    stuck = next(one for one in wire.has if one["sid"] == first.sid)
    stuck["status"] = "sending"  # over for us, and not for them
    assert not went("blank")
    assert db.session.get(Heartbeat, "blank") is None
    assert fresh(second).blanked_at == NOW
    assert fresh(first).blanked_at is None
    stuck["status"] = "delivered"
    assert went("blank")
    assert fresh(first).blanked_at == NOW


def test_what_twilio_does_not_have_is_as_good_as_forgotten(real: Flask, wire: FakeTwilio) -> None:
    (row,) = over(wire, "delivered")
    wire.has.clear()
    assert went("blank")
    assert fresh(row).blanked_at == NOW


# Nothing personal in a log

CANARY = "+447700900997"
LIBRARIES = ("twilio", "twilio.http_client", "urllib3", "requests")


def spoken(line: TwilioLine) -> str:
    """Every kind of call to Twilio over a real socket, about one number and one text; the words of the text."""
    body = "Places of Safety: a canary sings"
    twilio = Twilio(settings_for("sqlite:///unused.sqlite", **line.settings))
    try:
        sent = twilio.send(to=CANARY, body=body, validity_s=60, callback_url="https://pos.example/x")
        twilio.find(to=CANARY, body=body, since=NOW - HOUR)
        twilio.received(since=NOW - HOUR)
        twilio.listed(since=NOW - HOUR)
        twilio.look(sid=sent.sid)
        line.wire.has[0]["status"] = "delivered"
        twilio.blank(sid=sent.sid)
        line.fate = lambda _: (400, 21211)
        with pytest.raises(sms.Refused):
            twilio.send(to=CANARY, body=body, validity_s=60, callback_url="https://pos.example/x")
        with pytest.raises(sms.Refused):
            twilio.find(to=CANARY, body=body, since=NOW - HOUR)
    finally:
        twilio.close()
    return body


@pytest.fixture
def quiet() -> Iterator[None]:
    """The loggers of the libraries as they were, afterwards."""
    before = {name: logging.getLogger(name).level for name in LIBRARIES}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("quiet")
def test_no_number_and_no_word_of_a_text_stands_in_a_log_of_any_library(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with TwilioLine() as line:
        body = spoken(line)
    assert line.problems == []
    for found in ("7700900997", "canary"):
        assert found not in caplog.text
    assert body


@pytest.mark.usefixtures("quiet")
def test_the_canary_is_heard_where_a_library_may_speak(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.Logger, "setLevel", lambda *_: None)
    for name in LIBRARIES:
        logging.getLogger(name).level = logging.NOTSET
    caplog.handler.level = logging.DEBUG
    logging.getLogger().level, before = logging.DEBUG, logging.getLogger().level
    logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]
    try:
        with TwilioLine() as line:
            spoken(line)
    finally:
        logging.getLogger().level = before
        logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]
    assert "7700900997" in caplog.text
