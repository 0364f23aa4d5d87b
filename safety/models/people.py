"""Forces, people and their signed-in sessions."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy.orm import Mapped, mapped_column, relationship

from safety.crypto import Sealed
from safety.extensions import Row, both_or_neither, one_of
from safety.lifecycle import Role
from safety.models.premises import Provider
from safety.permissions import Actor

PEOPLE = tuple(role for role in Role if role is not Role.CLOCK)


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

    __table_args__ = (sa.CheckConstraint("id <> succeeded_by_id", name="not_its_own_successor"),)


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

    force: Mapped[Force | None] = relationship()
    provider: Mapped[Provider | None] = relationship()

    __table_args__ = (
        one_of("role", PEOPLE),
        both_or_neither("disabled_at", "disabled_by"),
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

    # Set by the session loader for the request in hand; not stored.
    session_token: str | None = None
    sign_in: SignIn | None = None

    @property
    def is_active(self) -> bool:
        """Disabled people are out at once: Flask-Login asks this at every request."""
        return self.disabled_at is None

    def get_id(self) -> str:
        """What Flask-Login keeps in the cookie: the session's own random token, never the person's id."""
        return self.session_token or ""

    def actor(self) -> Actor:
        """This person as an actor of the rooms."""
        premises = frozenset(house.id for house in self.provider.premises) if self.provider else frozenset()
        return Actor(Role(self.role), f"user:{self.id.hex}", self.id, self.force_id, premises)


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
