"""The supplier of `make run` and of most tests: keeps every text and call for the page of telephones; each gets through at once.

It stands where a company's machine would stand, so it keeps its own record in its own transactions and reads the clock itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from safety import clock
from safety.crypto import ring
from safety.extensions import begin_write, db, new_id
from safety.models import SimulatedText
from safety.sms import Listed, Received, Sent, is_trial


class Simulator:
    """Takes everything, delivers everything, in the order given."""

    name = "simulator"
    receives = True

    def send(self, *, to: str, body: str, validity_s: int, callback_url: str, reference: str = "") -> Sent:
        """Show the text on the telephone `to`. The session must have no transaction open; it is committed here."""
        begin_write(deciding=False)
        text = keep(number=to, body=body, from_us=True, now=clock.now())
        db.session.commit()
        return Sent(text.sid, "delivered")

    def find(self, *, to: str, body: str, since: dt.datetime, reference: str = "") -> list[Sent]:
        """The texts with these words that were shown on the telephone `to` since then, oldest first."""
        shown = self._shown(to, since)
        found = [Sent(text.sid, "delivered") for text in shown if text.body == body and not text.call]
        db.session.rollback()
        return found

    def _shown(self, to: str, since: dt.datetime) -> Sequence[SimulatedText]:
        return db.session.scalars(
            sa.select(SimulatedText)
            .where(
                SimulatedText.number_index == ring().index("phone", to),
                SimulatedText.from_us,
                SimulatedText.at >= since,
            )
            .order_by(SimulatedText.at)
        ).all()

    def call(self, *, to: str, words: str, callback_url: str) -> Sent:
        """Show on the telephone `to` that it rang, and what was said; somebody always answers. Commits as send does."""
        begin_write(deciding=False)
        call = keep(number=to, body=words, from_us=True, call=True, sid=f"CA{new_id().hex}", now=clock.now())
        db.session.commit()
        return Sent(call.sid, "completed")

    def find_calls(self, *, to: str, since: dt.datetime) -> list[Sent]:
        """The calls that were shown on the telephone `to` since then, oldest first."""
        found = [Sent(one.sid, "completed") for one in self._shown(to, since) if one.call]
        db.session.rollback()
        return found

    def received(self, *, since: dt.datetime) -> list[Received]:
        """What was typed into the telephones since then, oldest first.

        Nothing is ever lost between the page of telephones and the inbox, which take a text in one transaction: asked for the
        same reason as a real supplier, this one has nothing new to say.
        """
        typed = db.session.scalars(
            sa.select(SimulatedText)
            .where(SimulatedText.from_us.is_(False), SimulatedText.at >= since)
            .order_by(SimulatedText.at, SimulatedText.sid)
        ).all()
        found = [Received(text.sid, text.number, text.body, text.at) for text in typed]
        db.session.rollback()
        return found

    def listed(self, *, since: dt.datetime) -> list[Listed]:
        """What was shown on the telephones since then, newest first."""
        return self._record(SimulatedText.at >= since)

    def look(self, *, sid: str) -> Listed | None:
        """One text that was shown; None when none of that id was."""
        return next(iter(self._record(SimulatedText.sid == sid)), None)

    def blank(self, *, sid: str) -> None:
        """Nothing: what telephones show is what this is for."""

    def _record(self, wanted: sa.ColumnElement[bool]) -> list[Listed]:
        kept = db.session.scalars(
            sa.select(SimulatedText)
            .where(SimulatedText.from_us, ~SimulatedText.call, wanted)
            .order_by(SimulatedText.at.desc(), SimulatedText.sid)
        ).all()
        found = [Listed(text.sid, "delivered", None, text.at, is_trial(text.body)) for text in kept]
        db.session.rollback()
        return found


def keep(
    *, number: str, body: str, from_us: bool, now: dt.datetime, sid: str | None = None, call: bool = False
) -> SimulatedText:
    """Put one text on a telephone (E.164), in the caller's transaction.

    from_us: whether the service wrote it; sid: its id, made up if not given; call: it was said and not written.
    """
    text = SimulatedText(
        at=now,
        number_index=ring().index("phone", number),
        from_us=from_us,
        call=call,
        sid=sid or f"SM{new_id().hex}",
    )
    text.number, text.body = number, body
    db.session.add(text)
    db.session.flush()
    return text
