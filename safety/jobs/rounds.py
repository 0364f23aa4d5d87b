"""What time alone brings about: deadlines, old figures, the rota, e-mails, mergers, the seal of the audit trail, what is forgotten,
and a watch over the other jobs.

The rule kept: whether there is anything to do is read first, so that a round with nothing to do keeps nobody waiting to write.
"""

from __future__ import annotations

import datetime as dt
import logging
import time

from safety import (
    audit,
    clock,
    duty,
    freshness,
    heartbeats,
    inbox,
    invitations,
    mail,
    merging,
    mobiles,
    passwords,
    referrals,
)
from safety.extensions import begin_write, db, reading
from safety.jobs.process import Process
from safety.models import AlertKind
from safety.permissions import CLOCK

log = logging.getLogger(__name__)


def sweep(process: Process) -> None:
    """Everything that time alone brings about; one transaction a round, so that nobody waits long for their turn to write."""
    while True:
        begin_write()
        swept = referrals.sweep(now=clock.now())
        db.session.commit()
        if not swept.again or process.stopping.is_set():
            return


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
