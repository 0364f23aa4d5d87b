"""Writes the small table the location button fetches: every outcode in use and its middle to about 100 metres.

Run `python -m scripts.make_outcode_table` from the top folder after safety/data changes; a test fails until it has been run.
"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path

from safety import geography

TABLE = Path(geography.__file__).parent / "static" / "outcodes.json"
SCALE = 1000  # steps to a degree


def table() -> str:
    """The table as JSON: {"scale", "codes": "AB:10,11 AL:1", "lat", "lon"}.

    The letters of an area are written once, before its figures. A latitude or longitude is the difference from the one
    before it, in steps of 1/scale degree: neighbours stand together, so the numbers are small and pack well.
    """
    points = [outcode for outcode in geography.every() if outcode.in_use]
    areas = groupby(
        points, key=lambda point: "".join(letter for letter in point.code[:2] if letter.isalpha())
    )
    return (
        json.dumps(
            {
                "scale": SCALE,
                "codes": " ".join(
                    f"{area}:{','.join(point.code.removeprefix(area) for point in members)}"
                    for area, members in areas
                ),
                "lat": _steps([point.lat for point in points]),
                "lon": _steps([point.lon for point in points]),
            },
            separators=(",", ":"),
        )
        + "\n"
    )


def _steps(degrees: list[float]) -> list[int]:
    whole = [round(value * SCALE) for value in degrees]
    return [after - before for before, after in zip([0, *whole], whole, strict=False)]


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
    sys.stdout.write(f"{TABLE.name}: {TABLE.stat().st_size} bytes\n")
