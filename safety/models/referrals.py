"""Referrals: an officer's request for one person or family, its draft, and the need that could not be met."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from safety.crypto import Sealed
from safety.extensions import Row, both_or_neither, one_of
from safety.lifecycle import CLOSE, ReferralState
from safety.models.people import Force, User
from safety.models.premises import Cohort
from safety.planning import Wish


class Draft(Row):
    """What an officer has filled in so far, screen by screen. Its id is the form token: one draft, one referral."""

    __tablename__ = "draft"
    officer_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    answers_sealed: Mapped[str]
    answers = Sealed[dict[str, Any]]()
    saved_at: Mapped[dt.datetime] = mapped_column(index=True)


class Operation(Row):
    """A police operation in which several people are found at once: what binds their referrals together, and nothing of it.

    Its number is the force's own, so it is sealed, and one number of one force is one row.
    """

    __tablename__ = "operation"
    force_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("force.id"), index=True)
    number_sealed: Mapped[str | None]
    number = Sealed[str | None]()
    number_index: Mapped[str | None] = mapped_column(sa.String(32), unique=True)
    wish: Mapped[str] = mapped_column(sa.String(10), default=Wish.ANY)
    opened_at: Mapped[dt.datetime]
    opened_by: Mapped[str] = mapped_column(sa.String(40))
    # Until then nobody of it is matched by themselves: a coordinator finds beds for all of them.
    gathering_until: Mapped[dt.datetime | None]
    erased_at: Mapped[dt.datetime | None]
    force: Mapped[Force] = relationship()
    referrals: Mapped[list[Referral]] = relationship(
        back_populates="operation", order_by="Referral.opened_at"
    )

    __table_args__ = (
        one_of("wish", Wish),
        both_or_neither("number_sealed", "number_index"),
    )


class Referral(Row):
    """A request for a place. What matching reads of the person is sealed, but for the few columns named in docs/data.md."""

    __tablename__ = "referral"
    reference: Mapped[str] = mapped_column(sa.String(6), unique=True)
    form_token: Mapped[uuid.UUID]
    state: Mapped[str] = mapped_column(sa.String(20))
    opened_at: Mapped[dt.datetime]
    opened_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("user_account.id"))
    holder_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    force_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("force.id"), index=True)
    operation_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("operation.id"), index=True)
    # What SQL may match or count on: nothing here says who the person is.
    outcode: Mapped[str | None] = mapped_column(sa.String(4))
    nation: Mapped[str | None] = mapped_column(sa.String(30))
    cohort: Mapped[str | None] = mapped_column(sa.String(10))
    party: Mapped[int | None]
    setting: Mapped[str | None] = mapped_column(sa.String(20))
    transport: Mapped[str | None] = mapped_column(sa.String(20))
    ready_at: Mapped[dt.datetime | None]
    eta_at: Mapped[dt.datetime | None]
    # Nothing is held again until somebody knows where the person is.
    paused_at: Mapped[dt.datetime | None]
    paused_by: Mapped[str | None] = mapped_column(sa.String(40))
    # A coordinator may look across the border, with a reason.
    border_reason: Mapped[str | None] = mapped_column(sa.String(20))

    needs_sealed: Mapped[str | None]
    needs = Sealed[dict[str, Any] | None]()
    alias_sealed: Mapped[str | None]
    alias = Sealed[str | None]()  # seen by the receiving house only
    officer_phone_sealed: Mapped[str | None]
    officer_phone = Sealed[str | None]()
    officer_phone_index: Mapped[str | None] = mapped_column(sa.String(32), index=True)
    incident_sealed: Mapped[str | None]
    incident = Sealed[str | None]()
    incident_index: Mapped[str | None] = mapped_column(sa.String(32), index=True)
    erased_at: Mapped[dt.datetime | None]

    closed_at: Mapped[dt.datetime | None]
    closed_by: Mapped[str | None] = mapped_column(sa.String(40))
    closed_reason: Mapped[str | None] = mapped_column(sa.String(20))

    opened_by: Mapped[User] = relationship(foreign_keys=[opened_by_id])
    holder: Mapped[User] = relationship(foreign_keys=[holder_id])
    force: Mapped[Force | None] = relationship()
    operation: Mapped[Operation | None] = relationship(back_populates="referrals")
    placements: Mapped[list[Any]] = relationship(
        "Placement", back_populates="referral", order_by="Placement.held_at"
    )

    __table_args__ = (
        # Pressed twice, sent again, lost reply: one form makes one referral.
        sa.UniqueConstraint("opened_by_id", "form_token", name="uq_referral_form_token"),
        one_of("state", ReferralState),
        one_of("cohort", Cohort),
        one_of("closed_reason", (*CLOSE, "departed")),
        both_or_neither("closed_at", "closed_by"),
        both_or_neither("paused_at", "paused_by"),
        both_or_neither("officer_phone_sealed", "officer_phone_index"),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_has_a_time"),
        sa.CheckConstraint(
            "state IN ('diverted', 'declined_by_person') OR (outcode IS NOT NULL AND cohort IS NOT NULL AND party IS NOT NULL "
            "AND eta_at IS NOT NULL)",
            name="a_place_can_be_looked_for",
        ),
        # Of somebody for whom no bed may be sought, nothing is kept.
        sa.CheckConstraint(
            "state NOT IN ('diverted', 'declined_by_person') OR (needs_sealed IS NULL AND alias_sealed IS NULL "
            "AND officer_phone_sealed IS NULL AND incident_sealed IS NULL AND cohort IS NULL)",
            name="nothing_kept_of_the_diverted",
        ),
        sa.Index("ix_referral_state_opened_at", "state", "opened_at"),
    )

    @property
    def spoken(self) -> str:
        """The reference as it is said and written: K7M-4QX."""
        return f"{self.reference[:3]}-{self.reference[3:]}"


class KeepApart(Row):
    """Two referrals that must not be in the same house."""

    __tablename__ = "keep_apart"
    one_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    other_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)

    __table_args__ = (
        sa.UniqueConstraint("one_id", "other_id", name="uq_keep_apart_pair"),
        sa.CheckConstraint("one_id <> other_id", name="not_from_oneself"),
    )


class UnmetNeed(Row):
    """Nothing fitted: when, where roughly, and what stood in the way, as codes. Feeds planning; names no house and nobody."""

    __tablename__ = "unmet_need"
    referral_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    at: Mapped[dt.datetime]
    region: Mapped[str] = mapped_column(sa.String(40))
    # Keyed fingerprint of region and needs: the same question within the hour gets the same explanation.
    question: Mapped[str] = mapped_column(sa.String(32), index=True)
    causes: Mapped[list[str]] = mapped_column(sa.JSON)
