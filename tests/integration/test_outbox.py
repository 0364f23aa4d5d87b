"""Texts on their way out, on both databases: none lost, none sent twice, every lost critical one with a person."""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import delivery, duty, messages, outbox, referrals, sms
from safety.crypto import Ring
from safety.extensions import db
from safety.lifecycle import Event
from safety.messages import Matter
from safety.models import AlertKind, Channel, Contact, MessageState, Receipt, Text
from tests import factories
from tests.desk import MINUTE, SECOND, Desk, alerts, claim, fresh, hand_over, receipt, storm, text, writing
from tests.factories import NOW

# Queued


def test_a_text_is_queued_with_the_thing_it_tells_and_gone_if_that_is_undone(app: Flask) -> None:
    factories.house()
    factories.placement()
    assert db.session.scalars(sa.select(Text.state)).all() == ["queued", "queued"]
    db.session.rollback()
    assert db.session.scalars(sa.select(Text.state)).all() == []


def test_words_and_number_are_sealed_in_the_row(app: Flask) -> None:
    queued = text(to="+447700900321")
    raw = db.session.execute(sa.text("SELECT to_sealed, body_sealed, to_index FROM text")).one()
    assert queued.to == "+447700900321"
    assert not any("900321" in column or "Places" in column for column in raw)


@pytest.mark.parametrize("ring", ["9" * 161, "0113 ’"])
def test_words_that_are_not_one_plain_text_are_a_fault_of_ours_and_loud(app: Flask, ring: str) -> None:
    with pytest.raises(ValueError, match="not_understood"):
        outbox.queue(
            wording=messages.not_understood,
            matter=Matter(ring=ring),
            to="+447700900001",
            worthless_at=NOW,
            now=NOW,
        )


# Claimed


def test_the_text_whose_worth_ends_first_goes_first_however_young(desk: Desk) -> None:
    old = text(worth=60 * MINUTE)
    young = text(worth=5 * MINUTE, now=NOW + SECOND)
    assert [errand.text_id for errand in claim(NOW + MINUTE, limit=5)] == [young.id, old.id]


@pytest.mark.parametrize(
    ("before", "event", "said"),
    [
        ((), Event.DECLINE, "that house cannot take them"),
        ((Event.CONFIRM,), Event.WITHDRAW, "DO NOT GO THERE"),
    ],
)
def test_a_telephone_is_told_of_one_request_in_the_order_it_happened(
    desk: Desk, before: tuple[Event, ...], event: Event, said: str
) -> None:
    """Or an officer reads that a bed is held, and after it that they must not go there."""
    near, _ = factories.house(outcode="LS1"), factories.house(outcode="LS29")
    placement = factories.placement()
    house, officer = factories.house_actor(near.id), placement.referral.officer_phone
    for one in before:
        referrals.record(placement_id=placement.id, event=one, actor=house, facts={}, now=NOW)
    db.session.commit()
    desk.round()
    writing()
    referrals.record(
        placement_id=placement.id, event=event, actor=house, facts={"reason": "staff"}, now=NOW + MINUTE
    )
    db.session.commit()

    def for_officer(owner: str) -> list[outbox.Errand]:
        every = claim(NOW + MINUTE, owner=owner, limit=9)
        return [one for one in every if one.to == officer and one.channel == Channel.TEXT]

    first = for_officer("one")
    assert [said in one.body for one in first] == [True]
    assert for_officer("two") == [], "while the first is in hand"
    hand_over(first[0], NOW + MINUTE)
    assert ["a bed is held" in one.body for one in for_officer("two")] == [True]


def test_a_claimed_text_is_nobody_elses_until_its_lease_runs_out(desk: Desk) -> None:
    queued = text()
    first = claim(owner="one")
    assert [errand.text_id for errand in first] == [queued.id]
    assert claim(NOW + 39 * SECOND, owner="two") == []
    again = claim(NOW + 41 * SECOND, owner="two")
    assert [errand.fence for errand in again] == [2]


