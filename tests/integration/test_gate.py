"""The gate: who comes in, what a refusal looks like, and what every answer carries."""

from __future__ import annotations

import datetime as dt
import logging
import re
import sqlite3
import threading

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError

from safety import accounts, create_app, trouble, web
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Heartbeat, SignIn
from safety.permissions import ANYONE, SIGNED_IN, NotYours, allow
from safety.web import wire
from tests import factories, listening
from tests.conftest import settings_for
from tests.pages import check_page

SECRET = "seven purple ladders"
DUTY = "0113 496 0100"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    monkeypatch.setattr(
        accounts, "hasher", accounts.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )


@pytest.fixture
def doors(app: Flask) -> Flask:
    """The app with a few views of our own beside its pages."""
    hits = app.extensions["hits"] = []

    @app.get("/no-mark")
    def no_mark():
        return "nobody should read this"

    @app.get("/officers-only")
    @allow(Role.OFFICER)
    def officers_only():
        return "officers"

    @app.get("/part")
    @allow(*SIGNED_IN)
    @web.poll
    def part():
        return web.fragment("<p>part</p>")

    @app.post("/write-something")
    @allow(Role.OFFICER)
    def write_something():
        hits.append(db.session().in_transaction())
        db.session.add(Heartbeat(job="ours", beat_at=web.now()))
        db.session.flush()
        if app.extensions.get("commit", True):
            db.session.commit()
        return "written"

    @app.route("/long", methods=["GET", "POST"])
    @allow(ANYONE)
    def long():
        return "<p>words</p>" * 200

    @app.get("/not-yours")
    @allow(ANYONE)
    def not_yours():
        raise NotYours

    @app.get("/broken")
    @allow(ANYONE)
    def broken():
        raise ValueError("12 Rowan Lane")

    @app.get("/busy")
    @allow(ANYONE)
    def busy():
        raise OperationalError("SELECT 1", {}, app.extensions["trouble"])

    return app


def token(client, path: str = "/sign-in") -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[1]


def sign_in(client, user) -> str:
    answer = client.post(
        "/sign-in", data={"csrf_token": token(client), "email": user.email, "password": SECRET}
    )
    assert answer.status_code == 303
    return token(client, "/home")


def an_officer(**kept):
    hashed = accounts.hashed(password=SECRET).value
    user = factories.officer(password_hash=hashed, **kept)
    db.session.commit()
    return user


def test_a_view_that_says_nothing_is_shut_to_everybody(doors, client):
    user = an_officer()
    assert client.get("/no-mark").status_code == 404
    sign_in(client, user)
    answer = client.get("/no-mark")
    assert answer.status_code == 404
    assert "nobody should read this" not in answer.text


def test_what_is_not_yours_reads_exactly_like_what_does_not_exist(doors, client):
    missing = client.get("/nothing-here")
    foreign = client.get("/not-yours")
    assert (missing.status_code, missing.data) == (foreign.status_code, foreign.data)


def test_a_role_that_may_not_come_in_gets_the_page_of_what_does_not_exist(doors, client):
    hashed = accounts.hashed(password=SECRET).value
    user = factories.coordinator(password_hash=hashed)
    db.session.commit()
    sign_in(client, user)
    missing, forbidden = client.get("/nothing-here"), client.get("/officers-only")
    assert (
        (forbidden.status_code, forbidden.data) == (missing.status_code, missing.data) == (404, missing.data)
    )
    assert sorted(forbidden.headers) == sorted(missing.headers)


def test_an_officer_opens_what_is_for_officers(doors, client):
    sign_in(client, an_officer())
    assert client.get("/officers-only").text == "officers"


def test_signed_out_a_page_leads_to_sign_in_and_back(doors, client):
    user = an_officer()
    answer = client.get("/officers-only?who=somebody")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=/officers-only"
    page = client.get(answer.headers["Location"])
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    inside = client.post(
        answer.headers["Location"], data={"csrf_token": found, "email": user.email, "password": SECRET}
    )
    assert inside.headers["Location"] == "/officers-only"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aLocation:evil",
        "/\tevil",
        "///evil.example",
        "http:evil.example",
        "/nothing-here",
        "/sign-out",
        "officers-only",
        "/" + "a" * 400,
    ],
)
def test_sign_in_never_leads_to_another_site(doors, client, elsewhere):
    user = an_officer()
    answer = client.post(
        "/sign-in",
        query_string={"next": elsewhere},
        data={"csrf_token": token(client), "email": user.email, "password": SECRET},
    )
    with doors.test_request_context("/"):
        assert answer.headers["Location"] == web.home(Role.OFFICER)


def test_a_part_that_asks_by_itself_is_told_plainly_that_the_person_is_out(doors, client):
    answer = client.get("/part")
    assert (answer.status_code, answer.text) == (401, "signed out")


