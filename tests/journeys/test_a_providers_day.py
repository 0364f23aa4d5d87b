"""A house's day on its shared telephone: beds said true, a room out and back, somebody overdue; with JavaScript and without."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest

from safety import clock, referrals
from safety.extensions import db
from safety.lifecycle import Event
from tests import factories
from tests.journeys.conftest import Person, Scheme

pytestmark = [
    pytest.mark.journey,
    pytest.mark.mostly("sqlite"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(600),
]

either_way = pytest.mark.parametrize(
    "javascript", [True, False], ids=["with JavaScript", "without JavaScript"]
)


def begin(people: Callable[..., Person], scheme: Scheme, name: str, *, javascript: bool) -> Person:
    staff = people(name, javascript=javascript)
    staff.sign_in(scheme.staff)
    staff.begin()
    return staff


@either_way
def test_the_morning_update_is_two_presses_from_signing_in(
    people: Callable[..., Person], scheme: Scheme, javascript: bool
) -> None:
    staff = begin(people, scheme, "morning", javascript=javascript)
    staff.press("Say how many beds are free", role="link")
    staff.press(re.compile("Same as before"))
    assert staff.presses == 2
    staff.reads("are marked as still true")


@either_way
def test_a_bed_fewer_and_taking_it_back(
    people: Callable[..., Person], scheme: Scheme, javascript: bool
) -> None:
    staff = begin(people, scheme, "count", javascript=javascript)
    staff.press(re.compile("One fewer free in W"))
    staff.press(re.compile("Save changes"), last=True)
    assert staff.presses == 2
    staff.reads("Saved: W from 2 to 1.")
    staff.press(re.compile("Take that back"))
    staff.reads("Taken back: W from 2 to 1 is as it was before.")


def test_enter_in_a_box_saves_what_was_typed(people: Callable[..., Person], scheme: Scheme) -> None:
    staff = begin(people, scheme, "enter", javascript=True)
    box = staff.page.get_by_label("W: Rooms, free now")
    box.fill("1")
    box.press("Enter")
    staff.page.wait_for_load_state()
    staff.reads("Saved: W from 2 to 1.")


def test_what_is_being_counted_is_not_replaced_by_the_page_following_along(
    people: Callable[..., Person], scheme: Scheme
) -> None:
    staff = begin(people, scheme, "kept", javascript=True)
    staff.press(re.compile("One fewer free in W"))
    db.session.rollback()
    factories.placement(eta_at=clock.now() + dt.timedelta(hours=1), now=clock.now())
    db.session.commit()
    # It asks at once when the page comes back into sight, and not only after half a minute.
    staff.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    staff.reads("Something has changed. Send what you changed")
    assert staff.page.get_by_label("W: Rooms, free now").input_value() == "1"


@either_way
def test_a_room_out_of_service_and_back(
    people: Callable[..., Person], scheme: Scheme, javascript: bool
) -> None:
    staff = begin(people, scheme, "room", javascript=javascript)
    staff.press(re.compile("^Rooms"), role="link")
    staff.press("Room 1", role="link")
    staff.press("Take it out of service")
    staff.choose("Why can it not be used?", "Repair or damage")
    staff.choose("When can it be used again?", "When we say so")
    staff.press("Take it out of service")
    staff.reads("Nobody is sent here until you bring it back.")
    staff.press("Bring it back into service")
    staff.reads("Free: people can be sent here.")


@either_way
def test_somebody_overdue_is_resolved_in_two_presses(
    people: Callable[..., Person], scheme: Scheme, javascript: bool
) -> None:
    began = clock.now() - dt.timedelta(hours=1)
    placement = factories.placement(now=began, eta_at=began + dt.timedelta(minutes=20))
    staff_of_house, officer = factories.house_actor(scheme.house.id), placement.referral.holder.actor()
    referrals.record(
        placement_id=placement.id, event=Event.CONFIRM, actor=staff_of_house, facts={}, now=began
    )
    facts = {"eta_at": began + dt.timedelta(minutes=20)}
    referrals.record(placement_id=placement.id, event=Event.SET_OFF, actor=officer, facts=facts, now=began)
    db.session.commit()
    staff = begin(people, scheme, "overdue", javascript=javascript)
    staff.reads(placement.referral.spoken)
    staff.press(re.compile("has arrived"))
    assert staff.presses == 1
    staff.reads("Arrival recorded.")


@either_way
def test_closing_the_house_at_night_with_one_held_bed(
    people: Callable[..., Person], scheme: Scheme, javascript: bool
) -> None:
    placement = factories.placement(now=clock.now(), eta_at=clock.now() + dt.timedelta(hours=1))
    db.session.commit()
    reference = placement.referral.spoken
    staff = begin(people, scheme, "closing", javascript=javascript)
    staff.press(re.compile("^The house: hours"), role="link")
    staff.press(re.compile("Close to new people"), role="link")
    staff.reads("Closing does not say no for you")
    staff.choose("Why", "Not enough staff")
    staff.press("Close to new people")
    staff.reads("closed")
    staff.open("/house")
    staff.reads("Not taking anybody new")
    staff.press(re.compile(f"Decline {reference}"))
    staff.press("Not enough staff tonight")
    staff.reads("Declined. The bed is free again.")
    db.session.expire_all()
    db.session.rollback()
    assert referrals.live_placement(placement.referral) is None, "a closed house is not asked again"


@either_way
def test_somebody_leaves_in_two_presses_and_two_questions_follow(
    people: Callable[..., Person], scheme: Scheme, javascript: bool
) -> None:
    began = clock.now() - dt.timedelta(hours=1)
    placement = factories.placement(now=began, eta_at=began)
    for event in (Event.CONFIRM, Event.ARRIVE):
        referrals.record(
            placement_id=placement.id,
            event=event,
            actor=factories.house_actor(scheme.house.id),
            facts={},
            now=began,
        )
    db.session.commit()
    staff = begin(people, scheme, "leaving", javascript=javascript)
    staff.open(f"/house/placements/{placement.id}")
    before = staff.presses
    staff.press("They have left")
    staff.press("They chose to leave")
    assert staff.presses - before == 2
    staff.reads("Departure recorded. The bed is free again.")
    staff.choose("Where did they go?", "Their own safe address")
    staff.choose("What did they decide", "Still deciding")
    staff.press("Keep this")
    staff.reads("Kept. Thank you.")


@either_way
def test_the_address_is_looked_at_and_confirmed(
    people: Callable[..., Person], scheme: Scheme, javascript: bool
) -> None:
    staff = begin(people, scheme, "address", javascript=javascript)
    staff.press(re.compile("^The house: hours"), role="link")
    staff.press(re.compile("See or change the address"), role="link")
    staff.press("Show our address")
    assert "Example Street" in staff.page.locator("main").inner_text()
    assert "Example" not in staff.page.title() + staff.page.url
    staff.press(re.compile("It is right"))
    staff.reads("Confirmed until")
