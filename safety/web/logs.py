"""What the service writes in its log: what happened and where in the code, never who, where they are or what they need.

The rule kept: the words of an exception are left out, because a database's own words quote what was stored.
"""

from __future__ import annotations

import logging
import re
import traceback
from types import TracebackType
from typing import TextIO, cast

from flask import Flask
from flask.logging import wsgi_errors_stream

_QUERY = re.compile(r"\?[^\s\"]*")


class Frames(logging.Formatter):
    """Writes an exception as its kind and the lines of code it came through."""

    def formatException(  # noqa: N802 - logging's own name
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return "\n".join(_frames(ei[1]))


class NoQueries(logging.Filter):
    """Takes the query out of the development server's lines; with what follows the ? goes whatever somebody typed there."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY.sub("", record.getMessage()), ()
        return True


def init_app(app: Flask) -> None:
    """Give the app's logger its one handler, before Flask gives it another. Again: nothing changes."""
    logger = logging.getLogger(app.name)
    if not logger.handlers:
        handler = logging.StreamHandler(
            cast(TextIO, wsgi_errors_stream)
        )  # finds where this request's errors go
        handler.setFormatter(Frames("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logging.getLogger("werkzeug").addFilter(NoQueries())


def _frames(problem: BaseException | None) -> list[str]:
    lines: list[str] = []
    while problem is not None:
        kind = type(problem)
        lines.append(f"{kind.__module__}.{kind.__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(problem.__traceback__)
        ]
        problem = problem.__cause__ or (None if problem.__suppress_context__ else problem.__context__)
        if problem is not None:
            lines.append("which came after")
    return lines
