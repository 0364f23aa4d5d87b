"""How people come in and are shut out: invited, checked with their control room, found, closed at once."""

from __future__ import annotations

import datetime as dt
import logging
import re
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import sqlalchemy as sa

from safety import accounts, invitations, jobs, mail, people
from safety.extensions import begin_write, db
from safety.lifecycle import Role
from safety.models import AuditEvent, CallBack, Force, Invitation, SignIn, Text, User
from tests import factories, servers
from tests.factories import NOW
from tests.fakes import MailServer
from tests.visitor import SECRET, Visitor, buttons, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

MINUTE = dt.timedelta(minutes=1)
CHOSEN = "nine quiet harbours"
BY = "user:" + "0" * 32


@pytest.fixture
def desk(app, client) -> Visitor:
    """A coordinator's browser."""
    return Visitor(client).sign_in(factories.coordinator(name="Pat Lindqvist"))


@pytest.fixture
def stranger(app) -> Visitor:
    """Somebody's browser, signed in as nobody."""
    return Visitor(app.test_client())


@pytest.fixture
def force(app) -> Force:
    found = factories.force(name="Moorland Police", switchboard="0113 496 0222")
    db.session.commit()
    return found


def asked(of: Force, **kept) -> dict[str, str]:
    """What a coordinator fills in to invite an officer."""
    values = {
        "name": "Jo  Fennimore",
        "email": "Jo.Fennimore@moorland.example",
        "collar": "8830",
        "mobile": "07700 900171",
    }
    return values | {"force": of.id.hex} | kept


def link_on(answer) -> str:
    """The path of the link that a page shows."""
    whole = re.search(r"<code>(http://localhost:8000[^<]+)</code>", answer.text)[1]
    parts = urlsplit(whole)
    return f"{parts.path}?{parts.query}"


def key_of(link: str) -> str:
    return link.partition("key=")[2]


def invited(desk: Visitor, force: Force, **kept) -> str:
    """Invite an officer and return the path of their link."""
    desk.get("/people/invite/officer")
    return link_on(desk.post("/people/invite/officer", 200, **asked(force, **kept)))


def choose(browser: Visitor, link: str, status: int = 303, **kept):
    """Choose a password with a link."""
    browser.get(link)
    data = {"key": key_of(link), "password": CHOSEN, "again": CHOSEN} | kept
    return browser.post("/invitation", status, **data)


def anybody(email: str) -> User | None:
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(sa.select(User).where(User.email == email)).first()


def only_invitation() -> Invitation:
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(sa.select(Invitation)).one()


def events() -> list[str]:
    db.session.rollback()
    skipped = {"sign_in", "sign_out", "sign_in_refused"}
    return [
        what
        for what in db.session.scalars(sa.select(AuditEvent.what).order_by(AuditEvent.id))
        if what not in skipped
    ]


def try_sign_in(browser: Visitor, email: str, password: str = CHOSEN, status: int = 303):
    browser.get("/sign-in")
    return browser.post("/sign-in", status, email=email, password=password)


# Inviting


