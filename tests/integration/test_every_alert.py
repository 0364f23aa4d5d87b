"""Every kind of alert: raised by its cause, told, on the board, climbing until somebody takes it, and over with its cause.

A kind without a row here fails, and so does one whose row has no cause, no words, no line or no end.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask, current_app
from werkzeug.test import TestResponse

from safety import (
    beds,
    duty,
    heartbeats,
    houses,
    inbox,
    jobs,
    outbox,
    reconciliation,
    referrals,
)
from safety.extensions import db
from safety.lifecycle import Event, State
from safety.models import Alert, AlertKind, MessageState, Placement, Premises, Referral, Shift, Text, User
from safety.models.alerts import ALERT_WORDS, DIGEST_WORDS, URGENT
from safety.referrals import compromised
from safety.sms import Listed
from safety.web.coordinator.board import BY_ITSELF
from tests import factories
from tests.conftest import ROOT
from tests.factories import NOW
from tests.visitor import StillClock, Visitor, cheap_hashes, still_clock, words

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)

# Kinds with words and no cause in the code yet. Whoever brings the cause brings the row; nothing is ever added here.
PENDING: set[AlertKind] = set()


class Scheme:
    """A night's people and its clock. What the jobs process does is done by its own rounds."""

    def __init__(self, still: StillClock) -> None:
        self.still = still
        self.duty = factories.coordinator_actor()
        # It has been up for an hour: one that has just begun raises nothing over others.
        self.process = jobs.Process("these", threading.Event(), time.monotonic() - 3600)

    @property
    def now(self) -> dt.datetime:
        return self.still.at

    def at(self, moment: dt.datetime, *work: Callable[[jobs.Process], None]) -> None:
        """It is then, and these jobs do a round."""
        db.session.commit()
        self.still.at = moment
        for job in work:
            job(self.process)

    def do(self, placement: Placement, event: Event, by: str = "house", **facts: object) -> Placement:
        actor = {
            "house": lambda: factories.house_actor(placement.premises_id),
            "officer": placement.referral.holder.actor,
            "duty": lambda: self.duty,
        }[by]()
        done = referrals.record(
            placement_id=placement.id, event=event, actor=actor, facts=facts, now=self.now
        )
        return done.placement

    def confirmed(self, **kept: object) -> Placement:
        return self.do(factories.placement(now=self.now, **kept), Event.CONFIRM)

    def on_road(self) -> Placement:
        return self.do(self.confirmed(), Event.SET_OFF, "officer", eta_at=self.now + 30 * MINUTE)

    def live(self, referral: Referral) -> Placement:
        found = referrals.live_placement(referral)
        assert found is not None
        return found

    def close(self, referral: Referral) -> None:
        referrals.withdraw(referral_id=referral.id, actor=self.duty, reason="elsewhere", now=self.now)

    def beat(self, *silent: str) -> None:
        """Every job did a round just now, but for these."""
        for job in heartbeats.PATIENCE:
            ago = HOUR if job in silent else MINUTE
            heartbeats.beat(job=job, now=self.now - ago)
        db.session.commit()


# The causes. Each makes the trouble, waits while the test looks, and then sets it right.

Cause = Iterator[None]


def house_compromised(scheme: Scheme) -> Cause:
    house = factories.house()
    compromised.mark(premises_id=house.id, reason="watched", actor=scheme.duty, now=scheme.now)
    yield
    compromised.clear(premises_id=house.id, reason="checked", spoken=True, actor=scheme.duty, now=scheme.now)


def arrived_and_the_bed_was_given_away(scheme: Scheme) -> Cause:
    factories.house()
    placement = scheme.confirmed()
    scheme.at(placement.arrive_by, jobs.sweep)
    factories.placement(now=scheme.now)
    scheme.do(placement, Event.ARRIVE)
    yield
    room = factories.house(now=scheme.now).bedspaces[0].id
    referrals.place(
        referral_id=placement.referral_id,
        bedspace_id=room,
        actor=scheme.duty,
        reason="house_agrees",
        now=scheme.now,
    )
    bed = scheme.live(placement.referral)
    if bed.state == State.HELD:
        bed = scheme.do(bed, Event.CONFIRM)
    scheme.do(bed, Event.ARRIVE)


def house_withdrew(scheme: Scheme) -> Cause:
    factories.house()
    placement = scheme.do(scheme.confirmed(), Event.WITHDRAW, reason="staff")
    yield
    factories.house(now=scheme.now)
    scheme.at(scheme.now + MINUTE, jobs.sweep)
    scheme.do(scheme.live(placement.referral), Event.CONFIRM)


