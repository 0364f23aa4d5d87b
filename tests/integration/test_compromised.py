"""A house that may not be safe any more: nobody new, everybody found and told, and safe again only by somebody's word."""

from __future__ import annotations

import datetime as dt
import threading
import uuid

import pytest
import sqlalchemy as sa

from safety import bedspaces, duty, invariants, lifecycle, placements, premises, referrals
from safety.crypto import ring
from safety.extensions import begin_write, db, new_id
from safety.houses import NewAddress, change_address
from safety.lifecycle import LIVE, Event, ReferralState, State
from safety.models import Alert, AlertKind, Ask, AuditEvent, Contact, Placement, Premises, Text, User
from safety.permissions import NotYours
from safety.referrals import compromised
from tests import factories, listening
from tests.factories import NOW
from tests.visitor import Visitor, cheap_hashes, still_clock, summary, words

MINUTE = dt.timedelta(minutes=1)
DUTY = factories.coordinator_actor


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    cheap_hashes(monkeypatch)
    return still_clock(monkeypatch, NOW)


def mark(house: Premises, reason: str = "exploiter", at: dt.datetime = NOW) -> None:
    compromised.mark(premises_id=house.id, reason=reason, actor=DUTY(), now=at)
    db.session.commit()


def clear(house: Premises, reason: str = "checked", *, spoken: bool = True, at: dt.datetime = NOW) -> None:
    compromised.clear(premises_id=house.id, reason=reason, spoken=spoken, actor=DUTY(), now=at)
    db.session.commit()


def step(placement: Placement, event: Event, actor, **facts) -> None:
    referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=NOW)
    db.session.commit()


def confirmed(**kept) -> Placement:
    placement = factories.placement(**kept)
    step(placement, Event.CONFIRM, factories.house_actor(placement.premises_id))
    return placement


def on_road(**kept) -> Placement:
    placement = confirmed(**kept)
    step(placement, Event.SET_OFF, placement.referral.holder.actor(), eta_at=NOW + 40 * MINUTE)
    return placement


def inside(**kept) -> Placement:
    placement = on_road(**kept)
    step(placement, Event.ARRIVE, factories.house_actor(placement.premises_id))
    return placement


def texts(wording: str) -> list[Text]:
    return list(db.session.scalars(sa.select(Text).where(Text.wording == wording)))


def the_alert() -> Alert | None:
    db.session.expire_all()
    return db.session.scalars(sa.select(Alert).where(Alert.kind == AlertKind.HOUSE_COMPROMISED)).first()


def test_nobody_new_is_matched_with_it_or_asked_to_it(app):
    house = factories.house(rooms=2)
    asked = factories.house(rooms=1, outcode="LS2")
    mark(house)
    mark(asked)
    referral = factories.referral()
    assert referral.state == ReferralState.SEARCHING
    room = house.bedspaces[0].id
    with pytest.raises(lifecycle.NotAllowed):
        referrals.place(
            referral_id=referral.id, bedspace_id=room, actor=DUTY(), reason="house_agrees", now=NOW
        )
    assert referrals.ask_by_hand(referral_id=referral.id, actor=DUTY(), now=NOW) == []


def test_nobody_is_moved_into_it_from_another_house(app):
    factories.house(rooms=1)
    placement = inside()
    other = factories.house(rooms=1)
    mark(other)
    with pytest.raises(lifecycle.NotAllowed, match="not taking anybody"):
        step(placement, Event.TRANSFER, DUTY(), bedspace_id=other.bedspaces[0].id, reason="safety")


def test_an_open_ask_to_it_is_over_and_its_yes_brings_nobody_there(app):
    house = factories.house(rooms=1)
    bedspaces.take_out(bedspace_id=house.bedspaces[0].id, reason="repair", until=None, by=DUTY().by, now=NOW)
    referral = factories.referral()
    (ask,) = referrals.ask_by_hand(referral_id=referral.id, actor=DUTY(), now=NOW)
    db.session.commit()
    mark(house)
    assert db.session.get_one(Ask, ask.id).answer == "settled"
    with pytest.raises(referrals.NoRoomThere):
        referrals.say_yes(ask_id=ask.id, actor=factories.house_actor(house.id), now=NOW)
    db.session.rollback()
    assert referrals.live_placement(referral) is None


