"""What is tried when a critical text about a request does not get through: the house's next telephone, a call, a person.

The rule kept: five minutes after it was handed over, either somebody has heard it or a coordinator knows. Every telephone is
tried once for a text, one call is made, and each is a row of the outbox that says which text it stands for (`same_as_id`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from flask import current_app

from safety import duty, messages, outbox, premises, sms, switching
from safety.extensions import db
from safety.lifecycle import Event, ReferralState
from safety.models import AlertKind, AuditEvent, Channel, MessageState, Placement, Premises, Referral, Text

# From when a text is given up on: how long the house's further telephones are texted, how long each has before the next one
# is tried, and when a coordinator hears of it whatever is still in hand. The call has what lies between: it rings 25 s at
# most, and is over half a minute after somebody picked it up. With TEXT_SILENT_S before, it is less than five minutes.
TEXTS_FOR = dt.timedelta(seconds=75)
TELEPHONE_HAS = dt.timedelta(seconds=45)
PERSON_AFTER = dt.timedelta(seconds=195)
# A call beside a text, as when a house withdraws: later than this the text has been read, or somebody has rung.
CALL_WORTH = dt.timedelta(minutes=10)
# The subject of the alert that nothing goes out at all. What else may be wrong with a supplier has others.
SUPPLIER = "supplier"
# What happens to a placement and is news to nobody outside the house.
_OF_THE_HOUSE = frozenset({Event.MOVE})
_NEWS = tuple(str(event) for event in Event if event not in _OF_THE_HOUSE)
# What the supplier says of a number that does not exist.
_NO_SUCH_NUMBER = "21211"


def follow(*, text: Text, now: dt.datetime) -> None:
    """A critical text or call moved: what follows from that. The caller has begun a write; a deciding one if it is lost."""
    if text.state not in outbox.LOST and text.state != MessageState.DELIVERED:
        return
    # Locked, so that whoever hears of it and whoever gives it up take turns.
    first = db.session.scalars(
        sa.select(Text)
        .where(Text.id == (text.same_as_id or text.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if first.is_followed:
        _climb(first, now)


def due(*, now: dt.datetime) -> bool:
    """Whether climb() would find anything; reads only."""
    return db.session.scalar(sa.select(Text.id).where(Text.look_at <= now).limit(1)) is not None


def climb(*, now: dt.datetime) -> int:
    """Take the next step for every text whose time has come; returns how many were looked at.

    The caller has begun a deciding write, so that two processes never take the same step.
    """
    texts = db.session.scalars(
        sa.select(Text)
        .where(Text.look_at <= now)
        .order_by(Text.look_at, Text.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for text in texts:
        _climb(text, now)
    return len(texts)


def ring(
    *, text: Text, wording: messages.Wording, matter: messages.Matter, to: str, now: dt.datetime
) -> Text | None:
    """Queue the one call for a text, in the caller's transaction. None: this scheme makes no calls."""
    if not current_app.config["POS_CALLS"]:
        return None
    db.session.flush()
    call = outbox.queue(
        wording=wording,
        matter=matter,
        to=to,
        worthless_at=min(text.worthless_at, now + CALL_WORTH),
        now=now,
        critical=True,
        referral_id=text.referral_id,
        placement_id=text.placement_id,
        premises_id=text.premises_id,
        by_voice_of=text,
    )
    db.session.flush()
    return call


def is_heard(text: Text) -> bool:
    """Whether what a text says was delivered to any telephone, or told to anybody who picked one up."""
    return any(one.state == MessageState.DELIVERED for one in _family(text))


def matters(text: Text) -> bool:
    """Whether what a text said still has to be heard: nothing has happened since to what it is about."""
    if text.placement_id is not None:
        return not happened(db.session.get_one(Placement, text.placement_id), since=text.queued_at)
    if text.referral_id is None:
        return True  # about nobody: nothing that happens to anybody settles it
    referral = db.session.get_one(Referral, text.referral_id)
    held_since = sa.select(Placement.id).where(
        Placement.referral_id == referral.id, Placement.held_at > text.queued_at
    )
    return referral.state != ReferralState.CLOSED and db.session.scalar(held_since.limit(1)) is None


def happened(placement: Placement, *, since: dt.datetime) -> bool:
    """Whether anything happened to a placement since then that makes an older text about it stale. Another room does not."""
    if placement.last_at <= since or placement.last_event not in _OF_THE_HOUSE:
        return placement.last_at > since
    later = sa.select(AuditEvent.id).where(
        AuditEvent.placement_id == placement.id, AuditEvent.at > since, AuditEvent.what.in_(_NEWS)
    )
    return db.session.scalar(later.limit(1)) is not None


def any_needless(*, now: dt.datetime) -> bool:
    """Whether call_off() would find anything; reads only."""
    return bool(_needless(now))


def call_off(*, now: dt.datetime) -> None:
    """Calls that nobody was rung by yet, and that would tell nothing new, are worth nothing from now on."""
    for call in _needless(now):
        call.worthless_at = now
    db.session.flush()


