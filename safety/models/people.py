"""Forces, people, how they were invited and checked, and their signed-in sessions."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy.orm import Mapped, mapped_column, relationship

from safety.crypto import Sealed
from safety.extensions import Row, both_or_neither, live_only, one_of
from safety.lifecycle import Role
from safety.models.premises import Provider
from safety.permissions import OFFICERS, Actor

PEOPLE = tuple(role for role in Role if role is not Role.CLOCK)


def _belongs_somewhere() -> tuple[sa.CheckConstraint, ...]:
    """What a row about one person and their role promises: an account, and the invitation to one."""
    return (
        one_of("role", PEOPLE),
        both_or_neither("phone_sealed", "phone_index"),
        # An officer without a force, or house staff without a house, could never be kept to their own.
        sa.CheckConstraint(
            "(role IN ('officer', 'lead')) = (force_id IS NOT NULL)", name="officers_have_a_force"
        ),
        sa.CheckConstraint(
            "(role = 'provider') = (provider_id IS NOT NULL)", name="house_staff_have_a_provider"
        ),
        sa.CheckConstraint("email = lower(email)", name="email_is_lower_case"),
    )


class Force(Row):
    """A police force. Dated, because forces are to be merged: a force that is over keeps its history."""

    __tablename__ = "force"
    slug: Mapped[str] = mapped_column(sa.String(40), unique=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    nation: Mapped[str] = mapped_column(sa.String(30))
    kind: Mapped[str] = mapped_column(sa.String(30))
    duty_to_notify: Mapped[bool]
    # The control room's number as *we* hold it: a house checks an officer by ringing this, never a number it was given.
    switchboard_sealed: Mapped[str | None]
    switchboard = Sealed[str | None]()
    valid_from: Mapped[dt.date]
    valid_to: Mapped[dt.date | None]
    succeeded_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("force.id"))
    # The first day on which it will be part of that other force: announced, and can be taken back. Empty once it is done.
    merges_on: Mapped[dt.date | None]

    succeeded_by: Mapped[Force | None] = relationship(remote_side="Force.id")

    __table_args__ = (
        sa.CheckConstraint("id <> succeeded_by_id", name="not_its_own_successor"),
        # A merger is announced, or it is done and the force over: never both, and never neither.
        sa.CheckConstraint(
            "succeeded_by_id IS NULL OR (valid_to IS NULL) <> (merges_on IS NULL)", name="merges_or_is_merged"
        ),
        sa.CheckConstraint("merges_on IS NULL OR succeeded_by_id IS NOT NULL", name="merges_into_a_force"),
    )


class User(UserMixin, Row):  # type: ignore[misc]
    """One person, one role. By invitation only."""

    __tablename__ = "user_account"
    __allow_unmapped__ = True  # for the two attributes of the request in hand, below
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)  # lower case
    name: Mapped[str] = mapped_column(sa.String(100))
    role: Mapped[str] = mapped_column(sa.String(16))
    password_hash: Mapped[str] = mapped_column(sa.String(200))
    force_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("force.id"), index=True)
    provider_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("provider.id"), index=True)
    collar_number: Mapped[str | None] = mapped_column(sa.String(20))
    phone_sealed: Mapped[str | None]
    phone = Sealed[str | None]()  # E.164
    phone_index: Mapped[str | None] = mapped_column(sa.String(32), index=True)
    created_at: Mapped[dt.datetime]
    disabled_at: Mapped[dt.datetime | None]
    disabled_by: Mapped[str | None] = mapped_column(sa.String(40))
    # When another person last said that they still need the account, and who vouched for them; making it was the first time.
    attested_at: Mapped[dt.datetime | None]
    attested_by: Mapped[str | None] = mapped_column(sa.String(40))
    phone_verified_at: Mapped[dt.datetime | None]  # when a code that was texted to it was last typed in

    force: Mapped[Force | None] = relationship()
    provider: Mapped[Provider | None] = relationship()
    call_back: Mapped[CallBack | None] = relationship()
    invitation: Mapped[Invitation | None] = relationship(back_populates="user")

    __table_args__ = (
        both_or_neither("disabled_at", "disabled_by"),
        both_or_neither("attested_at", "attested_by"),
        sa.CheckConstraint(
            "phone_verified_at IS NULL OR phone_index IS NOT NULL", name="only_a_phone_is_verified"
        ),
        *_belongs_somewhere(),
    )

    # Set by the session loader for the request in hand; not stored.
    session_token: str | None = None
    sign_in: SignIn | None = None

    @property
    def is_active(self) -> bool:
        """Disabled people are out at once, and an officer is not in before the call-back: Flask-Login asks at every request."""
        return self.disabled_at is None and not self.awaits_call_back

    @property
    def awaits_call_back(self) -> bool:
        """Whether an officer's control room has not yet confirmed them to us."""
        return self.role in OFFICERS and self.call_back is None

    def get_id(self) -> str:
        """What Flask-Login keeps in the cookie: the session's own random token, never the person's id."""
        return self.session_token or ""

    def actor(self) -> Actor:
        """This person as an actor of the rooms."""
        premises = frozenset(house.id for house in self.provider.premises) if self.provider else frozenset()
        return Actor(Role(self.role), f"user:{self.id.hex}", self.id, self.force_id, premises)