def test_a_bed_that_is_only_held_is_given_up_and_the_next_best_is_held(app):
    house = factories.house(rooms=1)
    placement = factories.placement()
    other = factories.house(rooms=1, outcode="LS2")
    db.session.commit()
    mark(house)
    db.session.refresh(placement)
    assert placement.state == State.DECLINED
    again = referrals.live_placement(placement.referral)
    assert again is not None and again.premises_id == other.id
    # A yes that the house sends all the same changes nothing.
    with pytest.raises(placements.Conflict):
        step(placement, Event.CONFIRM, factories.house_actor(house.id))


def test_a_confirmed_bed_nobody_has_set_off_for_is_given_up_and_the_officer_is_told_not_to_go(app):
    house = factories.house(rooms=1)
    placement = confirmed()
    mark(house)
    db.session.refresh(placement)
    assert placement.state == State.WITHDRAWN
    (text,) = texts("withdrawn")
    assert "DO NOT GO THERE" in text.body
    assert placement.referral.state == ReferralState.SEARCHING
    assert duty.subjects(kind=AlertKind.HOUSE_WITHDREW)


def test_whoever_is_on_the_road_keeps_the_bed_and_is_told_not_to_go_there_yet(app):
    house = factories.house(rooms=1)
    placement = on_road()
    factories.house(rooms=1, outcode="LS2")
    db.session.commit()
    mark(house)
    db.session.refresh(placement)
    assert placement.state == State.CONFIRMED
    (text,) = texts("do_not_go_yet")
    assert text.critical and text.placement_id == placement.id
    assert "DO NOT GO THERE YET" in text.body and placement.referral.spoken in text.body
    # No clock takes the bed, however late it gets.
    referrals.sweep(now=NOW + dt.timedelta(hours=9))
    db.session.commit()
    db.session.refresh(placement)
    assert placement.state == State.CONFIRMED


def test_whoever_lives_there_stays_until_a_person_moves_them(app):
    house = factories.house(rooms=1)
    placement = inside()
    mark(house)
    referrals.sweep(now=NOW + dt.timedelta(hours=30))
    db.session.commit()
    db.session.refresh(placement)
    assert placement.state == State.ARRIVED


def test_an_officer_can_neither_set_off_for_it_nor_open_its_address(app):
    factories.house(rooms=1)
    road = on_road()
    house = db.session.get_one(Premises, road.premises_id)
    officer = road.referral.holder.actor()
    referrals.open_address(referral_id=road.referral_id, actor=officer, reason="on_the_way", now=NOW)
    db.session.commit()
    mark(house)
    with pytest.raises(NotYours):
        referrals.open_address(referral_id=road.referral_id, actor=officer, reason="on_the_way", now=NOW)
    other = factories.house(rooms=1, outcode="LS2")
    late = confirmed()
    assert late.premises_id == other.id
    # Marked behind its back, as if the bed had been confirmed at that very moment.
    other.compromised_at, other.compromised_by = NOW, DUTY().by
    db.session.commit()
    with pytest.raises(lifecycle.NotAllowed, match="Do not go there yet"):
        step(late, Event.SET_OFF, late.referral.holder.actor(), eta_at=NOW + 30 * MINUTE)


def test_every_telephone_of_the_house_is_asked_to_ring_but_one_that_takes_no_texts(app):
    house = factories.house(rooms=1)
    for position, gone in ((2, None), (3, NOW)):
        number = factories.phone()
        db.session.add(
            Contact(
                premises_id=house.id,
                position=position,
                phone=number,
                phone_index=ring().index("phone", number),
                unreachable_at=gone,
            )
        )
    db.session.flush()
    db.session.refresh(house)
    mark(house)
    sent = {text.to for text in texts("ring_us_now")}
    assert sent == {contact.phone for contact in house.contacts if contact.unreachable_at is None}
    assert len(sent) == 2


