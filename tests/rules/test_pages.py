"""What holds for every page: its address, its mark, its frame; and that the checker of pages can fail."""

from __future__ import annotations

import re

import pytest
from flask import Flask, Response

from safety.lifecycle import Role
from safety.permissions import ANYONE
from tests.conftest import settings_for
from tests.pages import BadPage, check_page

PIECE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SLOT = re.compile(r"<(?:(?P<kind>[^:<>]+):)?(?P<name>[a-z_]+)>")
# Slots that may hold any text: a folder of the static files, and what is checked against a table of known names.
ANY_TEXT = {"release", "reference", "code", "slug"}


@pytest.fixture(scope="module")
def app() -> Flask:
    from safety import create_app

    return create_app(settings_for("sqlite:///:memory:"))


def test_every_view_says_who_may_come_in(app):
    known = {*Role, ANYONE} - {Role.CLOCK}
    for rule in app.url_map.iter_rules():
        allowed = getattr(app.view_functions[rule.endpoint], "allowed", frozenset())
        assert allowed, f"{rule.rule} has no @allow: nobody can open it"
        assert allowed <= known, f"{rule.rule} lets in somebody unknown: {allowed - known}"
        assert ANYONE not in allowed or len(allowed) == 1, f"{rule.rule} is for anyone or for roles, not both"


def test_every_address_is_written_in_kebab_case_and_typed(app):
    for rule in app.url_map.iter_rules():
        for piece in rule.rule.strip("/").split("/"):
            slot = SLOT.fullmatch(piece)
            if slot:
                assert slot["kind"] or slot["name"] in ANY_TEXT, (
                    f"{rule.rule}: say what kind of thing <{slot['name']}> is"
                )
            else:
                assert piece == "" or PIECE.fullmatch(piece), f"{rule.rule} is not in kebab-case"
        assert rule.rule == "/" or not rule.rule.endswith("/"), f"{rule.rule} ends in a slash"


def test_the_header_leads_only_where_its_reader_may_go(app):
    from safety.web import home, navigation

    for role in navigation.PAGES:
        with app.test_request_context("/"):
            links = [str(item["href"]) for item in navigation.items(role)] + [home(role)]
        for link in links:
            endpoint, _ = app.url_map.bind("localhost").match(link, method="GET")
            assert role in app.view_functions[endpoint].allowed, f"{role} is led to {link}"


def test_pages_that_refresh_themselves_are_only_looked_at(app):
    for rule in app.url_map.iter_rules():
        if getattr(app.view_functions[rule.endpoint], "poll", False):
            assert rule.methods <= {"GET", "HEAD", "OPTIONS"}, rule.rule


GOOD = """<!DOCTYPE html><html lang="en"><head><title>Beds – Places of Safety</title></head><body><main id="main"><h1>Beds</h1>
<a href="#main">Up</a><form method="post"><input type="hidden" name="csrf_token" value="x">
<label for="n">Name</label><input id="n" name="n"><button>Go</button></form></main></body></html>"""


def test_a_good_page_passes():
    check_page(Response(GOOD, content_type="text/html"))
    check_page(Response('<p>A part <a href="/x">of a page</a></p>', content_type="text/html"))
    check_page(Response("<<< not a page", content_type="text/plain"))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("<h1>Beds</h1>", "<h2>Beds</h2>"),
        ("<h1>Beds</h1>", "<h1>Beds</h1><h1>More</h1>"),
        ("<h1>Beds</h1>", "<h1>Beds</h2>"),
        ("<h1>Beds</h1>", "<h1>Beds</h1><p>unclosed <b>tag</p>"),
        ("Beds – Places of Safety", "Places of Safety"),
        ("Beds – Places of Safety", "Error: Beds – Places of Safety"),
        ("<h1>Beds</h1>", '<div class="govuk-error-summary"></div><h1>Beds</h1>'),
        ("<title>Beds – Places of Safety</title>", ""),
        ('lang="en"', ""),
        ('<input id="n"', '<input id="main"'),
        ('href="#main"', 'href="#elsewhere"'),
        ('name="csrf_token"', 'name="other"'),
        ('value="x"', 'value=""'),
        ("<h1>", '<h1 style="color:red">'),
        ("<h1>", '<h1 onclick="go()">'),
        ("</head>", "<style>p{}</style></head>"),
        ("</head>", "<script>go()</script></head>"),
        ('<label for="n">Name</label>', ""),
        ('<label for="n">', '<label for="m">'),
        ("<button>Go</button>", "<button></button>"),
        ("<main", "<div"),
        ('href="#main"', 'href="javascript:go()"'),
    ],
)
def test_a_page_that_breaks_a_rule_is_refused(good, bad):
    assert GOOD.count(good) >= 1
    with pytest.raises(BadPage):
        check_page(Response(GOOD.replace(good, bad, 1), content_type="text/html"))
