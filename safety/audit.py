"""The only writer of the audit trail, and the chain that shows whether anybody altered it.

Events are added by the transaction they belong to; the chain over them is made later by the jobs process, in the order of ids,
so that no request waits for a global order. Facts carry ids, codes and times only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from typing import Any

import sqlalchemy as sa

from safety.extensions import begin_write, db
from safety.models import AuditEvent, Seal

# A row this young may still have an older sibling in an open transaction; the chain waits for it.
SETTLE_S = 30


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="seconds")
    if isinstance(value, uuid.UUID):
        return value.hex
    return value


def record(
    *,
    what: str,
    by: str,
    now: dt.datetime,
    referral_id: uuid.UUID | None = None,
    placement_id: uuid.UUID | None = None,
    premises_id: uuid.UUID | None = None,
    facts: dict[str, Any] | None = None,
) -> AuditEvent:
    """Add one event to the caller's transaction.

    what: a verb of the field ("hold", "sign_in"); by: an actor's label; facts: codes, ids and times, never a name, number,
    address or need.
    """
    event = AuditEvent(
        at=now,
        by=by,
        what=what,
        referral_id=referral_id,
        placement_id=placement_id,
        premises_id=premises_id,
        facts={key: _plain(value) for key, value in (facts or {}).items()},
    )
    db.session.add(event)
    return event


def _digest(before: str, event: AuditEvent) -> str:
    body = {
        "id": event.id,
        "at": _plain(event.at),
        "by": event.by,
        "what": event.what,
        "referral": _plain(event.referral_id),
        "placement": _plain(event.placement_id),
        "premises": _plain(event.premises_id),
        "facts": event.facts,
    }
    return hashlib.sha256(f"{before}\n{json.dumps(body, sort_keys=True)}".encode()).hexdigest()


def seal(*, now: dt.datetime, most: int = 500) -> int:
    """Chain up to `most` events that have settled; returns how many. Its own unit of work: begins and commits.

    Two sealers at once: the second waits for the first, and the primary key on the position has the last word.
    """
    begin_write()
    last = db.session.scalars(sa.select(Seal).order_by(Seal.position.desc()).limit(1)).first()
    position, digest = (last.position, last.digest) if last else (0, "")
    unsealed = ~sa.exists().where(Seal.event_id == AuditEvent.id)
    events = db.session.scalars(
        sa.select(AuditEvent)
        .where(unsealed, AuditEvent.at <= now - dt.timedelta(seconds=SETTLE_S))
        .order_by(AuditEvent.id)
        .limit(most)
    ).all()
    for event in events:
        position += 1
        digest = _digest(digest, event)
        db.session.add(Seal(position=position, event_id=event.id, digest=digest, sealed_at=now))
    db.session.commit()
    return len(events)


def verify() -> list[str]:
    """What is wrong with the chain, in words; empty when every sealed event is as it was sealed.

    Cutting off the tail cannot be seen from inside: the last digest must be kept elsewhere too (docs/running).
    """
    problems: list[str] = []
    digest, expected = "", 0
    rows = db.session.execute(
        sa.select(Seal, AuditEvent)
        .outerjoin(AuditEvent, AuditEvent.id == Seal.event_id)
        .order_by(Seal.position)
    ).yield_per(500)
    for row in rows:
        link: Seal = row[0]
        event: AuditEvent | None = row[1]  # an outer join: the event may be gone
        expected += 1
        if link.position != expected:
            problems.append(f"audit: link {expected} is missing")
            expected = link.position
        if event is None:
            problems.append(f"audit: the event of link {link.position} is missing")
        elif (digest := _digest(digest, event)) != link.digest:
            problems.append(f"audit: event {event.id} is not as it was sealed")
        digest = link.digest
    return problems
