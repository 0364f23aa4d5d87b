"""Ten houses say yes at the same instant, by text and on their page: one placement, nine told that it is settled."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from twilio.request_validator import RequestValidator

from safety import accounts, bedspaces, clock, invariants, premises, referrals
from safety.crypto import ring
from safety.extensions import begin_write, db, new_id
from safety.lifecycle import AskAnswer, State
from safety.models import Ask, Inbound, Placement, Referral, Text, User
from tests import factories, servers
from tests.servers import Browser

HOUSES, ROUNDS, FEW = 10, 100, 3
TOKEN = "a" * 32
TWILIO = {
    "POS_SMS": "twilio",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_KEY_SID": "SK" + "1" * 32,
    "TWILIO_KEY_SECRET": "a-secret-of-the-tests",
    "TWILIO_AUTH_TOKENS": TOKEN,
    "TWILIO_FROM": "+447700900000",
}


@dataclass
class House:
    """One house in the race, with one room out of service. browser: None when it answers by text."""

    id: uuid.UUID
    room: uuid.UUID
    phone: str
    browser: Browser | None
    code: str = ""
    ask: uuid.UUID | None = None
    heard: str = ""  # what its own yes was answered with: the page, or the outcome of the text


def prepare(url: str) -> tuple[User, list[House]]:
    """An officer, and ten houses with a room out of service; every other one has somebody at its page."""
    password = accounts.hashed(password=servers.PASSWORD).value
    now = clock.now()
    officer = factories.officer()
    made = []
    for _ in range(HOUSES):
        house = factories.house(now=now)
        bedspaces.take_out(bedspace_id=house.bedspaces[0].id, reason="full", until=None, by="clock", now=now)
        made.append((house, factories.staff(of=house.provider, password_hash=password)))
    db.session.commit()
    houses = [
        House(
            house.id,
            house.bedspaces[0].id,
            house.contacts[0].phone,
            Browser(url).sign_in(staff.email) if number % 2 else None,
        )
        for number, (house, staff) in enumerate(made)
    ]
    for house in houses:
        if house.browser is not None:
            house.browser.get("/house")
    db.session.remove()
    return officer, houses


def ask_all(officer: User, houses: list[House]) -> uuid.UUID:
    """Somebody searches and every house is asked."""
    begin_write()
    now = clock.now()
    referral = factories.referral(by=db.session.get_one(User, officer.id), now=now)
    asks = {ask.premises_id: ask for ask in referrals.ask_everybody(referral, by="clock", now=now)}
    db.session.commit()
    for house in houses:
        house.code, house.ask, house.heard = asks[house.id].code, asks[house.id].id, ""
    db.session.remove()
    return referral.id


def say_yes(url: str, house: House) -> None:
    if house.browser is not None:
        answer = house.browser.post(f"/house/asks/{house.ask}/yes", {"bedspace_id": str(house.room)})
        assert answer.status_code == 303, answer.text
        house.heard = house.browser.get(answer.headers["Location"]).text
        return
    call = {"MessageSid": f"SM{new_id().hex}", "From": house.phone, "Body": f"yes {house.code}"}
    address = f"{url}/twilio/inbound"
    signed = {"X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(address, call)}
    answer = requests.post(address, data=call, headers=signed, timeout=60)
    assert answer.status_code == 200, answer.text
    house.heard = call["MessageSid"]


def all_at_once(url: str, houses: list[House]) -> None:
    barrier = threading.Barrier(len(houses))

    def answer(house: House) -> None:
        barrier.wait(30)
        say_yes(url, house)

    threads = [threading.Thread(target=answer, args=(house,)) for house in houses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert all(house.heard for house in houses), "a yes was never answered"


def check(referral_id: uuid.UUID, houses: list[House]) -> bool:
    """One placement, nine told that it is settled, nobody left believing otherwise. Returns whether a text won."""
    (placement,) = db.session.scalars(sa.select(Placement).where(Placement.referral_id == referral_id)).all()
    assert placement.state == State.CONFIRMED
    (winner,) = [house for house in houses if house.id == placement.premises_id]
    assert placement.code == winner.code
    answers = Counter(db.session.scalars(sa.select(Ask.answer).where(Ask.referral_id == referral_id)))
    assert answers == {AskAnswer.YES: 1, AskAnswer.SETTLED: HOUSES - 1}
    assert premises.out_now(clock.now()) == {house.room for house in houses if house is not winner}
    settled = set(
        db.session.scalars(
            sa.select(Text.to_index).where(Text.referral_id == referral_id, Text.wording == "settled")
        )
    )
    assert settled == {ring().index("phone", house.phone) for house in houses if house is not winner}
    for house in houses:
        if house.browser is not None:
            believes = "is theirs, and the officer" in house.heard
            told = "is settled, thank you" in house.heard
        else:
            outcome = db.session.scalar(sa.select(Inbound.outcome).where(Inbound.sid == house.heard))
            believes, told = outcome == "ask_yes:done", outcome == "ask_yes:settled"
        assert (believes, told) == (house is winner, house is not winner), house.heard
    db.session.rollback()
    return winner.browser is None


def clear(referral_id: uuid.UUID, houses: list[House]) -> None:
    """Nobody needs the place any more, and the room is out of service again for the next round."""
    begin_write()
    now = clock.now()
    referral = db.session.get_one(Referral, referral_id)
    actor = db.session.get_one(User, referral.holder_id).actor()
    referrals.withdraw(referral_id=referral_id, actor=actor, reason="elsewhere", now=now)
    for room in {house.room for house in houses} - premises.out_now(now):
        bedspaces.take_out(bedspace_id=room, reason="full", until=None, by="clock", now=now)
    db.session.commit()
    db.session.remove()


@pytest.mark.timeout(3600)
@pytest.mark.xdist_group("processes")
def test_of_ten_yeses_at_once_one_wins_and_nine_are_told_that_it_is_settled(
    app: Flask, database: str, database_url: str, tmp_path: Path, full: bool
) -> None:
    count = ROUNDS if full else FEW
    by_text = 0
    with servers.web(database_url, tmp_path / "web.log", workers=4, **TWILIO) as server:
        officer, houses = prepare(server.url)
        for _ in range(count):
            referral_id = ask_all(officer, houses)
            all_at_once(server.url, houses)
            by_text += check(referral_id, houses)
            clear(referral_id, houses)
        for house in houses:
            if house.browser is not None:
                house.browser.session.close()
    found = invariants.breaches(now=clock.now())
    assert [line for line in found if "I4" not in line] == []
    print(
        f"\n{database}: {count} rounds of {HOUSES} yeses at once, {count} placements, {count * (HOUSES - 1)} told "
        f"that it is settled; {by_text} won by text, {count - by_text} on the page"
    )
