"""kill -9 at the worst moments: no text lost, no referral lost, nothing half-done, nothing twice."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import uuid
from collections import Counter
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from safety import accounts, clock, invariants
from safety.extensions import begin_write, db
from safety.models import Draft, MessageState, Placement, Referral, SimulatedText, Text, User
from tests import factories, servers
from tests.servers import Browser

pytestmark = [pytest.mark.xdist_group("processes"), pytest.mark.timeout(3600)]


def breaches() -> list[str]:
    db.session.rollback()
    found = invariants.breaches(now=clock.now())
    db.session.rollback()
    return found


def some_texts(count: int) -> None:
    """People who ask for a bed and are told."""
    now = clock.now()
    force = factories.force()
    factories.house(rooms=count, now=now)
    for _ in range(count):
        factories.placement(now=now, by=factories.officer(of=force))
    db.session.commit()


def time_passes() -> None:
    """As if the lease of a dead process had run out and the waits were over."""
    db.session.rollback()
    begin_write(deciding=False)
    minute = dt.timedelta(minutes=2)
    for text in db.session.scalars(sa.select(Text)):
        if text.claimed_until is not None:
            text.claimed_until -= minute
        text.next_try_at -= minute
    db.session.commit()


def waiting() -> int:
    db.session.rollback()
    states = [MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN]
    return db.session.scalar(sa.select(sa.func.count()).select_from(Text).where(Text.state.in_(states))) or 0


def test_no_text_is_lost_or_sent_twice_when_the_sender_is_killed(
    app: Flask, database_url: str, tmp_path: Path, full: bool
) -> None:
    some_texts(300 if full else 6)
    points = ["outbox.claimed", "outbox.called", "outbox.recorded"]
    dice = random.Random(4821)
    plan = (
        [f"{dice.choice(points)}:kill:0.2" for _ in range(100)]
        if full
        else [f"{point}:kill" for point in points]
    )
    kills = 0
    for failpoint in plan:
        if not waiting():
            break
        process = servers.jobs(database_url, tmp_path / "jobs.log", POS_FAILPOINTS=failpoint)
        try:
            process.process.wait(120)
            kills += process.process.returncode == -9
        finally:
            process.kill()
        time_passes()
    assert kills >= (20 if full else 3)
    runner = app.test_cli_runner()
    for _ in range(20):
        if not waiting():
            break
        time_passes()
        assert runner.invoke(args=["jobs", "--once"]).exit_code == 0
    assert waiting() == 0
    sent = Counter((text.number, text.body) for text in db.session.scalars(sa.select(SimulatedText)))
    wanted = Counter((text.to, text.body) for text in db.session.scalars(sa.select(Text)))
    assert sent == wanted, f"lost {wanted - sent}, twice {sent - wanted}"
    print(f"{sum(wanted.values())} texts, {kills} kills: 0 lost, 0 twice")


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
