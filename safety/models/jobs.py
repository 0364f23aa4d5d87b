"""What the processes know of one another: heartbeats, leases, and the counts of the rate limiter."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from safety.extensions import Model


class Heartbeat(Model):
    """When a job last did its whole round."""

    __tablename__ = "heartbeat"
    job: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    beat_at: Mapped[dt.datetime]


class Lease(Model):
    """Who does a job that only one process should do at a time. The term grows when it changes hands."""

    __tablename__ = "lease"
    job: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    owner: Mapped[str] = mapped_column(sa.String(80))
    until: Mapped[dt.datetime]
    term: Mapped[int]


class RateLimit(Model):
    """One counter of the limiter. In the database, so that every web process counts the same."""

    __tablename__ = "rate_limit"
    key: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    hits: Mapped[int]
    expires_at: Mapped[dt.datetime]
