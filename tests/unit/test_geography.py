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
    assert (
        regions["London"] == prefixes["E09"] + len(["EC1", "EC2", "EC3", "EC4", "SW1", "WC1", "WC2"]) == 308
    )
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
# Outcodes whose middle the list of 2017 put on the other side of a regional border than most of their addresses are.
BORDERS = {
    "CH4": ("Flintshire", "North West"),
    "CW3": ("Cheshire East", "West Midlands"),
    "DN36": ("Lincolnshire", "Yorkshire and the Humber"),
    "DN38": ("Lincolnshire", "Yorkshire and the Humber"),
    "MK19": ("Northamptonshire", "South East"),
    "PE6": ("Lincolnshire", "East of England"),
    "SK12": ("Cheshire East", "East Midlands"),
    "SP9": ("Hampshire", "South West"),
    "TD12": ("Northumberland", "Scotland"),
    "UB9": ("Buckinghamshire", "London"),
}


def test_the_districts_and_the_counties_of_another_list_say_the_same_regions():
    region_of_county = {county: region for region, names in COUNTIES.items() for county in names.split("|")}
    apart = {}
    for row in rows("outcodes.csv"):
        county, ours = row["region"], geography.region_of(row["outcode"])
        if county and region_of_county.get(county, "elsewhere") != (
            ours if ours in COUNTIES else "elsewhere"
        ):
            apart[row["outcode"]] = (county, ours)
    assert apart == BORDERS


# --- what is typed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("ls1", "LS1"),
        ("  LS1 ", "LS1"),
        ("LS 1", "LS1"),
        ("LS14", "LS14"),
        ("LS1 4AP", "LS1"),
        ("ls14ap", "LS1"),
        ("LS14 6AA", "LS14"),
        ("ls146aa", "LS14"),
        ("LS1 4", "LS1"),
        ("LS1 4A", "LS1"),
        ("LS1-4AP", "LS1"),
        ("M1 1AA", "M1"),
        ("m11aa", "M1"),
        ("M11 1AA", "M11"),
        ("SW1A 1AA", "SW1A"),
        ("sw1a1aa", "SW1A"),
        ("SW1 A", "SW1A"),
        ("SW1A OAA", "SW1A"),
        ("ＬＳ１", "LS1"),
        ("BT1 1AA", "BT1"),
        ("EC1", "EC1"),
        ("NPT", "NPT"),
        ("", None),
        ("   ", None),
        ("LS", None),
        ("1", None),
        ("ZZ1", None),
        ("ZZ1 1AA", None),
        ("LS100", None),
        ("LS1 4AP Leeds", None),
        ("Leeds", None),
        ("4AP", None),
        ("LS1 LS2", None),
        ("£££", None),
        ("LS1\x00", "LS1"),
        ("l" * 5000, None),
    ],
)
def test_an_outcode_is_found_in_what_people_type(typed, code):
    assert geography.normalise(typed) == code
    found = geography.find(typed)
    assert (found and found.code) == code


def test_every_outcode_is_known_however_it_is_written():
    for code in CODES:
        for typed in (
            code,
            code.lower(),
            f" {code} ",
            f"{code} 9ZZ",
            f"{code}9zz",
            f"{code} 9",
            f"{code} 9Z",
        ):
            assert geography.normalise(typed) == code, typed


@given(st.text(max_size=12))
def test_whatever_is_typed_gives_a_known_outcode_or_none(typed):
    assert geography.normalise(typed) in {None, *CODES}


# --- distances ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "about"),
    [("LS1", "M1", 36), ("SW1A", "EH1", 331), ("PL1", "ZE1", 692), ("BT1", "G1", 108), ("LS1", "LS2", 0.6)],
)
def test_miles_are_those_of_the_map(a, b, about):
    assert geography.miles(a, b) == pytest.approx(about, rel=0.02, abs=0.2)


@given(st.sampled_from(CODES), st.sampled_from(CODES), st.sampled_from(CODES))
def test_distances_keep_the_rules_of_distance(a, b, c):
    assert geography.miles(a, a) == 0
    assert geography.miles(a, b) == geography.miles(b, a) >= 0
    assert geography.miles(a, c) <= geography.miles(a, b) + geography.miles(b, c) + 1e-9


