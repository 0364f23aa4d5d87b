"""The coordinator's pages: what needs a person, every live referral, and all that can be done about one from its page.

The rule kept: a coordinator knows houses by name and never where they are, and never what somebody is called.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from safety import duty, geography, heartbeats, lifecycle, matching, messages, people, premises, referrals
from safety.extensions import db
from safety.lifecycle import LIVE, LIVE_REFERRAL, ReferralState, Role, State
from safety.models import Alert, AlertKind, AuditEvent, Placement, Premises, Referral, Text
from safety.models.alerts import ALERT_WORDS
from safety.permissions import NotYours, allow
from safety.referrals.handover import BORDER, look_across_border
from safety.web import needs, steps
from safety.web.forms import Form
from safety.web.forms.placement import BorderForm, PlaceForm, WithdrawReferralForm, offer_rooms
from safety.web.gate import me, now, poll
from safety.web.wire import fragment

pages = Blueprint("coordinator", __name__)

# What goes on without anybody, so that whoever reads an alert knows what is left for a person.
BY_ITSELF: Mapping[AlertKind, str] = {
    AlertKind.NO_BED_ON_ARRIVAL: "Nothing: they are inside without a bed. Ring the house, then place them by hand.",
    AlertKind.HOUSE_WITHDREW: "The next best bed is held if there is one. Ring the officer: they may be on the road.",
    AlertKind.NOTHING_FITS: "We match again at every change of a bed. Ask every house, ring houses, or place them by hand.",
    AlertKind.BROKEN: "Their request stops the matching, so no bed is looked for. Place them by hand, and ring the officer.",
    AlertKind.OVERDUE: "The bed stays held. Ring the officer, then the house, and record what happened.",
    AlertKind.NOT_ARRIVED: "Nothing is held. Find out where they are, then start the search again or close the request.",
    AlertKind.CASCADE: "The next house is asked, or with none left every house that could make room. Ring them, or place by hand.",
    AlertKind.FAR_AHEAD: "No bed is held so early. Place them by hand, or leave it until they are nearer.",
    AlertKind.SILENT: "Pages work, and beds are held. Ring whoever runs this service, then houses and officers.",
    AlertKind.TEXT_FAILED: "Nothing more is sent. Ring whoever it was for.",
    AlertKind.SUPPLIER: "Texts wait and are tried again. Until it ends, ring houses and officers.",
    AlertKind.RELEASED: "The bed is free again. Ask the officer whether a place is still needed.",
    AlertKind.STALE: "Its beds are offered last, and it was asked three times. Ring the house and ask how many are free.",
    AlertKind.ADDRESS_UNCONFIRMED: "Nobody is sent there until the house confirms its address, on its own page. Ring the house.",
    AlertKind.STAY_OVER: "They stay in the bed. Ring the house about what comes next, or extend the stay.",
}
_PLAIN_EVENTS = {
    "open": "Asked for a place",
    "hold": "A bed was held",
    "confirm": "The house said yes",
    "decline": "The house said no",
    "decline_reason": "The house said why",
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
_TEXT_MEANS = {wording.__name__: (wording.__doc__ or "").strip().rstrip(".") for wording in messages.WORDINGS}


@dataclass(frozen=True)
class Line:
    """One line of a request's history."""

    at: object
    what: str
    more: str
    by: str


@pages.get("/duty")
@allow(Role.COORDINATOR)
def home() -> ResponseReturnValue:
    """Open alerts, then every live referral, worst first."""
    return render_template("coordinator/home.html", **_home())


@pages.get("/duty/now")
@allow(Role.COORDINATOR)
@poll
def home_now() -> ResponseReturnValue:
    """The same, as the page asks for it by itself."""
    return fragment(render_template("coordinator/_home.html", **_home()))


