"""A coordinator on the telephone with a house: more time, another officer, what texts meant, and who is on call next week."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import accounts, clock, inbox, referrals
from safety.extensions import db
from safety.lifecycle import Event
from safety.models import MessageState, Text
from tests import factories, servers
from tests.journeys.conftest import DESK, PHONE, Person, Scheme

pytestmark = [
    pytest.mark.journey,
    pytest.mark.mostly("postgresql"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def scheme(app: Flask, database_url: str, tmp_path: Path) -> Iterator[Scheme]:
    """A house and two coordinators; only the pages are up, so that what was lost stays lost until somebody presses."""
    password = accounts.hashed(password=servers.PASSWORD).value
    house = factories.house(rooms=3, now=clock.now(), name="Journey House")
    factories.on_the_rota("Rowan Ashby")
    duty = factories.on_the_rota("Pat Lindqvist", password_hash=password).email
    db.session.commit()
    with servers.web(database_url, tmp_path / "web.log", workers=1) as server:
        yield Scheme(server.url, "", "", duty, house)


class Three(NamedTuple):
    """Where two requests are found, and what a third is called: nothing that keeps a transaction open while a browser is slow."""

    held: str
    inside: str
    lost: str


def three(scheme: Scheme) -> Three:
    """One whom the house must answer for, one who lives there, and one whose text to the house was lost."""
    now, force = clock.now(), factories.force(name="Northmoor Police")
    factories.officer(of=force, name="Robin Teale")
    held, inside, lost = (
        factories.placement(by=factories.officer(of=force, name=name), now=now)
        for name in ("Alex Marsh", "Sam Holt", "Kit Brand")
    )
    house, officer = factories.house_actor(scheme.house.id), inside.referral.holder.actor()
    referrals.record(placement_id=inside.id, event=Event.CONFIRM, actor=house, facts={}, now=now)
    facts = {"eta_at": now + dt.timedelta(minutes=40)}
    referrals.record(placement_id=inside.id, event=Event.SET_OFF, actor=officer, facts=facts, now=now)
    referrals.record(placement_id=inside.id, event=Event.ARRIVE, actor=house, facts={}, now=now)
    for text in db.session.scalars(sa.select(Text)):
        text.state, text.supplier, text.sent_at, text.settled_at = MessageState.DELIVERED, "twilio", now, now
        if (text.placement_id, text.wording) == (lost.id, "asked"):
            text.state, text.error = MessageState.UNDELIVERED, "30003"
    said = "ok that should be fine for the second lady"
    inbox.receive(sid="SM1", sender=scheme.house.contacts[0].phone or "", body=said, now=now)
    found = Three(
        f"/duty/referrals/{held.referral_id}", f"/duty/referrals/{inside.referral_id}", lost.referral.spoken
    )
    db.session.commit()
    return found


@pytest.mark.parametrize(
    ("size", "javascript"),
    [(PHONE, True), (DESK, True), (PHONE, False)],
    ids=["telephone", "desk", "without JavaScript"],
)
def test_what_a_coordinator_does_between_two_calls(
    people: Callable[..., Person], scheme: Scheme, size: dict[str, int], javascript: bool
) -> None:
    held, inside, lost = three(scheme)
    desk = people(f"texts-{size['width']}", size=size, javascript=javascript)
    desk.sign_in(scheme.coordinator)
    desk.press("Send it again from Texts", role="link")
    desk.reads("Came in and not understood (1)")
    desk.begin()
    desk.press("Resend")
    desk.reads("It is on its way again.")
    desk.press(f"Yes to {lost}")
    desk.reads("Recorded.")
    assert desk.presses == 2, "a press for each"
    desk.press(lost, role="link")
    desk.reads("It meant: yes")
    desk.open("/duty/texts")
    desk.press("How many got through, and how soon", role="link")
    desk.press("See every text", role="link")

    desk.open(held)
    desk.reads("What happened")
    desk.press("Give the house longer")
    desk.choose("How long from now?", "20 minutes")
    desk.choose("Why do they need longer?", "They are asking their own staff")
    desk.press("Give the house longer")
    desk.reads("The house was given longer to answer")
    desk.press("Hand over to another officer")
    robin = desk.page.get_by_label("Who holds it from now on?").locator("option", has_text="Robin Teale")
    desk.page.get_by_label("Who holds it from now on?").select_option(robin.get_attribute("value"))
    desk.choose("Why?", "Shift handover")
    desk.press("Hand it over")
    desk.reads("A coordinator handed it to another officer")
    desk.open(inside)
    desk.press("Where they go next")
    desk.press("Another charity or refuge")
    desk.reads("Then: Another charity or refuge.")

    desk.open("/duty/rota")
    desk.reads("Nobody is on call now.")
    desk.press("Week after", role="link")
    desk.press("Add a shift")
    desk.page.get_by_label("Who").select_option(label="Pat Lindqvist")
    desk.page.get_by_label("Monday").check()
    desk.page.get_by_label("Tuesday").check()
    desk.page.get_by_label("From", exact=True).fill("20:00")
    desk.page.get_by_label("Until", exact=True).fill("08:00")
    desk.press("Put them on call")
    desk.reads("Pat Lindqvist is on call then.")
    desk.press("Give away", role="link")
    desk.page.get_by_label("Who takes it").select_option(label="Rowan Ashby")
    desk.press("Give it to them")
    desk.reads("Rowan Ashby has it now.")
    gap = desk.page.locator(".pos-rota .pos-gap").first
    assert gap.inner_text().startswith("Nobody, ")
    assert gap.evaluate("one => getComputedStyle(one).color") == "rgb(148, 37, 20)"