def test_a_distance_to_nowhere_is_refused_and_says_nothing_of_what_was_typed():
    for pair in (("LS1", "ZZ9"), ("ZZ9", "LS1")):
        with pytest.raises(geography.UnknownOutcode) as refused:
            geography.miles(*pair)
        assert "ZZ9" not in str(refused.value)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (0, "under 15 miles"),
        (14.999, "under 15 miles"),
        (15, "15 to 40 miles"),
        (40, "15 to 40 miles"),
        (40.001, "over 40 miles"),
        (700, "over 40 miles"),
    ],
)
def test_a_distance_is_told_as_a_band(distance, words):
    assert geography.band(distance) == words


@pytest.mark.parametrize("distance", [-1, math.nan])
def test_a_distance_that_is_none_has_no_band(distance):
    with pytest.raises(ValueError, match="nought or more"):
        geography.band(distance)


# --- regions side by side ----------------------------------------------------------------------------------------------


def test_neighbours_are_neighbours_both_ways_and_join_every_region_to_every_other():
    assert set(geography.NEIGHBOURS) == set(geography.REGIONS)
    for region, neighbours in geography.NEIGHBOURS.items():
        assert len(set(neighbours)) == len(neighbours)
        for other in neighbours:
            assert region in geography.NEIGHBOURS[other], (region, other)
    reached, edge = set(), {"London"}
    while edge:
        reached |= edge
        edge = {other for region in edge for other in geography.NEIGHBOURS[region]} - reached
    assert reached == set(geography.REGIONS)


def test_an_english_region_is_first_merged_with_another_of_england():
    for region in geography.ENGLISH_REGIONS:
        assert geography.NEIGHBOURS[region][0] in geography.ENGLISH_REGIONS


# --- keep-away areas ---------------------------------------------------------------------------------------------------

