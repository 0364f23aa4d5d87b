"""What a phone with a bad signal has to fetch, in bytes on the wire."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from flask import Flask

from safety import accounts, clock
from safety.extensions import db
from tests import factories, servers
from tests.servers import Browser

FIRST_VISIT, LATER_PAGE = 60_000, 12_000


def fetched(session: requests.Session, url: str) -> tuple[int, str]:
    """Bytes of the body as they came, and its words."""
    headers = {
        "Accept-Encoding": "br, gzip",
        "Sec-Fetch-Site": "same-origin",
        "Sec-Fetch-Mode": "navigate",
        "Referer": url,
    }
    answer = session.get(url, headers=headers, stream=True, timeout=60)
    raw = answer.raw.read(decode_content=False)
    plain = (
        requests.get(url, cookies=session.cookies.get_dict(), timeout=60).text
        if "text" in answer.headers["Content-Type"]
        else ""
    )
    return len(raw), plain


@pytest.mark.only("sqlite")
@pytest.mark.xdist_group("processes")
def test_the_first_visit_and_every_later_page_are_light(
    app: Flask, database_url: str, tmp_path: Path
) -> None:
    password = accounts.hashed(password=servers.PASSWORD).value
    factories.house(now=clock.now())
    officer = factories.officer(password_hash=password)
    email = officer.email
    db.session.commit()
    with servers.web(database_url, tmp_path / "web.log") as server, Browser(server.url) as browser:
        page, words = fetched(browser.session, f"{server.url}/sign-in")
        parts = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', words))
        assert parts, "the page has no style"
        first, found = page, list(parts)
        while found:
            part = found.pop()
            weight, words = fetched(browser.session, server.url + part)
            first += weight
            # A script may import others.
            more = {
                urljoin(part, name) for name in re.findall(r'\b(?:import|from) ?"([^"]+\.js)"', words)
            } - parts
            parts |= more
            found += more
        assert first < FIRST_VISIT, f"{first} bytes: {sorted(parts)}"
        browser.sign_in(email)
        start = browser.get("/find").url
        later = {}
        for path in ("/referrals", start.removeprefix(server.url), "/take-over"):
            later[path] = fetched(browser.session, server.url + path)[0]
        assert max(later.values()) < LATER_PAGE, later
        print(f"first visit {first} bytes in {len(parts) + 1} parts; later pages {sorted(later.values())}")
