"""`flask send-test-text`: an operator's first evening with a real account. What is said when all is well, and when it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from safety import clock, create_app
from safety.extensions import db
from safety.models import SimulatedText, Text
from safety.sms import explained, twilio
from tests.conftest import settings_for
from tests.fakes import TWILIO, FakeTwilio

NUMBER = "07700 900321"


@pytest.fixture
def wire() -> FakeTwilio:
    made = FakeTwilio()
    made.clock = clock.now
    return made


@pytest.fixture
def real(database_url: str, wire: FakeTwilio) -> Iterator[Flask]:
    """An app that texts by Twilio, over the faked wire."""
    settings = settings_for(database_url, **TWILIO)
    made = create_app(settings)
    made.extensions["sms"] = twilio.Twilio(settings, transport=wire)
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


def tried(app: Flask, *more: str, number: str = NUMBER) -> Result:
    """Run the command without waiting between its questions; whatever it says, it says nothing that is secret."""
    result = app.test_cli_runner().invoke(args=["send-test-text", number, "--pause-s", "0", *more])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    for secret in ("900321", TWILIO["TWILIO_KEY_SECRET"], TWILIO["TWILIO_KEY_SID"], "a" * 32, "b" * 32):
        assert secret not in result.output
    return result


@pytest.mark.parametrize("number", [NUMBER, "+44 7700 900321", "+447700900321", "0044 7700-900321"])
def test_a_number_is_taken_as_people_write_it_and_shown_but_for_its_end(
    real: Flask, wire: FakeTwilio, number: str
) -> None:
    wire.becomes = [("delivered", None)]
    result = tried(real, number=number)
    assert result.exit_code == 0
    assert wire.has[0]["to"] == "+447700900321"
    assert "Sending one text to **********321 by twilio." in result.output


@pytest.mark.parametrize("number", ["", "call me", "07700 9003", "+44"])
def test_what_is_no_number_is_not_sent(real: Flask, wire: FakeTwilio, number: str) -> None:
    result = tried(real, number=number)
    assert result.exit_code == 2
    assert "should be a whole telephone number" in result.output
    assert wire.requests == []


def test_it_is_followed_until_the_network_has_it(real: Flask, wire: FakeTwilio) -> None:
    wire.becomes = [("queued", None), ("sending", None), ("sent", None)]
    result = tried(real)
    assert result.exit_code == 0
    assert result.output.splitlines()[1:] == [
        "Taken: queued.",
        "Asked 1 of 10 times: queued.",
        "Asked 2 of 10 times: sending.",
        "Asked 3 of 10 times: sent.",
        "All is well. Look at the telephone: it is there, or will be in a moment.",
    ]
    # Harmless, and at once: nothing of it is in the outbox.
    (text,) = wire.has
    assert text["body"].startswith("Places of Safety: this is a test")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Text)) == 0


# How Twilio answers -> what is said to be wrong, and what to do next.
REFUSED = [
    ((401, 20003), "does not accept our key", "Compare TWILIO_ACCOUNT_SID, TWILIO_KEY_SID"),
    (401, "does not accept our key", "TWILIO_KEY_SECRET"),
    ((404, 20404), "no such account", "TWILIO_ACCOUNT_SID"),
    ((403, 20005), "closed or suspended", "Sign in to Twilio's console"),
    ((400, 21608), "trial account", "Verified Caller IDs"),
    ((400, 21211), "no such telephone number", "with its country code"),
    ((400, 21614), "not a mobile", "switched on and in your hand"),
    ((400, 21610), "unsubscribed", "Text START from it"),
    ((400, 21606), "Our own number is wrong", "Compare TWILIO_FROM"),
    ((400, 21212), "Our own number is wrong", "Compare TWILIO_FROM"),
    ((400, 21408), "to that country", "Geo permissions"),
    ((400, 21612), "cannot be reached from ours", "another network"),
    ((429, 20429), "too many at once", "Wait a few minutes"),
    ((400, 99999), "does not know", "twilio.com/docs/api/errors"),
    ("timeout", "did not answer in time", "Look at the telephone first"),
    ("accept_then_drop", "could not be reached", "port 443"),
    ("not_json", "not Twilio", "TWILIO_API_BASE is empty"),
    (503, "trouble of its own", "status.twilio.com"),
    (500, "trouble of its own", "status.twilio.com"),
]


@pytest.mark.parametrize(("mode", "wrong", "then"), REFUSED, ids=lambda one: str(one)[:20])
def test_why_it_was_not_sent_is_said_in_words_with_what_to_do(
    real: Flask, wire: FakeTwilio, mode: Any, wrong: str, then: str
) -> None:
    wire.modes = [mode]
    result = tried(real)
    assert result.exit_code == 1
    _, not_sent, what, next_ = result.output.splitlines()
    assert not_sent.startswith("Not sent: the supplier ")
    assert what.startswith("What is wrong: ") and wrong in what
    assert next_.startswith("Next: ") and then in next_
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        (30003, "out of reach"),
        (30005, "not in use"),
        (30006, "not a mobile"),
        (30007, "filtered"),
        (30008, "gave no reason"),
        (None, "does not know"),
    ],
)
def test_why_it_was_lost_on_the_way_is_said_in_words(
    real: Flask, wire: FakeTwilio, code: int | None, wrong: str
) -> None:
    wire.becomes = [("sending", None), ("undelivered", code)]
    result = tried(real)
    assert result.exit_code == 1
    assert "Asked 2 of 10 times: undelivered.\nWhat is wrong: " in result.output
    assert wrong in result.output
    assert "Asked 3" not in result.output


def test_a_text_that_stays_with_twilio_is_not_called_well(real: Flask, wire: FakeTwilio) -> None:
    wire.becomes = [("queued", None)] * 9
    result = tried(real, "--asks", "4")
    assert result.exit_code == 1
    assert "Asked 4 of 4 times: queued." in result.output
    assert "not passed it on yet" in result.output
    assert "All is well" not in result.output


def test_a_key_that_may_send_and_not_read_is_found_out(real: Flask, wire: FakeTwilio) -> None:
    wire.modes = ["ok", 401, 401]
    result = tried(real, "--asks", "2")
    assert result.exit_code == 1
    assert "this key was not let read what became of it" in result.output
    assert "cannot be fetched" in result.output


def test_words_that_twilio_does_not_keep_are_found_out(real: Flask, wire: FakeTwilio) -> None:
    keep = wire._sent

    def redacted(sent: dict[str, Any]) -> dict[str, Any]:
        message = keep(sent)
        message["body"] = ""
        return message

    wire._sent = redacted
    result = tried(real, "--asks", "1")
    assert result.exit_code == 1
    assert "Turn off message redaction" in result.output


def test_an_answer_that_fails_once_is_asked_for_again(real: Flask, wire: FakeTwilio) -> None:
    wire.modes, wire.becomes = ["ok", "timeout", (429, 20429)], [("delivered", None)]
    result = tried(real)
    assert result.exit_code == 0
    assert "Asked 1 of 10 times: the supplier did not answer: ReadTimeout." in result.output
    assert "Asked 2 of 10 times: the supplier refused: 20429." in result.output
    assert "Asked 3 of 10 times: delivered." in result.output


def test_the_simulator_says_that_it_is_one_and_where_to_look(app: Flask) -> None:
    result = tried(app)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "Sending one text to **********321 by simulator.",
        "This is the simulator: no text leaves this machine. It can be read on http://localhost:8000/phones.",
    ]
    (text,) = db.session.scalars(sa.select(SimulatedText))
    assert (text.number, text.from_us) == ("+447700900321", True)
    assert text.body[:40] in app.test_client().get("/phones").text


def test_every_code_we_act_on_is_explained() -> None:
    known = twilio._UNREACHABLE | twilio._ALARM | twilio._PERMANENT | twilio._LATER
    assert {code for code in known if explained.explain(str(code)) is explained._UNKNOWN} == set()
