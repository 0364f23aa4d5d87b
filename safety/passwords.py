"""A forgotten password: a link that works once, for half an hour, by which somebody chooses a new one.

The rules kept: asking costs and answers the same whether anybody has that address, so who has is found out later, by the jobs
process; of a link only the hash is stored, and only the newest works; a new password ends every session, and is told to whoever
has the account.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app

from safety import accounts, audit, mail, messages, outbox
from safety.extensions import db
from safety.models import Letter, LetterKind, PasswordLink, User

GOOD_FOR = dt.timedelta(minutes=30)
PATH = "/new-password"
# An e-mail that could not be handed over is tried again so long afterwards; the link in it is made anew each time.
_AGAIN_AFTER = dt.timedelta(minutes=1)
_NEWS_WORTH_H = 24
_WORTH = {LetterKind.LINK: GOOD_FOR, LetterKind.CHANGED: dt.timedelta(hours=_NEWS_WORTH_H)}


class NoUse(Exception):
    """This link opens nothing. The message says what to do, and can be shown to whoever holds the link."""


class OnesOwn(Exception):
    """A coordinator vouches for somebody else, never for themselves. The message can be shown."""


@dataclass(frozen=True)
class Written:
    """An e-mail that is to be handed over now."""

    letter_id: uuid.UUID
    to: str
    subject: str
    words: str


def ask(*, email: str, now: dt.datetime) -> None:
    """Somebody says they have forgotten the password of this address. One row, whoever they are: write() looks it up."""
    _enclose(LetterKind.LINK, accounts.plain_email(email), now)
    audit.record(what="forgotten_password", by="nobody", now=now)
    db.session.flush()


def due(*, now: dt.datetime) -> bool:
    """Whether write() has anything to do; reads only."""
    return db.session.scalar(_due(now).with_only_columns(Letter.id).limit(1)) is not None


def write(*, now: dt.datetime) -> Written | None:
    """The e-mail that has waited longest, made and claimed for a minute; None when it was for nobody, and is gone.

    The caller commits, hands it over, and calls sent(). A link that is not handed over within half an hour is dropped, the news
    that a password was changed after a day.
    """
    letter = db.session.scalars(_due(now).limit(1).with_for_update()).first()
    if letter is None:
        return None
    to = letter.to
    user = db.session.scalars(sa.select(User).where(User.email == to, User.disabled_at.is_(None))).first()
    if user is None or now - letter.asked_at >= _WORTH[LetterKind(letter.kind)]:
        db.session.delete(letter)
        db.session.flush()
        return None
    letter.next_try_at = now + _AGAIN_AFTER
    ring = current_app.config["DUTY_NUMBER"]
    if letter.kind == LetterKind.LINK:
        made = link(_make(user_id=user.id, by=f"user:{user.id.hex}", now=now))
        audit.record(what="password_link", by="clock", now=now, facts={"account": user.id})
        written = Written(
            letter.id, to, "Choose a new password for Places of Safety", _link_words(made, ring)
        )
    else:
        written = Written(letter.id, to, "Your password was changed", _changed_words(ring))
    db.session.flush()
    return written


def sent(*, letter_id: uuid.UUID) -> None:
    """The mail server has it: nothing is kept."""
    db.session.execute(sa.delete(Letter).where(Letter.id == letter_id))


def link(token: str) -> str:
    """The whole link. The token is in the query, which no log of ours and no proxy's may hold."""
    return f"{current_app.config['POS_PUBLIC_URL']}{PATH}?key={token}"


def after_a_call(*, user_id: uuid.UUID, by: str, now: dt.datetime) -> str:
    """A coordinator rang this person back on the number we hold, and it was them. Returns the token of their link.

    It is nowhere else and cannot be had again. Raises LookupError for an unknown or closed account, OnesOwn for one's own.
    """
    user = db.session.get(User, user_id, populate_existing=True)
    if user is None or user.disabled_at is not None:
        raise LookupError("no such open account")
    if by == f"user:{user_id.hex}":
        raise OnesOwn("This is your own account. Another coordinator can make the link.")
    token = _make(user_id=user_id, by=by, now=now)
    audit.record(what="password_link_after_call", by=by, now=now, facts={"account": user_id})
    db.session.flush()
    return token


