"""Signing in and out, sessions and their end, and what guessing costs."""

from __future__ import annotations

import datetime as dt
import re
import threading

import pytest
import sqlalchemy as sa

from safety import accounts, create_app, web
from safety import clock as safety_clock
from safety.extensions import begin_write, db
from safety.lifecycle import ReferralState, Role
from safety.models import AuditEvent, RateLimit, SignIn, User
from safety.web import limits
from safety.web import sign_in as door
from tests import factories, listening
from tests.conftest import settings_for
from tests.factories import NOW
from tests.pages import check_page

SECRET = "seven purple ladders"
DUTY = "0113 496 0100"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    monkeypatch.setattr(
        accounts, "hasher", accounts.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""

    class Clock:
        at = NOW

        def forward(self, **by):
            self.at += dt.timedelta(**by)

    still = Clock()
    monkeypatch.setattr("safety.clock.now", lambda: still.at)
    return still


@pytest.fixture
def officer(app):
    user = factories.officer(password_hash=accounts.hashed(password=SECRET).value, email="pat@force.example")
    db.session.commit()
    return user


def token(client, path="/sign-in"):
    page = client.get(path, follow_redirects=True)
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


def attempt(client, email="pat@force.example", password=SECRET, path="/sign-in", **more):
    return client.post(path, data={"csrf_token": token(client), "email": email, "password": password, **more})


def start(client) -> str:
    """Where an officer starts."""
    with client.application.test_request_context("/"):
        return web.home(Role.OFFICER)


def signed_in(client) -> bool:
    return client.get("/home").status_code == 200


def session_token(client) -> str:
    with client.session_transaction() as kept:
        return kept["_user_id"]


def sessions():
    rows = db.session.scalars(sa.select(SignIn).order_by(SignIn.started_at, SignIn.id)).all()
    db.session.rollback()
    return rows


def events():
    found = db.session.scalars(sa.select(AuditEvent.what).order_by(AuditEvent.id)).all()
    db.session.rollback()
    return found


def test_the_sign_in_page_shows_the_duty_number_and_what_to_have_ready(client):
    answer = client.get("/sign-in")
    assert "<title>Sign in – Places of Safety</title>" in answer.text
    assert 'href="tel:+441134960100"' in answer.text
    for thing in (
        "collar number",
        "first half of the postcode",
        "whether they are an adult",
        "when you can be there",
    ):
        assert thing in answer.text
    check_page(answer)


def test_an_officer_signs_in_and_out_and_is_really_out(client, officer):
    assert attempt(client, email=" Pat@Force.example ").headers["Location"] == start(client)
    assert signed_in(client)
    stolen = client.get_cookie("session").value
    csrf = token(client, "/home")
    answer = client.post("/sign-out", data={"csrf_token": csrf})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/signed-out")
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    page = client.get("/signed-out")
    assert DUTY in page.text
    check_page(page)
    assert not signed_in(client)
    # The cookie from before, kept by somebody, is worth nothing.
    client.set_cookie("session", stolen)
    assert not signed_in(client)
    assert events() == ["sign_in", "sign_out"]


def test_signing_out_is_never_done_by_a_link(client, officer):
    attempt(client)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").status_code == 400
    assert signed_in(client)


def test_signing_out_when_the_session_is_already_over_still_leaves_nothing(client, officer, clock):
    attempt(client)
    csrf = token(client, "/home")
    clock.forward(hours=1)
    assert client.post("/sign-out", data={"csrf_token": csrf}).status_code == 303
    with client.session_transaction() as kept:
        assert not dict(kept)


def test_a_new_session_token_at_every_sign_in(client, officer):
    with client.session_transaction() as planted:
        planted["_user_id"] = "planted by somebody else"
        planted["more"] = "planted by somebody else"
    attempt(client)
    first = session_token(client)
    assert first != "planted by somebody else"
    with client.session_transaction() as kept:
        assert set(kept) == {"_user_id"}
    attempt(client)
    assert session_token(client) != first
    old, new = sessions()
    assert {bool(old.ended_at), bool(new.ended_at)} == {True, False}


def test_neither_the_token_nor_the_person_is_stored_where_they_could_be_read(client, officer):
    attempt(client)
    with client.session_transaction() as kept:
        kept_names, kept_token = set(kept), kept["_user_id"]
    assert kept_names <= {"_user_id", "csrf_token"}
    assert officer.id.hex not in kept_token
    (row,) = sessions()
    assert kept_token not in row.token_hash


def _refusal(answer) -> str:
    """What is told: everything but the address that was typed and the token of the form."""
    return re.sub(r'value="[^"]*"', "", answer.text)


def test_an_unknown_address_a_closed_account_and_a_wrong_password_get_one_answer(app, client, officer):
    closed = factories.officer(password_hash=officer.password_hash, email="closed@force.example")
    begin = closed.id
    accounts.disable(user_id=begin, by="user:" + "0" * 32, now=NOW)
    db.session.commit()
    wrong = attempt(client, password="another password")
    unknown = attempt(client, email="nobody@force.example")
    shut = attempt(client, email="closed@force.example")
    assert wrong.status_code == unknown.status_code == shut.status_code == 400
    assert _refusal(wrong) == _refusal(unknown) == _refusal(shut)
    for email in ("closed@force.example", "nobody@force.example"):
        assert accounts.claim(email=email) == accounts.Claim(None, "")
    db.session.rollback()
    assert sorted(wrong.headers.keys()) == sorted(unknown.headers.keys()) == sorted(shut.headers.keys())
    assert "Enter the email address and password of your account" in wrong.text
    assert 'href="#email"' in wrong.text
    check_page(wrong)


def test_an_unknown_address_costs_the_same_work(app, client, officer, monkeypatch):
    verified, inside = [], []

    class Counting(accounts.PasswordHasher):
        def verify(self, stored, password):
            verified.append(stored.split("$")[3])
            inside.append(db.session().in_transaction())
            return super().verify(stored, password)

    monkeypatch.setattr(accounts, "hasher", Counting(time_cost=1, memory_cost=8, parallelism=1))
    attempt(client, password="another password")
    attempt(client, email="nobody@force.example")
    assert verified == ["m=8,t=1,p=1"] * 2
    assert inside == [False, False]


def test_a_password_is_never_hashed_while_a_transaction_is_open(app, officer):
    claim = accounts.claim(email="pat@force.example")
    for work in (
        lambda: accounts.matches(claim=claim, password=SECRET),
        lambda: accounts.hashed(password=SECRET),
        lambda: accounts.renewed(claim=claim, password=SECRET),
    ):
        with pytest.raises(RuntimeError):
            work()
    db.session.rollback()
    assert accounts.matches(claim=claim, password=SECRET)


def test_nothing_typed_is_lost_but_the_password(client, officer):
    answer = attempt(client, email="pat@force.example", password="not this one")
    assert 'value="pat@force.example"' in answer.text
    assert "not this one" not in answer.text


@pytest.mark.parametrize(
    ("sent", "message", "place"),
    [
        ({}, "Enter your email address", "#email"),
        ({"email": "pat@force.example"}, "Enter your password", "#password"),
        ({"email": "pat", "password": "x"}, "Enter an email address in the correct format", "#email"),
        (
            {"email": "p" * 300 + "@x.example", "password": "x"},
            "Email address must be 254 characters or fewer",
            "#email",
        ),
        (
            {"email": "pat@force.example", "password": "x" * 200},
            "Password must be 128 characters or fewer",
            "#password",
        ),
        (
            {"email": "pat@force\x00.example", "password": "x"},
            "Email address had characters that cannot be seen",
            "#email",
        ),
        (
            {"email": "pat@force\u202e.example", "password": "x"},
            "Email address had characters that cannot be seen",
            "#email",
        ),
        (
            {"email": ["pat@force.example", "x@y.example"], "password": "x"},
            "Email address was answered more than once",
            "#email",
        ),
        (
            {"email": "pat@force.example", "password": ["x", "y"]},
            "Password was answered more than once",
            "#password",
        ),
    ],
)
def test_bad_input_gets_the_same_page_back_with_what_to_do(client, officer, sent, message, place):
    answer = client.post("/sign-in", data={"csrf_token": token(client), **sent})
    assert answer.status_code == 400
    assert "<title>Error: Sign in – Places of Safety</title>" in answer.text
    assert message in answer.text
    assert f'href="{place}"' in answer.text
    assert not sessions()
    check_page(answer)


def test_broken_encoding_and_other_kinds_of_content_are_refused(client, officer):
    csrf = token(client)
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    body = b"".join(
        part % pair
        for pair in [
            (b"csrf_token", csrf.encode()),
            (b"email", b"pat\xff@force.example"),
            (b"password", b"x"),
        ]
    )
    broken = client.post("/sign-in", data=body + b"--x--\r\n", content_type="multipart/form-data; boundary=x")
    assert broken.status_code == 400
    assert "cannot be seen" in broken.text
    for body in ("[1, 2]", '"x"', "{"):
        told = client.post(
            "/sign-in", data=body, content_type="application/json", headers={"X-CSRFToken": csrf}
        )
        assert told.status_code == 400
        assert "Enter your email address" in told.text


def test_a_field_the_form_does_not_have_changes_nothing(client, officer):
    assert attempt(client, role="coordinator", user_id="1").status_code == 303
    assert db.session.get(User, officer.id).role == Role.OFFICER


# The end of a session


def test_idle_too_long_and_the_session_is_over(client, officer, clock):
    attempt(client)
    clock.forward(minutes=14, seconds=59)
    assert signed_in(client)
    clock.forward(minutes=14, seconds=59)
    assert signed_in(client)
    clock.forward(minutes=15)
    answer = client.get("/home")
    assert answer.headers["Location"] == "/sign-in?next=/home"
    page = client.get(answer.headers["Location"])
    assert "You were signed out to keep people safe" in page.text
    assert DUTY in page.text
    check_page(page)


def test_whoever_holds_a_live_referral_stays_signed_in_on_the_road(client, officer, clock):
    referral = factories.referral(by=officer, now=NOW)
    db.session.commit()
    attempt(client)
    clock.forward(minutes=119)
    assert signed_in(client)
    referral = db.session.merge(referral)
    referral.state, referral.closed_at, referral.closed_by = ReferralState.CLOSED, NOW, "clock"
    db.session.commit()
    clock.forward(minutes=16)
    assert not signed_in(client)


def test_even_on_the_road_two_hours_without_a_sign_of_life_end_it(client, officer, clock):
    factories.referral(by=officer, now=NOW)
    db.session.commit()
    attempt(client)
    clock.forward(minutes=120)
    assert not signed_in(client)


def test_no_session_lasts_longer_than_half_a_day(client, officer, clock):
    attempt(client)
    for _ in range(12 * 6 - 1):
        clock.forward(minutes=10)
        assert signed_in(client)
    clock.forward(minutes=10)
    assert not signed_in(client)


def test_a_disabled_person_is_out_at_the_next_request(client, officer):
    attempt(client)
    assert signed_in(client)
    accounts.disable(user_id=officer.id, by="user:" + "0" * 32, now=NOW)
    db.session.commit()
    assert not signed_in(client)
    assert all(row.ended_by == "user:" + "0" * 32 for row in sessions())


def test_the_flag_alone_is_enough_to_be_out(client, officer):
    attempt(client)
    kept = session_token(client)
    assert accounts.load(token=kept, now=safety_clock.now()) is not None
    db.session.execute(sa.update(User).values(disabled_at=NOW, disabled_by="clock"))
    db.session.commit()
    assert accounts.load(token=kept, now=safety_clock.now()) is None
    db.session.rollback()
    assert not signed_in(client)


def test_last_seen_is_written_at_most_once_a_minute(client, officer, clock):
    attempt(client)
    began = clock.at
    clock.forward(seconds=59)
    with listening.transactions() as writes:
        client.get("/home")
    assert "IMMEDIATE" not in writes
    assert sessions()[0].seen_at == began
    clock.forward(seconds=1)
    client.get("/home")
    assert sessions()[0].seen_at == clock.at
    assert not db.session.scalar(
        sa.select(sa.func.count()).select_from(SignIn).where(SignIn.seen_at > clock.at)
    )


def test_a_form_left_open_on_the_road_goes_through_after_signing_in_again(client, officer, clock):
    attempt(client)
    before = token(client, "/home")
    clock.forward(minutes=20)
    assert not signed_in(client)
    attempt(client)
    assert client.post("/sign-out", data={"csrf_token": before}).status_code == 303


def test_somebody_elses_form_is_worth_nothing_to_the_next_person(client, officer, clock):
    factories.officer(password_hash=officer.password_hash, email="sam@force.example")
    db.session.commit()
    attempt(client)
    before = token(client, "/home")
    attempt(client, email="sam@force.example")
    assert client.post("/sign-out", data={"csrf_token": before}).status_code == 400


def test_an_altered_cookie_is_nobody(client, officer):
    attempt(client)
    cookie = client.get_cookie("session").value
    client.set_cookie("session", cookie[:-2] + ("AA" if not cookie.endswith("AA") else "BB"))
    assert not signed_in(client)


def test_signed_in_the_sign_in_page_leads_on(client, officer):
    attempt(client)
    assert client.get("/sign-in").headers["Location"] == start(client)
    assert client.get("/").headers["Location"] == start(client)


def test_signed_out_the_start_is_the_sign_in_page(client):
    assert client.get("/").headers["Location"] == "/sign-in"


# Guessing


def test_guessing_at_one_account_is_slowed_and_says_how_long(app, client, officer, clock):
    answers = [attempt(client, password=f"guess number {n}") for n in range(6)]
    assert [answer.status_code for answer in answers] == [400] * 5 + [429]
    last = answers[-1]
    assert last.headers["Retry-After"] == "61"
    assert "You have tried too many times" in last.text
    assert DUTY in last.text
    check_page(last)
    assert attempt(client).status_code == 429  # the right password as well, or guessing would show
    other = app.test_client()
    factories.officer(password_hash=officer.password_hash, email="sam@force.example")
    db.session.commit()
    assert attempt(other, email="sam@force.example").status_code == 303
    clock.forward(seconds=61)
    assert attempt(client).status_code == 303


def attempt_from(client, place, **more):
    client.environ_base["REMOTE_ADDR"] = place
    return attempt(client, **more).status_code


def test_guessing_from_one_place_locks_nobody_out_elsewhere(app, officer):
    stranger, owner = app.test_client(), app.test_client()
    assert [attempt_from(stranger, "198.51.100.7", password="a guess") for _ in range(8)][-1] == 429
    assert attempt_from(owner, "203.0.113.9") == 303


def test_guessing_at_one_account_from_many_places_is_slowed_as_well(app, officer):
    answers = [attempt_from(app.test_client(), f"198.51.100.{n}", password="a guess") for n in range(51)]
    assert answers == [400] * 50 + [429]


def test_an_address_without_an_account_is_slowed_alike(client, officer):
    answers = [attempt(client, email="nobody@force.example").status_code for _ in range(6)]
    assert answers == [400] * 5 + [429]


def test_guessing_from_one_place_at_many_accounts_is_slowed(database_url):
    app = create_app(settings_for(database_url, SIGN_IN_PER_SOURCE="3 per minute"))
    with app.app_context():
        client = app.test_client()
        answers = [attempt(client, email=f"nobody{n}@force.example").status_code for n in range(4)]
        assert answers == [400] * 3 + [429]
        elsewhere = client.post(
            "/sign-in",
            data={"csrf_token": token(client), "email": "nobody@force.example", "password": "x"},
            environ_base={"REMOTE_ADDR": "198.51.100.7"},
        )
        assert elsewhere.status_code == 400
        db.session.remove()
        db.engine.dispose()


def test_counts_keep_no_address(app, client, officer):
    attempt(client, email="pat@force.example")
    keys = db.session.scalars(sa.select(RateLimit.key)).all()
    assert len(keys) == 6
    assert not any("pat" in key or "127.0.0.1" in key for key in keys)


def test_many_processes_count_alike(app):
    """Eight at once, each with a connection of its own: exactly the allowed number get through."""
    passed, refused = [], []
    start = threading.Barrier(8)

    def guess():
        with app.app_context():
            start.wait(10)
            for _ in range(3):
                try:
                    limits.count(("account", "pat", "10 per hour"), ("source", "somewhere", "1000 per hour"))
                    passed.append(1)
                except limits.TooMany:
                    refused.append(1)
            db.session.remove()

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(passed), len(refused)) == (10, 14)


