"""The page of texts: the worst first, the same words once more, and what those meant that nobody could tell."""

from __future__ import annotations

import datetime as dt
import html
import re
import uuid

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from safety import delivery, duty, inbox, outbox, referrals, texts
from safety.extensions import db
from safety.inbox import meaning
from safety.inbox.sender import Answer
from safety.lifecycle import Event, ReferralState, Role, State
from safety.models import AlertKind, Inbound, MessageState, Text
from safety.referrals import handover
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, still_clock, words

pytestmark = pytest.mark.usefixtures("cheap")

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def desk(app, client, monkeypatch):
    still_clock(monkeypatch, NOW + 3 * MINUTE)
    return Visitor(client).sign_in(factories.coordinator())


def lose(wording: str) -> Text:
    """The supplier says that this text did not arrive."""
    text = db.session.scalars(sa.select(Text).where(Text.wording == wording)).one()
    errands = outbox.claim(owner="a", limit=9, lease_s=60, now=NOW)
    (errand,) = [one for one in errands if one.text_id == text.id]
    outbox.sent(errand=errand, supplier="twilio", sid=text.id.hex, status="sent", now=NOW)
    delivery.receipt(sid=text.id.hex, status="undelivered", error="30003", now=NOW + MINUTE)
    db.session.commit()
    return text


def unclear(body: str = "that should be possible") -> tuple[Inbound, object]:
    house = factories.house(name="Heron House")
    placement = factories.placement()
    inbox.receive(sid="SM1", sender=house.contacts[0].phone, body=body, now=NOW + MINUTE)
    db.session.commit()
    return db.session.scalars(sa.select(Inbound)).one(), placement


def test_what_did_not_get_through_stands_first_with_why_and_is_sent_again_once(desk):
    factories.house(name="Heron House")
    factories.placement()
    text = lose("asked")
    page = desk.get("/duty/texts")
    listed = words(page)[words(page).index("Sent by us") :]
    assert listed.index("To the house Heron House") < listed.index("To Officer")
    assert "Not through" in listed and "switched off or out of reach" in listed
    assert "07700" not in listed
    duty.raise_alert(kind=AlertKind.TEXT_FAILED, subject=f"text:{text.id.hex}", now=NOW)
    db.session.commit()
    landed = desk.get(desk.send(page, "Resend").headers["Location"])
    assert "It is on its way again." in words(landed) and "Resend" not in buttons(landed)
    more = db.session.scalars(sa.select(Text).where(Text.again_of_id == text.id)).one()
    assert (more.body, more.to, more.state) == (text.body, text.to, "queued")
    assert not [alert for alert in duty.open_alerts() if alert.kind == AlertKind.TEXT_FAILED]
    assert "It was sent again already." in words(desk.press(f"/duty/texts/{text.id}/again"))
    again = sa.select(sa.func.count()).where(Text.again_of_id.is_not(None))
    assert db.session.scalar(again) == 1


def leads(page: TestResponse, text: str) -> str:
    """Where the first link with these words leads, without its anchor."""
    found = re.search(rf'<a [^>]*href="([^"#]*)[^"]*"[^>]*>\s*{re.escape(text)}', page.text)
    assert found, (text, words(page))
    return html.unescape(found[1])


def test_texts_and_how_they_went_lead_to_one_another_and_the_header_to_texts(desk):
    texts_page = desk.get(leads(desk.get("/duty"), "Texts"))
    assert texts_page.request.path == "/duty/texts"
    figures = desk.get(leads(texts_page, "How many got through, and how soon"))
    assert figures.request.path == "/duty/texts/delivery"
    assert leads(figures, "Texts") == leads(figures, "See every text") == "/duty/texts"
    assert figures.text.index("govuk-back-link") < figures.text.index("<h1")
    assert re.search(r'href="/duty/texts" class="govuk-back-link"', figures.text)


@pytest.mark.parametrize("alert", [False, True], ids=["a line", "an alert"])
def test_the_board_leads_to_a_lost_text_which_leaves_it_when_it_is_sent_again(desk, alert):
    factories.house(name="Heron House")
    factories.placement()
    text = lose("asked")
    duty.end(kind=AlertKind.TEXT_FAILED, subject=f"text:{text.id.hex}", now=NOW)
    if alert:
        duty.raise_alert(kind=AlertKind.TEXT_FAILED, subject=f"text:{text.id.hex}", now=NOW)
    db.session.commit()
    says = "See what did not get through, and send it again" if alert else "Send it again from Texts"
    board = desk.get("/duty")
    assert ('id="lost"' in board.text) is not alert
    page = desk.get(leads(board, says))
    assert page.request.full_path == "/duty/texts?show=lost"
    assert f'id="text-{text.id.hex}"' in page.text
    desk.send(page, "Resend")
    board = desk.get("/duty").text
    assert 'id="lost"' not in board and says not in board


