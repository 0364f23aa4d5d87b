"""Critical texts at the edges: sent again by a person, found out late, overtaken by a change of room, rung too late."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from safety import delivery, duty, fallback, messages, placements, referrals, sms, texts
from safety.extensions import db
from safety.lifecycle import Event, ReferralState
from safety.models import (
    AlertKind,
    Bedspace,
    Channel,
    MessageState,
    Placement,
    SupplierError,
    Text,
)
from tests import factories
from tests.desk import MINUTE, SECOND, Desk, claim, fresh, text, writing
from tests.factories import NOW
from tests.integration.test_fallback import (
    FIVE_MINUTES,
    asked,
    comes,
    failed,
    house,
    latest,
    text_of,
    ticks,
    tried,
)


def again(text_id: object, desk: Desk) -> Text:
    writing()
    more = texts.send_again(text_id=text_id, by="clock", now=desk.now)  # type: ignore[arg-type]
    db.session.commit()
    desk.round()
    return more


# Sent once more by a person


def test_what_a_person_sent_again_is_followed_like_any_other(desk: Desk) -> None:
    """The press ends the alert, so silence must raise it anew."""
    first = asked(desk, 1)
    ticks(desk, first, until=FIVE_MINUTES)
    assert failed(first)
    more = again(first.id, desk)
    assert not failed(first)
    assert ticks(desk, more, until=FIVE_MINUTES) == {0: "text", 90: "call", 285: "alert"}


def test_what_stood_for_another_text_is_not_sent_again_by_itself(desk: Desk) -> None:
    """Its alert is the first one's, and a call has no words to be texted."""
    first = asked(desk, 2)
    comes(desk, first, "undelivered")
    comes(desk, latest(first), "undelivered")
    comes(desk, latest(first), "busy")
    assert failed(first)
    for one in db.session.scalars(sa.select(Text).where(Text.same_as_id == first.id)):
        assert texts.why_not(one, desk.now) == "It stood for another text: send that one again"
    assert texts.why_not(first, desk.now) == ""


# What happens meanwhile


def moved_to_another_room(placement: Placement, desk: Desk) -> None:
    writing()
    other = sa.select(Bedspace.id).where(
        Bedspace.premises_id == placement.premises_id, Bedspace.id != placement.bedspace_id
    )
    referrals.record(
        placement_id=placement.id,
        event=Event.MOVE,
        actor=factories.house_actor(placement.premises_id),
        facts={"bedspace_id": db.session.scalars(other).first()},
        now=desk.now,
    )
    db.session.commit()


def agreed_in_a_house_of_two_rooms(desk: Desk) -> Placement:
    made = factories.house(rooms=2)
    placement = factories.placement()
    placements.change(
        placement=placement,
        event=Event.CONFIRM,
        actor=factories.house_actor(made.id),
        facts={},
        now=NOW + SECOND,
    )
    db.session.commit()
    desk.now = NOW + 2 * SECOND
    desk.round()
    return placement


def test_a_change_of_room_tells_no_officer_that_the_house_said_yes(desk: Desk) -> None:
    placement = agreed_in_a_house_of_two_rooms(desk)
    confirmed = text_of("confirmed")
    desk.later(10 * SECOND)
    moved_to_another_room(placement, desk)
    comes(desk, confirmed, "undelivered", "30003")
    assert tried(confirmed)[-1] == ("call", "other", "sent")
    comes(desk, latest(confirmed), "no-answer")
    assert failed(confirmed)
    desk.later(SECOND)
    assert texts.why_not(fresh(confirmed), desk.now) == ""


def test_nor_does_it_end_the_alert_that_nobody_told_the_officer(desk: Desk) -> None:
    placement = agreed_in_a_house_of_two_rooms(desk)
    confirmed = text_of("confirmed")
    comes(desk, confirmed, "undelivered", "30003")
    comes(desk, latest(confirmed), "no-answer")
    desk.later(10 * SECOND)
    moved_to_another_room(placement, desk)
    assert failed(confirmed)


def test_nobody_is_rung_about_what_is_settled_before_the_call_goes(desk: Desk) -> None:
    first = asked(desk, 1)
    desk.supplier.next_call = [sms.Refused("503")] * 3
    comes(desk, first, "undelivered")
    assert (latest(first).channel, latest(first).state) == ("call", "queued")
    writing()
    placement = db.session.scalars(sa.select(Placement)).one()
    referrals.record(
        placement_id=placement.id,
        event=Event.CONFIRM,
        actor=factories.house_actor(placement.premises_id),
        facts={},
        now=desk.now,
    )
    db.session.commit()
    desk.supplier.next_call = []
    ticks(desk, first, until=FIVE_MINUTES)
    assert first.to not in [rung.to for rung in desk.supplier.rings]
    assert latest(first).state == MessageState.EXPIRED and not failed(first)


