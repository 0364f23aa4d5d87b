"""What a coordinator lengthens and hands on: the time to answer, a stay, a request; and the alerts of a stay that ends."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from safety import duty, lifecycle, placements, referrals
from safety.extensions import db
from safety.lifecycle import Event, Role, State
from safety.models import AlertKind, Placement, Text
from safety.permissions import NotYours
from safety.referrals.handover import hand_over
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, still_clock, words

pytestmark = pytest.mark.usefixtures("cheap")

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
OF_STAYS = {AlertKind.STAY_ENDING, AlertKind.ONWARD_UNKNOWN, AlertKind.STAY_OVER}


@pytest.fixture
def clock(monkeypatch):
    return still_clock(monkeypatch, NOW)


def do(placement: Placement, event: Event, actor, now=NOW, **facts):
    return referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=now)


def staying() -> Placement:
    """Somebody who lives in a house, and whose force has a lead."""
    house = factories.house()
    placement = factories.placement()
    factories.officer(of=placement.referral.force, role=Role.LEAD)
    staff = factories.house_actor(house.id)
    do(placement, Event.CONFIRM, staff)
    do(placement, Event.SET_OFF, placement.referral.holder.actor(), eta_at=NOW + 30 * MINUTE)
    do(placement, Event.ARRIVE, staff)
    assert placement.stay_until is not None
    return placement


def standing() -> set[str]:
    return {alert.kind for alert in duty.open_alerts()} & OF_STAYS


def said(wording: str) -> list[Text]:
    return list(db.session.scalars(sa.select(Text).where(Text.wording == wording)))


# --- the time to answer


def test_a_house_that_is_given_longer_keeps_the_bed_held_and_it_and_the_officer_are_told(app):
    factories.house()
    placement = factories.placement()
    duty_actor = factories.coordinator_actor()
    until = NOW + 40 * MINUTE
    do(placement, Event.LONGER, duty_actor, answer_by=until, reason="making_ready")
    assert (placement.state, placement.answer_by) == (State.HELD, until)
    assert len(said("longer_to_answer")) == len(said("longer_for_officer")) == 1
    referrals.sweep(now=until - MINUTE)
    assert placement.state == State.HELD
    assert len(said("reminded")) == 1
    referrals.sweep(now=until)
    assert placement.state == State.LAPSED


def test_a_house_whose_time_has_just_run_out_can_still_be_given_longer(app):
    factories.house()
    placement = factories.placement()
    late = placement.answer_by + MINUTE
    do(
        placement,
        Event.LONGER,
        factories.coordinator_actor(),
        now=late,
        answer_by=late + 10 * MINUTE,
        reason="other",
    )
    referrals.sweep(now=late + MINUTE)
    assert placement.state == State.HELD


@pytest.mark.parametrize("ahead", [dt.timedelta(0), 14 * MINUTE, 61 * MINUTE])
def test_longer_is_later_than_what_stands_and_an_hour_at_most(app, ahead):
    factories.house()
    placement = factories.placement()
    with pytest.raises(lifecycle.NotAllowed):
        do(placement, Event.LONGER, factories.coordinator_actor(), answer_by=NOW + ahead, reason="other")
    assert placement.answer_by == NOW + 15 * MINUTE


def test_only_a_coordinator_gives_longer_and_only_before_the_answer(app):
    house = factories.house()
    placement = factories.placement()
    facts = {"answer_by": NOW + 30 * MINUTE, "reason": "other"}
    with pytest.raises(lifecycle.NotAllowed):
        do(placement, Event.LONGER, factories.house_actor(house.id), **facts)
    with pytest.raises(lifecycle.NotAllowed):
        do(placement, Event.LONGER, factories.coordinator_actor(), answer_by=facts["answer_by"])
    do(placement, Event.CONFIRM, factories.house_actor(house.id))
    with pytest.raises((lifecycle.NotAllowed, placements.Conflict)):
        do(placement, Event.LONGER, factories.coordinator_actor(), **facts)


def test_longer_on_the_page(app, client, clock):
    factories.house()
    placement = factories.placement()
    db.session.commit()
    desk = Visitor(client).sign_in(factories.coordinator())
    page = desk.get(f"/duty/placements/{placement.id}/longer")
    assert "The house answers by today 14:15 now." in words(page)
    landed = desk.press(f"/duty/placements/{placement.id}/longer", minutes="30", reason="asking_staff")
    assert "The house has longer to answer." in words(landed)
    assert "The house was given longer to answer" in words(landed)
    assert "They are asking their own staff" in words(landed)
    desk.post(f"/duty/placements/{placement.id}/longer", 400, minutes="30")


# --- stays that end


def test_a_day_before_a_stay_ends_house_and_lead_are_told_and_the_board_knows_once(app):
    placement = staying()
    before = placement.stay_until - 24 * HOUR
    referrals.sweep(now=before - MINUTE)
    assert (standing(), said("stay_ends")) == (set(), [])
    for _ in range(2):
        referrals.sweep(now=before)
        assert standing() == {AlertKind.STAY_ENDING, AlertKind.ONWARD_UNKNOWN}
        assert len({text.to for text in said("stay_ends")}) == len(said("stay_ends")) == 2
    # Over is another trouble than ending, and nobody knows yet where to.
    for _ in range(2):
        referrals.sweep(now=placement.stay_until)
        assert standing() == {AlertKind.STAY_OVER, AlertKind.ONWARD_UNKNOWN}


@pytest.mark.parametrize("side", ["house", "duty"])
def test_saying_where_they_go_next_ends_the_one_alert_and_leaves_the_other(app, side):
    placement = staying()
    before = placement.stay_until - 24 * HOUR
    referrals.sweep(now=before)
    actor = factories.coordinator_actor() if side == "duty" else factories.house_actor(placement.premises_id)
    do(placement, Event.PLAN, actor, now=before, onward="charity")
    assert (placement.state, placement.planned_onward) == (State.ARRIVED, "charity")
    assert standing() == {AlertKind.STAY_ENDING}
    referrals.sweep(now=before + MINUTE)
    assert standing() == {AlertKind.STAY_ENDING}


def test_an_extended_stay_ends_both_and_a_day_before_the_new_end_they_come_again(app):
    placement = staying()
    before = placement.stay_until - 24 * HOUR
    referrals.sweep(now=before)
    until = placement.stay_until + 72 * HOUR
    do(
        placement,
        Event.EXTEND,
        factories.coordinator_actor(),
        now=before,
        stay_until=until,
        reason="waiting_onward",
    )
    assert standing() == set()
    referrals.sweep(now=before + HOUR)
    assert standing() == set()
    referrals.sweep(now=until - 24 * HOUR)
    assert standing() == {AlertKind.STAY_ENDING, AlertKind.ONWARD_UNKNOWN}


def test_leaving_ends_both(app):
    placement = staying()
    before = placement.stay_until - 24 * HOUR
    referrals.sweep(now=before)
    do(
        placement,
        Event.DEPART,
        factories.house_actor(placement.premises_id),
        now=before,
        reason="planned",
        onward="charity",
        nrm_decision="consented",
    )
    assert standing() == set()


@pytest.mark.parametrize("code", ["not_known", "street", "12 Some Road"])
def test_a_plan_is_a_kind_of_place_and_nothing_else(app, code):
    placement = staying()
    with pytest.raises(lifecycle.NotAllowed):
        do(placement, Event.PLAN, factories.house_actor(placement.premises_id), onward=code)
    with pytest.raises(sa.exc.IntegrityError), db.session.begin_nested():
        placement.planned_onward = code
        db.session.flush()


def test_a_house_says_where_they_go_next_in_two_presses(app, client, clock):
    placement = staying()
    db.session.commit()
    there = Visitor(client).sign_in(factories.staff(of=placement.premises.provider))
    page = there.get(f"/house/placements/{placement.id}")
    assert "Nobody has said where they go next." in words(page)
    page = there.get(f"/house/placements/{placement.id}/onward")
    landed = there.get(there.send(page, "Another charity or refuge").headers["Location"])
    assert "Then: Another charity or refuge." in words(landed)


# --- handing over


def test_a_request_is_handed_over_and_everybody_is_told(app):
    placement = staying()
    referral = placement.referral
    before = referral.holder
    other = factories.officer(of=referral.force, name="Other Officer")
    for _ in range(2):
        hand_over(
            referral_id=referral.id,
            to=other.id,
            actor=factories.coordinator_actor(),
            reason="shift",
            now=NOW + HOUR,
        )
    assert (referral.holder_id, referral.officer_phone) == (other.id, other.phone)
    assert [text.to for text in said("handed_over")] == [other.phone]
    assert len(said("taken_over")) == 2  # the one before, and the lead
    with pytest.raises(NotYours):
        referrals.seen_by(referral_id=referral.id, actor=before.actor())


@pytest.mark.parametrize("which", ["another force", "closed account", "not confirmed", "no mobile"])
def test_nobody_holds_a_request_who_could_not_act_on_it(app, which):
    referral = factories.referral()
    other = {
        "another force": factories.officer,
        "closed account": lambda: factories.officer(of=referral.force, disabled_at=NOW, disabled_by="clock"),
        "not confirmed": lambda: factories.officer(of=referral.force, confirmed=False),
        "no mobile": lambda: factories.officer(of=referral.force, phone=None, phone_index=None),
    }[which]()
    with pytest.raises(lifecycle.NotAllowed):
        hand_over(
            referral_id=referral.id, to=other.id, actor=factories.coordinator_actor(), reason="shift", now=NOW
        )
    assert referral.holder_id != other.id


def test_only_a_coordinator_hands_over(app):
    referral = factories.referral()
    other = factories.officer(of=referral.force)
    with pytest.raises(lifecycle.NotAllowed):
        hand_over(
            referral_id=referral.id, to=other.id, actor=referral.holder.actor(), reason="shift", now=NOW
        )


def test_handing_over_on_the_page(app, client, clock):
    referral = factories.referral()
    other = factories.officer(of=referral.force, name="Other Officer")
    db.session.commit()
    desk = Visitor(client).sign_in(factories.coordinator())
    page = desk.get(f"/duty/referrals/{referral.id}/hand-over")
    assert "Other Officer, collar number" in words(page)
    desk.post(f"/duty/referrals/{referral.id}/hand-over", 400, officer=str(other.id))
    landed = desk.press(f"/duty/referrals/{referral.id}/hand-over", officer=str(other.id), reason="on_scene")
    assert "Handed over." in words(landed)
    assert "A coordinator handed it to another officer" in words(landed)


def test_a_move_to_a_house_that_does_not_fit_keeps_what_was_not_met(app):
    placement = staying()
    other = factories.house(cohort="men", name="Other House")
    outcome = do(
        placement,
        Event.TRANSFER,
        factories.coordinator_actor(),
        bedspace_id=other.bedspaces[0].id,
        reason="safety",
    )
    assert (placement.state, outcome.placement.state) == (State.DEPARTED, State.CONFIRMED)
    assert placement.last_facts["override"]
