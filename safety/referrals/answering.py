"""What a house says when it was asked to make room: a yes that names a room brings it back, holds it and confirms it in one step.

The rule kept: the first yes wins, whatever comes at the same instant; a yes that can still help is taken however late it is;
and whoever said yes in vain is told that it is settled.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from safety import audit, beds, bedspaces, geography, matching, permissions, placements, premises
from safety.extensions import db
from safety.lifecycle import AskAnswer, Event, NotAllowed, ReferralState
from safety.models import Ask, Bedspace, Placement
from safety.permissions import Actor
from safety.referrals.asking import by_letter
from safety.referrals.consequences import settle
from safety.referrals.finding import take
from safety.referrals.happening import Happened, record
from safety.referrals.reading import ask_of, live_placement
from safety.referrals.seeking import person


class WhichGroup(Exception):
    """A yes of a house with several groups that names none. `letters`: those in which room could be made."""

    def __init__(self, letters: Sequence[str]) -> None:
        super().__init__("Say in which group, because the house has several")
        self.letters = tuple(letters)


class NoRoomThere(Exception):
    """No room out of service that fits them, there. `letters`: the groups in which room could be made all the same."""

    def __init__(self, letters: Sequence[str]) -> None:
        super().__init__("No room out of service there fits them any more")
        self.letters = tuple(letters)


@dataclass(frozen=True)
class Answered:
    """What became of an answer: DONE, SAME or SETTLED; and the bed they have at that house, if they have one."""

    kind: Happened
    ask: Ask
    placement: Placement | None = None


def spare(ask: Ask, now: dt.datetime) -> tuple[matching.Room, ...]:
    """The rooms out of service with which the house of this ask could take them now."""
    house = [room for room in premises.rooms(now) if room.premises_id == ask.premises_id]
    return matching.could_make_room(person(ask.referral, now), house).get(ask.premises_id, ())


def still_wanted(ask: Ask) -> bool:
    """Whether a yes can still help: they search, somebody knows where they are, and this house's yes is not used up."""
    searching = ask.referral.state == ReferralState.SEARCHING and ask.referral.paused_at is None
    return searching and ask.answer != AskAnswer.YES


def say_yes(
    *,
    ask_id: uuid.UUID,
    actor: Actor,
    letter: str | None = None,
    bedspace_id: uuid.UUID | None = None,
    now: dt.datetime,
) -> Answered:
    """The house can make room: the room is brought back into service, held and confirmed, and everybody else is told.

    letter: a group of the house, which a house of one group need not name; bedspace_id: the very room, from a page. The same
    yes again is a success that changes nothing. Raises NotYours; beds.NoSuchGroup, WhichGroup and NoRoomThere; NotAllowed when
    the house has another room for them already; then nothing may be committed. The caller has begun a deciding write.
    """
    ask = ask_of(ask_id=ask_id, actor=actor, now=now)
    referral = ask.referral
    here = _here(ask)
    if here is not None:
        return _again(ask, here, actor, letter, bedspace_id, now)
    if not still_wanted(ask):
        _record(ask, "late_yes", actor, now, {"settled": True})
        return Answered(Happened.SETTLED, ask)
    room = _chosen(ask, letter, bedspace_id, now)
    bedspaces.bring_back(bedspace_id=room.id, by=actor.by, now=now)
    miles = geography.miles(referral.outcode or "", room.outcode)
    placement = take(
        referral, room.id, actor=permissions.CLOCK, miles=miles, now=now, asking=False, code=ask.code
    )
    if placement is None:
        raise NoRoomThere(())
    placements.change(placement=placement, event=Event.CONFIRM, actor=actor, facts={}, now=now)
    _keep(ask, AskAnswer.YES, actor, now)
    settle(referral, now)
    return Answered(Happened.DONE, ask, placement)


def say_no(*, ask_id: uuid.UUID, actor: Actor, now: dt.datetime) -> Answered:
    """The house has no room. The same again is a success that changes nothing.

    Raises NotYours, and NotAllowed when the house has them already: then there is a bed to be declined or withdrawn.
    """
    ask = ask_of(ask_id=ask_id, actor=actor, now=now)
    here = _here(ask)
    if here is not None:
        raise NotAllowed(placements.told(here))
    if ask.answer == AskAnswer.NO:
        return Answered(Happened.SAME, ask)
    if ask.answer in (AskAnswer.YES, AskAnswer.SETTLED):
        return Answered(Happened.SETTLED, ask)
    _keep(ask, AskAnswer.NO, actor, now)
    return Answered(Happened.DONE, ask)


def _here(ask: Ask) -> Placement | None:
    """The live placement of the referral, if it is at the house that was asked."""
    live = live_placement(ask.referral)
    return live if live is not None and live.premises_id == ask.premises_id else None


def _again(
    ask: Ask,
    here: Placement,
    actor: Actor,
    letter: str | None,
    bedspace_id: uuid.UUID | None,
    now: dt.datetime,
) -> Answered:
    """They have a bed at this very house: by this yes, or because one came free there meanwhile, and then this is its yes."""
    bedspace = db.session.get_one(Bedspace, here.bedspace_id)
    if letter not in (None, bedspace.group.letter) or bedspace_id not in (None, bedspace.id):
        raise NotAllowed(f"They have a bed in group {bedspace.group.letter} of this house already")
    outcome = record(placement_id=here.id, event=Event.CONFIRM, actor=actor, facts={}, now=now)
    return Answered(outcome.kind, ask, outcome.placement)


def _chosen(ask: Ask, letter: str | None, bedspace_id: uuid.UUID | None, now: dt.datetime) -> matching.Room:
    """The room a yes means: the very one, or the readiest of the group it names that fits them."""
    rooms = {room.id: room for room in spare(ask, now)}
    there = by_letter(rooms.values())
    if bedspace_id is not None:
        if bedspace_id not in rooms:
            raise NoRoomThere(list(there))
        return rooms[bedspace_id]
    groups = [group.letter for group in ask.premises.groups]
    if letter is not None and letter not in groups:
        raise beds.NoSuchGroup(letter, groups)
    if letter is None and there and len(groups) > 1:
        raise WhichGroup(list(there))
    named = there.get(letter or groups[0])
    if not named:
        raise NoRoomThere(list(there))
    return rooms[beds.readiest(named)[0].bedspace_id]


def _keep(ask: Ask, answer: AskAnswer, actor: Actor, now: dt.datetime) -> None:
    ask.answer, ask.answered_at, ask.answered_by, ask.settled_at = answer, now, actor.by, None
    _record(ask, f"ask_{answer}", actor, now)
    db.session.flush()


def _record(ask: Ask, what: str, actor: Actor, now: dt.datetime, facts: dict[str, Any] | None = None) -> None:
    audit.record(
        what=what,
        by=actor.by,
        now=now,
        referral_id=ask.referral_id,
        premises_id=ask.premises_id,
        facts=facts,
    )