def test_an_officer_is_invited_checked_and_signs_in(desk, stranger, force):
    page = words(desk.get("/people"))
    assert "Everybody with an account" in page
    assert desk.post("/people/invite", role="officer").headers["Location"] == "/people/invite/officer"
    link = invited(desk, force)
    page = words(desk.get("/people"))
    assert "Invited, not here yet (1)" in page
    assert "Invited by Pat Lindqvist (coordinator), today 14:00. The link works until 14:30." in page

    page = words(stranger.get(link))
    for fact in ("Jo Fennimore", "Officer, Moorland Police", "8830", "jo.fennimore@moorland.example"):
        assert fact in page
    assert choose(stranger, link).headers["Location"] == "/account-waits"
    page = words(stranger.get("/account-waits"))
    assert "a coordinator rings the control room of their force, on the number we hold" in page
    assert "0113 496 0100" in page

    page = words(desk.get("/people"))
    assert "Waiting for a call to their control room (1)" in page
    assert "Invited, not here yet" not in page
    user = anybody("jo.fennimore@moorland.example")
    page = words(desk.get(f"/people/{user.id}/call-back"))
    assert "0113 496 0222" in page
    assert "8830" in page
    page = words(desk.press(f"/people/{user.id}/call-back", answer="confirmed"))
    assert "Jo Fennimore can sign in now, and is told by text." in page
    assert "Invited by Pat Lindqvist (coordinator), today 14:00" in page
    assert "Control room rung by Pat Lindqvist (coordinator), today 14:00" in page

    assert try_sign_in(stranger, "jo.fennimore@moorland.example").headers["Location"] == "/referrals"
    assert events() == ["invite", "create_account", "invitation_used", "call_back"]
    (told,) = db.session.scalars(sa.select(Text))
    assert (told.wording, told.to) == ("account_open", "+447700900171")
    assert user.role == Role.OFFICER
    assert (user.force_id, user.collar_number, user.phone) == (force.id, "8830", "+447700900171")


@pytest.mark.parametrize(
    ("slug", "given", "leads"),
    [
        ("coordinator", {"mobile": "07700 900172"}, "/duty"),
        ("oversight", {}, "/home"),
        ("provider", {"provider": True}, "/house"),
    ],
)
def test_others_sign_in_at_once(desk, stranger, slug, given, leads):
    provider = factories.house().provider
    db.session.commit()
    desk.get(f"/people/invite/{slug}")
    if "provider" in given:
        given = {"provider": provider.id.hex}
    made = desk.post(f"/people/invite/{slug}", 200, name="Sam Ellery", email="sam@elsewhere.example", **given)
    assert choose(stranger, link_on(made)).headers["Location"] == "/account-ready"
    assert "Your account is ready" in words(stranger.get("/account-ready"))
    assert try_sign_in(stranger, "sam@elsewhere.example").headers["Location"] == leads
    assert anybody("sam@elsewhere.example").role == slug


def test_only_what_belongs_to_a_role_is_asked(desk, force):
    officer = desk.get("/people/invite/lead").text
    assert 'name="force"' in officer
    assert 'name="provider"' not in officer
    oversight = desk.get("/people/invite/oversight").text
    for name in ("force", "collar", "provider", "mobile"):
        assert f'name="{name}"' not in oversight
    desk.get("/people/invite/clock", 404)
    desk.get("/people/invite/nobody", 404)


