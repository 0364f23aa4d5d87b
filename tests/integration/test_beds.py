"""What a house says of its beds: figures that are derived, history that is kept, and undoing. On both databases."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import beds, bedspaces, lifecycle, placements, premises, referrals
from safety.extensions import db
from safety.lifecycle import LIVE, Event, State
from safety.models import AuditEvent, BedReport, Bedspace, OutOfService, Placement, Premises
from tests import factories
from tests.factories import NOW

MINUTE = dt.timedelta(minutes=1)


def say(house: Premises, now: dt.datetime = NOW, **free: int) -> beds.Said:
    return beds.report(premises_id=house.id, free=free, by="clock", via="page", now=now)


def free(house: Premises, now: dt.datetime = NOW) -> dict[str, int]:
    db.session.expire_all()
    return {count.letter: count.free for count in premises.counts(house, now)}


def test_fewer_free_takes_rooms_out_and_more_brings_those_back_before_others(app: Flask) -> None:
    house = factories.house(rooms=3)
    broken = house.bedspaces[0]
    bedspaces.take_out(bedspace_id=broken.id, reason="repair", until=None, by="clock", now=NOW)
    assert say(house, W=0).changed == {"W": (2, 0)}
    say(house, NOW + MINUTE, W=2)
    assert premises.out_now(NOW, house.id) == {broken.id}
    # The house knows best: all three are free, so the broken one must be mended.
    say(house, NOW + 2 * MINUTE, W=3)
    assert premises.out_now(NOW, house.id) == set()


def test_undo_puts_a_room_back_out_for_the_reason_and_the_time_it_had(app: Flask) -> None:
    house = factories.house(rooms=1)
    until = NOW + dt.timedelta(hours=5)
    bedspaces.take_out(bedspace_id=house.bedspaces[0].id, reason="repair", until=until, by="clock", now=NOW)
    say(house, W=1)
    beds.undo(premises_id=house.id, by="clock", now=NOW + MINUTE)
    spell = db.session.scalars(sa.select(OutOfService).where(OutOfService.ended_at.is_(None))).one()
    assert (spell.reason, spell.until, free(house)) == ("repair", until, {"W": 0})


def test_undo_leaves_a_room_as_somebody_has_said_since(app: Flask) -> None:
    house = factories.house(rooms=2)
    room, until = house.bedspaces[0], NOW + dt.timedelta(days=2)
    bedspaces.take_out(bedspace_id=room.id, reason="full", until=None, by="clock", now=NOW)
    say(house, NOW + MINUTE, W=2)
    bedspaces.take_out(bedspace_id=room.id, reason="repair", until=until, by="clock", now=NOW + 2 * MINUTE)
    beds.undo(premises_id=house.id, by="clock", now=NOW + 3 * MINUTE)
    spell = bedspaces.spell(bedspace_id=room.id, now=NOW + 4 * MINUTE)
    assert spell is not None
    assert (spell.reason, spell.until) == ("repair", until)


def test_undo_does_not_take_a_retired_room_out_for_when_it_is_used_again(app: Flask) -> None:
    house = factories.house(rooms=2)
    room = house.bedspaces[0]
    bedspaces.take_out(bedspace_id=room.id, reason="full", until=None, by="clock", now=NOW)
    say(house, NOW + MINUTE, W=2)
    bedspaces.retire(bedspace_id=room.id, by="clock", now=NOW + 2 * MINUTE)
    beds.undo(premises_id=house.id, by="clock", now=NOW + 3 * MINUTE)
    bedspaces.use_again(bedspace_id=room.id, by="clock", now=NOW + 4 * MINUTE)
    assert free(house, NOW + 5 * MINUTE) == {"W": 2}


def test_a_retired_room_is_neither_taken_out_nor_brought_back(app: Flask) -> None:
    room = factories.house(rooms=1).bedspaces[0]
    bedspaces.retire(bedspace_id=room.id, by="clock", now=NOW)
    with pytest.raises(bedspaces.Retired):
        bedspaces.take_out(bedspace_id=room.id, reason="repair", until=None, by="clock", now=NOW)
    with pytest.raises(bedspaces.Retired):
        bedspaces.bring_back(bedspace_id=room.id, by="clock", now=NOW)


def test_saying_the_same_is_no_change_to_undo_and_keeps_nobody_from_undoing_the_change_before(
    app: Flask,
) -> None:
    house = factories.house(rooms=2)
    beds.same(premises_id=house.id, by="clock", via="text", now=NOW)
    assert beds.undoable(premises_id=house.id, now=NOW) is None
    with pytest.raises(beds.CannotUndo):
        beds.undo(premises_id=house.id, by="clock", now=NOW)
    say(house, NOW + MINUTE, W=1)
    beds.same(premises_id=house.id, by="clock", via="text", now=NOW + 2 * MINUTE)
    beds.undo(premises_id=house.id, by="clock", now=NOW + 3 * MINUTE)
    assert free(house) == {"W": 2}
    with pytest.raises(beds.CannotUndo):
        beds.undo(premises_id=house.id, by="clock", now=NOW + 4 * MINUTE)


def test_too_many_names_who_is_in_the_way(app: Flask) -> None:
    house = factories.house(rooms=2)
    placement = factories.placement()
    with pytest.raises(beds.TooMany) as refused:
        say(house, W=2)
    assert (refused.value.most, refused.value.used) == (1, (placement.referral.spoken,))


def test_a_bed_whose_hold_ran_out_and_is_not_swept_is_not_taken_out_under_anybody(app: Flask) -> None:
    house = factories.house(rooms=2)
    placement = factories.placement()
    later = placement.answer_by + MINUTE
    assert free(house, later) == {"W": 2}  # a reader never waits for the sweep
    say(house, later, W=1)
    assert premises.out_now(later, house.id) == {
        room.id for room in house.bedspaces if room.id != placement.bedspace_id
    }
    with pytest.raises(beds.BeingReleased):
        say(house, later, W=0)


@pytest.mark.parametrize("seed", range(12))
def test_after_any_sequence_free_is_in_service_less_live_and_every_change_has_its_row(
    app: Flask, seed: int
) -> None:
    chance = random.Random(seed)
    house = factories.house(rooms=3)
    factories.bedspace(house, factories.group(house, letter="F", name="Flats"), sleeps=4, self_contained=True)
    db.session.refresh(house)
    actor = factories.house_actor(house.id)
    now, done = NOW, Counter()

    def placement_to(*states: State) -> Placement:
        found = db.session.scalars(sa.select(Placement).where(Placement.state.in_(states))).all()
        if not found:
            raise LookupError
        return chance.choice(found)

    def happen(event: Event, *states: State, **facts: object) -> None:
        referrals.record(
            placement_id=placement_to(*states).id, event=event, actor=actor, facts=facts, now=now
        )

    steps = {
        "said": lambda: say(house, now, **{chance.choice("WF"): chance.randint(0, 4)}),
        "said_both": lambda: say(house, now, W=chance.randint(0, 3), F=chance.randint(0, 1)),
        "same": lambda: beds.same(premises_id=house.id, by="clock", via="text", now=now),
        "undone": lambda: beds.undo(premises_id=house.id, by="clock", now=now),
        "asked": lambda: factories.referral(now=now),
        "accepted": lambda: happen(Event.CONFIRM, State.HELD),
        "declined": lambda: happen(Event.DECLINE, State.HELD, reason="other"),
        "arrived": lambda: happen(Event.ARRIVE, State.CONFIRMED),
        "left": lambda: happen(
            Event.DEPART, State.ARRIVED, reason="planned", onward="own", nrm_decision="deciding"
        ),
        "broke": lambda: bedspaces.take_out(
            bedspace_id=chance.choice(house.bedspaces).id, reason="repair", until=None, by="clock", now=now
        ),
        "mended": lambda: bedspaces.bring_back(
            bedspace_id=chance.choice(house.bedspaces).id, by="clock", now=now
        ),
    }
    for _ in range(90):
        now += chance.choice((dt.timedelta(seconds=20), MINUTE, 4 * MINUTE))
        step = chance.choice(sorted(steps))
        try:
            with db.session.begin_nested():
                steps[step]()
            done[step] += 1
        except (
            LookupError,
            beds.TooMany,
            beds.CannotUndo,
            beds.BeingReleased,
            bedspaces.StillUsed,
            lifecycle.NotAllowed,
            placements.Conflict,
        ):
            db.session.expire_all()
        referrals.sweep(now=now)
        _all_is_true(house, now)
    assert len(done) >= 8, done  # the dice fell on enough of them to mean something
    rows = db.session.scalars(sa.select(BedReport)).all()
    assert len(rows) == done["said"] + done["said_both"] + done["same"]
    assert sum(row.undone_at is not None for row in rows) == done["undone"]
    recorded = Counter(db.session.scalars(sa.select(AuditEvent.what)))
    assert recorded["beds_said"] + recorded["beds_same"] == len(rows)
    assert recorded["beds_undone"] == done["undone"]


def _all_is_true(house: Premises, now: dt.datetime) -> None:
    """Counted another way than premises.counts: straight from the tables."""
    live = set(db.session.scalars(sa.select(Placement.bedspace_id).where(Placement.state.in_(LIVE))))
    out = set(db.session.scalars(sa.select(OutOfService.bedspace_id).where(OutOfService.ended_at.is_(None))))
    assert not live & out, "somebody is in a room that is out of service"
    for count in premises.counts(house, now):
        rooms = {
            room.id
            for room in db.session.scalars(sa.select(Bedspace).where(Bedspace.premises_id == house.id))
            if room.group.letter == count.letter
        }
        assert 0 <= count.free == len(rooms - out - live) <= len(rooms)
        assert count.free + count.held + count.occupied + count.out_of_service == len(rooms)