def test_old_counts_are_forgotten(app, clock):
    limits.count(("account", "pat", "5 per minute"))
    clock.forward(hours=2)
    limits.count(("account", "sam", "5 per minute"))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(RateLimit)) == 1


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("", "nowhere"),
    ],
)
def test_a_whole_ipv6_line_is_one_source(app, address, counted):
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": address}):
        assert limits.source() == counted


# Proving again


def test_proving_again_makes_the_proof_fresh_and_changes_the_token(client, officer, clock):
    attempt(client)
    before = session_token(client)
    clock.forward(minutes=14)
    page = client.get("/prove-who-you-are?next=/home")
    assert DUTY in page.text
    check_page(page)
    csrf = token(client, "/prove-who-you-are")
    wrong = client.post(
        "/prove-who-you-are?next=/home", data={"csrf_token": csrf, "password": "no, not this"}
    )
    assert wrong.status_code == 400
    check_page(wrong)
    assert sessions()[0].proved_at == NOW
    right = client.post("/prove-who-you-are?next=/home", data={"csrf_token": csrf, "password": SECRET})
    assert right.headers["Location"] == "/home"
    assert sessions()[0].proved_at == clock.at
    assert session_token(client) != before
    assert signed_in(client)
    assert events() == ["sign_in", "sign_in_refused", "prove"]


