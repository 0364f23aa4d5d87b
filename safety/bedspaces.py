"""The rooms of a house: adding and describing them, out of service and back, retiring. Never deleting: what happened there stays.

The rule kept: whoever lives in a room or is coming to it keeps the room they were promised.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from safety import audit
from safety.extensions import db
from safety.lifecycle import LIVE
from safety.models import AuditEvent, Bedspace, Group, OutOfService, Placement, Premises

# What the record of a house, its rooms and figures is made of, newest first on its page.
RECORDED = (
    "house_hours",
    "house_questions",
    "house_safety_check",
    "house_takes",
    "house_closed",
    "house_opened",
    "telephone_added",
    "telephone_changed",
    "telephone_removed",
    "telephone_first",
    "address_seen",
    "address_confirmed",
    "address_changed",
    "beds_said",
    "beds_same",
    "beds_undone",
    "out_of_service",
    "back_in_service",
    "bedspace_added",
    "bedspace_described",
    "bedspace_retired",
    "bedspace_in_use_again",
)


class StillUsed(Exception):
    """A bedspace with a live placement stays in service and as it is. The message can be shown."""


class Retired(Exception):
    """A retired room is neither in service nor out of it. The message can be shown."""


class NameTaken(Exception):
    """Another room of the house has that name, or another group that letter. The message can be shown."""


@dataclass(frozen=True)
class Description:
    """What is said of a room. cohort: a Cohort; sleeps: people, 1 to 12; features: codes of matching.FEATURES."""

    name: str
    cohort: str
    sleeps: int
    self_contained: bool
    features: tuple[str, ...]

    @classmethod
    def of(cls, bedspace: Bedspace) -> Description:
        """As a room stands."""
        return cls(
            bedspace.name,
            bedspace.cohort,
            bedspace.sleeps,
            bedspace.self_contained,
            tuple(bedspace.features),
        )


def add_group(*, premises_id: uuid.UUID, letter: str, name: str) -> Group:
    """One more group of like rooms. letter: one of A to Z, which a text can name. Raises NameTaken."""
    house = db.session.get_one(Premises, premises_id)
    if letter in {group.letter for group in house.groups}:
        raise NameTaken(f"There is a group {letter} already. Choose another letter, or that group")
    group = Group(premises_id=premises_id, letter=letter, name=name)
    db.session.add(group)
    db.session.flush()
    db.session.refresh(house)
    return group


def add(*, group_id: uuid.UUID, said: Description, by: str, now: dt.datetime) -> Bedspace:
    """One more room of a group, free at once. The caller matches whoever is searching afterwards. Raises NameTaken."""
    group = db.session.get_one(Group, group_id)
    _name_is_free(group.premises_id, said.name)
    bedspace = Bedspace(premises_id=group.premises_id, group_id=group.id, **_columns(said))
    db.session.add(bedspace)
    db.session.flush()
    _record("bedspace_added", bedspace, by, now)
    db.session.refresh(group.premises)
    return bedspace


def describe(*, bedspace_id: uuid.UUID, said: Description, by: str, now: dt.datetime) -> bool:
    """Say anew what a room is like; whether that changed anything. The caller matches whoever is searching afterwards.

    Raises NameTaken, and StillUsed for anything but the name while somebody lives there or is coming: it is the room they
    were promised.
    """
    bedspace = db.session.get_one(Bedspace, bedspace_id)
    before, after = asdict(Description.of(bedspace)), asdict(said)
    changed = sorted(key for key in after if after[key] != before[key])
    if not changed:
        return False
    if "name" in changed:
        _name_is_free(bedspace.premises_id, said.name)
    if changed != ["name"] and _used(bedspace_id):
        raise StillUsed(
            "Somebody lives there or is coming, and was promised the room as it is. Change it when they have left"
        )
    for key, value in _columns(said).items():
        setattr(bedspace, key, value)
    _record("bedspace_described", bedspace, by, now, changed=changed)
    db.session.flush()
    return True


def retire(*, bedspace_id: uuid.UUID, by: str, now: dt.datetime) -> Bedspace:
    """The room is no longer part of the scheme; its history stays. Raises StillUsed."""
    bedspace = _unused(bedspace_id)
    if bedspace.retired_at is None:
        end_spells(bedspace, by=by, now=now)
        bedspace.retired_at = now
        _record("bedspace_retired", bedspace, by, now)
        db.session.flush()
    return bedspace


def use_again(*, bedspace_id: uuid.UUID, by: str, now: dt.datetime) -> Bedspace:
    """A retired room is part of the scheme again. The caller matches whoever is searching afterwards."""
    bedspace = db.session.get_one(Bedspace, bedspace_id)
    if bedspace.retired_at is not None:
        end_spells(bedspace, by=by, now=now)
        bedspace.retired_at = None
        _record("bedspace_in_use_again", bedspace, by, now)
        db.session.flush()
    return bedspace


def take_out(
    *, bedspace_id: uuid.UUID, reason: str, until: dt.datetime | None, by: str, now: dt.datetime
) -> OutOfService:
    """Take a bedspace out of service. Raises StillUsed when somebody lives there or is coming, and Retired."""
    bedspace = _unused(bedspace_id)
    _refuse_retired(bedspace)
    end_spells(bedspace, by=by, now=now)
    spell = OutOfService(bedspace_id=bedspace_id, since_at=now, since_by=by, reason=reason, until=until)
    db.session.add(spell)
    facts = {"bedspace": bedspace_id, "reason": reason, "until": until}
    audit.record(what="out_of_service", by=by, now=now, premises_id=bedspace.premises_id, facts=facts)
    db.session.flush()
    return spell


def bring_back(*, bedspace_id: uuid.UUID, by: str, now: dt.datetime) -> Bedspace:
    """Bring a bedspace back into service. The caller matches whoever is searching afterwards (referrals.rematch).

    Raises Retired.
    """
    bedspace = db.session.get_one(Bedspace, bedspace_id)
    _refuse_retired(bedspace)
    end_spells(bedspace, by=by, now=now)
    audit.record(
        what="back_in_service",
        by=by,
        now=now,
        premises_id=bedspace.premises_id,
        facts={"bedspace": bedspace_id},
    )
    db.session.flush()
    return bedspace


def end_spells(bedspace: Bedspace, *, by: str, now: dt.datetime) -> None:
    """End the open out-of-service spell of a bedspace, if there is one."""
    db.session.execute(
        sa.update(OutOfService)
        .where(OutOfService.bedspace_id == bedspace.id, OutOfService.ended_at.is_(None))
        .values(ended_at=now, ended_by=by)
    )


def spell(*, bedspace_id: uuid.UUID, now: dt.datetime) -> OutOfService | None:
    """Why and until when a room is out of service at `now`, if it is."""
    return db.session.scalars(
        sa.select(OutOfService).where(
            OutOfService.bedspace_id == bedspace_id,
            OutOfService.ended_at.is_(None),
            sa.or_(OutOfService.until.is_(None), OutOfService.until > now),
        )
    ).first()


def history(*, premises_id: uuid.UUID, most: int) -> Sequence[AuditEvent]:
    """What was said and done of a house, its rooms and its figures, newest first, `most` of it."""
    return db.session.scalars(
        sa.select(AuditEvent)
        .where(AuditEvent.premises_id == premises_id, AuditEvent.what.in_(RECORDED))
        .order_by(AuditEvent.id.desc())
        .limit(most)
    ).all()


def _columns(said: Description) -> dict[str, object]:
    return asdict(said) | {"features": list(said.features)}


def _name_is_free(premises_id: uuid.UUID, name: str) -> None:
    names: Collection[str] = db.session.scalars(
        sa.select(Bedspace.name).where(Bedspace.premises_id == premises_id)
    ).all()
    if name.casefold() in {taken.casefold() for taken in names}:
        raise NameTaken(f"There is a room called {name} already. Give this one another name")


def _used(bedspace_id: uuid.UUID) -> bool:
    live = sa.select(Placement.id).where(Placement.bedspace_id == bedspace_id, Placement.state.in_(LIVE))
    return db.session.scalar(live.limit(1)) is not None


def _unused(bedspace_id: uuid.UUID) -> Bedspace:
    if _used(bedspace_id):
        raise StillUsed("Somebody lives there or is coming. Move or withdraw that placement first")
    return db.session.get_one(Bedspace, bedspace_id)


def _refuse_retired(bedspace: Bedspace) -> None:
    if bedspace.retired_at is not None:
        raise Retired("That room is retired. Use it in the scheme again first")


def _record(what: str, bedspace: Bedspace, by: str, now: dt.datetime, **facts: object) -> None:
    facts = {"bedspace": bedspace.id, **facts}
    audit.record(what=what, by=by, now=now, premises_id=bedspace.premises_id, facts=facts)
