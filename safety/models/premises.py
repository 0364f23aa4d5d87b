"""Providers, their premises, contacts, groups and bedspaces.

Availability is never stored: free is what is in service and has no live placement.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from safety.crypto import Sealed
from safety.extensions import Row, both_or_neither, live_only, one_of
from safety.lifecycle import COMPROMISED, HOUSE_CLOSED


class Cohort(StrEnum):
    """Whom a house or a room is for."""

    WOMEN = "women"
    MEN = "men"
    EITHER = "either"


WHO_FOR: Mapping[str, str] = {
    Cohort.WOMEN: "Women only",
    Cohort.MEN: "Men only",
    Cohort.EITHER: "Women or men",
}


class ReportVia(StrEnum):
    """How a house's figures reached us."""

    PAGE = "page"
    TEXT = "text"
    PHONE = "phone"


# A house is reminded so long before its address has to be confirmed again.
CONFIRM_NOTICE = dt.timedelta(days=7)

OUT_REASONS = {
    "repair": "Repair or damage",
    "cleaning": "Cleaning",
    "staff": "Not enough staff",
    "incident": "After an incident",
    "works": "Planned works",
    "full": "In use outside this scheme",
    "other": "Something else",
}


class Provider(Row):
    """An organisation that runs premises."""

    __tablename__ = "provider"
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    premises: Mapped[list[Premises]] = relationship(back_populates="provider", order_by="Premises.name")


