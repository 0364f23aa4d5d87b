"""Several people of one operation: followed on one page, and found beds for at once by a plan that is taken whole or in part.

The rules kept: while a coordinator gathers them nobody of them is matched one by one, and never for longer than GATHER_MIN; a
plan is held bed for bed in one transaction, or nothing of it is.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import selectinload

from safety import audit, geography, matching, permissions, planning, premises
from safety.extensions import db
from safety.lifecycle import LIVE, LIVE_REFERRAL, NotAllowed, ReferralState, Role
from safety.models import Bedspace, KeepApart, Operation, Placement, Referral
from safety.permissions import Actor, NotYours
from safety.planning import Wish
from safety.referrals.consequences import settle
from safety.referrals.finding import rematch, take
from safety.referrals.numbers import found, found_or_started
from safety.referrals.reading import live_placement, plain_reference
from safety.referrals.seeking import person

WISHES: Mapping[str, str] = {
    Wish.ANY: "Wherever there is a bed",
    Wish.TOGETHER: "In the same house if it can be",
    Wish.APART: "Each in another house",
}


class PlanGone(Exception):
    """The plan cannot be had as it was shown. The message says why and can be shown; nothing may be committed."""


def of(*, operation_id: uuid.UUID, actor: Actor) -> tuple[Operation, list[Referral]]:
    """An operation, with those of its referrals this actor may see, as they were asked for.

    Raises NotYours for whoever sees none of them, unless it is a coordinator.
    """
    operation = db.session.get(Operation, operation_id)
    if operation is None:
        raise NotYours
    every = db.session.scalars(
        sa.select(Referral)
        .where(Referral.operation_id == operation.id)
        .options(
            selectinload(Referral.placements).options(
                selectinload(Placement.premises), selectinload(Placement.bedspace)
            ),
            selectinload(Referral.holder),
        )
        .order_by(Referral.opened_at, Referral.id)
    ).all()
    mine = [referral for referral in every if permissions.holds(actor, referral)]
    if not mine and actor.role is not Role.COORDINATOR:
        raise NotYours
    return operation, mine


def lately() -> Sequence[Operation]:
    """Operations with somebody who is looked for, on the way or in a place, and those just begun; the latest first."""
    live = sa.exists().where(Referral.operation_id == Operation.id, Referral.state.in_(LIVE_REFERRAL))
    empty = ~sa.exists().where(Referral.operation_id == Operation.id)
    return db.session.scalars(
        sa.select(Operation)
        .where(sa.or_(live, empty))
        .options(selectinload(Operation.referrals), selectinload(Operation.force))
        .order_by(Operation.opened_at.desc())
    ).all()


def start(
    *, number: str, force_id: uuid.UUID, wish: str, actor: Actor, now: dt.datetime
) -> tuple[Operation, bool]:
    """Begin an operation and gather its people, or find it begun already (then nothing changes). Returns whether it is new.

    wish: a code of WISHES. Raises NotYours for anybody but a coordinator, numbers.NotANumber, ValueError.
    """
    _coordinator(actor)
    there = found(number=number, force_id=force_id)
    if there is not None:
        return there, False
    operation = found_or_started(number=number, force_id=force_id, by=actor.by, now=now)
    operation.wish = Wish(wish)
    operation.gathering_until = _until(now)
    db.session.flush()
    return operation, True


def choose(*, operation_id: uuid.UUID, wish: str, actor: Actor, now: dt.datetime) -> None:
    """Together, apart, or wherever there is a bed: for whoever is placed from now on. The same again changes nothing."""
    operation = _operation(operation_id, actor)
    if operation.wish == wish:
        return
    operation.wish = Wish(wish)
    _record("operation_wish", operation, actor, now, {"wish": operation.wish})
    rematch(now=now)


def gather(*, operation_id: uuid.UUID, actor: Actor, now: dt.datetime) -> None:
    """From now on, and for GATHER_MIN at most, nobody of it is matched by themselves: a coordinator finds beds for all."""
    operation = _operation(operation_id, actor)
    operation.gathering_until = _until(now)
    _record("operation_gathers", operation, actor, now, {"until": operation.gathering_until})


def let_go(*, operation_id: uuid.UUID, actor: Actor, now: dt.datetime) -> None:
    """Each is matched by themselves again, at once."""
    operation = _operation(operation_id, actor)
    if operation.gathering_until is None:
        return
    operation.gathering_until = None
    _record("operation_let_go", operation, actor, now)
    rematch(now=now)


def is_gathering(operation: Operation | None, now: dt.datetime) -> bool:
    """Whether nobody of it is matched by themselves at `now`."""
    return operation is not None and operation.gathering_until is not None and now < operation.gathering_until


def add(*, operation_id: uuid.UUID, reference: str, actor: Actor, now: dt.datetime) -> Referral:
    """Put a live referral of the same force under the operation, by its spoken reference. The same again changes nothing.

    Raises NotAllowed, worded, for a reference that is unknown, over, or of another force.
    """
    operation = _operation(operation_id, actor)
    wanted = sa.select(Referral).where(
        Referral.reference == plain_reference(reference), Referral.state.in_(LIVE_REFERRAL)
    )
    referral = db.session.scalars(wanted).first()
    if referral is None:
        raise NotAllowed(
            "We do not know that reference, or that request is over. Check it and enter it again"
        )
    if referral.force_id != operation.force_id:
        raise NotAllowed("That request is of another force, so it cannot be of this operation")
    if referral.operation_id != operation.id:
        before, referral.operation_id = referral.operation_id, operation.id
        db.session.flush()
        db.session.refresh(referral, ["operation"])
        facts = {"operation": operation.id, "before": before}
        audit.record(what="joined_operation", by=actor.by, now=now, referral_id=referral.id, facts=facts)
        db.session.flush()
    return referral


def waiting(operation: Operation) -> list[Referral]:
    """Whom of it a bed is looked for, the longest waiting first."""
    return list(
        db.session.scalars(
            sa.select(Referral)
            .where(
                Referral.operation_id == operation.id,
                Referral.state == ReferralState.SEARCHING,
                Referral.paused_at.is_(None),
            )
            .order_by(Referral.opened_at, Referral.id)
        )
    )


def make_plan(operation: Operation, *, now: dt.datetime) -> planning.Plan:
    """Beds for everybody of it who has none, as they could be held at `now`. Holds nothing."""
    referrals = waiting(operation)
    ids = {referral.id for referral in referrals}
    apart: dict[uuid.UUID, set[uuid.UUID]] = {}
    pairs = sa.select(KeepApart.one_id, KeepApart.other_id).where(
        KeepApart.one_id.in_(ids), KeepApart.other_id.in_(ids)
    )
    for one, other in db.session.execute(pairs):
        apart.setdefault(one, set()).add(other)
    members = [
        planning.Member(referral.id, person(referral, now), frozenset(apart.get(referral.id, ())))
        for referral in referrals
    ]
    there = sa.select(Placement.premises_id).join(Referral, Referral.id == Placement.referral_id)
    already = db.session.scalars(
        there.where(Referral.operation_id == operation.id, Placement.state.in_(LIVE))
    )
    return planning.plan(members, premises.rooms(now), wish=Wish(operation.wish), already=frozenset(already))


def take_plan(
    *, operation_id: uuid.UUID, chosen: Mapping[uuid.UUID, uuid.UUID], actor: Actor, now: dt.datetime
) -> list[Placement]:
    """Hold every bed of a plan (referral -> bedspace), or none; whoever is not in it is matched by themselves from now on.

    The same plan again is a success that changes nothing. Raises NotYours, and PlanGone when one of the beds cannot be had any
    more: nothing may be committed then. The caller has begun a deciding write.
    """
    operation = _operation(operation_id, actor)
    if not chosen:
        raise PlanGone("There was nothing to hold in that plan")
    referrals = {
        referral.id: referral
        for referral in db.session.scalars(
            sa.select(Referral).where(Referral.operation_id == operation.id, Referral.id.in_(chosen))
        )
    }
    if len(referrals) < len(chosen):
        raise PlanGone("Somebody of that plan is not of this operation")
    has = {referral_id: live_placement(referral) for referral_id, referral in referrals.items()}
    if all(bed is not None and bed.bedspace_id == chosen[referral_id] for referral_id, bed in has.items()):
        return [bed for bed in has.values() if bed is not None]
    order = sorted(referrals.values(), key=lambda referral: (referral.opened_at, referral.id))
    held = [_hold(referral, chosen[referral.id], actor, now) for referral in order]
    operation.gathering_until = None
    facts = {"beds": len(held)}
    _record("operation_placed", operation, actor, now, facts)
    rematch(now=now)
    for referral in order:
        settle(referral, now)
    return held


def _hold(referral: Referral, bedspace_id: uuid.UUID, actor: Actor, now: dt.datetime) -> Placement:
    """Hold one bed of a plan by the rules as they stand with those before it held. Raises PlanGone."""
    if referral.state != ReferralState.SEARCHING or referral.paused_at is not None:
        raise PlanGone(f"{referral.spoken} is not waiting for a bed any more")
    bedspace = db.session.get(Bedspace, bedspace_id)
    if bedspace is None:
        raise PlanGone(f"The room for {referral.spoken} is not there any more")
    where = f"{bedspace.name} at {bedspace.premises.name}"
    room = next((room for room in premises.rooms(now) if room.id == bedspace_id), None)
    broken = matching.against(person(referral, now), room) if room else frozenset({matching.Cause.FULL})
    if room is None or matching.Cause.FULL in broken:
        raise PlanGone(
            f"{where}, for {referral.spoken}, was given to somebody else or taken out of use meanwhile"
        )
    if broken:
        why = "; ".join(matching.CAUSE_WORDS[cause] for cause in matching.Cause if cause in broken)
        raise PlanGone(f"{where} does not fit {referral.spoken} any more: {why}")
    miles = geography.miles(referral.outcode or "", room.outcode)
    placement = take(referral, bedspace_id, actor=actor, miles=miles, now=now)
    if placement is None:
        raise PlanGone(f"{where}, for {referral.spoken}, was given to somebody else meanwhile")
    audit.record(
        what="placed_with_others",
        by=actor.by,
        now=now,
        referral_id=referral.id,
        placement_id=placement.id,
        facts={"bedspace": bedspace_id},
    )
    return placement


def _coordinator(actor: Actor) -> None:
    if actor.role is not Role.COORDINATOR:
        raise NotYours


def _operation(operation_id: uuid.UUID, actor: Actor) -> Operation:
    _coordinator(actor)
    operation = db.session.get(Operation, operation_id)
    if operation is None:
        raise NotYours
    return operation


def _until(now: dt.datetime) -> dt.datetime:
    return now + dt.timedelta(minutes=current_app.config["GATHER_MIN"])


def _record(
    what: str, operation: Operation, actor: Actor, now: dt.datetime, facts: Mapping[str, object] | None = None
) -> None:
    audit.record(what=what, by=actor.by, now=now, facts={"operation": operation.id, **(facts or {})})
    db.session.flush()
