"""One browser for a run, the real servers behind it, and what is checked of every page it shows."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from safety import accounts, clock
from safety.extensions import db
from safety.models import Premises, User
from tests import factories, servers
from tests.browser_path import LAUNCH_ARGUMENTS, chromium_path
from tests.conftest import ROOT

AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
SHOTS = ROOT / "test-output" / "screenshots"
TIMES = ROOT / "test-output" / "journeys.txt"


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Chromium: found, or the journeys are skipped on a person's machine and fail in CI."""
    try:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(LAUNCH_ARGUMENTS))
    except Exception as problem:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"NO BROWSER, SO NO JOURNEY WAS WALKED: {problem}")
    yield browser
    browser.close()


class Person:
    """Somebody with a browser: where they are, what they press, and a check of everything they are shown."""

    def __init__(
        self, context: BrowserContext, url: str, name: str, *, javascript: bool, pictures: bool
    ) -> None:
        self.context, self.url, self.name = context, url, name
        self.javascript, self.pictures = javascript, pictures
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.begin()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda problem: self.problems.append(str(problem)))

    def _heard(self, line: Any) -> None:
        # A form with mistakes answers 400 on purpose, and Chromium notes that.
        if line.type == "error" and "status of 400" not in line.text:
            self.problems.append(line.text)

    def begin(self) -> None:
        """Count presses and seconds from now."""
        self.presses, self.began = 0, time.monotonic()

    def note(self) -> None:
        """Leave how many presses and seconds it took, for whoever wants to know: nothing is asserted of it."""
        TIMES.parent.mkdir(parents=True, exist_ok=True)
        with TIMES.open("a", encoding="utf-8") as out:
            out.write(f"{self.name}: {self.presses} presses, {time.monotonic() - self.began:.1f} s\n")

    def sign_in(self, email: str) -> None:
        self.open("/sign-in")
        self.page.get_by_label("Email address").fill(email)
        self.page.get_by_label("Password", exact=True).fill(servers.PASSWORD)
        self.press("Sign in")

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)
        self.look()

    def choose(self, question: str, answer: str) -> None:
        group = self.page.get_by_role("group", name=question)
        group.get_by_label(answer, exact=True).check()

    def press(self, words: str | re.Pattern[str], *, role: Any = None, last: bool = False) -> None:
        """Press the first button or link of these words (or the last), and look at where it leads."""
        found = self.page.locator("main").get_by_role(role or "button", name=words)
        self.presses += 1
        (found.last if last else found.first).click()
        self.page.wait_for_load_state()
        self.look()

    def look(self) -> None:
        """axe, no sideways scroll down to 320 px, a title of its own; with --pictures one is kept."""
        assert re.fullmatch(r"(Error: )?\S.* – Places of Safety", self.page.title()), self.page.title()
        if self.pictures:
            self.shoot()
        if not self.javascript:
            return
        self.page.evaluate(AXE)
        result = self.page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)
        found = [(one["id"], [node["target"] for node in one["nodes"]]) for one in result["violations"]]
        assert found == [], (self.page.url, found)
        size = self.page.viewport_size
        for width in (320, size["width"]):
            self.page.set_viewport_size({"width": width, "height": size["height"]})
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width, (self.page.url, width)

    def shoot(self) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        number = len(list(SHOTS.glob(f"{self.name}-*.png"))) + 1
        title = re.sub(r"[^a-z]+", "-", self.page.title().split(" – ")[0].lower()).strip("-")
        self.page.screenshot(path=SHOTS / f"{self.name}-{number:02}-{title}.png", full_page=True)

    def reads(self, words: str) -> None:
        """The page says this, by now or within a few polls."""
        if self.javascript:
            self.page.locator("main").get_by_text(words).first.wait_for(timeout=40_000)
            return
        for _ in range(40):
            if words in self.page.locator("main").inner_text():
                return
            self.page.wait_for_timeout(500)
            self.page.reload()
        raise AssertionError(f"never read: {words}")


class Scheme:
    """One house with two rooms, the people of a journey, and the processes that serve them."""

    def __init__(self, url: str, officer: str, staff: str, coordinator: str, house: Premises) -> None:
        self.url, self.officer, self.staff, self.coordinator, self.house = (
            url,
            officer,
            staff,
            coordinator,
            house,
        )


@pytest.fixture
def scheme(app: Flask, database_url: str, tmp_path: Path) -> Iterator[Scheme]:
    password = accounts.hashed(password=servers.PASSWORD).value
    house = factories.house(rooms=2, now=clock.now(), name="Journey House")
    people: list[User] = [
        factories.officer(password_hash=password, name="Officer Demo"),
        factories.staff(of=house.provider, password_hash=password),
        factories.coordinator(password_hash=password),
    ]
    emails = [person.email for person in people]
    db.session.commit()
    with servers.web(database_url, tmp_path / "web.log", workers=1) as server:
        jobs = servers.jobs(database_url, tmp_path / "jobs.log")
        try:
            yield Scheme(server.url, *emails, house)
        finally:
            jobs.stop()


@pytest.fixture
def people(
    chromium: Browser, scheme: Scheme, database: str, pytestconfig: pytest.Config
) -> Iterator[Callable[..., Person]]:
    """Make a person with a browser of their own; at the end nobody may have met a script error or a refused resource."""
    made: list[Person] = []

    def make(name: str, *, javascript: bool = True, size: dict[str, int] = PHONE) -> Person:
        small = size is PHONE
        context = chromium.new_context(
            viewport=size, java_script_enabled=javascript, is_mobile=small, has_touch=small, permissions=[]
        )
        context.set_default_timeout(30_000)
        kind = "js" if javascript else "no-js"
        named, pictures = f"{database}-{kind}-{name}", pytestconfig.getoption("--pictures")
        made.append(Person(context, scheme.url, named, javascript=javascript, pictures=pictures))
        return made[-1]

    yield make
    for person in made:
        person.note()
        person.context.close()
    assert [problem for person in made for problem in person.problems] == []
