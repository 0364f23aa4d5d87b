"""Asks: every house that could make room for somebody is asked at once, each with a code of its own. Nothing in it is personal."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from safety.extensions import Row, both_or_neither, live_only, one_of
from safety.lifecycle import AskAnswer
from safety.models.premises import Premises
from safety.models.referrals import Referral

_OPEN = "answer IS NULL"


class Ask(Row):
    """One house asked whether it has room after all for one referral: open until it is answered, settled or lapsed."""

    __tablename__ = "ask"
    referral_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    premises_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("premises.id"), index=True)
    code: Mapped[str] = mapped_column(sa.String(4))
    asked_at: Mapped[dt.datetime]
    asked_by: Mapped[str] = mapped_column(sa.String(40))
    answer_by: Mapped[dt.datetime]
    answer: Mapped[str | None] = mapped_column(sa.String(8))
    answered_at: Mapped[dt.datetime | None]  # by the house
    answered_by: Mapped[str | None] = mapped_column(sa.String(40))
    settled_at: Mapped[dt.datetime | None]  # when it was over without a word of the house

    referral: Mapped[Referral] = relationship()
    premises: Mapped[Premises] = relationship()

    __table_args__ = (
        # A house is asked about somebody once at a time.
        live_only("uq_ask_open_premises", "referral_id", "premises_id", where=_OPEN),
        # A code in a text names one open ask. That no live placement has it too is kept by the one writer that gives out codes.
        live_only("uq_ask_open_code", "code", where=_OPEN),
        one_of("answer", AskAnswer),
        both_or_neither("answered_at", "answered_by"),
        sa.CheckConstraint(
            "(COALESCE(answer, '') IN ('yes', 'no')) = (answered_at IS NOT NULL)", name="answered_has_a_time"
        ),
        sa.CheckConstraint(
            "(COALESCE(answer, '') IN ('settled', 'lapsed')) = (settled_at IS NOT NULL)",
            name="settled_has_a_time",
        ),
        # Nobody's time to answer is cut short.
        sa.CheckConstraint("answer <> 'lapsed' OR settled_at >= answer_by", name="never_lapses_early"),
        sa.CheckConstraint("answer_by > asked_at", name="time_to_answer"),
        live_only("ix_ask_answer_by", "answer_by", where=_OPEN, unique=False),
    )
