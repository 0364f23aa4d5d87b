"""A house's own address: shown to its people for a minute, confirmed every 30 days, changed; and who hears of it."""

from __future__ import annotations

import datetime as dt
import logging
import re

import pytest
import sqlalchemy as sa

from safety import duty, houses, premises, referrals
from safety.extensions import db
from safety.houses import NewAddress
from safety.lifecycle import Event, ReferralState, State
from safety.models import Alert, AlertKind, AuditEvent, Placement, Premises, Text
from tests import factories
from tests.factories import NOW
from tests.visitor import SECRET, Visitor, buttons, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
OLD = "7 Example Street\nExampleton"
NEW = {"lines": "12 Invented Row\nExampleton", "outcode": "LS1"}


@pytest.fixture
def house(app) -> Premises:
    return factories.house(rooms=2, address=OLD)


@pytest.fixture
def home(house, client) -> Visitor:
    """The browser of somebody who works at the house and has just signed in."""
    return Visitor(client).sign_in(factories.staff(of=house.provider))


def at(house: Premises, more: str = "") -> str:
    return f"/house/premises/{house.id}/address{more}"


def fresh(house: Premises) -> Premises:
    db.session.expire_all()
    return db.session.get_one(Premises, house.id)


def events(what: str) -> list[AuditEvent]:
    return list(db.session.scalars(sa.select(AuditEvent).where(AuditEvent.what == what)))


def said(wording: str) -> list[Text]:
    return list(db.session.scalars(sa.select(Text).where(Text.wording == wording)))


def look(home: Visitor, house: Premises):
    home.get(at(house))
    return home.post(at(house), 200)


def confirm(home: Visitor, house: Premises):
    shown = look(home, house)
    version = re.search(r'name="version" value="(\d+)"', shown.text)[1]
    return home.press(at(house, "/right"), version=version)


def change(home: Visitor, house: Premises, **kept: str):
    home.get(at(house, "/change"))
    return home.press(at(house, "/change"), **NEW | kept)


def on_the_road(*, opened: bool = True) -> Placement:
    """Somebody on their way, whose officer has looked where to go."""
    placement = factories.placement(eta_at=NOW + 60 * MINUTE)
    staff, officer = factories.house_actor(placement.premises_id), placement.referral.holder.actor()
    referrals.record(placement_id=placement.id, event=Event.CONFIRM, actor=staff, facts={}, now=NOW)
    facts = {"eta_at": NOW + 60 * MINUTE}
    referrals.record(placement_id=placement.id, event=Event.SET_OFF, actor=officer, facts=facts, now=NOW)
    if opened:
        opens(placement)
    db.session.commit()
    return placement


def opens(placement: Placement) -> referrals.Whereabouts:
    officer = placement.referral.holder.actor()
    return referrals.open_address(
        referral_id=placement.referral_id, actor=officer, reason="on_the_way", now=NOW
    )


# Looking


def test_the_address_is_on_no_page_but_the_one_that_is_asked_for_with_a_press(home, house):
    for path in ("/house", f"/house/premises/{house.id}", at(house), at(house, "/change")):
        assert "Example Street" not in home.get(path).text
    assert "7 Example Street" in look(home, house).text


def test_looking_is_recorded_before_the_page_leaves_and_leaves_no_trace_in_a_cache(home, house):
    shown = look(home, house)
    (event,) = events("address_seen")
    assert event.by == home.user.actor().by and event.premises_id == house.id and event.at == NOW
    assert event.facts == {"version": 1}
    assert shown.headers["Refresh"] == f"60; url=/house/premises/{house.id}"
    assert shown.headers["Cache-Control"] == "no-store"
    assert 'data-mask-s="60"' in shown.text and 'data-signed-in="reload"' in shown.text
    assert "Example" not in re.search("<title>(.*?)</title>", shown.text)[1]


def test_what_cannot_be_recorded_is_not_shown(home, house, monkeypatch):
    home.get(at(house))

    def refuse():
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("safety.web.provider.address.db.session.commit", refuse)
    with pytest.raises(RuntimeError):
        home.client.post(at(house), data={"csrf_token": home.token})
    assert events("address_seen") == []


