"""One police force becomes part of another: announced for a day, taken back until then, and on the day done as a whole.

The rules kept: nothing belongs to a force that is over but what was over before it; what is refused is refused whole; once it
is done, whoever had a live request, an account or an invitation has it still, in the other force.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app

from safety import audit, forces, messages, outbox, workdays
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL
from safety.models import Force, Invitation, Referral, User
from safety.referrals import following

_NEWS_WORTH_H = 24  # hours after which a lead has seen it on the page, or been told


class NotToBeMerged(Exception):
    """These two forces cannot be merged on that day, or the merger cannot be taken back. The message can be shown."""


@dataclass(frozen=True)
class Ahead:
    """What a merger will do, as things stand.

    accounts, invitations: how many open ones become the other force's; requests, operations: how many that go on; renumbered:
    operations whose number the other force gave to one of its own, as (its number, the number it gets); told: names of the leads
    who are told by text; not_told: of those with no mobile, or whom nobody has confirmed yet.
    """

    accounts: int
    invitations: int
    requests: int
    operations: int
    renumbered: tuple[tuple[str, str], ...]
    told: tuple[str, ...]
    not_told: tuple[str, ...]


@dataclass(frozen=True)
class Belongings:
    """What belongs to a force: open accounts, requests that go on, and requests that are over, which it keeps."""

    accounts: int
    live: int
    over: int


def belongings(force: Force) -> Belongings:
    """How much belongs to a force."""
    live = Referral.state.in_(LIVE_REFERRAL)
    return Belongings(
        accounts=_count(_open_accounts(force.id)),
        live=_count(sa.select(Referral.id).where(Referral.force_id == force.id, live)),
        over=_count(sa.select(Referral.id).where(Referral.force_id == force.id, ~live)),
    )


def ahead(force: Force, into: Force) -> Ahead:
    """What will happen when `force` becomes part of `into`, as things stand now."""
    there = following.numbers_there(force_id=force.id, into_id=into.id)
    both = [*forces.leads(force), *forces.leads(into)]
    return Ahead(
        accounts=_count(_open_accounts(force.id)),
        invitations=_count(_open_invitations(force.id)),
        requests=len(following.going_on(force_id=force.id)),
        operations=len(there),
        renumbered=tuple(
            (operation.number, number)
            for operation, number in there
            if operation.number and number and number != operation.number
        ),
        told=tuple(lead.name for lead in both if _reached(lead)),
        not_told=tuple(lead.name for lead in both if not _reached(lead)),
    )


def refuse(force: Force, into: Force, *, first_day: dt.date, now: dt.datetime) -> None:
    """Whether `force` can become part of `into` from that UK day on. Raises NotToBeMerged, which says what to do instead."""
    today = workdays.uk(now).date()
    if force.id == into.id:
        raise NotToBeMerged(f"{force.name} cannot become part of itself. Choose another force")
    if force.merges_on is not None and force.succeeded_by is not None:
        raise NotToBeMerged(
            f"{force.name} becomes part of {force.succeeded_by.name} on {workdays.date_words(force.merges_on)} already. "
            "Take that back first"
        )
    _goes_on(force, "so it cannot become part of another")
    _goes_on(into, "so nothing can become part of it. Choose a force that goes on")
    if into.merges_on is not None and into.succeeded_by is not None:
        raise NotToBeMerged(
            f"{into.name} itself becomes part of {into.succeeded_by.name} on {workdays.date_words(into.merges_on)}. "
            "Choose a force that goes on, or take that back first"
        )
    coming = next((one for one in forces.part_of(force) if one.merges_on is not None), None)
    if coming is not None and coming.merges_on is not None:
        raise NotToBeMerged(
            f"{coming.name} becomes part of {force.name} on {workdays.date_words(coming.merges_on)}. "
            "Take that back first, or wait until it is done"
        )
    if first_day < today:
        raise NotToBeMerged("That day is over. Enter today or a later day")
    if first_day <= force.valid_from:
        raise NotToBeMerged(
            f"{force.name} began on {workdays.date_words(force.valid_from)}. Enter a day after that"
        )
    if first_day < into.valid_from:
        raise NotToBeMerged(
            f"{into.name} only begins on {workdays.date_words(into.valid_from)}. Enter that day or a later one"
        )
    if not into.switchboard:
        raise NotToBeMerged(
            f"We hold no control-room number of {into.name}, and houses check officers by it. Enter it first"
        )


def _goes_on(force: Force, otherwise: str) -> None:
    if force.kind == forces.PLACES_NOBODY:
        raise NotToBeMerged(f"{force.name} asks for no beds, {otherwise}")
    if force.valid_to is None:
        return
    if force.succeeded_by is not None:
        raise NotToBeMerged(f"{force.name} has become part of {force.succeeded_by.name}, {otherwise}")
    raise NotToBeMerged(f"{force.name} is over after {workdays.date_words(force.valid_to)}, {otherwise}")


def announce(
    *, force_id: uuid.UUID, into_id: uuid.UUID, first_day: dt.date, by: str, now: dt.datetime
) -> Force:
    """From this UK day on `force_id` is part of `into_id`. The leads of both are told by text; when the day is today it is done.

    The same again is a success that changes nothing and tells nobody. Raises LookupError for an unknown force, and NotToBeMerged.
    The caller has begun a deciding write.
    """
    force, into = _force(force_id), _force(into_id)
    if force.succeeded_by_id == into.id and first_day in (force.merges_on, _first_day_after(force)):
        return force
    refuse(force, into, first_day=first_day, now=now)
    force.succeeded_by_id, force.merges_on = into.id, first_day
    facts = {"force": force.id, "into": into.id, "first_day": first_day.isoformat()}
    audit.record(what="announce_merger", by=by, now=now, facts=facts)
    db.session.flush()
    db.session.refresh(force, ["succeeded_by"])
    _tell(forces.leads(force), messages.force_goes, first_day, now)
    _tell(forces.leads(into), messages.force_comes, first_day, now)
    carry_out(force_id=force.id, by=by, now=now)
    return force


def take_back(*, force_id: uuid.UUID, by: str, now: dt.datetime) -> Force:
    """The merger that was announced is off; the leads of both forces are told. Again: nothing changes.

    Raises LookupError for an unknown force, NotToBeMerged once the day has come, unless it could not be done on that day.
    """
    force = _force(force_id)
    into, first_day = force.succeeded_by, force.merges_on
    if into is None:
        return force
    if first_day is None or (first_day <= workdays.uk(now).date() and into.valid_to is None):
        raise NotToBeMerged(
            f"The day has come: {force.name} is part of {into.name}, and that cannot be taken back here"
        )
    force.succeeded_by_id = force.merges_on = None
    audit.record(what="take_back_merger", by=by, now=now, facts={"force": force.id, "into": into.id})
    db.session.flush()
    db.session.refresh(force, ["succeeded_by"])
    _tell([*forces.leads(force), *forces.leads(into)], messages.force_stays, first_day, now)
    return force


def due(*, now: dt.datetime) -> Sequence[uuid.UUID]:
    """The forces whose day has come, the earliest first."""
    return db.session.scalars(
        sa.select(Force.id)
        .where(Force.merges_on <= workdays.uk(now).date())
        .order_by(Force.merges_on, Force.id)
    ).all()


def carry_out(*, force_id: uuid.UUID, by: str, now: dt.datetime) -> bool:
    """Do what was announced, if its day has come; returns whether it was done just now. Again, or too early: nothing changes.

    However late it is done, the force was over on the day before the one announced. Raises NotToBeMerged when the other force
    has come to be over meanwhile. The caller has begun a deciding write.
    """
    force = _force(force_id)
    into, first_day = force.succeeded_by, force.merges_on
    if into is None or first_day is None or first_day > workdays.uk(now).date():
        return False
    _goes_on(into, f"so {force.name} was not merged into it. Take that back and choose a force that goes on")
    force.valid_to, force.merges_on = first_day - workdays.DAY, None
    db.session.flush()
    # Invitations first: one that is being used this moment holds its row, and its account is there once that row can be had.
    invited = _give(Invitation, _open_invitations(force.id), into.id)
    accounts = _give(User, _open_accounts(force.id), into.id)
    requests, operations = following.follow(force_id=force.id, into_id=into.id, by=by, now=now)
    facts = {
        "force": force.id,
        "into": into.id,
        "first_day": first_day.isoformat(),
        "accounts": accounts,
        "invitations": invited,
        "requests": requests,
        "operations": operations,
    }
    audit.record(what="merge_force", by=by, now=now, facts=facts)
    db.session.flush()
    # What was read before of these people still says the old force.
    db.session.expire_all()
    return True


def _give(table: type[Invitation] | type[User], ids: sa.Select[uuid.UUID], into_id: uuid.UUID) -> int:
    done = db.session.execute(
        sa.update(table)
        .where(table.id.in_(ids))
        .values(force_id=into_id)
        .execution_options(synchronize_session=False)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def _open_accounts(force_id: uuid.UUID) -> sa.Select[uuid.UUID]:
    return sa.select(User.id).where(User.force_id == force_id, User.disabled_at.is_(None))


def _open_invitations(force_id: uuid.UUID) -> sa.Select[uuid.UUID]:
    return sa.select(Invitation.id).where(
        Invitation.force_id == force_id, Invitation.used_at.is_(None), Invitation.withdrawn_at.is_(None)
    )


def _count(ids: sa.Select[uuid.UUID]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(ids.subquery())) or 0


def _force(force_id: uuid.UUID) -> Force:
    force = db.session.get(Force, force_id, populate_existing=True)
    if force is None:
        raise LookupError("no such force")
    return force


def _first_day_after(force: Force) -> dt.date | None:
    return force.valid_to + workdays.DAY if force.valid_to is not None else None


def _reached(lead: User) -> bool:
    return lead.phone is not None and lead.is_active


def _tell(leads: Iterable[User], wording: messages.Wording, first_day: dt.date, now: dt.datetime) -> None:
    for number in sorted({lead.phone for lead in leads if lead.phone and _reached(lead)}):
        outbox.queue(
            wording=wording,
            matter=messages.Matter(
                ring=current_app.config["DUTY_NUMBER"], words=workdays.date_words(first_day)
            ),
            to=number,
            worthless_at=now + dt.timedelta(hours=_NEWS_WORTH_H),
            now=now,
        )
