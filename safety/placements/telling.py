"""Texts about a placement: what may stand in one, to which telephone it goes, and until when it is worth anything."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from flask import current_app

from safety import duty, fallback, messages, outbox, premises, workdays
from safety.extensions import db
from safety.lifecycle import Recipient, Role, Tell, Worth
from safety.models import AlertKind, Bedspace, Placement, Premises, User


def tell(
    *,
    placement: Placement,
    to: Recipient,
    wording: messages.Wording,
    worth: Worth,
    critical: bool = False,
    now: dt.datetime,
) -> None:
    """Queue one text about a placement that is not the consequence of an event: a reminder, a warning, a question."""
    tell_of(placement, Tell(to, wording, worth, critical=critical), now)


def matter(placement: Placement, now: dt.datetime) -> messages.Matter:
    """What a wording may say about this placement."""
    referral = placement.referral
    bedspace = db.session.get_one(Bedspace, placement.bedspace_id)
    force = referral.force
    return messages.Matter(
        reference=referral.spoken,
        code=placement.code,
        group=bedspace.group.letter,
        answer_by=workdays.clock_words(placement.answer_by),
        arrive_by=workdays.clock_words(placement.arrive_by),
        eta=workdays.clock_words(placement.eta_at),
        stay_until=workdays.day_words(placement.stay_until, now) if placement.stay_until else "",
        officer=f"Officer {referral.holder.collar_number}" if referral.holder.collar_number else "An officer",
        switchboard=(force.switchboard or "") if force else current_app.config["DUTY_NUMBER"],
        ring=current_app.config["DUTY_NUMBER"],
    )


def tell_of(placement: Placement, tell: Tell, now: dt.datetime) -> None:
    """Queue the text a row of the table says, and the call beside it; of a critical one with nobody to text a coordinator hears."""
    to = _number(placement, tell.to, now)
    if to is None:
        if tell.critical:
            # Nobody to text: somebody must ring.
            subject = f"placement:{placement.id.hex}"
            duty.raise_alert(
                kind=AlertKind.TEXT_FAILED, subject=subject, referral=placement.referral, now=now
            )
        return
    worthless = {
        Worth.ANSWER_BY: placement.answer_by,
        Worth.ARRIVE_BY: max(placement.arrive_by, now + dt.timedelta(minutes=30)),
        Worth.HOURS_2: now + dt.timedelta(hours=2),
        Worth.HOURS_12: now + dt.timedelta(hours=12),
    }[tell.worth]
    said = matter(placement, now)
    text = outbox.queue(
        wording=tell.wording,
        matter=said,
        to=to,
        worthless_at=worthless,
        now=now,
        critical=tell.critical,
        referral_id=placement.referral_id,
        placement_id=placement.id,
        premises_id=placement.premises_id if tell.to is Recipient.HOUSE else None,
    )
    if tell.by_voice is not None:
        fallback.ring(text=text, wording=tell.by_voice, matter=said, to=to, now=now)


def _number(placement: Placement, to: Recipient, now: dt.datetime) -> str | None:
    if to is Recipient.OFFICER:
        return placement.referral.officer_phone
    if to is Recipient.HOUSE:
        contact = premises.on_call(db.session.get_one(Premises, placement.premises_id), now)
        return contact.phone if contact else None
    lead = db.session.scalars(
        sa.select(User)
        .where(
            User.role == Role.LEAD, User.force_id == placement.referral.force_id, User.disabled_at.is_(None)
        )
        .order_by(User.created_at)
        .limit(1)
    ).first()
    return lead.phone if lead else None
