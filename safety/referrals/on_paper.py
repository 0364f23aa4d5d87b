"""What was done by telephone and on paper while nothing could be recorded: keyed in afterwards, with its real times.

The rules kept: what the record says is never written over. A bed that was promised on paper and is somebody else's by now is
refused, by the reference that has it; times are those that were typed, none is to come, and they follow one another.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

import sqlalchemy as sa

from safety import audit, bedspaces, geography, lifecycle, matching, placements, premises, workdays
from safety.extensions import db
from safety.lifecycle import LIVE, Event, NotAllowed, Role, State
from safety.matching import Cause
from safety.models import AuditEvent, Bedspace, Placement, Referral, User
from safety.permissions import NotYours
from safety.referrals.consequences import settle
from safety.referrals.finding import clear_overdue, rematch, take
from safety.referrals.handover import OVERRIDE
from safety.referrals.opening import Request, opened, write
from safety.referrals.seeking import person

# What a house that said yes has settled itself; the rest is a rule that a coordinator must say why it may be broken.
_SETTLED = {Cause.FULL, Cause.ASKED, Cause.HOURS, Cause.NOT_ACCEPTING}


class TimesAmiss(Exception):
    """The times cannot be meant. which: asked | promised | arrived. The message can be shown."""

    def __init__(self, which: str, message: str) -> None:
        super().__init__(message)
        self.which = which


class TakenMeanwhile(Exception):
    """The bed promised on paper is not free. The message says who has it and what to do, and can be shown."""


class SayWhy(Exception):
    """The room breaks a rule, and nobody said why it is right all the same. The message can be shown."""


@dataclass(frozen=True)
class Paper:
    """What was done on paper, all times aware. room: the bedspace a house promised; arrived_at: when they came in, if they have.

    why: a code of OVERRIDE, where the room breaks a rule.
    """

    asked_at: dt.datetime
    room: uuid.UUID | None = None
    promised_at: dt.datetime | None = None
    arrived_at: dt.datetime | None = None
    why: str = ""


def key_in(
    *, request: Request, paper: Paper, officer: User, form_token: uuid.UUID, now: dt.datetime
) -> Referral:
    """Open a referral as it was asked for, with the bed and the arrival that followed on paper; without a bed one is looked for.

    The same form again returns the referral it made. Raises NotYours for anybody but a coordinator; TimesAmiss, TakenMeanwhile,
    SayWhy, NotAllowed, and what opening raises: nothing may be committed then. The caller has begun a deciding write.
    """
    if officer.role != Role.COORDINATOR:
        raise NotYours
    made = opened(officer=officer, form_token=form_token)
    if made is not None:
        return made
    check_times(paper, now)
    referral = write(
        request=request, officer=officer, form_token=form_token, opened_at=paper.asked_at, now=now
    )
    override: list[str] = []
    if paper.room is not None and paper.promised_at is not None:
        override = _give(referral, paper, paper.room, paper.promised_at, officer, now)
    facts = {
        "asked_at": paper.asked_at,
        "promised_at": paper.promised_at,
        "arrived_at": paper.arrived_at,
        "override": override,
        "reason": paper.why or None,
    }
    audit.record(what="keyed_in", by=officer.actor().by, now=now, referral_id=referral.id, facts=facts)
    rematch(now=now)
    settle(referral, now)
    return referral


def not_met(referral: Referral) -> str:
    """What the room that was keyed in does not meet of what was asked for, in words; nothing when it fits."""
    wanted = sa.select(AuditEvent.facts).where(
        AuditEvent.referral_id == referral.id, AuditEvent.what == "keyed_in"
    )
    facts = db.session.scalars(wanted).first() or {}
    broken = set(facts.get("override") or ())
    return "; ".join(matching.CAUSE_WORDS[cause] for cause in Cause if cause in broken)


def check_times(paper: Paper, now: dt.datetime) -> None:
    """Asked, then promised, then arrived, and none of it still to come. Raises TimesAmiss."""
    told = (
        ("asked", paper.asked_at, "they asked"),
        ("promised", paper.promised_at, "the bed was promised"),
        ("arrived", paper.arrived_at, "they arrived"),
    )
    before: tuple[dt.datetime, str] | None = None
    for which, at, words in told:
        if at is None:
            continue
        if at > now:
            raise TimesAmiss(which, f"The time {words} is still to come. Enter when it was")
        if before is not None and at < before[0]:
            earlier = workdays.day_words(before[0], now)
            raise TimesAmiss(
                which,
                f"The time {words} is before {before[1]} ({earlier}). Check both times, with their days",
            )
        before = at, words


def _give(
    referral: Referral,
    paper: Paper,
    bedspace_id: uuid.UUID,
    promised_at: dt.datetime,
    officer: User,
    now: dt.datetime,
) -> list[str]:
    """The bed that was promised is theirs, and they are in it if they have arrived; returns which rules it breaks."""
    actor = officer.actor()
    bedspace = db.session.get(Bedspace, bedspace_id)
    if bedspace is None or bedspace.retired_at is not None:
        raise NotAllowed("That room is not there any more. Choose another")
    clear_overdue(bedspace.id, now)
    _refuse_where_taken(bedspace, now)
    inside = paper.arrived_at is not None
    if bedspace.premises.compromised_at is not None and not inside:
        raise NotAllowed(
            "That house is marked as compromised, so nobody goes there. Ring the officer, and key it in without the room"
        )
    good_until = premises.address_good_until(bedspace.premises)
    if not inside and (good_until is None or good_until <= now):
        raise NotAllowed(
            "That house has not confirmed its address lately, so nobody is sent there. Ask it to confirm it on its own page, then "
            "key this in, or key it in without the room"
        )
    # The house has promised it, so it is in use again.
    bedspaces.end_spells(bedspace, by=actor.by, now=now)
    db.session.flush()
    room = next((room for room in premises.rooms(now) if room.id == bedspace.id), None)
    if room is None:
        raise NotAllowed("That house is in a place this service does not know, so nobody can be kept there")
    broken = matching.against(person(referral, now), room) - _SETTLED
    if broken and not inside and paper.why not in OVERRIDE:
        words = "; ".join(matching.CAUSE_WORDS[cause] for cause in Cause if cause in broken)
        raise SayWhy(
            f"That room does not fit everything asked for ({words}). Select why it is right all the same"
        )
    miles = geography.miles(referral.outcode or "", room.outcode)
    placement = take(
        referral, bedspace.id, actor=actor, miles=miles, now=now, asking=False, said_at=promised_at
    )
    if placement is None:
        raise TakenMeanwhile("That room has just been taken. Nothing was keyed in: choose another")
    said = {"said_at": promised_at}
    placements.change(placement=placement, event=Event.CONFIRM, actor=actor, facts=said, now=now)
    if inside:
        arrived = {"arrived_at": paper.arrived_at}
        placements.change(placement=placement, event=Event.ARRIVE, actor=actor, facts=arrived, now=now)
    return sorted(str(cause) for cause in broken)


def _refuse_where_taken(bedspace: Bedspace, now: dt.datetime) -> None:
    """Raises TakenMeanwhile."""
    there = sa.select(Placement).where(Placement.bedspace_id == bedspace.id, Placement.state.in_(LIVE))
    other = db.session.scalars(there).first()
    if other is None:
        return
    state = lifecycle.STATE_WORDS[State(other.state)]
    raise TakenMeanwhile(
        f"{bedspace.name} at {bedspace.premises.name} is {other.referral.spoken}’s since "
        f"{workdays.day_words(other.held_at, now)} ({state}). Nothing was keyed in. Ring the house: choose the room they are "
        f"in, move {other.referral.spoken} first, or say that nothing was promised and a bed is looked for"
    )
