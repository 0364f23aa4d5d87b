"""A critical text that does not get through: the next telephone, one call, a coordinator, within five minutes."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import delivery, duty, fallback, invariants, messages, outbox, placements, referrals, sms
from safety.crypto import ring
from safety.extensions import db
from safety.lifecycle import Event
from safety.models import AlertKind, Contact, MessageState, Placement, Premises, Text
from tests import factories
from tests.desk import MINUTE, SECOND, Desk, claim, fresh, receipt, writing
from tests.factories import NOW

FIVE_MINUTES = 5 * MINUTE


def house(telephones: int, **hours: str) -> Premises:
    """A house with so many telephones; the hours are those of every one but the first."""
    made = factories.house()
    for position in range(2, telephones + 1):
        number = factories.phone()
        db.session.add(
            Contact(
                premises_id=made.id,
                position=position,
                phone=number,
                phone_index=ring().index("phone", number),
                **hours,
            )
        )
    db.session.flush()
    db.session.expire(made, ["contacts"])
    return made


def asked(desk: Desk, telephones: int = 2, **hours: str) -> Text:
    """A house was asked, and its first telephone has been sent the question."""
    house(telephones, **hours)
    factories.placement()
    db.session.commit()
    desk.round()
    return text_of("asked")


def text_of(wording: str) -> Text:
    """The one that stands for no other."""
    wanted = sa.select(Text).where(Text.wording == wording, Text.same_as_id.is_(None))
    return db.session.scalars(wanted).one()


def tried(text: Text) -> list[tuple[str, str, str]]:
    """What was tried for a text: by which channel, on which of the house's telephones (or "other"), and what became of it."""
    db.session.rollback()
    numbers = [contact.phone for contact in db.session.scalars(sa.select(Contact).order_by(Contact.position))]
    rows = sa.select(Text).where(sa.or_(Text.id == text.id, Text.same_as_id == text.id))
    return [
        (one.channel, str(numbers.index(one.to) + 1) if one.to in numbers else "other", one.state)
        for one in db.session.scalars(rows.order_by(Text.queued_at, Text.same_as_id.is_not(None), Text.id))
    ]


def comes(desk: Desk, text: Text, status: str, error: str | None = None) -> None:
    """A second later the supplier says what became of it, and a round of the jobs process follows."""
    desk.later(SECOND)
    sid = fresh(text).sid
    assert sid is not None, "it was not handed over"
    receipt(sid, status, error, now=desk.now)
    desk.round()


def latest(text: Text) -> Text:
    rows = sa.select(Text).where(Text.same_as_id == text.id)
    return db.session.scalars(rows.order_by(Text.queued_at.desc(), Text.id).limit(1)).one()


def failed(text: Text) -> bool:
    """Whether a coordinator has it on the board."""
    return duty.standing(kind=AlertKind.TEXT_FAILED, subject=f"text:{text.id.hex}") is not None


def ticks(desk: Desk, text: Text, *, until: dt.timedelta) -> dict[int, str]:
    """Let the clock run from now in rounds of five seconds, with no word from the supplier; returns what was tried, by second."""
    seen: dict[int, str] = {}
    start = desk.now
    while desk.now <= start + until:
        steps = [channel for channel, _, _ in tried(text)]
        steps += ["alert"] if failed(text) else []
        if len(steps) > len(seen):
            for step in steps[len(seen) :]:
                second = int((desk.now - start).total_seconds())
                while second in seen:
                    second += 1
                seen[second] = step
        desk.later(5 * SECOND)
        desk.round()
    return seen


# The next telephone


def test_what_did_not_reach_the_first_telephone_goes_to_the_second_at_once(desk: Desk) -> None:
    first = asked(desk)
    comes(desk, first, "undelivered", "30003")
    assert tried(first) == [("text", "1", "undelivered"), ("text", "2", "sent")]
    again = latest(first)
    assert (again.body, again.worthless_at, again.placement_id) == (
        first.body,
        first.worthless_at,
        first.placement_id,
    )
    comes(desk, again, "delivered")
    desk.later(FIVE_MINUTES)
    desk.round()
    assert desk.supplier.rings == [] and not failed(first)
    assert fresh(first).look_at is None


@pytest.mark.parametrize("code", ["21610", "21211", "21614"])
def test_a_number_that_takes_nothing_is_passed_over_in_the_same_round(desk: Desk, code: str) -> None:
    made = house(2)
    factories.placement()
    db.session.commit()
    desk.supplier.only_to = made.contacts[0].phone
    desk.supplier.next = [sms.Refused(code, permanent=True, unreachable=True)]
    desk.round()
    assert tried(text_of("asked")) == [("text", "1", "failed"), ("text", "2", "sent")]


