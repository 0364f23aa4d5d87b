"""Whether somebody still needs their account: who says so, who is asked, and what becomes of those nobody speaks for."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from safety import accounts, attestation, people
from safety.extensions import db
from safety.lifecycle import ReferralState, Role
from safety.models import AuditEvent, User
from tests import factories
from tests.factories import NOW
from tests.visitor import SECRET, Visitor, buttons, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)
DUE = NOW + 90 * DAY
PAUSED = NOW + 104 * DAY


@pytest.fixture
def coordinator(app) -> User:
    """A coordinator for whom somebody has just spoken whenever a test looks."""
    return factories.coordinator(name="Pat Lindqvist", created_at=DUE)


@pytest.fixture
def officer(app) -> User:
    return factories.officer(name="Jo Fennimore")


def try_sign_in(browser: Visitor, user: User):
    db.session.commit()
    found = db.session.merge(user)
    found.password_hash = accounts.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(SECRET)
    db.session.commit()
    browser.client.delete_cookie("session")
    browser.get("/sign-in")
    return browser.post("/sign-in", email=found.email, password=SECRET).headers["Location"]


def again(user: User) -> User:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get(User, user.id)


def test_somebody_is_asked_about_before_it_is_due_and_kept_by_one_press(client, coordinator, officer, clock):
    clock.at = DUE - 15 * DAY
    desk = Visitor(client).sign_in(coordinator)
    assert "Nobody is due in the next 14 days." in words(desk.get("/people/still-here"))
    desk.back_at(clock, DUE - 14 * DAY)
    assert "Who still needs their account (1 to confirm)" in words(desk.get("/people"))
    page = desk.get("/people/still-here")
    assert "Due soon" in words(page)
    answer = desk.send(page, "Confirm that Jo Fennimore still needs it")
    assert "Jo Fennimore keeps their account." in words(desk.get(answer.headers["Location"]))
    kept = again(officer)
    assert (kept.attested_at, kept.attested_by) == (clock.at, f"user:{coordinator.id.hex}")
    assert attestation.due_at(kept) == clock.at + 90 * DAY
    assert "Vouched for by Pat Lindqvist (coordinator)" in words(desk.get(f"/people/{officer.id}"))
    assert db.session.scalar(sa.select(AuditEvent.by).where(AuditEvent.what == "attest")) == kept.attested_by


def test_overdue_stands_in_red_and_says_from_when_they_cannot_sign_in(client, coordinator, officer, clock):
    clock.at = DUE
    desk = Visitor(client).sign_in(coordinator)
    page = desk.get("/people/still-here")
    assert "govuk-tag--red" in page.text
    assert "they cannot sign in, unless they hold a live request" in words(page)
    desk.back_at(clock, PAUSED)
    assert "Cannot sign in" in words(desk.get("/people/still-here"))


def test_overdue_is_no_obstacle_until_the_grace_is_over(app, client, officer, clock):
    clock.at = PAUSED - MINUTE
    browser = Visitor(client)
    assert try_sign_in(browser, officer) == "/referrals"
    assert "Somebody has to confirm that you still need this account." in words(browser.get("/account"))


def test_whom_nobody_speaks_for_is_told_whom_to_ring_and_let_in_by_one_press(
    app, client, coordinator, officer, clock
):
    clock.at = PAUSED
    stranger = Visitor(app.test_client())
    assert try_sign_in(stranger, officer) == "/account-paused"
    page = words(stranger.get("/account-paused"))
    assert "a coordinator can confirm it while you are on the telephone" in page
    assert "0113 496 0100" in page
    stranger.get("/referrals", 303)
    desk = Visitor(client).sign_in(coordinator)
    assert "so they cannot sign in. Confirm it, if you know it" in words(desk.get(f"/people/{officer.id}"))
    desk.send(desk.get("/people/still-here"), "Confirm that Jo Fennimore still needs it")
    assert try_sign_in(stranger, officer) == "/referrals"


def test_a_wrong_password_is_told_nothing_of_it(client, officer, clock):
    clock.at = PAUSED
    browser = Visitor(client)
    browser.get("/sign-in")
    page = browser.post("/sign-in", 400, email=officer.email, password="no, not this")
    assert "paused" not in words(page)


def test_whoever_has_somebody_in_their_care_is_never_stopped(client, officer, clock):
    referral = factories.referral(by=officer, now=PAUSED - MINUTE)
    db.session.commit()
    clock.at = PAUSED
    assert try_sign_in(Visitor(client), officer) == "/referrals"
    referral = db.session.merge(referral)
    referral.state, referral.closed_at, referral.closed_by = ReferralState.CLOSED, PAUSED, "clock"
    db.session.commit()
    assert try_sign_in(Visitor(client), officer) == "/account-paused"


def test_whoever_is_signed_in_is_not_cut_off_in_the_middle(client, officer, clock):
    clock.at = PAUSED - MINUTE
    browser = Visitor(client)
    try_sign_in(browser, officer)
    clock.at = PAUSED + MINUTE
    browser.get("/referrals")


def test_the_last_coordinator_who_could_let_others_in_is_never_stopped(app, client, clock):
    alone = factories.coordinator()
    clock.at = PAUSED
    assert try_sign_in(Visitor(app.test_client()), alone) == "/duty"
    other = factories.coordinator()
    db.session.commit()
    # Both overdue: neither could let the other in.
    assert try_sign_in(Visitor(app.test_client()), other) == "/duty"
    other = db.session.merge(other)
    other.attested_at, other.attested_by = PAUSED, "operator"
    db.session.commit()
    assert try_sign_in(Visitor(app.test_client()), alone) == "/account-paused"


def test_a_lead_speaks_for_the_officers_of_their_own_force_and_for_nobody_else(app, client, officer, clock):
    lead = factories.officer(of=officer.force, role=Role.LEAD, name="Lee Mead", created_at=DUE)
    second = factories.officer(of=officer.force, role=Role.LEAD, name="Another Lead")
    elsewhere = factories.officer(name="Sam Ellery")
    clock.at = DUE
    browser = Visitor(client).sign_in(lead)
    assert "Confirm who of your force still needs their account (1)" in words(browser.get("/referrals"))
    page = browser.get("/people/still-here")
    assert buttons(page) == ["Confirm that Jo Fennimore still needs it"]
    for other in (second, elsewhere):
        browser.post(f"/people/{other.id}/still-here", 404)
        assert again(other).attested_at is None
    assert "Nobody confirms their own access." in words(browser.press(f"/people/{lead.id}/still-here"))
    browser.send(page, "Confirm that Jo Fennimore still needs it")
    assert again(officer).attested_by == f"user:{lead.id.hex}"


@pytest.mark.parametrize("role", ["officer", "provider", "oversight"])
def test_nobody_else_speaks_for_anybody(app, client, officer, role):
    if role == "provider":
        user = factories.staff(of=factories.house().provider)
    elif role == "officer":
        user = factories.officer(of=officer.force)
    else:
        user = factories.coordinator(role=Role.OVERSIGHT)
    browser = Visitor(client).sign_in(user)
    browser.get("/people/still-here", 404)
    browser.get("/account")
    browser.post(f"/people/{officer.id}/still-here", 404)
    with pytest.raises(LookupError):
        attestation.attest(user_id=officer.id, actor=user.actor(), now=NOW)


def test_nobody_speaks_for_themselves_nor_for_a_closed_account(app, coordinator, officer):
    with pytest.raises(attestation.OnesOwn):
        attestation.attest(user_id=coordinator.id, actor=coordinator.actor(), now=NOW)
    accounts.disable(user_id=officer.id, by="operator", now=NOW)
    with pytest.raises(LookupError):
        attestation.attest(user_id=officer.id, actor=coordinator.actor(), now=NOW)


def test_speaking_for_somebody_asks_for_the_password_again(client, coordinator, officer, clock):
    clock.at = DUE
    desk = Visitor(client).sign_in(coordinator)
    clock.at = DUE + 14 * MINUTE
    desk.get("/people/still-here")
    clock.at = DUE + 16 * MINUTE
    answer = desk.post(f"/people/{officer.id}/still-here")
    assert answer.headers["Location"].startswith("/prove-who-you-are")
    assert again(officer).attested_at is None


def test_whoever_invites_or_rings_vouches_first(app, coordinator, officer):
    made = accounts.create(
        email="new@force.example",
        name="New",
        role=Role.OVERSIGHT,
        password=accounts.Hashed("!"),
        by="operator",
        now=NOW,
    )
    assert (made.attested_at, made.attested_by) == (NOW, "operator")
    waiting = factories.officer(confirmed=False)
    people.confirm(user_id=waiting.id, by=coordinator.actor().by, now=DUE)
    assert (waiting.attested_at, waiting.attested_by) == (DUE, coordinator.actor().by)


def test_an_account_that_is_opened_again_is_not_paused_at_once(app, coordinator):
    staff = factories.staff(of=factories.house().provider)
    accounts.disable(user_id=staff.id, by="operator", now=NOW)
    people.open_again(user_id=staff.id, by=coordinator.actor().by, now=PAUSED)
    assert not attestation.paused(staff, PAUSED)


def test_the_database_keeps_no_when_without_a_who(app):
    with pytest.raises(sa.exc.IntegrityError):
        factories.coordinator(attested_at=NOW)
    db.session.rollback()
