"""Twilio, both ways: its own client library over a faked wire, and its calls to us, signed by its own validator."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from safety import clock, create_app, delivery, fallback, jobs, messages, outbox, sms
from safety.crypto import ring
from safety.extensions import begin_write, db
from safety.models import Inbound, MessageState, Receipt, Text
from safety.sms.twilio import Twilio
from tests import factories
from tests.conftest import settings_for
from tests.factories import NOW
from tests.fakes import TWILIO, FakeTwilio
from tests.signing import INBOUND, PUBLIC, TO, TOKEN, call, call_of
from tests.twilio_line import TwilioLine

NEWER_TOKEN = "b" * 32
SEND = {
    "to": TO,
    "body": "Places of Safety: hello",
    "validity_s": 600,
    "callback_url": f"{PUBLIC}/twilio/status",
}


@pytest.fixture
def twilio(wire: FakeTwilio) -> Twilio:
    return Twilio(settings_for("sqlite:///unused.sqlite", **TWILIO), transport=wire)


# What we ask of Twilio


def test_a_text_is_created_as_twilio_describes_it(twilio: Twilio, wire: FakeTwilio) -> None:
    sent = twilio.send(**SEND)
    assert sent == sms.Sent(f"SM{1:032x}", "queued")
    ((method, url, asked),) = wire.requests
    assert (method, url) == ("POST", f"https://api.twilio.com/2010-04-01/Accounts/AC{'0' * 32}/Messages.json")
    assert asked == {
        "To": TO,
        "From": "+447700900000",
        "Body": "Places of Safety: hello",
        "StatusCallback": f"{PUBLIC}/twilio/status",
        "ValidityPeriod": 600,
    }


@pytest.mark.parametrize(("worth_s", "asked_s"), [(0, 1), (1, 1), (36000, 36000), (100_000, 36000)])
def test_the_validity_is_what_twilio_accepts(
    twilio: Twilio, wire: FakeTwilio, worth_s: int, asked_s: int
) -> None:
    twilio.send(**SEND | {"validity_s": worth_s})
    assert wire.requests[0][2]["ValidityPeriod"] == asked_s


def test_the_description_would_find_a_mistake_of_ours(wire: FakeTwilio) -> None:
    with pytest.raises(AssertionError):
        wire.request(
            "POST", "https://api.twilio.com/2010-04-01/Accounts/AC/Messages.json", data={"Body": "to nobody"}
        )


REFUSALS = [
    # (status, Twilio's code) -> permanent, alarm, unreachable
    ((400, 21610), (True, False, True)),
    ((400, 21211), (True, False, True)),
    ((400, 21614), (True, False, True)),
    ((400, 21612), (True, False, False)),
    ((400, 21408), (False, True, False)),
    ((400, 21606), (False, True, False)),
    ((400, 21212), (False, True, False)),
    ((429, 21611), (False, False, False)),
    ((400, 21611), (False, True, False)),
    ((401, 20003), (False, True, False)),
    ((403, 20005), (False, True, False)),
    ((403, 99999), (False, True, False)),
    ((404, 20404), (False, True, False)),
    ((400, 99999), (True, False, False)),
    ((429, 20429), (False, False, False)),
    ((400, 14107), (False, False, False)),
    ((400, 30003), (False, False, False)),
    ((400, 30007), (False, True, False)),
    (503, (False, False, False)),
    (401, (False, True, False)),
    (404, (True, False, False)),
]


@pytest.mark.parametrize(("mode", "meant"), REFUSALS)
def test_what_a_refusal_means(
    twilio: Twilio, wire: FakeTwilio, mode: Any, meant: tuple[bool, bool, bool]
) -> None:
    wire.modes = [mode]
    with pytest.raises(sms.Refused) as refused:
        twilio.send(**SEND)
    problem = refused.value
    assert (problem.permanent, problem.alarm, problem.unreachable) == meant
    assert "900" not in str(problem)


@pytest.mark.parametrize(
    ("header", "wait_s"), [("17", 17.0), (None, None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_too_many_requests_says_how_long_to_wait(
    twilio: Twilio, wire: FakeTwilio, header: str | None, wait_s: float | None
) -> None:
    wire.modes, wire.retry_after = [(429, 20429)], header
    with pytest.raises(sms.Refused) as refused:
        twilio.send(**SEND)
    assert refused.value.retry_after_s == wait_s


@pytest.mark.parametrize(
    "mode", ["timeout", "accept_then_drop", "not_json", "empty", 500, 502, 504, (500, 20500)]
)
def test_no_answer_or_an_unreadable_one_is_never_taken_for_a_no(
    twilio: Twilio, wire: FakeTwilio, mode: Any
) -> None:
    wire.modes = [mode]
    with pytest.raises(sms.Unanswered) as unanswered:
        twilio.send(**SEND)
    assert "900" not in str(unanswered.value)


def test_twilio_is_asked_what_it_has(twilio: Twilio, wire: FakeTwilio) -> None:
    wire.modes = ["accept_then_drop"]
    with pytest.raises(sms.Unanswered):
        twilio.send(**SEND)
    twilio.send(**SEND | {"body": "other words"})
    twilio.send(**SEND | {"to": "+447700900322"})
    find = {"to": TO, "body": SEND["body"]}
    assert twilio.find(**find, since=NOW) == [sms.Sent(f"SM{1:032x}", "queued")]
    assert twilio.find(**find, since=NOW + dt.timedelta(hours=1)) == []


def test_our_words_are_found_behind_what_a_trial_account_puts_before_them(
    twilio: Twilio, wire: FakeTwilio
) -> None:
    twilio.send(**SEND)
    wire.has[0]["body"] = "Sent from your Twilio trial account - " + wire.has[0]["body"]
    assert twilio.find(to=TO, body=SEND["body"], since=NOW) == [sms.Sent(f"SM{1:032x}", "queued")]


@pytest.mark.parametrize(
    ("mode", "raised"),
    [
        ((401, 20003), sms.Refused),
        ("timeout", sms.Unanswered),
        (500, sms.Unanswered),
        ("not_json", sms.Unanswered),
    ],
)
def test_asking_may_fail_like_sending(
    twilio: Twilio, wire: FakeTwilio, mode: Any, raised: type[Exception]
) -> None:
    wire.modes = [mode]
    with pytest.raises(raised):
        twilio.find(to=TO, body="x", since=NOW)


HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR


def test_twilio_is_asked_what_came_in_to_our_number_oldest_first(twilio: Twilio, wire: FakeTwilio) -> None:
    late = wire.comes_in(TO, "YES 4821", at=NOW - dt.timedelta(minutes=1))
    early = wire.comes_in(TO, "BEDS 2", at=NOW - 2 * HOUR)
    wire.comes_in(TO, "to another number of the account", to="+447700900001")
    wire.comes_in(TO, "the day before yesterday", at=NOW - 2 * DAY)
    wire.comes_in(TO, "on a day that is asked for, and too long ago", at=NOW - 25 * HOUR)
    # Of ours to ourselves: no answer of anybody's.
    twilio.send(**SEND | {"to": "+447700900000"})
    assert twilio.received(since=NOW - DAY) == [
        sms.Received(early["sid"], TO, "BEDS 2", NOW - 2 * HOUR),
        sms.Received(late["sid"], TO, "YES 4821", NOW - dt.timedelta(minutes=1)),
    ]
    asked = wire.requests[-1][2]
    assert asked == {"To": "+447700900000", "DateSent>": "2027-01-12T14:00:00Z", "PageSize": 200}


def test_every_page_of_what_came_in_is_read_up_to_a_limit(twilio: Twilio, wire: FakeTwilio) -> None:
    def came(first: int, last: int) -> list[str]:
        for number in range(first, last):
            wire.comes_in(TO, str(number), at=NOW + dt.timedelta(seconds=number))
        return [text.body for text in twilio.received(since=NOW - DAY)]

    assert came(0, 450) == [str(number) for number in range(450)]
    assert len(wire.requests) == 3
    # Beyond the limit it is the oldest that are left: an earlier round has had them.
    assert came(450, 2100) == [str(number) for number in range(100, 2100)]
    assert len(wire.requests) == 3 + 10


def test_texts_of_one_second_keep_the_order_in_which_they_came(twilio: Twilio, wire: FakeTwilio) -> None:
    for body in ("BEDS 1", "UNDO", "BEDS 2"):
        wire.comes_in(TO, body)
    assert [text.body for text in twilio.received(since=NOW - DAY)] == ["BEDS 1", "UNDO", "BEDS 2"]


def test_a_text_in_without_words_or_time_is_not_lost_nor_taken_for_new(
    twilio: Twilio, wire: FakeTwilio
) -> None:
    timed = wire.comes_in(TO, "BEDS 2", at=NOW - HOUR)["sid"]
    timeless = wire.comes_in(TO, None, date_sent=None)["sid"]
    assert twilio.received(since=NOW - DAY) == [
        sms.Received(timeless, TO, "", NOW - DAY),
        sms.Received(timed, TO, "BEDS 2", NOW - HOUR),
    ]


@pytest.mark.parametrize(
    ("modes", "raised"),
    [
        ([(401, 20003)], sms.Refused("401", alarm=True)),
        ([403], sms.Refused("403", alarm=True)),
        ([503], sms.Refused("503")),
        ([(429, 20429)], sms.Refused("20429", retry_after_s=17)),
        (["ok", (429, 20429)], sms.Refused("20429", retry_after_s=17)),
        (["timeout"], sms.Unanswered("ReadTimeout")),
        (["ok", "timeout"], sms.Unanswered("ReadTimeout")),
        ([500], sms.Unanswered("500")),
        (["not_json"], sms.Unanswered("JSONDecodeError")),
    ],
)
def test_asking_what_came_in_may_fail_like_sending(
    twilio: Twilio, wire: FakeTwilio, modes: list[Any], raised: sms.Refused | sms.Unanswered
) -> None:
    for number in range(201):
        wire.comes_in(TO, str(number))
    wire.modes, wire.retry_after = modes, "17"
    with pytest.raises(type(raised)) as problem:
        twilio.received(since=NOW - DAY)
    assert vars(problem.value) == vars(raised)
    assert "900" not in str(problem.value)


def test_calls_go_to_the_address_of_the_settings(wire: FakeTwilio) -> None:
    elsewhere = Twilio(
        settings_for("sqlite:///unused.sqlite", **TWILIO, TWILIO_API_BASE="http://127.0.0.1:4010"),
        transport=wire,
    )
    elsewhere.send(**SEND)
    for number in range(201):
        wire.comes_in(TO, str(number))
    elsewhere.received(since=NOW - DAY)
    assert len(wire.requests) == 3
    for _, url, _ in wire.requests:
        assert url.startswith("http://127.0.0.1:4010/2010-04-01/Accounts/")


@pytest.mark.parametrize("mode", ["ok", "timeout", "accept_then_drop", "nobody_there"])
def test_over_a_real_socket_there_is_an_answer_or_a_doubt(wire: FakeTwilio, mode: str) -> None:
    wire.modes = [mode]
    with TwilioLine(wire) as line:
        if mode == "nobody_there":
            line.close()
        real = Twilio(settings_for("sqlite:///unused.sqlite", **line.settings, TWILIO_TIMEOUT_S="1"))
        try:
            if mode == "ok":
                assert real.send(**SEND) == sms.Sent(f"SM{1:032x}", "queued")
            else:
                with pytest.raises(sms.Unanswered):
                    real.send(**SEND)
        finally:
            real.close()
        assert line.problems == []


def test_nothing_of_a_call_is_logged(
    twilio: Twilio, wire: FakeTwilio, caplog: pytest.LogCaptureFixture
) -> None:
    # The level of the root must not decide: an operator may turn everything up.
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        wire.logger = logging.getLogger("twilio.http_client")
        wire.log_request({"method": "GET", "url": "u", "params": {"To": TO}, "headers": {}})
        twilio.send(**SEND)
    finally:
        logging.getLogger().setLevel(logging.WARNING)
    assert "900321" not in caplog.text


# What Twilio asks of us


@pytest.fixture
def app(twilio_app: Flask) -> Flask:
    """An app that texts by Twilio, over the faked wire."""
    return twilio_app


def rows() -> tuple[int, int, int]:
    db.session.rollback()
    counts = [
        db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for table in (Inbound, Receipt, Text)
    ]
    return counts[0], counts[1], counts[2]


def of_an_officer() -> None:
    """From now on the telephone is somebody's we know."""
    factories.officer(phone=TO, phone_index=ring().index("phone", TO))
    db.session.commit()


