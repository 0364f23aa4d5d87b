"""A coordinator at a desk and on a telephone: a house that may not be safe, several people at once, what was done on paper."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest

from safety import clock, referrals, workdays
from safety.extensions import db
from safety.lifecycle import Event
from safety.models import Placement
from tests import factories
from tests.journeys.conftest import DESK, PHONE, Person, Scheme

pytestmark = [
    pytest.mark.journey,
    pytest.mark.mostly("postgresql"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(600),
]

either_size = pytest.mark.parametrize(
    ("size", "javascript"),
    [(PHONE, True), (DESK, True), (PHONE, False)],
    ids=["telephone", "desk", "without JavaScript"],
)


def begin(
    people: Callable[..., Person], scheme: Scheme, name: str, size: dict[str, int], *, javascript: bool
) -> Person:
    desk = people(f"{name}-{size['width']}", size=size, javascript=javascript)
    desk.sign_in(scheme.coordinator)
    desk.begin()
    return desk


def on_the_way() -> Placement:
    """Somebody on the road whose officer has opened the address."""
    now = clock.now()
    placement = factories.placement(now=now)
    house, officer = factories.house_actor(placement.premises_id), placement.referral.holder.actor()
    referrals.record(placement_id=placement.id, event=Event.CONFIRM, actor=house, facts={}, now=now)
    facts = {"eta_at": now + dt.timedelta(minutes=40)}
    referrals.record(placement_id=placement.id, event=Event.SET_OFF, actor=officer, facts=facts, now=now)
    referrals.open_address(
        referral_id=placement.referral_id, actor=officer, reason="on_the_way", now=clock.now()
    )
    return placement


@either_size
def test_a_house_that_may_not_be_safe(
    people: Callable[..., Person], scheme: Scheme, size: dict[str, int], javascript: bool
) -> None:
    inside, road = on_the_way(), on_the_way()
    house = factories.house_actor(scheme.house.id)
    referrals.record(placement_id=inside.id, event=Event.ARRIVE, actor=house, facts={}, now=clock.now())
    db.session.commit()
    desk = begin(people, scheme, "compromised", size, javascript=javascript)
    desk.open(f"/houses/{scheme.house.id}")
    desk.press("House compromised")
    desk.choose("What has happened?", "Somebody was followed there, or it is being watched")
    desk.press("Mark as compromised")
    desk.reads("Who lives there (1)")
    desk.reads("Who has seen the address (2)")
    desk.reads(road.referral.spoken)
    assert desk.presses == 2, "from the page of the house to everything on one screen"
    desk.press(re.compile("^I take alert"))
    desk.press("The house is safe again")
    desk.choose("Why is it safe again?", "It was marked by mistake")
    desk.page.get_by_label("I have spoken to the house").check()
    desk.press("Take people again")
    desk.reads("People are matched with this house.")


@either_size
def test_beds_for_two_people_of_one_operation(
    people: Callable[..., Person], scheme: Scheme, size: dict[str, int], javascript: bool
) -> None:
    factories.house(rooms=1, now=clock.now(), outcode="LS8", name="Heather House")
    force = factories.force(name="Northmoor Police")
    db.session.commit()
    desk = begin(people, scheme, "operation", size, javascript=javascript)
    desk.press("Several people from one operation", role="link")
    desk.page.get_by_label("Whose operation is it?").select_option(label=force.name)
    desk.page.get_by_label("Operation number").fill("OP26/114")
    desk.choose("Where should they be?", "In the same house if it can be")
    desk.press("Begin")
    desk.reads("Nobody yet.")
    number = "OP26/114"
    for _ in range(2):
        officer = factories.officer(of=force)
        factories.referral(by=officer, operation=number, now=clock.now())
    db.session.commit()
    desk.page.reload()
    desk.reads("Its people (2)")
    desk.look()
    desk.press("Find beds for all 2")
    desk.reads("All 2 can have a bed, in 1 house.")
    desk.press("Hold these beds")
    desk.reads("2 beds are held and their houses asked.")
    desk.press(re.compile("^Change"), role="link")
    desk.choose("Where should they be?", "Each in another house")
    desk.press("Keep this")
    desk.open("/duty/operations")
    desk.reads("2 open")


@either_size
def test_what_was_done_on_paper(
    people: Callable[..., Person], scheme: Scheme, size: dict[str, int], javascript: bool
) -> None:
    force = factories.force(name="Northmoor Police")
    db.session.commit()
    desk = begin(people, scheme, "paper", size, javascript=javascript)
    desk.press("Forms and numbers on paper", role="link")
    assert pages_of(desk) == 1
    desk.press("Whom to ring", role="link")
    desk.reads("Northmoor Police")
    assert pages_of(desk) == 1
    desk.open("/find")
    desk.page.get_by_label("Which force are they ringing from?").select_option(label=force.name)
    desk.choose("Are they an adult?", "Yes, 18 or over")
    desk.choose("Do they agree to come to a place of safety?", "Yes")
    desk.choose("Does anybody need a hospital first?", "No")
    desk.choose("What kind of place do they want?", "Women only")
    desk.choose("Is anybody pregnant?", "No")
    desk.press("Continue")
    desk.choose("Have their phone and belongings been checked for tracking?", "Yes")
    desk.press("Continue")
    desk.page.get_by_label("Where are they now?").fill("LS1")
    desk.choose("What kind of place is that?", "Police station")
    desk.choose("How long could you travel?", "1 hour")
    desk.page.get_by_label("Your mobile number").fill("07700 900991")
    desk.press("It was taken on paper: enter its times")
    now = workdays.uk(clock.now())
    asked, promised, arrived = (now - dt.timedelta(minutes=minutes) for minutes in (90, 60, 20))
    for words, at in (("they asked", asked), ("the house said yes", promised), ("they arrived", arrived)):
        desk.page.get_by_label(f"Day {words}").select_option(f"{at:%Y-%m-%d}")
        desk.page.get_by_label(f"Time {words}").fill(f"{at:%H:%M}")
    desk.choose("What has happened since?", "They have arrived at a house")
    desk.press("Key it in")
    desk.reads("Select the room")
    desk.page.get_by_label("Which room?").select_option(label="Journey House: Room 1")
    desk.press("Key it in")
    desk.reads("Keyed in from paper")


def pages_of(person: Person) -> int:
    """How many sheets of A4 the page is on paper, as the browser prints it."""
    pdf = person.page.pdf(prefer_css_page_size=True, print_background=True)
    return len(re.findall(rb"/Type\s*/Page\b", pdf))
