"""Texts and calls on their way out: a row written with the thing it tells, claimed by one process, and what became of it.

The rule kept: a text is never lost, and never sent again before the supplier was asked whether it has it already. States only
move forward; what is final stays. A call is a text that is said: another channel, the same row, the same care.
"""

from __future__ import annotations

import datetime as dt
import random
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app
from sqlalchemy import orm

from safety import messages
from safety.crypto import SealBroken, ring
from safety.extensions import db
from safety.models import Channel, MessageState, Placement, Receipt, Text

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 60.0
# After a time-out the supplier may still be at work on what it was given; asked too soon, it would deny having it.
ASK_AFTER_S = 15.0
BLANKED_WITHIN = dt.timedelta(days=14)

WAITING = (MessageState.QUEUED, MessageState.UNKNOWN)
LOST = (MessageState.UNDELIVERED, MessageState.FAILED, MessageState.EXPIRED)
FINAL = (MessageState.DELIVERED, *LOST)
_RANK = {
    MessageState.QUEUED: 0,
    MessageState.SENDING: 1,
    MessageState.UNKNOWN: 1,
    MessageState.SENT: 2,
} | dict.fromkeys(FINAL, 3)
WORDS = {
    MessageState.QUEUED: "Waiting to be sent",
    MessageState.SENDING: "Being sent",
    MessageState.UNKNOWN: "Perhaps sent: being asked",
    MessageState.SENT: "Sent",
    MessageState.DELIVERED: "Delivered",
    MessageState.UNDELIVERED: "Not delivered",
    MessageState.FAILED: "Failed",
    MessageState.EXPIRED: "Not sent: it came too late to be of use",
}
# The supplier's words for where a text stands. One that is not here tells us nothing new.
_MEANS = {
    "accepted": MessageState.SENT,
    "scheduled": MessageState.SENT,
    "queued": MessageState.SENT,
    "sending": MessageState.SENT,
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
    # Of calls.
    "initiated": MessageState.SENT,
    "ringing": MessageState.SENT,
    "in-progress": MessageState.SENT,
    "completed": MessageState.DELIVERED,
    "busy": MessageState.UNDELIVERED,
    "no-answer": MessageState.UNDELIVERED,
    "machine": MessageState.UNDELIVERED,  # sms.MACHINE: nobody heard it
    # GOV.UK Notify's, where they are others.
    "created": MessageState.SENT,
    "pending": MessageState.SENT,
    "permanent-failure": MessageState.UNDELIVERED,
    "temporary-failure": MessageState.UNDELIVERED,
    "technical-failure": MessageState.FAILED,
}


def way(text: Text) -> tuple[tuple[str, dt.datetime], ...]:
    """Where a text stood and since when, in words, oldest first; the last is where it stands now."""
    steps = [("Queued", text.queued_at)]
    state = MessageState(text.state)
    if state in (MessageState.SENDING, MessageState.UNKNOWN):
        steps.append((WORDS[state], text.first_sent_at or text.queued_at))
    if text.sent_at is not None:
        steps.append((WORDS[MessageState.SENT], text.sent_at))
    if text.settled_at is not None and state in FINAL:
        steps.append((WORDS[state], text.settled_at))
    return tuple(steps)


@dataclass(frozen=True)
class Errand:
    """One text or call to hand over, claimed by one process for as long as its lease lasts.

    ask_since: when a supplier was first called for it, which means asking before sending; None: never called.
    good_until: the reading of time.monotonic() after which somebody else may have claimed it.
    supplier: who was called for it, or is to be; None: whoever is first.
    """

    text_id: uuid.UUID
    fence: int
    channel: Channel
    to: str
    body: str
    worthless_at: dt.datetime
    attempt: int
    ask_since: dt.datetime | None
    good_until: float
    supplier: str | None = None


