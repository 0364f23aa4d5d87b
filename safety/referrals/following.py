"""Requests whose force became part of another: those that go on follow it, those that are over stay with the old one.

The rule kept: two operations are never made one because two forces gave them the same number.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from safety import audit, forces
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL
from safety.models import Operation, Referral
from safety.referrals.numbers import free_number, give_to


def going_on(*, force_id: uuid.UUID) -> Sequence[Referral]:
    """The live referrals of a force."""
    return db.session.scalars(
        sa.select(Referral)
        .where(Referral.force_id == force_id, Referral.state.in_(LIVE_REFERRAL))
        .order_by(Referral.opened_at, Referral.id)
    ).all()


def numbers_there(*, force_id: uuid.UUID, into_id: uuid.UUID) -> list[tuple[Operation, str | None]]:
    """Operations of a force that go on, or have just begun, each with the number it would have in another force: its own, or
    where that force gave the number to an operation of its own, one that is free there.
    """
    live = sa.exists().where(Referral.operation_id == Operation.id, Referral.state.in_(LIVE_REFERRAL))
    empty = ~sa.exists().where(Referral.operation_id == Operation.id)
    running = db.session.scalars(
        sa.select(Operation)
        .where(Operation.force_id == force_id, sa.or_(live, empty))
        .order_by(Operation.opened_at, Operation.id)
    )
    taken: list[str] = []
    there: list[tuple[Operation, str | None]] = []
    for operation in running:
        number = operation.number
        if number is not None:
            number = free_number(number=number, force_id=into_id, also_taken=taken)
            taken.append(number)
        there.append((operation, number))
    return there


def follow(*, force_id: uuid.UUID, into_id: uuid.UUID, by: str, now: dt.datetime) -> tuple[int, int]:
    """What goes on of one force is the other's from now on; returns how many referrals and how many operations that were."""
    operations = numbers_there(force_id=force_id, into_id=into_id)
    for operation, number in operations:
        _give(operation, into_id, number, by, now)
    referrals = going_on(force_id=force_id)
    for referral in referrals:
        _take_along(referral, into_id, by, now)
    return len(referrals), len(operations)


def catch_up(referral: Referral, *, by: str, now: dt.datetime) -> None:
    """One that was over and goes on again, because a mistake was put right: it is where those are that went on meanwhile."""
    if referral.force_id is None:
        return
    into_id = forces.heir(force_id=referral.force_id)
    if into_id == referral.force_id:
        return
    operation = referral.operation
    if operation is not None and operation.force_id != into_id:
        number = operation.number and free_number(number=operation.number, force_id=into_id)
        _give(operation, into_id, number, by, now)
    _take_along(referral, into_id, by, now)


def _take_along(referral: Referral, into_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    before, referral.force_id = referral.force_id, into_id
    facts = {"from": before, "to": into_id}
    audit.record(what="follow_force", by=by, now=now, referral_id=referral.id, facts=facts)
    db.session.flush()
    db.session.refresh(referral, ["force"])


def _give(operation: Operation, into_id: uuid.UUID, number: str | None, by: str, now: dt.datetime) -> None:
    facts = {
        "operation": operation.id,
        "from": operation.force_id,
        "to": into_id,
        "renumbered": number != operation.number,
    }
    give_to(operation, force_id=into_id, number=number)
    audit.record(what="operation_follows_force", by=by, now=now, facts=facts)
    db.session.flush()
