"""`make chaos`: what was promised of texts, at full size and in real time, judged by what Twilio received.

Fails when a promise is broken. The tests show the same with small numbers and never by a clock. This takes about 40 minutes;
parts of it, and smaller ones:

    python -m bench.chaos --part kills --db sqlite --texts 600 --kills 20
    python -m bench.chaos --part handover --minutes 1
    python -m bench.chaos --part kills --mutant blind_retry        # has to fail: the judge is not blind
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import handover, kills
from tests import mutants, servers
from tests.conftest import migrated
from tests.temppg import TempPG

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def main() -> int:
    """Run what was asked for on each database; one line of figures each. Returns 1 when anything promised did not hold."""
    asked = _asked()
    print(_what(asked), flush=True)
    lines: list[str] = []
    broken: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="chaos") as folder,
        _databases(asked.db.split(","), folder) as urls,
    ):
        for part in asked.part.split(","):
            for name, url in urls[part].items():
                print(f"{NAMES[name]}, {part}: migrating …", flush=True)
                migrated(url)
                log = Path(folder) / f"{part}-{name}.log"
                figures = _run(part, url, log, asked)
                lines.append(f"{NAMES[name]}, {part}: {figures.line()}")
                print(lines[-1], flush=True)
                broken += [f"{NAMES[name]}, {part}: {words}" for words in figures.broken]
                if figures.broken:
                    print(f"The last words of the sender:\n{_end_of(log)}", flush=True)
    print("\n" + "\n".join(lines))
    if broken:
        print("\nA promise was BROKEN:\n  " + "\n  ".join(broken))
        print(
            f"Next: run it again with --seed {asked.seed} and fewer texts, and read safety/outbox.py and safety/delivery.py."
        )
        return 1
    print(
        "Every promise held. Next: nothing; copy the lines above into docs/proof.md if the machine or the code has changed."
    )
    return 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--part", default="kills,handover", help="kills, handover, or both with a comma")
    parser.add_argument("--db", default="sqlite,postgresql", help="sqlite, postgresql, or both with a comma")
    parser.add_argument(
        "--texts", type=int, default=5000, help="how many texts are sent while the sender is killed"
    )
    parser.add_argument("--kills", type=int, default=100, help="how often it is killed")
    parser.add_argument("--minutes", type=float, default=10, help="how long beds are asked for")
    parser.add_argument("--rate", type=float, default=5, help="how many requests a second")
    parser.add_argument("--seed", type=int, default=20270113, help="of the dice")
    parser.add_argument(
        "--mutant",
        choices=sorted(mutants.MUTANTS),
        help="run a sender that is known to be bad instead; this has to fail",
    )
    asked = parser.parse_args()
    unknown = set(asked.part.split(",")) - {"kills", "handover"} | set(asked.db.split(",")) - set(NAMES)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    return asked


def _what(asked: argparse.Namespace) -> str:
    said = []
    if "kills" in asked.part:
        said.append(
            f"kills: {asked.texts} texts; the sender is killed -9 {asked.kills} times; Twilio refuses {kills.REFUSED:.0%} "
            f"and takes {kills.DROPPED:.0%} without an answer. None may be lost, one in {kills.TWICE_ALLOWED} may come twice."
        )
    if "handover" in asked.part:
        said.append(
            f"handover: {asked.rate:g} requests a second for {asked.minutes:g} min. {handover.SHARE_SOON:.0%} of the texts must "
            f"be with Twilio within {handover.SOON_S} s of being written down, all within {handover.LATEST_S} s."
        )
    return "\n".join(said)


@contextmanager
def _databases(names: list[str], folder: str) -> Iterator[dict[str, dict[str, str]]]:
    """An empty database for each part and each name, with its disk writes on, as in production."""
    urls = {part: dict.fromkeys(names, f"sqlite:///{folder}/{part}.sqlite") for part in ("kills", "handover")}
    if "postgresql" not in names:
        yield urls
        return
    with TempPG(durable=True) as server:
        for part, its in urls.items():
            its["postgresql"] = server.create(part)
        yield urls


def _run(part: str, url: str, log: Path, asked: argparse.Namespace) -> kills.Figures | handover.Figures:
    say = functools.partial(print, flush=True)
    if part == "handover":
        return handover.run(url, log, per_second=asked.rate, minutes=asked.minutes, say=say)
    start = (
        functools.partial(servers.jobs, module=["tests.mutants", asked.mutant])
        if asked.mutant
        else servers.jobs
    )
    return kills.run(url, log, texts=asked.texts, kills=asked.kills, seed=asked.seed, say=say, start=start)


def _end_of(log: Path) -> str:
    words = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    # Each of them says first what it will do.
    return (
        "\n".join([line for line in words.splitlines() if not line.startswith("jobs: sweep")][-15:])
        or "(none)"
    )


if __name__ == "__main__":
    sys.exit(main())
