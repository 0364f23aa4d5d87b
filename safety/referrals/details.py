"""What a receiving house may be told beyond the request, said while it is answering; all of it optional.

The rule kept: an alias, never a full name; the rest as codes, never narrative; the record says that it was said, never what.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Collection, Mapping

import sqlalchemy as sa

from safety import audit
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL, NotAllowed
from safety.models import Referral
from safety.permissions import Actor
from safety.referrals.reading import plain_reference, seen_by

ALIAS_ROOM = 30  # letters

# No official list exists. These are the languages of the nationalities most often referred (NRM statistics, 2025) and of the
# two statutory ones of Great Britain.
LANGUAGES: Mapping[str, str] = {
    "albanian": "Albanian",
    "amharic": "Amharic",
    "arabic": "Arabic",
    "bsl": "British Sign Language",
    "dari": "Dari",
    "english": "English",
    "kurdish": "Kurdish Sorani",
    "mandarin": "Mandarin",
    "pashto": "Pashto",
    "polish": "Polish",
    "romanian": "Romanian",
    "somali": "Somali",
    "tigrinya": "Tigrinya",
    "vietnamese": "Vietnamese",
    "welsh": "Welsh",
    "other": "Another language",
}
DIETS: Mapping[str, str] = {
    "halal": "Halal",
    "kosher": "Kosher",
    "vegetarian": "Vegetarian",
    "vegan": "Vegan",
    "other": "Something else, to be asked",
}
_ALIAS = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)?")


def add_details(
    *,
    referral_id: uuid.UUID,
    actor: Actor,
    alias: str | None,
    interpreter: bool,
    language: str | None,
    diet: Collection[str] = (),
    now: dt.datetime,
) -> Referral:
    """Keep what was said about somebody for the house that receives them; what was said before is replaced.

    alias: a first name or what they like to be called, one word or two. language: a code of LANGUAGES. diet: codes of DIETS.
    Raises NotYours, ValueError for anything that is not one of these, NotAllowed once the request is over.
    """
    referral = seen_by(referral_id=referral_id, actor=actor)
    if referral.state not in LIVE_REFERRAL:
        raise NotAllowed("This request is over, so nothing can be added to it")
    if alias and not is_alias(alias):
        raise ValueError("alias")
    if (language and language not in LANGUAGES) or not set(diet) <= set(DIETS):
        raise ValueError("a code that is not known")
    said = {"interpreter": interpreter, "language": language or None, "diet": sorted(diet)}
    if referral.alias == (alias or None) and {**(referral.needs or {}), **said} == referral.needs:
        return referral
    referral.alias = alias or None
    referral.needs = {**(referral.needs or {}), **said}
    audit.record(what="details", by=actor.by, now=now, referral_id=referral.id)
    db.session.flush()
    return referral


def is_alias(words: str) -> bool:
    """Whether this can be what somebody is called: one word or two, of letters. A longer one would be a full name."""
    return len(words) <= ALIAS_ROOM and _ALIAS.fullmatch(words) is not None


def nameable(*, reference: str, force_id: uuid.UUID | None) -> bool:
    """Whether a reference is of a live referral of this force, so that somebody may be kept apart from it.

    Another force's reference looks like none at all.
    """
    wanted = sa.select(Referral.id).where(
        Referral.reference == plain_reference(reference),
        Referral.force_id == force_id,
        Referral.state.in_(LIVE_REFERRAL),
    )
    return db.session.scalar(wanted) is not None