class PhoneCode(Row):
    """A code texted to a mobile that somebody says is theirs. The code is never stored, only its keyed fingerprint."""

    __tablename__ = "phone_code"
    # Only the newest code of a person is worth anything.
    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("user_account.id"), unique=True)
    phone_sealed: Mapped[str]
    phone = Sealed[str]()  # E.164; becomes theirs when the code is typed in
    phone_index: Mapped[str] = mapped_column(sa.String(32))
    code_index: Mapped[str] = mapped_column(sa.String(32))
    sent_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    tries: Mapped[int]  # wrong ones

    __table_args__ = (sa.CheckConstraint("tries >= 0", name="tries_are_counted"),)


class PasswordLink(Row):
    """A link by which one person chooses a new password. The token itself is never stored, only its hash."""

    __tablename__ = "password_link"
    # Only the newest link of a person opens anything.
    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("user_account.id"), unique=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    made_at: Mapped[dt.datetime]
    made_by: Mapped[str] = mapped_column(sa.String(40))
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]


class LetterKind(StrEnum):
    """What an e-mail that waits is about."""

    LINK = "password_link"
    CHANGED = "password_changed"


class Letter(Row):
    """An e-mail that waits for the jobs process: to whom and why. Its words, and the link in them, are made when it leaves."""

    __tablename__ = "letter"
    kind: Mapped[str] = mapped_column(sa.String(20))
    to_sealed: Mapped[str]
    to = Sealed[str]()  # what was typed, whether or not anybody has that address
    asked_at: Mapped[dt.datetime]
    next_try_at: Mapped[dt.datetime] = mapped_column(index=True)

    __table_args__ = (one_of("kind", LetterKind),)


class CallBack(Row):
    """A coordinator rang a force's control room, on the number we hold, and it confirmed the officer of this account."""

    __tablename__ = "call_back"
    # An officer is confirmed once; closing the account is how that ends.
    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("user_account.id"), unique=True)
    called_at: Mapped[dt.datetime]
    called_by: Mapped[str] = mapped_column(sa.String(40))


class Invitation(Row):
    """A link by which one named person makes their own account. The token itself is never stored, only its hash."""

    __tablename__ = "invitation"
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    email: Mapped[str] = mapped_column(sa.String(254))  # lower case
    name: Mapped[str] = mapped_column(sa.String(100))
    role: Mapped[str] = mapped_column(sa.String(16))
    force_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("force.id"))
    provider_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("provider.id"))
    collar_number: Mapped[str | None] = mapped_column(sa.String(20))
    phone_sealed: Mapped[str | None]
    phone = Sealed[str | None]()  # E.164
    phone_index: Mapped[str | None] = mapped_column(sa.String(32))
    invited_at: Mapped[dt.datetime]
    invited_by: Mapped[str] = mapped_column(sa.String(40))
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]
    # An account was made by one invitation or by none.
    user_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("user_account.id"), unique=True)
    withdrawn_at: Mapped[dt.datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(sa.String(40))

    force: Mapped[Force | None] = relationship()
    provider: Mapped[Provider | None] = relationship()
    user: Mapped[User | None] = relationship(back_populates="invitation")

    __table_args__ = (
        *_belongs_somewhere(),
        # A used link made exactly one account.
        both_or_neither("used_at", "user_id"),
        both_or_neither("withdrawn_at", "withdrawn_by"),
        sa.CheckConstraint("used_at IS NULL OR withdrawn_at IS NULL", name="used_or_withdrawn"),
        # Only the newest link of an address opens anything.
        live_only("uq_invitation_open", "email", where="used_at IS NULL AND withdrawn_at IS NULL"),
    )


class SignIn(Row):
    """One signed-in session, kept here so that signing out really ends it. The token itself is never stored, only its hash."""

    __tablename__ = "sign_in"
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    started_at: Mapped[dt.datetime]
    seen_at: Mapped[dt.datetime]
    proved_at: Mapped[dt.datetime]  # when the person last proved who they are
    ended_at: Mapped[dt.datetime | None]
    ended_by: Mapped[str | None] = mapped_column(sa.String(40))

    user: Mapped[User] = relationship()

    __table_args__ = (both_or_neither("ended_at", "ended_by"),)
