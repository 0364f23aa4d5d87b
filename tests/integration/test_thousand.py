"""A thousand people over HTTP against a scheme of 60 premises: each ends held, diverted, or searching with its causes.

Drawn with a seed over real outcodes and the shares of docs/proof.md; a share no source gives is marked as ours.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import accounts, clock, demo, forces, geography, invariants, referrals
from safety.extensions import begin_write, db
from safety.lifecycle import ReferralState
from safety.models import Draft, Force, Placement, Premises, Referral, UnmetNeed, User
from tests import factories, servers
from tests.servers import Browser

SEED = 20261123
# So many people are in places at a time: whoever came first has left again.
AT_ONCE = 110


def drawn(
    chance: random.Random, outcodes: list[str]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """One person's three screens. Shares: 73% men and 27% women (NRM, early 2024); 1.5% transgender (Salvation Army 2022-23), here
    asked for as either; 19% of women pregnant (2018-19); the rest is ours."""
    kind = chance.choices(("men", "women", "either"), (72, 26, 2))[0]
    who = {
        "adult": chance.choices(("yes", "no", "not_sure"), (92, 5, 3))[0],
        "agrees": "yes" if chance.random() < 0.9 else "no",
        "hospital": "no",
        "kind": kind,
        "adults": "1" if chance.random() < 0.93 else "2",
        "pregnant": "yes" if kind == "women" and chance.random() < 0.19 else "no",
    }
    if kind != "men" and chance.random() < 0.2:
        who["aged_2_to_4"] = str(chance.randint(1, 2))
    outcode = chance.choice(outcodes)
    needs: dict[str, Any] = {
        "tracking": chance.choice(("yes", "no", "not_known")),
        "miles": chance.choice(("5", "10", "20")),
    }
    needs["needed"] = [code for code in ("step_free", "own_bathroom", "diet") if chance.random() < 0.05]
    needs["wished"] = [code for code in ("quiet", "women_staff", "ground_floor") if chance.random() < 0.2]
    needs["support"] = [
        code
        for code, share in (
            ("self_harm", 0.2),
            ("alcohol", 0.1),
            ("drugs", 0.1),
            ("medication", 0.15),
            ("violence", 0.04),
        )
        if chance.random() < share
    ]
    if chance.random() < 0.6:
        needs["away_1"] = outcode
    where = {
        **servers.WHERE,
        "outcode": outcode,
        "setting": chance.choice(("station", "hospital", "scene", "vehicle", "other")),
        "ready": chance.choice(("0", "30", "60", "120")),
        "travel": chance.choice(("30", "60", "90", "120", "180", "240")),
    }
    return who, needs, where


@pytest.mark.timeout(7200)
@pytest.mark.xdist_group("processes")
def test_a_thousand_referrals_each_end_somewhere(
    app: Flask, database_url: str, tmp_path: Path, full: bool
) -> None:
    count = 1000 if full else 40
    chance = random.Random(SEED)
    password = accounts.hashed(password=servers.PASSWORD).value
    now = clock.now()
    db.session.rollback()
    forces.load(by="clock", now=now)
    db.session.commit()
    demo.scale(houses=60, seed=SEED, now=now)
    force = db.session.scalars(sa.select(Force).where(Force.slug == "west-yorkshire")).one()
    officer = factories.officer(of=force, password_hash=password, created_at=now)
    db.session.commit()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Force)) == 47
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Premises)) == 60
    outcodes = [
        row.code for row in geography.every() if row.in_use and row.nation in ("England", "Wales", "Scotland")
    ]
    db.session.rollback()

    ends: Counter[str] = Counter()
    with servers.web(database_url, tmp_path / "web.log") as server, Browser(server.url) as browser:
        browser.sign_in(officer.email)
        for number in range(count):
            who, needs, where = drawn(chance, outcodes)
            ends[one(browser, who, needs, where)] += 1
            if number % 10 == 9:
                leave()
            if number % 100 == 99:
                print(f"{number + 1} of {count}", flush=True)
    table(ends, count)
    rows = Counter(db.session.scalars(sa.select(Referral.state)))
    assert sum(rows.values()) == count, "a referral was lost or doubled"
    assert ends["placed"] > 0 and ends["diverted"] > 0
    unexplained = sa.select(Referral.id).where(
        Referral.state == ReferralState.SEARCHING, ~sa.exists().where(UnmetNeed.referral_id == Referral.id)
    )
    assert db.session.scalars(unexplained).all() == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Draft)) == 0
    found = invariants.breaches(now=clock.now())
    # No jobs process runs here, so texts wait and nobody sweeps.
    assert [line for line in found if not line.startswith(("I4: text", "I6"))] == []


def one(browser: Browser, who: dict[str, Any], needs: dict[str, Any], where: dict[str, Any]) -> str:
    """From the press of the button to where it ended."""
    first = browser.get("/find").url.removeprefix(browser.url)
    answer = browser.post(first, who)
    if "stopped" in answer.headers["Location"]:
        return "diverted" if "child" in answer.headers["Location"] else "declined_by_person"
    for screen, form in (("needs", needs), ("where", where)):
        answer = browser.post(first.replace("who", screen), form)
        assert answer.status_code == 303, answer.text
    page = browser.get(answer.headers["Location"])
    assert page.status_code == 200
    db.session.rollback()
    newest = sa.select(Referral.state).where(
        Referral.id == uuid.UUID(answer.headers["Location"].rsplit("/", 1)[1])
    )
    state = db.session.scalars(newest).one()
    db.session.rollback()
    return state


def leave() -> None:
    """Whoever has been in a place longest leaves, so that the scheme does not simply fill up."""
    db.session.rollback()
    begin_write()
    now = clock.now()
    live = [referral for referral, _ in referrals.live() if referral.state == ReferralState.PLACED]
    for referral in sorted(live, key=lambda one: one.opened_at)[: max(0, len(live) - AT_ONCE)]:
        actor = db.session.get_one(User, referral.holder_id).actor()
        referrals.withdraw(referral_id=referral.id, actor=actor, reason="elsewhere", now=now)
    db.session.commit()
    db.session.remove()


def table(ends: Counter[str], count: int) -> None:
    """What became of them, as printed by `make prove`."""
    print(f"\n{count} referrals, seed {SEED}, 60 premises")
    for end, number in ends.most_common():
        print(f"  {end:20} {number:5} {100 * number / count:5.1f}%")
    causes = Counter(cause for need in db.session.scalars(sa.select(UnmetNeed)) for cause in need.causes)
    print("  what stood in the way of those for whom nothing fitted (one may have several causes)")
    for cause, number in causes.most_common():
        print(f"    {cause:18} {number:5}")
    miles = sorted(db.session.scalars(sa.select(Placement.distance_miles)))
    if miles:
        print(
            f"  miles to the bed: median {miles[len(miles) // 2]:.0f}, nine in ten within {miles[int(len(miles) * 0.9)]:.0f}"
        )
