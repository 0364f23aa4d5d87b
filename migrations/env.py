"""Alembic's environment: the app's own engine and metadata, in batches on SQLite, never waiting long for a lock."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context
from flask import current_app

target = current_app.extensions["migrate"]
database = target.db


def render(kind: str, thing: Any, _context: Any) -> str | bool:
    """Write a TypeDecorator as the plain type it stores, so that a migration never imports today's code."""
    if kind == "type" and isinstance(thing, sa.types.TypeDecorator):
        return f"sa.{thing.impl_instance!r}"
    return False


def run() -> None:
    """Bring the database to the wanted revision in one transaction."""
    options = {"render_item": render, **target.configure_args}
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # A batch rebuilds a table; its children's keys must not fire while it is away.
            _foreign_keys(connection, "OFF")
        else:
            # A migration behind a slow reader would make every writer behind it wait as well.
            connection.exec_driver_sql("SET lock_timeout = '2s'")
            connection.commit()
        context.configure(connection=connection, target_metadata=database.metadata, **options)
        with context.begin_transaction():
            context.run_migrations()
        if connection.dialect.name == "sqlite":
            # The connection goes back to a pool: leave it as it was found.
            connection.commit()
            _foreign_keys(connection, "ON")


def _foreign_keys(connection: sa.Connection, switch: str) -> None:
    # Past SQLAlchemy, which would begin a transaction first: within one SQLite takes the words and does nothing.
    raw: Any = connection.connection.dbapi_connection
    raw.execute(f"PRAGMA foreign_keys={switch}")


run()
