"""What a database is asked while something is done. Nothing listens any more afterwards: a process keeps its engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from safety.extensions import db


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that were executed, in order."""
    seen: list[str] = []
    with _heard("before_cursor_execute", lambda *facts: seen.append(facts[2])):
        yield seen


@contextmanager
def transactions() -> Iterator[list[str | None]]:
    """How each transaction that was begun began: "IMMEDIATE" as a writer, None as a reader."""
    seen: list[str | None] = []
    with _heard("begin", lambda raw: seen.append(raw.get_execution_options().get("pos_begin"))):
        yield seen


@contextmanager
def _heard(what: str, hear: Callable[..., Any]) -> Iterator[None]:
    engine = db.engine
    sa.event.listen(engine, what, hear)
    try:
        yield
    finally:
        sa.event.remove(engine, what, hear)