def test_a_scheme_without_forces_or_providers_says_who_makes_them(desk):
    assert "load-forces" in words(desk.get("/people/invite/officer"))
    assert "There is no provider yet" in words(desk.get("/people/invite/provider"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": ""}, "Enter their name"),
        ({"email": "jo"}, "Enter an email address in the correct format, like name@example.com"),
        (
            {"email": "jo@moorland.test"},
            "Enter the officer's police address. It should end in police.uk or example",
        ),
        (
            {"email": "jo@notpolice.uk"},
            "Enter the officer's police address. It should end in police.uk or example",
        ),
        (
            {"email": "jo@police.uk.evil.test"},
            "Enter the officer's police address. It should end in police.uk or example",
        ),
        ({"email": "Taken@moorland.example"}, "Somebody has an account with this email address already"),
        ({"collar": ""}, "Enter their collar number"),
        ({"mobile": "0113 496 0222"}, "Mobile number must be a mobile number: this one cannot get texts"),
        ({"force": "0" * 32}, "Select their force"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_nobody_is_invited(desk, force, changed, message):
    factories.officer(of=force, email="taken@moorland.example")
    db.session.commit()
    desk.get("/people/invite/officer")
    answer = desk.post("/people/invite/officer", 400, **asked(force, **changed))
    assert summary(answer) == [message]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Invitation)) == 0
    if "name" not in changed:
        assert 'value="Jo  Fennimore"' in answer.text


@pytest.mark.parametrize(
    ("address", "police"),
    [
        ("a@moorland.police.uk", True),
        ("a@moorland.pnn.police.uk", True),
        ("a@police.uk", True),
        ("a@mypolice.uk", False),
        ("a@police.uk.example.test", False),
        ("a@moorland.gov.uk", False),
    ],
)
def test_an_officers_address_is_one_only_a_police_body_gives_out(app, address, police):
    assert invitations.of_police(address) is police


def test_coordinators_and_houses_write_from_anywhere(desk):
    desk.get("/people/invite/oversight")
    desk.post("/people/invite/oversight", 200, name="Sam", email="sam@somewhere.test")


def test_letting_somebody_in_asks_who_one_is(desk, force, clock):
    link = invited(desk, force)
    (open_one,) = invitations.open_ones()
    user = factories.officer(confirmed=False)
    closed = factories.officer(disabled_at=NOW, disabled_by=BY)
    db.session.commit()
    # In steps, so that nobody is signed out for doing nothing.
    for _ in range(2):
        clock.at += 8 * MINUTE
        desk.get("/duty")
    for path, back in (
        ("/people/invite/officer", "/people/invite/officer"),
        (f"/people/{user.id}/call-back", f"/people/{user.id}/call-back"),
        (f"/forces/{force.id}/control-room", f"/forces/{force.id}/control-room"),
        (f"/people/{closed.id}/open", f"/people/{closed.id}"),
        (f"/people/invitations/{open_one.id}/again", "/people"),
    ):
        data = asked(force) | {"answer": "confirmed", "number": "0113 496 0299"}
        leads = urlsplit(desk.post(path, **data).headers["Location"])
        assert leads.path == "/prove-who-you-are"
        assert parse_qs(leads.query) == {"next": [back]}
    db.session.expire_all()
    assert db.session.get(User, user.id).awaits_call_back
    assert db.session.get(User, closed.id).disabled_at is not None
    assert db.session.get(Force, force.id).switchboard == "0113 496 0222"
    assert only_invitation().token_hash == accounts.digest(key_of(link))


# The link


def test_the_link_is_shown_once_and_only_its_hash_is_kept(desk, force, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    link = invited(desk, force)
    key = key_of(link)
    assert len(key) >= 43
    assert key not in desk.get("/people").text
    kept = only_invitation()
    stored = "\n".join(
        str(row)
        for table in db.metadata.sorted_tables
        for row in db.session.execute(sa.select(sa.text("*")).select_from(table))
    )
    assert key not in stored
    assert "7700900171" not in stored
    assert kept.token_hash == accounts.digest(key)
    assert key not in caplog.text
    assert key not in "".join(capsys.readouterr())


def test_looking_at_a_link_uses_nothing_up_and_tells_nobody_its_key(desk, stranger, force, caplog):
    caplog.set_level(logging.DEBUG)
    link = invited(desk, force)
    for _ in range(3):
        page = stranger.get(link)
        # The origin at most: the key of an address that was looked at never leaves in a Referer.
        assert page.headers["Referrer-Policy"] == "strict-origin"
        assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r'(?:href|src|action)="[^"]*' + re.escape(key_of(link)), page.text)
    assert only_invitation().used_at is None
    assert choose(stranger, link).status_code == 303
    assert key_of(link) not in caplog.text


@pytest.mark.only("sqlite")
@pytest.mark.xdist_group("processes")
def test_the_web_server_writes_no_key_in_its_log(app, database_url, tmp_path):
    with servers.web(database_url, tmp_path / "web.log", POS_ACCESS_LOG="-") as server:
        for verb in ("get", "post"):
            getattr(requests, verb)(
                f"{server.url}/invitation?key=canary-key", data={"key": "canary-key"}, timeout=30
            )
        said = server.words()
    assert "/invitation" in said
    assert "canary" not in said


def test_a_link_works_once(app, desk, stranger, force):
    link = invited(desk, force)
    choose(stranger, link)
    other = Visitor(app.test_client())
    again = other.get(link, 410)
    assert "It has been used and the account is made. Sign in" in words(again)
    assert again.headers["Referrer-Policy"] == "strict-origin"
    other.get("/sign-in")
    data = {"key": key_of(link), "password": "another long password", "again": "another long password"}
    assert "It has been used" in words(other.post("/invitation", 410, **data))
    kept = anybody("jo.fennimore@moorland.example")
    assert accounts.hasher.verify(kept.password_hash, CHOSEN)


def test_a_link_is_good_for_half_an_hour_and_no_longer(desk, stranger, force, clock):
    link = invited(desk, force)
    clock.at = NOW + 30 * MINUTE - dt.timedelta(seconds=1)
    stranger.get(link)
    clock.at = NOW + 30 * MINUTE
    assert "It was good for 30 minutes" in words(stranger.get(link, 410))
    data = {"key": key_of(link), "password": CHOSEN, "again": CHOSEN}
    stranger.post("/invitation", 410, **data)
    assert anybody("jo.fennimore@moorland.example") is None


def test_a_link_taken_back_or_replaced_opens_nothing(desk, stranger, force):
    first = invited(desk, force)
    second = invited(desk, force, email="jo.fennimore@MOORLAND.example")
    assert "a newer one was made" in words(stranger.get(first, 410))
    stranger.get(second)
    (still,) = invitations.open_ones()
    third = link_on(desk.post(f"/people/invitations/{still.id}/again", 200))
    assert "a newer one was made" in words(stranger.get(second, 410))
    stranger.get(third)
    (still,) = invitations.open_ones()
    page = words(desk.press(f"/people/invitations/{still.id}/withdraw"))
    assert "Its link opens nothing any more." in page
    assert "It was taken back" in words(stranger.get(third, 410))
    for step in ("withdraw", "again"):
        page = words(desk.press(f"/people/invitations/{still.id}/{step}"))
        assert "That invitation is over" in page
    assert anybody("jo.fennimore@moorland.example") is None


@pytest.mark.parametrize("key", ["", "x", "%00", "é" * 40])
def test_a_wrong_link_tells_nobody_anything(stranger, key):
    page = words(stranger.get(f"/invitation?key={key}", 410))
    assert "Perhaps not all of the link came through." in page
    assert "0113 496 0100" in page


def test_somebody_who_came_to_an_account_otherwise_is_told_so(desk, stranger, force):
    link = invited(desk, force)
    factories.officer(of=force, email="jo.fennimore@moorland.example")
    db.session.commit()
    assert "You have an account with this email address already." in words(stranger.get(link, 410))
    begin_write()
    secret = accounts.Hashed("x")
    with pytest.raises(invitations.AccountThere):
        invitations.accept(token=key_of(link), password=secret, now=NOW)
    db.session.rollback()
    assert only_invitation().used_at is None


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"password": "short", "again": "short"}, "Password must be 8 characters or more"),
        (
            {"password": "fennimore1", "again": "fennimore1"},
            "Password is too easy to guess. Try three words that do not belong together",
        ),
        (
            {"again": "nine quiet harbors"},
            "The two passwords are not the same. Enter the same password again",
        ),
        ({"password": ""}, "Enter a password"),
    ],
)
def test_a_password_that_will_not_do_uses_nothing_up(desk, stranger, force, typed, message):
    link = invited(desk, force)
    answer = choose(stranger, link, 400, **typed)
    assert message in summary(answer)
    assert CHOSEN not in answer.text
    assert only_invitation().used_at is None
    choose(stranger, link)
    assert anybody("jo.fennimore@moorland.example") is not None