def test_proving_again_is_slowed_like_signing_in(client, officer):
    attempt(client)
    csrf = token(client, "/home")
    answers = [
        client.post("/prove-who-you-are", data={"csrf_token": csrf, "password": "no, not this"}).status_code
        for _ in range(6)
    ]
    assert answers == [400] * 5 + [429]


def test_nobody_who_knows_an_address_keeps_its_owner_from_proving_again(app, client, officer):
    """The way to the address of a house leads over it, and an e-mail address is no secret."""
    attempt(client)
    csrf = token(client, "/home")
    stranger = app.test_client()
    while attempt(stranger, password="a guess").status_code != 429:
        pass
    answer = client.post("/prove-who-you-are?next=/home", data={"csrf_token": csrf, "password": SECRET})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/home")


# The place of a second step


def test_a_second_step_stands_between_the_password_and_the_session(app, client, officer, monkeypatch):
    monkeypatch.setattr(door, "SECOND_STEPS", [lambda claim: "public.signed_out" if claim.user_id else None])
    answer = attempt(client, path="/sign-in?next=/home")
    assert answer.headers["Location"] == "/signed-out"
    assert not sessions()
    assert not signed_in(client)
    with client.session_transaction() as kept:
        assert kept["claimed"] == {"account": officer.id.hex, "next": "/home"}


