"""Texts that come in: what each does, to whose things, and what is said back. On both databases."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
import sqlalchemy as sa
from flask import Flask

from safety import bedspaces, duty, inbox, lifecycle, messages, premises, referrals
from safety.crypto import ring
from safety.extensions import begin_write, db
from safety.lifecycle import Event, ReferralState, State
from safety.models import AlertKind, BedReport, Contact, Inbound, Placement, Premises, Text
from tests import factories
from tests.factories import NOW

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
ON_CALL = "+447700900199"
_sids = itertools.count(1)


def send(
    sender: str,
    body: str,
    now: dt.datetime = NOW,
    sid: str | None = None,
    sent_at: dt.datetime | None = None,
) -> str | None:
    """A text comes in; returns the words of the answer. Committed, so that only what lasts is seen afterwards."""
    db.session.commit()
    begin_write()
    sid = sid or f"SM{next(_sids):032x}"
    words = inbox.receive(sid=sid, sender=sender, body=body, sent_at=sent_at, now=now)
    db.session.commit()
    return words


def last() -> Inbound:
    return db.session.scalars(
        sa.select(Inbound).order_by(Inbound.received_at.desc(), Inbound.sid.desc()).limit(1)
    ).one()


def placed(**kept: object) -> tuple[Premises, Placement]:
    """A house with a held placement."""
    house = factories.house(**kept)
    return house, factories.placement()


def mobile(house: Premises) -> str:
    return house.contacts[0].phone


def on_the_road(placement: Placement) -> None:
    """Confirmed and set off."""
    record(placement, Event.CONFIRM)
    record(placement, Event.SET_OFF, eta_at=NOW + 40 * MINUTE)


def record(placement: Placement, event: Event, **facts: object) -> None:
    actor = factories.coordinator_actor()
    referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=NOW)


# The house answers


def test_a_yes_with_its_code_confirms(app: Flask) -> None:
    house, placement = placed()
    words = send(mobile(house), f"Yes {placement.code}")
    assert placement.state == State.CONFIRMED
    assert placement.confirmed_by == f"phone:{ring().index('phone', mobile(house))}"
    assert (
        words
        == f"Places of Safety: thank you, {placement.referral.spoken} is recorded as confirmed. Ring 0113 496 0100"
    )
    assert (last().meaning, last().outcome, last().placement_id) == ("yes", "confirm:done", placement.id)


def test_the_answer_goes_through_the_outbox_and_is_worth_ten_minutes(app: Flask) -> None:
    house, placement = placed()
    words = send(mobile(house), f"YES {placement.code}")
    answer = db.session.scalars(sa.select(Text).where(Text.wording == "noted")).one()
    assert (answer.to, answer.body, answer.worthless_at) == (mobile(house), words, NOW + 10 * MINUTE)
    assert (answer.placement_id, answer.critical) == (placement.id, False)


def test_the_same_text_delivered_twenty_times_acts_once(app: Flask) -> None:
    house, placement = placed()
    answers = [send(mobile(house), f"NO {placement.code}", sid="SMsame") for _ in range(20)]
    assert [answer is None for answer in answers] == [False] + [True] * 19
    assert len(db.session.scalars(sa.select(Inbound)).all()) == 1


def test_a_yes_without_a_code_acts_when_just_one_thing_waits(app: Flask) -> None:
    house, placement = placed()
    send(mobile(house), "Yes")
    assert placement.state == State.CONFIRMED


def test_a_yes_without_a_code_does_nothing_when_two_things_wait(app: Flask) -> None:
    house, first = placed(rooms=2)
    second = factories.placement()
    words = send(mobile(house), "Yes")
    assert (first.state, second.state) == (State.HELD, State.HELD)
    assert words is not None and "could not tell" in words


def test_a_yes_without_a_code_does_nothing_when_nothing_waits(app: Flask) -> None:
    house, placement = placed()
    send(mobile(house), "Yes")
    words = send(mobile(house), "Yes")
    assert placement.state == State.CONFIRMED
    assert words is not None and "could not tell" in words


def test_the_same_yes_again_is_thanked_for_and_changes_nothing(app: Flask) -> None:
    house, placement = placed()
    first = send(mobile(house), f"yes {placement.code}")
    again = send(mobile(house), f"YES {placement.code}", now=NOW + MINUTE)
    assert first == again
    assert placement.confirmed_at == NOW


def test_a_yes_for_another_group_does_nothing(app: Flask) -> None:
    house, placement = placed()
    words = send(mobile(house), f"YES {placement.code} M")
    assert placement.state == State.HELD
    assert words is not None and "sign in" in words
    send(mobile(house), f"YES {placement.code} W")
    assert placement.state == State.CONFIRMED


def test_a_no_does_not_wait_for_its_reason(app: Flask) -> None:
    house, placement = placed()
    elsewhere = factories.house(outcode="LS29")
    words = send(mobile(house), f"NO {placement.code}")
    assert (placement.state, placement.reason) == (State.DECLINED, "other")
    assert referrals.live_placement(placement.referral).premises_id == elsewhere.id
    assert words is not None and f"NO {placement.code} and a letter" in words


def test_a_no_with_its_letter_is_recorded_with_its_reason(app: Flask) -> None:
    house, placement = placed()
    words = send(mobile(house), f"NO {placement.code} B")
    assert placement.reason == "staff"
    assert words is not None and "thank you" in words and "declined by the house" in words


def test_the_letter_may_come_after_the_no(app: Flask) -> None:
    house, placement = placed()
    send(mobile(house), f"NO {placement.code}")
    words = send(mobile(house), f"NO {placement.code} C", now=NOW + 59 * MINUTE)
    assert placement.reason == "repair"
    assert words is not None and "declined. Nobody is sent to that room until tomorrow" in words


@pytest.mark.parametrize("after", [False, True], ids=("with the no", "after it"))
def test_a_no_about_the_room_takes_it_out_and_says_until_when(app: Flask, after: bool) -> None:
    house, placement = placed()
    room = placement.bedspace_id
    if after:
        send(mobile(house), f"NO {placement.code}")
    words = send(mobile(house), f"NO {placement.code} C")
    spell = bedspaces.spell(bedspace_id=room, now=NOW)
    assert spell is not None and (spell.reason, spell.until) == ("repair", NOW + dt.timedelta(hours=12))
    assert words is not None and "Nobody is sent to that room until tomorrow 02:00. Free before?" in words


def test_a_reason_that_comes_when_the_room_is_somebody_elses_leaves_it_theirs(app: Flask) -> None:
    house, placement = placed()
    send(mobile(house), f"NO {placement.code}")
    other = factories.placement()
    assert other.bedspace_id == placement.bedspace_id
    words = send(mobile(house), f"NO {placement.code} C")
    assert bedspaces.spell(bedspace_id=other.bedspace_id, now=NOW) is None and other.state == State.HELD
    assert words is not None and "Nobody is sent" not in words and placement.reason == "repair"


def test_the_letter_may_not_come_the_next_day(app: Flask) -> None:
    house, placement = placed()
    send(mobile(house), f"NO {placement.code}")
    words = send(mobile(house), f"NO {placement.code} C", now=NOW + 61 * MINUTE)
    assert placement.reason == "other"
    assert words is not None and "could not be changed" in words


def test_no_said_twice_is_one_no(app: Flask) -> None:
    house, placement = placed()
    send(mobile(house), f"NO {placement.code} B")
    words = send(mobile(house), f"NO {placement.code}")
    assert placement.reason == "staff"
    assert words is not None and "thank you" in words and "declined by the house" in words


def test_a_no_after_the_yes_changes_nothing_and_says_to_ring(app: Flask) -> None:
    house, placement = placed()
    send(mobile(house), f"YES {placement.code}")
    words = send(mobile(house), f"NO {placement.code}")
    assert placement.state == State.CONFIRMED
    assert words is not None and "could not be changed, it is recorded as confirmed. Ring" in words
    assert last().outcome == "decline:conflict"


def test_a_late_yes_takes_the_person_who_still_searches(app: Flask) -> None:
    house, placement = placed()
    # Nobody else has room, and the house let the hold lapse.
    then = placement.answer_by + MINUTE
    referrals.sweep(now=then)
    assert placement.state == State.LAPSED
    words = send(mobile(house), f"YES {placement.code}", now=then + MINUTE)
    again = referrals.live_placement(placement.referral)
    assert again is not None and again.state == State.CONFIRMED
    assert words is not None and "recorded as confirmed" in words


def test_a_late_yes_for_somebody_settled_is_thanked_for(app: Flask) -> None:
    house, placement = placed()
    factories.house(outcode="LS29")
    then = placement.answer_by + MINUTE
    referrals.sweep(now=then)
    words = send(mobile(house), f"YES {placement.code}", now=then + MINUTE)
    assert placement.state == State.LAPSED
    assert words is not None and "is settled, thank you" in words


def test_a_late_yes_for_somebody_who_still_searches_and_does_not_fit_is_not_called_settled(
    app: Flask,
) -> None:
    house, placement = placed()
    then = placement.answer_by + MINUTE
    referrals.sweep(now=then)
    placement.bedspace.sleeps = 1
    placement.referral.needs = {**placement.referral.needs, "adults": 2}
    placement.referral.party = 2
    words = send(mobile(house), f"YES {placement.code}", now=then + MINUTE)
    assert placement.referral.state == ReferralState.SEARCHING
    assert words is not None and "settled" not in words and "could not be changed" in words
    assert last().outcome == "confirm:settled"


def test_arrived_is_recorded_and_said_once(app: Flask) -> None:
    house, placement = placed()
    on_the_road(placement)
    words = send(mobile(house), f"arrived {placement.code}")
    assert (placement.state, placement.arrived_at) == (State.ARRIVED, NOW)
    # The arrival's own text goes to this very telephone.
    assert words is None
    told = db.session.scalars(
        sa.select(Text).where(Text.to_index == ring().index("phone", mobile(house)))
    ).all()
    assert sorted(text.wording for text in told) == ["arrived_for_house", "asked", "on_the_way"]


def test_not_arrived_needs_its_code(app: Flask) -> None:
    house, placement = placed()
    on_the_road(placement)
    send(mobile(house), "not arrived")
    assert placement.state == State.CONFIRMED
    send(mobile(house), f"NOT ARRIVED {placement.code}")
    assert (placement.state, placement.reason) == (State.NOT_ARRIVED, "unknown")


@pytest.mark.parametrize("body", ["arrived", "they have arrived safely", "not arrived", "late"])
def test_only_a_yes_or_a_no_goes_without_its_code(app: Flask, body: str) -> None:
    """Who waits now may be somebody else than who was meant, and one person's arrival must never be another's."""
    house, placement = placed()
    on_the_road(placement)
    before = (placement.state, placement.last_at, placement.arrive_by)
    for sender in (mobile(house), placement.referral.officer_phone):
        words = send(sender, body)
        assert words is not None and "needs its code" in words, sender
        assert len(words) <= messages.LIMIT and set(words) <= messages.GSM7
        assert last().outcome == "code_needed"
    assert (placement.state, placement.last_at, placement.arrive_by) == before


def test_that_a_code_is_needed_is_said_once_in_ten_minutes(app: Flask) -> None:
    house, placement = placed()
    on_the_road(placement)
    answers = [send(mobile(house), "arrived", now=NOW + minute * MINUTE) for minute in (0, 9, 10)]
    assert [answer is not None for answer in answers] == [True, False, True]


def test_not_arrived_of_somebody_who_never_set_off_changes_nothing(app: Flask) -> None:
    house, placement = placed()
    record(placement, Event.CONFIRM)
    words = send(mobile(house), f"NOT ARRIVED {placement.code}")
    assert placement.state == State.CONFIRMED
    assert words is not None and "could not be changed" in words


def test_arrived_where_the_bed_is_gone_keeps_them_safe(app: Flask) -> None:
    house, placement = placed()
    record(placement, Event.CONFIRM)
    released = placement.arrive_by + MINUTE
    referrals.sweep(now=released)
    factories.placement(now=released)  # somebody else has the bed now
    words = send(mobile(house), f"ARRIVED {placement.code}", now=released + MINUTE)
    assert words is not None and "Keep them safe inside" in words
    assert AlertKind.NO_BED_ON_ARRIVAL in {alert.kind for alert in duty.open_alerts()}


def test_a_departure_needs_more_than_a_text(app: Flask) -> None:
    house, placement = placed()
    on_the_road(placement)
    record(placement, Event.ARRIVE)
    words = send(mobile(house), f"DEPARTED {placement.code}")
    assert placement.state == State.ARRIVED
    assert words is not None and "Nothing was changed" in words


def test_same_makes_the_figures_fresh_and_reads_them_back(app: Flask) -> None:
    house = factories.house(rooms=2, now=NOW - dt.timedelta(days=2))
    words = send(mobile(house), "SAME")
    assert (house.reported_at, house.reported_via) == (NOW, "text")
    assert (
        words
        == "Places of Safety: thank you, your beds are marked the same as before: W2 free. Ring 0113 496 0100"
    )


def frees(house: Premises, now: dt.datetime = NOW) -> dict[str, int]:
    db.session.expire_all()
    return {count.letter: count.free for count in premises.counts(house, now)}


def with_family_flat(house: Premises, rooms: int = 1) -> Premises:
    group = factories.group(house, letter="F", name="Family flats")
    for place in range(rooms):
        factories.bedspace(house, group, name=f"Flat {place + 1}", sleeps=4, self_contained=True)
    db.session.refresh(house)
    return house


def test_beds_by_text_change_the_figures_and_are_read_back(app: Flask) -> None:
    house = with_family_flat(factories.house(rooms=3, now=NOW - dt.timedelta(days=2)))
    words = send(mobile(house), "BEDS W2 F0")
    assert frees(house) == {"F": 0, "W": 2}
    assert (house.reported_at, house.reported_via) == (NOW, "text")
    assert words is not None and "F0 W2 free now" in words and "UNDO within 10 minutes" in words
    assert send(mobile(house), "beds w three") is not None
    assert frees(house) == {"F": 0, "W": 3}
    kept = db.session.scalars(sa.select(BedReport).order_by(BedReport.number)).all()
    assert [(row.via, row.before, row.after) for row in kept] == [
        ("text", {"W": 3, "F": 1}, {"W": 2, "F": 0}),
        ("text", {"W": 2, "F": 0}, {"W": 3, "F": 0}),
    ]


def test_more_beds_by_text_are_held_for_whoever_was_searching_in_the_same_transaction(app: Flask) -> None:
    house = factories.house()
    send(mobile(house), "BEDS 0")
    waiting = factories.referral()
    assert waiting.state == ReferralState.SEARCHING
    words = send(mobile(house), "BEDS W1")
    assert waiting.state == ReferralState.PLACED
    assert words is not None and "W1 free now" in words
    assert frees(house) == {"W": 0}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("BEDS W9", "W can have 3 free at most"),
        ("BEDS W1 F9", "F can have 1 free at most"),  # W1 would have been possible: all of it or nothing
        ("BEDS Q1", "You have no group Q"),
        ("BEDS W1 Q1", "You have no group Q"),
        ("BEDS 2", "like BEDS F1 W1"),
        ("BEDS W1 W2", "could not tell"),
        ("BEDS W-1", "could not tell"),
        ("BEDS W100", "could not tell"),
        ("BEDS", "could not tell"),
    ],
)
def test_figures_that_cannot_be_change_nothing_and_say_why(app: Flask, body: str, why: str) -> None:
    house = with_family_flat(factories.house(rooms=3))
    words = send(mobile(house), body)
    assert words is not None and why in words
    assert frees(house) == {"F": 1, "W": 3}
    assert db.session.scalars(sa.select(BedReport)).all() == []


def test_beds_that_are_held_are_not_counted_and_cannot_be_talked_away(app: Flask) -> None:
    house, placement = placed(rooms=2)
    assert frees(house) == {"W": 1}
    words = send(mobile(house), "BEDS 2")
    assert words is not None and "W can have 1 free at most" in words
    send(mobile(house), "BEDS 0")
    assert (placement.state, frees(house)) == (State.HELD, {"W": 0})


def test_no_beds_at_all_is_clear_for_every_group_and_house(app: Flask) -> None:
    one = with_family_flat(factories.house(rooms=3))
    other = factories.house(rooms=2, provider=one.provider)
    contact = other.contacts[0]
    contact.phone, contact.phone_index = one.contacts[0].phone, one.contacts[0].phone_index
    send(mobile(one), "BEDS none")
    assert (frees(one), frees(other)) == ({"F": 0, "W": 0}, {"W": 0})
    send(mobile(one), "UNDO")
    assert (frees(one), frees(other)) == ({"F": 1, "W": 3}, {"W": 2})


def test_a_letter_of_two_houses_on_one_telephone_is_not_guessed(app: Flask) -> None:
    one = with_family_flat(factories.house(rooms=3))
    other = factories.house(rooms=2, provider=one.provider)
    contact = other.contacts[0]
    contact.phone, contact.phone_index = one.contacts[0].phone, one.contacts[0].phone_index
    words = send(mobile(one), "BEDS W1")
    assert words is not None and "more than one of your houses" in words
    assert (frees(one), frees(other)) == ({"F": 1, "W": 3}, {"W": 2})
    send(mobile(one), "BEDS F0")
    assert (frees(one), frees(other)) == ({"F": 0, "W": 3}, {"W": 2})


def test_undo_by_text_takes_the_last_change_back_within_ten_minutes_and_once(app: Flask) -> None:
    house = factories.house(rooms=3, now=NOW - dt.timedelta(days=2))
    before = (house.reported_at, house.reported_via)
    send(mobile(house), "BEDS 1")
    words = send(mobile(house), "UNDO", NOW + 10 * MINUTE)
    assert frees(house) == {"W": 3}
    assert words is not None and "undone" in words and "W3 free" in words
    # The old word stands again, with its age: undoing makes nothing fresh.
    assert (house.reported_at, house.reported_via) == before
    again = send(mobile(house), "UNDO", NOW + 10 * MINUTE)
    assert again is not None and "no change" in again
    send(mobile(house), "BEDS 1")
    late = send(mobile(house), "UNDO", NOW + 11 * MINUTE)
    assert late is not None and "no change" in late
    assert frees(house) == {"W": 1}


def test_undo_does_not_take_a_bed_from_whoever_was_given_it(app: Flask) -> None:
    house = factories.house()
    send(mobile(house), "BEDS 0")
    waiting = factories.referral()
    send(mobile(house), "BEDS 1")
    words = send(mobile(house), "UNDO")
    assert waiting.state == ReferralState.PLACED
    assert words is not None and "given since" in words


def test_figures_of_a_closed_house_count_and_nobody_is_sent(app: Flask) -> None:
    house = factories.house(accepting=False, accepting_reason="staff")
    send(mobile(house), "BEDS 0")
    waiting = factories.referral()
    words = send(mobile(house), "BEDS 1")
    assert waiting.state == ReferralState.SEARCHING
    assert words is not None and "you are closed" in words
    assert frees(house) == {"W": 1}


def test_figures_sent_twice_act_once(app: Flask) -> None:
    house = factories.house(rooms=3)
    for _ in range(2):
        send(mobile(house), "BEDS 1", sid="SMtwice")
    assert len(db.session.scalars(sa.select(BedReport)).all()) == 1


def test_info_says_what_may_be_answered(app: Flask) -> None:
    assert send(mobile(factories.house()), "info") == messages.info(messages.Matter(ring="0113 496 0100"))


# Whose telephone, and whose thing


def test_another_houses_code_does_nothing_and_tells_nothing(app: Flask) -> None:
    _, placement = placed()
    stranger = factories.house(cohort="men")
    before = (placement.state, placement.last_at, placement.arrive_by)
    unknown = next(code for code in ("1111", "2222") if code != placement.code)
    tries = ("YES {}", "NO {}", "NO {} B", "ARRIVED {}", "NOT ARRIVED {}", "LATE {}", "DEPARTED {}")
    for turn, body in enumerate(tries):
        now = NOW + turn * 10 * MINUTE  # the same words are not said a third time within ten minutes
        told = send(mobile(stranger), body.format(placement.code), now)
        assert (placement.state, placement.last_at, placement.arrive_by) == before, body
        # Word for word the answer to a code that does not exist.
        assert told is not None and told == send(mobile(stranger), body.format(unknown), now), body
        assert placement.referral.spoken not in told


def test_an_unknown_number_gets_nothing_done_and_nothing_back(app: Flask) -> None:
    _, placement = placed()
    senders = ("+447700900998", "+353851234567", "88888", "Bank")
    bodies = (f"YES {placement.code}", "INFO", "hello", "STOP", "OK 123", "SAME", "BEDS 3")
    for sender, body in itertools.product(senders, bodies):
        assert send(sender, body) is None, (sender, body)
        assert last().outcome == "unknown_number", (sender, body)
    assert placement.state == State.HELD
    # So many are told to a coordinator, by day.
    assert [(alert.kind, alert.urgent) for alert in duty.open_alerts()] == [(AlertKind.NOT_THEIRS, False)]


def test_what_was_written_and_what_it_meant_are_both_kept_and_sealed(app: Flask) -> None:
    house, placement = placed()
    send(mobile(house), f"yes {placement.code} thanks")
    kept = last()
    assert (kept.sender, kept.body, kept.meaning) == (mobile(house), f"yes {placement.code} thanks", "yes")
    raw = db.session.execute(sa.text("SELECT sender_sealed, body_sealed FROM inbound")).one()
    assert not any(mobile(house)[-6:] in column or placement.code in column for column in raw)


def test_a_telephone_of_two_houses_acts_for_both(app: Flask) -> None:
    house, placement = placed()
    other = factories.house(outcode="LS29")
    shared = mobile(other)
    db.session.add(
        Contact(premises_id=house.id, position=2, phone=shared, phone_index=ring().index("phone", shared))
    )
    send(shared, f"YES {placement.code}")
    assert placement.state == State.CONFIRMED


# The officer


def test_the_officer_who_holds_it_moves_the_arrival_by_half_an_hour(app: Flask) -> None:
    _, placement = placed()
    record(placement, Event.CONFIRM)
    before = placement.arrive_by
    words = send(placement.referral.officer_phone, f"late {placement.code}")
    assert placement.arrive_by == before + 30 * MINUTE
    assert placement.last_by == f"user:{placement.referral.holder_id.hex}"
    assert words is not None and "noted, arrive by 17:30" in words


def test_late_needs_its_code_even_while_there_is_one_journey(app: Flask) -> None:
    _, placement = placed()
    record(placement, Event.CONFIRM)
    before = placement.arrive_by
    words = send(placement.referral.officer_phone, "running late")
    assert (placement.times_late, placement.arrive_by) == (0, before)
    assert words is not None and "needs its code" in words and "nothing was changed" in words


def test_late_a_third_time_is_for_a_coordinator(app: Flask) -> None:
    _, placement = placed()
    record(placement, Event.CONFIRM)
    phone = placement.referral.officer_phone
    for _ in range(2):
        send(phone, f"LATE {placement.code}")
    words = send(phone, f"LATE {placement.code}")
    assert placement.times_late == 2
    assert words is not None and "could not be changed" in words


def test_the_officer_may_say_they_have_arrived(app: Flask) -> None:
    _, placement = placed()
    on_the_road(placement)
    send(placement.referral.officer_phone, f"ARRIVED {placement.code}")
    assert placement.state == State.ARRIVED


def test_an_officer_cannot_say_yes_for_the_house(app: Flask) -> None:
    _, placement = placed()
    words = send(placement.referral.officer_phone, f"YES {placement.code}")
    assert placement.state == State.HELD
    assert words is not None and "Nothing was changed" in words


def test_a_house_cannot_say_late_for_the_officer(app: Flask) -> None:
    house, placement = placed()
    record(placement, Event.CONFIRM)
    words = send(mobile(house), f"LATE {placement.code}")
    assert placement.times_late == 0
    assert words is not None and "Nothing was changed" in words


def test_an_officer_who_no_longer_holds_it_is_told_so_and_changes_nothing(app: Flask) -> None:
    force = factories.force()
    first, second = factories.officer(of=force), factories.officer(of=force)
    house = factories.house()
    referral = factories.referral(by=first, officer_phone=first.phone)
    placement = referrals.live_placement(referral)
    assert placement is not None
    record(placement, Event.CONFIRM)
    referrals.take_over(
        reference=referral.reference, actor=second.actor(), phone=second.phone or "", reason="shift", now=NOW
    )
    before = placement.arrive_by
    words = send(first.phone or "", f"LATE {placement.code}")
    assert placement.arrive_by == before
    assert words is not None and "you no longer hold that referral" in words
    assert referral.spoken not in words
    send(second.phone or "", f"LATE {placement.code}")
    assert placement.arrive_by == before + 30 * MINUTE
    assert house.contacts


def test_an_officer_of_another_force_learns_nothing(app: Flask) -> None:
    _, placement = placed()
    stranger = factories.officer()
    words = send(stranger.phone or "", f"LATE {placement.code}")
    assert words is not None and "do not know that code" in words


def test_a_disabled_officers_number_is_unknown(app: Flask) -> None:
    gone = factories.officer(disabled_at=NOW, disabled_by="clock")
    assert send(gone.phone or "", "INFO") is None


# The coordinator on call


def alert_code() -> str:
    factories.house(cohort="men")
    referral = factories.referral()
    assert referral.state == ReferralState.SEARCHING
    return duty.open_alerts()[0].code


def test_ok_and_the_code_takes_an_alert_from_the_on_call_telephone(app: Flask) -> None:
    code = alert_code()
    words = send(ON_CALL, f"ok {code}")
    alert = duty.open_alerts()[0]
    assert alert.claimed_by == f"phone:{ring().index('phone', ON_CALL)}"
    assert words is not None and f"{code} is yours" in words


def test_an_alert_that_is_over_or_taken_is_said_so(app: Flask) -> None:
    code = alert_code()
    duty.claim(code=code, by="user:" + "1" * 32, now=NOW)
    words = send(ON_CALL, f"OK {code}")
    assert words is not None and "already taken or over" in words
    assert duty.open_alerts()[0].claimed_by == "user:" + "1" * 32


def test_nobody_else_takes_an_alert(app: Flask) -> None:
    code = alert_code()
    house = factories.house(outcode="LS29", cohort="men")
    words = send(mobile(house), f"OK {code}")
    assert duty.open_alerts()[0].claimed_by is None
    assert words is not None and "do not know that code" in words


# Texts that were long on their way


def came(sender: str, body: str, *, ago: dt.timedelta, now: dt.datetime = NOW) -> str | None:
    """A text that was sent so long ago reaches us; returns the words of the answer."""
    return send(sender, body, now, sent_at=now - ago)


@pytest.mark.parametrize("body", ["Yes", "No", "BEDS 0", "BEDS W0", "SAME", "UNDO"])
def test_a_text_without_a_code_that_comes_too_late_does_nothing_and_asks_again(app: Flask, body: str) -> None:
    house, placement = placed(rooms=2, now=NOW - dt.timedelta(days=2))
    told_at = house.reported_at
    words = came(mobile(house), body, ago=16 * MINUTE)
    assert words is not None and "too late" in words and "send it again" in words
    assert placement.state == State.HELD
    assert (house.reported_at, frees(house)) == (told_at, {"W": 1})
    assert last().outcome == "came_too_late"
    assert (last().sent_at, last().received_at) == (NOW - 16 * MINUTE, NOW)


@pytest.mark.parametrize("ago", [15 * MINUTE, -2 * MINUTE])
def test_up_to_a_quarter_of_an_hour_a_text_is_taken_as_it_was_meant(app: Flask, ago: dt.timedelta) -> None:
    house, placement = placed()
    came(mobile(house), "Yes", ago=ago)
    assert placement.state == State.CONFIRMED
    # Nothing is kept as sent after it came, whatever the supplier's clock says.
    assert last().sent_at == NOW - max(ago, dt.timedelta(0))


def test_a_code_says_what_is_meant_however_late_it_comes(app: Flask) -> None:
    house, placement = placed()
    words = came(mobile(house), f"YES {placement.code}", ago=2 * HOUR)
    assert placement.state == State.CONFIRMED
    assert words is not None and "recorded as confirmed" in words


def test_what_a_house_sent_first_never_overrules_what_it_sent_later(app: Flask) -> None:
    house = factories.house(rooms=3)
    send(mobile(house), "BEDS 1")
    words = came(mobile(house), "BEDS 3", ago=MINUTE, now=NOW + MINUTE // 2)
    assert frees(house) == {"W": 1}
    assert words is not None and "too late" in words
    # Another telephone's text is not its own later one.
    other = factories.house(rooms=3)
    came(mobile(other), "BEDS 2", ago=MINUTE, now=NOW + MINUTE // 2)
    assert frees(other) == {"W": 2}


def test_several_texts_that_come_together_late_act_in_their_order(app: Flask) -> None:
    house = factories.house(rooms=3)
    for seconds, body in ((50, "BEDS 1"), (30, "BEDS 3"), (10, "BEDS 2")):
        came(mobile(house), body, ago=dt.timedelta(seconds=seconds))
    assert frees(house) == {"W": 2}


def test_a_text_brought_this_moment_counts_even_after_the_clock_was_put_back(app: Flask) -> None:
    house, placement = placed(rooms=3)
    send(mobile(house), "BEDS 1", NOW + MINUTE)
    send(mobile(house), "Yes", NOW)
    assert placement.state == State.CONFIRMED


def test_that_a_text_came_too_late_is_said_once_in_ten_minutes(app: Flask) -> None:
    house = factories.house()
    answers = [came(mobile(house), "SAME", ago=2 * HOUR - later * MINUTE) for later in range(3)]
    assert [answer is not None for answer in answers] == [True, False, False]


def test_late_or_not_a_stranger_gets_nothing_and_leaving_is_leaving(app: Flask) -> None:
    assert came("+447700900999", "Yes", ago=2 * HOUR) is None
    house = factories.house()
    assert came(mobile(house), "STOP", ago=2 * HOUR) is None
    db.session.refresh(house.contacts[0])
    assert house.contacts[0].unreachable_at == NOW


# What means nothing, and what must stay silent


def test_what_is_not_understood_is_answered_once_in_ten_minutes(app: Flask) -> None:
    house, placement = placed()
    answers = [
        send(mobile(house), "how is the weather", now=NOW + minute * MINUTE) for minute in (0, 1, 9, 10)
    ]
    assert [answer is not None for answer in answers] == [True, False, False, True]
    assert placement.state == State.HELD


def test_the_silence_towards_one_number_is_not_towards_another(app: Flask) -> None:
    one, other = factories.house(), factories.house()
    assert send(mobile(one), "eh") is not None
    assert send(mobile(other), "eh") is not None


def test_what_no_person_typed_does_nothing_and_gets_nothing(app: Flask) -> None:
    house, placement = placed()
    for body in ('Liked "Reply YES {} or NO {}"', "I'm driving. I'll get back to you", "Fwd: YES {}"):
        assert send(mobile(house), body.replace("{}", placement.code)) is None, body
        assert last().outcome == "automatic", body
    assert placement.state == State.HELD


@pytest.mark.parametrize("body", ["STOP", "cancel"])
def test_a_telephone_that_unsubscribes_is_passed_over_and_a_person_knows_at_once(
    app: Flask, body: str
) -> None:
    house = factories.house()
    assert send(mobile(house), body) is None
    db.session.refresh(house.contacts[0])
    assert house.contacts[0].unreachable_at == NOW
    (alert,) = duty.open_alerts()
    assert (alert.kind, alert.urgent) == (AlertKind.TEXT_FAILED, True)
    send(mobile(house), body)
    assert len(duty.open_alerts()) == 1


@pytest.mark.parametrize("body", ["START", " Unstop. ", "same", "YES {}", "NO {}", "BEDS 3"])
def test_a_telephone_that_writes_again_is_written_to_again(app: Flask, body: str) -> None:
    house, placement = placed()
    send(mobile(house), "STOP")
    send(mobile(house), body.replace("{}", placement.code), now=NOW + MINUTE)
    db.session.refresh(house.contacts[0])
    assert house.contacts[0].unreachable_at is None
    assert AlertKind.TEXT_FAILED not in {alert.kind for alert in duty.open_alerts()}


@pytest.mark.parametrize("body", ["STOP", "I am driving", "how is the weather", "INFO"])
def test_what_asks_for_nothing_does_not_bring_a_telephone_back(app: Flask, body: str) -> None:
    house, other = factories.house(), factories.house(cohort="men")
    send(mobile(house), "STOP")
    send(mobile(other), "SAME")
    send(mobile(house), body, now=NOW + MINUTE)
    db.session.refresh(house.contacts[0])
    assert house.contacts[0].unreachable_at == NOW
    assert [alert.kind for alert in duty.open_alerts()] == [AlertKind.TEXT_FAILED]


def test_start_is_answered_with_what_may_be_written_and_does_nothing_else(app: Flask) -> None:
    house, placement = placed()
    assert send(mobile(house), "start") == messages.info(messages.Matter(ring="0113 496 0100"))
    assert (placement.state, last().meaning, last().outcome) == (State.HELD, "opt_in", "opted_in")
    assert send("+447700900998", "START") is None


# Machines that answer, and telephones that are nobody's


MACHINES = (
    "We are closed, ring tomorrow",
    "INFO",
    "YES 9999",
    "SAME",
    "UNDO",
    "BEDS 0",
    "START",
    "OK 999",
    "arrived",
    "LATE 9999",
)


@pytest.mark.parametrize("body", MACHINES)
def test_a_machine_that_answers_every_text_of_ours_is_answered_twice_at_most(app: Flask, body: str) -> None:
    house, placement = placed()
    answered = 0
    for second in range(10):
        if send(mobile(house), body, now=NOW + second * dt.timedelta(seconds=1)) is None:
            break
        answered += 1
    assert answered <= 2
    assert placement.state == State.HELD


def test_a_machine_that_sends_the_answer_back_again_and_again_changes_nothing_more(app: Flask) -> None:
    house, placement = placed()
    answers = [
        send(mobile(house), f"YES {placement.code}", now=NOW + minute * MINUTE) for minute in range(10)
    ]
    assert placement.confirmed_at == NOW
    assert [answer is not None for answer in answers] == [True, True] + [False] * 8
    # It is somebody, after all.
    assert send(mobile(house), f"YES {placement.code}", now=NOW + 11 * MINUTE) is not None


def test_what_is_new_is_said_however_often_they_write(app: Flask) -> None:
    house = factories.house(rooms=3)
    answers = [send(mobile(house), f"BEDS {free}", now=NOW + free * MINUTE) for free in (3, 2, 1, 0)]
    assert all(answer is not None for answer in answers)


STRANGERS = (
    "+447700900998",
    "+33612345678",
    "Anonymous",
    "+266696687",
    "85258",
    "HSBC",
    "whatsapp:+447700900998",
    "🙂",
)


@pytest.mark.parametrize("sender", STRANGERS)
def test_nobody_we_know_gets_nothing_done_and_nothing_back_however_they_are_called(
    app: Flask, sender: str
) -> None:
    """A withheld number, one from abroad, a short code, a company's name: with a code that somebody overheard."""
    _, placement = placed()
    before = len(db.session.scalars(sa.select(Text)).all())
    for body in (f"YES {placement.code}", f"NO {placement.code}", "BEDS 0", "STOP", "INFO", "OK 123"):
        assert send(sender, body) is None
        assert last().outcome == "unknown_number"
    assert placement.state == State.HELD
    assert len(db.session.scalars(sa.select(Text)).all()) == before
    # Counted: each is on record.
    assert len(db.session.scalars(sa.select(Inbound)).all()) == 6


