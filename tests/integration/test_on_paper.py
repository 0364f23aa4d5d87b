"""What was done on paper: keyed in with its real times, never over what the record says; and the form it is taken down on."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
import sqlalchemy as sa

from safety import bedspaces, invariants, referrals
from safety.extensions import db, new_id
from safety.lifecycle import NotAllowed, ReferralState, State
from safety.models import AuditEvent, Draft, Placement, Premises, Referral
from safety.permissions import NotYours
from safety.referrals import on_paper
from safety.referrals.on_paper import Paper
from tests import factories, servers
from tests.factories import NOW
from tests.visitor import Visitor, cheap_hashes, still_clock, summary, words

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DUTY = factories.coordinator_actor


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    cheap_hashes(monkeypatch)
    return still_clock(monkeypatch, NOW)


@pytest.fixture
def house(app) -> Premises:
    return factories.house(rooms=2, name="Gorse House")


def keyed(
    room=None, *, at: dt.datetime = NOW, by=None, token=None, why: str = "", request=None, **times
) -> Referral:
    """A paper form: asked three hours ago unless said otherwise."""
    paper = Paper(
        asked_at=times.pop("asked", NOW - 3 * HOUR), room=room.id if room else None, why=why, **times
    )
    referral = on_paper.key_in(
        request=request or factories.request(force_id=None),
        paper=paper,
        officer=by or factories.coordinator(),
        form_token=token or new_id(),
        now=at,
    )
    db.session.commit()
    return referral


def placement_of(referral: Referral) -> Placement | None:
    db.session.expire_all()
    return referrals.live_placement(referral)


def none_made() -> bool:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(Referral)) == 0


def test_somebody_who_arrived_is_in_the_room_with_the_times_of_the_paper(house):
    room = house.bedspaces[0]
    asked, promised, arrived = NOW - 26 * HOUR, NOW - 25 * HOUR, NOW - 23 * HOUR
    referral = keyed(room, asked=asked, promised_at=promised, arrived_at=arrived)
    placement = placement_of(referral)
    assert placement.state == State.ARRIVED and placement.bedspace_id == room.id
    assert referral.opened_at == asked
    assert (placement.held_at, placement.confirmed_at, placement.arrived_at) == (promised, promised, arrived)
    assert placement.arrival_recorded_at == NOW
    # The stay is counted from the day they came in, a Tuesday.
    assert placement.stay_until == dt.datetime(2027, 1, 15, 12, 0, tzinfo=dt.UTC)
    event = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.what == "keyed_in")).one()
    assert event.at == NOW and event.facts["arrived_at"].startswith("2027-01-12T15:00")
    assert invariants.breaches(now=NOW) == []


def test_a_bed_promised_on_paper_is_theirs_and_nobody_is_asked_again(house):
    referral = keyed(house.bedspaces[0], promised_at=NOW - HOUR)
    placement = placement_of(referral)
    assert placement.state == State.CONFIRMED and placement.confirmed_at == NOW - HOUR
    assert placement.arrive_by > NOW
    wordings = set(db.session.scalars(sa.text("SELECT wording FROM text")))
    assert "asked" not in wordings
    assert invariants.breaches(now=NOW) == []


def test_with_nothing_promised_a_bed_is_looked_for_now_and_their_place_in_the_queue_is_the_real_one(house):
    for room in house.bedspaces:
        bedspaces.take_out(bedspace_id=room.id, reason="repair", until=None, by=DUTY().by, now=NOW)
    waits = factories.referral()
    referral = keyed()
    assert referral.state == ReferralState.SEARCHING and referral.opened_at < waits.opened_at
    bedspaces.bring_back(bedspace_id=house.bedspaces[0].id, by=DUTY().by, now=NOW)
    referrals.rematch(now=NOW)
    assert placement_of(referral) is not None and placement_of(waits) is None


def test_a_bed_given_away_meanwhile_is_refused_by_the_reference_that_has_it(house):
    other = factories.placement()
    db.session.commit()
    spoken, room = other.referral.spoken, other.bedspace
    for times in ({"promised_at": NOW - HOUR}, {"promised_at": NOW - HOUR, "arrived_at": NOW - 30 * MINUTE}):
        with pytest.raises(on_paper.TakenMeanwhile, match=f"is {spoken}’s since today 14:00") as refused:
            keyed(room, **times)
        assert "Nothing was keyed in. Ring the house" in str(refused.value)
        db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Referral)) == 1
    db.session.refresh(other)
    assert other.state == State.HELD


def test_a_hold_that_is_overdue_does_not_stand_in_the_way(house):
    other = factories.placement(now=NOW - HOUR)
    db.session.commit()
    referral = keyed(other.bedspace, promised_at=NOW - 2 * HOUR)
    assert placement_of(referral).bedspace_id == other.bedspace_id
    assert other.state == State.LAPSED


def test_five_papers_of_which_one_clashes(app):
    """The one that clashes is shown and changes nothing; the other four stand with their times."""
    house = factories.house(rooms=4)
    rooms = list(house.bedspaces)
    for number, room in enumerate(rooms):
        keyed(room, promised_at=NOW - 2 * HOUR, arrived_at=NOW - (90 - number) * MINUTE)
    first = placement_of(db.session.scalars(sa.select(Referral).order_by(Referral.opened_at)).first())
    with pytest.raises(on_paper.TakenMeanwhile):
        keyed(rooms[0], promised_at=NOW - 3 * HOUR, arrived_at=NOW - HOUR)
    db.session.rollback()
    held = db.session.scalars(sa.select(Placement).order_by(Placement.arrived_at)).all()
    assert [one.arrived_at for one in held] == [NOW - minutes * MINUTE for minutes in (90, 89, 88, 87)]
    assert first.state == State.ARRIVED
    assert invariants.breaches(now=NOW) == []


@pytest.mark.parametrize(
    ("which", "times"),
    [
        ("asked", {"asked": NOW + MINUTE}),
        ("promised", {"promised_at": NOW + MINUTE}),
        ("promised", {"promised_at": NOW - 4 * HOUR}),
        ("arrived", {"promised_at": NOW - 2 * HOUR, "arrived_at": NOW - 150 * MINUTE}),
        ("arrived", {"promised_at": NOW - 2 * HOUR, "arrived_at": NOW + MINUTE}),
    ],
)
def test_times_to_come_or_in_the_wrong_order_are_refused(house, which, times):
    with pytest.raises(on_paper.TimesAmiss) as amiss:
        keyed(house.bedspaces[0], **times)
    assert amiss.value.which == which
    assert none_made()


def test_a_room_that_breaks_a_rule_needs_a_reason_unless_they_are_inside_it_already(house):
    asked = factories.request(cohort="men")
    room = house.bedspaces[0]
    with pytest.raises(on_paper.SayWhy, match="the kind of place asked for"):
        keyed(room, request=asked, promised_at=NOW - HOUR)
    assert none_made()


def test_with_a_reason_a_room_that_breaks_a_rule_is_kept_and_the_record_says_which(app):
    house = factories.house(rooms=2)
    db.session.commit()
    first, second = house.bedspaces
    keyed(first, request=factories.request(cohort="men"), promised_at=NOW - HOUR, why="both_agree")
    keyed(second, request=factories.request(cohort="men"), promised_at=NOW - HOUR, arrived_at=NOW - MINUTE)
    facts = [
        event.facts
        for event in db.session.scalars(sa.select(AuditEvent).where(AuditEvent.what == "keyed_in"))
    ]
    assert [(one["override"], one["reason"]) for one in facts] == [
        (["cohort"], "both_agree"),
        (["cohort"], None),
    ]


def test_nobody_is_keyed_in_as_coming_to_a_house_that_is_compromised(house):
    house.compromised_at, house.compromised_by = NOW, DUTY().by
    db.session.commit()
    with pytest.raises(NotAllowed, match="nobody goes there"):
        keyed(house.bedspaces[0], promised_at=NOW - HOUR)
    db.session.rollback()
    inside = keyed(house.bedspaces[0], promised_at=NOW - HOUR, arrived_at=NOW - MINUTE)
    assert placement_of(inside).state == State.ARRIVED, "who is inside is inside"


@pytest.mark.parametrize("said", [None, NOW - dt.timedelta(days=31)])
def test_nobody_is_keyed_in_as_coming_to_a_house_whose_address_may_be_an_old_one(house, said):
    house.address_confirmed_at = said
    if said is None:
        house.address_confirmed_by = None
    db.session.commit()
    with pytest.raises(NotAllowed, match="has not confirmed its address lately"):
        keyed(house.bedspaces[0], promised_at=NOW - HOUR)
    db.session.rollback()
    inside = keyed(house.bedspaces[0], promised_at=NOW - HOUR, arrived_at=NOW - MINUTE)
    assert placement_of(inside).state == State.ARRIVED, "who is inside is inside"


def test_a_room_out_of_service_that_the_house_gave_is_in_use_again(house):
    room = house.bedspaces[0]
    bedspaces.take_out(bedspace_id=room.id, reason="repair", until=None, by=DUTY().by, now=NOW - 5 * HOUR)
    referral = keyed(room, promised_at=NOW - HOUR, arrived_at=NOW - MINUTE)
    assert placement_of(referral).state == State.ARRIVED
    assert invariants.breaches(now=NOW) == []


def test_the_same_form_twice_is_one_request_and_only_a_coordinator_keys_in(house):
    token, duty = new_id(), factories.coordinator()
    one = keyed(house.bedspaces[0], promised_at=NOW - HOUR, by=duty, token=token)
    two = keyed(house.bedspaces[1], promised_at=NOW - HOUR, by=duty, token=token)
    assert one.id == two.id
    with pytest.raises(NotYours):
        keyed(house.bedspaces[1], promised_at=NOW - HOUR, by=factories.officer())


# Its screen


@pytest.fixture
def desk(app, client) -> Visitor:
    return Visitor(client).sign_in(factories.coordinator(name="Pat Lindqvist"))


def to_the_paper(desk: Visitor, force) -> str:
    """Through the three screens to the fourth."""
    who = desk.get("/find", 303).headers["Location"]
    desk.get(who)
    desk.post(who, **servers.WHO, force=force.id.hex)
    desk.get(who.replace("/who", "/needs"))
    desk.post(who.replace("/who", "/needs"), **servers.NEEDS)
    desk.get(who.replace("/who", "/where"))
    leads = desk.post(who.replace("/who", "/where"), **servers.WHERE, paper="yes").headers["Location"]
    assert leads == who.replace("/who", "/paper")
    return leads


def typed(room, **kept) -> dict[str, str]:
    today = "2027-01-13"
    answers = {
        "asked_day": today,
        "asked_time": "11:00",
        "since": "arrived",
        "room": room.id.hex,
        "promised_day": today,
        "promised_time": "11.40am",
        "arrived_day": today,
        "arrived_time": "1315",
    }
    return answers | kept


def test_a_coordinator_keys_in_a_paper_on_a_fourth_screen(desk, house):
    force = factories.force()
    db.session.commit()
    path = to_the_paper(desk, force)
    page = desk.get(path)
    assert not re.search(r'<option value="2027[^>]*selected', page.text), "no time is filled in beforehand"
    assert not re.search(r'name="[a-z]+_time"[^>]*value="[0-9]', page.text)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Referral)) == 0
    room = house.bedspaces[0]
    assert summary(desk.post(path, 400)) == [
        "Select the day they asked",
        "Enter the time they asked",
        "Select what has happened since",
    ]
    assert summary(desk.post(path, 400, since="arrived", asked_day="2027-01-13", asked_time="11:00")) == [
        "Select the room",
        "Select the day the house said yes",
        "Enter the time the house said yes",
        "Select the day they arrived",
        "Enter the time they arrived",
    ]
    assert summary(desk.post(path, 400, **typed(room, arrived_time="14:01"))) == [
        "Time they arrived is still to come. Enter when it was"
    ]
    assert summary(desk.post(path, 400, **typed(room, arrived_time="11:20"))) == [
        "The time they arrived is before the bed was promised (today 11:40). Check both times, with their days"
    ]
    done = desk.post(path, **typed(room))
    referral = db.session.scalars(sa.select(Referral)).one()
    assert done.headers["Location"] == f"/duty/referrals/{referral.id}"
    page = words(desk.get(done.headers["Location"]))
    assert "Keyed in from paper" in page
    placement = placement_of(referral)
    assert placement.state == State.ARRIVED
    assert placement.arrived_at == dt.datetime(2027, 1, 13, 13, 15, tzinfo=dt.UTC)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Draft)) == 0
    # Sent again: the same request.
    assert desk.post(path, **typed(room)).headers["Location"].endswith(str(referral.id))


def test_somebody_inside_a_room_that_breaks_a_rule_is_pointed_out_at_once(desk, house):
    mens = factories.house(cohort="men")
    force = factories.force()
    db.session.commit()
    path = to_the_paper(desk, force)
    desk.get(path)
    page = words(desk.press(path, **typed(mens.bedspaces[0])))
    assert "It is keyed in, and that room does not fit everything asked for:" in page
    path = to_the_paper(desk, force)
    desk.get(path)
    assert "does not fit" not in words(desk.press(path, **typed(house.bedspaces[0])))


def test_a_clash_is_said_on_the_screen_and_what_was_typed_stays(desk, house):
    force = factories.force()
    taken = factories.placement()
    db.session.commit()
    path = to_the_paper(desk, force)
    desk.get(path)
    page = desk.post(path, 400, **typed(taken.bedspace))
    (line,) = summary(page)
    assert taken.referral.spoken in line and "Nothing was keyed in." in line
    assert 'value="11.40am"' in page.text
    free = next(room for room in house.bedspaces if room.id != taken.bedspace_id)
    desk.post(path, **typed(free))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Placement)) == 2


def test_in_the_night_the_clocks_go_back_a_time_that_came_twice_is_asked_about(desk, clock, app):
    clock.at = dt.datetime(2027, 10, 31, 6, 0, tzinfo=dt.UTC)
    house = factories.house(now=clock.at)
    force = factories.force()
    desk.back_at(clock, clock.at)
    path = to_the_paper(desk, force)
    desk.get(path)
    day = "2027-10-31"
    times = {
        "asked_day": day,
        "promised_day": day,
        "arrived_day": day,
        "asked_time": "00:30",
        "arrived_time": "03:00",
    }
    page = desk.post(path, 400, **typed(house.bedspaces[0], **times, promised_time="01:30"))
    assert summary(page) == [
        "Time the house said yes: 01:30 comes twice that night. Enter 01:30 BST for the first or 01:30 GMT for the second"
    ]
    desk.post(path, **typed(house.bedspaces[0], **times, promised_time="01:30 GMT"))
    placement = db.session.scalars(sa.select(Placement)).one()
    assert placement.confirmed_at == dt.datetime(2027, 10, 31, 1, 30, tzinfo=dt.UTC)


def test_in_the_night_the_clocks_go_forward_a_time_that_never_came_is_refused(desk, clock, app):
    clock.at = dt.datetime(2027, 3, 28, 6, 0, tzinfo=dt.UTC)
    house = factories.house(now=clock.at)
    force = factories.force()
    desk.back_at(clock, clock.at)
    path = to_the_paper(desk, force)
    desk.get(path)
    day = "2027-03-28"
    times = {
        "asked_day": day,
        "promised_day": day,
        "arrived_day": day,
        "asked_time": "00:30",
        "arrived_time": "03:00",
    }
    page = desk.post(path, 400, **typed(house.bedspaces[0], **times, promised_time="01:30"))
    assert "so it never comes" in summary(page)[0]


def test_officers_have_no_fourth_screen(app, client):
    factories.house()
    officer = factories.officer()
    visitor = Visitor(client).sign_in(officer)
    who = visitor.get("/find", 303).headers["Location"]
    visitor.get(who)
    visitor.post(who, **servers.WHO)
    visitor.get(who.replace("/who", "/paper"), 404)
    visitor.get(who.replace("/who", "/needs"))
    visitor.post(who.replace("/who", "/needs"), **servers.NEEDS)
    page = visitor.get(who.replace("/who", "/where"))
    assert "taken on paper" not in words(page)
    visitor.post(who.replace("/who", "/where"), **servers.WHERE, paper="yes")
    assert db.session.scalar(sa.select(Referral.state)) == ReferralState.PLACED


# What is printed


def asked_on(page) -> set[str]:
    """Every question and every answer to choose from that a screen shows; not what is offered anew each time."""
    text = re.sub(r"<select.*?</select>", "", page.text, flags=re.DOTALL)
    found = re.findall(r"<(?:label|legend)[^>]*>(.*?)</(?:label|legend)>", text, re.DOTALL)
    plain = {" ".join(html.unescape(re.sub(r"<[^>]+>", " ", one)).split()) for one in found}
    return {one.removesuffix(" (optional)") for one in plain if one}


def test_the_form_on_paper_asks_everything_the_screens_ask(desk, house):
    force = factories.force()
    db.session.commit()
    path = to_the_paper(desk, force)
    screens = [path.replace("/paper", f"/{name}") for name in ("who", "needs", "where", "paper")]
    printed = words(desk.get("/duty/paper"))
    for screen in screens:
        shown = asked_on(desk.get(screen))
        assert len(shown) > 5
        groups = {"Areas to keep away from", "If later: ready at", "If at a time: there by"}
        missing = {one for one in shown - groups if one not in printed}
        assert missing == set(), (screen, missing)


def test_whom_to_ring_has_every_house_in_use_and_every_switchboard_and_no_address(desk, house):
    factories.house(rooms=0, name="Empty House")
    force = factories.force(name="Northmoor Police", switchboard="0113 496 0299")
    db.session.commit()
    page = words(desk.get("/duty/paper/numbers"))
    assert "Gorse House" in page and "Empty House" not in page
    assert "Northmoor Police: 0113 496 0299" in page and force.name in page
    assert "Example" not in page and house.address.splitlines()[0] not in page


def test_the_sheets_are_for_coordinators_only(app, client):
    visitor = Visitor(client).sign_in(factories.officer())
    for path in ("/duty/paper", "/duty/paper/numbers"):
        visitor.get(path, 404)
