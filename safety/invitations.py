"""How somebody comes to an account: a coordinator names them, and a link that works once, for half an hour, makes it.

The rules kept: only the hash of a link is stored; an officer is invited at a police address only; a link that is used, late or
withdrawn makes nothing, and two presses make one account.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import joinedload

from safety import accounts, audit, forces
from safety.crypto import ring
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Invitation, User
from safety.permissions import OFFICERS

# As long as the link by which the Home Office's own referral service lets a first responder in (its tokenExpiry, 1800 s).
GOOD_FOR = dt.timedelta(minutes=30)


@dataclass(frozen=True)
class Guest:
    """Who is invited. phone: E.164. An officer or lead has a force, house staff a provider, nobody else either."""

    email: str
    name: str
    role: Role
    force_id: uuid.UUID | None = None
    provider_id: uuid.UUID | None = None
    collar_number: str | None = None
    phone: str | None = None


class NotAPoliceAddress(Exception):
    """An officer was to be invited at an address outside OFFICER_EMAIL_DOMAINS. The message can be shown."""


class NoUse(Exception):
    """This link opens nothing. The message says why and what to do, and can be shown to whoever holds the link."""


class Unknown(NoUse):
    """No link of ours, or half of one."""

    def __init__(self) -> None:
        super().__init__(
            "Perhaps not all of the link came through. Copy the whole link, or ask whoever invited you for a new one."
        )


class Used(NoUse):
    """The account is made."""

    def __init__(self) -> None:
        super().__init__(
            "It has been used and the account is made. Sign in with your email address and the password you chose. "
            "If it was not you who used it, ring the duty line now."
        )


class Late(NoUse):
    """Its half hour is over."""

    def __init__(self) -> None:
        super().__init__(
            "It was good for 30 minutes, and they are over. Ask whoever invited you for a new one."
        )


class Withdrawn(NoUse):
    """Whoever made it took it back, or made a newer one."""

    def __init__(self) -> None:
        super().__init__(
            "It was taken back, or a newer one was made. Use the newest link you were given, or ask whoever invited you."
        )


class AccountThere(NoUse):
    """The person has come to an account in some other way since."""

    def __init__(self) -> None:
        super().__init__(
            "You have an account with this email address already. Sign in with the password you chose for it."
        )


def invite(*, guest: Guest, by: str, now: dt.datetime) -> tuple[Invitation, str]:
    """Invite one person; returns the invitation and the token of its link, which is nowhere else and cannot be had again.

    An open invitation of the same address is withdrawn: only the newest link works. Raises accounts.NotAnEmail,
    accounts.EmailTaken and NotAPoliceAddress.
    """
    address = accounts.new_email(guest.email)
    if guest.role in OFFICERS and not of_police(address):
        raise NotAPoliceAddress(
            f"Enter the officer's police address. It should end in {_in_words(current_app.config['OFFICER_EMAIL_DOMAINS'])}"
        )
    for earlier in db.session.scalars(_open().where(Invitation.email == address)):
        _withdraw(earlier, by, now)
    token = accounts.new_token()
    made = Invitation(
        token_hash=accounts.digest(token),
        email=address,
        name=guest.name,
        role=guest.role,
        force_id=forces.heir(force_id=guest.force_id) if guest.force_id else None,
        provider_id=guest.provider_id,
        collar_number=guest.collar_number,
        phone=guest.phone,
        phone_index=ring().index("phone", guest.phone) if guest.phone else None,
        invited_at=now,
        invited_by=by,
        expires_at=now + GOOD_FOR,
    )
    db.session.add(made)
    db.session.flush()
    audit.record(what="invite", by=by, now=now, facts={"invitation": made.id, "role": str(guest.role)})
    db.session.flush()
    return made, token


def again(*, invitation_id: uuid.UUID, by: str, now: dt.datetime) -> tuple[Invitation, str]:
    """A new link for somebody whose first was late or got lost; the old one is worth nothing from now on.

    Raises LookupError when there is no such open invitation, and what invite raises.
    """
    old = _standing(invitation_id)
    guest = Guest(
        email=old.email,
        name=old.name,
        role=Role(old.role),
        force_id=old.force_id,
        provider_id=old.provider_id,
        collar_number=old.collar_number,
        phone=old.phone,
    )
    return invite(guest=guest, by=by, now=now)


def of_police(address: str) -> bool:
    """Whether an e-mail address is one that only a police body gives out, by OFFICER_EMAIL_DOMAINS."""
    domain = "." + address.rpartition("@")[2]
    return any(domain.endswith("." + known) for known in current_app.config["OFFICER_EMAIL_DOMAINS"])


def find(*, token: str, now: dt.datetime) -> Invitation:
    """The invitation whose link this is, while it can be used. Uses nothing up. Raises a NoUse saying why it cannot."""
    return _usable(_of(token), now)


def accept(*, token: str, password: accounts.Hashed, now: dt.datetime) -> User:
    """The invited person chose a password: make their account, once. Raises a NoUse saying why not."""
    # Locked, so that of two presses the second sees what the first has done.
    found = _usable(_of(token, lock=True), now)
    try:
        user = accounts.create(
            email=found.email,
            name=found.name,
            role=Role(found.role),
            password=password,
            by=found.invited_by,
            force_id=found.force_id,
            provider_id=found.provider_id,
            collar_number=found.collar_number,
            phone=found.phone,
            now=now,
        )
    except accounts.EmailTaken as taken:
        raise AccountThere from taken
    found.used_at, found.user_id = now, user.id
    audit.record(
        what="invitation_used",
        by=f"user:{user.id.hex}",
        now=now,
        facts={"invitation": found.id, "account": user.id},
    )
    db.session.flush()
    return user


def withdraw(*, invitation_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    """Take an invitation back: its link opens nothing from now on. Raises LookupError when it is not open."""
    _withdraw(_standing(invitation_id), by, now)


def withdraw_all_of(*, inviter: str, by: str, now: dt.datetime) -> None:
    """Take back every open invitation that this actor made."""
    for found in db.session.scalars(_open().where(Invitation.invited_by == inviter)):
        _withdraw(found, by, now)


def forget(*, now: dt.datetime) -> int:
    """Delete invitations that nobody used, RETENTION_DAYS after they were worth anything; returns how many."""
    old = now - dt.timedelta(days=current_app.config["RETENTION_DAYS"])
    done = db.session.execute(
        sa.delete(Invitation).where(Invitation.used_at.is_(None), Invitation.expires_at < old)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def letter(*, link: str, ring: str) -> str:
    """What the e-mail with a link says. It names nobody: whoever reads it by mistake learns that the service exists."""
    return f"""You are invited to Places of Safety, which finds a short-term safe bed for people brought out of slavery.

