"""Ask everybody: who is asked, that the first yes wins and the others are told, and every answer that cannot be. On both."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import beds, bedspaces, duty, inbox, invariants, lifecycle, placements, premises, referrals
from safety.extensions import begin_write, db, new_id
from safety.lifecycle import AskAnswer, Event, ReferralState, State
from safety.models import AlertKind, Ask, AuditEvent, Contact, Placement, Premises, Referral, Text
from safety.permissions import NotYours
from safety.referrals import Happened
from tests import factories
from tests.factories import NOW

MINUTE = dt.timedelta(minutes=1)
_sids = itertools.count(1)


def full(*, rooms: int = 1, reason: str = "full", **kept: object) -> Premises:
    """A house with every room out of service, so that it fits but for its count."""
    house = factories.house(rooms=rooms, **kept)
    for bedspace in house.bedspaces:
        bedspaces.take_out(bedspace_id=bedspace.id, reason=reason, until=None, by="clock", now=NOW)
    return house


def asked(referral: Referral | None = None, now: dt.datetime = NOW) -> Referral:
    """Somebody for whom nothing is free, and everybody asked."""
    found = referral or factories.referral()
    assert found.state == ReferralState.SEARCHING
    referrals.ask_everybody(found, by="clock", now=now)
    return found


def ask_to(house: Premises) -> Ask:
    return db.session.scalars(
        sa.select(Ask).where(Ask.premises_id == house.id).order_by(Ask.asked_at.desc()).limit(1)
    ).one()


def yes(house: Premises, now: dt.datetime = NOW, **kept: object) -> referrals.Answered:
    actor = factories.house_actor(house.id)
    return referrals.say_yes(ask_id=ask_to(house).id, actor=actor, now=now, **kept)


def no(house: Premises, now: dt.datetime = NOW) -> referrals.Answered:
    return referrals.say_no(ask_id=ask_to(house).id, actor=factories.house_actor(house.id), now=now)


def send(house: Premises, body: str, now: dt.datetime = NOW) -> str:
    """A text from the house's telephone; returns the words of the answer."""
    db.session.commit()
    begin_write()
    words = inbox.receive(sid=f"SM{next(_sids):032x}", sender=house.contacts[0].phone, body=body, now=now)
    db.session.commit()
    return words or ""


def texts(wording: str) -> list[Text]:
    return list(db.session.scalars(sa.select(Text).where(Text.wording == wording)))


def phones(wording: str) -> set[str]:
    return {text.to for text in texts(wording)}


def phone(house: Premises) -> str:
    return house.contacts[0].phone


def placed(referral: Referral) -> Placement | None:
    return referrals.live_placement(referral)


def sound(now: dt.datetime = NOW) -> None:
    db.session.flush()
    # Nobody sends here, so texts wait.
    assert [line for line in invariants.breaches(now=now) if not line.startswith("I4: text")] == []


# Who is asked, and when


def test_every_house_that_fits_but_for_its_count_is_asked_by_text_at_once(app: Flask) -> None:
    could = [full(outcode="LS1"), full(outcode="LS29")]
    full(cohort="men")
    full(outcode="CF10", nation="Wales")
    full(supports=[])
    full(accepting=False, accepting_reason="staff")
    asked(factories.referral(support=("alcohol",)))
    assert phones("make_room") == {phone(house) for house in could}
    text = texts("make_room")[0]
    house = next(house for house in could if phone(house) == text.to)
    ask = ask_to(house)
    assert text.body == (
        f"Places of Safety: can you make room for {ask.referral.spoken} in group W? "
        f"Reply YES {ask.code} or NO {ask.code} by 14:15. Ring 0113 496 0100"
    )
    assert (text.worthless_at, text.referral_id) == (NOW + 15 * MINUTE, ask.referral_id)
    sound()


def test_a_house_that_is_full_with_people_is_not_asked(app: Flask) -> None:
    factories.house()
    factories.placement()
    asked()
    assert db.session.scalars(sa.select(Ask)).all() == []


def test_a_house_with_a_room_it_did_not_tell_of_is_asked_however_many_live_there(app: Flask) -> None:
    house = factories.house(rooms=2)
    lived = factories.placement()
    beds.report(premises_id=house.id, free={"W": 0}, by="clock", via="text", now=NOW)
    asked()
    spare = referrals.spare(ask_to(house), NOW)
    assert [room.id for room in spare] == [bed.id for bed in house.bedspaces if bed.id != lived.bedspace_id]