def queue(
    *,
    wording: messages.Wording,
    matter: messages.Matter,
    to: str,
    worthless_at: dt.datetime,
    now: dt.datetime,
    critical: bool = False,
    referral_id: uuid.UUID | None = None,
    placement_id: uuid.UUID | None = None,
    alert_id: uuid.UUID | None = None,
    premises_id: uuid.UUID | None = None,
    by_voice_of: Text | None = None,
) -> Text:
    """Queue one text in the caller's transaction: it is sent if and only if that commits.

    to: E.164; worthless_at: after this it is not sent. critical: a person must know if it does not get through. premises_id:
    the house it is for. by_voice_of: it is a call, which says what that text said. Raises ValueError when the words do not
    make one plain text, which is a fault of ours and not of anybody's data.
    """
    body = wording(matter)
    problem = messages.segments_problem(body)
    if problem is not None:
        raise ValueError(f"{wording.__name__}: {problem}")
    text = Text(
        wording=wording.__name__,
        channel=Channel.TEXT if by_voice_of is None else Channel.CALL,
        critical=critical,
        same_as_id=by_voice_of.id if by_voice_of else None,
        premises_id=premises_id,
        referral_id=referral_id,
        placement_id=placement_id,
        alert_id=alert_id,
    )
    _follow(text, now)
    return _queued(text, to=to, body=body, worthless_at=worthless_at, now=now)


def repeat(*, text: Text, to: str, now: dt.datetime) -> Text:
    """Queue the same words of a text again, for another telephone (E.164), in the caller's transaction."""
    again = Text(
        wording=text.wording,
        channel=Channel.TEXT,
        critical=text.critical,
        same_as_id=text.id,
        premises_id=text.premises_id,
        referral_id=text.referral_id,
        placement_id=text.placement_id,
    )
    return _queued(again, to=to, body=text.body or "", worthless_at=text.worthless_at, now=now)


def _queued(text: Text, *, to: str, body: str, worthless_at: dt.datetime, now: dt.datetime) -> Text:
    text.to, text.body, text.to_index = to, body, ring().index("phone", to)
    text.queued_at = text.next_try_at = now
    text.worthless_at, text.state = worthless_at, MessageState.QUEUED
    db.session.add(text)
    return text


def again_of(*, text: Text, to: str, now: dt.datetime) -> Text:
    """Queue the words of a text once more, because a person said so; to: E.164. The database allows it once a text."""
    kept = (
        "wording",
        "channel",
        "critical",
        "premises_id",
        "referral_id",
        "placement_id",
        "alert_id",
        "worthless_at",
    )
    more = Text(
        to_index=ring().index("phone", to),
        queued_at=now,
        next_try_at=now,
        state=MessageState.QUEUED,
        again_of_id=text.id,
        **{name: getattr(text, name) for name in kept},
    )
    more.to, more.body = to, text.body
    _follow(more, now)
    db.session.add(more)
    return more


def _follow(text: Text, now: dt.datetime) -> None:
    """Somebody will see whether it got through (fallback.climb), whatever the supplier says or does not say."""
    if text.is_followed:
        text.look_at = now + dt.timedelta(seconds=current_app.config["TEXT_SILENT_S"])


def _due(text: type[Text], now: dt.datetime) -> sa.ColumnElement[bool]:
    waiting = sa.and_(text.state.in_(WAITING), text.next_try_at <= now)
    abandoned = sa.and_(text.state == MessageState.SENDING, text.claimed_until <= now)
    return sa.and_(sa.or_(waiting, abandoned), text.worthless_at > now, text.to_sealed.is_not(None))


def _claimable(now: dt.datetime) -> sa.ColumnElement[bool]:
    """Due, and nothing that this telephone should read first about the same request is due or in hand.

    Or an officer reads that the next bed is confirmed, and then not to go there. What happened first is read first; of one
    moment, what became of the bed before is read before what is said of the next one, and of the request comes last. A text that
    failed and waits for its next try keeps no other back, and no text waits for a call or a call for a text.
    """
    first, bed, first_bed = orm.aliased(Text), orm.aliased(Placement), orm.aliased(Placement)
    held = sa.select(bed.held_at).where(bed.id == Text.placement_id).correlate(Text).scalar_subquery()
    first_held = (
        sa.select(first_bed.held_at)
        .where(first_bed.id == first.placement_id)
        .correlate(first)
        .scalar_subquery()
    )
    of_the_request = sa.and_(Text.placement_id.is_(None), first.placement_id.is_not(None))
    read_first = sa.exists().where(
        first.referral_id == Text.referral_id,
        first.to_index == Text.to_index,
        first.channel == Channel.TEXT,
        Text.channel == Channel.TEXT,
        sa.or_(_due(first, now), sa.and_(first.state == MessageState.SENDING, first.claimed_until > now)),
        sa.or_(
            first.queued_at < Text.queued_at,
            sa.and_(first.queued_at == Text.queued_at, sa.or_(of_the_request, first_held < held)),
        ),
    )
    return sa.and_(_due(Text, now), ~read_first)