Open this link within 30 minutes to choose your password. It works once, and for you alone:

{link}

Is the time over? Ask whoever invited you for a new link.
Were you not expecting this? Do not open it, and ring {ring}.
"""


def open_ones() -> Sequence[Invitation]:
    """Every invitation nobody has used or taken back, the newest first; a late one stays until somebody decides."""
    wanted = _open().options(joinedload(Invitation.force), joinedload(Invitation.provider))
    return db.session.scalars(wanted.order_by(Invitation.invited_at.desc(), Invitation.id)).all()


def _open() -> sa.Select[Invitation]:
    return sa.select(Invitation).where(Invitation.used_at.is_(None), Invitation.withdrawn_at.is_(None))


def _standing(invitation_id: uuid.UUID) -> Invitation:
    found = db.session.scalars(_open().where(Invitation.id == invitation_id)).first()
    if found is None:
        raise LookupError("no such open invitation")
    return found


def _of(token: str, *, lock: bool = False) -> Invitation | None:
    wanted = sa.select(Invitation).where(Invitation.token_hash == accounts.digest(token))
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(wanted).first()


def _usable(found: Invitation | None, now: dt.datetime) -> Invitation:
    if found is None:
        raise Unknown
    if found.used_at is not None:
        raise Used
    if found.withdrawn_at is not None:
        raise Withdrawn
    if now >= found.expires_at:
        raise Late
    if db.session.scalar(sa.select(User.id).where(User.email == found.email)) is not None:
        raise AccountThere
    return found


def _withdraw(found: Invitation, by: str, now: dt.datetime) -> None:
    found.withdrawn_at, found.withdrawn_by = now, by
    audit.record(what="withdraw_invitation", by=by, now=now, facts={"invitation": found.id})
    # Before another of the same address is added: the database allows one open invitation of each.
    db.session.flush()


def _in_words(domains: Sequence[str]) -> str:
    return " or ".join(domains)
