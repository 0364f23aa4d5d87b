"""Stand-ins for the world outside: a supplier that counts, and Twilio's side of the wire under Twilio's own client library."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from twilio.http import HttpClient
from twilio.http.response import Response

from safety import sms

# Where a text stands for good.
FINAL = {"delivered", "undelivered", "failed", "canceled", "read", "received"}
_FORM = "application/x-www-form-urlencoded"


class Described:
    """What Twilio's own description says of one resource ("messages", "calls"): what may be created, asked and answered."""

    def __init__(self, resource: str, one: str) -> None:
        path = Path(__file__).parent / "data" / f"twilio_{resource}_openapi.json"
        openapi = json.loads(path.read_text(encoding="utf-8"))
        components = {"components": openapi["components"]}
        address = f"/2010-04-01/Accounts/{{AccountSid}}/{resource.title()}"
        paths, one_path = openapi["paths"][f"{address}.json"], openapi["paths"][f"{address}/{{Sid}}.json"]
        form = paths["post"]["requestBody"]["content"][_FORM]["schema"]
        change = one_path["post"]["requestBody"]["content"][_FORM]["schema"]
        self._change = OAS30Validator({**change, **components})
        self._id = next(
            each["schema"]["pattern"] for each in one_path["get"]["parameters"] if each["name"] == "Sid"
        )
        self._fields = set(form["properties"])
        self.whole = {name for name, kind in form["properties"].items() if kind.get("type") == "integer"}
        self._create = OAS30Validator({**form, **components}, format_checker=oas30_format_checker)
        # What may be asked of a list, as one schema; the path is not asked but called.
        asked = {each["name"]: each["schema"] for each in paths["get"]["parameters"] if each["in"] == "query"}
        self._list = OAS30Validator(
            {"type": "object", "properties": asked, "additionalProperties": False, **components},
            format_checker=oas30_format_checker,
        )
        self._answer = OAS30Validator({"$ref": f"#/components/schemas/api.v2010.account.{one}", **components})

    def check_created(self, sent: dict[str, Any]) -> None:
        """AssertionError if Twilio does not describe such a call."""
        problems = [problem.message for problem in self._create.iter_errors(sent)]
        assert not problems, problems
        unknown = set(sent) - self._fields
        assert not unknown, unknown

    def is_id(self, sid: str) -> bool:
        """Whether one of these can have this id."""
        return re.fullmatch(self._id, sid) is not None

    def check_changed(self, change: dict[str, Any]) -> None:
        """AssertionError if one cannot be changed so."""
        problems = [problem.message for problem in self._change.iter_errors(change)]
        assert not problems, problems

    def check_asked(self, asked: dict[str, Any]) -> None:
        """AssertionError if a list may not be asked for so."""
        problems = [problem.message for problem in self._list.iter_errors(_figures(asked))]
        assert not problems, problems

    def check_answer(self, answer: dict[str, Any]) -> None:
        """AssertionError if we let Twilio answer what it does not."""
        problems = [problem.message for problem in self._answer.iter_errors(answer)]
        assert not problems, problems


DESCRIBED = {"Messages": Described("messages", "message"), "Calls": Described("calls", "call")}
# The fields that are whole numbers; in a form everything is words.
WHOLE = set().union(*(each.whole for each in DESCRIBED.values()))

# An account as the settings have it.
TWILIO_NUMBER = "+447700900000"
TWILIO = {
    "POS_SMS": "twilio",
    "POS_PUBLIC_URL": "https://pos.example",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_KEY_SID": "SK" + "1" * 32,
    "TWILIO_KEY_SECRET": "a-secret-of-the-tests",
    "TWILIO_AUTH_TOKENS": "b" * 32 + "," + "a" * 32,
    "TWILIO_FROM": TWILIO_NUMBER,
}


@dataclass
class Had:
    """One text a supplier has."""

    sid: str
    to: str
    body: str
    at: dt.datetime
    status: str = "queued"
    unlisted: bool = False  # it has it, and leaves it out of a list


