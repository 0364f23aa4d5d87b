"""Texts and delivery: what a coordinator is shown of how texts go, counted on both databases."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from safety import heartbeats, outbox, promptness
from safety.extensions import begin_write, db
from safety.lifecycle import Role
from safety.models import Alert, AlertKind, MessageState, Text, TextDifference
from tests import factories, listening
from tests.desk import text
from tests.factories import NOW
from tests.visitor import StillClock, Visitor, cheap_hashes, still_clock, words

SECOND, MINUTE, HOUR, DAY = (dt.timedelta(seconds=seconds) for seconds in (1, 60, 3600, 86400))
PAGE = "/duty/texts/delivery"


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    cheap_hashes(monkeypatch)
    return still_clock(monkeypatch, NOW)


@pytest.fixture
def visitor(client: FlaskClient, still: StillClock) -> Visitor:
    return Visitor(client).sign_in(factories.coordinator())


def went(
    *,
    ago: dt.timedelta,
    state: MessageState = MessageState.DELIVERED,
    handed_s: float | None = 1.0,
    delivered_s: float = 5.0,
    error: str | None = None,
    supplier: str = "twilio",
) -> Text:
    """A text queued so long ago, and what became of it."""
    row = text(now=NOW - ago, worth=HOUR)
    row.state = state
    if handed_s is not None:
        row.supplier, row.sid = supplier, f"SM{row.id.hex}"
        row.sent_at = row.queued_at + dt.timedelta(seconds=handed_s)
    if state in (MessageState.DELIVERED, *outbox.LOST):
        row.settled_at = row.queued_at + dt.timedelta(seconds=delivered_s)
    row.error = error
    db.session.commit()
    return row


def test_delays_are_counted_from_the_moment_a_text_was_due(app: Flask) -> None:
    for seconds in range(1, 21):
        went(ago=HOUR, handed_s=seconds, delivered_s=seconds * 10)
    day, month = promptness.spells(now=NOW)
    for spell in (day, month):
        assert spell.total.handed_over.count == spell.total.delivered.count == 20
        assert spell.total.handed_over.within_s(0.5) == 10.0
        assert spell.total.handed_over.within_s(0.95) == 19.0
        assert spell.total.delivered.within_s(0.5) == 100.0
        assert spell.total.delivered.within_s(0.95) == 190.0
        assert spell.total.handed_over.done_in(10) == 10


def test_a_tenth_of_a_second_is_told_from_another_and_from_a_day(app: Flask) -> None:
    went(ago=2 * DAY, handed_s=0.04, delivered_s=86400.26)
    went(ago=2 * DAY, handed_s=0.36, delivered_s=86400.26)
    _, month = promptness.spells(now=NOW)
    assert dict(month.total.handed_over.tenths) == {0: 1, 4: 1}
    assert dict(month.total.delivered.tenths) == {864003: 2}


def test_what_is_a_day_old_counts_in_the_month_and_what_is_a_month_old_not_at_all(app: Flask) -> None:
    went(ago=DAY - SECOND)
    went(ago=DAY)
    went(ago=30 * DAY - SECOND)
    went(ago=30 * DAY)
    day, month = promptness.spells(now=NOW)
    assert (day.total.handed_over.count, month.total.handed_over.count) == (1, 3)


def test_each_supplier_is_counted_by_itself_and_what_nobody_took_is_lost_all_the_same(app: Flask) -> None:
    went(ago=HOUR)
    went(ago=HOUR, supplier="notify", handed_s=9)
    went(ago=HOUR, supplier="notify", state=MessageState.SENT)
    went(ago=HOUR, state=MessageState.UNDELIVERED, error="30003")
    went(ago=2 * DAY, state=MessageState.UNDELIVERED, error="30003")
    went(ago=HOUR, state=MessageState.EXPIRED, handed_s=None)
    text(now=NOW)
    day, month = promptness.spells(now=NOW)
    assert set(day.suppliers) == {"twilio", "notify"}
    assert day.suppliers["notify"].handed_over.count == 2
    assert day.suppliers["notify"].on_the_way == 1
    assert day.suppliers["twilio"].lost == {("undelivered", "30003"): 1}
    assert day.total.lost == {("undelivered", "30003"): 1, ("expired", None): 1}
    assert month.total.lost == {("undelivered", "30003"): 2, ("expired", None): 1}
    assert promptness.waiting() == promptness.Waiting(1, NOW)
    # One that is lost was not delivered, whenever that was known.
    assert day.total.delivered.count == 2


def test_nothing_at_all_is_said_to_be_nothing(visitor: Visitor) -> None:
    page = words(visitor.get(PAGE))
    assert "No text waits to be handed over." in page
    assert page.count("No text was handed over.") == 2
    assert "Not compared yet" in page


def test_the_page_shows_delays_losses_in_words_what_waits_and_what_differs(
    visitor: Visitor, still: StillClock
) -> None:
    for _ in range(9):
        went(ago=HOUR, handed_s=0.4)
    went(ago=HOUR, handed_s=130, state=MessageState.UNDELIVERED, error="30003")
    row = text(now=NOW - 2 * MINUTE)
    begin_write()
    heartbeats.beat(job="reconcile", now=NOW - 14 * MINUTE)
    sid = "SM" + "c" * 32
    db.session.add(
        TextDifference(sid=sid, kind="unknown_here", theirs="delivered", taken_at=NOW - HOUR, found_at=NOW)
    )
    db.session.commit()
    page = words(visitor.get(PAGE))
    assert "1 text waits to be handed over, since today 13:58." in page
    assert "9 of 10 texts were handed over within 10 seconds (90.0%)." in page
    assert "handed over to the supplier 10 0.4 seconds 2 minutes" in page
    assert "delivered to the telephone 9 5.0 seconds 5.0 seconds" in page
    assert "Twilio 10 9 0 1 5.0 seconds" in page
    assert "1 text code 30003 The telephone is switched off or out of reach" in page
    assert "Compared today 13:46" in page
    assert "Nothing differs" not in page
    assert f"The supplier has it, and we do not – delivered today 13:00 {sid}" in page
    # Neither a number nor a word of a text.
    raw = visitor.get(PAGE).get_data(as_text=True)
    assert str(row.to)[-6:] not in raw
    assert "We did not understand" not in raw


def test_no_more_questions_are_asked_of_the_database_for_a_thousand_texts_than_for_one(
    visitor: Visitor,
) -> None:
    def many() -> int:
        with listening.statements() as statements:
            assert visitor.get(PAGE).status_code == 200
        return len(statements)

    went(ago=HOUR)
    few = many()
    for number in range(60):
        went(ago=number * HOUR, handed_s=number, error=str(number), state=MessageState.UNDELIVERED)
    assert many() == few
    assert few <= 12  # who is signed in among them


@pytest.mark.parametrize("role", [Role.OFFICER, Role.LEAD])
def test_nobody_else_sees_it(client: FlaskClient, still: StillClock, role: Role) -> None:
    Visitor(client).sign_in(factories.officer(role=role)).get(PAGE, 404)


def test_the_alert_that_records_differ_leads_to_the_page(visitor: Visitor) -> None:
    begin_write()
    db.session.add_all(
        Alert(kind=kind, subject=subject, urgent=False, code=code, raised_at=NOW)
        for kind, subject, code in (
            (AlertKind.TEXTS_DIFFER, "supplier:record", "101"),
            (AlertKind.SPEND, "supplier:spending", "102"),
        )
    )
    db.session.commit()
    page = visitor.get("/duty").get_data(as_text=True)
    # Each card leads there by a link of its own, whatever else of the page does.
    for card, leads_to in (("101", f"{PAGE}#differences"), ("102", PAGE)):
        assert re.search(f'<a [^>]*id="texts-{card}"[^>]* href="{leads_to}"', page)
