"""Draws the outlines of the regions for the coordinators' map, from outlines of the districts they are made of.

Run `python -m scripts.make_region_map outlines-of-districts.json` from the top folder; safety/data/regions.LICENCE.txt says
where those came from. What two districts of one region share is left out, and what is left is drawn with fewer corners.
"""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from safety import geography

OUTLINES = geography.DATA / "regions.json"
Point = tuple[float, float]
Ring = list[Point]

ROUGHLY = 3.0  # how far a line may stray from what it was, in hundredths of a degree of latitude: about 3 km
SMALLEST = (
    60.0  # an island smaller than this, in the square of that, is left out: on the map it would be a dot
)
MARGIN = 8.0
# The outlines we were given are of Great Britain. So that nobody looks for it in vain, a plain shape stands where it is.
BESIDE = {
    "Northern Ireland": ((55.2, -7.3), (55.2, -6.1), (54.6, -5.5), (54.1, -6.0), (54.2, -7.6), (54.7, -7.9)),
}


def at(lat: float, lon: float) -> Point:
    """Where a place stands on the map: hundredths of a degree, made narrower as Britain is at 54.5 degrees north."""
    return lon * math.cos(math.radians(54.5)) * 100, -lat * 100


def rings(path: str) -> list[Ring]:
    """The closed lines of SVG path data that has M, L and z only."""
    return [
        [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", part)]
        for part in path.split("z")
        if part
    ]


def region_of(code: str, outline: Sequence[Ring]) -> str:
    """The region of a district: as the table of districts has it, otherwise that of the outcode nearest to its middle."""
    known = _districts().get(code)
    if known:
        return known
    points = [point for ring in outline for point in ring]
    middle = (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
    return min(geography.every(), key=lambda outcode: math.dist(middle, at(outcode.lat, outcode.lon))).region


@lru_cache(maxsize=1)
def _districts() -> dict[str, str]:
    with (geography.DATA / "districts.csv").open(encoding="utf-8", newline="") as file:
        return {row["lad25cd"]: row["region"] for row in csv.DictReader(file)}


def border(outlines: Iterable[Ring]) -> Counter[tuple[Point, Point]]:
    """The steps that are left when each is taken away that another outline goes the other way."""
    steps: Counter[tuple[Point, Point]] = Counter()
    for ring in outlines:
        for here, there in zip(ring, ring[1:] + ring[:1], strict=True):
            if here == there:
                continue
            if steps[there, here]:
                steps[there, here] -= 1
            else:
                steps[here, there] += 1
    return +steps


def closed(steps: Counter[tuple[Point, Point]]) -> list[Ring]:
    """The same steps, as closed lines."""
    onward: dict[Point, list[Point]] = defaultdict(list)
    for here, there in steps.elements():
        onward[here].append(there)
    found = []
    while onward:
        ring = [next(iter(onward))]
        while True:
            ahead = onward[ring[-1]]
            ring.append(ahead.pop())
            if not ahead:
                del onward[ring[-2]]
            if ring[-1] == ring[0] or ring[-1] not in onward:
                break
        found.append(ring[:-1])
    return found


def area(ring: Ring) -> float:
    """How much a closed line holds, whichever way it goes."""
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))) / 2


def fewer(line: Ring) -> Ring:
    """A line between the same ends with fewer corners, none of it ROUGHLY further off (Douglas and Peucker, 1973)."""
    if len(line) < 3:
        return line
    (ax, ay), (bx, by) = line[0], line[-1]
    length = math.dist(line[0], line[-1])

    def off(point: Point) -> float:
        if not length:
            return math.dist(point, line[0])
        return abs((bx - ax) * (ay - point[1]) - (ax - point[0]) * (by - ay)) / length

    which = max(range(1, len(line) - 1), key=lambda number: off(line[number]))
    if off(line[which]) <= ROUGHLY:
        return [line[0], line[-1]]
    return fewer(line[: which + 1])[:-1] + fewer(line[which:])


