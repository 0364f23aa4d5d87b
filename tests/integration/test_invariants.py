"""`flask check` names each breach: every invariant is broken by hand once and must be seen."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import audit, bedspaces, invariants, invitations, referrals
from safety.extensions import db
from safety.lifecycle import Event, Role
from safety.models import Alert, Ask, AuditEvent, Force, Placement, Premises, Text
from safety.referrals import compromised
from tests import factories
from tests.factories import NOW


def a_night() -> Placement:
    """One placement confirmed and on the road, one held, one lapsed: a database in which every invariant holds."""
    house = factories.house(rooms=3)
    lapsed = factories.placement(now=NOW - dt.timedelta(minutes=20))
    referrals.sweep(now=lapsed.answer_by)
    placement = factories.placement()
    staff = factories.house_actor(house.id)
    referrals.record(placement_id=placement.id, event=Event.CONFIRM, actor=staff, facts={}, now=NOW)
    officer = placement.referral.holder.actor()
    eta = {"eta_at": NOW + dt.timedelta(minutes=30)}
    referrals.record(placement_id=placement.id, event=Event.SET_OFF, actor=officer, facts=eta, now=NOW)
    factories.placement()
    db.session.execute(sa.update(Text).values(state="delivered"))
    db.session.commit()
    return placement


def without(name: str, table: str) -> None:
    """Drop a promise of the database, so that the check is what must notice."""
    if db.engine.dialect.name == "sqlite" and name.startswith("ck_"):
        db.session.execute(sa.text("PRAGMA ignore_check_constraints=ON"))
    elif name.startswith("ck_"):
        db.session.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    elif name.startswith("uq_referral"):
        if db.engine.dialect.name == "postgresql":
            db.session.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    else:
        db.session.execute(sa.text(f"DROP INDEX {name}"))


def two_in_one_bed(placement: Placement) -> None:
    without("uq_placement_live_bedspace", "placement")
    other = db.session.scalars(sa.select(Placement).where(Placement.state == "held")).first()
    db.session.execute(
        sa.update(Placement).where(Placement.id == other.id).values(bedspace_id=placement.bedspace_id)
    )


def out_of_service_under_somebody(placement: Placement) -> None:
    db.session.execute(sa.text("UPDATE bedspace SET retired_at = :at"), {"at": "2027-01-01 00:00:00"})


def placed_without_a_bed(placement: Placement) -> None:
    referral = factories.referral(cohort="men")
    db.session.execute(
        sa.text("UPDATE referral SET state = 'placed' WHERE reference = :one"), {"one": referral.reference}
    )


def opened_and_not_recorded(placement: Placement) -> None:
    db.session.execute(
        sa.delete(AuditEvent).where(
            AuditEvent.what == "open", AuditEvent.referral_id == placement.referral_id
        )
    )


def changed_without_audit(placement: Placement) -> None:
    db.session.execute(sa.delete(AuditEvent).where(AuditEvent.what == "set_off"))


def confirmed_without_text(placement: Placement) -> None:
    db.session.execute(sa.delete(Text).where(Text.wording == "confirmed"))


def text_past_its_worth(placement: Placement) -> None:
    db.session.execute(
        sa.update(Text)
        .where(Text.wording == "confirmed")
        .values(state="queued", worthless_at=NOW - dt.timedelta(hours=1))
    )


def lost_and_nobody_told(placement: Placement) -> None:
    db.session.execute(sa.update(Text).where(Text.wording == "confirmed").values(state="failed"))


def off_the_table(placement: Placement) -> None:
    db.session.execute(
        sa.update(AuditEvent)
        .where(AuditEvent.what == "confirm", AuditEvent.placement_id == placement.id)
        .values(what="depart")
    )


def lapsed_early(placement: Placement) -> None:
    db.session.execute(
        sa.update(Placement).where(Placement.state == "lapsed").values(answer_by=NOW + dt.timedelta(hours=1))
    )


def held_for_ever(placement: Placement) -> None:
    db.session.execute(
        sa.update(Placement).where(Placement.state == "held").values(answer_by=NOW - dt.timedelta(minutes=2))
    )


def asked(placement: Placement) -> Ask:
    """Somebody searches, and a house was asked to make room for them."""
    house = factories.house(cohort="men")
    bedspaces.take_out(bedspace_id=house.bedspaces[0].id, reason="full", until=None, by="clock", now=NOW)
    searching = factories.referral(cohort="men")
    (ask,) = referrals.ask_everybody(searching, by="clock", now=NOW)
    assert not [line for line in invariants.breaches(now=NOW) if " ask " in line]
    return ask


def asked_for_somebody_who_has_a_bed(placement: Placement) -> None:
    asked(placement).referral_id = placement.referral_id


def one_code_for_two_things(placement: Placement) -> None:
    asked(placement).code = placement.code


def asked_for_ever(placement: Placement) -> None:
    ask = asked(placement)
    ask.asked_at, ask.answer_by = NOW - dt.timedelta(hours=1), NOW - dt.timedelta(minutes=2)


def both_places_at_once(placement: Placement) -> None:
    pat = factories.on_the_rota()
    factories.shift(pat)
    factories.shift(factories.on_the_rota(), place=2).user_id = pat.id


def an_officer_on_call(placement: Placement) -> None:
    factories.shift(factories.on_the_rota()).user_id = placement.referral.holder_id


MARKED = {
    "compromised_at": NOW,
    "compromised_by": "clock",
    "compromised_reason": "watched",
    "compromised_version": 1,
}


def promised_where_it_is_not_safe(placement: Placement) -> None:
    db.session.execute(sa.update(Premises).values(**MARKED))


def sent_where_it_is_not_safe(placement: Placement) -> None:
    """They are on the road by now, so the promise alone would look right."""
    house = placement.premises_id
    compromised.mark(premises_id=house, reason="watched", actor=factories.coordinator_actor(), now=NOW)
    db.session.execute(sa.update(Premises).values(dict.fromkeys(MARKED)))
    sent = factories.placement()
    db.session.execute(sa.update(Premises).values(**MARKED))
    db.session.execute(
        sa.update(Placement)
        .where(Placement.state == "held")
        .values(state="confirmed", confirmed_at=NOW, confirmed_by="clock", set_off_at=NOW, set_off_by="clock")
    )
    assert sent.premises_id == house


def asked_where_it_is_not_safe(placement: Placement) -> None:
    house = asked(placement).premises_id
    db.session.execute(sa.update(Premises).where(Premises.id == house).values(**MARKED))


def nobody_told_who_is_where_it_is_not_safe(placement: Placement) -> None:
    house = placement.premises_id
    compromised.mark(premises_id=house, reason="watched", actor=factories.coordinator_actor(), now=NOW)
    db.session.execute(sa.update(Alert).values(ended_at=NOW))
    db.session.execute(sa.update(Placement).values(last_at=NOW - dt.timedelta(minutes=2)))


def a_plan_held_in_part(placement: Placement) -> None:
    audit.record(what="placed_with_others", by="clock", now=NOW, placement_id=placement.id)
    audit.record(what="operation_placed", by="clock", now=NOW, facts={"beds": 2})


def a_plan_never_recorded(placement: Placement) -> None:
    audit.record(what="placed_with_others", by="clock", now=NOW, placement_id=placement.id)


def gone_and_still_there(placement: Placement) -> None:
    placement.onward = "own"


def into_another(placement: Placement) -> Force:
    """The force of this placement is over, and of what belongs to it only accounts went along."""
    force = db.session.get_one(Force, placement.referral.force_id)
    force.succeeded_by_id, force.valid_to = factories.force().id, NOW.date()
    return force


def an_account_left_behind(placement: Placement) -> None:
    force = into_another(placement)
    placement.referral.force_id = force.succeeded_by_id


def a_referral_left_behind(placement: Placement) -> None:
    force = into_another(placement)
    placement.referral.holder.force_id = force.succeeded_by_id


def an_invitation_left_behind(placement: Placement) -> None:
    number = factories.phone()
    guest = invitations.Guest(
        email="new@force.police.uk",
        name="Al Newby",
        role=Role.OFFICER,
        force_id=placement.referral.force_id,
        collar_number="88",
        phone=number,
    )
    invitations.invite(guest=guest, by="operator", now=NOW)
    into_another(placement)


def round_to_itself(placement: Placement) -> None:
    one, other = into_another(placement), factories.force(valid_to=NOW.date())
    one.succeeded_by_id = other.id
    db.session.flush()
    other.succeeded_by_id = one.id


BROKEN: dict[str, tuple[Callable[[Placement], None], str]] = {
    "two people in one bed": (two_in_one_bed, "I1: bedspace"),
    "a bed out of service with somebody in it": (out_of_service_under_somebody, "I1: placement"),
    "placed without a bed": (placed_without_a_bed, "I2: referral"),
    "opened and not recorded": (opened_and_not_recorded, "I2: referral"),
    "changed without audit": (changed_without_audit, "I3: placement"),
    "confirmed without text": (confirmed_without_text, "I3: placement"),
    "a text past its worth": (text_past_its_worth, "I4: text"),
    "a critical text lost": (lost_and_nobody_told, "I4: critical"),
    "off the table": (off_the_table, "I5: placement"),
    "lapsed early": (lapsed_early, "I6: placement"),
    "held for ever": (held_for_ever, "I6: placement"),
    "asked for somebody who has a bed": (asked_for_somebody_who_has_a_bed, "I5: ask"),
    "one code for two things": (one_code_for_two_things, "I5: ask"),
    "asked for ever": (asked_for_ever, "I6: ask"),
    "first and second at once": (both_places_at_once, "I13: shift"),
    "an officer on call": (an_officer_on_call, "I13: shift"),
    "promised where it is not safe": (promised_where_it_is_not_safe, "I14: placement"),
    "sent where it is not safe": (sent_where_it_is_not_safe, "I14: placement"),
    "asked where it is not safe": (asked_where_it_is_not_safe, "I14: ask"),
    "nobody told who is where it is not safe": (nobody_told_who_is_where_it_is_not_safe, "I14: house"),
    "a plan held in part": (a_plan_held_in_part, "I15: a plan"),
    "a plan never recorded": (a_plan_never_recorded, "I15: 1 beds"),
    "gone and still there": (gone_and_still_there, "I5: placement"),
    "an account left behind": (an_account_left_behind, "I16: account"),
    "a referral left behind": (a_referral_left_behind, "I16: referral"),
    "an invitation left behind": (an_invitation_left_behind, "I16: invitation"),
    "a force that comes round to itself": (round_to_itself, "I16: force"),
}


def test_all_invariants_hold_over_a_night(app: Flask) -> None:
    a_night()
    assert invariants.breaches(now=NOW) == []


@pytest.mark.parametrize("name", BROKEN)
def test_each_breach_is_named(app: Flask, name: str) -> None:
    breaking, named = BROKEN[name]
    placement = a_night()
    breaking(placement)
    db.session.flush()
    db.session.expire_all()
    found = invariants.breaches(now=NOW)
    db.session.rollback()
    assert any(line.startswith(named) for line in found), found


def test_the_command_exits_non_zero_and_names_the_breach(app: Flask) -> None:
    a_night()
    runner = app.test_cli_runner()
    # The night of the test is long past, so nothing may still be held by the real clock.
    db.session.execute(
        sa.update(Placement).values(
            answer_by=NOW + dt.timedelta(days=36500), arrive_by=NOW + dt.timedelta(days=36500)
        )
    )
    db.session.execute(sa.update(Text).values(worthless_at=NOW + dt.timedelta(days=36500)))
    db.session.execute(
        sa.update(Placement).where(Placement.state == "lapsed").values(answer_by=NOW - dt.timedelta(days=1))
    )
    db.session.commit()
    good = runner.invoke(args=["check"])
    assert good.exit_code == 0, good.output
    confirmed_without_text(db.session.scalars(sa.select(Placement)).first())
    db.session.commit()
    bad = runner.invoke(args=["check"])
    assert bad.exit_code == 1 and "I3: placement" in bad.output


def test_the_chain_shows_an_edit_a_deletion_and_an_insertion(app: Flask) -> None:
    a_night()
    later = NOW + dt.timedelta(hours=1)
    assert audit.seal(now=later) > 5 and audit.seal(now=later) == 0
    assert audit.verify() == []
    db.session.execute(
        sa.update(AuditEvent).where(AuditEvent.what == "confirm").values(by="user:" + uuid.uuid4().hex)
    )
    assert any("not as it was sealed" in line for line in audit.verify())
    db.session.rollback()
    gone = db.session.scalar(sa.text("SELECT position FROM audit_seal WHERE position = 3"))
    db.session.execute(sa.text("DELETE FROM audit_seal WHERE position = :gone"), {"gone": gone})
    assert any("link 3 is missing" in line for line in audit.verify())
    db.session.rollback()