def test_a_process_that_was_stopped_and_comes_back_cannot_write(desk: Desk) -> None:
    queued = text()
    (stopped,) = claim(owner="one")
    (other,) = claim(NOW + 41 * SECOND, owner="two")
    writing()
    late = delivery.record(
        errand=stopped, result=delivery.Result("sent", sent=sms.Sent("SMlate", "sent")), now=NOW + MINUTE
    )
    db.session.commit()
    assert late is None
    assert fresh(queued).sid is None
    assert hand_over(other, NOW + 42 * SECOND) is not None
    assert fresh(queued).state == MessageState.SENT


def test_a_process_that_comes_back_after_a_text_was_ended_does_not_bring_it_to_life(desk: Desk) -> None:
    """Nobody claimed it meanwhile, so the fence alone would let it write."""
    queued = text(worth=MINUTE)
    (errand,) = claim(NOW)
    result = delivery.hand_over(errand=errand, now=NOW)
    desk.later(5 * MINUTE)
    desk.round()
    assert fresh(queued).state == MessageState.EXPIRED
    writing()
    assert delivery.record(errand=errand, result=result, now=desk.now) is None
    db.session.commit()
    assert (fresh(queued).state, queued.sid) == (MessageState.EXPIRED, None)


def test_a_process_that_was_stopped_before_it_called_does_not_call(desk: Desk) -> None:
    text()
    (errand,) = claim()
    hand_over(replace(errand, good_until=time.monotonic() + 1))
    assert desk.supplier.sends == 0