@pytest.mark.parametrize(
    ("path", "data"),
    [("", {}), ("/right", {"version": "1"}), ("/change", NEW)],
    ids=("look", "confirm", "change"),
)
def test_the_password_is_asked_for_again_after_a_quarter_of_an_hour(home, house, clock, path, data):
    home.get(at(house))
    clock.at = NOW + 14 * MINUTE
    home.get("/house")  # still there, so still signed in
    clock.at = NOW + 16 * MINUTE
    asked = home.get(at(house), 303).headers["Location"]
    assert asked.startswith("/prove-who-you-are")
    assert home.post(at(house, path), **data).headers["Location"] == asked
    assert events("address_seen") == [] and fresh(house).address == OLD
    assert fresh(house).address_confirmed_at == NOW
    home.get(asked)
    assert home.post(asked, password=SECRET).headers["Location"] == at(house)
    assert "7 Example Street" in look(home, house).text


def test_another_providers_house_answers_like_none_at_all(home, house):
    theirs = factories.house(address="9 Secret Yard\nExampleton")
    db.session.commit()
    unknown = "00000000-0000-4000-8000-000000000000"
    home.get("/house")
    for more in ("", "/address", "/address/change"):
        pages = {home.get(f"/house/premises/{who}{more}", 404).text for who in (theirs.id, unknown)}
        assert len(pages) == 1
    for more in ("/address", "/address/right", "/address/change"):
        for who in (theirs.id, unknown):
            home.post(f"/house/premises/{who}{more}", 404, version="1", **NEW)
    assert fresh(theirs).address == "9 Secret Yard\nExampleton" and events("address_seen") == []


@pytest.mark.parametrize("who", [factories.officer, factories.coordinator], ids=("officer", "coordinator"))
def test_nobody_but_the_house_has_this_page(app, house, client, who):
    other = Visitor(client).sign_in(who())
    other.get(other.get("/", 303).headers["Location"])
    other.get(f"/house/premises/{house.id}", 404)
    other.get(at(house), 404)
    other.post(at(house), 404)


# It is right


def test_a_confirmed_address_brings_the_house_back_and_whoever_waits_gets_the_bed(home, house, clock):
    home.back_at(clock, NOW + 31 * DAY)
    waiting = factories.referral(now=clock.at)
    db.session.commit()
    assert waiting.state == ReferralState.SEARCHING
    page = confirm(home, house)
    assert "Thank you. Your address is confirmed." in words(page) and "Confirmed until" in words(page)
    house = fresh(house)
    assert (house.address_confirmed_at, house.address_confirmed_by) == (clock.at, home.user.actor().by)
    assert house.address_version == 1
    assert [event.facts for event in events("address_confirmed")] == [{"version": 1}]
    assert db.session.get_one(type(waiting), waiting.id).state == ReferralState.PLACED


def test_an_address_changed_meanwhile_is_not_confirmed_by_whoever_saw_the_old_one(home, house, app):
    look(home, house)
    colleague = Visitor(app.test_client()).sign_in(factories.staff(of=house.provider))
    change(colleague, house)
    before = fresh(house).address_confirmed_by
    page = home.press(at(house, "/right"), version="1")
    assert "Your address was changed after you looked at it. Look at it again." in words(page)
    assert fresh(house).address_confirmed_by == before and events("address_confirmed") == []


@pytest.mark.parametrize("version", ["", "one", "2", "-1"])
def test_nothing_is_confirmed_without_the_version_that_was_shown(home, house, version):
    home.get(at(house))
    home.press(at(house, "/right"), version=version)
    assert events("address_confirmed") == []


def test_a_house_that_never_said_where_it_is_can_only_type_it(home, house):
    house.address = None
    db.session.commit()
    page = home.get(at(house))
    assert "We do not have your address yet." in words(page) and "Show our address" not in buttons(page)
    home.press(at(house, "/right"), version="1")
    assert events("address_confirmed") == []
    change(home, house)
    assert fresh(house).address == NEW["lines"]


# It has changed


