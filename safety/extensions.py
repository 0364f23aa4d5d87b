"""The Flask extensions, made once and bound to an app by create_app; and the few things every table relies on.

The rule kept here: one writer at a time decides about beds, on both databases (docs/decisions/0002), and no time is stored
without its zone.
"""

from __future__ import annotations

import datetime as dt
import random
import secrets
import sqlite3
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import event, orm
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from safety import failpoints

T = TypeVar("T")

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# One lock for every decision about a bed. The number means nothing; it only has to be ours.
_DECIDING = 0x504F53
_BEGIN = "pos_begin"


class UTC(sa.TypeDecorator[dt.datetime]):
    """An instant. Aware in Python on both databases; SQLite, which has no zones, keeps naive UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without its zone was refused")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def new_id() -> uuid.UUID:
    """128 random bits, so that no id in a link can be guessed (ASVS 5.0 7.2.3 asks the same of tokens)."""
    return uuid.UUID(bytes=secrets.token_bytes(16))


class Base(DeclarativeBase):
    """Declarative base. The types live in the registry: Flask-SQLAlchemy 3.1 refuses both a registry and a type map."""

    registry = orm.registry(
        metadata=sa.MetaData(naming_convention=NAMING),
        type_annotation_map={dt.datetime: UTC(), uuid.UUID: sa.Uuid(), dict[str, Any]: sa.JSON()},
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
migrate = Migrate()
login = LoginManager()
csrf = CSRFProtect()

if TYPE_CHECKING:

    class Model(Base):
        """What type checkers see; at run time it is Flask-SQLAlchemy's own base."""

        __abstract__ = True
else:
    Model = db.Model


class Row(Model):
    """A table whose rows have an opaque 128-bit id, known before the row is written (sealed columns are bound to it)."""

    __abstract__ = True
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-1)

    def __init__(self, **kept: Any) -> None:
        # The id goes first: sealed columns are bound to it.
        super().__init__(**{"id": kept.pop("id", None) or new_id(), **kept})


def one_of(column: str, values: Any, *, name: str | None = None) -> sa.CheckConstraint:
    """A CHECK that `column` holds one of `values` (a StrEnum or strings), or nothing at all."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=name or f"{column}_is_known")


def both_or_neither(one: str, other: str) -> sa.CheckConstraint:
    """A CHECK that a when is never stored without its who, nor a who without its when."""
    return sa.CheckConstraint(f"({one} IS NULL) = ({other} IS NULL)", name=f"{one}_with_{other}")


def live_only(name: str, *columns: str, where: str, unique: bool = True) -> sa.Index:
    """A partial index, the same predicate on both databases."""
    return sa.Index(
        name, *columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )


@event.listens_for(db.session, "before_commit")
def _about_to_commit(session: orm.Session) -> None:
    if session.info.get("deciding") and not session.in_nested_transaction():
        failpoints.reach("before_commit")


@event.listens_for(db.session, "after_commit")
def _committed(session: orm.Session) -> None:
    if session.info.get("deciding") and not session.in_nested_transaction():
        failpoints.reach("after_commit")


def install_sqlite(engine: sa.Engine, *, wait_s: float = 10.0) -> None:
    """WAL, synchronous=FULL, foreign keys, and writers that queue fairly.

    SQLite's own busy handler backs off for ever longer and starves a process (measured in the design notes: 0 to 11 writes
    in 5 s for the unlucky one), so BEGIN IMMEDIATE is retried here with a short jitter instead.
    """

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would be a deferred one
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        mode = connection.get_execution_options().get(_BEGIN, "DEFERRED")
        raw: Any = connection.connection.dbapi_connection
        if mode == "DEFERRED":
            raw.execute("BEGIN")
            return
        raw.execute("PRAGMA busy_timeout=0")
        give_up = time.monotonic() + wait_s
        try:
            while True:
                try:
                    raw.execute(f"BEGIN {mode}")
                    return
                except sqlite3.OperationalError as problem:
                    if problem.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > give_up:
                        raise
                    time.sleep(random.uniform(0.0005, 0.004))  # noqa: S311 - jitter, not a secret
        finally:
            raw.execute("PRAGMA busy_timeout=5000")


def begin_write(*, deciding: bool = True) -> None:
    """Open this session's transaction as a writer, before its first query.

    On SQLite a transaction that reads and then writes fails at once when somebody else wrote meanwhile, so writers say so at
    the start. `deciding` writers (anything that may give, move or free a bed) also queue behind one another on PostgreSQL;
    the outbox, heartbeats and sessions do not.
    """
    db.session.info["deciding"] = deciding
    connection = db.session.connection(execution_options={_BEGIN: "IMMEDIATE"})
    if deciding and connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_DECIDING)))


def reading(question: Callable[[], T]) -> T:
    """Ask without becoming a writer; nothing is open afterwards."""
    try:
        return question()
    finally:
        db.session.rollback()
