"""Whose telephone a text came from, and what is said back to it."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field

import sqlalchemy as sa
from flask import current_app

from safety import messages
from safety.crypto import SealBroken, ring
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL, Role
from safety.models import Contact, Inbound, Placement, Referral, Text, User
from safety.permissions import Actor

ONE_APOLOGY_IN = dt.timedelta(minutes=10)
# So often the same words are said to one telephone within that time, whatever it writes.
SAME_WORDS_MOST = 2


@dataclass(frozen=True)
class Sender:
    """Whose telephone a number is: a coordinator's, houses', officers', or nobody's we know.

    index: the number's keyed fingerprint, which stands for it in records. coordinator: the one account it is of, None for the
    scheme's own mobile and for one that coordinators share.
    """

    index: str
    houses: frozenset[uuid.UUID] = frozenset()
    on_call: bool = False
    officer: bool = False
    coordinator: uuid.UUID | None = None

    @property
    def known(self) -> bool:
        """Whether it is anybody's."""
        return bool(self.houses) or self.on_call or self.officer

    @property
    def by(self) -> str:
        """How the telephone signs in the record."""
        return f"phone:{self.index}"

    @property
    def takes_as(self) -> str:
        """How whoever takes an alert by this telephone signs: as themselves, if it is one person's."""
        return f"user:{self.coordinator.hex}" if self.coordinator else self.by

    def as_house(self) -> Actor:
        """Whoever answers this telephone, acting for its houses."""
        return Actor(Role.PROVIDER, self.by, premises_ids=self.houses)


@dataclass(frozen=True)
class Answer:
    """What was done, as a code for the record, and what to say back (wording None: nothing)."""

    outcome: str
    wording: messages.Wording | None = None
    matter: messages.Matter = field(default_factory=messages.Matter)
    placement: Placement | None = None


def whose(number: str) -> Sender:
    """Whose telephone a number is, now."""
    index = ring().index("phone", number)
    houses = db.session.scalars(sa.select(Contact.premises_id).where(Contact.phone_index == index))
    theirs = sa.select(User.id).where(
        User.phone_index == index, User.role == Role.COORDINATOR, User.disabled_at.is_(None)
    )
    coordinators = db.session.scalars(theirs).all()
    return Sender(
        index=index,
        houses=frozenset(houses),
        on_call=bool(coordinators) or number == current_app.config["ON_CALL_MOBILE"],
        officer=_is_officers(index),
        coordinator=coordinators[0] if len(coordinators) == 1 else None,
    )


def _is_officers(index: str) -> bool:
    person = sa.select(User.id).where(User.phone_index == index, User.disabled_at.is_(None))
    holds = sa.select(Referral.id).where(
        Referral.officer_phone_index == index, Referral.state.in_(LIVE_REFERRAL)
    )
    # Somebody we have written to about a referral held it then; they may be told that they no longer do.
    held = sa.select(Text.id).where(Text.to_index == index, Text.referral_id.is_not(None))
    return any(db.session.scalar(one.limit(1)) is not None for one in (person, holds, held))


def sorry(sender: Sender, now: dt.datetime, wording: messages.Wording = messages.not_understood) -> Answer:
    """Nothing was done and why, said once in ten minutes, so that two machines cannot keep each other talking."""
    lately = sa.select(Text.id).where(
        Text.to_index == sender.index,
        Text.wording == wording.__name__,
        Text.queued_at > now - ONE_APOLOGY_IN,
    )
    said = db.session.scalar(lately.limit(1)) is not None
    return Answer(wording.__name__, None if said else wording)


def said_enough(*, sender: Sender, wording: messages.Wording, body: str, now: dt.datetime) -> bool:
    """Whether these very words were the answer to this telephone twice within ten minutes: once more tells nobody anything.

    A machine that answers each text of ours with words we understand would otherwise keep us talking for ever.
    """
    lately = sa.select(Text).where(
        Text.to_index == sender.index,
        Text.wording == wording.__name__,
        Text.queued_at > now - ONE_APOLOGY_IN,
        # An answer is queued at the very moment its text came; what was said unasked does not count.
        sa.exists().where(Inbound.sender_index == sender.index, Inbound.received_at == Text.queued_at),
    )
    return sum(_says(text, body) for text in db.session.scalars(lately)) >= SAME_WORDS_MOST


def _says(text: Text, body: str) -> bool:
    try:
        return text.body == body
    except SealBroken:
        # Under a key this process does not hold (yet): then it may have been other words.
        return False
