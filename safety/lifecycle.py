"""What can happen to a referral and a placement, to whom and when: the table everything else obeys.

Buttons, posts, texts, the clock, the diagram in docs/states.md and the invariants all read TRANSITIONS; nothing else decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from safety import messages


class Role(StrEnum):
    """Who a person is to the service. CLOCK is the service itself."""

    OFFICER = "officer"
    LEAD = "lead"
    PROVIDER = "provider"
    COORDINATOR = "coordinator"
    OVERSIGHT = "oversight"
    CLOCK = "clock"


class ReferralState(StrEnum):
    """Where an officer's request stands."""

    SEARCHING = "searching"
    PLACED = "placed"
    DIVERTED = "diverted"
    DECLINED_BY_PERSON = "declined_by_person"
    CLOSED = "closed"


class State(StrEnum):
    """Where a placement stands."""

    HELD = "held"
    CONFIRMED = "confirmed"
    ARRIVED = "arrived"
    DECLINED = "declined"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    NOT_ARRIVED = "not_arrived"
    DEPARTED = "departed"


LIVE = (State.HELD, State.CONFIRMED, State.ARRIVED)
FINAL = tuple(state for state in State if state not in LIVE)
LIVE_REFERRAL = (ReferralState.SEARCHING, ReferralState.PLACED)
# Endings after which the house's side let the person down, so the next best bed is held at once.
LET_DOWN = (State.DECLINED, State.LAPSED, State.WITHDRAWN, State.CANCELLED)


class AskAnswer(StrEnum):
    """What became of an ask: one house asked, with all that could, whether it can make room. None of these: it is open."""

    YES = "yes"
    NO = "no"
    SETTLED = "settled"  # they have a place, or need none, and this house did not say so
    LAPSED = "lapsed"


class Event(StrEnum):
    """What can happen to a placement."""

    HOLD = "hold"
    CONFIRM = "confirm"
    DECLINE = "decline"
    LAPSE = "lapse"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    SET_OFF = "set_off"
    LATE = "late"
    ARRIVE = "arrive"
    RELEASE = "release"
    NOT_ARRIVED = "not_arrived"
    MOVE = "move"
    TRANSFER = "transfer"
    EXTEND = "extend"
    LONGER = "longer"  # to answer
    PLAN = "plan"  # where they go next
    DEPART = "depart"
    CORRECT = "correct"


class When(StrEnum):
    """A condition of a row beyond the state."""

    ALWAYS = "always"
    NEVER_SET_OFF = "nobody set off"
    SET_OFF = "somebody set off"


class Recipient(StrEnum):
    """Who is told."""

    OFFICER = "officer"  # whoever holds the referral at that moment
    HOUSE = "house"  # the on-call phone of the premises at that moment
    LEAD = "lead"  # of the holder's force


class Worth(StrEnum):
    """Until when a text is worth sending."""

    ANSWER_BY = "until the answer is due"
    ARRIVE_BY = "until the arrival is due"
    HOURS_2 = "two hours"
    HOURS_12 = "twelve hours"


@dataclass(frozen=True)
class Tell:
    """One text that follows from an event, and the call beside it."""

    to: Recipient
    wording: messages.Wording
    worth: Worth
    critical: bool = False
    by_voice: messages.Wording | None = None  # what a call says at the same moment; None: no call


@dataclass(frozen=True)
class Transition:
    """One row of the table: in `state` (None: before the placement exists), `event` by one of `who` leads to `target`."""

    state: State | None
    event: Event
    target: State
    who: frozenset[Role]
    tells: tuple[Tell, ...] = ()
    when: When = When.ALWAYS
    needs: tuple[str, ...] = ()  # facts that must be given


_OFFICER = frozenset({Role.OFFICER, Role.LEAD, Role.COORDINATOR})
_HOUSE = frozenset({Role.PROVIDER, Role.COORDINATOR})
_EITHER = _OFFICER | _HOUSE
_COORDINATOR = frozenset({Role.COORDINATOR})
_CLOCK = frozenset({Role.CLOCK})

_to_officer = Recipient.OFFICER
_to_house = Recipient.HOUSE
_to_lead = Recipient.LEAD


def _correct(state: State, target: State, who: frozenset[Role]) -> Transition:
    tells = (
        Tell(_to_officer, messages.corrected, Worth.HOURS_2),
        Tell(_to_house, messages.corrected, Worth.HOURS_2),
    )
    return Transition(state, Event.CORRECT, target, who, tells)


