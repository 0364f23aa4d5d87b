"""The coordinators' board: every kind of trouble has its line, once, the worst first, in a number of queries that stands still."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlalchemy as sa

from safety import duty, referrals
from safety.crypto import ring
from safety.extensions import db, new_id
from safety.houses import accepting
from safety.lifecycle import Event, State
from safety.models import Alert, AlertKind, Heartbeat, MessageState, Placement, Premises, Text
from tests import crowd, factories, listening
from tests.factories import NOW
from tests.visitor import StillClock, Visitor, cheap_hashes, still_clock, words

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
MOST = 12


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> StillClock:
    cheap_hashes(monkeypatch)
    return still_clock(monkeypatch, NOW)


@pytest.fixture
def desk(app, client) -> Visitor:
    return Visitor(client).sign_in(factories.coordinator(name="Pat Lindqvist"))


@pytest.fixture
def running(app) -> None:
    """Every job goes round."""
    beat(NOW)


def beat(at: dt.datetime, *jobs: str) -> None:
    for job in jobs or ("sweep", "outbox", "fetch"):
        db.session.merge(Heartbeat(job=job, beat_at=at))
    db.session.commit()


def placed(state: State = State.HELD, *, road: bool = False, **kept) -> Placement:
    placement = factories.placement(**kept)
    staff, officer = factories.house_actor(placement.premises_id), placement.referral.holder.actor()

    def step(event, actor, **facts):
        referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=NOW)

    if state is not State.HELD:
        step(Event.CONFIRM, staff)
    if road:
        step(Event.SET_OFF, officer, eta_at=NOW + 30 * MINUTE)
    if state is State.ARRIVED:
        step(Event.ARRIVE, staff)
    db.session.commit()
    return placement


def heads(page) -> list[str]:
    """The headings of the board's parts, in order."""
    return [" ".join(head.split()) for head in re.findall(r"<h2[^>]*>(.*?)</h2>", page.text, re.DOTALL)]


def part(page, id_: str) -> str:
    """What one part of the board says."""
    _, _, rest = page.text.partition(f'id="{id_}"')
    assert rest, f"no part {id_}: {heads(page)}"

    class Cut:
        text = "<h2" + rest.split("<h2")[0]

    return words(Cut())


def at(desk, clock, moment):
    if moment - clock.at < 15 * MINUTE:
        clock.at = moment
    else:
        desk.back_at(clock, moment)
    beat(moment)
    db.session.execute(
        sa.update(Text).where(Text.state == MessageState.QUEUED).values(state=MessageState.DELIVERED)
    )
    db.session.commit()
    return desk.get("/duty")


def test_when_nothing_needs_anybody_it_says_so_and_when_that_was_so(desk, running):
    factories.house()
    db.session.commit()
    page = desk.get("/duty")
    assert "Nothing needs anybody." in words(page)
    assert "Checked at 14:00:00." in words(page)
    assert heads(page) == ["Live referrals"]


def test_a_hold_about_to_lapse_says_when_what_then_and_whom_to_ring(desk, running, clock):
    house = factories.house(name="Heron House")
    placement = placed()
    ref = placement.referral.spoken
    assert "lapsing" not in desk.get("/duty").text
    page = at(desk, clock, placement.answer_by - 5 * MINUTE)
    assert "1 thing needs somebody." in words(page)
    line = part(page, "lapsing")
    assert (
        f"{ref} at Heron House Asked today 14:00, 10 minutes ago Lapses 14:15, then the next best bed is held"
        in line
    )
    assert f'href="tel:{house.contacts[0].phone}"' in page.text
    assert "Everything else live" in words(page) and page.text.count(ref) == len(
        re.findall(ref, part(page, "lapsing"))
    )


def test_whoever_is_due_stands_there_before_anybody_is_alerted(desk, running, clock):
    factories.house(name="Heron House")
    placement = placed(State.CONFIRMED, road=True, officer_phone="+447700900991")
    eta = placement.eta_at
    assert 'id="arrivals"' not in at(desk, clock, eta - 16 * MINUTE).text
    line = part(at(desk, clock, eta - 15 * MINUTE), "arrivals")
    assert "Expected today 14:30 The house is asked 14:45 whether they came; the bed stays held." in line
    assert "Ring the officer, 07700 900991" in line
    line = part(at(desk, clock, eta + 10 * MINUTE), "arrivals")
    assert "Expected today 14:30, 10 minutes ago" in line


def test_whoever_has_not_set_off_loses_the_bed_at_a_time_that_is_said(desk, running, clock):
    factories.house()
    placement = placed(State.CONFIRMED)
    assert 'id="arrivals"' not in at(desk, clock, placement.arrive_by - 31 * MINUTE).text
    line = part(at(desk, clock, placement.arrive_by - 30 * MINUTE), "arrivals")
    assert "Nobody has set off." in line
    assert "If nobody sets off by 17:00, the bed comes free by itself, and you are told." in line


