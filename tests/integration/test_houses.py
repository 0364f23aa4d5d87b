"""Providers, houses and rooms, entered by a coordinator: what matching then knows, and what is never asked."""

from __future__ import annotations

import re
import threading

import pytest
import sqlalchemy as sa

from safety import bedspaces, premises, referrals, registry
from safety.extensions import begin_write, db
from safety.lifecycle import ReferralState, Role
from safety.matching import SUPPORT
from safety.models import AuditEvent, Bedspace, Group, Premises, Provider
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, cheap_hashes, summary, words

BY = "user:" + "0" * 32


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    cheap_hashes(monkeypatch)
    monkeypatch.setattr("safety.clock.now", lambda: NOW)


@pytest.fixture
def desk(app, client) -> Visitor:
    """A coordinator's browser."""
    return Visitor(client).sign_in(factories.coordinator(name="Pat Lindqvist"))


@pytest.fixture
def provider(app) -> Provider:
    made = registry.add_provider(name="Moorland Homes", by=BY, now=NOW)
    db.session.commit()
    return made


HOUSE = {
    "name": "Gorse House",
    "outcode": "ls8 1ab",
    "cohort": "women",
    "pregnant": "yes",
    "children": ["under_2"],
    "supports": list(SUPPORT),
    "arrive": "always",
    "phone": "07700 900301",
}
ROOMS = {"letter": "w", "called": "Women's rooms", "number": "3", "sleeps": "2"}


def entered(desk: Visitor, provider: Provider, **kept) -> Premises:
    """A house entered on the page, without rooms."""
    path = f"/houses/providers/{provider.id}/new-house"
    desk.get(path)
    leads = desk.post(path, **HOUSE | kept).headers["Location"]
    db.session.expire_all()
    found = db.session.scalars(sa.select(Premises)).one()
    assert leads == f"/houses/{found.id}"
    return found


def with_rooms(desk: Visitor, house: Premises, **kept):
    path = f"/houses/{house.id}/new-rooms"
    page = desk.get(path)
    seen = re.search(r'name="seen" value="(\d+)"', page.text)[1]
    return desk.press(path, **ROOMS | {"seen": seen} | kept)


def rooms() -> list[Bedspace]:
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(sa.select(Bedspace).order_by(Bedspace.name)))


def events() -> list[str]:
    db.session.rollback()
    found = db.session.scalars(sa.select(AuditEvent.what).order_by(AuditEvent.id))
    return [what for what in found if what != "sign_in"]


def test_a_scheme_begins_with_no_house_and_ends_with_a_bed_for_somebody(desk):
    assert "There is no house yet." in words(desk.get("/houses"))
    desk.get("/houses/new-provider")
    page = words(desk.press("/houses/new-provider", name=" Moorland  Homes "))
    assert "Moorland Homes is entered. Next: add its first house." in page
    provider = db.session.scalars(sa.select(Provider)).one()
    house = entered(desk, provider)
    assert (house.outcode, house.nation, house.region) == ("LS8", "England", "Yorkshire and the Humber")
    assert (house.address, house.address_confirmed_at) == (None, None)
    assert [contact.phone for contact in house.contacts] == ["+447700900301"]
    page = words(desk.get(f"/houses/{house.id}"))
    assert "Nobody is sent here now." in page
    assert "It has no room yet" in page
    assert "The house has not confirmed its address" in page

    waiting = factories.referral()
    db.session.commit()
    assert waiting.state == ReferralState.SEARCHING
    # The house has confirmed its address, on its own page; then a room is added, and whoever waits has it.
    house = db.session.get_one(Premises, house.id)
    house.address_confirmed_at, house.address_confirmed_by = NOW, BY
    db.session.commit()
    page = words(with_rooms(desk, house))
    assert "Added: W1, W2, W3." in page
    assert "People are matched with this house." in page
    db.session.expire_all()
    placement = referrals.live_placement(waiting)
    assert placement.bedspace.name in {"W1", "W2", "W3"}
    assert [(room.name, room.sleeps, room.cohort, room.group.letter) for room in rooms()] == [
        (name, 2, "women", "W") for name in ("W1", "W2", "W3")
    ]
    made = ["create_provider", "create_house", "bedspace_added"]
    assert [what for what in events() if what in made] == [*made, "bedspace_added", "bedspace_added"]


