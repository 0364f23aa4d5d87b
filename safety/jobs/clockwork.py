"""The clock of the jobs process: leases, beats, rounds that fail and are tried again, and how it starts and stops.

The rule kept: the scheduler is a clock and nothing else. What is due stands in the tables, every round may run in any number of
processes at once, and a round that fails is logged without anybody's data and tried again.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from safety import clock, heartbeats
from safety.extensions import begin_write, db
from safety.jobs.process import Process
from safety.models import Lease
from safety.trouble import DATABASE_TROUBLE, is_busy

log = logging.getLogger(__name__)

_LEASE = dt.timedelta(seconds=30)
_TRIES = 3


@dataclass(frozen=True)
class Job:
    """One thing to do, how often (seconds), and whether one process at a time is enough."""

    name: str
    every_s: int
    work: Callable[[Process], None]
    alone: bool = False


def beat(name: str) -> None:
    """Leave the sign of a whole round done. Its own transaction."""
    begin_write(deciding=False)
    heartbeats.beat(job=name, now=clock.now())
    db.session.commit()


def lead(name: str, process: Process) -> bool:
    """Take or keep the lease on a job; False when another process has it. Its own transaction.

    It only saves work: with no lease at all, or two holders, the result is the same.
    """
    begin_write(deciding=False)
    now = clock.now()
    mine_or_over = sa.or_(Lease.owner == process.name, Lease.until <= now)
    changes_hands = sa.case((Lease.owner == process.name, 0), else_=1)
    kept = db.session.execute(
        sa.update(Lease)
        .where(Lease.job == name, mine_or_over)
        .values(owner=process.name, until=now + _LEASE, term=Lease.term + changes_hands)
    )
    leads = bool(kept.rowcount == 1)  # type: ignore[attr-defined]
    if not leads and db.session.get(Lease, name) is None:
        try:
            with db.session.begin_nested():
                db.session.add(Lease(job=name, owner=process.name, until=now + _LEASE, term=1))
            leads = True
        except sa.exc.IntegrityError:
            leads = False
    db.session.commit()
    return leads


def hand_back(process: Process) -> None:
    """Let go of every lease, so that whoever comes next need not wait for them to run out. Its own transaction."""
    begin_write(deciding=False)
    db.session.execute(sa.update(Lease).where(Lease.owner == process.name).values(until=clock.now()))
    db.session.commit()


def round_of(job: Job, process: Process, *, anyway: bool = False) -> bool:
    """One round of one job in the current app context; False when it failed, which is logged and not raised.

    anyway: do it even if another process holds the lease.
    """
    db.session.rollback()
    try:
        if job.alone and not anyway and not lead(job.name, process):
            return True
        _patiently(lambda: job.work(process))
        beat(job.name)
    except Exception as problem:  # the next round must come, whatever happened in this one
        # safety.web.logs leaves the words of a problem out: a database's words quote what was stored.
        log.exception("jobs: a round of %s failed: %s", job.name, type(problem).__name__)
        return False
    finally:
        db.session.remove()
    return True


def _patiently(work: Callable[[], None]) -> None:
    """Do a round, and again when the database was busy with somebody else: nothing of it was committed, and on a slow machine
    everybody may be waiting for their turn to decide. Raises what the last try met.
    """
    for left in reversed(range(_TRIES)):
        try:
            work()
        except DATABASE_TROUBLE as problem:
            db.session.rollback()
            if not left or not is_busy(problem):
                raise
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - jitter, not a secret
        else:
            return


def once(process: Process, jobs: Iterable[Job]) -> bool:
    """One round of every job, leases or not; False when any failed."""
    went_well = [round_of(job, process, anyway=True) for job in jobs]
    return all(went_well)


def serve(app: Flask, process: Process, jobs: Iterable[Job]) -> None:
    """Run each job at its time until SIGTERM or SIGINT, then finish the rounds in hand."""
    ends = {signal.SIGTERM, signal.SIGINT}
    # Blocked before any thread starts, so that the signal waits for this one and interrupts no round half-way.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone="UTC")
    for job in jobs:
        scheduler.add_job(
            _in_context,
            "interval",
            args=(app, job, process),
            seconds=job.every_s,
            id=job.name,
            next_run_time=dt.datetime.now(dt.UTC),  # noqa: TID251 - at once; the scheduler has its own clock, which decides nothing
            max_instances=1,
            coalesce=True,
            # By default a round that is a second late is dropped without a word.
            misfire_grace_time=None,
        )
    scheduler.start()
    signal.sigwait(ends)
    process.stopping.set()
    scheduler.shutdown(wait=True)
    with app.app_context():
        try:
            hand_back(process)
        finally:
            db.session.remove()
            db.engine.dispose()


def _in_context(app: Flask, job: Job, process: Process) -> None:
    with app.app_context():
        round_of(job, process)