TRANSITIONS: tuple[Transition, ...] = (
    Transition(
        None,
        Event.HOLD,
        State.HELD,
        _OFFICER | _CLOCK,
        (
            Tell(_to_house, messages.asked, Worth.ANSWER_BY, critical=True),
            Tell(_to_officer, messages.held, Worth.ANSWER_BY),
        ),
    ),
    Transition(
        State.HELD,
        Event.CONFIRM,
        State.CONFIRMED,
        _HOUSE | _CLOCK,  # the clock: a house that accepts without asking
        (Tell(_to_officer, messages.confirmed, Worth.ARRIVE_BY, critical=True),),
    ),
    Transition(
        State.HELD,
        Event.LONGER,
        State.HELD,
        _COORDINATOR,
        (
            Tell(_to_house, messages.longer_to_answer, Worth.ANSWER_BY, critical=True),
            Tell(_to_officer, messages.longer_for_officer, Worth.ANSWER_BY),
        ),
        needs=("answer_by", "reason"),
    ),
    Transition(
        State.HELD,
        Event.DECLINE,
        State.DECLINED,
        _HOUSE,
        (Tell(_to_officer, messages.declined, Worth.HOURS_2),),
        needs=("reason",),
    ),
    Transition(
        State.HELD,
        Event.LAPSE,
        State.LAPSED,
        _CLOCK,
        (
            Tell(_to_house, messages.lapsed, Worth.HOURS_2),
            Tell(_to_officer, messages.lapsed_for_officer, Worth.HOURS_2),
        ),
    ),
    Transition(
        State.CONFIRMED,
        Event.WITHDRAW,
        State.WITHDRAWN,
        _HOUSE,
        # Somebody may be driving there, who does not read texts at the wheel.
        (
            Tell(
                _to_officer,
                messages.withdrawn,
                Worth.HOURS_12,
                critical=True,
                by_voice=messages.call_do_not_go,
            ),
        ),
        needs=("reason",),
    ),
    *(
        Transition(
            state,
            Event.CANCEL,
            State.CANCELLED,
            _OFFICER,
            (Tell(_to_house, messages.cancelled, Worth.HOURS_12, critical=True),),
            needs=("reason",),
        )
        for state in (State.HELD, State.CONFIRMED)
    ),
    Transition(
        State.CONFIRMED,
        Event.SET_OFF,
        State.CONFIRMED,
        _OFFICER,
        (Tell(_to_house, messages.on_the_way, Worth.ARRIVE_BY, critical=True),),
        needs=("eta_at",),
    ),
    Transition(
        State.CONFIRMED,
        Event.LATE,
        State.CONFIRMED,
        _OFFICER,
        (Tell(_to_house, messages.running_late, Worth.ARRIVE_BY),),
    ),
    Transition(
        State.CONFIRMED,
        Event.ARRIVE,
        State.ARRIVED,
        _EITHER,
        (
            Tell(_to_officer, messages.arrived_for_officer, Worth.HOURS_12),
            Tell(_to_house, messages.arrived_for_house, Worth.HOURS_12),
        ),
    ),
    Transition(
        State.CONFIRMED,
        Event.RELEASE,
        State.NOT_ARRIVED,
        _CLOCK,
        (
            Tell(_to_officer, messages.released, Worth.HOURS_12, critical=True),
            Tell(_to_house, messages.released, Worth.HOURS_12),
        ),
        when=When.NEVER_SET_OFF,
    ),
    Transition(
        State.CONFIRMED,
        Event.NOT_ARRIVED,
        State.NOT_ARRIVED,
        _EITHER,
        (
            Tell(_to_officer, messages.not_arrived, Worth.HOURS_12, critical=True),
            Tell(_to_house, messages.not_arrived, Worth.HOURS_12),
        ),
        when=When.SET_OFF,
        needs=("reason",),
    ),
    *(Transition(state, Event.MOVE, state, _HOUSE, needs=("bedspace_id",)) for state in LIVE),
    Transition(
        State.ARRIVED,
        Event.TRANSFER,
        State.DEPARTED,
        _COORDINATOR,
        (
            Tell(_to_house, messages.transferred, Worth.HOURS_12),
            Tell(_to_lead, messages.transferred, Worth.HOURS_12),
        ),
        needs=("bedspace_id", "reason"),
    ),
    Transition(
        State.ARRIVED,
        Event.EXTEND,
        State.ARRIVED,
        _COORDINATOR,
        (
            Tell(_to_house, messages.extended, Worth.HOURS_12),
            Tell(_to_lead, messages.extended, Worth.HOURS_12),
        ),
        needs=("stay_until", "reason"),
    ),
    Transition(State.ARRIVED, Event.PLAN, State.ARRIVED, _HOUSE, needs=("onward",)),
    Transition(
        State.ARRIVED,
        Event.DEPART,
        State.DEPARTED,
        _HOUSE,
        (Tell(_to_lead, messages.departed, Worth.HOURS_12),),
        # Where they went and what they decided may be said afterwards: the bed must not stay taken until somebody knows.
        needs=("reason",),
    ),
    _correct(State.DECLINED, State.HELD, _HOUSE),
    _correct(State.WITHDRAWN, State.CONFIRMED, _HOUSE),
    _correct(State.CANCELLED, State.HELD, _OFFICER),
    _correct(State.CANCELLED, State.CONFIRMED, _OFFICER),
    _correct(State.NOT_ARRIVED, State.CONFIRMED, _EITHER),
    _correct(State.DEPARTED, State.ARRIVED, _HOUSE),
    _correct(State.LAPSED, State.HELD, _COORDINATOR),
)

