"""Outcodes, regions, distances, keep-away areas and the location button's table."""

from __future__ import annotations

import csv
import gzip
import json
import math
import shutil
import subprocess
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright._impl._driver import compute_driver_executable

from safety import geography
from scripts import make_outcode_table

STATIC = geography.DATA.parent / "static"


def rows(name):
    with (geography.DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CODES = [row["outcode"] for row in rows("outcodes.csv")]

# --- the table ---------------------------------------------------------------------------------------------------------


def test_all_3106_outcodes_are_there_and_each_has_a_nation_and_a_region():
    every = geography.every()
    assert len(every) == 3106
    assert {outcode.code for outcode in every} == set(CODES)
    for outcode in every:
        assert outcode.nation in geography.NATIONS
        assert outcode.region in geography.REGIONS
        assert (outcode.nation == "England") == (outcode.region in geography.ENGLISH_REGIONS)
        assert 49 < outcode.lat < 61
        assert -9 < outcode.lon < 2


def test_outcodes_come_in_the_order_people_count():
    every = [outcode.code for outcode in geography.every()]
    assert every.index("LS2") < every.index("LS10")
    assert every.index("SW1A") < every.index("SW1E") < every.index("SW2")


def test_rows_without_town_region_or_district_are_still_on_the_map():
    source = rows("outcodes.csv")
    bare = {
        column: [row["outcode"] for row in source if not row[column]]
        for column in ("town", "region", "lad25cd", "easting")
    }
    assert {column: len(codes) for column, codes in bare.items()} == {
        "town": 804,
        "region": 250,
        "lad25cd": 109,
        "easting": 109,
    }
    for codes in bare.values():
        for code in codes:
            assert geography.region_of(code) in geography.REGIONS


def test_the_nations_and_london_have_the_outcodes_their_district_codes_say():
    regions = Counter(outcode.region for outcode in geography.every())
    prefixes = Counter(row["lad25cd"][:3] for row in rows("outcodes.csv"))
    assert regions["Scotland"] == prefixes["S12"] == 475
    assert regions["Wales"] == prefixes["W06"] == 214
    assert regions["London"] == prefixes["E09"] + len(["EC1", "EC2", "EC3", "EC4", "SW1", "WC1", "WC2"]) == 308
    assert (regions["Northern Ireland"], regions["Isle of Man"], regions["Channel Islands"]) == (80, 9, 13)
    assert set(regions) == set(geography.REGIONS)


@pytest.mark.parametrize(
    ("code", "region"),
    [
        ("LS1", "Yorkshire and the Humber"),
        ("S1", "Yorkshire and the Humber"),
        ("HU1", "Yorkshire and the Humber"),
        ("DN31", "Yorkshire and the Humber"),
        ("BD23", "Yorkshire and the Humber"),
        ("M1", "North West"),
        ("L1", "North West"),
        ("CA1", "North West"),
        ("CH1", "North West"),
        ("SK13", "East Midlands"),
        ("S40", "East Midlands"),
        ("NG1", "East Midlands"),
        ("LE15", "East Midlands"),
        ("NN1", "East Midlands"),
        ("NE1", "North East"),
        ("TS1", "North East"),
        ("DL1", "North East"),
        ("TD15", "North East"),
        ("B1", "West Midlands"),
        ("ST4", "West Midlands"),
        ("HR3", "West Midlands"),
        ("SY1", "West Midlands"),
        ("CB1", "East of England"),
        ("LU1", "East of England"),
        ("RM17", "East of England"),
        ("EN6", "East of England"),
        ("PE1", "East of England"),
        ("CR0", "London"),
        ("SW1A", "London"),
        ("EC1", "London"),
        ("SW1", "London"),
        ("WC2", "London"),
        ("RM1", "London"),
        ("BR1", "London"),
        ("DA14", "London"),
        ("DA1", "South East"),
        ("OX1", "South East"),
        ("MK9", "South East"),
        ("SO14", "South East"),
        ("BN1", "South East"),
        ("PL1", "South West"),
        ("BS1", "South West"),
        ("SN1", "South West"),
        ("BH1", "South West"),
        ("TR21", "South West"),
        ("CF10", "Wales"),
        ("CH5", "Wales"),
        ("LL57", "Wales"),
        ("SY23", "Wales"),
        ("EH1", "Scotland"),
        ("DG16", "Scotland"),
        ("ZE1", "Scotland"),
        ("BT1", "Northern Ireland"),
        ("IM1", "Isle of Man"),
        ("JE2", "Channel Islands"),
        ("GY1", "Channel Islands"),
    ],
)
def test_a_place_is_in_its_region(code, region):
    assert geography.region_of(code) == region
    assert geography.nation_of(code) == ("England" if region in geography.ENGLISH_REGIONS else region)


def test_an_outcode_on_a_border_counts_for_the_nation_most_of_its_addresses_are_in():
    assert geography.nation_of("TD12") == "Scotland"
    assert geography.nation_of("TD15") == "England"


def test_every_district_in_use_has_one_row_and_a_region_of_its_own_nation():
    districts = rows("districts.csv")
    codes = [row["lad25cd"] for row in districts]
    assert len(codes) == len(set(codes)) == 350
    assert set(codes) == {row["lad25cd"] for row in rows("outcodes.csv")} - {""}
    expected = {"S": {"Scotland"}, "W": {"Wales"}, "E": set(geography.ENGLISH_REGIONS)}
    for row in districts:
        assert row["region"] in expected[row["lad25cd"][0]], row["name"]
        assert row["name"]


# The county names of the list of 2017, put to regions by hand: made apart from districts.csv, so that each checks the other.
COUNTIES = {
    "North East": "Hartlepool|Middlesbrough|Redcar and Cleveland|Stockton-on-Tees|Darlington|County Durham|Northumberland|"
    "Newcastle Upon Tyne|North Tyneside|South Tyneside|Sunderland|Gateshead",
    "North West": "Halton|Warrington|Blackburn with Darwen|Blackpool|Cheshire East|Cheshire West and Chester|Cumbria|Lancashire|"
    "Greater Manchester|Bolton|Bury|Oldham|Rochdale|Salford|Stockport|Tameside|Trafford|Wigan|Knowsley|Liverpool|St Helens|"
    "Sefton|Wirral",
    "Yorkshire and the Humber": "City of Kingston-upon-Hull|East Riding of Yorkshire|North East Lincolnshire|North Lincolnshire|"
    "York|North Yorkshire|Doncaster|Rotherham|Barnsley|Sheffield|Bradford|Calderdale|Kirklees|Leeds|Wakefield",
    "East Midlands": "Derby|Derbyshire|Leicester|Leicestershire|Rutland|Nottingham|Nottinghamshire|Lincolnshire|Northamptonshire",
    "West Midlands": "Herefordshire|Telford and Wrekin|Stoke-on-Trent|Shropshire|Staffordshire|Warwickshire|Worcestershire|"
    "Birmingham|Coventry|Dudley|Sandwell|Solihull|Walsall|Wolverhampton",
    "East of England": "Peterborough|Luton|Southend-on-Sea|Thurrock|Bedford Borough|Central Bedfordshire|Cambridgeshire|Essex|"
    "Hertfordshire|Norfolk|Suffolk",
    "London": "Greater London|City of London|Westminster",
    "South East": "Medway|Bracknell Forest|West Berkshire|Reading|Slough|Windsor and Maidenhead|Wokingham|Milton Keynes|"
    "Brighton and Hove|Portsmouth|Southampton|Isle of Wight|Buckinghamshire|East Sussex|West Sussex|Hampshire|Kent|Surrey|"
    "Oxfordshire",
    "South West": "Bath and North East Somerset|City of Bristol|North Somerset|South Gloucestershire|Plymouth|Torbay|Swindon|"
    "Cornwall|Isles of Scilly|Wiltshire|Bournemouth|Poole|Dorset|Devon|Gloucestershire|Somerset",
}
BORDERS = {}


def test_the_districts_and_the_counties_of_another_list_say_the_same_regions():
    region_of_county = {county: region for region, names in COUNTIES.items() for county in names.split("|")}
    apart = {}
    for row in rows("outcodes.csv"):
        county, ours = row["region"], geography.region_of(row["outcode"])
        if county and region_of_county.get(county, "elsewhere") != (ours if ours in COUNTIES else "elsewhere"):
            apart[row["outcode"]] = (county, ours)
    assert apart == BORDERS