def test_nobody_is_rung_about_what_they_read_before_the_call_goes(desk: Desk) -> None:
    """The text came late, and they have it: a telephone that rings at night then says nothing new."""
    first = asked(desk, 1)
    desk.supplier.next_call = [sms.Refused("503")] * 3
    ticks(desk, first, until=100 * SECOND)
    assert latest(first).channel == Channel.CALL
    comes(desk, first, "delivered")
    desk.supplier.next_call = []
    ticks(desk, first, until=FIVE_MINUTES)
    assert desk.supplier.rings == [] and not failed(first)


def test_a_call_beside_a_text_is_made_though_the_text_was_delivered(desk: Desk) -> None:
    """Whoever is at the wheel reads nothing."""
    made = house(1)
    placement = factories.placement()
    by = factories.house_actor(made.id)
    placements.change(placement=placement, event=Event.CONFIRM, actor=by, facts={}, now=NOW + SECOND)
    placements.change(
        placement=placement, event=Event.WITHDRAW, actor=by, facts={"reason": "staff"}, now=NOW + 2 * SECOND
    )
    db.session.commit()
    desk.now = NOW + 3 * SECOND
    desk.supplier.next_call = [sms.Refused("503")]
    desk.round()
    comes(desk, text_of("withdrawn"), "delivered")
    desk.later(10 * SECOND)
    desk.round()
    assert [rung.to for rung in desk.supplier.rings] == [placement.referral.officer_phone]


# By the clock


def test_the_five_minutes_begin_when_it_was_handed_over_and_not_when_that_was_found_out(desk: Desk) -> None:
    desk.supplier.next = ["drop"]
    desk.supplier.next_find = [sms.Unanswered("ReadTimeout")] * 3
    made = house(1)
    factories.placement()
    db.session.commit()
    desk.supplier.only_to = made.contacts[0].phone
    desk.round()
    first = text_of("asked")
    assert fresh(first).state == MessageState.UNKNOWN
    seen = ticks(desk, first, until=FIVE_MINUTES)
    assert fresh(first).state == MessageState.SENT
    assert list(seen.values()) == ["text", "call", "alert"]
    assert max(seen) < 300


def test_trouble_with_what_comes_in_keeps_nobody_waiting_for_what_goes_out(desk: Desk) -> None:
    made = house(2)
    factories.placement()
    duty.raise_alert(kind=AlertKind.SUPPLIER, subject="supplier:inbound", now=NOW)
    db.session.commit()
    desk.supplier.only_to = made.contacts[0].phone
    desk.supplier.next = [sms.Refused("30003")] * 20
    desk.round()
    desk.later(91 * SECOND)
    desk.round()
    assert tried(text_of("asked"))[1] == ("text", "2", "sent")


# Stopped processes


def test_a_process_that_was_stopped_says_nothing_of_the_supplier_either(desk: Desk) -> None:
    """What it was called with broke while it stood still: three of those would take the texts of all others elsewhere."""
    text()
    (errand,) = claim(desk.now)
    desk.later(5 * MINUTE)
    assert len(claim(desk.now)) == 1
    for result in (
        delivery.Result("unanswered", code="ConnectionError", supplier="fake"),
        delivery.Result("refused", refused=sms.Refused("503"), code="503", supplier="fake"),
    ):
        writing()
        assert delivery.record(errand=errand, result=result, now=desk.now) is None
        db.session.commit()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SupplierError)) == 0


@pytest.mark.parametrize(("worth", "rings_for"), [(5 * MINUTE, 5 * MINUTE), (60 * MINUTE, 10 * MINUTE)])
def test_nobody_is_rung_when_the_text_is_worth_nothing_nor_long_after_it_was_read(
    desk: Desk, worth: dt.timedelta, rings_for: dt.timedelta
) -> None:
    first = text(now=NOW, worth=worth)
    matter = messages.Matter(reference="K7M-4QX", ring="0113 496 0100")
    rung = fallback.ring(
        text=first, wording=messages.call_house, matter=matter, to=factories.phone(), now=NOW
    )
    assert rung is not None
    assert rung.worthless_at == NOW + rings_for


def test_what_was_said_of_a_request_is_stale_once_a_bed_is_held_or_it_is_closed(desk: Desk) -> None:
    factories.house()
    placement = factories.placement(now=NOW)
    first = text(now=NOW - MINUTE)
    first.referral_id = placement.referral_id
    db.session.commit()
    assert not fallback.matters(first), "a bed was held since"
    first.queued_at = NOW
    db.session.commit()
    assert fallback.matters(first)
    placement.referral.state = ReferralState.CLOSED
    with db.session.no_autoflush:
        assert not fallback.matters(first), "it is over"
    db.session.rollback()
