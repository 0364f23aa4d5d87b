"""Texts that come in: whose telephone it is, what was meant, and the one thing that is done about it.

The rule kept: a text acts only for the number it came from, on a thing of its own; whatever is ambiguous does nothing and says
so; nobody learns anything from an answer that their own telephone did not already know. Each text acts once.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from dataclasses import dataclass, field, replace

import sqlalchemy as sa
from flask import current_app

from safety import (
    beds,
    delivery,
    duty,
    lifecycle,
    messages,
    outbox,
    permissions,
    placements,
    premises,
    referrals,
    replies,
)
from safety.crypto import ring
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL, Event, ReferralState, Role, State
from safety.models import AlertKind, Contact, Inbound, Placement, Premises, Referral, Text, User
from safety.models.premises import ReportVia
from safety.permissions import Actor
from safety.referrals import Happened
from safety.replies import Kind, Reply

ANSWER_WORTH = dt.timedelta(minutes=10)
ONE_APOLOGY_IN = dt.timedelta(minutes=10)
# The supplier's own words for coming back after an opt-out; a yes is one of them too, and means what it says here.
_OPT_IN = frozenset({"start", "unstop"})
OPT_IN = "opt_in"
FIRST_LETTERS = ", ".join(
    f"{letter} {short}"
    for letter, short in zip(
        lifecycle.DECLINE_LETTERS,
        ("full", "staff", "repair", "needs", "risk", "others", "hours", "other"),
        strict=True,
    )
)


@dataclass(frozen=True)
class Sender:
    """Whose telephone a number is: the on-call coordinator's, houses', officers', or nobody's we know.

    index: the number's keyed fingerprint, which stands for it in records.
    """

    index: str
    houses: frozenset[uuid.UUID] = frozenset()
    on_call: bool = False
    officer: bool = False

    @property
    def known(self) -> bool:
        """Whether it is anybody's."""
        return bool(self.houses) or self.on_call or self.officer

    @property
    def by(self) -> str:
        """How the telephone signs in the record."""
        return f"phone:{self.index}"

    def as_house(self) -> Actor:
        """Whoever answers this telephone, acting for its houses."""
        return Actor(Role.PROVIDER, self.by, premises_ids=self.houses)


@dataclass(frozen=True)
class Answer:
    """What was done, as a code for the record, and what to say back (wording None: nothing)."""

    outcome: str
    wording: messages.Wording | None = None
    matter: messages.Matter = field(default_factory=messages.Matter)
    placement: Placement | None = None


def receive(*, sid: str, sender: str, body: str, now: dt.datetime) -> str | None:
    """Act on one text, once for each `sid`, and queue the answer. Returns the words of the answer, or None.

    sender: as the supplier gave it, E.164 for a telephone. The caller has begun a deciding write and commits. What was
    written and what it was taken to mean are both kept, sealed, until RETENTION.
    """
    if db.session.scalar(sa.select(Inbound.id).where(Inbound.sid == sid)) is not None:
        return None
    telephone = whose(sender)
    if re.sub(r"[\W_]+", "", body).casefold() in _OPT_IN:
        meaning, answer = OPT_IN, _come_back(telephone, now)
    else:
        reply = replies.parse(body)
        meaning, answer = str(reply.kind), _act(reply, telephone, now)
    kept = Inbound(
        sid=sid,
        sender_index=telephone.index,
        received_at=now,
        meaning=meaning,
        outcome=answer.outcome[:40],
        placement_id=answer.placement.id if answer.placement else None,
    )
    kept.sender, kept.body = sender, body
    db.session.add(kept)
    db.session.flush()
    if answer.wording is None:
        return None
    text = outbox.queue(
        wording=answer.wording,
        matter=replace(answer.matter, ring=current_app.config["DUTY_NUMBER"]),
        to=sender,
        worthless_at=now + ANSWER_WORTH,
        now=now,
        referral_id=answer.placement.referral_id if answer.placement else None,
        placement_id=answer.placement.id if answer.placement else None,
    )
    db.session.flush()
    return text.body


def whose(number: str) -> Sender:
    """Whose telephone a number is, now."""
    index = ring().index("phone", number)
    houses = db.session.scalars(sa.select(Contact.premises_id).where(Contact.phone_index == index))
    return Sender(
        index=index,
        houses=frozenset(houses),
        on_call=number == current_app.config["ON_CALL_MOBILE"],
        officer=_is_officers(index),
    )


