"""Two suppliers kept apart: whose failure is whose, what goes by the first alone, and calls of theirs that are no use."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import delivery, duty, fallback, jobs, messages, outbox, sms, switching
from safety.extensions import db
from safety.models import AlertKind, Channel, MessageState, Receipt, SupplierError, Text
from tests import factories
from tests.desk import MINUTE, SECOND, claim, text, writing
from tests.factories import NOW
from tests.fakes import FakeTwilio
from tests.integration.test_two_suppliers import Pair, fresh, line, pair, real, still, told
from tests.notify_line import NotifyLine
from tests.signing import INBOUND, call
from tests.visitor import StillClock

__all__ = ["line", "pair", "real", "still"]  # fixtures

HOUR = 60 * MINUTE


def failing_alert() -> bool:
    db.session.rollback()
    return duty.standing(kind=AlertKind.SUPPLIER, subject=delivery.SUPPLIER) is not None


def a_call(now: Any) -> Text:
    """A call that is to be made, beside a text that is on its way."""
    factories.house()
    placement = factories.placement()
    db.session.flush()
    asked = db.session.scalars(
        sa.select(Text).where(Text.placement_id == placement.id, Text.wording == "asked")
    ).one()
    matter = messages.Matter(reference="K7M-4QX", ring="0113 496 0100")
    made = fallback.ring(
        text=asked, wording=messages.call_house, matter=matter, to=factories.phone(), now=now
    )
    assert made is not None
    db.session.commit()
    return made


def test_that_our_account_is_refused_stays_on_the_board_while_the_second_carries_the_texts(
    pair: Pair, still: StillClock
) -> None:
    for _ in range(3):
        pair.first.next = [sms.Refused("20003", alarm=True)]
        pair.send()
        still.at += SECOND
    (row,) = pair.send()
    assert fresh(row).supplier == "second"
    assert failing_alert(), "somebody has to mend it, and every five minutes would be told anew"
    still.at += switching.LEFT_ALONE
    (row,) = pair.send()
    assert fresh(row).supplier == "first"
    assert not failing_alert()


def test_while_the_second_carries_the_texts_one_that_stays_behind_is_said_to_somebody_else(
    pair: Pair, still: StillClock
) -> None:
    """Its telephone is at fault, and not that nothing goes."""
    pair.fails(3)
    factories.house()
    factories.placement()
    duty.raise_alert(kind=AlertKind.SUPPLIER, subject=delivery.SUPPLIER, now=still.at)
    db.session.commit()
    asked = db.session.scalars(sa.select(Text).where(Text.wording == "asked")).one()
    pair.second.only_to = asked.to
    pair.second.next = [sms.Refused("429")] * 9
    pair.send()
    assert fresh(asked.id).attempts == 1
    still.at = NOW + 100 * SECOND
    assert pair.chosen == "second"
    writing()
    delivery.tidy(now=still.at)
    db.session.commit()
    assert fresh(asked.id).lost_at == still.at


def test_a_call_is_made_by_the_first_even_while_texts_go_by_the_second(pair: Pair, still: StillClock) -> None:
    pair.fails(3)
    made = a_call(still.at)
    jobs.send(jobs.this_process())
    assert (pair.first.rang, pair.second.rang) == (1, 0)
    assert fresh(made.id).supplier == "first"
    assert pair.second.sends > 1000, "the texts went by the second"


def test_a_call_that_was_not_answered_is_asked_about_at_the_first(pair: Pair, still: StillClock) -> None:
    pair.first.next_call = ["drop"]
    made = a_call(still.at)
    jobs.send(jobs.this_process())
    assert fresh(made.id).state == MessageState.UNKNOWN
    pair.fails(3)
    still.at += 30 * SECOND
    assert pair.chosen == "second"
    jobs.send(jobs.this_process())
    assert (fresh(made.id).state, fresh(made.id).sid) == (MessageState.SENT, pair.first.rings[0].sid)
    assert (pair.first.rang, pair.second.rang) == (1, 0)


def test_telephones_that_ring_for_long_do_not_make_a_supplier_slow(pair: Pair, still: StillClock) -> None:
    for row in pair.send(3):
        writing()
        db.session.execute(sa.update(Text).where(Text.id == row).values(channel=Channel.CALL))
        db.session.commit()
    still.at += switching.SLOW_AFTER + SECOND
    assert pair.chosen == "first"
    db.session.execute(sa.update(Text).values(channel=Channel.TEXT))
    db.session.commit()
    assert pair.chosen == "second", "as texts they would"


def test_calls_we_may_not_make_send_no_text_by_another_supplier(pair: Pair, still: StillClock) -> None:
    """An account without leave to ring still texts, and its texts can be answered."""
    pair.first.next_call = [sms.Refused("21215", alarm=True)] * 9
    made = a_call(still.at)
    for _ in range(30):
        jobs.send(jobs.this_process())
        still.at += SECOND
    assert fresh(made.id).attempts >= 3
    assert pair.chosen == "first"


@pytest.mark.parametrize("silent", ["first", "second"])
def test_one_supplier_that_says_nothing_keeps_the_others_record_from_nobody(
    pair: Pair, still: StillClock, silent: str
) -> None:
    (by_first,) = pair.send()
    pair.fails(3)
    (by_second,) = pair.send()
    for supplier in (pair.first, pair.second):
        for had in supplier.has:
            had.status = "delivered"
    still.at += HOUR
    {"first": pair.first, "second": pair.second}[silent].next_listed = [sms.Unanswered("ReadTimeout")]
    reconcile = next(job for job in jobs.JOBS if job.name == "reconcile")
    assert not jobs.round_of(reconcile, jobs.this_process(), anyway=True), "no beat says that all is well"
    heard, unheard = (by_second, by_first) if silent == "first" else (by_first, by_second)
    assert (fresh(heard).state, fresh(unheard).state) == (MessageState.DELIVERED, MessageState.SENT)


# What comes in that is no use

ODD: dict[str, Any] = {
    "half a character": '{"id": "\\ud800", "status": "delivered"}',
    "half a character in the status": '{"id": "a", "status": "\\udfff"}',
    "a blank": '{"id": "a\\u0000b", "status": "delivered"}',
    "deep": "[" * 60_000,
    "a long number": '{"id": "a", "status": ' + "9" * 60_000 + "}",
    "not in UTF-8": "\xff",
    "nothing": "",
}


@pytest.mark.parametrize("odd", ODD)
def test_what_notify_would_never_say_is_refused_and_not_kept(real: Flask, line: NotifyLine, odd: str) -> None:
    assert told(real.test_client(), ODD[odd]) == 400
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Receipt)) == 0


def test_what_is_too_long_or_of_another_kind_is_refused(real: Flask, line: NotifyLine) -> None:
    client = real.test_client()
    assert told(client, "x" * (64 * 1024 + 1)) == 413
    headers = {"Authorization": "Bearer " + line.settings["NOTIFY_CALLBACK_TOKEN"]}
    assert client.post("/notify/status", data={"id": "a"}, headers=headers).status_code == 400
    assert client.get("/notify/status", headers=headers).status_code == 405


SID = f"CA{1:032x}"


@pytest.mark.parametrize(
    "fields",
    [
        {"CallStatus": "completed"},
        {"CallSid": SID},
        {"CallSid": "", "CallStatus": "completed"},
        {"CallSid": SID, "CallStatus": "x" * 21},
        {"CallSid": SID + "\x00", "CallStatus": "completed"},
        {"CallSid": SID, "CallStatus": "completed\x00"},
        {"CallSid": "x" * 65, "CallStatus": "completed"},
    ],
)
def test_a_call_of_twilios_about_a_call_that_lacks_something_is_refused(
    twilio_app: Flask, wire: FakeTwilio, fields: dict[str, str]
) -> None:
    assert call(twilio_app.test_client(), "/twilio/call", fields) == 400
    with twilio_app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Receipt)) == 0


@pytest.mark.parametrize("name", ["MessageSid", "From"])
def test_a_text_whose_sender_or_id_cannot_be_kept_is_refused(twilio_app: Flask, name: str) -> None:
    fields = INBOUND | {name: INBOUND[name] + "\x00"}
    assert call(twilio_app.test_client(), "/twilio/inbound", fields) == 400


def test_words_that_cannot_be_typed_are_no_trouble(twilio_app: Flask) -> None:
    fields = INBOUND | {"Body": "YES\x00 4821", "MessageSid": f"SM{77:032x}"}
    assert call(twilio_app.test_client(), "/twilio/inbound", fields) == 200


def test_a_text_is_left_alone_while_the_first_is_asked(pair: Pair, still: StillClock) -> None:
    """Between the question and the second's call nobody else may have it: each step has a fence of its own."""
    pair.first.next = ["hang"]
    row = text(now=still.at).id
    jobs.send(jobs.this_process())
    pair.fails(3)
    still.at += 30 * SECOND
    before = fresh(row).fence
    jobs.send(jobs.this_process())
    assert fresh(row).supplier == "second"
    assert fresh(row).fence == before + 2