def test_a_new_address_is_kept_as_a_new_version_and_is_confirmed(home, house, clock):
    clock.at = NOW + 5 * MINUTE
    page = change(
        home,
        house,
        lines="  12 Invented  Row \r\n\r\nExampleton\n",
        meeting_point="By the clock",
        ring_first="y",
    )
    assert "The new address is kept and confirmed." in words(page) and "Invented" not in page.text
    house = fresh(house)
    assert (house.address, house.meeting_point, house.ring_first) == (NEW["lines"], "By the clock", True)
    assert (house.address_version, house.address_confirmed_at) == (2, clock.at)
    assert house.address_confirmed_by == home.user.actor().by
    (event,) = events("address_changed")
    assert event.facts == {"version": 2, "moved": False, "told": 0} and event.by == home.user.actor().by
    shown = words(look(home, house))
    assert "12 Invented Row Exampleton" in shown and "By the clock" in shown
    assert "Officers are told to ring you before they come to the door." in shown


def test_a_house_that_moved_is_matched_where_it_is_now(home, house):
    change(home, house, lines="1 Invented Row\nExampleton\nBT1 4AP", outcode="bt1")
    house = fresh(house)
    assert (house.outcode, house.nation, house.region) == ("BT1", "Northern Ireland", "Northern Ireland")
    assert events("address_changed")[0].facts["moved"] is True


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ({"lines": "  \n "}, "Enter the new address"),
        ({"lines": "MARKED " * 50}, "The new address must be 300 characters or fewer"),
        (
            {"outcode": ""},
            "Enter the first half of the postcode of the new address, like LS1",
        ),
        ({"outcode": "MARKED"}, "We do not know that postcode. Enter its first half, like LS1 or BT28"),
        (
            {"lines": "1 MARKED Row\nLS2 8AA"},
            "The postcode in the address begins otherwise. Check the address and its first half",
        ),
        ({"meeting_point": "MARKED " * 50}, "Meeting point must be 300 characters or fewer"),
    ],
)
def test_what_is_wrong_is_said_without_a_word_of_the_address(home, house, typed, what):
    home.get(at(house, "/change"))
    page = home.post(at(house, "/change"), 400, **NEW | typed)
    assert summary(page) == [what]
    assert "MARKED" not in re.sub(r"<textarea.*?</textarea>|<input[^>]*>", "", page.text, flags=re.DOTALL)
    assert fresh(house).address == OLD and events("address_changed") == []


def test_the_words_of_an_address_are_in_no_log_no_record_and_no_text(home, house, caplog):
    on_the_road()
    with caplog.at_level(logging.DEBUG):
        change(home, house, lines="MARKED Row 5\nExampleton", meeting_point="MARKED Square")
        look(home, house)
    assert "MARKED" not in caplog.text
    assert not [event for event in db.session.scalars(sa.select(AuditEvent)) if "MARKED" in str(event.facts)]
    assert not [text for text in db.session.scalars(sa.select(Text)) if "MARKED" in (text.body or "")]


def test_officers_on_the_way_who_saw_the_old_address_are_told_at_once_and_once(home, house):
    told, unaware = on_the_road(), on_the_road(opened=False)
    page = change(home, house)
    assert "An officer on the way to you has been told by text to look again." in words(page)
    (text,) = said("address_changed")
    assert text.placement_id == told.id and text.critical and text.to == told.referral.officer_phone
    assert told.referral.spoken in text.body and "Invented" not in text.body
    assert unaware.referral.officer_phone != text.to
    change(home, house)  # pressed twice: the same address is only confirmed
    assert len(said("address_changed")) == 1 and fresh(house).address_version == 2
    change(home, house, meeting_point="By the clock")
    assert len(said("address_changed")) == 2 and fresh(house).address_version == 3


def test_whoever_has_arrived_or_will_not_come_is_not_told(home, house):
    arrived, withdrawn = on_the_road(), on_the_road()
    staff = factories.house_actor(house.id)
    for placement, event, facts in (
        (arrived, Event.ARRIVE, {}),
        (withdrawn, Event.WITHDRAW, {"reason": "staff"}),
    ):
        referrals.record(placement_id=placement.id, event=event, actor=staff, facts=facts, now=NOW)
    db.session.commit()
    assert "told by text" not in words(change(home, house))
    assert said("address_changed") == []


