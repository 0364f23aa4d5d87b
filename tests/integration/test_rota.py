"""The rota: who is on call when, whom the ladder texts, and what is told once a day."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from safety import accounts, delivery, duty, inbox, jobs, people
from safety.duty import rota
from safety.extensions import db, new_id
from safety.models import Alert, AlertKind, AuditEvent, Digest, MessageState, Shift, Text, User
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, cheap_hashes, still_clock

HOUR, MINUTE, DAY = dt.timedelta(hours=1), dt.timedelta(minutes=1), dt.timedelta(days=1)
SCHEMES = "+447700900199"
MONDAY = dt.date(2027, 1, 11)  # of the week NOW is in


def texts(wording: str = "urgent") -> list[str]:
    """To which numbers texts of this kind were queued, in order."""
    rows = db.session.scalars(
        sa.select(Text).where(Text.wording == wording).order_by(Text.queued_at, Text.id)
    )
    return [text.to for text in rows]


def trouble(now: dt.datetime = NOW) -> Alert:
    return duty.raise_alert(kind=AlertKind.SILENT, subject="job:sweep", now=now)


def stands() -> list[tuple[str, int, dt.datetime, dt.datetime]]:
    rows = db.session.scalars(sa.select(Shift).order_by(Shift.from_at, Shift.place))
    return [(row.user.name, row.place, row.from_at, row.to_at) for row in rows]


# Whom an alert reaches


def test_an_urgent_alert_climbs_from_whoever_is_on_call_to_the_next_and_then_to_everybody(app: Flask) -> None:
    pat, sasha, kim, away = (factories.on_the_rota(name) for name in ("Pat", "Sasha", "Kim", "Away"))
    factories.coordinator(name="Without a mobile")
    factories.shift(pat)
    factories.shift(pat, start=NOW + 8 * HOUR)
    factories.shift(sasha, start=NOW + 16 * HOUR)
    factories.shift(kim, start=NOW + DAY)
    trouble()
    for minutes in (4, 5, 10, 19):
        duty.climb(now=NOW + minutes * MINUTE)
    assert texts() == [pat.phone, sasha.phone, kim.phone]
    duty.climb(now=NOW + 20 * MINUTE)
    assert sorted(texts()[3:]) == sorted([away.phone, kim.phone, pat.phone, sasha.phone, SCHEMES])
    duty.climb(now=NOW + 60 * MINUTE)
    assert len(texts()) == 8


def test_the_second_on_call_comes_before_the_next_on_the_rota(app: Flask) -> None:
    pat, sasha, kim = (factories.on_the_rota(name) for name in ("Pat", "Sasha", "Kim"))
    factories.shift(kim, start=NOW + 8 * HOUR)
    factories.shift(sasha, place=2)
    factories.shift(pat)
    trouble()
    duty.climb(now=NOW + 5 * MINUTE)
    assert texts() == [pat.phone, sasha.phone]


def test_who_comes_on_call_between_two_steps_is_next(app: Flask) -> None:
    pat, sasha, kim = (factories.on_the_rota(name) for name in ("Pat", "Sasha", "Kim"))
    factories.shift(pat, hours=0.05)
    factories.shift(sasha, start=NOW + 3 * MINUTE)
    factories.shift(kim, start=NOW + 3 * MINUTE, place=2)
    trouble()
    duty.climb(now=NOW + 5 * MINUTE)
    assert texts() == [pat.phone, sasha.phone]
    duty.climb(now=NOW + 10 * MINUTE)
    assert texts() == [pat.phone, sasha.phone, kim.phone]


def test_where_nobody_is_on_call_everybody_is_texted_at_once(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    factories.shift(pat, start=NOW + HOUR)
    trouble()
    assert sorted(texts()) == sorted([pat.phone, sasha.phone, SCHEMES])


def test_with_no_coordinator_to_text_the_schemes_own_mobile_has_it(app: Flask) -> None:
    factories.coordinator()
    trouble()
    duty.climb(now=NOW + 20 * MINUTE)
    assert texts() == [SCHEMES, SCHEMES]


def test_with_nobody_further_on_the_rota_the_next_step_goes_to_everybody(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    factories.shift(pat)
    trouble()
    duty.climb(now=NOW + 5 * MINUTE)
    assert texts()[:1] == [pat.phone]
    assert sorted(texts()[1:]) == sorted([pat.phone, sasha.phone, SCHEMES])


def test_steps_that_were_missed_are_made_up_for_and_nobody_is_texted_twice_in_one(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    factories.shift(pat)
    factories.shift(sasha, start=NOW + 8 * HOUR)
    trouble()
    assert duty.climb(now=NOW + 30 * MINUTE) == 3
    assert sorted(texts()[1:]) == sorted([pat.phone, sasha.phone, SCHEMES])


def test_it_stops_climbing_when_somebody_takes_it(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    factories.shift(pat)
    factories.shift(sasha, start=NOW + 8 * HOUR)
    alert = trouble()
    duty.take(alert=alert, by=pat.actor().by, now=NOW + MINUTE)
    assert duty.climb(now=NOW + 60 * MINUTE) == 0 and texts() == [pat.phone]


def test_ok_works_from_any_coordinators_mobile_and_the_second_hears_that_it_is_taken(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    alert = trouble()
    said = inbox.receive(sid="SM1", sender=sasha.phone or "", body=f"OK {alert.code}", now=NOW)
    assert said and "is yours" in said
    assert alert.claimed_by == sasha.actor().by
    # The same person on the page has it already.
    assert duty.take(alert=alert, by=sasha.actor().by, now=NOW) is alert
    for number, sid in ((pat.phone, "SM2"), (SCHEMES, "SM3")):
        said = inbox.receive(sid=sid, sender=number or "", body=f"ok {alert.code}", now=NOW)
        assert said and "already taken" in said and "Sasha" not in said
    assert alert.claimed_by == sasha.actor().by


def test_ok_from_the_mobile_of_a_closed_account_takes_nothing(app: Flask) -> None:
    pat, _ = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    alert = trouble()
    accounts.disable(user_id=pat.id, by="operator", now=NOW)
    inbox.receive(sid="SM1", sender=pat.phone or "", body=f"OK {alert.code}", now=NOW)
    assert alert.claimed_by is None


def test_what_somebody_had_taken_whose_account_is_closed_is_open_again_and_climbs(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheap_hashes(monkeypatch)
    still_clock(monkeypatch, NOW)
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    factories.shift(pat)
    factories.shift(sasha, place=2)
    alert = trouble()
    assert duty.take(alert=alert, by=pat.actor().by, now=NOW)
    desk = Visitor(client).sign_in(sasha)
    desk.send(desk.get(f"/people/{pat.id}"), "Close the account now")
    db.session.rollback()
    db.session.refresh(alert)
    assert alert.claimed_by is None
    duty.climb(now=NOW + 10 * MINUTE)
    assert sasha.phone in texts()
    assert duty.take(alert=alert, by=sasha.actor().by, now=NOW + 10 * MINUTE) is alert


@pytest.mark.parametrize("first", ["lost", "taken"])
@pytest.mark.parametrize("heard", ["taken", "over"])
def test_a_lost_text_about_an_alert_needs_nobody_once_the_alert_is_taken_or_over(
    app: Flask, first: str, heard: str
) -> None:
    factories.shift(factories.on_the_rota("Pat"))
    alert = trouble()
    text = db.session.scalars(sa.select(Text).where(Text.alert_id == alert.id)).one()
    failed = {"kind": AlertKind.TEXT_FAILED, "subject": f"text:{text.id.hex}"}

    def lose() -> None:
        text.state = MessageState.UNDELIVERED
        delivery._tell_of(text, NOW)

    if first == "lost":
        lose()
        assert duty.standing(**failed) is not None
    if heard == "taken":
        duty.take(alert=alert, by=factories.coordinator().actor().by, now=NOW)
    else:
        duty.end(kind=AlertKind(alert.kind), subject=alert.subject, now=NOW)
    if first != "lost":
        lose()
    assert duty.standing(**failed) is None


# Shifts


def test_the_database_keeps_one_first_and_one_second_at_any_moment(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    factories.shift(pat)
    row = {"user_id": sasha.id, "put_at": NOW, "put_by": "x"}
    beside = [(NOW - HOUR, NOW), (NOW + 8 * HOUR, NOW + 9 * HOUR)]
    for number, (start, end) in enumerate(beside):
        db.session.execute(sa.insert(Shift).values(id=new_id(), place=1, from_at=start, to_at=end, **row))
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Shift)) == 2 + number
    db.session.execute(sa.insert(Shift).values(id=new_id(), place=2, from_at=NOW, to_at=NOW + HOUR, **row))
    for start, end in ((NOW - HOUR, NOW + MINUTE), (NOW + HOUR, NOW + 2 * HOUR), (NOW - DAY, NOW + DAY)):
        with pytest.raises(sa.exc.IntegrityError), db.session.begin_nested():
            db.session.execute(sa.insert(Shift).values(id=new_id(), place=1, from_at=start, to_at=end, **row))
    with pytest.raises(sa.exc.IntegrityError), db.session.begin_nested():
        db.session.execute(sa.update(Shift).where(Shift.from_at == NOW + 8 * HOUR).values(from_at=NOW))
    with pytest.raises(sa.exc.IntegrityError), db.session.begin_nested():
        db.session.execute(
            sa.insert(Shift).values(id=new_id(), place=2, from_at=NOW + DAY, to_at=NOW + DAY, **row)
        )


def test_what_is_in_the_way_is_said_and_nothing_is_half_done(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    factories.shift(pat, start=NOW + DAY)
    before = stands()
    plans = [rota.Plan(sasha.id, 1, NOW + n * HOUR, NOW + (n + 6) * HOUR) for n in (0, 12, 19)]
    with pytest.raises(rota.Overlaps, match="Pat is first on call from tomorrow 14:00 to tomorrow 22:00 alr"):
        rota.put(plans=plans, by="x", now=NOW)
    assert stands() == before
    with pytest.raises(rota.Overlaps, match="nobody can be both"):
        rota.put(plans=[rota.Plan(pat.id, 2, NOW + DAY, NOW + 2 * DAY)], by="x", now=NOW)
    with pytest.raises(rota.Over):
        rota.put(plans=[rota.Plan(pat.id, 2, NOW - DAY, NOW)], by="x", now=NOW)
    assert stands() == before


def test_whoever_no_text_would_reach_cannot_be_put_on_call(app: Flask) -> None:
    shut = factories.on_the_rota("Shut", disabled_at=NOW, disabled_by="x")
    officer, mute = factories.officer(), factories.coordinator(name="Mute")
    for user, words in ((shut, "open account"), (officer, "coordinator"), (mute, "Mute has no mobile")):
        with pytest.raises(rota.CannotBeOnCall, match=words):
            rota.put(plans=[rota.Plan(user.id, 1, NOW, NOW + HOUR)], by="x", now=NOW)
    assert stands() == []


def test_the_shifts_of_a_closed_account_are_a_gap_that_somebody_else_may_fill(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    factories.shift(pat, hours=24)
    window = {"start": NOW, "end": NOW + DAY}
    assert rota.gaps(**window) == []
    people.close(user_id=pat.id, by=sasha.actor().by, now=NOW)
    assert rota.gaps(**window) == [rota.Gap(NOW, NOW + DAY)] and rota.on_call(now=NOW) == []
    factories.shift(sasha, start=NOW + 2 * HOUR, hours=2)
    assert [name for name, *_ in stands()] == ["Pat", "Sasha", "Pat"]
    assert rota.gaps(**window) == [
        rota.Gap(NOW, NOW + 2 * HOUR),
        rota.Gap(NOW + 4 * HOUR, NOW + DAY),
    ]


def test_a_shift_that_has_begun_counts_from_this_minute(app: Flask) -> None:
    pat = factories.on_the_rota("Pat")
    plan = rota.Plan(pat.id, 1, NOW - 6 * HOUR, NOW + 2 * HOUR)
    rota.put(plans=[plan], by="x", now=NOW + dt.timedelta(seconds=40))
    assert stands() == [("Pat", 1, NOW, NOW + 2 * HOUR)]


def test_part_of_a_shift_is_given_away_and_the_rest_stays(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    shift = factories.shift(pat, start=NOW + HOUR)
    rota.give(
        shift=shift, to=sasha.id, from_at=NOW + 3 * HOUR, to_at=NOW + 5 * HOUR, by=pat.actor().by, now=NOW
    )
    assert stands() == [
        ("Pat", 1, NOW + HOUR, NOW + 3 * HOUR),
        ("Sasha", 1, NOW + 3 * HOUR, NOW + 5 * HOUR),
        ("Pat", 1, NOW + 5 * HOUR, NOW + 9 * HOUR),
    ]
    (event,) = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.what == "shift_given"))
    assert event.by == pat.actor().by
    assert event.facts == {
        "account": pat.id.hex,
        "to": sasha.id.hex,
        "place": 1,
        "from": "2027-01-13T17:00:00+00:00",
        "until": "2027-01-13T19:00:00+00:00",
    }


def test_of_a_running_shift_only_what_is_to_come_changes_hands(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    shift = factories.shift(pat)
    later = NOW + 2 * HOUR
    rota.give(shift=shift, to=sasha.id, from_at=NOW, to_at=NOW + 8 * HOUR, by="x", now=later)
    assert stands() == [("Pat", 1, NOW, later), ("Sasha", 1, later, NOW + 8 * HOUR)]
    with pytest.raises(rota.Over):
        rota.give(shift=shift, to=sasha.id, from_at=NOW, to_at=later, by="x", now=later)
    with pytest.raises(rota.Over):
        rota.remove(shift=shift, by="x", now=later)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 9), (3, 3), (5, 4)])
def test_only_a_part_of_the_shift_can_be_given(app: Flask, start: int, end: int) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    shift = factories.shift(pat)
    times = {"from_at": NOW + start * HOUR, "to_at": NOW + end * HOUR}
    with pytest.raises(rota.Refused, match="The shift is from tomorrow 14:00 to tomorrow 22:00"):
        rota.give(shift=shift, to=sasha.id, **times, by="x", now=NOW - DAY)
    with pytest.raises(rota.Refused, match="has that shift already"):
        rota.give(shift=shift, to=pat.id, from_at=NOW, to_at=NOW + HOUR, by="x", now=NOW)
    assert stands() == [("Pat", 1, NOW, NOW + 8 * HOUR)]


def test_a_shift_is_not_given_to_whoever_is_on_call_beside_it(app: Flask) -> None:
    pat, sasha = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    shift = factories.shift(pat)
    factories.shift(sasha, place=2)
    before = stands()
    with pytest.raises(rota.Overlaps, match="Sasha is second on call"):
        rota.give(shift=shift, to=sasha.id, from_at=NOW, to_at=NOW + 8 * HOUR, by="x", now=NOW)
    assert stands() == before


def test_taking_a_running_shift_off_leaves_what_was(app: Flask) -> None:
    pat = factories.on_the_rota("Pat")
    rota.remove(shift=factories.shift(pat), by="x", now=NOW + HOUR)
    rota.remove(shift=factories.shift(pat, start=NOW + DAY), by="x", now=NOW + HOUR)
    assert stands() == [("Pat", 1, NOW, NOW + HOUR)]


def test_a_week_is_copied_at_the_same_times_of_the_clock(app: Flask) -> None:
    pat = factories.on_the_rota("Pat")
    # The clocks go forward on Sunday 28 March 2027: that night is an hour shorter, and 01:30 does not come.
    week = dt.date(2027, 3, 15)
    now = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
    sunday = dt.datetime(2027, 3, 21, tzinfo=dt.UTC)
    factories.shift(pat, start=sunday - 2 * HOUR, hours=3.5, now=now)
    factories.shift(pat, start=sunday + 1.5 * HOUR, hours=8.5, now=now)
    assert rota.copy_week(monday=week + rota.WEEK, by="x", now=now) == (2, 0)
    later = sunday + rota.WEEK
    assert stands()[2:] == [
        ("Pat", 1, later - 2 * HOUR, later + 1.5 * HOUR),  # 22:00 to what would be 01:30
        ("Pat", 1, later + 1.5 * HOUR, later + 9 * HOUR),  # until 10:00, now BST
    ]
    assert (rota.week(week + rota.WEEK)[1] - rota.week(week + rota.WEEK)[0]) == rota.WEEK - HOUR


def test_a_copy_with_something_in_the_way_copies_nothing(app: Flask) -> None:
    pat, sasha, gone = (factories.on_the_rota(name) for name in ("Pat", "Sasha", "Gone"))
    monday = rota.week(MONDAY + rota.WEEK)[0]
    for number, user in enumerate((pat, sasha, gone)):
        factories.shift(user, start=monday + number * DAY)
    accounts.disable(user_id=gone.id, by="x", now=NOW)
    blocking = factories.shift(pat, start=monday + rota.WEEK + DAY)
    before = stands()
    with pytest.raises(rota.Overlaps):
        rota.copy_week(monday=MONDAY + 2 * rota.WEEK, by="x", now=NOW)
    assert stands() == before
    rota.remove(shift=blocking, by="x", now=NOW)
    assert rota.copy_week(monday=MONDAY + 2 * rota.WEEK, by="x", now=NOW) == (2, 1)
    with pytest.raises(rota.NothingToCopy):
        rota.copy_week(monday=MONDAY, by="x", now=NOW)


# What happens by itself


def tended(now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    db.session.commit()
    monkeypatch.setattr("safety.clock.now", lambda: now)
    jobs.tend(jobs.this_process())


def gap_alerts() -> int:
    db.session.rollback()
    return len(duty.subjects(kind=AlertKind.ROTA_GAP))


def test_a_gap_ahead_is_on_the_board_until_it_is_filled(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    early = NOW.replace(hour=3)
    pat = factories.on_the_rota("Pat")
    factories.shift(pat, start=early, hours=24 * 7, now=early)
    tended(early, monkeypatch)
    assert gap_alerts() == 0
    tended(early + MINUTE, monkeypatch)
    tended(early + 2 * MINUTE, monkeypatch)
    assert gap_alerts() == 1 and texts() == []
    factories.shift(pat, start=early + 7 * DAY, hours=1, now=early)
    tended(early + 3 * MINUTE, monkeypatch)
    assert gap_alerts() == 0


def things(user: User | None = None) -> None:
    """Two stays over and a house that says nothing."""
    for kind, subject in ((AlertKind.STAY_OVER, "a"), (AlertKind.STAY_OVER, "b"), (AlertKind.STALE, "c")):
        duty.raise_alert(kind=kind, subject=subject, now=NOW)
    taken = duty.raise_alert(kind=AlertKind.RELEASED, subject="d", now=NOW)
    duty.take(alert=taken, by="user:a", now=NOW)
    if user:
        factories.shift(user, hours=24 * 9)


def test_what_can_wait_is_told_once_a_day_to_whoever_is_on_call(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pat, _ = factories.on_the_rota("Pat"), factories.on_the_rota("Sasha")
    things(pat)
    eight = (NOW + DAY).replace(hour=8)
    tended(eight - MINUTE, monkeypatch)
    assert texts("digest") == []
    for minutes in (0, 1, 60, 60 * 15):
        tended(eight + minutes * MINUTE, monkeypatch)
    assert texts("digest") == [pat.phone] and texts() == []
    (body,) = [text.body for text in db.session.scalars(sa.select(Text)) if text.wording == "digest"]
    assert body == (
        "Places of Safety: 3 things for the day: 2 stays over, 1 house stale. Sign in to see them. "
        "Duty line 0113 496 0100"
    )
    tended(eight + DAY, monkeypatch)
    assert texts("digest") == [pat.phone] * 2


def test_a_service_that_starts_late_tells_it_late_and_in_the_evening_no_more(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    things(factories.on_the_rota("Pat"))
    tended((NOW + DAY).replace(hour=20), monkeypatch)
    assert texts("digest") == []
    tended((NOW + 2 * DAY).replace(hour=19, minute=59), monkeypatch)
    assert len(texts("digest")) == 1


def test_a_morning_with_nothing_to_tell_sends_nothing_all_day(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.shift(factories.on_the_rota("Pat"), hours=24 * 9)
    eight = (NOW + DAY).replace(hour=8)
    tended(eight, monkeypatch)
    duty.raise_alert(kind=AlertKind.STALE, subject="c", now=eight + HOUR)
    tended(eight + HOUR, monkeypatch)
    assert texts("digest") == []


def test_eight_is_eight_by_the_uks_clock_and_with_nobody_on_call_the_schemes_mobile_has_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    things()
    summer = dt.datetime(2027, 7, 1, 7, 0, tzinfo=dt.UTC)
    tended(summer - MINUTE, monkeypatch)
    assert texts("digest") == []
    tended(summer, monkeypatch)
    assert texts("digest") == [SCHEMES]


def test_two_processes_at_once_send_one_digest(app: Flask) -> None:
    things(factories.on_the_rota("Pat"))
    eight = (NOW + DAY).replace(hour=8)
    duty.tending.tend(now=eight)
    with pytest.raises(sa.exc.IntegrityError), db.session.begin_nested():
        db.session.execute(sa.insert(Digest).values(day=eight.date(), at=eight, things=1))
    assert len(texts("digest")) == 1


def test_a_digest_of_everything_there_can_be_fits(app: Flask) -> None:
    from collections import Counter

    from safety import messages
    from safety.models.alerts import DIGEST_WORDS, URGENT

    assert set(DIGEST_WORDS) == set(AlertKind) - URGENT
    words = duty.tending.summed(Counter(dict.fromkeys(DIGEST_WORDS, 88)))
    many = 88 * len(DIGEST_WORDS)
    assert words.startswith(f"{many} things for the day: 88 beds free unused") and words.endswith("more")
    for kind in DIGEST_WORDS:
        assert (
            len(duty.tending.summed(Counter({kind: 12345, AlertKind.STALE: 12345}))) <= messages.DIGEST_ROOM
        )