def test_nobody_is_asked_to_take_somebody_who_must_be_kept_apart_from_one_who_is_there(app: Flask) -> None:
    house = factories.house(rooms=2)
    force = factories.force()
    one = factories.referral(by=factories.officer(of=force))
    beds.report(premises_id=house.id, free={"W": 0}, by="clock", via="text", now=NOW)
    other = factories.referral(by=factories.officer(of=force), keep_apart=(one.spoken,))
    asked(other)
    assert db.session.scalars(sa.select(Ask)).all() == []


def test_when_cascade_houses_said_no_everybody_who_could_is_asked_in_the_same_step(app: Flask) -> None:
    for outcode in ("LS1", "LS2", "LS6"):
        factories.house(outcode=outcode)
    spare = full(outcode="LS29")
    referral = factories.referral()
    for count in range(3):
        assert db.session.scalars(sa.select(Ask)).all() == [], count
        now = NOW + count * MINUTE
        placement = placed(referral)
        actor = factories.house_actor(placement.premises_id)
        referrals.record(
            placement_id=placement.id, event=Event.DECLINE, actor=actor, facts={"reason": "staff"}, now=now
        )
    assert referral.state == ReferralState.SEARCHING
    assert {ask.premises_id for ask in db.session.scalars(sa.select(Ask))} == {spare.id}
    assert {alert.kind for alert in duty.open_alerts()} == {AlertKind.CASCADE, AlertKind.NOTHING_FITS}
    sound(NOW + 2 * MINUTE)


def test_while_the_next_house_is_asked_about_its_bed_the_others_are_left_in_peace(app: Flask) -> None:
    for outcode in ("LS1", "LS2", "LS6", "LS29"):
        factories.house(outcode=outcode)
    full(outcode="LS28")
    referral = factories.referral(eta_at=NOW + dt.timedelta(hours=3))
    for _ in range(3):
        placement = placed(referral)
        actor = factories.house_actor(placement.premises_id)
        referrals.record(
            placement_id=placement.id, event=Event.DECLINE, actor=actor, facts={"reason": "staff"}, now=NOW
        )
    assert placed(referral) is not None and db.session.scalars(sa.select(Ask)).all() == []
    # The fourth is silent: now there is nobody left but those who could make room.
    referrals.sweep(now=NOW + 15 * MINUTE)
    assert len(db.session.scalars(sa.select(Ask)).all()) == 1


def test_a_house_that_just_declined_is_not_asked_to_make_room(app: Flask) -> None:
    house = factories.house()
    placement = factories.placement()
    actor = factories.house_actor(house.id)
    referrals.record(
        placement_id=placement.id, event=Event.DECLINE, actor=actor, facts={"reason": "full"}, now=NOW
    )
    asked(placement.referral)
    assert db.session.scalars(sa.select(Ask)).all() == []


def test_a_coordinator_asks_everybody_without_waiting_and_only_once(app: Flask) -> None:
    house = full()
    referral = factories.referral()
    coordinator = factories.coordinator_actor()
    assert len(referrals.ask_by_hand(referral_id=referral.id, actor=coordinator, now=NOW)) == 1
    assert referrals.ask_by_hand(referral_id=referral.id, actor=coordinator, now=NOW) == []
    other = full(outcode="LS29")
    again = referrals.ask_by_hand(referral_id=referral.id, actor=coordinator, now=NOW)
    assert [ask.premises_id for ask in again] == [other.id]
    no(house)
    later = NOW + 20 * MINUTE
    # Silence may be asked again, with a new code; a no stands.
    third = referrals.ask_by_hand(referral_id=referral.id, actor=coordinator, now=later)
    assert [ask.premises_id for ask in third] == [other.id]
    assert again[0].code != third[0].code
    sound(later)


