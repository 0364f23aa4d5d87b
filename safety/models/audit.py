"""The audit trail: what happened, by whom, when; ids and codes only. Written by safety.audit only."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from safety.extensions import Model


class AuditEvent(Model):
    """One thing that happened. Rows are added in the transaction of the thing itself and never changed."""

    __tablename__ = "audit_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime]
    by: Mapped[str] = mapped_column(sa.String(40))
    what: Mapped[str] = mapped_column(sa.String(40))
    referral_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    placement_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    premises_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class Seal(Model):
    """A link of the chain over the audit trail: made by the jobs process, so that no request waits for it."""

    __tablename__ = "audit_seal"
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Each event is sealed once.
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("audit_event.id"), unique=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    sealed_at: Mapped[dt.datetime]