def due(*, most: int = 1, now: dt.datetime) -> int:
    """How many texts claim() would find, `most` at most; reads only, so an idle process never takes the writer's place."""
    found = sa.select(Text.id).where(_claimable(now)).limit(most).subquery()
    return db.session.scalar(sa.select(sa.func.count()).select_from(found)) or 0


def claim(
    *, owner: str, limit: int, lease_s: float, supplier: str | None = None, now: dt.datetime
) -> list[Errand]:
    """Claim up to `limit` texts, those whose worth ends first before the others; of one request, each telephone's one by one.

    By compare-and-set on the fence, so that of any number of processes one gets each text. lease_s: after so many seconds
    another process may take it back, and will ask the supplier first. supplier: who is to be called for those nobody was called for
    yet; it is written down, because only that one can be asked. The caller commits before it calls anybody.
    """
    good_until = time.monotonic() + lease_s
    found = db.session.scalars(
        sa.select(Text)
        .where(_claimable(now))
        .order_by(Text.worthless_at, Text.id)
        .limit(limit)
        # Whoever claims at the same moment goes on to the next instead of waiting for this one to be taken away.
        .with_for_update(skip_locked=True)
    ).all()
    errands = []
    for text in found:
        try:
            to, body = text.to or "", text.body or ""
        except SealBroken:
            # A key this process does not hold (yet) must not stand in the way of every other text.
            text.next_try_at, text.error = now + dt.timedelta(seconds=LONGEST_WAIT_S), "sealed"
            continue
        called_before, fence = text.first_sent_at, text.fence + 1
        # Only the first supplier can ring somebody up.
        by = text.supplier if called_before else supplier if text.channel == Channel.TEXT else None
        taken = db.session.execute(
            sa.update(Text)
            .where(Text.id == text.id, Text.fence == text.fence, Text.state == text.state)
            .values(
                state=MessageState.SENDING,
                claimed_by=owner,
                claimed_until=now + dt.timedelta(seconds=lease_s),
                fence=fence,
                attempts=Text.attempts + 1,
                first_sent_at=called_before or now,
                supplier=by,
            )
            .execution_options(synchronize_session=False)
        )
        if taken.rowcount == 1:  # type: ignore[attr-defined]
            worthless_at, attempt = text.worthless_at, text.attempts + 1
            channel = Channel(text.channel)
            errands.append(
                Errand(
                    text.id, fence, channel, to, body, worthless_at, attempt, called_before, good_until, by
                )
            )
        db.session.expire(text)
    return errands


def called_within(*, window: dt.timedelta, lease_s: float, now: dt.datetime) -> int:
    """For how many texts any process began to call the supplier so lately, as far as the rows tell. Reads only.

    lease_s: what claim() was given. What the supplier refused is not among them: it waits anyway.
    """
    in_hand = sa.and_(
        Text.state == MessageState.SENDING,
        Text.claimed_until > now + dt.timedelta(seconds=lease_s) - window,
    )
    return (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(Text).where(sa.or_(in_hand, Text.sent_at > now - window))
        )
        or 0
    )


def to_blank(*, supplier: str, limit: int, now: dt.datetime) -> list[tuple[uuid.UUID, str]]:
    """Texts that are over and whose words the supplier still has: each text's id and the supplier's, the latest first.

    What is older than BLANKED_WITHIN is left: by then a person has to see why it was never possible.
    """
    rows = db.session.execute(
        sa.select(Text.id, Text.sid)
        .where(
            Text.supplier == supplier,
            Text.channel == Channel.TEXT,  # of a call the supplier keeps no words
            Text.sid.is_not(None),
            Text.state.in_(FINAL),
            Text.blanked_at.is_(None),
            Text.sent_at > now - BLANKED_WITHIN,
        )
        .order_by(Text.sent_at.desc(), Text.id)
        .limit(limit)
    )
    return [(text_id, sid) for text_id, sid in rows if sid is not None]