def test_nobody_is_sent_to_a_house_before_it_confirmed_its_address(desk, provider):
    house = entered(desk, provider)
    with_rooms(desk, house)
    assert not premises.open_to_all(db.session.get_one(Premises, house.id), NOW)
    assert factories.referral().state == ReferralState.SEARCHING
    assert "Not yet" in words(desk.get("/houses"))


def test_where_a_house_is_is_neither_asked_nor_shown(desk, provider):
    asked = desk.get(f"/houses/providers/{provider.id}/new-house").text
    assert not re.search(r'name="(?:address|lines|postcode)"', asked)
    house = factories.house(
        provider=provider, address="7 Canary Row\nCanaryton", meeting_point="Canary library"
    )
    db.session.commit()
    for path in ("/houses", f"/houses/{house.id}", f"/houses/{house.id}/new-rooms"):
        assert "anary" not in desk.get(path).text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": ""}, "Enter a name for the house"),
        ({"outcode": "ZZ9"}, "We do not know that postcode. Enter its first half, like LS1 or BT28"),
        (
            {"outcode": "WC1"},
            "Nobody lives in that postcode district. Enter the first half of the house's own postcode, like LS1",
        ),
        ({"outcode": "JE2"}, "This service does not reach the Isle of Man or the Channel Islands"),
        ({"cohort": "nobody"}, "Select whom the house takes"),
        ({"arrive": "hours"}, "Enter the time: from"),
        ({"arrive": "hours", "opens": "9:00"}, "Enter the time: latest arrival"),
        (
            {"arrive": "hours", "opens": "9:00", "latest": "09:00"},
            "Latest arrival must be another time than the first",
        ),
        ({"phone": "0113 496 0222"}, "The house’s mobile must be a mobile number: this one cannot get texts"),
        ({"supports": ["everything"]}, "What can the staff manage?: select from the answers on this page"),
    ],
)
def test_a_house_that_cannot_be_is_refused_in_words(desk, provider, changed, message):
    path = f"/houses/providers/{provider.id}/new-house"
    desk.get(path)
    assert message in summary(desk.post(path, 400, **HOUSE | changed))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Premises)) == 0


def test_hours_of_arrival_are_kept_as_they_were_said(desk, provider):
    house = entered(desk, provider, arrive="hours", opens="6pm", latest="2am", pregnant="no")
    assert house.admits == [["18:00", "02:00"]] * 7
    assert not house.takes_pregnant
    # Times left in the boxes of somebody who then chose "at any time" count for nothing.
    other = entered_also(desk, provider, name="Heath House", opens="6pm", latest="2am")
    assert other.admits == [["00:00", "24:00"]] * 7


def entered_also(desk: Visitor, provider: Provider, **kept) -> Premises:
    path = f"/houses/providers/{provider.id}/new-house"
    desk.get(path)
    desk.post(path, **HOUSE | kept)
    return db.session.scalars(sa.select(Premises).where(Premises.name == kept["name"])).one()


def test_a_name_is_borne_once(desk, provider):
    desk.get("/houses/new-provider")
    answer = desk.post("/houses/new-provider", 400, name="Moorland Homes")
    assert summary(answer) == ["There is a provider with this name already"]
    entered(desk, provider)
    path = f"/houses/providers/{provider.id}/new-house"
    answer = desk.post(path, 400, **HOUSE)
    assert summary(answer) == ["This provider has a house with this name already"]
    other = registry.add_provider(name="Another", by=BY, now=NOW)
    new = registry.NewHouse(name="Gorse House", outcode="LS8", cohort="men", phone="+447700900302")
    made = registry.add_house(provider_id=other.id, new=new, by=BY, now=NOW)
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(sa.update(Premises).where(Premises.id == made.id).values(provider_id=provider.id))