def test_trying_links_is_slowed(stranger):
    stranger.get("/sign-in")
    for _ in range(30):
        stranger.post("/invitation", 410, key="guess", password=CHOSEN, again=CHOSEN)
    stranger.post("/invitation", 429, key="guess", password=CHOSEN, again=CHOSEN)


def test_two_presses_at_once_make_one_account(app, desk, force):
    key = key_of(invited(desk, force))
    secret = accounts.hashed(password=CHOSEN)
    barrier, done = threading.Barrier(4), []

    def press():
        with app.app_context():
            barrier.wait(10)
            try:
                begin_write(deciding=False)
                user = invitations.accept(token=key, password=secret, now=NOW)
                db.session.commit()
                done.append(user.id)
            except invitations.Used:
                done.append(None)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 4 and done.count(None) == 3
    assert (
        db.session.scalar(sa.select(sa.func.count()).where(User.email == "jo.fennimore@moorland.example"))
        == 1
    )
    assert only_invitation().user_id in done


def test_the_password_is_hashed_with_no_transaction_open(desk, stranger, force, monkeypatch):
    link = invited(desk, force)
    real, seen = accounts.hashed, []

    def watched(**kept):
        seen.append(db.session().in_transaction())
        return real(**kept)

    monkeypatch.setattr(accounts, "hashed", watched)
    choose(stranger, link)
    assert seen == [False]


