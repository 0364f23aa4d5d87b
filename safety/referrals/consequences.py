"""What follows for a referral when its placement ends or changes: where it stands then, and which alerts begin or are over."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from flask import current_app

from safety import audit, duty
from safety.extensions import db
from safety.lifecycle import LIVE, Event, ReferralState, State
from safety.models import AlertKind, Placement, Referral
from safety.permissions import CLOCK

SOON = dt.timedelta(hours=1)


def fall(placement: Placement, event: Event, now: dt.datetime) -> None:
    """Its placement ended and nobody is inside: the referral is searching again, or waits for somebody who knows where the
    person is; and whoever is on call hears of it when lifecycle.md says so.
    """
    referral = placement.referral
    referral.state = ReferralState.SEARCHING
    raised: AlertKind | None = None
    if event in (Event.RELEASE, Event.NOT_ARRIVED):
        referral.paused_at, referral.paused_by = now, CLOCK.by
        raised = AlertKind.RELEASED if event is Event.RELEASE else AlertKind.NOT_ARRIVED
    elif event is Event.WITHDRAW:
        raised = AlertKind.HOUSE_WITHDREW
    db.session.flush()
    if raised:
        duty.raise_alert(kind=raised, subject=subject(referral), referral=referral, now=now)
    soon = event is Event.LAPSE and (referral.eta_at or now) < now + SOON
    if event in (Event.DECLINE, Event.LAPSE, Event.WITHDRAW) and (
        soon or _let_down(referral) >= current_app.config["CASCADE"]
    ):
        duty.raise_alert(kind=AlertKind.CASCADE, subject=subject(referral), referral=referral, now=now)


def _let_down(referral: Referral) -> int:
    """How many houses said no, nothing, or took their yes back."""
    ended = (State.DECLINED, State.LAPSED, State.WITHDRAWN)
    return (
        db.session.scalar(
            sa.select(sa.func.count()).where(Placement.referral_id == referral.id, Placement.state.in_(ended))
        )
        or 0
    )


def close(referral: Referral, *, reason: str, by: str, now: dt.datetime) -> None:
    """The referral is over."""
    referral.state = ReferralState.CLOSED
    referral.closed_at, referral.closed_by, referral.closed_reason = now, by, reason
    referral.paused_at = referral.paused_by = None
    audit.record(what="close", by=by, now=now, referral_id=referral.id, facts={"reason": reason})
    db.session.flush()


def far_ahead(referral: Referral, now: dt.datetime) -> bool:
    """Whether the arrival is too far ahead for a bed to be kept empty for it by itself."""
    return (referral.eta_at or now) > now + dt.timedelta(hours=current_app.config["FAR_AHEAD_H"])


def subject(referral: Referral) -> str:
    """What an alert about this referral is about."""
    return f"referral:{referral.id.hex}"


def settle(referral: Referral, now: dt.datetime) -> None:
    """End every alert about this referral whose cause is gone: derived from what is true now, never ticked off."""
    live = db.session.scalars(
        sa.select(Placement).where(Placement.referral_id == referral.id, Placement.state.in_(LIVE))
    ).first()
    closed = referral.state == ReferralState.CLOSED
    bedless = not closed and live is None
    settled = closed or (live is not None and live.state != "held")
    paused = bedless and referral.paused_at is not None
    causes = {
        AlertKind.NO_BED_ON_ARRIVAL: bedless,
        AlertKind.HOUSE_WITHDREW: not settled,
        AlertKind.CASCADE: not settled,
        AlertKind.NOTHING_FITS: bedless and not paused,
        AlertKind.FAR_AHEAD: bedless and far_ahead(referral, now),
        AlertKind.NOT_ARRIVED: paused,
        AlertKind.RELEASED: paused,
        AlertKind.OVERDUE: live is not None and live.state == "confirmed" and live.arrive_by <= now,
        AlertKind.STAY_OVER: live is not None and live.stay_until is not None and live.stay_until <= now,
    }
    for kind, stands in causes.items():
        if not stands:
            duty.end(kind=kind, subject=subject(referral), now=now)
