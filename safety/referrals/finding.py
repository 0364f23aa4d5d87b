"""Finding the best bed and holding it, in the request's own transaction; and saying why when there is none."""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from flask import current_app

from safety import audit, duty, geography, matching, messages, outbox, placements, premises
from safety.crypto import SealBroken, ring
from safety.extensions import db
from safety.lifecycle import LIVE, Event, ReferralState
from safety.models import AlertKind, Bedspace, Operation, Placement, Premises, Referral, UnmetNeed
from safety.permissions import CLOCK, Actor
from safety.referrals.asking import ask_everybody
from safety.referrals.consequences import cascade_used_up, fall, far_ahead, settle, subject
from safety.referrals.reading import searching
from safety.referrals.seeking import person

log = logging.getLogger(__name__)

EXPLAINED_ALIKE = dt.timedelta(hours=1)
_MATCHED = (
    "adults",
    "children",
    "pregnant",
    "needed",
    "wished",
    "support",
    "keep_away",
    "keep_away_miles",
)


def _find(referral: Referral, rooms: Sequence[matching.Room], now: dt.datetime) -> Placement | None:
    """Hold the best of `rooms` that fits; None when none does. A lost bed is undone to its savepoint and the next one tried."""
    answer = matching.match(person(referral, now), rooms)
    for fit in answer.fits:
        placement = take(referral, fit.room.id, actor=CLOCK, miles=fit.miles, now=now)
        if placement is not None:
            return placement
    _miss(referral, answer.causes, now)
    return None


def take(
    referral: Referral,
    bedspace_id: uuid.UUID,
    *,
    actor: Actor,
    miles: float,
    now: dt.datetime,
    asking: bool = True,
    code: str | None = None,
    said_at: dt.datetime | None = None,
) -> Placement | None:
    """Hold this bedspace for the referral, first lapsing an overdue hold on it; None when somebody else has it.

    asking: False when a person of the house has just said yes, so that nobody is asked again; code: what they said it with;
    said_at: when, if that was before `now`.
    """
    try:
        with db.session.begin_nested():
            clear_overdue(bedspace_id, now)
            if placements.is_taken(bedspace_id):
                raise placements.BedspaceTaken
            placement = placements.hold(
                referral=referral,
                bedspace_id=bedspace_id,
                actor=actor,
                miles=miles,
                unasked=asking and _unasked(bedspace_id, now),
                quiet=not asking,
                code=code,
                said_at=said_at,
                now=now,
            )
    except placements.BedspaceTaken:
        return None
    referral.state = ReferralState.PLACED
    referral.paused_at = referral.paused_by = None
    db.session.flush()
    return placement


def clear_overdue(bedspace_id: uuid.UUID, now: dt.datetime) -> None:
    """Release an overdue hold nobody swept yet, as the sweep would: whoever takes the bed need not wait for it."""
    overdue = _overdue(bedspace_id, now)
    if overdue is not None:
        event = placements.overdue_event(overdue, now) or Event.LAPSE
        placements.change(placement=overdue, event=event, actor=CLOCK, facts={}, now=now)
        fall(overdue, event, now)


def _overdue(bedspace_id: uuid.UUID, now: dt.datetime) -> Placement | None:
    live = sa.select(Placement).where(Placement.bedspace_id == bedspace_id, Placement.state.in_(LIVE))
    placement = db.session.scalars(live).first()
    return placement if placement is not None and placements.overdue_event(placement, now) else None


def _unasked(bedspace_id: uuid.UUID, now: dt.datetime) -> bool:
    """Whether the house accepts without asking and its figures are fresh enough to be taken at its word."""
    settings = current_app.config["SETTINGS"]
    house = db.session.scalars(
        sa.select(Premises)
        .join(Bedspace, Bedspace.premises_id == Premises.id)
        .where(Bedspace.id == bedspace_id)
    ).one()
    fresh = matching.freshness(house.reported_at, now, fresh_h=settings.FRESH_H, stale_h=settings.STALE_H)
    return house.accepts_unasked and fresh is matching.Freshness.FRESH


