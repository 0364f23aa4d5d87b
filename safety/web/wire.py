"""What every answer carries on the wire: its security headers, its compression, and the tag a self-refreshing part is known by.

The rules kept: the headers are on everything, errors and static files included; nothing is kept by a cache but static files;
and no answer is compressed in which a secret could stand beside words somebody else chose.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import brotli
from flask import Flask, Response, make_response, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Headers that score A+ on the MDN HTTP Observatory. Referrer-Policy is same-origin, because Flask-WTF refuses a post over
# https without a referrer; img-src has data: for the empty icon.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=(), payment=(), usb=(), display-capture=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
HSTS = "max-age=63072000; includeSubDomains"

_SMALL = 600  # bytes; less than this gains nothing
_WORDS = ("text/", "application/json", "image/svg")
_CSRF = re.compile(r'<input[^>]*name="csrf_token"[^>]*>')


def init_app(app: Flask) -> None:
    """Compress what may be compressed."""
    app.after_request(_compress)


def headers_on_everything(app: WSGIApplication, *, secure: bool) -> WSGIApplication:
    """Wrap a WSGI application so that every answer has HEADERS, and HSTS when `secure`; what it set itself stays."""
    wanted = {**HEADERS, **({"Strict-Transport-Security": HSTS} if secure else {})}

    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            there = {name.lower() for name, _ in headers}
            missing = [(name, value) for name, value in wanted.items() if name.lower() not in there]
            return start_response(status, headers + missing, *rest)

        return app(environ, start)

    return wrapped


def fragment(html: str, tag: str = "") -> Response:
    """A part of a page as its poller gets it: 304 when nothing changed.

    The tag is over the words alone: a form's token is signed anew each time and says nothing about what changed. Whoever has
    a cheaper word for the state of the part, as `unchanged` was asked about it, gives it as `tag`.
    """
    response = make_response(html)
    digest = tag or hashlib.blake2b(_CSRF.sub("", html).encode(), digest_size=12).hexdigest()
    response.set_etag(digest, weak=True)
    response.make_conditional(request)
    return response


def unchanged(tag: str) -> Response | None:
    """304 for a poller that has the part with this tag already; None when the part has to be drawn."""
    if not request.if_none_match.contains_weak(tag):
        return None
    response = Response(status=304)
    response.set_etag(tag, weak=True)
    return response


def _compress(response: Response) -> Response:
    # BREACH reads a secret (here the CSRF token, or a need) out of the length of compressed answers that also hold words of
    # the attacker's choosing. Flask-WTF's token is signed anew but holds the same bytes all session long, so it is no mask.
    # What shuts the attack: SameSite=Strict cookies, so another site cannot ask for a signed-in page at all; and, should a
    # neighbour of our own domain try, only GET answers to an address without a query, asked by our own pages or a person,
    # are compressed. No such answer repeats anything from its request.
    if (
        request.method != "GET"
        or request.query_string
        or request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}
        or response.status_code != 200
        or response.direct_passthrough
        or response.is_streamed
        or "Content-Encoding" in response.headers
        or not (response.content_type or "").startswith(_WORDS)
    ):
        return response
    response.vary.update(["Accept-Encoding", "Sec-Fetch-Site"])
    body = response.get_data()
    if len(body) < _SMALL:
        return response
    if request.accept_encodings["br"] > 0:
        packed, coding = brotli.compress(body, quality=5), "br"
    elif request.accept_encodings["gzip"] > 0:
        packed, coding = gzip.compress(body, 6, mtime=0), "gzip"
    else:
        return response
    response.set_data(packed)
    response.headers["Content-Encoding"] = coding
    return response
