"""Where Twilio calls us: texts that come in, and what became of our texts and calls.

The rule kept: nothing is read or written before the signature over our configured public address holds; a call that is not
Twilio's is refused with 403, whatever it holds. Answers go out through the outbox, never in the reply to the call.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, abort, current_app, request

from safety import delivery, inbox
from safety.extensions import csrf
from safety.permissions import ANYONE, allow
from safety.sms.twilio import call_word, signed
from safety.web.gate import begins_its_own_write, now, retrying

pages = Blueprint("twilio", __name__, url_prefix="/twilio")

# Twilio's own words may be ten segments long; nothing it sends in a field we keep is longer.
LONGEST = {
    "MessageSid": 64,
    "From": 40,
    "Body": 1600,
    "MessageStatus": 20,
    "ErrorCode": 40,
    "CallSid": 64,
    "CallStatus": 20,
    "AnsweredBy": 40,
}


def wanted(app: Flask) -> bool:
    """Only where Twilio is the supplier; elsewhere these addresses do not exist."""
    return bool(app.config["POS_SMS"] == "twilio")


@pages.before_request
def _only_twilio() -> Response | None:
    url = current_app.config["POS_PUBLIC_URL"] + request.path
    if request.query_string:
        url += "?" + request.query_string.decode("utf-8", "replace")
    if not signed(url, request.form, request.headers.get("X-Twilio-Signature")):
        # Plain, and not the page for people, which shows nobody a 403.
        return Response("not signed by Twilio\n", 403, content_type="text/plain; charset=utf-8")
    return None


def _field(name: str, *, needed: bool = True) -> str:
    """One field of the call, told once. 400 when it is missing, told twice, too long or, but for words, not to be printed."""
    values = request.form.getlist(name)
    if len(values) > 1 or (needed and not values) or any(len(value) > LONGEST[name] for value in values):
        abort(400)
    # A database refuses some signs; the words of a text are sealed before they come there.
    if name != "Body" and not all(value.isprintable() for value in values):
        abort(400)
    return values[0] if values else ""


@pages.post("/inbound")
@csrf.exempt  # type: ignore[untyped-decorator]
@allow(ANYONE)
@begins_its_own_write
def inbound() -> Response:
    """A text somebody sent us."""
    sid, sender, body = _field("MessageSid"), _field("From"), _field("Body")
    if not sid or not sender:
        abort(400)
    retrying(lambda: inbox.receive(sid=sid, sender=sender, body=body, now=now()))
    return Response(
        '<?xml version="1.0" encoding="UTF-8"?><Response/>', content_type="text/xml; charset=utf-8"
    )


@pages.post("/status")
@csrf.exempt  # type: ignore[untyped-decorator]
@allow(ANYONE)
@begins_its_own_write
def status() -> Response:
    """What became of a text of ours."""
    sid, word, error = _field("MessageSid"), _field("MessageStatus"), _field("ErrorCode", needed=False)
    if not sid or not word:
        abort(400)
    retrying(lambda: delivery.receipt(sid=sid, status=word, error=error or None, now=now()))
    return Response(status=204)


@pages.post("/call")
@csrf.exempt  # type: ignore[untyped-decorator]
@allow(ANYONE)
@begins_its_own_write
def call() -> Response:
    """What became of a call of ours."""
    sid, word, by = _field("CallSid"), _field("CallStatus"), _field("AnsweredBy", needed=False)
    if not sid or not word:
        abort(400)
    retrying(lambda: delivery.receipt(sid=sid, status=call_word(word, by), error=None, now=now()))
    return Response(status=204)
