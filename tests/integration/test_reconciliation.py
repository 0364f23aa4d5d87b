"""The supplier's record of texts beside ours: what was lost on the way is made up for, and what differs is seen. Both databases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import create_app, fallback, jobs, messages, outbox, reconciliation, sms
from safety.extensions import db
from safety.messages import Matter
from safety.models import MessageState, Receipt, Text, TextDifference
from safety.sms.twilio import Twilio
from tests import factories
from tests.conftest import settings_for
from tests.desk import MINUTE, Desk, alerts, desk_of, receipt, text
from tests.factories import NOW
from tests.fakes import TWILIO, FakeTwilio
from tests.visitor import StillClock, still_clock

HOUR = 60 * MINUTE
RECONCILE = next(job for job in jobs.JOBS if job.name == "reconcile")
DIFFER = ("texts_differ", "supplier:record")


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    return still_clock(monkeypatch, NOW)


@pytest.fixture
def desk(app: Flask, still: StillClock) -> Desk:
    """Texts are handed over at the desk's time, an hour before the clock of the jobs process says it is."""
    made = desk_of(app)
    made.now = NOW - HOUR
    return made


def kept(row: Text) -> Text:
    """The row as it stands now, which no round of a job takes away."""
    found = fresh(row)
    db.session.expunge(found)
    return found


def fresh(row: Text) -> Text:
    """The row as it is committed."""
    db.session.rollback()
    return db.session.get_one(Text, row.id, populate_existing=True)


def handed_over(desk: Desk, *, critical: bool = False) -> Text:
    made = text(now=desk.now, critical=critical)
    assert desk.round() == 1
    return kept(made)


def reconcile() -> bool:
    """One round as the jobs process does it; whether it went well."""
    return jobs.round_of(RECONCILE, jobs.this_process(), anyway=True)


def differ() -> dict[str, tuple[str, str | None, str | None]]:
    """What is kept of differences, by the supplier's id."""
    db.session.rollback()
    return {row.sid: (row.kind, row.ours, row.theirs) for row in reconciliation.differences()}


def becomes(desk: Desk, row: Text, status: str) -> None:
    """The supplier's record of a text says so, and nobody tells us."""
    next(one for one in desk.supplier.has if one.sid == row.sid).status = status


def test_records_that_agree_raise_nothing_and_write_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over(desk)
    done = handed_over(desk)
    becomes(desk, done, "delivered")
    receipt(str(done.sid), "delivered")
    began: list[bool] = []
    monkeypatch.setattr(jobs.supplier, "begin_write", lambda *, deciding=True: began.append(deciding))
    jobs.supplier.reconcile(jobs.this_process())
    assert (differ(), alerts(), began) == ({}, [], [])


def test_a_call_that_was_lost_is_made_up_for_as_if_it_had_come(desk: Desk) -> None:
    done, lost = handed_over(desk), handed_over(desk, critical=True)
    becomes(desk, done, "delivered")
    becomes(desk, lost, "undelivered")
    assert reconcile()
    db.session.rollback()
    assert fresh(done).state == MessageState.DELIVERED
    assert fresh(done).settled_at == NOW
    assert fresh(lost).state == MessageState.UNDELIVERED
    receipts = set(db.session.execute(sa.select(Receipt.sid, Receipt.status)).all())
    assert receipts == {(done.sid, "delivered"), (lost.sid, "undelivered")}
    # A critical one that is lost needs a person, however we came to know. Nothing differs any more.
    assert alerts() == [("text_failed", f"text:{lost.id.hex}")]
    assert differ() == {}


def test_three_planted_differences_are_all_found_and_end_with_their_cause(
    desk: Desk, still: StillClock
) -> None:
    same, forgotten, otherwise = (handed_over(desk) for _ in range(3))
    receipt(str(otherwise.sid), "delivered")
    becomes(desk, otherwise, "undelivered")
    gone = next(one for one in desk.supplier.has if one.sid == forgotten.sid)
    desk.supplier.has.remove(gone)
    stranger = desk.supplier.send(to="+447700900321", body="not ours", validity_s=60, callback_url="")
    assert reconcile()
    assert differ() == {
        stranger.sid: ("unknown_here", None, "queued"),
        forgotten.sid: ("unknown_there", "sent", None),
        otherwise.sid: ("status", "delivered", "undelivered"),
    }
    assert alerts() == [DIFFER]
    # Nothing of ours moved, and nothing was sent again.
    assert [fresh(row).state for row in (same, forgotten, otherwise)] == ["sent", "sent", "delivered"]
    assert desk.supplier.sends == 4
    # Found again it is the same difference, found when it first was.
    still.at += HOUR
    assert reconcile()
    assert set(db.session.scalars(sa.select(TextDifference.found_at))) == {NOW}
    # The alert ends with the last of them.
    desk.supplier.has = [one for one in desk.supplier.has if one.sid != stranger.sid] + [gone]
    assert reconcile()
    assert list(differ()) == [otherwise.sid]
    assert alerts() == [DIFFER]
    becomes(desk, otherwise, "delivered")
    assert reconcile()
    assert (differ(), alerts()) == ({}, [])


