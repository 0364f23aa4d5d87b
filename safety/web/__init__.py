"""The doors of the service on the web: who may come in, what every answer carries, and which pages there are.

The rules kept: shut by default; a door reads the clock once, calls a room, commits once; nothing personal in a log or an address.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from flask import Flask

from safety.web.gate import (
    begins_its_own_write,
    freshly_proved,
    home,
    now,
    person,
    poll,
    prove_first,
    retrying,
    safe_next,
)
from safety.web.wire import fragment

__all__ = [
    "begins_its_own_write",
    "fragment",
    "freshly_proved",
    "home",
    "init_app",
    "now",
    "person",
    "poll",
    "prove_first",
    "retrying",
    "safe_next",
]

# Every page of the service: a module here has one blueprint, `pages`. It may add `wanted(app)`, False to stay away.
DOORS = (
    "public",
    "sign_in",
    "invitation",
    "account",
    "password",
    "officer",
    "provider",
    "coordinator",
    "people",
    "attesting",
    "houses",
    "forces",
    "twilio",
    "notify",
    "phones",
)


def init_app(app: Flask) -> None:
    """Hang the gate, the error pages, the filters and every door into the app."""
    from safety.web import errors, filters, gate, logs, wire

    logs.init_app(app)
    errors.init_app(app)
    wire.init_app(app)
    gate.init_app(app)
    filters.init_app(app)
    for name in DOORS:
        if find_spec(f"safety.web.{name}") is None:
            continue
        door = import_module(f"safety.web.{name}")
        if getattr(door, "wanted", None) is None or door.wanted(app):
            app.register_blueprint(door.pages)