@pytest.mark.parametrize("token", [TOKEN, NEWER_TOKEN])
def test_a_text_that_comes_in_signed_is_acted_on_once(client: FlaskClient, token: str) -> None:
    of_an_officer()
    assert [call(client, "/twilio/inbound", INBOUND, token=token) for _ in range(3)] == [200, 200, 200]
    assert rows() == (1, 0, 1)
    assert db.session.scalars(sa.select(Inbound.outcome)).one() == "not_understood"


def test_the_answer_is_empty_twiml_and_goes_out_through_the_outbox(client: FlaskClient) -> None:
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + "/twilio/inbound", INBOUND)
    response = client.post("/twilio/inbound", data=INBOUND, headers={"X-Twilio-Signature": signature})
    assert response.mimetype == "text/xml"
    assert response.text.endswith("<Response/>")


def test_the_query_of_the_address_is_signed_too(client: FlaskClient) -> None:
    assert call(client, "/twilio/inbound?k=1&empty=", INBOUND) == 200
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + "/twilio/inbound", INBOUND)
    assert call(client, "/twilio/inbound?k=2", INBOUND, signature=signature) == 403


def test_fields_that_come_twice_are_signed_both(client: FlaskClient) -> None:
    twice = MultiDict([*INBOUND.items(), ("MediaUrl", "x"), ("MediaUrl", "y")])
    assert call(client, "/twilio/inbound", twice) == 200