# By e-mail


@pytest.fixture
def post(app):
    """A mail server, and the settings that lead to it."""
    server = MailServer()
    app.config |= {"POS_SMTP_URL": server.url, "POS_MAIL_FROM": "noreply@scheme.example"}
    yield server
    server.close()


def test_the_link_is_sent_to_the_address_and_nowhere_else(desk, stranger, force, post):
    link = invited(desk, force)
    ((to, letter),) = post.letters
    assert to == "jo.fennimore@moorland.example"
    assert f"http://localhost:8000{link}" in letter.replace("=\r\n", "").replace("=3D", "=")
    assert "Fennimore" not in letter.partition("\r\n\r\n")[2]
    assert "noreply@scheme.example" in letter
    choose(stranger, link)


def test_the_page_says_whether_the_email_went(desk, force, post, caplog):
    desk.get("/people/invite/officer")
    page = words(desk.post("/people/invite/officer", 200, **asked(force)))
    assert "The link was sent to that address." in page
    post.refuses = True
    answer = desk.post("/people/invite/officer", 200, **asked(force, email="al@moorland.example"))
    assert "The email could not be sent. Send them this link yourself" in words(answer)
    # The invitation stands, and nobody's address is in the log.
    assert Visitor(desk.client.application.test_client()).get(link_on(answer)).status_code == 200
    assert "an e-mail was not sent: SMTPRecipientsRefused" in caplog.text
    assert "moorland" not in caplog.text


def test_without_a_mail_server_the_coordinator_sends_the_link(desk, force):
    desk.get("/people/invite/officer")
    page = words(desk.post("/people/invite/officer", 200, **asked(force)))
    assert "Send them this link yourself" in page


def test_nothing_is_open_while_a_mail_server_is_waited_for(app, post):
    db.session.scalar(sa.select(User.id))
    with pytest.raises(RuntimeError):
        mail.send(to="a@scheme.example", subject="x", words="x")
    assert post.letters == []


def test_a_mail_server_that_is_not_there_is_given_up(app, post):
    post.close()
    with pytest.raises(mail.NotSent):
        mail.send(to="a@scheme.example", subject="x", words="x")
    app.config["POS_SMTP_URL"] = "smtps://127.0.0.1:1"
    with pytest.raises(mail.NotSent):
        mail.send(to="a@scheme.example", subject="x", words="x")


# The call to the control room


def test_before_the_call_an_officer_is_told_what_is_awaited_and_has_no_session(app, stranger):
    user = factories.officer(confirmed=False)
    user.password_hash = SECRET
    db.session.commit()
    user.password_hash = accounts.hashed(password=SECRET).value
    db.session.commit()
    answer = try_sign_in(stranger, user.email, SECRET)
    assert answer.headers["Location"] == "/account-waits"
    assert stranger.get("/find", 303).headers["Location"].startswith("/sign-in")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SignIn)) == 0
    # A wrong password says nothing of it.
    assert "One of them is not right" in words(try_sign_in(stranger, user.email, "not the password", 400))


