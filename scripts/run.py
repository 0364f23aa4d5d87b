"""`make run`: the demonstration on this machine, web server and jobs process together, started and stopped as one.

The rule kept: it listens on loopback only, works on its own SQLite file with its own keys under var/ whatever the environment
says, and never leaves a process behind.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
KEYS = VAR / "demo.env"
DATABASE = VAR / "demo.sqlite"
LOCK = VAR / "demo.lock"

STARTS_WITHIN_S = 60
STOPS_WITHIN_S = 30
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# What a process of the demonstration may inherit; a production DATABASE_URL in somebody's shell may not be among it.
INHERITED = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TERM",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "WEB_CONCURRENCY",
)


class CannotRun(Exception):
    """Why the demonstration does not start, and what to type."""


def chosen_port() -> int:
    """PORT from the environment, 8000 if unset. Raises CannotRun when it is no port."""
    text = os.environ.get("PORT", "").strip() or "8000"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise CannotRun(f"PORT: {text!r} is no port. Type: make run PORT=8001")
    return int(text)


def must_be_free(port: int) -> None:
    """Raises CannotRun, with what to type, when something answers on `port` or this user may not listen there."""
    # Asking first, because macOS lets one bind loopback beside a server that listens everywhere; both families, because a
    # browser may take localhost for either.
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as asking:
            asking.settimeout(1)
            if asking.connect_ex((host, port)) == 0:
                raise CannotRun(_taken(port))
    with socket.socket() as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind(("127.0.0.1", port))
        except PermissionError as problem:
            raise CannotRun(
                f"Port {port} is kept for the administrator. Type: make run PORT=8001"
            ) from problem
        except OSError as problem:
            raise CannotRun(_taken(port)) from problem


def _taken(port: int) -> str:
    other = port + 1 if port < 65535 else 8000
    return (
        f"Port {port} is taken: something on this machine already answers there. Type: make run PORT={other}"
    )


def demo_keys() -> dict[str, str]:
    """The keys of this demonstration, made once and kept in var/demo.env, readable by its owner only.

    Raises CannotRun when the file is damaged, or gone while the database it opened is still there.
    """
    names = ("POS_SECRET_KEY", "POS_FIELD_KEYS", "POS_INDEX_KEY")
    if KEYS.exists():
        lines = (line.partition("=") for line in KEYS.read_text(encoding="utf-8").splitlines() if "=" in line)
        keys = {name.strip(): value.strip() for name, _, value in lines}
        if not all(keys.get(name) for name in names):
            raise CannotRun(
                "var/demo.env is damaged, and without its keys the demo cannot be read. Type: make demo-reset"
            )
        return {name: keys[name] for name in names}
    if DATABASE.exists():
        raise CannotRun(
            "var/demo.env is gone, and without its keys the demo cannot be read. Type: make demo-reset"
        )
    keys = {
        "POS_SECRET_KEY": secrets.token_urlsafe(48),
        "POS_FIELD_KEYS": "a:" + _random_key(),
        "POS_INDEX_KEY": _random_key(),
    }
    half_written = KEYS.with_suffix(".new")
    half_written.unlink(missing_ok=True)
    descriptor = os.open(half_written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in keys.items())
    half_written.replace(KEYS)
    return keys


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def environment(port: int, keys: Mapping[str, str]) -> dict[str, str]:
    """Everything a process of the demonstration sees in its environment."""
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        **keys,
        "POS_ENV": "demo",
        "POS_SMS": "simulator",
        "DATABASE_URL": f"sqlite:///{DATABASE}",
        "POS_PUBLIC_URL": f"http://localhost:{port}",
        "POS_BIND": f"127.0.0.1:{port}",
        "PORT": str(port),
        "POS_ACCESS_LOG": "",
        "POS_LOG_LEVEL": "warning",
        "FLASK_APP": "wsgi",
        "PYTHONUNBUFFERED": "1",
    }


@contextlib.contextmanager
def var_folder(*, alone: bool) -> Iterator[None]:
    """Hold var/, made 0700 if need be; `alone`, or together with other runs. Raises CannotRun when somebody is in the way."""
    VAR.mkdir(mode=0o700, exist_ok=True)
    VAR.chmod(0o700)
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except OSError as problem:
            busy = "The demo is running. Stop it (Ctrl-C), then type: make demo-reset"
            raise CannotRun(
                busy if alone else "The demo is being reset. Wait a moment, then type: make run"
            ) from problem
        yield
    finally:
        os.close(descriptor)


def prepare(env: Mapping[str, str]) -> None:
    """Bring the database to this code's schema and load the demo scheme if it is empty. Raises CannotRun when that fails."""
    for words, trouble in (
        (("db", "upgrade"), "bringing the database up to date"),
        (("demo",), "loading the demo scheme"),
    ):
        quiet = subprocess.PIPE if words[0] == "db" else None
        done = subprocess.run(
            [sys.executable, "-m", "flask", *words],
            cwd=ROOT,
            env=dict(env),
            stdout=quiet,
            stderr=quiet,
            text=True,
            check=False,
        )
        if done.returncode:
            said = f"{done.stdout or ''}{done.stderr or ''}".strip()
            raise CannotRun(f"{trouble} failed (exit {done.returncode}).\n{said}".strip())


