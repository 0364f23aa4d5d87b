"""The demonstration scheme: complete, consistent at any hour, invented throughout, and never in production."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import (
    accounts,
    audit,
    demo,
    forces,
    geography,
    invariants,
    matching,
    premises,
    referrals,
    workdays,
)
from safety.extensions import db
from safety.lifecycle import ReferralState, Role, State
from safety.models import (
    Alert,
    AlertKind,
    Bedspace,
    Contact,
    Force,
    MessageState,
    Placement,
    Premises,
    Provider,
    Referral,
    SimulatedText,
    Text,
    User,
)
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("cheap")

DRAMA = re.compile(r"\+44(7700900\d{3}|1134960\d{3}|2079460\d{3}|1632960\d{3})")


def count(model) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def everything() -> dict[str, int]:
    return {
        table.name: db.session.scalar(sa.select(sa.func.count()).select_from(table))
        for table in db.metadata.sorted_tables
    }


# By day, by night, over both clock changes, at a weekend and over Easter.
@pytest.mark.parametrize(
    "now",
    [
        NOW,
        NOW.replace(hour=3, minute=10),
        dt.datetime(2027, 3, 28, 1, 15, tzinfo=dt.UTC),
        dt.datetime(2027, 3, 27, 23, 50, tzinfo=dt.UTC),
        dt.datetime(2027, 10, 31, 1, 20, tzinfo=dt.UTC),
        dt.datetime(2027, 8, 1, 12, 0, tzinfo=dt.UTC),
    ],
    ids=lambda now: f"{now:%d-%b-%H%M}",
)
def test_the_demonstration_stands_as_described_at_any_hour(app: Flask, now: dt.datetime) -> None:
    demo.load(now=now)
    assert (count(Provider), count(Premises), count(Bedspace)) == (4, 9, 40)
    regions = db.session.scalars(sa.select(Premises.region)).all()
    assert {region: regions.count(region) for region in regions} == {
        "Yorkshire and the Humber": 3,
        "North West": 3,
        "London": 3,
    }
    states = sorted(db.session.scalars(sa.select(Placement.state)))
    assert states == sorted(
        [
            State.HELD,
            State.HELD,
            State.CONFIRMED,
            State.CONFIRMED,
            State.ARRIVED,
            State.DEPARTED,
            State.DECLINED,
        ]
    )
    road = db.session.scalars(
        sa.select(Placement).where(Placement.set_off_at.is_not(None), Placement.ended_at.is_(None))
    )
    assert sorted(placement.state for placement in road) == [State.ARRIVED, State.CONFIRMED]
    assert [row.state for row in db.session.scalars(sa.select(Referral))].count(ReferralState.SEARCHING) == 1
    assert [alert.kind for alert in db.session.scalars(sa.select(Alert).where(Alert.ended_at.is_(None)))] == [
        AlertKind.NOTHING_FITS
    ]
    assert list(invariants.breaches(now=now)) == []
    assert audit.verify() == []


def test_no_deadline_of_the_demonstration_is_over_when_it_is_loaded(app: Flask) -> None:
    demo.load(now=NOW)
    swept = referrals.sweep(now=NOW)
    assert (swept.released, swept.placed, swept.failed) == (0, 0, 0)
    # The family's stay ends within a day, which is no deadline of anybody's: the board says so at once.
    kinds = db.session.scalars(sa.select(Alert.kind).where(Alert.ended_at.is_(None)))
    assert set(kinds) <= {AlertKind.NOTHING_FITS, AlertKind.STAY_ENDING, AlertKind.ONWARD_UNKNOWN}


def test_every_text_of_the_days_before_was_delivered_and_stands_on_a_telephone(app: Flask) -> None:
    demo.load(now=NOW)
    texts = db.session.scalars(sa.select(Text)).all()
    assert texts and {text.state for text in texts} == {MessageState.DELIVERED}
    assert count(SimulatedText) == len(texts)


def test_the_houses_differ_as_real_ones_do(app: Flask) -> None:
    demo.load(now=NOW)
    houses = db.session.scalars(sa.select(Premises)).all()
    fresh = {matching.freshness(house.reported_at, NOW, fresh_h=8, stale_h=24) for house in houses}
    assert fresh == set(matching.Freshness)
    assert {house.cohort for house in houses} == {"women", "men", "either"}
    assert [house.accepts_unasked for house in houses].count(True) == 1
    assert [house.accepting for house in houses].count(False) == 1
    assert len({str(house.admits) for house in houses}) >= 4
    assert all(len(house.contacts) == 2 and premises.on_call(house, NOW) for house in houses)
    rooms = db.session.scalars(sa.select(Bedspace)).all()
    assert {room.sleeps for room in rooms} == {1, 2, 3, 4, 5}
    assert any(room.self_contained and "cot" in room.features for room in rooms)
    assert any("step_free" in room.features for room in rooms)
    assert len(premises.out_now(NOW)) == 3
    assert {room.group.letter for room in rooms} == set("WMFS")


def test_people_of_every_role_sign_in_with_the_one_password(app: Flask) -> None:
    demo.load(now=NOW)
    assert {user.role for user in db.session.scalars(sa.select(User))} == {
        role for role in Role if role is not Role.CLOCK
    }
    db.session.rollback()
    for account in demo.accounts_to_try():
        claim = accounts.claim(email=account.email)
        db.session.rollback()
        assert accounts.matches(claim=claim, password=demo.PASSWORD), account.email


def test_whoever_is_on_call_has_the_telephone_the_alerts_go_to(app: Flask) -> None:
    demo.load(now=NOW)
    duty = db.session.scalars(sa.select(User).where(User.email == "duty@scheme.example")).one()
    assert duty.phone == app.config["ON_CALL_MOBILE"]


def test_nobody_can_be_rung_by_mistake(app: Flask) -> None:
    demo.load(now=NOW)
    demo.scale(houses=60, now=NOW)
    numbers = [contact.phone for contact in db.session.scalars(sa.select(Contact))]
    numbers += [user.phone for user in db.session.scalars(sa.select(User)) if user.phone]
    assert all(DRAMA.fullmatch(number) for number in numbers)
    assert len(set(numbers)) == len(numbers)
    boards = [force.switchboard for force in db.session.scalars(sa.select(Force)) if force.switchboard]
    assert len(boards) == 3
    assert all(DRAMA.fullmatch("+44" + board.replace(" ", "")[1:]) for board in boards)


def test_the_people_belong_to_invented_forces_only(app: Flask) -> None:
    demo.load(now=NOW)
    forces = {user.force.name for user in db.session.scalars(sa.select(User)) if user.force}
    assert len(forces) == 3 and all(name.startswith("Demo ") for name in forces)


def test_the_whole_table_of_forces_is_loaded_once(app: Flask) -> None:
    assert forces.load(by="operator", now=NOW) == [row.name for row in geography.forces()]
    assert forces.load(by="operator", now=NOW) == []
    known = {force.slug: force for force in db.session.scalars(sa.select(Force))}
    for row in geography.forces():
        force = known[row.slug]
        assert (force.name, force.nation, force.kind) == (row.name, row.nation, row.kind)
        assert force.duty_to_notify is (row.duty_to_notify is True)
        assert force.switchboard is None
    demo.load(now=NOW)
    assert count(Force) == len(geography.forces()) + 3


def test_loaded_twice_is_loaded_once_and_reset_starts_over(app: Flask) -> None:
    demo.load(now=NOW)
    before = everything()
    with pytest.raises(demo.NotEmpty):
        demo.load(now=NOW)
    assert everything() == before
    demo.forget()
    assert set(everything().values()) == {0}
    demo.load(now=NOW)
    assert everything() == before


def test_production_refuses_every_part_that_invents_or_forgets(app: Flask) -> None:
    demo.load(now=NOW)
    before = everything()
    app.config["SETTINGS"] = dataclasses.replace(app.config["SETTINGS"], POS_ENV="production")
    for invented in (lambda: demo.load(now=NOW), lambda: demo.scale(now=NOW), demo.forget):
        with pytest.raises(demo.NotHere):
            invented()
    assert everything() == before


def test_the_scheme_grows_the_same_way_for_the_same_seed(app: Flask) -> None:
    demo.load(now=NOW)
    assert demo.scale(houses=60, seed=3, now=NOW) == 51
    assert demo.scale(houses=60, seed=3, now=NOW) == 0
    houses = db.session.scalars(sa.select(Premises).order_by(Premises.name)).all()
    assert len(houses) == 60
    assert {house.nation for house in houses} <= set(workdays.CALENDARS)
    assert all(geography.find(house.outcode).in_use for house in houses)
    first = [(house.name, house.outcode, house.cohort) for house in houses]
    demo.forget()
    demo.load(now=NOW)
    demo.scale(houses=60, seed=3, now=NOW)
    again = db.session.scalars(sa.select(Premises).order_by(Premises.name)).all()
    assert [(house.name, house.outcode, house.cohort) for house in again] == first
    assert list(invariants.breaches(now=NOW)) == []


def test_the_command_prints_the_accounts_and_keeps_what_is_there(app: Flask) -> None:
    if "demo" not in app.cli.commands:
        demo.init_app(app)
    runner = app.test_cli_runner()
    done = runner.invoke(args=["demo"])
    assert done.exit_code == 0, done.output
    for account in demo.accounts_to_try():
        assert account.email in done.output
    assert demo.PASSWORD in done.output and "What to try first" in done.output
    kept = everything()
    assert "nothing was loaded" in runner.invoke(args=["demo"]).output
    assert everything() == kept
    references = set(db.session.scalars(sa.select(Referral.reference)))
    db.session.rollback()
    assert runner.invoke(args=["demo", "--reset"]).exit_code == 0
    db.session.expire_all()
    assert set(db.session.scalars(sa.select(Referral.reference))).isdisjoint(references)