def _home() -> dict[str, object]:
    instant = now()
    alerts = duty.open_alerts()
    rank = {alert.referral_id: place for place, alert in reversed(list(enumerate(alerts))) if alert.urgent}
    states = {None: 0, State.HELD: 1, State.CONFIRMED: 2, State.ARRIVED: 3}
    live = sorted(
        referrals.live(),
        key=lambda row: (rank.get(row.id, len(alerts)), states.get(_state(_live_of(row)), 0), row.opened_at),
    )
    return {
        # Worked out here and now: when nothing runs on a timer any more, nothing can raise an alert about it.
        "silent": heartbeats.silent(now=instant),
        "alerts": alerts,
        "alert_words": ALERT_WORDS,
        "by_itself": BY_ITSELF,
        "homes": _homes(alerts),
        "names": people.named({alert.claimed_by for alert in alerts if alert.claimed_by}),
        "live": [(row, _live_of(row)) for row in live],
        "region": lambda row: geography.region_of(row.outcode or "") or "",
        "phone_in": url_for("officer.find") if "officer.find" in current_app.view_functions else None,
        "instant": instant,
    }


def _homes(alerts: Sequence[Alert]) -> dict[str, str]:
    """The house each alert about a house is about, by the alert's subject."""
    about = {
        alert.subject: alert.subject.partition(":")[2]
        for alert in alerts
        if alert.subject.startswith("premises:")
    }
    wanted = [uuid.UUID(hex=one) for one in about.values()]
    homes = {
        house.id.hex: house.name
        for house in db.session.scalars(sa.select(Premises).where(Premises.id.in_(wanted)))
    }
    return {subject: homes.get(one, "") for subject, one in about.items()}


def _state(placement: Placement | None) -> State | None:
    return State(placement.state) if placement else None


def _live_of(referral: Referral) -> Placement | None:
    return next((row for row in referral.placements if row.state in LIVE), None)


@pages.post("/duty/alerts/<uuid:alert_id>/claim")
@allow(Role.COORDINATOR)
def claim(alert_id: uuid.UUID) -> ResponseReturnValue:
    """Take an alert, for one person only; then to its referral."""
    alert = db.session.get(Alert, alert_id)
    if alert is None:
        raise NotYours
    to = (
        url_for("coordinator.referral", referral_id=alert.referral_id)
        if alert.referral_id
        else url_for("coordinator.home")
    )
    if alert.ended_at is not None:
        flash("That alert is over: its cause is gone.", "notice")
        return redirect(url_for("coordinator.home"), 303)
    mine = duty.take(alert=alert, by=me().actor().by, now=now())
    if mine is None:
        db.session.rollback()
        flash("Somebody else has taken that alert. Leave it to them, or ring them.", "notice")
        return redirect(url_for("coordinator.home"), 303)
    db.session.commit()
    flash("It is yours. It stays open until its cause is gone.", "success")
    return redirect(to, 303)


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
    placement = _live_of(found)
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
    return [(_TEXT_MEANS.get(wording, wording), _TEXT_STATES[state], at) for wording, state, at in rows]


