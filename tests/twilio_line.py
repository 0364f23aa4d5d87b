"""Fake Twilio at the end of a real socket, for the real client in a process of its own: answers, refuses, hangs, cuts the line."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

import requests
from twilio.http.response import Response

from tests.fakes import TWILIO, WHOLE, FakeTwilio

_BASIC = base64.b64encode(f"{TWILIO['TWILIO_KEY_SID']}:{TWILIO['TWILIO_KEY_SECRET']}".encode()).decode()
_UNKNOWN_KEY = {"code": 20003, "message": "Authenticate", "status": 401, "more_info": "https://example.org"}


class TwilioLine:
    """A server of this machine with FakeTwilio behind it. `base` is what TWILIO_API_BASE has to be, `has` what it took.

    fate: how the next call of a method ("POST", "GET") goes, one of FakeTwilio's modes; None: as `wire.modes` says. "timeout"
    holds the call until `enough` is set and then answers it in the mode of `at_last`; None there: cuts it. `hanging` is set
    while one is held.
    """

    def __init__(self, wire: FakeTwilio | None = None, fate: Callable[[str], Any] | None = None) -> None:
        self.wire = wire or FakeTwilio()
        self.fate = fate
        self.at_last: Any = None
        self.enough, self.hanging = threading.Event(), threading.Event()
        self.taken_at: dict[str, dt.datetime] = {}  # by sid
        self.outcomes: list[tuple[str, Any]] = []  # the method and the mode of every call, in order
        self.problems: list[str] = []  # calls that Twilio does not describe so
        self._turn = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.line = self  # type: ignore[attr-defined]
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._serving.start()

    @property
    def settings(self) -> dict[str, str]:
        """The settings of an app that texts over this line."""
        return {**TWILIO, "TWILIO_API_BASE": self.base}

    def outbound(self) -> list[dict[str, Any]]:
        """Every text it took from us."""
        with self._turn:
            return [one for one in self.wire.has if one["direction"] != "inbound"]

    def close(self) -> None:
        """Hang up on everybody."""
        self.enough.set()
        self._server.shutdown()
        self._server.server_close()
        self._serving.join(10)

    def __enter__(self) -> TwilioLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def answer(self, method: str, path: str, form: dict[str, str], authorization: str) -> Response | None:
        """What one call is answered; None: the line is cut."""
        if authorization != f"Basic {_BASIC}":
            return Response(401, json.dumps(_UNKNOWN_KEY), {})
        with self._turn:
            mode = self.fate(method) if self.fate else (self.wire.modes.pop(0) if self.wire.modes else "ok")
        if mode == "timeout":
            self.hanging.set()
            self.enough.wait()
            self.hanging.clear()
            mode = self.at_last
            if mode is None:
                return None
        with self._turn:
            return self._ask(method, path, form, mode)

    def _ask(self, method: str, path: str, form: dict[str, str], mode: Any) -> Response | None:
        self.outcomes.append((method, mode))
        self.wire.modes = [mode]
        before = len(self.wire.has)
        try:
            return self.wire.request(method, self.base + path, data=_typed(form))
        except requests.exceptions.ConnectionError:
            return None
        except Exception as problem:  # what a test must hear of must not die with the thread of a call
            self.problems.append(f"{type(problem).__name__}: {problem}")
            return Response(500, "<html>not as Twilio describes it</html>", {})
        finally:
            for one in self.wire.has[before:]:
                self.taken_at[one["sid"]] = dt.datetime.now(dt.UTC)


def _typed(form: dict[str, str]) -> dict[str, Any]:
    """A form's numbers as numbers: on the wire everything is words."""
    return {name: int(value) if name in WHOLE else value for name, value in form.items()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # whoever called died in the middle of it, and has asked for nothing
            return
        self._answer("POST", dict(parse_qsl(body.decode(), keep_blank_values=True)))

    def do_GET(self) -> None:
        self._answer("GET", {})

    def _answer(self, method: str, form: dict[str, str]) -> None:
        line: TwilioLine = self.server.line  # type: ignore[attr-defined]
        response = line.answer(method, self.path, form, self.headers.get("Authorization", ""))
        if response is None:
            self.close_connection = True
            return
        body = response.text.encode()
        # Whoever was killed or gave up meanwhile no longer listens.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(response.status_code)
            for name, value in (response.headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def handle(self) -> None:
        with contextlib.suppress(ConnectionResetError):
            super().handle()

    def log_message(self, *_args: object) -> None:
        """Nothing: the test's output is not the place."""