# Towns and the outcodes in their middle, from general knowledge: a name must reach every place that bears it.
TOWNS = (
    "London=EC2M SW1A;Birmingham=B1 B2;Leeds=LS1 LS2;Glasgow=G1;Sheffield=S1;Manchester=M1;Edinburgh=EH1;Liverpool=L1;"
    "Bristol=BS1;Cardiff=CF10;Leicester=LE1;Wakefield=WF1;Coventry=CV1;Nottingham=NG1;Newcastle=NE1 ST5 BT33;"
    "Newcastle upon Tyne=NE1;Sunderland=SR1;Brighton=BN1;Hull=HU1;Kingston upon Hull=HU1;Plymouth=PL1;"
    "Wolverhampton=WV1;Stoke=ST1 ST4;Stoke-on-Trent=ST4;Derby=DE1;Swansea=SA1;Southampton=SO14;Aberdeen=AB10;"
    "Westminster=SW1A;Portsmouth=PO1;York=YO1;Peterborough=PE1;Dundee=DD1;Lancaster=LA1;Oxford=OX1;"
    "Newport=NP20 PO30 TF10;Preston=PR1;St Albans=AL1;Norwich=NR1;Chester=CH1;Cambridge=CB1 CB2;Salisbury=SP1;"
    "Exeter=EX1;Gloucester=GL1;Lisburn=BT28;Chichester=PO19;Winchester=SO23;Londonderry=BT48;Derry=BT48;Carlisle=CA1;"
    "Worcester=WR1;Bath=BA1;Durham=DH1;Lincoln=LN1;Hereford=HR1;Armagh=BT61;Inverness=IV1;Stirling=FK8;Canterbury=CT1;"
    "Lichfield=WS13;Newry=BT35;Ripon=HG4;Bangor=LL57 BT20;Truro=TR1;Ely=CB7;Wells=BA5;St Asaph=LL17;Bradford=BD1;"
    "Reading=RG1;Bolton=BL1;Bournemouth=BH1;Middlesbrough=TS1;Swindon=SN1;Northampton=NN1;Luton=LU1;Milton Keynes=MK9;"
    "Warrington=WA1;Huddersfield=HD1;Southend=SS1;Southend-on-Sea=SS1;Blackpool=FY1;Ipswich=IP1;Telford=TF3;"
    "Slough=SL1;Watford=WD17;Poole=BH15;Gillingham=ME7;Chatham=ME4;Rochester=ME1;Maidstone=ME14;Basingstoke=RG21;"
    "Crawley=RH10;Gateshead=NE8;Solihull=B91;Blackburn=BB1 BB2;Colchester=CO1;Eastbourne=BN21;Oldham=OL1;"
    "Rochdale=OL16;Stockport=SK1;Burnley=BB11;Walsall=WS1;Dudley=DY1;Rotherham=S60;Doncaster=DN1;Barnsley=S70;"
    "Halifax=HX1;Harrogate=HG1;Scarborough=YO11;Grimsby=DN31;Scunthorpe=DN15;Chesterfield=S40;Mansfield=NG18;"
    "Kettering=NN16;Corby=NN17;Wellingborough=NN8;Bedford=MK40;Stevenage=SG1;Harlow=CM20;Chelmsford=CM1;Basildon=SS14;"
    "Cheltenham=GL50;Worthing=BN11;Hastings=TN34;Ashford=TN23 TW15;Dover=CT16;Folkestone=CT20;Margate=CT9;"
    "Ramsgate=CT11;Dartford=DA1;Gravesend=DA11;Guildford=GU1;Woking=GU21;Aldershot=GU11;Farnborough=GU14;"
    "Camberley=GU15;Reigate=RH2;Redhill=RH1;Bracknell=RG12;Wokingham=RG40;Maidenhead=SL6;Windsor=SL4;"
    "High Wycombe=HP13;Aylesbury=HP20;Hemel Hempstead=HP1;Banbury=OX16;Bicester=OX26;Newbury=RG14;Taunton=TA1;"
    "Yeovil=BA21;Weston-super-Mare=BS23;Torquay=TQ1;Paignton=TQ3;Barnstaple=EX31;Weymouth=DT4;Dorchester=DT1;"
    "Trowbridge=BA14;Shrewsbury=SY1;Crewe=CW1;Macclesfield=SK10;Stafford=ST16;Tamworth=B79;Burton upon Trent=DE14;"
    "Burton=DE14;Nuneaton=CV11;Rugby=CV21;Leamington=CV32;Leamington Spa=CV32;Stratford-upon-Avon=CV37;"
    "Stratford=E15 CV37;Redditch=B97;Kidderminster=DY10;Bromsgrove=B61;Boston=PE21;Spalding=PE11;Wisbech=PE13;"
    "Skegness=PE25;Grantham=NG31;King's Lynn=PE30;Great Yarmouth=NR30;Lowestoft=NR32;Bury St Edmunds=IP33;"
    "Thetford=IP24;Huntingdon=PE29;Felixstowe=IP11;Harwich=CO12;Clacton=CO15;Clacton-on-Sea=CO15;Tilbury=RM18;"
    "Grays=RM17;Romford=RM1;Ilford=IG1;Barking=IG11;Croydon=CR0;Bromley=BR1;Kingston upon Thames=KT1;Twickenham=TW1;"
    "Hounslow=TW3;Uxbridge=UB8;Southall=UB1;Harrow=HA1;Wembley=HA9;Enfield=EN1;Barnet=EN5;Walthamstow=E17;"
    "Tottenham=N17;Hackney=E8;Brixton=SW2 SW9;Peckham=SE15;Lewisham=SE13;Woolwich=SE18;Soho=W1D;Whitechapel=E1;"
    "East Ham=E6;West Ham=E15;Bootle=L20;Birkenhead=CH41;Wallasey=CH44;Southport=PR8;St Helens=WA10;Widnes=WA8;"
    "Runcorn=WA7;Wigan=WN1;Leigh=WN7;Bury=BL9;Salford=M3 M5;Altrincham=WA14;Sale=M33;Ashton-under-Lyne=OL6;"
    "Lytham St Annes=FY8;Morecambe=LA4;Barrow=LA14;Barrow-in-Furness=LA14;Kendal=LA9;Whitehaven=CA28;Workington=CA14;"
    "Penrith=CA11;Keighley=BD21;Dewsbury=WF13;Batley=WF17;Pontefract=WF8;Castleford=WF10;Selby=YO8;Goole=DN14;"
    "Bridlington=YO15;Whitby=YO21;Northallerton=DL7;Skipton=BD23;Darlington=DL1;Stockton=TS18;Stockton-on-Tees=TS18;"
    "Hartlepool=TS24;Redcar=TS10;South Shields=NE33;North Shields=NE29;Tynemouth=NE30;Whitley Bay=NE26;"
    "Washington=NE37;Blyth=NE24;Ashington=NE63;Morpeth=NE61;Hexham=NE46;Alnwick=NE66;Berwick=TD15;"
    "Berwick-upon-Tweed=TD15;Bishop Auckland=DL14;Peterlee=SR8;Consett=DH8;Wrexham=LL13;Merthyr Tydfil=CF47;"
    "Barry=CF62;Bridgend=CF31;Neath=SA11;Port Talbot=SA12;Llanelli=SA15;Cwmbran=NP44;Pontypridd=CF37;Caerphilly=CF83;"
    "Aberdare=CF44;Pontypool=NP4;Ebbw Vale=NP23;Abergavenny=NP7;Rhyl=LL18;Colwyn Bay=LL29;Llandudno=LL30;"
    "Holyhead=LL65;Caernarfon=LL55;Aberystwyth=SY23;Carmarthen=SA31;Haverfordwest=SA61;Pembroke=SA71;"
    "Milford Haven=SA73;Newtown=SY16;Brecon=LD3;Cardigan=SA43;Fishguard=SA65;Flint=CH6;Mold=CH7;Paisley=PA1;"
    "East Kilbride=G74;Livingston=EH54;Dunfermline=KY12;Hamilton=ML3;Kirkcaldy=KY1;Perth=PH1;Ayr=KA7;Kilmarnock=KA1;"
    "Greenock=PA15;Coatbridge=ML5;Airdrie=ML6;Falkirk=FK1;Motherwell=ML1;Wishaw=ML2;Cumbernauld=G67;Irvine=KA12;"
    "Dumfries=DG1;Clydebank=G81;Dumbarton=G82;Arbroath=DD11;Elgin=IV30;Peterhead=AB42;Fraserburgh=AB43;Stranraer=DG9;"
    "Oban=PA34;Fort William=PH33;Galashiels=TD1;Hawick=TD9;Alloa=FK10;Glenrothes=KY7;St Andrews=KY16;Grangemouth=FK3;"
    "Kirkwall=KW15;Lerwick=ZE1;Stornoway=HS1;Thurso=KW14;Wick=KW1;Belfast=BT1;Craigavon=BT64 BT65;Portadown=BT62;"
    "Lurgan=BT66;Ballymena=BT42;Newtownabbey=BT36;Carrickfergus=BT38;Coleraine=BT51;Omagh=BT78;Larne=BT40;"
    "Strabane=BT82;Limavady=BT49;Cookstown=BT80;Dungannon=BT71;Enniskillen=BT74;Banbridge=BT32;Newtownards=BT23;"
    "Magherafelt=BT45;Antrim=BT41;Downpatrick=BT30;Henley=RG9;Henley-on-Thames=RG9;Staines=TW18;Epsom=KT17;"
    "Leatherhead=KT22;Dorking=RH4;Horsham=RH12;Haywards Heath=RH16;East Grinstead=RH19;Lewes=BN7;Bognor Regis=PO21;"
    "Littlehampton=BN17;Havant=PO9;Waterlooville=PO7;Fareham=PO16;Gosport=PO12;Eastleigh=SO50;Andover=SP10;"
    "Romsey=SO51;Ryde=PO33;Cowes=PO31;Tonbridge=TN9;Tunbridge Wells=TN1;Sevenoaks=TN13;Sittingbourne=ME10;"
    "Sheerness=ME12;Faversham=ME13;Whitstable=CT5;Herne Bay=CT6;Deal=CT14;Abingdon=OX14;Didcot=OX11;Witney=OX28;"
    "Thame=OX9;Amersham=HP6;Chesham=HP5;Beaconsfield=HP9;Hertford=SG13;Welwyn Garden City=AL7;Hatfield=AL10;"
    "Hitchin=SG5;Letchworth=SG6;Bishop's Stortford=CM23;Borehamwood=WD6;Cheshunt=EN8;Brentwood=CM14;Braintree=CM7;"
    "Canvey Island=SS8;Billericay=CM12;Newmarket=CB8;Sudbury=CO10;Stowmarket=IP14;Dereham=NR19;Cromer=NR27;March=PE15;"
    "St Neots=PE19;St Ives=PE27 TR26;Dunstable=LU6;Leighton Buzzard=LU7;Biggleswade=SG18;Daventry=NN11;Rushden=NN10;"
    "Loughborough=LE11;Hinckley=LE10;Melton Mowbray=LE13;Coalville=LE67;Market Harborough=LE16;Oakham=LE15;"
    "Newark=NG24;Worksop=S80;Retford=DN22;Ilkeston=DE7;Long Eaton=NG10;Buxton=SK17;Glossop=SK13;Matlock=DE4;"
    "Gainsborough=DN21;Louth=LN11;Sleaford=NG34;Stamford=PE9;Cannock=WS11;Stourbridge=DY8;Halesowen=B63;"
    "Sutton Coldfield=B72;West Bromwich=B70;Smethwick=B66;Oldbury=B69;Evesham=WR11;Malvern=WR14;Ludlow=SY8;"
    "Oswestry=SY11;Leek=ST13;Congleton=CW12;Northwich=CW9;Nantwich=CW5;Ellesmere Port=CH65;Accrington=BB5;Nelson=BB9;"
    "Chorley=PR7;Leyland=PR25;Skelmersdale=WN8;Ormskirk=L39;Fleetwood=FY7;Clitheroe=BB7;Stroud=GL5;Cirencester=GL7;"
    "Tewkesbury=GL20;Bridgwater=TA6;Frome=BA11;Chippenham=SN15;Devizes=SN10;Melksham=SN12;Exmouth=EX8;"
    "Newton Abbot=TQ12;Tiverton=EX16;Bideford=EX39;Falmouth=TR11;Penzance=TR18;Newquay=TR7;St Austell=PL25;"
    "Camborne=TR14;Redruth=TR15;Bodmin=PL31;Bude=EX23;Launceston=PL15;Swanage=BH19;Christchurch=BH23;Wimborne=BH21;"
    "Ferndown=BH22;Bridport=DT6;Clevedon=BS21;Portishead=BS20;Keynsham=BS31;Yate=BS37;Mitcham=CR4;Sutton=SM1;"
    "Wimbledon=SW19;Tooting=SW17;Clapham=SW4;Hammersmith=W6;Ealing=W5;Acton=W3;Willesden=NW10;Finchley=N3;Edgware=HA8;"
    "Camden=NW1;Islington=N1;Poplar=E14;Bethnal Green=E2;Ilfracombe=EX34;Dagenham=RM10;Bexleyheath=DA6;Orpington=BR6;"
    "Sidcup=DA14;Hayes=UB3;Feltham=TW13;Douglas=IM1;Ramsey=IM8 PE26;St Helier=JE2;St Peter Port=GY1"
)