def test_quiet_hours_keep_no_telephone_from_what_cannot_wait(desk: Desk) -> None:
    """The second has hours that do not cover this moment, by a long way."""
    local = NOW.astimezone(dt.UTC).hour
    first = asked(desk, 2, from_time=f"{(local + 6) % 24:02}:00", to_time=f"{(local + 7) % 24:02}:00")
    comes(desk, first, "undelivered")
    assert tried(first)[1] == ("text", "2", "sent")


def test_each_telephone_is_tried_once_in_order_and_then_one_call_is_made(desk: Desk) -> None:
    first = asked(desk, 4)
    comes(desk, first, "undelivered")
    for _ in range(3):
        comes(desk, latest(first), "undelivered")
    assert tried(first) == [
        ("text", "1", "undelivered"),
        ("text", "2", "undelivered"),
        ("text", "3", "undelivered"),
        ("text", "4", "undelivered"),
        ("call", "1", "sent"),
    ]


def test_a_yes_from_the_house_stops_it(desk: Desk) -> None:
    first = asked(desk)
    comes(desk, first, "undelivered")
    writing()
    placement = db.session.scalars(sa.select(Placement)).one()
    referrals.record(
        placement_id=placement.id,
        event=Event.CONFIRM,
        actor=factories.house_actor(placement.premises_id),
        facts={},
        now=desk.now + SECOND,
    )
    db.session.commit()
    desk.later(SECOND)
    comes(desk, latest(first), "undelivered")
    desk.later(FIVE_MINUTES)
    desk.round()
    assert [channel for channel, _, _ in tried(first)] == ["text", "text"] and not failed(first)
    assert invariants.breaches(now=desk.now - 4 * MINUTE) == []


# The call


def test_a_house_with_one_telephone_is_rung(desk: Desk) -> None:
    first = asked(desk, 1)
    comes(desk, first, "undelivered")
    assert tried(first) == [("text", "1", "undelivered"), ("call", "1", "sent")]
    (rung,) = desk.supplier.rings
    assert rung.body.startswith("Places of Safety, about ") and "sign in now" in rung.body
    comes(desk, latest(first), "completed")
    assert (latest(first).state, failed(first)) == (MessageState.DELIVERED, False)


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", "machine"])
def test_a_call_that_nobody_heard_is_a_coordinators(desk: Desk, status: str) -> None:
    first = asked(desk, 1)
    comes(desk, first, "undelivered")
    assert not failed(first)
    comes(desk, latest(first), status)
    assert failed(first)
    desk.later(FIVE_MINUTES)
    desk.round()
    assert desk.supplier.rang == 1


def test_a_call_that_is_refused_is_a_coordinators_in_the_same_round(desk: Desk) -> None:
    first = asked(desk, 1)
    desk.supplier.next_call = [sms.Refused("21214", permanent=True)]
    comes(desk, first, "undelivered")
    assert failed(first) and desk.supplier.rings == []


def test_of_a_number_that_does_not_exist_the_next_one_is_rung(desk: Desk) -> None:
    made = house(2)
    factories.placement()
    db.session.commit()
    desk.supplier.only_to = made.contacts[0].phone
    desk.supplier.next = [sms.Refused("21211", permanent=True, unreachable=True)]
    desk.round()
    first = text_of("asked")
    comes(desk, latest(first), "undelivered")
    assert tried(first)[-1] == ("call", "2", "sent")


def test_an_answer_that_was_lost_does_not_ring_twice(desk: Desk) -> None:
    first = asked(desk, 1)
    desk.supplier.next_call = ["drop"]
    comes(desk, first, "undelivered")
    assert tried(first)[-1] == ("call", "1", "unknown")
    for _ in range(30):
        desk.later(SECOND)
        desk.round()
    assert (desk.supplier.rang, len(desk.supplier.rings)) == (1, 1)
    assert latest(first).sid == desk.supplier.rings[0].sid


def test_a_call_that_was_not_made_after_all_is_made(desk: Desk) -> None:
    first = asked(desk, 1)
    desk.supplier.next_call = ["hang"]
    comes(desk, first, "undelivered")
    for _ in range(30):
        desk.later(SECOND)
        desk.round()
    assert (desk.supplier.rang, len(desk.supplier.rings)) == (2, 1)


@pytest.mark.parametrize(("said", "later"), [("completed", "no-answer"), ("no-answer", "completed")])
def test_what_became_of_a_call_is_final(desk: Desk, said: str, later: str) -> None:
    first = asked(desk, 1)
    comes(desk, first, "undelivered")
    comes(desk, latest(first), said)
    state = latest(first).state
    comes(desk, latest(first), later)
    assert latest(first).state == state


