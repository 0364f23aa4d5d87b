"""The sign each job on a timer leaves after a whole round, and which of them has fallen silent.

The rule kept: there is one answer to "does it still go round?", whoever asks: a monitor, a coordinator's page, the jobs themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import sqlalchemy as sa

from safety.extensions import db
from safety.models import Heartbeat

# Without these two nothing happens by itself and nobody is told anything.
VITAL = ("sweep", "outbox")
# How long a job may be silent. Asking for texts that did not reach us may wait out a short trouble of the supplier's: what
# comes in reaches us without it as a rule.
PATIENCE = {
    "sweep": dt.timedelta(minutes=2),
    "outbox": dt.timedelta(minutes=2),
    "fetch": dt.timedelta(minutes=15),
}


def beat(*, job: str, now: dt.datetime) -> None:
    """Leave the sign of a whole round done. The caller has begun a write."""
    done = db.session.execute(sa.update(Heartbeat).where(Heartbeat.job == job).values(beat_at=now))
    if done.rowcount == 0:  # type: ignore[attr-defined]
        try:
            with db.session.begin_nested():
                db.session.add(Heartbeat(job=job, beat_at=now))
        except sa.exc.IntegrityError:
            pass  # another process left the first one in the same moment: just as good


def last(*, job: str) -> dt.datetime | None:
    """When this job last did its whole round."""
    return db.session.scalar(sa.select(Heartbeat.beat_at).where(Heartbeat.job == job))


def silent(*, jobs: Collection[str] = VITAL, now: dt.datetime) -> dict[str, dt.datetime | None]:
    """Those of these jobs that are silent for longer than PATIENCE, each with its last sign (None: there never was one)."""
    rows = db.session.execute(sa.select(Heartbeat.job, Heartbeat.beat_at).where(Heartbeat.job.in_(jobs)))
    beats = dict(rows.all())
    last = {job: beats.get(job) for job in jobs}
    return {job: at for job, at in last.items() if at is None or at < now - PATIENCE[job]}