REFERRAL_TRANSITIONS: tuple[tuple[ReferralState | None, str, ReferralState], ...] = (
    (None, "open, a bed is held", ReferralState.PLACED),
    (None, "open, nothing fits", ReferralState.SEARCHING),
    (None, "not an adult, or not sure", ReferralState.DIVERTED),
    (None, "does not agree to come", ReferralState.DECLINED_BY_PERSON),
    (ReferralState.SEARCHING, "a bed is held", ReferralState.PLACED),
    (ReferralState.PLACED, "its placement ends and nobody is inside", ReferralState.SEARCHING),
    (ReferralState.SEARCHING, "withdraw", ReferralState.CLOSED),
    (ReferralState.PLACED, "withdraw", ReferralState.CLOSED),
    (ReferralState.PLACED, "its placement departs", ReferralState.CLOSED),
    (ReferralState.CLOSED, "a departure or withdrawal is corrected", ReferralState.PLACED),
)

# Coded reasons: the code is stored, the words are shown, the letter is what a text may carry.
# The lists follow the words live UK services use (CAS3 rejection, cancellation, departure and move-on reasons).
DECLINE: Mapping[str, str] = {
    "full": "The room is taken after all",
    "staff": "Not enough staff tonight",
    "repair": "The room is not fit for use",
    "needs": "We cannot meet these needs",
    "risk": "We cannot manage this risk here",
    "others": "Not right for the people already here",
    "hours": "We cannot admit at that time",
    "other": "Something else",
}
# A no that is about the room and not the person: the room is better not offered to the next person either.
NOT_NOW = ("full", "repair")
DECLINE_LETTERS: Mapping[str, str] = dict(zip("ABCDEFGH", DECLINE, strict=True))
WITHDRAW_BY_HOUSE: Mapping[str, str] = {
    "staff": "Not enough staff",
    "repair": "The room is no longer fit for use",
    "incident": "Something happened at the house",
    "risk": "We cannot manage this risk here",
    "mistake": "We said yes by mistake",
    "other": "Something else",
}
HOUSE_CLOSED: Mapping[str, str] = {
    "staff": "Not enough staff",
    "incident": "Something happened at the house",
    "repair": "Repair or works",
    "illness": "Illness in the house",
    "planned": "Closed as planned",
    "other": "Something else",
}
COMPROMISED: Mapping[str, str] = {
    "exploiter": "Somebody they were taken away from knows where it is",
    "watched": "Somebody was followed there, or it is being watched",
    "passed_on": "Its address was passed on or published",
    "lost": "A telephone, paper or account that shows it was lost or misused",
    "threat": "Somebody threatened the house or a person in it",
    "other": "Something else",
}
SAFE_AGAIN: Mapping[str, str] = {
    "moved": "The house has moved, and typed its new address",
    "checked": "It was looked into, and the house is safe where it is",
    "mistake": "It was marked by mistake",
}
CANCEL: Mapping[str, str] = {
    "plans": "Plans changed",
    "unsuitable": "The place does not suit the person",
    "too_far": "It is too far",
    "mistake": "Asked for by mistake",
    "other": "Something else",
}
CLOSE: Mapping[str, str] = {
    "changed_mind": "The person no longer wants a place",
    "elsewhere": "They have somewhere safe to go",
    "hospital": "They need hospital",
    "arrested": "They were arrested",
    "left": "They left, and we do not know where they are",
    "duplicate": "The same person was asked for twice",
    "mistake": "Asked for by mistake",
    "no_bed_in_time": "No bed was found in time",
    "other": "Something else",
}
NOT_ARRIVED: Mapping[str, str] = {
    "left_on_the_way": "They left on the way",
    "changed_mind": "They changed their mind",
    "hospital": "They went to hospital",
    "arrested": "They were arrested",
    "elsewhere": "They were taken somewhere else safe",
    "unknown": "We do not know",
    "never_set_off": "Nobody set off in time",
}
DEPART: Mapping[str, str] = {
    "planned": "The stay came to its end",
    "own_choice": "They chose to leave",
    "hospital": "They went to hospital",
    "arrested": "They were arrested",
    "asked_to_leave": "We asked them to leave",
    "missing": "They are missing",
    "transferred": "They moved to another house of this scheme",
    "other": "Something else",
}
ONWARD: Mapping[str, str] = {
    "msvcc": "Safe house under the victim care contract",
    "local_authority": "Housing from the local authority",
    "charity": "Another charity or refuge",
    "friends_family": "Friends or family, safe as far as known",
    "hospital": "Hospital",
    "asylum": "Asylum accommodation",
    "other_house": "Another house of this scheme",
    "own": "Their own safe address",
    "street": "No fixed address",
    "not_known": "Not known",
}
NRM_DECISION: Mapping[str, str] = {
    "consented": "Agreed to a referral to the NRM",
    "declined": "Declined a referral to the NRM",
    "deciding": "Still deciding",
    "left_before": "Left before deciding",
    "not_known": "Not known",
}
PLANNED: Mapping[str, str] = {
    code: words for code, words in ONWARD.items() if code not in ("street", "not_known")
}
LONGER: Mapping[str, str] = {
    "on_the_telephone": "We are on the telephone with them",
    "asking_staff": "They are asking their own staff",
    "making_ready": "The room is being made ready",
    "other": "Something else",
}
EXTEND: Mapping[str, str] = {
    "waiting_onward": "The onward place is not ready",
    "unwell": "They are not well enough to move",
    "deciding": "They need more time to decide",
    "other": "Something else",
}
TRANSFER: Mapping[str, str] = {
    "safety": "They are not safe where they are",
    "needs": "The other house meets their needs",
    "house_closing": "The house can no longer keep them",
    "other": "Something else",
}
TAKE_OVER: Mapping[str, str] = {
    "shift": "Shift handover",
    "on_scene": "I am the one with the person",
    "unreachable": "The holder cannot be reached",
    "other": "Something else",
}
REASONS: Mapping[Event, Mapping[str, str]] = {
    Event.DECLINE: DECLINE,
    Event.WITHDRAW: WITHDRAW_BY_HOUSE,
    Event.CANCEL: CANCEL,
    Event.NOT_ARRIVED: NOT_ARRIVED,
    Event.DEPART: DEPART,
    Event.EXTEND: EXTEND,
    Event.LONGER: LONGER,
    Event.TRANSFER: TRANSFER,
}

