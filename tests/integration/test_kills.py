"""kill -9 at the worst moments: no text lost, no referral lost, nothing half-done, nothing twice."""

from __future__ import annotations

import contextlib
import uuid
from functools import partial
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from bench import kills
from safety import accounts, clock, invariants
from safety.extensions import begin_write, db
from safety.models import Draft, Placement, Referral, Text, User
from tests import factories, servers
from tests.servers import Browser

pytestmark = [pytest.mark.xdist_group("processes"), pytest.mark.timeout(3600)]


def breaches() -> list[str]:
    db.session.rollback()
    found = invariants.breaches(now=clock.now())
    db.session.rollback()
    return found


def killed(database_url: str, folder: Path, *, full: bool, mutant: str | None = None) -> kills.Figures:
    """A few texts and a death of every kind; `make chaos` does it with 5,000 and waits instead of turning the clock."""
    texts, deaths = (600, 40) if full else (24, 4)
    start = partial(servers.jobs, module=["tests.mutants", mutant]) if mutant else servers.jobs
    log = folder / "jobs.log"
    figures = kills.run(database_url, log, texts=texts, kills=deaths, seed=4821, hurry=True, start=start)
    print(figures.line())
    return figures


def test_no_text_is_lost_or_sent_twice_when_the_sender_is_killed(
    database_url: str, tmp_path: Path, full: bool
) -> None:
    assert killed(database_url, tmp_path, full=full).broken == []


@pytest.mark.only("sqlite")
@pytest.mark.parametrize(("mutant", "fault"), [("mark_first", "lost"), ("blind_retry", "twice")])
def test_the_same_deaths_find_out_a_sender_that_is_known_to_be_bad(
    database_url: str, tmp_path: Path, mutant: str, fault: str
) -> None:
    figures = killed(database_url, tmp_path, full=False, mutant=mutant)
    assert getattr(figures, fault) > 0
    assert figures.broken != []


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_no_referral_is_lost_or_doubled_when_the_web_worker_is_killed(
    app: Flask, database_url: str, tmp_path: Path, point: str, full: bool
) -> None:
    times = 50 if full else 2
    password = accounts.hashed(password=servers.PASSWORD).value
    officer = factories.officer(password_hash=password)
    factories.house(rooms=times, now=clock.now())
    db.session.commit()
    armed = tmp_path / "armed"
    changes = {"POS_FAILPOINTS": f"{point}:kill", "POS_FAILPOINTS_WHEN": str(armed)}
    log = tmp_path / "web.log"
    email = officer.email
    with (
        servers.web(database_url, log, workers=2, **changes) as server,
        Browser(server.url).sign_in(email) as browser,
    ):
        for _ in range(times):
            token = draft(officer)
            armed.touch()
            with contextlib.suppress(requests.ConnectionError):
                answer = browser.post(f"/find/{token}/where", servers.WHERE)
                pytest.fail(f"the worker was to die and answered {answer.status_code}")
            armed.unlink()
            assert made(token) == (1 if point == "after_commit" else 0)
            again = browser.post(f"/find/{token}/where", servers.WHERE)
            assert again.status_code == 303, again.text
            assert made(token) == 1
            once_more = browser.post(f"/find/{token}/where", servers.WHERE)
            assert once_more.headers["Location"] == again.headers["Location"]
    assert breaches() == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Placement)) == times
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Text)) == 2 * times


def draft(officer: User) -> uuid.UUID:
    begin_write()
    answers = {"who": servers.WHO, "needs": servers.NEEDS}
    kept = Draft(officer_id=officer.id, answers=answers, saved_at=clock.now())
    db.session.add(kept)
    db.session.commit()
    return kept.id


def made(token: uuid.UUID) -> int:
    count = db.session.scalar(
        sa.select(sa.func.count()).select_from(Referral).where(Referral.form_token == token)
    )
    db.session.rollback()
    return count or 0
