"""A forgotten password: asking tells nobody anything, a link works once, a new password ends every session."""

from __future__ import annotations

import datetime as dt
import logging
import re
import threading

import pytest
import sqlalchemy as sa

from safety import accounts, create_app, jobs, mail, passwords, people
from safety.extensions import begin_write, db
from safety.models import AuditEvent, Letter, PasswordLink, SignIn, SimulatedEmail, Text, User
from tests import factories, listening
from tests.conftest import settings_for
from tests.factories import NOW
from tests.fakes import MailServer
from tests.visitor import Visitor, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
CHOSEN = "nine quiet harbours"
BY = "user:" + "0" * 32


@pytest.fixture
def post_office():
    server = MailServer()
    yield server
    server.close()


@pytest.fixture
def mailing(app, post_office):
    """The app as it is where e-mail is sent."""
    app.config.update(POS_SMTP_URL=post_office.url, POS_MAIL_FROM="no-reply@scheme.example")
    return post_office


@pytest.fixture
def stranger(app) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def officer(app) -> User:
    found = factories.officer(email="jo@force.example", name="Jo Fennimore")
    db.session.commit()
    return found


def ask(browser: Visitor, email: str):
    return browser.send(browser.get("/forgotten-password"), "Email me a link", email=email)


def delivered() -> None:
    db.session.rollback()
    jobs.post(jobs.this_process())
    db.session.rollback()
    db.session.expire_all()


def link_in(letter: str) -> str:
    # Folded as e-mail folds a long line.
    return re.search(r"(/new-password\?key=[\w-]{43})", letter.replace("=\r\n", "").replace("=3D", "="))[1]


def choose(browser: Visitor, link: str, status: int = 303, **kept):
    browser.get("/sign-in")
    typed = {"key": link.partition("key=")[2], "password": CHOSEN, "again": CHOSEN}
    return browser.post("/new-password", status, **typed | kept)


def linked(user: User, now: dt.datetime = NOW) -> str:
    """A link of this person, as a coordinator makes it."""
    db.session.rollback()
    token = passwords.after_a_call(user_id=user.id, by=BY, now=now)
    db.session.commit()
    return f"/new-password?key={token}"


def again(user: User) -> User:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get(User, user.id)


def texts(wording: str) -> list[Text]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Text).where(Text.wording == wording)))


def test_somebody_who_forgot_gets_a_link_by_email_and_chooses_anew(mailing, stranger, officer):
    assert "Forgotten your password?" in words(stranger.get("/sign-in"))
    answer = ask(stranger, " Jo@Force.example ")
    assert "If there is an account with that address" in words(stranger.get(answer.headers["Location"]))
    delivered()
    ((to, letter),) = mailing.letters
    assert to == "jo@force.example"
    assert "Fennimore" not in letter.partition("\r\n\r\n")[2]
    link = link_in(letter)
    page = stranger.get(link)
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert page.headers["Cache-Control"] == "no-store"
    assert "You sign in with jo@force.example" in words(page)
    answer = stranger.send(page, "Change my password", password=CHOSEN, again=CHOSEN)
    assert "Your password is changed" in words(stranger.get(answer.headers["Location"]))
    assert accounts.hasher.verify(again(officer).password_hash, CHOSEN)
    (told,) = texts("password_changed")
    assert told.to == officer.phone
    delivered()
    assert [to for to, _ in mailing.letters] == ["jo@force.example"] * 2
    assert "was changed" in mailing.letters[1][1]
    assert "key" not in mailing.letters[1][1].partition("\r\n\r\n")[2]
    stranger.get("/sign-in")
    stranger.post("/sign-in", email="jo@force.example", password=CHOSEN)


