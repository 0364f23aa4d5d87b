"""What runs on a timer, in a process of its own: the sweep, the outbox, the seal of the audit trail, the end of old drafts.

The rule kept: the scheduler is a clock and nothing else. What is due stands in the tables, every round may run in any number of
processes at once, and a round that fails is logged without anybody's data and tried again.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import click
import sqlalchemy as sa
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from safety import audit, clock, delivery, failpoints, invitations, outbox, referrals
from safety.extensions import begin_write, db
from safety.models import Heartbeat, Lease

log = logging.getLogger(__name__)

# The outbox shows that it lives at least this often, however long the queue.
_ROUND_S = 30.0
_LEASE = dt.timedelta(seconds=30)


@dataclass
class Process:
    """This jobs process: its name in claims and leases, and whether it was asked to stop."""

    name: str
    stopping: threading.Event


def this_process() -> Process:
    """A name no other process has, even on a machine of the same name after a restart."""
    return Process(f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}", threading.Event())


@dataclass(frozen=True)
class Job:
    """One thing to do, how often (seconds), and whether one process at a time is enough."""

    name: str
    every_s: int
    work: Callable[[Process], None]
    alone: bool = False


def sweep(process: Process) -> None:
    """Everything that time alone brings about; one transaction a round, so that nobody waits long for their turn to write."""
    while True:
        begin_write()
        swept = referrals.sweep(now=clock.now())
        db.session.commit()
        if not swept.again or process.stopping.is_set():
            return


def send(process: Process) -> None:
    """Hand over every text that is due, the one whose worth ends first before the others.

    Three short steps for each: claim and commit, call the supplier with nothing open, record and commit.
    """
    began = time.monotonic()
    if _reading(lambda: delivery.untidy(now=clock.now())):
        begin_write()
        delivery.tidy(now=clock.now())
        db.session.commit()
    while not process.stopping.is_set() and time.monotonic() < began + _ROUND_S:
        if not _reading(lambda: outbox.due(now=clock.now())):
            return
        begin_write(deciding=False)
        errands = outbox.claim(owner=process.name, limit=1, lease_s=delivery.lease_s(), now=clock.now())
        db.session.commit()
        for errand in errands:
            _hand_over(errand)


def _hand_over(errand: outbox.Errand) -> None:
    failpoints.reach("outbox.claimed")
    at = clock.now()
    db.session.rollback()
    result = delivery.hand_over(errand=errand, now=at)
    failpoints.reach("outbox.called")
    begin_write(deciding=not result.well)
    delivery.record(errand=errand, result=result, now=clock.now())
    db.session.commit()
    failpoints.reach("outbox.recorded")


def _reading(question: Callable[[], bool]) -> bool:
    """Ask without becoming a writer."""
    try:
        return question()
    finally:
        db.session.rollback()


def seal(process: Process) -> None:
    """Chain what has settled of the audit trail."""
    while not process.stopping.is_set():
        now = clock.now()
        db.session.rollback()
        if not audit.seal(now=now):
            return


def erase(process: Process) -> None:
    """Forget requests nobody finished, and what was known of people whose stay is long over."""
    begin_write(deciding=False)
    now = clock.now()
    referrals.erase_drafts(now=now)
    invitations.forget(now=now)
    db.session.commit()
    while not process.stopping.is_set():
        begin_write()
        erased = referrals.erase_closed(now=clock.now())
        db.session.commit()
        if not erased:
            return


JOBS = (
    Job("sweep", 15, sweep, alone=True),
    Job("outbox", 2, send),
    Job("seal", 60, seal),
    Job("erase", 3600, erase),
)


def beat(name: str) -> None:
    """Leave the sign of a whole round done. Its own transaction."""
    begin_write(deciding=False)
    now = clock.now()
    done = db.session.execute(sa.update(Heartbeat).where(Heartbeat.job == name).values(beat_at=now))
    if done.rowcount == 0:  # type: ignore[attr-defined]
        try:
            with db.session.begin_nested():
                db.session.add(Heartbeat(job=name, beat_at=now))
        except sa.exc.IntegrityError:
            pass  # another process left the first one in the same moment: just as good
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
        job.work(process)
        beat(job.name)
    except Exception as problem:  # the next round must come, whatever happened in this one
        # safety.web.logs leaves the words of a problem out: a database's words quote what was stored.
        log.exception("jobs: a round of %s failed: %s", job.name, type(problem).__name__)
        return False
    finally:
        db.session.remove()
    return True


def once(process: Process, jobs: Iterable[Job] = JOBS) -> bool:
    """One round of every job, leases or not; False when any failed."""
    went_well = [round_of(job, process, anyway=True) for job in jobs]
    return all(went_well)


def serve(app: Flask, process: Process) -> None:
    """Run every job at its time until SIGTERM or SIGINT, then finish the rounds in hand."""
    ends = {signal.SIGTERM, signal.SIGINT}
    # Blocked before any thread starts, so that the signal waits for this one and interrupts no round half-way.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone="UTC")
    for job in JOBS:
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


def init_app(app: Flask) -> None:
    """Add `flask jobs` to the app."""

    @app.cli.command("jobs")
    @click.option("--once", "just_once", is_flag=True, help="One round of every job, then stop.")
    def jobs(*, just_once: bool) -> None:
        """Sweep, send texts, seal the audit trail and erase old drafts until stopped."""
        process = this_process()
        if just_once:
            if not once(process):
                raise SystemExit(1)
            return
        times = ", ".join(f"{job.name} every {job.every_s} s" for job in JOBS)
        click.echo(f"jobs: {times}; texts by {app.config['POS_SMS']}. SIGTERM or Ctrl-C stops it.")
        serve(app, process)
