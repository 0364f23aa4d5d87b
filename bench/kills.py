"""The sender killed again and again while Twilio refuses some texts and takes others without a word.

Then what Twilio has is counted. Nothing is asked of our own records but which texts there were: what is lost and what came
twice is judged by what the other side received.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from safety import clock, create_app, messages, outbox
from safety.extensions import begin_write, db
from safety.messages import Matter
from safety.models import MessageState, Text
from tests import servers
from tests.conftest import settings_for
from tests.twilio_line import TwilioLine

# Between a claim and its call, between the call and its record, after the record; and whenever it happens.
DEATHS = ("outbox.claimed", "outbox.called", "outbox.recorded", "at random")
REFUSED, DROPPED = 0.05, 0.05
# One text in so many is sent a second time in the same words to the same number, as the ladder does: that is two texts.
SAME_WORDS = 100
# Of a thousand texts one may come twice: harmless, and a text that does not come is not.
TWICE_ALLOWED = 1000
_PATIENCE_S = 240
_OPEN = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)


@dataclass
class Figures:
    """What happened, and what was broken by it (in words; empty: nothing)."""

    texts: int
    kills: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    dropped: int = 0
    lost: int = 0
    twice: int = 0
    took_s: float = 0.0
    broken: list[str] = field(default_factory=list)

    def line(self) -> str:
        """All of it on one line."""
        deaths = ", ".join(f"{self.kills[death]} {death.removeprefix('outbox.')}" for death in DEATHS)
        return (
            f"{self.texts} texts, {self.kills.total()} kills ({deaths}), {self.refused} calls refused, "
            f"{self.dropped} taken without an answer: {self.lost} lost, {self.twice} twice, {self.took_s:.0f} s"
        )


def run(
    url: str,
    log: Path,
    *,
    texts: int,
    kills: int,
    seed: int,
    say: Callable[[str], None] = print,
    hurry: bool = False,
    start: Callable[..., servers.Server] = servers.jobs,
) -> Figures:
    """Queue `texts` on the migrated, empty database `url`, kill the sender `kills` times while it sends them, let it finish, judge.

    hurry: leases and waits are put forward after each death instead of waited for. start: starts a sender.
    """
    dice = random.Random(seed)
    began = time.monotonic()
    figures = Figures(texts)
    with TwilioLine(fate=lambda method: _fate(dice, method)) as line:
        settings = {**line.settings, "TWILIO_TIMEOUT_S": "5"}
        app = create_app(settings_for(url, **settings))
        with app.app_context():
            try:
                _queue(texts)
                _lives(
                    figures,
                    kills,
                    dice,
                    line,
                    say,
                    functools.partial(start, url, log, **settings),
                    hurry=hurry,
                )
                _judge(figures, kills, line)
            finally:
                db.session.remove()
                db.engine.dispose()
    figures.took_s = time.monotonic() - began
    return figures


def _fate(dice: random.Random, method: str) -> Any:
    if method != "POST":
        return "ok"
    share = dice.random()
    if share < REFUSED:
        return dice.choice([503, (429, 20429)])
    return "accept_then_drop" if share < REFUSED + DROPPED else "ok"


def _queue(texts: int) -> None:
    """Texts that can be told from one another, but for one in SAME_WORDS."""
    db.session.rollback()
    begin_write(deciding=False)
    now = clock.now()
    for number in range(texts):
        words = number - 1 if number % SAME_WORDS == 1 else number
        outbox.queue(
            wording=messages.not_understood,
            matter=Matter(ring=f"{words:011d}"),
            to=f"+447700900{words % 990:03d}",
            worthless_at=now + dt.timedelta(hours=12),
            now=now,
        )
    db.session.commit()


def waiting() -> int:
    """How many texts have not been handed over."""
    db.session.rollback()
    count = db.session.scalar(sa.select(sa.func.count()).select_from(Text).where(Text.state.in_(_OPEN)))
    db.session.rollback()
    return count or 0


def time_passes(*, leases: bool) -> None:
    """As if the waits were over and, when no sender is at work, the leases had run out as well.

    A lease is longer than any call. One that ran out in the middle of the call of somebody who lives is no kill, and two hands
    with one text in hand would be what came of it.
    """
    db.session.rollback()
    begin_write(deciding=False)
    spell = dt.timedelta(minutes=2)
    # Locked, and as they are now: a living sender may be writing one of them.
    rows = (
        sa.select(Text)
        .where(Text.state.in_(_OPEN))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for text in db.session.scalars(rows):
        if leases and text.claimed_until is not None:
            text.claimed_until -= spell
        text.next_try_at -= spell
    db.session.commit()


def _lives(
    figures: Figures,
    kills: int,
    dice: random.Random,
    line: TwilioLine,
    say: Callable[[str], None],
    start: Callable[..., servers.Server],
    *,
    hurry: bool,
) -> None:
    """One sender after another, each killed in the way that is next, until that was done often enough; the last one finishes."""
    # So that the kills are spread over the texts, and few texts leave room for senders that are lucky with theirs.
    most = max(1, int((0.4 if hurry else 0.7) * figures.texts / kills))
    for death in itertools.cycle(DEATHS):
        left = waiting()
        if not left or figures.kills.total() >= kills:
            break
        chance = f":{1 / most:.4f}" if most > 1 else ""
        more = {} if death == "at random" else {"POS_FAILPOINTS": f"{death}:kill{chance}"}
        sender = start(**more)
        try:
            if death == "at random":
                _die_at_random(sender, line, dice, most)
            else:
                _die_at_its_point(sender)
            # One that stopped by itself, or was left with nothing to send, was not killed.
            figures.kills[death] += sender.process.poll() == -9
        finally:
            sender.kill()
        if hurry:
            time_passes(leases=True)
        if figures.kills.total() % 10 == 0:
            say(f"  {figures.kills.total()} of {kills} kills, {left} of {figures.texts} texts to go")
    _finish(line, say, start, hurry=hurry)


def _die_at_its_point(sender: servers.Server) -> None:
    """Until it came to where it dies, or has nothing left to send: it may be lucky with every text there is."""
    give_up_at = time.monotonic() + _PATIENCE_S
    while sender.process.poll() is None and time.monotonic() < give_up_at and waiting():
        time.sleep(0.05)


def _die_at_random(sender: servers.Server, line: TwilioLine, dice: random.Random, most: int) -> None:
    until = len(line.outcomes) + dice.randint(1, 2 * most)
    give_up_at = time.monotonic() + _PATIENCE_S
    while len(line.outcomes) < until and sender.process.poll() is None and time.monotonic() < give_up_at:
        time.sleep(0.005)
        if len(line.outcomes) < until and not waiting():
            return
    time.sleep(dice.uniform(0, 0.05))
    sender.kill()


def _finish(
    line: TwilioLine, say: Callable[[str], None], start: Callable[..., servers.Server], *, hurry: bool
) -> None:
    sender = start()
    heard, heard_at, said_at = len(line.outcomes), time.monotonic(), time.monotonic()
    try:
        while left := waiting():
            if len(line.outcomes) != heard:
                heard, heard_at = len(line.outcomes), time.monotonic()
            if time.monotonic() > heard_at + _PATIENCE_S or sender.process.poll() is not None:
                return  # what is left is judged as lost
            if time.monotonic() > said_at + 10:
                said_at = time.monotonic()
                say(f"  {left} texts to go, nobody is killed any more")
            time.sleep(0.2)
            if hurry:
                with contextlib.suppress(sa.exc.OperationalError):
                    time_passes(leases=False)
    finally:
        sender.stop()


def _judge(figures: Figures, kills: int, line: TwilioLine) -> None:
    db.session.rollback()
    rows = db.session.scalars(sa.select(Text)).all()
    wanted = Counter((row.to, row.body) for row in rows)
    has = Counter((one["to"], one["body"]) for one in line.outbound())
    figures.texts = len(rows)
    figures.refused = sum(mode not in ("ok", "accept_then_drop") for _, mode in line.outcomes)
    figures.dropped = sum(mode == "accept_then_drop" for _, mode in line.outcomes)
    figures.lost, figures.twice = (wanted - has).total(), (has - wanted).total()
    if figures.lost:
        figures.broken.append(f"{figures.lost} texts never came to Twilio")
    if figures.twice > len(rows) / TWICE_ALLOWED:
        figures.broken.append(
            f"{figures.twice} texts came to Twilio more than once, at most {len(rows) // TWICE_ALLOWED} may"
        )
    if left := sum(row.state in _OPEN for row in rows):
        figures.broken.append(f"{left} texts are still waiting, and nothing moves them")
    if figures.kills.total() < kills:
        figures.broken.append(
            f"only {figures.kills.total()} of {kills} kills: the sender was done before, so take more texts"
        )
    figures.broken += [f"a call was not as Twilio describes it: {problem}" for problem in set(line.problems)]
    db.session.rollback()