@pytest.mark.parametrize("line", TOWNS.split(";"))
def test_a_town_resolves_to_the_outcodes_people_mean_by_it(line):
    name, codes = line.split("=")
    resolved = geography.resolve_area(name)
    assert resolved is not None
    assert set(codes.split()) <= set(resolved)


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ("LS1", {"LS1"}),
        ("ls1 4ap", {"LS1"}),
        ("BD", {code for code in CODES if code.startswith("BD")}),
        ("m", {code for code in CODES if code[0] == "M" and code[1].isdigit()}),
        ("CO", {code for code in CODES if code.startswith("CO")}),
        ("EC1", {code for code in CODES if code.startswith("EC1")}),
        ("E1", {"E1", "E1W"}),
        ("ST. IVES", {"PE27", "TR26"}),
        ("saint ives", {"PE27", "TR26"}),
        ("Bo’ness", {"EH51"}),
        ("LS1, BD1", {"LS1", "BD1"}),
        ("LS1 and BD1 & M1", {"LS1", "BD1", "M1"}),
        ("LS1; Bo'ness", {"LS1", "EH51"}),
    ],
)
def test_an_area_is_understood_in_any_case_spacing_and_punctuation(typed, codes):
    resolved = geography.resolve_area(typed)
    assert resolved is not None
    assert set(resolved) == codes


