"""People, their passwords and their signed-in sessions.

The rules kept: a session lives in the database and really ends; an unknown address and a wrong password cost and answer the
same; no password is hashed while a transaction is open.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app
from sqlalchemy.orm import joinedload

from safety import attestation, audit
from safety.crypto import ring
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import SignIn, User

# argon2id as RFC 9106 asks of machines with little memory: 64 MiB, three passes. The tests put a cheaper one here.
hasher = PasswordHasher()

LEAST, MOST = 8, 128  # characters of a password (OWASP ASVS 5.0, 6.2.1 and 6.2.9)
SEEN_EVERY = dt.timedelta(minutes=1)

_EMAIL = re.compile(r"[^\s@\x00-\x1f]{1,64}@[^\s@\x00-\x1f]{1,180}\.[^\s@\x00-\x1f.]{2,}")


class Refused(Exception):
    """The account ended or its password changed between the proof and the signing in."""


class AwaitsCallBack(Exception):
    """The password is right, and the officer's control room has not yet confirmed them to us. The account is no use until then."""


class Paused(Exception):
    """The password is right, and for too long nobody has said that this person still needs the account."""


class WeakPassword(Exception):
    """A new password that anybody would guess, or of a wrong length. The message is fit to show."""


class NotAnEmail(ValueError):
    """What was typed is no e-mail address. The message is fit to show."""


class EmailTaken(Exception):
    """Somebody already has an account with this address. The message is fit to show."""


@dataclass(frozen=True)
class Hashed:
    """A password as it is stored."""

    value: str


@dataclass(frozen=True)
class Claim:
    """Somebody says this account is theirs. `user_id` is None when no open account has the address they typed."""

    user_id: uuid.UUID | None
    password_hash: str


@dataclass(frozen=True)
class SignedIn:
    """A session that has just begun. `same_person`: the browser's session before was this person's as well."""

    user: User
    same_person: bool


def plain_email(email: str) -> str:
    """An address as it is stored and compared."""
    return email.strip().lower()


def new_email(email: str) -> str:
    """An address no account has yet, as it is stored. Raises NotAnEmail and EmailTaken."""
    address = plain_email(email)
    if not _EMAIL.fullmatch(address) or len(address) > 254:
        raise NotAnEmail("Enter an email address in the correct format, like name@example.com")
    if db.session.scalar(sa.select(User.id).where(User.email == address)) is not None:
        raise EmailTaken("Somebody has an account with this email address already")
    return address


def claim(*, email: str) -> Claim:
    """What has to be proved to sign in as `email`. An unknown or disabled account gives a claim nobody can prove."""
    found = db.session.execute(
        sa.select(User.id, User.password_hash).where(
            User.email == plain_email(email), User.disabled_at.is_(None)
        )
    ).first()
    return Claim(found.id, found.password_hash) if found else Claim(None, "")


def matches(*, claim: Claim, password: str) -> bool:
    """Whether `password` proves the claim. Takes as long for a claim nobody can prove.

    Raises RuntimeError inside a transaction: a hash takes a tenth of a second, in which nobody else could write.
    """
    _outside_a_transaction()
    nobodys = _nobodys_hash(hasher)
    try:
        hasher.verify(claim.password_hash if claim.user_id else nobodys, password)
    except (VerificationError, InvalidHashError):
        return False
    return claim.user_id is not None


def renewed(*, claim: Claim, password: str) -> Hashed | None:
    """The proved password hashed anew, when the stored hash is weaker than today's; otherwise None. Outside a transaction."""
    _outside_a_transaction()
    if not hasher.check_needs_rehash(claim.password_hash):
        return None
    return Hashed(hasher.hash(password))


def hashed(*, password: str, email: str = "", name: str = "") -> Hashed:
    """A new password, checked and hashed. Outside a transaction.

    Raises WeakPassword. There are no rules of composition, as ASVS 5.0 6.2.5 asks; the commonest passwords and the words of
    this service are refused (6.2.4, 6.2.11), and so is anything made of the person's own address or name.
    """
    _outside_a_transaction()
    if len(password) < LEAST:
        raise WeakPassword(f"Password must be {LEAST} characters or more")
    if len(password) > MOST:
        raise WeakPassword(f"Password must be {MOST} characters or fewer")
    if _guessable(password, re.findall(r"[a-z]{3,}", f"{email} {name}".lower())):
        raise WeakPassword("Password is too easy to guess. Try three words that do not belong together")
    return Hashed(hasher.hash(password))