def test_something_sent_after_the_session_ended_gets_a_page_that_says_so(doors, client):
    user = an_officer()
    csrf = sign_in(client, user)
    db.session.execute(sa.update(SignIn).values(ended_at=factories.NOW, ended_by="clock"))
    db.session.commit()
    answer = client.post(
        "/write-something", data={"csrf_token": csrf}, headers={"Referer": "http://localhost/officers-only"}
    )
    assert answer.status_code == 401
    assert "You were signed out" in answer.text
    assert DUTY in answer.text
    assert 'href="/sign-in?next=/officers-only"' in answer.text
    assert not doors.extensions["hits"]
    check_page(answer)


def test_an_unsafe_request_writes_from_its_first_query(doors, client):
    csrf = sign_in(client, an_officer())
    with listening.transactions() as how:
        client.post("/write-something", data={"csrf_token": csrf})
    assert doors.extensions["hits"] == [True]
    assert how[0] == "IMMEDIATE"


def test_what_a_door_does_not_commit_is_undone(doors, client):
    csrf = sign_in(client, an_officer())
    doors.extensions["commit"] = False
    assert client.post("/write-something", data={"csrf_token": csrf}).text == "written"
    assert db.session.get(Heartbeat, "ours") is None
    db.session.rollback()
    doors.extensions["commit"] = True
    client.post("/write-something", data={"csrf_token": csrf})
    assert db.session.get(Heartbeat, "ours") is not None


def test_a_form_from_another_site_is_refused_with_the_duty_number(doors, client):
    sign_in(client, an_officer())
    answer = client.post("/write-something")
    assert answer.status_code == 400
    assert DUTY in answer.text
    assert not doors.extensions["hits"]
    check_page(answer)


@pytest.mark.parametrize(("path", "status"), [("/nothing-here", 404), ("/no-mark", 404), ("/sign-out", 405)])
def test_error_pages_show_the_duty_number_and_ask_the_database_nothing(doors, client, path, status):
    with listening.statements() as statements:
        answer = client.get(path)
    assert answer.status_code == status
    assert DUTY in answer.text
    assert "collar number" in answer.text
    assert not statements
    check_page(answer)


def test_too_much_is_refused_plainly(doors, client):
    csrf = token(client)
    answer = client.post("/sign-in", data={"csrf_token": csrf, "email": "a" * 70_000})
    assert answer.status_code == 413
    assert DUTY in answer.text


def test_a_failure_shows_a_name_for_itself_and_logs_it_without_what_was_said(doors, client, caplog, capsys):
    doors.config["PROPAGATE_EXCEPTIONS"] = False
    with caplog.at_level(logging.ERROR):
        answer = client.get("/broken?reference=K7M4QX")
    assert answer.status_code == 500
    assert DUTY in answer.text
    name = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", answer.text)[0]
    logged = capsys.readouterr().err
    assert name in logged
    assert "ValueError" in logged
    assert "test_gate.py" in logged
    assert "Rowan" not in logged + answer.text
    assert "K7M4QX" not in logged
    check_page(answer)


def _sqlite_trouble(name: str) -> sqlite3.OperationalError:
    problem = sqlite3.OperationalError("12 Rowan Lane")
    problem.sqlite_errorname = name
    return problem


def test_a_busy_database_gives_an_honest_page(doors, client, capsys):
    doors.extensions["trouble"] = _sqlite_trouble("SQLITE_BUSY")
    answer = client.get("/busy")
    assert answer.status_code == 503
    assert DUTY in answer.text
    assert re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", answer.text)[0] in capsys.readouterr().err
    check_page(answer)


def test_a_mistake_of_ours_is_not_called_a_busy_database(doors, client):
    doors.extensions["trouble"] = _sqlite_trouble("SQLITE_ERROR")
    with pytest.raises(OperationalError):
        client.get("/busy")


@pytest.mark.parametrize(
    ("name", "busy", "away"),
    [
        ("SQLITE_BUSY", True, False),
        ("SQLITE_BUSY_SNAPSHOT", True, False),
        ("SQLITE_LOCKED", True, False),
        ("SQLITE_FULL", False, True),
        ("SQLITE_ERROR", False, False),
    ],
)
def test_troubles_of_sqlite_are_told_apart(name, busy, away):
    problem = _sqlite_trouble(name)
    assert (trouble.is_busy(problem), trouble.is_away(problem)) == (busy, away)


@pytest.mark.parametrize(
    ("state", "busy", "away"),
    [
        ("40001", True, False),
        ("40P01", True, False),
        ("55P03", True, False),
        ("57P01", False, True),
        ("53300", False, True),
        ("42P01", False, False),
        (None, False, True),
    ],
)
def test_troubles_of_postgresql_are_told_apart(state, busy, away):
    import psycopg

    told = psycopg.OperationalError("12 Rowan Lane")
    told.sqlstate = state
    problem = OperationalError("SELECT 1", {}, told)
    assert (trouble.is_busy(problem), trouble.is_away(problem)) == (busy, away)


