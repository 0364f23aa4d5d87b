"""What each event of a placement asks of whoever records it, the coordinator's own questions included.

Each form offers what is possible at that moment (`prepare`) and hands the rooms codes and aware times (`facts`).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from safety import geography, lifecycle, matching, premises, workdays
from safety.extensions import db
from safety.matching import Cause, Room
from safety.models import Bedspace, Placement, Referral
from safety.referrals.consequences import NOT_NOW
from safety.referrals.handover import BORDER, HAND_OVER, OVERRIDE
from safety.referrals.seeking import person
from safety.web.forms import ClockTime, Form, OneOf, Pick, Tick
from safety.web.forms.moments import DAY, instant, moment, past_days

MOST_ROOMS, MOST_MISSES = 20, 8
SMALL = {"classes": "govuk-checkboxes--small"}
_NOT_HERE = {Cause.SIZE, Cause.COHORT, Cause.SHARING, Cause.FEATURES}


class StepForm(Form):
    """A form that records one event. Without anything to ask it is only a press."""

    def prepare(self, placement: Placement, now: dt.datetime) -> None:
        """Offer what is possible for this placement at `now`."""

    @staticmethod
    def beforehand(now: dt.datetime) -> dict[str, Any]:
        """What stands in the boxes when the page is opened."""
        return {}

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """What was answered, as the rooms take it; None when an answer was refused here (its field says why)."""
        return {}


class Press(StepForm):
    """Nothing is asked."""


class _Reason(StepForm):
    reason: OneOf

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """The coded reason."""
        return {"reason": self.reason.data}


class DeclineForm(_Reason):
    """Why a house cannot take somebody, and whether the room goes out of service when it is the room's fault."""

    reason = OneOf("Why not?", subject="Reason", choices=lifecycle.DECLINE, needed="Select the reason")
    room_out = Tick("If the room cannot be used: send nobody else to it", subject="The room", drawn=SMALL)

    @staticmethod
    def beforehand(now: dt.datetime) -> dict[str, Any]:
        """Most rooms that are taken or broken are so for the next person as well."""
        return {"room_out": True}

    def prepare(self, placement: Placement, now: dt.datetime) -> None:
        """Until when the room is out."""
        until = workdays.day_words(now + NOT_NOW, now)
        self.room_out.drawn = {
            **SMALL,
            "items": [{"hint": {"text": f"Until {until}, or until you bring it back"}}],
        }

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """The reason, and whether the room goes out with it."""
        return {"reason": self.reason.data, "room_out": self.room_out.data}


class WithdrawForm(_Reason):
    """Why a house takes its yes back."""

    reason = OneOf("Reason", choices=lifecycle.WITHDRAW_BY_HOUSE, needed="Select the reason")


class NotArrivedForm(_Reason):
    """Why nobody came. That nobody set off in time is for the clock to say."""

    reason = OneOf(
        "What happened?",
        choices={code: words for code, words in lifecycle.NOT_ARRIVED.items() if code != "never_set_off"},
        needed="Select what happened, or that you do not know",
    )


class CancelForm(_Reason):
    """The bed is not wanted: why, and whether another one is."""

    reason = OneOf(
        "Why is this bed not wanted?", choices=lifecycle.CANCEL, needed="Select why this bed is not wanted"
    )
    still_needed = OneOf(
        "Do they still need a place?",
        choices={"yes": "Yes, find another one", "no": "No, close the request"},
        needed="Select whether they still need a place",
    )

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """The reason, and whether to look further."""
        return {"reason": self.reason.data, "still_needed": self.still_needed.data == "yes"}


class SetOffForm(StepForm):
    """When they will be there."""

    eta = ClockTime(
        "When do they expect to arrive?",
        needed="Enter when they expect to arrive",
        subject="When they expect to arrive",
        hint="The next time the clock shows it, like 14:30",
    )

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """The arrival: the first moment from now on at which the clock shows the typed time."""
        assert self.eta.clock is not None
        today = workdays.uk(now).date()
        for day in (today, today + DAY):
            eta_at = instant(day, self.eta.clock, after=now - dt.timedelta(minutes=5))
            if eta_at is not None and eta_at >= now - dt.timedelta(minutes=5):
                return {"eta_at": max(eta_at, now)}
        self.refuse("eta", "The clocks go forward over that time tonight. Enter a time before or after it")
        return None


class ArrivedForm(StepForm):
    """When they came in, if that was not just now."""

    day = OneOf("Day", needed="Select the day they arrived")
    time = ClockTime(
        "Time",
        needed="Enter the time they arrived",
        subject="The time they arrived",
        hint="For example, 14:30",
    )

    @staticmethod
    def beforehand(now: dt.datetime) -> dict[str, Any]:
        """Today."""
        return {"day": f"{workdays.uk(now):%Y-%m-%d}"}

    def prepare(self, placement: Placement, now: dt.datetime) -> None:
        """Today and yesterday."""
        self.day.offer(past_days(now, back=1))

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """The time of arrival."""
        at = moment(self, now)
        return None if at is None else {"arrived_at": at}