def test_a_session_from_somewhere_is_worth_nothing_before_the_call(app):
    user = factories.officer()
    secret = accounts.Claim(user.id, user.password_hash)
    token = accounts.sign_in(claim=secret, now=NOW).user.session_token
    assert accounts.load(token=token, now=NOW) is not None
    db.session.execute(sa.delete(CallBack))
    db.session.expire_all()
    assert accounts.load(token=token, now=NOW) is None


def test_a_control_room_that_does_not_know_them_changes_nothing(desk, force):
    user = factories.officer(of=force, confirmed=False, name="Al Who")
    db.session.commit()
    desk.get(f"/people/{user.id}/call-back")
    assert summary(desk.post(f"/people/{user.id}/call-back", 400)) == ["Select what the control room said"]
    page = words(desk.press(f"/people/{user.id}/call-back", answer="doubtful"))
    assert "they still cannot sign in" in page
    assert anybody(user.email).awaits_call_back
    assert events() == ["call_back_failed"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Text)) == 0


def test_without_a_number_of_ours_nothing_can_be_confirmed(desk):
    bare = factories.force(switchboard=None)
    user = factories.officer(of=bare, confirmed=False)
    db.session.commit()
    page = desk.get(f"/people/{user.id}/call-back")
    assert buttons(page) == ["Enter the control-room number"]
    desk.post(f"/people/{user.id}/call-back", 200, answer="confirmed")
    assert anybody(user.email).awaits_call_back
    desk.get(f"/forces/{bare.id}/control-room")
    page = words(desk.press(f"/forces/{bare.id}/control-room", number="0113 4960 233"))
    assert f"{bare.name}: the control room is 0113 496 0233." in page
    desk.get(f"/people/{user.id}/call-back")
    desk.press(f"/people/{user.id}/call-back", answer="confirmed")
    assert not anybody(user.email).awaits_call_back
    assert events() == ["set_switchboard", "call_back"]


@pytest.mark.parametrize("number", ["", "101", "0113", "+33 1 23 45 67 89", "999"])
def test_a_number_that_nobody_could_ring_is_refused(desk, force, number):
    desk.get(f"/forces/{force.id}/control-room")
    desk.post(f"/forces/{force.id}/control-room", 400, number=number)
    db.session.expire_all()
    assert db.session.get(Force, force.id).switchboard == "0113 496 0222"


def test_recorded_twice_it_is_one_call(app):
    user = factories.officer(confirmed=False)
    people.confirm(user_id=user.id, by=BY, now=NOW)
    people.confirm(user_id=user.id, by=BY, now=NOW + MINUTE)
    (call,) = db.session.scalars(sa.select(CallBack))
    assert (call.called_at, call.called_by) == (NOW, BY)
    for nobody in (factories.coordinator().id, factories.force().id):
        with pytest.raises(LookupError):
            people.confirm(user_id=nobody, by=BY, now=NOW)


# Finding


def names_on(answer) -> list[str]:
    part = answer.text.partition('id="everybody"')[2]
    return re.findall(r'govuk-task-list__link" href="/people/[^"]+">([^<]+)</a>', part)


def test_people_are_found_by_a_piece_of_their_name_or_address(desk, force):
    for name, email in (
        ("Robin Averill", "r.a@moorland.example"),
        ("Lee O'Hara", "lee@moorland.example"),
        ("100% Sure", "x_y@moorland.example"),
    ):
        factories.officer(of=force, name=name, email=email)
    db.session.commit()
    desk.get("/people")
    for piece, found in (
        ("aver", ["Robin Averill"]),
        ("AVER", ["Robin Averill"]),
        ("o'hara", ["Lee O'Hara"]),
        ("lee@", ["Lee O'Hara"]),
        ("%", ["100% Sure"]),
        ("_", ["100% Sure"]),
        ("nobody", []),
    ):
        answer = desk.post("/people", 200, words=piece)
        assert [name.replace("&#39;", "'") for name in names_on(answer)] == found, piece
    assert "Nobody’s name or email address has that in it." in words(answer)
    assert summary(desk.post("/people", 400, words="x" * 101))


