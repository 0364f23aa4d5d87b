"""A referral as matching sees it: who needs a place, and which houses are out of the question for them."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa

from safety import matching
from safety.extensions import db
from safety.lifecycle import LET_DOWN, LIVE
from safety.models import KeepApart, Placement, Premises, Referral
from safety.planning import Wish


def person(referral: Referral, now: dt.datetime) -> matching.Person:
    """The referral as matching sees it at `now`. Whoever should have come already is matched as coming now."""
    needs: dict[str, Any] = referral.needs or {}
    others = houses_of_operation(referral)
    wish = referral.operation.wish if referral.operation else Wish.ANY
    return matching.Person(
        cohort=referral.cohort or "either",
        adults=needs.get("adults", 1),
        outcode=referral.outcode or "",
        nation=referral.nation or "",
        eta_at=max(referral.eta_at or now, now),
        children=needs.get("children", {}),
        pregnant=needs.get("pregnant") in ("yes", "not_known"),
        needed=frozenset(needs.get("needed", ())),
        wished=frozenset(needs.get("wished", ())),
        support=frozenset(needs.get("support", ())),
        keep_away=tuple(needs.get("keep_away", ())),
        keep_away_miles=needs.get("keep_away_miles", 0),
        apart_from=_apart_from(referral) | (others if wish == Wish.APART else frozenset()),
        asked=_asked(referral),
        beside=others if wish == Wish.TOGETHER else frozenset(),
        any_nation=referral.border_reason is not None,
    )


def houses_of_operation(referral: Referral) -> frozenset[uuid.UUID]:
    """The houses where others of the same operation are, or are going to be."""
    if referral.operation_id is None:
        return frozenset()
    there = (
        sa.select(Placement.premises_id)
        .join(Referral, Referral.id == Placement.referral_id)
        .where(
            Referral.operation_id == referral.operation_id,
            Referral.id != referral.id,
            Placement.state.in_(LIVE),
        )
    )
    return frozenset(db.session.scalars(there))


def _apart_from(referral: Referral) -> frozenset[uuid.UUID]:
    """The houses where somebody to keep apart from is, or is going to be."""
    pairs = sa.select(KeepApart).where(
        sa.or_(KeepApart.one_id == referral.id, KeepApart.other_id == referral.id)
    )
    others = [
        pair.other_id if pair.one_id == referral.id else pair.one_id for pair in db.session.scalars(pairs)
    ]
    if not others:
        return frozenset()
    there = sa.select(Placement.premises_id).where(
        Placement.referral_id.in_(others), Placement.state.in_(LIVE)
    )
    return frozenset(db.session.scalars(there))


def _asked(referral: Referral) -> frozenset[uuid.UUID]:
    """The houses that let this referral down and have not reported their beds since."""
    ended = (
        sa.select(Placement.premises_id)
        .join(Premises, Premises.id == Placement.premises_id)
        .where(
            Placement.referral_id == referral.id,
            Placement.state.in_(LET_DOWN),
            sa.or_(
                Premises.reported_at.is_(None),
                Premises.reported_at <= Placement.ended_at,
                # A new count says nothing about why they could not take this person.
                Placement.reason.in_(("needs", "risk", "others")),
            ),
        )
    )
    return frozenset(db.session.scalars(ended))
