"""Texts that came to the supplier and not to us: each is fetched and acted on once. On both databases."""

from __future__ import annotations

import datetime as dt
import logging
import threading

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import clock, inbox, jobs, sms
from safety.extensions import begin_write, db
from safety.jobs import texts
from safety.lifecycle import State
from safety.models import Heartbeat, Inbound, Placement, Text
from safety.sms import simulator
from tests import factories
from tests.fakes import FakeSupplier

MINUTE = dt.timedelta(minutes=1)
HOUR = 60 * MINUTE
FETCH = next(job for job in jobs.JOBS if job.name == "fetch")


@pytest.fixture
def supplier(app: Flask) -> FakeSupplier:
    """A supplier that has whatever a test puts into `came_in`."""
    made = FakeSupplier(clock=clock.now)
    app.extensions["sms"] = made
    return made


def writing() -> dt.datetime:
    """Begin a write as a door does; returns the time the jobs process goes by."""
    db.session.rollback()
    begin_write()
    return clock.now()


def held(rooms: int = 1) -> tuple[str, Placement]:
    """A bed held a minute ago; returns the telephone of its house too."""
    now = writing()
    house = factories.house(rooms=rooms, now=now)
    placement = factories.placement(now=now - MINUTE)
    db.session.commit()
    return house.contacts[0].phone, placement


def sent(sender: str, body: str, *, ago: dt.timedelta = MINUTE, sid: str = "SMone") -> sms.Received:
    now = clock.now()
    db.session.rollback()
    return sms.Received(sid, sender, body, now - ago)


def fetch() -> bool:
    """One round as the jobs process does it; whether it went well."""
    return jobs.round_of(FETCH, jobs.this_process(), anyway=True)


def state() -> str:
    """Where the one placement stands, as committed."""
    db.session.rollback()
    return db.session.scalars(sa.select(Placement.state)).one()


def came() -> list[tuple[str, str]]:
    """Each text that is on record, and what became of it."""
    db.session.rollback()
    rows = db.session.execute(sa.select(Inbound.sid, Inbound.outcome).order_by(Inbound.sent_at))
    return [(sid, outcome) for sid, outcome in rows]


def answers() -> list[str]:
    """What was said back, by the name of the wording."""
    db.session.rollback()
    return sorted(
        db.session.scalars(sa.select(Text.wording).where(Text.wording.in_(["noted", "came_too_late"])))
    )


def test_a_yes_nobody_brought_us_is_fetched_and_confirms_once(supplier: FakeSupplier) -> None:
    phone, placement = held()
    supplier.came_in = [sent(phone, f"YES {placement.code}")]
    assert [fetch() for _ in range(5)] == [True] * 5
    assert state() == State.CONFIRMED
    assert came() == [("SMone", "confirm:done")]
    assert answers() == ["noted"]


def test_the_last_day_is_asked_for(supplier: FakeSupplier) -> None:
    now = writing()
    db.session.rollback()
    fetch()
    (since,) = supplier.asked_since
    assert now - 24 * HOUR <= since <= now - 24 * HOUR + MINUTE


def test_a_text_two_hours_old_without_its_code_is_asked_for_again(supplier: FakeSupplier) -> None:
    phone, _ = held()
    supplier.came_in = [sent(phone, "yes", ago=2 * HOUR)]
    fetch()
    fetch()
    assert state() == State.HELD
    assert came() == [("SMone", "came_too_late")]
    assert answers() == ["came_too_late"]