def private_files() -> None:
    """Take others' rights from the database's files, whatever the umask was when they were made."""
    for path in VAR.glob("demo.sqlite*"):
        with contextlib.suppress(
            FileNotFoundError
        ):  # SQLite removes its -wal and -shm when the last reader leaves
            path.chmod(0o600)


def serve(env: Mapping[str, str], port: int) -> int:
    """Run both processes until one dies or somebody stops this one; gives this program's exit code."""
    commands = {
        "the web server": [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            str(ROOT / "gunicorn.conf.py"),
            "wsgi:app",
        ],
        "the jobs process": [sys.executable, "-m", "flask", "jobs"],
    }
    running: dict[str, subprocess.Popen[bytes]] = {}
    asked = threading.Event()
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: asked.set())
    try:
        for name, command in commands.items():
            # A session of its own: the terminal's Ctrl-C reaches this program only, which ends both in order.
            running[name] = subprocess.Popen(command, cwd=ROOT, env=dict(env), start_new_session=True)
        if _answers(port, running, asked):
            print(
                f"\nPlaces of Safety is running at http://localhost:{port}    (Ctrl-C stops it)\n", flush=True
            )
        while not asked.wait(0.3) and all(process.poll() is None for process in running.values()):
            pass
        if asked.is_set():
            print("\nrun: stopping …", flush=True)
            return 0
        for name, process in running.items():
            if process.returncode is not None:
                print(
                    f"run: {name} ended by itself (exit {process.returncode}); stopping the other",
                    file=sys.stderr,
                )
        return 1
    finally:
        end(running)


def _answers(port: int, running: Mapping[str, subprocess.Popen[bytes]], asked: threading.Event) -> bool:
    """Wait until the web server answers; False when a process died or somebody stopped this one first.

    Raises CannotRun after STARTS_WITHIN_S.
    """
    give_up = time.monotonic() + STARTS_WITHIN_S
    while not asked.is_set() and all(process.poll() is None for process in running.values()):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            if time.monotonic() > give_up:
                raise CannotRun(f"the web server did not answer within {STARTS_WITHIN_S} s") from None
            asked.wait(0.2)
    return False


def end(running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """End every process and what it started: asked first, killed after STOPS_WITHIN_S. Returns when all are gone."""
    for process in running.values():
        if process.poll() is None:
            process.terminate()
    give_up = time.monotonic() + STOPS_WITHIN_S
    for name, process in running.items():
        try:
            process.wait(max(0.1, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"run: {name} did not stop within {STOPS_WITHIN_S} s and was killed", file=sys.stderr)
        # Whatever it started shares its session, and may not outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def reset() -> int:
    """Remove the demo's database and load it afresh; gives this program's exit code."""
    with var_folder(alone=True):
        for path in VAR.glob("demo.sqlite*"):
            path.unlink()
        KEYS.unlink(missing_ok=True)
        prepare(environment(chosen_port(), demo_keys()))
        private_files()
    print("run: the demo starts over. Type: make run")
    return 0


def main() -> int:
    """Run, or start over with --reset. 0: stopped when asked; 1: it could not start, or a process died."""
    parser = argparse.ArgumentParser(description="The demonstration on this machine.")
    parser.add_argument("--reset", action="store_true", help="remove the demo's data and load it afresh")
    wanted = parser.parse_args()
    os.umask(0o077)
    try:
        if wanted.reset:
            return reset()
        port = chosen_port()
        must_be_free(port)
        with var_folder(alone=False):
            env = environment(port, demo_keys())
            prepare(env)
            private_files()
            return serve(env, port)
    except CannotRun as problem:
        print(f"run: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
