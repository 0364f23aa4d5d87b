"""The gate before every request: who may come in, when a write begins, and when a person was last seen.

The rules kept: a view that says nothing is shut; what is not yours looks like what does not exist; an unsafe request is a
writer before its first query; looking at a page that refreshes itself does not count as being there.
"""

from __future__ import annotations

import datetime as dt
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from safety import accounts, clock, mobiles
from safety.extensions import begin_write, db, login
from safety.lifecycle import Role
from safety.models import User
from safety.permissions import ANYONE, F
from safety.trouble import DATABASE_TROUBLE, is_busy
from safety.web import navigation

T = TypeVar("T")

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
TRIES = 3


@dataclass(frozen=True)
class Viewer:
    """What the frame of a page may know of whoever looks at it, without asking the database."""

    role: Role
    name: str
    sign_in_id: uuid.UUID
    seen_at: dt.datetime
    mobile_due: bool  # whether they are to be asked to confirm their mobile


def init_app(app: Flask) -> None:
    """Put the gate before every request of the app."""
    login.session_protection = None  # it would sign out a phone that changes network
    login.user_loader(_load)
    app.before_request(_gate)
    app.after_request(_note_seen)
    app.teardown_request(_leave_nothing)
    app.add_template_global(lambda: g.get("viewer"), "viewer")


# Marks on views


def poll(view: F) -> F:
    """Mark a view that a page asks by itself: it keeps nobody signed in, and answers 401 instead of a sign-in page."""
    view.poll = True  # type: ignore[attr-defined]
    return view


def begins_its_own_write(view: F) -> F:
    """Mark a view that begins its write itself (with `retrying`), because it first has to do something slow or refuse."""
    view.own_write = True  # type: ignore[attr-defined]
    return view


# What doors ask


def now() -> dt.datetime:
    """The one reading of the clock of this request, aware UTC; for an unsafe one it was made when its turn to write came."""
    if "instant" not in g:
        g.instant = clock.now()
    return cast(dt.datetime, g.instant)


def person() -> User | None:
    """Whoever is signed in, or nobody. On a page for everybody this is what looks them up."""
    found = cast(User, current_user._get_current_object()) if current_user.is_authenticated else None
    if found is not None and "viewer" not in g:
        assert found.sign_in is not None
        g.viewer = Viewer(
            Role(found.role), found.name, found.sign_in.id, found.sign_in.seen_at, mobiles.due(found, now())
        )
    return found


def me() -> User:
    """Whoever is signed in; the gate has seen to it that somebody is."""
    found = person()
    assert found is not None
    return found


def freshly_proved() -> bool:
    """Whether the person proved who they are within PROOF_FRESH_MIN."""
    found = person()
    if found is None or found.sign_in is None:
        return False
    return now() - found.sign_in.proved_at < dt.timedelta(minutes=current_app.config["PROOF_FRESH_MIN"])


def prove_first(back_to: str) -> ResponseReturnValue:
    """To the page that asks for the password again, and from there to `back_to`, a path of a page that can be looked at."""
    return redirect(url_for("sign_in.prove", next=back_to), 303)


def home(role: Role | str) -> str:
    """The address a person of this role starts from."""
    endpoint = navigation.HOME.get(Role(role), "")
    return url_for(endpoint if endpoint in current_app.view_functions else "public.plain_home")


def safe_next(asked: str | None) -> str | None:
    """`asked` when it is the path of a page of this site that can be looked at, otherwise None: never another site."""
    if not asked or not asked.startswith("/") or len(asked) > 300 or "\\" in asked or not asked.isprintable():
        return None
    parts = urlsplit(asked)
    if parts.scheme or parts.netloc or not parts.path.startswith("/") or parts.path.startswith("//"):
        return None
    try:
        endpoint, _ = current_app.create_url_adapter(request).match(parts.path, method="GET")  # type: ignore[union-attr]
    except (HTTPException, RequestRedirect):
        return None
    return None if endpoint in {"static", "sign_in.sign_in", "public.signed_out"} else parts.path


def retrying(work: Callable[[], T], *, deciding: bool = True) -> T:
    """Do a whole unit of writing and commit it; when the database was busy or saw a deadlock, do all of it again.

    `work` is called inside a fresh write transaction, up to TRIES times, and must do nothing that a rollback does not undo.
    Raises what the database said last.
    """
    for attempt in range(1, TRIES + 1):
        db.session.rollback()
        g.pop("instant", None)
        try:
            begin_write(deciding=deciding)
            result = work()
            db.session.commit()
        except DATABASE_TROUBLE as problem:
            db.session.rollback()
            if attempt == TRIES or not is_busy(problem):
                raise
            time.sleep(random.uniform(0.02, 0.1) * attempt)  # noqa: S311 - jitter, not a secret
        else:
            return result
    raise AssertionError("unreachable")


# The gate itself


def _load(token: str) -> User | None:
    return accounts.load(token=token, now=now())


def _gate() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # no such page, or not by this method: Flask answers that itself
    view = current_app.view_functions[request.endpoint]
    allowed: frozenset[str] = getattr(view, "allowed", frozenset())
    if not allowed:
        current_app.logger.error("no @allow on %s: shut", request.endpoint)
        abort(404)
    open_to_all = ANYONE in allowed
    if not open_to_all and "_user_id" not in session:
        return _signed_out()
    if request.method not in SAFE and not getattr(view, "own_write", False):
        # A transaction that somebody left open would make this one a reader.
        db.session.rollback()
        begin_write()
    if open_to_all:
        return None
    found = person()
    if found is None:
        db.session.rollback()
        return _signed_out()
    if found.role not in allowed:
        abort(404)
    return None


def _signed_out() -> ResponseReturnValue:
    view = current_app.view_functions[request.endpoint or ""]
    if getattr(view, "poll", False):
        return Response("signed out", 401, content_type="text/plain; charset=utf-8")
    if request.method in SAFE:
        return redirect(url_for("sign_in.sign_in", next=safe_next(request.path)), 303)
    came_from = urlsplit(request.referrer or "")
    here = came_from.path if came_from.netloc == request.host else request.path
    return render_template("errors/timed_out.html", back_to=safe_next(here)), 401


def _note_seen(response: Response) -> Response:
    """Write down that the person was here, after the view and in a transaction of its own, at most once a minute."""
    viewer: Viewer | None = g.get("viewer")
    view = current_app.view_functions.get(request.endpoint or "")
    if (
        viewer is None
        or response.status_code >= 500
        or getattr(view, "poll", False)
        or "X-Poll" in request.headers
    ):
        return response
    if now() - viewer.seen_at < accounts.SEEN_EVERY:
        return response
    db.session.rollback()
    try:
        begin_write(deciding=False)
        accounts.seen(sign_in_id=viewer.sign_in_id, now=now())
        db.session.commit()
    except DATABASE_TROUBLE:
        # The page is made and is worth more than this minute's mark; the next request writes it.
        db.session.rollback()
        current_app.logger.warning("last seen was not written")
    return response


def _leave_nothing(_problem: BaseException | None) -> None:
    """Undo what was not committed, and forget the request: a test or a command may share its app context."""
    db.session.rollback()
    for name in list(g):
        g.pop(name)
