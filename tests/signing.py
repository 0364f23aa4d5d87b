"""Calls as Twilio makes them: signed for our public address, with the token of the settings in tests/fakes.py."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator

from tests.fakes import TWILIO_NUMBER

TOKEN = "a" * 32
PUBLIC = "https://pos.example"
TO = "+447700900321"


def call_of(sender: str, body: str, *, sid: str = "SM" + "c" * 32) -> dict[str, str]:
    """The fields of a text that came in."""
    return {"MessageSid": sid, "From": sender, "To": TWILIO_NUMBER, "Body": body, "NumMedia": "0"}


INBOUND = call_of(TO, "INFO & é + ünï")


def call(
    client: FlaskClient,
    path: str,
    fields: Any,
    *,
    token: str = TOKEN,
    signature: str | None = None,
    **kept: Any,
) -> int:
    """Post as Twilio does, signed for our public address; returns the status code. signature: "" for none at all."""
    if signature is None:
        signature = RequestValidator(token).compute_signature(PUBLIC + path, fields)
    headers = {"X-Twilio-Signature": signature} if signature else {}
    return client.post(path, data=fields, headers=headers, **kept).status_code
