"""The web server itself, as a browser meets it."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask

from tests import servers

PATIENCE_S = 20  # a worker that waits for a silent browser is given up after 30


def test_browsers_that_connect_and_say_nothing_keep_nobody_waiting(
    app: Flask, database_url: str, tmp_path: Path
) -> None:
    with servers.web(database_url, tmp_path / "web.log", workers=2) as server:
        where = urlsplit(server.url)
        silent = [socket.create_connection((where.hostname, where.port)) for _ in range(8)]
        try:
            with urllib.request.urlopen(f"{server.url}/sign-in", timeout=PATIENCE_S) as answer:
                assert answer.status == 200
        finally:
            for connection in silent:
                connection.close()