def test_work_is_done_again_when_the_database_was_busy_and_leaves_nothing_of_the_first_try(app):
    tries = []

    def work():
        tries.append(1)
        db.session.add(Heartbeat(job=f"try-{len(tries)}", beat_at=factories.NOW))
        db.session.flush()
        if len(tries) < 3:
            raise _sqlite_trouble("SQLITE_BUSY")
        return "done"

    with app.test_request_context("/"):
        assert web.retrying(work) == "done"
    assert db.session.scalars(sa.select(Heartbeat.job)).all() == ["try-3"]


def test_work_begins_as_a_writer_even_after_something_was_read(app):
    with listening.transactions() as how, app.test_request_context("/"):
        db.session.execute(sa.text("SELECT 1"))
        assert web.retrying(lambda: "done") == "done"
    assert how == [None, "IMMEDIATE"]


def test_work_is_given_up_after_three_tries_and_at_once_when_it_is_our_mistake(app):
    for name, wanted in (("SQLITE_BUSY", 3), ("SQLITE_ERROR", 1)):
        tries = []

        def work(name=name, tries=tries):
            tries.append(1)
            raise _sqlite_trouble(name)

        with app.test_request_context("/"), pytest.raises(sqlite3.OperationalError):
            web.retrying(work)
        assert len(tries) == wanted


def test_two_writers_at_once_wait_for_each_other(app):
    """The second begins only when the first has committed, on both databases."""
    order = []
    inside, go_on = threading.Event(), threading.Event()

    def first():
        order.append("first begins")
        inside.set()
        go_on.wait(5)
        order.append("first ends")

    def other():
        inside.wait(5)
        with app.app_context(), app.test_request_context("/"):
            web.retrying(lambda: order.append("second"))
            db.session.remove()

    thread = threading.Thread(target=other)
    thread.start()
    with app.test_request_context("/"):
        timer = threading.Timer(0.3, go_on.set)
        timer.start()
        web.retrying(first)
    thread.join()
    assert order == ["first begins", "first ends", "second"]


# What every answer carries


PATHS = [
    "/",
    "/sign-in",
    "/nothing-here",
    "/healthz",
    "/sign-out",
    "/static/nothing/app.css",
    "/static/nothing/no.css",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers(doors, client, path):
    answer = client.get(path, buffered=True)
    for name, value in wire.HEADERS.items():
        if name != "Cache-Control" or not path.startswith("/static"):
            assert answer.headers.get_all(name) == [value], f"{path}: {name}"


def test_static_files_carry_them_too_and_are_kept_for_ever(client):
    address = re.search(r'href="(/static/[0-9a-f]+/app.css)"', client.get("/sign-in").text)[1]
    for answer in (client.get(address, buffered=True), client.post(address, buffered=True)):
        for name, value in wire.HEADERS.items():
            if name != "Cache-Control":
                assert answer.headers.get_all(name) == [value], name
        assert answer.headers.get("Access-Control-Allow-Origin") is None
    plain = client.get(address, buffered=True)
    assert "immutable" in plain.headers["Cache-Control"]
    packed = client.get(address, headers={"Accept-Encoding": "gzip, br"}, buffered=True)
    assert packed.headers["Content-Encoding"] == "br"
    assert len(packed.data) < len(plain.data)


def test_a_page_of_another_release_still_finds_its_style(client):
    answer = client.get("/static/0123456789ab/app.css", buffered=True)
    assert answer.status_code == 200
    assert "immutable" not in answer.headers["Cache-Control"]


def test_https_is_asked_for_ever_where_the_service_has_it(database_url):
    app = create_app(settings_for(database_url, POS_PUBLIC_URL="https://beds.example"))
    with app.app_context():
        answer = app.test_client().get("/sign-in", base_url="https://beds.example")
        assert answer.headers["Strict-Transport-Security"] == wire.HSTS
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-session=")
        for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
            assert word in cookie
        assert "Domain" not in cookie
        db.session.remove()
        db.engine.dispose()


def test_a_foreign_host_is_refused_with_a_page_and_the_headers(database_url):
    app = create_app(settings_for(database_url, POS_TRUSTED_HOSTS="localhost"))
    with app.app_context():
        answer = app.test_client().get("/sign-in", headers={"Host": "evil.example"})
        assert answer.status_code == 400
        assert "evil.example" not in answer.text
        assert DUTY in answer.text
        assert answer.headers["Content-Security-Policy"] == wire.HEADERS["Content-Security-Policy"]
        check_page(answer)
        db.session.remove()
        db.engine.dispose()


def test_pages_are_small_on_the_wire(client):
    total = 0
    page = client.get("/sign-in")
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert len(addresses) >= 4
    for path in ["/sign-in", *set(addresses)]:
        total += len(client.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True).data)
    assert total < 40_000
    assert len(client.get("/sign-in", headers={"Accept-Encoding": "gzip"}).data) < 3_000


