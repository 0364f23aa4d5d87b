"""What Twilio calls us with, again, late, forged, all at once and not at all: each text acts once. On both databases."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from safety import clock, inbox, jobs, referrals
from safety.extensions import db
from safety.lifecycle import State
from safety.models import Inbound, Placement, Text
from tests import factories
from tests.desk import MINUTE, claim, hand_over, writing
from tests.factories import NOW
from tests.fakes import FakeTwilio
from tests.signing import INBOUND, PUBLIC, TOKEN, call, call_of

DAY = dt.timedelta(days=1)


@pytest.fixture
def app(twilio_app: Flask) -> Flask:
    """The app that texts by Twilio."""
    return twilio_app


def beds_held(count: int) -> list[Placement]:
    """So many houses, and somebody held at each."""
    writing()
    now = clock.now()
    for _ in range(count):
        factories.house(now=now)
    held = [factories.placement(now=now - MINUTE) for _ in range(count)]
    db.session.commit()
    return held


def mobile(placement: Placement) -> str:
    return placement.premises.contacts[0].phone


def all_at_once(work: list[Callable[[], object]]) -> list[object]:
    """Each in a thread of its own, started together; what they gave."""
    together, gave = threading.Barrier(len(work)), []

    def one(piece: Callable[[], object]) -> None:
        together.wait()
        gave.append(piece())

    threads = [threading.Thread(target=one, args=(piece,)) for piece in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return gave


def states() -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(sa.select(Placement.state)))


def everything() -> dict[str, list[Any]]:
    """Every row of every table."""
    db.session.rollback()
    rows = {
        table.name: sorted(map(repr, db.session.execute(sa.select(table))))
        for table in db.metadata.sorted_tables
    }
    db.session.rollback()
    return rows


def test_a_yes_that_is_brought_twenty_times_at_once_confirms_once(app: Flask) -> None:
    (placement,) = beds_held(1)
    fields = call_of(mobile(placement), f"YES {placement.code}")
    db.session.rollback()
    bring = [lambda: call(app.test_client(), "/twilio/inbound", fields)] * 20
    assert all_at_once(bring) == [200] * 20
    assert states() == [State.CONFIRMED]
    assert db.session.scalars(sa.select(Inbound.outcome)).all() == ["confirm:done"]
    said = db.session.scalars(sa.select(Text.wording).where(Text.wording.in_(["confirmed", "noted"]))).all()
    assert sorted(said) == ["confirmed", "noted"]


def test_fifty_replies_that_nobody_brought_are_fetched_and_brought_late_act_no_second_time(
    app: Flask, wire: FakeTwilio
) -> None:
    wire.clock = clock.now
    held = beds_held(50)
    came = [wire.comes_in(mobile(placement), f"YES {placement.code}") for placement in held]
    jobs.fetch(jobs.this_process())
    assert states() == [State.CONFIRMED] * 50
    assert db.session.scalars(sa.select(Inbound.outcome)).all() == ["confirm:done"] * 50
    before = everything()
    for text in came:
        fields = call_of(text["from"], text["body"], sid=text["sid"])
        assert call(app.test_client(), "/twilio/inbound", fields) == 200
    jobs.fetch(jobs.this_process())
    assert everything() == before


def test_a_genuine_call_that_is_replayed_a_day_later_changes_nothing(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (placement,) = beds_held(1)
    fields = call_of(mobile(placement), "NO")
    assert call(client, "/twilio/inbound", fields) == 200
    assert states() == [State.DECLINED]
    # The next day the same house is asked again; what it said yesterday was not about this.
    tomorrow = clock.now() + DAY
    db.session.rollback()
    monkeypatch.setattr("safety.clock.now", lambda: tomorrow)
    writing()
    factories.house(now=tomorrow)
    factories.placement(now=tomorrow)
    db.session.commit()
    before = everything()
    assert call(client, "/twilio/inbound", fields) == 200
    assert everything() == before


_for_us = RequestValidator(TOKEN).compute_signature
TWICE = MultiDict([*INBOUND.items(), ("Body", "INFO")])
ADDRESS = PUBLIC + "/twilio/inbound"
FORGED: dict[str, tuple[Any, str | None]] = {
    # what is sent, and the signature it comes with (None: without the header)
    "no signature": (INBOUND, None),
    "an empty one": (INBOUND, ""),
    "nonsense": (INBOUND, "x"),
    "of http": (INBOUND, _for_us("http://pos.example/twilio/inbound", INBOUND)),
    "of another host": (INBOUND, _for_us("https://localhost/twilio/inbound", INBOUND)),
    "of another port": (INBOUND, _for_us("https://pos.example:8443/twilio/inbound", INBOUND)),
    "of the other address": (INBOUND, _for_us(PUBLIC + "/twilio/status", INBOUND)),
    "of a query that is not there": (INBOUND, _for_us(ADDRESS + "?k=1", INBOUND)),
    "of other words": (INBOUND | {"Body": "NO"}, _for_us(ADDRESS, INBOUND)),
    "of other words with a plus for a blank": (INBOUND | {"Body": "INFO+&+é"}, _for_us(ADDRESS, INBOUND)),
    "of a field more": (INBOUND, _for_us(ADDRESS, INBOUND | {"Extra": "1"})),
    "of a field less": (INBOUND | {"Extra": "1"}, _for_us(ADDRESS, INBOUND)),
    "of a field once that comes twice": (TWICE, _for_us(ADDRESS, INBOUND)),
    "by SHA-256": (INBOUND, _for_us(ADDRESS, INBOUND, "HMAC_SHA256")),
    "under another token": (INBOUND, RequestValidator("z" * 32).compute_signature(ADDRESS, INBOUND)),
    "under no token": (INBOUND, RequestValidator("").compute_signature(ADDRESS, INBOUND)),
    "with letters from elsewhere": (INBOUND, "ü" * 28),
}


@pytest.mark.parametrize("kind", FORGED)
def test_what_twilio_did_not_sign_is_refused_and_nothing_at_all_is_written(
    client: FlaskClient, kind: str
) -> None:
    fields, signature = FORGED[kind]
    before = everything()
    headers = {} if signature is None else {"X-Twilio-Signature": signature}
    for path in ("/twilio/inbound", "/twilio/status", "/twilio/call"):
        if (path, kind) != ("/twilio/status", "of the other address"):  # there it is genuine
            assert client.post(path, data=fields, headers=headers).status_code == 403, path
    assert everything() == before


def test_what_twilio_signs_with_its_port_or_with_strange_letters_is_genuine(client: FlaskClient) -> None:
    """Twilio may write the port of https into what it signs; it is the same address."""
    for number, (body, address) in enumerate(
        [("emoji 👍 + & = ü", ADDRESS), ("", ADDRESS), ("INFO", "https://pos.example:443/twilio/inbound")]
    ):
        fields = call_of("+447700900998", body, sid=f"SM{number:032x}")
        headers = {"X-Twilio-Signature": _for_us(address, fields)}
        assert client.post("/twilio/inbound", data=fields, headers=headers).status_code == 200, body
    assert len(everything()["inbound"]) == 3


def test_the_supplier_gives_a_text_up_before_the_hold_ends_and_a_late_yes_is_told_the_truth(
    app: Flask, wire: FakeTwilio
) -> None:
    """Twilio queues a text for ten hours unless told otherwise: a house would be asked about a bed nobody waits for any more."""
    factories.house()
    placement = factories.placement(now=NOW)
    db.session.commit()
    code, sender, answer_by = placement.code, placement.premises.contacts[0].phone, placement.answer_by
    wire.modes = [503, 503]
    for minute in (0, 4):
        at = NOW + minute * MINUTE
        errands = claim(at, limit=2)
        assert len(errands) == 2
        for errand in errands:
            hand_over(errand, at)
        for _, _, asked in wire.requests[-2:]:
            assert 0 < asked["ValidityPeriod"] <= (answer_by - at).total_seconds()
    writing()
    referrals.sweep(now=answer_by + MINUTE)
    factories.house(outcode="LS29", now=answer_by)
    referrals.rematch(now=answer_by + MINUTE)
    words = inbox.receive(sid="SMlate", sender=sender, body=f"YES {code}", now=answer_by + 2 * MINUTE)
    db.session.commit()
    assert words is not None
    assert "is settled, thank you" in words