def test_where_no_calls_are_made_a_coordinator_hears_at_once(app: Flask, desk: Desk) -> None:
    app.config["POS_CALLS"] = False
    first = asked(desk, 1)
    comes(desk, first, "undelivered")
    assert failed(first) and desk.supplier.rang == 0


def test_the_database_refuses_a_second_call_and_a_telephone_twice(desk: Desk) -> None:
    first = asked(desk, 2)
    comes(desk, first, "undelivered")
    to, matter = latest(first).to, messages.Matter(reference="K7M-4QX", ring="0113 496 0100")
    assert to is not None

    def another_call() -> None:
        for number in (to, factories.phone()):
            fallback.ring(text=first, wording=messages.call_house, matter=matter, to=number, now=desk.now)

    def again() -> None:
        outbox.repeat(text=first, to=to, now=desk.now)

    twice: tuple[Callable[[], None], ...] = (another_call, again)
    for do in twice:
        writing()
        with pytest.raises(sa.exc.IntegrityError):
            do()
            db.session.flush()
        db.session.rollback()


def test_processes_that_look_at_the_same_moment_take_one_step(app: Flask, desk: Desk) -> None:
    first = asked(desk, 4)
    desk.later(90 * SECOND)
    gate = threading.Barrier(4)

    def look() -> None:
        with app.app_context():
            gate.wait(10)
            writing()
            delivery.tidy(now=desk.now)
            db.session.commit()
            db.session.remove()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert tried(first) == [("text", "1", "sent"), ("text", "2", "queued")]


# Silence


def test_with_no_word_at_all_a_coordinator_hears_within_five_minutes(desk: Desk) -> None:
    first = asked(desk, 2)
    assert ticks(desk, first, until=FIVE_MINUTES) == {0: "text", 90: "text", 135: "call", 285: "alert"}
    assert desk.supplier.rang == 1


def test_many_telephones_that_say_nothing_leave_time_for_the_call(desk: Desk) -> None:
    first = asked(desk, 8)
    assert ticks(desk, first, until=FIVE_MINUTES) == {
        0: "text",
        90: "text",
        135: "text",
        180: "call",
        285: "alert",
    }


def test_after_a_standstill_a_coordinator_hears_first(desk: Desk) -> None:
    """The five minutes are over, so there is none left for a call."""
    first = asked(desk, 2)
    comes(desk, first, "undelivered")
    desk.later(FIVE_MINUTES)
    desk.round()
    assert failed(first) and desk.supplier.rang == 0


def test_a_text_refused_again_and_again_is_not_waited_for(desk: Desk) -> None:
    """Others go through, so it is not the supplier; nobody would hear of it before its worth is over."""
    made = house(2)
    factories.placement()
    db.session.commit()
    desk.supplier.only_to = made.contacts[0].phone
    desk.supplier.next = [sms.Refused("30003")] * 20
    desk.round()
    first = text_of("asked")
    desk.later(91 * SECOND)
    desk.round()
    assert tried(first)[1] == ("text", "2", "sent")


def test_while_the_supplier_fails_no_telephone_is_blamed(desk: Desk) -> None:
    made = house(2)
    factories.placement()
    db.session.commit()
    desk.supplier.next = [sms.Refused("20003", alarm=True)] * 200
    for _ in range(100):
        desk.round()
        desk.later(SECOND)
    assert duty.standing(kind=AlertKind.SUPPLIER, subject=delivery.SUPPLIER) is not None
    assert [channel for channel, _, _ in tried(text_of("asked"))] == ["text"]
    assert made.contacts[0].unreachable_at is None


def test_nobody_is_blamed_for_what_lay_while_no_process_was_at_work(desk: Desk) -> None:
    house(2)
    factories.placement()
    db.session.commit()
    desk.later(10 * MINUTE)
    desk.round()
    assert [channel for channel, _, _ in tried(text_of("asked"))] == ["text"]


def test_a_word_in_time_is_enough(desk: Desk) -> None:
    first = asked(desk, 2)
    desk.later(80 * SECOND)
    comes(desk, first, "delivered")
    assert ticks(desk, first, until=FIVE_MINUTES) == {0: "text"}


# The alert ends with its cause


def test_the_alert_ends_when_it_is_heard_after_all(desk: Desk) -> None:
    first = asked(desk, 1)
    ticks(desk, first, until=FIVE_MINUTES)
    assert failed(first)
    comes(desk, latest(first), "completed")
    assert not failed(first)


