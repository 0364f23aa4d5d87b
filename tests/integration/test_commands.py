"""What an operator types at the server's command line to switch a scheme on."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa

from safety import accounts
from safety.extensions import db
from safety.models import AuditEvent, User
from tests import factories
from tests.visitor import SECRET, Visitor, words

pytestmark = pytest.mark.usefixtures("cheap")


def create(app, *, email="Duty@Scheme.example", name="Pat  Lindqvist", mobile="07700 900150", typed=None):
    """`create-coordinator` with these options, and what is typed when it asks for the password."""
    answers = f"{SECRET}\n{SECRET}\n" if typed is None else typed
    args = ["create-coordinator", "--email", email, "--name", name, "--mobile", mobile]
    return app.test_cli_runner().invoke(args=args, input=answers)


def people() -> list[User]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(User)))


def test_the_first_coordinator_is_made_and_signs_in(app, client, caplog):
    caplog.set_level(logging.DEBUG)
    done = create(app)
    assert done.exit_code == 0, done.output
    assert "duty@scheme.example is a coordinator now." in done.output
    assert "Next: sign in at http://localhost:8000/sign-in" in done.output
    assert SECRET not in done.output
    assert SECRET not in caplog.text
    (user,) = people()
    assert (user.name, user.role, user.phone) == ("Pat Lindqvist", "coordinator", "+447700900150")
    (event,) = db.session.scalars(sa.select(AuditEvent))
    assert (event.what, event.by) == ("create_account", "operator")
    db.session.rollback()
    browser = Visitor(client)
    browser.get("/sign-in")
    browser.post("/sign-in", email="duty@scheme.example", password=SECRET)
    assert "Duty line" in words(browser.get("/duty"))


def test_what_is_not_given_is_asked_for(app):
    asked = "\n".join(["duty@scheme.example", "Pat Lindqvist", "07700 900150", SECRET, SECRET, ""])
    done = app.test_cli_runner().invoke(args=["create-coordinator"], input=asked)
    assert done.exit_code == 0, done.output
    assert [user.email for user in people()] == ["duty@scheme.example"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "duty"}, "Enter an email address in the correct format"),
        ({"email": "TAKEN@scheme.example"}, "Somebody has an account with this email address already"),
        ({"name": "  "}, "--name: should be 1 to 100 characters"),
        ({"name": "x" * 101}, "--name: should be 1 to 100 characters"),
        ({"mobile": "0113 496 0150"}, "--mobile: must be a mobile number: this one cannot get texts"),
        ({"mobile": "+33 6 12 34 56 78"}, "--mobile: must be a UK mobile number"),
        ({"typed": "short\nshort\n"}, "Password must be 8 characters or more"),
        ({"typed": "placesofsafety\nplacesofsafety\n"}, "Password is too easy to guess"),
        ({"typed": "pat lindqvist\npat lindqvist\n"}, "Password is too easy to guess"),
        ({"typed": f"{SECRET}\nanother\n"}, "do not match"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_nobody_is_made(app, wrong, said):
    factories.coordinator(email="taken@scheme.example")
    db.session.commit()
    done = create(app, **wrong)
    assert done.exit_code != 0
    assert said in done.output
    assert [user.email for user in people()] == ["taken@scheme.example"]


def test_a_mobile_of_a_play_is_refused_where_people_rely_on_it(app, monkeypatch):
    monkeypatch.setattr(type(app.config["SETTINGS"]), "production", property(lambda _: True))
    done = create(app)
    assert "--mobile: must be a full mobile number" in done.output
    assert people() == []


def test_the_password_is_hashed_with_no_transaction_open(app, monkeypatch):
    seen = []
    real = accounts.hashed

    def watched(**kept):
        seen.append(db.session().in_transaction())
        return real(**kept)

    monkeypatch.setattr(accounts, "hashed", watched)
    assert create(app).exit_code == 0
    assert seen == [False]


def test_the_forces_are_loaded_once_and_it_says_what_to_do_next(app):
    done = app.test_cli_runner().invoke(args=["load-forces"])
    assert done.exit_code == 0, done.output
    assert "  West Yorkshire Police\n" in done.output
    assert "47 forces are new; there are 47." in done.output
    assert "Next: enter the control-room number" in done.output
    again = app.test_cli_runner().invoke(args=["load-forces"])
    assert "0 forces are new; there are 47." in again.output
    (event,) = db.session.scalars(sa.select(AuditEvent))
    assert (event.by, event.facts) == ("operator", {"new": 47})
