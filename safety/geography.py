"""Where places are, as far as the outward half of a postcode tells: nations, regions, distances and keep-away areas.

Nothing here is finer than an outcode, so no distance or area can give a house away; a name that is not known is never ignored.
"""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data"

ENGLISH_REGIONS = (
    "North East",
    "North West",
    "Yorkshire and the Humber",
    "East Midlands",
    "West Midlands",
    "East of England",
    "London",
    "South East",
    "South West",
)
NATIONS = ("England", "Wales", "Scotland", "Northern Ireland", "Isle of Man", "Channel Islands")
REGIONS = ENGLISH_REGIONS + NATIONS[1:]

# The nearest first: a region with too few houses is shown together with its first neighbour, then the next, so England's
# regions name one another before they cross a border. Where there is no land border it is the crossing people use.
NEIGHBOURS: Mapping[str, tuple[str, ...]] = {
    "North East": ("Yorkshire and the Humber", "North West", "Scotland"),
    "North West": (
        "Yorkshire and the Humber",
        "West Midlands",
        "North East",
        "East Midlands",
        "Wales",
        "Scotland",
        "Isle of Man",
        "Northern Ireland",
    ),
    "Yorkshire and the Humber": ("North East", "North West", "East Midlands"),
    "East Midlands": (
        "West Midlands",
        "Yorkshire and the Humber",
        "East of England",
        "South East",
        "North West",
    ),
    "West Midlands": ("East Midlands", "North West", "South West", "South East", "Wales"),
    "East of England": ("London", "East Midlands", "South East"),
    "London": ("South East", "East of England"),
    "South East": (
        "London",
        "South West",
        "East of England",
        "East Midlands",
        "West Midlands",
        "Channel Islands",
    ),
    "South West": ("South East", "West Midlands", "Wales", "Channel Islands"),
    "Wales": ("West Midlands", "South West", "North West"),
    "Scotland": ("North East", "North West", "Northern Ireland"),
    "Northern Ireland": ("Scotland", "North West"),
    "Isle of Man": ("North West",),
    "Channel Islands": ("South West", "South East"),
}

UNDER_15, TO_40, OVER_40 = BANDS = ("under 15 miles", "15 to 40 miles", "over 40 miles")

EARTH_RADIUS_MILES = 3958.8

# Areas that the districts of Great Britain do not reach: the letters alone say where they are.
_BEYOND = {
    "BT": "Northern Ireland",
    "IM": "Isle of Man",
    "JE": "Channel Islands",
    "GY": "Channel Islands",
}

# Two slips of the list we were given, mended here so that the file stays as it was published.
_MENDED_TOWNS = {"St+F2813 Ouen": "St Ouen", "ALBecq": "Albecq"}

# Without a region in the list of 2017 an outcode is for PO boxes or one large user, or has ended, save these two.
_IN_USE_ALL_THE_SAME = frozenset({"G75", "M50"})
# The whole of a district that was divided by letters long ago: no address carries it.
_DIVIDED = frozenset({"EC1", "EC2", "EC3", "EC4", "SW1", "W1", "WC1", "WC2"})

_OUTCODE_SHAPE = re.compile(r"([A-Z]{1,2})(\d[0-9A-Z]?|T)")
# The second half of a postcode, whole or only begun. An O in it is a nought somebody misread.
_SECOND_HALF = re.compile(r"[0-9O][A-Z]{0,2}")
_WHOLE_SECOND_HALF = re.compile(r"[0-9O][A-Z]{2}$")
_AFTER_THE_NAME = re.compile(r" (?:on|under|in|super|next|by|le|de) .+")
_BETWEEN_NAMES = re.compile(r"\s*[,;/\n]\s*")


class UnknownOutcode(ValueError):
    """An outcode was used that the table does not hold."""


@dataclass(frozen=True)
class Outcode:
    """The first half of a postcode and the middle of the addresses that share it.

    lat, lon: WGS84 degrees. region: one of REGIONS. town: a rough name, sometimes empty; show the code, never the town.
    in_use: people live or work there; False for PO boxes, large users and codes that have ended.
    """

    code: str
    lat: float
    lon: float
    nation: str
    region: str
    town: str
    in_use: bool


@dataclass(frozen=True)
class ForceRow:
    """A police body as the Home Office names it.

    pfa_code, pfa_name: its ONS police force area, None outside England and Wales and for special bodies.
    kind: "territorial", "special" or "not a placing force". duty_to_notify: whether section 52 of the Modern Slavery
    Act 2015 binds it; None where the question does not arise.
    """

    slug: str
    name: str
    pfa_code: str | None
    pfa_name: str | None
    nation: str
    kind: str
    duty_to_notify: bool | None


