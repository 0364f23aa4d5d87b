"""Two suppliers: texts go by the first, by the second while that fails, and back. On both databases."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from safety import create_app, delivery, jobs, messages, outbox, reconciliation, sms, switching
from safety.extensions import db
from safety.messages import Matter
from safety.models import MessageState, Receipt, SupplierError, Text
from safety.sms.notify import Notify
from tests import factories
from tests.conftest import settings_for
from tests.desk import MINUTE, SECOND, hand_over, text, writing
from tests.factories import NOW
from tests.fakes import TWILIO, FakeSupplier
from tests.notify_line import TOKEN, NotifyLine
from tests.visitor import StillClock, Visitor, cheap_hashes, still_clock, words

HOUR = 60 * MINUTE
NUMBER = "+447700900321"
BODY = "Places of Safety: hello. Ring 0113 496 0100"


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    return still_clock(monkeypatch, NOW)


class Pair:
    """A first and a second supplier of an app, and the time by which texts are handed over."""

    def __init__(self, app: Flask, still: StillClock) -> None:
        self.still = still
        self.first = FakeSupplier(clock=lambda: still.at, name="first")
        self.second = FakeSupplier(clock=lambda: still.at, name="second", receives=False)
        self.second.sends = 1000  # ids of its own
        app.extensions["sms"], app.extensions["sms_second"] = self.first, self.second

    def send(self, many: int = 1) -> list[uuid.UUID]:
        """Queue so many texts and hand over what is due, as the jobs process does."""
        ids = [text(now=self.still.at).id for _ in range(many)]
        jobs.send(jobs.this_process())
        db.session.rollback()
        return ids

    def fails(self, times: int) -> None:
        """The first refuses the next calls, each a second after the other."""
        for _ in range(times):
            self.first.next = [sms.Refused("503")]
            self.send()
            self.still.at += SECOND

    @property
    def chosen(self) -> str:
        db.session.rollback()
        return switching.chosen(now=self.still.at).name


@pytest.fixture
def pair(app: Flask, still: StillClock) -> Pair:
    return Pair(app, still)


def fresh(text_id: uuid.UUID) -> Text:
    db.session.rollback()
    return db.session.get_one(Text, text_id, populate_existing=True)


def test_a_first_that_fails_is_left_within_a_minute_and_come_back_to(pair: Pair, still: StillClock) -> None:
    began = still.at
    pair.fails(3)
    assert pair.chosen == "second"
    assert still.at - began <= MINUTE
    before = pair.first.sends
    (row,) = pair.send()
    assert (fresh(row).supplier, fresh(row).state) == ("second", MessageState.SENT)
    assert pair.first.sends == before
    # What the first refused goes by the second too: nobody had it.
    still.at += 10 * SECOND
    pair.send()
    assert set(db.session.scalars(sa.select(Text.state))) == {"sent"}
    assert set(db.session.scalars(sa.select(Text.supplier))) == {"second"}
    # Left in peace for five minutes it is tried again, and serves.
    still.at = began + 2 * SECOND + switching.LEFT_ALONE
    assert pair.chosen == "first"
    (row,) = pair.send()
    assert fresh(row).supplier == "first"


def test_two_failures_are_bad_luck_and_three_spread_over_minutes_too(pair: Pair, still: StillClock) -> None:
    pair.fails(2)
    assert pair.chosen == "first"
    still.at += MINUTE
    writing()
    switching.failed(supplier="first", code="503", now=still.at)
    db.session.commit()
    assert pair.chosen == "first"


def test_what_is_wrong_with_a_text_is_no_failure_of_the_supplier(pair: Pair) -> None:
    pair.first.next = [sms.Refused("21614", permanent=True, unreachable=True)] * 5
    pair.send(5)
    assert pair.chosen == "first"
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SupplierError)) == 0


def test_when_both_fail_nothing_is_gained_by_the_second(pair: Pair, still: StillClock) -> None:
    pair.fails(3)
    writing()
    for _ in range(3):
        switching.failed(supplier="second", code="503", now=still.at)
    db.session.commit()
    assert pair.chosen == "first"


@pytest.mark.parametrize(("late", "quick", "chosen"), [(3, 0, "second"), (2, 0, "first"), (3, 18, "first")])
def test_a_slow_first_is_left_until_its_slow_texts_are_old(
    pair: Pair, still: StillClock, late: int, quick: int, chosen: str
) -> None:
    rows = pair.send(late + quick)
    for row in rows[late:]:
        writing()
        delivery.receipt(sid=str(fresh(row).sid), status="delivered", error=None, now=NOW + SECOND)
        db.session.commit()
    still.at = NOW + switching.SLOW_AFTER
    assert pair.chosen == "first"
    still.at += SECOND
    assert pair.chosen == chosen
    still.at = NOW + switching.SLOW_WITHIN
    assert pair.chosen == "first"


def test_one_telephone_that_is_switched_off_does_not_make_a_supplier_slow(
    pair: Pair, still: StillClock
) -> None:
    for _ in range(5):
        text(now=NOW, to=NUMBER)
    jobs.send(jobs.this_process())
    still.at = NOW + 6 * MINUTE
    assert pair.chosen == "first"


def test_an_unanswered_text_is_asked_about_where_it_was_first_handed_over(
    pair: Pair, still: StillClock
) -> None:
    pair.first.next = ["drop"]
    (row,) = pair.send()
    assert (fresh(row).supplier, fresh(row).state) == ("first", MessageState.UNKNOWN)
    pair.fails(3)
    assert pair.chosen == "second"
    still.at += 30 * SECOND
    pair.first.next_find = []
    pair.send()
    assert (fresh(row).supplier, fresh(row).state) == ("first", MessageState.SENT)
    to = fresh(row).to
    assert pair.second.sends_to(to) == 0
    assert pair.first.sends_to(to) == 1


def test_what_the_first_says_it_does_not_have_goes_by_the_second_once(pair: Pair, still: StillClock) -> None:
    pair.first.next = ["hang"]
    (row,) = pair.send()
    pair.fails(3)
    still.at += 30 * SECOND
    pair.send()
    found = fresh(row)
    assert (found.supplier, found.state) == ("second", MessageState.SENT)
    assert (pair.first.sends_to(found.to), pair.second.sends_to(found.to)) == (1, 1)


def test_while_the_first_does_not_even_say_the_text_waits(pair: Pair, still: StillClock) -> None:
    pair.first.next = ["drop"]
    (row,) = pair.send()
    pair.fails(3)
    still.at += 30 * SECOND
    pair.first.next_find = [sms.Unanswered("ReadTimeout")]
    pair.send()
    assert (fresh(row).supplier, fresh(row).state) == ("first", MessageState.UNKNOWN)
    assert pair.second.sends_to(fresh(row).to) == 0


def test_a_text_by_the_second_asks_to_be_rung_and_by_the_first_for_a_reply(pair: Pair) -> None:
    def asks() -> str:
        outbox.queue(
            wording=messages.asked,
            matter=Matter(
                reference="K7M-4QX", code="4821", group="W", answer_by="14:30", ring="0113 496 0100"
            ),
            to=factories.phone(),
            worthless_at=NOW + HOUR,
            now=NOW,
        )
        db.session.commit()
        jobs.send(jobs.this_process())
        calls = pair.first.calls + pair.second.calls
        pair.first.calls, pair.second.calls = [], []
        return str(calls[0]["body"])

    assert "Reply YES 4821" in asks()
    pair.fails(3)
    pair.first.calls, pair.second.calls = [], []
    db.session.execute(sa.update(Text).values(state="failed", claimed_by=None, claimed_until=None))
    db.session.commit()
    assert "Ring to say YES 4821 or NO 4821 by 14:30" in asks()


def test_a_coordinator_sees_by_whom_texts_go_and_why_telephones_ring(
    pair: Pair, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheap_hashes(monkeypatch)
    visitor = Visitor(client).sign_in(factories.coordinator())
    assert "Texts go by" not in words(visitor.get("/duty/texts/delivery"))
    pair.fails(3)
    page = words(visitor.get("/duty/texts/delivery"))
    assert "Texts go by second now, because first fails or is slow." in page


def test_without_a_second_supplier_nothing_changes(app: Flask, pair: Pair) -> None:
    app.extensions["sms_second"] = None
    pair.fails(5)
    assert pair.chosen == "first"
    assert set(db.session.scalars(sa.select(Text.supplier))) <= {None, "first"}


# By Notify's own library


@pytest.fixture
def line(still: StillClock) -> Iterator[NotifyLine]:
    with NotifyLine() as made:
        made.clock = lambda: still.at
        yield made
        assert made.problems == []


@pytest.fixture
def notify(line: NotifyLine) -> Notify:
    return Notify(settings_for("sqlite:///unused.sqlite", **TWILIO, **line.settings))


@pytest.fixture
def real(database_url: str, line: NotifyLine) -> Iterator[Flask]:
    """An app whose first supplier is a fake, and whose second Notify at the end of a socket."""
    made = create_app(settings_for(database_url, **TWILIO, **line.settings))
    made.extensions["sms"] = FakeSupplier(clock=lambda: NOW, name="twilio")
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


SEND = {"to": NUMBER, "body": BODY, "validity_s": 60, "callback_url": ""}


def test_a_text_is_sent_and_found_by_its_reference(notify: Notify, line: NotifyLine) -> None:
    sent = notify.send(**SEND, reference="one")
    notify.send(**SEND, reference="two")
    (first, _) = line.has
    assert (first["phone_number"], first["body"], first["reference"]) == (NUMBER, BODY, "one")
    assert sent == sms.Sent(first["id"], "created")
    first["status"] = "temporary-failure"
    assert notify.find(to=NUMBER, body="", since=NOW, reference="one") == [
        sms.Sent(sent.sid, "temporary-failure", "temporary-failure")
    ]
    assert notify.find(to=NUMBER, body="", since=NOW, reference="three") == []
    assert notify.look(sid=sent.sid) == sms.Listed(sent.sid, "temporary-failure", "temporary-failure", NOW)
    assert notify.look(sid=str(uuid.uuid4())) is None
    assert notify.received(since=NOW) == []


def test_every_page_of_notifys_record_is_read(notify: Notify, line: NotifyLine) -> None:
    notify.send(**SEND, reference="one")
    (one,) = line.has
    line.has = [{**one, "id": str(uuid.UUID(int=number))} for number in range(600)]
    assert len({row.sid for row in notify.listed(since=NOW - HOUR)}) == 600
    assert len(line.calls) == 1 + 3
    assert notify.listed(since=NOW + SECOND) == []


# How Notify answers -> (what is raised, its code, permanent, alarm)
REFUSED = [
    ((400, "ValidationError"), sms.Refused, "400", True, False),
    ((400, "BadRequestError"), sms.Refused, "400", False, True),
    ((403, "AuthError"), sms.Refused, "403", False, True),
    ((429, "RateLimitError"), sms.Refused, "429", False, False),
    ((500, "Exception"), sms.Unanswered, "500", None, None),
    (503, sms.Unanswered, "503", None, None),
    ("cut", sms.Unanswered, "ConnectionError", None, None),
    ("drop", sms.Unanswered, "ConnectionError", None, None),
    ("not_json", sms.Unanswered, "JSONDecodeError", None, None),
]


@pytest.mark.parametrize(("mode", "raised", "code", "permanent", "alarm"), REFUSED, ids=str)
def test_a_refusal_and_a_silence_are_told_apart(
    notify: Notify,
    line: NotifyLine,
    mode: Any,
    raised: type[Exception],
    code: str,
    permanent: Any,
    alarm: Any,
) -> None:
    line.modes = [mode]
    line.retry_after = "7"
    with pytest.raises(raised) as caught:
        notify.send(**SEND, reference="one")
    problem: Any = caught.value
    assert problem.code == code
    if raised is sms.Refused:
        assert (problem.permanent, problem.alarm) == (permanent, alarm)
        assert problem.retry_after_s == (7 if code == "429" else None)
    assert len(line.has) == (mode == "drop")


def test_no_number_and_no_word_of_a_text_stands_in_a_log(
    notify: Notify, line: NotifyLine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    line.modes = ["ok", (400, "ValidationError"), "cut"]
    notify.send(**SEND, reference="one")
    for _ in range(2):
        with pytest.raises((sms.Refused, sms.Unanswered)):
            notify.send(**SEND, reference="two")
    for found in ("7700900321", "07700 900123", "hello"):
        assert found not in caplog.text
    # It would be heard: the library quotes what Notify says.
    logging.getLogger("notifications_python_client").setLevel(logging.DEBUG)
    line.modes = [(400, "ValidationError")]
    with pytest.raises(sms.Refused):
        notify.send(**SEND, reference="two")
    assert "07700 900123" in caplog.text
    logging.getLogger("notifications_python_client").setLevel(logging.CRITICAL)


def test_a_text_by_notify_that_was_not_answered_is_asked_about_by_its_id(
    real: Flask, line: NotifyLine, still: StillClock
) -> None:
    writing()
    for _ in range(3):
        switching.failed(supplier="twilio", code="503", now=NOW)
    db.session.commit()
    row = text(now=NOW).id
    line.modes = ["drop"]
    jobs.send(jobs.this_process())
    assert (fresh(row).supplier, fresh(row).state) == ("notify", MessageState.UNKNOWN)
    still.at += 30 * SECOND
    jobs.send(jobs.this_process())
    assert fresh(row).state == MessageState.SENT
    (had,) = line.has
    assert (had["reference"], had["id"]) == (row.hex, fresh(row).sid)


def by_notify(line: NotifyLine) -> uuid.UUID:
    """A text Notify has; its id."""
    row = text(now=NOW)
    row.supplier = "notify"
    writing(deciding=False)
    errand = outbox.claim(owner="one", limit=1, lease_s=40, supplier="notify", now=NOW)[0]
    db.session.commit()
    hand_over(errand, NOW)
    assert len(line.has) == 1
    return errand.text_id


def told(client: FlaskClient, about: Any, *, token: str = TOKEN) -> int:
    data = about if isinstance(about, str) else json.dumps(about)
    return client.post(
        "/notify/status",
        data=data,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"} if token else {},
    ).status_code


def test_notifys_call_says_what_became_of_a_text(real: Flask, line: NotifyLine) -> None:
    row, client = by_notify(line), real.test_client()
    sid = fresh(row).sid
    about = {"id": sid, "reference": row.hex, "to": "07700900321", "status": "permanent-failure"}
    for token in ("", "wrong", TOKEN + "x"):
        assert told(client, about, token=token) == 403
    for bad in ("{", "[]", {}, {"id": sid}, {"id": sid, "status": "x" * 21}, {"id": 1, "status": "sent"}):
        assert told(client, bad) == 400
    assert fresh(row).state == MessageState.SENT
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Receipt)) == 0
    assert told(client, about) == 204
    assert (fresh(row).state, fresh(row).error) == (MessageState.UNDELIVERED, "permanent-failure")
    assert told(client, {**about, "status": "delivered"}) == 204
    assert fresh(row).state == MessageState.UNDELIVERED


def test_a_call_of_notifys_that_was_lost_is_made_up_for_within_a_minute(
    real: Flask, line: NotifyLine
) -> None:
    row = by_notify(line)
    look = next(job for job in jobs.JOBS if job.name == "look")
    assert look.every_s <= 60
    assert jobs.round_of(look, jobs.this_process(), anyway=True)
    assert fresh(row).state == MessageState.SENT
    line.has[0]["status"] = "delivered"
    assert jobs.round_of(look, jobs.this_process(), anyway=True)
    assert fresh(row).state == MessageState.DELIVERED


def test_notifys_record_is_laid_beside_ours_too(real: Flask, line: NotifyLine, still: StillClock) -> None:
    row = by_notify(line)
    notify = sms.named("notify")
    notify.send(**SEND, reference="not ours")
    line.has[0]["status"] = "delivered"
    still.at += HOUR
    reconcile = next(job for job in jobs.JOBS if job.name == "reconcile")
    assert jobs.round_of(reconcile, jobs.this_process(), anyway=True)
    assert fresh(row).state == MessageState.DELIVERED
    assert [(one.sid, one.kind) for one in reconciliation.differences()] == [
        (line.has[1]["id"], "unknown_here")
    ]


def test_without_notify_its_address_does_not_exist(client: FlaskClient) -> None:
    assert told(client, {"id": "x", "status": "sent"}) == 404
