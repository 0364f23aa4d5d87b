"""A coordinator at a desk and with a telephone, in a bad night: the board with a trouble of every kind, and where beds are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from safety import accounts, clock
from safety.extensions import db
from safety.models import Heartbeat
from tests import crowd, factories, servers
from tests.journeys.conftest import DESK, PHONE, Person, Scheme

pytestmark = [
    pytest.mark.journey,
    pytest.mark.mostly("sqlite"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def scheme(app: Flask, database_url: str, tmp_path: Path) -> Iterator[Scheme]:
    """Forty houses and their people, with nothing that would put any of it right: only the pages are up."""
    now = clock.now()
    crowd.fill(houses=40, placed=30, searching=6, now=now)
    duty = factories.coordinator(password_hash=accounts.hashed(password=servers.PASSWORD).value).email
    for job in ("sweep", "outbox"):
        db.session.add(Heartbeat(job=job, beat_at=now + 10 * crowd.MINUTE))
    db.session.commit()
    with servers.web(database_url, tmp_path / "web.log", workers=1) as server:
        yield Scheme(server.url, "", "", duty, factories.Premises())


@pytest.mark.parametrize(
    ("javascript", "size"),
    [(True, PHONE), (True, DESK), (False, PHONE)],
    ids=["telephone", "desk", "telephone without JavaScript"],
)
def test_a_coordinator_sees_what_is_wrong_and_acts_from_there(
    people: Callable[..., Person], scheme: Scheme, javascript: bool, size: dict[str, int]
) -> None:
    duty = people(f"night-{size['width']}", javascript=javascript, size=size)
    duty.sign_in(scheme.coordinator)
    for words in (
        "Needs a person now",
        "When there is time",
        "Waiting longest without a bed",
        "Holds about to lapse",
        "Texts that did not get through",
        "Arrivals overdue, or due soon",
        "Stays ending, or over",
        "Houses closed, or with figures too old",
        "The service itself",
        "Everything else live",
    ):
        duty.reads(words)
    if javascript:
        duty.reads("Last checked")
    duty.press("Extend the stay", role="link")
    duty.reads("Extend the stay")
    duty.open("/duty")
    duty.press("Key in what it says", role="link")
    duty.open("/duty")
    duty.press("Place by hand", role="link")

    duty.open("/duty/capacity")
    duty.reads("By region, and whom they are for")
    duty.reads("Today so far")