@dataclass
class FakeSupplier:
    """Keeps what it takes and counts every call. `next` holds what the coming sends do, in order; after that they go well.

    "ok": taken. "drop": taken, and the answer lost. "hang": not taken, and no answer. An exception is raised as it is.
    """

    clock: Callable[[], dt.datetime]
    name: str = "fake"
    receives: bool = True
    only_to: str | None = None  # `next` is for sends to this number; others go well
    next: list[str | Exception] = field(default_factory=list)
    next_find: list[Exception] = field(default_factory=list)
    next_listed: list[Exception] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    next_received: list[Exception] = field(default_factory=list)
    came_in: list[sms.Received] = field(default_factory=list)
    has: list[Had] = field(default_factory=list)
    sends: int = 0
    finds: int = 0
    asked_since: list[dt.datetime] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    next_call: list[str | Exception] = field(default_factory=list)  # as `next`, for calls
    rings: list[Had] = field(default_factory=list)
    rang: int = 0  # how often a call was asked for, made or not
    during: Callable[[], None] | None = None

    def send(
        self, *, to: str, body: str, validity_s: int, callback_url: str, reference: str = ""
    ) -> sms.Sent:
        self.sends += 1
        self.calls.append({"to": to, "body": body, "validity_s": validity_s, "callback_url": callback_url})
        if self.during is not None:
            self.during()
        what = self.next.pop(0) if self.next and self.only_to in (None, to) else "ok"
        return self._take(self.has, Had(f"SM{self.sends:032x}", to, body, self.clock()), what)

    @staticmethod
    def _take(into: list[Had], had: Had, what: str | Exception) -> sms.Sent:
        if isinstance(what, Exception):
            raise what
        if what == "hang":
            raise sms.Unanswered("ReadTimeout")
        into.append(had)
        if what == "drop":
            raise sms.Unanswered("ConnectionError")
        return sms.Sent(had.sid, had.status)

    def call(self, *, to: str, words: str, callback_url: str) -> sms.Sent:
        self.rang += 1
        if self.during is not None:
            self.during()
        what = self.next_call.pop(0) if self.next_call else "ok"
        return self._take(self.rings, Had(f"CA{self.rang:032x}", to, words, self.clock()), what)

    def find_calls(self, *, to: str, since: dt.datetime) -> list[sms.Sent]:
        self.finds += 1
        return [sms.Sent(had.sid, had.status) for had in self.rings if had.to == to and had.at >= since]

    def find(self, *, to: str, body: str, since: dt.datetime, reference: str = "") -> list[sms.Sent]:
        self.finds += 1
        if self.next_find:
            raise self.next_find.pop(0)
        return [
            sms.Sent(had.sid, had.status)
            for had in self.has
            if (had.to, had.body) == (to, body) and had.at >= since
        ]

    def received(self, *, since: dt.datetime) -> list[sms.Received]:
        self.asked_since.append(since)
        if self.during is not None:
            self.during()
        if self.next_received:
            raise self.next_received.pop(0)
        return [text for text in self.came_in if text.sent_at >= since]

    def listed(self, *, since: dt.datetime) -> list[sms.Listed]:
        self.asked_since.append(since)
        if self.during is not None:
            self.during()
        if self.next_listed:
            raise self.next_listed.pop(0)
        return [
            sms.Listed(had.sid, had.status, None, had.at, sms.is_trial(had.body))
            for had in self.has
            if had.at >= since and not had.unlisted
        ]

    def look(self, *, sid: str) -> sms.Listed | None:
        self.looks.append(sid)
        kept = self.has + self.rings
        return next((sms.Listed(had.sid, had.status, None, had.at) for had in kept if had.sid == sid), None)

    def sends_to(self, number: str | None) -> int:
        """How often a number was texted, taken or not."""
        return sum(call["to"] == number for call in self.calls)

    def copies(self) -> dict[tuple[str, str], int]:
        """How often each (number, words) was really taken."""
        counts: dict[tuple[str, str], int] = {}
        for had in self.has:
            counts[had.to, had.body] = counts.get((had.to, had.body), 0) + 1
        return counts


