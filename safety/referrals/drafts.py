"""What an officer has filled in so far, kept screen by screen on the server, sealed, for DRAFT_KEEP_H and for them alone.

The rule kept: a draft's id is the form token of the referral it becomes, and somebody else's looks like none at all.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from flask import current_app

from safety.extensions import db
from safety.models import Draft, User
from safety.permissions import NotYours


def read(*, form_token: uuid.UUID, officer: User, now: dt.datetime) -> dict[str, Any] | None:
    """The answers so far by screen ({"who": {…}, "needs": {…}}); None when nothing was saved under this token yet.

    Raises NotYours for a draft of somebody else. One that is too old counts as none, erased or not.
    """
    draft = db.session.get(Draft, form_token)
    if draft is None or draft.saved_at < _oldest(now):
        return None
    if draft.officer_id != officer.id:
        raise NotYours
    return dict(draft.answers)


def save(
    *, form_token: uuid.UUID, officer: User, screen: str, answers: Mapping[str, Any], now: dt.datetime
) -> dict[str, Any]:
    """Keep the answers of one screen beside those of the others; returns all of them. Raises NotYours like read()."""
    before = read(form_token=form_token, officer=officer, now=now) or {}
    together = {**before, screen: dict(answers)}
    draft = db.session.get(Draft, form_token)
    if draft is None:
        db.session.add(Draft(id=form_token, officer_id=officer.id, answers=together, saved_at=now))
    else:
        if draft.officer_id != officer.id:
            raise NotYours
        draft.answers, draft.saved_at = together, now
    db.session.flush()
    return together


def unfinished(*, officer: User, now: dt.datetime) -> Sequence[Draft]:
    """The officer's own drafts that can still be gone on with, the latest first."""
    mine = sa.select(Draft).where(Draft.officer_id == officer.id, Draft.saved_at >= _oldest(now))
    return db.session.scalars(mine.order_by(Draft.saved_at.desc()).limit(10)).all()


def discard(*, form_token: uuid.UUID, officer: User) -> None:
    """Erase a draft nobody wants any more. Erased already: nothing happens. Somebody else's stays."""
    db.session.execute(sa.delete(Draft).where(Draft.id == form_token, Draft.officer_id == officer.id))


def _oldest(now: dt.datetime) -> dt.datetime:
    return now - dt.timedelta(hours=current_app.config["DRAFT_KEEP_H"])