def test_what_is_a_day_old_differs_no_more(desk: Desk, still: StillClock) -> None:
    desk.supplier.send(to="+447700900321", body="not ours", validity_s=60, callback_url="")
    assert reconcile()
    assert alerts() == [DIFFER]
    still.at += 25 * HOUR
    assert reconcile()
    assert (differ(), alerts()) == ({}, [])


def test_what_was_handed_over_a_moment_ago_is_not_judged_yet(desk: Desk) -> None:
    desk.now = NOW - 5 * MINUTE
    forgotten = handed_over(desk)
    desk.supplier.has.clear()
    stranger = desk.supplier.send(to="+447700900321", body="not ours", validity_s=60, callback_url="")
    assert reconcile()
    assert (differ(), alerts(), desk.supplier.looks) == ({}, [], [])
    assert forgotten.sid != stranger.sid


def test_an_operators_test_is_no_difference(desk: Desk) -> None:
    body = messages.trying(Matter(ring="0113 496 0100"))
    desk.supplier.send(to="+447700900321", body=body, validity_s=600, callback_url="")
    assert reconcile()
    assert (differ(), alerts()) == ({}, [])


def test_a_text_that_is_not_listed_is_asked_for_before_it_counts_as_missing(desk: Desk) -> None:
    waiting, done = handed_over(desk), handed_over(desk)
    for one in desk.supplier.has:
        one.unlisted = True
    becomes(desk, done, "delivered")
    assert reconcile()
    assert set(desk.supplier.looks) == {waiting.sid, done.sid}
    assert (differ(), alerts()) == ({}, [])
    assert [fresh(row).state for row in (waiting, done)] == ["sent", "delivered"]


def test_only_so_many_are_asked_for_one_by_one_and_the_rest_are_not_judged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "MOST_LOOKED_FOR", 2)
    rows = []
    for _ in range(3):
        rows.append(handed_over(desk))
        desk.later(MINUTE)
    desk.supplier.has.clear()
    assert reconcile()
    assert desk.supplier.looks == [rows[2].sid, rows[1].sid]
    assert set(differ()) == {rows[2].sid, rows[1].sid}


def test_nothing_is_open_while_the_supplier_is_asked(desk: Desk) -> None:
    handed_over(desk)
    open_then: list[bool] = []
    desk.supplier.during = lambda: open_then.append(db.session.registry().in_transaction())
    assert reconcile()
    assert open_then == [False]
    assert desk.supplier.asked_since == [NOW - 25 * HOUR]


def test_what_was_found_stands_while_the_supplier_says_nothing(desk: Desk) -> None:
    desk.supplier.send(to="+447700900321", body="not ours", validity_s=60, callback_url="")
    assert reconcile()
    desk.supplier.next_listed = [sms.Unanswered("ReadTimeout"), sms.Refused("20003", alarm=True)]
    assert not reconcile()
    assert not reconcile()
    assert len(differ()) == 1
    assert alerts() == [DIFFER]


# By Twilio's own library


@pytest.fixture
def wire() -> FakeTwilio:
    made = FakeTwilio()
    made.clock = lambda: NOW - HOUR
    return made


@pytest.fixture
def real(database_url: str, wire: FakeTwilio, still: StillClock) -> Iterator[Flask]:
    """An app that texts by Twilio, over the faked wire."""
    settings = settings_for(database_url, **TWILIO)
    made = create_app(settings)
    made.extensions["sms"] = Twilio(settings, transport=wire)
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


def by_twilio(many: int, still: StillClock) -> list[Text]:
    """So many texts handed over an hour ago."""
    still.at = NOW - HOUR
    rows = [text(now=NOW - HOUR) for _ in range(many)]
    jobs.send(jobs.this_process())
    still.at = NOW
    return [kept(row) for row in rows]


@pytest.mark.parametrize("shows_undated", [True, False])
def test_twilios_record_is_read_page_by_page_and_three_differences_found(
    real: Flask, wire: FakeTwilio, still: StillClock, shows_undated: bool
) -> None:
    wire.shows_undated = shows_undated
    waiting, done, forgotten, otherwise = by_twilio(4, still)
    theirs = {one["sid"]: one for one in wire.has}
    theirs[done.sid].update(status="delivered", date_sent=theirs[done.sid]["date_created"])
    theirs[otherwise.sid].update(
        status="failed", error_code=30008, date_sent=theirs[done.sid]["date_created"]
    )
    receipt(str(otherwise.sid), "delivered")
    wire.has.remove(theirs[forgotten.sid])
    stranger = {**theirs[done.sid], "sid": "SM" + "f" * 32, "body": "not ours"}
    wire.has.append(stranger)
    # What came in is not what went out, not even from our own number.
    wire.comes_in(TWILIO["TWILIO_FROM"], "YES 4821", at=NOW - HOUR)
    assert reconcile()
    assert differ() == {
        stranger["sid"]: ("unknown_here", None, "delivered"),
        forgotten.sid: ("unknown_there", "sent", None),
        otherwise.sid: ("status", "delivered", "failed"),
    }
    assert alerts() == [DIFFER]
    assert [fresh(row).state for row in (waiting, done)] == ["sent", "delivered"]


