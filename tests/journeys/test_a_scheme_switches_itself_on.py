"""A coordinator enters a house and lets an officer in; the officer chooses a password, is rung about, and signs in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import servers
from tests.journeys.conftest import DESK, PHONE, Person, Scheme

pytestmark = [
    pytest.mark.journey,
    pytest.mark.mostly("postgresql"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(600),
]


def fill(person: Person, **boxes: str) -> None:
    """Type into boxes, each named by its label with underscores for blanks."""
    for label, words in boxes.items():
        person.page.get_by_label(label.replace("_", " "), exact=True).fill(words)


@pytest.mark.parametrize(
    ("javascript", "size"), [(True, PHONE), (False, DESK)], ids=["telephone", "desk without JavaScript"]
)
def test_from_nothing_to_an_officer_who_signs_in(
    people: Callable[..., Person], scheme: Scheme, javascript: bool, size: dict[str, int]
) -> None:
    duty = people("switching-on-duty", javascript=javascript, size=size)
    duty.sign_in(scheme.coordinator)

    duty.open("/houses")
    duty.press("Enter a provider")
    fill(duty, Name_of_the_provider="Moorland Homes")
    duty.press("Enter it")
    duty.press("Enter a house of Moorland Homes", role="link")
    duty.press("Enter the house")  # with nothing filled in: the errors are looked at as well
    fill(duty, Name_of_the_house="Gorse House", First_half_of_its_postcode="LS8")
    duty.page.get_by_label("The house’s mobile").fill("07700 900388")
    duty.choose("Whom does the house take?", "Women only")
    duty.choose("Does it take somebody who is pregnant?", "Yes")
    duty.choose("When can people arrive?", "At any time, day and night")
    duty.press("Enter the house")
    duty.press("Add rooms")
    fill(duty, Letter="W", What_these_rooms_are_called="Women's rooms")
    duty.page.get_by_label("How many rooms like this?").fill("2")
    duty.page.get_by_label("How many people does each sleep?").fill("1")
    duty.press("Add these rooms")
    duty.reads("The house has not confirmed its address")

    duty.open("/people")
    duty.press("Invite somebody")
    duty.choose("What will they do here?", "Officer")
    duty.press("Continue")
    fill(duty, Their_name="Sam Rivers", Their_work_email_address="sam@moorland.example")
    duty.page.get_by_label("Their force").select_option(index=1)
    fill(duty, Collar_number="4477", Their_mobile="07700 900177")
    duty.press("Make the link")
    link = duty.page.locator("code").inner_text()

    officer = people("switching-on-officer", javascript=javascript, size=size)
    officer.open(link.removeprefix(officer.url))
    fill(officer, Choose_a_password=servers.PASSWORD, The_same_password_again=servers.PASSWORD)
    officer.press("Make my account")
    officer.reads("One call is left before you can sign in")
    officer.sign_in("sam@moorland.example")
    officer.reads("One call is left before you can sign in")

    duty.open("/people")
    duty.press("Ring about Sam Rivers", role="link")
    duty.choose("What did the control room say?", "They work there, with this name and collar number")
    duty.press("Record it")
    officer.sign_in("sam@moorland.example")
    officer.reads("Your referrals")

    duty.press("Close the account now")
    officer.open("/referrals")
    officer.reads("You were signed out to keep people safe")
