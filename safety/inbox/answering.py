"""Texts about somebody: yes, no, arrived, not arrived, late."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from safety import beds, bedspaces, lifecycle, messages, permissions, placements, referrals, workdays
from safety.extensions import db
from safety.inbox.sender import Answer, Sender, sorry
from safety.lifecycle import Event, ReferralState, Role, State
from safety.models import Ask, Placement, Referral, Text, User
from safety.permissions import Actor
from safety.referrals import Happened, asking
from safety.replies import Kind, Reply

FIRST_LETTERS = ", ".join(
    f"{letter} {short}"
    for letter, short in zip(
        lifecycle.DECLINE_LETTERS,
        ("full", "staff", "repair", "needs", "risk", "others", "hours", "other"),
        strict=True,
    )
)


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


def on_somebody(reply: Reply, sender: Sender, now: dt.datetime) -> Answer:
    """Do what the text says to the one bed or ask it means, or nothing and say why."""
    meant: Placement | Ask | None
    if reply.code is None:
        if reply.kind in _NEEDS_CODE:
            return sorry(sender, now, messages.code_needed)
        meant = _only_one(reply.kind, sender)
        if meant is None:
            return sorry(sender, now)
    else:
        # One code, one meaning; that of a yes to an ask goes on as that of the bed.
        meant = referrals.by_code(code=reply.code, now=now) or referrals.ask_by_code(code=reply.code, now=now)
    if isinstance(meant, Ask):
        return _on_ask(reply, meant, sender, now)
    if meant is None:
        return Answer("code_not_known", messages.code_not_known)
    return _on_placement(reply, meant, sender, now)


def _on_placement(reply: Reply, placement: Placement, sender: Sender, now: dt.datetime) -> Answer:
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
        return _use_page(placement.referral, placement)
    if reply.kind is Kind.DEPARTED or (reply.group and reply.group != placement.bedspace.group.letter):
        # A departure needs an onward place and a decision; and a yes to another group is no answer to what was asked.
        return _use_page(placement.referral, placement)
    if reply.kind is Kind.NO:
        return _no(reply, placement, sender, actor, now)
    return _record(_EVENTS[reply.kind], placement, sender, actor, now)


def _on_ask(reply: Reply, ask: Ask, sender: Sender, now: dt.datetime) -> Answer:
    """A house says whether it can make room. Nobody else has such a code."""
    if ask.premises_id not in sender.houses:
        return Answer("code_not_known", messages.code_not_known)
    if reply.kind not in _WITHOUT_CODE:
        return _use_page(ask.referral)
    actor = sender.as_house()
    try:
        with db.session.begin_nested():
            if reply.kind is Kind.NO:
                return _no_room(referrals.say_no(ask_id=ask.id, actor=actor, now=now))
            said = referrals.say_yes(ask_id=ask.id, actor=actor, letter=reply.group, now=now)
    except beds.NoSuchGroup as refused:
        words = messages.Matter(words=f"You have no group {refused.letter}")
        return Answer("ask:no_such_group", messages.counts_refused, words)
    except referrals.WhichGroup as refused:
        matter = asking.matter(ask, words=asking.letter_words(refused.letters))
        return Answer("ask:which_group", messages.which_room, matter)
    except referrals.NoRoomThere:
        where = f"group {reply.group}" if reply.group else "your house"
        return Answer("ask:no_room", messages.no_such_room, asking.matter(ask, words=where))
    except lifecycle.NotAllowed:
        here = referrals.live_placement(ask.referral)
        assert here is not None, "only a bed they have at this house stands in the way of an answer"
        return Answer("ask:conflict", messages.conflict, _stands(here), here)
    return _room(said, now)


def _no_room(said: referrals.Answered) -> Answer:
    wording = messages.settled if said.kind is Happened.SETTLED else messages.no_room_noted
    return Answer(f"ask_no:{said.kind}", wording, asking.matter(said.ask))


def _room(said: referrals.Answered, now: dt.datetime) -> Answer:
    outcome = f"ask_yes:{said.kind}"
    if said.placement is None:
        return Answer(outcome, messages.settled, asking.matter(said.ask))
    if said.placement.state == State.CONFIRMED:
        return Answer(outcome, messages.agreed, placements.matter(said.placement, now), said.placement)
    return _noted(said.placement, outcome)


def _use_page(referral: Referral, placement: Placement | None = None) -> Answer:
    return Answer("use_page", messages.use_page, messages.Matter(reference=referral.spoken), placement)


def _only_one(kind: Kind, sender: Sender) -> Placement | Ask | None:
    """The one thing these houses are asked; None when there is none, or several, or this never goes without a code."""
    if kind not in _WITHOUT_CODE:
        return None
    held = sa.select(Placement).where(Placement.state == State.HELD, Placement.premises_id.in_(sender.houses))
    waiting = [*db.session.scalars(held.limit(2)), *referrals.open_asks(premises_ids=sender.houses)]
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
            return _declined(placement, f"{Event.DECLINE}:again", now)
        return Answer(f"{Event.DECLINE}:conflict", messages.conflict, _stands(placement), placement)
    done = _record(Event.DECLINE, placement, sender, actor, now, reason=code or "other")
    if code is None and done.outcome == f"{Event.DECLINE}:{Happened.DONE}":
        matter = messages.Matter(
            reference=placement.referral.spoken, code=placement.code, words=FIRST_LETTERS
        )
        return Answer(done.outcome, messages.which_reason, matter, placement)
    if done.outcome == f"{Event.DECLINE}:{Happened.DONE}":
        return _declined(placement, done.outcome, now)
    return done


def _declined(placement: Placement, outcome: str, now: dt.datetime) -> Answer:
    """Noted; and when the no has just taken the room out of service, until when."""
    spell = bedspaces.spell(bedspace_id=placement.bedspace_id, now=now)
    if spell is None or spell.since_at != now or spell.until is None:
        return _noted(placement, outcome)
    matter = messages.Matter(reference=placement.referral.spoken, words=workdays.day_words(spell.until, now))
    return Answer(outcome, messages.declined_room_out, matter, placement)


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