class FakeTwilio(HttpClient):
    """Twilio as its client library meets it, without a network. Every call is checked against Twilio's own description, and so
    is every message and call it answers a list with.

    `modes` holds how the coming calls go: "ok", "timeout", "accept_then_drop", "not_json", "empty", a number (that HTTP
    status with no words), or (status, code) as Twilio refuses, with `retry_after` beside a 429. `becomes` holds what our
    texts have become each time a list is asked for: Twilio's status and code. `shows_undated`: whether a text that has not
    been passed on stands in a list that is asked for by date. `calls`
    holds the calls it was asked to make; what a person or a machine does with one is set in it.
    """

    def __init__(self) -> None:
        super().__init__(None, False, None)
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.modes: list[Any] = []
        self.retry_after: str | None = None
        self.has: list[dict[str, Any]] = []
        self.becomes: list[tuple[str, int | None]] = []
        self.at_first = "queued"  # Twilio's word for a text it has just taken
        self.calls: list[dict[str, Any]] = []
        self.clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
        self.shows_undated = True

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        sent = (
            dict(data or {})
            if method == "POST"
            else {
                # The address of a further page, which Twilio gave, holds its own query.
                **dict(parse_qsl(urlsplit(url).query)),
                **{key: value for key, value in (params or {}).items() if _is_set(value)},
            }
        )
        self.requests.append((method, url, sent))
        *_, last = urlsplit(url).path.removesuffix(".json").split("/")
        resource = last if last in DESCRIBED else urlsplit(url).path.split("/")[-2]
        assert last in DESCRIBED or DESCRIBED[resource].is_id(last), url
        mode = self.modes.pop(0) if self.modes else "ok"
        if mode == "timeout":
            raise requests.exceptions.ReadTimeout("a time-out that quotes +447700900123")
        if isinstance(mode, int):
            return Response(mode, "<html>out of order</html>", {})
        if isinstance(mode, tuple):
            status, code = mode
            body = {
                "code": code,
                "message": "words that quote +447700900123",
                "status": status,
                "more_info": "https://example.org",
            }
            extra = {"Retry-After": self.retry_after} if self.retry_after else {}
            return Response(status, json.dumps(body), extra)
        if mode == "not_json":
            return Response(201 if method == "POST" else 200, "<html>", {})
        if mode == "empty":
            return Response(201, "{}", {})
        if last not in DESCRIBED:
            return self._one(resource, last, sent if method == "POST" else None)
        if method != "POST":
            return self._list(resource, sent)
        DESCRIBED[resource].check_created(sent)
        made = self._rung(sent) if resource == "Calls" else self._sent(sent)
        if mode == "accept_then_drop":
            raise requests.exceptions.ConnectionError("the connection was cut")
        return Response(201, json.dumps(made), {})

    def _rung(self, sent: dict[str, Any]) -> dict[str, Any]:
        call = {
            "sid": f"CA{len(self.calls) + 1:032x}",
            "status": "queued",
            "to": sent["To"],
            "from": sent["From"],
            "direction": "outbound-api",
            "answered_by": None,
            "date_created": format_datetime(self.clock()),
            "start_time": None,
        }
        self.calls.append(call)
        return call

    def _sent(self, sent: dict[str, Any]) -> dict[str, Any]:
        message = {
            "sid": f"SM{len(self.has) + 1:032x}",
            "status": self.at_first,
            "to": sent["To"],
            "from": sent["From"],
            "body": sent["Body"],
            "direction": "outbound-api",
            "error_code": None,
            "date_created": format_datetime(self.clock()),
            "date_sent": None,
        }
        self.has.append(message)
        return message

    def _one(self, resource: str, sid: str, change: dict[str, Any] | None) -> Response:
        """One message or call: as it is, or with what is to change. Only what is over can lose its words, and nothing else."""
        kept = self.calls if resource == "Calls" else self.has
        message = next((one for one in kept if one["sid"] == sid), None)
        if message is None:
            return Response(404, json.dumps({"code": 20404, "message": f"no {sid}", "status": 404}), {})
        if change is not None:
            DESCRIBED[resource].check_changed(change)
            assert change == {"Body": ""}, change
            if message["status"] not in FINAL:
                return Response(409, json.dumps({"code": 20009, "message": "not yet", "status": 409}), {})
            message["body"] = ""
        DESCRIBED[resource].check_answer(message)
        return Response(200, json.dumps(message), {})

    def _list(self, resource: str, asked: dict[str, Any]) -> Response:
        DESCRIBED[resource].check_asked(asked)
        if self.becomes and resource == "Messages":
            status, code = self.becomes.pop(0)
            for one in self.has:
                if one["direction"] != "inbound":
                    one.update(status=status, error_code=code)
        # The newest first, by when it was sent.
        kept = self.calls if resource == "Calls" else self.has
        dated = "DateSent>" in asked and not self.shows_undated
        found = [
            one
            for one in reversed(kept)
            if _matches(one, asked) and not (dated and one.get("date_sent") is None)
        ]
        found.sort(key=_instant, reverse=True)
        page, size = int(asked.get("Page", 0)), int(asked.get("PageSize", 50))
        shown, rest = found[page * size : (page + 1) * size], found[(page + 1) * size :]
        for one in shown:
            DESCRIBED[resource].check_answer(one)
        query = urlencode({**asked, "Page": page + 1, "PageToken": "PA" + "0" * 32})
        answer = {
            resource.lower(): shown,
            "next_page_uri": f"/2010-04-01/Accounts/AC{'0' * 32}/{resource}.json?{query}" if rest else None,
            "page": page,
            "page_size": size,
        }
        return Response(200, json.dumps(answer), {})

    def comes_in(
        self,
        sender: str,
        body: str | None,
        *,
        at: dt.datetime | None = None,
        to: str = TWILIO_NUMBER,
        **kept: Any,
    ) -> dict[str, Any]:
        """Somebody texts our number; returns Twilio's record of it, which nobody has told us of."""
        when = format_datetime(at or self.clock())
        message = {
            "sid": f"SM{len(self.has) + 1:032x}",
            "status": "received",
            "to": to,
            "from": sender,
            "body": body,
            "direction": "inbound",
            "error_code": None,
            "date_created": when,
            "date_sent": when,
            **kept,
        }
        self.has.append(message)
        return message


