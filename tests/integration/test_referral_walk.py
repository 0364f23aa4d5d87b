"""The way of one referral through the rooms, on both databases."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import duty, lifecycle, permissions, placements, referrals
from safety.extensions import db, new_id
from safety.lifecycle import Event, ReferralState, State
from safety.models import AlertKind, AuditEvent, Placement, Text, UnmetNeed
from safety.referrals import Happened
from tests import factories
from tests.factories import NOW

MINUTE = dt.timedelta(minutes=1)


def record(
    placement: Placement, event: Event, actor: permissions.Actor, now: dt.datetime = NOW, **facts: object
) -> referrals.Outcome:
    return referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=now)


def wordings(placement: Placement) -> list[str]:
    texts = db.session.scalars(sa.select(Text).where(Text.placement_id == placement.id)).all()
    return sorted(text.wording for text in texts)


def alerts() -> set[str]:
    return {alert.kind for alert in duty.open_alerts()}


def test_a_bed_is_held_and_both_sides_are_told(app: Flask) -> None:
    factories.house()
    placement = factories.placement()
    assert placement.state == State.HELD
    assert placement.referral.state == ReferralState.PLACED
    assert placement.answer_by == NOW + 15 * MINUTE
    assert wordings(placement) == ["asked", "held"]


def test_from_the_request_to_the_departure(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    officer = placement.referral.holder.actor()
    staff = factories.house_actor(house.id)
    record(placement, Event.CONFIRM, staff)
    record(placement, Event.SET_OFF, officer, eta_at=NOW + 40 * MINUTE)
    assert placement.arrive_by == NOW + 40 * MINUTE + 120 * MINUTE
    record(placement, Event.ARRIVE, staff, NOW + 45 * MINUTE)
    assert placement.stay_until == dt.datetime(2027, 1, 18, 12, tzinfo=dt.UTC)
    record(
        placement,
        Event.DEPART,
        staff,
        NOW + dt.timedelta(days=2),
        reason="planned",
        onward="msvcc",
        nrm_decision="consented",
    )
    assert placement.state == State.DEPARTED
    assert placement.referral.state == ReferralState.CLOSED
    whats = [event.what for event in db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id))]
    assert whats == ["open", "hold", "confirm", "set_off", "arrive", "depart", "close"]


def test_the_same_form_twice_is_one_referral(app: Flask) -> None:
    factories.house(rooms=2)
    officer, token = factories.officer(), new_id()
    first = referrals.open(request=factories.request(), officer=officer, form_token=token, now=NOW)
    again = referrals.open(request=factories.request(), officer=officer, form_token=token, now=NOW)
    assert first is again
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Placement)) == 1


def test_a_no_holds_the_next_best_in_the_same_step(app: Flask) -> None:
    near = factories.house(outcode="LS1")
    far = factories.house(outcode="LS29")
    placement = factories.placement()
    assert placement.premises_id == near.id
    record(placement, Event.DECLINE, factories.house_actor(near.id), reason="staff")
    following = referrals.live_placement(placement.referral)
    assert following is not None and following.premises_id == far.id
    assert placement.referral.state == ReferralState.PLACED


def test_nothing_fits_is_an_unmet_need_with_its_cause_and_an_alert(app: Flask) -> None:
    factories.house(cohort="men")
    referral = factories.referral()
    assert referral.state == ReferralState.SEARCHING
    assert db.session.scalars(sa.select(UnmetNeed)).one().causes == ["cohort"]
    assert alerts() == {AlertKind.NOTHING_FITS}


def test_a_bed_that_comes_free_goes_to_whoever_waits_longest(app: Flask) -> None:
    house = factories.house()
    taken = factories.placement()
    first = factories.referral(now=NOW + MINUTE)
    second = factories.referral(now=NOW + 2 * MINUTE)
    assert first.state == second.state == ReferralState.SEARCHING
    holder = taken.referral.holder.actor()
    record(taken, Event.CANCEL, holder, NOW + 3 * MINUTE, reason="plans", still_needed=False)
    assert (first.state, second.state) == (ReferralState.PLACED, ReferralState.SEARCHING)
    assert alerts() == {AlertKind.NOTHING_FITS}
    assert house.id == referrals.live_placement(first).premises_id


def test_silence_lapses_never_early_and_once(app: Flask) -> None:
    factories.house()
    placement = factories.placement()
    referrals.sweep(now=placement.answer_by - dt.timedelta(seconds=1))
    assert placement.state == State.HELD
    assert referrals.sweep(now=placement.answer_by).released == 1
    assert placement.state == State.LAPSED
    assert referrals.sweep(now=placement.answer_by + MINUTE).released == 0


def test_an_overdue_hold_nobody_swept_is_taken_by_the_next_person(app: Flask) -> None:
    factories.house()
    late = factories.placement()
    then = late.answer_by + MINUTE
    following = factories.referral(now=then)
    assert late.state == State.LAPSED
    assert referrals.live_placement(following).bedspace_id == late.bedspace_id
    assert late.referral.state == ReferralState.SEARCHING


def test_a_yes_past_the_deadline_and_not_yet_swept_counts(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    outcome = record(
        placement, Event.CONFIRM, factories.house_actor(house.id), placement.answer_by + 5 * MINUTE
    )
    assert outcome.kind is Happened.DONE and placement.state == State.CONFIRMED


def test_a_yes_after_the_lapse_holds_and_confirms_in_one_step(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    referrals.sweep(now=placement.answer_by)
    outcome = record(placement, Event.CONFIRM, factories.house_actor(house.id), placement.answer_by + MINUTE)
    assert outcome.kind is Happened.DONE
    assert outcome.placement.id != placement.id and outcome.placement.state == State.CONFIRMED
    assert wordings(outcome.placement) == ["confirmed"]


def test_a_yes_after_they_went_elsewhere_is_settled(app: Flask) -> None:
    near, far = factories.house(outcode="LS1"), factories.house(outcode="LS29")
    placement = factories.placement()
    referrals.sweep(now=placement.answer_by)
    outcome = record(placement, Event.CONFIRM, factories.house_actor(near.id), placement.answer_by + MINUTE)
    assert outcome.kind is Happened.SETTLED
    assert referrals.live_placement(placement.referral).premises_id == far.id


def test_nobody_set_off_so_the_bed_comes_free_and_nothing_is_held_again(app: Flask) -> None:
    house = factories.house(rooms=2)
    placement = factories.placement()
    record(placement, Event.CONFIRM, factories.house_actor(house.id))
    referrals.sweep(now=placement.arrive_by)
    assert placement.state == State.NOT_ARRIVED
    assert placement.referral.state == ReferralState.SEARCHING
    assert referrals.live_placement(placement.referral) is None
    assert alerts() == {AlertKind.RELEASED}


def test_somebody_on_the_road_is_never_released_by_a_clock(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    record(placement, Event.CONFIRM, factories.house_actor(house.id))
    record(placement, Event.SET_OFF, placement.referral.holder.actor(), eta_at=NOW + 30 * MINUTE)
    for hours in (3, 12, 72):
        referrals.sweep(now=NOW + dt.timedelta(hours=hours))
    assert placement.state == State.CONFIRMED
    assert alerts() == {AlertKind.OVERDUE}
    with pytest.raises(lifecycle.NotAllowed):
        lifecycle.transition(State.CONFIRMED, Event.RELEASE, lifecycle.Role.CLOCK, set_off=True)


def test_arrived_after_a_release_stays_inside(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    staff = factories.house_actor(house.id)
    record(placement, Event.CONFIRM, staff)
    referrals.sweep(now=placement.arrive_by)
    outcome = record(placement, Event.ARRIVE, staff, placement.arrive_by + MINUTE)
    assert outcome.kind is Happened.DONE and outcome.placement.state == State.ARRIVED
    assert outcome.placement.referral.state == ReferralState.PLACED
    assert alerts() == set()


def test_arrived_after_the_bed_was_given_away_alerts_at_once(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    staff = factories.house_actor(house.id)
    record(placement, Event.CONFIRM, staff)
    then = placement.arrive_by
    referrals.sweep(now=then)
    factories.placement(now=then + MINUTE)
    outcome = record(placement, Event.ARRIVE, staff, then + 2 * MINUTE)
    assert outcome.kind is Happened.NO_BED
    assert AlertKind.NO_BED_ON_ARRIVAL in alerts()


def test_a_house_withdraws_after_its_yes(app: Flask) -> None:
    near, far = factories.house(outcode="LS1"), factories.house(outcode="LS29")
    placement = factories.placement()
    staff, officer = factories.house_actor(near.id), placement.referral.holder.actor()
    record(placement, Event.CONFIRM, staff)
    record(placement, Event.SET_OFF, officer, eta_at=NOW + 30 * MINUTE)
    referrals.open_address(referral_id=placement.referral_id, actor=officer, reason="on_the_way", now=NOW)
    record(placement, Event.WITHDRAW, staff, NOW + MINUTE, reason="incident")
    assert "withdrawn" in wordings(placement)
    assert AlertKind.HOUSE_WITHDREW in alerts()
    assert referrals.live_placement(placement.referral).premises_id == far.id
    with pytest.raises(permissions.NotYours):
        referrals.open_address(
            referral_id=placement.referral_id, actor=officer, reason="on_the_way", now=NOW + MINUTE
        )


def test_the_same_answer_twice_is_a_success_and_another_is_a_conflict(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    staff = factories.house_actor(house.id)
    record(placement, Event.DECLINE, staff, reason="staff")
    assert record(placement, Event.DECLINE, staff, reason="staff").kind is Happened.SAME
    with pytest.raises(placements.Conflict, match="declined by the house at 14:00 by the house, by text"):
        record(placement, Event.DECLINE, staff, reason="risk")


def test_a_mistaken_no_is_put_right_while_the_bed_is_free(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    staff = factories.house_actor(house.id)
    record(placement, Event.DECLINE, staff, reason="full")
    record(placement, Event.CORRECT, staff, NOW + 10 * MINUTE)
    assert placement.state == State.HELD and placement.referral.state == ReferralState.PLACED
    assert placement.answer_by == NOW + 25 * MINUTE
    assert alerts() == set()


def test_another_force_cannot_tell_that_a_referral_exists(app: Flask) -> None:
    factories.house()
    referral = factories.referral()
    stranger = factories.officer().actor()
    for reference in (referral.spoken, "AAA-AAA"):
        with pytest.raises(permissions.NotYours):
            referrals.take_over(
                reference=reference, actor=stranger, phone=factories.phone(), reason="shift", now=NOW
            )
    with pytest.raises(permissions.NotYours):
        referrals.seen_by(referral_id=referral.id, actor=stranger)


def test_a_colleague_takes_over_with_the_spoken_reference(app: Flask) -> None:
    factories.house()
    force = factories.force()
    referral = factories.referral(by=factories.officer(of=force))
    colleague = factories.officer(of=force)
    said = referral.spoken.lower().replace("-", " ")
    referrals.take_over(
        reference=said, actor=colleague.actor(), phone=factories.phone(), reason="shift", now=NOW
    )
    assert referral.holder is colleague
    assert "taken_over" in {text.wording for text in db.session.scalars(sa.select(Text))}


def test_the_address_opens_only_for_the_holder_on_the_road(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    officer = placement.referral.holder.actor()
    staff = factories.house_actor(house.id)

    def opens(actor: permissions.Actor, now: dt.datetime) -> bool:
        try:
            return bool(
                referrals.open_address(
                    referral_id=placement.referral_id, actor=actor, reason="on_the_way", now=now
                ).lines
            )
        except permissions.NotYours:
            return False

    assert not opens(officer, NOW)
    record(placement, Event.CONFIRM, staff)
    assert not opens(officer, NOW)
    record(placement, Event.SET_OFF, officer, eta_at=NOW + 30 * MINUTE)
    assert opens(officer, NOW)
    assert not opens(factories.coordinator_actor(), NOW)
    record(placement, Event.ARRIVE, staff, NOW + 30 * MINUTE)
    assert opens(officer, NOW + 89 * MINUTE)
    assert not opens(officer, NOW + 91 * MINUTE)
    assert wordings(placement).count("address_opened") == 1


def test_a_mixed_house_never_mixes_strangers_in_shared_rooms(app: Flask) -> None:
    factories.house(cohort="either", rooms=2)
    factories.placement(cohort="women")
    man = factories.referral(cohort="men")
    assert man.state == ReferralState.SEARCHING
    assert db.session.scalars(sa.select(UnmetNeed)).one().causes == ["sharing"]
