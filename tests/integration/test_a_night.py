"""One night from dusk to morning, by the clock: at its end nobody is forgotten, and the board is empty for the right reasons.

Twelve people, two houses that never answer, a text that does not get through, somebody overdue on the road, a house that turns
out not to be safe. Everybody does what people do: houses and coordinators answer the texts that reach their telephones, officers
set off when they are told to. Nothing is done to the rows by hand.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import board, delivery, duty, heartbeats, inbox, invariants, jobs, outbox, referrals
from safety.extensions import db, new_id
from safety.lifecycle import Event, ReferralState, State
from safety.models import Alert, AlertKind, Placement, Premises, Referral, Text, User
from safety.permissions import Actor
from safety.referrals import compromised
from tests import factories
from tests.visitor import StillClock, still_clock

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
DUSK = dt.datetime(2027, 1, 13, 18, 0, tzinfo=dt.UTC)
MORNING = DUSK + 14.5 * HOUR
STEP = 5 * MINUTE


class Night:
    """Everybody of the scheme, and what each still has to do."""

    def __init__(self, still: StillClock) -> None:
        self.still = still
        self.process = jobs.Process("the night", threading.Event(), time.monotonic())
        self.pat, self.sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
        factories.shift(self.pat, start=DUSK, hours=7)
        factories.shift(self.sasha, start=DUSK + 7 * HOUR, hours=24 * 8)
        # The two nearest never answer: whoever asks first is held there first.
        self.silent = [self.house("LS1"), self.house("LS1")]
        self.unsafe = self.house("LS2", rooms=2)
        self.others = [self.house(outcode, rooms=3) for outcode in ("LS6", "LS8", "LS29", "BD1")]
        self.officers = {str(user.phone): user for user in (factories.officer() for _ in range(12))}
        self.house_of = {
            str(house.contacts[0].phone): house for house in (*self.silent, self.unsafe, *self.others)
        }
        self.later: list[tuple[dt.datetime, Callable[[], object]]] = []
        self.dealt_with: set[object] = set()
        self.waits: set[object] = set()  # officers who do not set off yet
        self.says_nothing: set[object] = set()  # referrals whose arrival nobody tells
        self.lost: Text | None = None
        self.sids = iter(range(10_000))

    @property
    def now(self) -> dt.datetime:
        return self.still.at

    def house(self, outcode: str, *, rooms: int = 1, **kept: object) -> Premises:
        return factories.house(
            outcode=outcode, rooms=rooms, now=self.now, questions_from="09:00", questions_to="18:00", **kept
        )

    def at(self, minutes: float, do: Callable[[], object]) -> None:
        self.later.append((DUSK + minutes * MINUTE, do))

    def soon(self, minutes: float, do: Callable[[], object]) -> None:
        self.later.append((self.now + minutes * MINUTE, do))

    def asks(self, number: int, **kept: object) -> Referral:
        """An officer asks for a bed, an hour away."""
        officer = list(self.officers.values())[number]
        kept.setdefault("eta_at", self.now + HOUR)
        return factories.referral(by=officer, now=self.now, officer_phone=officer.phone, **kept)

    def record(self, placement_id: object, event: Event, actor: Actor, **facts: object) -> None:
        referrals.record(placement_id=placement_id, event=event, actor=actor, facts=facts, now=self.now)

    def texts(self, number: str, body: str) -> str:
        """Somebody sends us a text; what we answer."""
        return inbox.receive(sid=f"SM-in-{next(self.sids)}", sender=number, body=body, now=self.now) or ""

    # A round: the clock, then the network, then people.

    def round(self) -> None:
        for job in heartbeats.PATIENCE:
            heartbeats.beat(job=job, now=self.now)
        db.session.commit()
        due = [one for one in self.later if one[0] <= self.now]
        self.later = [one for one in self.later if one[0] > self.now]
        for _, do in due:
            do()
            db.session.commit()
        for job in (jobs.sweep, jobs.tend, jobs.ask_for_figures):
            job(self.process)
        for _ in range(5):  # an answer may bring a text that is answered
            if not self.network():
                break
        breaches = invariants.breaches(now=self.now)
        assert breaches == [], (self.now, breaches)
        db.session.commit()

    def network(self) -> int:
        """Hand every text over; one of them is lost on the way. Whoever gets one does what they do."""
        errands = outbox.claim(owner="network", limit=100, lease_s=60, now=self.now)
        db.session.commit()
        for errand in errands:
            text = outbox.sent(
                errand=errand,
                supplier="simulator",
                sid=f"SM{errand.text_id.hex}",
                status="sent",
                now=self.now,
            )
            assert text is not None
            if text.wording == "confirmed" and self.lost is None and self.now > DUSK + 2 * HOUR:
                self.lost = text
                delivery.receipt(sid=str(text.sid), status="undelivered", error="30003", now=self.now)
                self.waits.add(text.placement_id)
            elif text.same_as_id is not None:
                # The same thing said again, by a call: that does not reach them either.
                delivery.receipt(sid=str(text.sid), status="failed", error="no_answer", now=self.now)
            else:
                delivery.receipt(sid=str(text.sid), status="delivered", error=None, now=self.now)
                self.reads(errand.to, text)
            db.session.commit()
        return len(errands)

    def reads(self, number: str, text: Text) -> None:
        """Whoever holds this telephone has the text in front of them."""
        placement = db.session.get(Placement, text.placement_id) if text.placement_id else None
        if number in self.house_of:
            self.house_reads(number, text, placement)
        elif text.wording == "confirmed" and placement is not None:
            self.sets_off(placement)
        elif text.wording == "urgent":
            self.coordinator_reads(number, text)

    def house_reads(self, number: str, text: Text, placement: Placement | None) -> None:
        if self.house_of[number] in self.silent or placement is None:
            return
        if text.wording in ("asked", "reminded") and placement.state == State.HELD:
            self.texts(number, f"yes {placement.code}")
        elif text.wording == "on_the_way" and placement.referral_id not in self.says_nothing:
            self.soon(30, lambda: self.texts(number, f"ARRIVED {placement.code}"))

    def sets_off(self, placement: Placement) -> None:
        if placement.id in self.waits or (
            placement.premises_id == self.unsafe.id and self.now > DUSK + 100 * MINUTE
        ):
            return
        officer = placement.referral.holder.actor()
        self.soon(
            10,
            lambda: self.record(placement.id, Event.SET_OFF, officer, eta_at=self.now + 30 * MINUTE),
        )

    def coordinator_reads(self, number: str, text: Text) -> None:
        """Pat sleeps through the first hours; whoever reads it takes it and does what the alert asks for, once."""
        alert = db.session.get(Alert, text.alert_id)
        assert alert is not None
        user = self.pat if number == self.pat.phone else self.sasha if number == self.sasha.phone else None
        if user is None or (user is self.pat and self.now < DUSK + 3 * HOUR):
            return
        said = self.texts(number, f"OK {alert.code}")
        if "is yours" in said and alert.id not in self.dealt_with:
            self.dealt_with.add(alert.id)
            self.soon(10, lambda: self.deals_with(alert.id, user))

    def deals_with(self, alert_id: object, user: User) -> None:
        alert = db.session.get_one(Alert, alert_id)
        if alert.ended_at is not None:
            return
        by, kind = user.actor(), AlertKind(alert.kind)
        bed = referrals.live_placement(alert.referral) if alert.referral else None
        if kind is AlertKind.NOTHING_FITS and alert.referral and alert.referral.cohort == "men":
            self.house_of |= {str(one.contacts[0].phone): one for one in [self.house("LS11", cohort="men")]}
        elif kind is AlertKind.NOTHING_FITS and alert.referral:
            referrals.withdraw(referral_id=alert.referral.id, actor=by, reason="hospital", now=self.now)
        elif kind is AlertKind.TEXT_FAILED and bed is not None:
            # Rings the officer, who sets off.
            officer = bed.referral.holder.actor()
            self.record(bed.id, Event.SET_OFF, officer, eta_at=self.now + 30 * MINUTE)
        elif kind is AlertKind.OVERDUE and bed is not None:
            self.record(bed.id, Event.ARRIVE, by)
        elif kind is AlertKind.HOUSE_COMPROMISED:
            for placement in compromised.there(self.unsafe):
                free = self.free_room()
                self.record(placement.id, Event.TRANSFER, by, bedspace_id=free, reason="safety")
                moved = referrals.live_placement(placement.referral)
                assert moved is not None
                self.soon(20, lambda moved=moved: self.record(moved.id, Event.ARRIVE, by))  # type: ignore[misc]
            self.soon(8 * 60, lambda: self.is_safe_again(by))

    def is_safe_again(self, by: Actor) -> None:
        compromised.clear(premises_id=self.unsafe.id, reason="checked", spoken=True, actor=by, now=self.now)

    def free_room(self) -> object:
        taken = sa.select(Placement.bedspace_id).where(Placement.state.in_(("held", "confirmed", "arrived")))
        used = set(db.session.scalars(taken))
        return next(room.id for house in self.others for room in house.bedspaces if room.id not in used)


@pytest.fixture
def night(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(still_clock(monkeypatch, DUSK))


def alerts(kind: AlertKind) -> list[Alert]:
    return list(db.session.scalars(sa.select(Alert).where(Alert.kind == kind)))


def test_a_night_at_whose_end_nobody_is_forgotten_and_the_board_is_empty_for_the_right_reasons(
    night: Night,
) -> None:
    made: list[Referral] = []

    def ask(number: int, **kept: object) -> Callable[[], None]:
        return lambda: made.append(night.asks(number, **kept))

    def overdue(number: int) -> Callable[[], None]:
        def asks() -> None:
            made.append(night.asks(number))
            night.says_nothing.add(made[-1].id)

        return asks

    for number, minutes in enumerate((1, 5, 30, 60, 90, 125)):
        night.at(minutes, ask(number))
    night.at(200, overdue(6))
    night.at(240, ask(7))
    night.at(255, ask(8, cohort="men"))
    # No house can take somebody who has set fires: she is taken to hospital, as the coordinator hears on the telephone.
    night.at(270, ask(9, children={"2_to_4": 9}))
    officer = list(night.officers.values())[10]
    night.at(
        280,
        lambda: made.append(
            referrals.divert(why=ReferralState.DIVERTED, officer=officer, form_token=new_id(), now=night.now)
        ),
    )
    night.at(300, ask(11))
    marker = night.sasha.actor()
    night.at(
        150,
        lambda: compromised.mark(premises_id=night.unsafe.id, reason="watched", actor=marker, now=night.now),
    )

    night.round()
    while night.now < MORNING:
        night.still.at += STEP
        night.round()

    # Everybody is placed, diverted, or a coordinator decided.
    assert len(made) == 12
    states = [(row.state, row.closed_reason) for row in made]
    assert states.count((ReferralState.PLACED, None)) == 10, states
    assert states.count((ReferralState.DIVERTED, None)) == 1
    assert states.count((ReferralState.CLOSED, "hospital")) == 1
    for row in made:
        bed = referrals.live_placement(row)
        if row.state == ReferralState.PLACED:
            assert bed is not None and bed.state == State.ARRIVED
            assert bed.premises_id not in {house.id for house in (*night.silent, night.unsafe)}
    (closed,) = [row for row in made if row.state == ReferralState.CLOSED]
    assert closed.closed_by in {night.pat.actor().by, night.sasha.actor().by}

    # What was planned did happen, and each was taken by a person and is over because its cause is gone.
    lapsed = sa.select(Placement).where(Placement.state == State.LAPSED)
    assert {row.premises_id for row in db.session.scalars(lapsed)} == {house.id for house in night.silent}
    assert night.lost is not None
    for kind in (AlertKind.TEXT_FAILED, AlertKind.OVERDUE, AlertKind.HOUSE_COMPROMISED):
        (alert,) = alerts(kind)
        assert alert.claimed_by in {night.pat.actor().by, night.sasha.actor().by}, kind
        assert alert.ended_at and alert.claimed_at and alert.ended_at >= alert.claimed_at, kind
    assert len(alerts(AlertKind.NOTHING_FITS)) == 2
    # Pat slept: the first alert of the night was taken by whoever was next.
    first = db.session.scalars(sa.select(Alert).order_by(Alert.raised_at)).first()
    assert first is not None and first.texted >= 2
    assert [
        alert.kind for alert in db.session.scalars(sa.select(Alert).where(Alert.ended_at.is_(None)))
    ] == []
    assert duty.open_alerts() == []
    found = board.look(now=night.now)
    assert found.lines == 0, found
    assert len(found.quiet) == 10
    assert night.later == []
