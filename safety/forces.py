"""Police forces: which there are, from when to when, who leads them, and the control-room number that we hold of each.

The rule kept: a force is never removed, because requests and people belong to it; one that has been merged away is over, and
whatever is to belong to it belongs to what it became part of.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from safety import audit, geography, workdays
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Force, User

# Before this service began. When a force was founded is nobody's question here; when it ends will be.
SINCE = dt.date(2020, 1, 1)
PLACES_NOBODY = "not a placing force"  # as the list of forces calls the National Police Air Service


def load(*, by: str, now: dt.datetime) -> list[str]:
    """Put every UK police body of geography.forces() into the table, once each; returns the names of those that were new.

    Nothing is known here of a real force's telephone: a coordinator enters it, from a source that is not the officer.
    """
    known = set(db.session.scalars(sa.select(Force.slug)))
    rows = [row for row in geography.forces() if row.slug not in known]
    for row in rows:
        db.session.add(
            Force(
                slug=row.slug,
                name=row.name,
                nation=row.nation,
                kind=row.kind,
                # Where the question does not arise nobody is under the duty.
                duty_to_notify=bool(row.duty_to_notify),
                valid_from=SINCE,
            )
        )
    if rows:
        audit.record(what="load_forces", by=by, now=now, facts={"new": len(rows)})
    db.session.flush()
    return [row.name for row in rows]


def placing(*, now: dt.datetime) -> Sequence[Force]:
    """The forces that exist at `now` and may ask for a bed, by name."""
    today = workdays.uk(now).date()
    still = sa.or_(Force.valid_to.is_(None), Force.valid_to >= today)
    return db.session.scalars(
        sa.select(Force)
        .where(Force.valid_from <= today, still, Force.kind != PLACES_NOBODY)
        .order_by(Force.name)
    ).all()


def over(*, now: dt.datetime) -> Sequence[Force]:
    """The forces that are no more at `now`, by name, with what each became part of."""
    return db.session.scalars(
        sa.select(Force)
        .where(Force.valid_to < workdays.uk(now).date())
        .options(joinedload(Force.succeeded_by))
        .order_by(Force.name)
    ).all()


def part_of(force: Force) -> Sequence[Force]:
    """What became part of this force, or is announced to, by name."""
    return db.session.scalars(
        sa.select(Force).where(Force.succeeded_by_id == force.id).order_by(Force.name)
    ).all()


def heir(*, force_id: uuid.UUID) -> uuid.UUID:
    """The force that stands for this one by now: itself, or what it became part of. What is only announced changes nothing."""
    passed = {force_id}
    while True:
        following = db.session.scalar(
            sa.select(Force.succeeded_by_id).where(Force.id == force_id, Force.merges_on.is_(None))
        )
        if following is None or following in passed:
            return force_id
        passed.add(following)
        force_id = following


def leads(force: Force) -> Sequence[User]:
    """The modern slavery leads of a force whose accounts are not closed, by name."""
    return db.session.scalars(
        sa.select(User)
        .where(User.role == Role.LEAD, User.force_id == force.id, User.disabled_at.is_(None))
        .options(joinedload(User.call_back))
        .order_by(User.name, User.id)
    ).all()


def set_switchboard(*, force_id: uuid.UUID, number: str, by: str, now: dt.datetime) -> Force:
    """Keep the control-room number of a force, as people in the UK write it. Raises LookupError for an unknown id."""
    force = db.session.get(Force, force_id)
    if force is None:
        raise LookupError("no such force")
    if force.switchboard != number:
        force.switchboard = number
        audit.record(what="set_switchboard", by=by, now=now, facts={"force": force_id})
        db.session.flush()
    return force