def by_first_and_second(pair: Pair, still: StillClock) -> tuple[outbox.Errand, delivery.Result]:
    """What a process found out that asked the first in vain while the second carries the texts, and then lay still."""
    pair.first.next = ["hang"]
    text(now=still.at)
    jobs.send(jobs.this_process())
    pair.fails(3)
    still.at += 30 * SECOND
    (errand,) = [one for one in claim(still.at, limit=9) if one.ask_since is not None]
    result = delivery.hand_over(errand=errand, now=still.at)
    assert result.kind == "elsewhere"
    return errand, result


def test_a_process_that_lay_still_between_two_suppliers_frees_no_text_that_another_has(
    pair: Pair, still: StillClock
) -> None:
    """While it lay there another took the text over and it went by the second: freed, it would go a second time."""
    errand, result = by_first_and_second(pair, still)
    still.at += 50 * SECOND
    jobs.send(jobs.this_process())
    found = fresh(errand.text_id)
    for _ in range(3):
        if found.state == MessageState.SENT:
            break
        still.at += 10 * SECOND
        jobs.send(jobs.this_process())
        found = fresh(errand.text_id)
    before = (found.supplier, found.state, found.sid)
    assert before[:2] == ("second", MessageState.SENT)
    writing()
    assert delivery.record(errand=errand, result=result, now=still.at) is None
    db.session.commit()
    jobs.send(jobs.this_process())
    found = fresh(errand.text_id)
    assert (found.supplier, found.state, found.sid) == before
    assert pair.second.sends_to(errand.to) == 1