def _instant(message: dict[str, Any]) -> dt.datetime:
    return parsedate_to_datetime(message.get("date_sent") or message["date_created"])


def _matches(message: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether a message is one of those asked for. A day is a whole day, as Twilio's description has it; whether what has no
    date at all belongs to it is said nowhere, so here it does.
    """
    if "DateSent>" in asked and message["date_sent"] is not None:
        first = dt.datetime.fromisoformat(asked["DateSent>"]).date()
        if _instant(message).astimezone(dt.UTC).date() < first:
            return False
    return all(message[name.lower()] == asked[name] for name in ("To", "From") if name in asked)


def _figures(asked: dict[str, Any]) -> dict[str, Any]:
    """What was asked, with numbers as numbers: in an address everything is words."""
    return {
        name: int(value) if str(value).isdecimal() and name.startswith("Page") else value
        for name, value in asked.items()
    }


def _is_set(value: Any) -> bool:
    # The library marks what was not given with a bare object().
    return value is not None and type(value) is not object


class MailServer:
    """A mail server on this machine: keeps what it is given, or refuses it. Speaks as much SMTP as smtplib asks for."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, str]] = []  # to whom, and the whole of it
        self.refuses = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        with contextlib.suppress(OSError):  # closed before
            # A listener that is only closed goes on waiting for the next caller.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller, caller.makefile("rwb") as line:
                self._talk(line)

    def _talk(self, line: Any) -> None:
        def say(words: str) -> None:
            line.write(f"{words}\r\n".encode())
            line.flush()

        to = ""
        say("220 fake")
        for heard in line:
            verb = heard.split(b":")[0].strip().upper()
            if verb == b"RCPT TO":
                to = heard.decode().partition("<")[2].partition(">")[0]
                say(f"550 no {to} here" if self.refuses else "250 ok")
            elif verb == b"DATA":
                say("354 go on")
                letter = b"".join(iter(line.readline, b".\r\n")).decode()
                self.letters.append((to, letter))
                say("250 ok")
            elif verb == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")