def going(*, supplier: str, limit: int, now: dt.datetime) -> list[str]:
    """The supplier's ids of texts it took in the last day and of whose end nothing was heard, the latest first."""
    sids = db.session.scalars(
        sa.select(Text.sid)
        .where(
            Text.supplier == supplier,
            Text.state == MessageState.SENT,
            Text.sid.is_not(None),
            Text.sent_at > now - dt.timedelta(hours=24),
        )
        .order_by(Text.sent_at.desc(), Text.id)
        .limit(limit)
    )
    return [sid for sid in sids if sid is not None]


def blanked(*, text_id: uuid.UUID, now: dt.datetime) -> None:
    """The supplier has forgotten the words of this text."""
    db.session.execute(sa.update(Text).where(Text.id == text_id).values(blanked_at=now))


def known(sids: Iterable[str]) -> set[str]:
    """Those of the supplier's ids that already belong to a text of ours: two texts may have the same words."""
    return set(db.session.scalars(sa.select(Text.sid).where(Text.sid.in_(list(sids))))) - {None}  # type: ignore[return-value]


def _mine(errand: Errand) -> Text | None:
    """The errand's row, locked, if this process still has it. A process that was stopped and comes back gets nothing."""
    return db.session.scalars(
        sa.select(Text)
        .where(Text.id == errand.text_id, Text.fence == errand.fence, Text.state == MessageState.SENDING)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def _let_go(text: Text, state: MessageState) -> None:
    text.state = state
    text.claimed_by = text.claimed_until = None


def sent(
    *, errand: Errand, supplier: str, sid: str, status: str, error: str | None = None, now: dt.datetime
) -> Text | None:
    """The supplier has it, under `sid`. Receipts that came before we knew the sid are applied. None: no longer ours."""
    text = _mine(errand)
    if text is None:
        return None
    _let_go(text, MessageState.SENT)
    text.supplier, text.sid, text.sent_at, text.error = supplier, sid, now, None
    _move(text, status, error, now)
    for kept in db.session.scalars(
        sa.select(Receipt).where(Receipt.sid == sid).order_by(Receipt.received_at)
    ):
        _move(text, kept.status, kept.error, now)
    db.session.flush()
    return text


def give_up(*, errand: Errand, code: str, now: dt.datetime) -> Text | None:
    """It will never go. None: no longer ours."""
    text = _mine(errand)
    if text is None:
        return None
    _let_go(text, MessageState.FAILED)
    text.error, text.settled_at = code[:40], now
    db.session.flush()
    return text


def again(*, errand: Errand, code: str, wait_s: float | None, now: dt.datetime) -> Text | None:
    """The supplier refused for now: try later, if it is then still worth anything, else give up. None: no longer ours.

    wait_s: how long the supplier asked us to wait; the growing, jittered wait of our own if it did not say, or if longer.
    """
    text = _mine(errand)
    if text is None:
        return None
    next_try_at = now + dt.timedelta(seconds=max(_wait_s(errand.attempt), wait_s or 0.0))
    if next_try_at >= text.worthless_at:
        return give_up(errand=errand, code=code, now=now)
    _let_go(text, MessageState.QUEUED)
    text.next_try_at, text.error = next_try_at, code[:40]
    if errand.ask_since is None:
        # Refused at the first call: nobody has it, so there is nothing to ask about.
        text.first_sent_at = text.supplier = None
    db.session.flush()
    return text


def elsewhere(*, errand: Errand, now: dt.datetime) -> Text | None:
    """The supplier that was called says it does not have it, and fails: it may go by another, at once. None: no longer ours."""
    text = _mine(errand)
    if text is None:
        return None
    _let_go(text, MessageState.QUEUED)
    text.first_sent_at = text.supplier = None
    text.next_try_at = now
    db.session.flush()
    return text


def doubt(*, errand: Errand, code: str, now: dt.datetime) -> Text | None:
    """No answer: the supplier may or may not have it. It is asked before anything is sent. None: no longer ours."""
    text = _mine(errand)
    if text is None:
        return None
    _let_go(text, MessageState.UNKNOWN)
    text.next_try_at = now + dt.timedelta(seconds=max(_wait_s(errand.attempt), ASK_AFTER_S))
    text.error = code[:40]
    db.session.flush()
    return text


def _wait_s(attempt: int) -> float:
    """2 s, 4 s, 8 s … 60 s, a quarter less or more, so that texts refused together do not come back together."""
    return min(FIRST_WAIT_S * 2.0 ** min(attempt - 1, 10), LONGEST_WAIT_S) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter


def unhanded(now: dt.datetime) -> sa.ColumnElement[bool]:
    """Not handed over for certain, and nobody has it in hand."""
    return sa.or_(
        Text.state.in_(WAITING), sa.and_(Text.state == MessageState.SENDING, Text.claimed_until <= now)
    )


def _worthless(now: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(unhanded(now), Text.worthless_at <= now)


def any_worthless(*, now: dt.datetime) -> bool:
    """Whether expire() would find anything; reads only."""
    return db.session.scalar(sa.select(Text.id).where(_worthless(now)).limit(1)) is not None


def expire(*, now: dt.datetime) -> list[Text]:
    """End every text that nobody has in hand and that is worth nothing any more; returns them, locked."""
    texts = db.session.scalars(
        sa.select(Text)
        .where(_worthless(now))
        .order_by(Text.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for text in texts:
        text.error = text.error or ("unknown" if text.first_sent_at else None)
        _let_go(text, MessageState.EXPIRED)
        text.settled_at = now
    db.session.flush()
    return list(texts)


def receipt(*, sid: str, status: str, error: str | None, now: dt.datetime) -> Text | None:
    """Keep what the supplier says of a text, and apply it if the text is known.

    Returns the text if this moved it. Each status of a sid counts once; late, repeated and disordered ones move nothing; one
    for a sid we do not know yet is kept and applied when it becomes known (sent(), or match()).
    """
    try:
        with db.session.begin_nested():
            db.session.add(Receipt(sid=sid, status=status, error=error, received_at=now))
    except sa.exc.IntegrityError:
        return None
    text = db.session.scalars(
        sa.select(Text).where(Text.sid == sid).with_for_update().execution_options(populate_existing=True)
    ).first()
    if text is None or not _move(text, status, error, now):
        return None
    db.session.flush()
    return text


def _unmatched() -> sa.Select[uuid.UUID]:
    told = [word for word, state in _MEANS.items() if state in FINAL]
    return (
        sa.select(Text.id)
        .join(Receipt, Receipt.sid == Text.sid)
        .where(Text.state == MessageState.SENT, Receipt.status.in_(told))
    )


def any_unmatched() -> bool:
    """Whether match() would find anything; reads only."""
    return db.session.scalar(_unmatched().limit(1)) is not None


def match(*, now: dt.datetime) -> list[Text]:
    """Apply receipts that were being written at the very moment their sid became known; returns the texts moved, locked."""
    texts = db.session.scalars(
        sa.select(Text)
        .where(Text.id.in_(_unmatched()))
        .order_by(Text.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    moved = []
    for text in texts:
        kept = db.session.scalars(
            sa.select(Receipt).where(Receipt.sid == text.sid).order_by(Receipt.received_at)
        ).all()
        steps = [_move(text, one.status, one.error, now) for one in kept]
        if any(steps):
            moved.append(text)
    db.session.flush()
    return moved


def means(status: str) -> MessageState | None:
    """What the supplier's word for where a text or call stands means here; None for one that tells us nothing new."""
    return _MEANS.get(status)


def _move(text: Text, status: str, error: str | None, now: dt.datetime) -> bool:
    """Move the text forward to what `status` means, if that is forward. Returns whether it moved."""
    target = means(status)
    if target is None or _RANK[target] <= _RANK[MessageState(text.state)]:
        return False
    text.state = target
    if target in FINAL:
        text.settled_at = now
        text.error = error[:40] if error else None
    return True