def sign_in(
    *, claim: Claim, renewed: Hashed | None = None, earlier: str | None = None, now: dt.datetime
) -> SignedIn:
    """Begin a session for a proved claim, with a new random token (ASVS 5.0 7.2.4).

    `renewed`: a fresh hash of the same password, to be stored. `earlier`: the token the browser had until now; that session
    is ended. The user that is returned carries `session_token`. Raises Refused when the account changed since the proof, and
    AwaitsCallBack for an officer whom nobody has confirmed, Paused for somebody for whom nobody has spoken for too long.
    """
    # Locked until the session stands: a password that is changed at this moment ends this session too, or refuses it.
    user = locked(claim.user_id) if claim.user_id else None
    if user is None or user.disabled_at is not None or user.password_hash != claim.password_hash:
        raise Refused
    if user.awaits_call_back:
        raise AwaitsCallBack
    if attestation.paused(user, now):
        raise Paused
    if renewed is not None:
        user.password_hash = renewed.value
    before = db.session.scalars(sa.select(SignIn).where(SignIn.token_hash == digest(earlier or ""))).first()
    if before is not None and before.ended_at is None:
        before.ended_at, before.ended_by = now, f"user:{user.id.hex}"
    token = new_token()
    row = SignIn(token_hash=digest(token), user_id=user.id, started_at=now, seen_at=now, proved_at=now)
    db.session.add(row)
    audit.record(what="sign_in", by=f"user:{user.id.hex}", now=now, facts={"sign_in": row.id})
    db.session.flush()
    user.session_token, user.sign_in = token, row
    return SignedIn(user, before is not None and before.user_id == user.id)


def refuse(*, claim: Claim, now: dt.datetime) -> None:
    """Record that a claim was not proved: the account's id when there is one, and never what was typed."""
    audit.record(what="sign_in_refused", by="nobody", now=now, facts={"account": claim.user_id})
    db.session.flush()


def prove(*, sign_in_id: uuid.UUID, claim: Claim, now: dt.datetime) -> str:
    """The person behind this session has just proved again who they are. Returns the session's new token.

    Raises Refused when the session or the account has ended, or is not the claim's.
    """
    row = db.session.get(SignIn, sign_in_id, populate_existing=True)
    if row is None or row.ended_at is not None or row.user_id != claim.user_id or not row.user.is_active:
        raise Refused
    token = new_token()
    row.token_hash, row.proved_at, row.seen_at = digest(token), now, now
    audit.record(what="prove", by=f"user:{row.user_id.hex}", now=now, facts={"sign_in": row.id})
    db.session.flush()
    return token


def locked(user_id: uuid.UUID) -> User | None:
    """An account as it is now, kept from everybody else who asks for it so until the transaction ends; None for an unknown id."""
    return db.session.get(User, user_id, populate_existing=True, with_for_update={"key_share": True})


def sign_out(*, token: str, now: dt.datetime) -> None:
    """End the session of this token. A token of no open session changes nothing."""
    row = db.session.scalars(
        sa.select(SignIn).where(SignIn.token_hash == digest(token), SignIn.ended_at.is_(None))
    ).first()
    if row is None:
        return
    row.ended_at, row.ended_by = now, f"user:{row.user_id.hex}"
    audit.record(what="sign_out", by=row.ended_by, now=now, facts={"sign_in": row.id})
    db.session.flush()


def load(*, token: str, now: dt.datetime) -> User | None:
    """The person whose open session this token is, with `session_token` and `sign_in` set; None when it is over.

    Over means: signed out, disabled, not confirmed by a call-back, older than SESSION_MAX_H, or idle for IDLE_MIN; whoever
    holds a live referral has IDLE_HOLDING_MIN, because on the road nobody presses buttons.
    """
    row = db.session.scalars(
        sa.select(SignIn)
        .options(joinedload(SignIn.user).joinedload(User.call_back))
        .where(SignIn.token_hash == digest(token), SignIn.ended_at.is_(None))
    ).first()
    if row is None or not row.user.is_active:
        return None
    settings = current_app.config
    idle = now - row.seen_at
    if now - row.started_at >= dt.timedelta(hours=settings["SESSION_MAX_H"]):
        return None
    if idle >= dt.timedelta(minutes=settings["IDLE_MIN"]) and (
        idle >= dt.timedelta(minutes=settings["IDLE_HOLDING_MIN"])
        or not attestation.holds_a_live_referral(row.user_id)
    ):
        return None
    row.user.session_token, row.user.sign_in = token, row
    return row.user


def seen(*, sign_in_id: uuid.UUID, now: dt.datetime) -> None:
    """The person behind this session has just done something. Written at most once in SEEN_EVERY."""
    db.session.execute(
        sa.update(SignIn)
        .where(SignIn.id == sign_in_id, SignIn.ended_at.is_(None), SignIn.seen_at <= now - SEEN_EVERY)
        .values(seen_at=now)
        .execution_options(synchronize_session=False)
    )