def test_a_name_that_is_looked_for_is_in_no_address_and_no_title(desk):
    desk.get("/people")
    answer = desk.post("/people", 200, words="lindqvist")
    assert names_on(answer) == ["Pat Lindqvist"]
    assert not re.search(r'(?:href|action)="[^"]*lindqvist', answer.text, re.IGNORECASE)
    assert "<title>People found – Places of Safety</title>" in answer.text
    assert desk.get("/people?words=lindqvist").text.count("Everybody with an account") == 1


def test_many_people_come_a_page_at_a_time(desk, force):
    for number in range(45):
        factories.officer(of=force, name=f"Officer {number:02}")
    db.session.commit()
    seen = names_on(desk.get("/people"))
    assert len(seen) == people.PAGE
    page = desk.post("/people", 200, words="", page="2")
    assert buttons(page)[-2:] == ["Back to page 1", "On to page 3"]
    seen += names_on(page)
    last = desk.post("/people", 200, words="", page="3")
    assert buttons(last)[-1:] == ["Back to page 2"]
    seen += names_on(last)
    assert seen == [f"Officer {number:02}" for number in range(45)] + ["Pat Lindqvist"]
    for odd in ("0", "-1", "x", "99999", "²"):
        assert names_on(desk.post("/people", 200, words="", page=odd)) == seen[: people.PAGE]
    assert names_on(desk.post("/people", 200, words="Officer", page="3")) == seen[40:45]


def test_a_person_page_says_who_they_are_and_how_they_stand(desk, force):
    user = factories.officer(of=force, name="Robin Averill", phone=None, phone_index=None)
    db.session.commit()
    page = words(desk.get(f"/people/{user.id}"))
    for fact in (
        "Robin Averill",
        "Officer, Moorland Police",
        user.email,
        "They can sign in.",
        "Whoever runs the service",
    ):
        assert fact in page
    desk.get(f"/people/{factories.force().id}", 404)


def test_nobody_but_a_coordinator_sees_any_of_it(app, force):
    user = factories.officer(of=force)
    visitors = [factories.officer(of=force, role=Role.LEAD), factories.staff(of=factories.house().provider)]
    db.session.commit()
    for visitor in visitors:
        browser = Visitor(app.test_client()).sign_in(visitor)
        browser.get("/home")
        one = f"/people/{user.id}"
        for path in ("/people", "/people/invite", one, f"{one}/call-back", "/forces", f"/forces/{force.id}"):
            browser.get(path, 404)
        for path in (f"{one}/close", f"{one}/open", f"{one}/call-back", "/people/invite/officer"):
            browser.post(path, 404)


# Closing


def test_a_closed_account_is_out_at_once_and_can_be_opened_again(app, desk, stranger, force):
    user = factories.officer(of=force, name="Robin Averill")
    officer = Visitor(app.test_client()).sign_in(user)
    officer.get("/referrals")
    desk.get(f"/people/{user.id}")
    page = words(desk.press(f"/people/{user.id}/close"))
    assert "Robin Averill is signed out everywhere and cannot sign in." in page
    assert "closed by Pat Lindqvist (coordinator), today 14:00" in page
    assert officer.get("/referrals", 303).headers["Location"].startswith("/sign-in")
    try_sign_in(stranger, user.email, SECRET, 400)
    assert "open again" in words(desk.press(f"/people/{user.id}/open"))
    # Why it was closed may be that their force did not know them: they are rung for again first.
    assert try_sign_in(stranger, user.email, SECRET).headers["Location"] == "/account-waits"
    people.confirm(user_id=user.id, by=BY, now=NOW)
    db.session.commit()
    assert try_sign_in(stranger, user.email, SECRET).headers["Location"] == "/referrals"
    assert events() == ["disable_account", "enable_account", "call_back"]
    for step in (people.close, people.open_again):
        with pytest.raises(LookupError):
            step(user_id=force.id, by=BY, now=NOW)


