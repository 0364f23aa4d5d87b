"""After RETENTION_DAYS nothing is left that tells of anybody, and the record is still whole."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from flask import Flask

from safety import invariants, referrals
from safety.extensions import db
from safety.models import AuditEvent, Referral, Text
from tests import factories
from tests.factories import NOW

DAY = dt.timedelta(days=1)


def closed() -> Referral:
    factories.house()
    referral = factories.referral(alias="Ash", incident="NP-1", support=("alcohol",))
    referrals.withdraw(referral_id=referral.id, actor=referral.holder.actor(), reason="elsewhere", now=NOW)
    db.session.execute(sa.update(Text).values(state="delivered"))
    db.session.commit()
    return referral


def test_a_closed_referral_is_kept_for_thirty_days(app: Flask) -> None:
    referral = closed()
    assert referrals.erase_closed(now=NOW + 30 * DAY) == 0
    assert referral.alias == "Ash"


def test_then_needs_phone_alias_incident_and_texts_are_gone(app: Flask) -> None:
    referral = closed()
    assert referrals.erase_closed(now=NOW + 30 * DAY + dt.timedelta(minutes=1)) == 1
    db.session.commit()
    row = db.session.execute(sa.text("SELECT * FROM referral")).mappings().one()
    assert [
        name for name, value in row.items() if name.endswith(("_sealed", "_index")) and value is not None
    ] == []
    assert db.session.scalars(sa.select(Text.body_sealed).where(Text.body_sealed.is_not(None))).all() == []
    assert (row["reference"], row["closed_reason"]) == (referral.reference, "elsewhere")
    assert referrals.erase_closed(now=NOW + 60 * DAY) == 0
    assert "erased" in db.session.scalars(sa.select(AuditEvent.what)).all()
    assert invariants.breaches(now=NOW + 60 * DAY) == []


def test_a_live_referral_is_never_erased(app: Flask) -> None:
    factories.house()
    referral = factories.referral(alias="Ash")
    assert referrals.erase_closed(now=NOW + 400 * DAY) == 0
    assert referral.alias == "Ash"
