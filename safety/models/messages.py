"""Texts out and in, and what the supplier said about them. Numbers and words are sealed."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from safety.crypto import Sealed
from safety.extensions import Model, Row, both_or_neither, live_only, one_of


class MessageState(StrEnum):
    """Where a text of ours stands. UNKNOWN: the supplier may or may not have it; ask before sending again."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Channel(StrEnum):
    """How words reach a telephone: written, or said to whoever picks it up."""

    TEXT = "text"
    CALL = "call"


class Text(Row):
    """One text of ours, or one call that says the same: queued in the transaction of the thing it tells, sent by the jobs
    process. Of a call, DELIVERED means that a person picked it up and heard it.
    """

    __tablename__ = "text"
    wording: Mapped[str] = mapped_column(sa.String(40))  # the name of the wording in messages.py
    to_sealed: Mapped[str | None]
    to = Sealed[str | None]()  # E.164
    to_index: Mapped[str] = mapped_column(sa.String(32), index=True)
    body_sealed: Mapped[str | None]
    body = Sealed[str | None]()
    # The database has the default too: during an update the release before this one still queues texts.
    channel: Mapped[str] = mapped_column(sa.String(4), default=Channel.TEXT, server_default=Channel.TEXT)
    critical: Mapped[bool] = mapped_column(default=False)
    # The text that this one repeats to another telephone, or by voice.
    same_as_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("text.id"), index=True)
    # The house it is for. None: it is for an officer, a lead or whoever is on call.
    premises_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("premises.id"))
    referral_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    placement_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("placement.id"), index=True)
    alert_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("alert.id"), index=True)
    queued_at: Mapped[dt.datetime]
    next_try_at: Mapped[dt.datetime]
    worthless_at: Mapped[dt.datetime]
    state: Mapped[str] = mapped_column(sa.String(12))
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[str | None] = mapped_column(sa.String(80))
    claimed_until: Mapped[dt.datetime | None]
    # Grows with every claim: a process that was stopped and comes back holds an old number and cannot write.
    fence: Mapped[int] = mapped_column(default=0)
    first_sent_at: Mapped[dt.datetime | None]  # when a supplier was first called: from here on it may have it
    sent_at: Mapped[dt.datetime | None]
    settled_at: Mapped[dt.datetime | None]
    lost_at: Mapped[dt.datetime | None]  # when it was given up on, and the next telephone tried (fallback.py)
    # When to see whether it got through. None: nothing is left to see.
    look_at: Mapped[dt.datetime | None] = mapped_column(index=True)
    supplier: Mapped[str | None] = mapped_column(sa.String(12))  # who was first called for it, and has it
    sid: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    error: Mapped[str | None] = mapped_column(sa.String(40))
    # The text of which this one has the words, sent again by a person. Each is sent again once.
    again_of_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("text.id"), unique=True)
    blanked_at: Mapped[dt.datetime | None]  # when the supplier forgot its words

    __table_args__ = (
        one_of("state", MessageState),
        one_of("channel", Channel),
        both_or_neither("claimed_by", "claimed_until"),
        sa.CheckConstraint("state <> 'sending' OR claimed_by IS NOT NULL", name="sending_is_claimed"),
        sa.Index("ix_text_state_next_try_at", "state", "next_try_at"),
        # How many went out in the last second, the last day, the last month.
        sa.Index("ix_text_sent_at", "sent_at"),
        sa.Index("ix_text_queued_at", "queued_at"),
        # Each telephone is tried once for a text.
        sa.UniqueConstraint("same_as_id", "channel", "to_index", name="uq_text_telephone_once"),
        # A text is followed by one call, never by two at once.
        live_only("uq_text_one_call", "same_as_id", where="channel = 'call'"),
    )

    @property
    def is_followed(self) -> bool:
        """Whether other telephones are tried when it does not get through. An alert is not: it has a ladder of its own."""
        return (
            self.critical
            and self.same_as_id is None
            and self.referral_id is not None
            and self.alert_id is None
        )


