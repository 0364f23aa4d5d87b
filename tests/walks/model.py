"""What a walk believes: placements, requests, beds, houses and the one operation, and how it learns what the service chose."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from safety import extensions, invariants, lifecycle, permissions, placements, referrals
from safety.extensions import db
from safety.lifecycle import Event
from safety.models import Alert, AlertKind, Placement, Referral
from safety.permissions import Actor
from safety.referrals import Happened
from tests import factories
from tests.factories import NOW

MINUTE = dt.timedelta(minutes=1)
LIVE = ("held", "confirmed", "arrived")
# A no about the room takes it out of service for a while.
NOT_NOW, NOT_NOW_FOR = ("full", "repair"), dt.timedelta(hours=12)
NUMBER = "OP26/114"
LET_DOWN = ("declined", "lapsed", "withdrawn", "cancelled")
REFUSED = (lifecycle.NotAllowed, permissions.NotYours, placements.Conflict)


@dataclass
class Stay:
    """The model of a placement."""

    id: uuid.UUID
    referral: uuid.UUID
    bed: uuid.UUID
    house: uuid.UUID
    state: str
    answer_by: dt.datetime
    arrive_by: dt.datetime
    set_off: bool = False
    times_late: int = 0
    before: str = ""
    ended: dt.datetime | None = None
    last: str = "hold"
    was_on_road: bool = False
    still_needed: bool | None = None
    for_good: bool = False  # a no that a new count does not take back
    left: dict[str, str] = field(default_factory=dict)  # what was said when they left
    planned: str | None = None
    onward: str | None = None
    decided: str | None = None

    @property
    def on_road(self) -> bool:
        return self.set_off or self.was_on_road

    @property
    def live(self) -> bool:
        return self.state in LIVE

    def overdue(self, now: dt.datetime) -> bool:
        if self.state == "held":
            return self.answer_by <= now
        return self.state == "confirmed" and not self.on_road and self.arrive_by <= now


@dataclass
class Want:
    """The model of a referral."""

    id: uuid.UUID
    officer: Actor
    token: uuid.UUID
    opened: dt.datetime
    state: str = "searching"
    paused: bool = False
    departed: bool = False
    in_operation: bool = False
    on_paper: bool = False


class Night(RuleBasedStateMachine):
    """Three houses, five rooms; officers, houses, a coordinator and the clock do what they like. Each walk empties the database."""

    def __init__(self) -> None:
        super().__init__()
        for table in reversed(db.metadata.sorted_tables):
            db.session.execute(table.delete())
        db.session.commit()
        db.session.remove()
        self.now = NOW
        numbers = itertools.count(1)
        # The same draws must make the same walk: ids decide ties between equal rooms.
        extensions.new_id = lambda: uuid.uuid5(uuid.NAMESPACE_OID, str(next(numbers)))
        self.officer = factories.officer()
        self.colleague = factories.officer(of=self.officer.force)
        self.duty = factories.coordinator()
        houses = [
            factories.house(rooms=1, outcode="LS1"),
            factories.house(rooms=2, outcode="LS6"),
            factories.house(rooms=2, outcode="LS29", accepts_unasked=True),
        ]
        db.session.commit()
        self.houses = {house.id: house for house in houses}
        self.beds = {bed.id: house.id for house in houses for bed in house.bedspaces}
        self.unasked = houses[2].id
        self.reported = dict.fromkeys(self.houses, NOW)
        self.spells: dict[uuid.UUID, tuple[dt.datetime, dt.datetime | None]] = {}
        # Houses that are marked as compromised; of which of them an alert stands, and whether somebody has taken it.
        self.marked: set[uuid.UUID] = set()
        self.alarms: dict[uuid.UUID, bool] = {}
        self.operation: uuid.UUID | None = None
        self.gathering: dt.datetime | None = None
        self.wish = "any"
        self.plan: dict[uuid.UUID, uuid.UUID] = {}
        self.stays: dict[uuid.UUID, Stay] = {}
        self.wants: dict[uuid.UUID, Want] = {}
        self.coordinator = self.duty.actor()
        self.swept = True

    # How the model sees the world.

    @property
    def out(self) -> set[uuid.UUID]:
        """The rooms out of service: a spell is over with its time, whoever noticed."""
        return {bed for bed, (_, until) in self.spells.items() if until is None or until > self.now}

    def on(self, bed: uuid.UUID) -> Stay | None:
        return next((stay for stay in self.stays.values() if stay.bed == bed and stay.live), None)

    def of(self, want: Want) -> Stay | None:
        return next((stay for stay in self.stays.values() if stay.referral == want.id and stay.live), None)

    def open_beds(self, want: Want) -> set[uuid.UUID]:
        found = set()
        for bed, house in self.beds.items():
            stay = self.on(bed)
            if bed in self.out or not self.welcome(want, house):
                continue
            if stay is None or stay.overdue(self.now):
                found.add(bed)
        return found

    def welcome(self, want: Want, house: uuid.UUID) -> bool:
        """Whether this house may be sent this person at all, whatever its rooms."""
        if house in self.marked or house in self.apart(want):
            return False
        return not self.asked(want, house)

    def apart(self, want: Want, *, without: Stay | None = None) -> set[uuid.UUID]:
        """The houses of others of the operation, when each is to be in another. without: a stay that is over for it."""
        if not want.in_operation or self.wish != "apart":
            return set()
        return {
            stay.house
            for stay in self.stays.values()
            if stay.live
            and stay is not without
            and stay.referral != want.id
            and self.wants[stay.referral].in_operation
        }

    def gathered(self, want: Want) -> bool:
        """Whether a coordinator finds beds for all of the operation, so that nobody of it is matched alone."""
        return want.in_operation and self.gathering is not None and self.now < self.gathering

    def asked(self, want: Want, house: uuid.UUID) -> bool:
        """Whether this house let them down and has not reported since, or said a no that stands."""
        return any(
            stay.for_good or self.reported[house] <= (stay.ended or self.now)
            for stay in self.stays.values()
            if stay.referral == want.id and stay.house == house and stay.state in LET_DOWN
        )

    def end(self, stay: Stay, state: str, *, falls: bool = True) -> None:
        stay.before, stay.state, stay.ended = stay.state, state, self.now
        want = self.wants[stay.referral]
        if falls:
            want.state = "searching"
            want.paused = state == "not_arrived"

    def lapse(self, stay: Stay) -> None:
        self.end(stay, "lapsed" if stay.state == "held" else "not_arrived")
        stay.last = "lapse"

    def learn(self) -> None:
        """Take over what the service chose, having checked that it was there to choose and that nobody was passed over.

        In one step several beds may come free one after another, so the choices are followed in whatever order they fit, and
        only then is it asked whether somebody still waits while a bed for them stands empty.
        """
        moved = True
        while moved:
            moved = False
            searching = [
                want for want in self.wants.values() if want.state == "searching" and not want.paused
            ]
            waiting = [want for want in searching if not self.gathered(want)]
            for want in waiting:
                row = self.newest(want)
                if row is not None and row.bedspace_id in self.open_beds(want):
                    self.give(want, row)
                    moved = True
        for want in waiting:
            assert self.newest(want) is None, "a bed was given that was not free for them"
            assert not self.open_beds(want), "somebody searches while a bed that fits stands empty"

    def give(self, want: Want, row: Placement, *, as_confirmed: bool = False) -> Stay:
        there = self.on(row.bedspace_id)
        if there is not None:
            self.lapse(there)
        stay = Stay(
            row.id, want.id, row.bedspace_id, row.premises_id, row.state, row.answer_by, row.arrive_by
        )
        earlier = [one for one in self.stays.values() if one.referral == want.id]
        stay.was_on_road = any(
            one.last == "transfer" or (one.on_road and one.state in LET_DOWN) for one in earlier
        )
        assert stay.was_on_road == row.was_on_road, "somebody on the road was forgotten, or made up"
        if stay.state == "confirmed":
            assert stay.house == self.unasked, "a house was confirmed that wants to be asked"
        self.stays[row.id] = stay
        want.state, want.paused = "placed", False
        return stay

    def newest(self, want: Want) -> Placement | None:
        rows = db.session.scalars(
            sa.select(Placement).where(
                Placement.referral_id == want.id, Placement.id.not_in(list(self.stays))
            )
        ).all()
        # A lapse and a new hold may follow one another in one step; the live one is what the person has now.
        assert len(rows) <= 1, "two new placements for one person in one step"
        return rows[0] if rows else None

    def do(self, stay: Stay, event: Event, actor: Actor, **facts: Any) -> referrals.Outcome | None:
        """The door: one write, committed when it succeeds and undone when it is refused."""
        try:
            outcome = referrals.record(
                placement_id=stay.id, event=event, actor=actor, facts=facts, now=self.now
            )
        except REFUSED:
            db.session.rollback()
            return None
        db.session.commit()
        return outcome

    def some(self, data: Any, *states: str) -> Stay | None:
        """A placement to act on: usually one in a fitting state, sometimes any at all."""
        every = list(self.stays.values())
        fitting = [stay for stay in every if stay.state in states]
        pool = fitting if fitting and data.draw(st.integers(0, 4)) else every
        return data.draw(st.sampled_from(pool)) if pool else None

    def step(
        self, stay: Stay, event: Event, actor: Actor, *, target: str | None, same: bool, **facts: Any
    ) -> bool:
        """Try an event; compare with what the model expects. target: the new state, None: must be refused."""
        outcome = self.do(stay, event, actor, **facts)
        if same:
            assert outcome is not None and outcome.kind is Happened.SAME, (
                f"{event} again was not a plain success"
            )
            return False
        if target is None:
            assert outcome is None, f"{event} was let through on {stay.state}"
            return False
        assert outcome is not None and outcome.kind is Happened.DONE, f"{event} was refused on {stay.state}"
        stay.last = str(event)
        return True

    def house(self, stay: Stay) -> Actor:
        return factories.house_actor(stay.house)

    def holder(self, stay: Stay) -> Actor:
        return self.wants[stay.referral].officer

    # What must be true after every step.

    @invariant()
    def the_database_agrees(self) -> None:
        db.session.expire_all()
        rows = {row.id: row for row in db.session.scalars(sa.select(Placement))}
        assert rows.keys() == self.stays.keys()
        for stay in self.stays.values():
            row = rows[stay.id]
            assert (row.state, row.bedspace_id) == (stay.state, stay.bed)
            assert (row.set_off_at is not None) == stay.set_off
            assert not (stay.last == "lapse" and stay.on_road and stay.before == "confirmed")
            assert (row.answer_by, row.arrive_by) == (stay.answer_by, stay.arrive_by)
            assert row.planned_onward == stay.planned
            assert (row.onward, row.nrm_decision) == (stay.onward, stay.decided)
        for referral in db.session.scalars(sa.select(Referral)):
            want = self.wants[referral.id]
            assert (referral.state, referral.paused_at is not None) == (want.state, want.paused)
            assert referral.holder_id == want.officer.user_id
            assert (referral.operation_id is not None) == want.in_operation
        alarms = self.alerts(AlertKind.HOUSE_COMPROMISED)
        assert {
            uuid.UUID(alert.subject.partition(":")[2]): bool(alert.claimed_by) for alert in alarms
        } == self.alarms
        found = invariants.breaches(now=self.now)
        if not self.swept:
            found = [line for line in found if "more than 60 s ago" not in line]
        # No jobs process sends in this walk, so texts wait.
        assert [line for line in found if "I4: text" not in line] == []

    def alerts(self, kind: AlertKind) -> list[Alert]:
        """Those that stand."""
        return list(db.session.scalars(sa.select(Alert).where(Alert.kind == kind, Alert.ended_at.is_(None))))

    def the_alerts_of_stays_stand_for_what_is(self) -> None:
        """Just after a sweep: a stay that ends, one that is over, and one that ends with nobody knowing where to."""
        day = dt.timedelta(hours=24)
        inside = [
            db.session.get_one(Placement, stay.id) for stay in self.stays.values() if stay.state == "arrived"
        ]
        ends = {row.referral_id for row in inside if self.now < row.stay_until <= self.now + day}
        over = {row.referral_id for row in inside if row.stay_until <= self.now}
        lost = {row.referral_id for row in inside if self.stays[row.id].planned is None} & (ends | over)
        for kind, meant in (
            (AlertKind.STAY_ENDING, ends),
            (AlertKind.STAY_OVER, over),
            (AlertKind.ONWARD_UNKNOWN, lost),
        ):
            assert {alert.referral_id for alert in self.alerts(kind)} == meant, kind

    def the_alerts_of_houses_follow(self) -> None:
        """A sweep ends the alert that was taken where nobody is, and raises it where somebody came in all the same."""
        for house in self.marked:
            peopled = any(stay.live and stay.house == house for stay in self.stays.values())
            if peopled:
                self.alarms.setdefault(house, False)
            elif self.alarms.get(house):
                del self.alarms[house]

    def teardown(self) -> None:
        db.session.rollback()