def test_what_waits_is_led_to_from_the_board(desk):
    factories.house()
    factories.placement()
    db.session.execute(sa.update(Text).values(queued_at=NOW - MINUTE))
    db.session.commit()
    to = leads(desk.get("/duty"), "2 texts wait to go out")
    assert to == "/duty/texts?show=waiting"
    assert "To the house" in words(desk.get(to))


def test_the_time_line_says_what_a_text_was_said_to_mean(desk):
    _, placement = unclear()
    desk.send(desk.get("/duty/texts"), f"No to {placement.referral.spoken}")
    page = words(desk.get(f"/duty/referrals/{placement.referral_id}"))
    line = page[page.index("A coordinator said what a text meant") :]
    assert line.startswith(f"A coordinator said what a text meant , {desk.user.name} (coordinator)")
    assert "It meant: no" in line


def test_what_is_worth_nothing_or_settled_meanwhile_is_not_sent_again(app):
    house = factories.house()
    placement = factories.placement()
    text = lose("asked")
    assert texts.why_not(text, NOW + 2 * MINUTE) == ""
    assert texts.why_not(text, text.worthless_at) == "It is worth nothing any more"
    referrals.record(
        placement_id=placement.id,
        event=Event.CONFIRM,
        actor=factories.house_actor(house.id),
        facts={},
        now=NOW + 2 * MINUTE,
    )
    with pytest.raises(texts.NotAgain, match="Something has happened since"):
        texts.send_again(text_id=text.id, by="clock", now=NOW + 3 * MINUTE)


def test_whoever_handed_it_over_is_not_written_to_again_about_it(app):
    factories.house()
    placement = factories.placement()
    to_officer = lose("held")
    assert texts.why_not(to_officer, NOW + 2 * MINUTE) == ""
    to_house = db.session.scalars(sa.select(Text).where(Text.wording == "asked")).one()
    handover.hand_over(
        referral_id=placement.referral_id,
        to=factories.officer(of=placement.referral.force).id,
        actor=factories.coordinator_actor(),
        reason="shift",
        now=NOW + 2 * MINUTE,
    )
    with pytest.raises(texts.NotAgain, match="Somebody else holds the request since"):
        texts.send_again(text_id=to_officer.id, by="clock", now=NOW + 3 * MINUTE)
    to_house.state = "undelivered"
    assert texts.why_not(to_house, NOW + 3 * MINUTE) == ""


@pytest.mark.parametrize(
    ("meanwhile", "says"),
    [
        ("on its way", "It is still on its way"),
        ("words erased", "It is worth nothing any more"),
        ("request closed", "The request is closed"),
        ("alert taken", "Its alert is over or taken"),
        ("alert over", "Its alert is over or taken"),
        ("no telephone", "No telephone of that house takes our texts. Ring it"),
    ],
)
def test_what_stands_in_the_way_is_said_and_nothing_is_sent(desk, meanwhile, says):
    house = factories.house()
    placement = factories.placement()
    text = lose("asked")
    page = desk.get("/duty/texts")
    if meanwhile == "on its way":
        text.state = MessageState.QUEUED
    elif meanwhile == "words erased":
        text.body_sealed = None
    elif meanwhile == "request closed":
        text.placement_id, placement.referral.state = None, ReferralState.CLOSED
        placement.referral.closed_at, placement.referral.closed_by = NOW, "clock"
    elif meanwhile == "no telephone":
        house.contacts[0].unreachable_at = NOW
    else:
        alert = duty.raise_alert(kind=AlertKind.TEXT_FAILED, subject="text:another", now=NOW)
        text.alert_id = alert.id
        if meanwhile == "alert taken":
            duty.take(alert=alert, by=desk.user.actor().by, now=NOW)
        else:
            alert.ended_at = NOW
    db.session.commit()
    landed = desk.get(desk.send(page, "Resend").headers["Location"])
    assert f"{says}. Nothing was changed." in words(landed)
    assert db.session.scalar(sa.select(Text.id).where(Text.again_of_id.is_not(None))) is None