def test_the_officers_page_says_so_until_they_have_asked_for_the_new_one(home, house, app):
    placement = on_the_road()
    officer = Visitor(app.test_client()).sign_in(placement.referral.holder)
    there = f"/referrals/{placement.referral_id}"
    assert "The address has changed" not in words(officer.get(there))
    change(home, house)
    assert "The address has changed" in words(officer.get(there))
    assert "The address has changed" in words(officer.get(f"{there}/live"))
    shown = officer.post(f"{there}/address", 200)
    assert "12 Invented Row" in shown.text and "Example Street" not in shown.text
    assert "The address has changed" not in words(officer.get(there))
    versions = [event.facts["version"] for event in events("address_opened")]
    assert versions == [1, 2] and len(said("address_opened")) == 1  # the house is told once a journey


@pytest.mark.parametrize(
    ("outcode", "told"),
    [
        ("IM1", "This service does not reach the Isle of Man or the Channel Islands"),
        ("LS88", "Nobody lives in that postcode district"),
    ],
)
def test_a_house_does_not_move_to_where_nobody_could_arrive(home, house, outcode, told):
    placement = on_the_road()
    look(home, house)
    page = home.post(at(house, "/change"), 400, lines="1 Invented Row", outcode=outcode)
    assert told in summary(page)[0]
    assert (fresh(house).outcode, fresh(house).address_version) == ("LS1", 1)
    staff = factories.house_actor(house.id)
    referrals.record(placement_id=placement.id, event=Event.ARRIVE, actor=staff, facts={}, now=NOW)


def test_nobody_is_moved_into_the_area_they_must_keep_away_from(home, house):
    placement = factories.placement(keep_away=("LS8",), keep_away_miles=1.0)
    db.session.commit()
    home.get(at(house, "/change"))
    page = home.post(at(house, "/change"), 400, lines="1 Invented Row", outcode="LS8")
    (what,) = summary(page)
    assert what.startswith(f"{placement.referral.spoken} must keep away from there, so nothing was changed.")
    assert (fresh(house).outcode, fresh(house).address_version) == ("LS1", 1)
    change(home, house, lines="1 Invented Row", outcode="LS2")
    assert fresh(house).outcode == "LS2"


# Time


def sweep(now: dt.datetime) -> None:
    referrals.sweep(now=now)
    db.session.commit()


# Confirmed on a Wednesday at 14:00; its 30 days are over on Friday 12 February, and the last 7 of them begin on the 5th.
OVER = NOW + 30 * DAY
SOON = NOW + 23 * DAY


@pytest.mark.parametrize(
    ("when", "notice"),
    [
        (SOON, ""),
        (SOON + MINUTE, "From Friday 12 February 14:00 nobody is sent to"),
        (OVER - MINUTE, "From today 14:00 nobody is sent to"),
        (OVER, "Nobody is sent to"),
    ],
)
def test_the_first_page_says_when_the_address_runs_out_and_when_it_has(home, house, clock, when, notice):
    home.back_at(clock, when)
    page = home.get("/house")
    assert ("nobody has confirmed its address" in words(page)) == (when >= OVER)
    assert (f'href="{at(house)}"' in page.text) == bool(notice)
    assert notice in words(page)
    assert premises.open_to_all(fresh(house), when) == (when < OVER)


def test_the_house_is_reminded_once_seven_days_before_and_once_when_it_is_over(app, house):
    sweep(SOON - MINUTE)
    assert said("address_due") == []
    for when in (SOON, SOON + MINUTE, SOON + DAY):
        sweep(when)
    (text,) = said("address_due")
    assert text.to == house.contacts[0].phone and "nobody is sent to you from 12 February" in text.body
    sweep(OVER - MINUTE)
    assert said("address_over") == [] and duty.open_alerts() == []
    for when in (OVER, OVER + MINUTE, OVER + 40 * DAY):
        sweep(when)
    assert len(said("address_over")) == 1 and len(said("address_due")) == 1