def nothing_fits(scheme: Scheme) -> Cause:
    factories.referral()
    yield
    factories.house(now=scheme.now)
    scheme.at(scheme.now + MINUTE, jobs.sweep)


def overdue_on_the_road(scheme: Scheme) -> Cause:
    factories.house()
    placement = scheme.on_road()
    scheme.at(placement.arrive_by, jobs.sweep)
    yield
    scheme.do(placement, Event.ARRIVE)


def did_not_arrive(scheme: Scheme) -> Cause:
    factories.house()
    placement = scheme.do(scheme.on_road(), Event.NOT_ARRIVED, reason="unknown")
    yield
    scheme.close(placement.referral)


def three_houses_said_no(scheme: Scheme) -> Cause:
    for outcode in ("LS1", "LS2", "LS6", "LS29"):
        factories.house(outcode=outcode)
    referral = factories.referral(eta_at=NOW + 3 * HOUR)
    for _ in range(3):
        scheme.do(scheme.live(referral), Event.DECLINE, reason="staff")
    yield
    scheme.do(scheme.live(referral), Event.CONFIRM)


def far_ahead(scheme: Scheme) -> Cause:
    factories.house()
    referral = factories.referral(eta_at=NOW + 12 * HOUR)
    yield
    scheme.at(NOW + 3 * HOUR, jobs.sweep)
    assert scheme.live(referral)


def a_job_is_silent(scheme: Scheme) -> Cause:
    scheme.beat("sweep")
    jobs.watch(scheme.process)
    yield
    scheme.beat()
    jobs.watch(scheme.process)


def texts_to_a_house_are_refused(scheme: Scheme) -> Cause:
    house = factories.house()
    phone = house.contacts[0].phone
    inbox.receive(sid="SM-leaves", sender=phone, body="STOP", now=scheme.now)
    yield
    inbox.receive(sid="SM-is-back", sender=phone, body="START", now=scheme.now)


def the_supplier_cannot_be_asked(scheme: Scheme) -> Cause:
    scheme.beat("fetch")
    jobs.watch(scheme.process)
    yield
    scheme.beat()
    jobs.watch(scheme.process)


def cannot_be_matched(scheme: Scheme) -> Cause:
    broken = factories.referral()
    duty.end(kind=AlertKind.NOTHING_FITS, subject=f"referral:{broken.id.hex}", now=NOW)
    kept = broken.needs_sealed
    db.session.execute(sa.update(Referral).where(Referral.id == broken.id).values(needs_sealed="v1.t.AAAA"))
    db.session.expire_all()
    factories.house()
    scheme.at(NOW + MINUTE, jobs.sweep)
    yield
    db.session.execute(sa.update(Referral).where(Referral.id == broken.id).values(needs_sealed=kept))
    db.session.expire_all()
    scheme.close(db.session.get_one(Referral, broken.id))


def nobody_set_off(scheme: Scheme) -> Cause:
    factories.house()
    placement = scheme.confirmed()
    scheme.at(placement.arrive_by, jobs.sweep)
    yield
    scheme.close(placement.referral)


def on_the_last_day(scheme: Scheme) -> Placement:
    factories.house()
    placement = scheme.do(scheme.on_road(), Event.ARRIVE)
    assert placement.stay_until is not None
    scheme.at(placement.stay_until - 20 * HOUR, jobs.sweep)
    return placement


def stay_ends_soon(scheme: Scheme) -> Cause:
    placement = on_the_last_day(scheme)
    yield
    scheme.do(placement, Event.EXTEND, "duty", stay_until=scheme.now + 3 * DAY, reason="unwell")


def nobody_said_where_to(scheme: Scheme) -> Cause:
    placement = on_the_last_day(scheme)
    yield
    scheme.do(placement, Event.PLAN, onward="charity")


def stay_is_over(scheme: Scheme) -> Cause:
    factories.house()
    placement = scheme.do(scheme.on_road(), Event.ARRIVE)
    assert placement.stay_until is not None
    scheme.at(placement.stay_until, jobs.sweep)
    yield
    scheme.do(placement, Event.EXTEND, "duty", stay_until=scheme.now + 2 * DAY, reason="unwell")


def house_says_nothing_of_its_beds(scheme: Scheme) -> Cause:
    house = factories.house(reported_at=NOW - 28 * HOUR, questions_from="00:00", questions_to="00:00")
    for hours in (0, 4, 8, 12):
        scheme.at(NOW + hours * HOUR, jobs.ask_for_figures)
    yield
    beds.same(premises_id=house.id, by="clock", via="text", now=scheme.now)