STATE_WORDS: Mapping[State, str] = {
    State.HELD: "held, waiting for the house",
    State.CONFIRMED: "confirmed",
    State.ARRIVED: "arrived",
    State.DECLINED: "declined by the house",
    State.LAPSED: "not answered in time",
    State.WITHDRAWN: "withdrawn by the house",
    State.CANCELLED: "no longer needed",
    State.NOT_ARRIVED: "not arrived",
    State.DEPARTED: "departed",
}
ASK_WORDS: Mapping[AskAnswer, str] = {
    AskAnswer.YES: "said yes",
    AskAnswer.NO: "said no",
    AskAnswer.SETTLED: "settled before it answered",
    AskAnswer.LAPSED: "not answered in time",
}


class NotAllowed(Exception):
    """The table has no such row for this person. The message can be shown to them."""


def transition(state: State | None, event: Event, role: Role, *, set_off: bool = False) -> Transition:
    """The row for `event` in `state` by `role`.

    set_off: whether somebody has set off on this placement. Raises NotAllowed, worded for the person, when there is none.
    For CORRECT, use `correction`, which also needs the state to go back to.
    """
    rows = [row for row in TRANSITIONS if row.state == state and row.event == event]
    if not rows:
        raise NotAllowed(_cannot(state))
    for row in rows:
        if role in row.who and row.when in (When.ALWAYS, When.SET_OFF if set_off else When.NEVER_SET_OFF):
            return row
    if any(role in row.who for row in rows):
        raise NotAllowed(
            "Nobody has set off yet"
            if not set_off
            else "They are on their way, so only a person can say they did not arrive"
        )
    raise NotAllowed("This is not for you to record. Ring the duty line if it needs doing")


def correction(state: State, target: State, role: Role) -> Transition:
    """The row that takes a final `state` back to `target`. Raises NotAllowed when there is none for this role."""
    rows = [
        row for row in TRANSITIONS if (row.state, row.event, row.target) == (state, Event.CORRECT, target)
    ]
    if not rows:
        raise NotAllowed(_cannot(state))
    if role not in rows[0].who:
        raise NotAllowed("This is not for you to put right. Ring the duty line if it needs doing")
    return rows[0]


def possible(state: State, role: Role, *, set_off: bool) -> tuple[Event, ...]:
    """What `role` may do in `state`, in the table's order: the buttons of a page are drawn from this."""
    fits = (When.ALWAYS, When.SET_OFF if set_off else When.NEVER_SET_OFF)
    found = [row.event for row in TRANSITIONS if row.state == state and role in row.who and row.when in fits]
    return tuple(dict.fromkeys(found))


def _cannot(state: State | None) -> str:
    return (
        "There is no placement yet"
        if state is None
        else f"This placement is recorded as {STATE_WORDS[state]}"
    )