# Rooms


def test_rooms_sent_twice_are_added_once(desk, provider):
    house = entered(desk, provider)
    with_rooms(desk, house)
    page = words(desk.press(f"/houses/{house.id}/new-rooms", **ROOMS, seen="0"))
    assert "Rooms were added since you opened this page. They are listed below." in page
    assert len(rooms()) == 3
    for odd in ("", "x", "-1", "²"):
        desk.post(f"/houses/{house.id}/new-rooms", **ROOMS, seen=odd)
    assert len(rooms()) == 3


def test_two_who_add_rooms_at_once_add_them_once(app, desk, provider):
    house_id = entered(desk, provider).id
    db.session.rollback()
    barrier, refused = threading.Barrier(3), []

    def press():
        with app.app_context():
            barrier.wait(10)
            begin_write()
            new = registry.NewRooms("W", "Rooms", 2, 1, "women")
            try:
                registry.add_rooms(premises_id=house_id, new=new, seen=0, by=BY, now=NOW)
                db.session.commit()
            except registry.RoomsChanged:
                refused.append(1)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=press) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [room.name for room in rooms()] == ["W1", "W2"]
    assert len(refused) == 2


def test_more_rooms_of_a_letter_go_on_counting_and_need_no_name(desk, provider):
    house = entered(desk, provider)
    with_rooms(desk, house)
    page = words(
        with_rooms(desk, house, number="1", sleeps="4", called="", own_flat="y", features=["cot", "quiet"])
    )
    assert "Added: W4." in page
    last = rooms()[-1]
    assert (last.name, last.sleeps, last.self_contained, last.features) == ("W4", 4, True, ["cot", "quiet"])
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Group)) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"letter": ""}, "Enter a letter, like W for women’s rooms"),
        ({"letter": "7"}, "Letter must be one letter from A to Z"),
        ({"letter": "é"}, "Letter must be one letter from A to Z"),
        ({"called": ""}, "Enter a name for the rooms of letter W"),
        ({"number": "21"}, "How many rooms must be a whole number from 1 to 20"),
        ({"sleeps": "0"}, "How many people must be a whole number from 1 to 12"),
    ],
)
def test_rooms_that_cannot_be_are_refused_in_words(desk, provider, changed, message):
    house = entered(desk, provider)
    path = f"/houses/{house.id}/new-rooms"
    desk.get(path)
    assert summary(desk.post(path, 400, **ROOMS | {"seen": "0"} | changed)) == [message]
    assert rooms() == []


def test_a_house_has_no_end_of_rooms(desk, provider):
    house = entered(desk, provider)
    for letter in "ABC":
        with_rooms(desk, house, letter=letter, number="20")
    path = f"/houses/{house.id}/new-rooms"
    desk.get(path)
    answer = desk.post(path, 400, **ROOMS, seen="60")
    assert summary(answer) == ["A house has 60 rooms at most"]


def test_a_house_for_anybody_says_for_whom_each_room_is(desk, provider):
    house = entered(desk, provider, cohort="either")
    path = f"/houses/{house.id}/new-rooms"
    desk.get(path)
    assert summary(desk.post(path, 400, **ROOMS, seen="0")) == ["Select who can have these rooms"]
    with_rooms(desk, house, cohort="men", letter="M")
    assert {room.cohort for room in rooms()} == {"men"}
    # A house for women has rooms for women, whatever was sent.
    women = entered_also(desk, provider, name="Heath House")
    with_rooms(desk, women, cohort="men")
    assert {room.cohort for room in rooms() if room.premises_id == women.id} == {"women"}


