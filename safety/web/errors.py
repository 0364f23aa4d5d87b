"""The pages for when something is wrong. Each shows the duty number: whoever cannot get in still gets a bed by telephone.

The rule kept: no error page needs the database, says what was typed, or tells a thing that is not yours from one that is not there.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from types import TracebackType

from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from werkzeug.exceptions import HTTPException, InternalServerError

from safety.extensions import db
from safety.permissions import NotYours
from safety.trouble import DATABASE_TROUBLE, is_away, is_busy
from safety.web.limits import TooMany

_UNAMBIGUOUS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Page:
    """The words of an error page."""

    title: str
    lines: tuple[str, ...]


PAGES = {
    400: Page(
        "That did not go through", ("Something in what was sent is not as it should be. Nothing was saved.",)
    ),
    404: Page(
        "Page not found",
        (
            "If you typed the address, check it is right. If you pressed a link, go to the start and try again.",
            "A reference you were given over the telephone opens only for the people it is meant for.",
        ),
    ),
    405: Page(
        "That did not go through", ("This page cannot be used in that way. Go to the start and try again.",)
    ),
    410: Page(
        "This page is no longer here", ("What it showed is over. Go to the start to see where things stand.",)
    ),
    413: Page(
        "That is too much",
        ("What was sent is too long. Nothing was saved. Go back, make it shorter and try again.",),
    ),
    415: Page(
        "That did not go through", ("What was sent is not a form of this service. Nothing was saved.",)
    ),
    429: Page("You have tried too many times", ()),
    500: Page(
        "Sorry, something went wrong",
        ("What you did may not have been saved. Check before you do it again, or ring the duty line.",),
    ),
    503: Page("Sorry, the service is busy", ("Nothing was saved. Wait a minute, then try again.",)),
}
_CSRF = Page(
    "This page was open for too long",
    (
        "Nothing was sent, because you have signed out or signed in again since you opened it.",
        "Go back, copy anything you do not want to type again, reload that page and send it again.",
        "If it happens again, check that your browser accepts cookies from this site.",
    ),
)


def init_app(app: Flask) -> None:
    """Answer every refusal and every failure with a page of ours."""
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(CSRFError, _not_from_our_page)
    app.register_error_handler(TooMany, _too_many)
    app.register_error_handler(NotYours, _not_found)
    app.register_error_handler(InternalServerError, _failed)
    for trouble in DATABASE_TROUBLE:
        app.register_error_handler(trouble, _database)
    app.log_exception = _log  # type: ignore[method-assign]


def _page(status: int, words: Page | None = None) -> Response:
    words = words or PAGES.get(status) or PAGES[400 if status < 500 else 500]
    try:
        body = render_template("errors/page.html", words=words, incident=g.get("incident"), nobody=True)
    except Exception as problem:
        current_app.logger.exception("an error page could not be drawn", exc_info=problem)
        body = (
            f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{escape(words.title)} – Places of Safety</title>'
            f"<h1>{escape(words.title)}</h1><p>Duty line: {escape(current_app.config['DUTY_NUMBER'])}</p></html>"
        )
    return make_response(body, status)


def _refused(problem: HTTPException) -> ResponseReturnValue:
    status = problem.code or 500
    if status < 400:
        return problem  # a redirect of the router
    if status == 403:
        status = 404
    response = _page(status)
    allowed = problem.get_response().headers.get("Allow")
    if allowed:
        response.headers["Allow"] = allowed
    return response


def _not_from_our_page(_problem: CSRFError) -> ResponseReturnValue:
    return _page(400, _CSRF)


def _not_found(_problem: NotYours) -> ResponseReturnValue:
    return _page(404)


def _too_many(problem: TooMany) -> ResponseReturnValue:
    minutes = -(-problem.wait_s // 60)
    line = (
        f"Wait {minutes} minute{'s' if minutes > 1 else ''}, then try again. Nobody else is kept out by this."
    )
    response = _page(429, Page(PAGES[429].title, (line,)))
    response.headers["Retry-After"] = str(problem.wait_s)
    return response


def _failed(_problem: InternalServerError) -> ResponseReturnValue:
    return _page(500)


def _database(problem: Exception) -> ResponseReturnValue:
    if not (is_busy(problem) or is_away(problem)):
        raise problem
    db.session.rollback()
    _log((type(problem), problem, problem.__traceback__))
    response = _page(503)
    response.headers["Retry-After"] = "30"
    return response


def _log(exc_info: tuple[type, BaseException, TracebackType | None] | tuple[None, None, None]) -> None:
    """Log a failure under a short random name that its page shows, with the address of the rule and not of the request."""
    g.incident = "-".join("".join(secrets.choice(_UNAMBIGUOUS) for _ in range(4)) for _ in range(2))
    rule = request.url_rule.rule if request.url_rule else "no page"
    current_app.logger.error("incident %s: %s %s", g.incident, request.method, rule, exc_info=exc_info)
