"""Random walks: every event of the lifecycle in any order against a small model; the database must agree after each step.

The model knows nothing of the table in lifecycle.py: it says in its own words what may follow what, so that a wrong row is
seen. Proves I1, I5 and I6 of docs/proof.md (and the rest of the invariants with them).
"""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from safety import beds, bedspaces, extensions, invariants, lifecycle, permissions, placements, referrals
from safety.extensions import db
from safety.lifecycle import Event
from safety.models import Ask, Placement, Referral
from safety.permissions import Actor
from safety.referrals import Happened
from tests import factories
from tests.factories import NOW

MINUTE = dt.timedelta(minutes=1)
LIVE = ("held", "confirmed", "arrived")
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


class Walk(RuleBasedStateMachine):
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
        self.out: set[uuid.UUID] = set()
        self.stays: dict[uuid.UUID, Stay] = {}
        self.wants: dict[uuid.UUID, Want] = {}
        self.coordinator = factories.coordinator_actor()
        self.swept = True

    # How the model sees the world.

    def on(self, bed: uuid.UUID) -> Stay | None:
        return next((stay for stay in self.stays.values() if stay.bed == bed and stay.live), None)

    def of(self, want: Want) -> Stay | None:
        return next((stay for stay in self.stays.values() if stay.referral == want.id and stay.live), None)

    def open_beds(self, want: Want) -> set[uuid.UUID]:
        found = set()
        for bed, house in self.beds.items():
            stay = self.on(bed)
            if bed in self.out or self.asked(want, house):
                continue
            if stay is None or stay.overdue(self.now):
                found.add(bed)
        return found

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
            waiting = [want for want in self.wants.values() if want.state == "searching" and not want.paused]
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

    # What may happen.

    @initialize(rooms=st.integers(0, 4), people=st.integers(0, 5))
    def a_night_begins(self, rooms: int, people: int) -> None:
        """With rooms out of service and people who ask, or a walk would be over before anybody waits for a bed."""
        for bed in sorted(self.beds, key=str)[:rooms]:
            bedspaces.take_out(bedspace_id=bed, reason="full", until=None, by="clock", now=self.now)
            self.out.add(bed)
        db.session.commit()
        for _ in range(people):
            self.an_officer_asks()

    @rule(minutes=st.sampled_from([1, 5, 14, 20, 45, 130, 300]), swept=st.booleans())
    def time_passes(self, minutes: int, swept: bool) -> None:
        self.now += minutes * MINUTE
        self.swept = swept
        if swept:
            while True:
                due = [stay for stay in self.stays.values() if stay.overdue(self.now)]
                again = referrals.sweep(now=self.now).again
                db.session.commit()
                for stay in due:
                    self.lapse(stay)
                self.learn()
                if not again:
                    return

    @precondition(lambda self: len(self.wants) < 8)
    @rule()
    def an_officer_asks(self) -> None:
        token = extensions.new_id()
        referral = self.open(token)
        self.wants[referral.id] = Want(referral.id, self.officer.actor(), token, self.now)
        self.learn()

    def open(self, token: uuid.UUID) -> Referral:
        request = factories.request(eta_at=self.now + dt.timedelta(hours=1))
        referral = referrals.open(request=request, officer=self.officer, form_token=token, now=self.now)
        db.session.commit()
        return referral

    @precondition(lambda self: self.wants)
    @rule(data=st.data())
    def the_form_is_sent_again(self, data: Any) -> None:
        want = data.draw(st.sampled_from(list(self.wants.values())))
        assert self.open(want.token).id == want.id

    @rule(data=st.data())
    def the_house_says_yes(self, data: Any) -> None:
        stay = self.some(data, "held", "lapsed")
        if stay is None:
            return
        if stay.state == "lapsed":
            self.late_yes(stay)
            return
        same = stay.state in ("confirmed", "arrived")
        if self.step(
            stay,
            Event.CONFIRM,
            self.house(stay),
            target="confirmed" if stay.state == "held" else None,
            same=same,
        ):
            self.said_yes(stay)

    def said_yes(self, stay: Stay) -> None:
        """A late yes leaves the officer time to come."""
        stay.state, stay.arrive_by = "confirmed", max(stay.arrive_by, self.now + 2 * 60 * MINUTE)

    def late_yes(self, stay: Stay) -> None:
        want, there = self.wants[stay.referral], self.on(stay.bed)
        free = stay.bed not in self.out and (there is None or there.overdue(self.now))
        outcome = self.do(stay, Event.CONFIRM, self.house(stay))
        assert outcome is not None
        if want.state == "searching" and not want.paused and free:
            assert outcome.kind is Happened.DONE
            row = db.session.get(Placement, outcome.placement.id)
            self.unasked, kept = stay.house, self.unasked
            self.give(want, row)
            self.unasked = kept
        else:
            assert outcome.kind is Happened.SETTLED

    @rule(data=st.data(), reason=st.sampled_from(["staff", "risk"]))
    def the_house_says_no(self, data: Any, reason: str) -> None:
        stay = self.some(data, "held")
        if stay is None:
            return
        row = db.session.get(Placement, stay.id)
        same = stay.state == "declined" and row.reason == reason
        if self.step(
            stay,
            Event.DECLINE,
            self.house(stay),
            target="declined" if stay.state == "held" else None,
            same=same,
            reason=reason,
        ):
            self.end(stay, "declined")
            stay.for_good = reason == "risk"
            self.learn()

    @rule(data=st.data())
    def the_house_withdraws(self, data: Any) -> None:
        stay = self.some(data, "confirmed")
        if stay is None:
            return
        target = "withdrawn" if stay.state == "confirmed" else None
        if self.step(
            stay,
            Event.WITHDRAW,
            self.house(stay),
            target=target,
            same=stay.state == "withdrawn",
            reason="incident",
        ):
            self.end(stay, "withdrawn")
            self.learn()

    @rule(data=st.data(), still_needed=st.booleans())
    def the_officer_cancels(self, data: Any, still_needed: bool) -> None:
        stay = self.some(data, "held", "confirmed")
        if stay is None:
            return
        target = "cancelled" if stay.state in ("held", "confirmed") else None
        facts = {"reason": "plans", "still_needed": still_needed}
        same = stay.state == "cancelled" and stay.still_needed == still_needed
        if self.step(
            stay,
            Event.CANCEL,
            self.holder(stay),
            target=target,
            same=same,
            **facts,
        ):
            self.end(stay, "cancelled")
            stay.still_needed = still_needed
            if not still_needed:
                self.wants[stay.referral].state = "closed"
            self.learn()

    @rule(data=st.data(), minutes=st.sampled_from([20, 90]))
    def they_set_off(self, data: Any, minutes: int) -> None:
        stay = self.some(data, "confirmed")
        if stay is None:
            return
        eta = self.now + minutes * MINUTE
        row = db.session.get(Placement, stay.id)
        same = row.last_event == "set_off" and row.eta_at == eta
        if self.step(
            stay,
            Event.SET_OFF,
            self.holder(stay),
            target="confirmed" if stay.state == "confirmed" and not stay.set_off else None,
            same=same,
            eta_at=eta,
        ):
            stay.set_off, stay.arrive_by = True, eta + 120 * MINUTE

    @rule(data=st.data())
    def they_are_late(self, data: Any) -> None:
        stay = self.some(data, "confirmed")
        if stay is None:
            return
        target = "confirmed" if stay.state == "confirmed" and stay.times_late < 2 else None
        if self.step(stay, Event.LATE, self.holder(stay), target=target, same=False):
            stay.times_late += 1
            stay.arrive_by += 30 * MINUTE

    @rule(data=st.data(), by_house=st.booleans())
    def they_arrive(self, data: Any, by_house: bool) -> None:
        stay = self.some(data, "confirmed", "not_arrived", "lapsed")
        if stay is None:
            return
        actor = self.house(stay) if by_house else self.holder(stay)
        if stay.state in ("not_arrived", "lapsed", "cancelled", "withdrawn"):
            self.late_arrival(stay, actor)
            return
        fits = stay.state == "confirmed" or (stay.state == "held" and by_house)
        if self.step(
            stay, Event.ARRIVE, actor, target="arrived" if fits else None, same=stay.state == "arrived"
        ):
            if stay.state == "held":
                self.said_yes(stay)  # the house that says they came has said yes by it
            stay.state = "arrived"

    def late_arrival(self, stay: Stay, actor: Actor) -> None:
        want = self.wants[stay.referral]
        has = self.of(want)
        outcome = self.do(stay, Event.ARRIVE, actor)
        long_ago = stay.ended is not None and self.now > stay.ended + dt.timedelta(hours=24)
        if long_ago or (want.state == "closed" and want.departed):
            assert outcome is None, "what is long over was brought back"
            return
        if has is not None and has.state == "arrived":
            assert outcome is None, "one person arrived twice"
            return
        if has is not None and has.house == stay.house:
            if has.state == "confirmed" or actor.role == "provider":
                assert outcome is not None and outcome.placement.id == has.id
                if has.state == "held":
                    self.said_yes(has)
                has.state = "arrived"
            else:
                assert outcome is None
            return
        there = self.on(stay.bed)
        elsewhere = has is not None and has.on_road and actor.role == "provider"
        if stay.bed in self.out or elsewhere or not (there is None or there.overdue(self.now)):
            assert outcome is not None and outcome.kind is Happened.NO_BED
            if there is not None and there.overdue(self.now) and not elsewhere:
                self.lapse(there)
            return
        assert outcome is not None and outcome.kind is Happened.DONE
        if has is not None:
            self.end(has, "cancelled")
            has.last, has.still_needed = "cancel", True
        row = db.session.get(Placement, outcome.placement.id)
        assert row.bedspace_id == stay.bed
        kept, self.unasked = self.unasked, stay.house
        new = self.give(want, row, as_confirmed=True)
        self.unasked = kept
        new.set_off, new.state = stay.set_off, "arrived"
        self.learn()

    @rule(data=st.data())
    def they_did_not_arrive(self, data: Any) -> None:
        stay = self.some(data, "confirmed")
        if stay is None:
            return
        row = db.session.get(Placement, stay.id)
        same = stay.state == "not_arrived" and row.last_event == "not_arrived"
        target = "not_arrived" if stay.state == "confirmed" and stay.on_road else None
        if self.step(stay, Event.NOT_ARRIVED, self.house(stay), target=target, same=same, reason="unknown"):
            self.end(stay, "not_arrived")
            self.learn()

    @rule(data=st.data())
    def they_leave(self, data: Any) -> None:
        stay = self.some(data, "arrived")
        if stay is None:
            return
        row = db.session.get(Placement, stay.id)
        same = stay.state == "departed" and row.last_event == "depart"
        facts = {"reason": "planned", "onward": "msvcc", "nrm_decision": "deciding"}
        if self.step(
            stay,
            Event.DEPART,
            self.house(stay),
            target="departed" if stay.state == "arrived" else None,
            same=same,
            **facts,
        ):
            self.end(stay, "departed", falls=False)
            self.wants[stay.referral].state, self.wants[stay.referral].departed = "closed", True
            self.learn()

    @rule(data=st.data())
    def they_move_room(self, data: Any) -> None:
        stay = self.some(data, *LIVE)
        if stay is None:
            return
        bed = data.draw(st.sampled_from(sorted(self.beds, key=str)))
        there = self.on(bed)
        free = there is None or there is stay or there.overdue(self.now)
        fits = stay.live and self.beds[bed] == stay.house and bed != stay.bed and bed not in self.out and free
        if bed == stay.bed and stay.live and bed not in self.out:
            self.do(stay, Event.MOVE, self.house(stay), bedspace_id=bed)
            self.learn()  # where they are already, and still a moment at which everybody is matched again
            return
        if self.step(
            stay,
            Event.MOVE,
            self.house(stay),
            target=stay.state if fits else None,
            same=False,
            bedspace_id=bed,
        ):
            if there is not None:
                self.lapse(there)
            stay.bed = bed
            self.learn()

    @rule(data=st.data())
    def they_transfer(self, data: Any) -> None:
        stay = self.some(data, "arrived")
        if stay is None:
            return
        bed = data.draw(st.sampled_from(sorted(self.beds, key=str)))
        there = self.on(bed)
        fits = stay.state == "arrived" and self.beds[bed] != stay.house and bed not in self.out
        fits = fits and (there is None or there.overdue(self.now))
        outcome = self.do(stay, Event.TRANSFER, self.coordinator, bedspace_id=bed, reason="needs")
        if not fits:
            assert outcome is None or outcome.kind is Happened.SAME
            return
        assert outcome is not None and outcome.kind is Happened.DONE
        self.end(stay, "departed", falls=False)
        stay.last = "transfer"
        row = db.session.get(Placement, outcome.placement.id)
        assert row.state == "confirmed", "somebody inside was left to a house's silence"
        kept, self.unasked = self.unasked, row.premises_id
        self.give(self.wants[stay.referral], row)
        self.unasked = kept
        self.learn()

    @rule(data=st.data())
    def the_stay_is_extended(self, data: Any) -> None:
        stay = self.some(data, "arrived")
        if stay is None:
            return
        row = db.session.get(Placement, stay.id)
        until = (row.stay_until or self.now) + dt.timedelta(days=1)
        target = "arrived" if stay.state == "arrived" else None
        self.step(
            stay, Event.EXTEND, self.coordinator, target=target, same=False, stay_until=until, reason="unwell"
        )

    @rule(data=st.data())
    def a_mistake_is_put_right(self, data: Any) -> None:
        stay = self.some(data, "declined", "cancelled", "not_arrived", "departed", "withdrawn", "lapsed")
        if stay is None:
            return
        want, there, has = self.wants[stay.referral], self.on(stay.bed), self.of(self.wants[stay.referral])
        same = stay.last == "correct"
        free = there is None or there.overdue(self.now)
        fits = not stay.live and free and has is None and stay.bed not in self.out
        outcome = self.do(stay, Event.CORRECT, self.coordinator)
        if same and outcome is not None and outcome.kind is Happened.SAME:
            return
        if not fits:
            assert outcome is None, f"{stay.state} was put right although it could not be"
            return
        assert outcome is not None and outcome.kind is Happened.DONE
        if there is not None:
            self.lapse(there)
        stay.state, stay.last = stay.before, "correct"
        row = db.session.get(Placement, stay.id)
        stay.answer_by, stay.arrive_by = row.answer_by, row.arrive_by
        want.state, want.paused, want.departed = "placed", False, False
        self.learn()

    @precondition(lambda self: self.wants)
    @rule(data=st.data())
    def no_place_is_needed_any_more(self, data: Any) -> None:
        want = data.draw(st.sampled_from(list(self.wants.values())))
        stay = self.of(want)
        try:
            referrals.withdraw(referral_id=want.id, actor=want.officer, reason="elsewhere", now=self.now)
            db.session.commit()
            assert want.state == "closed" or stay is None or stay.state != "arrived"
        except lifecycle.NotAllowed:
            db.session.rollback()
            assert want.state == "closed" or (stay is not None and stay.state == "arrived")
            return
        if want.state != "closed":
            if stay is not None:
                self.end(stay, "cancelled", falls=False)
                stay.last, stay.still_needed = "cancel", False
            want.state, want.paused = "closed", False
            self.learn()

    @precondition(lambda self: any(want.paused for want in self.wants.values()))
    @rule(data=st.data())
    def somebody_knows_where_they_are(self, data: Any) -> None:
        want = data.draw(st.sampled_from([want for want in self.wants.values() if want.paused]))
        referrals.resume(referral_id=want.id, actor=self.coordinator, now=self.now)
        db.session.commit()
        want.paused = False
        self.learn()

    @rule(data=st.data())
    def the_house_says_same_as_before(self, data: Any) -> None:
        house = data.draw(st.sampled_from(sorted(self.houses, key=str)))
        beds.same(premises_id=house, by="clock", via="text", now=self.now)
        referrals.rematch(now=self.now)
        db.session.commit()
        self.reported[house] = self.now
        self.learn()

    @rule(data=st.data())
    def a_room_goes_out_of_service_or_comes_back(self, data: Any) -> None:
        bed = data.draw(st.sampled_from(sorted(self.beds, key=str)))
        if bed in self.out:
            bedspaces.bring_back(bedspace_id=bed, by="clock", now=self.now)
            referrals.rematch(now=self.now)
            db.session.commit()
            self.out.discard(bed)
            self.learn()
            return
        try:
            bedspaces.take_out(bedspace_id=bed, reason="repair", until=None, by="clock", now=self.now)
            db.session.commit()
            assert self.on(bed) is None, "a room went out of service under somebody"
            self.out.add(bed)
        except bedspaces.StillUsed:
            db.session.rollback()
            assert self.on(bed) is not None

    @precondition(lambda self: any(want.state == "searching" for want in self.wants.values()))
    @rule(data=st.data(), answered=st.booleans())
    def a_coordinator_asks_everybody(self, data: Any, answered: bool) -> None:
        searching = [want for want in self.wants.values() if want.state == "searching"]
        want = data.draw(st.sampled_from(searching))
        could = {self.beds[bed] for bed in self.out if not self.asked(want, self.beds[bed])}
        before = {ask.premises_id for ask in self.asks(want) if ask.answer == "no" or self.still_asked(ask)}
        try:
            asks = referrals.ask_by_hand(referral_id=want.id, actor=self.coordinator, now=self.now)
            db.session.commit()
        except lifecycle.NotAllowed:
            db.session.rollback()
            assert want.paused
            return
        assert not want.paused
        assert {ask.premises_id for ask in asks} == could - before
        if asks and answered:
            self.answer(data.draw(st.sampled_from(asks)), "yes")

    def asks(self, want: Want) -> Sequence[Ask]:
        return db.session.scalars(sa.select(Ask).where(Ask.referral_id == want.id)).all()

    def still_asked(self, ask: Ask) -> bool:
        return ask.answer is None and self.now < ask.answer_by

    @rule(data=st.data(), answer=st.sampled_from(["yes", "no"]))
    def a_house_answers_whether_it_can_make_room(self, data: Any, answer: str) -> None:
        every = db.session.scalars(sa.select(Ask).order_by(Ask.asked_at, Ask.id)).all()
        over = dt.timedelta(hours=24)
        ends = [ask.answered_at or ask.settled_at for ask in every]
        known = [ask for ask, end in zip(every, ends, strict=True) if end is None or self.now < end + over]
        if known:
            self.answer(data.draw(st.sampled_from(known)), answer)

    def answer(self, ask: Ask, answer: str) -> None:
        want, house, said = self.wants[ask.referral_id], ask.premises_id, ask.answer
        has = self.of(want)
        actor = factories.house_actor(house)
        try:
            act = referrals.say_yes if answer == "yes" else referrals.say_no
            done = act(ask_id=ask.id, actor=actor, now=self.now)
            db.session.commit()
        except (*REFUSED, referrals.NoRoomThere) as refused:
            db.session.rollback()
            at_hand = [bed for bed in self.out if self.beds[bed] == house and not self.asked(want, house)]
            no_room = isinstance(refused, referrals.NoRoomThere) and want.state == "searching" and not at_hand
            theirs = answer == "no" and has is not None and has.house == house
            assert no_room or theirs, f"{answer} was refused: {refused!r}"
            return
        if has is not None and has.house == house:
            assert answer == "yes" and done.placement.id == has.id
            assert done.kind is (Happened.DONE if has.state == "held" else Happened.SAME)
            if has.state == "held":
                has.last = "confirm"
                self.said_yes(has)
        elif answer == "no":
            expected = {"no": Happened.SAME, "yes": Happened.SETTLED, "settled": Happened.SETTLED}
            assert done.kind is expected.get(said or "", Happened.DONE)
        elif want.state == "searching" and not want.paused and said != "yes":
            assert done.kind is Happened.DONE
            row = db.session.get(Placement, done.placement.id)
            assert row.bedspace_id in self.out and row.premises_id == house
            self.out.discard(row.bedspace_id)
            kept, self.unasked = self.unasked, house
            assert self.give(want, row).state == "confirmed"
            self.unasked = kept
        else:
            assert done.kind is Happened.SETTLED

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
        for referral in db.session.scalars(sa.select(Referral)):
            want = self.wants[referral.id]
            assert (referral.state, referral.paused_at is not None) == (want.state, want.paused)
        found = invariants.breaches(now=self.now)
        if not self.swept:
            found = [line for line in found if "more than 60 s ago" not in line]
        # No jobs process sends in this walk, so texts wait.
        assert [line for line in found if "I4: text" not in line] == []

    def teardown(self) -> None:
        db.session.rollback()


@pytest.fixture
def walking(app: Flask) -> Iterator[type[Walk]]:
    """The machine, on this test's database."""
    kept = extensions.new_id
    yield Walk
    extensions.new_id = kept


@pytest.mark.timeout(7200)
def test_every_walk_agrees_with_the_model(walking: type[Walk], full: bool) -> None:
    walks, steps = (2000, 50) if full else (50, 30)
    run_state_machine_as_test(
        walking,
        settings=settings(
            max_examples=walks,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            # Making a walk shorter takes minutes against a database; its steps are printed as they were.
            phases=(Phase.generate,),
        ),
    )
