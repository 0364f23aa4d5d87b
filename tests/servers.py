"""The real thing, as processes: gunicorn and the jobs process on a test's database, and people who use it over HTTP."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.conftest import ROOT, environment_for

PASSWORD = "seven purple ladders"
_CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def free_port() -> int:
    """A port of this machine nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A running process group."""

    process: subprocess.Popen[bytes]
    url: str = ""
    log: Path | None = None

    def words(self) -> str:
        """What it has said so far."""
        return self.log.read_text(errors="replace") if self.log else ""

    def kill(self) -> None:
        """As by kill -9, all of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """As an operator stops it; returns the exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9


def _start(arguments: list[str], env: Mapping[str, str], log: Path) -> Server:
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Server(process, log=log)


@contextlib.contextmanager
def web(database_url: str, log: Path, *, workers: int = 3, **changes: str) -> Iterator[Server]:
    """gunicorn on the database, answering."""
    port = free_port()
    env = environment_for(
        database_url,
        PORT=str(port),
        WEB_CONCURRENCY=str(workers),
        POS_LOG_LEVEL="warning",
        POS_PUBLIC_URL=f"http://localhost:{port}",
        SIGN_IN_PER_SOURCE="1000 per minute",
        **{"POS_ACCESS_LOG": "", **changes},
    )
    server = _start(["gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"], env, log)
    server.url = f"http://localhost:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                if requests.get(f"{server.url}/healthz", timeout=5).ok:
                    break
            if server.process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            raise AssertionError(f"gunicorn did not answer: {server.words()}")
        assert server.process.poll() is None, server.words()
        yield server
    finally:
        server.stop()


def jobs(database_url: str, log: Path, *, module: Sequence[str] = (), **changes: str) -> Server:
    """A jobs process on the database; module: what to start it through, such as a mutant and its name."""
    arguments = [*module, "flask", "--app", "wsgi", "jobs"]
    return _start(arguments, environment_for(database_url, **changes), log)


class Browser:
    """Somebody signed in over HTTP. Keeps its own cookies and CSRF token, follows no redirect."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.token = ""

    def get(self, path: str, **more: Any) -> requests.Response:
        """A page, following redirects; its CSRF token is kept for the next post."""
        page = self.session.get(self.url + path, timeout=60, **more)
        if found := _CSRF.search(page.text):
            self.token = found[1]
        return page

    def post(self, path: str, data: Mapping[str, Any] | None = None) -> requests.Response:
        """Send a form; the answer itself, not what it points to."""
        form = {"csrf_token": self.token, **(data or {})}
        return self.session.post(self.url + path, data=form, timeout=60, allow_redirects=False)

    def sign_in(self, email: str, password: str = PASSWORD) -> Browser:
        """Sign in. Raises AssertionError when that does not work."""
        self.get("/sign-in")
        answer = self.post("/sign-in", {"email": email, "password": password})
        assert answer.status_code == 303, answer.text
        self.get("/take-over")
        return self

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()


WHO = {"adult": "yes", "agrees": "yes", "hospital": "no", "kind": "women", "adults": "1", "pregnant": "no"}
NEEDS = {"tracking": "yes", "miles": "10"}
WHERE = {
    "outcode": "LS1",
    "setting": "station",
    "ready": "0",
    "transport": "police",
    "travel": "60",
    "mobile": "07700 900456",
}
