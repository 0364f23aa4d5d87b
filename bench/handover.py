"""How soon a text is with the supplier, while officers ask for beds all the time.

The jobs process is the real one, and Twilio stands at the end of a socket. From the moment a text is written down (the time
its door read, so before the commit) to the moment Twilio has it.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from safety import clock, create_app
from safety.extensions import begin_write, db
from safety.lifecycle import ReferralState, State
from safety.models import Heartbeat, Placement, Referral, Text, User
from tests import factories, servers
from tests.conftest import settings_for
from tests.twilio_line import TwilioLine

SOON_S, SHARE_SOON, LATEST_S = 10, 0.99, 60
# Officers come from many places: two of them are never so close behind one another that nobody else can write in between.
_BETWEEN_S = 0.01
# So many people have a bed at a time; the stay of whoever came first is over when one more comes.
_BEDS = 10


@dataclass
class Figures:
    """What was asked for and how long its texts took (seconds each), and what was broken (in words; empty: nothing)."""

    requests: int
    minutes: float
    waits_s: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def share_soon(self) -> float:
        """Which part of the texts was handed over within SOON_S."""
        return sum(wait <= SOON_S for wait in self.waits_s) / max(1, len(self.waits_s))

    def line(self) -> str:
        """All of it on one line."""
        ordered = sorted(self.waits_s) or [float("inf")]
        return (
            f"{self.requests} requests in {self.minutes:.1f} min, {len(self.waits_s)} texts: {100 * self.share_soon:.2f}% with "
            f"Twilio within {SOON_S} s, median {statistics.median(ordered):.1f} s, "
            f"95% {ordered[int(0.95 * len(ordered)) - 1]:.1f} s, longest {ordered[-1]:.1f} s"
        )


def run(
    url: str, log: Path, *, per_second: float, minutes: float, say: Callable[[str], None] = print
) -> Figures:
    """Ask for beds on the migrated, empty database `url` at an even rate for so many minutes, and read off what Twilio got when."""
    figures = Figures(0, minutes)
    with TwilioLine() as line:
        # No receipts come back over this line. Without any, other telephones would be tried and rung, which is not asked here.
        line.wire.at_first = "delivered"
        app = create_app(settings_for(url, **line.settings))
        with app.app_context():
            sender = servers.jobs(url, log, **line.settings)
            try:
                _until_it_is_up(sender)
                figures.requests, took_s = _ask(per_second, minutes, say)
                figures.minutes = took_s / 60
                _let_it_finish(sender)
                _judge(figures, line)
            finally:
                sender.stop()
                db.session.remove()
                db.engine.dispose()
    wanted = per_second * minutes * 60
    if figures.requests < 0.98 * wanted:
        figures.broken.append(
            f"only {figures.requests} of {wanted:.0f} requests could be made: this machine is too slow or too busy to tell"
        )
    return figures


def _until_it_is_up(sender: servers.Server) -> None:
    """What is measured begins with a sender that goes round."""
    while sender.process.poll() is None and db.session.get(Heartbeat, "outbox") is None:
        db.session.rollback()
        time.sleep(0.2)
    db.session.rollback()


def _ask(per_second: float, minutes: float, say: Callable[[str], None]) -> tuple[int, float]:
    """Returns how many requests were made, and how long that took in seconds."""
    begin_write()
    factories.house(rooms=_BEDS + 2, now=clock.now())
    officer = factories.officer()
    db.session.commit()
    began, said_at, made, theirs = time.monotonic(), time.monotonic(), 0, deque()
    while (due_at := began + made / per_second) < began + 60 * minutes:
        now = time.monotonic()
        if now > began + 60 * minutes:
            break
        if now < due_at:
            time.sleep(due_at - now)
        theirs.append(_one(officer, theirs.popleft() if len(theirs) == _BEDS else None))
        made += 1
        if time.monotonic() > said_at + 30:
            said_at = time.monotonic()
            say(f"  {made} requests made, {(said_at - began) / 60:.1f} of {minutes:g} min")
    return made, time.monotonic() - began


def _one(officer: User, over: uuid.UUID | None) -> uuid.UUID:
    """Somebody gets a bed, and with it go the two texts of a request. over: whose stay makes room for it, without a word."""
    begin_write()
    now = clock.now()
    if over is not None:
        # Written as it will stand in a week: what is measured are the texts of requests.
        ended = {"state": State.CANCELLED, "ended_at": now, "ended_by": "clock"}
        db.session.execute(sa.update(Placement).where(Placement.id == over).values(ended))
        its = sa.select(Placement.referral_id).where(Placement.id == over).scalar_subquery()
        closed = {
            "state": ReferralState.CLOSED,
            "closed_at": now,
            "closed_by": "clock",
            "closed_reason": "other",
        }
        db.session.execute(sa.update(Referral).where(Referral.id == its).values(closed))
        db.session.expire_all()
    made = factories.placement(by=officer, now=now).id
    db.session.commit()
    time.sleep(_BETWEEN_S)
    return made


def _let_it_finish(sender: servers.Server) -> None:
    """The last texts are handed over too; what is not by then never will be in time."""
    until = time.monotonic() + LATEST_S + 15
    while time.monotonic() < until and sender.process.poll() is None:
        db.session.rollback()
        if db.session.scalar(sa.select(Text.id).where(Text.sid.is_(None)).limit(1)) is None:
            break
        db.session.rollback()
        time.sleep(0.5)


def _judge(figures: Figures, line: TwilioLine) -> None:
    db.session.rollback()
    for sid, queued_at in db.session.execute(sa.select(Text.sid, Text.queued_at)):
        taken_at = line.taken_at.get(sid)
        figures.waits_s.append((taken_at - queued_at).total_seconds() if taken_at else float("inf"))
    db.session.rollback()
    if figures.share_soon < SHARE_SOON:
        figures.broken.append(
            f"only {100 * figures.share_soon:.2f}% within {SOON_S} s, {100 * SHARE_SOON:.0f}% was promised"
        )
    if max(figures.waits_s, default=float("inf")) > LATEST_S:
        figures.broken.append(f"one text took longer than {LATEST_S} s, or never went")
    figures.broken += [f"a call was not as Twilio describes it: {problem}" for problem in set(line.problems)]