def test_an_address_nobody_has_is_answered_alike_and_costs_the_same_work(app, mailing, officer):
    told, worked = [], []
    for email in ("jo@force.example", "nobody@force.example"):
        browser = Visitor(app.test_client())
        page = browser.get("/forgotten-password")
        with listening.statements() as statements:
            answer = browser.send(page, "Email me a link", email=email)
        told.append((answer.status_code, answer.headers["Location"], answer.text))
        worked.append(statements)
    assert told[0] == told[1]
    assert worked[0] == worked[1]
    facts = db.session.execute(
        sa.select(AuditEvent.by, AuditEvent.facts).where(AuditEvent.what == "forgotten_password")
    ).all()
    assert facts[0] == facts[1]
    delivered()
    assert [to for to, _ in mailing.letters] == ["jo@force.example"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Letter)) == 0


def test_a_closed_account_gets_no_link(mailing, stranger, officer):
    accounts.disable(user_id=officer.id, by=BY, now=NOW)
    db.session.commit()
    ask(stranger, officer.email)
    delivered()
    assert not mailing.letters
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PasswordLink)) == 0


def test_asking_is_counted_for_each_address_whether_anybody_has_it_or_not(app, mailing, officer):
    for email in ("jo@force.example", "nobody@force.example"):
        browser = Visitor(app.test_client())
        for _ in range(3):
            ask(browser, email)
        browser.send(browser.get("/forgotten-password"), "Email me a link", 429, email=email)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Letter)) == 6


def test_where_no_email_is_sent_the_page_says_whom_to_ring(stranger, officer):
    page = stranger.get("/forgotten-password")
    assert "Ring the duty line. They ring you back on the number they hold of you" in words(page)
    assert "0113 496 0100" in words(page)
    stranger.get("/sign-in")
    stranger.post("/forgotten-password", 200, email="jo@force.example")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Letter)) == 0


def test_an_email_the_server_does_not_take_is_tried_again_and_dropped_after_half_an_hour(
    mailing, stranger, officer, clock, caplog
):
    caplog.set_level(logging.DEBUG)
    mailing.refuses = True
    ask(stranger, officer.email)
    delivered()
    delivered()
    assert not mailing.letters
    mailing.refuses = False
    clock.at = NOW + MINUTE
    delivered()
    assert len(mailing.letters) == 1
    assert "jo@force.example" not in caplog.text
    mailing.refuses = True
    ask(stranger, officer.email)
    clock.at += 31 * MINUTE
    mailing.refuses = False
    delivered()
    assert len(mailing.letters) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Letter)) == 0


def test_the_news_that_a_password_was_changed_waits_for_the_mail_server_for_a_day(
    mailing, stranger, officer, clock
):
    mailing.refuses = True
    choose(stranger, linked(officer))
    delivered()
    clock.at += 31 * MINUTE
    delivered()
    assert not mailing.letters
    mailing.refuses = False
    clock.at = NOW + DAY - MINUTE
    delivered()
    assert [to for to, _ in mailing.letters] == ["jo@force.example"]
    assert "was changed" in mailing.letters[0][1]


def test_a_link_works_once(stranger, officer):
    link = linked(officer)
    for _ in range(3):
        stranger.get(link)
    choose(stranger, link)
    assert "It has been used, and the password is changed." in words(stranger.get(link, 410))
    stranger.get("/sign-in")
    choose(stranger, link, 410, password="another long password", again="another long password")
    assert accounts.hasher.verify(again(officer).password_hash, CHOSEN)


def test_a_link_is_good_for_half_an_hour_and_no_longer(stranger, officer, clock):
    link = linked(officer)
    clock.at = NOW + 30 * MINUTE - dt.timedelta(seconds=1)
    stranger.get(link)
    clock.at = NOW + 30 * MINUTE
    assert "It was good for 30 minutes" in words(stranger.get(link, 410))
    choose(stranger, link, 410)
    assert again(officer).password_hash == "!"


def test_only_the_newest_link_opens_anything(stranger, officer):
    first, second = linked(officer), linked(officer)
    assert "a newer one was made" in words(stranger.get(first, 410))
    stranger.get(second)


def test_a_link_of_an_account_that_was_closed_since_opens_nothing(stranger, officer):
    link = linked(officer)
    accounts.disable(user_id=officer.id, by=BY, now=NOW)
    db.session.commit()
    assert "This account is closed." in words(stranger.get(link, 410))


