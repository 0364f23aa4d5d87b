"""The four addresses that suppliers call: what no supplier would send is refused in plain words, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from twilio.request_validator import RequestValidator
from werkzeug.wrappers import Request

from safety import create_app
from safety.extensions import db
from tests.conftest import settings_for
from tests.factories import NOW
from tests.fakes import TWILIO, FakeSupplier
from tests.integration.test_twilio_calls import everything
from tests.notify_line import NOTIFY, TOKEN
from tests.signing import PUBLIC
from tests.signing import TOKEN as TWILIOS

ADDRESSES = ("/twilio/inbound", "/twilio/status", "/twilio/call", "/notify/status")
FORM = "application/x-www-form-urlencoded"
# What is sent, and as what.
SENT: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", FORM),
    "nothing of no kind": (b"", ""),
    "half a form": (b"MessageSid=SM1&From", FORM),
    "signs that are no UTF-8": (b"MessageSid=%ff%fe&From=\xff&CallSid=%ff&Body=%00", FORM),
    "JSON to those who want a form": (b'{"MessageSid": "SM1"}', "application/json"),
    "a form to those who want JSON": (b"id=1&status=delivered", FORM),
    "another kind": (b"\x00\x01", "application/octet-stream"),
    "parts without a boundary": (b"--x", "multipart/form-data"),
    "parts cut short": (
        b'--x\r\nContent-Disposition: form-data; name="MessageSid"',
        "multipart/form-data; boundary=x",
    ),
    "a thousand fields": (b"&".join(b"f%d=1" % number for number in range(2000)), FORM),
    "too much": (b"Body=" + b"x" * (64 * 1024), FORM),
    "far too much": (b"x" * (2 * 1024 * 1024), "text/plain"),
    "an alphabet nobody knows": (b"MessageSid=SM1", FORM + "; charset=klingon"),
}


def signature(path: str, body: bytes, kind: str) -> str:
    """Twilio's, over the fields as this server reads them."""
    request = Request.from_values(path, method="POST", data=body, content_type=kind)
    return str(RequestValidator(TWILIOS).compute_signature(PUBLIC + path, request.form))


@pytest.fixture
def both(database_url: str) -> Iterator[Flask]:
    """An app that texts by Twilio and by Notify."""
    made = create_app(settings_for(database_url, **TWILIO, **NOTIFY))
    made.extensions["sms"] = FakeSupplier(clock=lambda: NOW, name="twilio")
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize("what", SENT)
@pytest.mark.parametrize("known", [False, True], ids=["stranger", "supplier"])
def test_what_no_supplier_would_send_is_refused_and_nothing_is_written(
    both: Flask, what: str, known: bool
) -> None:
    """Whether it comes with the supplier's own sign or without one."""
    body, kind = SENT[what]
    client, before = both.test_client(), everything()
    for path in ADDRESSES:
        headers: dict[str, Any] = {}
        if known:
            headers = {"Authorization": f"Bearer {TOKEN}", "X-Twilio-Signature": signature(path, body, kind)}
        answer = client.post(path, data=body, content_type=kind, headers=headers)
        assert answer.status_code in (400, 403, 413), (path, answer.status_code)
        if not known and answer.status_code != 413:
            assert answer.status_code == 403, path
    assert everything() == before
