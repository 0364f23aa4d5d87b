"""What every form does alike: what it takes, what it refuses and how it says so."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask, render_template_string
from werkzeug.datastructures import MultiDict

from safety import create_app
from safety.web.forms import (
    AnyOf,
    ClockTime,
    Day,
    Form,
    Mobile,
    OneOf,
    Password,
    Pick,
    Text,
    Tick,
    Whole,
    Words,
)
from tests.conftest import settings_for
from tests.pages import check_page


class Everything(Form):
    """One of each."""

    name = Text("Collar number", needed="Enter your collar number", most=6)
    note = Words("Note", most=20)
    secret = Password("Password", most=10)
    many = Whole("How many people", needed="Enter how many", least=1, greatest=12)
    at = ClockTime("Time of arrival")
    phone = Mobile("Mobile number", needed="Enter a mobile number")
    who = OneOf(
        "Who is it for?",
        subject="Who it is for",
        choices={"women": "Women", "men": "Men"},
        needed="Select who",
    )
    needs = AnyOf("Needs", choices={"step_free": "No stairs", "cot": "Cot"})
    area = Pick("Area", choices={"north": "North", "south": "South"}, needed="Select an area")
    sure = Tick("They agree to come", needed="Select that they agree")
    day = Day("Date of arrival", needed="Enter the date of arrival")


GOOD = {
    "name": " 1234 ",
    "note": "one\r\ntwo",
    "secret": " pass ",
    "many": "3",
    "at": "2.30pm",
    "phone": "07700 900 123",
    "who": "women",
    "needs": ["cot", "step_free"],
    "area": "north",
    "sure": "y",
    "day": ["13", "1", "2027"],
}

PAGE = """{% extends "base.html" %}{% block title %}Everything{% endblock %}
{% block content %}{{ error_summary(form) }}<h1>All</h1>
{% call form_for(form) %}{% for field in form if field.name != "csrf_token" %}{{ field }}{% endfor %}
{{ submit("Send") }}{% endcall %}
{% endblock %}"""


@pytest.fixture(scope="module")
def app() -> Flask:
    app = create_app(settings_for("sqlite:///:memory:"))
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    return app


def send(app, **changes):
    """The form with these answers, checked, and the page it draws."""
    answers = MultiDict({name: value for name, value in (GOOD | changes).items() if value is not None})
    with app.test_request_context("/", method="POST", data=answers):
        from flask_wtf.csrf import generate_csrf

        answers["csrf_token"] = generate_csrf()
        with app.test_request_context("/", method="POST", data=answers):
            from flask import session

            session.update(_session_of(app, answers["csrf_token"]))
            form = Everything()
            form.validate()
            html = render_template_string(PAGE, form=form)
            check_page(app.response_class(html, content_type="text/html"))
            return form, html


def _session_of(app, signed):
    from itsdangerous import URLSafeTimedSerializer

    return {"csrf_token": URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").loads(signed)}


def test_good_answers_are_taken_and_plain(app):
    form, _ = send(app)
    assert form.errors == {}
    assert form.name.data == "1234"
    assert form.note.data == "one\ntwo"
    assert form.secret.data == " pass "
    assert form.many.number == 3
    assert form.at.clock == dt.time(14, 30)
    assert form.phone.e164 == "+447700900123"
    assert (form.who.data, form.needs.data, form.area.data) == ("women", ["step_free", "cot"], "north")
    assert form.sure.data is True
    assert form.day.data == dt.date(2027, 1, 13)


def test_a_page_that_is_looked_at_shows_what_was_saved_before(app):
    with app.test_request_context("/"):
        form = Everything(
            data={"name": "77", "many": 2, "needs": ["cot"], "who": "men", "day": dt.date(2027, 3, 4)}
        )
        html = render_template_string(PAGE, form=form)
    check_page(app.response_class(html, content_type="text/html"))
    assert 'value="77"' in html
    assert 'value="2027"' in html
    assert html.count(" checked") == 2
    assert "govuk-hint" not in html, "a question without a hint draws none"


@pytest.mark.parametrize(
    ("changes", "message", "place"),
    [
        ({"name": None}, "Enter your collar number", "name"),
        ({"name": "   "}, "Enter your collar number", "name"),
        ({"name": "1234567"}, "Collar number must be 6 characters or fewer", "name"),
        ({"name": "12\n3"}, "Collar number must be on one line", "name"),
        ({"name": "12\x003"}, "Collar number had characters that cannot be seen", "name"),
        ({"name": "12\u202e3"}, "Collar number had characters that cannot be seen", "name"),
        ({"name": "12\ufffd3"}, "Collar number had characters that cannot be seen", "name"),
        ({"name": ["1", "2"]}, "Collar number was answered more than once", "name"),
        ({"note": "x" * 21}, "Note must be 20 characters or fewer", "note"),
        ({"many": "0"}, "How many people must be a whole number from 1 to 12", "many"),
        ({"many": "13"}, "How many people must be a whole number", "many"),
        ({"many": "2.5"}, "How many people must be a whole number", "many"),
        ({"many": "-1"}, "How many people must be a whole number", "many"),
        ({"many": "²"}, "How many people must be a whole number", "many"),
        ({"many": "9" * 19}, "How many people must be a whole number", "many"),
        ({"many": None}, "Enter how many", "many"),
        ({"at": "25:00"}, "Time of arrival must be a time", "at"),
        ({"at": "13pm"}, "Time of arrival must be a time", "at"),
        ({"at": "7"}, "Time of arrival must be a time", "at"),
        ({"at": "soon"}, "Time of arrival must be a time", "at"),
        ({"at": "14:60"}, "Time of arrival must be a time", "at"),
        ({"phone": "0770"}, "Mobile number must be a full mobile number", "phone"),
        ({"phone": "my phone"}, "Mobile number must be a full mobile number", "phone"),
        ({"phone": "0113 496 0123"}, "Mobile number must be a mobile number", "phone"),
        ({"phone": "+1 650 253 0000"}, "Mobile number must be a UK mobile number", "phone"),
        ({"who": None}, "Select who", "who"),
        ({"who": "dogs"}, "Select who", "who"),
        ({"who": ["women", "men"]}, "Who it is for was answered more than once", "who"),
        ({"needs": ["cot", "moon"]}, "Needs: select from the answers on this page", "needs"),
        ({"area": ""}, "Select an area", "area"),
        ({"area": "east"}, "Select an area", "area"),
        ({"sure": None}, "Select that they agree", "sure"),
        ({"sure": "on"}, "They agree to come: select it or leave it empty", "sure"),
        ({"day": None}, "Enter the date of arrival", "day-day"),
        ({"day": ["", "", ""]}, "Enter the date of arrival", "day-day"),
        ({"day": ["13"]}, "Date of arrival must include a month", "day-month"),
        ({"day": ["13", "1", ""]}, "Date of arrival must include a year", "day-year"),
        ({"day": ["31", "2", "2027"]}, "Date of arrival must be a real date", "day-day"),
        ({"day": ["13", "x", "2027"]}, "Date of arrival must be a real date", "day-month"),
        ({"day": ["13", "1", "27"]}, "Date of arrival: the year must have 4 numbers", "day-year"),
        ({"day": ["1", "2", "2027", "5"]}, "Date of arrival was answered more than once", "day-day"),
    ],
)
def test_a_wrong_answer_is_said_once_with_a_link_to_its_box(app, changes, message, place):
    form, html = send(app, **changes)
    (told,) = form.summary()
    assert told["text"].startswith(message)
    assert told["href"] == f"#{place}"
    assert html.count(message) == 2, "in the summary and at the field"
    assert "<title>Error: " in html


def test_nothing_that_was_typed_is_lost(app):
    _, html = send(
        app,
        name="1234567",
        many="lots",
        at="soon",
        phone="0770",
        day=["31", "2", "2027"],
        note="one <b>\ntwo",
    )
    for typed in ("1234567", "lots", "soon", "0770", "31", "2027", "one &lt;b&gt;\ntwo"):
        assert typed in html
    assert html.count(" checked") == 4
    assert " pass " not in html


def test_what_was_saved_before_does_not_stand_in_for_what_was_left_out(app):
    with app.test_request_context("/", method="POST", data={"name": "1"}):
        form = Everything(data={"who": "men", "needs": ["cot"], "many": 4, "sure": True, "note": "old"})
    assert (form.who.data, form.needs.data, form.many.data, form.sure.data, form.note.data) == (
        None,
        [],
        "",
        False,
        "",
    )


@pytest.mark.parametrize(
    ("typed", "clock"),
    [
        ("14:30", (14, 30)),
        ("1430", (14, 30)),
        ("2pm", (14, 0)),
        ("12am", (0, 0)),
        ("12.05 pm", (12, 5)),
        ("730", (7, 30)),
        ("00:00", (0, 0)),
    ],
)
def test_times_are_read_as_people_type_them(app, typed, clock):
    form, _ = send(app, at=typed)
    assert form.at.clock == dt.time(*clock)


@pytest.mark.parametrize(
    "typed", ["07700900123", "+44 7700 900123", "0044 7700 900123", "(07700) 900-123", "+44 (0)7700 900123"]
)
def test_mobiles_are_read_as_people_write_them(app, typed):
    form, _ = send(app, phone=typed)
    assert form.phone.e164 == "+447700900123"


def test_a_form_sent_as_something_else_is_an_empty_form(app):
    with app.test_request_context("/", method="POST", data="[1]", content_type="application/json"):
        form = Everything()
        assert not form.validate()
        assert form.name.errors