def test_nobody_closes_their_own_account(desk):
    assert buttons(desk.get(f"/people/{desk.user.id}")) == []
    factories.coordinator()
    db.session.commit()
    page = words(desk.press(f"/people/{desk.user.id}/close"))
    assert "This is your own account. Another coordinator can close it." in page
    assert anybody(desk.user.email).disabled_at is None


def test_there_is_always_a_coordinator_who_can_sign_in(app):
    last, gone = factories.coordinator(), factories.coordinator()
    people.close(user_id=gone.id, by=BY, now=NOW)
    with pytest.raises(people.StaysOpen, match="last coordinator"):
        people.close(user_id=last.id, by=BY, now=NOW)
    assert last.disabled_at is None


def test_two_coordinators_cannot_close_each_other(app):
    pair = [factories.coordinator(), factories.coordinator()]
    ids = [user.id for user in pair]
    db.session.commit()
    barrier, refused = threading.Barrier(2), []

    def press(mine, theirs):
        with app.app_context():
            barrier.wait(10)
            begin_write()
            try:
                people.close(user_id=theirs, by=f"user:{mine.hex}", now=NOW)
                db.session.commit()
            except people.StaysOpen:
                refused.append(theirs)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=press, args=args) for args in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    db.session.expire_all()
    still = [user.id for user in db.session.scalars(sa.select(User)) if user.disabled_at is None]
    assert still == refused
    assert len(still) == 1


def test_the_links_of_somebody_shut_out_are_worth_nothing(app, desk, stranger, force):
    link = invited(desk, force)
    label = f"user:{desk.user.id.hex}"
    factories.coordinator()
    people.close(user_id=desk.user.id, by=BY, now=NOW)
    db.session.commit()
    assert "It was taken back" in words(stranger.get(link, 410))
    assert only_invitation().withdrawn_by == BY != label


# Forgetting, and what the database keeps


def test_an_invitation_nobody_used_is_forgotten_and_one_that_was_used_stays(
    app, desk, stranger, force, clock
):
    choose(stranger, invited(desk, force))
    invited(desk, force, email="late@moorland.example")
    clock.at = NOW + dt.timedelta(days=30) + 29 * MINUTE
    process = jobs.this_process()
    db.session.rollback()
    jobs.erase(process)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Invitation)) == 2
    db.session.rollback()
    clock.at += 2 * MINUTE
    jobs.erase(process)
    assert only_invitation().used_at == NOW


@pytest.mark.parametrize(
    "change",
    [
        {"used_at": NOW},
        {"withdrawn_at": NOW},
        {"role": "clock"},
        {"role": "coordinator"},
        {"force_id": None},
        {"email": "Upper@moorland.example"},
        {"phone_index": None},
    ],
)
def test_an_invitation_that_cannot_be_is_refused_by_the_database(desk, force, change):
    invited(desk, force)
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(sa.update(Invitation).values(**change))


@pytest.mark.parametrize(
    ("of", "change"),
    [
        ("second", {"email": "first@moorland.example"}),
        ("second", {"used_at": NOW, "user_id": "the account"}),
        ("used", {"withdrawn_at": NOW, "withdrawn_by": BY}),
    ],
)
def test_the_database_keeps_one_open_link_an_address_and_one_account_a_link(
    desk, stranger, force, of, change
):
    choose(stranger, invited(desk, force, email="used@moorland.example"))
    for name in ("first", "second"):
        invited(desk, force, email=f"{name}@moorland.example")
    if "user_id" in change:
        change = change | {"user_id": anybody("used@moorland.example").id}
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(
            sa.update(Invitation).where(Invitation.email == f"{of}@moorland.example").values(**change)
        )


def test_the_database_keeps_one_call_an_officer(app):
    user = factories.officer()
    db.session.add(CallBack(user_id=user.id, called_at=NOW, called_by=BY))
    with pytest.raises(sa.exc.IntegrityError):
        db.session.flush()