def normalise(text: str) -> str | None:
    """The outcode in what somebody typed: "ls1", "LS 1", "LS1 4AP" and "ls14ap" are all "LS1". None when it is not known.

    "LS1 4" is the start of LS1 4AP, so it is LS1; only without the space is it LS14.
    """
    pieces: list[str] = re.findall(r"[A-Z0-9]+", unicodedata.normalize("NFKC", text).upper())
    joined = "".join(pieces)
    if not 2 <= len(joined) <= 7:
        return None
    known = _outcodes()
    if len(pieces) == 2 and pieces[0] in known and _SECOND_HALF.fullmatch(pieces[1]):
        return pieces[0]
    if joined in known:
        return joined
    shorter = _WHOLE_SECOND_HALF.sub("", joined)
    return shorter if shorter != joined and shorter in known else None


def find(code: str) -> Outcode | None:
    """What is known of an outcode, however it is written; None when it is not in the table."""
    normal = normalise(code)
    return None if normal is None else _outcodes()[normal]


def every() -> tuple[Outcode, ...]:
    """All outcodes, LS2 before LS10."""
    return tuple(_outcodes().values())


def nation_of(code: str) -> str | None:
    """The nation most of an outcode's addresses are in (one of NATIONS); None when it is not known.

    An outcode on a border counts whole for one side: TD12 for Scotland, TD15 for England.
    """
    found = find(code)
    return None if found is None else found.nation


def region_of(code: str) -> str | None:
    """The region (one of REGIONS: England's nine, elsewhere the nation); None when it is not known."""
    found = find(code)
    return None if found is None else found.region


def miles(a: str, b: str) -> float:
    """The straight line between the middles of two outcodes, in miles. Raises UnknownOutcode."""
    here, there = _must_find(a), _must_find(b)
    lat_a, lon_a, lat_b, lon_b = map(math.radians, (here.lat, here.lon, there.lat, there.lon))
    chord = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_MILES * math.asin(math.sqrt(min(1.0, chord)))


def band(distance_miles: float) -> str:
    """How far, as an officer may be told it before setting off: one of BANDS."""
    if not distance_miles >= 0:
        raise ValueError("a distance is nought or more")
    if distance_miles < 15:
        return UNDER_15
    return TO_40 if distance_miles <= 40 else OVER_40


def resolve_area(text: str) -> tuple[str, ...] | None:
    """The outcodes of a place to keep away from, as an officer typed it; None when any part of it is not known.

    Takes an outcode ("W1" is all of W1A to W1X too), a whole postcode, the letters of a postcode area ("BD"), or the name of
    a town, district or county in any case and punctuation; several with commas or "and" between. A name borne by several
    places means all of them: here too wide is safe and too narrow is not.
    """
    code = normalise(text)
    if code is not None:
        return tuple(other for other in _outcodes() if other == code or _is_letter_of(other, code))
    name = _plain(text)
    if not name:
        return None
    found = _areas().get(text.strip().lower()) or _names().get(name) or _names().get(_bare(name))
    if found:
        return found
    for parts in (
        _BETWEEN_NAMES.split(text.strip(" ,;/\n")),
        re.split(r"\s+(?:and|&)\s+", text, flags=re.IGNORECASE),
    ):
        if len(parts) > 1:
            resolved = [resolve_area(part) for part in parts]
            if all(resolved):
                wanted = {code for area in resolved for code in area or ()}
                return tuple(code for code in _outcodes() if code in wanted)
    return None


def within(outcode: str, areas: Sequence[str], distance_miles: float) -> bool:
    """Whether an outcode is one of `areas` (outcodes, from resolve_area) or that many miles or fewer from one of them.

    Raises UnknownOutcode: a place nobody can put on the map must not pass for one that is far away.
    """
    here = _must_find(outcode)
    return any(
        area.code == here.code or miles(here.code, area.code) <= distance_miles
        for area in [_must_find(area) for area in areas]
    )


@lru_cache(maxsize=1)
def forces() -> tuple[ForceRow, ...]:
    """The UK's police bodies as the National Referral Mechanism lists them, in its order."""
    return tuple(
        ForceRow(
            slug=row["slug"],
            name=row["nrm_service_name"],
            pfa_code=row["ons_pfa_code"] or None,
            pfa_name=row["ons_pfa_name"] or None,
            nation=row["nation"],
            kind=row["kind"],
            duty_to_notify=None if row["s52_duty_to_notify"] == "n/a" else row["s52_duty_to_notify"] == "yes",
        )
        for row in _rows("police_forces.csv")
    )