@pytest.mark.parametrize(
    "spellings",
    [
        ("Newcastle upon Tyne", "newcastle-upon-tyne", "NEWCASTLE ON TYNE", "Newcastle  Upon Tyne"),
        ("King's Lynn", "Kings Lynn", "KING’S LYNN"),
        ("St Albans", "St. Albans", "Saint Albans", "st albans"),
        ("Brighton and Hove", "Brighton & Hove", "BRIGHTON AND HOVE"),
        ("Ynys Môn", "Ynys Mon"),
        ("Leeds", "City of Leeds", "Leeds city centre", "LEEDS CITY"),
        ("Wirral", "The Wirral"),
        ("County Durham", "Co Durham", "co. durham"),
    ],
)
def test_spellings_of_one_name_give_one_area(spellings):
    areas = {geography.resolve_area(spelling) for spelling in spellings}
    assert len(areas) == 1
    assert None not in areas


def test_a_big_town_is_not_mistaken_for_the_village_of_its_name():
    for name, town, village in (
        ("Leeds", "LS1", "ME17"),
        ("Newcastle", "NE1", "BT33"),
        ("Bangor", "LL57", "BT20"),
    ):
        resolved = geography.resolve_area(name)
        assert resolved is not None
        assert {town, village} <= set(resolved)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "  ",
        "nowhere",
        "ZZ1",
        "Leeds, nowhere",
        "nowhere and Leeds",
        "near Leeds",
        "Leeds ish",
        "123",
        ",",
        "and",
        "?",
    ],
)
def test_an_area_that_is_not_known_is_never_ignored(typed):
    assert geography.resolve_area(typed) is None


