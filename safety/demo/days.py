"""What happened in the days before, oldest first: the rooms are asked in the order in which it would have been."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from safety import outbox, referrals
from safety.extensions import db, new_id
from safety.lifecycle import Event, Role
from safety.models import Placement, Premises, Referral, User
from safety.sms.simulator import keep


def before(people: Mapping[str, User], now: dt.datetime) -> None:
    """Let the last five days happen to these people, by e-mail address. The caller has begun a deciding write."""
    day, hour, minute = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)
    north, west, south = (people[f"officer@{force}.example"] for force in ("north", "west", "south"))
    rowan, lantern, kestrel = (people[f"house@{name}.example"] for name in ("rowan", "lantern", "kestrel"))

    began = now - 5 * day
    left = _opened(north, began, cohort="men", outcode="S2", alias="Teo")
    _step(left, Event.CONFIRM, lantern, began + 6 * minute)
    _step(left, Event.SET_OFF, north, began + 30 * minute, eta_at=began + hour)
    _step(left, Event.ARRIVE, lantern, began + 65 * minute)
    gone = {"reason": "planned", "onward": "msvcc", "nrm_decision": "consented"}
    _step(left, Event.DEPART, lantern, now - 18 * hour, **gone)

    began = now - 44 * hour
    family = {"under_2": 1, "5_to_11": 1}
    here = _opened(
        west,
        began,
        cohort="women",
        outcode="HX1",
        alias="Mina",
        children=family,
        needed=("cot",),
        interpreter=True,
    )
    _step(here, Event.CONFIRM, rowan, began + 4 * minute)
    _step(here, Event.SET_OFF, west, began + 20 * minute, eta_at=began + hour)
    _step(here, Event.ARRIVE, west, began + 58 * minute)

    # Wren House accepts without asking, so this one is confirmed as it is opened.
    road = _opened(
        west, now - 70 * minute, cohort="women", outcode="M20", alias="Joy", support=("medication",)
    )
    _step(road, Event.SET_OFF, west, now - 20 * minute, eta_at=now + 25 * minute)

    coming = _opened(
        north, now - 50 * minute, eta_in=100 * minute, cohort="men", outcode="WA2", support=("alcohol",)
    )
    _step(coming, Event.CONFIRM, kestrel, now - 41 * minute)

    # No house of the demonstration takes somebody who has set fires.
    _opened(
        south,
        now - 40 * minute,
        cohort="either",
        adults=2,
        outcode="CR0",
        children={"2_to_4": 2},
        support=("fire",),
    )

    turned = _opened(west, now - 12 * minute, cohort="men", outcode="WA4", alias="Sol", support=("drugs",))
    _step(turned, Event.DECLINE, kestrel, now - 5 * minute, reason="others")

    _opened(
        north,
        now - 4 * minute,
        cohort="women",
        outcode="LS1",
        alias="Ana",
        pregnant="yes",
        wished=("women_staff",),
        support=("self_harm",),
        interpreter=True,
    )


def _opened(
    officer: User, now: dt.datetime, *, eta_in: dt.timedelta = dt.timedelta(hours=1), **asked: Any
) -> Referral:
    """Open a referral as this officer did at `now`, and let its texts arrive."""
    request = referrals.Request(
        adults=asked.pop("adults", 1),
        eta_at=now + eta_in,
        ready_at=now,
        officer_phone=officer.phone or "",
        setting="scene",
        tracking_checked="yes",
        **asked,
    )
    referral = referrals.open(request=request, officer=officer, form_token=new_id(), now=now)
    _deliver(now)
    return referral


def _step(referral: Referral, event: Event, by: User, now: dt.datetime, **facts: Any) -> None:
    """Record an event of the referral's live placement as this person did at `now`, and let its texts arrive."""
    placement = referrals.live_placement(referral)
    assert placement is not None, "no house of the demonstration had room"
    if event is Event.CONFIRM and placement.confirmed_at is not None:
        return
    actor = by.actor()
    if by.role == Role.PROVIDER and placement.premises_id not in actor.premises_ids:
        actor = _staff(placement).actor()
    referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=now)
    _deliver(now)


def _staff(placement: Placement) -> User:
    house = db.session.get_one(Premises, placement.premises_id)
    return db.session.scalars(sa.select(User).where(User.provider_id == house.provider_id).limit(1)).one()


def _deliver(now: dt.datetime) -> None:
    """What is queued has arrived on the telephones of the simulator by now: nobody is told a day later of what is long over."""
    for errand in outbox.claim(owner="demo", limit=100, lease_s=60, now=now):
        text = keep(number=errand.to, body=errand.body, from_us=True, now=now)
        outbox.sent(errand=errand, supplier="simulator", sid=text.sid, status="delivered", now=now)
