"""What runs on a timer, in a process of its own: the sweep, the outbox, texts nobody brought us, the supplier's record,
old figures, the seal of the audit trail, the end of old drafts, and a watch over all that.

The rule kept: the scheduler is a clock and nothing else. What is due stands in the tables, every round may run in any number of
processes at once, and a round that fails is logged without anybody's data and tried again.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import random
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import click
import sqlalchemy as sa
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask, current_app

from safety import (
    audit,
    clock,
    delivery,
    duty,
    failpoints,
    freshness,
    heartbeats,
    inbox,
    invitations,
    mail,
    merging,
    mobiles,
    outbox,
    passwords,
    referrals,
    sms,
    supplying,
    switching,
)
from safety.extensions import begin_write, db, reading
from safety.models import AlertKind, Lease
from safety.permissions import CLOCK
from safety.supplying import LeftAside
from safety.trouble import DATABASE_TROUBLE, is_busy

log = logging.getLogger(__name__)

# The outbox shows that it lives at least this often, however long the queue.
_ROUND_S = 30.0
_PACE = dt.timedelta(seconds=1)
_LEASE = dt.timedelta(seconds=30)
_TRIES = 3
# How far back the supplier is asked for texts that came in.
_FETCH_BACK = dt.timedelta(hours=24)


@dataclass
class Process:
    """This jobs process: its name in claims and leases, and whether it was asked to stop.

    began: when it began; ask_again_at: before which the supplier does not want to be asked. Both by time.monotonic().
    """

    name: str
    stopping: threading.Event
    began: float
    ask_again_at: float = 0.0


def this_process() -> Process:
    """A name no other process has, even on a machine of the same name after a restart."""
    name = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
    return Process(name, threading.Event(), time.monotonic())


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
    """Hand over every text that is due, those whose worth ends first before the others, SMS_AT_ONCE at a time.

    A text is in hand for as long as the supplier takes to answer, most of which is waiting.
    """
    until = time.monotonic() + _ROUND_S
    if reading(lambda: delivery.untidy(now=clock.now())):
        begin_write()
        delivery.tidy(now=clock.now())
        db.session.commit()
    most: int = current_app.config["SMS_AT_ONCE"]
    more = max(0, reading(lambda: outbox.due(most=most, now=clock.now())) - 1)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with ThreadPoolExecutor(max(1, more)) as hands:
        others = [hands.submit(_beside, app, process, until) for _ in range(more)]
        _hand_over_what_is_due(process, until)
    for other in others:
        other.result()  # raises what went wrong there


def _beside(app: Flask, process: Process, until: float) -> None:
    """The same in a thread of its own, which has its own session."""
    with app.app_context():
        try:
            _hand_over_what_is_due(process, until)
        finally:
            db.session.remove()


def _hand_over_what_is_due(process: Process, until: float) -> None:
    """One text after another in three short steps: claim and commit, call the supplier with nothing open, record and commit."""
    while not process.stopping.is_set() and time.monotonic() < until:
        if not reading(lambda: outbox.due(now=clock.now())):
            return
        if reading(_fast_enough):
            process.stopping.wait(_PACE.total_seconds() / current_app.config["SMS_PER_SECOND"])
            continue
        begin_write(deciding=False)
        now = clock.now()
        errands = outbox.claim(
            owner=process.name,
            limit=1,
            lease_s=delivery.lease_s(),
            supplier=switching.chosen(now=now).name,
            now=now,
        )
        db.session.commit()
        for errand in errands:
            _hand_over(errand)


def _fast_enough() -> bool:
    """Whether all processes together hand over as many texts as the supplier takes in a second.

    Counted in the rows, so each hand that asks at the same moment may still add one; what is a little too much waits in the
    supplier's queue, where it would stand in order of age and not of worth.
    """
    lately = outbox.called_within(window=_PACE, lease_s=delivery.lease_s(), now=clock.now())
    most: int = current_app.config["SMS_PER_SECOND"]
    return lately >= most


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


def fetch(process: Process) -> None:
    """Act on every text of the last day that the supplier has and did not bring us: it tries to once, and then forgets.

    The supplier is asked with nothing open, and each text is a transaction of its own, so that one that fails keeps none of the
    others. Raises LeftAside when one did, Refused and Unanswered as the supplier does: then no beat says that all is well.
    """
    now = clock.now()
    db.session.rollback()
    came = _came_in(process, now - _FETCH_BACK)
    had = reading(lambda: inbox.known(text.sid for text in came))
    left_aside = 0
    for text in came:
        if process.stopping.is_set():
            return
        if text.sid not in had and not _taken_in(text):
            left_aside += 1
    if left_aside:
        raise LeftAside(f"{left_aside} texts were left aside")


def _came_in(process: Process, since: dt.datetime) -> list[sms.Received]:
    """What the supplier has, unless it said how long to leave it alone and that is not over. Raises Refused, Unanswered."""
    if time.monotonic() < process.ask_again_at:
        raise sms.Refused("asked_to_wait")
    try:
        return sms.supplier().received(since=since)
    except sms.Refused as refused:
        process.ask_again_at = time.monotonic() + (refused.retry_after_s or 0)
        raise


def _taken_in(text: sms.Received) -> bool:
    """Act on one text as if the supplier had brought it; False when that failed, which is logged."""
    try:
        begin_write()
        inbox.receive(sid=text.sid, sender=text.sender, body=text.body, sent_at=text.sent_at, now=clock.now())
        db.session.commit()
    except Exception as problem:  # noqa: BLE001 - one bad text must not keep everybody else's
        db.session.rollback()
        log.error("jobs: the text %s was left aside: %s", text.sid, type(problem).__name__)  # noqa: TRY400
        return False
    return True


def ask_for_figures(process: Process) -> None:
    """Ask the houses whose figures have gone stale."""
    if reading(lambda: freshness.due(now=clock.now())):
        begin_write()
        freshness.ask(now=clock.now())
        db.session.commit()


def tend(process: Process) -> None:
    """Look ahead for gaps in the rota, send the digest of the day, and see whether telephones that tried much are quiet again."""
    if reading(lambda: duty.tending.due(now=clock.now()) or inbox.trying.due(now=clock.now())):
        begin_write()
        duty.tending.tend(now=clock.now())
        inbox.trying.tend(now=clock.now())
        db.session.commit()


def post(process: Process) -> None:
    """Hand over every e-mail that waits, and forget it; one the mail server does not take is tried again in a minute."""
    while not process.stopping.is_set() and reading(lambda: passwords.due(now=clock.now())):
        begin_write(deciding=False)
        written = passwords.write(now=clock.now())
        db.session.commit()
        if written is None:
            continue
        try:
            mail.send(to=written.to, subject=written.subject, words=written.words)
        except mail.NotSent:
            continue  # said in the log by mail, without a name
        begin_write(deciding=False)
        passwords.sent(letter_id=written.letter_id)
        db.session.commit()


def merge_forces(process: Process) -> None:
    """Make one of two forces whose day has come. One that cannot be merged any more keeps none of the others."""
    for force_id in reading(lambda: merging.due(now=clock.now())):
        begin_write()
        try:
            merging.carry_out(force_id=force_id, by=CLOCK.by, now=clock.now())
        except merging.NotToBeMerged:
            db.session.rollback()
            log.error("jobs: the force %s was not merged: its page says why", force_id.hex)  # noqa: TRY400
        else:
            db.session.commit()


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
    mobiles.forget(now=now)
    passwords.forget(now=now)
    db.session.commit()
    while not process.stopping.is_set():
        begin_write()
        erased = referrals.erase_closed(now=clock.now())
        db.session.commit()
        if not erased:
            return


# What is raised over a job that has fallen silent. Whoever cannot ask for texts has trouble with the supplier.
_ALARMS = {
    "sweep": (AlertKind.SILENT, "job:sweep"),
    "outbox": (AlertKind.SILENT, "job:outbox"),
    "fetch": (AlertKind.SUPPLIER, "supplier:inbound"),
}


def watch(process: Process) -> None:
    """Raise the alarm over a job that has fallen silent, whichever process should be doing it, and end it once it beats again.

    Climbing the ladder is the sweep's; while that is silent it is done here, or nobody would be told twice.
    """
    now = clock.now()
    wrong, sweeping = _wrong(process, now), "sweep" not in heartbeats.silent(now=now)
    db.session.rollback()
    if not wrong and sweeping:
        return
    begin_write()
    now = clock.now()
    for job in _wrong(process, now):
        kind, subject = _ALARMS[job]
        if duty.standing(kind=kind, subject=subject) is None:
            duty.raise_alert(kind=kind, subject=subject, now=now)
        else:
            duty.end(kind=kind, subject=subject, now=now)
    if not sweeping:
        duty.climb(now=now)
    db.session.commit()


def _wrong(process: Process, now: dt.datetime) -> list[str]:
    """The jobs that are silent and have no alert, or have one and are not silent.

    A process that has just begun says of none that it is silent: what was down is coming up beside it.
    """
    up_for = dt.timedelta(seconds=time.monotonic() - process.began)
    silent = heartbeats.silent(jobs=_ALARMS, now=now)
    raised = {job for job, (kind, subject) in _ALARMS.items() if duty.standing(kind=kind, subject=subject)}
    unheard = [job for job in silent if job not in raised and up_for > heartbeats.PATIENCE[job]]
    return unheard + [job for job in raised if job not in silent]


JOBS = (
    Job("sweep", 15, sweep, alone=True),
    Job("duty", 60, tend, alone=True),
    Job("outbox", 2, send),
    Job("post", 5, post, alone=True),
    Job("figures", 300, ask_for_figures, alone=True),
    Job("fetch", 60, fetch, alone=True),
    Job("reconcile", 3600, supplying.reconcile, alone=True),
    Job("look", 60, supplying.look, alone=True),
    Job("spending", 60, supplying.note_spending, alone=True),
    Job("blank", 300, supplying.blank, alone=True),
    Job("seal", 60, seal),
    Job("erase", 3600, erase),
    Job("forces", 60, merge_forces, alone=True),
    Job("watch", 60, watch),
)


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
        """Sweep, send and fetch texts, compare records, ask for figures, look after the rota, seal, erase, and watch it all."""
        process = this_process()
        if just_once:
            if not once(process):
                raise SystemExit(1)
            return
        times = ", ".join(f"{job.name} every {job.every_s} s" for job in JOBS)
        click.echo(f"jobs: {times}; texts by {app.config['POS_SMS']}. SIGTERM or Ctrl-C stops it.")
        serve(app, process)