def create(
    *,
    email: str,
    name: str,
    role: Role,
    password: str | Hashed,
    by: str,
    force_id: uuid.UUID | None = None,
    provider_id: uuid.UUID | None = None,
    collar_number: str | None = None,
    phone: str | None = None,
    now: dt.datetime,
) -> User:
    """Open an account: by invitation, never by the person themselves.

    `phone` is E.164; `by` an actor's label. A password that is not Hashed yet is checked and hashed first, which is refused
    inside a transaction. Raises WeakPassword, EmailTaken, NotAnEmail.
    """
    secret = password if isinstance(password, Hashed) else hashed(password=password, email=email, name=name)
    user = User(
        email=new_email(email),
        name=name,
        role=role,
        password_hash=secret.value,
        force_id=force_id,
        provider_id=provider_id,
        collar_number=collar_number,
        phone=phone,
        phone_index=ring().index("phone", phone) if phone else None,
        created_at=now,
        attested_at=now,
        attested_by=by,
    )
    db.session.add(user)
    db.session.flush()
    audit.record(what="create_account", by=by, now=now, facts={"account": user.id, "role": str(role)})
    db.session.flush()
    return user


def disable(*, user_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    """Close an account and end all its sessions at once. Again: nothing changes. Raises LookupError for an unknown id."""
    user = db.session.get(User, user_id, populate_existing=True)
    if user is None:
        raise LookupError("no such account")
    if user.disabled_at is not None:
        return
    user.disabled_at, user.disabled_by = now, by
    _end_sessions(user_id, by, now)
    audit.record(what="disable_account", by=by, now=now, facts={"account": user_id})
    db.session.flush()


def change_password(*, user_id: uuid.UUID, password: Hashed, by: str, now: dt.datetime) -> None:
    """Give an account another password and end all its sessions at once. Raises LookupError for an unknown id."""
    user = locked(user_id)
    if user is None:
        raise LookupError("no such account")
    user.password_hash = password.value
    db.session.flush()
    _end_sessions(user_id, by, now)
    audit.record(what="change_password", by=by, now=now, facts={"account": user_id})
    db.session.flush()


def new_token() -> str:
    """A token nobody can guess: of a session, or of the link in an invitation."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a token. It is 256 random bits, so a fast hash keeps it: there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def _end_sessions(user_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    db.session.execute(
        sa.update(SignIn)
        .where(SignIn.user_id == user_id, SignIn.ended_at.is_(None))
        .values(ended_at=now, ended_by=by)
        .execution_options(synchronize_session=False)
    )


def _outside_a_transaction() -> None:
    if db.session().in_transaction():
        raise RuntimeError("a password is hashed before a transaction begins, or after it ends")


@functools.lru_cache(maxsize=4)
def _nobodys_hash(current: PasswordHasher) -> str:
    return current.hash(secrets.token_urlsafe(32))


# The words the commonest passwords are made of (our own list), the words of this service, and the rows of a keyboard.
_COMMON = (
    "password passwort passcode letmein welcome admin administrator login changeme default secret master qwerty qwertz azerty "
    "asdf zxcv abc xyz test testing guest user root iloveyou love lovely sunshine princess football baseball liverpool arsenal "
    "chelsea rangers celtic everton manchester united london england britain scotland wales ireland monkey dragon shadow "
    "superman batman pokemon starwars star matrix hello hunter ranger killer pepper ginger cookie cheese chocolate banana "
    "orange flower butterfly summer winter autumn spring january february march april june july august september october "
    "november december monday tuesday wednesday thursday friday saturday sunday charlie george jordan daniel thomas michael "
    "michelle jessica ashley jennifer nicole matthew joshua andrew robert william oliver harry jack amelia freedom whatever "
    "trustno computer internet google facebook samsung iphone nothing mustang ferrari mercedes computer access please "
    "police officer constable sergeant inspector force collar safety places placesofsafety safe place bed beds refuge house "
    "provider coordinator duty line modern slavery nrm referral salvation army homeoffice"
).split()
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb",
)
_LOOKALIKES = str.maketrans("013457@$!|", "oieastasil")


def _guessable(password: str, own_words: list[str]) -> bool:
    """Whether a password is a pattern, or little more than words everybody tries first."""
    folded = password.casefold()
    if len(set(folded)) <= 3 or any(folded in row or folded[::-1] in row for row in _ROWS):
        return True
    # One short piece said over and over: "abcabcabc", "12341234".
    if re.fullmatch(r"(.{1,4}?)\1+", folded):
        return True
    letters = re.sub(r"[^a-z]", "", folded.strip("0123456789!?.*#@$ _-").translate(_LOOKALIKES))
    if not letters:
        return bool(re.fullmatch(r"(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])(19|20)\d\d|(19|20)\d{6}", folded))
    if len(password) >= 20 or re.search(r"[^\x00-\x7f]", folded):
        return False
    for word in sorted({*_COMMON, *own_words}, key=len, reverse=True):
        letters = letters.replace(word, "")
    return len(letters) < 4
