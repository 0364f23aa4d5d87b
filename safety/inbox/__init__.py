"""Texts that come in: whose telephone it is, what was meant, and the one thing that is done about it.

The rule kept: a text acts only for the number it came from, on a thing of its own; whatever is ambiguous does nothing and says
so; nobody learns anything from an answer that their own telephone did not already know. Each text acts once.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa
from flask import current_app

from safety import delivery, duty, messages, outbox, replies
from safety.extensions import db
from safety.inbox import counting, meaning, trying
from safety.inbox.answering import FIRST_LETTERS, on_somebody
from safety.inbox.sender import Answer, Sender, said_enough, sorry, whose
from safety.models import AlertKind, Contact, Inbound
from safety.replies import Kind, Reply

__all__ = ["FIRST_LETTERS", "Kind", "known", "mean", "receive", "whose"]

ANSWER_WORTH = dt.timedelta(minutes=10)
# A text without a code means what stood before its sender when it was sent. Older than this, or with a later one from the same
# telephone already here, it may mean something that is not so any more, and is asked for again.
TOO_OLD = dt.timedelta(minutes=15)
_OF_ITS_MOMENT = frozenset({Kind.YES, Kind.NO, Kind.BEDS, Kind.SAME, Kind.UNDO})
# The supplier's own words for coming back after an opt-out; a yes is one of them too, and means what it says here.
_OPT_IN = frozenset({"start", "unstop"})
OPT_IN = "opt_in"


def known(sids: Iterable[str]) -> set[str]:
    """Which of these texts have come in before; reads only."""
    return set(db.session.scalars(sa.select(Inbound.sid).where(Inbound.sid.in_(list(sids)))))


def receive(
    *, sid: str, sender: str, body: str, sent_at: dt.datetime | None = None, now: dt.datetime
) -> str | None:
    """Act on one text, once for each `sid`, and queue the answer. Returns the words of the answer, or None.

    sender: as the supplier gave it, E.164 for a telephone. sent_at: the supplier's own time of the text; None: it came this
    moment. The caller has begun a deciding write and commits. What was written and what it was taken to mean are both kept,
    sealed, until RETENTION.
    """
    if db.session.scalar(sa.select(Inbound.id).where(Inbound.sid == sid)) is not None:
        return None
    # The supplier's clock may be ahead of ours; nothing was sent after it came.
    sent_at = min(sent_at or now, now)
    telephone = whose(sender)
    if re.sub(r"[\W_]+", "", body).casefold() in _OPT_IN:
        taken_for, answer = OPT_IN, _come_back(telephone, now)
    else:
        reply = replies.parse(body)
        taken_for, answer = str(reply.kind), _act(reply, telephone, sent_at, now)
    kept = Inbound(
        sid=sid,
        sender_index=telephone.index,
        sent_at=sent_at,
        received_at=now,
        meaning=taken_for,
        outcome=answer.outcome[:40],
        placement_id=answer.placement.id if answer.placement else None,
    )
    kept.sender, kept.body = sender, body
    db.session.add(kept)
    db.session.flush()
    trying.note(sender=telephone, outcome=answer.outcome, now=now)
    if answer.wording is None:
        return None
    matter = replace(answer.matter, ring=current_app.config["DUTY_NUMBER"])
    if said_enough(sender=telephone, wording=answer.wording, body=answer.wording(matter), now=now):
        return None
    text = outbox.queue(
        wording=answer.wording,
        matter=matter,
        to=sender,
        worthless_at=now + ANSWER_WORTH,
        now=now,
        referral_id=answer.placement.referral_id if answer.placement else None,
        placement_id=answer.placement.id if answer.placement else None,
    )
    db.session.flush()
    return text.body


def mean(*, inbound_id: uuid.UUID, slug: str, by: str, now: dt.datetime) -> Inbound:
    """A coordinator says what a text meant: see meaning.mean, which says what it raises."""
    return meaning.mean(inbound_id=inbound_id, slug=slug, by=by, act=_act, now=now)


def _come_back(sender: Sender, now: dt.datetime) -> Answer:
    if not sender.known:
        return Answer("unknown_number")
    _reachable(sender, now)
    return Answer("opted_in", messages.info)


def _reachable(sender: Sender, now: dt.datetime) -> None:
    """Whoever writes to us can be written to: their houses' texts go to this telephone again."""
    db.session.execute(
        sa.update(Contact)
        .where(Contact.phone_index == sender.index, Contact.unreachable_at.is_not(None))
        .values(unreachable_at=None)
    )
    duty.end(kind=AlertKind.TEXT_FAILED, subject=sender.by, now=now)


def _act(reply: Reply, sender: Sender, sent_at: dt.datetime, now: dt.datetime) -> Answer:
    if not sender.known:
        return Answer("unknown_number")
    if reply.kind not in replies.HARMLESS:
        _reachable(sender, now)
    if reply.kind is Kind.AUTOMATIC:
        return Answer("automatic")
    if reply.kind is Kind.OPT_OUT:
        delivery.unreachable(number_index=sender.index, now=now)
        return Answer("opted_out")
    if reply.kind in _OF_ITS_MOMENT and reply.code is None and _too_late(sender, sent_at, now):
        return sorry(sender, now, messages.came_too_late)
    if reply.kind is Kind.NOT_UNDERSTOOD:
        return sorry(sender, now)
    if reply.kind is Kind.INFO:
        return Answer("info", messages.info)
    if reply.kind is Kind.OK:
        return _claim(reply, sender, now)
    if reply.kind is Kind.SAME:
        return counting.same(sender, now)
    if reply.kind is Kind.BEDS:
        return counting.said(reply, sender, now)
    if reply.kind is Kind.UNDO:
        return counting.undo(sender, now)
    return on_somebody(reply, sender, now)


def _too_late(sender: Sender, sent_at: dt.datetime, now: dt.datetime) -> bool:
    """Whether a text is too old to be taken for what its sender means now, or one they sent later was here before it."""
    if sent_at >= now:
        return False  # it came this moment, even if a clock that was put back says that others came after
    if now - sent_at > TOO_OLD:
        return True
    later = sa.select(Inbound.id).where(Inbound.sender_index == sender.index, Inbound.sent_at > sent_at)
    return db.session.scalar(later.limit(1)) is not None


def _claim(reply: Reply, sender: Sender, now: dt.datetime) -> Answer:
    if not sender.on_call or reply.code is None:
        return Answer("code_not_known", messages.code_not_known)
    alert = duty.claim(code=reply.code, by=sender.takes_as, now=now)
    matter = messages.Matter(code=reply.code)
    if alert is None:
        return Answer("alert_taken_already", messages.alert_taken_already, matter)
    return Answer("alert_taken", messages.alert_taken, matter)
