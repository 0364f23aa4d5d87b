"""Pages for everybody: the way in, what is left after signing out, and how well the service is."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from safety import heartbeats
from safety.extensions import db
from safety.permissions import ANYONE, SIGNED_IN, allow
from safety.trouble import DATABASE_TROUBLE
from safety.web.gate import home, now, person, poll

pages = Blueprint("public", __name__)


@pages.get("/")
@allow(ANYONE)
def start() -> ResponseReturnValue:
    """The address people know: to the sign-in page, or to where this person starts."""
    found = person()
    return redirect(home(found.role) if found else url_for("sign_in.sign_in"), 303)


@pages.get("/home")
@allow(*SIGNED_IN)
def plain_home() -> ResponseReturnValue:
    """Where somebody starts whose role has no pages of its own."""
    return render_template("public/plain_home.html")


@pages.get("/signed-out")
@allow(ANYONE)
def signed_out() -> ResponseReturnValue:
    """After signing out."""
    return render_template("public/signed_out.html")


@pages.get("/still-signed-in")
@allow(*SIGNED_IN)
@poll
def still_signed_in() -> ResponseReturnValue:
    """Asked by a page that the browser took back out of its memory: 204, or the gate's 401."""
    return "", 204


@pages.get("/healthz")
@allow(ANYONE)
def process_is_up() -> ResponseReturnValue:
    """This process answers."""
    return _plain("ok")


@pages.get("/readyz")
@allow(ANYONE)
def ready() -> ResponseReturnValue:
    """The database answers and its schema is at this code's head, or newer: the release after this one migrates first."""
    try:
        at = db.session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    except (*DATABASE_TROUBLE, sa.exc.ProgrammingError):
        db.session.rollback()
        return _plain("the database does not answer, or was never migrated", 503)
    head, known = _revisions(str(Path(current_app.root_path).parent / "migrations"))
    if at is None or (at != head and at in known):
        return _plain("the database is older than this code", 503)
    return _plain("ok")


@pages.get("/healthz/jobs")
@allow(ANYONE)
def jobs_are_up() -> ResponseReturnValue:
    """The jobs process went round lately: the sweep and the outbox, each within two minutes."""
    try:
        silent = heartbeats.silent(now=now())
    except (*DATABASE_TROUBLE, sa.exc.ProgrammingError):
        db.session.rollback()
        return _plain("the database does not answer, or was never migrated", 503)
    return _plain(f"silent: {', '.join(silent)}", 503) if silent else _plain("ok")


def _plain(words: str, status: int = 200) -> Response:
    return Response(words + "\n", status, content_type="text/plain; charset=utf-8")


@lru_cache(maxsize=1)
def _revisions(folder: str) -> tuple[str | None, frozenset[str]]:
    scripts = ScriptDirectory(folder)
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())
