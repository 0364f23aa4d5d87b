"""Databases made once from a migrated template, for every test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

import config
from safety import create_app
from safety.extensions import db
from safety.sms.twilio import Twilio
from tests import faster
from tests.desk import Desk, desk_of
from tests.factories import NOW
from tests.fakes import TWILIO, FakeTwilio
from tests.temppg import TempPG
from tests.visitor import StillClock, cheap_hashes, still_clock

ROOT = Path(__file__).parent.parent
BOTH = ("sqlite", "postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--db", default=",".join(BOTH), help="databases to test on: sqlite,postgresql")
    parser.addoption(
        "--pictures", action="store_true", help="keep a picture of every page a journey comes to"
    )
    parser.addoption("--full", action="store_true", help="races, kills and walks at full size (make prove)")


def settings_for(url: str, **changes: str) -> config.Settings:
    """Settings of a test app. Keys are fixed: nothing here ever guards a real person."""
    env = {
        "POS_ENV": "test",
        "SMS_AT_ONCE": "1",  # in the order of the queue; a test that wants several in hand says so
        "SMS_PER_SECOND": "1000",  # as fast as it can: nobody's supplier is asked
        "DATABASE_URL": url,
        "POS_SECRET_KEY": "a secret of the tests, known to everybody",
        "POS_FIELD_KEYS": "t:" + base64.b64encode(b"t" * 32).decode(),
        "POS_INDEX_KEY": base64.b64encode(b"i" * 32).decode(),
    }
    return config.load(env | changes)


def environment_for(url: str, **changes: str) -> dict[str, str]:
    """The same settings as an environment for a process of its own (gunicorn, jobs, commands)."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return keep | {
        "POS_ENV": "test",
        "SMS_PER_SECOND": "1000",  # as fast as it can: nobody's supplier is asked
        "DATABASE_URL": url,
        "POS_SECRET_KEY": "a secret of the tests, known to everybody",
        "POS_FIELD_KEYS": "t:" + base64.b64encode(b"t" * 32).decode(),
        "POS_INDEX_KEY": base64.b64encode(b"i" * 32).decode(),
        "PYTHONPATH": str(ROOT),
        **changes,
    }


def migrated(url: str) -> None:
    from flask_migrate import upgrade

    app = create_app(settings_for(url))
    with app.app_context():
        upgrade()
        db.engine.dispose()


_ours: list[TempPG] = []


def _wanted(config_: pytest.Config) -> list[str]:
    return [name for name in str(config_.getoption("--db")).split(",") if name]


def pytest_configure(config: pytest.Config) -> None:
    faster.begin()
    # One PostgreSQL for all xdist workers, started by the controller and handed down by its environment.
    if (
        "postgresql" in _wanted(config)
        and not hasattr(config, "workerinput")
        and "POS_TEST_PG" not in os.environ
    ):
        server = TempPG()
        _ours.append(server)
        server.create("pos_template")
        migrated(server.url("pos_template"))
        os.environ["POS_TEST_PG"] = server.url("{}")


def pytest_unconfigure(config: pytest.Config) -> None:
    for server in _ours:
        os.environ.pop("POS_TEST_PG", None)
        server.stop()
    _ours.clear()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" in metafunc.fixturenames and not any(
        "database" in (mark.args[0] if mark.args else "")
        for mark in metafunc.definition.iter_markers("parametrize")
    ):
        only = metafunc.definition.get_closest_marker("only")
        if only is None and not metafunc.config.getoption("--full"):
            only = metafunc.definition.get_closest_marker("mostly")
        names = [name for name in _wanted(metafunc.config) if only is None or name in only.args]
        metafunc.parametrize("database", names, scope="session", indirect=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file, copied for each test."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite"
    migrated(f"sqlite:///{path}")
    with sa.create_engine(f"sqlite:///{path}").connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> str:
    """The name of the database a test runs on: every test that asks for it, directly or not, runs on each."""
    return str(request.param)


def memory_folder() -> str | None:
    """A folder that is no disk, where there is one: nothing in a test's database has to outlive the machine."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture
def database_url(database: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated, empty database of its own."""
    if database == "sqlite":
        kept: Path = request.getfixturevalue("sqlite_path")
        shutil.copy(request.getfixturevalue("sqlite_template"), kept)
        yield f"sqlite:///{kept}"
        faster.let_go()
        for file in kept.parent.iterdir():  # a file that is no more takes its write-ahead log along
            file.unlink()
        return
    made: PostgresDatabase = request.getfixturevalue("postgres_database")
    yield made.url
    faster.let_go()
    made.empty()


@pytest.fixture(scope="session")
def sqlite_path() -> Iterator[Path]:
    """Where this worker's database is: the same place for every test, so that an engine is made for it once."""
    with tempfile.TemporaryDirectory(prefix="pos", dir=memory_folder()) as folder:
        yield Path(folder) / "test.sqlite"


class PostgresDatabase:
    """One database a worker, emptied after each test: making one from the template takes longer than most tests."""

    def __init__(self, pattern: str) -> None:
        self.name = f"t_{uuid.uuid4().hex[:16]}"
        self.url = pattern.format(self.name)
        self.admin = sa.create_engine(pattern.format("postgres"), isolation_level="AUTOCOMMIT")
        self.own = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self._make()

    def _make(self) -> None:
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
            connection.exec_driver_sql(
                f"CREATE DATABASE {self.name} TEMPLATE pos_template STRATEGY file_copy"
            )
        self.shape = self._shape()

    def _shape(self) -> object:
        with self.own.connect() as connection:
            return connection.exec_driver_sql(
                "SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_constraint), "
                "(SELECT string_agg(version_num, ',') FROM alembic_version)"
            ).one()

    def empty(self) -> None:
        """End what a test left connected, and take every row out; made anew if the test changed the schema itself."""
        with self.admin.connect() as connection:
            connection.exec_driver_sql(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'"
            )
        try:
            same = self._shape() == self.shape
        except sa.exc.DBAPIError:
            same = False
        if not same:
            self._make()
            return
        tables = ", ".join(table.name for table in db.metadata.sorted_tables)
        with self.own.connect() as connection:
            connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY")

    def drop(self) -> None:
        self.own.dispose()
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        self.admin.dispose()


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[PostgresDatabase]:
    """This worker's database on PostgreSQL."""
    made = PostgresDatabase(os.environ["POS_TEST_PG"])
    yield made
    made.drop()


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """The app on a fresh database, with its context pushed for the rooms."""
    app = create_app(settings_for(database_url))
    app.jinja_env.bytecode_cache = faster.templates
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def desk(app: Flask) -> Desk:
    """A supplier that counts and does as it is told, and a clock that only moves when told."""
    return desk_of(app)


@pytest.fixture
def wire() -> FakeTwilio:
    """Twilio's side of the wire, at a time that stands still."""
    made = FakeTwilio()
    made.clock = lambda: NOW
    return made


@pytest.fixture
def twilio_app(database_url: str, wire: FakeTwilio) -> Iterator[Flask]:
    """The app on a fresh database, texting by Twilio over the faked wire."""
    settings = settings_for(database_url, **TWILIO)
    made = create_app(settings)
    made.extensions["sms"] = Twilio(settings, transport=wire)
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords hashed in no time: nothing here guards anybody."""
    cheap_hashes(monkeypatch)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    """A clock that every door reads and that stands still until a test moves it."""
    return still_clock(monkeypatch, NOW)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript."""
    return app.test_client()


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the proofs run at full size."""
    return bool(request.config.getoption("--full"))