def test_a_stay_that_ends_within_a_day_has_its_extension_beside_it(desk, running, clock):
    factories.house()
    placement = placed(State.ARRIVED)
    assert 'id="stays"' not in at(desk, clock, placement.stay_until - 25 * HOUR).text
    page = at(desk, clock, placement.stay_until - 24 * HOUR)
    assert (
        "The stay ends tomorrow 12:00. They stay in the bed until somebody records that they left."
        in part(page, "stays")
    )
    assert f'href="/duty/placements/{placement.id}/extend"' in page.text


def test_a_text_that_did_not_get_through_stands_there_until_it_is_of_no_use(desk, running, clock):
    factories.house(name="Heron House")
    placement = placed()
    text = db.session.scalars(sa.select(Text).where(Text.placement_id == placement.id)).first()
    text.state, text.critical = MessageState.UNDELIVERED, False
    worthless = text.worthless_at
    db.session.commit()
    line = part(desk.get("/duty"), "lost")
    assert "A text to the house Heron House Written today 14:00, just now" in line
    assert "Nothing more is sent by itself. Ring them with what it said, or send it again" in line
    assert f"See {placement.referral.spoken}" in line
    # The house answers: what the text asked for has been heard.
    text = db.session.get_one(Text, text.id)
    referrals.record(
        placement_id=placement.id,
        event=Event.CONFIRM,
        actor=factories.house_actor(placement.premises_id),
        facts={},
        now=NOW + MINUTE,
    )
    db.session.commit()
    assert 'id="lost"' not in desk.get("/duty").text
    assert worthless > NOW


def test_a_lost_text_about_nobody_goes_when_it_would_be_of_no_use(desk, running, clock):
    number = "+447700900992"
    db.session.add(
        Text(
            id=new_id(),
            wording="figures_asked",
            to=number,
            to_index=ring().index("phone", number),
            body="Places of Safety",
            queued_at=NOW - HOUR,
            next_try_at=NOW,
            worthless_at=NOW + MINUTE,
            state=MessageState.FAILED,
        )
    )
    db.session.commit()
    line = part(desk.get("/duty"), "lost")
    assert "A text to somebody we do not know" in line and number[-6:] not in desk.get("/duty").text
    clock.at = NOW + MINUTE
    assert 'id="lost"' not in desk.get("/duty").text


def test_what_an_alert_says_already_is_not_said_again(desk, running, clock):
    factories.house(name="Heron House")
    placement = placed()
    text = db.session.scalars(sa.select(Text).where(Text.placement_id == placement.id)).first()
    text.state = MessageState.UNDELIVERED
    duty.raise_alert(
        kind=AlertKind.TEXT_FAILED, subject=f"text:{text.id.hex}", referral=placement.referral, now=NOW
    )
    db.session.commit()
    page = at(desk, clock, placement.answer_by - MINUTE)
    assert heads(page)[0] == "Needs a person now (1)"
    assert 'id="lost"' not in page.text and 'id="lapsing"' not in page.text
    assert "It was for the house Heron House." in words(page)
    assert f'id="to-{placement.referral.reference}"' not in page.text


def test_somebody_about_whom_two_texts_were_lost_has_one_line(desk, running):
    factories.house()
    placed()
    db.session.execute(sa.update(Text).values(state=MessageState.FAILED, critical=False))
    db.session.commit()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Text)) > 1
    assert "Texts that did not get through (1)" in words(desk.get("/duty"))


def test_houses_stand_there_with_the_worst_first(desk, running, clock):
    later = NOW + 25 * HOUR
    closed, stale, never, well = (factories.house(name=name) for name in ("Closed", "Stale", "Never", "Well"))
    accepting.close(premises_id=closed.id, reason="staff", until=None, by="clock", now=NOW)
    never.reported_at = never.reported_by = never.reported_via = None
    well.reported_at = later
    db.session.commit()
    page = at(desk, clock, later)
    text = part(page, "houses")
    places = [text.index(house.name) for house in (never, stale, closed)]
    assert places == sorted(places) and "Well" not in text
    assert "It has never said how many beds are free Its beds are offered last." in text
    assert "It last said how many beds are free yesterday 14:00, 1 day ago" in text
    assert (
        "Closed since yesterday 14:00, 1 day ago: not enough staff Nobody new is sent there until it opens again"
        in text
    )
    assert f'href="/duty/premises/{stale.id}/beds"' in page.text
    assert f'href="/houses/{closed.id}"' in page.text


def test_sixty_stale_houses_bury_nobody(desk, running, clock):
    for _ in range(60):
        factories.house(reported_at=NOW - 48 * HOUR)
    waiting = factories.referral(cohort="men")
    db.session.commit()
    page = desk.get("/duty")
    assert page.text.index(waiting.spoken) < page.text.index("Houses closed")
    assert "Houses closed, or with figures too old (60)" in words(page)
    assert "52 more houses" in words(page)
    assert "61 things need somebody." in words(page)