def test_only_a_coordinator_asks_by_hand_and_only_for_somebody_who_is_looked_for(app: Flask) -> None:
    house = full()
    referral = factories.referral()
    with pytest.raises(lifecycle.NotAllowed, match="coordinator"):
        referrals.ask_by_hand(referral_id=referral.id, actor=referral.holder.actor(), now=NOW)
    with pytest.raises(NotYours):
        referrals.ask_by_hand(referral_id=referral.id, actor=factories.house_actor(house.id), now=NOW)
    coordinator = factories.coordinator_actor()
    referral.paused_at, referral.paused_by = NOW, "clock"
    with pytest.raises(lifecycle.NotAllowed, match="Start the search again"):
        referrals.ask_by_hand(referral_id=referral.id, actor=coordinator, now=NOW)
    referral.paused_at = referral.paused_by = None
    bedspaces.bring_back(bedspace_id=house.bedspaces[0].id, by="clock", now=NOW)
    referrals.rematch(now=NOW)
    with pytest.raises(lifecycle.NotAllowed, match="not waiting"):
        referrals.ask_by_hand(referral_id=referral.id, actor=coordinator, now=NOW)


def test_a_house_without_a_telephone_is_asked_on_its_page(app: Flask) -> None:
    house = full()
    db.session.execute(sa.update(Contact).values(unreachable_at=NOW))
    db.session.expire_all()
    asked()
    assert texts("make_room") == []
    assert yes(house).kind is Happened.DONE


# The first yes wins


def test_a_yes_brings_the_room_back_holds_it_and_confirms_it_in_one_step(app: Flask) -> None:
    house, others = full(), [full(outcode="LS29"), full(outcode="LS6")]
    referral = asked()
    code = ask_to(house).code
    words = send(house, f"YES {code}", NOW + 5 * MINUTE)
    placement = placed(referral)
    assert (placement.premises_id, placement.state, placement.code) == (house.id, State.CONFIRMED, code)
    assert premises.out_now(NOW, house.id) == set()
    assert words.startswith(f"Places of Safety: {referral.spoken} is coming to group W, by ")
    assert phones("confirmed") == {referral.officer_phone} and texts("held") == texts("asked") == []
    assert phones("settled") == {phone(other) for other in others}
    answers = {ask.premises_id: ask.answer for ask in db.session.scalars(sa.select(Ask))}
    assert answers == {house.id: AskAnswer.YES} | {other.id: AskAnswer.SETTLED for other in others}
    assert {alert.kind for alert in duty.open_alerts()} == set()
    sound(NOW + 5 * MINUTE)


def test_a_second_yes_is_told_that_it_is_settled_and_its_room_stays_out(app: Flask) -> None:
    first, second = full(), full(outcode="LS29")
    referral = asked()
    codes = {house.id: ask_to(house).code for house in (first, second)}
    send(first, f"YES {codes[first.id]}")
    words = send(second, f"YES {codes[second.id]}", NOW + MINUTE)
    assert words == (
        f"Places of Safety: {referral.spoken} is settled, thank you. Nothing more to do. Ring 0113 496 0100"
    )
    assert placed(referral).premises_id == first.id
    assert premises.out_now(NOW + MINUTE, second.id) == {second.bedspaces[0].id}


@pytest.mark.parametrize("by_text", [True, False])
def test_the_same_yes_twice_is_a_success_that_changes_nothing(app: Flask, by_text: bool) -> None:
    house = full(rooms=2)
    referral = asked()
    code = ask_to(house).code
    if by_text:
        send(house, f"YES {code}")
        assert "recorded as confirmed" in send(house, f"YES {code}", NOW + MINUTE)
    else:
        assert yes(house).kind is Happened.DONE
        assert yes(house, NOW + MINUTE).kind is Happened.SAME
    assert placed(referral).confirmed_at == NOW
    assert len(premises.out_now(NOW, house.id)) == 1
    assert len(texts("confirmed")) == 1


def test_the_code_of_the_yes_goes_on_as_that_of_the_bed(app: Flask) -> None:
    house = full()
    referral = asked()
    code = ask_to(house).code
    send(house, f"YES {code}")
    send(house, f"ARRIVED {code}", NOW + 30 * MINUTE)
    assert placed(referral).state == State.ARRIVED
    assert "recorded as arrived" in send(house, f"NO {code}", NOW + 31 * MINUTE)
    assert placed(referral).state == State.ARRIVED


def test_the_room_that_was_only_counted_out_is_readier_than_the_one_under_repair(app: Flask) -> None:
    house = full(rooms=2)
    repair = house.bedspaces[1]
    bedspaces.take_out(bedspace_id=repair.id, reason="repair", until=None, by="clock", now=NOW + MINUTE)
    referral = asked(now=NOW + MINUTE)
    yes(house, NOW + MINUTE)
    assert placed(referral).bedspace_id == house.bedspaces[0].id
    assert premises.out_now(NOW + MINUTE, house.id) == {repair.id}


