"""Who and what the invented scheme is made of: forces, providers, people, houses and their rooms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from safety import matching
from safety.lifecycle import Role

ALL_DAY = ["00:00", "24:00"]
AGES = tuple(matching.CHILD_AGES)


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    email: str
    name: str
    role: Role
    of: str = ""  # the slug of a force, or the name of a provider
    collar: str | None = None
    phone: str | None = None


@dataclass(frozen=True)
class Rooms:
    """Some like rooms of a house. sleeps: one figure a room."""

    letter: str
    name: str
    sleeps: tuple[int, ...]
    cohort: str
    features: tuple[str, ...] = ()
    self_contained: bool = False


@dataclass(frozen=True)
class House:
    """One house, as load() makes it."""

    provider: str
    name: str
    outcode: str
    cohort: str
    rooms: tuple[Rooms, ...]
    admits: tuple[list[str] | None, ...] = (ALL_DAY,) * 7
    supports: tuple[str, ...] = ("self_harm", "medication", "alcohol", "drugs")
    features: tuple[str, ...] = ()
    child_ages: tuple[str, ...] = ()
    takes_pregnant: bool = True
    reported_h: float = 2.0  # hours since its figures were last said to be true
    accepts_unasked: bool = False
    closed: str | None = None
    ring_first: bool = False
    meeting_point: str | None = None
    out: Mapping[str, tuple[str, int | None]] | None = None  # room -> (reason, hours until it is back)


FORCES = (
    ("demo-north", "Demo North Police", "0113 496 0201"),
    ("demo-west", "Demo West Police", "01632 960202"),
    ("demo-south", "Demo South Police", "020 7946 0203"),
)
PROVIDERS = ("Rowan Demo Homes", "Lantern Demo Trust", "Kestrel Demo Housing", "Willow Demo Refuge")
_ROWAN, _LANTERN, _KESTREL, _WILLOW = PROVIDERS

PEOPLE = (
    Person("officer@north.example", "Alex Penhallow", Role.OFFICER, "demo-north", "4471", "+447700900101"),
    Person("colleague@north.example", "Morgan Tamsett", Role.OFFICER, "demo-north", "4512", "+447700900102"),
    Person("lead@north.example", "Robin Averill", Role.LEAD, "demo-north", "2208", "+447700900103"),
    Person("officer@west.example", "Charlie Oakshott", Role.OFFICER, "demo-west", "3105", "+447700900111"),
    Person("lead@west.example", "Frankie Dunmore", Role.LEAD, "demo-west", "1960", "+447700900112"),
    Person("officer@south.example", "Jo Fennimore", Role.OFFICER, "demo-south", "8830", "+447700900121"),
    Person("lead@south.example", "Lee Marchbank", Role.LEAD, "demo-south", "7714", "+447700900122"),
    Person("house@rowan.example", "Kim Thistlewood", Role.PROVIDER, _ROWAN),
    Person("house@lantern.example", "Dana Ellerby", Role.PROVIDER, _LANTERN),
    Person("house@kestrel.example", "Ash Winterley", Role.PROVIDER, _KESTREL),
    Person("house@willow.example", "Noor Holloway", Role.PROVIDER, _WILLOW),
    Person("duty@scheme.example", "Pat Lindqvist", Role.COORDINATOR),
    Person("duty2@scheme.example", "Sasha Brampton", Role.COORDINATOR, phone="+447700900198"),
    Person("oversight@scheme.example", "Terry Wakeling", Role.OVERSIGHT),
)


def women(*sleeps: int) -> Rooms:
    """Rooms for women that sleep so many each."""
    return Rooms("W", "Women's rooms", sleeps, "women")


def men(*sleeps: int) -> Rooms:
    """Rooms for men that sleep so many each."""
    return Rooms("M", "Men's rooms", sleeps, "men")


def flats(*sleeps: int) -> Rooms:
    """Family flats that sleep so many each."""
    return Rooms("F", "Family flats", sleeps, "either", ("own_bathroom", "cot"), self_contained=True)


def step_free(cohort: str, *sleeps: int) -> Rooms:
    """Step-free rooms for women, men or either, that sleep so many each."""
    return Rooms("S", "Step-free rooms", sleeps, cohort, ("step_free", "ground_floor", "own_bathroom"))


HOUSES = (
    House(
        _ROWAN,
        "Heron House",
        "LS8",
        "women",
        (women(1, 1, 1, 2), step_free("women", 1)),
        features=("women_staff", "diet"),
        child_ages=("under_2",),
        ring_first=True,
    ),
    House(
        _ROWAN,
        "Kingfisher House",
        "BD9",
        "either",
        (flats(3, 4, 5), step_free("either", 2)),
        child_ages=AGES,
    ),
    House(
        _LANTERN,
        "Linnet House",
        "S7",
        "men",
        (men(1, 1, 1, 1), step_free("men", 2)),
        supports=(*("self_harm", "medication", "alcohol", "drugs"), "violence"),
        out={"M4": ("repair", 48)},
    ),
    House(
        _LANTERN,
        "Wren House",
        "M14",
        "women",
        (women(1, 1, 2, 2), step_free("women", 1)),
        features=("women_staff",),
        child_ages=("under_2", "2_to_4"),
        accepts_unasked=True,
        out={"W4": ("cleaning", None)},
    ),
    House(_KESTREL, "Dunlin House", "L8", "men", (men(1, 1, 1, 1, 2),)),
    House(
        _KESTREL,
        "Plover House",
        "PR2",
        "either",
        (flats(3, 4), women(1, 1)),
        admits=(["09:00", "21:00"],) * 7,
        child_ages=AGES,
        reported_h=30,
    ),
    House(
        _KESTREL,
        "Curlew House",
        "SE15",
        "women",
        (women(1, 1, 2), step_free("women", 1)),
        admits=(["07:00", "23:00"],) * 7,
        features=("women_staff",),
        reported_h=10,
        meeting_point="Outside the main entrance of the demonstration library\nSomebody in a green coat meets you",
    ),
    House(
        _WILLOW,
        "Teal House",
        "E17",
        "men",
        (men(1, 1, 1, 1),),
        admits=(["18:00", "02:00"],) * 7,
        closed="staff",
    ),
    House(
        _WILLOW,
        "Sandpiper House",
        "N4",
        "either",
        (flats(3, 3, 4, 5),),
        admits=(*((["10:00", "20:00"],) * 6), None),
        child_ages=AGES,
        out={"F4": ("works", 120)},
    ),
)