def test_a_weaker_hash_is_renewed_at_sign_in(client, officer, monkeypatch):
    monkeypatch.setattr(
        accounts, "hasher", accounts.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    )
    attempt(client)
    stored = db.session.scalar(sa.select(User.password_hash))
    assert "t=2" in stored
    db.session.rollback()
    assert attempt(client).status_code == 303


# Accounts


def test_an_account_closed_between_the_proof_and_the_session_gets_none(app, officer):
    claim = accounts.claim(email="pat@force.example")
    db.session.rollback()
    assert accounts.matches(claim=claim, password=SECRET)
    accounts.disable(user_id=officer.id, by="clock", now=NOW)
    db.session.commit()
    with pytest.raises(accounts.Refused):
        accounts.sign_in(claim=claim, now=NOW)


def test_disabling_again_changes_nothing(app, officer):
    accounts.disable(user_id=officer.id, by="clock", now=NOW)
    accounts.disable(user_id=officer.id, by="user:" + "0" * 32, now=NOW + dt.timedelta(hours=1))
    db.session.commit()
    assert (officer.disabled_at, officer.disabled_by) == (NOW, "clock")
    assert events() == ["disable_account"]
    with pytest.raises(LookupError):
        accounts.disable(user_id=factories.force().id, by="clock", now=NOW)


