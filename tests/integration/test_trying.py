"""Whoever texts again and again what is not theirs to say is told to a coordinator, and wakes nobody."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable

import pytest
from flask import Flask

from safety import duty, inbox
from safety.extensions import db
from safety.lifecycle import State
from safety.models import Alert, AlertKind, Placement, Premises
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, words

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
STRANGER, ANOTHER = "+447700900998", "+447700900997"
pytestmark = pytest.mark.usefixtures("cheap", "clock")


@pytest.fixture
def send(app: Flask) -> Callable[..., None]:
    sids = itertools.count()

    def text(sender: str, body: str, now: dt.datetime = NOW) -> None:
        inbox.receive(sid=f"SM{next(sids)}", sender=sender, body=body, now=now)

    return text


def standing() -> list[Alert]:
    return [alert for alert in duty.open_alerts() if alert.kind == AlertKind.NOT_THEIRS]


def placed() -> Placement:
    factories.house()
    return factories.placement()


def mobile(house: Premises) -> str:
    return house.contacts[0].phone or ""


def test_the_fifth_text_with_somebody_elses_code_alerts_and_four_do_not(app, send):
    placement, other = placed(), factories.house(cohort="men")
    for turn in range(4):
        send(mobile(other), f"YES {placement.code}", NOW + turn * 10 * MINUTE)
    assert standing() == []
    send(mobile(other), f"NO {placement.code}", NOW + 41 * MINUTE)
    (alert,) = standing()
    assert alert.subject == inbox.whose(mobile(other)).by and not alert.urgent
    send(mobile(other), f"NO {placement.code}", NOW + 42 * MINUTE)
    assert len(standing()) == 1 and placement.state == State.HELD


def test_four_in_an_hour_and_one_later_are_slips(app, send):
    placement, other = placed(), factories.house(cohort="men")
    for at in (0, 10, 20, 30, 61):
        send(mobile(other), f"YES {placement.code}", NOW + at * MINUTE)
    assert standing() == []


def test_numbers_we_do_not_know_are_one_trouble_whatever_many_they_are(app, send):
    for turn, sender in enumerate((STRANGER, ANOTHER, "85258", "Anonymous", STRANGER, ANOTHER)):
        send(sender, "BEDS 3", NOW + turn * MINUTE)
    assert [alert.subject for alert in standing()] == ["phones:unknown"]


def test_chatter_and_advertising_of_strangers_alert_nobody(app, send):
    for turn in range(8):
        send(STRANGER, ("Hello", "STOP", "INFO", "You have won a prize")[turn % 4], NOW + turn * MINUTE)
    assert standing() == []


def test_what_a_house_may_say_and_what_it_mistypes_alert_nobody(app, send):
    house = factories.house(rooms=3)
    for turn in range(8):
        send(mobile(house), f"BEDS {turn % 3}" if turn % 2 else "what", NOW + turn * MINUTE)
    assert standing() == []


def test_it_is_over_a_day_after_the_last_of_them_and_not_before(app, send):
    for turn in range(5):
        send(STRANGER, "YES 4821", NOW + turn * MINUTE)
    last = NOW + 4 * MINUTE
    assert not inbox.trying.due(now=last + 23 * HOUR)
    send(STRANGER, "YES 4821", last + 23 * HOUR)
    assert not inbox.trying.due(now=last + 25 * HOUR)
    assert inbox.trying.due(now=last + 47 * HOUR)
    inbox.trying.tend(now=last + 47 * HOUR)
    assert standing() == [] and not inbox.trying.due(now=last + 47 * HOUR)


def test_the_board_says_whose_telephone_it_is_or_that_nobody_knows_and_shows_no_number(app, send):
    placement, other = placed(), factories.house(cohort="men", name="Gorse House")
    for _ in range(5):
        send(mobile(other), f"YES {placement.code}")
        send(STRANGER, f"YES {placement.code}")
    desk = Visitor(app.test_client()).sign_in(factories.on_the_rota("Kim"))
    page = words(desk.get("/duty"))
    assert "It came from the house Gorse House" in page
    assert "They came from numbers we do not know, and were not answered." in page
    assert "900998" not in page and mobile(other)[-6:] not in page
    db.session.rollback()
