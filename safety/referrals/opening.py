"""Opening a referral: one form makes one referral, and a bed is held before the answer leaves."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from safety import audit, forces, geography
from safety.crypto import ring
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL, ReferralState, Role
from safety.models import Draft, KeepApart, Referral, User
from safety.referrals.finding import rematch
from safety.referrals.numbers import found_or_started
from safety.referrals.reading import ALPHABET, plain_reference

SAME_INCIDENT = dt.timedelta(hours=12)


class KeepApartUnknown(ValueError):
    """A reference to keep apart from is of no live referral of this force."""


@dataclass(frozen=True)
class Request:
    """What an officer asks for, checked and ready: see matching.Person for the codes.

    outcode: where the person is, known to geography. eta_at: aware. officer_phone: E.164. keep_away: outcodes.
    keep_apart: references of the officer's own force. force_id: only for a coordinator who keys in a telephone call.
    """

    cohort: str
    adults: int
    outcode: str
    eta_at: dt.datetime
    officer_phone: str
    ready_at: dt.datetime | None = None
    children: Mapping[str, int] = field(default_factory=dict)
    pregnant: str = "no"  # yes | no | not_known; not known is matched as if yes
    interpreter: bool = False
    needed: tuple[str, ...] = ()
    wished: tuple[str, ...] = ()
    support: tuple[str, ...] = ()
    tracking_checked: str = "not_known"  # yes | no | not_known: phone and belongings checked for tracking
    keep_away: tuple[str, ...] = ()
    keep_away_miles: float = 0.0
    keep_apart: tuple[str, ...] = ()
    setting: str = "other"
    transport: str = "police"
    incident: str | None = None
    operation: str | None = None  # its number, as typed
    alias: str | None = None
    force_id: uuid.UUID | None = None


def opened(*, officer: User, form_token: uuid.UUID) -> Referral | None:
    """The referral this form already made, if it did."""
    made = sa.select(Referral).where(Referral.opened_by_id == officer.id, Referral.form_token == form_token)
    return db.session.scalars(made).first()


def open_(*, request: Request, officer: User, form_token: uuid.UUID, now: dt.datetime) -> Referral:
    """Open a referral and hold the best bed for it in the same transaction.

    The same form again returns the referral it made, whatever it says now. When nothing fits the referral is searching, the
    unmet need is recorded and a coordinator alerted. Raises KeepApartUnknown, and ValueError for an outcode not known.
    """
    made = opened(officer=officer, form_token=form_token)
    if made is not None:
        return made
    referral = write(request=request, officer=officer, form_token=form_token, opened_at=now, now=now)
    rematch(now=now)
    return referral


def write(
    *, request: Request, officer: User, form_token: uuid.UUID, opened_at: dt.datetime, now: dt.datetime
) -> Referral:
    """The referral as a row, with nothing held for it yet. opened_at: when it was asked for, which may be before `now`.

    Raises as open_ does.
    """
    nation = geography.nation_of(request.outcode)
    if nation is None:
        raise ValueError("outcode")
    force_id = request.force_id if officer.role == Role.COORDINATOR else officer.force_id
    if force_id is not None:
        # It may have become part of another since the first screen was filled in.
        force_id = forces.heir(force_id=force_id)
    referral = Referral(
        reference=_free_reference(),
        form_token=form_token,
        state=ReferralState.SEARCHING,
        opened_at=opened_at,
        opened_by_id=officer.id,
        holder_id=officer.id,
        force_id=force_id,
        operation_id=_operation(request.operation, force_id, officer, now),
        outcode=request.outcode,
        nation=nation,
        cohort=request.cohort,
        party=request.adults + sum(request.children.values()),
        setting=request.setting,
        transport=request.transport,
        ready_at=request.ready_at,
        eta_at=request.eta_at,
        needs={
            "adults": request.adults,
            "children": {age: count for age, count in request.children.items() if count},
            "pregnant": request.pregnant,
            "interpreter": request.interpreter,
            "needed": sorted(request.needed),
            "wished": sorted(request.wished),
            "support": sorted(request.support),
            "tracking_checked": request.tracking_checked,
            "keep_away": sorted(request.keep_away),
            "keep_away_miles": request.keep_away_miles,
        },
        alias=request.alias,
        officer_phone=request.officer_phone,
        officer_phone_index=ring().index("phone", request.officer_phone),
        incident=request.incident,
        incident_index=ring().index("incident", request.incident) if request.incident else None,
    )
    db.session.add(referral)
    db.session.flush()
    audit.record(
        what="open", by=officer.actor().by, now=now, referral_id=referral.id, facts={"party": referral.party}
    )
    for other in _others(request.keep_apart, force_id):
        db.session.add(KeepApart(one_id=referral.id, other_id=other.id))
    db.session.execute(sa.delete(Draft).where(Draft.id == form_token, Draft.officer_id == officer.id))
    db.session.flush()
    return referral


def _operation(
    number: str | None, force_id: uuid.UUID | None, officer: User, now: dt.datetime
) -> uuid.UUID | None:
    if not number or force_id is None:
        return None
    return found_or_started(number=number, force_id=force_id, by=officer.actor().by, now=now).id


def _others(references: tuple[str, ...], force_id: uuid.UUID | None) -> list[Referral]:
    """The referrals to keep apart from. Only one's own force's are known: another's look like none at all.

    Raises KeepApartUnknown.
    """
    found = []
    for said in references:
        wanted = sa.select(Referral).where(
            Referral.reference == plain_reference(said),
            Referral.force_id == force_id,
            Referral.state.in_(LIVE_REFERRAL),
        )
        other = db.session.scalars(wanted).first()
        if other is None:
            raise KeepApartUnknown
        found.append(other)
    return found


def divert(*, why: ReferralState, officer: User, form_token: uuid.UUID, now: dt.datetime) -> Referral:
    """Count somebody for whom no bed is sought (not an adult or not sure; does not agree to come), and keep nothing of them.

    why: DIVERTED or DECLINED_BY_PERSON. The same form again returns what it made.
    """
    made = opened(officer=officer, form_token=form_token)
    if made is not None:
        return made
    referral = Referral(
        reference=_free_reference(),
        form_token=form_token,
        state=why,
        opened_at=now,
        opened_by_id=officer.id,
        holder_id=officer.id,
        force_id=officer.force_id,
    )
    db.session.add(referral)
    db.session.execute(sa.delete(Draft).where(Draft.id == form_token, Draft.officer_id == officer.id))
    db.session.flush()
    audit.record(what=why, by=officer.actor().by, now=now, referral_id=referral.id)
    db.session.flush()
    return referral


def same_incident(referral: Referral) -> list[Referral]:
    """Other live referrals of the same force with the same incident number in the 12 hours before: the same person?"""
    if referral.incident_index is None:
        return []
    others = sa.select(Referral).where(
        Referral.incident_index == referral.incident_index,
        Referral.id != referral.id,
        Referral.force_id == referral.force_id,
        Referral.state.in_(LIVE_REFERRAL),
        Referral.opened_at > referral.opened_at - SAME_INCIDENT,
    )
    return list(db.session.scalars(others))


def _free_reference() -> str:
    while True:
        reference = "".join(secrets.choice(ALPHABET) for _ in range(6))
        if db.session.scalar(sa.select(Referral.id).where(Referral.reference == reference)) is None:
            return reference