_for_us = RequestValidator(TOKEN).compute_signature


def test_a_signature_from_the_headers_host_is_not_ours(client: FlaskClient) -> None:
    """The address is the configured one; what a caller claims to have called is not asked."""
    signature = _for_us("https://evil.example/twilio/inbound", INBOUND)
    assert (
        call(client, "/twilio/inbound", INBOUND, signature=signature, base_url="https://evil.example") == 403
    )


INCOMPLETE: list[tuple[str, Any]] = [
    ("/twilio/inbound", {}),
    ("/twilio/inbound", {"MessageSid": "SM1", "From": TO}),
    ("/twilio/inbound", {"MessageSid": "", "From": TO, "Body": "x"}),
    ("/twilio/inbound", {"MessageSid": "SM1", "Body": "x"}),
    ("/twilio/inbound", {"MessageSid": "S" * 65, "From": TO, "Body": "x"}),
    ("/twilio/inbound", {"MessageSid": "SM1", "From": TO, "Body": "x" * 1601}),
    (
        "/twilio/inbound",
        MultiDict([("MessageSid", "SM1"), ("MessageSid", "SM2"), ("From", TO), ("Body", "x")]),
    ),
    ("/twilio/status", {"MessageSid": "SM1"}),
    ("/twilio/status", {"MessageStatus": "sent"}),
    ("/twilio/status", {"MessageSid": "SM1", "MessageStatus": "s" * 21}),
    ("/twilio/call", {"CallSid": "CA1"}),
    ("/twilio/call", {"CallSid": "", "CallStatus": "busy"}),
    ("/twilio/call", {"CallSid": "CA1", "CallStatus": "completed", "AnsweredBy": "m" * 41}),
]


