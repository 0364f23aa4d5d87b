"""Draws docs/states.md from the table of transitions in safety/lifecycle.py, or checks that it is drawn from today's.

The rule kept: the picture people discuss and the table the code obeys are the same.

    python -m scripts.draw_states            write docs/states.md
    python -m scripts.draw_states --check    change nothing; not zero when docs/states.md is out of date
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterable
from pathlib import Path

from safety import lifecycle
from safety.lifecycle import Role, State, Transition, When

PAGE = Path(__file__).resolve().parent.parent / "docs" / "states.md"

HEAD = """\
# What can happen to a referral and a placement

Drawn from `safety/lifecycle.py` by `make fix`; `make check` fails when the two differ. Change the table there, never this page.
"""


def page() -> str:
    """The whole page, in Markdown."""
    final = ", ".join(words(state) for state in lifecycle.FINAL)
    live = ", ".join(words(state) for state in lifecycle.LIVE)
    return "\n".join(
        [
            HEAD,
            "## Placement",
            "",
            f"One bedspace given to one referral. Live: {live}. Final: {final}. A bedspace has one live placement at most, and "
            "so has a referral.",
            "",
            *placement_diagram(),
            "",
            "Corrections lead from a final state back to the one before; they are in the table and not in the picture.",
            "",
            *placement_table(),
            "",
            "## Referral",
            "",
            "An officer's request for one person or one family.",
            "",
            *referral_diagram(),
            "",
        ]
    )


def words(code: str) -> str:
    """A state or an event as people say it."""
    return code.replace("_", " ")


def placement_diagram() -> list[str]:
    """The placement's states as a Mermaid diagram; events between the same two states share one arrow."""
    arrows: dict[tuple[State | None, State], list[str]] = {}
    for row in lifecycle.TRANSITIONS:
        if row.event is not lifecycle.Event.CORRECT:
            arrows.setdefault((row.state, row.target), []).append(_label(row))
    lines = [
        f"    {_node(start)} --> {_node(target)}: {', '.join(labels)}"
        for (start, target), labels in arrows.items()
    ]
    ends = [f"    {_node(state)} --> [*]" for state in lifecycle.FINAL]
    return ["```mermaid", "stateDiagram-v2", *_names(State), *lines, *ends, "```"]


def _label(row: Transition) -> str:
    return words(row.event) if row.when is When.ALWAYS else f"{words(row.event)} ({row.when})"


def _names(states: Iterable[str]) -> list[str]:
    return [f'    state "{words(state)}" as {state}' for state in states if "_" in state]


def _node(state: str | None) -> str:
    return "[*]" if state is None else str(state)


def placement_table() -> list[str]:
    """Every row of the table: from, event, condition, to, who may, what must be given, who is told."""
    lines = [
        "| from | event | only when | to | who may | must be given | who is told |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in lifecycle.TRANSITIONS:
        told = "; ".join(
            f"{words(tell.to)}: {words(_wording(tell.wording))}{' (critical)' if tell.critical else ''}"
            f"{', and a call' if tell.by_voice else ''}"
            for tell in row.tells
        )
        cells = (
            "–" if row.state is None else words(row.state),
            words(row.event),
            "" if row.when is When.ALWAYS else str(row.when),
            words(row.target),
            ", ".join(role for role in Role if role in row.who),
            ", ".join(words(fact) for fact in row.needs),
            told,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _wording(wording: object) -> str:
    return str(getattr(wording, "__name__", wording))


def referral_diagram() -> list[str]:
    """The referral's states as a Mermaid diagram."""
    lines = [
        f"    {_node(start)} --> {_node(target)}: {event}"
        for start, event, target in lifecycle.REFERRAL_TRANSITIONS
    ]
    return ["```mermaid", "stateDiagram-v2", *_names(lifecycle.ReferralState), *lines, "```"]


def main() -> int:
    """Write or check the page. 0: it is as the table says; 1: it is not."""
    parser = argparse.ArgumentParser(description="docs/states.md from safety/lifecycle.py.")
    parser.add_argument("--check", action="store_true", help="change nothing; not zero when out of date")
    wanted = parser.parse_args()
    drawn = page()
    there = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    if wanted.check and drawn != there:
        for line in difflib.unified_diff(
            there.splitlines(), drawn.splitlines(), "docs/states.md", "the table", lineterm="", n=1
        ):
            print(line, file=sys.stderr)
        print("docs/states.md is not drawn from today's table. Type: make fix", file=sys.stderr)
        return 1
    if not wanted.check and drawn != there:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(drawn, encoding="utf-8")
    print(f"docs/states.md: {len(lifecycle.TRANSITIONS)} rows of the table drawn")
    return 0


if __name__ == "__main__":
    sys.exit(main())