def test_a_house_that_an_alert_is_about_is_not_said_again(desk, running):
    house = factories.house(name="Heron House", reported_at=NOW - 48 * HOUR)
    duty.raise_alert(kind=AlertKind.STALE, subject=f"premises:{house.id.hex}", now=NOW)
    db.session.commit()
    page = desk.get("/duty")
    assert 'id="houses"' not in page.text
    assert "Heron House: a house does not say how many beds are free" in words(page)


def test_texts_that_wait_and_a_silent_line_in_stand_at_the_end(desk, clock, app):
    beat(NOW, "sweep", "outbox")
    beat(NOW - HOUR, "fetch")
    placement = factories.house() and placed()
    db.session.execute(sa.update(Text).values(queued_at=NOW - 3 * MINUTE, state=MessageState.QUEUED))
    db.session.commit()
    page = desk.get("/duty")
    text = part(page, "machinery")
    assert 'id="texts-wait" href="/duty/texts' in page.text
    assert "texts wait to go out Since today 13:57, 3 minutes ago They are tried again by themselves" in text
    assert "Texts that come in may be late Not asked for since today 13:00, 1 hour ago" in text
    assert placement.referral.spoken in words(desk.get("/duty"))


def test_whoever_waits_without_a_bed_and_without_an_alert_stands_first(desk, running):
    longer, shorter = factories.referral(cohort="men"), factories.referral(cohort="men", now=NOW + MINUTE)
    for alert in db.session.scalars(sa.select(Alert)):
        alert.ended_at = NOW
    db.session.commit()
    page = desk.get("/duty")
    text = part(page, "without-a-bed")
    assert text.index(longer.spoken) < text.index(shorter.spoken)
    assert "We match again at every change of a bed." in text
    assert f'href="/duty/referrals/{longer.id}/place"' in page.text


def test_the_parts_stand_in_this_order(desk, clock):
    crowd.fill(houses=60, placed=40, searching=9, now=NOW)
    beat(NOW, "sweep", "outbox")
    said = [re.sub(r" \(.*", "", head) for head in heads(desk.get("/duty"))]
    assert said == [
        "Needs a person now",
        "When there is time",
        "Waiting longest without a bed",
        "Holds about to lapse",
        "Texts that did not get through",
        "Arrivals overdue, or due soon",
        "Stays ending, or over",
        "Houses closed, or with figures too old",
        "The service itself",
        "Everything else live",
    ]


def test_a_big_scheme_costs_no_more_queries_than_a_small_one(desk):
    crowd.fill(houses=500, placed=200, searching=30, now=NOW)
    beat(NOW, "sweep", "outbox")
    db.session.expire_all()
    with listening.statements() as queries:
        page = desk.get("/duty")
    assert page.text.count('class="pos-line"') > 100
    assert len(queries) <= MOST, "\n".join(queries)


def test_a_poll_that_finds_nothing_new_asks_two_things_and_draws_nothing(desk):
    crowd.fill(houses=20, placed=10, searching=3, now=NOW)
    beat(NOW)
    tag = desk.get("/duty/now").headers["ETag"]
    with listening.statements() as queries:
        desk.get("/duty/now", 304, headers={"If-None-Match": tag})
    # Who asks, and whether anything has changed.
    assert len(queries) == 2, "\n".join(queries)


def _opened():
    factories.referral(cohort="men")


def _alert_over():
    for alert in db.session.scalars(sa.select(Alert).limit(1)):
        alert.ended_at = NOW


def _text_lost():
    db.session.scalars(sa.select(Text).limit(1)).one().state = MessageState.FAILED


def _figures():
    house = db.session.scalars(sa.select(Premises).limit(1)).one()
    house.reported_at = NOW + MINUTE / 2


@pytest.mark.parametrize("change", [_opened, _alert_over, _text_lost, _figures])
def test_a_poll_sees_every_change(desk, running, change):
    factories.house()
    factories.referral()
    factories.referral(cohort="men")
    db.session.commit()
    tag = desk.get("/duty/now").headers["ETag"]
    desk.get("/duty/now", 304, headers={"If-None-Match": tag})
    change()
    db.session.commit()
    assert desk.get("/duty/now", headers={"If-None-Match": tag}).headers["ETag"] != tag


def test_a_minute_later_it_is_drawn_anew_whatever_happened(desk, running, clock):
    tag = desk.get("/duty/now").headers["ETag"]
    clock.at = NOW + MINUTE
    desk.get("/duty/now", headers={"If-None-Match": tag})


def test_the_board_is_for_coordinators(app):
    for user in (factories.officer(), factories.staff(of=factories.house().provider)):
        Visitor(app.test_client()).sign_in(user).get("/duty", 404)