def test_what_is_ambiguous_does_nothing_and_never_fails(app: Flask) -> None:
    house, placement = placed()
    code = placement.code
    bodies = (
        "",
        " ",
        "?",
        code,
        f"YES {code} NO {code}",
        f"YES {code} 5678",
        "no problem",
        "x" * 1600,
        "👍👎",
        "\u202e",
        "\x00",
    )
    for body in bodies:
        send(mobile(house), body)
        assert placement.state == State.HELD, body


def test_a_fault_halfway_leaves_neither_the_text_nor_its_effect(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the supplier is told that it failed, and the text can come again."""
    house, placement = placed()
    db.session.commit()
    monkeypatch.setattr(inbox.outbox, "queue", _broken)
    with pytest.raises(RuntimeError):
        send(mobile(house), f"YES {placement.code}")
    db.session.rollback()
    db.session.refresh(placement)
    assert placement.state == State.HELD
    assert db.session.scalars(sa.select(Inbound)).all() == []


def _broken(**_kept: object) -> Text:
    raise RuntimeError("out of order")


def test_a_telephone_of_the_demonstration_has_an_address_of_one_shape(app: Flask) -> None:
    client, index = app.test_client(), ring().index("phone", ON_CALL)
    assert client.get(f"/phones/{index}/texts").status_code == 200
    for wrong in ("short", index + "0", "%00" * 32, "g" * 32, "x" * 500):
        assert client.get(f"/phones/{wrong}/texts").status_code == 404, wrong


def test_every_answer_the_record_may_need_fits_its_column(app: Flask) -> None:
    assert max(len(f"{event}:{kind}") for event in Event for kind in (*referrals.Happened, "conflict")) <= 40
    assert max(len(kind) for kind in inbox.Kind) <= 20
    assert len(inbox.whose("x").by) <= 40
    assert set(lifecycle.DECLINE_LETTERS) == set("ABCDEFGH")
