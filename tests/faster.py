"""What a test process makes once though every test has an app of its own: compiled templates, routes and SQL.

Each was a large part of the time of all tests together, and none of it depends on the test.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

from safety import extensions
from safety.extensions import db


class CompiledOnce(BytecodeCache):
    """What Jinja makes of a template, kept for every app of this process."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Only what was made of the very same words."""
        known = self.kept.get((bucket.key, bucket.checksum))
        if known is not None:
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


templates = CompiledOnce()

_builders: dict[object, Any] = {}
_compile_builder = Rule._compile_builder


def _built_once(rule: Rule, append_unknown: bool = True) -> Any:
    """The function that makes an address of a route depends on nothing but these, and takes the route it is for as an argument."""
    key = (rule.rule, append_unknown, tuple(rule._trace), tuple((rule.defaults or {}).items()))
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


_engines: dict[object, sa.Engine] = {}
_make_engine = db._make_engine
_install_sqlite = extensions.install_sqlite
_installed: set[sa.Engine] = set()


def _engine_once(bind_key: str | None, options: dict[str, Any], app: Flask) -> sa.Engine:
    """One engine for one database: it keeps the SQL it compiled. The tests of a process come one after another."""
    key = repr(sorted((name, str(value)) for name, value in options.items()))
    if key not in _engines:
        _engines[key] = _make_engine(bind_key, {"query_cache_size": 5000, **options}, app)
    return _engines[key]


def _installed_once(engine: sa.Engine, **more: Any) -> None:
    if engine not in _installed:
        _install_sqlite(engine, **more)
        _installed.add(engine)


def begin() -> None:
    """From now on this process makes these once."""
    Rule._compile_builder = _built_once  # type: ignore[method-assign]
    db._make_engine = _engine_once  # type: ignore[method-assign]
    extensions.install_sqlite = _installed_once


def let_go() -> None:
    """Close every connection that stands idle, before the database behind it is another."""
    for engine in _engines.values():
        engine.dispose()