def test_a_retired_room_is_offered_to_nobody_and_its_name_is_not_used_again(desk, provider):
    house = entered(desk, provider)
    with_rooms(desk, house)
    gone = rooms()[1]
    path = f"/houses/{house.id}/rooms/{gone.id}/retire"
    assert "W2 is offered to nobody any more." in words(desk.press(path))
    desk.press(path)
    assert events().count("bedspace_retired") == 1
    page = desk.get(f"/houses/{house.id}")
    assert "Rooms (2)" in words(page)
    assert gone.id not in {room.id for room in premises.rooms(NOW)}
    assert "Added: W4." in words(with_rooms(desk, house, number="1"))
    other = factories.house().id
    db.session.commit()
    desk.get("/houses")
    for step in ("retire", "use-again"):
        desk.post(f"/houses/{other}/rooms/{gone.id}/{step}", 404)


def test_a_room_retired_by_mistake_is_used_again_and_whoever_waits_has_it(desk):
    house = factories.house()
    room = house.bedspaces[0]
    bedspaces.retire(bedspace_id=room.id, by=BY, now=NOW)
    waiting = factories.referral()
    db.session.commit()
    assert waiting.state == ReferralState.SEARCHING
    assert "Retired rooms" in words(desk.get(f"/houses/{house.id}"))
    path = f"/houses/{house.id}/rooms/{room.id}/use-again"
    assert "Room 1 is offered to people again." in words(desk.press(path))
    desk.press(path)
    db.session.expire_all()
    assert referrals.live_placement(waiting).bedspace_id == room.id
    assert events().count("bedspace_in_use_again") == 1


def test_a_room_somebody_lives_in_or_is_coming_to_is_not_retired(desk):
    house = factories.house()
    placement = factories.placement()
    db.session.commit()
    desk.get(f"/houses/{house.id}")
    page = words(desk.press(f"/houses/{house.id}/rooms/{placement.bedspace_id}/retire"))
    assert "Somebody lives there or is coming." in page
    assert rooms()[0].retired_at is None


def test_what_does_not_exist_and_what_is_not_for_them(app, desk, provider):
    nobody = factories.force().id
    db.session.commit()
    desk.get("/houses")
    desk.get(f"/houses/{nobody}", 404)
    desk.get(f"/houses/{nobody}/new-rooms", 404)
    desk.get(f"/houses/providers/{nobody}/new-house", 404)
    house = factories.house(provider=provider)
    people = [factories.staff(of=provider), factories.officer(role=Role.LEAD)]
    db.session.commit()
    for user in people:
        other = Visitor(app.test_client()).sign_in(user)
        other.get("/home")
        for path in (
            "/houses",
            "/houses/new-provider",
            f"/houses/{house.id}",
            f"/houses/{house.id}/new-rooms",
        ):
            other.get(path, 404)
        other.post("/houses/new-provider", 404, name="Mine")
        other.post(f"/houses/{house.id}/rooms/{house.bedspaces[0].id}/retire", 404)


def test_a_house_says_why_nobody_is_sent_there(desk, provider):
    house = factories.house(provider=provider)
    db.session.commit()
    assert "People are matched with this house." in words(desk.get(f"/houses/{house.id}"))
    assert buttons(desk.get(f"/houses/{house.id}")) == ["Add rooms", "House compromised"]
    house.accepting, house.accepting_reason = False, "staff"
    db.session.commit()
    assert "It has closed itself for now." in words(desk.get(f"/houses/{house.id}"))
    house.compromised_at, house.compromised_by = NOW, BY
    db.session.commit()
    assert "It is marked as compromised." in words(desk.get(f"/houses/{house.id}"))


def test_rooms_are_added_beside_one_whose_name_differs_only_in_its_capitals(desk, provider):
    house = entered(desk, provider)
    with_rooms(desk, house, number="1")
    rooms()[0].name = "w1"
    db.session.commit()
    assert "Added: W2." in words(with_rooms(desk, house, number="1"))