@given(st.text(max_size=30))
def test_whatever_is_typed_gives_an_area_of_known_outcodes_or_none(typed):
    resolved = geography.resolve_area(typed)
    assert resolved is None or (
        resolved and set(resolved) <= set(CODES) and len(set(resolved)) == len(resolved)
    )


def test_every_town_county_and_district_of_the_lists_resolves_to_its_own_outcodes():
    own = defaultdict(set)
    districts = {row["lad25cd"]: row for row in rows("districts.csv")}
    for row in rows("outcodes.csv"):
        names = {row["town"], row["region"]}
        if row["lad25cd"]:
            district = districts[row["lad25cd"]]
            names |= {district["name"], *district["also"].split(";")}
        for name in names - {""}:
            own[name].add(row["outcode"])
    for row in rows("places.csv"):
        own[row["name"]].update(row["outcodes"].split())
    own["St Ouen"] = own.pop("St+F2813 Ouen")
    for name, codes in own.items():
        for typed in (name, name.upper(), f" {name.lower()} "):
            resolved = geography.resolve_area(typed)
            assert resolved is not None, typed
            assert codes <= set(resolved), typed


def test_our_own_list_of_places_holds_known_outcodes_that_lie_together():
    seen = set()
    for row in rows("places.csv"):
        codes = row["outcodes"].split()
        assert (row["name"], row["outcodes"]) not in seen
        seen.add((row["name"], row["outcodes"]))
        assert codes
        assert len({geography.nation_of(code) for code in codes}) == 1, row["name"]
        for code in codes:
            assert geography.normalise(code) == code
            assert geography.miles(codes[0], code) < 21, row["name"]


def test_a_house_is_within_an_area_by_name_or_by_distance():
    leeds = geography.resolve_area("Leeds")
    assert leeds is not None
    assert geography.within("LS6", leeds, 0)
    assert not geography.within("BD1", leeds, 0)
    assert geography.within("BD1", leeds, 10)
    assert geography.within("bd1", ["ls1"], 10)
    assert not geography.within("M1", ["LS1"], 35)
    assert geography.within("M1", ["LS1"], 36)
    assert not geography.within("M1", [], 1000)


def test_a_place_nobody_can_find_never_passes_for_one_far_away():
    for outcode, areas in (("ZZ9", ["LS1"]), ("LS1", ["ZZ9"]), ("LS1", ["LS1", "ZZ9"])):
        with pytest.raises(geography.UnknownOutcode):
            geography.within(outcode, areas, 5)


# --- forces ------------------------------------------------------------------------------------------------------------


def test_the_47_police_bodies_are_loaded():
    forces = geography.forces()
    assert len(forces) == len({force.slug for force in forces}) == 47
    kinds = Counter((force.nation, force.kind) for force in forces)
    assert kinds[("England", "territorial")] == 39
    assert kinds[("Wales", "territorial")] == 4
    by_slug = {force.slug: force for force in forces}
    assert by_slug["west-yorkshire"].pfa_code == "E23000010"
    assert by_slug["west-yorkshire"].duty_to_notify is True
    assert by_slug["city-of-london"].pfa_name == "London, City of"
    assert by_slug["scotland"].duty_to_notify is False
    assert by_slug["scotland"].pfa_code is None
    assert by_slug["btp"].kind == "special"
    assert by_slug["npas"].kind == "not a placing force"
    assert by_slug["npas"].duty_to_notify is None


# --- the location button -----------------------------------------------------------------------------------------------

TABLE = json.loads((STATIC / "outcodes.json").read_text(encoding="utf-8"))


