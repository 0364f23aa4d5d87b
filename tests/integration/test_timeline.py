"""The one time line of a referral: everything that happened, in one order, in words that tell nobody where a house is."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from safety import delivery, duty, inbox, outbox, referrals
from safety.extensions import db
from safety.lifecycle import Event
from safety.models import AlertKind, Text
from safety.referrals.timeline import Line, timeline
from tests import factories, listening
from tests.factories import NOW
from tests.visitor import Visitor, still_clock, words

pytestmark = pytest.mark.usefixtures("cheap")

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def clock(monkeypatch):
    return still_clock(monkeypatch, NOW)


def heads(lines: list[Line]) -> list[str]:
    return [line.what for line in lines]


def one(lines: list[Line], what: str) -> Line:
    (found,) = [line for line in lines if line.what == what]
    return found


def timeline_at(at: dt.datetime, lines: list[Line]) -> list[Line]:
    return [line for line in lines if line.at == at]


def text_of(wording: str) -> Text:
    return db.session.scalars(sa.select(Text).where(Text.wording == wording)).one()


def lost(text: Text, code: str, now: dt.datetime) -> None:
    """The supplier takes the text and then says that it did not arrive."""
    (errand,) = [
        errand
        for errand in outbox.claim(owner="a", limit=9, lease_s=60, now=now)
        if errand.text_id == text.id
    ]
    outbox.sent(errand=errand, supplier="twilio", sid="SM" + text.id.hex, status="sent", now=now)
    delivery.receipt(sid="SM" + text.id.hex, status="undelivered", error=code, now=now + MINUTE)


def test_the_newest_stands_first_and_what_was_asked_done_and_told_in_one_moment_stays_in_that_order(app):
    house = factories.house(name="Heron House")
    placement = factories.placement()
    db.session.flush()
    inbox.receive(
        sid="SM1", sender=house.contacts[0].phone, body=f"yes {placement.code}", now=NOW + 2 * MINUTE
    )
    lines = timeline(placement.referral, NOW + 3 * MINUTE)
    assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)
    assert set(heads(lines)[:2]) == {"Text to Officer", "Text to the house Heron House"}
    assert heads(lines)[2:4] == ["The house said yes", "Text from the house Heron House"]
    assert heads(timeline_at(NOW, lines))[-2:] == ["A bed was held", "Asked for a place"]
    came = one(lines, "Text from the house Heron House")
    assert came.said == f"yes {placement.code}"
    assert came.more == ("Taken for: yes", "Done")
    assert one(lines, "The house said yes").by == "the house Heron House, by text"


def test_a_text_shows_its_words_its_way_and_why_it_did_not_get_through(app):
    factories.house(name="Heron House")
    placement = factories.placement()
    db.session.flush()
    lost(text_of("asked"), "30003", NOW + MINUTE)
    lines = timeline(placement.referral, NOW + 3 * MINUTE)
    asked = one(lines, "Text to the house Heron House")
    assert asked.said == text_of("asked").body
    assert asked.way == (("Queued", NOW), ("Sent", NOW + MINUTE), ("Not delivered", NOW + 2 * MINUTE))
    assert asked.amiss and asked.more[1].startswith("The telephone is switched off or out of reach")
    # The officer's is still waiting, and nothing is wrong with that.
    held = one(lines, "Text to Officer")
    assert held.way[0] == ("Queued", NOW) and not held.amiss


def test_an_alert_stands_there_when_it_is_raised_taken_and_over(app):
    referral = factories.referral()
    alert = duty.about(kind=AlertKind.NOTHING_FITS, referral_id=referral.id)[0]
    pat = factories.coordinator(name="Pat Lindqvist")
    assert one(timeline(referral, NOW), "Alert: no bed fits").amiss
    duty.take(alert=alert, by=pat.actor().by, now=NOW + MINUTE)
    duty.end(kind=AlertKind.NOTHING_FITS, subject=alert.subject, now=NOW + 2 * MINUTE)
    lines = timeline(referral, NOW + 3 * MINUTE)
    assert not one(lines, "Alert: no bed fits").amiss
    assert one(lines, "Alert taken: no bed fits").by == "Pat Lindqvist (coordinator)"
    assert one(lines, "Alert over: no bed fits").at == NOW + 2 * MINUTE


def test_who_opened_the_address_when_and_why(app):
    house = factories.house(name="Heron House", address="9 Secret Street\nHiddenham")
    placement = factories.placement()
    officer = placement.referral.holder

    def step(event, actor, **facts):
        referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=NOW)

    step(Event.CONFIRM, factories.house_actor(house.id))
    step(Event.SET_OFF, officer.actor(), eta_at=NOW + 30 * MINUTE)
    referrals.open_address(
        referral_id=placement.referral_id, actor=officer.actor(), reason="cannot_find", now=NOW + 5 * MINUTE
    )
    lines = timeline(placement.referral, NOW + 6 * MINUTE)
    opened = one(lines, "The officer opened the address")
    assert (opened.at, opened.by) == (NOW + 5 * MINUTE, "Officer (officer)")
    assert opened.more == ("Heron House", "We are near and cannot find it")
    everything = repr(lines)
    for secret in ("Secret Street", "Hiddenham", "07700", "+447700"):
        assert secret not in everything


def test_a_room_chosen_against_the_rules_says_what_it_breaks_and_why_it_is_right(app):
    referral = factories.referral(cohort="men")
    house = factories.house(name="Heron House")
    referrals.place(
        referral_id=referral.id,
        bedspace_id=house.bedspaces[0].id,
        actor=factories.coordinator().actor(),
        reason="both_agree",
        now=NOW + MINUTE,
    )
    line = one(timeline(referral, NOW + MINUTE), "Placed by hand")
    assert "The house and the person have agreed" in line.more
    assert any(words.startswith("Not met: ") for words in line.more)


def test_what_was_erased_leaves_its_line_and_no_words(app):
    house = factories.house()
    placement = factories.placement()
    referrals.withdraw(
        referral_id=placement.referral_id,
        actor=placement.referral.holder.actor(),
        reason="elsewhere",
        now=NOW,
    )
    db.session.flush()
    referrals.erase_closed(now=NOW + dt.timedelta(days=31))
    db.session.expire_all()
    lines = timeline(placement.referral, NOW + dt.timedelta(days=31))
    assert f"Text to the house {house.name}" in heads(lines)
    assert [line.said for line in lines if line.said] == []


def test_a_long_history_takes_a_handful_of_queries(app):
    house = factories.house()
    placement = factories.placement()
    for number in range(8):
        inbox.receive(
            sid=f"SM{number}",
            sender=house.contacts[0].phone,
            body=f"yes {placement.code}",
            now=NOW + number * MINUTE,
        )
    db.session.commit()
    referral = placement.referral
    db.session.refresh(referral)
    _ = referral.holder.name
    with listening.statements() as seen:
        assert len(timeline(referral, NOW + 9 * MINUTE)) > 15
    assert 0 < len(seen) <= 8, seen


def test_the_page_shows_it_at_the_end_and_asks_for_it_by_itself(app, client, clock):
    factories.house(name="Heron House")
    placement = factories.placement()
    db.session.commit()
    desk = Visitor(client).sign_in(factories.coordinator())
    for rest in ("", "/now"):
        page = words(desk.get(f"/duty/referrals/{placement.referral_id}{rest}"))
        assert "What happened The newest first." in page
        assert "Text to the house Heron House today 14:00 To the house: a bed of yours is held" in page
        assert f"Reply YES {placement.code}" in page
