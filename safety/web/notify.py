"""Where GOV.UK Notify calls us: what became of a text that went by it.

The rule kept: nothing is read or written before the call has brought the token that was typed into Notify's page; a call without it
is refused with 403, whatever it holds.
"""

from __future__ import annotations

import uuid

from flask import Blueprint, Flask, Response, abort, request

from safety import delivery
from safety.extensions import csrf
from safety.permissions import ANYONE, allow
from safety.sms.notify import error_of, signed
from safety.web.gate import begins_its_own_write, now, retrying

pages = Blueprint("notify", __name__, url_prefix="/notify")

LONGEST = {"id": 64, "status": 20}


def wanted(app: Flask) -> bool:
    """Only where Notify is the second supplier; elsewhere this address does not exist."""
    return bool(app.config["POS_SMS_SECOND"] == "notify")


@pages.before_request
def _only_notify() -> Response | None:
    if not signed(request.headers.get("Authorization")):
        # Plain, and not the page for people, which shows nobody a 403.
        return Response("not Notify\n", 403, content_type="text/plain; charset=utf-8")
    return None


@pages.post("/status")
@csrf.exempt  # type: ignore[untyped-decorator]
@allow(ANYONE)
@begins_its_own_write
def status() -> Response:
    """What became of a text of ours. Its number, which comes too, is not looked at."""
    try:
        told = request.get_json(silent=True)
    except RecursionError:  # brackets within brackets, thousands deep
        told = None
    if not isinstance(told, dict):
        abort(400)
    sid, word = _id(told), _field(told, "status")
    retrying(lambda: delivery.receipt(sid=sid, status=word, error=error_of(word), now=now()))
    return Response(status=204)


def _id(told: dict[str, object]) -> str:
    """Notify's id of a text, a UUID as it writes them: no id of another supplier's is one. 400 for anything else."""
    sid = _field(told, "id")
    try:
        is_one = str(uuid.UUID(sid)) == sid
    except ValueError:
        is_one = False
    if not is_one:
        abort(400)
    return sid


def _field(told: dict[str, object], name: str) -> str:
    """One field of the call. 400 when it is missing, is too long or holds what neither an id nor a status has."""
    value = told.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST[name] or not value.isprintable():
        abort(400)
    return value
