"""Police forces: which there are, from when to when, and the control-room number that we hold of each.

The rule kept: a force is never removed, because requests and people belong to it; one that has been merged away is over.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from safety import audit, geography
from safety.extensions import db
from safety.models import Force

# Before this service began. When a force was founded is nobody's question here; when it ends will be.
SINCE = dt.date(2020, 1, 1)


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
