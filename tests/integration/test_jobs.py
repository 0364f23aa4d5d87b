"""The jobs process: every round, what it leaves behind when it dies, and any number of them at once. On both databases."""

from __future__ import annotations

import datetime as dt
import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import clock, delivery, duty, jobs, referrals
from safety.extensions import begin_write, db
from safety.jobs import rounds, texts
from safety.lifecycle import State
from safety.models import (
    Alert,
    AlertKind,
    AuditEvent,
    Draft,
    Heartbeat,
    Lease,
    MessageState,
    Placement,
    Seal,
    SimulatedText,
    Text,
)
from tests import factories
from tests.conftest import ROOT, environment_for

MINUTE = dt.timedelta(minutes=1)


def writing() -> dt.datetime:
    """Begin a write as a door does; returns the time by the clock the jobs process goes by."""
    db.session.rollback()
    begin_write()
    return clock.now()


def holds(count: int, *, ago_min: int = 0) -> list[uuid.UUID]:
    """So many holds, made so many minutes ago, with two texts each; after 15 minutes unanswered they are over."""
    now = writing()
    house = factories.house(rooms=count, now=now)
    then = now - ago_min * MINUTE
    made = [factories.placement(now=then, eta_at=now + 30 * MINUTE).id for _ in range(count)]
    # No further hold: one for each person is enough to count.
    house.accepting, house.accepting_reason = False, "staff"
    db.session.commit()
    return made


def overdue_holds(count: int) -> list[uuid.UUID]:
    """Holds nobody answered, the time for it over a minute ago."""
    return holds(count, ago_min=16)


def states() -> set[str]:
    """In which states placements stand, as committed."""
    db.session.rollback()
    return set(db.session.scalars(sa.select(Placement.state)))


