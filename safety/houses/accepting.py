"""Whether a house takes new people: closed with a reason, for a time or until it says so, and open again.

The rule kept: closing keeps new people away and says nothing for the house about anybody it is asked about, expects or has.
"""

from __future__ import annotations

import datetime as dt
import uuid

from safety import audit
from safety.extensions import db
from safety.lifecycle import HOUSE_CLOSED
from safety.models import Premises


def close(
    *, premises_id: uuid.UUID, reason: str, until: dt.datetime | None, by: str, now: dt.datetime
) -> Premises:
    """Nobody new is sent to the house from now on. The same again is a success that changes nothing.

    reason: a code of lifecycle.HOUSE_CLOSED. until: from then on it is open by itself, whether or not anything runs; None:
    until open_again. Raises ValueError for another reason, or an end that is over.
    """
    if reason not in HOUSE_CLOSED or (until is not None and until <= now):
        raise ValueError("a known reason and an end that is still to come")
    house = db.session.get_one(Premises, premises_id)
    if (house.accepting, house.accepting_reason, house.accepting_until) == (False, reason, until):
        return house
    house.accepting, house.accepting_reason, house.accepting_until = False, reason, until
    facts = {"reason": reason, "until": until}
    audit.record(what="house_closed", by=by, now=now, premises_id=house.id, facts=facts)
    db.session.flush()
    return house


def open_again(*, premises_id: uuid.UUID, by: str, now: dt.datetime) -> Premises:
    """The house takes people again. The same again is a success that changes nothing."""
    house = db.session.get_one(Premises, premises_id)
    if house.accepting:
        return house
    house.accepting, house.accepting_reason, house.accepting_until = True, None, None
    audit.record(what="house_opened", by=by, now=now, premises_id=house.id)
    db.session.flush()
    return house