class Premises(Row):
    """A house. Its address is sealed; its name is known inside the scheme only and reaches no officer and no text."""

    __tablename__ = "premises"
    provider_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("provider.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    outcode: Mapped[str] = mapped_column(sa.String(4))
    nation: Mapped[str] = mapped_column(sa.String(30))
    region: Mapped[str] = mapped_column(sa.String(40))
    cohort: Mapped[str] = mapped_column(sa.String(10))
    takes_pregnant: Mapped[bool] = mapped_column(default=True)
    child_ages: Mapped[list[str]] = mapped_column(sa.JSON, default=list)  # codes of matching.CHILD_AGES
    supports: Mapped[list[str]] = mapped_column(sa.JSON, default=list)  # codes of matching.SUPPORT
    features: Mapped[list[str]] = mapped_column(
        sa.JSON, default=list
    )  # codes of matching.FEATURES true of every room
    # Seven [opens, latest] pairs of local "HH:MM", Monday first, or null for a day without admissions.
    # latest "24:00" runs into the next day.
    admits: Mapped[list[Any]] = mapped_column(sa.JSON)
    accepting: Mapped[bool] = mapped_column(default=True)
    accepting_reason: Mapped[str | None] = mapped_column(sa.String(20))
    accepting_until: Mapped[dt.datetime | None]  # closed until then; None: until it says otherwise
    accepts_unasked: Mapped[bool] = mapped_column(default=False)
    compromised_at: Mapped[dt.datetime | None]
    compromised_by: Mapped[str | None] = mapped_column(sa.String(40))
    compromised_reason: Mapped[str | None] = mapped_column(sa.String(20))
    # Of the address that is no longer secret: a house that has moved has a later one.
    compromised_version: Mapped[int | None]

    address_sealed: Mapped[str | None]
    address = Sealed[str | None]()  # lines as typed by the house
    meeting_point_sealed: Mapped[str | None]
    meeting_point = Sealed[str | None]()  # shown instead of the address when given
    ring_first: Mapped[bool] = mapped_column(default=False)
    address_version: Mapped[int] = mapped_column(default=1)
    address_confirmed_at: Mapped[dt.datetime | None]
    address_confirmed_by: Mapped[str | None] = mapped_column(sa.String(40))
    # That the house was texted about it, since it was last confirmed: each once.
    address_due_told_at: Mapped[dt.datetime | None]
    address_over_told_at: Mapped[dt.datetime | None]

    # When the house was last looked over (fire, gas, electrics), as it says itself.
    safety_checked_on: Mapped[dt.date | None]
    safety_checked_by: Mapped[str | None] = mapped_column(sa.String(40))

    reported_at: Mapped[dt.datetime | None]
    reported_by: Mapped[str | None] = mapped_column(sa.String(40))
    reported_via: Mapped[str | None] = mapped_column(sa.String(10))

    # Local "HH:MM": when its telephone may be asked what can wait. A request for a bed comes at any hour.
    questions_from: Mapped[str] = mapped_column(sa.String(5), default="08:00")
    questions_to: Mapped[str] = mapped_column(sa.String(5), default="20:00")
    # How often it was asked for its figures since it last gave them, and when last.
    figures_asked: Mapped[int] = mapped_column(default=0)
    figures_asked_at: Mapped[dt.datetime | None]

    provider: Mapped[Provider] = relationship(back_populates="premises")
    contacts: Mapped[list[Contact]] = relationship(back_populates="premises", order_by="Contact.position")
    bedspaces: Mapped[list[Bedspace]] = relationship(back_populates="premises", order_by="Bedspace.name")
    groups: Mapped[list[Group]] = relationship(back_populates="premises", order_by="Group.letter")

    __table_args__ = (
        one_of("cohort", Cohort),
        one_of("reported_via", ReportVia),
        both_or_neither("reported_at", "reported_by"),
        both_or_neither("safety_checked_on", "safety_checked_by"),
        both_or_neither("compromised_at", "compromised_by"),
        both_or_neither("address_confirmed_at", "address_confirmed_by"),
        one_of("accepting_reason", HOUSE_CLOSED),
        one_of("compromised_reason", COMPROMISED),
        both_or_neither("compromised_reason", "compromised_version"),
        sa.CheckConstraint("accepting OR accepting_reason IS NOT NULL", name="closed_has_a_reason"),
        # A provider's houses are told apart by name, and a form sent twice makes one.
        sa.Index("uq_premises_name", "provider_id", "name", unique=True),
        # A time at which a house that is open would open.
        sa.CheckConstraint("accepting_until IS NULL OR NOT accepting", name="only_closed_until"),
    )

    def accepts_at(self, now: dt.datetime) -> bool:
        """Whether the house takes new people at `now`: it never closed, or the time until which it did is over."""
        return self.accepting or (self.accepting_until is not None and self.accepting_until <= now)


class Contact(Row):
    """A telephone of a house, tried in order; the on-call phone of a moment is the first whose hours cover it."""

    __tablename__ = "contact"
    premises_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("premises.id"), index=True)
    position: Mapped[int]
    phone_sealed: Mapped[str]
    phone = Sealed[str]()  # E.164
    phone_index: Mapped[str] = mapped_column(sa.String(32), index=True)
    # Local "HH:MM"; the same twice means all day. Past midnight when `from` is later than `to`.
    from_time: Mapped[str] = mapped_column(sa.String(5), default="00:00")
    to_time: Mapped[str] = mapped_column(sa.String(5), default="00:00")
    unreachable_at: Mapped[dt.datetime | None]
    premises: Mapped[Premises] = relationship(back_populates="contacts")

    __table_args__ = (
        # One house's contacts have an order, so two cannot share a place in it.
        sa.UniqueConstraint("premises_id", "position", name="uq_contact_position"),
    )


class Group(Row):
    """The like bedspaces of a house, with a letter that a text can name."""

    __tablename__ = "bedspace_group"
    premises_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("premises.id"), index=True)
    letter: Mapped[str] = mapped_column(sa.String(1))
    name: Mapped[str] = mapped_column(sa.String(40))
    premises: Mapped[Premises] = relationship(back_populates="groups")

    __table_args__ = (
        # A letter in a text must name one group of the house.
        sa.UniqueConstraint("premises_id", "letter", name="uq_bedspace_group_letter"),
        sa.UniqueConstraint("id", "premises_id", name="uq_bedspace_group_of_premises"),
    )


