"""The outlines of the regions, to draw a map of: nothing on it is finer than a region, so it points at no house."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "data" / "regions.json"


@dataclass(frozen=True)
class Outline:
    """A region. path: SVG path data. x, y: where a figure has room. All in the units of Outlines.width and height."""

    path: str
    x: int
    y: int


@dataclass(frozen=True)
class Outlines:
    """Every region that can be drawn, by its name (one of geography.REGIONS), on a sheet of this width and height."""

    width: int
    height: int
    regions: Mapping[str, Outline]


@lru_cache(maxsize=1)
def outlines() -> Outlines:
    """The map, as scripts/make_region_map.py drew it."""
    drawn = json.loads(_FILE.read_text(encoding="utf-8"))
    regions = {name: Outline(**region) for name, region in drawn["regions"].items()}
    return Outlines(drawn["width"], drawn["height"], regions)