def test_a_signed_call_without_what_it_needs_is_refused(client: FlaskClient) -> None:
    for path, fields in INCOMPLETE:
        assert call(client, path, fields) == 400, fields
    assert rows() == (0, 0, 0)


def test_other_ways_of_calling_are_refused_and_never_an_error(client: FlaskClient) -> None:
    signature = {"X-Twilio-Signature": _for_us(PUBLIC + "/twilio/inbound", {})}
    assert client.get("/twilio/inbound", headers=signature).status_code == 405
    assert client.post("/twilio/inbound", json=INBOUND, headers=signature).status_code == 400
    assert (
        client.post(
            "/twilio/inbound", data=b"\xff\xfe", headers=signature, content_type="text/plain"
        ).status_code
        == 400
    )
    assert call(client, "/twilio/inbound", {**INBOUND, "Body": "x" * 200_000}) in (403, 413)
    assert rows() == (0, 0, 0)


def test_a_blank_text_and_one_of_1600_signs_are_kept(client: FlaskClient) -> None:
    assert call(client, "/twilio/inbound", INBOUND | {"Body": ""}) == 200
    assert call(client, "/twilio/inbound", INBOUND | {"Body": "😀" * 1600, "MessageSid": "SMother"}) == 200
    assert rows()[0] == 2


def test_a_receipt_moves_its_text_and_a_repeated_one_does_not(
    app: Flask, client: FlaskClient, wire: FakeTwilio
) -> None:
    queued = outbox.queue(
        wording=messages.info,
        matter=messages.Matter(ring="0113 496 0100"),
        to=TO,
        worthless_at=NOW + dt.timedelta(minutes=10),
        now=NOW,
    )
    db.session.commit()
    begin_write(deciding=False)
    (errand,) = outbox.claim(owner="one", limit=1, lease_s=60, now=NOW)
    db.session.commit()
    result = delivery.hand_over(errand=errand, now=NOW)
    begin_write()
    delivery.record(errand=errand, result=result, now=NOW)
    db.session.commit()
    sid = wire.has[0]["sid"]
    for status in ("delivered", "sent", "delivered"):
        assert call(client, "/twilio/status", {"MessageSid": sid, "MessageStatus": status}) == 204
    db.session.refresh(queued)
    assert (queued.state, queued.supplier) == (MessageState.DELIVERED, "twilio")
    assert rows()[1] == 2