def test_the_links_a_coordinator_made_end_with_their_account(app, stranger, officer):
    maker, other = factories.coordinator(), factories.coordinator()
    db.session.commit()
    token = passwords.after_a_call(user_id=officer.id, by=maker.actor().by, now=NOW)
    people.close(user_id=maker.id, by=other.actor().by, now=NOW)
    db.session.commit()
    stranger.get(f"/new-password?key={token}", 410)


def test_the_links_a_coordinator_made_end_with_their_password(app, stranger, officer):
    """Whoever had the old password may have made them."""
    maker = factories.coordinator()
    db.session.commit()
    token = passwords.after_a_call(user_id=officer.id, by=maker.actor().by, now=NOW)
    db.session.commit()
    choose(stranger, linked(maker))
    stranger.get(f"/new-password?key={token}", 410)


@pytest.mark.parametrize("key", ["", "x", "%00"])
def test_a_wrong_link_tells_nobody_anything(stranger, key):
    assert "Perhaps not all of the link came through" in words(stranger.get(f"/new-password?key={key}", 410))


def test_of_a_link_only_the_hash_is_kept(officer, caplog):
    caplog.set_level(logging.DEBUG)
    key = linked(officer).partition("key=")[2]
    stored = "\n".join(
        str(row)
        for table in db.metadata.sorted_tables
        for row in db.session.execute(sa.select(sa.text("*")).select_from(table))
    )
    assert key not in stored
    assert accounts.digest(key) in stored
    assert key not in caplog.text


def test_a_new_password_ends_every_session(app, stranger, officer):
    own = Visitor(app.test_client()).sign_in(officer)
    other = Visitor(app.test_client()).sign_in(officer)
    other.get("/referrals")
    choose(stranger, linked(officer))
    for browser in (own, other):
        assert browser.get("/referrals", 303).headers["Location"].startswith("/sign-in")
    assert (
        db.session.scalar(sa.select(sa.func.count()).select_from(SignIn).where(SignIn.ended_at.is_(None)))
        == 0
    )


def test_a_session_that_begins_while_the_password_is_changed_is_over_too(app, officer):
    """Somebody who knows the old password signs in at that very moment."""
    claim = accounts.claim(email=officer.email)
    token, user_id = linked(officer).partition("key=")[2], officer.id
    done, problems = threading.Event(), []

    def change():
        with app.app_context():
            try:
                begin_write(deciding=False)
                passwords.choose(token=token, password=accounts.Hashed("new"), now=NOW)
                db.session.commit()
            except Exception as problem:
                problems.append(problem)
            finally:
                db.session.remove()
                done.set()

    db.session.rollback()
    begin_write(deciding=False)
    accounts.sign_in(claim=claim, now=NOW)
    thread = threading.Thread(target=change)
    thread.start()
    done.wait(2)  # it is over by then unless it waits for the session, as it should
    db.session.commit()
    thread.join(60)
    assert problems == []
    left = sa.select(SignIn.id).where(SignIn.user_id == user_id, SignIn.ended_at.is_(None))
    assert db.session.scalars(left).all() == []


def test_two_links_made_at_once_are_two_of_which_the_newest_works(app):
    wanted = [factories.officer().id for _ in range(5)]
    db.session.commit()
    problems = []
    for user_id in wanted:
        barrier = threading.Barrier(2)

        def make(deciding, user_id=user_id, barrier=barrier):
            with app.app_context():
                try:
                    barrier.wait(30)
                    begin_write(deciding=deciding)
                    passwords.after_a_call(user_id=user_id, by=BY, now=NOW)
                    db.session.commit()
                except Exception as problem:
                    problems.append(problem)
                finally:
                    db.session.remove()

        # A coordinator makes one, and the jobs process another.
        threads = [threading.Thread(target=make, args=(deciding,)) for deciding in (True, False)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert problems == []


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"again": "something else"}, "The two passwords are not the same. Enter the same password again"),
        (
            {"password": "fennimore1", "again": "fennimore1"},
            "Password is too easy to guess. Try three words that do not belong together",
        ),
    ],
)
def test_a_password_that_will_not_do_is_refused_and_the_link_still_works(stranger, officer, typed, message):
    link = linked(officer)
    stranger.get(link)
    assert summary(choose(stranger, link, 400, **typed)) == [message]
    choose(stranger, link)


