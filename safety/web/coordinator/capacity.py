"""Where beds are, as a map and a table, and how the last days went."""

from __future__ import annotations

from collections.abc import Mapping

from flask import render_template
from flask.typing import ResponseReturnValue

from safety import capacity, week
from safety.geography import REGIONS
from safety.lifecycle import Role
from safety.models import Cohort
from safety.models.premises import WHO_FOR
from safety.outlines import outlines
from safety.permissions import allow
from safety.web.coordinator.blueprint import pages
from safety.web.gate import now

# As much of a region's name as has room on the map.
SHORT: Mapping[str, str] = {
    "North East": "NE",
    "North West": "NW",
    "Yorkshire and the Humber": "Y&H",
    "East Midlands": "EM",
    "West Midlands": "WM",
    "East of England": "East",
    "London": "Lon",
    "South East": "SE",
    "South West": "SW",
    "Wales": "Wales",
    "Scotland": "Scot",
    "Northern Ireland": "NI",
    "Isle of Man": "IoM",
    "Channel Islands": "CI",
}
# The shades of the map: up to how many free beds each stands for, in words too.
SHADES = (
    (0, "None free"),
    (2, "1 or 2 free"),
    (5, "3 to 5 free"),
    (9, "6 to 9 free"),
    (None, "10 or more free"),
)


@pages.get("/duty/capacity")
@allow(Role.COORDINATOR)
def beds() -> ResponseReturnValue:
    """Every region's beds by whom they are for, the same as a map, and the last seven days."""
    instant = now()
    found, days = capacity.everywhere(now=instant), week.last_days(now=instant)
    return render_template(
        "coordinator/capacity.html",
        beds=found,
        cohorts=[cohort for cohort in Cohort if found.for_(cohort).every],
        who_for=WHO_FOR,
        freshness=capacity.FRESHNESS,
        regions=REGIONS,
        map=outlines(),
        short=SHORT,
        shades=SHADES,
        shade=_shade,
        days=days,
        names=[f"{day.date:%a}" if day.over else "Today" for day in days],
        instant=instant,
    )


def _shade(beds_: capacity.Beds) -> str:
    """Which shade a region has: "none" where there is no room at all, otherwise the place in SHADES."""
    if not beds_.every:
        return "none"
    return str(next(place for place, (most, _) in enumerate(SHADES) if most is None or beds_.free <= most))
