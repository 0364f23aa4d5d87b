"""What a database says when it is busy or out of reach, told apart from a mistake in our code."""

from __future__ import annotations

import sqlite3

from sqlalchemy import exc

# SQLAlchemy does not wrap what the BEGIN of extensions.install_sqlite raises.
DATABASE_TROUBLE = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.TimeoutError,
    sqlite3.OperationalError,
)

# Serialisation failure, deadlock, lock not available (PostgreSQL manual, appendix A).
_BUSY = {"40001", "40P01", "55P03"}
# Connection lost, resources used up, statement or server stopped, a transaction that idled too long.
_AWAY = ("08", "53", "57", "25P03")
_SQLITE_AWAY = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_NOTADB")


def is_busy(problem: BaseException) -> bool:
    """Whether the same work, done again from its start, may well succeed. Nothing of it was committed."""
    told = getattr(problem, "orig", problem)
    if isinstance(told, sqlite3.Error):
        return getattr(told, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return getattr(told, "sqlstate", None) in _BUSY


def is_away(problem: BaseException) -> bool:
    """Whether the database could not be reached, or could not take the work for want of room."""
    if isinstance(problem, exc.TimeoutError):
        return True
    told = getattr(problem, "orig", problem)
    if isinstance(told, sqlite3.Error):
        return getattr(told, "sqlite_errorname", "").startswith(_SQLITE_AWAY)
    state = getattr(told, "sqlstate", None)
    # Without a state the server never answered: the connection itself failed.
    return state is None or state.startswith(_AWAY)
