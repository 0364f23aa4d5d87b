"""Migrations on a database that has something in it: what was there is there afterwards, and nobody is let in by a step back."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from flask import Flask
from flask_migrate import downgrade, upgrade

from safety import attestation, audit, clock, people
from safety.extensions import db
from safety.models import CallBack, Premises, User
from tests import factories
from tests.factories import NOW


def back_and_on(revision: str, meanwhile: str = "", **values: object) -> None:
    """Step back to before a revision, do something there in SQL, and on again."""
    db.session.commit()
    db.session.remove()
    downgrade(revision=revision)
    if meanwhile:
        with db.engine.begin() as connection:
            connection.execute(sa.text(meanwhile), values)
    upgrade()


def test_houses_of_one_name_are_told_apart_when_names_have_to_be(app: Flask) -> None:
    first = factories.house(name="Heron House")
    provider = first.provider
    for name in ("Wren House", "Heron House 2"):
        factories.house(provider=provider, name=name)
    back_and_on("0005", "UPDATE premises SET name = 'Heron House' WHERE name = 'Wren House'")
    assert sorted(db.session.scalars(sa.select(Premises.name))) == [
        "Heron House",
        "Heron House 2",
        "Heron House 3",
    ]


def test_a_step_back_and_on_lets_in_nobody_whose_force_was_not_rung(app: Flask) -> None:
    by_hand, invited, rung, doubted = (factories.officer(confirmed=False) for _ in range(4))
    for user in (invited, rung):
        audit.record(what="invitation_used", by="x", now=NOW, facts={"account": user.id})
    people.confirm(user_id=rung.id, by="x", now=NOW)
    people.confirm(user_id=doubted.id, by="x", now=NOW)
    doubted.disabled_at, doubted.disabled_by = NOW, "x"
    people.open_again(user_id=doubted.id, by="x", now=NOW)
    ids: dict[uuid.UUID, str] = {by_hand.id: "by hand", invited.id: "invited", rung.id: "rung"}
    back_and_on("0005")
    checked = {ids.get(one, "doubted") for one in db.session.scalars(sa.select(CallBack.user_id))}
    assert checked == {"by hand", "rung"}


def test_nobody_is_shut_out_by_the_day_on_which_it_is_first_asked_who_still_needs_their_account(
    app: Flask,
) -> None:
    now = clock.now()
    old = factories.officer(created_at=now - dt.timedelta(days=400)).id
    said = factories.officer(attested_at=NOW, attested_by="user:" + "0" * 32).id
    assert attestation.paused(db.session.get_one(User, old), now)
    back_and_on("0021")
    assert not attestation.paused(db.session.get_one(User, old), clock.now())
    assert db.session.get_one(User, said).attested_at == NOW