def _must_find(code: str) -> Outcode:
    found = _outcodes().get(code) or find(code)
    if found is None:
        raise UnknownOutcode("not an outcode we know")
    return found


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _split(code: str) -> tuple[str, str]:
    """("LS", "12") of LS12, ("EC", "1A") of EC1A; ("NP", "T") of Newport's old NPT."""
    shape = _OUTCODE_SHAPE.fullmatch(code)
    if shape is None:
        raise UnknownOutcode("not the shape of an outcode")
    return shape[1], shape[2]


def _order(code: str) -> tuple[str, int, str]:
    area, rest = _split(code)
    digits = re.match(r"\d*", rest)
    number = digits[0] if digits else ""
    return area, int(number or 0), rest[len(number) :]


def _is_letter_of(code: str, whole: str) -> bool:
    """Whether `code` is `whole` and one letter more: EC1A of EC1, but not LS10 of LS1."""
    return code[:-1] == whole and code[-1].isalpha()


@lru_cache(maxsize=1)
def _districts() -> dict[str, dict[str, str]]:
    return {row["lad25cd"]: row for row in _rows("districts.csv")}


@lru_cache(maxsize=1)
def _outcodes() -> dict[str, Outcode]:
    rows = {row["outcode"]: row for row in _rows("outcodes.csv")}

    def region(code: str) -> str:
        district = rows[code]["lad25cd"]
        if district:
            return _districts()[district]["region"]
        area = _split(code)[0]
        if area in _BEYOND:
            return _BEYOND[area]
        letters = {region(other) for other in rows if _is_letter_of(other, code)}
        if len(letters) != 1:
            raise UnknownOutcode(f"no region for {code} in outcodes.csv")
        return letters.pop()

    found = {}
    for code in sorted(rows, key=_order):
        row, its_region = rows[code], region(code)
        found[code] = Outcode(
            code=code,
            lat=float(row["lat"]),
            lon=float(row["lon"]),
            nation="England" if its_region in ENGLISH_REGIONS else its_region,
            region=its_region,
            town=_MENDED_TOWNS.get(row["town"], row["town"]),
            in_use=(bool(row["region"]) or code in _IN_USE_ALL_THE_SAME) and code not in _DIVIDED,
        )
    return found


@lru_cache(maxsize=1)
def _areas() -> dict[str, tuple[str, ...]]:
    """The letters of each postcode area, in small letters, and its outcodes."""
    by_area = defaultdict(list)
    for code in _outcodes():
        by_area[_split(code)[0].lower()].append(code)
    return {area: tuple(codes) for area, codes in by_area.items()}


@lru_cache(maxsize=1)
def _names() -> dict[str, tuple[str, ...]]:
    """Every name an officer might type and the outcodes it stands for, from four lists because each alone has holes:

    towns by themselves would send "Leeds" to the Kent village of that name and nowhere else.
    """
    codes_of: dict[str, set[str]] = defaultdict(set)
    for row in _rows("outcodes.csv"):
        names = [_MENDED_TOWNS.get(row["town"], row["town"]), row["region"]]
        if row["lad25cd"]:
            district = _districts()[row["lad25cd"]]
            names += [district["name"], *district["also"].split(";")]
        for name in names:
            for form in _forms(name):
                codes_of[form].add(row["outcode"])
    for row in _rows("places.csv"):
        for form in _forms(row["name"]):
            codes_of[form].update(row["outcodes"].split())
    return {name: tuple(sorted(codes, key=_order)) for name, codes in codes_of.items()}


def _forms(name: str) -> Iterator[str]:
    """The ways a name may be typed: whole, bare, each of "Windsor and Maidenhead", and "Newark" of "Newark-on-Trent"."""
    wholes = {_plain(name)} | {
        _plain(part)
        for part in re.split(r",| and ", name)
        if len(part.strip()) > 3 and part.strip() != "Great"
    }
    for whole in wholes - {""}:
        for form in (whole, _bare(whole)):
            yield form
            yield _AFTER_THE_NAME.sub("", form)


def _plain(name: str) -> str:
    """A name without case, accents and punctuation, "Saint" and "upon" in one spelling."""
    letters = "".join(
        c for c in unicodedata.normalize("NFKD", name.replace("&", " and ")) if not unicodedata.combining(c)
    )
    words = re.sub(r"[^a-z0-9]+", " ", re.sub(r"['’`]", "", letters.casefold())).split()
    spelt = {"saint": "st", "upon": "on", "co": "county"}
    return " ".join(spelt.get(word, word) for word in words)


def _bare(name: str) -> str:
    """A plain name without what is often left away: "the", "city of", "royal", "city", "borough"."""
    bare = re.sub(r"^(?:the |royal borough of |city of |borough of |royal )+", "", name)
    return re.sub(r"(?: city| city council| borough| town centre| city centre)$", "", bare) or name