def _is_officers(index: str) -> bool:
    person = sa.select(User.id).where(User.phone_index == index, User.disabled_at.is_(None))
    holds = sa.select(Referral.id).where(
        Referral.officer_phone_index == index, Referral.state.in_(LIVE_REFERRAL)
    )
    # Somebody we have written to about a referral held it then; they may be told that they no longer do.
    held = sa.select(Text.id).where(Text.to_index == index, Text.referral_id.is_not(None))
    return any(db.session.scalar(one.limit(1)) is not None for one in (person, holds, held))


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


def _act(reply: Reply, sender: Sender, now: dt.datetime) -> Answer:
    if not sender.known:
        return Answer("unknown_number")
    if reply.kind not in replies.HARMLESS:
        _reachable(sender, now)
    if reply.kind is Kind.AUTOMATIC:
        return Answer("automatic")
    if reply.kind is Kind.OPT_OUT:
        delivery.unreachable(number_index=sender.index, now=now)
        return Answer("opted_out")
    if reply.kind is Kind.NOT_UNDERSTOOD:
        return _sorry(sender, now)
    if reply.kind is Kind.INFO:
        return Answer("info", messages.info)
    if reply.kind is Kind.OK:
        return _claim(reply, sender, now)
    if reply.kind is Kind.SAME:
        return _same(sender, now)
    if reply.kind is Kind.BEDS:
        return _beds(reply, sender, now)
    if reply.kind is Kind.UNDO:
        return _undo(sender, now)
    return _on_placement(reply, sender, now)


def _sorry(sender: Sender, now: dt.datetime, wording: messages.Wording = messages.not_understood) -> Answer:
    """Nothing was done and why, said once in ten minutes, so that two machines cannot keep each other talking."""
    lately = sa.select(Text.id).where(
        Text.to_index == sender.index,
        Text.wording == wording.__name__,
        Text.queued_at > now - ONE_APOLOGY_IN,
    )
    said = db.session.scalar(lately.limit(1)) is not None
    return Answer(wording.__name__, None if said else wording)


def _claim(reply: Reply, sender: Sender, now: dt.datetime) -> Answer:
    if not sender.on_call or reply.code is None:
        return Answer("code_not_known", messages.code_not_known)
    alert = duty.claim(code=reply.code, by=sender.by, now=now)
    matter = messages.Matter(code=reply.code)
    if alert is None:
        return Answer("alert_taken_already", messages.alert_taken_already, matter)
    return Answer("alert_taken", messages.alert_taken, matter)


def _same(sender: Sender, now: dt.datetime) -> Answer:
    if not sender.houses:
        return _sorry(sender, now)
    for premises_id in sorted(sender.houses):
        beds.same(premises_id=premises_id, by=sender.by, via=ReportVia.TEXT, now=now)
    matter = messages.Matter(words=_spoken(_houses(sender), now))
    referrals.rematch(now=now)
    return Answer("same", messages.counts_same, matter)


def _houses(sender: Sender) -> list[Premises]:
    return [db.session.get_one(Premises, premises_id) for premises_id in sorted(sender.houses)]


def _spoken(houses: list[Premises], now: dt.datetime) -> str:
    """The free beds of these houses, group by group, as a text has room for them."""
    spoken = " ".join(
        f"{count.letter}{count.free}" for house in houses for count in premises.counts(house, now)
    )
    # Many groups would not fit one text, and half of them would mislead.
    return f"{spoken} free" if spoken and len(spoken) <= messages.COUNTS_ROOM else "all as they were"


def _beds(reply: Reply, sender: Sender, now: dt.datetime) -> Answer:
    """So many are free: of the one house whose group each letter names. All of it, or nothing and why."""
    if not sender.houses:
        return _sorry(sender, now)
    houses = _houses(sender)
    figures = _figures(reply, houses)
    if isinstance(figures, Answer):
        return figures
    try:
        with db.session.begin_nested():
            for house, free in figures:
                beds.report(premises_id=house.id, free=free, by=sender.by, via=ReportVia.TEXT, now=now)
    except beds.TooMany as refused:
        words = f"{refused.letter} can have {refused.most} free at most, the rest are used"
        return Answer("beds:too_many", messages.counts_refused, messages.Matter(words=words))
    except beds.BeingReleased:
        words = "A bed is just coming free, send it again in 2 minutes"
        return Answer("beds:being_released", messages.counts_refused, messages.Matter(words=words))
    told = [house for house, _ in figures]
    spoken = _spoken(told, now)
    shut = any(not house.accepting or house.compromised_at is not None for house in told)
    # Only now: whoever was searching is held a bed of these in the same transaction, and asked about in a text of its own.
    referrals.rematch(now=now)
    wording = messages.counts_while_closed if shut else messages.counts_changed
    return Answer("beds", wording, messages.Matter(words=spoken))