def test_the_alert_is_texted_and_ends_once_taken_and_nobody_is_there(app):
    house = factories.house(rooms=1)
    placement = inside()
    mark(house)
    alert = the_alert()
    assert alert is not None and alert.urgent and alert.subject == f"premises:{house.id.hex}"
    assert [text.alert_id for text in texts("urgent")] == [alert.id]
    referrals.sweep(now=NOW)
    assert the_alert().ended_at is None
    duty.take(alert=the_alert(), by=DUTY().by, now=NOW)
    db.session.commit()
    referrals.sweep(now=NOW)
    assert the_alert().ended_at is None, "somebody lives there"
    step(
        placement,
        Event.DEPART,
        factories.house_actor(house.id),
        reason="planned",
        onward="own",
        nrm_decision="deciding",
    )
    referrals.sweep(now=NOW)
    assert the_alert().ended_at is not None
    db.session.refresh(house)
    assert house.compromised_at is not None, "the house stays marked until somebody says it is safe"


def test_over_an_empty_house_the_alert_climbs_until_somebody_takes_it(app):
    house = factories.house(rooms=1)
    mark(house)
    referrals.sweep(now=NOW + 6 * MINUTE)
    assert the_alert().ended_at is None and len(texts("urgent")) == 2
    duty.take(alert=the_alert(), by=DUTY().by, now=NOW)
    db.session.commit()
    referrals.sweep(now=NOW + 7 * MINUTE)
    assert the_alert().ended_at is not None


def test_somebody_who_comes_to_the_door_of_it_after_all_is_a_new_alert(app):
    house = factories.house(rooms=1)
    placement = confirmed()
    mark(house)
    duty.take(alert=the_alert(), by=DUTY().by, now=NOW)
    db.session.commit()
    referrals.sweep(now=NOW + MINUTE)
    assert the_alert().ended_at is not None
    texted = len(texts("urgent"))
    step(placement, Event.ARRIVE, factories.house_actor(house.id))
    for minute in (2, 3):
        referrals.sweep(now=NOW + minute * MINUTE)
        db.session.commit()
    standing = sa.select(Alert).where(Alert.kind == AlertKind.HOUSE_COMPROMISED, Alert.ended_at.is_(None))
    assert [alert.urgent for alert in db.session.scalars(standing)] == [True]
    assert len(texts("urgent")) == texted + 1


def test_marked_twice_tells_nobody_twice(app):
    house = factories.house(rooms=1)
    mark(house)
    mark(house, "threat", NOW + MINUTE)
    assert len(texts("ring_us_now")) == 1
    assert house.compromised_reason == "exploiter" and house.compromised_at == NOW


def test_only_a_coordinator_marks_and_clears(app):
    house = factories.house(rooms=1)
    for actor in (factories.house_actor(house.id), factories.officer().actor()):
        with pytest.raises(NotYours):
            compromised.mark(premises_id=house.id, reason="threat", actor=actor, now=NOW)
    with pytest.raises(NotYours):
        compromised.mark(premises_id=uuid.uuid4(), reason="threat", actor=DUTY(), now=NOW)
    with pytest.raises(lifecycle.NotAllowed):
        compromised.mark(premises_id=house.id, reason="gossip", actor=DUTY(), now=NOW)


