"""Ask everybody: every house that fits but for its count is asked at once whether it can make room; the first yes settles it.

The rule kept: an ask is open only while its referral searches, and whoever was asked hears once that it is settled.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from flask import current_app

from safety import audit, matching, messages, outbox, placements, premises, workdays
from safety.extensions import db
from safety.lifecycle import AskAnswer, NotAllowed, ReferralState, Role
from safety.models import Ask, Bedspace, Group, Placement, Premises, Referral
from safety.permissions import CLOCK, Actor
from safety.referrals.reading import seen_by
from safety.referrals.seeking import person

SETTLED_WORTH = dt.timedelta(hours=2)
# So many letters a text has room for; what it says instead of more.
MOST_LETTERS, ON_PAGE = 5, "(on your page)"


def ask_everybody(referral: Referral, *, by: str, now: dt.datetime) -> list[Ask]:
    """Ask every house that could make room for them, each by text to its on-call telephone, until ANSWER_WITHIN_MIN from now.

    Not again those that are being asked, nor those that said no to it. by: how it is signed in the record. The caller has
    begun a deciding write and has found no bed that is free. Returns what was asked now, one ask a house.
    """
    lapse(now=now)
    answered = _need_not_be_asked(referral)
    could = matching.could_make_room(person(referral, now), premises.rooms(now))
    asks = [
        _ask(referral, house, rooms, by, now)
        for house, rooms in sorted(could.items())
        if house not in answered
    ]
    if asks:
        audit.record(
            what="ask_everybody", by=by, now=now, referral_id=referral.id, facts={"houses": len(asks)}
        )
    db.session.flush()
    return asks


def ask_by_hand(*, referral_id: uuid.UUID, actor: Actor, now: dt.datetime) -> list[Ask]:
    """A coordinator asks every house that could make room, without waiting for CASCADE houses to have said no.

    Pressed again it asks only whoever can be asked by now. Raises NotYours; NotAllowed for anybody but a coordinator, or when
    no bed is looked for.
    """
    referral = seen_by(referral_id=referral_id, actor=actor)
    if actor.role is not Role.COORDINATOR:
        raise NotAllowed("Ring the duty line: a coordinator asks every house")
    if referral.state != ReferralState.SEARCHING:
        raise NotAllowed("They are not waiting for a bed")
    if referral.paused_at is not None:
        raise NotAllowed("Nobody knows where they are. Start the search again first")
    return ask_everybody(referral, by=actor.by, now=now)


def _need_not_be_asked(referral: Referral) -> set[uuid.UUID]:
    """The houses that are being asked about them already, or said that they have no room for them."""
    asked = sa.select(Ask.premises_id).where(
        Ask.referral_id == referral.id, sa.or_(Ask.answer.is_(None), Ask.answer == AskAnswer.NO)
    )
    return set(db.session.scalars(asked))


def _ask(
    referral: Referral, premises_id: uuid.UUID, rooms: Sequence[matching.Room], by: str, now: dt.datetime
) -> Ask:
    house = db.session.get_one(Premises, premises_id)
    answer_by = now + dt.timedelta(minutes=current_app.config["ANSWER_WITHIN_MIN"])
    ask = Ask(
        referral_id=referral.id,
        premises_id=house.id,
        code=placements.free_code(now=now),
        asked_at=now,
        asked_by=by,
        answer_by=answer_by,
    )
    ask.referral, ask.premises = referral, house
    db.session.add(ask)
    db.session.flush()
    letters = list(by_letter(rooms))
    wording = messages.make_room if len(house.groups) == 1 else messages.make_room_in
    _text(ask, wording, answer_by, now, group=letters[0], words=letter_words(letters))
    return ask


def by_letter(rooms: Iterable[matching.Room]) -> dict[str, list[uuid.UUID]]:
    """These rooms by the letter of their group, in the order of letters."""
    groups = (
        sa.select(Group.letter, Bedspace.id)
        .join(Bedspace, Bedspace.group_id == Group.id)
        .where(Bedspace.id.in_([room.id for room in rooms]))
        .order_by(Group.letter, Bedspace.id)
    )
    found: dict[str, list[uuid.UUID]] = {}
    for letter, bedspace_id in db.session.execute(groups):
        found.setdefault(letter, []).append(bedspace_id)
    return found


def letter_words(letters: Sequence[str]) -> str:
    """Letters of groups as a text has room for them: "W", "F, S or W"."""
    if len(letters) > MOST_LETTERS:
        return ON_PAGE
    return " or ".join(part for part in (", ".join(letters[:-1]), letters[-1]) if part)


def matter(ask: Ask, *, group: str = "", words: str = "") -> messages.Matter:
    """What a wording may say about this ask."""
    return messages.Matter(
        reference=ask.referral.spoken,
        code=ask.code,
        group=group,
        answer_by=workdays.clock_words(ask.answer_by),
        words=words,
        ring=current_app.config["DUTY_NUMBER"],
    )


def _text(
    ask: Ask,
    wording: messages.Wording,
    worthless_at: dt.datetime,
    now: dt.datetime,
    *,
    group: str = "",
    words: str = "",
) -> None:
    """Write to whoever answers for the house now. A house without a telephone has its page, and the coordinator rings it."""
    contact = premises.on_call(ask.premises, now)
    if contact is None:
        return
    outbox.queue(
        wording=wording,
        matter=matter(ask, group=group, words=words),
        to=contact.phone,
        worthless_at=worthless_at,
        now=now,
        referral_id=ask.referral_id,
    )


def settle(referral: Referral, live: Placement | None, *, now: dt.datetime) -> None:
    """They have a place (`live`) or need none: every open ask is over, and its house is told once.

    Not the house that has them: it hears of its own bed.
    """
    still = sa.select(Ask).where(Ask.referral_id == referral.id, Ask.answer.is_(None)).order_by(Ask.code)
    asks = db.session.scalars(still).all()
    for ask in asks:
        ask.answer, ask.settled_at = AskAnswer.SETTLED, now
        if live is None or live.premises_id != ask.premises_id:
            _text(ask, messages.settled, now + SETTLED_WORTH, now)
    if asks:
        facts = {"houses": len(asks)}
        audit.record(what="asks_settled", by=CLOCK.by, now=now, referral_id=referral.id, facts=facts)
    db.session.flush()


def settle_house(house: Premises, *, now: dt.datetime) -> None:
    """Nobody may be sent to this house any more: whatever it is being asked to make room for is over for it."""
    still = sa.select(Ask).where(Ask.premises_id == house.id, Ask.answer.is_(None)).order_by(Ask.code)
    for ask in db.session.scalars(still).all():
        ask.answer, ask.settled_at = AskAnswer.SETTLED, now
        facts = {"houses": 1}
        audit.record(what="asks_settled", by=CLOCK.by, now=now, referral_id=ask.referral_id, facts=facts)
    db.session.flush()


def lapse(*, now: dt.datetime) -> int:
    """End every ask whose time to answer is over; returns how many. A yes that comes later still counts while they search."""
    due = db.session.scalars(sa.select(Ask).where(Ask.answer.is_(None), Ask.answer_by <= now)).all()
    silent: dict[uuid.UUID, int] = {}
    for ask in due:
        ask.answer, ask.settled_at = AskAnswer.LAPSED, now
        silent[ask.referral_id] = silent.get(ask.referral_id, 0) + 1
    for referral_id, houses in silent.items():
        facts = {"houses": houses}
        audit.record(what="asks_lapsed", by=CLOCK.by, now=now, referral_id=referral_id, facts=facts)
    db.session.flush()
    return len(due)