def test_a_coordinator_rings_back_and_makes_a_link(app, client, stranger, officer):
    desk = Visitor(client).sign_in(factories.coordinator())
    page = desk.get(f"/people/{officer.id}/password-link")
    assert "no other you were given" in words(page)
    refused = desk.post(f"/people/{officer.id}/password-link", 400)
    assert summary(refused) == ["Ring them first, then select that it was them"]
    made = desk.post(f"/people/{officer.id}/password-link", 200, rung="y")
    link = re.search(r"/new-password\?key=[\w-]{43}", made.text)[0]
    choose(stranger, link)
    event = db.session.scalars(
        sa.select(AuditEvent).where(AuditEvent.what == "password_link_after_call")
    ).one()
    assert event.by == f"user:{desk.user.id.hex}"
    assert link.partition("key=")[2] not in str(event.facts)


def test_the_pages_say_how_somebody_is_told_and_promise_no_text_to_nobody(
    app, client, stranger, officer, post_office
):
    without = factories.coordinator()
    db.session.commit()
    desk = Visitor(client).sign_in(factories.coordinator())
    for user, told in (
        (officer, "they are told by text."),
        (without, "nothing tells them when a password was chosen"),
    ):
        page = desk.send(desk.get(f"/people/{user.id}/password-link"), "Make the link", 200, rung="y")
        assert told in words(page)
    assert "and told of it by text." in words(stranger.get(linked(officer)))
    assert "and told of it" not in words(stranger.get(linked(without)))
    app.config.update(POS_SMTP_URL=post_office.url, POS_MAIL_FROM="no-reply@scheme.example")
    assert "and told of it by email." in words(stranger.get(linked(without)))
    assert "and told of it by text and by email." in words(stranger.get(linked(officer)))


def test_nobody_makes_a_link_for_themselves_without_a_fresh_password_or_without_being_a_coordinator(
    app, client, officer, clock
):
    desk = Visitor(client).sign_in(factories.coordinator())
    desk.get("/people")
    page = desk.press(f"/people/{desk.user.id}/password-link", rung="y")
    assert "Another coordinator can make the link." in words(page)
    clock.at = NOW + 14 * MINUTE
    desk.get("/people")
    clock.at = NOW + 16 * MINUTE
    answer = desk.post(f"/people/{officer.id}/password-link", rung="y")
    assert answer.headers["Location"].startswith("/prove-who-you-are")
    lead = Visitor(app.test_client()).sign_in(factories.officer(role="lead"))
    lead.get(f"/people/{officer.id}/password-link", 404)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PasswordLink)) == 0


def test_links_are_forgotten_a_day_later(officer, clock):
    linked(officer)
    clock.at = NOW + DAY + 31 * MINUTE
    db.session.rollback()
    jobs.erase(jobs.this_process())
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PasswordLink)) == 0


# The demonstration's e-mails


def test_the_demonstration_shows_the_emails_it_would_send(database_url):
    app = create_app(settings_for(database_url, POS_ENV="demo"))
    with app.app_context():
        user = factories.officer(email="jo@force.example")
        db.session.commit()
        browser = Visitor(app.test_client())
        assert "None yet." in words(browser.get("/phones"))
        ask(browser, user.email)
        delivered()
        page = browser.get("/phones")
        assert "To jo@force.example" in words(page)
        browser.get(re.search(r"/new-password\?key=[\w-]{43}", page.text)[0])
        db.session.remove()
        db.engine.dispose()


def test_nowhere_else_is_an_email_kept(app, mailing):
    mail.send(to="jo@force.example", subject="x", words="y")
    app.config["POS_SMTP_URL"] = ""
    app.config["POS_ENV"] = "production"
    assert not mail.wanted()
    with pytest.raises((mail.NotSent, OSError, ValueError)):
        mail.send(to="jo@force.example", subject="x", words="y")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SimulatedEmail)) == 0