class Bedspace(Row):
    """A room that one placement occupies, sleeping a number of people: a family is one unit, not several beds."""

    __tablename__ = "bedspace"
    premises_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("premises.id"), index=True)
    group_id: Mapped[uuid.UUID]
    name: Mapped[str] = mapped_column(sa.String(40))
    cohort: Mapped[str] = mapped_column(sa.String(10))
    sleeps: Mapped[int]
    self_contained: Mapped[bool] = mapped_column(default=False)
    features: Mapped[list[str]] = mapped_column(sa.JSON, default=list)  # codes of matching.FEATURES
    retired_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]

    premises: Mapped[Premises] = relationship(back_populates="bedspaces", overlaps="group")
    group: Mapped[Group] = relationship(overlaps="premises,bedspaces")
    out_of_service: Mapped[list[OutOfService]] = relationship(back_populates="bedspace")

    __table_args__ = (
        one_of("cohort", Cohort),
        sa.CheckConstraint("sleeps BETWEEN 1 AND 12", name="sleeps_is_sane"),
        sa.UniqueConstraint("premises_id", "name", name="uq_bedspace_name"),
        sa.UniqueConstraint("id", "premises_id", name="uq_bedspace_of_premises"),
        # A bedspace and its group belong to the same house.
        sa.ForeignKeyConstraint(
            ["group_id", "premises_id"],
            ["bedspace_group.id", "bedspace_group.premises_id"],
            name="fk_bedspace_group_of_its_premises",
        ),
    )


class OutOfService(Row):
    """A spell in which a bedspace cannot be given. With an `until` it brings itself back: reads compare it with the time."""

    __tablename__ = "out_of_service"
    bedspace_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("bedspace.id"), index=True)
    since_at: Mapped[dt.datetime]
    since_by: Mapped[str] = mapped_column(sa.String(40))
    reason: Mapped[str] = mapped_column(sa.String(20))
    until: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    ended_by: Mapped[str | None] = mapped_column(sa.String(40))
    bedspace: Mapped[Bedspace] = relationship(back_populates="out_of_service")

    __table_args__ = (
        one_of("reason", OUT_REASONS),
        both_or_neither("ended_at", "ended_by"),
        # A bedspace is out of service once or not at all.
        live_only("uq_out_of_service_open", "bedspace_id", where="ended_at IS NULL"),
    )


class BedReport(Row):
    """What a house said of its beds, and which rooms that took out of service or brought back: enough to undo it."""

    __tablename__ = "bed_report"
    premises_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("premises.id"))
    number: Mapped[int]
    reported_at: Mapped[dt.datetime]
    reported_by: Mapped[str] = mapped_column(sa.String(40))
    via: Mapped[str] = mapped_column(sa.String(10))
    before: Mapped[dict[str, Any]] = mapped_column(sa.JSON)  # letter of a group -> beds free before
    after: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    taken_out: Mapped[list[str]] = mapped_column(sa.JSON)  # spells of OutOfService that it began, ids in hex
    brought_back: Mapped[list[str]] = mapped_column(sa.JSON)  # spells that it ended
    # Whose word stood before, to stand again when this is undone.
    earlier_at: Mapped[dt.datetime | None]
    earlier_by: Mapped[str | None] = mapped_column(sa.String(40))
    earlier_via: Mapped[str | None] = mapped_column(sa.String(10))
    undone_at: Mapped[dt.datetime | None]
    undone_by: Mapped[str | None] = mapped_column(sa.String(40))

    __table_args__ = (
        # The reports of a house follow one another: there is one that is the last.
        sa.UniqueConstraint("premises_id", "number", name="uq_bed_report_number"),
        one_of("via", ReportVia),
        both_or_neither("earlier_at", "earlier_by"),
        both_or_neither("undone_at", "undone_by"),
    )