def test_an_account_is_created_with_a_phone_that_texts_find(app):
    secret = accounts.hashed(password=SECRET, email="New@Force.example", name="New Person")
    begin_write()
    user = accounts.create(
        email=" New@Force.example ",
        name="New Person",
        role=Role.OFFICER,
        password=secret,
        by="clock",
        force_id=factories.force().id,
        phone="+447700900123",
        now=NOW,
    )
    db.session.commit()
    assert (user.email, user.phone) == ("new@force.example", "+447700900123")
    assert user.phone_index
    assert user.password_hash == secret.value
    with pytest.raises(accounts.EmailTaken):
        accounts.create(
            email="new@force.example", name="X", role=Role.OVERSIGHT, password=secret, by="clock", now=NOW
        )
    with pytest.raises(accounts.NotAnEmail):
        accounts.create(
            email="new at force", name="X", role=Role.OVERSIGHT, password=secret, by="clock", now=NOW
        )


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 129,
        "password",
        "Password1!",
        "P4ssw0rd123",
        "letmein1",
        "qwertyuiop",
        "poiuytrewq",
        "12345678",
        "87654321",
        "aaaaaaaa",
        "abcabcabc",
        "12341234",
        "31121999",
        "19991231",
        "placesofsafety",
        "Police2027",
        "ModernSlavery1",
        "liverpool1",
        "ilovelydragon",
        "robinson",
        "Robinson1987",
    ],
)
def test_a_password_anybody_would_guess_is_refused(app, password):
    with pytest.raises(accounts.WeakPassword):
        accounts.hashed(password=password, email="j.robinson@force.example", name="Jo Robinson")


@pytest.mark.parametrize(
    "password",
    [
        "seven purple ladders",
        "x7!kQz9#",
        "tramlines",
        "correct horse battery staple",
        "  spaced out  ",
        "ключ от дома",
        "p" + "o i" * 40,
    ],
)
def test_a_password_of_any_make_is_taken_as_it_is_typed(app, password):
    stored = accounts.hashed(password=password, email="pat@force.example").value
    assert accounts.hasher.verify(stored, password)