def unpacked():
    codes = [
        area.split(":")[0] + figures
        for area in TABLE["codes"].split()
        for figures in area.split(":")[1].split(",")
    ]
    lats, lons, lat, lon = [], [], 0, 0
    for up, along in zip(TABLE["lat"], TABLE["lon"], strict=True):
        lat, lon = lat + up, lon + along
        lats.append(lat / TABLE["scale"])
        lons.append(lon / TABLE["scale"])
    return list(zip(codes, lats, lons, strict=True))


def test_the_table_of_the_location_button_is_up_to_date():
    assert (STATIC / "outcodes.json").read_text(encoding="utf-8") == make_outcode_table.table(), (
        "run python -m scripts.make_outcode_table"
    )


def test_the_table_of_the_location_button_says_where_each_outcode_in_use_is():
    points = unpacked()
    assert [code for code, _, _ in points] == [
        outcode.code for outcode in geography.every() if outcode.in_use
    ]
    for code, lat, lon in points:
        outcode = geography.find(code)
        assert outcode is not None
        assert lat == pytest.approx(outcode.lat, abs=0.00051)
        assert lon == pytest.approx(outcode.lon, abs=0.00051)


def test_nobody_is_told_they_stand_in_a_code_of_post_office_boxes():
    offered = {code for code, _, _ in unpacked()}
    assert not offered & {"LS98", "LS99", "NE98", "BS98", "EC1", "SW1", "W1", "AB1", "L41", "NPT", "SE1P"}
    assert {"LS1", "G75", "M50", "BT1", "CH41", "EC1A", "ZE1"} <= offered
    assert len(offered) == 2850


def test_the_table_and_its_script_are_light():
    for name, most in (("outcodes.json", 11_000), ("locate.js", 2_500)):
        assert len(gzip.compress((STATIC / name).read_bytes(), 9)) < most


