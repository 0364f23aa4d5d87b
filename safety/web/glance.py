"""A page that shows where a house is for a minute and then shows nothing: for the officer on the road, and for the house.

The rule kept: no cache has it, and it leaves the screen by itself, whether or not any script of ours was loaded.
"""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template

SHOWN_S = 60


def glance(template: str, *, back: str, **context: Any) -> Response:
    """The page, drawn from `template` (which puts what must go in the macro of macros/glance.html); then `back`, a path."""
    page = make_response(render_template(template, back=back, shown_s=SHOWN_S, **context))
    # A header and not a meta element: it holds without JavaScript, where mask.js cannot take anything off.
    page.headers["Refresh"] = f"{SHOWN_S}; url={back}"
    page.headers["Cache-Control"] = "no-store"
    return page