def drawn(ring: Ring, corners: set[Point]) -> Ring:
    """A closed line with fewer corners; where regions meet it keeps its place, so that neighbours still fit."""
    stays = [number for number, point in enumerate(ring) if point in corners]
    if len(stays) < 2:
        start = stays[0] if stays else ring.index(min(ring))
        turned = ring[start:] + ring[:start]
        far = max(range(len(turned)), key=lambda number: math.dist(turned[0], turned[number]))
        return _both_ways(turned[: far + 1])[:-1] + _both_ways([*turned[far:], turned[0]])[:-1]
    found: Ring = []
    for begin, end in zip(stays, [*stays[1:], stays[0] + len(ring)], strict=True):
        found += _both_ways([ring[number % len(ring)] for number in range(begin, end + 1)])[:-1]
    return found


def _both_ways(line: Ring) -> Ring:
    """The same corners whichever region the line is drawn for: each goes its own way along it."""
    return fewer(line) if line[0] <= line[-1] else fewer(line[::-1])[::-1]


def middle(ring: Ring) -> Point:
    """A place inside for a figure: of a few tried, the one furthest from every corner and side."""
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    tried = [
        (min(xs) + (max(xs) - min(xs)) * across / 24, min(ys) + (max(ys) - min(ys)) * down / 24)
        for across in range(1, 24)
        for down in range(1, 24)
    ]
    return max((point for point in tried if _inside(point, ring)), key=lambda point: _room(point, ring))


def _inside(point: Point, ring: Ring) -> bool:
    x, y = point
    crossed = 0
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            crossed += 1
    return crossed % 2 == 1


def _room(point: Point, ring: Ring) -> float:
    def away(a: Point, b: Point) -> float:
        squared = math.dist(a, b) ** 2
        along = (
            ((point[0] - a[0]) * (b[0] - a[0]) + (point[1] - a[1]) * (b[1] - a[1])) / squared
            if squared
            else 0
        )
        along = min(1.0, max(0.0, along))
        return math.dist(point, (a[0] + along * (b[0] - a[0]), a[1] + along * (b[1] - a[1])))

    return min(away(a, b) for a, b in zip(ring, ring[1:] + ring[:1], strict=True))


def outlines(districts: Mapping[str, Mapping[str, str]]) -> str:
    """The regions as JSON: {"width", "height", "regions": {name: {"path", "x", "y"}}}; x, y: where a figure has room."""
    of_region: dict[str, list[Ring]] = defaultdict(list)
    for code, district in districts.items():
        outline = rings(district["d"])
        of_region[region_of(code, outline)] += outline
    borders = {region: border(whole) for region, whole in of_region.items()}
    touching: dict[Point, set[Point]] = defaultdict(set)
    for steps in borders.values():
        for here, there in steps:
            touching[here].add(there)
            touching[there].add(here)
    corners = {point for point, others in touching.items() if len(others) != 2}
    shapes = {
        region: [drawn(ring, corners) for ring in closed(borders[region]) if area(ring) >= SMALLEST]
        for region in geography.REGIONS
        if region in borders
    }
    shapes |= {region: [[at(lat, lon) for lat, lon in shape]] for region, shape in BESIDE.items()}
    every = [point for whole in shapes.values() for ring in whole for point in ring]
    left, top = min(x for x, _ in every) - MARGIN, min(y for _, y in every) - MARGIN
    return (
        json.dumps(
            {
                "width": round(max(x for x, _ in every) - left + MARGIN),
                "height": round(max(y for _, y in every) - top + MARGIN),
                "regions": {
                    region: {
                        "path": "".join(_path(ring, left, top) for ring in whole),
                        **_figure(whole, left, top),
                    }
                    for region, whole in shapes.items()
                },
            },
            indent=1,
        )
        + "\n"
    )


def _path(ring: Ring, left: float, top: float) -> str:
    return "M" + "L".join(f"{round(x - left)} {round(y - top)}" for x, y in ring) + "z"


def _figure(whole: list[Ring], left: float, top: float) -> dict[str, int]:
    x, y = middle(max(whole, key=area))
    return {"x": round(x - left), "y": round(y - top)}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m scripts.make_region_map outlines-of-districts.json")
    OUTLINES.write_text(outlines(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), encoding="utf-8")
    sys.stdout.write(f"{OUTLINES.name}: {OUTLINES.stat().st_size} bytes\n")
