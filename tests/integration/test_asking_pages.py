"""Ask everybody, on the pages of the house that is asked, of the coordinator who asks, and of the officer who waits."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from safety import bedspaces, premises, referrals
from safety.extensions import db, new_id
from safety.lifecycle import AskAnswer, ReferralState, State
from safety.models import Ask, Placement, Premises, Referral
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

MINUTE = dt.timedelta(minutes=1)


def full(**kept) -> Premises:
    """A house whose rooms are all out of service."""
    house = factories.house(**kept)
    for bedspace in house.bedspaces:
        bedspaces.take_out(bedspace_id=bedspace.id, reason="full", until=None, by="clock", now=NOW)
    db.session.commit()
    return house


def asked(**kept) -> Referral:
    """Somebody for whom every house was asked."""
    referral = factories.referral(**kept)
    assert referral.state == ReferralState.SEARCHING
    assert referrals.ask_everybody(referral, by="clock", now=NOW)
    db.session.commit()
    return referral


def ask_to(house: Premises) -> Ask:
    db.session.expire_all()
    return db.session.scalars(sa.select(Ask).where(Ask.premises_id == house.id)).one()


def place(referral: Referral) -> Placement | None:
    db.session.expire_all()
    return referrals.live_placement(db.session.get_one(Referral, referral.id))


@pytest.fixture
def house(app) -> Premises:
    return full(rooms=2)


@pytest.fixture
def home(house, client) -> Visitor:
    """The browser of somebody who works at the house."""
    return Visitor(client).sign_in(factories.staff(of=house.provider))


@pytest.fixture
def desk(app) -> Visitor:
    """A coordinator's browser."""
    return Visitor(app.test_client()).sign_in(factories.coordinator())


def test_an_ask_stands_among_what_waits_with_what_decides_and_the_time_left(home, house, clock):
    referral = asked(pregnant="yes", alias="Ash", support=("medication",))
    clock.at = NOW + 6 * MINUTE
    page = home.get("/house")
    assert "Waiting for your answer (1)" in words(page) and "Nobody is waiting" not in words(page)
    assert f"{referral.spoken}: can you make room? Answer by 14:15: 9 minutes left." in words(page)
    assert "1 adult, women only; pregnant; needs medication kept safe." in words(page)
    assert {f"Make room for {referral.spoken}", f"No room for {referral.spoken}"} <= set(buttons(page))
    # Many houses are asked about one person: what to call them is for the one that takes them.
    assert "Ash" not in page.text


def test_yes_names_a_room_and_leads_to_whom_it_is_for(home, house):
    referral = asked()
    ask = ask_to(house)
    page = home.get(f"/house/asks/{ask.id}/yes")
    assert "Can you make room?" in words(page) and "Answer by 14:15" in words(page)
    assert summary(home.post(f"/house/asks/{ask.id}/yes", 400)) == ["Select the room that you can make ready"]
    room = house.bedspaces[1]
    landed = words(home.press(f"/house/asks/{ask.id}/yes", bedspace_id=str(room.id)))
    assert f"{room.name} is theirs, and the officer has been told" in landed
    placement = place(referral)
    assert (placement.bedspace_id, placement.state) == (room.id, State.CONFIRMED)
    again = words(home.press(f"/house/asks/{ask.id}/yes", bedspace_id=str(room.id)))
    assert "recorded already, so nothing has changed" in again
    other = str(house.bedspaces[0].id)
    assert "in group W of this house already" in words(
        home.press(f"/house/asks/{ask.id}/yes", bedspace_id=other)
    )
    assert place(referral).bedspace_id == room.id


def test_a_room_of_another_house_or_none_at_all_cannot_be_chosen(home, house):
    other = full(outcode="LS29")
    referral = asked()
    ask = ask_to(house)
    home.get(f"/house/asks/{ask.id}/yes")
    for wrong in (str(other.bedspaces[0].id), str(new_id()), "a room", ""):
        answer = home.post(f"/house/asks/{ask.id}/yes", 400, bedspace_id=wrong)
        assert summary(answer) == ["Select the room that you can make ready"]
    assert place(referral) is None


def test_a_yes_that_comes_second_is_settled_and_says_so(home, house):
    other = full(outcode="LS29")
    referral = asked()
    ask = ask_to(house)
    home.get(f"/house/asks/{ask.id}/yes")
    referrals.say_yes(ask_id=ask_to(other).id, actor=factories.house_actor(other.id), now=NOW)
    db.session.commit()
    room = str(house.bedspaces[0].id)
    page = words(home.press(f"/house/asks/{ask.id}/yes", bedspace_id=room))
    assert f"{referral.spoken} is settled, thank you. Your rooms stay as they are" in page
    assert place(referral).premises_id == other.id
    assert "is settled" in words(home.get(home.get(f"/house/asks/{ask.id}/yes", 303).headers["Location"]))
    assert "is settled" in words(home.press(f"/house/asks/{ask.id}/no"))
    assert len(premises.out_now(NOW, house.id)) == 2


