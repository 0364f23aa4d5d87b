"""What a text meant that could not be understood: a coordinator says, and it is done as if its sender had written it so.

The rule kept: only what is possible for that sender now is offered, the same code does it, and what was really written and what
it was taken for stay as they were.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from flask import current_app

from safety import audit, lifecycle, outbox, referrals
from safety.extensions import db
from safety.inbox.sender import Answer, Sender, whose
from safety.lifecycle import Event, Role, State
from safety.models import Inbound, Placement, Referral
from safety.placements import CODE_KEPT
from safety.replies import Kind, Reply

# What nothing was done about, and somebody may have meant something by.
UNCLEAR = ("not_understood", "code_needed", "came_too_late", "code_not_known")
NOTHING = "nothing"
_WORTH = dt.timedelta(minutes=10)
_OF_HOUSE = (
    (Event.CONFIRM, Kind.YES, "Yes to {}"),
    (Event.DECLINE, Kind.NO, "No to {}"),
    (Event.ARRIVE, Kind.ARRIVED, "{} has arrived"),
    (Event.NOT_ARRIVED, Kind.NOT_ARRIVED, "{} did not arrive"),
)
_OF_OFFICER = (*_OF_HOUSE[2:], (Event.LATE, Kind.LATE, "{} comes 30 minutes later"))


class NotPossible(Exception):
    """That cannot be what is done about this text now. The message can be shown."""


@dataclass(frozen=True)
class Meaning:
    """One thing a text may have meant: what a press sends, what stands on the button, and the text it stands for."""

    slug: str
    words: str
    reply: Reply


def unclear(*, now: dt.datetime) -> Sequence[Inbound]:
    """Texts of the last day that nothing was done about and nobody has explained yet, the newest first."""
    return db.session.scalars(
        sa.select(Inbound)
        .where(
            Inbound.outcome.in_(UNCLEAR),
            Inbound.meant.is_(None),
            Inbound.received_at > now - CODE_KEPT,
            Inbound.body_sealed.is_not(None),
        )
        .order_by(Inbound.received_at.desc(), Inbound.id)
    ).all()


def possible(text: Inbound) -> list[Meaning]:
    """What this text's sender can do just now; that it needs nothing is always possible and not among them."""
    sender = whose(text.sender or "")
    found: list[Meaning] = []
    of_house = sa.select(Placement).where(
        Placement.premises_id.in_(sender.houses), Placement.state.in_((State.HELD, State.CONFIRMED))
    )
    for placement in db.session.scalars(of_house.order_by(Placement.held_at)):
        found += _about(placement, Role.PROVIDER, _OF_HOUSE)
    for ask in referrals.open_asks(premises_ids=sender.houses):
        for kind, words in ((Kind.YES, "Yes, room for {}"), (Kind.NO, "No room for {}")):
            reply = Reply(kind, code=ask.code)
            found.append(Meaning(f"{kind}-{ask.code}", words.format(ask.referral.spoken), reply))
    theirs = (
        sa.select(Placement)
        .join(Referral, Referral.id == Placement.referral_id)
        .where(Referral.officer_phone_index == sender.index, Placement.state == State.CONFIRMED)
    )
    for placement in db.session.scalars(theirs.order_by(Placement.held_at)):
        found += _about(placement, Role.OFFICER, _OF_OFFICER)
    if sender.houses:
        found.append(Meaning("same", "Their beds are as before", Reply(Kind.SAME)))
    return list({one.slug: one for one in found}.values())


def _about(placement: Placement, role: Role, offers: Sequence[tuple[Event, Kind, str]]) -> list[Meaning]:
    may = lifecycle.possible(State(placement.state), role, set_off=placement.on_road)
    spoken = placement.referral.spoken
    return [
        Meaning(f"{kind}-{placement.code}", words.format(spoken), Reply(kind, code=placement.code))
        for event, kind, words in offers
        if event in may
    ]


def mean(
    *,
    inbound_id: uuid.UUID,
    slug: str,
    by: str,
    act: Callable[[Reply, Sender, dt.datetime, dt.datetime], Answer],
    now: dt.datetime,
) -> Inbound:
    """Do what a coordinator says the text meant, once, and answer its sender. act: what acts on a text that comes in.

    slug: of one of possible(), or NOTHING. Raises LookupError for a text that is not there, NotPossible when it was explained
    already, when that is no longer possible, or when nothing came of it; then nothing may be committed.
    """
    text = db.session.get(Inbound, inbound_id, populate_existing=True)
    if text is None or text.body is None:
        raise LookupError("no such text")
    if text.meant is not None:
        raise NotPossible("Somebody has said already what that text meant")
    answer, kind = Answer("dismissed"), NOTHING
    if slug != NOTHING:
        chosen = next((one for one in possible(text) if one.slug == slug), None)
        if chosen is None:
            raise NotPossible("That has changed meanwhile, and is not possible any more")
        answer, kind = act(chosen.reply, whose(text.sender or ""), now, now), str(chosen.reply.kind)
        if not _done(answer.outcome):
            raise NotPossible("It could not be done as things stand now. Look at the request")
    text.meant, text.meant_outcome, text.meant_at, text.meant_by = kind, answer.outcome[:40], now, by
    placement = answer.placement
    text.placement_id = text.placement_id or (placement.id if placement else None)
    about = {
        "referral_id": placement.referral_id if placement else None,
        "placement_id": placement.id if placement else None,
    }
    audit.record(what="text_meant", by=by, now=now, facts={"text": text.id, "reason": kind}, **about)
    if answer.wording is not None:
        outbox.queue(
            wording=answer.wording,
            matter=replace(answer.matter, ring=current_app.config["DUTY_NUMBER"]),
            to=text.sender or "",
            worthless_at=now + _WORTH,
            now=now,
            referral_id=about["referral_id"],
            placement_id=about["placement_id"],
        )
    db.session.flush()
    return text


def _done(outcome: str) -> bool:
    """Whether the text's own code did something: it answers what it could not do with a code of its own."""
    return outcome == "same" or outcome.partition(":")[2] in ("done", "same", "again", "settled")
