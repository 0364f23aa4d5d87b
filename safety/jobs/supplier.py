"""The text supplier itself: its record beside ours, the words it should forget, what it costs.

The rule kept: the supplier is called with nothing open, and what one text meets keeps no other waiting.
"""

from __future__ import annotations

import datetime as dt
import functools

from flask import current_app

from safety import clock, delivery, outbox, reconciliation, sms
from safety.extensions import begin_write, db, reading
from safety.jobs.process import LeftAside, Process

# So many texts are forgotten by the supplier in a round.
_MOST_BLANKED = 100
# So many texts are asked about one by one in a round.
_MOST_LOOKED_AT = 50


def reconcile(process: Process) -> None:
    """Lay the suppliers' records of the last day beside ours, make up for calls that were lost, and say what still differs.

    Each is asked with nothing open. Raises Refused and Unanswered as they do; then what was found before stands, and only what
    another supplier could tell is made up for.
    """
    now = clock.now()
    db.session.rollback()
    listed: list[sms.Listed] = []
    gone: list[str] = []
    silent: list[sms.Refused | sms.Unanswered] = []
    for supplier in _suppliers():
        try:
            theirs, missing = _record(supplier, process, now)
        except (sms.Refused, sms.Unanswered) as problem:
            silent.append(problem)
            continue
        listed += theirs
        gone += missing
        if process.stopping.is_set():
            return

    def compared() -> reconciliation.Compared:
        return reconciliation.compare(listed=listed, gone=gone, now=now)

    def news() -> bool:
        return bool(compared().mend) if silent else reconciliation.is_news(compared=compared())

    if reading(news):
        begin_write()
        reconciliation.mend(compared=compared(), now=clock.now())
        if not silent:
            reconciliation.settle(compared=compared(), now=clock.now())
        db.session.commit()
    if silent:
        raise silent[0]


def _record(supplier: sms.Supplier, process: Process, now: dt.datetime) -> tuple[list[sms.Listed], list[str]]:
    """What one supplier lists or says when asked for it, and the ids of ours it has not. Raises Refused and Unanswered."""
    listed = supplier.listed(since=now - reconciliation.ASKED_BACK)
    missing = reading(
        functools.partial(reconciliation.unlisted, supplier=supplier.name, listed=listed, now=now)
    )
    gone: list[str] = []
    for sid in missing:
        if process.stopping.is_set():
            break
        found = supplier.look(sid=sid)
        if found is None:
            gone.append(sid)
        else:
            listed.append(found)
    return listed, gone


def look(process: Process) -> None:
    """Ask the second supplier what became of its texts, one by one: its calls may not reach us, and nothing else would tell.

    Of the first the hour is soon enough; the second is used when things are bad already. Raises Refused and Unanswered.
    """
    supplier = sms.second()
    if supplier is None:
        return
    for sid in reading(lambda: outbox.going(supplier=supplier.name, limit=_MOST_LOOKED_AT, now=clock.now())):
        if process.stopping.is_set():
            return
        found = supplier.look(sid=sid)
        if found is not None and outbox.means(found.status) in outbox.FINAL:
            begin_write()
            delivery.receipt(sid=sid, status=found.status, error=found.error, now=clock.now())
            db.session.commit()


def _suppliers() -> list[sms.Supplier]:
    return [supplier for supplier in (sms.supplier(), sms.second()) if supplier is not None]


def blank(process: Process) -> None:
    """Have the supplier forget the words of texts that are over, where TWILIO_BLANK_BODIES says so.

    Each is a call with nothing open and a row of its own. One that is refused is left for the next round; when the supplier
    refuses us, or does not answer, the round ends. Raises LeftAside, Refused, Unanswered.
    """
    if not current_app.config["TWILIO_BLANK_BODIES"]:
        return
    supplier = sms.supplier()
    left_aside = 0
    for text_id, sid in reading(
        lambda: outbox.to_blank(supplier=supplier.name, limit=_MOST_BLANKED, now=clock.now())
    ):
        if process.stopping.is_set():
            return
        try:
            supplier.blank(sid=sid)
        except sms.Refused as refused:
            if not refused.permanent:
                raise
            left_aside += 1
            continue
        begin_write(deciding=False)
        outbox.blanked(text_id=text_id, now=clock.now())
        db.session.commit()
    if left_aside:
        raise LeftAside(f"the words of {left_aside} texts were left")


def note_spending(process: Process) -> None:
    """Tell a coordinator when more is spent on texts than expected."""
    if reading(lambda: delivery.spending_is_news(now=clock.now())):
        begin_write()
        delivery.note_spending(now=clock.now())
        db.session.commit()