def test_it_is_safe_again_only_when_somebody_spoke_to_it_and_a_house_that_moved_has_typed_where(app):
    house = factories.house(rooms=1)
    mark(house)
    referral = factories.referral()
    with pytest.raises(lifecycle.NotAllowed, match="Ring the house first"):
        clear(house, spoken=False)
    with pytest.raises(lifecycle.NotAllowed, match="new address"):
        clear(house, "moved")
    assert house.compromised_at is not None and not premises.open_to_all(house, NOW)
    change_address(
        premises_id=house.id, new=NewAddress("9 Example Row\nExampleton", "LS2"), by=DUTY().by, now=NOW
    )
    clear(house, "moved")
    assert house.compromised_at is None and the_alert().ended_at is not None
    # Whoever was waiting is matched at once.
    placed = referrals.live_placement(referral)
    assert placed is not None and placed.premises_id == house.id
    facts = [
        (event.what, event.facts["reason"])
        for event in db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id))
        if event.what in ("house_compromised", "house_safe_again")
    ]
    assert facts == [("house_compromised", "exploiter"), ("house_safe_again", "moved")]


def test_who_has_seen_the_address_is_told_apart_by_the_address_they_saw(app, client):
    house = factories.house(rooms=2, name="Gorse House")
    force = factories.force(name="Northmoor Police")
    first = on_road(by=factories.officer(of=force, name="Ada Brown", collar_number="4821"))
    referrals.open_address(
        referral_id=first.referral_id, actor=first.referral.holder.actor(), reason="on_the_way", now=NOW
    )
    change_address(
        premises_id=house.id, new=NewAddress("9 Example Row", "LS1"), by=DUTY().by, now=NOW + MINUTE
    )
    second = on_road(by=factories.officer(of=force, name="Bela Cole"))
    referrals.open_address(
        referral_id=second.referral_id,
        actor=second.referral.holder.actor(),
        reason="on_the_way",
        now=NOW + 2 * MINUTE,
    )
    mark(house, at=NOW + 3 * MINUTE)
    desk = Visitor(client).sign_in(factories.coordinator())
    page = words(desk.get(f"/duty/premises/{house.id}/compromised"))
    now_part, before_part = page.split("Before it was changed (1)")
    assert "Who has seen the address (2)" in now_part
    assert "Bela Cole, Northmoor Police" in now_part and "Ada Brown" not in now_part.split("Who has seen")[1]
    assert (
        f"Ada Brown, Northmoor Police, collar number 4821, opened it for {first.referral.spoken}"
        in before_part
    )
    assert "Example Row" not in page


def test_the_house_reads_that_the_officer_on_the_way_was_told_not_to_come_yet(app, client):
    house = factories.house(name="Gorse House")
    comes = on_road()
    db.session.commit()
    staff = Visitor(client).sign_in(factories.staff(of=house.provider))
    pages = ("/house", f"/house/placements/{comes.id}")
    for path in pages:
        assert "the officer was told not to come yet" not in words(staff.get(path)).lower()
    mark(house)
    for path in pages:
        assert "the officer was told not to come yet" in words(staff.get(path)).lower()


def test_one_press_from_the_page_of_the_house_and_everything_on_one_screen(app, client):
    house = factories.house(rooms=3, name="Gorse House")
    lives, comes, waits = inside(), on_road(), factories.placement()
    next_house = factories.house(rooms=1, outcode="LS2", name="Heather House")
    db.session.commit()
    desk = Visitor(client).sign_in(factories.coordinator(name="Pat Lindqvist"))
    assert "House compromised" in words(desk.get(f"/houses/{house.id}"))
    path = f"/duty/premises/{house.id}/compromised"
    page = words(desk.get(path))
    assert "who lives there (1 request) stays" in page and "on the way (1 request)" in page
    assert "nobody has set off for (1 request)" in page
    db.session.expire_all()
    assert db.session.get_one(Premises, house.id).compromised_at is None, "looking marks nothing"
    refused = desk.post(path, 400)
    assert summary(refused) == ["Select what has happened"]
    page = desk.press(path, reason="watched")
    said = words(page)
    assert "Somebody was followed there, or it is being watched. Marked today 14:00 by Pat Lindqvist" in said
    for placement in (lives, comes):
        assert placement.referral.spoken in said
        assert f"/duty/placements/{placement.id}/" in page.text
    assert f"/duty/placements/{lives.id}/transfer" in page.text
    assert f"/duty/placements/{comes.id}/withdraw" in page.text
    assert f"{waits.referral.spoken} : now Heather House" in said
    assert next_house.id == referrals.live_placement(waits.referral).premises_id
    # Pressed again: the same screen, nobody told twice.
    desk.press(path, reason="threat")
    assert len(texts("ring_us_now")) == 1
    # On the board, with a way there.
    board = desk.get("/duty")
    assert "Gorse House: a house is compromised" in words(board) and path in board.text
    alert = the_alert()
    assert desk.post(f"/duty/alerts/{alert.id}/claim").headers["Location"] == path
    # And safe again.
    clear_path = f"/duty/premises/{house.id}/safe-again"
    assert summary(desk.post(clear_path, 400)) == [
        "Select why it is safe again",
        "Ring the house first, then select that it is ready to take people",
    ]
    assert summary(desk.post(clear_path, 400, reason="moved", spoken="y")) == [
        "The house has not typed a new address yet. It does that on its own page"
    ]
    assert "The house takes people again" in words(desk.press(clear_path, reason="checked", spoken="y"))
    assert "not marked as compromised" in words(desk.press(clear_path, reason="checked", spoken="y"))