def node(tmp_path, script):
    """What a script prints with locate.js beside it, run by the Node that comes with the browser tests' driver."""
    shutil.copy(STATIC / "locate.js", tmp_path / "locate.mjs")
    (tmp_path / "run.mjs").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [compute_driver_executable()[0], str(tmp_path / "run.mjs")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_browser_finds_the_outcode_that_is_nearest(tmp_path):
    spots = [(o.lat, o.lon) for o in geography.every() if o.in_use][::29]
    spots += [(53.8, -1.55), (51.5, -0.12), (60.2, -1.2), (49.92, -6.3), (54.6, -5.93), (55.77, -2.0)]
    found = node(
        tmp_path,
        f"""
        import {{ unpack, nearest }} from "./locate.mjs";
        const points = unpack({json.dumps(TABLE)});
        const spots = {json.dumps(spots)};
        console.log(JSON.stringify(spots.map(([lat, lon]) => nearest(points, lat, lon))));
        """,
    )

    def truly(lat, lon, code):
        point = geography.find(code)
        assert point is not None
        north, east = point.lat - lat, (point.lon - lon) * math.cos(math.radians(lat))
        return math.hypot(north, east) * 69.1

    points = [outcode.code for outcode in geography.every() if outcode.in_use]
    for (lat, lon), said in zip(spots, found, strict=True):
        best = min(truly(lat, lon, code) for code in points)
        # The table's steps are about 70 metres; of two that are as near as that either will do.
        assert truly(lat, lon, said["code"]) <= best + 0.1
        assert said["miles"] == pytest.approx(truly(lat, lon, said["code"]), abs=0.1)


PAGE = """
import { attach } from "./locate.mjs";
const table = %(table)s;

function element(extra) {
  const listeners = {};
  return {
    hidden: true, value: "", textContent: "", attributes: {}, heard: [], ...extra,
    addEventListener(name, call) { listeners[name] = call; },
    setAttribute(name, value) { this.attributes[name] = value; },
    removeAttribute(name) { delete this.attributes[name]; },
    dispatchEvent(event) { this.heard.push(event.type); },
    press() { return listeners.click && listeners.click(); },
  };
}

async function visit({ answer, ok = true, geolocation = true, typedMeanwhile = null, typed = "", presses = 1, inputId = "where" }) {
  const button = element({ dataset: { locate: inputId, locateTable: "/static/outcodes.json", locateStatus: "said" } });
  const where = element({ value: typed });
  const said = element({});
  const asked = [];
  const page = {
    document: { getElementById: (id) => ({ where, said })[id] || null },
    geolocation: geolocation && {
      getCurrentPosition(found, lost) {
        if (typedMeanwhile !== null) { where.value = typedMeanwhile; }
        answer.code ? lost(answer) : found({ coords: answer });
      },
    },
    fetch: async (...request) => { asked.push(request); return { ok, json: async () => table }; },
    Event: class { constructor(type) { this.type = type; } },
  };
  attach(button, page);
  const askedBefore = asked.length;
  await Promise.all(Array.from({ length: presses }, () => button.press()));
  return {
    hidden: button.hidden, busy: "aria-disabled" in button.attributes, value: where.value, heard: where.heard,
    said: said.textContent, asked, askedBefore,
  };
}
const cases = %(cases)s;
const out = {};
for (const [name, settings] of Object.entries(cases)) { out[name] = await visit(settings); }
console.log(JSON.stringify(out));
"""

_LS1 = geography.find("LS1")
LEEDS = {"latitude": _LS1.lat + 0.001, "longitude": _LS1.lon - 0.001, "accuracy": 20}
CASES = {
    "found": {"answer": LEEDS},
    "twice": {"answer": LEEDS, "presses": 2},
    "over what was typed": {"answer": LEEDS, "typed": "M1"},
    "typed meanwhile": {"answer": LEEDS, "typedMeanwhile": "M1"},
    "rough": {"answer": LEEDS | {"accuracy": 9000}},
    "refused": {"answer": {"code": 1}},
    "lost": {"answer": {"code": 3}},
    "abroad": {"answer": {"latitude": 48.85, "longitude": 2.35, "accuracy": 10}},
    "no table": {"answer": LEEDS, "ok": False},
    "no geolocation": {"answer": LEEDS, "geolocation": False},
    "no field": {"answer": LEEDS, "inputId": "elsewhere"},
}


@pytest.fixture
def visits(tmp_path):
    return node(tmp_path, PAGE % {"table": json.dumps(TABLE), "cases": json.dumps(CASES)})


def test_the_location_button_does_what_it_says(visits):
    assert visits["found"]["hidden"] is False
    assert visits["found"]["busy"] is False
    assert visits["found"]["value"] == "LS1"
    assert visits["found"]["heard"] == ["input", "change"]
    assert visits["found"]["said"] == "LS1 is the nearest. Change it if that is not right."
    assert visits["over what was typed"]["value"] == "LS1"
    assert "rough" in visits["rough"]["said"]
    assert visits["rough"]["value"] == "LS1"
    # Whoever types while the phone is looking keeps what they typed.
    assert visits["typed meanwhile"]["value"] == "M1"
    assert visits["typed meanwhile"]["said"] == ""


def test_the_location_button_says_what_to_do_when_it_cannot_help(visits):
    for name in ("refused", "lost", "abroad", "no table"):
        assert visits[name]["value"] == ""
        assert visits[name]["heard"] == []
        assert visits[name]["busy"] is False
        assert "Type the first half of the postcode" in visits[name]["said"]
    assert len({visits[name]["said"] for name in ("refused", "lost", "abroad", "no table")}) == 4


def test_the_location_button_stays_hidden_where_it_could_not_work(visits):
    for name in ("no geolocation", "no field"):
        assert visits[name]["hidden"] is True
        assert visits[name]["asked"] == []


def test_the_position_never_leaves_the_phone(visits):
    for name, visit in visits.items():
        assert visit["askedBefore"] == 0, "the table is fetched only when the button is pressed"
        for request in visit["asked"]:
            assert request == ["/static/outcodes.json", {"credentials": "same-origin"}], name
        assert len(visit["asked"]) <= 1, name
    source = (STATIC / "locate.js").read_text(encoding="utf-8")
    for sender in (
        "XMLHttpRequest",
        "sendBeacon",
        "localStorage",
        "sessionStorage",
        "cookie",
        "eval(",
        "innerHTML",
        "location.href",
    ):
        assert sender not in source


def test_a_table_that_is_not_whole_is_not_used(tmp_path):
    broken = TABLE | {"lat": TABLE["lat"][:-1]}
    assert node(
        tmp_path,
        f"""
        import {{ unpack }} from "./locate.mjs";
        let refused = false;
        try {{ unpack({json.dumps(broken)}); }} catch {{ refused = true; }}
        console.log(JSON.stringify(refused));
        """,
    )


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(CODES))
def test_an_outcode_is_always_the_same_wherever_it_is_asked_for(code):
    outcode = geography.find(code)
    assert outcode is not None
    assert (outcode.nation, outcode.region) == (
        geography.nation_of(code.lower()),
        geography.region_of(f"{code} 1AA"),
    )
