"""What coordinators do: a house marked and safe again, an operation gathered and placed by a plan, more time to answer, paper keyed
in, a request handed to another officer; and what a house adds about a stay.
"""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from safety import duty, extensions, lifecycle, referrals
from safety.extensions import db
from safety.lifecycle import Event
from safety.models import AlertKind, Operation, Placement, Referral
from safety.referrals import compromised, handover, on_paper, operations
from tests import factories
from tests.walks.model import MINUTE, NUMBER, Night, Want

HOUR = 60 * MINUTE


class Coordinators(Night):
    """What a coordinator does, and what is said of a stay."""

    # A house that may not be safe.

    @rule(data=st.data())
    def a_house_is_marked_as_compromised(self, data: Any) -> None:
        house = data.draw(st.sampled_from(sorted(self.houses, key=str)))
        compromised.mark(premises_id=house, reason="watched", actor=self.coordinator, now=self.now)
        db.session.commit()
        if house in self.marked:
            return
        self.marked.add(house)
        self.alarms[house] = False
        given_up = [
            stay
            for stay in self.stays.values()
            if stay.house == house
            and (stay.state == "held" or (stay.state == "confirmed" and not stay.on_road))
        ]
        for stay in given_up:
            held = stay.state == "held"
            self.end(stay, "declined" if held else "withdrawn")
            stay.last = "decline" if held else "withdraw"
        if (
            given_up
        ):  # otherwise no bed came free and nobody began to search: it is no moment to look for everybody
            self.learn()

    @precondition(lambda self: self.alarms)
    @rule(data=st.data())
    def a_coordinator_takes_the_alert_of_a_house(self, data: Any) -> None:
        house = data.draw(st.sampled_from(sorted(self.alarms, key=str)))
        alert = duty.standing(kind=AlertKind.HOUSE_COMPROMISED, subject=f"premises:{house.hex}")
        assert duty.take(alert=alert, by=self.coordinator.by, now=self.now) is alert
        db.session.commit()
        self.alarms[house] = True

    @precondition(lambda self: self.marked)
    @rule(data=st.data(), reason=st.sampled_from(["checked", "mistake", "moved"]), spoken=st.booleans())
    def a_house_is_said_to_be_safe_again(self, data: Any, reason: str, spoken: bool) -> None:
        house = data.draw(st.sampled_from(sorted(self.marked, key=str)))
        try:
            compromised.clear(
                premises_id=house, reason=reason, spoken=spoken, actor=self.coordinator, now=self.now
            )
            db.session.commit()
        except lifecycle.NotAllowed:
            db.session.rollback()
            assert reason == "moved" or not spoken
            return
        assert reason != "moved" and spoken, (
            "safe again without a word with the house, or an address it never typed"
        )
        self.marked.discard(house)
        self.alarms.pop(house, None)
        self.learn()

    # Several people of one operation.

    @rule()
    def a_coordinator_gathers_an_operation(self) -> None:
        self.gather()

    def gather(self) -> None:
        """From now on nobody of it is matched alone, for half an hour."""
        if self.operation is None:
            operation, new = operations.start(
                number=NUMBER,
                force_id=self.officer.force_id,
                wish="any",
                actor=self.coordinator,
                now=self.now,
            )
            assert new
            self.operation = operation.id
        else:
            operations.gather(operation_id=self.operation, actor=self.coordinator, now=self.now)
        db.session.commit()
        self.gathering = self.now + 30 * MINUTE

    @precondition(lambda self: self.operation)
    @rule()
    def a_coordinator_lets_them_go(self) -> None:
        operations.let_go(operation_id=self.operation, actor=self.coordinator, now=self.now)
        db.session.commit()
        if self.gathering is not None:
            self.gathering = None
            self.learn()

    @precondition(lambda self: self.operation)
    @rule(wish=st.sampled_from(["any", "together", "apart"]))
    def a_coordinator_chooses_together_or_apart(self, wish: str) -> None:
        operations.choose(operation_id=self.operation, wish=wish, actor=self.coordinator, now=self.now)
        db.session.commit()
        if wish != self.wish:
            self.wish = wish
            self.learn()

    @precondition(lambda self: self.operation and self.wants)
    @rule(data=st.data())
    def somebody_joins_the_operation(self, data: Any) -> None:
        want = data.draw(st.sampled_from(list(self.wants.values())))
        reference = db.session.get_one(Referral, want.id).spoken
        try:
            operations.add(
                operation_id=self.operation, reference=reference, actor=self.coordinator, now=self.now
            )
            db.session.commit()
        except lifecycle.NotAllowed:
            db.session.rollback()
            assert want.state == "closed"
            return
        assert want.state != "closed"
        want.in_operation = True

    @precondition(lambda self: self.operation)
    @rule()
    def a_plan_is_made(self) -> None:
        """Held by nobody: it is taken later, when much may have happened since."""
        plan = operations.make_plan(db.session.get_one(Operation, self.operation), now=self.now)
        db.session.rollback()
        self.plan = {member: fit.room.id for member, fit in plan.given.items()}
        assert len(set(self.plan.values())) == len(self.plan)
        assert all(bed in self.open_beds(self.wants[member]) for member, bed in self.plan.items())
        if self.wish == "apart":
            assert len({self.beds[bed] for bed in self.plan.values()}) == len(self.plan)

    @precondition(lambda self: self.plan)
    @rule(data=st.data(), whole=st.booleans())
    def a_plan_is_taken(self, data: Any, whole: bool) -> None:
        members = sorted(self.plan, key=str)
        if not whole:
            members = data.draw(st.lists(st.sampled_from(members), min_size=1, unique=True))
        chosen = {member: self.plan[member] for member in members}
        has = {member: self.of(self.wants[member]) for member in members}
        had = all(stay is not None and stay.bed == chosen[member] for member, stay in has.items())
        before = set(self.stays)
        try:
            held = operations.take_plan(
                operation_id=self.operation, chosen=chosen, actor=self.coordinator, now=self.now
            )
            db.session.commit()
        except operations.PlanGone:
            db.session.rollback()
            assert not had and not self.could_hold(chosen), "a plan that could be had was refused"
            return
        if had:
            assert {row.id for row in held} <= before
            return
        for want in sorted((self.wants[member] for member in members), key=lambda one: (one.opened, one.id)):
            row = self.newest(want)
            assert row is not None and row.bedspace_id == chosen[want.id], "a plan was held in part"
            assert want.state == "searching" and not want.paused
            assert row.bedspace_id in self.open_beds(want), "a plan that had gone was held"
            self.give(want, row)
        self.gathering = None
        self.learn()

    def could_hold(self, chosen: dict[uuid.UUID, uuid.UUID]) -> bool:
        wants = [self.wants[member] for member in chosen]
        return all(
            want.state == "searching" and not want.paused and chosen[want.id] in self.open_beds(want)
            for want in wants
        ) and (self.wish != "apart" or len({self.beds[bed] for bed in chosen.values()}) == len(chosen))

    # More time, another officer, and paper.

    @rule(data=st.data(), minutes=st.sampled_from([1, 20, 60, 61]))
    def a_house_is_given_longer_to_answer(self, data: Any, minutes: int) -> None:
        stay = self.some(data, "held")
        if stay is None:
            return
        until = self.now + minutes * MINUTE
        fits = stay.state == "held" and minutes <= 60 and until > stay.answer_by
        if self.step(
            stay,
            Event.LONGER,
            self.coordinator,
            target="held" if fits else None,
            same=False,
            answer_by=until,
            reason="asking_staff",
        ):
            stay.answer_by, stay.arrive_by = until, max(stay.arrive_by, until + 2 * HOUR)

    @precondition(lambda self: self.wants)
    @rule(data=st.data())
    def a_request_is_handed_to_another_officer(self, data: Any) -> None:
        want = data.draw(st.sampled_from(list(self.wants.values())))
        other = self.officer if want.officer.user_id == self.colleague.id else self.colleague
        try:
            self.hand_over(want, other.id)
        except lifecycle.NotAllowed:
            db.session.rollback()
            assert want.state == "closed"
            return
        assert want.state != "closed"
        before, want.officer = want.officer, other.actor()
        stay = self.of(want)
        if stay is not None:
            said = {"reason": "plans", "still_needed": True}
            assert self.do(stay, Event.CANCEL, before, **said) is None, "who handed it over still acts for it"

    def hand_over(self, want: Want, to: uuid.UUID) -> None:
        handover.hand_over(referral_id=want.id, to=to, actor=self.coordinator, reason="shift", now=self.now)
        db.session.commit()

    @precondition(lambda self: len(self.wants) < 8)
    @rule(data=st.data(), inside=st.booleans())
    def paper_is_keyed_in(self, data: Any, inside: bool) -> None:
        """A bed promised on paper, or only asked for; then it is handed to the officer who is with the person."""
        bed = data.draw(st.sampled_from([None, *sorted(self.beds, key=str)]))
        there = self.on(bed) if bed is not None else None
        token = extensions.new_id()
        try:
            referral = self.key_in(token, bed, inside=inside)
        except (on_paper.TakenMeanwhile, lifecycle.NotAllowed):
            db.session.rollback()
            taken = there is not None and not there.overdue(self.now)
            assert taken or (self.beds[bed] in self.marked and not inside)
            return
        want = Want(referral.id, self.duty.actor(), token, self.now - 3 * HOUR, on_paper=True)
        self.wants[want.id] = want
        if bed is not None:
            assert self.beds[bed] not in self.marked or inside, (
                "somebody was sent to a house that may not be safe"
            )
            row = self.newest(want)
            assert row is not None and row.bedspace_id == bed
            assert row.state == ("arrived" if inside else "confirmed")
            kept, self.unasked = self.unasked, self.beds[bed]
            self.give(want, row)
            self.unasked = kept
            self.spells.pop(bed, None)
        self.learn()
        self.hand_over(want, self.officer.id)
        want.officer = self.officer.actor()

    def key_in(self, token: uuid.UUID, bed: uuid.UUID | None, *, inside: bool) -> Referral:
        paper = on_paper.Paper(
            asked_at=self.now - 3 * HOUR,
            room=bed,
            promised_at=self.now - 2 * HOUR if bed else None,
            arrived_at=self.now - HOUR if bed and inside else None,
        )
        request = factories.request(eta_at=self.now + HOUR, force_id=self.officer.force_id)
        referral = on_paper.key_in(
            request=request, paper=paper, officer=self.duty, form_token=token, now=self.now
        )
        db.session.commit()
        return referral

    # What is said of a stay.

    @rule(data=st.data(), onward=st.sampled_from(["charity", "own"]))
    def a_house_plans_where_they_go_next(self, data: Any, onward: str) -> None:
        stay = self.some(data, "arrived")
        if stay is None:
            return
        row = db.session.get_one(Placement, stay.id)
        same = row.last_event == "plan" and stay.planned == onward
        target = "arrived" if stay.state == "arrived" else None
        if self.step(stay, Event.PLAN, self.house(stay), target=target, same=same, onward=onward):
            stay.planned = onward

    @rule(data=st.data(), onward=st.sampled_from(["msvcc", "charity", "not_known"]))
    def it_is_said_afterwards_where_they_went(self, data: Any, onward: str) -> None:
        stay = self.some(data, "departed")
        if stay is None:
            return
        said = (onward, "deciding")
        try:
            changed = referrals.say_afterwards(
                placement_id=stay.id,
                onward=onward,
                nrm_decision="deciding",
                actor=self.house(stay),
                now=self.now,
            )
            db.session.commit()
        except lifecycle.NotAllowed:
            db.session.rollback()
            assert stay.state != "departed" or stay.last == "transfer"
            return
        assert stay.state == "departed" and stay.last != "transfer"
        assert changed == ((stay.onward, stay.decided) != said)
        stay.onward, stay.decided = said
