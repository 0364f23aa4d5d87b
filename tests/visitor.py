"""Somebody at a browser without JavaScript: signs in, looks, presses; every page they are shown is checked."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from safety import accounts
from safety.extensions import db
from safety.models import User
from tests.pages import check_page

SECRET = "seven purple ladders"


def cheap_hashes(monkeypatch: Any) -> None:
    """Hash passwords in no time: nothing here guards anybody."""
    monkeypatch.setattr(
        accounts, "hasher", accounts.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )


class StillClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: dt.datetime) -> None:
        self.at = at


def still_clock(monkeypatch: Any, at: dt.datetime) -> StillClock:
    """Let every door read this clock."""
    still = StillClock(at)
    monkeypatch.setattr("safety.clock.now", lambda: still.at)
    return still


class Visitor:
    """One person's browser."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.token = ""
        self.user: User | None = None

    def sign_in(self, user: User) -> Visitor:
        """Sign in as this user, whatever their password was."""
        self.user = user
        db.session.commit()
        user.password_hash = accounts.hashed(password=SECRET).value
        db.session.commit()
        self.get("/sign-in")
        self.post("/sign-in", email=user.email, password=SECRET)
        return self

    def back_at(self, clock: Any, moment: dt.datetime) -> None:
        """Come back at another time, and sign in again: a browser left alone is signed out.

        Somebody has said meanwhile that they still need their account, however long it was.
        """
        assert self.user is not None
        clock.at = moment
        self.user.attested_at, self.user.attested_by = moment, "operator"
        self.sign_in(self.user)

    def get(self, path: str, status: int = 200, **more: Any) -> TestResponse:
        """Look at a page."""
        answer = self.client.get(path, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.headers.get("Location"))
        return self._looked(answer)

    def post(self, path: str, status: int = 303, **data: Any) -> TestResponse:
        """Send a form. The default is success: off to a page that can be looked at again."""
        answer = self.client.post(path, data={"csrf_token": self.token, **data})
        assert answer.status_code == status, (path, answer.status_code, summary(answer), words(answer)[:300])
        return self._looked(answer)

    def _looked(self, answer: TestResponse) -> TestResponse:
        check_page(answer)
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        self.token = found[1] if found else self.token
        return answer

    def press(self, path: str, **data: Any) -> TestResponse:
        """Send a form and look at where it leads."""
        return self.get(self.post(path, **data).headers["Location"])

    def send(self, page: TestResponse, button: str, status: int = 303, **typed: Any) -> TestResponse:
        """Press the first button with these words on a page, sending its form as a browser would.

        typed: what is put into fields first, by the end of a field's name.
        """
        parsed = html5lib.parse(page.text, namespaceHTMLElements=False)
        for form in parsed.iter("form"):
            pressed = [
                one for one in form.iter("button") if " ".join("".join(one.itertext()).split()) == button
            ]
            if pressed:
                break
        else:
            raise AssertionError(f"no button says {button!r}: {buttons(page)}")
        sent = {field.get("name"): field.get("value", "") for field in form.iter("input")}
        for end, value in typed.items():
            (name,) = [name for name in sent if name and name.endswith(end)]
            sent[name] = value
        if pressed[0].get("name"):
            sent[pressed[0].get("name")] = pressed[0].get("value", "")
        return self.post(
            pressed[0].get("formaction") or form.get("action") or page.request.path, status, **sent
        )


def words(answer: TestResponse) -> str:
    """What a page says, without its tags, one blank between words."""
    text = re.sub(r"<(script|style|title).*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def summary(answer: TestResponse) -> list[str]:
    """What the error summary says."""
    found = re.search(r'class="govuk-error-summary".*?</ul>', answer.text, re.DOTALL)
    lines = re.findall(r"<li>(.*?)</li>", found[0], re.DOTALL) if found else []
    return [html.unescape(re.sub(r"<[^>]+>", "", line)).strip() for line in lines]


def buttons(answer: TestResponse) -> list[str]:
    """The words of every button of the page, in order."""
    found = re.findall(r"<(?:button|a)[^>]*govuk-button[^>]*>(.*?)</(?:button|a)>", answer.text, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", "", text).split()) for text in found]
