"""What a house says of its beds, by page, text or telephone: so many of a group are free, or all is as it was; and undoing it.

A figure is never stored: saying fewer takes rooms out of service, saying more brings rooms back, and free stays what is in
service without a live placement. Beds that are held or lived in cannot be talked away.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from safety import audit, bedspaces, duty, premises
from safety.extensions import db
from safety.lifecycle import LIVE
from safety.models import AlertKind, BedReport, Bedspace, OutOfService, Placement, Premises, Referral

UNDO_WITHIN = dt.timedelta(minutes=10)
# The reason a room gets when a house says that fewer are free and not why.
UNSAID = "full"


class NoSuchGroup(Exception):
    """The house has no group of that letter. `letters`: those it has."""

    def __init__(self, letter: str, letters: Sequence[str]) -> None:
        super().__init__(f"There is no group {letter} here. The groups are {', '.join(letters)}")
        self.letter, self.letters = letter, tuple(letters)


class TooMany(Exception):
    """More free than the group has rooms that nobody uses. `most`: how many can be free; `used`: what is in the way."""

    def __init__(self, letter: str, most: int, used: Sequence[str]) -> None:
        way = f": {' and '.join(used)} {'has a bed' if len(used) == 1 else 'have beds'} there" if used else ""
        super().__init__(f"{f'At most {most}' if most else 'None'} can be free in {letter}{way}")
        self.letter, self.most, self.used = letter, most, tuple(used)


class BeingReleased(Exception):
    """A bed whose hold has run out is about to come free: it can be counted out a moment later. The message can be shown."""


class CannotUndo(Exception):
    """Nothing to undo, too long ago, or a bed was given meanwhile. The message can be shown."""


@dataclass(frozen=True)
class Said:
    """What a report did: the row that remembers it, and the groups whose figure changed, {letter: (before, after)}."""

    row: BedReport
    changed: Mapping[str, tuple[int, int]]


def report(*, premises_id: uuid.UUID, free: Mapping[str, int], by: str, via: str, now: dt.datetime) -> Said:
    """The house says how many beds of these groups are free; groups it does not name are as they were.

    free: letter of a group -> beds free now, not counting held or lived in; {} means all is as before. via: a ReportVia. The
    figures count as fresh from `now`, history keeps who said what, and it can be undone for UNDO_WITHIN. The caller has begun a
    deciding write and matches whoever is searching afterwards (referrals.rematch). Raises NoSuchGroup, TooMany and
    BeingReleased; nothing is half-done, because the caller then rolls back (to its savepoint or altogether).
    """
    house = db.session.get_one(Premises, premises_id)
    letters = [group.letter for group in house.groups]
    before = {count.letter: count.free for count in premises.counts(house, now)}
    begun: list[OutOfService] = []
    ended: list[OutOfService] = []
    for letter, wanted in free.items():
        if letter not in before:
            raise NoSuchGroup(letter, letters)
        if wanted < before[letter]:
            begun += _fewer(house, letter, before[letter] - wanted, by=by, now=now)
        elif wanted > before[letter]:
            ended += _more(house, letter, wanted, before[letter], by=by, now=now)
    after = {**before, **free}
    row = BedReport(
        premises_id=house.id,
        number=1
        + (db.session.scalar(_reports(house.id).with_only_columns(sa.func.max(BedReport.number))) or 0),
        reported_at=now,
        reported_by=by,
        via=via,
        before=before,
        after=after,
        taken_out=[spell.id.hex for spell in begun],
        brought_back=[spell.id.hex for spell in ended],
        earlier_at=house.reported_at,
        earlier_by=house.reported_by,
        earlier_via=house.reported_via,
    )
    db.session.add(row)
    house.reported_at, house.reported_by, house.reported_via = now, by, via
    house.figures_asked, house.figures_asked_at = 0, None
    duty.end(kind=AlertKind.STALE, subject=f"premises:{house.id.hex}", now=now)
    changed = {
        letter: (before[letter], after[letter]) for letter in before if before[letter] != after[letter]
    }
    facts = {"via": via, "report": row.number, "free": after}
    audit.record(
        what="beds_said" if changed else "beds_same", by=by, now=now, premises_id=house.id, facts=facts
    )
    db.session.flush()
    return Said(row, changed)


def same(*, premises_id: uuid.UUID, by: str, via: str, now: dt.datetime) -> Premises:
    """The house says its figures are the same as before: they are fresh again. via: a ReportVia."""
    report(premises_id=premises_id, free={}, by=by, via=via, now=now)
    return db.session.get_one(Premises, premises_id)


def _of_group(house: Premises, letter: str, kind: str, now: dt.datetime) -> list[Bedspace]:
    stands = premises.standing(house, now)
    return [room for room in house.bedspaces if room.group.letter == letter and stands.get(room.id) == kind]


def _fewer(
    house: Premises, letter: str, by_how_many: int, *, by: str, now: dt.datetime
) -> list[OutOfService]:
    """Take so many free rooms of a group out of service, the last of the list first."""
    spells: list[OutOfService] = []
    for room in reversed(_of_group(house, letter, "free", now)):
        if len(spells) == by_how_many:
            break
        try:
            spells.append(bedspaces.take_out(bedspace_id=room.id, reason=UNSAID, until=None, by=by, now=now))
        except bedspaces.StillUsed:
            continue  # its hold ran out and is not swept yet: counted as free, and about to be
    if len(spells) < by_how_many:
        raise BeingReleased(
            "A bed whose time ran out is being released just now. Wait a minute and send your figures again"
        )
    return spells


def _more(
    house: Premises, letter: str, wanted: int, before: int, *, by: str, now: dt.datetime
) -> list[OutOfService]:
    """Bring so many rooms of a group back, the readiest first."""
    out = {room.id for room in _of_group(house, letter, "out", now)}
    if wanted > before + len(out):
        raise TooMany(letter, before + len(out), _using(house, letter))
    back = readiest(out)[: wanted - before]
    for spell in back:
        bedspaces.bring_back(bedspace_id=spell.bedspace_id, by=by, now=now)
    return back


def readiest(rooms: Collection[uuid.UUID]) -> list[OutOfService]:
    """How these rooms are out of service: those only counted out before those that are out for a reason, the newest first."""
    spells = db.session.scalars(
        sa.select(OutOfService).where(OutOfService.bedspace_id.in_(rooms), OutOfService.ended_at.is_(None))
    ).all()
    return sorted(spells, key=lambda spell: (spell.reason == UNSAID, spell.since_at), reverse=True)


def _using(house: Premises, letter: str) -> list[str]:
    """The spoken references of everybody held, expected or living in a group of `house`."""
    rooms = [room.id for room in house.bedspaces if room.group.letter == letter]
    return [referral.spoken for referral in db.session.scalars(_live_in(rooms).order_by(Referral.reference))]


def _live_in(rooms: Sequence[uuid.UUID]) -> sa.Select[Referral]:
    return (
        sa.select(Referral)
        .join(Placement, Placement.referral_id == Referral.id)
        .where(Placement.bedspace_id.in_(rooms), Placement.state.in_(LIVE))
    )


def _reports(premises_id: uuid.UUID) -> sa.Select[BedReport]:
    return sa.select(BedReport).where(BedReport.premises_id == premises_id)


def undoable(*, premises_id: uuid.UUID, now: dt.datetime) -> BedReport | None:
    """The house's last report that changed a figure, if it may still be undone. One that said "the same" since is no obstacle:
    whoever was promised ten minutes has them.
    """
    lately = _reports(premises_id).where(BedReport.reported_at >= now - UNDO_WITHIN)
    rows = db.session.scalars(lately.order_by(BedReport.number.desc()))
    last = next((row for row in rows if row.before != row.after), None)
    return last if last is not None and last.undone_at is None else None


def undo(*, premises_id: uuid.UUID, by: str, now: dt.datetime) -> BedReport:
    """Put the house's last report right: its rooms and its word are as before it. History keeps both.

    The caller has begun a deciding write and matches whoever is searching afterwards. Raises CannotUndo.
    """
    row = undoable(premises_id=premises_id, now=now)
    if row is None:
        raise CannotUndo("There is no change of the last 10 minutes to undo")
    brought = [db.session.get_one(OutOfService, uuid.UUID(spell)) for spell in row.brought_back]
    given = db.session.scalars(_live_in([spell.bedspace_id for spell in brought])).all()
    if given:
        raise CannotUndo(
            f"That bed has been given to {given[0].spoken} since. Decline or withdraw it if they cannot come"
        )
    for began in (db.session.get_one(OutOfService, uuid.UUID(spell)) for spell in row.taken_out):
        if began.ended_at is None:
            bedspaces.bring_back(bedspace_id=began.bedspace_id, by=by, now=now)
    for spell in brought:
        room = db.session.get_one(Bedspace, spell.bedspace_id)
        if room.retired_at is not None or bedspaces.spell(bedspace_id=room.id, now=now) is not None:
            continue  # somebody has said since what the room is: that is the newer word
        bedspaces.take_out(
            bedspace_id=spell.bedspace_id, reason=spell.reason, until=spell.until, by=by, now=now
        )
    house = db.session.get_one(Premises, premises_id)
    house.reported_at, house.reported_by, house.reported_via = row.earlier_at, row.earlier_by, row.earlier_via
    row.undone_at, row.undone_by = now, by
    audit.record(what="beds_undone", by=by, now=now, premises_id=premises_id, facts={"report": row.number})
    db.session.flush()
    return row
