"""Forgetting: unfinished drafts after a day, and all that is sealed of a referral RETENTION_DAYS after it closed by any route.

What stays is a row of ids, codes and times, so that the record of what the scheme did is whole and tells of nobody.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from flask import current_app

from safety import audit
from safety.extensions import db
from safety.lifecycle import ReferralState
from safety.models import Draft, Inbound, Operation, Placement, Referral, Text
from safety.permissions import CLOCK


def erase_drafts(*, now: dt.datetime) -> int:
    """Erase drafts older than DRAFT_KEEP_H; returns how many. The caller begins and commits."""
    old = now - dt.timedelta(hours=current_app.config["DRAFT_KEEP_H"])
    return int(db.session.execute(sa.delete(Draft).where(Draft.saved_at < old)).rowcount)  # type: ignore[attr-defined]


def erase_closed(*, now: dt.datetime, most: int = 50) -> int:
    """Erase what is sealed of up to `most` referrals that closed RETENTION_DAYS ago, with their texts; returns how many.

    Texts that belong to no referral (a reply nobody could place, an alarm) go by their own age. The caller begins a write
    and commits.
    """
    old = now - dt.timedelta(days=current_app.config["RETENTION_DAYS"])
    due = db.session.scalars(
        sa.select(Referral)
        .where(Referral.state == ReferralState.CLOSED, Referral.closed_at < old, Referral.erased_at.is_(None))
        .order_by(Referral.closed_at)
        .limit(most)
    ).all()
    for referral in due:
        referral.needs = referral.alias = referral.incident = None
        referral.officer_phone = referral.officer_phone_index = referral.incident_index = None
        referral.erased_at = now
        audit.record(what="erased", by=CLOCK.by, now=now, referral_id=referral.id)
    _erase_numbers(old, now)
    ids = [referral.id for referral in due]
    orphaned = sa.and_(Text.referral_id.is_(None), Text.queued_at < old)
    db.session.execute(
        sa.update(Text)
        .where(sa.or_(Text.referral_id.in_(ids), orphaned), Text.body_sealed.is_not(None))
        .values(to_sealed=None, body_sealed=None)
    )
    theirs = sa.select(Placement.id).where(Placement.referral_id.in_(ids))
    stray = sa.and_(Inbound.placement_id.is_(None), Inbound.received_at < old)
    db.session.execute(
        sa.update(Inbound)
        .where(sa.or_(Inbound.placement_id.in_(theirs), stray), Inbound.body_sealed.is_not(None))
        .values(sender_sealed=None, body_sealed=None)
    )
    db.session.flush()
    return len(due)


def _erase_numbers(old: dt.datetime, now: dt.datetime) -> None:
    """The number of an operation goes with the last of its referrals."""
    db.session.flush()
    kept = sa.exists().where(Referral.operation_id == Operation.id, Referral.erased_at.is_(None))
    over = sa.select(Operation).where(Operation.number_index.is_not(None), Operation.opened_at < old, ~kept)
    for operation in db.session.scalars(over):
        operation.number = operation.number_index = None
        operation.erased_at = now