def test_a_room_that_does_not_fit_them_is_never_the_one_brought_back(app: Flask) -> None:
    house = full(rooms=1, room={"sleeps": 1})
    small = house.bedspaces[0]
    large = factories.bedspace(house, sleeps=3, name="Large")
    db.session.refresh(house)
    bedspaces.take_out(bedspace_id=large.id, reason="repair", until=None, by="clock", now=NOW)
    referral = asked(factories.referral(adults=3))
    yes(house)
    assert placed(referral).bedspace_id == large.id and small.id in premises.out_now(NOW, house.id)


# A house of several groups


def two_groups() -> Premises:
    """A house of women's rooms W and family rooms F, all out of service."""
    house = full()
    flat = factories.bedspace(house, factories.group(house, letter="F", name="Family rooms"), sleeps=4)
    db.session.refresh(house)
    bedspaces.take_out(bedspace_id=flat.id, reason="full", until=None, by="clock", now=NOW)
    return house


def test_a_house_of_several_groups_is_asked_for_the_letter_and_means_what_it_says(app: Flask) -> None:
    house = two_groups()
    referral = asked()
    code = ask_to(house).code
    assert texts("make_room_in")[0].body == (
        f"Places of Safety: can you make room for {referral.spoken} in group F or W? "
        f"Reply YES {code} and the letter, or NO {code}, by 14:15. Ring 0113 496 0100"
    )
    words = send(house, f"YES {code}")
    assert words == (
        f"Places of Safety: nothing was changed yet. Which group for {referral.spoken}? "
        f"Reply YES {code} and its letter: F or W. Ring 0113 496 0100"
    )
    assert placed(referral) is None and len(premises.out_now(NOW, house.id)) == 2
    send(house, f"YES {code} F")
    assert placed(referral).bedspace.group.letter == "F"
    # Already theirs, in another group: somebody should look.
    assert "sign in" in send(house, f"YES {code} W")
    assert placed(referral).bedspace.group.letter == "F"


def test_a_group_there_is_not_and_a_group_without_a_room_do_nothing_and_say_so(app: Flask) -> None:
    house = two_groups()
    referral = asked(factories.referral(adults=3))
    code = ask_to(house).code
    assert f"room for {referral.spoken} in group F? Reply YES {code} and" in texts("make_room_in")[0].body
    assert "You have no group M" in send(house, f"YES {code} M")
    assert "no room out of service in group W fits" in send(house, f"YES {code} W")
    assert "Which group" in send(house, f"YES {code}")
    assert placed(referral) is None and len(premises.out_now(NOW, house.id)) == 2


def test_a_house_that_has_no_room_any_more_is_told_so(app: Flask) -> None:
    house = full()
    referral = asked()
    code = ask_to(house).code
    db.session.get_one(Premises, house.id).accepting = False
    house.accepting_reason = "staff"
    assert "no room out of service in your house fits" in send(house, f"YES {code}")
    assert "no room out of service in group W fits" in send(house, f"YES {code} W")
    assert placed(referral) is None


# No, silence, and too late


def test_a_no_is_noted_once_and_may_be_taken_back_while_they_still_search(app: Flask) -> None:
    house = full()
    referral = asked()
    code = ask_to(house).code
    words = send(house, f"NO {code}")
    assert words == (
        f"Places of Safety: thank you, noted that you have no room for {referral.spoken}. "
        "Nothing more to do. Ring 0113 496 0100"
    )
    assert send(house, f"no {code} B", NOW + MINUTE) == words
    assert ask_to(house).answered_at == NOW
    send(house, f"YES {code}", NOW + 2 * MINUTE)
    assert placed(referral).premises_id == house.id


def test_whoever_said_no_is_not_written_to_again(app: Flask) -> None:
    first, second = full(), full(outcode="LS29")
    asked()
    no(first)
    yes(second)
    assert texts("settled") == []


