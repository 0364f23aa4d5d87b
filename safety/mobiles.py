"""The mobiles of people: a code that was texted to one and typed in shows that it is theirs, now and again every 90 days.

The rules kept: a code works once, for ten minutes, for five tries, and only its keyed fingerprint is stored; a new number is
nobody's until its code is typed in, and the old one is told; a mobile that is not confirmed shuts nobody out of anything.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
import uuid

import sqlalchemy as sa
from flask import current_app

from safety import accounts, audit, messages, outbox
from safety.crypto import ring
from safety.extensions import db
from safety.models import PhoneCode, User

# OWASP ASVS 5.0, 6.6.2 to 6.6.4: bound to the request, ten minutes at most, and slowed against guessing.
GOOD_FOR = dt.timedelta(minutes=10)
MOST_TRIES = 5
DIGITS = 6
_NEWS_WORTH_H = 24  # hours after which nobody needs to be told that their mobile was changed
_KEPT = dt.timedelta(days=1)


class NoMobile(Exception):
    """There is no mobile to text a code to. The message can be shown."""


class WrongCode(Exception):
    """This is not the code that was texted. The message says what to do, and can be shown."""


class NoCode(WrongCode):
    """No code is good at the moment: none was sent, it is too old, was used, or was guessed at too often."""


def confirmed(user: User, now: dt.datetime) -> bool:
    """Whether this person has shown within PHONE_VERIFIED_DAYS that the mobile we hold is theirs."""
    days = dt.timedelta(days=current_app.config["PHONE_VERIFIED_DAYS"])
    return user.phone_verified_at is not None and now - user.phone_verified_at < days


def due(user: User, now: dt.datetime) -> bool:
    """Whether this person is to be asked to confirm their mobile. Whoever has none is asked nothing."""
    return user.phone_index is not None and not confirmed(user, now)


def can_be_texted(user: User, now: dt.datetime) -> bool:
    """Whether a text to this person can be relied on: an open account with a mobile that was confirmed lately."""
    return user.disabled_at is None and user.phone_index is not None and confirmed(user, now)


def send_code(*, user_id: uuid.UUID, number: str | None = None, by: str, now: dt.datetime) -> PhoneCode:
    """Text a code to `number` (E.164), or to the mobile this person has. A code sent before is worth nothing from now on.

    Raises LookupError for an unknown account, NoMobile when there is no number to text.
    """
    user = accounts.locked(
        user_id
    )  # of two presses at once the second sees the code of the first, and replaces it
    if user is None:
        raise LookupError("no such account")
    to = number or user.phone
    if not to:
        raise NoMobile("Your account has no mobile yet. Enter one first.")
    code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    found = _of(user_id)
    if found is None:
        found = PhoneCode(user_id=user_id)
        db.session.add(found)
    found.phone, found.phone_index = to, ring().index("phone", to)
    found.code_index, found.tries = _fingerprint(user_id, code), 0
    found.sent_at, found.expires_at = now, now + GOOD_FOR
    outbox.queue(
        wording=messages.mobile_code,
        matter=messages.Matter(words=code, ring=current_app.config["DUTY_NUMBER"]),
        to=to,
        worthless_at=found.expires_at,
        now=now,
    )
    audit.record(what="mobile_code", by=by, now=now, facts={"account": user_id})
    db.session.flush()
    return found


def waiting(*, user_id: uuid.UUID, now: dt.datetime) -> PhoneCode | None:
    """The code that may be typed in now, if there is one."""
    found = _of(user_id)
    return found if found is not None and found.tries < MOST_TRIES and now < found.expires_at else None


def confirm(*, user_id: uuid.UUID, typed: str, by: str, now: dt.datetime) -> bool:
    """The person typed the code: the mobile it went to is theirs. Returns whether that is another one than before.

    The one they had until then is told. Raises NoCode when none is good, and WrongCode having counted the try: the caller
    commits all the same.
    """
    user = accounts.locked(user_id)  # so that of many tries at once each is counted
    found = waiting(user_id=user_id, now=now)
    if found is None or user is None:
        raise NoCode("No code is good any more: it was too old, or wrong too often. Ask for a new one")
    if not hmac.compare_digest(found.code_index, _fingerprint(user_id, typed)):
        found.tries += 1
        db.session.flush()
        if found.tries >= MOST_TRIES:
            raise NoCode("That was wrong too often, so the code is worth nothing any more. Ask for a new one")
        raise WrongCode("That is not the code we texted. Look at the newest text, and type its six digits")
    before, changed = user.phone, user.phone_index != found.phone_index
    user.phone, user.phone_index, user.phone_verified_at = found.phone, found.phone_index, now
    db.session.delete(found)
    if changed and before:
        outbox.queue(
            wording=messages.mobile_changed,
            matter=messages.Matter(ring=current_app.config["DUTY_NUMBER"]),
            to=before,
            worthless_at=now + dt.timedelta(hours=_NEWS_WORTH_H),
            now=now,
        )
    audit.record(
        what="change_mobile" if changed else "confirm_mobile", by=by, now=now, facts={"account": user_id}
    )
    db.session.flush()
    return changed


def forget(*, now: dt.datetime) -> int:
    """Delete codes a day after they were worth anything; returns how many."""
    done = db.session.execute(sa.delete(PhoneCode).where(PhoneCode.expires_at < now - _KEPT))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _of(user_id: uuid.UUID) -> PhoneCode | None:
    wanted = sa.select(PhoneCode).where(PhoneCode.user_id == user_id)
    return db.session.scalars(wanted.execution_options(populate_existing=True)).first()


def _fingerprint(user_id: uuid.UUID, code: str) -> str:
    """Keyed, because a million codes are soon tried against a plain hash, and of one person, because two may have the same."""
    return ring().index("mobile code", f"{user_id.hex}\0{code}")
