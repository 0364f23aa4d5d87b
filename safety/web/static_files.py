"""The static files as they are served: compressed once, under an address that changes when any of them does.

The rule kept: what a browser kept from an older release is never mixed with this one.
"""

from __future__ import annotations

import atexit
import gzip
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import brotli
from flask import Flask, Response, send_from_directory
from whitenoise import WhiteNoise

from safety.permissions import ANYONE, allow

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_PACKED = {".css", ".js", ".json", ".svg", ".txt"}


def init_app(app: Flask, source: Path, made: Path) -> WSGIApplication:
    """Serve the files of `source` at /static/<release>/…, kept for ever by browsers; their compressed copies go to `made`.

    One folder name for the whole release, so that a script may import its neighbour by a relative address. Templates say
    `static_url("app.css")` or `url_for("static", filename="app.css")`. Returns the WSGI application to put in place of the
    app's own.
    """
    release = _digest(source)
    folder = _packed_copy(source, made / release)

    @allow(ANYONE)
    def older(release: str, filename: str) -> Response:
        # A page of the release before or after asks one of this release's servers while they are replaced in turn.
        return send_from_directory(source, filename, max_age=60)

    def with_release(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("release", release)

    app.add_url_rule("/static/<release>/<path:filename>", "static", older, methods=["GET"])
    app.url_defaults(with_release)
    # Without url_for: the page that refuses a foreign host has nothing to build addresses with.
    app.add_template_global(lambda name: f"/static/{release}/{name}", "static_url")
    served: WSGIApplication = WhiteNoise(
        app.wsgi_app,
        root=str(folder),
        prefix=f"static/{release}/",
        allow_all_origins=False,
        immutable_file_test=lambda _path, _url: True,
    )
    return served


def _digest(source: Path) -> str:
    mark = hashlib.blake2b(digest_size=6)
    for path in sorted(source.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            mark.update(f"{path.relative_to(source).as_posix()}\0{len(content)}\0".encode())
            mark.update(content)
    return mark.hexdigest()


def _packed_copy(source: Path, wanted: Path) -> Path:
    """A copy of `source` with .gz and .br beside each file: at `wanted`, or where nothing can be written, for this run only."""
    if wanted.is_dir():
        return wanted
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(dir=wanted.parent))
        lasting = True
    except OSError:
        workplace = Path(tempfile.mkdtemp())
        lasting = False
    atexit.register(shutil.rmtree, workplace, ignore_errors=True)
    folder = workplace / "static"
    shutil.copytree(source, folder)
    for path in [path for path in folder.rglob("*") if path.suffix in _PACKED]:
        content = path.read_bytes()
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, 9, mtime=0))
        path.with_name(path.name + ".br").write_bytes(brotli.compress(content))
    if not lasting:
        return folder
    try:
        # Several processes start at once: whoever is first puts the whole folder in place, the others take theirs away.
        folder.rename(wanted)
    except OSError:
        if not wanted.is_dir():
            return folder
    shutil.rmtree(workplace, ignore_errors=True)
    return wanted
