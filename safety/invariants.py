"""What must be true of the whole database at any time, I1 to I6 and I13 to I16 of docs/proof.md, asked of the rows themselves.

Reads only. Each breach is one sentence that names the rule and the row by its id, never a person, a house or a number.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator

import sqlalchemy as sa
import sqlalchemy.orm

from safety import fallback, lifecycle, outbox
from safety.extensions import db
from safety.lifecycle import LIVE, LIVE_REFERRAL, Event, ReferralState, Role, State
from safety.models import (
    Alert,
    AlertKind,
    Ask,
    AuditEvent,
    Bedspace,
    Force,
    Invitation,
    MessageState,
    OutOfService,
    Placement,
    Premises,
    Referral,
    Shift,
    Text,
    User,
)

LATE = dt.timedelta(seconds=60)
_EVENTS = {str(event) for event in Event}


def breaches(*, now: dt.datetime) -> list[str]:
    """Every breach of I1 to I6 and I13 to I16 at `now`, worded; empty when all hold."""
    return [
        *_beds(now),
        *_references(),
        *_together(),
        *_texts(now),
        *_table(),
        *_left(),
        *_asks(),
        *_releases(now),
        *_shifts(),
        *_marked(now),
        *_plans(),
        *_forces(),
    ]


def _beds(now: dt.datetime) -> Iterator[str]:
    """I1: no bed has two live placements, no person two beds, and nobody is in a bed that is not open."""
    live = db.session.execute(
        sa.select(Placement.id, Placement.bedspace_id, Placement.referral_id).where(Placement.state.in_(LIVE))
    ).all()
    for bedspace, count in Counter(row.bedspace_id for row in live).items():
        if count > 1:
            yield f"I1: bedspace {bedspace.hex} has {count} live placements"
    for referral, count in Counter(row.referral_id for row in live).items():
        if count > 1:
            yield f"I1: referral {referral.hex} has {count} live placements"
    closed = set(db.session.scalars(sa.select(Bedspace.id).where(Bedspace.retired_at.is_not(None))))
    closed |= set(
        db.session.scalars(
            sa.select(OutOfService.bedspace_id).where(
                OutOfService.ended_at.is_(None),
                sa.or_(OutOfService.until.is_(None), OutOfService.until > now),
            )
        )
    )
    for row in live:
        if row.bedspace_id in closed:
            yield f"I1: placement {row.id.hex} is live on a bedspace that is out of service"


def _references() -> Iterator[str]:
    """I2: every referral exists once, was recorded as opened once, and stands where its placements say."""
    references = Counter(db.session.scalars(sa.select(Referral.reference)))
    for count in references.values():
        if count > 1:
            yield f"I2: a reference stands for {count} referrals"
    forms = Counter(
        (by, token) for by, token in db.session.execute(sa.select(Referral.opened_by_id, Referral.form_token))
    )
    for (_, token), count in forms.items():
        if count > 1:
            yield f"I2: form {token.hex} made {count} referrals"
    born = {"open", str(ReferralState.DIVERTED), str(ReferralState.DECLINED_BY_PERSON)}
    opened = Counter(db.session.scalars(sa.select(AuditEvent.referral_id).where(AuditEvent.what.in_(born))))
    has_live = set(db.session.scalars(sa.select(Placement.referral_id).where(Placement.state.in_(LIVE))))
    for referral_id, state in db.session.execute(sa.select(Referral.id, Referral.state)):
        if opened[referral_id] != 1:
            yield f"I2: referral {referral_id.hex} was recorded as opened {opened[referral_id]} times"
        if (state == ReferralState.PLACED) != (referral_id in has_live):
            yield f"I2: referral {referral_id.hex} is {state} and {'has' if referral_id in has_live else 'has no'} live placement"


def _history() -> dict[uuid.UUID, list[AuditEvent]]:
    history: dict[uuid.UUID, list[AuditEvent]] = defaultdict(list)
    rows = sa.select(AuditEvent).where(AuditEvent.placement_id.is_not(None), AuditEvent.what.in_(_EVENTS))
    for event in db.session.scalars(rows.order_by(AuditEvent.id)):
        if event.placement_id is not None:
            history[event.placement_id].append(event)
    return history


def _together() -> Iterator[str]:
    """I3: a change, its audit event and its texts are there together or not at all."""
    texts: dict[uuid.UUID, Counter[str]] = defaultdict(Counter)
    for placement_id, wording in db.session.execute(
        sa.select(Text.placement_id, Text.wording).where(Text.placement_id.is_not(None))
    ):
        if placement_id is not None:
            texts[placement_id][wording] += 1
    history = _history()
    # With nobody to text, a person was alerted instead: that counts.
    rung = set(db.session.scalars(sa.select(Alert.subject).where(Alert.kind == AlertKind.TEXT_FAILED)))
    for placement in db.session.scalars(sa.select(Placement)):
        events = history.get(placement.id, [])
        last = events[-1] if events else None
        if last is None or last.what != placement.last_event or last.at != placement.last_at:
            yield f"I3: placement {placement.id.hex} says {placement.last_event} and the audit trail does not"
            continue
        counts = Counter(event.what for event in events)
        # The texts an officer's safety hangs on: each such event has its text, whatever became of it afterwards.
        for event, wording in (
            (Event.CONFIRM, "confirmed"),
            (Event.WITHDRAW, "withdrawn"),
            (Event.NOT_ARRIVED, "not_arrived"),
        ):
            if placement.referral.officer_phone_sealed and texts[placement.id][wording] < counts[event]:
                yield f"I3: placement {placement.id.hex} was {event} without its text"
        # And those a house's answer hangs on. A bed that was confirmed as it was held needed no question.
        asked = not any(event.what == Event.CONFIRM and event.at == events[0].at for event in events)
        for event, wording in (
            (Event.HOLD, "asked"),
            (Event.SET_OFF, "on_the_way"),
            (Event.CANCEL, "cancelled"),
        ):
            wanted = event in counts and (asked or event is not Event.HOLD)
            if wanted and not texts[placement.id][wording] and f"placement:{placement.id.hex}" not in rung:
                yield f"I3: placement {placement.id.hex} was {event} without the house's text"
    known = set(db.session.scalars(sa.select(Placement.id)))
    for placement_id in history.keys() - known:
        yield f"I3: the audit trail tells of placement {placement_id.hex}, which is not there"


def _texts(now: dt.datetime) -> Iterator[str]:
    """I4: no text waits past its worth, and a critical one that was lost was heard some other way, or told to a person."""
    waiting = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)
    for text_id in db.session.scalars(
        sa.select(Text.id).where(Text.state.in_(waiting), Text.worthless_at < now - LATE)
    ):
        yield f"I4: text {text_id.hex} still waits past its worth"
    told = set(db.session.scalars(sa.select(Alert.subject)))
    # What stands for another text is that text's matter.
    lost = sa.select(Text).where(Text.critical, Text.same_as_id.is_(None), Text.state.in_(outbox.LOST))
    for text in db.session.scalars(lost):
        tried = text.is_followed and (
            fallback.is_heard(text) or not fallback.matters(text) or _is_looked_at(text, now)
        )
        if not tried and f"text:{text.id.hex}" not in told:
            yield f"I4: critical text {text.id.hex} was lost and nobody was told"


def _is_looked_at(text: Text, now: dt.datetime) -> bool:
    """Whether the next telephone is still being tried, on time."""
    return text.lost_at is not None and text.look_at is not None and text.look_at >= now - LATE


def _table() -> Iterator[str]:
    """I5: every placement came to its state along the table."""
    moves = {(row.state, str(row.event), row.target) for row in lifecycle.TRANSITIONS}
    states = {
        placement_id: state
        for placement_id, state in db.session.execute(sa.select(Placement.id, Placement.state))
    }
    for placement_id, events in _history().items():
        state: State | None = None
        for event in events:
            targets = [target for start, what, target in moves if (start, what) == (state, event.what)]
            if not targets:
                yield f"I5: placement {placement_id.hex} was {event.what} when it was {state or 'not there'}"
                break
            before, state = state, _landed(targets, event)
            if event.what == Event.CORRECT and event.facts.get("undone") != before:
                yield f"I5: placement {placement_id.hex} had {event.facts.get('undone')} undone when it was {before}"
        else:
            if placement_id in states and states[placement_id] != state:
                yield f"I5: placement {placement_id.hex} is {states[placement_id]} and its history says {state}"


def _left() -> Iterator[str]:
    """I5: where somebody went and what they decided is said only of who has left."""
    said = sa.or_(Placement.onward.is_not(None), Placement.nrm_decision.is_not(None))
    for placement_id in db.session.scalars(
        sa.select(Placement.id).where(said, Placement.state != State.DEPARTED)
    ):
        yield f"I5: placement {placement_id.hex} says where they went and they have not left"


def _asks() -> Iterator[str]:
    """I5: an ask is open only while its referral searches, and a code means one thing that is still to be answered or lived in."""
    waiting = sa.select(Ask.id, Ask.code, Referral.state).join(Referral, Referral.id == Ask.referral_id)
    living = set(db.session.scalars(sa.select(Placement.code).where(Placement.state.in_(LIVE))))
    for ask_id, code, state in db.session.execute(waiting.where(Ask.answer.is_(None))):
        if state != ReferralState.SEARCHING:
            yield f"I5: ask {ask_id.hex} is open and its referral is {state}"
        if code in living:
            yield f"I5: ask {ask_id.hex} has the code of a live placement"


def _landed(targets: list[State], event: AuditEvent) -> State:
    """Where an event led. Only a correction may lead to two places; it says which itself."""
    return targets[0] if len(targets) == 1 else State(event.facts["to"])


def _releases(now: dt.datetime) -> Iterator[str]:
    """I6: a hold is released never early, at most 60 s late, and never once somebody set off or arrived; an ask alike."""
    late_asks = sa.select(Ask.id).where(Ask.answer.is_(None), Ask.answer_by < now - LATE)
    for ask_id in db.session.scalars(late_asks):
        yield f"I6: ask {ask_id.hex} should have lapsed more than 60 s ago"
    for placement in db.session.scalars(sa.select(Placement).where(Placement.state == State.LAPSED)):
        if placement.ended_at is not None and placement.ended_at < placement.answer_by:
            yield f"I6: placement {placement.id.hex} lapsed before its answer was due"
    released = sa.select(Placement).where(
        Placement.state == State.NOT_ARRIVED, Placement.last_event == Event.RELEASE
    )
    for placement in db.session.scalars(released):
        if placement.ended_at is not None and placement.ended_at < placement.arrive_by:
            yield f"I6: placement {placement.id.hex} was released before its arrival was due"
        if placement.on_road:
            yield f"I6: placement {placement.id.hex} was released by the clock with somebody on the road"
    overdue = sa.or_(
        sa.and_(Placement.state == State.HELD, Placement.answer_by < now - LATE),
        sa.and_(
            Placement.state == State.CONFIRMED,
            Placement.set_off_at.is_(None),
            ~Placement.was_on_road,
            Placement.arrive_by < now - LATE,
        ),
    )
    for placement_id in db.session.scalars(sa.select(Placement.id).where(overdue)):
        yield f"I6: placement {placement_id.hex} should have come free more than 60 s ago"


def _shifts() -> Iterator[str]:
    """I13: one first and one second on call at any moment, never one person as both, and nobody but coordinators."""
    one, other = sa.orm.aliased(Shift), sa.orm.aliased(Shift)
    together = sa.and_(one.id < other.id, one.from_at < other.to_at, other.from_at < one.to_at)
    same = sa.or_(one.place == other.place, one.user_id == other.user_id)
    for first, second in db.session.execute(sa.select(one.id, other.id).join(other, together).where(same)):
        yield f"I13: shift {first.hex} and shift {second.hex} overlap"
    others = sa.select(Shift.id).join(User).where(User.role != Role.COORDINATOR)
    for shift_id in db.session.scalars(others):
        yield f"I13: shift {shift_id.hex} is of somebody who is no coordinator"


def _marked(now: dt.datetime) -> Iterator[str]:
    """I14: nobody new is sent to a compromised house or asked to it, and somebody knows of whoever is there all the same."""
    marked = sa.select(Premises.id).where(Premises.compromised_at.is_not(None))
    promised = sa.or_(
        Placement.state == State.HELD,
        sa.and_(Placement.state == State.CONFIRMED, Placement.set_off_at.is_(None), ~Placement.was_on_road),
    )
    for placement_id in db.session.scalars(
        sa.select(Placement.id).where(Placement.premises_id.in_(marked), promised)
    ):
        yield f"I14: placement {placement_id.hex} is promised at a house that is compromised and nobody is on the road"
    since = (
        sa.select(AuditEvent.premises_id, sa.func.max(AuditEvent.id).label("id"))
        .where(AuditEvent.what == "house_compromised", AuditEvent.premises_id.in_(marked))
        .group_by(AuditEvent.premises_id)
        .subquery()
    )
    # The record tells what came first even within one instant. Whoever stood at the door was let in, and has a bed.
    sent = (
        sa.select(AuditEvent.placement_id)
        .join(since, sa.and_(since.c.premises_id == AuditEvent.premises_id, AuditEvent.id > since.c.id))
        .join(Placement, Placement.id == AuditEvent.placement_id)
        .where(AuditEvent.what == Event.HOLD, Placement.arrived_at.is_(None))
    )
    for held in db.session.scalars(sent):
        yield f"I14: placement {held.hex if held else '-'} was held at a house that had been marked as compromised"
    for ask_id in db.session.scalars(
        sa.select(Ask.id).where(Ask.premises_id.in_(marked), Ask.answer.is_(None))
    ):
        yield f"I14: ask {ask_id.hex} is open and its house is compromised"
    rung = set(
        db.session.scalars(
            sa.select(Alert.subject).where(
                Alert.kind == AlertKind.HOUSE_COMPROMISED, Alert.ended_at.is_(None)
            )
        )
    )
    there = sa.select(Placement.premises_id).where(
        Placement.premises_id.in_(marked), Placement.state.in_(LIVE), Placement.last_at < now - LATE
    )
    for house_id in db.session.scalars(there.distinct()):
        if f"premises:{house_id.hex}" not in rung:
            yield f"I14: house {house_id.hex} is compromised and somebody of it should have been told of more than 60 s ago"


def _plans() -> Iterator[str]:
    """I15: a plan for several people is held whole or not at all. One writer decides at a time, so its rows stand together."""
    steps = sa.select(AuditEvent).where(AuditEvent.what.in_(("placed_with_others", "operation_placed")))
    held = 0
    for event in db.session.scalars(steps.order_by(AuditEvent.id)):
        if event.what == "placed_with_others":
            held += 1
            continue
        if held != event.facts["beds"]:
            yield f"I15: a plan of {event.facts['beds']} beds was recorded and {held} were held"
        held = 0
    if held:
        yield f"I15: {held} beds were held by a plan that was never recorded"


def _forces() -> Iterator[str]:
    """I16: nothing that goes on belongs to a force that became part of another, and nothing comes round to itself."""
    after = dict(
        db.session.execute(
            sa.select(Force.id, Force.succeeded_by_id).where(
                Force.succeeded_by_id.is_not(None), Force.merges_on.is_(None)
            )
        ).all()
    )
    open_accounts = sa.select(User.id).where(User.force_id.in_(after), User.disabled_at.is_(None))
    for user_id in db.session.scalars(open_accounts):
        yield f"I16: account {user_id.hex} is open in a force that is over"
    open_invitations = sa.select(Invitation.id).where(
        Invitation.force_id.in_(after), Invitation.used_at.is_(None), Invitation.withdrawn_at.is_(None)
    )
    for invitation_id in db.session.scalars(open_invitations):
        yield f"I16: invitation {invitation_id.hex} is open in a force that is over"
    live = sa.select(Referral.id).where(Referral.force_id.in_(after), Referral.state.in_(LIVE_REFERRAL))
    for referral_id in db.session.scalars(live):
        yield f"I16: referral {referral_id.hex} is live in a force that is over"
    for force_id in after:
        passed, one = {force_id}, after.get(force_id)
        while one is not None and one not in passed:
            passed.add(one)
            one = after.get(one)
        if one is not None:
            yield f"I16: force {force_id.hex} came round to itself"
