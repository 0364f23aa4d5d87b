"""The rooms of a house on its pages: added, described, out of service and back, retired, and the record of it all."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
import sqlalchemy as sa

from safety import beds, bedspaces, referrals
from safety.extensions import db
from safety.lifecycle import ReferralState
from safety.models import Bedspace, Group, OutOfService, Premises, Referral
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

HOUR = dt.timedelta(hours=1)
NEW = {"cohort": "women", "sleeps": "2", "self_contained": "no"}


@pytest.fixture
def house(app) -> Premises:
    return factories.house(rooms=2, name="Heron House")


@pytest.fixture
def home(house, client) -> Visitor:
    """The browser of somebody who works at the house."""
    return Visitor(client).sign_in(factories.staff(of=house.provider, name="Asha Demo"))


def list_of(house: Premises) -> str:
    return f"/house/premises/{house.id}/rooms"


def at(room: Bedspace, what: str = "") -> str:
    return f"/house/rooms/{room.id}" + (f"/{what}" if what else "")


def searching() -> Referral:
    found = factories.referral()
    db.session.commit()
    assert found.state == ReferralState.SEARCHING
    return found


def state_of(referral: Referral) -> str:
    db.session.expire_all()
    return db.session.get_one(Referral, referral.id).state


def all_out(house: Premises) -> None:
    beds.report(premises_id=house.id, free={"W": 0}, by="clock", via="text", now=NOW)
    db.session.commit()


def test_every_room_stands_on_the_list_with_how_it_stands(home, house):
    placement = factories.placement()
    other = next(room for room in house.bedspaces if room.id != placement.bedspace_id)
    until = NOW + 3 * HOUR
    bedspaces.take_out(bedspace_id=other.id, reason="repair", until=until, by="clock", now=NOW)
    db.session.commit()
    page = words(home.get(list_of(house)))
    assert "sleeps 2, women only Held" in page
    assert "sleeps 2, women only. Repair or damage, until today 17:00 Out of service" in page
    held = words(home.get(at(placement.bedspace)))
    assert f"Held for {placement.referral.spoken}" in held and "Take it out of service" not in held


def test_a_room_that_is_added_is_free_and_whoever_was_searching_gets_it(home, house):
    all_out(house)
    waiting = searching()
    home.get(list_of(house) + "/new")
    page = home.press(
        list_of(house) + "/new", name="Blue", group=house.groups[0].id.hex, features="cot", **NEW
    )
    assert "Blue is added. It is free, and people can be sent there." in words(page)
    made = db.session.scalars(sa.select(Bedspace).where(Bedspace.name == "Blue")).one()
    assert (made.sleeps, made.cohort, made.features) == (2, "women", ["cot"])
    assert state_of(waiting) == ReferralState.PLACED


def test_a_room_may_begin_a_new_group_that_texts_can_name(home, house):
    home.get(list_of(house) + "/new")
    home.press(list_of(house) + "/new", name="Flat 1", group="new", letter="f", group_name="Flats", **NEW)
    group = db.session.scalars(sa.select(Group).where(Group.letter == "F")).one()
    assert (group.premises_id, group.name) == (house.id, "Flats")
    assert "F: Flats, free now" in words(home.get("/house"))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": ""}, "Enter what you call the room"),
        ({"name": "room 1"}, "There is a room called room 1 already. Give this one another name"),
        ({"sleeps": "0"}, "How many people can sleep there must be a whole number from 1 to 12"),
        ({"sleeps": "13"}, "How many people can sleep there must be a whole number from 1 to 12"),
        ({"group": ""}, "Select the group, or a new one"),
        ({"group": "0" * 32}, "Select the group, or a new one"),
        ({"group": "new"}, "Enter the letter of the new group"),
        ({"group": "new", "letter": "F"}, "Enter the name of the new group"),
        ({"group": "new", "letter": "4", "group_name": "x"}, "The letter must be one letter, A to Z"),
        (
            {"group": "new", "letter": "w", "group_name": "x"},
            "There is a group W already. Choose another letter, or that group",
        ),
    ],
)
def test_a_room_that_cannot_be_added_is_refused_in_words_and_nothing_is_half_done(home, house, changed, told):
    home.get(list_of(house) + "/new")
    sent = NEW | {"name": "Blue", "group": house.groups[0].id.hex} | changed
    assert summary(home.post(list_of(house) + "/new", 400, **sent))[0] == told
    db.session.expire_all()
    assert db.session.scalar(sa.select(sa.func.count(Bedspace.id))) == 2
    assert db.session.scalar(sa.select(sa.func.count(Group.id))) == 1


def test_a_room_out_of_service_comes_back_by_itself_at_its_time(home, house, clock):
    room = house.bedspaces[0]
    home.get(at(room, "out"))
    page = home.press(at(room, "out"), reason="cleaning", until="2027-01-13", time="16:30")
    assert "is out of service: nobody is sent there. It comes back by itself today 16:30." in words(page)
    assert "Out of service since today 14:00: cleaning." in words(page)
    clock.at = NOW + 2.5 * HOUR
    home.sign_in(home.user)
    assert "Free: people can be sent here." in words(home.get(at(room)))


def test_whoever_is_searching_gets_the_room_when_its_time_is_over(home, house):
    for room in house.bedspaces:
        bedspaces.take_out(bedspace_id=room.id, reason="repair", until=NOW + HOUR, by="clock", now=NOW)
    waiting = searching()
    referrals.sweep(now=NOW + HOUR - dt.timedelta(seconds=1))
    assert state_of(waiting) == ReferralState.SEARCHING
    referrals.sweep(now=NOW + HOUR)
    assert state_of(waiting) == ReferralState.PLACED


def test_without_a_day_it_stays_out_until_somebody_brings_it_back(home, house):
    room = house.bedspaces[0]
    home.get(at(room, "out"))
    page = home.press(at(room, "out"), reason="works", until="later", time="")
    assert "Nobody is sent here until you bring it back." in words(page)
    all_out(house)
    waiting = searching()
    page = home.get(home.send(home.get(at(room)), "Bring it back into service").headers["Location"])
    assert "is back in service" in words(page) and waiting.spoken in words(page)
    assert state_of(waiting) == ReferralState.PLACED


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"reason": "", "until": "later"}, "Select why it cannot be used"),
        ({"reason": "repair", "until": ""}, "Select when it can be used again"),
        ({"reason": "repair", "until": "2027-01-12"}, "Select when it can be used again"),
        (
            {"reason": "repair", "until": "2027-01-13", "time": "13:59"},
            "That time is over. Enter a time that is still to come, or another day",
        ),
        (
            {"reason": "repair", "until": "2027-01-13", "time": ""},
            "That time is over. Enter a time that is still to come, or another day",
        ),
        (
            {"reason": "repair", "until": "2027-01-14", "time": "25:00"},
            "The time must be a time, like 14:30 or 2:30pm",
        ),
    ],
)
def test_a_time_that_cannot_be_is_refused(home, house, sent, told):
    room = house.bedspaces[0]
    home.get(at(room, "out"))
    assert summary(home.post(at(room, "out"), 400, **sent)) == [told]
    assert db.session.scalar(sa.select(OutOfService.id)) is None


def test_a_room_somebody_has_stays_in_service_and_as_it_is(home, house):
    placement = factories.placement()
    room = placement.bedspace
    db.session.commit()
    home.get(at(room, "out"))
    page = home.press(at(room, "out"), reason="repair", until="later")
    assert "Somebody lives there or is coming. Move or withdraw that placement first." in words(page)
    page = home.press(at(room, "retire"))
    assert "Somebody lives there or is coming." in words(page)
    refused = home.post(at(room, "describe"), 400, **NEW | {"name": room.name, "sleeps": "1"})
    assert "was promised the room as it is" in summary(refused)[0]
    db.session.expire_all()
    kept = db.session.get_one(Bedspace, room.id)
    assert (kept.sleeps, kept.retired_at, db.session.scalar(sa.select(OutOfService.id))) == (2, None, None)
    home.press(at(room, "describe"), **NEW | {"name": "Green"})
    db.session.expire_all()
    assert db.session.get_one(Bedspace, room.id).name == "Green", "what it is called may change"


def test_a_room_described_anew_fits_somebody_it_did_not(home, house):
    all_out(house)
    bedspaces.bring_back(bedspace_id=house.bedspaces[0].id, by="clock", now=NOW)
    waiting = factories.referral(children={"under_2": 2})
    db.session.commit()
    assert waiting.state == ReferralState.SEARCHING
    room = house.bedspaces[0]
    page = home.get(at(room, "describe"))
    assert 'value="2"' in page.text, "it shows what is known"
    home.press(at(room, "describe"), **NEW | {"name": room.name, "sleeps": "3"})
    assert state_of(waiting) == ReferralState.PLACED


def test_a_retired_room_is_offered_and_counted_no_more_and_may_be_used_again(home, house):
    room = house.bedspaces[0]
    page = home.get(home.send(home.get(at(room, "retire")), f"Retire {room.name}").headers["Location"])
    assert f"{room.name} is retired" in words(page)
    assert 'data-was="1"' in home.get("/house").text
    assert buttons(home.get(at(room))) == ["Use it in the scheme again"]
    home.send(home.get(at(room)), "Use it in the scheme again")
    assert 'data-was="2"' in home.get("/house").text


def test_the_history_says_who_did_what_and_how(home, house):
    room = house.bedspaces[0]
    home.get(at(room, "out"))
    home.press(at(room, "out"), reason="repair", until="later")
    beds.report(premises_id=house.id, free={"W": 2}, by="phone:abc", via="text", now=NOW)
    db.session.commit()
    home.send(home.get("/house"), "Take that back: Heron House")
    lines = words(home.get(f"/house/premises/{house.id}/history"))
    for said in (
        f"{room.name}: out of service: repair or damage Asha Demo (house)",
        "Free: W 2, by text By text",
        "Last change taken back Asha Demo (house)",
    ):
        assert said in lines
    assert lines.index("Last change taken back") < lines.index("Free: W 2"), "the newest first"


def test_another_providers_rooms_look_like_none(home, house):
    other = factories.house(rooms=1)
    db.session.commit()
    room = other.bedspaces[0]
    home.get("/house")
    unknown = uuid.uuid4()
    for what in ("", "/describe", "/out", "/retire"):
        pages = [home.get(f"/house/rooms/{one}{what}", 404).text for one in (room.id, unknown)]
        assert pages[0] == pages[1]
    for what in ("describe", "out", "retire", "back", "use-again"):
        home.post(at(room, what), 404, **NEW | {"name": "x", "reason": "repair", "until": "later"})
    for path in (list_of(other), list_of(other) + "/new", f"/house/premises/{other.id}/history"):
        home.get(path, 404)
    home.post(list_of(other) + "/new", 404, name="x", group="new", letter="Z", group_name="x", **NEW)
    db.session.expire_all()
    assert db.session.get_one(Bedspace, room.id).retired_at is None
    assert db.session.scalar(sa.select(OutOfService.id)) is None


def test_no_title_of_a_room_page_names_a_house_or_a_room(home, house):
    room = house.bedspaces[0]
    for path in (list_of(house), list_of(house) + "/new", at(room), at(room, "out"), at(room, "describe")):
        title = home.get(path).text.split("<title>")[1].split("</title>")[0]
        assert house.name not in title and room.name not in title


def test_whom_a_room_is_for_is_asked_only_in_a_house_for_anybody(home, house):
    assert "Whom is it for?" not in words(home.get(list_of(house) + "/new"))
    home.press(list_of(house) + "/new", name="Blue", group=house.groups[0].id.hex, **NEW | {"cohort": "men"})
    assert db.session.scalars(sa.select(Bedspace.cohort).where(Bedspace.name == "Blue")).one() == "women"
    house.cohort = "either"
    db.session.commit()
    page = home.post(
        list_of(house) + "/new",
        400,
        name="Red",
        group=house.groups[0].id.hex,
        sleeps="1",
        self_contained="no",
    )
    assert summary(page) == ["Select whom the room is for"]
    home.press(list_of(house) + "/new", name="Red", group=house.groups[0].id.hex, **NEW | {"cohort": "men"})
    assert db.session.scalars(sa.select(Bedspace.cohort).where(Bedspace.name == "Red")).one() == "men"
