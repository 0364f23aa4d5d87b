"""Every text of ours, for coordinators: those that did not get through first, and the words of one sent once more."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from safety import audit, duty, fallback, outbox, premises
from safety.extensions import db
from safety.lifecycle import LIVE, LIVE_REFERRAL
from safety.models import (
    Alert,
    AlertKind,
    AuditEvent,
    Contact,
    MessageState,
    Placement,
    Premises,
    Referral,
    Text,
)

PAGE = 20
LOST = (MessageState.UNDELIVERED, MessageState.FAILED, MessageState.EXPIRED)
FILTERS = {"all": None, "lost": LOST, "waiting": (*outbox.WAITING, MessageState.SENDING)}


class NotAgain(Exception):
    """This text is not sent again. The message says why, and can be shown."""


@dataclass(frozen=True)
class Page:
    """One page of texts. number: from 1; more: whether there is a next one; again: of each that was sent again, when;
    spoken: the references they are about; holders: who holds them, by the fingerprint of the telephone they gave.
    """

    texts: Sequence[Text]
    number: int
    more: bool
    again: dict[uuid.UUID, dt.datetime]
    spoken: dict[uuid.UUID, str]
    holders: dict[str, str]


def look(*, which: str, number: int) -> Page:
    """Texts of ours, those that did not get through first, then those that wait, then the newest. which: of FILTERS."""
    states = FILTERS.get(which)
    worst = sa.case((Text.state.in_(LOST), 0), (Text.state.in_(FILTERS["waiting"] or ()), 1), else_=2)
    wanted = sa.select(Text).order_by(worst, Text.queued_at.desc(), Text.id)
    if states is not None:
        wanted = wanted.where(Text.state.in_(states))
    rows = db.session.scalars(wanted.offset((number - 1) * PAGE).limit(PAGE + 1)).all()
    shown = rows[:PAGE]
    again = db.session.execute(
        sa.select(Text.again_of_id, Text.queued_at).where(Text.again_of_id.in_([text.id for text in shown]))
    )
    about = {text.referral_id for text in shown if text.referral_id}
    found = db.session.scalars(
        sa.select(Referral).where(Referral.id.in_(about)).options(joinedload(Referral.holder))
    ).all()
    holders = {row.officer_phone_index: row.holder.name for row in found if row.officer_phone_index}
    when = {row.again_of_id: row.queued_at for row in again}
    return Page(shown, number, len(rows) > PAGE, when, {row.id: row.spoken for row in found}, holders)


def why_not(text: Text, now: dt.datetime) -> str:
    """Why a text is not sent again, as a sentence without its full stop; nothing when it may be."""
    if text.state in (FILTERS["waiting"] or ()):
        return "It is still on its way"
    if text.same_as_id is not None:
        return "It stood for another text: send that one again"
    if text.worthless_at <= now or text.body_sealed is None:
        return "It is worth nothing any more"
    alert = db.session.get(Alert, text.alert_id) if text.alert_id else None
    if alert is not None and (alert.ended_at is not None or alert.claimed_at is not None):
        return "Its alert is over or taken"
    referral = db.session.get(Referral, text.referral_id) if text.referral_id else None
    if referral is not None and referral.state not in LIVE_REFERRAL:
        return "The request is closed"
    if _changed_hands(text):
        return "Somebody else holds the request since"
    placement = db.session.get(Placement, text.placement_id) if text.placement_id else None
    if placement is not None and (
        placement.state not in LIVE or fallback.happened(placement, since=text.queued_at)
    ):
        return "Something has happened since"
    return ""


def _changed_hands(text: Text) -> bool:
    """Whether it went to no house, and its request was taken or handed over since: whoever held it learns nothing more."""
    since = sa.select(AuditEvent.id).where(
        AuditEvent.referral_id == text.referral_id,
        AuditEvent.what.in_(("take_over", "hand_over")),
        AuditEvent.at > text.queued_at,
    )
    if text.referral_id is None or db.session.scalar(since.limit(1)) is None:
        return False
    houses = sa.select(Contact.id).where(Contact.phone_index == text.to_index)
    return db.session.scalar(houses.limit(1)) is None


def send_again(*, text_id: uuid.UUID, by: str, now: dt.datetime) -> Text:
    """Queue the words of a text once more, to whoever answers for its house now, else to the same telephone. Once.

    Raises LookupError for a text that is not there, NotAgain otherwise. The caller has begun a deciding write.
    """
    text = db.session.get(Text, text_id, populate_existing=True)
    if text is None:
        raise LookupError("no such text")
    if db.session.scalar(sa.select(Text.id).where(Text.again_of_id == text.id)) is not None:
        raise NotAgain("It was sent again already")
    refused = why_not(text, now)
    if refused:
        raise NotAgain(refused)
    to = _to(text, now)
    if to is None:
        raise NotAgain("No telephone of that house takes our texts. Ring it")
    more = outbox.again_of(text=text, to=to, now=now)
    # It is on its way again; if that is lost too, a person hears of it anew.
    duty.end(kind=AlertKind.TEXT_FAILED, subject=f"text:{text.id.hex}", now=now)
    audit.record(
        what="text_again",
        by=by,
        now=now,
        referral_id=text.referral_id,
        placement_id=text.placement_id,
        facts={"text": text.id},
    )
    db.session.flush()
    return more


def _to(text: Text, now: dt.datetime) -> str | None:
    placement = db.session.get(Placement, text.placement_id) if text.placement_id else None
    if placement is None:
        return text.to
    of_house = sa.select(Contact.id).where(
        Contact.premises_id == placement.premises_id, Contact.phone_index == text.to_index
    )
    if db.session.scalar(of_house.limit(1)) is None:
        return text.to
    contact = premises.on_call(db.session.get_one(Premises, placement.premises_id), now)
    return contact.phone if contact else None
