"""What time alone brings about: reminders, warnings, questions, the ladder, and alerts that end with their cause."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import beds, duty, lifecycle, premises, referrals
from safety.extensions import db
from safety.lifecycle import Event, ReferralState, State
from safety.models import Alert, AlertKind, Contact, Placement, Referral, Text
from safety.referrals import Happened
from safety.referrals.opening import KeepApartUnknown
from tests import factories
from tests.factories import NOW

MINUTE = dt.timedelta(minutes=1)


def do(
    placement: Placement, event: Event, now: dt.datetime = NOW, *, by: str = "house", **facts: object
) -> referrals.Outcome:
    if by == "house":
        actor = factories.house_actor(placement.premises_id)
    else:
        actor = placement.referral.holder.actor() if by == "officer" else factories.coordinator_actor()
    return referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=now)


def said(wording: str) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Text).where(Text.wording == wording)) or 0


def standing() -> set[str]:
    return {alert.kind for alert in duty.open_alerts()}


def test_a_house_is_reminded_once_when_half_its_time_is_gone(app: Flask) -> None:
    factories.house()
    placement = factories.placement()
    referrals.sweep(now=NOW + 7 * MINUTE)
    assert said("reminded") == 0
    for minutes in (8, 9, 10):
        referrals.sweep(now=NOW + minutes * MINUTE)
    assert said("reminded") == 1 and placement.state == State.HELD


def test_an_officer_is_warned_thirty_and_ten_minutes_before_the_bed_comes_free(app: Flask) -> None:
    factories.house()
    placement = factories.placement()
    do(placement, Event.CONFIRM)
    for minutes, warnings in ((31, 0), (30, 1), (20, 1), (10, 2), (1, 2)):
        referrals.sweep(now=placement.arrive_by - minutes * MINUTE)
        assert said("release_soon") == warnings, minutes


def test_the_warnings_come_again_when_a_bed_is_taken_back(app: Flask) -> None:
    factories.house()
    placement = factories.placement()
    do(placement, Event.CONFIRM)
    referrals.sweep(now=placement.arrive_by - 5 * MINUTE)
    released_at = placement.arrive_by
    referrals.sweep(now=released_at)
    do(placement, Event.CORRECT, released_at + MINUTE, by="officer")
    before = said("release_soon")
    referrals.sweep(now=placement.arrive_by - 5 * MINUTE)
    assert said("release_soon") > before


def test_the_house_is_asked_whether_they_arrived_and_silence_goes_to_a_person(app: Flask) -> None:
    factories.house()
    placement = factories.placement()
    do(placement, Event.CONFIRM)
    eta = NOW + 30 * MINUTE
    do(placement, Event.SET_OFF, by="officer", eta_at=eta)
    referrals.sweep(now=eta + 14 * MINUTE)
    assert said("arrived_yet") == 0
    referrals.sweep(now=eta + 15 * MINUTE)
    assert said("arrived_yet") == 1 and standing() == set()
    referrals.sweep(now=eta + 30 * MINUTE)
    assert standing() == {AlertKind.OVERDUE}
    do(placement, Event.ARRIVE, eta + 31 * MINUTE)
    assert standing() == set()


def test_the_end_of_a_stay_is_told_a_day_before_and_stands_on_the_board_when_over(app: Flask) -> None:
    factories.house()
    placement = factories.placement()
    for event in (Event.CONFIRM, Event.ARRIVE):
        do(placement, event)
    until = placement.stay_until
    referrals.sweep(now=until - dt.timedelta(hours=25))
    assert said("stay_ends") == 0
    referrals.sweep(now=until - dt.timedelta(hours=24))
    referrals.sweep(now=until - dt.timedelta(hours=1))
    assert said("stay_ends") == 1 and standing() == {AlertKind.STAY_ENDING, AlertKind.ONWARD_UNKNOWN}
    referrals.sweep(now=until)
    assert standing() == {AlertKind.STAY_OVER, AlertKind.ONWARD_UNKNOWN}
    do(placement, Event.EXTEND, until, by="duty", stay_until=until + dt.timedelta(days=3), reason="unwell")
    assert standing() == set() and said("extended") == 1


def test_an_urgent_alert_climbs_the_ladder_until_somebody_takes_it(app: Flask) -> None:
    factories.referral()
    assert said("urgent") == 1
    for minutes, texts in ((4, 1), (5, 2), (9, 2), (10, 3)):
        referrals.sweep(now=NOW + minutes * MINUTE)
        assert said("urgent") == texts
    alert = duty.open_alerts()[0]
    assert duty.claim(code=alert.code, by="user:a", now=NOW) is alert
    assert duty.claim(code=alert.code, by="user:b", now=NOW) is None
    referrals.sweep(now=NOW + 60 * MINUTE)
    assert said("urgent") == 3


def test_a_routine_alert_is_not_texted(app: Flask) -> None:
    factories.house()
    placement = factories.placement()
    do(placement, Event.CONFIRM)
    referrals.sweep(now=placement.arrive_by)
    assert standing() == {AlertKind.RELEASED} and said("urgent") == 0


def test_three_houses_that_said_no_are_a_coordinators_business(app: Flask) -> None:
    for outcode in ("LS1", "LS2", "LS6", "LS29"):
        factories.house(outcode=outcode)
    referral = factories.referral(eta_at=NOW + dt.timedelta(hours=3))
    for count in range(3):
        assert standing() == set(), count
        do(referrals.live_placement(referral), Event.DECLINE, reason="staff")
    assert standing() == {AlertKind.CASCADE}
    do(referrals.live_placement(referral), Event.CONFIRM)
    assert standing() == set()


def test_the_first_silence_alerts_when_they_would_be_there_within_the_hour(app: Flask) -> None:
    factories.house(rooms=1)
    factories.house(outcode="LS29")
    soon = factories.placement(eta_at=NOW + 45 * MINUTE)
    referrals.sweep(now=soon.answer_by)
    assert AlertKind.CASCADE in standing()


def test_an_arrival_far_ahead_goes_to_a_coordinator_and_is_matched_when_it_is_near(app: Flask) -> None:
    factories.house()
    referral = factories.referral(eta_at=NOW + dt.timedelta(hours=11))
    assert referral.state == ReferralState.SEARCHING and standing() == {AlertKind.FAR_AHEAD}
    referrals.sweep(now=NOW + dt.timedelta(hours=1))
    assert referral.state == ReferralState.PLACED and standing() == set()


def test_two_who_must_be_kept_apart_are_never_in_one_house(app: Flask) -> None:
    factories.house(rooms=3)
    force = factories.force()
    one = factories.referral(by=factories.officer(of=force))
    other = factories.referral(by=factories.officer(of=force), keep_apart=(one.spoken,))
    assert (one.state, other.state) == (ReferralState.PLACED, ReferralState.SEARCHING)
    with pytest.raises(KeepApartUnknown):
        factories.referral(by=factories.officer(), keep_apart=(one.spoken,))


def test_one_record_that_cannot_be_read_keeps_nobody_else_from_a_bed(app: Flask) -> None:
    broken = factories.referral()
    db.session.execute(sa.update(Referral).where(Referral.id == broken.id).values(needs_sealed="v1.t.AAAA"))
    db.session.expire_all()
    house = factories.house()
    referrals.sweep(now=NOW + MINUTE)
    other = factories.placement(now=NOW + MINUTE)
    assert other.premises_id == house.id
    assert AlertKind.BROKEN in standing()


def test_a_withdrawal_under_way_stands_until_they_have_set_off_to_the_next(app: Flask) -> None:
    factories.house(outcode="LS1")
    factories.house(outcode="LS29", accepts_unasked=True)
    placement = factories.placement()
    do(placement, Event.CONFIRM)
    do(placement, Event.SET_OFF, by="officer", eta_at=NOW + 30 * MINUTE)
    do(placement, Event.WITHDRAW, reason="incident")
    following = referrals.live_placement(placement.referral)
    assert following.state == State.CONFIRMED and following.was_on_road
    assert AlertKind.HOUSE_WITHDREW in standing()
    referrals.sweep(now=following.arrive_by + MINUTE)
    assert following.state == State.CONFIRMED, "somebody on the road was released by a clock"
    assert AlertKind.OVERDUE in standing()
    do(
        following,
        Event.SET_OFF,
        following.arrive_by + MINUTE,
        by="officer",
        eta_at=following.arrive_by + 30 * MINUTE,
    )
    assert AlertKind.HOUSE_WITHDREW not in standing()


def test_a_house_that_never_said_yes_cannot_end_a_journey_elsewhere(app: Flask) -> None:
    factories.house(outcode="LS1")
    factories.house(outcode="LS29")
    lapsed = factories.placement()
    referrals.sweep(now=lapsed.answer_by)
    there = referrals.live_placement(lapsed.referral)
    do(there, Event.CONFIRM, lapsed.answer_by)
    do(there, Event.SET_OFF, lapsed.answer_by, by="officer", eta_at=lapsed.answer_by + 30 * MINUTE)
    outcome = do(lapsed, Event.ARRIVE, lapsed.answer_by + MINUTE)
    assert outcome.kind is Happened.NO_BED and there.state == State.CONFIRMED
    assert AlertKind.NO_BED_ON_ARRIVAL in standing()


def test_putting_a_no_right_never_mixes_strangers_or_opens_a_closed_house(app: Flask) -> None:
    house = factories.house(cohort="either", rooms=2)
    woman = factories.placement(cohort="women")
    do(woman, Event.DECLINE, reason="staff")
    factories.placement(cohort="men", now=NOW + MINUTE)
    with pytest.raises(lifecycle.NotAllowed, match="no longer go there"):
        do(woman, Event.CORRECT, NOW + 2 * MINUTE)
    house.accepting, house.accepting_reason = False, "staff"
    with pytest.raises(lifecycle.NotAllowed):
        do(woman, Event.CORRECT, NOW + 2 * MINUTE, by="duty")


def test_a_hold_nobody_swept_still_keeps_strangers_out_of_the_shared_house(app: Flask) -> None:
    factories.house(cohort="either", rooms=2)
    woman = factories.placement(cohort="women")
    man = factories.referral(cohort="men", now=woman.answer_by + MINUTE)
    lived = referrals.live_placement(man)
    # Either he waits, or her overdue hold was released first: never both in one shared house.
    do(woman, Event.CONFIRM, woman.answer_by + 2 * MINUTE)
    assert lived is None and man.state == ReferralState.SEARCHING


def test_a_critical_text_with_nobody_to_send_it_to_reaches_a_person(app: Flask) -> None:
    factories.house()
    db.session.execute(sa.update(Contact).values(unreachable_at=NOW))
    db.session.expire_all()
    placement = factories.placement()
    assert said("asked") == 0 and AlertKind.TEXT_FAILED in standing()
    do(placement, Event.CONFIRM, by="duty")
    do(placement, Event.ARRIVE, by="duty")
    assert AlertKind.TEXT_FAILED not in standing()


def test_a_stay_that_is_over_or_erased_is_never_lived_again(app: Flask) -> None:
    factories.house()
    placement = factories.placement()
    referrals.sweep(now=placement.answer_by)
    with pytest.raises(lifecycle.NotAllowed, match="too long ago"):
        do(placement, Event.ARRIVE, NOW + dt.timedelta(days=2))
    placement.referral.erased_at = NOW
    with pytest.raises(lifecycle.NotAllowed, match="too long ago"):
        do(placement, Event.CORRECT, NOW + 20 * MINUTE, by="duty")


def test_nobody_inside_is_left_to_the_silence_of_the_next_house(app: Flask) -> None:
    factories.house(outcode="LS1")
    other = factories.house(outcode="LS29")
    placement = factories.placement()
    for event in (Event.CONFIRM, Event.ARRIVE):
        do(placement, event)
    room = other.bedspaces[0].id
    moved = do(placement, Event.TRANSFER, by="duty", bedspace_id=room, reason="safety").placement
    assert (placement.state, moved.state) == (State.DEPARTED, State.CONFIRMED)
    assert {"transferred", "agreed"} <= set(db.session.scalars(sa.select(Text.wording)))
    referrals.sweep(now=NOW + dt.timedelta(days=1))
    assert moved.state == State.CONFIRMED and AlertKind.OVERDUE in standing()


def test_a_room_that_is_taken_after_all_is_not_offered_to_the_next_person(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    waiting = factories.referral(now=NOW + MINUTE)
    do(placement, Event.DECLINE, NOW + 2 * MINUTE, reason="full")
    assert waiting.state == ReferralState.SEARCHING
    assert [count.out_of_service for count in premises.counts(house, NOW + 2 * MINUTE)] == [1]
    do(placement, Event.CORRECT, NOW + 3 * MINUTE)
    assert placement.state == State.HELD


def test_a_no_to_this_person_is_not_taken_back_by_a_new_count(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    do(placement, Event.DECLINE, reason="risk")
    beds.same(premises_id=house.id, by="clock", via="text", now=NOW + MINUTE)
    referrals.rematch(now=NOW + MINUTE)
    assert placement.referral.state == ReferralState.SEARCHING


def test_more_alerts_than_codes_still_raises_the_alert(app: Flask) -> None:
    for number in range(900):
        db.session.add(
            Alert(
                kind=AlertKind.TEXT_FAILED,
                subject=f"t:{number}",
                urgent=True,
                code=str(100 + number),
                raised_at=NOW,
            )
        )
    db.session.flush()
    referral = factories.referral()
    assert referral.state == ReferralState.SEARCHING and AlertKind.NOTHING_FITS in standing()