def test_silence_lapses_never_early_and_once_and_the_alert_stays(app: Flask) -> None:
    house = full()
    referral = asked()
    referrals.sweep(now=NOW + 15 * MINUTE - dt.timedelta(seconds=1))
    assert ask_to(house).answer is None
    for minutes in (15, 16):
        referrals.sweep(now=NOW + minutes * MINUTE)
        assert (ask_to(house).answer, ask_to(house).settled_at) == (AskAnswer.LAPSED, NOW + 15 * MINUTE)
    lapsed = sa.select(AuditEvent).where(AuditEvent.what == "asks_lapsed")
    assert len(db.session.scalars(lapsed).all()) == 1
    assert [alert.kind for alert in duty.open_alerts()] == [AlertKind.NOTHING_FITS]
    assert referral.state == ReferralState.SEARCHING
    sound(NOW + 16 * MINUTE)


@pytest.mark.parametrize("swept", [True, False])
def test_a_late_yes_counts_while_they_still_search(app: Flask, swept: bool) -> None:
    house = full()
    referral = asked()
    later = NOW + 40 * MINUTE
    if swept:
        referrals.sweep(now=later)
    send(house, f"YES {ask_to(house).code}", later)
    assert placed(referral).state == State.CONFIRMED
    sound(later)


def test_an_old_code_and_a_new_one_mean_the_same_house_and_nobody_is_told_twice(app: Flask) -> None:
    house, other = full(), full(outcode="LS29")
    referral = asked()
    old = ask_to(house)
    asked(referral, NOW + 20 * MINUTE)
    assert ask_to(house).code != old.code
    send(house, f"YES {old.code}", NOW + 21 * MINUTE)
    assert placed(referral).code == old.code
    assert [text.to for text in texts("settled")] == [phone(other)]
    sound(NOW + 21 * MINUTE)


def test_a_day_later_a_code_means_nothing(app: Flask) -> None:
    house = full()
    asked()
    code = ask_to(house).code
    referrals.sweep(now=NOW + 15 * MINUTE)
    later = NOW + dt.timedelta(hours=25)
    assert "do not know that code" in send(house, f"YES {code}", later)
    with pytest.raises(NotYours):
        yes(house, later)


# However it is settled, whoever was asked hears of it once


def test_a_bed_found_in_any_other_way_settles_every_ask(app: Flask) -> None:
    houses = [full(), full(outcode="LS29")]
    referral = asked()
    elsewhere = factories.house(outcode="LS6")
    referrals.rematch(now=NOW + MINUTE)
    assert placed(referral).premises_id == elsewhere.id
    assert sorted(text.to for text in texts("settled")) == sorted(phone(house) for house in houses)
    referrals.sweep(now=NOW + 2 * MINUTE)
    assert len(texts("settled")) == 2
    assert "is settled" in send(houses[0], f"YES {ask_to(houses[0]).code}", NOW + 3 * MINUTE)
    sound(NOW + 3 * MINUTE)


def test_a_withdrawn_request_settles_every_ask(app: Flask) -> None:
    house = full()
    referral = asked()
    referrals.withdraw(referral_id=referral.id, actor=referral.holder.actor(), reason="elsewhere", now=NOW)
    assert [text.to for text in texts("settled")] == [phone(house)]
    assert "is settled" in send(house, f"YES {ask_to(house).code}", NOW + MINUTE)
    assert "is settled" in send(house, f"NO {ask_to(house).code}", NOW + MINUTE)
    assert placed(referral) is None
    sound(NOW + MINUTE)


def test_a_house_that_says_its_bed_is_free_is_not_told_that_it_is_settled(app: Flask) -> None:
    """It is asked about that very bed, and a yes to either code means yes."""
    house = full()
    referral = asked()
    code = ask_to(house).code
    send(house, "BEDS 1", NOW + MINUTE)
    placement = placed(referral)
    assert (placement.state, placement.premises_id) == (State.HELD, house.id)
    assert texts("settled") == [] and phones("asked") == {phone(house)}
    assert placement.code != code
    assert "recorded as held" in send(house, f"NO {code}", NOW + 2 * MINUTE)
    assert placement.state == State.HELD
    send(house, f"YES {code}", NOW + 2 * MINUTE)
    assert placement.state == State.CONFIRMED
    sound(NOW + 2 * MINUTE)


def test_a_yes_while_nobody_knows_where_they_are_holds_nothing(app: Flask) -> None:
    house = full()
    referral = asked()
    referrals.sweep(now=NOW + 15 * MINUTE)
    referral.paused_at, referral.paused_by = NOW, "clock"
    assert "is settled" in send(house, f"YES {ask_to(house).code}", NOW + 16 * MINUTE)
    assert placed(referral) is None and premises.out_now(NOW, house.id) != set()


