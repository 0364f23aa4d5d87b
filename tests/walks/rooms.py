"""What houses and coordinators do about rooms: counts, rooms out of service and back, and every house asked to make room."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from safety import beds, bedspaces, lifecycle, referrals
from safety.extensions import db
from safety.models import Ask, Placement
from safety.referrals import Happened
from tests import factories
from tests.walks.model import REFUSED, Night, Want


class Rooms(Night):
    """Rooms, and asks for room."""

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
            self.spells.pop(bed)
            self.learn()
            return
        try:
            bedspaces.take_out(bedspace_id=bed, reason="repair", until=None, by="clock", now=self.now)
            db.session.commit()
            assert self.on(bed) is None, "a room went out of service under somebody"
            self.spells[bed] = (self.now, None)
        except bedspaces.StillUsed:
            db.session.rollback()
            assert self.on(bed) is not None

    @precondition(lambda self: any(want.state == "searching" for want in self.wants.values()))
    @rule(data=st.data(), answered=st.booleans())
    def a_coordinator_asks_everybody(self, data: Any, answered: bool) -> None:
        searching = [want for want in self.wants.values() if want.state == "searching"]
        want = data.draw(st.sampled_from(searching))
        could = {self.beds[bed] for bed in self.out if self.welcome(want, self.beds[bed])}
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
            at_hand = [bed for bed in self.out if self.beds[bed] == house and self.welcome(want, house)]
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
            assert self.welcome(want, house)
            self.spells.pop(row.bedspace_id)
            kept, self.unasked = self.unasked, house
            assert self.give(want, row).state == "confirmed"
            self.unasked = kept
        else:
            assert done.kind is Happened.SETTLED