def find(*, token: str, lock: bool = False, now: dt.datetime) -> User:
    """Whose link this is, while it can be used. Uses nothing up. Raises NoUse saying why it cannot.

    lock: so that of two presses the second sees what the first has done.
    """
    wanted = sa.select(PasswordLink).where(PasswordLink.token_hash == accounts.digest(token))
    if lock:
        whose = db.session.scalar(wanted.with_only_columns(PasswordLink.user_id))
        if whose is not None:
            accounts.locked(whose)
    found = db.session.scalars(wanted.execution_options(populate_existing=True)).first()
    if found is None:
        raise NoUse(
            "Perhaps not all of the link came through, or a newer one was made. Use the newest, and copy the whole of it."
        )
    if found.used_at is not None:
        raise NoUse(
            "It has been used, and the password is changed. Sign in with the new one. "
            "If it was not you who used it, ring the duty line now."
        )
    if now >= found.expires_at:
        raise NoUse("It was good for 30 minutes, and they are over. Ask for a new one from the sign-in page.")
    user = db.session.get(User, found.user_id)
    if user is None or user.disabled_at is not None:
        raise NoUse("This account is closed. Ring the duty line.")
    return user


def choose(*, token: str, password: accounts.Hashed, now: dt.datetime) -> User:
    """A new password, once: every session ends, the links made by whoever had the old one open nothing, and the person is told
    by text and by e-mail. Raises NoUse.
    """
    user = find(token=token, lock=True, now=now)
    used = sa.update(PasswordLink).where(PasswordLink.user_id == user.id).values(used_at=now)
    db.session.execute(used.execution_options(synchronize_session=False))
    withdraw_all_of(maker=f"user:{user.id.hex}")
    accounts.change_password(user_id=user.id, password=password, by=f"user:{user.id.hex}", now=now)
    if user.phone:
        outbox.queue(
            wording=messages.password_changed,
            matter=messages.Matter(ring=current_app.config["DUTY_NUMBER"]),
            to=user.phone,
            worthless_at=now + dt.timedelta(hours=_NEWS_WORTH_H),
            now=now,
        )
    if mail.wanted():
        _enclose(LetterKind.CHANGED, user.email, now)
    db.session.flush()
    return user


def withdraw_all_of(*, maker: str) -> None:
    """The links this actor made are worth nothing from now on."""
    made = sa.delete(PasswordLink).where(PasswordLink.made_by == maker, PasswordLink.used_at.is_(None))
    db.session.execute(made)


def forget(*, now: dt.datetime) -> None:
    """Delete links and e-mails that have been worth nothing for a day."""
    old = now - dt.timedelta(days=1)
    db.session.execute(sa.delete(PasswordLink).where(PasswordLink.expires_at < old))
    db.session.execute(sa.delete(Letter).where(Letter.asked_at < old))


def _due(now: dt.datetime) -> sa.Select[Letter]:
    return sa.select(Letter).where(Letter.next_try_at <= now).order_by(Letter.asked_at, Letter.id)


def _enclose(kind: LetterKind, to: str, now: dt.datetime) -> None:
    letter = Letter(kind=kind, asked_at=now, next_try_at=now)
    letter.to = to
    db.session.add(letter)


def _make(*, user_id: uuid.UUID, by: str, now: dt.datetime) -> str:
    token = accounts.new_token()
    accounts.locked(user_id)  # of two presses at once the second sees the link of the first, and replaces it
    wanted = sa.select(PasswordLink).where(PasswordLink.user_id == user_id)
    found = db.session.scalars(wanted.execution_options(populate_existing=True)).first()
    if found is None:
        found = PasswordLink(user_id=user_id)
        db.session.add(found)
    found.token_hash, found.used_at = accounts.digest(token), None
    found.made_at, found.made_by, found.expires_at = now, by, now + GOOD_FOR
    db.session.flush()
    return token


def _link_words(whole: str, ring: str) -> str:
    return f"""Somebody asked for a new password for your account of Places of Safety.

Open this link within 30 minutes to choose it. It works once, and for you alone:

{whole}

Was it not you? Do nothing: your password stays as it is. Does it happen again? Ring {ring}.
"""


def _changed_words(ring: str) -> str:
    return f"""The password of your account of Places of Safety was changed, and you are signed out everywhere.

Was it not you? Ring {ring} now, day or night.
"""