@pytest.mark.parametrize(
    ("first", "state"),
    [
        ({"CallStatus": "completed", "AnsweredBy": "human"}, MessageState.DELIVERED),
        ({"CallStatus": "completed"}, MessageState.DELIVERED),
        ({"CallStatus": "completed", "AnsweredBy": "machine_start"}, MessageState.UNDELIVERED),
        ({"CallStatus": "busy"}, MessageState.UNDELIVERED),
        ({"CallStatus": "no-answer"}, MessageState.UNDELIVERED),
        ({"CallStatus": "canceled"}, MessageState.FAILED),
        ({"CallStatus": "ringing"}, MessageState.SENT),
    ],
)
def test_what_became_of_a_call_moves_it_once(
    client: FlaskClient, wire: FakeTwilio, first: dict[str, str], state: MessageState
) -> None:
    matter = messages.Matter(reference="K7M-4QX", ring="0113 496 0100")
    worthless_at = NOW + dt.timedelta(minutes=10)
    text = outbox.queue(wording=messages.withdrawn, matter=matter, to=TO, worthless_at=worthless_at, now=NOW)
    rung = fallback.ring(text=text, wording=messages.call_do_not_go, matter=matter, to=TO, now=NOW)
    assert rung is not None
    # The call alone is handed over.
    text.next_try_at = worthless_at
    db.session.commit()
    begin_write(deciding=False)
    (errand,) = outbox.claim(owner="one", limit=1, lease_s=60, now=NOW)
    db.session.commit()
    result = delivery.hand_over(errand=errand, now=NOW)
    begin_write()
    delivery.record(errand=errand, result=result, now=NOW)
    db.session.commit()
    sid = wire.calls[0]["sid"]
    for fields in (first, first, {"CallStatus": "completed", "AnsweredBy": "unknown"}):
        assert call(client, "/twilio/call", {"CallSid": sid, **fields}) == 204
        if state == MessageState.SENT:
            break
    db.session.refresh(rung)
    assert rung.state == state


def test_a_receipt_for_a_text_we_do_not_know_is_kept(client: FlaskClient) -> None:
    fields = {"MessageSid": "SM" + "f" * 32, "MessageStatus": "undelivered", "ErrorCode": "30003"}
    assert call(client, "/twilio/status", fields) == 204
    assert rows() == (0, 1, 0)


@pytest.mark.parametrize("first", ["brought", "fetched"])
def test_a_text_that_is_brought_and_fetched_acts_once(
    client: FlaskClient, wire: FakeTwilio, first: str
) -> None:
    of_an_officer()
    wire.clock = clock.now
    text = wire.comes_in(TO, "INFO")
    fields = INBOUND | {"MessageSid": text["sid"], "Body": "INFO"}
    ways = [lambda: call(client, "/twilio/inbound", fields), lambda: jobs.fetch(jobs.this_process())]
    for way in (ways if first == "brought" else ways[::-1]) * 2:
        way()
    assert rows() == (1, 0, 1)


def test_texts_brought_and_fetched_at_the_same_moment_act_once(app: Flask, wire: FakeTwilio) -> None:
    wire.clock = clock.now
    # Of as many telephones: one of them is told the same no more than twice.
    texts = [wire.comes_in(factories.officer().phone, "INFO") for _ in range(10)]
    db.session.commit()
    together = threading.Barrier(4)
    answered: list[object] = []

    def bring() -> None:
        together.wait()
        for text in texts:
            fields = call_of(text["from"], "INFO", sid=text["sid"])
            answered.append(call(app.test_client(), "/twilio/inbound", fields))

    def fetch() -> None:
        with app.app_context():
            together.wait()
            answered.append(jobs.fetch(jobs.this_process()))
            db.session.remove()

    threads = [threading.Thread(target=work) for work in (bring, fetch, bring, fetch)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, answered)) == ["200"] * 20 + ["None"] * 2
    assert rows() == (10, 0, 10)


@pytest.mark.parametrize("path", ["/twilio/inbound", "/twilio/status", "/twilio/call"])
def test_with_the_simulator_these_addresses_do_not_exist(database_url: str, path: str) -> None:
    client = create_app(settings_for(database_url)).test_client()
    assert client.post(path, data=INBOUND, headers={"X-Twilio-Signature": "x"}).status_code == 404
