"""Finding referrals and placements for somebody: what is not theirs looks exactly like what does not exist."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from safety import permissions, placements
from safety.extensions import db
from safety.lifecycle import LIVE, LIVE_REFERRAL, ReferralState, Role, State
from safety.models import Ask, Placement, Premises, Referral
from safety.permissions import Actor, NotYours

# No letter or digit that can be taken for another on a bad line: no 0/O, 1/I/L, 5/S, 8/B, 2/Z, U/V together.
ALPHABET = "ACDEFGHJKMNPQRTWXY34679"
CLOSED_SHOWN = 20


def plain_reference(said: str) -> str:
    """A reference as typed or said, reduced to what is stored: "k7m-4qx" -> "K7M4QX"."""
    return re.sub(r"[^A-Z0-9]", "", said.upper())


def seen_by(*, referral_id: uuid.UUID, actor: Actor) -> Referral:
    """The referral, for its holder, a lead of its force, or a coordinator. Raises permissions.NotYours for anybody else,
    and for a referral that does not exist.
    """
    referral = db.session.get(Referral, referral_id)
    if referral is None or not permissions.holds(actor, referral):
        raise NotYours
    return referral


def lookup(*, placement_id: uuid.UUID, actor: Actor) -> Placement:
    """The placement, for either of its sides. Raises permissions.NotYours."""
    placement = db.session.get(Placement, placement_id)
    if placement is None:
        raise NotYours
    permissions.require_placement(actor, placement)
    return placement


def live_placement(referral: Referral) -> Placement | None:
    """The live placement of a referral, if it has one."""
    live = sa.select(Placement).where(Placement.referral_id == referral.id, Placement.state.in_(LIVE))
    return db.session.scalars(live).first()


def by_code(*, code: str, now: dt.datetime) -> Placement | None:
    """The placement a code in a text names: a live one, or one that ended in the last 24 hours."""
    lately = sa.or_(Placement.state.in_(LIVE), Placement.ended_at > now - placements.CODE_KEPT)
    found = (
        sa.select(Placement)
        .where(Placement.code == code, lately)
        .order_by(Placement.ended_at.is_(None).desc())
    )
    return db.session.scalars(found.limit(1)).first()


def ask_by_code(*, code: str, now: dt.datetime) -> Ask | None:
    """The ask a code in a text names: an open one, or one that was over in the last 24 hours."""
    return db.session.scalars(sa.select(Ask).where(Ask.code == code, placements.ask_has_code(now))).first()


def ask_of(*, ask_id: uuid.UUID, actor: Actor, now: dt.datetime) -> Ask:
    """The ask, for the house that is asked or a coordinator, for as long as its code is its own.

    Raises NotYours for anybody else, and for one that is not there or was over long ago, alike.
    """
    lately = sa.select(Ask).where(Ask.id == ask_id, placements.ask_has_code(now))
    ask = db.session.scalars(lately).first()
    if ask is None or not permissions.houses(actor, ask.premises_id):
        raise NotYours
    return ask


def open_asks(*, premises_ids: Iterable[uuid.UUID]) -> Sequence[Ask]:
    """What these houses are asked to make room for and have not answered, the first to answer first."""
    return db.session.scalars(
        sa.select(Ask)
        .where(Ask.premises_id.in_(list(premises_ids)), Ask.answer.is_(None))
        .options(selectinload(Ask.referral), selectinload(Ask.premises))
        .order_by(Ask.answer_by, Ask.code)
    ).all()


def asked_until(referral: Referral, now: dt.datetime) -> dt.datetime | None:
    """Until when houses may answer whether they can make room for this referral; None when none is being asked."""
    return db.session.scalar(
        sa.select(sa.func.max(Ask.answer_by)).where(
            Ask.referral_id == referral.id, Ask.answer.is_(None), Ask.answer_by > now
        )
    )


def asks_about(referral: Referral) -> Sequence[Ask]:
    """Every house that was asked to make room for this referral, the latest first. For coordinators, who know houses by name."""
    return db.session.scalars(
        sa.select(Ask)
        .where(Ask.referral_id == referral.id)
        .options(selectinload(Ask.premises).selectinload(Premises.contacts))
        .order_by(Ask.asked_at.desc(), Ask.code)
    ).all()


def holding(actor: Actor) -> Sequence[Referral]:
    """What an officer holds: every live one, then the CLOSED_SHOWN opened last; all of the force's for its lead."""
    wanted = sa.select(Referral).options(selectinload(Referral.placements))
    if actor.role is Role.LEAD:
        wanted = wanted.where(
            sa.or_(Referral.force_id == actor.force_id, Referral.holder_id == actor.user_id)
        )
    else:
        wanted = wanted.where(Referral.holder_id == actor.user_id)
    is_live = Referral.state.in_(LIVE_REFERRAL)
    kept = wanted.where(Referral.state.notin_((ReferralState.DIVERTED, ReferralState.DECLINED_BY_PERSON)))
    newest = Referral.opened_at.desc()
    # Live ones are never cut off: the oldest may be on the road or inside.
    still = db.session.scalars(kept.where(is_live).order_by(newest)).all()
    over = db.session.scalars(kept.where(~is_live).order_by(newest).limit(CLOSED_SHOWN)).all()
    return [*still, *over]


def live() -> Sequence[tuple[Referral, Placement | None]]:
    """Every live referral with the bed it has, those without one first, then the longest waiting; one query. For coordinators."""
    waiting = sa.case((Referral.state == ReferralState.SEARCHING, 0), else_=1)
    rows = db.session.execute(
        sa.select(Referral, Placement)
        .outerjoin(Placement, sa.and_(Placement.referral_id == Referral.id, Placement.state.in_(LIVE)))
        .where(Referral.state.in_(LIVE_REFERRAL))
        .options(
            contains_eager(Placement.referral),
            joinedload(Placement.premises),
            joinedload(Referral.holder),
            joinedload(Referral.force),
        )
        .order_by(waiting, Referral.opened_at)
    )
    return [(referral, placement) for referral, placement in rows]


def searching() -> Sequence[Referral]:
    """Referrals a bed may be held for by itself, longest waiting first."""
    return db.session.scalars(
        sa.select(Referral)
        .where(Referral.state == ReferralState.SEARCHING, Referral.paused_at.is_(None))
        .order_by(Referral.opened_at, Referral.id)
    ).all()


def of_house(*, premises_ids: Iterable[uuid.UUID], now: dt.datetime) -> Sequence[Placement]:
    """Live placements of these houses, and those that ended in the last 24 hours; the ones to answer first."""
    order = sa.case({State.HELD: 0, State.CONFIRMED: 1, State.ARRIVED: 2}, value=Placement.state, else_=3)
    lately = sa.or_(Placement.state.in_(LIVE), Placement.ended_at > now - placements.CODE_KEPT)
    return db.session.scalars(
        sa.select(Placement)
        .where(Placement.premises_id.in_(list(premises_ids)), lately)
        .options(
            selectinload(Placement.referral),
            selectinload(Placement.bedspace),
            selectinload(Placement.premises),
        )
        .order_by(order, Placement.held_at)
    ).all()
