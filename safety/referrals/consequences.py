"""What follows for a referral when its placement ends or changes: where it stands then, and which alerts begin or are over."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from flask import current_app

from safety import audit, bedspaces, duty, fallback, lifecycle
from safety.extensions import db
from safety.lifecycle import LIVE, Event, ReferralState, State
from safety.models import AlertKind, Placement, Referral, Text
from safety.permissions import CLOCK
from safety.referrals import asking

SOON = dt.timedelta(hours=1)
STAY_NOTICE = dt.timedelta(hours=24)
# How long a room stays out of service after a no that was about the room, unless the house says otherwise.
NOT_NOW = dt.timedelta(hours=12)


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
    if event in (Event.DECLINE, Event.LAPSE, Event.WITHDRAW) and (soon or cascade_used_up(referral)):
        duty.raise_alert(kind=AlertKind.CASCADE, subject=subject(referral), referral=referral, now=now)


def room_out(placement: Placement, *, by: str, now: dt.datetime) -> dt.datetime | None:
    """A house said no because of the room: nobody else is sent there until the instant returned.

    None when the no was about something else, or when somebody has been given the room since.
    """
    if placement.state != State.DECLINED or placement.reason not in lifecycle.NOT_NOW:
        return None
    until = now + NOT_NOW
    try:
        bedspaces.take_out(
            bedspace_id=placement.bedspace_id, reason=placement.reason, until=until, by=by, now=now
        )
    except bedspaces.StillUsed:
        return None
    return until


def cascade_used_up(referral: Referral) -> bool:
    """Whether CASCADE houses have said no, nothing, or took their yes back."""
    ended = (State.DECLINED, State.LAPSED, State.WITHDRAWN)
    let_down = db.session.scalar(
        sa.select(sa.func.count()).where(Placement.referral_id == referral.id, Placement.state.in_(ended))
    )
    return (let_down or 0) >= int(current_app.config["CASCADE"])


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
    """End every alert about this referral whose cause is gone, and every ask nobody need answer any more.

    Derived from what is true now, never ticked off.
    """
    live = db.session.scalars(
        sa.select(Placement).where(Placement.referral_id == referral.id, Placement.state.in_(LIVE))
    ).first()
    closed = referral.state == ReferralState.CLOSED
    bedless = not closed and live is None
    agreed = closed or (live is not None and live.state != State.HELD)
    inside = closed or (live is not None and live.state == State.ARRIVED)
    # Somebody may be driving to a house that will not take them until they have set off to another.
    heard = inside or (live is not None and live.set_off_at is not None)
    turned_back = _turned_back(referral)
    paused = bedless and referral.paused_at is not None
    causes = {
        AlertKind.NO_BED_ON_ARRIVAL: not inside,
        AlertKind.HOUSE_WITHDREW: not (heard if turned_back else agreed),
        AlertKind.CASCADE: not agreed,
        AlertKind.BROKEN: bedless and not paused,
        AlertKind.NOTHING_FITS: bedless and not paused,
        AlertKind.FAR_AHEAD: bedless and far_ahead(referral, now),
        AlertKind.NOT_ARRIVED: paused,
        AlertKind.RELEASED: paused,
        AlertKind.OVERDUE: live is not None and overdue(live, now),
        AlertKind.STAY_OVER: live is not None and live.stay_until is not None and live.stay_until <= now,
        AlertKind.STAY_ENDING: live is not None and stay_ends_soon(live, now),
        AlertKind.ONWARD_UNKNOWN: live is not None and onward_unknown(live, now),
    }
    for kind, stands in causes.items():
        if not stands:
            duty.end(kind=kind, subject=subject(referral), now=now)
    for alert in duty.about(kind=AlertKind.TEXT_FAILED, referral_id=referral.id):
        if inside or not _still_unheard(alert.subject):
            duty.end(kind=AlertKind.TEXT_FAILED, subject=alert.subject, now=now)
    if not bedless:
        asking.settle(referral, live, now=now)


def overdue(placement: Placement, now: dt.datetime) -> bool:
    """Whether somebody on the road should have been heard of: past `arrive_by`, or the house was asked and did not answer."""
    if placement.state != State.CONFIRMED or not placement.on_road:
        return False
    patience = dt.timedelta(minutes=current_app.config["ARRIVAL_CHECK_MIN"])
    asked = placement.arrival_asked_at
    return placement.arrive_by <= now or (asked is not None and asked + patience <= now)


def stay_ends_soon(placement: Placement, now: dt.datetime) -> bool:
    """Whether a stay ends within a day and is not over yet."""
    until = placement.stay_until
    return placement.state == State.ARRIVED and until is not None and now < until <= now + STAY_NOTICE


def onward_unknown(placement: Placement, now: dt.datetime) -> bool:
    """Whether somebody's stay ends within a day, or is over, and nobody has said where they go next."""
    until = placement.stay_until
    soon = placement.state == State.ARRIVED and until is not None and until <= now + STAY_NOTICE
    return soon and placement.planned_onward is None


def _turned_back(referral: Referral) -> bool:
    """Whether a house withdrew while they were on the road to it."""
    withdrawn = sa.select(Placement.id).where(
        Placement.referral_id == referral.id,
        Placement.state == State.WITHDRAWN,
        Placement.set_off_at.is_not(None),
    )
    return db.session.scalar(withdrawn.limit(1)) is not None


def _still_unheard(about: str) -> bool:
    """Whether what a lost text would have told still matters: its placement is live and nothing has happened to it since."""
    kind, _, number = about.partition(":")
    placement: Placement | None = None
    said_at: dt.datetime | None = None
    if kind == "text":
        text = db.session.get(Text, uuid.UUID(number))
        if text is None or text.placement_id is None:
            return True
        placement, said_at = db.session.get(Placement, text.placement_id), text.queued_at
    elif kind == "placement":
        placement = db.session.get(Placement, uuid.UUID(number))
    if placement is None or placement.state not in LIVE:
        return False
    return said_at is None or not fallback.happened(placement, since=said_at)