def address_not_confirmed(scheme: Scheme) -> Cause:
    house = factories.house(address_confirmed_at=NOW - 31 * DAY)
    scheme.at(NOW + MINUTE, jobs.sweep)
    yield
    version = db.session.get_one(Premises, house.id).address_version
    houses.confirm_address(premises_id=house.id, version=version, by="user:" + "1" * 32, now=scheme.now)


def gap_in_the_rota(scheme: Scheme) -> Cause:
    shift = db.session.scalars(
        sa.select(Shift).where(Shift.from_at > NOW + 5 * DAY).order_by(Shift.from_at)
    ).first()
    assert shift is not None
    plan = duty.rota.Plan(shift.user_id, shift.place, shift.from_at, shift.to_at)
    duty.rota.remove(shift=shift, by="clock", now=scheme.now)
    scheme.at(scheme.now + MINUTE, jobs.tend)
    yield
    duty.rota.put(plans=[plan], by="clock", now=scheme.now)
    scheme.at(scheme.now + MINUTE, jobs.tend)


def records_of_texts_differ(scheme: Scheme) -> Cause:
    foreign = [Listed("SM" + "9" * 32, "delivered", None, scheme.now - HOUR)]

    def lay_beside(listed: list[Listed]) -> None:
        found = reconciliation.compare(listed=listed, gone=[], now=scheme.now)
        reconciliation.settle(compared=found, now=scheme.now)

    lay_beside(foreign)
    yield
    lay_beside([])


def more_texts_than_expected(scheme: Scheme) -> Cause:
    current_app.config["SMS_DAILY_TEXTS"] = 2
    factories.house()
    scheme.on_road()
    for errand in outbox.claim(owner="these", limit=100, lease_s=60, now=scheme.now):
        sid = f"SM{errand.text_id.hex}"
        outbox.sent(errand=errand, supplier="simulator", sid=sid, status="delivered", now=scheme.now)
    scheme.at(scheme.now + MINUTE, jobs.supplier.note_spending)
    yield
    scheme.at(scheme.now + 25 * HOUR, jobs.supplier.note_spending)


def a_house_tries_the_code_of_another(scheme: Scheme) -> Cause:
    factories.house()
    placement = factories.placement(now=scheme.now)
    number = factories.house(cohort="men").contacts[0].phone
    for turn in range(5):
        body = f"YES {placement.code}"
        inbox.receive(sid=f"SM{turn}", sender=number or "", body=body, now=scheme.now + turn * MINUTE)
    yield
    scheme.at(scheme.now + 25 * HOUR, jobs.tend)


CAUSES: dict[AlertKind, Callable[[Scheme], Cause]] = {
    AlertKind.HOUSE_COMPROMISED: house_compromised,
    AlertKind.NO_BED_ON_ARRIVAL: arrived_and_the_bed_was_given_away,
    AlertKind.HOUSE_WITHDREW: house_withdrew,
    AlertKind.NOTHING_FITS: nothing_fits,
    AlertKind.OVERDUE: overdue_on_the_road,
    AlertKind.NOT_ARRIVED: did_not_arrive,
    AlertKind.CASCADE: three_houses_said_no,
    AlertKind.FAR_AHEAD: far_ahead,
    AlertKind.SILENT: a_job_is_silent,
    AlertKind.TEXT_FAILED: texts_to_a_house_are_refused,
    AlertKind.SUPPLIER: the_supplier_cannot_be_asked,
    AlertKind.BROKEN: cannot_be_matched,
    AlertKind.RELEASED: nobody_set_off,
    AlertKind.STAY_OVER: stay_is_over,
    AlertKind.STAY_ENDING: stay_ends_soon,
    AlertKind.ONWARD_UNKNOWN: nobody_said_where_to,
    AlertKind.STALE: house_says_nothing_of_its_beds,
    AlertKind.ADDRESS_UNCONFIRMED: address_not_confirmed,
    AlertKind.ROTA_GAP: gap_in_the_rota,
    AlertKind.TEXTS_DIFFER: records_of_texts_differ,
    AlertKind.SPEND: more_texts_than_expected,
    AlertKind.NOT_THEIRS: a_house_tries_the_code_of_another,
}