@pages.route("/duty/placements/<uuid:placement_id>/<slug>", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def step(placement_id: uuid.UUID, slug: str) -> ResponseReturnValue:
    """One thing to record, for the house or for the officer."""
    actor = me().actor()
    found = referrals.lookup(placement_id=placement_id, actor=actor)
    return steps.page(found, slug, actor=actor, template="coordinator/step.html", back=_address_of)


@pages.route("/duty/referrals/<uuid:referral_id>/close", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def close(referral_id: uuid.UUID) -> ResponseReturnValue:
    """No place is needed any more."""
    found, form = _found(referral_id), WithdrawReferralForm()
    if request.method != "POST" or not form.validate():
        return _asked(found, form, "close")
    try:
        referrals.withdraw(
            referral_id=referral_id, actor=me().actor(), reason=form.reason.data or "", now=now()
        )
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    flash("The request is closed. A bed that was held is free again and its house has been told.", "success")
    return redirect(_address(referral_id), 303)


@pages.post("/duty/referrals/<uuid:referral_id>/search-again")
@allow(Role.COORDINATOR)
def search_again(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Somebody knows where they are: look for a bed again."""
    try:
        placement = referrals.resume(referral_id=referral_id, actor=me().actor(), now=now())
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    _say_what_was_found(placement)
    return redirect(_address(referral_id), 303)


@pages.post("/duty/referrals/<uuid:referral_id>/ask-every-house")
@allow(Role.COORDINATOR)
def ask_every_house(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Ask every house that could make room, without waiting for more of them to say no."""
    try:
        asks = referrals.ask_by_hand(referral_id=referral_id, actor=me().actor(), now=now())
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    if asks:
        flash(f"{len(asks)} house{'s were' if len(asks) > 1 else ' was'} asked to make room.", "success")
    else:
        flash(
            "Nobody else could be asked: no other house has a room out of service that fits. Ring houses, or place them by hand.",
            "notice",
        )
    return redirect(_address(referral_id), 303)


@pages.route("/duty/referrals/<uuid:referral_id>/across-the-border", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def across_the_border(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Look for a place in every nation, with a reason."""
    found, form = _found(referral_id), BorderForm()
    if request.method != "POST" or not form.validate():
        return _asked(found, form, "border")
    try:
        placement = look_across_border(
            referral_id=referral_id, actor=me().actor(), reason=form.reason.data or "", now=now()
        )
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    _say_what_was_found(placement)
    return redirect(_address(referral_id), 303)


@pages.route("/duty/referrals/<uuid:referral_id>/place", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def place(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Choose a room by hand: those that fit, and the nearest misses with what stands in the way."""
    found, form = _found(referral_id), PlaceForm()
    fitting = offer_rooms(form.bedspace_id, found, premises.rooms(now()), now())
    if request.method == "POST" and not form.bedspace_id.choices:
        return _not_now(referral_id, lifecycle.NotAllowed("No room is free any more"))
    if request.method != "POST" or not form.validate():
        return _asked(found, form, "place")
    if form.bedspace_id.data not in fitting and not form.reason.data:
        form.refuse("reason", "Select why this room is right all the same, or choose a room that fits")
        return _asked(found, form, "place")
    try:
        referrals.place(
            referral_id=referral_id,
            bedspace_id=uuid.UUID(form.bedspace_id.data),
            actor=me().actor(),
            reason=form.reason.data or "",
            now=now(),
        )
    except lifecycle.NotAllowed as refused:
        return _not_now(referral_id, refused)
    db.session.commit()
    flash("The bed is held and the house has been asked. Ring it to have the answer at once.", "success")
    return redirect(_address(referral_id), 303)


def _found(referral_id: uuid.UUID) -> Referral:
    """A referral a place was looked for. Raises NotYours, NotFound."""
    found = referrals.seen_by(referral_id=referral_id, actor=me().actor())
    if found.outcode is None:
        raise NotFound
    return found


def _asked(found: Referral, form: Form, what: str) -> ResponseReturnValue:
    if request.method != "POST" and found.state not in LIVE_REFERRAL:
        flash("This request is closed already.", "notice")
        return redirect(_address(found.id), 303)
    waiting = found.state == ReferralState.SEARCHING
    if request.method != "POST" and what != "close" and not waiting:
        flash("They are not waiting for a bed any more.", "notice")
        return redirect(_address(found.id), 303)
    html = render_template(
        "coordinator/asked.html",
        referral=found,
        placement=_live_of(found),
        form=form,
        what=what,
        asked=[field for field in form if field.name != "csrf_token"],
        rows=needs.rows(found) if what == "place" else [],
        causes=referrals.explain(found),
        back=_address(found.id),
    )
    return html, 400 if form.errors else 200


def _not_now(referral_id: uuid.UUID, refused: lifecycle.NotAllowed) -> ResponseReturnValue:
    db.session.rollback()
    flash(f"{refused}. Nothing was changed.", "notice")
    return redirect(_address(referral_id), 303)


def _say_what_was_found(placement: Placement | None) -> None:
    if placement is None:
        flash(
            "Nothing fits yet. We match again at every change of a bed, and you can place them by hand.",
            "notice",
        )
    else:
        flash("A bed is held and its house has been asked.", "success")


def _address(referral_id: uuid.UUID) -> str:
    return url_for("coordinator.referral", referral_id=referral_id)


def _address_of(found: Placement) -> str:
    return _address(found.referral_id)