_WHY_LEFT = {code: words for code, words in lifecycle.DEPART.items() if code != "transferred"}


class LeftForm(_Reason):
    """Why they left, just now. Where to is asked afterwards, when the bed is free already."""

    reason = OneOf("Why did they leave?", subject="Reason", choices=_WHY_LEFT, needed="Select why they left")


class LeftEarlierForm(StepForm):
    """When and why they left, if that was not just now."""

    day = OneOf("Day they left", needed="Select the day they left")
    time = ClockTime(
        "Time they left",
        needed="Enter the time they left",
        subject="The time they left",
        hint="For example, 14:30",
    )
    reason = OneOf("Why did they leave?", choices=_WHY_LEFT, needed="Select why they left")

    @staticmethod
    def beforehand(now: dt.datetime) -> dict[str, Any]:
        """Today; the time is theirs to say."""
        return {"day": f"{workdays.uk(now):%Y-%m-%d}"}

    def prepare(self, placement: Placement, now: dt.datetime) -> None:
        """Every day of the stay, the last two weeks of it at most."""
        stayed = (workdays.uk(now).date() - workdays.uk(placement.arrived_at or now).date()).days
        self.day.offer(past_days(now, back=min(max(stayed, 0), 14)))

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """Time and reason."""
        at = moment(self, now)
        return None if at is None else {"departed_at": at, "reason": self.reason.data}


class AfterwardsForm(Form):
    """Where somebody who has left went, and what they decided about the NRM. None of the answers is better than another."""

    onward = OneOf(
        "Where did they go?", choices=lifecycle.ONWARD, needed="Select where they went, or not known"
    )
    nrm_decision = OneOf(
        "What did they decide about the National Referral Mechanism (NRM)?",
        subject="The NRM decision",
        choices=lifecycle.NRM_DECISION,
        needed="Select what they decided, or not known",
        hint="Record what they said. It is their choice, no answer is better than another, and nobody is measured by it.",
    )


class MoveForm(StepForm):
    """Which other room of the same house."""

    bedspace_id = OneOf("Which room?", needed="Select a room that is still free")

    def prepare(self, placement: Placement, now: dt.datetime) -> None:
        """The free rooms of the house that suit them."""
        wanted = person(placement.referral, now)
        rooms = premises.rooms(now, leaving_out=placement.referral_id)
        of_house = [room for room in rooms if room.premises_id == placement.premises_id and room.free]
        suit = [room for room in of_house if not matching.against(wanted, room) & _NOT_HERE]
        suit.sort(key=lambda room: room.sleeps)
        names = _names(suit)
        self.bedspace_id.offer(
            {str(room.id): names[room.id][1] for room in suit if room.id != placement.bedspace_id}
        )

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """The room."""
        return {"bedspace_id": uuid.UUID(self.bedspace_id.data)}


class TransferForm(StepForm):
    """Which room of which other house, and why."""

    bedspace_id = OneOf("Which room?", needed="Select a room that is still free")
    reason = OneOf("Why do they move?", choices=lifecycle.TRANSFER, needed="Select why they move")

    def prepare(self, placement: Placement, now: dt.datetime) -> None:
        """Free rooms of other houses, those that fit first."""
        rooms = premises.rooms(now, leaving_out=placement.referral_id)
        others = [room for room in rooms if room.premises_id != placement.premises_id]
        offer_rooms(self.bedspace_id, placement.referral, others, now)

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """The room and the reason."""
        return {"bedspace_id": uuid.UUID(self.bedspace_id.data), "reason": self.reason.data}


class ExtendForm(StepForm):
    """Until when a stay goes on, and why."""

    until = OneOf("Until when can they stay?", needed="Select the day the stay ends")
    reason = OneOf("Why do they need longer?", choices=lifecycle.EXTEND, needed="Select why they need longer")

    def prepare(self, placement: Placement, now: dt.datetime) -> None:
        """The next days after the end that stands, and after today."""
        last = max(workdays.uk(placement.stay_until or now).date(), workdays.uk(now).date())
        days = [last + ahead * DAY for ahead in range(1, 11)]
        self.until.offer({f"{day:%Y-%m-%d}": f"{day:%A} {day.day} {day:%B}, 12:00" for day in days})

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """Noon of that day, and the reason."""
        day = dt.date.fromisoformat(str(self.until.data))
        return {"stay_until": workdays.local(day, workdays.STAY_ENDS), "reason": self.reason.data}


class LongerForm(StepForm):
    """How much longer a house may take to answer, and why."""

    minutes = OneOf(
        "How long from now?",
        choices={"10": "10 minutes", "20": "20 minutes", "30": "30 minutes", "60": "1 hour"},
        needed="Select how long they need",
    )
    reason = OneOf("Why do they need longer?", choices=lifecycle.LONGER, needed="Select why they need longer")

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """The new time to answer, and the reason."""
        return {
            "answer_by": now + dt.timedelta(minutes=int(self.minutes.data or 0)),
            "reason": self.reason.data,
        }