@pytest.mark.parametrize(
    ("ask", "packed"),
    [
        ({"path": "/sign-in"}, True),
        ({"path": "/sign-in", "headers": {"Sec-Fetch-Site": "same-origin"}}, True),
        ({"path": "/sign-in", "headers": {"Sec-Fetch-Site": "same-site"}}, False),
        ({"path": "/sign-in", "headers": {"Sec-Fetch-Site": "cross-site"}}, False),
        ({"path": "/sign-in", "query_string": {"next": "/home"}}, False),
        ({"path": "/sign-in", "method": "POST", "data": {"email": "typed"}}, False),
        ({"path": "/nothing-here"}, False),
        ({"path": "/long"}, True),
        ({"path": "/long", "method": "POST"}, False),
    ],
)
def test_nothing_is_compressed_in_which_a_secret_could_stand_beside_chosen_words(doors, client, ask, packed):
    doors.config["WTF_CSRF_CHECK_DEFAULT"] = False
    headers = {"Accept-Encoding": "br, gzip", **ask.get("headers", {})}
    answer = client.open(**ask | {"headers": headers})
    assert answer.headers.get("Content-Encoding") == ("br" if packed else None)


# A part of a page that asks by itself


def test_a_part_is_sent_again_only_when_it_changed(app):
    def ask(html, tag=None):
        with app.test_request_context("/part", headers={"If-None-Match": tag} if tag else {}):
            return web.fragment(html)

    one = '<p>held</p><form><input type="hidden" name="csrf_token" value="{}"></form>'
    first = ask(one.format("aaa"))
    assert first.status_code == 200
    assert ask(one.format("bbb"), first.headers["ETag"]).status_code == 304
    changed = ask(one.format("bbb").replace("held", "confirmed"), first.headers["ETag"])
    assert changed.status_code == 200
    assert "confirmed" in changed.get_data(as_text=True)


def test_looking_by_itself_keeps_nobody_signed_in(doors, client, monkeypatch):
    user = an_officer()
    sign_in(client, user)
    begun = db.session.scalar(sa.select(SignIn.seen_at))
    db.session.rollback()
    later = begun + dt.timedelta(minutes=10)
    monkeypatch.setattr("safety.clock.now", lambda: later)
    assert client.get("/part").status_code == 200
    assert client.get("/home", headers={"X-Poll": "1"}).status_code == 200
    assert db.session.scalar(sa.select(SignIn.seen_at)) == begun
    db.session.rollback()
    assert client.get("/home").status_code == 200
    assert db.session.scalar(sa.select(SignIn.seen_at)) == later


# Health


def test_the_process_is_up_without_a_database_or_a_session(app, client):
    with listening.statements() as statements:
        answer = client.get("/healthz")
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert "Set-Cookie" not in answer.headers
    assert not statements


@pytest.mark.parametrize(("version", "status"), [(None, 200), ("9999", 200), ("", 503)])
def test_ready_means_migrated_at_least_as_far_as_this_code(app, client, version, status):
    if version is not None:
        db.session.execute(sa.text("DELETE FROM alembic_version"))
        if version:
            db.session.execute(sa.text("INSERT INTO alembic_version VALUES (:v)"), {"v": version})
        db.session.commit()
    assert client.get("/readyz").status_code == status


def test_an_older_schema_is_not_ready(app, client, monkeypatch):
    current = db.session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    db.session.rollback()
    monkeypatch.setattr(
        "safety.web.public._revisions", lambda _folder: ("next", frozenset({current, "next"}))
    )
    assert client.get("/readyz").status_code == 503


def test_a_database_that_was_never_migrated_is_not_ready(tmp_path):
    app = create_app(settings_for(f"sqlite:///{tmp_path / 'empty.sqlite'}"))
    with app.app_context():
        assert app.test_client().get("/readyz").status_code == 503
        assert app.test_client().get("/healthz/jobs").status_code == 503
        db.session.remove()
        db.engine.dispose()


def test_jobs_are_up_while_both_beat(app, client):
    from safety import clock

    now = clock.now()
    assert client.get("/healthz/jobs").status_code == 503
    db.session.add(Heartbeat(job="sweep", beat_at=now))
    db.session.add(Heartbeat(job="outbox", beat_at=now - dt.timedelta(minutes=3)))
    db.session.commit()
    answer = client.get("/healthz/jobs")
    assert (answer.status_code, answer.text) == (503, "silent: outbox\n")
    db.session.execute(sa.update(Heartbeat).values(beat_at=now))
    db.session.commit()
    assert client.get("/healthz/jobs").status_code == 200