def test_its_page_takes_no_more_questions_the_more_was_given_up(app, client):
    desk = Visitor(client).sign_in(factories.coordinator())
    asked: list[int] = []
    for many in (1, 4):
        house = factories.house(rooms=many)
        referrals.rematch(now=NOW)  # who was given up before comes here as well
        for _ in range(many - len(asked)):
            factories.placement()
        db.session.commit()
        mark(house)
        db.session.expire_all()
        with listening.statements() as seen:
            page = words(desk.get(f"/duty/premises/{house.id}/compromised"))
        assert f"Given up when it was marked ({many})" in page
        asked.append(len(seen))
    assert asked[0] == asked[1]


def test_the_officer_on_the_road_reads_it_on_their_page_too(app, client):
    house = factories.house(rooms=1)
    placement = on_road()
    officer = placement.referral.holder
    mark(house)
    page = Visitor(client).sign_in(officer).get(f"/referrals/{placement.referral_id}")
    said = words(page)
    assert "Do not go there yet" in said and "See the address" not in said
    assert house.name not in said


def test_a_hold_at_the_very_instant_is_given_up_or_never_made(app):
    """Twenty rounds of an officer asking and a coordinator marking at once: nobody is left promised a bed there."""
    house = factories.house(rooms=1)
    officer = factories.officer()
    db.session.commit()
    house_id, officer_id = house.id, officer.id
    seen: set[str] = set()
    for _ in range(20):
        barrier = threading.Barrier(2)
        problems: list[BaseException] = []

        def run(work):
            with app.app_context():
                try:
                    barrier.wait(60)  # noqa: B023
                    begin_write()
                    work()
                    db.session.commit()
                except BaseException as problem:
                    problems.append(problem)  # noqa: B023
                finally:
                    db.session.remove()

        def ask():
            referrals.open(
                request=factories.request(),
                officer=db.session.get_one(User, officer_id),
                form_token=new_id(),
                now=NOW,
            )

        def close():
            compromised.mark(premises_id=house_id, reason="threat", actor=DUTY(), now=NOW)

        threads = [threading.Thread(target=run, args=(work,)) for work in (ask, close)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert problems == []
        db.session.rollback()
        db.session.expire_all()
        live = db.session.scalars(sa.select(Placement).where(Placement.state.in_(LIVE))).all()
        assert live == []
        seen.add("held first" if db.session.scalar(sa.select(Placement.id).limit(1)) else "marked first")
        assert invariants.breaches(now=NOW) == []
        db.session.rollback()
        begin_write()
        for referral, _ in referrals.live():
            referrals.withdraw(referral_id=referral.id, actor=DUTY(), reason="mistake", now=NOW)
        clear(db.session.get_one(Premises, house_id))
    assert seen