class PlanForm(StepForm):
    """Where somebody goes after their stay: a kind of place, never which."""

    onward = OneOf(
        "Where do they go next?",
        choices=lifecycle.PLANNED,
        needed="Select where they go next",
    )

    def facts(self, now: dt.datetime) -> dict[str, Any] | None:
        """The kind of place."""
        return {"onward": self.onward.data}


class MakeRoomForm(Form):
    """Which room that is out of service a house can make ready for somebody."""

    bedspace_id = OneOf("Which room can they have?", needed="Select the room that you can make ready")

    def offer(self, rooms: Iterable[Room]) -> None:
        """Offer these rooms; a single one is chosen already."""
        labels = {str(room): label for room, (_, label) in _names(rooms).items()}
        self.bedspace_id.offer(labels)
        if len(labels) == 1 and self.bedspace_id.data is None:
            self.bedspace_id.data = next(iter(labels))

    @property
    def room(self) -> uuid.UUID | None:
        """The room that was chosen, whether it is still offered or not."""
        try:
            return uuid.UUID(self.bedspace_id.data or "")
        except ValueError:
            return None


# What a coordinator asks about a referral as such.


class WithdrawReferralForm(Form):
    """Why no place is needed any more."""

    reason = OneOf(
        "Why is no place needed any more?",
        choices=lifecycle.CLOSE,
        needed="Select why no place is needed any more",
    )


class HandOverForm(Form):
    """To which other officer a request goes, and why."""

    officer = Pick("Who holds it from now on?", needed="Select the officer")
    reason = OneOf("Why?", choices=HAND_OVER, needed="Select why it changes hands")


class BorderForm(Form):
    """Why to look for a place in another nation."""

    reason = OneOf(
        "Why look across the border?", choices=BORDER, needed="Select why to look across the border"
    )


class PlaceForm(Form):
    """Which room, chosen by hand, and why it is right if it does not fit everything asked for."""

    bedspace_id = OneOf("Which room?", needed="Select a room that is still free")
    reason = Pick(
        "If the room does not fit everything asked for, why is it right all the same?",
        choices=OVERRIDE,
        nothing="It fits",
        hint="Leave this if the room fits.",
    )


def offer_rooms(field: OneOf, referral: Referral, rooms: Iterable[Room], now: dt.datetime) -> frozenset[str]:
    """Offer a coordinator the rooms to choose from; returns the ids of those that fit.

    Those that fit stand first, best first, then the nearest misses with what does not fit; of like rooms of a house one
    stands for all, and there are MOST_ROOMS and MOST_MISSES at most. Rooms in use, and houses that take nobody, are not offered.
    """
    wanted = person(referral, now)
    free = [room for room in rooms if room.free and room.open_to_all]
    best = [fit.room for fit in matching.match(wanted, free).fits]
    fitting = {room.id for room in best}
    misses = [(matching.against(wanted, room), room) for room in free if room.id not in fitting]
    misses.sort(
        key=lambda miss: (len(miss[0]), geography.miles(wanted.outcode, miss[1].outcode), miss[1].id.bytes)
    )
    names = _names(free)
    alike: dict[tuple[object, ...], tuple[Room, frozenset[Cause]]] = {}
    for broken, room in [*((frozenset[Cause](), room) for room in best), *misses]:
        kind = (room.premises_id, room.sleeps, room.self_contained, room.room_cohort, room.features, broken)
        alike.setdefault(kind, (room, broken))
    kinds = list(alike.values())
    shown = [kind for kind in kinds if not kind[1]][:MOST_ROOMS] + [kind for kind in kinds if kind[1]][
        :MOST_MISSES
    ]
    field.offer({str(room.id): ", ".join(names[room.id]) for room, _ in shown})
    field.drawn = field.drawn | {
        "items": [{"hint": {"text": _hint(wanted, room, broken)}} for room, broken in shown]
    }
    # A room that was one of several alike a minute ago may still be chosen.
    field.offered |= {str(room.id) for room in free}
    return frozenset(str(room) for room in fitting)


def _hint(wanted: matching.Person, room: Room, broken: frozenset[Cause]) -> str:
    away = f"{geography.miles(wanted.outcode, room.outcode):.0f} miles away. "
    against = "; ".join(matching.CAUSE_WORDS[cause] for cause in Cause if cause in broken)
    return away + (f"Not met: {against}." if broken else "Fits.")


def _names(rooms: Iterable[Room]) -> Mapping[uuid.UUID, tuple[str, str]]:
    """Room -> its house's name, and its own with how many it sleeps. For houses and coordinators only."""
    found = db.session.scalars(
        sa.select(Bedspace)
        .where(Bedspace.id.in_([room.id for room in rooms]))
        .options(selectinload(Bedspace.premises), selectinload(Bedspace.group))
        .order_by(Bedspace.name)
    )
    return {
        room.id: (room.premises.name, f"{room.name} ({room.group.name.lower()}, sleeps {room.sleeps})")
        for room in found
    }