def test_nothing_is_open_while_the_supplier_is_asked_and_nobodys_turn_to_write_is_taken(
    supplier: FakeSupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, placement = held()
    supplier.came_in = [sent(phone, f"YES {placement.code}")]
    open_then: list[bool] = []
    supplier.during = lambda: open_then.append(db.session.registry().in_transaction())
    jobs.fetch(jobs.this_process())
    assert open_then == [False]
    # What is known already is no reason to become a writer.
    began: list[bool] = []
    monkeypatch.setattr(texts, "begin_write", lambda *, deciding=True: began.append(deciding))
    jobs.fetch(jobs.this_process())
    assert began == []


def test_one_text_that_cannot_be_acted_on_is_left_aside_and_tried_again(
    supplier: FakeSupplier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    phone, placement = held(rooms=2)
    supplier.came_in = [
        sent(phone, "SAME", ago=3 * MINUTE, sid="SMbad"),
        sent(phone, f"YES {placement.code}", sid="SMgood"),
    ]
    real = inbox.receive

    def broken(**kept: object) -> str | None:
        words = real(**kept)  # type: ignore[arg-type]
        if kept["sid"] == "SMbad":
            raise ValueError("words that quote +447700900123")
        return words

    monkeypatch.setattr(inbox, "receive", broken)
    with caplog.at_level(logging.ERROR):
        assert not fetch()
    # Nothing of the one is kept, everything of the other is; and no beat says that all is well.
    assert came() == [("SMgood", "confirm:done")]
    assert db.session.get(Heartbeat, "fetch") is None
    assert "SMbad was left aside: ValueError" in caplog.text
    assert "900123" not in caplog.text
    monkeypatch.setattr(inbox, "receive", real)
    assert fetch()
    # By now a later text of theirs has acted, and this one named nothing.
    assert came() == [("SMbad", "came_too_late"), ("SMgood", "confirm:done")]


@pytest.mark.parametrize("problem", [sms.Refused("20003", alarm=True), sms.Unanswered("ReadTimeout")])
def test_a_supplier_that_does_not_say_fails_the_round_and_is_asked_again(
    supplier: FakeSupplier, problem: Exception
) -> None:
    phone, placement = held()
    supplier.came_in, supplier.next_received = [sent(phone, f"YES {placement.code}")], [problem]
    assert not fetch()
    assert db.session.get(Heartbeat, "fetch") is None
    assert fetch()
    assert state() == State.CONFIRMED


def test_a_supplier_that_says_how_long_to_wait_is_left_alone_so_long(supplier: FakeSupplier) -> None:
    process = jobs.this_process()
    supplier.next_received = [sms.Refused("20429", retry_after_s=90), sms.Refused("20429")]
    for _ in range(3):
        assert not jobs.round_of(FETCH, process, anyway=True)
    assert len(supplier.asked_since) == 1
    process.ask_again_at -= 90
    # Refused without a time, it is asked in the next round.
    assert not jobs.round_of(FETCH, process, anyway=True)
    assert jobs.round_of(FETCH, process, anyway=True)
    assert len(supplier.asked_since) == 3


def test_a_process_that_is_stopping_begins_no_further_text(supplier: FakeSupplier) -> None:
    phone, placement = held()
    supplier.came_in = [sent(phone, f"YES {placement.code}")]
    process = jobs.this_process()
    process.stopping.set()
    jobs.fetch(process)
    assert came() == []


def test_rounds_at_once_act_once_on_each_text(app: Flask, supplier: FakeSupplier) -> None:
    # Of as many telephones: one of them is told the same no more than twice.
    supplier.came_in = [sent(held()[0], "INFO", sid=f"SM{number}") for number in range(12)]
    together = threading.Barrier(4)
    went_well: list[bool] = []

    def work() -> None:
        with app.app_context():
            together.wait()
            went_well.append(fetch())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert went_well == [True] * 4
    assert sorted(came()) == sorted((text.sid, "info") for text in supplier.came_in)
    db.session.rollback()
    said = db.session.scalars(sa.select(Text.id).where(Text.wording == "info")).all()
    assert len(said) == 12


def test_the_simulator_has_what_was_typed_and_nothing_new(app: Flask) -> None:
    phone, placement = held()
    now = writing()
    simulator.keep(number=phone, body="YES", from_us=False, now=now - 25 * HOUR, sid="SMold")
    simulator.keep(number=phone, body="a text of ours", from_us=True, now=now)
    simulator.keep(number=phone, body=f"YES {placement.code}", from_us=False, now=now, sid="SMtyped")
    inbox.receive(sid="SMtyped", sender=phone, body=f"YES {placement.code}", now=now)
    db.session.commit()
    assert sms.supplier().received(since=now - 24 * HOUR) == [
        sms.Received("SMtyped", phone, f"YES {placement.code}", now)
    ]
    assert fetch()
    assert came() == [("SMtyped", "confirm:done")]
