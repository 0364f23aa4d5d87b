"""Placements: one bedspace given to one referral. Written by safety.placements only."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from safety.extensions import Row, both_or_neither, live_only, one_of
from safety.lifecycle import LIVE, NRM_DECISION, ONWARD, PLANNED, Event, State
from safety.models.premises import Bedspace, Premises
from safety.models.referrals import Referral

_LIVE = "state IN (" + ", ".join(f"'{state}'" for state in LIVE) + ")"


class Placement(Row):
    """A bedspace given to a referral, from the hold to the departure."""

    __tablename__ = "placement"
    referral_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    bedspace_id: Mapped[uuid.UUID]
    premises_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("premises.id"), index=True)
    state: Mapped[str] = mapped_column(sa.String(16))
    code: Mapped[str] = mapped_column(sa.String(4))
    distance_miles: Mapped[float]

    held_at: Mapped[dt.datetime]
    held_by: Mapped[str] = mapped_column(sa.String(40))
    answer_by: Mapped[dt.datetime]
    reminded_at: Mapped[dt.datetime | None]
    confirmed_at: Mapped[dt.datetime | None]
    confirmed_by: Mapped[str | None] = mapped_column(sa.String(40))
    set_off_at: Mapped[dt.datetime | None]
    set_off_by: Mapped[str | None] = mapped_column(sa.String(40))
    eta_at: Mapped[dt.datetime]
    arrive_by: Mapped[dt.datetime]
    # They were on the road already when this bed was held (their house withdrew, or they move house): no clock releases it.
    was_on_road: Mapped[bool] = mapped_column(default=False)
    times_late: Mapped[int] = mapped_column(default=0)
    warned_30_at: Mapped[dt.datetime | None]
    warned_10_at: Mapped[dt.datetime | None]
    arrival_asked_at: Mapped[dt.datetime | None]
    arrived_at: Mapped[dt.datetime | None]  # when they came in
    arrival_recorded_at: Mapped[dt.datetime | None]  # when we were told
    arrival_recorded_by: Mapped[str | None] = mapped_column(sa.String(40))
    stay_until: Mapped[dt.datetime | None]
    stay_end_told_at: Mapped[dt.datetime | None]
    departed_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    ended_by: Mapped[str | None] = mapped_column(sa.String(40))
    reason: Mapped[str | None] = mapped_column(sa.String(20))
    onward: Mapped[str | None] = mapped_column(sa.String(20))
    planned_onward: Mapped[str | None] = mapped_column(
        sa.String(20)
    )  # where they are to go next, while they are here
    nrm_decision: Mapped[str | None] = mapped_column(sa.String(20))
    state_before: Mapped[str | None] = mapped_column(sa.String(16))
    # The last event with its facts (codes and times), so that the same press twice is told from a contradiction.
    last_event: Mapped[str] = mapped_column(sa.String(16))
    last_facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    last_at: Mapped[dt.datetime]
    last_by: Mapped[str] = mapped_column(sa.String(40))

    referral: Mapped[Referral] = relationship(back_populates="placements")
    premises: Mapped[Premises] = relationship(viewonly=True)
    bedspace: Mapped[Bedspace] = relationship(
        viewonly=True,
        foreign_keys="Placement.bedspace_id",
        primaryjoin="Placement.bedspace_id == Bedspace.id",
    )

    @property
    def on_road(self) -> bool:
        """Whether somebody is, or may be, travelling: then only a person says what happened."""
        return self.set_off_at is not None or self.was_on_road

    __table_args__ = (
        # The failure we never allow: two people sent to one bed.
        live_only("uq_placement_live_bedspace", "bedspace_id", where=_LIVE),
        # One person has one bed.
        live_only("uq_placement_live_referral", "referral_id", where=_LIVE),
        # A code in a text names one live placement.
        live_only("uq_placement_live_code", "code", where=_LIVE),
        one_of("state", State),
        one_of("state_before", State),
        one_of("last_event", Event),
        one_of("onward", ONWARD),
        one_of("planned_onward", PLANNED),
        one_of("nrm_decision", NRM_DECISION),
        both_or_neither("confirmed_at", "confirmed_by"),
        both_or_neither("set_off_at", "set_off_by"),
        both_or_neither("arrival_recorded_at", "arrival_recorded_by"),
        both_or_neither("arrived_at", "arrival_recorded_at"),
        both_or_neither("ended_at", "ended_by"),
        sa.CheckConstraint(f"({_LIVE}) = (ended_at IS NULL)", name="ended_when_not_live"),
        sa.CheckConstraint(
            "state NOT IN ('confirmed', 'arrived') OR confirmed_at IS NOT NULL", name="confirmed_has_a_time"
        ),
        sa.CheckConstraint(
            "state <> 'arrived' OR (arrived_at IS NOT NULL AND stay_until IS NOT NULL)",
            name="arrived_has_a_time",
        ),
        sa.CheckConstraint("(state = 'departed') = (departed_at IS NOT NULL)", name="departed_has_a_time"),
        # A bedspace and the house it is counted under are the same house.
        sa.ForeignKeyConstraint(
            ["bedspace_id", "premises_id"],
            ["bedspace.id", "bedspace.premises_id"],
            name="fk_placement_bedspace_of_its_premises",
        ),
        live_only("ix_placement_answer_by", "answer_by", where="state = 'held'", unique=False),
        live_only("ix_placement_arrive_by", "arrive_by", where="state = 'confirmed'", unique=False),
    )


class AddressOpening(Row):
    """Somebody was shown where a house is. Written and committed before the page leaves."""

    __tablename__ = "address_opening"
    placement_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("placement.id"), index=True)
    premises_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("premises.id"), index=True)
    address_version: Mapped[int]
    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("user_account.id"))
    opened_at: Mapped[dt.datetime]
    reason: Mapped[str] = mapped_column(sa.String(20))
    premises: Mapped[Premises] = relationship()
    placement: Mapped[Placement] = relationship()