def _figures(reply: Reply, houses: list[Premises]) -> list[tuple[Premises, dict[str, int]]] | Answer:
    """Which house has how many of which group free; or the answer that asks for what cannot be told."""
    groups = [(house, group.letter) for house in houses for group in house.groups]
    counts = dict(reply.counts)
    if reply.total is not None:
        if len(groups) != 1 and reply.total != 0:
            example = " ".join(f"{letter}1" for _, letter in groups[:3])
            return Answer("beds:which_group", messages.which_group, messages.Matter(words=example))
        # None at all is clear however many groups there are.
        found = [(house, {group.letter: reply.total for group in house.groups}) for house in houses]
        return [(house, free) for house, free in found if free]
    figures: dict[uuid.UUID, tuple[Premises, dict[str, int]]] = {}
    for letter, number in counts.items():
        having = [house for house, its in groups if its == letter]
        if not having:
            words = f"You have no group {letter}"
            return Answer("beds:no_such_group", messages.counts_refused, messages.Matter(words=words))
        if len(having) > 1:
            return Answer("beds:which_house", messages.which_house)
        figures.setdefault(having[0].id, (having[0], {}))[1][letter] = number
    return list(figures.values())


def _undo(sender: Sender, now: dt.datetime) -> Answer:
    """Take back the last change of these houses; the same change of several houses together."""
    if not sender.houses:
        return _sorry(sender, now)
    rows = [row for house in sender.houses if (row := beds.undoable(premises_id=house, now=now))]
    newest = max((row.reported_at for row in rows), default=None)
    together = sorted(row.premises_id for row in rows if row.reported_at == newest)
    if not together:
        return Answer("undo:nothing", messages.nothing_to_undo)
    try:
        with db.session.begin_nested():
            for premises_id in together:
                beds.undo(premises_id=premises_id, by=sender.by, now=now)
    except beds.CannotUndo:
        words = "That bed has been given since. Decline it if they cannot come"
        return Answer("undo:given", messages.counts_refused, messages.Matter(words=words))
    spoken = _spoken([db.session.get_one(Premises, premises_id) for premises_id in together], now)
    referrals.rematch(now=now)
    return Answer("undo", messages.counts_undone, messages.Matter(words=spoken))


_EVENTS = {
    Kind.YES: Event.CONFIRM,
    Kind.NO: Event.DECLINE,
    Kind.ARRIVED: Event.ARRIVE,
    Kind.NOT_ARRIVED: Event.NOT_ARRIVED,
    Kind.LATE: Event.LATE,
}
# A house that is asked one thing may answer it in one word. Everything else is about somebody who may be on the road or at a
# door, while the one who waits just now may be somebody else: it never goes without its code.
_WITHOUT_CODE = frozenset({Kind.YES, Kind.NO})
_NEEDS_CODE = frozenset({Kind.ARRIVED, Kind.NOT_ARRIVED, Kind.LATE})
_OF_HOUSE = frozenset({Kind.YES, Kind.NO, Kind.ARRIVED, Kind.NOT_ARRIVED, Kind.DEPARTED})
_OF_OFFICER = frozenset({Kind.ARRIVED, Kind.NOT_ARRIVED, Kind.LATE})


def _on_placement(reply: Reply, sender: Sender, now: dt.datetime) -> Answer:
    if reply.code is None:
        if reply.kind in _NEEDS_CODE:
            return _sorry(sender, now, messages.code_needed)
        placement = _only_one(reply.kind, sender)
        if placement is None:
            return _sorry(sender, now)
    else:
        placement = referrals.by_code(code=reply.code, now=now)
    if placement is None:
        return Answer("code_not_known", messages.code_not_known)
    house = placement.premises_id in sender.houses
    holder = placement.referral.officer_phone_index == sender.index
    if not house and not holder:
        if _held_before(placement.referral, sender):
            return Answer("not_yours_now", messages.not_yours_now)
        return Answer("code_not_known", messages.code_not_known)
    if house and reply.kind in _OF_HOUSE:
        actor = sender.as_house()
    elif holder and reply.kind in _OF_OFFICER:
        actor = _holder(placement.referral)
    else:
        return _use_page(placement)
    if reply.kind is Kind.DEPARTED or (reply.group and reply.group != placement.bedspace.group.letter):
        # A departure needs an onward place and a decision; and a yes to another group is no answer to what was asked.
        return _use_page(placement)
    if reply.kind is Kind.NO:
        return _no(reply, placement, sender, actor, now)
    return _record(_EVENTS[reply.kind], placement, sender, actor, now)