def test_no_is_one_press_and_the_ask_is_gone(home, house):
    referral = asked()
    home.get("/house")
    page = words(home.press(f"/house/asks/{ask_to(house).id}/no"))
    assert f"you have no room for {referral.spoken}" in page and "Nobody is waiting" in page
    assert ask_to(house).answer == AskAnswer.NO
    home.press(f"/house/asks/{ask_to(house).id}/no")
    assert ask_to(house).answered_at == NOW


def test_a_no_after_their_yes_says_what_stands(home, house):
    referral = asked()
    referrals.say_yes(ask_id=ask_to(house).id, actor=factories.house_actor(house.id), now=NOW)
    db.session.commit()
    home.get("/house")
    page = words(home.press(f"/house/asks/{ask_to(house).id}/no"))
    assert "Recorded as confirmed" in page and "Nothing was changed" in page
    assert place(referral).state == State.CONFIRMED


def test_a_late_yes_on_the_page_counts_swept_or_not(home, house, clock):
    referral = asked()
    home.back_at(clock, NOW + 16 * MINUTE)
    assert "The time to answer is over, but you can still say yes." in words(home.get("/house"))
    referrals.sweep(now=clock.at)
    db.session.commit()
    ask = ask_to(house)
    assert "they still have no bed" in words(home.get(f"/house/asks/{ask.id}/yes"))
    home.press(f"/house/asks/{ask.id}/yes", bedspace_id=str(house.bedspaces[0].id))
    assert place(referral).state == State.CONFIRMED


def test_a_house_whose_last_room_was_given_meanwhile_is_told_so(home, house):
    asked()
    ask = ask_to(house)
    db.session.get_one(Premises, house.id).accepting = False
    house.accepting_reason = "staff"
    db.session.commit()
    landed = home.get(f"/house/asks/{ask.id}/yes", 303).headers["Location"]
    assert "None of your rooms that are out of service fits" in words(home.get(landed))


def test_another_houses_ask_looks_like_none(home, house, app):
    other = full(cohort="men", room={"cohort": "men"})
    asked(cohort="men")
    ask = ask_to(other)
    home.get("/house")
    room = str(other.bedspaces[0].id)
    for at in (ask.id, new_id()):
        home.get(f"/house/asks/{at}/yes", 404)
        home.post(f"/house/asks/{at}/yes", 404, bedspace_id=room)
        home.post(f"/house/asks/{at}/no", 404)
    assert ask_to(other).answer is None


def test_a_coordinator_asks_every_house_and_sees_who_answered_what(desk, house, app):
    silent, said_no = full(outcode="LS29"), full(outcode="LS6")
    referral = factories.referral()
    db.session.commit()
    at = f"/duty/referrals/{referral.id}"
    assert "Ask every house to make room" in buttons(desk.get(at))
    assert "3 houses were asked to make room." in words(desk.press(f"{at}/ask-every-house"))
    assert "Nobody else could be asked" in words(desk.press(f"{at}/ask-every-house"))
    referrals.say_no(ask_id=ask_to(said_no).id, actor=factories.house_actor(said_no.id), now=NOW)
    db.session.commit()
    page = words(desk.get(at))
    assert f"{silent.name} : no answer yet, until 14:15" in page
    assert f"{said_no.name} : said no today 14:00" in page
    assert "Every house that could make room was asked" in page
    referrals.say_yes(ask_id=ask_to(house).id, actor=factories.house_actor(house.id), now=NOW)
    db.session.commit()
    page = desk.get(at)
    assert f"{house.name} : said yes today 14:00" in words(page)
    assert f"{silent.name} : settled before it answered" in words(page)
    assert "Ask every house to make room" not in buttons(page)
    assert "not waiting for a bed. Nothing was changed" in words(desk.press(f"{at}/ask-every-house"))


def test_nobody_who_is_no_coordinator_asks_every_house(home, house, app):
    referral = factories.referral()
    db.session.commit()
    home.get("/house")
    home.post(f"/duty/referrals/{referral.id}/ask-every-house", 404)
    officer = Visitor(app.test_client()).sign_in(factories.officer())
    officer.get("/referrals")
    officer.post(f"/duty/referrals/{referral.id}/ask-every-house", 404)
    assert db.session.scalars(sa.select(Ask)).all() == []


def test_the_officer_reads_what_is_being_done_and_never_of_which_house(house, app, clock):
    officer = factories.officer()
    phone = Visitor(app.test_client()).sign_in(officer)
    referral = asked(by=officer)
    page = phone.get(f"/referrals/{referral.id}")
    assert "We are asking every house that could make room for them. They have until 14:15" in words(page)
    assert house.name not in page.text and ask_to(house).code not in page.text
    clock.at = NOW + 15 * MINUTE
    # Nobody has swept yet, and the time to answer is over all the same.
    later = words(phone.get(f"/referrals/{referral.id}"))
    assert "We are asking every house" not in later and "We look again by ourselves" in later
