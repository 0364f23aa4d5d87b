"""The officer's pages, from the first press to the door of the house, and everything that can go wrong on the way."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from safety import accounts, referrals
from safety.extensions import db, new_id
from safety.lifecycle import Event, ReferralState, Role, State
from safety.models import AddressOpening, AuditEvent, Draft, Placement, Referral, Text
from tests import factories
from tests.factories import NOW
from tests.pages import check_page

SECRET = "seven purple ladders"
DUTY = "0113 496 0100"
MINUTE = dt.timedelta(minutes=1)

WHO = {"adult": "yes", "agrees": "yes", "hospital": "no", "kind": "women", "adults": "1", "pregnant": "no"}
NEEDS = {"tracking": "yes", "miles": "10"}
WHERE = {
    "outcode": "LS1",
    "setting": "station",
    "ready": "0",
    "transport": "police",
    "travel": "60",
    "mobile": "07700 900123",
}


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    monkeypatch.setattr(accounts, "hasher", accounts.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""

    class Clock:
        at = NOW

        def forward(self, **by):
            self.at += dt.timedelta(**by)

    still = Clock()
    monkeypatch.setattr("safety.clock.now", lambda: still.at)
    return still


class Phone:
    """Somebody's phone: keeps its CSRF token, checks every page it is shown."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.token = ""

    def get(self, path, status=200, **more):
        answer = self.client.get(path, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.headers.get("Location"))
        self._look(answer)
        return answer

    def post(self, path, data=None, status=303, **more):
        answer = self.client.post(path, data={"csrf_token": self.token, **(data or {})}, **more)
        assert answer.status_code == status, (path, answer.status_code, wrong(answer))
        self._look(answer)
        return answer

    def _look(self, answer):
        check_page(answer)
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        self.token = found[1] if found else self.token
        if answer.mimetype == "text/html" and "<main" in answer.text:
            assert DUTY in answer.text

    def sign_in(self, user):
        self.get("/sign-in")
        self.post("/sign-in", {"email": user.email, "password": SECRET})
        return self

    def begin(self) -> str:
        """A fresh form; returns its token."""
        there = self.get("/find", 303).headers["Location"]
        self.get(there)
        return there.split("/")[2]

    def ask(self, token=None, *, who=(), needs=(), where=()) -> str:
        """All three screens; returns the path of the referral's page."""
        token = token or self.begin()
        assert self.post(f"/find/{token}/who", WHO | dict(who)).headers["Location"] == f"/find/{token}/needs"
        assert self.post(f"/find/{token}/needs", NEEDS | dict(needs)).headers["Location"] == f"/find/{token}/where"
        return self.post(f"/find/{token}/where", WHERE | dict(where)).headers["Location"]


def wrong(answer) -> list[str]:
    """What the error summary says."""
    found = re.search(r'class="govuk-error-summary".*?</ul>', answer.text, re.S)
    return [re.sub(r"<[^>]+>", "", item).strip() for item in re.findall(r"<li>(.*?)</li>", found[0], re.S)] if found else []


def account(**kept):
    user = factories.officer(password_hash=accounts.hashed(password=SECRET).value, **kept)
    db.session.commit()
    return user


def house(**kept):
    made = factories.house(**kept)
    db.session.commit()
    return made


def count(model) -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def only(model):
    db.session.rollback()
    return db.session.scalars(sa.select(model)).one()


def say(event, now=NOW, **facts):
    """Somebody of the house says it."""
    placement = live()
    staff = factories.house_actor(placement.premises_id)
    referrals.record(placement_id=placement.id, event=event, actor=staff, facts=facts, now=now)
    db.session.commit()


def live() -> Placement:
    db.session.rollback()
    return db.session.scalars(sa.select(Placement).where(Placement.state.in_(("held", "confirmed", "arrived")))).one()


def hidden(page, name) -> str:
    return re.search(rf'name="{name}" value="([^"]+)"', page.text)[1]


def press(phone, page_path, action, **data):
    """Open the page, and send the form of `action` with what is hidden in it."""
    page = phone.get(page_path)
    form = re.search(rf'<form method="post"[^>]*action="{action}".*?</form>', page.text, re.S)
    kept = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', form[0] if form else page.text))
    return phone.post(action, kept | data)


@pytest.fixture
def officer(app):
    return account(email="pat@force.example", phone="+447700900777")


@pytest.fixture
def phone(client, officer):
    return Phone(client).sign_in(officer)


def test_three_screens_to_a_held_bed(phone, officer):
    house()
    there = phone.ask()
    referral = only(Referral)
    assert there == f"/referrals/{referral.id}"
    assert referral.state == ReferralState.PLACED
    page = phone.get(there)
    assert referral.spoken in page.text
    assert "A bed is held for them" in page.text
    assert "in 15 minutes" in page.text
    assert count(Draft) == 0
