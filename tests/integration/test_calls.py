"""Calls by Twilio: its own client library over a faked wire, every request checked against Twilio's description of calls."""

from __future__ import annotations

import datetime as dt
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from safety import sms
from safety.sms.aloud import aloud
from safety.sms.twilio import Twilio, call_word, spoken
from tests.conftest import settings_for
from tests.factories import NOW
from tests.fakes import TWILIO, FakeTwilio

TO = "+447700900321"
WORDS = "Places of Safety, about K7M-4QX. Our text did not reach your house. Please sign in now and see it, or ring 0113 496 0100"
CALL = {"to": TO, "words": WORDS, "callback_url": "https://pos.example/twilio/call"}


@pytest.fixture
def wire() -> FakeTwilio:
    made = FakeTwilio()
    made.clock = lambda: NOW
    return made


@pytest.fixture
def twilio(wire: FakeTwilio) -> Twilio:
    return Twilio(settings_for("sqlite:///unused.sqlite", **TWILIO), transport=wire)


def test_a_call_is_asked_for_as_twilio_describes_it(twilio: Twilio, wire: FakeTwilio) -> None:
    assert twilio.call(**CALL) == sms.Sent(f"CA{1:032x}", "queued")
    ((method, url, asked),) = wire.requests
    assert (method, url) == ("POST", f"https://api.twilio.com/2010-04-01/Accounts/AC{'0' * 32}/Calls.json")
    assert asked == {
        "To": TO,
        "From": "+447700900000",
        "Twiml": spoken(WORDS),
        "StatusCallback": "https://pos.example/twilio/call",
        "Timeout": 20,
        "TimeLimit": 120,
        "MachineDetection": "Enable",
    }


@pytest.mark.parametrize(
    "wrong", [{"Timeout": "soon"}, {"ValidityPeriod": 60}, {"To": None}, {"StatusCallbackEvent": "completed"}]
)
def test_the_description_would_find_a_mistake_of_ours(wire: FakeTwilio, wrong: dict[str, Any]) -> None:
    right = {"To": TO, "From": TO, "Twiml": "<Response/>", "Timeout": 20}
    with pytest.raises(AssertionError):
        wire.request(
            "POST", "https://api.twilio.com/2010-04-01/Accounts/AC/Calls.json", data={**right, **wrong}
        )


def test_the_words_are_said_twice_with_what_has_to_be_spelt_spelt_out() -> None:
    said = [each.text for each in ET.fromstring(spoken(WORDS)).iter("Say")]
    assert said == [aloud(WORDS)] * 2
    assert "K, 7, M. 4, Q, X" in aloud(WORDS)
    assert "0, 1, 1, 3. 4, 9, 6. 0, 1, 0, 0" in aloud(WORDS)


def test_what_is_said_stays_words_and_becomes_no_markup() -> None:
    assert "<Dial>" not in spoken("Places of Safety & <Dial>")


def test_words_as_long_as_any_text_may_be_fit_into_a_call() -> None:
    """Twilio takes 4000 signs of TwiML; the most there can be is a text of nothing but figures."""
    assert len(spoken("0" * 160)) < 4000


@pytest.mark.parametrize(
    ("mode", "meant"),
    [
        # permanent, alarm, unreachable
        ((400, 21211), (True, False, True)),
        ((400, 21214), (True, False, False)),
        ((400, 21210), (False, True, False)),
        ((400, 21215), (False, True, False)),
        ((401, 20003), (False, True, False)),
        ((429, 20429), (False, False, False)),
        (503, (False, False, False)),
    ],
)
def test_what_a_refusal_of_a_call_means(
    twilio: Twilio, wire: FakeTwilio, mode: Any, meant: tuple[bool, bool, bool]
) -> None:
    wire.modes = [mode]
    with pytest.raises(sms.Refused) as refused:
        twilio.call(**CALL)
    problem = refused.value
    assert (problem.permanent, problem.alarm, problem.unreachable) == meant


@pytest.mark.parametrize("mode", ["timeout", "accept_then_drop", "not_json", "empty", 500])
def test_no_answer_is_never_taken_for_a_no(twilio: Twilio, wire: FakeTwilio, mode: Any) -> None:
    wire.modes = [mode]
    with pytest.raises(sms.Unanswered):
        twilio.call(**CALL)


def test_twilio_is_asked_which_calls_it_made_to_that_number_since_then(
    twilio: Twilio, wire: FakeTwilio
) -> None:
    for minutes in (0, 20, 30):
        wire.clock = lambda minutes=minutes: NOW + dt.timedelta(minutes=minutes)
        twilio.call(**CALL)
    twilio.call(**CALL | {"to": "+447700900322"})
    wire.calls[1].update(status="completed", answered_by="machine_start")
    since = NOW + dt.timedelta(minutes=10)
    assert twilio.find_calls(to=TO, since=since) == [
        sms.Sent(f"CA{2:032x}", sms.MACHINE),
        sms.Sent(f"CA{3:032x}", "queued"),
    ]


@pytest.mark.parametrize(
    ("status", "by", "word"),
    [
        ("completed", "human", "completed"),
        ("completed", "unknown", "completed"),
        ("completed", None, "completed"),
        ("completed", "machine_start", sms.MACHINE),
        ("completed", "fax", sms.MACHINE),
        ("no-answer", None, "no-answer"),
        ("in-progress", "machine_start", "in-progress"),
    ],
)
def test_a_machine_is_nobody(status: str, by: str | None, word: str) -> None:
    assert call_word(status, by) == word
