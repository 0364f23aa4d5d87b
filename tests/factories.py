"""Builders of valid things. Every default is legal; say only what a test is about. Numbers come from Ofcom's drama ranges."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from typing import Any

from safety import duty, referrals
from safety.crypto import ring
from safety.extensions import db, new_id
from safety.lifecycle import Role
from safety.matching import CHILD_AGES, SUPPORT
from safety.models import (
    Bedspace,
    CallBack,
    Contact,
    Force,
    Group,
    Placement,
    Premises,
    Provider,
    Referral,
    Shift,
    User,
)
from safety.permissions import Actor

# A Wednesday afternoon in winter, so that UK time is UTC unless a test says otherwise.
NOW = dt.datetime(2027, 1, 13, 14, 0, tzinfo=dt.UTC)
ALWAYS = [["00:00", "24:00"]] * 7
_numbers = itertools.count(1)


def phone() -> str:
    """The next of Ofcom's drama mobiles, those from 990 on left for tests that type one."""
    return f"+447700900{next(_numbers) % 990:03d}"


def force(**kept: Any) -> Force:
    """A police force of England."""
    number = next(_numbers)
    values = {
        "slug": f"force-{number}",
        "name": f"Force {number} Police",
        "nation": "England",
        "kind": "territorial",
        "duty_to_notify": True,
        "switchboard": "0113 496 0200",
        "valid_from": dt.date(2020, 1, 1),
    }
    return _add(Force(**values | kept))


def officer(
    *, of: Force | None = None, role: Role = Role.OFFICER, confirmed: bool = True, **kept: Any
) -> User:
    """An officer (or lead) with a phone, whose control room has confirmed them."""
    number = phone()
    values = {
        "email": f"officer{next(_numbers)}@force.example",
        "name": "Officer",
        "role": role,
        "password_hash": "!",
        "force_id": (of or force()).id,
        "collar_number": str(1000 + next(_numbers)),
        "phone": number,
        "phone_index": ring().index("phone", number),
        "created_at": NOW,
    }
    made = _add(User(**values | kept))
    if confirmed:
        made.call_back = _add(CallBack(user_id=made.id, called_at=NOW, called_by="operator"))
    return made


def coordinator(**kept: Any) -> User:
    """A coordinator of the scheme."""
    values = {
        "email": f"duty{next(_numbers)}@scheme.example",
        "name": "Coordinator",
        "role": Role.COORDINATOR,
        "password_hash": "!",
        "created_at": NOW,
    }
    return _add(User(**values | kept))


def on_the_rota(name: str = "Coordinator", **kept: Any) -> User:
    """A coordinator with a mobile, who can be put on call."""
    number = phone()
    return coordinator(**{"name": name, "phone": number, "phone_index": ring().index("phone", number)} | kept)


def shift(
    user: User, *, start: dt.datetime = NOW, hours: float = 8, place: int = 1, now: dt.datetime = NOW
) -> Shift:
    """A shift of this coordinator, from `start` for so many hours."""
    plan = duty.rota.Plan(user.id, place, start, start + dt.timedelta(hours=hours))
    return duty.rota.put(plans=[plan], by="operator", now=min(now, start))[0]


def staff(*, of: Provider, **kept: Any) -> User:
    """Somebody who works at a house."""
    values = {
        "email": f"house{next(_numbers)}@provider.example",
        "name": "House staff",
        "role": Role.PROVIDER,
        "password_hash": "!",
        "provider_id": of.id,
        "created_at": NOW,
    }
    return _add(User(**values | kept))


def house(
    *, rooms: int = 1, now: dt.datetime = NOW, room: dict[str, Any] | None = None, **kept: Any
) -> Premises:
    """A women's house in Leeds with one telephone, fresh figures, and `rooms` rooms (room: what each is like)."""
    number = next(_numbers)
    provider = kept.pop("provider", None) or _add(Provider(name=f"Provider {number}"))
    values = {
        "provider_id": provider.id,
        "name": f"House {number}",
        "outcode": "LS1",
        "nation": "England",
        "region": "Yorkshire and the Humber",
        "cohort": "women",
        "child_ages": list(CHILD_AGES),
        "supports": list(SUPPORT),
        "features": [],
        "admits": ALWAYS,
        "address": f"{number} Example Street\nExampleton",
        "address_confirmed_at": now,
        "address_confirmed_by": "clock",
        "reported_at": now,
        "reported_by": "clock",
        "reported_via": "page",
    }
    made = _add(Premises(**values | kept))
    mobile = phone()
    _add(Contact(premises_id=made.id, position=1, phone=mobile, phone_index=ring().index("phone", mobile)))
    group = _add(Group(premises_id=made.id, letter="W", name="Rooms"))
    for place in range(rooms):
        bedspace(made, group, name=f"Room {place + 1}", **(room or {}))
    db.session.refresh(made)
    return made


def bedspace(of: Premises, group: Group | None = None, **kept: Any) -> Bedspace:
    """One more room of a house."""
    values = {
        "premises_id": of.id,
        "group_id": (group or of.groups[0]).id,
        "name": f"Room {next(_numbers)}",
        "cohort": of.cohort,
        "sleeps": 2,
        "features": [],
    }
    return _add(Bedspace(**values | kept))


def group(of: Premises, *, letter: str, name: str) -> Group:
    """One more group of like rooms of a house."""
    return _add(Group(premises_id=of.id, letter=letter, name=name))


def request(**kept: Any) -> referrals.Request:
    """A woman on her own in Leeds, ready now, an hour away."""
    values: dict[str, Any] = {
        "cohort": "women",
        "adults": 1,
        "outcode": "LS1",
        "eta_at": NOW + dt.timedelta(hours=1),
        "officer_phone": phone(),
    }
    return referrals.Request(**values | kept)


def referral(*, by: User | None = None, now: dt.datetime = NOW, **kept: Any) -> Referral:
    """A referral opened now; placed when a house has room, searching when none has."""
    kept.setdefault("eta_at", now + dt.timedelta(hours=1))
    return referrals.open(request=request(**kept), officer=by or officer(), form_token=new_id(), now=now)


def placement(**kept: Any) -> Placement:
    """A held placement of a new referral; needs a house with room."""
    found = referrals.live_placement(referral(**kept))
    assert found is not None, "no house has room"
    return found


def house_actor(premises_id: uuid.UUID) -> Actor:
    """Somebody who speaks for this house."""
    return Actor(Role.PROVIDER, f"phone:{new_id().hex[:20]}", premises_ids=frozenset({premises_id}))


def coordinator_actor() -> Actor:
    """A coordinator."""
    return Actor(Role.COORDINATOR, "user:" + "0" * 32, user_id=uuid.UUID(int=0))


def _add(row: Any) -> Any:
    db.session.add(row)
    db.session.flush()
    return row
