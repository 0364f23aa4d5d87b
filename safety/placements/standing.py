"""How a placement stands: whether a bed is taken, and what is due on it."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa

from safety.extensions import db
from safety.lifecycle import LIVE, Event, State
from safety.models import Placement

LEAST_HOLD = dt.timedelta(hours=2)


class BedspaceTaken(Exception):
    """Somebody else has the bedspace. The caller goes on to the next."""


def is_taken(bedspace_id: uuid.UUID) -> bool:
    """Whether a live placement stands on the bedspace, overdue ones included."""
    live = sa.select(Placement.id).where(Placement.bedspace_id == bedspace_id, Placement.state.in_(LIVE))
    return db.session.scalar(live.limit(1)) is not None


def overdue_event(placement: Placement, now: dt.datetime) -> Event | None:
    """The release that is due on this placement at `now`: LAPSE, RELEASE, or nothing.

    Nobody who set off or arrived is ever released by a clock.
    """
    if placement.state == State.HELD and placement.answer_by <= now:
        return Event.LAPSE
    if placement.state == State.CONFIRMED and not placement.on_road and placement.arrive_by <= now:
        return Event.RELEASE
    return None
