"""Whom to ring when no bed of this scheme is sought: published lines, by nation.

From the NRM online form's support page and prompt sheet (Home Office, April 2026) and the Scottish Government's circular.
"""

from __future__ import annotations

from dataclasses import dataclass

CHILD_GUARDIANS = "0800 043 4303"  # Independent Child Trafficking Guardianship, day and night
SALVATION_ARMY = "0800 808 3733"


@dataclass(frozen=True)
class Line:
    """Somebody to ring. when: "" for day and night."""

    who: str
    number: str
    when: str = ""


@dataclass(frozen=True)
class Section:
    """The lines of one nation."""

    nation: str
    lines: tuple[Line, ...]


BY_NATION = (
    Section("England and Wales", (Line("The Salvation Army", SALVATION_ARMY, "day and night"),)),
    Section(
        "Scotland",
        (
            Line("TARA, for women exploited for sex", "0141 276 7724", "day and night"),
            Line("Migrant Help, for everybody else", "0141 884 7900", "office hours"),
            Line("Migrant Help", "0141 212 8553", "out of hours"),
        ),
    ),
    Section(
        "Northern Ireland",
        (
            Line("Migrant Help, for men", "028 9244 8449"),
            Line("Belfast and Lisburn Women's Aid, for women", "028 9066 2385"),
        ),
    ),
)
