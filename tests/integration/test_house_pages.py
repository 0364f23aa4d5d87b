"""What a house says of itself on its pages: whether it takes people, when, whom, and who answers."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlalchemy as sa

from safety import delivery, duty, houses, matching, premises, referrals
from safety.crypto import ring
from safety.extensions import db
from safety.houses import Hours
from safety.lifecycle import HOUSE_CLOSED, Event, ReferralState, State
from safety.models import AlertKind, AuditEvent, Contact, Placement, Premises, Referral, Text
from safety.permissions import NotYours
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


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


def written() -> list[AuditEvent]:
    """What the record holds of houses."""
    return list(db.session.scalars(sa.select(AuditEvent).where(AuditEvent.premises_id.is_not(None))))


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


def box(page, name: str) -> str:
    """What stands in a box of a form."""
    (tag,) = re.findall(rf'<input[^>]*name="{name}"[^>]*>', page.text)
    return re.search(r'value="([^"]*)"', tag)[1]


def state(row: Referral | Placement) -> str:
    db.session.expire_all()
    return db.session.get_one(type(row), row.id).state


# Whose pages they are

PAGES = ("", "/accepting", "/hours", "/whom", "/telephones", "/questions", "/safety-check")
POSTS = ("/accepting", "/accepting/open", "/hours", "/whom", "/telephones/add", "/questions", "/safety-check")


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
    assert fresh(theirs).accepting and not [row for row in written() if row.by == home.user.actor().by]


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
    assert "Not taking anybody new" in words(home.get("/house"))
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
    assert "Not taking anybody new until today 18:00" in words(home.get("/house"))
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


# When new people may arrive

WEEK = tuple("monday tuesday wednesday thursday friday saturday sunday".split())


def hours(home: Visitor, house: Premises, status: int = 303, **days: tuple[str, str]):
    """Say every day "08:00 to 22:00" but for those given."""
    typed = {}
    for day in WEEK:
        typed[f"opens_{day}"], typed[f"latest_{day}"] = days.get(day, ("08:00", "22:00"))
    home.get(at(house, "/hours"))
    return home.post(at(house, "/hours"), status, **typed)


def test_hours_are_kept_day_by_day_and_read_back(home, house):
    page = home.get(hours(home, house, saturday=("8pm", "02:00"), sunday=("", "")).headers["Location"])
    assert "Your hours are kept." in words(page)
    assert "Monday to Friday: 08:00 to 22:00 Saturday: 20:00 to 02:00 the next day Sunday: nobody" in words(
        page
    )
    week = [["08:00", "22:00"]] * 5 + [["20:00", "02:00"], None]
    assert fresh(house).admits == week
    assert [event.facts for event in events("house_hours")] == [{"admits": week}]
    assert box(home.get(at(house, "/hours")), "opens_saturday") == "20:00"
    hours(home, house, saturday=("20:00", "02:00"), sunday=("", ""))
    assert len(events("house_hours")) == 1


@pytest.mark.parametrize(
    ("opens", "latest", "kept"),
    [
        ("", "", None),
        ("00:00", "24:00", ["00:00", "24:00"]),
        ("00:00", "00:00", ["00:00", "24:00"]),
        ("08:00", "00:00", ["08:00", "24:00"]),
        ("08:00", "24:00", ["08:00", "24:00"]),
        ("20:00", "06:00", ["20:00", "06:00"]),
        ("12:01", "12:00", ["12:01", "12:00"]),
        ("08:00", "08:01", ["08:00", "08:01"]),
    ],
)
def test_hours_that_can_be_meant(opens, latest, kept):
    assert houses.a_day(opens, latest) == kept


@pytest.mark.parametrize(
    ("opens", "latest", "why"),
    [
        ("08:00", "", "enter both times"),
        ("", "22:00", "enter both times"),
        ("08:00", "08:00", "the two times are the same"),
        ("22:00", "14:00", "before you open"),
        ("22:00", "12:01", "before you open"),
        ("24:00", "08:00", "enter times like"),
        ("08:00", "24:30", "enter times like"),
        ("08:00", "25:00", "enter times like"),
        ("8:00", "22:00", "enter times like"),
        ("noon", "22:00", "enter times like"),
    ],
)
def test_hours_that_cannot_be_meant(opens, latest, why):
    with pytest.raises(houses.HoursAmiss, match=why):
        houses.a_day(opens, latest)


@pytest.mark.parametrize(
    ("opens", "latest", "inside", "outside"),
    [
        ("00:00", "00:00", ("00:00", "12:00", "23:59"), ()),
        ("08:00", "00:00", ("08:00", "23:59"), ("07:59", "00:30")),
        ("20:00", "06:00", ("20:00", "06:00", "00:00"), ("06:01", "19:59")),
    ],
)
def test_hours_as_they_are_kept_are_what_matching_reads(opens, latest, inside, outside):
    week = [houses.a_day(opens, latest)] * 7
    for clock_time in (*inside, *outside):
        moment = dt.datetime.fromisoformat(f"2027-01-13T{clock_time}").replace(tzinfo=dt.UTC)
        assert matching.admits(week, moment) == (clock_time in inside), clock_time


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        (("8", "22:00"), "When you open on Monday must be a time, like 14:30 or 2:30pm"),
        (("08:00", "25:00"), "The latest arrival on Monday must be a time, like 14:30 or 2:30pm"),
        (("08:00", ""), "Monday: enter both times, or leave both empty if you admit nobody that day"),
        (("", "22:00"), "Monday: enter both times, or leave both empty if you admit nobody that day"),
        (
            ("22:00", "14:00"),
            "Monday: the latest arrival is before you open. After midnight it can be noon at most",
        ),
        (("24:00", "24:00"), "Monday: enter times like 08:00 and 22:00, or 24:00 for the end of the day"),
    ],
)
def test_hours_that_are_amiss_name_the_day_and_nothing_is_changed(home, house, typed, what):
    before = house.admits
    page = hours(home, house, 400, monday=typed, tuesday=("", ""))
    assert summary(page) == [what] and fresh(house).admits == before
    assert box(page, "opens_monday") == typed[0]  # nothing typed is lost


def test_opening_the_door_longer_finds_a_bed_for_whoever_waits(home, house):
    hours(home, house, wednesday=("", ""))
    waiting = searching()
    hours(home, house)
    assert state(waiting) == ReferralState.PLACED


def test_the_room_keeps_a_week_of_seven_days_in_order(app, house):
    for week in ([["08:00", "22:00"]] * 6, []):
        with pytest.raises(ValueError, match="seven days"):
            houses.change_hours(premises_id=house.id, admits=week, by="clock", now=NOW)
    with pytest.raises(houses.HoursAmiss):
        houses.change_hours(premises_id=house.id, admits=[["22:00", "14:00"]] * 7, by="clock", now=NOW)


# Whom it takes

ALL = {
    "cohort": "women",
    "child_ages": list(matching.CHILD_AGES),
    "takes_pregnant": "y",
    "supports": list(matching.SUPPORT),
}


def whom(home: Visitor, house: Premises, status: int = 303, **typed: object):
    home.get(at(house, "/whom"))
    said = {name: value for name, value in (ALL | typed).items() if value}
    return home.post(at(house, "/whom"), status, **said)


def test_whom_a_house_takes_is_kept_as_codes(home, house):
    page = words(home.get(at(house)))
    assert "Women only, also pregnant" in page and "Under 2 2 to 4 5 to 11 12 to 17" in page
    whom(
        home,
        house,
        cohort="either",
        child_ages=["5_to_11"],
        takes_pregnant="",
        supports=["medication"],
        features=["quiet"],
        accepts_unasked="y",
    )
    kept = {
        "cohort": "either",
        "child_ages": ["5_to_11"],
        "supports": ["medication"],
        "features": ["quiet"],
        "takes_pregnant": False,
        "accepts_unasked": True,
    }
    house = fresh(house)
    assert {name: getattr(house, name) for name in kept} == kept
    assert [event.facts for event in events("house_takes")] == [kept]
    page = words(home.get(at(house)))
    assert "Women or men" in page and "also pregnant" not in page
    assert "We do not ask while your figures are fresh" in page and "True of every room Quiet room" in page
    form = home.get(at(house, "/whom")).text
    assert form.count(" checked") == 5


def test_the_same_again_is_not_recorded(home, house):
    whom(home, house)
    assert events("house_takes") == []


def test_taking_more_finds_a_bed_for_whoever_waits(home, house):
    whom(home, house, takes_pregnant="")
    waiting = factories.referral(pregnant="yes")
    db.session.commit()
    assert waiting.state == ReferralState.SEARCHING
    whom(home, house)
    assert state(waiting) == ReferralState.PLACED


@pytest.mark.parametrize(
    "happened",
    [(), (Event.CONFIRM,), (Event.CONFIRM, Event.ARRIVE)],
    ids=("asked", "coming", "here"),
)
def test_whom_the_house_is_for_does_not_change_under_anybody(home, house, happened):
    placement = placed(*happened)
    page = whom(home, house, 400, cohort="either")
    (what,) = summary(page)
    assert what.startswith(
        f"{placement.referral.spoken} was promised the house as it is. Change it when nobody"
    )
    assert fresh(house).cohort == "women" and events("house_takes") == []
    whom(home, house, supports=["fire"])  # what it can manage may change at any time
    assert fresh(house).supports == ["fire"] and state(placement) in ("held", "confirmed", "arrived")
    referrals.withdraw(
        referral_id=placement.referral_id, actor=factories.coordinator_actor(), reason="mistake", now=NOW
    ) if placement.state != State.ARRIVED else referrals.record(
        placement_id=placement.id,
        event=Event.DEPART,
        actor=factories.house_actor(house.id),
        facts={"reason": "planned", "onward": "own", "nrm_decision": "deciding"},
        now=NOW,
    )
    db.session.commit()
    whom(home, house, cohort="either")
    assert fresh(house).cohort == "either"


def test_what_every_room_has_finds_a_bed_and_stays_while_it_was_promised(home, house):
    waiting = factories.referral(needed=("quiet",))
    db.session.commit()
    assert waiting.state == ReferralState.SEARCHING
    whom(home, house, features=["quiet"])
    assert state(waiting) == ReferralState.PLACED
    (what,) = summary(whom(home, house, 400))
    assert what.startswith(f"{waiting.spoken} was promised the house as it is.")
    assert fresh(house).features == ["quiet"]
    whom(home, house, features=["quiet", "pet"])  # more than was promised is no matter
    assert fresh(house).features == ["quiet", "pet"]


def test_the_history_of_a_house_says_who_changed_what_of_it_and_no_number(home, house):
    whom(home, house, features=["quiet"])
    home.get(at(house, "/telephones"))
    number = factories.phone()
    houses.add_telephone(
        premises_id=house.id, phone=number, hours=houses.Hours(), by=home.user.actor().by, now=NOW
    )
    houses.close(premises_id=house.id, reason="illness", until=None, by=home.user.actor().by, now=NOW)
    db.session.commit()
    page = home.get(at(house, "/history"))
    for said in (
        "Whom the house takes was changed",
        "A telephone was added",
        "Closed to new people: illness",
    ):
        assert said in words(page)
    assert number not in page.text and number[-6:] not in page.text and home.user.name in words(page)


def test_rooms_nobody_can_be_given_any_more_are_named(home, house):
    factories.bedspace(house, name="Attic", cohort="either")
    factories.bedspace(house, name="Cellar", retired_at=NOW)
    db.session.commit()
    page = words(home.get(whom(home, house, cohort="men").headers["Location"]))
    assert "Nobody can be given Room 1, Room 2, Room 3: the house is for men only" in page
    assert "Attic" not in page and "Cellar" not in page
    whom(home, house, cohort="either")
    assert "Nobody can be given" not in words(home.get(at(house)))


@pytest.mark.parametrize(
    "broken",
    [
        {"cohort": "everybody"},
        {"child_ages": frozenset({"baby"})},
        {"supports": frozenset({"magic"})},
        {"features": frozenset({"sea view"})},
    ],
)
def test_a_code_that_is_not_known_is_refused(app, house, broken):
    values = {
        name: getattr(houses.takes(house), name) for name in ("cohort", "child_ages", "supports", "features")
    } | broken
    said = houses.Whom(**values, takes_pregnant=True, accepts_unasked=False)
    with pytest.raises(ValueError, match="not known"):
        houses.change_whom(premises_id=house.id, whom=said, by="clock", now=NOW)


def test_a_house_for_nobody_in_particular_is_asked_whom_it_is_for(home, house):
    assert summary(whom(home, house, 400, cohort="")) == ["Select who the house is for"]


# Telephones


@pytest.fixture
def night(house) -> Contact:
    """A second telephone of the house, by night."""
    number = factories.phone()
    contact = Contact(
        premises_id=house.id,
        position=2,
        phone=number,
        phone_index=ring().index("phone", number),
        from_time="20:00",
        to_time="08:00",
    )
    db.session.add(contact)
    house.contacts[0].from_time, house.contacts[0].to_time = "08:00", "20:00"
    db.session.commit()
    db.session.refresh(house)
    return contact


def told() -> set[str]:
    """Who was texted that somebody else answers now; forgotten afterwards."""
    db.session.expire_all()
    texts = list(db.session.scalars(sa.select(Text).where(Text.wording == "telephones_changed")))
    numbers = {text.to for text in texts}
    assert len(numbers) == len(texts)
    for text in texts:
        db.session.delete(text)
    db.session.commit()
    return numbers


def numbers(house: Premises) -> list[str]:
    return [contact.phone for contact in fresh(house).contacts]


NEW, NEW_AS_TYPED = "+447700900999", "07700 900 999"


def test_numbers_are_masked_but_for_the_last_three_digits(home, house, night):
    for more in ("", "/telephones", f"/telephones/{night.id}", "/telephones/add"):
        page = home.get(at(house, more)).text.replace(" ", "")
        assert not [contact for contact in house.contacts if contact.phone[3:] in page]
    page = words(home.get(at(house, "/telephones")))
    assert all(f"Number ending {contact.phone[-3:]}" in page for contact in house.contacts)
    assert len(house.contacts) == 2


@pytest.mark.parametrize(("hour", "answers"), [(14, 0), (19, 0), (20, 1), (3, 1)])
def test_the_page_says_who_answers_now(home, house, night, clock, hour, answers):
    home.back_at(clock, NOW.replace(hour=hour) + DAY)
    cards = words(home.get(at(house, "/telephones"))).split(". Number ending ")[1:]
    assert [("Answers now" in card) for card in cards] == [place == answers for place in (0, 1)]
    ends = (house.contacts[0], night)[answers].phone[-3:]
    assert f"2 in all. Now the one ending {ends} answers" in words(home.get(at(house)))


def test_a_telephone_is_added_last_and_it_and_whoever_answers_are_told(home, house):
    before = house.contacts[0].phone
    home.get(at(house, "/telephones/add"))
    page = home.press(at(house, "/telephones/add"), phone=NEW_AS_TYPED, start="8pm", end="08:00")
    assert "The telephone is added" in words(page) and "20:00 to 08:00 the next morning" in words(page)
    assert numbers(house) == [before, NEW] and told() == {before, NEW}
    contact = fresh(house).contacts[1]
    assert contact.phone_index == ring().index("phone", NEW)
    (event,) = events("telephone_added")
    assert event.facts == {"contact": contact.id.hex, "from": "20:00", "to": "08:00"}


def test_a_number_is_changed_and_both_are_told(home, house, night):
    old = night.phone
    there = at(house, f"/telephones/{night.id}")
    home.get(there)
    home.press(there, phone=NEW_AS_TYPED, start="20:00", end="08:00")
    assert numbers(house)[1] == NEW and told() == {house.contacts[0].phone, old, NEW}
    assert [event.facts for event in events("telephone_changed")] == [
        {"contact": night.id.hex, "from": "20:00", "to": "08:00"}
    ]


def test_an_empty_number_keeps_the_one_there_is(home, house, night):
    there = at(house, f"/telephones/{night.id}")
    page = home.get(there)
    assert f"Leave empty to keep the number ending {night.phone[-3:]}" in words(page)
    assert 'value="20:00"' in page.text
    home.press(there, phone="", start="20:00", end="08:00")
    assert events("telephone_changed") == [] and told() == set()
    home.press(there, phone="", start="", end="")
    assert numbers(house)[1] == night.phone
    contact = fresh(house).contacts[1]
    assert (contact.from_time, contact.to_time) == ("00:00", "00:00")
    assert told() == set()  # by day the first still answers


def test_a_telephone_moved_up_answers_first(home, house, night):
    first = house.contacts[0]
    for contact in (first, night):
        contact.from_time = contact.to_time = "00:00"
    db.session.commit()
    home.get(at(house, "/telephones"))
    home.press(at(house, f"/telephones/{night.id}/up"))
    assert numbers(house) == [night.phone, first.phone] and told() == {night.phone, first.phone}
    assert [event.facts for event in events("telephone_first")] == [{"contact": night.id.hex}]
    home.press(at(house, f"/telephones/{night.id}/up"))
    assert numbers(house) == [night.phone, first.phone] and told() == set()
    assert len(events("telephone_first")) == 1


def test_a_telephone_is_removed_but_never_the_last(home, house, night):
    first = house.contacts[0].phone
    home.get(at(house, "/telephones"))
    home.press(at(house, f"/telephones/{house.contacts[0].id}/remove"))
    assert numbers(house) == [night.phone] and told() == {first, night.phone}
    page = home.press(at(house, f"/telephones/{night.id}/remove"))
    assert "This is the only telephone of the house. Add another one first." in words(page)
    assert numbers(house) == [night.phone] and len(events("telephone_removed")) == 1
    assert "Remove 1" not in buttons(page)


def test_a_new_number_ends_the_alert_about_the_one_that_took_no_texts(home, house, night):
    delivery.unreachable(number_index=night.phone_index, now=NOW)
    db.session.commit()
    db.session.expire_all()
    assert "It takes no texts from us" in words(home.get(at(house, "/telephones")))
    assert [alert.kind for alert in duty.open_alerts()] == [AlertKind.TEXT_FAILED]
    there = at(house, f"/telephones/{night.id}")
    home.get(there)
    home.press(there, phone=NEW_AS_TYPED)
    assert duty.open_alerts() == [] and fresh(house).contacts[1].unreachable_at is None


def test_an_alert_about_a_number_that_another_house_has_stays(app, house, night):
    other = factories.house()
    other.contacts[0].phone, other.contacts[0].phone_index = night.phone, night.phone_index
    db.session.flush()
    delivery.unreachable(number_index=night.phone_index, now=NOW)
    houses.remove_telephone(premises_id=house.id, contact_id=night.id, by="clock", now=NOW)
    assert len(duty.open_alerts()) == 1


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ({"phone": ""}, "Enter a mobile number"),
        ({"phone": "0113 496 0123"}, "Mobile number must be a mobile number: this one cannot get texts"),
        ({"phone": "900"}, "Mobile number must be a full mobile number, like 07700 900123"),
        ({"start": "20:00"}, "Enter both times, or leave both empty for day and night"),
        ({"end": "20:00"}, "Enter both times, or leave both empty for day and night"),
        ({"start": "20", "end": "08:00"}, "When it begins to answer must be a time, like 14:30 or 2:30pm"),
    ],
)
def test_a_telephone_that_cannot_be_meant_is_asked_about(home, house, typed, what):
    home.get(at(house, "/telephones/add"))
    page = home.post(at(house, "/telephones/add"), 400, **{"phone": NEW_AS_TYPED} | typed)
    assert summary(page) == [what] and len(numbers(house)) == 1


def test_there_is_an_end_to_telephones(home, house):
    for _ in range(houses.telephones.MOST_TELEPHONES - 1):
        houses.add_telephone(
            premises_id=house.id, phone=factories.phone(), hours=Hours(), by="clock", now=NOW
        )
    db.session.commit()
    home.get(at(house, "/telephones/add"))
    page = home.post(at(house, "/telephones/add"), 400, phone=NEW_AS_TYPED)
    assert summary(page) == ["12 telephones are enough. Change or remove one of them"]


def test_a_telephone_of_another_house_is_none_of_theirs(home, house, night):
    theirs = factories.house()
    number, contact = theirs.contacts[0].phone, theirs.contacts[0].id
    db.session.commit()
    home.get("/house")
    home.get(at(house, f"/telephones/{contact}"), 404)
    for of in (house, theirs):
        home.post(at(of, f"/telephones/{contact}"), 404, phone=NEW_AS_TYPED)
        for act in ("up", "remove"):
            home.post(at(of, f"/telephones/{contact}/{act}"), 404)
    assert numbers(theirs) == [number] and told() == set()
    with pytest.raises(NotYours):
        houses.move_up(premises_id=house.id, contact_id=contact, by="clock", now=NOW)


def test_no_number_stands_in_the_record(home, house, night):
    home.get(at(house, "/telephones/add"))
    home.press(at(house, "/telephones/add"), phone=NEW_AS_TYPED)
    home.get(at(house, "/telephones"))
    home.press(at(house, f"/telephones/{night.id}/remove"))
    for event in written():
        assert NEW[3:] not in str(event.facts) and night.phone[3:] not in str(event.facts)


def test_a_house_says_when_it_may_be_asked_what_can_wait(home, house):
    home.get(at(house, "/questions"))
    page = home.press(at(house, "/questions"), start="9am", end="5.30pm")
    assert "Kept. Somebody who needs a bed is still asked about at any hour." in words(page)
    assert "When we may ask how many beds are free 09:00 to 17:30" in words(page)
    kept = fresh(house)
    assert (kept.questions_from, kept.questions_to) == ("09:00", "17:30")
    assert [event.facts for event in events("house_questions")] == [{"from": "09:00", "to": "17:30"}]
    home.press(at(house, "/questions"), start="09:00", end="17:30")
    assert len(events("house_questions")) == 1, "the same again is nothing new"


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("", "20:00", "Enter from when we may ask"),
        ("08:00", "", "Enter until when we may ask"),
        ("8", "20:00", "From when we may ask must be a time, like 14:30 or 2:30pm"),
        ("08:00", "24:00", "Until when we may ask must be a time, like 14:30 or 2:30pm"),
    ],
)
def test_times_to_ask_that_cannot_be_meant_are_refused(home, house, start, end, told):
    home.get(at(house, "/questions"))
    assert summary(home.post(at(house, "/questions"), 400, start=start, end=end)) == [told]
    assert fresh(house).questions_from == "08:00"


def test_the_day_of_the_last_safety_check_is_kept_and_shown(home, house):
    assert "Last safety check Not recorded" in words(home.get(at(house)))
    home.get(at(house, "/safety-check"))
    page = home.press(at(house, "/safety-check"), on=["2", "1", "2027"])
    assert "Last safety check 2 January 2027" in words(page)
    kept = fresh(house)
    assert (kept.safety_checked_on, kept.safety_checked_by) == (dt.date(2027, 1, 2), home.user.actor().by)
    home.press(at(house, "/safety-check"), on=["2", "1", "2027"])
    assert [event.facts for event in events("house_safety_check")] == [{"on": "2027-01-02"}]


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (("", "", ""), "Enter the day of the last check"),
        (("31", "2", "2026"), "The day of the check must be a real date"),
        (("14", "1", "2027"), "The day of the check must be today or in the past"),
    ],
)
def test_a_check_that_cannot_have_been_is_refused(home, house, day, told):
    home.get(at(house, "/safety-check"))
    assert summary(home.post(at(house, "/safety-check"), 400, on=list(day))) == [told]
    assert fresh(house).safety_checked_on is None


def test_a_telephone_that_is_added_twice_is_there_once(home, house):
    home.get(at(house, "/telephones/add"))
    home.press(at(house, "/telephones/add"), phone=NEW_AS_TYPED, start="", end="")
    page = home.post(at(house, "/telephones/add"), 400, phone=NEW_AS_TYPED, start="", end="")
    assert summary(page) == ["That telephone is there already. Change its hours where it stands in the list"]
    assert [one.phone for one in fresh(house).contacts].count(NEW) == 1
