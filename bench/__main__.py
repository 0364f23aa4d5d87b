"""`make bench`: how long a held bed takes over HTTP, beside what the same database needs for one bare durable write; and how
long a coordinator waits for the board of a big scheme.

Both figures come from one run on one machine; compare the ratios, not the milliseconds of different days.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from safety import accounts, clock, create_app
from safety.extensions import begin_write, db
from safety.models import Draft, Heartbeat
from tests import crowd, factories, servers
from tests.conftest import migrated, settings_for
from tests.servers import Browser
from tests.temppg import TempPG

ROUNDS = 60


def main() -> int:
    """Measure SQLite, then PostgreSQL with its disk writes on; print a table for each."""
    with tempfile.TemporaryDirectory() as folder, TempPG(durable=True) as server:
        server.create("bench")
        for name, url in (
            ("SQLite", f"sqlite:///{folder}/bench.sqlite"),
            ("PostgreSQL", server.url("bench")),
        ):
            print(f"{name}: migrating and loading 60 houses …", flush=True)
            migrated(url)
            _measure(name, url, Path(folder) / f"{name}.log")
    print("Done. The last column is what matters: how many bare durable writes one step costs.")
    return 0


def _timed(work: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    spent = []
    for number in range(rounds):
        began = time.perf_counter()
        work()
        spent.append(1000 * (time.perf_counter() - began))
        if sys.stdout.isatty():
            print(f"\r  {number + 1} of {rounds}", end="", flush=True)
    if sys.stdout.isatty():
        print("\r" + " " * 20 + "\r", end="")
    return spent


def _measure(name: str, url: str, log: Path) -> None:
    from safety import demo, forces

    app = create_app(settings_for(url))
    with app.app_context():
        password = accounts.hashed(password=servers.PASSWORD).value
        now = clock.now()
        db.session.rollback()
        forces.load(by="clock", now=now)
        db.session.commit()
        demo.scale(houses=60, seed=1, now=now)
        factories.house(rooms=3 * ROUNDS, now=now)
        officer = factories.officer(password_hash=password)
        email, officer_id = officer.email, officer.id
        duty = factories.coordinator(password_hash=password).email
        db.session.commit()

        def bare() -> None:
            begin_write(deciding=False)
            db.session.merge(Heartbeat(job="bench", beat_at=clock.now()))
            db.session.commit()

        def draft() -> str:
            begin_write()
            answers = {"who": servers.WHO, "needs": servers.NEEDS}
            kept = Draft(officer_id=officer_id, answers=answers, saved_at=clock.now())
            db.session.add(kept)
            db.session.commit()
            return f"/find/{kept.id}/where"

        raw = _timed(bare)
        forms = iter([draft() for _ in range(ROUNDS)])
        with servers.web(url, log) as server, Browser(server.url) as browser:
            browser.sign_in(email)
            home = _timed(lambda: browser.get("/referrals"))
            made: list[str] = []
            held = _timed(lambda: made.append(browser.post(next(forms), servers.WHERE).headers["Location"]))
            live = _timed(lambda: browser.get(f"{made[0]}/live"))
            crowd.fill(houses=500 - 61, placed=200 - ROUNDS, now=clock.now())
            with Browser(server.url) as desk:
                desk.sign_in(duty)
                board = _timed(lambda: desk.get("/duty"))
                tag = desk.get("/duty/now").headers["ETag"]
                same = _timed(lambda: desk.get("/duty/now", headers={"If-None-Match": tag}))
                capacity = _timed(lambda: desk.get("/duty/capacity"))
        houses = db.session.scalar(sa.text("SELECT count(*) FROM premises"))
        count = db.session.scalar(sa.text("SELECT count(*) FROM placement"))
        db.session.remove()
        db.engine.dispose()
    unit = statistics.median(raw)
    print(f"{name}, {ROUNDS} rounds each, one client; the coordinator's: {houses} houses, {count} placements")
    print(f"  {'':34}{'median':>10}{'95%':>10}{'worst':>10}   bare writes")
    for words, spent in (
        ("one bare durable write", raw),
        ("last screen sent to bed held", held),
        ("an officer's home page", home),
        ("a poll of the live page", live),
        ("a coordinator's board", board),
        ("a poll of it, mostly nothing new", same),
        ("the map and table of beds", capacity),
    ):
        ordered = sorted(spent)
        late = ordered[int(len(ordered) * 0.95) - 1]
        print(
            f"  {words:34}{statistics.median(spent):8.1f}ms{late:8.1f}ms{ordered[-1]:8.1f}ms{statistics.median(spent) / unit:12.1f}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