@pytest.mark.parametrize("late", ["refused", "unanswered"])
def test_what_a_process_that_lay_still_met_is_no_failure_of_a_supplier(
    pair: Pair, still: StillClock, late: str
) -> None:
    rows = [text(now=still.at).id for _ in range(3)]
    errands = claim(still.at, limit=3)
    still.at += MINUTE
    jobs.send(jobs.this_process())
    assert {fresh(row).state for row in rows} == {MessageState.SENT}
    for errand in errands:
        result = (
            delivery.Result("refused", refused=sms.Refused("503"), code="503", supplier="first")
            if late == "refused"
            else delivery.Result("unanswered", code="ReadTimeout", supplier="first")
        )
        writing()
        assert delivery.record(errand=errand, result=result, now=still.at) is None
        db.session.commit()
    assert pair.chosen == "first"
    assert {fresh(row).state for row in rows} == {MessageState.SENT}


def test_notify_says_nothing_of_a_text_that_twilio_has(real: Flask, line: NotifyLine) -> None:
    """Its ids are of another kind: whoever has its token, and not Twilio's, ends no text of Twilio's."""
    row = text(now=NOW).id
    jobs.send(jobs.this_process())
    sid = fresh(row).sid
    assert fresh(row).supplier == "twilio"
    assert told(real.test_client(), {"id": sid, "status": "delivered"}) == 400
    assert fresh(row).state == MessageState.SENT
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Receipt)) == 0


def test_texts_that_never_arrived_do_not_make_a_supplier_slow(pair: Pair, still: StillClock) -> None:
    """Their telephones are off for good, and another supplier would not reach them either."""
    for row in pair.send(3):
        writing()
        late = still.at + switching.SLOW_AFTER + SECOND
        delivery.receipt(sid=str(fresh(row).sid), status="undelivered", error="30003", now=late)
        db.session.commit()
    still.at += switching.SLOW_AFTER + MINUTE
    assert pair.chosen == "first"


def test_failures_of_a_supplier_are_forgotten_after_a_day(pair: Pair, still: StillClock) -> None:
    pair.fails(1)
    still.at = NOW + 24 * HOUR
    pair.fails(1)
    assert len(db.session.scalars(sa.select(SupplierError.at)).all()) == 2
    still.at = NOW + 24 * HOUR + MINUTE
    pair.fails(1)
    assert NOW not in db.session.scalars(sa.select(SupplierError.at)).all()
