"""Houses whose word about their beds has gone stale: asked, in their hours, not too often, and not for ever. On both databases."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import beds, duty, freshness, jobs, matching, premises
from safety.crypto import ring
from safety.extensions import db
from safety.models import AlertKind, Contact, Premises, Text
from tests import factories
from tests.factories import NOW

HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
# NOW is 14:00 in winter; a house that said something at 10:00 yesterday is stale, and it is day.
STALE = NOW - 28 * HOUR


@pytest.fixture
def house(app: Flask) -> Premises:
    return factories.house(rooms=2, reported_at=STALE)


def second_phone(house: Premises, **kept: str) -> str:
    number = factories.phone()
    db.session.add(
        Contact(
            premises_id=house.id, position=2, phone=number, phone_index=ring().index("phone", number), **kept
        )
    )
    db.session.flush()
    db.session.refresh(house)
    return number


def told() -> list[str]:
    """To whom the question went, in order."""
    asked = sa.select(Text).where(Text.wording == "figures_asked").order_by(Text.queued_at)
    return [text.to for text in db.session.scalars(asked)]


def say(house: Premises, now: dt.datetime) -> None:
    beds.same(premises_id=house.id, by="clock", via="text", now=now)


def test_a_house_that_went_stale_is_asked_once_and_not_again_within_four_hours(house: Premises) -> None:
    assert freshness.due(now=NOW)
    assert freshness.ask(now=NOW) == 1
    text = db.session.scalars(sa.select(Text)).one()
    assert text.to == house.contacts[0].phone
    assert text.body.startswith(
        "Places of Safety: your figures are old. Still W2 free? Reply SAME, or BEDS W2"
    )
    assert not freshness.due(now=NOW)
    assert freshness.ask(now=NOW + 4 * HOUR - dt.timedelta(seconds=1)) == 0
    assert freshness.ask(now=NOW + 4 * HOUR) == 1


def test_a_house_whose_word_is_not_old_yet_is_left_in_peace(app: Flask) -> None:
    factories.house(reported_at=NOW - 24 * HOUR + dt.timedelta(seconds=1))
    assert not freshness.due(now=NOW) and freshness.ask(now=NOW) == 0


def test_a_house_that_never_said_anything_is_asked(app: Flask) -> None:
    factories.house(reported_at=None, reported_by=None, reported_via=None)
    assert freshness.ask(now=NOW) == 1


@pytest.mark.parametrize("hours", [("08:00", "20:00"), ("16:00", "04:00")])
def test_nobody_is_asked_outside_the_hours_they_gave(house: Premises, hours: tuple[str, str]) -> None:
    house.questions_from, house.questions_to = hours
    in_hours = [hour for hour in range(24) if premises.within(*hours, NOW + hour * HOUR)]
    assert len(in_hours) == 12
    for hour in range(24):
        house.figures_asked, house.figures_asked_at = 0, None
        assert freshness.ask(now=NOW + hour * HOUR) == (1 if hour in in_hours else 0), hour


def test_hours_are_those_of_the_uk_clock_in_summer_too(app: Flask) -> None:
    summer = dt.datetime(2027, 7, 14, 19, 0, tzinfo=dt.UTC)  # 20:00 by the clock
    factories.house(now=summer, reported_at=summer - 30 * HOUR)
    assert freshness.ask(now=summer) == 0
    assert freshness.ask(now=summer - dt.timedelta(minutes=1)) == 1


def test_after_two_questions_in_vain_the_next_telephone_is_asked_and_then_a_coordinator_knows(
    house: Premises,
) -> None:
    house.questions_from = house.questions_to = "00:00"
    other = second_phone(house)
    for hours in (0, 4, 8, 12, 16, 20):
        freshness.ask(now=NOW + hours * HOUR)
    first = house.contacts[0].phone
    assert told() == [first, first, other]
    alert = duty.open_alerts()[0]
    assert (alert.kind, alert.subject, alert.urgent) == (AlertKind.STALE, f"premises:{house.id.hex}", False)
    assert alert.raised_at == NOW + 12 * HOUR, "it waits for the last answer as long as for the others"


def test_a_house_with_one_telephone_is_not_asked_a_third_time_by_it(house: Premises) -> None:
    house.questions_from = house.questions_to = "00:00"
    for hours in (0, 4, 8, 12):
        freshness.ask(now=NOW + hours * HOUR)
    assert told() == [house.contacts[0].phone] * 2
    assert [alert.kind for alert in duty.open_alerts()] == [AlertKind.STALE]


def test_an_answer_ends_the_alert_and_the_next_time_begins_anew(house: Premises) -> None:
    house.questions_from = house.questions_to = "00:00"
    for hours in (0, 4, 8, 12):
        freshness.ask(now=NOW + hours * HOUR)
    answered = NOW + 13 * HOUR
    say(house, answered)
    assert duty.open_alerts() == []
    assert not freshness.due(now=answered + 23 * HOUR)
    freshness.ask(now=answered + 24 * HOUR)
    assert told() == [house.contacts[0].phone] * 3, "the first telephone again"


@pytest.mark.parametrize("how", ["closed", "compromised", "no rooms"])
def test_a_house_nobody_is_sent_to_is_not_asked_and_its_alert_ends(house: Premises, how: str) -> None:
    house.questions_from = house.questions_to = "00:00"
    for hours in (0, 4, 8, 12):
        freshness.ask(now=NOW + hours * HOUR)
    if how == "closed":
        house.accepting, house.accepting_reason = False, "staff"
    elif how == "compromised":
        house.compromised_at, house.compromised_by = NOW, "clock"
    else:
        for room in house.bedspaces:
            room.retired_at = NOW
    db.session.flush()
    assert freshness.due(now=NOW + 13 * HOUR)
    assert freshness.ask(now=NOW + 13 * HOUR) == 0
    assert duty.open_alerts() == [] and not freshness.due(now=NOW + 13 * HOUR)


def test_a_house_that_was_closed_until_a_time_that_is_over_is_asked(house: Premises) -> None:
    house.accepting, house.accepting_reason, house.accepting_until = False, "staff", NOW
    assert not freshness.due(now=NOW - MINUTE)
    assert freshness.ask(now=NOW) == 1


def test_a_stale_house_is_offered_last_and_never_accepts_without_asking(house: Premises) -> None:
    house.accepts_unasked = True
    far = factories.house(rooms=1, outcode="LS29")
    placement = factories.placement()
    assert placement.premises_id == far.id, "a fresh house further away goes first"
    second = factories.placement()
    assert (second.premises_id, second.state) == (house.id, "held"), "asked, though it accepts without asking"
    room = next(room for room in premises.rooms(NOW) if room.premises_id == house.id)
    assert room.freshness is matching.Freshness.STALE


def test_the_job_asks_and_the_next_round_of_any_process_does_not(
    house: Premises, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.session.commit()
    monkeypatch.setattr("safety.clock.now", lambda: NOW)
    for _ in range(3):
        jobs.ask_for_figures(jobs.this_process())
    assert told() == [house.contacts[0].phone]
