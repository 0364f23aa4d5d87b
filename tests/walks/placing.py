"""What may happen to a placement, from the first word to the last, each in the words of the field."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from safety import bedspaces, extensions, lifecycle, referrals
from safety.extensions import db
from safety.lifecycle import Event
from safety.models import Placement, Referral
from safety.permissions import Actor
from safety.referrals import Happened
from tests import factories
from tests.factories import NOW
from tests.walks.model import LIVE, MINUTE, NOT_NOW, NOT_NOW_FOR, NUMBER, Night, Stay, Want


class Placing(Night):
    """Asking, answering, the road, the stay, and mistakes put right."""

    @initialize(rooms=st.integers(0, 4), people=st.integers(0, 5), together=st.booleans())
    def a_night_begins(self, rooms: int, people: int, together: bool) -> None:
        """With rooms out of service and people who ask, or a walk would be over before anybody waits for a bed."""
        for bed in sorted(self.beds, key=str)[:rooms]:
            bedspaces.take_out(bedspace_id=bed, reason="full", until=None, by="clock", now=self.now)
            self.spells[bed] = (self.now, None)
        db.session.commit()
        if together:
            self.gather()
        for _ in range(people):
            self.an_officer_asks(of_operation=together)

    # Houses confirm their addresses every 30 days, which is not what these walks are about.
    @precondition(lambda self: self.now < NOW + dt.timedelta(days=20))
    @rule(days=st.sampled_from([1, 4]))
    def days_pass(self, days: int) -> None:
        self.time_passes(minutes=days * 24 * 60, swept=True)

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
                self.the_alerts_of_houses_follow()
                if not again:
                    self.the_alerts_of_stays_stand_for_what_is()
                    return

    @precondition(lambda self: len(self.wants) < 8)
    @rule(of_operation=st.booleans())
    def an_officer_asks(self, of_operation: bool) -> None:
        token = extensions.new_id()
        referral = self.open(token, of_operation=of_operation)
        if of_operation:
            self.operation = referral.operation_id
        self.wants[referral.id] = Want(
            referral.id, self.officer.actor(), token, self.now, in_operation=of_operation
        )
        self.learn()

    def open(self, token: uuid.UUID, *, of_operation: bool = False) -> Referral:
        request = factories.request(
            eta_at=self.now + dt.timedelta(hours=1), operation=NUMBER if of_operation else None
        )
        referral = referrals.open(request=request, officer=self.officer, form_token=token, now=self.now)
        db.session.commit()
        return referral

    @precondition(lambda self: self.wants)
    @rule(data=st.data())
    def the_form_is_sent_again(self, data: Any) -> None:
        want = data.draw(st.sampled_from(list(self.wants.values())))
        again = self.key_in(want.token, None, inside=False) if want.on_paper else self.open(want.token)
        assert again.id == want.id

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
        free = free and stay.house not in self.marked | self.apart(want)
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

    @rule(
        data=st.data(),
        reason=st.sampled_from(["staff", "risk", *NOT_NOW]),
        room_out=st.sampled_from([None, True, False]),
    )
    def the_house_says_no(self, data: Any, reason: str, room_out: bool | None) -> None:
        stay = self.some(data, "held")
        if stay is None:
            return
        row = db.session.get(Placement, stay.id)
        same = stay.state == "declined" and row.reason == reason
        said = {} if room_out is None else {"room_out": room_out}
        if self.step(
            stay,
            Event.DECLINE,
            self.house(stay),
            target="declined" if stay.state == "held" else None,
            same=same,
            reason=reason,
            **said,
        ):
            self.end(stay, "declined")
            stay.for_good = reason == "risk"
            if reason in NOT_NOW and room_out is not False:
                self.spells[stay.bed] = (self.now, self.now + NOT_NOW_FOR)
            self.learn()

    @rule(data=st.data(), reason=st.sampled_from(["staff", "risk", *NOT_NOW]))
    def the_house_says_why_not(self, data: Any, reason: str) -> None:
        stay = self.some(data, "declined")
        if stay is None:
            return
        row = db.session.get(Placement, stay.id)
        known = row.state == "declined" and self.now <= stay.ended + dt.timedelta(hours=1)
        done = referrals.refine_reason(
            placement_id=stay.id, reason=reason, actor=self.house(stay), now=self.now
        )
        db.session.commit()
        assert done == known
        if done:
            stay.for_good = reason == "risk"
            if reason in NOT_NOW and self.on(stay.bed) is None:
                self.spells[stay.bed] = (self.now, self.now + NOT_NOW_FOR)

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
        astray = stay.house in self.marked
        same = row.last_event == "set_off" and row.eta_at == eta and not astray
        if self.step(
            stay,
            Event.SET_OFF,
            self.holder(stay),
            target="confirmed" if stay.state == "confirmed" and not stay.set_off and not astray else None,
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

    @rule(data=st.data(), said=st.sampled_from([{}, {"onward": "msvcc", "nrm_decision": "deciding"}]))
    def they_leave(self, data: Any, said: dict[str, str]) -> None:
        stay = self.some(data, "arrived")
        if stay is None:
            return
        facts = {"reason": "planned"} | said
        same = stay.state == "departed" and stay.last == "depart"
        same = same and all(facts[name] == told for name, told in stay.left.items() if name in facts)
        if self.step(
            stay,
            Event.DEPART,
            self.house(stay),
            target="departed" if stay.state == "arrived" else None,
            same=same,
            **facts,
        ):
            self.end(stay, "departed", falls=False)
            stay.left = facts
            stay.onward, stay.decided = facts.get("onward"), facts.get("nrm_decision")
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
        fits = fits and self.beds[bed] not in self.marked
        fits = fits and (there is None or there.overdue(self.now))
        outcome = self.do(stay, Event.TRANSFER, self.coordinator, bedspace_id=bed, reason="needs")
        if not fits:
            assert outcome is None or outcome.kind is Happened.SAME
            return
        assert outcome is not None and outcome.kind is Happened.DONE
        self.end(stay, "departed", falls=False)
        stay.last, stay.onward = "transfer", "other_house"
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
        since, _ = self.spells.get(stay.bed, (None, None))
        took_out = stay.state == "declined" and since == stay.ended
        took_out = took_out and db.session.get_one(Placement, stay.id).reason in NOT_NOW
        fits = not stay.live and free and has is None and (took_out or stay.bed not in self.out)
        if stay.before != "arrived":
            fits = fits and stay.house not in self.marked | self.apart(want, without=there)
        outcome = self.do(stay, Event.CORRECT, self.coordinator)
        if same and outcome is not None and outcome.kind is Happened.SAME:
            return
        if not fits:
            assert outcome is None, f"{stay.state} was put right although it could not be"
            return
        assert outcome is not None and outcome.kind is Happened.DONE
        if there is not None:
            self.lapse(there)
        if took_out:
            self.spells.pop(stay.bed)
        stay.state, stay.last = stay.before, "correct"
        stay.onward = stay.decided = None
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