def run(database_url: str, *words: str, **changes: str) -> subprocess.Popen[str]:
    """A jobs process of its own."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "jobs", *words]
    env = environment_for(database_url, **changes)
    return subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str], within_s: float = 60) -> tuple[int, str]:
    """Its exit code and all it wrote."""
    out, err = process.communicate(timeout=within_s)
    return process.returncode, out + err


def copies() -> Counter[tuple[str, str]]:
    """How often each (number, words) stands on a telephone."""
    db.session.rollback()
    return Counter((text.number, text.body) for text in db.session.scalars(sa.select(SimulatedText)))


def unsent() -> list[str]:
    db.session.rollback()
    waiting = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)
    return list(db.session.scalars(sa.select(Text.wording).where(Text.state.in_(waiting))))


# One round


def test_one_round_does_everything_that_is_due(app: Flask) -> None:
    overdue_holds(2)
    now = writing()
    officer = factories.officer()
    old = Draft(officer_id=officer.id, saved_at=now - dt.timedelta(hours=25))
    young = Draft(officer_id=officer.id, saved_at=now)
    old.answers, young.answers = {"cohort": "women"}, {}
    db.session.add_all([old, young])
    kept = young.id
    db.session.execute(sa.update(AuditEvent).values(at=now - MINUTE))
    db.session.commit()
    assert jobs.once(jobs.this_process())
    assert states() == {State.LAPSED}
    assert unsent() == []
    assert (
        "lapsed"
        in db.session.scalars(sa.select(Text.wording).where(Text.state == MessageState.DELIVERED)).all()
    )
    assert db.session.scalars(sa.select(Draft.id)).all() == [kept]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Seal)) > 0
    beats = {beat.job: beat.beat_at for beat in db.session.scalars(sa.select(Heartbeat))}
    assert set(beats) == {job.name for job in jobs.JOBS}
    assert all(beat_at >= now for beat_at in beats.values())


def test_a_second_round_changes_nothing(app: Flask) -> None:
    overdue_holds(2)
    jobs.once(jobs.this_process())
    before = copies(), db.session.scalar(sa.select(sa.func.count()).select_from(Text))
    jobs.once(jobs.this_process())
    assert (copies(), db.session.scalar(sa.select(sa.func.count()).select_from(Text))) == before


def test_a_round_that_fails_is_logged_without_anybodys_data_and_the_others_go_on(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    overdue_holds(1)
    monkeypatch.setattr(referrals, "sweep", _broken)
    with caplog.at_level(logging.ERROR):
        assert not jobs.once(jobs.this_process())
    assert unsent() == []
    # What was half done is undone, and no beat says that all is well.
    assert db.session.scalars(sa.select(Placement.distance_miles)).one() != 99
    assert db.session.get(Heartbeat, "sweep") is None
    assert db.session.get(Heartbeat, "outbox") is not None
    (line,) = [one.getMessage() for one in caplog.records if one.name == "safety.jobs.clockwork"]
    assert line == "jobs: a round of sweep failed: ValueError"


def _broken(*, now: dt.datetime) -> None:
    db.session.execute(sa.update(Placement).values(distance_miles=99))
    raise ValueError("words that quote +447700900123")


def test_an_idle_round_takes_nobodys_place_as_the_writer(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[bool] = []
    monkeypatch.setattr(texts, "begin_write", lambda *, deciding=True: began.append(deciding))
    jobs.send(jobs.this_process())
    assert began == []


def test_a_process_that_is_stopping_begins_no_further_text(app: Flask) -> None:
    holds(1)
    process = jobs.this_process()
    process.stopping.set()
    jobs.send(process)
    assert len(unsent()) == 2


# The watch


LONG = dt.timedelta(hours=1)


def beating(**ago: dt.timedelta) -> None:
    """Each of these jobs did its last round so long ago."""
    now = writing()
    for job, since in ago.items():
        db.session.merge(Heartbeat(job=job, beat_at=now - since))
    db.session.commit()


def watched(*, up_for: dt.timedelta = LONG) -> list[tuple[str, str]]:
    """What stands on the board after a process that is up for so long has looked: kind and subject."""
    process = jobs.this_process()
    process.began -= up_for.total_seconds()
    jobs.watch(process)
    db.session.rollback()
    return [(alert.kind, alert.subject) for alert in duty.open_alerts()]


@pytest.mark.parametrize(
    ("silent", "raised"),
    [
        ({"sweep": 2.1 * MINUTE}, [("jobs_silent", "job:sweep")]),
        ({"outbox": 2.1 * MINUTE}, [("jobs_silent", "job:outbox")]),
        ({"sweep": LONG, "outbox": LONG}, [("jobs_silent", "job:outbox"), ("jobs_silent", "job:sweep")]),
        ({"sweep": 1.9 * MINUTE, "outbox": 1.9 * MINUTE, "fetch": 14 * MINUTE}, []),
        ({"fetch": 16 * MINUTE}, [("supplier_failing", "supplier:inbound")]),
        # What is done once a minute or an hour may wait.
        ({"seal": LONG, "erase": 24 * LONG}, []),
    ],
)
def test_a_job_that_has_fallen_silent_reaches_a_person_and_is_over_when_it_beats_again(
    app: Flask, silent: dict[str, dt.timedelta], raised: list[tuple[str, str]]
) -> None:
    now = dt.timedelta(0)
    beating(**{"sweep": now, "outbox": now, "fetch": now} | silent)
    assert sorted(watched()) == raised
    assert sorted(watched()) == raised
    sent = db.session.scalars(sa.select(Text).where(Text.wording == "urgent")).all()
    assert len(sent) == len(raised)
    assert all(text.to == app.config["ON_CALL_MOBILE"] for text in sent)
    beating(sweep=now, outbox=now, fetch=now)
    assert watched() == []


def test_a_job_that_never_went_round_is_silent(app: Flask) -> None:
    assert len(watched()) == 3


def test_a_process_that_has_just_begun_calls_nobody_about_what_was_down(app: Flask) -> None:
    beating(sweep=LONG, outbox=LONG, fetch=LONG)
    assert watched(up_for=1.9 * MINUTE) == []
    # What others raised before, it ends.
    assert len(watched(up_for=3 * MINUTE)) == 2
    beating(sweep=dt.timedelta(0), outbox=dt.timedelta(0))
    assert watched(up_for=dt.timedelta(0)) == []


def test_an_alert_about_texts_out_is_not_ended_by_texts_in(app: Flask) -> None:
    beating(sweep=dt.timedelta(0), outbox=dt.timedelta(0), fetch=dt.timedelta(0))
    now = writing()
    duty.raise_alert(kind=AlertKind.SUPPLIER, subject=delivery.SUPPLIER, now=now)
    db.session.commit()
    assert watched() == [("supplier_failing", "supplier")]


def test_while_the_sweep_is_silent_the_ladder_is_climbed_all_the_same(app: Flask) -> None:
    beating(sweep=LONG, outbox=dt.timedelta(0), fetch=dt.timedelta(0))
    watched()
    alert = db.session.scalars(sa.select(Alert)).one()
    alert.raised_at -= 5 * MINUTE
    db.session.commit()
    watched()
    urgent = sa.select(sa.func.count()).select_from(Text).where(Text.wording == "urgent")
    assert db.session.scalar(urgent) == 2


def test_a_watch_that_sees_nothing_wrong_takes_nobodys_place_as_the_writer(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = dt.timedelta(0)
    beating(sweep=now, outbox=now, fetch=now)
    began: list[bool] = []
    monkeypatch.setattr(rounds, "begin_write", lambda *, deciding=True: began.append(deciding))
    assert watched() == []
    assert began == []


# The lease


def test_one_process_at_a_time_leads_and_hands_over(app: Flask) -> None:
    one, two = jobs.this_process(), jobs.this_process()
    assert jobs.lead("sweep", one)
    assert jobs.lead("sweep", one)
    assert not jobs.lead("sweep", two)
    jobs.hand_back(one)
    assert jobs.lead("sweep", two)
    assert db.session.scalars(sa.select(Lease)).one().term == 2


def test_a_lease_that_ran_out_is_anybodys(app: Flask) -> None:
    one, two = jobs.this_process(), jobs.this_process()
    jobs.lead("sweep", one)
    now = writing()
    db.session.execute(sa.update(Lease).values(until=now - dt.timedelta(seconds=1)))
    db.session.commit()
    assert jobs.lead("sweep", two)
    assert not jobs.lead("sweep", one)


def test_without_the_lease_a_round_is_left_to_whoever_has_it(app: Flask) -> None:
    overdue_holds(1)
    jobs.lead("sweep", jobs.this_process())
    sweep = next(job for job in jobs.JOBS if job.name == "sweep")
    assert jobs.round_of(sweep, jobs.this_process())
    assert states() == {State.HELD}
    assert db.session.get(Heartbeat, "sweep") is None


# As a process


def test_the_command_does_one_round_and_says_how_it_went(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(args=["jobs", "--once"]).exit_code == 0
    monkeypatch.setattr(referrals, "sweep", _broken)
    assert runner.invoke(args=["jobs", "--once"]).exit_code == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_finishes_and_leaves_with_nothing_amiss(
    app: Flask, database_url: str, number: signal.Signals
) -> None:
    overdue_holds(1)
    process = run(database_url)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        _until(lambda: not unsent())
        process.send_signal(number)
        code, rest = ended(process)
    finally:
        process.kill()
    assert code == 0, rest
    assert line.startswith("jobs: sweep every 15 s, duty every 60 s, outbox every 2 s")
    assert rest == ""
    assert states() == {State.LAPSED}
    db.session.rollback()
    # The next process need not wait for the lease to run out.
    assert jobs.lead("sweep", jobs.this_process())


def _until(true: object, within_s: float = 60) -> None:
    """Wait for something another process does."""
    give_up = time.monotonic() + within_s
    while not true():  # type: ignore[operator]
        assert time.monotonic() < give_up
        time.sleep(0.1)


def test_killed_in_the_sweep_nothing_is_half_done(app: Flask, database_url: str, tmp_path: Path) -> None:
    overdue_holds(3)
    # The process dies when its round has released all three and before it commits.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal\n"
        "from safety import referrals\n"
        "real = referrals.sweep\n"
        "def sweep(**kept):\n"
        "    real(**kept)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "referrals.sweep = sweep\n",
        encoding="utf-8",
    )
    code, _ = ended(run(database_url, "--once", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}"))
    assert code == -signal.SIGKILL
    assert states() == {State.HELD}
    assert jobs.once(jobs.this_process())
    assert states() == {State.LAPSED}
    assert sorted(db.session.scalars(sa.select(Text.wording).where(Text.wording.startswith("lapsed")))) == [
        *["lapsed"] * 3,
        *["lapsed_for_officer"] * 3,
    ]


def test_several_processes_at_once_do_each_thing_once(app: Flask, database_url: str, full: bool) -> None:
    overdue = overdue_holds(60 if full else 6)
    running = [run(database_url, "--once") for _ in range(4 if full else 3)]
    for process in running:
        code, words = ended(process, 120)
        assert code == 0, words
    jobs.once(jobs.this_process())
    assert states() == {State.LAPSED}
    lapses = db.session.scalars(sa.select(AuditEvent.placement_id).where(AuditEvent.what == "lapse")).all()
    assert len(lapses) == len(set(lapses)) == len(overdue)
    lapsed = db.session.scalars(sa.select(Text.placement_id).where(Text.wording == "lapsed")).all()
    assert len(lapsed) == len(set(lapsed)) == len(overdue)
    # Two texts may read alike: what counts is that there are as many on the telephones as in the outbox.
    sent = db.session.scalars(sa.select(Text).where(Text.state == MessageState.DELIVERED)).all()
    assert Counter((text.to, text.body) for text in sent) == copies()
    assert unsent() == []


class _Busy(Exception):
    """What PostgreSQL says to whoever waited too long for a lock."""

    sqlstate = "55P03"


class _Broken(_Busy):
    sqlstate = "42703"  # a column that is not there: no second try would find it


@pytest.mark.parametrize(("problem", "tries"), [(_Busy, 3), (_Broken, 1)])
def test_a_round_that_met_a_busy_database_is_done_again_and_a_broken_one_is_not(
    app: Flask, problem: type[Exception], tries: int
) -> None:
    met: list[int] = []

    def work(_process: jobs.Process) -> None:
        met.append(len(met))
        if len(met) < tries or problem is _Broken:
            raise sa.exc.OperationalError("SELECT 1", {}, problem())

    well = jobs.round_of(jobs.Job("sweep", 15, work), jobs.this_process())
    assert (len(met), well) == (tries, problem is _Busy)