def _use_page(placement: Placement) -> Answer:
    return Answer(
        "use_page", messages.use_page, messages.Matter(reference=placement.referral.spoken), placement
    )


def _only_one(kind: Kind, sender: Sender) -> Placement | None:
    """The one bed these houses are asked about; None when there is none, or several, or this never goes without a code."""
    if kind not in _WITHOUT_CODE:
        return None
    waiting = db.session.scalars(
        sa.select(Placement)
        .where(Placement.state == State.HELD, Placement.premises_id.in_(sender.houses))
        .limit(2)
    ).all()
    return waiting[0] if len(waiting) == 1 else None


def _held_before(referral: Referral, sender: Sender) -> bool:
    """Whether this telephone's officer opened the referral or was written to about it, and so learns nothing new."""
    if sender.houses:
        return False
    opened = sa.select(User.id).where(User.id == referral.opened_by_id, User.phone_index == sender.index)
    told = sa.select(Text.id).where(
        Text.to_index == sender.index, Text.referral_id == referral.id, Text.alert_id.is_(None)
    )
    return any(db.session.scalar(one.limit(1)) is not None for one in (opened, told))


def _holder(referral: Referral) -> Actor:
    holder = referral.holder
    return Actor(Role(holder.role), f"user:{holder.id.hex}", holder.id, holder.force_id)


def _no(reply: Reply, placement: Placement, sender: Sender, actor: Actor, now: dt.datetime) -> Answer:
    """A no never waits for its reason: it is recorded at once, and the letter may come after it."""
    code = lifecycle.DECLINE_LETTERS.get(reply.reason or "")
    if placement.state == State.DECLINED:
        if code is None or referrals.refine_reason(
            placement_id=placement.id, reason=code, actor=actor, now=now
        ):
            return _noted(placement, f"{Event.DECLINE}:again")
        return Answer(f"{Event.DECLINE}:conflict", messages.conflict, _stands(placement), placement)
    done = _record(Event.DECLINE, placement, sender, actor, now, reason=code or "other")
    if code is None and done.outcome == f"{Event.DECLINE}:{Happened.DONE}":
        matter = messages.Matter(
            reference=placement.referral.spoken, code=placement.code, words=FIRST_LETTERS
        )
        return Answer(done.outcome, messages.which_reason, matter, placement)
    return done


def _record(
    event: Event, placement: Placement, sender: Sender, actor: Actor, now: dt.datetime, **facts: str
) -> Answer:
    """Record the event with everything that follows from it, or say why nothing was changed."""
    if event is Event.NOT_ARRIVED:
        facts["reason"] = "unknown"
    try:
        with db.session.begin_nested():
            result = referrals.record(
                placement_id=placement.id, event=event, actor=actor, facts=facts, now=now
            )
    except (lifecycle.NotAllowed, placements.Conflict):
        db.session.refresh(placement)
        return Answer(f"{event}:conflict", messages.conflict, _stands(placement), placement)
    except permissions.NotYours:
        return Answer("code_not_known", messages.code_not_known)
    current = result.placement
    outcome = f"{event}:{result.kind}"
    if result.kind is Happened.SETTLED and current.referral.state == ReferralState.SEARCHING:
        # Theirs is not the bed that can be had now, and nobody else's is yet: nothing is settled.
        return Answer(outcome, messages.conflict, _stands(current), current)
    if result.kind is Happened.SETTLED:
        return Answer(outcome, messages.settled, _stands(current), current)
    if result.kind is Happened.NO_BED:
        return Answer(outcome, messages.keep_them_safe, _stands(current), current)
    if event is Event.LATE:
        return Answer(outcome, messages.late_noted, placements.matter(current, now), current)
    if result.kind is Happened.DONE and _told_already(event, current, sender, now):
        return Answer(outcome, placement=current)
    return _noted(current, outcome)


def _told_already(event: Event, placement: Placement, sender: Sender, now: dt.datetime) -> bool:
    """Whether the event's own text goes to this very telephone, so that an answer would only say it again."""
    own = {tell.wording.__name__ for row in lifecycle.TRANSITIONS if row.event is event for tell in row.tells}
    told = sa.select(Text.id).where(
        Text.placement_id == placement.id,
        Text.to_index == sender.index,
        Text.queued_at == now,
        Text.wording.in_(own),
    )
    return db.session.scalar(told.limit(1)) is not None


def _stands(placement: Placement) -> messages.Matter:
    words = lifecycle.STATE_WORDS[State(placement.state)]
    return messages.Matter(reference=placement.referral.spoken, code=placement.code, words=words)


def _noted(placement: Placement, outcome: str) -> Answer:
    return Answer(outcome, messages.noted, _stands(placement), placement)