class Receipt(Row):
    """What the supplier said became of a text. Kept as it came, each once; late and unknown ones too."""

    __tablename__ = "receipt"
    sid: Mapped[str] = mapped_column(sa.String(64), index=True)
    status: Mapped[str] = mapped_column(sa.String(20))
    error: Mapped[str | None] = mapped_column(sa.String(40))
    received_at: Mapped[dt.datetime]

    __table_args__ = (
        # The supplier repeats itself; each status of a text counts once.
        sa.UniqueConstraint("sid", "status", name="uq_receipt_sid_status"),
    )


class Inbound(Row):
    """A text somebody sent us: what it said and what it was taken to mean, both kept until RETENTION."""

    __tablename__ = "inbound"
    # A text delivered twice acts once.
    sid: Mapped[str] = mapped_column(sa.String(64), unique=True)
    sender_sealed: Mapped[str | None]
    sender = Sealed[str | None]()
    sender_index: Mapped[str] = mapped_column(sa.String(32), index=True)
    body_sealed: Mapped[str | None]
    body = Sealed[str | None]()
    sent_at: Mapped[dt.datetime]  # by the supplier's own time; received_at when it told none
    received_at: Mapped[dt.datetime] = mapped_column(index=True)
    meaning: Mapped[str] = mapped_column(sa.String(20))
    outcome: Mapped[str] = mapped_column(sa.String(40))
    placement_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("placement.id"))
    # What a coordinator said it meant, and what came of that; `meaning` and `outcome` stay as they were.
    meant: Mapped[str | None] = mapped_column(sa.String(20))
    meant_outcome: Mapped[str | None] = mapped_column(sa.String(40))
    meant_at: Mapped[dt.datetime | None]
    meant_by: Mapped[str | None] = mapped_column(sa.String(40))

    __table_args__ = (both_or_neither("meant_at", "meant_by"), both_or_neither("meant", "meant_at"))


class SupplierError(Row):
    """A call to a supplier that failed for a reason that is not the text's. Kept for a day: which supplier to use follows."""

    __tablename__ = "supplier_error"
    supplier: Mapped[str] = mapped_column(sa.String(12))
    code: Mapped[str] = mapped_column(sa.String(40))
    at: Mapped[dt.datetime]

    __table_args__ = (sa.Index("ix_supplier_error_supplier_at", "supplier", "at"),)


class Differs(StrEnum):
    """How the supplier's record of a text and ours can differ."""

    UNKNOWN_HERE = "unknown_here"  # the supplier sent it from our number, and no text of ours has its id
    UNKNOWN_THERE = "unknown_there"  # we were given its id, and the supplier has none of that id
    STATUS = "status"  # both say that it is over, and not how


class TextDifference(Model):
    """Where the supplier's record and ours differed at the last comparison. Ids, codes and times; no number and no words."""

    __tablename__ = "text_difference"
    sid: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    ours: Mapped[str | None] = mapped_column(sa.String(12))  # our state; None: we have no such text
    theirs: Mapped[str | None] = mapped_column(
        sa.String(20)
    )  # the supplier's word; None: it has no such text
    taken_at: Mapped[dt.datetime | None]  # when the supplier took it, by its record or else by ours
    found_at: Mapped[dt.datetime]

    __table_args__ = (one_of("kind", Differs),)


class SimulatedText(Row):
    """The simulator's own record of the texts it was given: what a telephone of /phones shows. Never used in production."""

    __tablename__ = "simulated_text"
    at: Mapped[dt.datetime] = mapped_column(index=True)
    number_sealed: Mapped[str]
    number = Sealed[str]()
    number_index: Mapped[str] = mapped_column(sa.String(32), index=True)
    from_us: Mapped[bool]
    call: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # said and not written
    body_sealed: Mapped[str]
    body = Sealed[str]()
    sid: Mapped[str] = mapped_column(sa.String(64), unique=True)


class SimulatedEmail(Row):
    """An e-mail of the demonstration, which leaves no machine: what /phones shows. Never used in production."""

    __tablename__ = "simulated_email"
    at: Mapped[dt.datetime] = mapped_column(index=True)
    to_sealed: Mapped[str]
    to = Sealed[str]()
    subject: Mapped[str] = mapped_column(sa.String(200))
    words_sealed: Mapped[str]
    words = Sealed[str]()
