"""The people of the scheme as a coordinator sees them: finding, checking and closing accounts, and who signed what.

The rules kept: nobody closes their own account, and there is always a coordinator who can sign in.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import joinedload

from safety import accounts, audit, forces, invitations, messages, outbox, passwords
from safety.crypto import ring
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import CallBack, Contact, Premises, User
from safety.permissions import OFFICERS

PAGE = 20
NOBODYS = "a telephone we no longer know"
_NEWS_WORTH_H = 24  # hours after which nobody needs to be told that their account is open

# How a person of each role is spoken of on a coordinator's page.
ROLES: Mapping[str, str] = {
    Role.OFFICER: "Officer",
    Role.LEAD: "Modern slavery lead",
    Role.PROVIDER: "House staff",
    Role.COORDINATOR: "Coordinator",
    Role.OVERSIGHT: "Oversight",
}


class StaysOpen(Exception):
    """This account cannot be closed by this person, or at all just now. The message can be shown."""


@dataclass(frozen=True)
class Found:
    """One page of people. number: from 1; more: whether there is a next page."""

    people: Sequence[User]
    number: int
    more: bool


def search(*, words: str = "", number: int = 1) -> Found:
    """People whose name or e-mail address has `words` in it (everybody when empty), by name, PAGE at a time."""
    wanted = sa.select(User).options(
        joinedload(User.force), joinedload(User.provider), joinedload(User.call_back)
    )
    if words:
        folded = words.lower()
        wanted = wanted.where(
            sa.or_(
                # SQLite's lower() knows A to Z only, so what was typed letter for letter counts as well.
                User.name.contains(words, autoescape=True),
                sa.func.lower(User.name).contains(folded, autoescape=True),
                User.email.contains(folded, autoescape=True),
            )
        )
    rows = db.session.scalars(
        wanted.order_by(sa.func.lower(User.name), User.id).offset((number - 1) * PAGE).limit(PAGE + 1)
    ).all()
    return Found(rows[:PAGE], number, len(rows) > PAGE)


def awaiting_call_back() -> Sequence[User]:
    """Officers whose control room nobody has rung yet, those who have waited longest first."""
    rung = sa.exists().where(CallBack.user_id == User.id)
    wanted = sa.select(User).where(User.role.in_(OFFICERS), User.disabled_at.is_(None), ~rung)
    return db.session.scalars(
        wanted.options(joinedload(User.force), joinedload(User.call_back)).order_by(User.created_at, User.id)
    ).all()


def close(*, user_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    """Close an account: its sessions end at once, and the links it made are worth nothing.

    Raises LookupError for an unknown id, StaysOpen for one's own account and for the last coordinator's.
    """
    user = db.session.get(User, user_id, populate_existing=True)
    if user is None:
        raise LookupError("no such account")
    label = f"user:{user_id.hex}"
    if label == by:
        raise StaysOpen("This is your own account. Another coordinator can close it.")
    if user.role == Role.COORDINATOR and not _another_coordinator(user_id):
        raise StaysOpen("This is the last coordinator who can sign in. Invite another one first.")
    accounts.disable(user_id=user_id, by=by, now=now)
    invitations.withdraw_all_of(inviter=label, by=by, now=now)
    passwords.withdraw_all_of(maker=label)


def confirm(*, user_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    """The force's control room, rung on the number we hold, confirmed this officer: they may sign in, and are told by text.

    Again: nothing changes. Raises LookupError for an unknown id or somebody who is no officer.
    """
    user = db.session.get(User, user_id, populate_existing=True)
    if user is None or user.role not in OFFICERS:
        raise LookupError("no such officer")
    if not user.awaits_call_back:
        return
    user.call_back = CallBack(user_id=user_id, called_at=now, called_by=by)
    user.attested_at, user.attested_by = now, by
    if user.phone:
        outbox.queue(
            wording=messages.account_open,
            matter=messages.Matter(ring=current_app.config["DUTY_NUMBER"]),
            to=user.phone,
            worthless_at=now + dt.timedelta(hours=_NEWS_WORTH_H),
            now=now,
        )
    audit.record(what="call_back", by=by, now=now, facts={"account": user_id})
    db.session.flush()


def doubt(*, user_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    """The force's control room did not confirm this officer: it is recorded, and they still cannot sign in."""
    audit.record(what="call_back_failed", by=by, now=now, facts={"account": user_id})
    db.session.flush()


def open_again(*, user_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    """Open a closed account again. Again: nothing changes. Raises LookupError for an unknown id.

    An officer is rung for again before they can sign in: why the account was closed may be that their force did not know them.
    """
    user = db.session.get(User, user_id, populate_existing=True)
    if user is None:
        raise LookupError("no such account")
    if user.disabled_at is None:
        return
    user.disabled_at, user.disabled_by = None, None
    user.attested_at, user.attested_by = now, by
    if user.force_id is not None:
        user.force_id = forces.heir(force_id=user.force_id)
        db.session.flush()
        db.session.refresh(user, ["force"])
    if user.call_back is not None:
        db.session.delete(user.call_back)
    audit.record(what="enable_account", by=by, now=now, facts={"account": user_id})
    db.session.flush()


def named(labels: Iterable[str]) -> dict[str, str]:
    """Who signed, in words: a person with their part, a house's telephone, or the service itself."""
    known = set(labels)
    ids = {uuid.UUID(label.partition(":")[2]) for label in known if label.startswith("user:")}
    parts = {Role.PROVIDER: "house", Role.COORDINATOR: "coordinator", Role.LEAD: "lead"}
    people = {
        f"user:{user.id.hex}": f"{user.name} ({parts.get(Role(user.role), 'officer')})"
        for user in db.session.scalars(sa.select(User).where(User.id.in_(ids)))
    }
    return {label: people.get(label) or _nobody_named(label) for label in known}


def telephones(indexes: Iterable[str]) -> dict[str, str]:
    """Whose each of these telephones is, by its fingerprint: houses and people by name, never the number. Left out: nobody's."""
    known = set(indexes)
    houses = (
        sa.select(Contact.phone_index, Premises.name, sa.literal("house"))
        .join(Premises, Premises.id == Contact.premises_id)
        .where(Contact.phone_index.in_(known))
    )
    persons = sa.select(User.phone_index, User.name, sa.literal("person")).where(User.phone_index.in_(known))
    found: dict[str, set[str]] = {}
    rows: Iterable[Any] = db.session.execute(sa.union_all(houses, persons))
    for index, name, what in rows:
        found.setdefault(index, set()).add(f"the house {name}" if what == "house" else name)
    on_call = ring().index("phone", current_app.config["ON_CALL_MOBILE"])
    if on_call in known:
        found.setdefault(on_call, {"the mobile that is always on call"})
    return {index: " and ".join(sorted(names)) for index, names in found.items()}


def _nobody_named(label: str) -> str:
    if label == "operator":
        return "Whoever runs the service"
    return "By text" if label.startswith("phone:") else "The service itself"


def _another_coordinator(user_id: uuid.UUID) -> bool:
    others = sa.select(User.id).where(
        User.role == Role.COORDINATOR, User.disabled_at.is_(None), User.id != user_id
    )
    return db.session.scalar(others.limit(1)) is not None