@pytest.fixture
def scheme(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Scheme:
    cheap_hashes(monkeypatch)
    return Scheme(still_clock(monkeypatch, NOW))


@pytest.fixture
def people(scheme: Scheme) -> dict[str, User]:
    """Three on the rota, one after another in each of the next twelve days."""
    made = {name: factories.on_the_rota(name) for name in ("Pat", "Sasha", "Kim")}
    for day in range(12):
        for third, user in enumerate(made.values()):
            factories.shift(user, start=NOW + day * DAY + third * 8 * HOUR)
    db.session.commit()
    return made


def told(wording: str, alert: Alert | None = None) -> list[Text]:
    rows = sa.select(Text).where(Text.wording == wording).order_by(Text.queued_at, Text.id)
    return list(db.session.scalars(rows.where(Text.alert_id == alert.id) if alert else rows))


def fresh(alert: Alert) -> Alert:
    db.session.expire_all()
    return db.session.get_one(Alert, alert.id)


def test_every_kind_has_a_row_or_is_visibly_without_a_cause() -> None:
    assert set(CAUSES) | PENDING == set(AlertKind)
    assert not set(CAUSES) & PENDING
    assert set(ALERT_WORDS) == set(BY_ITSELF) == set(AlertKind)
    assert set(DIGEST_WORDS) == set(AlertKind) - URGENT


def test_what_has_no_row_has_no_cause_in_the_code_either() -> None:
    """So that the list of what is left out can only become shorter."""
    words_only = {ROOT / "safety/models/alerts.py", ROOT / "safety/web/coordinator/board.py"}
    code = [path for path in Path(ROOT / "safety").rglob("*.py") if path not in words_only]
    named = set(
        re.findall(r"AlertKind\.([A-Z_]+)", "".join(path.read_text(encoding="utf-8") for path in code))
    )
    assert named & {kind.name for kind in PENDING} == set(), "it has a cause now: give it a row"
    assert {kind.name for kind in CAUSES} <= named


@pytest.mark.parametrize("kind", CAUSES, ids=lambda kind: kind.value)
def test_an_alert_is_raised_by_its_cause_told_taken_and_over_with_it(
    app: Flask, scheme: Scheme, people: dict[str, User], kind: AlertKind
) -> None:
    cause = CAUSES[kind](scheme)
    next(cause)
    db.session.commit()
    alert = db.session.scalars(sa.select(Alert).where(Alert.kind == kind, Alert.ended_at.is_(None))).one()
    assert alert.urgent == (kind in URGENT) and alert.code

    # On the board, with what goes on by itself.
    page = board(app, people)
    assert ALERT_WORDS[kind].lower() in words(page).lower()
    assert BY_ITSELF[kind] in words(page) and f'data-alert="{alert.id.hex}">' in page.text

    if kind in URGENT:
        climbs_and_is_taken(scheme, people, alert)
    else:
        is_counted_in_the_morning(scheme, alert)
        duty.take(alert=alert, by=people["Sasha"].actor().by, now=scheme.now)
    db.session.commit()
    assert "Taken by Sasha (coordinator)" in words(board(app, people))

    # And over with its cause, not with a tick.
    assert fresh(alert).ended_at is None
    assert next(cause, "over") == "over"
    db.session.commit()
    assert fresh(alert).ended_at is not None
    assert alert.id.hex not in board(app, people).text


def board(app: Flask, people: dict[str, User]) -> TestResponse:
    """The board as Kim sees it who signs in just now: so much time passes in here that nobody stays signed in."""
    return Visitor(app.test_client()).sign_in(people["Kim"]).get("/duty")


def climbs_and_is_taken(scheme: Scheme, people: dict[str, User], alert: Alert) -> None:
    """Texted to whoever is on call, five minutes later to the next, and to nobody any more once it is taken by text."""
    (first,) = told("urgent", alert)
    assert ALERT_WORDS[AlertKind(alert.kind)] in first.body and f"OK {alert.code}" in first.body
    turn = [user.phone for user in duty.rota.turn(now=alert.raised_at)]
    assert first.to == turn[0]
    duty.climb(now=alert.raised_at + 4 * MINUTE)
    assert len(told("urgent", alert)) == 1
    duty.climb(now=alert.raised_at + 5 * MINUTE)
    assert [text.to for text in told("urgent", alert)] == turn[:2]
    sasha = people["Sasha"].phone
    said = inbox.receive(sid="SM-ok", sender=sasha or "", body=f"OK {alert.code}", now=scheme.now)
    assert said and "is yours" in said
    duty.climb(now=alert.raised_at + HOUR)
    assert len(told("urgent", alert)) == 2


def is_counted_in_the_morning(scheme: Scheme, alert: Alert) -> None:
    """Texted to nobody by itself, and counted in the text of the next morning."""
    kind = AlertKind(alert.kind)
    morning = (alert.raised_at + DAY).replace(hour=8, minute=0)
    duty.climb(now=morning)
    assert told("urgent", alert) == []
    duty.tending.tend(now=morning)
    digest = told("digest")[-1]
    assert f"1 {DIGEST_WORDS[kind][0]}" in digest.body
    assert digest.to == duty.ladder.on_call(now=morning)
    assert digest.state == MessageState.QUEUED
