"""The code of a bed or an ask: what a text names it by, and for how long it names nothing else."""

from __future__ import annotations

import datetime as dt
import secrets

import sqlalchemy as sa

from safety.extensions import db
from safety.lifecycle import LIVE
from safety.models import Ask, Placement

CODE_KEPT = dt.timedelta(hours=24)


def free_code(*, now: dt.datetime) -> str:
    """Four digits that no live placement and no open ask has, nor one that ended in the last 24 hours.

    A late reply must find its own, and a code must mean one thing. Codes are given out to the one writer that decides.
    """
    lately = sa.or_(Placement.state.in_(LIVE), Placement.ended_at > now - CODE_KEPT)
    taken = set(db.session.scalars(sa.select(Placement.code).where(lately)))
    taken |= set(db.session.scalars(sa.select(Ask.code).where(ask_has_code(now))))
    while (code := str(1000 + secrets.randbelow(9000))) in taken:
        pass
    return code


def ask_has_code(now: dt.datetime) -> sa.ColumnElement[bool]:
    """An ask whose code is still its own: open, or over in the last 24 hours."""
    over_at = sa.func.coalesce(Ask.answered_at, Ask.settled_at)
    return sa.or_(Ask.answer.is_(None), over_at > now - CODE_KEPT)
