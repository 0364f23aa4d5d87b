"""What the database itself refuses, whatever the code does; and sealed columns that fail closed."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import crypto, referrals
from safety.extensions import db, new_id
from safety.lifecycle import Event
from safety.models import Placement, Premises, Referral, Text
from tests import factories
from tests.factories import NOW


def copy_of(placement: Placement, **kept: object) -> dict[str, object]:
    row = {column.key: getattr(placement, column.key) for column in sa.inspect(Placement).columns}
    return row | {"id": new_id(), "code": "0001"} | kept


@pytest.mark.parametrize("promise", ["bedspace", "referral", "code"])
def test_one_live_placement_a_bedspace_a_referral_and_a_code(app: Flask, promise: str) -> None:
    factories.house(rooms=3)
    one, other = factories.placement(), factories.placement()
    house = db.session.scalars(sa.select(Premises)).one()
    taken = (one.bedspace_id, other.bedspace_id)
    free = next(bed.id for bed in house.bedspaces if bed.id not in taken)
    third = factories.referral(cohort="men")
    row = copy_of(one, referral_id=third.id, bedspace_id=free)
    same = {"bedspace": "bedspace_id", "referral": "referral_id", "code": "code"}[promise]
    row[same] = getattr(one, same)
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(sa.insert(Placement).values(**row))


@pytest.mark.parametrize(
    "change",
    [
        {"state": "asleep"},
        {"confirmed_by": "clock"},
        {"confirmed_at": NOW},
        {"state": "confirmed"},
        {"state": "lapsed"},
        {"state": "arrived", "confirmed_at": NOW, "confirmed_by": "clock"},
        {"onward": "somewhere"},
        {"premises_id": uuid.UUID(int=0)},
    ],
)
def test_a_placement_that_cannot_be_is_refused(app: Flask, change: dict[str, object]) -> None:
    factories.house()
    placement = factories.placement()
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(sa.update(Placement).where(Placement.id == placement.id).values(**change))
        db.session.flush()


@pytest.mark.parametrize(
    "change",
    [
        {"state": "closed"},
        {"state": "diverted"},
        {"outcode": None},
        {"state": "gone"},
        {"closed_by": "clock"},
    ],
)
def test_a_referral_that_cannot_be_is_refused(app: Flask, change: dict[str, object]) -> None:
    referral = factories.referral()
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(sa.update(Referral).where(Referral.id == referral.id).values(**change))


def test_one_form_makes_one_referral_even_for_the_database(app: Flask) -> None:
    one, other = factories.referral(), factories.referral()
    with pytest.raises(sa.exc.IntegrityError):
        values = {"opened_by_id": one.opened_by_id, "form_token": one.form_token}
        db.session.execute(sa.update(Referral).where(Referral.id == other.id).values(**values))


def test_what_is_sealed_is_not_in_the_database_in_plain(app: Flask) -> None:
    house = factories.house(address="7 Canary Example Row")
    factories.placement(alias="Canaryname", support=("drugs",), officer_phone="+447700900789")
    db.session.commit()
    everything = ""
    for table in db.metadata.sorted_tables:
        rows = db.session.execute(sa.select(sa.text("*")).select_from(table)).all()
        words = "\n".join(str(row) for row in rows)
        everything += words
        # What a house can manage is no secret; that a person needs it is.
        assert table.name == "premises" or "drugs" not in words
    for canary in ("Canary", "7700900789", house.contacts[0].phone):
        assert canary not in everything


def test_a_sealed_value_moved_to_another_row_or_altered_is_refused(app: Flask) -> None:
    one, other = factories.house(address="1 Example Row"), factories.house(address="2 Example Row")
    assert one.address == "1 Example Row"
    other.address_sealed = one.address_sealed
    with pytest.raises(crypto.SealBroken):
        _ = other.address
    one.meeting_point_sealed = one.address_sealed
    with pytest.raises(crypto.SealBroken):
        _ = one.meeting_point
    altered = one.address_sealed or ""
    one.address_sealed = altered[:-6] + ("A" if altered[-6] != "A" else "B") + altered[-5:]
    with pytest.raises(crypto.SealBroken):
        _ = one.address


def test_an_old_key_still_opens_and_the_new_one_seals(app: Flask) -> None:
    old = crypto.Ring({"a": b"a" * 32}, b"i" * 32)
    sealed = old.seal("words", "t.c.r")
    turned = crypto.Ring({"b": b"b" * 32, "a": b"a" * 32}, b"i" * 32)
    assert turned.open(sealed, "t.c.r") == "words"
    assert turned.seal("words", "t.c.r").startswith("v1.b.")
    with pytest.raises(crypto.SealBroken):
        crypto.Ring({"b": b"b" * 32}, b"i" * 32).open(sealed, "t.c.r")


def test_a_change_that_fails_half_way_leaves_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    house = factories.house()
    placement = factories.placement()
    db.session.commit()
    before = db.session.scalar(sa.select(sa.func.count()).select_from(Text))

    def fails(**_: object) -> None:
        raise RuntimeError("the outbox is full")

    monkeypatch.setattr("safety.placements.telling.outbox.queue", fails)
    with pytest.raises(RuntimeError):
        referrals.record(
            placement_id=placement.id,
            event=Event.CONFIRM,
            actor=factories.house_actor(house.id),
            facts={},
            now=NOW,
        )
    db.session.rollback()
    db.session.expire_all()
    assert placement.state == "held" and placement.confirmed_at is None
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Text)) == before


def test_no_time_is_stored_without_its_zone(app: Flask) -> None:
    house = factories.house()
    bare = NOW.replace(tzinfo=None)
    with pytest.raises(sa.exc.StatementError, match="zone"):
        db.session.execute(sa.update(Premises).where(Premises.id == house.id).values(reported_at=bare))
