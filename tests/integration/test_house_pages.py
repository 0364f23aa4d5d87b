"""What a house says of itself on its pages: whether it takes people, when, whom, and who answers."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from safety import houses, premises, referrals
from safety.extensions import db
from safety.lifecycle import HOUSE_CLOSED, Event, ReferralState, State
from safety.models import AuditEvent, Placement, Premises, Referral
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, cheap_hashes, still_clock, summary, words

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    cheap_hashes(monkeypatch)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    return still_clock(monkeypatch, NOW)


@pytest.fixture
def house(app) -> Premises:
    return factories.house(rooms=3)


@pytest.fixture
def home(house, client) -> Visitor:
    """The browser of somebody who works at the house."""
    return Visitor(client).sign_in(factories.staff(of=house.provider))


def at(house: Premises, more: str = "") -> str:
    return f"/house/premises/{house.id}{more}"


def fresh(house: Premises) -> Premises:
    db.session.expire_all()
    return db.session.get_one(Premises, house.id)


def events(what: str) -> list[AuditEvent]:
    return list(db.session.scalars(sa.select(AuditEvent).where(AuditEvent.what == what)))


def placed(*happened: Event) -> Placement:
    """Somebody a bed of the house is held for, to whom these things have happened."""
    placement = factories.placement()
    staff, officer = factories.house_actor(placement.premises_id), placement.referral.holder.actor()
    for event in happened:
        actor = officer if event is Event.SET_OFF else staff
        facts = {"eta_at": NOW + HOUR} if event is Event.SET_OFF else {}
        referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=NOW)
    db.session.commit()
    return placement


def searching(now: dt.datetime = NOW) -> Referral:
    """Somebody nothing fits."""
    referral = factories.referral(now=now)
    db.session.commit()
    assert referral.state == ReferralState.SEARCHING
    return referral


def state(row: Referral | Placement) -> str:
    db.session.expire_all()
    return db.session.get_one(type(row), row.id).state


# Whose pages they are

PAGES = ("", "/accepting")
POSTS = ("/accepting", "/accepting/open")


def test_another_providers_house_answers_like_none_at_all(home):
    theirs = factories.house()
    db.session.commit()
    unknown = "00000000-0000-4000-8000-000000000000"
    home.get("/house")
    for more in PAGES:
        assert len({home.get(f"/house/premises/{who}{more}", 404).text for who in (theirs.id, unknown)}) == 1
    for more in POSTS:
        for who in (theirs.id, unknown):
            home.post(f"/house/premises/{who}{more}", 404, reason="staff")
    assert fresh(theirs).accepting


def test_the_first_page_leads_to_each_house_and_it_to_everything_it_can_say(home, house):
    second = factories.house(provider=house.provider)
    db.session.commit()
    page = home.get("/house").text
    assert all(f'href="{at(one)}"' in page for one in (house, second))
    there = home.get(at(house)).text
    for more in ("/address", *PAGES[1:]):
        assert f'href="{at(house, more)}"' in there


def test_no_title_names_the_house(home, house):
    for more in PAGES:
        assert house.name not in home.get(at(house, more)).text.partition("</title>")[0]


# Taking new people


def close(home: Visitor, house: Premises, **kept: str):
    home.get(at(house, "/accepting"))
    return home.press(at(house, "/accepting"), **{"reason": "staff"} | kept)


def test_a_closed_house_gets_nobody_new_until_it_opens_again(home, house):
    page = close(home, house)
    assert f"Closed. Nobody new is sent to {house.name} until you open it again." in words(page)
    assert "Not enough staff." in words(page) and "Open again now" in buttons(page)
    assert "not taking anybody new" in words(home.get("/house"))
    waiting = searching()
    page = home.press(at(house, "/accepting/open"))
    assert f"Open. People are sent to {house.name} again." in words(page)
    assert state(waiting) == ReferralState.PLACED
    house = fresh(house)
    assert (house.accepting, house.accepting_reason, house.accepting_until) == (True, None, None)
    assert [event.facts for event in events("house_closed")] == [{"reason": "staff", "until": None}]
    assert [event.by for event in events("house_opened")] == [home.user.actor().by]


def test_an_end_that_was_said_opens_the_house_whether_or_not_anything_runs(home, house, clock):
    page = close(home, house, until_day="2027-01-13", until_time="18:00")
    assert "until today 18:00. Then you are open again by itself." in words(page)
    assert "not taking anybody new until today 18:00" in words(home.get("/house"))
    end = NOW + 4 * HOUR
    waiting = searching()
    assert not premises.open_to_all(fresh(house), end - MINUTE) and premises.open_to_all(house, end)
    home.back_at(clock, end)
    assert "not taking anybody" not in words(home.get("/house"))
    assert "Close to new people" in words(home.get(at(house, "/accepting")))
    referrals.sweep(now=end)
    db.session.commit()
    assert state(waiting) == ReferralState.PLACED
    home.press(at(house, "/accepting/open"))
    assert fresh(house).accepting


def test_pressed_twice_it_is_closed_once_and_a_new_reason_keeps_the_end(home, house):
    for _ in range(2):
        close(home, house, until_day="2027-01-14", until_time="8am")
    assert len(events("house_closed")) == 1
    page = home.get(at(house, "/accepting")).text
    assert 'value="2027-01-14" selected' in page and 'value="08:00"' in page
    close(home, house, reason="illness", until_day="2027-01-14", until_time="08:00")
    assert [event.facts["reason"] for event in events("house_closed")] == ["staff", "illness"]
    for _ in range(2):
        home.press(at(house, "/accepting/open"))
    assert len(events("house_opened")) == 1


def test_who_counts_on_the_house_is_said_before_it_is_pressed(home, house):
    page = words(home.get(at(house, "/accepting")))
    assert "You are not asked about anybody just now" in page
    held, coming = placed(), placed(Event.CONFIRM, Event.SET_OFF)
    page = home.get(at(house, "/accepting"))
    assert (
        f"{held.referral.spoken} waits for your answer until 14:15. Closing does not say no for you"
        in words(page)
    )
    assert f'href="/house/placements/{held.id}/decline"' in page.text
    assert f"{coming.referral.spoken} is on the road to you, expected today 15:00, and still comes" in words(
        page
    )
    assert f'href="/house/placements/{coming.id}/withdraw"' in page.text
    referrals.record(
        placement_id=coming.id, event=Event.ARRIVE, actor=factories.house_actor(house.id), facts={}, now=NOW
    )
    db.session.commit()
    page = words(home.get(at(house, "/accepting")))
    assert f"{coming.referral.spoken} is with you until Monday 12:00, and stays." in page


def test_closing_says_nothing_about_whoever_is_asked_about_coming_or_here(home, house):
    held, coming, here = placed(), placed(Event.CONFIRM), placed(Event.CONFIRM, Event.ARRIVE)
    page = close(home, house)
    assert f"{coming.referral.spoken} is expected today 15:00 and still comes: you said yes." in words(page)
    assert [state(row) for row in (held, coming, here)] == [State.HELD, State.CONFIRMED, State.ARRIVED]
    home.get("/house")
    home.press(f"/house/placements/{held.id}/accept")
    assert state(held) == State.CONFIRMED


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ({"reason": ""}, "Select why you take nobody new"),
        ({"reason": "holiday"}, "Select why you take nobody new"),
        ({"until_day": "2027-01-13"}, "Enter the time you open again, like 08:00"),
        ({"until_day": "2027-01-13", "until_time": "14:00"}, "Enter a time that is still to come"),
        (
            {"until_day": "2027-01-13", "until_time": "7"},
            "The time you open again must be a time, like 14:30 or 2:30pm",
        ),
        ({"until_time": "18:00"}, "Select the day as well, or leave the time empty"),
        (
            {"until_day": "2027-03-01", "until_time": "18:00"},
            "Until when: select one of the answers on this page",
        ),
    ],
)
def test_a_closing_that_cannot_be_meant_is_asked_about(home, house, typed, what):
    home.get(at(house, "/accepting"))
    page = home.post(at(house, "/accepting"), 400, **{"reason": "staff"} | typed)
    assert summary(page) == [what] and fresh(house).accepting


@pytest.mark.parametrize(
    ("day", "typed", "instant"),
    [
        ("2027-03-28", "01:30", None),  # the clocks go forward over it
        ("2027-10-31", "01:30", dt.datetime(2027, 10, 31, 1, 30, tzinfo=dt.UTC)),  # twice: the later one
        ("2027-03-28", "02:30", dt.datetime(2027, 3, 28, 1, 30, tzinfo=dt.UTC)),
    ],
)
def test_an_end_in_the_night_the_clocks_change(home, house, clock, day, typed, instant):
    home.back_at(clock, dt.datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=dt.UTC) - 6 * HOUR)
    home.get(at(house, "/accepting"))
    answer = home.post(
        at(house, "/accepting"), 303 if instant else 400, reason="staff", until_day=day, until_time=typed
    )
    assert fresh(house).accepting_until == instant
    if instant is None:
        assert summary(answer) == ["The clocks go forward over that time. Enter a time before or after it"]


@pytest.mark.parametrize(
    ("kept", "what"),
    [
        (
            {"compromised_at": NOW, "compromised_by": "clock"},
            "somebody who should not may know where the house is",
        ),
        ({"address_confirmed_at": NOW - 30 * DAY}, "nobody is sent until you have confirmed your address"),
    ],
)
def test_opening_never_promises_people_who_are_not_sent(home, house, kept, what):
    close(home, house)
    for name, value in kept.items():
        setattr(house, name, value)
    db.session.commit()
    page = words(home.press(at(house, "/accepting/open")))
    assert what in page and "People are sent" not in page


def test_the_room_refuses_what_no_form_would_send(app, house):
    for reason, until in (("holiday", None), ("staff", NOW)):
        with pytest.raises(ValueError, match="a known reason"):
            houses.close(premises_id=house.id, reason=reason, until=until, by="clock", now=NOW)


@pytest.mark.parametrize(
    "broken",
    [
        {"accepting_until": NOW},
        {"accepting": False, "accepting_reason": "holiday"},
        {"accepting": False, "accepting_reason": None},
    ],
)
def test_the_database_keeps_a_closed_house_to_a_known_reason_and_an_open_one_to_no_end(app, house, broken):
    with pytest.raises(sa.exc.IntegrityError), db.session.begin_nested():
        db.session.execute(sa.update(Premises).where(Premises.id == house.id).values(**broken))


def test_every_reason_can_be_stored(app, house):
    for reason in HOUSE_CLOSED:
        houses.close(premises_id=house.id, reason=reason, until=None, by="clock", now=NOW)
    assert fresh(house).accepting_reason == "other"