@pytest.mark.only("postgresql")
def test_many_processes_claiming_at_once_get_each_text_once(app: Flask) -> None:
    for _ in range(40):
        text()
    taken: list[outbox.Errand] = []
    gate = threading.Barrier(4)

    def work(owner: str) -> None:
        with app.app_context():
            gate.wait()
            while mine := claim(NOW, owner=owner, limit=3):
                taken.extend(mine)
            db.session.remove()

    threads = [threading.Thread(target=work, args=(f"p{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A loser goes home early, so what is left is picked up once more: never twice the same.
    while mine := claim(NOW, owner="last", limit=50):
        taken.extend(mine)
    assert len(taken) == len({errand.text_id for errand in taken}) == 40


def test_one_text_that_cannot_be_opened_does_not_hold_up_the_others(app: Flask, desk: Desk) -> None:
    ring = app.extensions["ring"]
    app.extensions["ring"] = Ring({"other": b"o" * 32}, b"i" * 32)
    sealed_elsewhere = text(worth=MINUTE)
    app.extensions["ring"] = ring
    text()
    assert desk.round() == 1
    left = fresh(sealed_elsewhere)
    assert (left.state, left.error) == (MessageState.QUEUED, "sealed")
    # Not looked at again at once, or every round would begin with it.
    assert left.next_try_at == desk.now + MINUTE / 60 * outbox.LONGEST_WAIT_S
    desk.later(2 * MINUTE)
    desk.round()
    assert fresh(sealed_elsewhere).state == MessageState.EXPIRED


# Handed over


def test_a_text_is_handed_over_once_with_no_more_time_than_it_is_worth(desk: Desk) -> None:
    queued = text(worth=15 * MINUTE, to="+447700900321")
    desk.later(5 * MINUTE)
    desk.round()
    desk.round()
    (call,) = desk.supplier.calls
    assert call["validity_s"] == 600
    assert call["to"] == "+447700900321"
    assert call["callback_url"] == "http://localhost:8000/twilio/status"
    assert fresh(queued).state == MessageState.SENT
    assert (queued.supplier, queued.sid) == ("fake", f"SM{1:032x}")


def test_no_transaction_is_open_while_the_supplier_is_called(desk: Desk) -> None:
    text()
    open_then: list[bool] = []
    desk.supplier.during = lambda: open_then.append(db.session.registry().in_transaction())
    desk.round()
    assert open_then == [False]


def test_what_is_worthless_is_never_sent(desk: Desk) -> None:
    queued = text(worth=MINUTE)
    desk.later(MINUTE)
    assert claim(desk.now) == []
    assert desk.round() == 0
    assert desk.supplier.sends == 0
    assert fresh(queued).state == MessageState.EXPIRED
    assert alerts() == []


def test_a_text_whose_number_was_erased_is_handed_to_nobody(desk: Desk) -> None:
    forgotten = text()
    forgotten.to_sealed = forgotten.body_sealed = None
    db.session.commit()
    assert desk.round() == 0
    assert desk.supplier.sends == 0


def test_a_critical_text_that_became_worthless_reaches_a_person(desk: Desk) -> None:
    queued = text(worth=MINUTE, critical=True)
    desk.later(MINUTE)
    desk.round()
    assert alerts() == [(AlertKind.TEXT_FAILED, f"text:{queued.id.hex}")]


# Refused


def test_a_refusal_for_now_is_tried_again_with_growing_waits(desk: Desk) -> None:
    desk.supplier.next = [sms.Refused("20429")] * 4
    queued = text(worth=60 * MINUTE)
    desk.supplier.only_to = queued.to
    waits = []
    for _ in range(4):
        desk.round()
        waits.append((fresh(queued).next_try_at - desk.now).total_seconds())
        desk.now = queued.next_try_at
    assert [
        low <= wait <= high for wait, low, high in zip(waits, (1.5, 3, 6, 12), (2.5, 5, 10, 20), strict=True)
    ] == [True] * 4
    desk.round()
    assert fresh(queued).state == MessageState.SENT
    assert desk.supplier.finds == 0  # a clear no leaves nothing to ask about


def test_the_supplier_says_how_long_to_wait(desk: Desk) -> None:
    desk.supplier.next = [sms.Refused("20429", retry_after_s=90)]
    queued = text()
    desk.round()
    assert fresh(queued).next_try_at == NOW + 90 * SECOND


def test_a_wait_longer_than_the_worth_gives_up_at_once_so_that_a_person_hears_in_time(desk: Desk) -> None:
    desk.supplier.next = [sms.Refused("20429", retry_after_s=90)]
    queued = text(worth=MINUTE, critical=True)
    desk.round()
    assert (fresh(queued).state, queued.error) == (MessageState.FAILED, "20429")
    assert alerts() == [(AlertKind.TEXT_FAILED, f"text:{queued.id.hex}")]


def test_a_refusal_for_good_is_not_tried_again(desk: Desk) -> None:
    desk.supplier.next = [sms.Refused("21612", permanent=True)]
    queued = text(critical=True)
    desk.round()
    assert (fresh(queued).state, queued.error) == (MessageState.FAILED, "21612")
    assert alerts() == [(AlertKind.TEXT_FAILED, f"text:{queued.id.hex}")]
    desk.later(5 * MINUTE)
    desk.round()
    assert [call["to"] for call in desk.supplier.calls].count(queued.to) == 1


def test_a_number_that_unsubscribed_is_passed_over_and_told_to_a_person(desk: Desk) -> None:
    house = factories.house()
    desk.supplier.next = [sms.Refused("21610", permanent=True, unreachable=True)]
    queued = text(to=house.contacts[0].phone)
    desk.round()
    assert db.session.scalars(sa.select(Contact.unreachable_at)).one() == NOW
    assert alerts() == [(AlertKind.TEXT_FAILED, f"phone:{queued.to_index}")]


def test_a_fault_in_our_account_raises_the_alarm_at_once_and_success_ends_it(desk: Desk) -> None:
    desk.supplier.next = [sms.Refused("20003", alarm=True), sms.Refused("20003", alarm=True)]
    queued = text()
    desk.round()
    assert alerts() == [(AlertKind.SUPPLIER, "supplier")]
    assert fresh(queued).state == MessageState.QUEUED
    desk.later(3 * MINUTE)
    desk.round()
    assert fresh(queued).state == MessageState.SENT
    assert alerts() == []


def test_one_text_refused_again_and_again_means_the_supplier_is_failing(desk: Desk) -> None:
    desk.supplier.next = [sms.Refused("503")] * 3
    queued = text(worth=60 * MINUTE)
    desk.supplier.only_to = queued.to
    for tries in (1, 2):
        desk.round()
        assert alerts() == [], tries
        desk.later(MINUTE)
    desk.round()
    # The alarm got out, which does not end it; the next text that goes through does.
    assert alerts() == [(AlertKind.SUPPLIER, "supplier")]
    desk.later(MINUTE)
    desk.round()
    assert fresh(queued).state == MessageState.SENT
    assert alerts() == []


def test_one_text_refused_while_others_go_through_is_not_the_suppliers_failure(desk: Desk) -> None:
    desk.supplier.next = [sms.Refused("503")] * 5
    desk.supplier.only_to = text(worth=60 * MINUTE).to
    for _ in range(5):
        desk.later(MINUTE)
        text(now=desk.now)
        desk.round()
    assert alerts() == []


# Not answered


def test_a_time_out_is_asked_about_before_anything_is_sent_again(desk: Desk) -> None:
    desk.supplier.next = ["drop"]
    queued = text()
    desk.round()
    assert fresh(queued).state == MessageState.UNKNOWN
    desk.later(14 * SECOND)
    assert desk.round() == 0  # asked too soon, a supplier still at work would deny having it
    desk.later(30 * SECOND)
    desk.round()
    assert fresh(queued).state == MessageState.SENT
    assert (desk.supplier.sends, desk.supplier.finds) == (1, 1)
    assert queued.sid == desk.supplier.has[0].sid


def test_what_the_supplier_does_not_have_is_sent(desk: Desk) -> None:
    desk.supplier.next = ["hang"]
    queued = text()
    desk.round()
    desk.later(MINUTE)
    desk.round()
    assert fresh(queued).state == MessageState.SENT
    assert (desk.supplier.sends, desk.supplier.finds) == (2, 1)


def test_a_supplier_that_cannot_be_asked_is_not_sent_to(desk: Desk) -> None:
    desk.supplier.next = ["drop"]
    desk.supplier.next_find = [sms.Unanswered("ReadTimeout"), sms.Refused("503")]
    queued = text(worth=60 * MINUTE)
    for _ in range(3):
        desk.round()
        desk.later(2 * MINUTE)
        assert desk.supplier.sends_to(queued.to) == 1
    desk.round()
    assert fresh(queued).state == MessageState.SENT
    assert desk.supplier.sends_to(queued.to) == 1


def test_a_supplier_that_flatly_refuses_to_say_has_not_refused_the_text(desk: Desk) -> None:
    desk.supplier.next = ["drop"]
    desk.supplier.next_find = [sms.Refused("404", permanent=True)]
    queued = text(worth=60 * MINUTE)
    for _ in range(3):
        desk.round()
        desk.later(2 * MINUTE)
    assert fresh(queued).state == MessageState.SENT
    assert desk.supplier.sends == 1


def test_a_lease_that_ran_out_is_asked_about_first(desk: Desk) -> None:
    queued = text()
    (errand,) = claim()
    # The process is killed when the supplier has taken the text and before that is recorded.
    delivery.hand_over(errand=errand, now=NOW)
    desk.later(41 * SECOND)
    desk.round(owner="two")
    assert fresh(queued).state == MessageState.SENT
    assert (desk.supplier.sends, desk.supplier.finds) == (1, 1)


def test_two_texts_with_the_same_words_are_two_texts(desk: Desk) -> None:
    """The ladder texts the same words again: the one that arrived must not be taken for the one that may not have."""
    first = text(to="+447700900321")
    desk.round()
    desk.later(10 * SECOND)
    desk.supplier.next = ["hang"]
    second = text(to="+447700900321", now=desk.now)
    desk.round()
    desk.supplier.has[0].at = desk.now  # the supplier's clock is not ours
    desk.later(MINUTE)
    desk.round()
    assert fresh(first).state == fresh(second).state == MessageState.SENT
    assert first.sid != second.sid
    assert desk.supplier.copies() == {("+447700900321", first.body): 2}


# Receipts


def test_receipts_in_any_order_repeated_or_missing_or_before_the_answer_end_in_what_is_final(
    desk: Desk,
) -> None:
    orders = [
        order
        for final in ("delivered", "undelivered")
        for others in ([], ["queued"], ["sent"], ["queued", "sent"])
        for order in itertools.permutations([*others, final])
    ]
    assert len(orders) == 22
    for order, early in itertools.product(orders, (True, False)):

        def come(order: tuple[str, ...] = order) -> None:
            for status in [*order, *order]:
                receipt(f"SM{desk.supplier.sends:032x}", status)

        queued = text(now=desk.now)
        # Early: the supplier tells what became of it before it answers the call that handed it over.
        desk.supplier.during = come if early else None
        desk.round()
        if not early:
            come()
        assert fresh(queued).state in order, (order, early, queued.state)
        assert queued.state in ("delivered", "undelivered"), (order, early, queued.state)
        kept = db.session.scalars(sa.select(Receipt.status).where(Receipt.sid == queued.sid)).all()
        assert sorted(kept) == sorted(order)
        db.session.rollback()


@pytest.mark.parametrize(
    ("first", "second"), [("delivered", "undelivered"), ("undelivered", "delivered"), ("failed", "sent")]
)
def test_what_is_final_stays(desk: Desk, first: str, second: str) -> None:
    queued = text()
    desk.round()
    assert receipt(f"SM{1:032x}", first) is not None
    settled_at = fresh(queued).settled_at
    assert receipt(f"SM{1:032x}", second, now=NOW + MINUTE) is None
    assert (fresh(queued).state, queued.settled_at) == (first, settled_at)


@pytest.mark.parametrize("status", ["undelivered", "failed", "canceled"])
def test_a_critical_text_that_did_not_arrive_reaches_a_person_once(
    app: Flask, desk: Desk, status: str
) -> None:
    app.config["POS_CALLS"] = False  # what is tried before: test_fallback.py
    factories.house()
    placement = factories.placement()
    db.session.commit()
    desk.round()
    asked = db.session.scalars(sa.select(Text).where(Text.wording == "asked")).one()
    receipt(asked.sid or "", status, "30003")
    receipt(asked.sid or "", status, "30003")
    assert (fresh(asked).error, asked.settled_at) == ("30003", NOW)
    (alert,) = duty.open_alerts()
    assert (alert.kind, alert.subject, alert.referral_id) == (
        AlertKind.TEXT_FAILED,
        f"text:{asked.id.hex}",
        placement.referral_id,
    )
    assert len(db.session.scalars(sa.select(Text).where(Text.wording == "urgent")).all()) == 1


def test_a_text_about_a_failed_text_that_fails_does_not_go_round_for_ever(desk: Desk) -> None:
    desk.supplier.next = [sms.Refused("21612", permanent=True)] * 10
    text(critical=True)
    for _ in range(4):
        desk.round()
        desk.later(MINUTE)
    assert desk.supplier.sends == 2
    assert len(alerts()) == 1


def test_an_unknown_word_of_the_supplier_moves_nothing(desk: Desk) -> None:
    queued = text()
    desk.round()
    assert receipt(f"SM{1:032x}", "partially_delivered") is None
    assert fresh(queued).state == MessageState.SENT


def test_a_receipt_that_comes_before_we_know_its_sid_is_applied_when_we_do(desk: Desk) -> None:
    queued = text(critical=True)
    desk.supplier.during = lambda: receipt(f"SM{1:032x}", "undelivered", "30005")
    desk.round()
    assert (fresh(queued).state, queued.error) == (MessageState.UNDELIVERED, "30005")
    assert alerts() == [(AlertKind.TEXT_FAILED, f"text:{queued.id.hex}")]


def test_a_receipt_that_crossed_with_its_sid_is_matched_in_the_next_round(desk: Desk) -> None:
    """On PostgreSQL both can be written at the same moment, neither seeing the other."""
    queued = text(critical=True)
    desk.round()
    db.session.add(Receipt(sid=f"SM{1:032x}", status="undelivered", error=None, received_at=NOW))
    db.session.commit()
    assert delivery.untidy(now=NOW)
    desk.round()
    assert fresh(queued).state == MessageState.UNDELIVERED
    assert alerts() == [(AlertKind.TEXT_FAILED, f"text:{queued.id.hex}")]
    assert not delivery.untidy(now=NOW)


def test_a_receipt_of_somebody_elses_text_is_kept_and_changes_nothing(desk: Desk) -> None:
    assert receipt("SMforeign", "delivered") is None
    assert db.session.scalars(sa.select(Receipt.sid)).all() == ["SMforeign"]


# All of it together


def test_through_refusals_time_outs_and_kills_no_text_is_lost_and_none_sent_twice(
    desk: Desk, full: bool
) -> None:
    queued = storm(desk, random.Random(20270113), 2000 if full else 120)
    sent = desk.supplier.copies()
    lost = [row for row in queued if fresh(row).state != MessageState.SENT or (row.to, row.body) not in sent]
    assert lost == []
    assert sum(count - 1 for count in sent.values()) <= len(queued) // 1000
