"""One referral from the coordinator's chair: where it stands, what can be done, and all that happened."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import render_template
from flask.typing import ResponseReturnValue

from safety import duty, geography, lifecycle, matching, people, premises, referrals
from safety.extensions import db
from safety.lifecycle import LIVE, LIVE_REFERRAL, ReferralState, Role, State
from safety.models import AlertKind, AuditEvent, Placement, Premises, Referral, Text
from safety.models.alerts import ALERT_WORDS
from safety.permissions import allow
from safety.referrals.handover import BORDER
from safety.web import needs, steps
from safety.web.coordinator.blueprint import live_of, pages
from safety.web.coordinator.board import BY_ITSELF, TEXT_MEANS
from safety.web.gate import me, now, poll
from safety.web.wire import fragment

_PLAIN_EVENTS = {
    "open": "Asked for a place",
    "hold": "A bed was held",
    "confirm": "The house said yes",
    "decline": "The house said no",
    "decline_reason": "The house said why",
    "said_afterwards": "Said where they went and what they decided",
    "lapse": "The house did not answer in time",
    "withdraw": "The house took its yes back",
    "cancel": "The bed was not wanted",
    "set_off": "Set off",
    "late": "Running late",
    "arrive": "Arrived",
    "release": "Nobody set off in time, so the bed came free",
    "not_arrived": "Did not arrive",
    "move": "Moved to another room",
    "transfer": "Moved to another house",
    "extend": "The stay was extended",
    "depart": "Left",
    "correct": "A mistake was put right",
    "close": "The request was closed",
    "take_over": "A colleague took it over",
    "resume": "The search began again",
    "placed_by_hand": "Placed by hand",
    "placed_with_others": "Placed with others of the operation",
    "joined_operation": "Put under an operation",
    "across_border": "Looking in every nation",
    "address_opened": "The officer opened the address",
    "alert": "An alert was raised",
    "alert_claimed": "An alert was taken",
    "nothing_fits": "Nothing fitted",
    "late_yes": "The house said yes too late, so nothing was changed",
    "arrived_without_bed": "Arrived, and the bed was gone",
    "ask_everybody": "Every house that could make room was asked",
    "ask_yes": "The house said that it can make room",
    "ask_no": "The house said that it has no room",
    "asks_lapsed": "Houses that were asked to make room did not answer in time",
    "asks_settled": "Houses that were asked to make room were told that it is settled",
}
_TEXT_STATES = {
    "queued": "Waiting to be sent",
    "sending": "Being sent",
    "sent": "Sent",
    "delivered": "Delivered",
    "undelivered": "Not delivered",
    "failed": "Failed",
    "expired": "Not sent: it came too late to be of use",
    "unknown": "Perhaps sent: being asked",
}


@dataclass(frozen=True)
class Line:
    """One line of a request's history."""

    at: object
    what: str
    more: str
    by: str


@pages.get("/duty/referrals/<uuid:referral_id>")
@allow(Role.COORDINATOR)
def referral(referral_id: uuid.UUID) -> ResponseReturnValue:
    """One request: where it stands, what can be done, and what happened."""
    return render_template("coordinator/referral.html", **_referral(referral_id))


@pages.get("/duty/referrals/<uuid:referral_id>/now")
@allow(Role.COORDINATOR)
@poll
def referral_now(referral_id: uuid.UUID) -> ResponseReturnValue:
    """The same, as the page asks for it by itself."""
    return fragment(render_template("coordinator/_referral.html", **_referral(referral_id)))