def test_a_yes_that_was_given_back_is_not_given_again_by_the_old_code(app: Flask) -> None:
    house = full()
    referral = asked()
    yes(house)
    referrals.record(
        placement_id=placed(referral).id,
        event=Event.CANCEL,
        actor=referral.holder.actor(),
        facts={"reason": "unsuitable", "still_needed": True},
        now=NOW + MINUTE,
    )
    assert yes(house, NOW + 2 * MINUTE).kind is Happened.SETTLED
    assert placed(referral) is None


# One code, one meaning; one house, its own


def test_another_houses_telephone_does_nothing_and_learns_nothing(app: Flask) -> None:
    house, other = full(), full(cohort="men")
    referral = asked()
    code = ask_to(house).code
    assert "do not know that code" in send(other, f"YES {code}")
    assert placed(referral) is None
    for act in (referrals.say_yes, referrals.say_no):
        with pytest.raises(NotYours):
            act(ask_id=ask_to(house).id, actor=factories.house_actor(other.id), now=NOW)
        with pytest.raises(NotYours):
            act(ask_id=new_id(), actor=factories.house_actor(house.id), now=NOW)


def test_an_ask_is_no_bed_so_nobody_arrives_by_its_code(app: Flask) -> None:
    house = full()
    asked()
    code = ask_to(house).code
    for body in (f"ARRIVED {code}", f"NOT ARRIVED {code}"):
        assert "sign in" in send(house, body)
    assert ask_to(house).answer is None


def test_a_code_is_never_both_an_asks_and_a_beds(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([1, 1, 2, 2, 2, 3])
    monkeypatch.setattr("safety.placements.codes.secrets.randbelow", lambda _: next(drawn))
    full()
    asked()
    asked(factories.referral(adults=2))
    codes = {ask.code for ask in db.session.scalars(sa.select(Ask))}
    assert codes == {"1001", "1002"}
    factories.house(outcode="LS29", cohort="men", room={"cohort": "men"})
    held = factories.placement(cohort="men")
    assert held.code == "1003"
    # Over, and still its own for a day.
    begun = NOW + 15 * MINUTE
    referrals.sweep(now=begun)
    taken = placements.ask_has_code(begun + dt.timedelta(hours=24) - MINUTE)
    assert len(db.session.scalars(sa.select(Ask).where(taken)).all()) == 2
    gone = placements.ask_has_code(begun + dt.timedelta(hours=24))
    assert db.session.scalars(sa.select(Ask).where(gone)).all() == []


def test_a_yes_without_a_code_acts_when_the_ask_is_all_that_waits(app: Flask) -> None:
    house = full()
    referral = asked()
    send(house, "Yes")
    assert placed(referral).premises_id == house.id


def test_a_yes_without_a_code_does_nothing_when_a_bed_waits_too(app: Flask) -> None:
    house = factories.house(rooms=2)
    held = factories.placement()
    beds.report(premises_id=house.id, free={"W": 0}, by="clock", via="text", now=NOW)
    referral = asked()
    assert "could not tell" in send(house, "Yes")
    assert held.state == State.HELD and placed(referral) is None


# What the database itself refuses


@pytest.mark.parametrize(
    "change",
    [
        {"answer": "perhaps"},
        {"answer": "yes"},
        {"answer": "settled"},
        {"answered_at": NOW, "answered_by": "clock"},
        {"answered_by": "clock"},
        {"settled_at": NOW},
        {"answer": "no", "answered_at": NOW},
        {"answer": "lapsed", "settled_at": NOW + 14 * MINUTE},
        {"answer_by": NOW},
    ],
)
def test_an_ask_that_cannot_be_is_refused(app: Flask, change: dict[str, object]) -> None:
    full()
    asked()
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(sa.update(Ask).values(**change))


@pytest.mark.parametrize("promise", ["premises", "code"])
def test_a_house_is_asked_once_at_a_time_and_a_code_names_one_ask(app: Flask, promise: str) -> None:
    full(), full(outcode="LS29")
    asked()
    one, other = db.session.scalars(sa.select(Ask)).all()
    value = {"premises_id": one.premises_id} if promise == "premises" else {"code": one.code}
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(sa.update(Ask).where(Ask.id == other.id).values(**value))
