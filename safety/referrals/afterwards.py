"""What a house or a coordinator adds when something has happened already: why it said no, where somebody went.

The rule kept: it changes what is known of the thing, never the thing, and it stands in the record with who said it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from safety import audit, lifecycle, permissions
from safety.extensions import db
from safety.lifecycle import State
from safety.models import Placement
from safety.permissions import Actor
from safety.referrals.consequences import room_out
from safety.referrals.reading import lookup

_ASKED_FOR = dt.timedelta(days=14)


def refine_reason(*, placement_id: uuid.UUID, reason: str, actor: Actor, now: dt.datetime) -> bool:
    """A house that said no by text says why: keeps the reason, and does what a no with it does to the room.

    reason: a code of lifecycle.DECLINE. Returns False when the no is not this house's or too long ago.
    """
    placement = db.session.get(Placement, placement_id)
    if (
        placement is None
        or placement.state != State.DECLINED
        or not permissions.houses(actor, placement.premises_id)
    ):
        return False
    if (
        placement.ended_at is None
        or now > placement.ended_at + dt.timedelta(hours=1)
        or reason not in lifecycle.DECLINE
    ):
        return False
    placement.reason = reason
    placement.last_facts = {**placement.last_facts, "reason": reason}
    audit.record(
        what="decline_reason",
        by=actor.by,
        now=now,
        referral_id=placement.referral_id,
        placement_id=placement.id,
        premises_id=placement.premises_id,
        facts={"reason": reason},
    )
    room_out(placement, by=actor.by, now=now)
    db.session.flush()
    return True


def say_afterwards(
    *, placement_id: uuid.UUID, onward: str, nrm_decision: str, actor: Actor, now: dt.datetime
) -> bool:
    """Where somebody who has left went, and what they decided about the NRM; whether that changed what was recorded.

    onward: a code of lifecycle.ONWARD; nrm_decision: of lifecycle.NRM_DECISION. Raises permissions.NotYours, and
    lifecycle.NotAllowed when they have not left, or when it is so long ago that what was known of them is erased.
    """
    placement = lookup(placement_id=placement_id, actor=actor)
    if not permissions.houses(actor, placement.premises_id):
        raise permissions.NotYours
    if onward not in lifecycle.ONWARD or nrm_decision not in lifecycle.NRM_DECISION:
        raise lifecycle.NotAllowed("Choose one of the answers listed")
    may_say_afterwards(placement)
    if (placement.onward, placement.nrm_decision) == (onward, nrm_decision):
        return False
    placement.onward, placement.nrm_decision = onward, nrm_decision
    audit.record(
        what="said_afterwards",
        by=actor.by,
        now=now,
        referral_id=placement.referral_id,
        placement_id=placement.id,
        premises_id=placement.premises_id,
        facts={"onward": onward, "nrm_decision": nrm_decision},
    )
    db.session.flush()
    return True


def may_say_afterwards(placement: Placement) -> None:
    """Raises lifecycle.NotAllowed when they have not left, or when what was known of them is erased."""
    if placement.state != State.DEPARTED or placement.reason == "transferred":
        raise lifecycle.NotAllowed("They are not recorded as having left")
    if placement.referral.erased_at is not None:
        raise lifecycle.NotAllowed("That is too long ago to record here. Ring the duty line")


def is_unsaid(placement: Placement) -> bool:
    """Whether somebody left and nobody has said yet where to, or what they decided."""
    return (
        placement.state == State.DEPARTED
        and placement.reason != "transferred"
        and (placement.onward is None or placement.nrm_decision is None)
    )


def unsaid(*, premises_ids: Iterable[uuid.UUID], now: dt.datetime) -> Sequence[Placement]:
    """Who left these houses in the last two weeks without anybody having said where to, the first to leave first."""
    missing = sa.or_(Placement.onward.is_(None), Placement.nrm_decision.is_(None))
    return db.session.scalars(
        sa.select(Placement)
        .where(
            Placement.premises_id.in_(list(premises_ids)),
            Placement.state == State.DEPARTED,
            Placement.reason != "transferred",
            Placement.ended_at > now - _ASKED_FOR,
            missing,
        )
        .options(selectinload(Placement.referral), selectinload(Placement.bedspace))
        .order_by(Placement.departed_at)
    ).all()