def _referral(referral_id: uuid.UUID) -> dict[str, object]:
    actor, instant = me().actor(), now()
    found = referrals.seen_by(referral_id=referral_id, actor=actor)
    placement = live_of(found)
    earlier = [row for row in reversed(found.placements) if row.state not in LIVE]
    alerts = [alert for alert in duty.open_alerts() if alert.referral_id == found.id]
    contact = premises.on_call(placement.premises, instant) if placement else None
    return {
        "referral": found,
        "placement": placement,
        "contact": contact,
        "steps": steps.possible(placement, actor, instant) if placement else [],
        "earlier": [(row, steps.possible(row, actor, instant)) for row in earlier],
        "alerts": alerts,
        "alert_words": ALERT_WORDS,
        "by_itself": BY_ITSELF,
        "names": people.named({alert.claimed_by for alert in alerts if alert.claimed_by}),
        "rows": needs.rows(found),
        "keep_away": _keep_away(found),
        "causes": referrals.explain(found) if found.state == ReferralState.SEARCHING else (),
        "reasons": _reason_words,
        "searching": found.state == ReferralState.SEARCHING,
        "live": found.state in LIVE_REFERRAL,
        "border": BORDER.get(found.border_reason or ""),
        "region": geography.region_of(found.outcode or "") or "",
        "asks": [(ask, premises.on_call(ask.premises, instant)) for ask in referrals.asks_about(found)],
        "ask_words": lifecycle.ASK_WORDS,
        "history": _history(found),
        "texts": _texts(found),
        "instant": instant,
    }


def _keep_away(found: Referral) -> str:
    asked = found.needs or {}
    areas, miles = asked.get("keep_away") or [], asked.get("keep_away_miles") or 0
    if not areas:
        return ""
    around = f", and {miles:g} miles around" if miles else ""
    return f"{len(areas)} postcode area{'s' if len(areas) > 1 else ''}{around}"


def _reason_words(placement: Placement) -> str:
    """Why a placement ended, in the words it was chosen by; nothing when there is no reason."""
    event = {
        State.DECLINED: lifecycle.DECLINE,
        State.WITHDRAWN: lifecycle.WITHDRAW_BY_HOUSE,
        State.CANCELLED: lifecycle.CANCEL,
        State.NOT_ARRIVED: lifecycle.NOT_ARRIVED,
        State.DEPARTED: lifecycle.DEPART,
    }.get(State(placement.state), {})
    return event.get(placement.reason or "", "")


def _history(found: Referral) -> list[Line]:
    """What happened, oldest first, in words; from the audit trail, which holds ids, codes and times only."""
    events = db.session.scalars(
        sa.select(AuditEvent).where(AuditEvent.referral_id == found.id).order_by(AuditEvent.id)
    ).all()
    signed = people.named({event.by for event in events})
    homes = {house.id: house.name for house in db.session.scalars(sa.select(Premises))}
    return [Line(event.at, _event_words(event), _more(event, homes), signed[event.by]) for event in events]


def _event_words(event: AuditEvent) -> str:
    return _PLAIN_EVENTS.get(event.what, event.what.replace("_", " ").capitalize())


def _more(event: AuditEvent, homes: Mapping[uuid.UUID, str]) -> str:
    """The house, the reason or the alert an event is about."""
    parts = [homes[event.premises_id]] if event.premises_id else []
    lists: tuple[Mapping[str, str], ...] = (
        *lifecycle.REASONS.values(),
        lifecycle.CLOSE,
        lifecycle.TAKE_OVER,
        BORDER,
    )
    reason = str(event.facts.get("why") or event.facts.get("reason") or "")
    own = lifecycle.REASONS.get(lifecycle.Event(event.what)) if event.what in set(lifecycle.Event) else None
    words = (own or {}).get(reason) or next((known[reason] for known in lists if reason in known), "")
    if event.what == "close" and reason == "departed":
        words = "The stay is over"
    if words:
        parts.append(words)
    if event.what == "alert" and event.facts.get("kind") in set(AlertKind):
        parts.append(ALERT_WORDS[AlertKind(event.facts["kind"])].capitalize())
    if event.what == "nothing_fits":
        parts += [matching.CAUSE_WORDS[matching.Cause(code)] for code in event.facts.get("causes", ())]
    return "; ".join(parts)


def _texts(found: Referral) -> Sequence[tuple[str, str, object]]:
    """Our texts about this request: what each was for, where it stands, when it was written. Never the number or the words."""
    rows = db.session.execute(
        sa.select(Text.wording, Text.state, Text.queued_at)
        .where(Text.referral_id == found.id)
        .order_by(Text.queued_at)
    )
    return [(TEXT_MEANS.get(wording, wording), _TEXT_STATES[state], at) for wording, state, at in rows]