def _needless(now: dt.datetime) -> list[Text]:
    waiting = sa.select(Text).where(
        outbox.unhanded(now),
        Text.channel == Channel.CALL,
        Text.same_as_id.is_not(None),
        Text.worthless_at > now,
    )
    found = []
    for call in db.session.scalars(waiting):
        text = db.session.get_one(Text, call.same_as_id)
        # A call at the same moment as its text is for whoever reads none.
        instead = call.queued_at > text.queued_at
        if not matters(text) or (instead and is_heard(text)):
            found.append(call)
    return found


def _family(text: Text) -> Sequence[Text]:
    """The text and whatever was sent or said in its place, in that order."""
    return [
        text,
        *db.session.scalars(
            sa.select(Text).where(Text.same_as_id == text.id).order_by(Text.queued_at, Text.id)
        ),
    ]


def _climb(text: Text, now: dt.datetime) -> None:
    """The next step for one text, if there is one; `look_at` says when to come again."""
    tried = _family(text)
    if any(one.state == MessageState.DELIVERED for one in tried):
        text.look_at = None
        duty.end(kind=AlertKind.TEXT_FAILED, subject=_subject(text), now=now)
        db.session.flush()
        return
    if text.lost_at is None:
        silent_at = None if text.state in outbox.LOST else _silent_at(text, now)
        if silent_at is not None and silent_at > now:
            text.look_at = silent_at
            db.session.flush()
            return
        text.lost_at = now
    if not matters(text):
        text.look_at = None
    elif text.worthless_at <= now or text.lost_at + PERSON_AFTER <= now:
        _tell_a_person(text, now)
    else:
        _try_next(text, tried, text.lost_at, now)
    db.session.flush()


def _silent_at(text: Text, now: dt.datetime) -> dt.datetime:
    """When a text that is not lost counts as lost: handed over, or tried in vain, and nothing heard of it for so long.

    One that could not be handed over yet because nothing can (nobody is at work, or the supplier fails, which has its own
    alert) is not this telephone's failure.
    """
    patience = dt.timedelta(seconds=current_app.config["TEXT_SILENT_S"])
    if text.state == MessageState.SENT:
        # It may have had it for long when a call that was not answered is asked about.
        return (text.first_sent_at or text.sent_at or now) + patience
    alarm = duty.standing(kind=AlertKind.SUPPLIER, subject=SUPPLIER) is not None
    nothing_goes = alarm and switching.chosen(now=now).name == sms.supplier().name
    return now + patience if not text.attempts or nothing_goes else text.queued_at + patience


def _try_next(text: Text, tried: Sequence[Text], lost_at: dt.datetime, now: dt.datetime) -> None:
    latest = tried[-1]
    if latest is not text and latest.state not in outbox.LOST:
        until = lost_at + PERSON_AFTER if latest.channel == Channel.CALL else latest.queued_at + TELEPHONE_HAS
        if until > now:
            text.look_at = until
            return
    if any(one.channel == Channel.CALL for one in tried):
        _tell_a_person(text, now)
        return
    number = _next_telephone(text, tried, now) if now < lost_at + TEXTS_FOR else None
    if number is not None:
        outbox.repeat(text=text, to=number, now=now)
        text.look_at = now + TELEPHONE_HAS
        return
    referral = db.session.get_one(Referral, text.referral_id)
    number = _to_ring(text, tried, referral)
    matter = messages.Matter(reference=referral.spoken, ring=current_app.config["DUTY_NUMBER"])
    if number is None or ring(text=text, wording=_spoken(text), matter=matter, to=number, now=now) is None:
        _tell_a_person(text, now)
    else:
        text.look_at = lost_at + PERSON_AFTER


def _next_telephone(text: Text, tried: Sequence[Text], now: dt.datetime) -> str | None:
    """The house's next telephone that was not tried with this text: hours matter for the order, and keep nobody from it."""
    if text.premises_id is None or text.body is None:
        return None
    had = {one.to_index for one in tried}
    contacts = premises.to_try(db.session.get_one(Premises, text.premises_id), now)
    return next((contact.phone for contact in contacts if contact.phone_index not in had), None)


def _to_ring(text: Text, tried: Sequence[Text], referral: Referral) -> str | None:
    """The telephone to ring. Of a house the one that should have answered now, which may take calls and no texts, unless
    there is no such number; of an officer, that of whoever holds the request now.
    """
    if text.premises_id is None:
        return referral.officer_phone or text.to
    return tried[-1].to if text.error == _NO_SUCH_NUMBER else text.to


def _spoken(text: Text) -> messages.Wording:
    if text.premises_id is not None:
        return messages.call_house
    return messages.call_do_not_go if text.wording == messages.withdrawn.__name__ else messages.call_officer


def _tell_a_person(text: Text, now: dt.datetime) -> None:
    text.look_at = None
    referral = db.session.get_one(Referral, text.referral_id)
    duty.raise_alert(kind=AlertKind.TEXT_FAILED, subject=_subject(text), referral=referral, now=now)


def _subject(text: Text) -> str:
    return f"text:{text.id.hex}"