def _miss(referral: Referral, causes: tuple[matching.Cause, ...], now: dt.datetime) -> None:
    """Nothing fitted. The first time in this spell of searching: record the unmet need with its causes, tell the officer, and
    alert whoever is on call. The open alert is what says that this was done. After CASCADE houses everybody is asked at once.
    """
    if duty.standing(kind=AlertKind.NOTHING_FITS, subject=subject(referral)) is not None:
        return
    question = _question(referral)
    earlier = db.session.scalars(
        sa.select(UnmetNeed)
        .where(UnmetNeed.question == question, UnmetNeed.at > now - EXPLAINED_ALIKE)
        .order_by(UnmetNeed.at)
        .limit(1)
    ).first()
    need = UnmetNeed(
        referral_id=referral.id,
        at=now,
        region=geography.region_of(referral.outcode or "") or "",
        question=question,
        # The same question within the hour gets the same explanation, so that asking again cannot be used to find a house.
        causes=earlier.causes if earlier else [str(cause) for cause in causes],
    )
    db.session.add(need)
    audit.record(
        what="nothing_fits", by=CLOCK.by, now=now, referral_id=referral.id, facts={"causes": need.causes}
    )
    _say_waiting(referral, AlertKind.NOTHING_FITS, now)
    if cascade_used_up(referral):
        ask_everybody(referral, by=CLOCK.by, now=now)


def _say_waiting(referral: Referral, kind: AlertKind, now: dt.datetime) -> None:
    duty.raise_alert(kind=kind, subject=subject(referral), referral=referral, now=now)
    if referral.officer_phone:
        outbox.queue(
            wording=messages.nothing_fits,
            matter=messages.Matter(reference=referral.spoken, ring=current_app.config["DUTY_NUMBER"]),
            to=referral.officer_phone,
            worthless_at=now + dt.timedelta(hours=2),
            now=now,
            critical=True,
            referral_id=referral.id,
        )
    db.session.flush()


def _question(referral: Referral) -> str:
    region = geography.region_of(referral.outcode or "")
    # Only what matching reads: telling the house about a diet must not make it a new question.
    needs = {name: value for name, value in (referral.needs or {}).items() if name in _MATCHED}
    asked = json.dumps([region, str(referral.force_id), referral.cohort, needs], sort_keys=True)
    return ring().index("question", asked)


def explain(referral: Referral) -> tuple[str, ...]:
    """What stood in the way of this referral when it last found nothing, in words that name needs and never a house."""
    need = db.session.scalars(
        sa.select(UnmetNeed)
        .where(UnmetNeed.referral_id == referral.id)
        .order_by(UnmetNeed.at.desc())
        .limit(1)
    ).first()
    return tuple(matching.CAUSE_WORDS[matching.Cause(cause)] for cause in need.causes) if need else ()


def rematch(*, now: dt.datetime) -> int:
    """Match everybody who is searching, the longest waiting first; returns how many were given a bed.

    Called when a referral opens, at every change of availability in the same transaction, and by every sweep. Taking a bed
    may lapse an overdue hold on it and set another person searching, so it goes on until a round places nobody.
    """
    placed = 0
    while waiting := _to_match(now):
        before = placed
        fresh = premises.rooms(now)
        rooms: list[matching.Room] | None = fresh
        # With nothing free there is nothing to try again for those who were told so already.
        told = duty.subjects(kind=AlertKind.NOTHING_FITS) if not _any_free(fresh) else set()
        for referral in waiting:
            if subject(referral) in told:
                continue
            if far_ahead(referral, now):
                if duty.standing(kind=AlertKind.FAR_AHEAD, subject=subject(referral)) is None:
                    _say_waiting(referral, AlertKind.FAR_AHEAD, now)
                continue
            rooms = premises.rooms(now) if rooms is None else rooms
            if _find_or_leave(referral, rooms, now) is not None:
                placed += 1
                settle(referral, now)
                rooms = None  # who lives where has changed, so it is looked at again for the next
        if placed == before:
            break
    return placed


def _to_match(now: dt.datetime) -> list[Referral]:
    """Everybody who is searching, but those a coordinator is finding beds for together: nothing takes a plan apart meanwhile."""
    gathering = set(db.session.scalars(sa.select(Operation.id).where(Operation.gathering_until > now)))
    return [row for row in searching() if row.operation_id not in gathering]


def _find_or_leave(referral: Referral, rooms: Sequence[matching.Room], now: dt.datetime) -> Placement | None:
    """_find, but somebody whose record cannot be read is left to a person and keeps nobody else from a bed."""
    try:
        with db.session.begin_nested():
            return _find(referral, rooms, now)
    except (SealBroken, ValueError, LookupError, TypeError) as problem:
        log.error("referral %s cannot be matched: %s", referral.id.hex, type(problem).__name__)  # noqa: TRY400 - no data
        duty.raise_alert(kind=AlertKind.BROKEN, subject=subject(referral), referral=referral, now=now)
        return None


def _any_free(rooms: Sequence[matching.Room]) -> bool:
    return any(room.free for room in rooms)
