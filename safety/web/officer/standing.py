"""Where a referral stands, in words for the officer's side: one sentence, what happens next and by when.

The rule kept: until somebody has set off nothing here says more of a house than its merged region, a distance band and whom
it is for; the address is never here at all.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from safety import duty, geography, houses, lifecycle, premises, referrals, workdays
from safety.lifecycle import LIVE, LIVE_REFERRAL, Event, Role, State
from safety.models import AlertKind, Placement, Referral
from safety.models.premises import WHO_FOR
from safety.permissions import CLOCK, Actor
from safety.referrals.consequences import far_ahead, subject
from safety.referrals.handover import may_open_address
from safety.referrals.operations import is_gathering


class Stage(StrEnum):
    """What the page is about."""

    SEARCHING = "searching"
    FAR_AHEAD = "far_ahead"
    GATHERING = "gathering"
    PAUSED = "paused"
    NO_BED = "no_bed"  # they are at a door and no bed is theirs
    HELD = "held"
    HELD_OVERDUE = "held_overdue"
    CONFIRMED = "confirmed"
    CONFIRMED_OVERDUE = "confirmed_overdue"
    ON_ROAD = "on_road"
    ON_ROAD_OVERDUE = "on_road_overdue"
    ARRIVED = "arrived"
    CLOSED = "closed"


# What stands on the tag, and the colour GOV.UK gives it.
_TAGS = {
    Stage.SEARCHING: ("Looking for a bed", "yellow"),
    Stage.FAR_AHEAD: ("With a coordinator", "yellow"),
    Stage.GATHERING: ("With a coordinator", "yellow"),
    Stage.PAUSED: ("No bed held", "red"),
    Stage.NO_BED: ("No bed", "red"),
    Stage.HELD: ("Bed held", "blue"),
    Stage.HELD_OVERDUE: ("No answer yet", "yellow"),
    Stage.CONFIRMED: ("Confirmed", "green"),
    Stage.CONFIRMED_OVERDUE: ("Running out", "red"),
    Stage.ON_ROAD: ("On the way", "green"),
    Stage.ON_ROAD_OVERDUE: ("Overdue", "red"),
    Stage.ARRIVED: ("Arrived", "green"),
    Stage.CLOSED: ("Closed", "grey"),
}


@dataclass(frozen=True)
class Standing:
    """One referral at one moment, ready to be shown.

    by: until when, if there is a time to watch. warned: a house took its yes back and nobody is safely elsewhere yet.
    region, band, who_for: of the bed held, "" when there is none. may: events this person may record now.
    """

    stage: Stage
    sentence: str
    following: str
    by: dt.datetime | None
    live: Placement | None
    last: Placement | None  # the latest that has ended
    warned: bool
    let_down: int
    region: str
    band: str
    who_for: str
    may: tuple[Event, ...]
    may_see_address: bool
    held_back: bool  # the house may not be safe: nobody goes there until a coordinator has said so
    saw_old_address: bool  # the house has changed it since it was opened for this journey
    may_undo: bool
    may_withdraw: bool

    @property
    def tag(self) -> str:
        """The words of the tag."""
        return _TAGS[self.stage][0]

    @property
    def colour(self) -> str:
        """The colour of the tag."""
        return _TAGS[self.stage][1]


def of(referral: Referral, actor: Actor, now: dt.datetime, *, correct_within_min: int) -> Standing:
    """Where `referral` stands at `now`, for `actor`, who may see it. Deadlines count even when nobody has swept yet."""
    live = next((placement for placement in referral.placements if placement.state in LIVE), None)
    ended = [placement for placement in referral.placements if placement.state not in LIVE]
    last = max(ended, key=lambda placement: placement.ended_at, default=None)
    is_live = referral.state in LIVE_REFERRAL
    stage = _stage(referral, live, is_live=is_live, now=now)
    sentence, following, by = _words(stage, referral, live, last, now)
    settled = live is not None and (live.set_off_at is not None or live.state == State.ARRIVED)
    shown = live is not None and stage is not Stage.HELD_OVERDUE
    return Standing(
        stage=stage,
        sentence=sentence,
        following=following,
        by=by,
        live=live,
        last=last,
        warned=is_live and last is not None and last.state == State.WITHDRAWN and not settled,
        let_down=sum(
            placement.state in (State.DECLINED, State.LAPSED, State.WITHDRAWN) for placement in ended
        ),
        region=premises.merged_regions().get(live.premises.region, "") if live and shown else "",
        band=geography.band(live.distance_miles) if live and shown else "",
        who_for=_who_for(live) if live and shown else "",
        may=_may(live, actor),
        may_see_address=may_open_address(live, actor, now),
        held_back=live is not None
        and live.state == State.CONFIRMED
        and live.premises.compromised_at is not None,
        saw_old_address=live is not None and houses.saw_old_address(live),
        may_undo=_may_undo(live, last, actor, now, dt.timedelta(minutes=correct_within_min)),
        may_withdraw=is_live and stage is not Stage.ARRIVED,
    )


def _stage(referral: Referral, live: Placement | None, *, is_live: bool, now: dt.datetime) -> Stage:
    if not is_live:
        return Stage.CLOSED
    if live is None:
        if duty.standing(kind=AlertKind.NO_BED_ON_ARRIVAL, subject=subject(referral)) is not None:
            return Stage.NO_BED
        if referral.paused_at is not None:
            return Stage.PAUSED
        if is_gathering(referral.operation, now):
            return Stage.GATHERING
        return Stage.FAR_AHEAD if far_ahead(referral, now) else Stage.SEARCHING
    if live.state == State.ARRIVED:
        return Stage.ARRIVED
    if live.state == State.HELD:
        return Stage.HELD if now < live.answer_by else Stage.HELD_OVERDUE
    if live.set_off_at is not None:
        return Stage.ON_ROAD if now < live.arrive_by else Stage.ON_ROAD_OVERDUE
    return Stage.CONFIRMED if now < live.arrive_by else Stage.CONFIRMED_OVERDUE


def _words(
    stage: Stage, referral: Referral, live: Placement | None, last: Placement | None, now: dt.datetime
) -> tuple[str, str, dt.datetime | None]:
    if live is not None and stage is not Stage.CLOSED:
        return _words_of_bed(stage, live, now)
    until = referrals.asked_until(referral, now) if stage is Stage.SEARCHING else None
    if until is not None:
        return (
            "We are looking for a bed. None is free that fits.",
            "We are asking every house that could make room for them. They have until "
            f"{workdays.clock_words(until)} to answer, and we text you as soon as one says yes. A coordinator has been alerted. "
            "Keep them safe where they are.",
            None,
        )
    if stage is Stage.SEARCHING:
        return (
            "We are looking for a bed. None fits yet.",
            "A coordinator has been alerted. We look again by ourselves every time a bed comes free, and text you when one is "
            "held. Keep them safe where they are.",
            None,
        )
    if stage is Stage.FAR_AHEAD:
        return (
            f"No bed is held yet, because you said you would be there {workdays.day_words(referral.eta_at or now, now)}.",
            "That is many hours from now, so a coordinator decides when to hold one, and we text you then. "
            "If you meant sooner, ring the duty line now and say the reference.",
            None,
        )
    if stage is Stage.GATHERING and referral.operation and referral.operation.gathering_until:
        return (
            "A coordinator is finding beds for everybody of your operation at once.",
            "We text you as soon as one is held. If none is held by "
            f"{workdays.clock_words(referral.operation.gathering_until)}, we look for a bed for this person on their own.",
            None,
        )
    if stage is Stage.PAUSED:
        released = last is not None and last.reason == "never_set_off"
        return (
            "Nobody set off in time, so the bed was given back."
            if released
            else "They did not arrive, so no bed is held.",
            "Nothing is held until somebody knows where they are. If they still need a place, ring the duty line: a "
            "coordinator starts the search again.",
            None,
        )
    if stage is Stage.NO_BED:
        return (
            "The bed they came for is no longer free.",
            "Keep them safe where they are. A coordinator is ringing you now.",
            None,
        )
    return f"This request is closed. {_closing(referral)}", "Nothing else is needed from you.", None


def _closing(referral: Referral) -> str:
    if referral.closed_reason == "departed":
        return "They have left the house, and where they went is recorded there."
    words = lifecycle.CLOSE.get(referral.closed_reason or "", "")
    return f"{words}." if words else ""


def _words_of_bed(stage: Stage, live: Placement, now: dt.datetime) -> tuple[str, str, dt.datetime | None]:
    if stage is Stage.HELD:
        return (
            "A bed is held for them. The house has not said yes yet.",
            "Do not set off yet. The house has until then to answer. If it says no, or nothing, we hold the next best bed at once.",
            live.answer_by,
        )
    if stage is Stage.HELD_OVERDUE:
        return (
            "The house did not answer in time.",
            "Do not set off yet. We are trying the next best bed now.",
            None,
        )
    if stage is Stage.CONFIRMED:
        unasked = live.confirmed_by == CLOCK.by
        return (
            f"{'The house takes people without being asked' if unasked else 'The house said yes'}. The bed is theirs.",
            "When you leave, press We are on our way. You then see where to go. If nobody sets off by then, the bed is given back.",
            live.arrive_by,
        )
    if stage is Stage.CONFIRMED_OVERDUE:
        return (
            "Nobody set off in time. The bed is being given back.",
            "If you are on your way, press We are on our way now, or ring the duty line.",
            None,
        )
    if stage is Stage.ON_ROAD:
        return (
            "You are on your way. The house is expecting you.",
            "The bed stays held until somebody says what happened. Running late? Say so below, and the house is told.",
            live.eta_at,
        )
    if stage is Stage.ON_ROAD_OVERDUE:
        return (
            f"You were expected by {workdays.clock_words(live.arrive_by)}.",
            "The bed stays held. A coordinator is looking for you: ring the duty line, or say below what happened.",
            None,
        )
    return (
        "They have arrived.",
        f"Their place is theirs until {workdays.day_words(live.stay_until, now) if live.stay_until else 'the stay ends'}. "
        "The house records when they leave. Nothing else is needed from you.",
        None,
    )


def _who_for(live: Placement) -> str:
    room, house = live.bedspace.cohort, live.premises.cohort
    words = WHO_FOR[house if room == "either" else room]
    # A flat for anybody may be what somebody is given who asked for women only: then it has to be said why that is right.
    return (
        f"{words}, in a flat of their own where nothing is shared" if live.bedspace.self_contained else words
    )


def _may(live: Placement | None, actor: Actor) -> tuple[Event, ...]:
    if live is None:
        return ()
    events = lifecycle.possible(State(live.state), actor.role, set_off=live.set_off_at is not None)
    gone = set()
    if live.set_off_at is not None:
        gone.add(Event.SET_OFF)  # from here on the arrival moves by LATE, twice at most
    if live.premises.compromised_at is not None and actor.role is not Role.COORDINATOR:
        gone.add(Event.SET_OFF)
    if live.times_late >= 2 and actor.role is not Role.COORDINATOR:
        gone.add(Event.LATE)
    return tuple(event for event in events if event not in gone)


def _may_undo(
    live: Placement | None, last: Placement | None, actor: Actor, now: dt.datetime, within: dt.timedelta
) -> bool:
    if (
        live is not None
        or last is None
        or last.ended_at is None
        or last.state not in (State.CANCELLED, State.NOT_ARRIVED)
    ):
        return False
    allowed = Event.CORRECT in lifecycle.possible(
        State(last.state), actor.role, set_off=last.set_off_at is not None
    )
    return allowed and now <= last.ended_at + within


def left_words(moment: dt.datetime, now: dt.datetime) -> str:
    """How long until `moment`: "in 12 minutes", "in 2 hours 5 minutes"; "now" once it has come."""
    minutes = -(-int((moment - now).total_seconds()) // 60)
    if minutes <= 0:
        return "now"
    hours, rest = divmod(minutes, 60)
    parts = [
        f"{many} {name}{'s' if many > 1 else ''}"
        for many, name in ((hours, "hour"), (rest, "minute"))
        if many
    ]
    return "in " + " ".join(parts)
