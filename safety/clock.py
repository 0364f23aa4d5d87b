"""The only reader of a clock. Doors call now() once and hand the time down; rooms and rules never ask.

On PostgreSQL it is the database's clock, one for all web and jobs processes; on SQLite, where everything runs on one
machine, it is the host's.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from safety.extensions import db


def now() -> dt.datetime:
    """This instant, aware, in UTC."""
    if db.engine.dialect.name == "postgresql":
        instant: dt.datetime = db.session.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return instant.astimezone(dt.UTC)
    return dt.datetime.now(dt.UTC)
