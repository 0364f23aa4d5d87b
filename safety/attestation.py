"""Whether somebody still needs their account: another person of the scheme says so every ATTEST_DAYS.

The rules kept: nobody says it of themselves; who is overdue is paused only after a grace, at the next time they sign in, never
with a live request in hand, and never the last coordinator who could let the others in.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import joinedload

from safety import audit
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL, Role
from safety.models import Referral, User
from safety.permissions import Actor

# So long before it is due somebody stands on the page of whoever can say it.
AHEAD = dt.timedelta(days=14)


class OnesOwn(Exception):
    """Nobody vouches for themselves. The message can be shown."""


def since(user: User) -> dt.datetime:
    """When somebody last said that this person needs the account; making it was the first time."""
    return user.attested_at or user.created_at


def due_at(user: User) -> dt.datetime:
    """When it is to be said again."""
    return since(user) + dt.timedelta(days=current_app.config["ATTEST_DAYS"])


def paused_at(user: User) -> dt.datetime:
    """From when this person cannot sign in unless somebody has said it."""
    return due_at(user) + dt.timedelta(days=current_app.config["ATTEST_GRACE_DAYS"])


def paused(user: User, now: dt.datetime) -> bool:
    """Whether this person may not begin a session before somebody has said that they still need the account."""
    if now < paused_at(user) or holds_a_live_referral(user.id):
        return False
    return user.role != Role.COORDINATOR or _another_coordinator(user.id, now)


def holds_a_live_referral(user_id: uuid.UUID) -> bool:
    """Whether this person has somebody in their care just now."""
    held = (
        sa.select(Referral.id)
        .where(Referral.holder_id == user_id, Referral.state.in_(LIVE_REFERRAL))
        .limit(1)
    )
    return db.session.scalar(held) is not None


def due(*, actor: Actor, now: dt.datetime) -> Sequence[User]:
    """Whom this actor is to speak for within AHEAD, the longest overdue first: a lead for officers of their own force, a
    coordinator for everybody else but themselves as well.
    """
    last = sa.func.coalesce(User.attested_at, User.created_at)
    before = now + AHEAD - dt.timedelta(days=current_app.config["ATTEST_DAYS"])
    wanted = sa.select(User).where(User.disabled_at.is_(None), last <= before, _theirs(actor))
    return db.session.scalars(
        wanted.options(
            joinedload(User.force), joinedload(User.provider), joinedload(User.call_back)
        ).order_by(last, User.id)
    ).all()


def attest(*, user_id: uuid.UUID, actor: Actor, now: dt.datetime) -> User:
    """This person still needs their account. Raises LookupError for somebody this actor does not speak for, or a closed account,
    and OnesOwn.
    """
    if user_id == actor.user_id:
        raise OnesOwn("Nobody confirms their own access. Ask another coordinator.")
    user = db.session.scalars(
        sa.select(User)
        .where(User.id == user_id, User.disabled_at.is_(None), _theirs(actor))
        .execution_options(populate_existing=True)
    ).first()
    if user is None:
        raise LookupError("nobody this actor speaks for")
    user.attested_at, user.attested_by = now, actor.by
    audit.record(what="attest", by=actor.by, now=now, facts={"account": user_id})
    db.session.flush()
    return user


def _theirs(actor: Actor) -> sa.ColumnElement[bool]:
    if actor.role is Role.COORDINATOR:
        return User.id != actor.user_id
    if actor.role is Role.LEAD:
        return sa.and_(User.role == Role.OFFICER, User.force_id == actor.force_id)
    return sa.false()


def _another_coordinator(user_id: uuid.UUID, now: dt.datetime) -> bool:
    others = sa.select(User).where(
        User.role == Role.COORDINATOR, User.disabled_at.is_(None), User.id != user_id
    )
    return any(now < paused_at(user) for user in db.session.scalars(others))