def test_every_page_of_twilios_record_is_read_up_to_a_limit(wire: FakeTwilio) -> None:
    twilio = Twilio(settings_for("sqlite:///unused.sqlite", **TWILIO), transport=wire)
    one = {
        **wire.comes_in("+447700900000", "x", to="+447700900321", at=NOW - HOUR),
        "direction": "outbound-api",
        "status": "delivered",
    }
    wire.has = [{**one, "sid": f"SM{number:032x}"} for number in range(2300)]
    assert len({row.sid for row in twilio.listed(since=NOW - 2 * HOUR)}) == 2300
    assert len(wire.requests) == 3
    assert wire.requests[0][2] == {
        "From": "+447700900000",
        "DateSent>": "2027-01-13T12:00:00Z",
        "PageSize": 1000,
    }
    assert twilio.listed(since=NOW) == []
    wire.has = [{**one, "sid": f"SM{number:032x}"} for number in range(6000)]
    assert len(twilio.listed(since=NOW - 2 * HOUR)) == 5000


def test_one_text_of_twilios_is_looked_up(wire: FakeTwilio) -> None:
    twilio = Twilio(settings_for("sqlite:///unused.sqlite", **TWILIO), transport=wire)
    sent = twilio.send(to="+447700900321", body="hello", validity_s=60, callback_url="https://pos.example")
    assert twilio.look(sid=sent.sid) == sms.Listed(sent.sid, "queued", None, NOW - HOUR)
    assert twilio.look(sid="SM" + "f" * 32) is None
    wire.modes = [(401, 20003), "timeout"]
    with pytest.raises(sms.Refused):
        twilio.look(sid=sent.sid)
    with pytest.raises(sms.Unanswered):
        twilio.look(sid=sent.sid)


def test_the_simulators_record_agrees_with_ours(app: Flask, still: StillClock) -> None:
    still.at = NOW - HOUR
    row = kept(text(now=NOW - HOUR))
    jobs.send(jobs.this_process())
    still.at = NOW
    assert reconcile()
    assert fresh(row).state == MessageState.DELIVERED
    assert (differ(), alerts()) == ({}, [])
    assert sms.supplier().look(sid="SMnone") is None


def ring(at: dt.datetime) -> Text:
    """A text to be handed over, and a call beside it, which is given back."""
    matter = Matter(reference="K7M-4QX", ring="0113 496 0100")
    rung = fallback.ring(
        text=text(now=at), wording=messages.call_house, matter=matter, to=factories.phone(), now=at
    )
    assert rung is not None
    db.session.commit()
    return rung


def test_the_supplier_is_asked_to_forget_the_words_of_texts_and_not_of_calls(desk: Desk) -> None:
    """Of a call it keeps none, and would refuse us each round."""
    rung = ring(desk.now)
    desk.round()
    for row in db.session.scalars(sa.select(Text)):
        row.state, row.settled_at = MessageState.DELIVERED, desk.now
    db.session.commit()
    written = db.session.get_one(Text, rung.same_as_id)
    assert rung.sid is not None and written.supplier is not None
    found = outbox.to_blank(supplier=written.supplier, limit=9, now=desk.now)
    assert found == [(written.id, written.sid)]


def test_a_call_is_not_missed_on_the_list_of_texts(desk: Desk) -> None:
    rung = ring(desk.now)
    assert desk.round() == 2
    assert kept(rung).sid == desk.supplier.rings[0].sid
    assert reconcile()
    assert differ() == {}


@pytest.mark.parametrize(
    ("status", "by", "state"),
    [
        ("completed", "human", MessageState.DELIVERED),
        ("completed", "machine_start", MessageState.UNDELIVERED),
        ("no-answer", None, MessageState.UNDELIVERED),
        ("ringing", None, MessageState.SENT),
    ],
)
def test_how_a_call_ended_is_asked_for_when_nobody_told_us(
    real: Flask, wire: FakeTwilio, still: StillClock, status: str, by: str | None, state: MessageState
) -> None:
    still.at = NOW - HOUR
    rung = kept(ring(still.at))
    jobs.send(jobs.this_process())
    still.at = NOW
    (call,) = wire.calls
    call.update(status=status, answered_by=by)
    assert fresh(rung).sid == call["sid"]
    assert reconcile()
    assert fresh(rung).state == state
    assert differ() == {}
    # Of one that is over nobody is asked again: no list holds it, and what is looked for one by one is few.
    before = len(wire.requests)
    assert reconcile()
    asked = [url for _, url, _ in wire.requests[before:] if "/Calls/" in url]
    assert len(asked) == (state == MessageState.SENT)