def test_the_alert_ends_when_the_first_telephone_had_it_all_the_time(desk: Desk) -> None:
    first = asked(desk, 2)
    ticks(desk, first, until=FIVE_MINUTES)
    assert failed(first)
    comes(desk, first, "delivered")
    assert not failed(first)


def test_what_is_worth_nothing_any_more_is_sent_to_nobody_else(desk: Desk) -> None:
    first = asked(desk, 3)
    desk.now = first.worthless_at
    comes(desk, first, "undelivered")
    assert [channel for channel, _, _ in tried(first)] == ["text"] and failed(first)


# The officer


def to_the_officer(desk: Desk, event: Event, **facts: object) -> Placement:
    """A house said yes, and then what `event` says; all texts handed over."""
    made = house(2)
    placement = factories.placement()
    by = factories.house_actor(made.id)
    moments = [(Event.CONFIRM, {})] + ([(event, facts)] if event is not Event.CONFIRM else [])
    for after, (what, said) in enumerate(moments, 1):
        at = NOW + after * SECOND
        placements.change(placement=placement, event=what, actor=by, facts=said, now=at)
    db.session.commit()
    desk.now = NOW + 2 * SECOND
    desk.round()
    return placement


def test_an_officer_who_cannot_be_texted_is_rung_and_no_house_is(desk: Desk) -> None:
    placement = to_the_officer(desk, Event.CONFIRM)
    confirmed = text_of("confirmed")
    comes(desk, confirmed, "undelivered", "30003")
    assert tried(confirmed) == [("text", "other", "undelivered"), ("call", "other", "sent")]
    (rung,) = desk.supplier.rings
    assert rung.to == placement.referral.officer_phone
    assert "look at your page" in rung.body
    comes(desk, latest(confirmed), "no-answer")
    assert failed(confirmed)


def test_a_house_that_withdraws_makes_us_text_and_ring_the_officer_at_once(desk: Desk) -> None:
    placement = to_the_officer(desk, Event.WITHDRAW, reason="staff")
    withdrawn = text_of("withdrawn")
    assert tried(withdrawn) == [("text", "other", "sent"), ("call", "other", "sent")]
    (rung,) = desk.supplier.rings
    assert rung.to == placement.referral.officer_phone
    assert "Do not go to that house" in rung.body
    comes(desk, withdrawn, "undelivered")
    assert desk.supplier.rang == 1 and not failed(withdrawn)
    comes(desk, latest(withdrawn), "busy")
    assert desk.supplier.rang == 1 and failed(withdrawn)


def test_a_call_that_nobody_took_is_no_trouble_when_the_text_was_delivered(desk: Desk) -> None:
    to_the_officer(desk, Event.WITHDRAW, reason="staff")
    withdrawn = text_of("withdrawn")
    comes(desk, withdrawn, "delivered")
    comes(desk, latest(withdrawn), "no-answer")
    assert ticks(desk, withdrawn, until=FIVE_MINUTES) == {0: "text", 1: "call"}


def test_whoever_holds_the_request_now_is_rung(desk: Desk) -> None:
    placement = to_the_officer(desk, Event.CONFIRM)
    number = factories.phone()
    placement.referral.officer_phone = number
    db.session.commit()
    comes(desk, text_of("confirmed"), "undelivered")
    assert [rung.to for rung in desk.supplier.rings] == [number]


def test_an_officer_for_whom_nothing_fits_is_rung_until_something_is_found(desk: Desk) -> None:
    factories.referral()
    db.session.commit()
    desk.round()
    nothing = text_of("nothing_fits")
    comes(desk, nothing, "undelivered")
    assert [channel for channel, _, _ in tried(nothing)] == ["text", "call"]


# What must be true of any database


def test_what_was_heard_some_other_way_is_no_breach_and_what_was_heard_by_nobody_is(desk: Desk) -> None:
    first = asked(desk, 2)
    comes(desk, first, "undelivered")
    assert invariants.breaches(now=desk.now) == []
    comes(desk, latest(first), "delivered")
    assert invariants.breaches(now=desk.now) == []
    db.session.execute(sa.update(Text).where(Text.same_as_id == first.id).values(state="undelivered"))
    db.session.commit()
    assert invariants.breaches(now=desk.now) == [
        f"I4: critical text {first.id.hex} was lost and nobody was told"
    ]


def test_a_ladder_that_nobody_climbs_is_a_breach(desk: Desk) -> None:
    first = asked(desk, 2)
    comes(desk, first, "undelivered")
    assert claim(desk.now) == []
    late = desk.now + fallback.TELEPHONE_HAS + 2 * MINUTE
    assert f"I4: critical text {first.id.hex} was lost and nobody was told" in invariants.breaches(now=late)
