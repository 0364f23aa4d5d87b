"""The telephones of the demonstration: what they show, and that an answer goes the way of a real one."""

from __future__ import annotations

import re

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from safety import clock, create_app, jobs, referrals
from safety.crypto import ring
from safety.extensions import begin_write, db
from safety.lifecycle import Event, State
from safety.models import Channel, Inbound, MessageState, Placement, SimulatedText, Text
from safety.sms import simulator
from tests import factories
from tests.conftest import settings_for
from tests.pages import check_page

ON_CALL = "+447700900199"


def held() -> Placement:
    """A held placement whose texts have arrived on their telephones."""
    db.session.rollback()
    begin_write()
    now = clock.now()
    factories.house(now=now)
    placement = factories.placement(now=now)
    db.session.commit()
    jobs.send(jobs.this_process())
    return placement


def mobile(placement: Placement) -> str:
    return placement.premises.contacts[0].phone


def press(
    client: FlaskClient, number: str, words: str | None, *, once: str | None = None, **more: str
) -> int:
    """Type into a telephone and press Send, as its form does; returns the status code."""
    index = ring().index("phone", number)
    page = client.get("/phones").text
    form = re.search(rf'<form[^>]*action="/phones/{index}".*?</form>', page, re.DOTALL)
    fields = dict(re.findall(r'name="(csrf_token|once)" value="([^"]*)"', form[0])) if form else {}
    if once:
        fields["once"] = once
    if words is not None:
        fields[f"{index}-words"] = words
    return client.post(f"/phones/{index}", data=fields | more).status_code


def test_only_telephones_with_texts_are_shown_and_the_coordinators(app: Flask, client: FlaskClient) -> None:
    placement = held()
    factories.house()  # has had no text
    db.session.commit()
    response = client.get("/phones")
    check_page(response)
    page = response.text
    names = [
        name.strip() for name in re.findall(r'class="govuk-heading-s pos-phone__name"[^>]*>(.*?)<br>', page)
    ]
    assert sorted(names) == [
        "Coordinator on call",
        placement.premises.name,
        f"Officer of {placement.referral.spoken}",
    ]
    assert names[-1] == "Coordinator on call"
    assert f"Reply YES {placement.code}" in page


def test_a_telephone_shows_a_text_that_has_just_arrived_without_its_page(
    app: Flask, client: FlaskClient
) -> None:
    address = f"/phones/{ring().index('phone', ON_CALL)}/texts"
    before = client.get(address)
    assert "No texts yet" in before.text
    tag = {"If-None-Match": before.headers["ETag"]}
    assert client.get(address, headers=tag).status_code == 304
    begin_write()
    simulator.keep(number=ON_CALL, body="Places of Safety URGENT", from_us=True, now=clock.now())
    db.session.commit()
    after = client.get(address, headers=tag)
    assert (after.status_code, "URGENT" in after.text, "today" in after.text) == (200, True, True)


def test_an_answer_goes_the_way_of_a_text_to_the_supplier(app: Flask, client: FlaskClient) -> None:
    placement = held()
    number = mobile(placement)
    assert press(client, number, f"YES {placement.code}") == 303
    jobs.send(jobs.this_process())
    db.session.expire_all()
    assert placement.state == State.CONFIRMED
    assert db.session.scalars(sa.select(Inbound)).one().outcome == "confirm:done"
    page = client.get(f"/phones/{ring().index('phone', number)}/texts").text
    said = [page.index(words) for words in ("Reply YES", f">YES {placement.code}<", "recorded as confirmed")]
    assert said == sorted(said)


def test_a_house_that_withdraws_makes_the_officers_telephone_ring(app: Flask, client: FlaskClient) -> None:
    placement = held()
    assert press(client, mobile(placement), f"YES {placement.code}") == 303
    db.session.rollback()
    begin_write()
    referrals.record(
        placement_id=placement.id,
        event=Event.WITHDRAW,
        actor=factories.house_actor(placement.premises_id),
        facts={"reason": "staff"},
        now=clock.now(),
    )
    db.session.commit()
    jobs.send(jobs.this_process())
    response = client.get("/phones")
    check_page(response)
    number = placement.referral.officer_phone
    shown = client.get(f"/phones/{ring().index('phone', number)}/texts").text
    assert "DO NOT GO THERE" in shown and "Telephone call, answered" in shown
    assert "Do not go to that house" in shown
    call = db.session.scalars(sa.select(Text).where(Text.channel == Channel.CALL)).one()
    assert call.state == MessageState.DELIVERED


def test_pressed_twice_it_is_one_text(app: Flask, client: FlaskClient) -> None:
    placement = held()
    for _ in range(2):
        assert press(client, mobile(placement), f"YES {placement.code}", once="a" * 32) == 303
    assert len(db.session.scalars(sa.select(SimulatedText).where(~SimulatedText.from_us)).all()) == 1


def test_what_cannot_be_sent_is_told_on_the_same_page(app: Flask, client: FlaskClient) -> None:
    placement = held()
    index = ring().index("phone", mobile(placement))
    for words in (None, "", "   ", "x" * 1601, "bell\x07"):
        fields = {} if words is None else {f"{index}-words": words}
        response = client.post(f"/phones/{index}", data=_with_token(client, fields))
        assert response.status_code == 400, words
        check_page(response)
        assert "There is a problem" in response.text
        assert f'href="#{index}-words"' in response.text
    assert "bell" in response.text  # what was typed is not lost
    assert db.session.scalars(sa.select(Inbound)).all() == []


def test_a_telephone_without_texts_is_in_the_list(app: Flask, client: FlaskClient) -> None:
    house = factories.house()
    db.session.commit()
    index = house.contacts[0].phone_index
    fields = _with_token(client, {"other-phone": index, "other-words": "SAME"})
    assert client.post("/phones/another", data=fields).status_code == 303
    assert db.session.scalars(sa.select(Inbound.outcome)).one() == "same"


def test_a_telephone_that_is_not_in_the_list_sends_nothing(app: Flask, client: FlaskClient) -> None:
    for phone in ("", "f" * 32, "../x"):
        response = client.post(
            "/phones/another", data=_with_token(client, {"other-phone": phone, "other-words": "SAME"})
        )
        assert response.status_code == 400, phone
        assert "Choose whose telephone it is" in response.text
    assert client.post(f"/phones/{'f' * 32}", data=_with_token(client, {})).status_code == 404
    assert db.session.scalars(sa.select(Inbound)).all() == []


def test_a_page_is_told_of_a_telephone_it_does_not_show(app: Flask, client: FlaskClient) -> None:
    assert "Another telephone has texts" not in client.get("/phones/more-than/1").text
    held()
    assert "Another telephone has texts" in client.get("/phones/more-than/1").text


def _with_token(client: FlaskClient, fields: dict[str, str]) -> dict[str, str]:
    token = re.search(r'name="csrf_token" value="([^"]*)"', client.get("/phones").text)
    assert token is not None
    return fields | {"csrf_token": token[1]}


TWILIO = {
    "POS_SMS": "twilio",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_KEY_SID": "SK" + "1" * 32,
    "TWILIO_KEY_SECRET": "secret",
    "TWILIO_AUTH_TOKENS": "a" * 32,
    "TWILIO_FROM": "+447700900000",
}


def test_with_a_real_supplier_there_are_no_telephones(database_url: str) -> None:
    client = create_app(settings_for(database_url, **TWILIO)).test_client()
    assert client.get("/phones").status_code == 404
    assert client.get("/phones/more-than/1").status_code == 404
