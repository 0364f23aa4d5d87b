"""GOV.UK Notify's side of the wire, at the end of a real socket, for its own client library. Every call is checked: its key, its
fields, its page of a list.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

SERVICE, SECRET = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
TEMPLATE = str(uuid.UUID(int=3))
TOKEN = "a-token-typed-into-notifys-page"
NOTIFY = {
    "POS_SMS_SECOND": "notify",
    "NOTIFY_API_KEY": f"tests-{SERVICE}-{SECRET}",
    "NOTIFY_TEMPLATE_ID": TEMPLATE,
    "NOTIFY_CALLBACK_TOKEN": TOKEN,
}
PAGE = 250


class NotifyLine:
    """A server of this machine. `has` is what it took, oldest first; `problems` what Notify would not understand.

    `modes`: how the coming calls go. "ok"; "cut": not taken, no answer; "drop": taken, no answer; "not_json"; a number: that status
    with no words; (status, error): as Notify refuses, with `retry_after` beside it.
    """

    def __init__(self) -> None:
        self.has: list[dict[str, Any]] = []
        self.modes: list[Any] = []
        self.calls: list[tuple[str, str]] = []
        self.problems: list[str] = []
        self.retry_after: str | None = None
        self.clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.line = self  # type: ignore[attr-defined]
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._serving.start()

    @property
    def settings(self) -> dict[str, str]:
        """The settings of an app whose second supplier is this one."""
        return {**NOTIFY, "NOTIFY_API_BASE": self.base}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._serving.join(10)

    def __enter__(self) -> NotifyLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def answer(self, method: str, path: str, body: bytes, authorization: str) -> tuple[int, Any] | None:
        """What one call is answered; None: the line is cut."""
        self.calls.append((method, path))
        try:
            claims = jwt.decode(
                authorization.removeprefix("Bearer "), SECRET, algorithms=["HS256"], issuer=SERVICE
            )
            assert "iat" in claims
        except (jwt.PyJWTError, AssertionError):
            return 403, _refusal(403, "AuthError")
        mode = self.modes.pop(0) if self.modes else "ok"
        if mode == "cut":
            return None
        if mode == "not_json":
            return 200, "<html>"
        if isinstance(mode, int):
            return mode, "<html>out of order</html>"
        if isinstance(mode, tuple):
            return mode[0], _refusal(*mode)
        parts = urlsplit(path)
        try:
            if method == "POST":
                made = self._send(parts.path, json.loads(body))
                return None if mode == "drop" else (201, made)
            return self._look(parts.path, {name: one[0] for name, one in parse_qs(parts.query).items()})
        except AssertionError as problem:
            self.problems.append(str(problem))
            return 400, _refusal(400, "ValidationError")

    def _send(self, path: str, form: dict[str, Any]) -> dict[str, Any]:
        assert path == "/v2/notifications/sms", path
        assert set(form) <= {"phone_number", "template_id", "personalisation", "reference"}, form
        assert form["template_id"] == TEMPLATE, form
        assert set(form["personalisation"]) == {"body"}, form
        made = {
            "id": str(uuid.uuid4()),
            "reference": form.get("reference"),
            "phone_number": form["phone_number"],
            "body": form["personalisation"]["body"],
            "status": "created",
            "created_at": self.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        self.has.append(made)
        return {"id": made["id"], "reference": made["reference"], "content": {"body": made["body"]}}

    def _look(self, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        if path != "/v2/notifications":
            found = [one for one in self.has if path == f"/v2/notifications/{one['id']}"]
            return (200, found[0]) if found else (404, _refusal(404, "NoResultFound"))
        assert set(asked) <= {"template_type", "reference", "older_than"}, asked
        assert asked["template_type"] == "sms", asked
        shown = [one for one in reversed(self.has) if asked.get("reference") in (None, one["reference"])]
        if older := asked.get("older_than"):
            shown = shown[[one["id"] for one in shown].index(older) + 1 :]
        return 200, {"notifications": shown[:PAGE], "links": {"current": path}}


def _refusal(status: int, error: str) -> dict[str, Any]:
    return {"status_code": status, "errors": [{"error": error, "message": "words that quote 07700 900123"}]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self._answer("POST", self.rfile.read(int(self.headers["Content-Length"])))

    def do_GET(self) -> None:
        self._answer("GET", b"")

    def _answer(self, method: str, body: bytes) -> None:
        line: NotifyLine = self.server.line  # type: ignore[attr-defined]
        answer = line.answer(method, self.path, body, self.headers.get("Authorization", ""))
        if answer is None:
            self.close_connection = True
            self.connection.close()
            return
        status, told = answer
        data = told.encode() if isinstance(told, str) else json.dumps(told).encode()
        self.send_response(status)
        if line.retry_after and status == 429:
            self.send_header("Retry-After", line.retry_after)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Quiet."""