@pytest.mark.parametrize(("hour", "texts"), [(7, 0), (8, 1), (16, 1), (17, 0), (22, 0)], ids=str)
def test_a_reminder_wakes_nobody(app, house, hour, texts):
    """In summer 8:00 UTC is 9:00 in the house, and 17:00 is 18:00."""
    summer = dt.datetime(2027, 7, 1, 0, 0, tzinfo=dt.UTC)
    house.address_confirmed_at = summer - 24 * DAY
    db.session.commit()
    sweep(summer + dt.timedelta(hours=hour, minutes=30))
    assert len(said("address_due")) == texts
    sweep(summer + dt.timedelta(days=1, hours=10))
    assert len(said("address_due")) == 1


def test_a_house_that_confirms_is_reminded_again_a_month_later(home, house, clock):
    sweep(OVER)
    home.back_at(clock, OVER + DAY)
    confirm(home, house)
    sweep(clock.at + DAY)
    assert (len(said("address_due")), len(said("address_over"))) == (0, 1)
    sweep(clock.at + 23 * DAY)
    sweep(clock.at + 30 * DAY)
    assert (len(said("address_due")), len(said("address_over"))) == (1, 2)


def test_coordinators_have_it_on_their_board_until_the_house_has_confirmed(home, house, clock, app):
    duty_desk = Visitor(app.test_client())
    sweep(OVER)
    sweep(OVER + MINUTE)
    (alert,) = duty.open_alerts()
    assert (alert.kind, alert.urgent, alert.texted) == (AlertKind.ADDRESS_UNCONFIRMED, False, 0)
    home.back_at(clock, OVER + DAY)
    page = words(duty_desk.sign_in(factories.coordinator()).get("/duty"))
    assert f"{house.name}: the house's address is not confirmed" in page and "Example Street" not in page
    confirm(home, house)
    assert duty.open_alerts() == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Alert)) == 1


def test_the_alert_ends_by_itself_however_the_cause_went(app, house):
    other = factories.house()
    db.session.commit()
    sweep(OVER)
    assert len(duty.open_alerts()) == 2
    house.address_confirmed_at = OVER  # by whoever runs the service, in the database
    other.compromised_at, other.compromised_by = OVER, "clock"
    db.session.commit()
    sweep(OVER + MINUTE)
    assert duty.open_alerts() == []


def test_a_new_house_is_told_and_a_compromised_one_is_left_alone(app, house):
    new = factories.house(address=None, address_confirmed_at=None, address_confirmed_by=None)
    factories.house(compromised_at=NOW, compromised_by="clock")
    db.session.commit()
    sweep(NOW)
    sweep(OVER + DAY)
    assert {text.to for text in said("address_over")} == {new.contacts[0].phone, house.contacts[0].phone}
    assert len(said("address_over")) == 2
    assert {alert.subject for alert in duty.open_alerts()} == {
        houses.address.subject(one.id) for one in (new, house)
    }


def test_one_house_whose_telephone_cannot_be_read_keeps_no_other_from_its_reminder(app, house, caplog):
    broken = factories.house(address_confirmed_at=NOW - DAY)
    db.session.commit()
    db.session.execute(
        sa.text("UPDATE contact SET phone_sealed = 'nonsense' WHERE phone_index = :index"),
        {"index": broken.contacts[0].phone_index},
    )
    db.session.commit()
    db.session.expire_all()
    sweep(SOON)
    assert [text.to for text in said("address_due")] == [house.contacts[0].phone]
    assert f"sweep left premises {broken.id.hex} aside: SealBroken" in caplog.text


def test_the_room_refuses_what_no_form_would_send(app, house):
    for new, refusal in (
        (NewAddress(" \n ", "LS1"), ValueError),
        (NewAddress("1 Invented Row", "ZZ99"), premises.NotAPlaceForAHouse),
    ):
        with pytest.raises(refusal):
            houses.change_address(premises_id=house.id, new=new, by="clock", now=NOW)
    with pytest.raises(houses.AlreadyChanged):
        houses.confirm_address(premises_id=house.id, version=7, by="clock", now=NOW)


def test_a_journey_that_is_over_is_not_misled(app, house):
    placement = on_the_road()
    houses.change_address(premises_id=house.id, new=NewAddress(NEW["lines"], "LS1"), by="clock", now=NOW)
    assert houses.saw_old_address(placement)
    placement.state, placement.ended_at, placement.ended_by = State.WITHDRAWN, NOW, "clock"
    assert not houses.saw_old_address(placement)