def test_another_role_finds_no_texts_and_can_press_nothing(app, client):
    inbound, placement = unclear()
    text = lose("asked")
    presses = (
        f"/duty/texts/{text.id}/again",
        f"/duty/texts/{inbound.id}/meant/yes-{placement.code}",
        f"/duty/texts/{inbound.id}/meant/nothing",
    )
    others = (
        factories.officer(),
        factories.officer(role=Role.LEAD),
        factories.staff(of=placement.premises.provider),
        factories.coordinator(role=Role.OVERSIGHT),
    )
    for other in others:
        visitor = Visitor(client).sign_in(other)
        visitor.get("/duty/texts", 404)
        visitor.get("/account")
        for path in presses:
            visitor.post(path, 404)
        visitor.post("/sign-out")
    db.session.expire_all()
    assert (inbound.meant, placement.state) == (None, State.HELD)
    assert db.session.scalar(sa.select(Text.id).where(Text.again_of_id.is_not(None))) is None


def test_what_is_not_there_is_not_found(desk):
    text, _ = unclear()
    text.body_sealed = None
    db.session.commit()
    desk.get("/duty/texts")
    for path in (f"{uuid.uuid4()}/again", f"{uuid.uuid4()}/meant/nothing", f"{text.id}/meant/nothing"):
        desk.post(f"/duty/texts/{path}", 404)


def test_the_page_can_be_narrowed_and_turned(desk):
    factories.house(rooms=12)
    for _ in range(12):
        factories.placement()
    db.session.commit()
    first = desk.get("/duty/texts?show=waiting")
    assert "Older texts" in words(first)
    assert "Newer texts" in words(desk.get("/duty/texts?show=waiting&page=2"))
    assert "None." in words(desk.get("/duty/texts?show=lost"))


def test_a_text_nobody_could_tell_is_done_as_if_it_had_been_written_so(desk):
    text, placement = unclear()
    page = desk.get("/duty/texts")
    assert "that should be possible" in words(page)
    assert f'href="tel:{text.sender}"' in page.text
    spoken = placement.referral.spoken
    assert buttons(page)[:4] == [
        f"Yes to {spoken}",
        f"No to {spoken}",
        "Their beds are as before",
        "It needs nothing",
    ]
    landed = desk.get(desk.send(page, f"Yes to {spoken}").headers["Location"])
    assert "Recorded." in words(landed) and "not understood" not in words(landed)
    db.session.expire_all()
    assert (placement.state, placement.confirmed_by) == (State.CONFIRMED, f"phone:{text.sender_index}")
    assert (text.meaning, text.outcome) == ("not_understood", "not_understood")
    assert (text.meant, text.meant_outcome, text.meant_by) == ("yes", "confirm:done", desk.user.actor().by)
    again = desk.press(f"/duty/texts/{text.id}/meant/nothing")
    assert "Somebody has said already what that text meant." in words(again)


def test_what_changed_meanwhile_is_refused_and_changes_nothing(desk):
    text, placement = unclear()
    page = desk.get("/duty/texts")
    referrals.record(
        placement_id=placement.id,
        event=Event.DECLINE,
        actor=factories.house_actor(placement.premises_id),
        facts={"reason": "staff"},
        now=NOW + 2 * MINUTE,
    )
    db.session.commit()
    landed = desk.get(desk.send(page, f"Yes to {placement.referral.spoken}").headers["Location"])
    assert "That has changed meanwhile, and is not possible any more. Nothing was changed." in words(landed)
    db.session.expire_all()
    assert (placement.state, text.meant) == (State.DECLINED, None)


def test_what_came_to_nothing_when_it_was_done_is_refused_and_changes_nothing(app):
    """It was possible a moment ago, and the code that does it says otherwise: what was meant is not kept as done."""
    text, placement = unclear()
    with pytest.raises(meaning.NotPossible, match="It could not be done as things stand now"):
        meaning.mean(
            inbound_id=text.id,
            slug=f"yes-{placement.code}",
            by="clock",
            act=lambda *_: Answer("confirm:conflict"),
            now=NOW + 2 * MINUTE,
        )
    assert text.meant is None


def test_a_text_that_needs_nothing_is_put_away(desk):
    text, placement = unclear("thanks love")
    landed = desk.get(desk.send(desk.get("/duty/texts"), "It needs nothing").headers["Location"])
    assert "not understood" not in words(landed)
    db.session.expire_all()
    assert (text.meant, placement.state) == ("nothing", State.HELD)


def test_nobody_is_offered_what_is_another_houses(app):
    text, placement = unclear()
    factories.house(name="Other House")
    other = factories.placement()
    assert other.premises_id != placement.premises_id
    offered = {one.slug for one in meaning.possible(text)}
    assert f"yes-{placement.code}" in offered and f"yes-{other.code}" not in offered
