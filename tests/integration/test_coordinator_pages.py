"""The coordinator's pages: alerts, every live referral, and everything that can be done about one."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
import sqlalchemy as sa

from safety import bedspaces, delivery, duty, lifecycle, matching, messages, referrals
from safety.extensions import db
from safety.lifecycle import Event, ReferralState, Role, State
from safety.models import Alert, AlertKind, AuditEvent, Heartbeat, Placement, Referral, Text
from safety.models.alerts import ALERT_WORDS
from safety.permissions import NotYours
from safety.referrals import timeline
from safety.referrals.handover import look_across_border
from safety.web.coordinator import board
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def desk(app, client) -> Visitor:
    """A coordinator's browser."""
    return Visitor(client).sign_in(factories.coordinator(name="Pat Lindqvist"))


def placed(state: State = State.HELD, *, road: bool = False, **kept) -> Placement:
    """A placement in this state."""
    placement = factories.placement(**kept)
    staff, officer = factories.house_actor(placement.premises_id), placement.referral.holder.actor()

    def step(event, actor, **facts):
        referrals.record(placement_id=placement.id, event=event, actor=actor, facts=facts, now=NOW)

    if state is not State.HELD:
        step(Event.CONFIRM, staff)
    if road or state is State.ARRIVED:
        step(Event.SET_OFF, officer, eta_at=NOW + 30 * MINUTE)
    if state is State.ARRIVED:
        step(Event.ARRIVE, staff)
    db.session.commit()
    return placement


def searching(**kept) -> Referral:
    referral = factories.referral(**kept)
    assert referral.state == ReferralState.SEARCHING
    db.session.commit()
    return referral


def page_of(referral: Referral, rest: str = "") -> str:
    return f"/duty/referrals/{referral.id}" + (f"/{rest}" if rest else "")


def at(placement: Placement, slug: str) -> str:
    return f"/duty/placements/{placement.id}/{slug}"


def fresh(row):
    db.session.expire_all()
    return db.session.get_one(type(row), row.id)


def live(referral: Referral) -> Placement | None:
    db.session.expire_all()
    return referrals.live_placement(referral)


def test_signing_in_leads_to_the_duty_line(desk):
    beating(sweep=NOW, outbox=NOW, fetch=NOW)
    assert desk.get("/", 303).headers["Location"] == "/duty"
    page = words(desk.get("/duty"))
    assert "An urgent alert is also texted to whoever is on call." in page
    assert "Nobody is waiting, on the way or in a place just now." in page


def beating(**at: dt.datetime) -> None:
    """Each of these jobs did its last round then."""
    for job, moment in at.items():
        db.session.merge(Heartbeat(job=job, beat_at=moment))
    db.session.commit()


@pytest.mark.parametrize("path", ["/duty", "/duty/now"])
def test_when_nothing_runs_any_more_that_could_raise_an_alert_the_page_says_so_itself(desk, clock, path):
    beating(sweep=NOW, outbox=NOW)
    clock.at = NOW + 2 * MINUTE
    assert "stands still" not in words(desk.get(path))
    clock.at = NOW + 2 * MINUTE + dt.timedelta(seconds=1)
    page = words(desk.get(path))
    assert "Part of this service stands still" in page
    assert "No deadline is acted on since today 14:00" in page
    assert "No text goes out since today 14:00" in page
    # Looking at a page writes nothing.
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Alert)) == 0
    beating(outbox=clock.at)
    page = words(desk.get(path))
    assert "No deadline is acted on" in page and "No text goes out" not in page
    beating(sweep=clock.at)
    assert "stands still" not in words(desk.get(path))


def test_a_service_whose_jobs_never_ran_says_so(desk):
    page = words(desk.get("/duty"))
    assert "No deadline is acted on: nobody is reminded" in page
    assert "No text goes out. Ring the house" in page


def test_alerts_say_since_when_what_goes_on_by_itself_and_whose_they_are(desk, clock):
    referral = searching()
    clock.at = NOW + 7 * MINUTE
    page = words(desk.get("/duty"))
    assert "Needs a person now (1)" in page
    assert f"{referral.spoken}: no bed fits Since today 14:00, 7 minutes ago." in page
    assert "We match again at every change of a bed." in page
    alert = db.session.scalars(sa.select(Alert)).one()
    page = words(desk.press(f"/duty/alerts/{alert.id}/claim"))
    assert "It is yours. It stays open until its cause is gone." in page
    assert "Taken by Pat Lindqvist (coordinator), today 14:07." in page
    assert fresh(alert).ended_at is None


def test_two_coordinators_never_take_the_same_alert(app, desk):
    searching()
    alert = db.session.scalars(sa.select(Alert)).one()
    desk.get("/duty")
    other = Visitor(app.test_client()).sign_in(factories.coordinator(name="Sasha"))
    other.get("/duty")
    other.press(f"/duty/alerts/{alert.id}/claim")
    assert "Somebody else has taken that alert" in words(desk.press(f"/duty/alerts/{alert.id}/claim"))
    assert fresh(alert).claimed_by == other.user.actor().by
    assert "It is yours" in words(other.press(f"/duty/alerts/{alert.id}/claim"))


def test_an_alert_that_is_over_is_said_so_and_one_that_is_not_is_not_found(desk):
    referral = searching()
    alert = db.session.scalars(sa.select(Alert)).one()
    desk.get("/duty")
    duty.end(kind=AlertKind.NOTHING_FITS, subject=f"referral:{referral.id.hex}", now=NOW)
    db.session.commit()
    assert "That alert is over" in words(desk.press(f"/duty/alerts/{alert.id}/claim"))
    desk.post(f"/duty/alerts/{uuid.uuid4()}/claim", 404)


def test_every_kind_of_alert_has_words_for_both_halves():
    assert set(board.BY_ITSELF) == set(AlertKind) == set(ALERT_WORDS)


def test_the_worst_stands_first(desk):
    factories.house(rooms=3)
    here, road, held = placed(State.ARRIVED), placed(State.CONFIRMED, road=True), placed()
    waiting = searching(cohort="men")
    page = desk.get("/duty").text
    places = [page.index(row.spoken) for row in (waiting, held.referral, road.referral, here.referral)]
    assert places == sorted(places)
    # Whoever stands in an alert stands nowhere else.
    assert "Everything else live (3)" in words(desk.get("/duty"))


def test_somebody_overdue_on_the_road_is_said_so(desk, clock):
    factories.house()
    placement = placed(State.CONFIRMED, road=True)
    desk.back_at(clock, placement.arrive_by + MINUTE)
    referrals.sweep(now=clock.at)
    db.session.commit()
    assert f"{placement.referral.spoken}: set off and overdue" in words(desk.get("/duty"))
    assert "They set off and should have arrived by" in words(desk.get(page_of(placement.referral)))


def test_a_coordinator_sees_whom_to_ring_and_never_where_the_house_is_or_what_they_are_called(desk):
    house = factories.house(
        address="9 Secret Street\nHiddenham",
        meeting_point="By the green gate",
        name="Heron House",
        outcode="LS8",
    )
    placement = placed(
        alias="Mina", incident="13270000123", officer_phone="+447700900555", keep_away=("BD1", "BD2")
    )
    house.contacts[0].phone = "+447700900777"
    db.session.commit()
    everything = ""
    for path in ("/duty", page_of(placement.referral), at(placement, "decline"), at(placement, "move")):
        everything += desk.get(path).text
    page = words(desk.get(page_of(placement.referral)))
    assert "Heron House" in page and "07700 900777" in page and "07700 900555" in page
    assert "2 postcode areas" in page
    for secret in ("Secret Street", "Hiddenham", "green gate", "Mina", "LS8", "13270000123"):
        assert secret not in everything


@pytest.mark.parametrize(
    ("state", "road", "wanted"),
    [
        (
            State.HELD,
            False,
            [
                "Accept for the house",
                "Decline for the house",
                "They have arrived",
                "They arrived earlier",
                "Move to another room",
                "Give the house longer",
                "This bed is not wanted",
                "Hand over to another officer",
                "Close the request",
            ],
        ),
        (
            State.CONFIRMED,
            True,
            [
                "Change when they arrive",
                "30 minutes later",
                "They have arrived",
                "They arrived earlier",
                "They did not arrive",
                "Move to another room",
                "Withdraw for the house",
                "This bed is not wanted",
                "Hand over to another officer",
                "Close the request",
            ],
        ),
        (
            State.ARRIVED,
            True,
            [
                "Move to another room",
                "Move to another house",
                "Extend the stay",
                "Where they go next",
                "They have left",
                "Hand over to another officer",
            ],
        ),
    ],
)
def test_a_coordinator_may_do_what_the_table_says_and_every_button_leads_somewhere(desk, state, road, wanted):
    factories.house(rooms=2)
    placement = placed(state, road=road)
    page = desk.get(page_of(placement.referral))
    assert buttons(page) == wanted
    for target in {
        line for line in page.text.split('"') if line.startswith("/duty/") and not line.endswith("/now")
    }:
        if target.rsplit("/", 1)[1] not in ("accept", "arrived", "late", "claim"):
            desk.get(target)


def test_every_event_a_coordinator_may_cause_has_a_button():
    events = {
        row.event
        for row in lifecycle.TRANSITIONS
        if Role.COORDINATOR in row.who and row.event is not Event.HOLD
    }
    from safety.web.steps import STEPS

    assert events == {step.event for step in STEPS}


def test_answering_for_the_house(desk):
    factories.house(rooms=2)
    yes, no = placed(), placed()
    desk.get("/duty")
    assert "Accepted." in words(desk.press(at(yes, "accept")))
    desk.press(at(no, "decline"), reason="full")
    assert (fresh(yes).state, fresh(no).state) == (State.CONFIRMED, State.DECLINED)


def test_the_whole_road_by_telephone(desk, clock):
    factories.house()
    placement = placed(State.CONFIRMED)
    desk.get(page_of(placement.referral))
    desk.press(at(placement, "set-off"), eta="14:40")
    assert fresh(placement).eta_at == NOW + 40 * MINUTE
    for _ in range(3):  # an officer may only twice
        desk.press(at(placement, "late"))
    assert fresh(placement).eta_at == NOW + 130 * MINUTE
    desk.press(at(placement, "arrived"))
    assert fresh(placement).state == State.ARRIVED
    page = desk.get(at(placement, "extend"))
    assert "The stay is until Monday 12:00 now" in words(page) and "Tuesday 19 January, 12:00" in words(page)
    desk.press(at(placement, "extend"), until="2027-01-20", reason="unwell")
    assert fresh(placement).stay_until == dt.datetime(2027, 1, 20, 12, tzinfo=dt.UTC)
    desk.press(
        at(placement, "left-earlier"),
        day="2027-01-13",
        time="14:00",
        reason="own_choice",
    )
    desk.press(at(placement, "afterwards"), onward="own", nrm_decision="declined")
    assert fresh(placement).state == State.DEPARTED
    page = words(desk.get(page_of(placement.referral)))
    for said in (
        "Asked for a place",
        "A bed was held",
        "Set off",
        "Running late",
        "Arrived",
        "The stay was extended",
        "Left",
        "Said where they went and what they decided",
    ):
        assert said in page
    assert "They chose to leave" in page and "Pat Lindqvist (coordinator)" in page


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("14:10", NOW + 10 * MINUTE), ("13:58", NOW), ("13:00", NOW + dt.timedelta(hours=23))],
)
def test_an_arrival_is_the_next_time_the_clock_shows_it(desk, typed, expected):
    factories.house()
    placement = placed(State.CONFIRMED)
    desk.get(at(placement, "set-off"))
    desk.press(at(placement, "set-off"), eta=typed)
    assert fresh(placement).eta_at == expected


@pytest.mark.parametrize(
    ("sent", "said"), [({}, "Enter when they expect to arrive"), ({"eta": "soon"}, "like 14:30 or 2:30pm")]
)
def test_an_arrival_that_is_no_time_is_asked_again(desk, sent, said):
    factories.house()
    placement = placed(State.CONFIRMED)
    desk.get(at(placement, "set-off"))
    assert said in summary(desk.post(at(placement, "set-off"), 400, **sent))[0]
    assert fresh(placement).set_off_at is None


def test_not_wanted_asks_whether_a_place_is_still_needed(desk):
    first, second = factories.house(outcode="LS1"), factories.house(outcode="LS29")
    placement = placed()
    assert placement.premises_id == first.id
    desk.get(at(placement, "cancel"))
    assert summary(desk.post(at(placement, "cancel"), 400, reason="too_far")) == [
        "Select whether they still need a place"
    ]
    desk.press(at(placement, "cancel"), reason="too_far", still_needed="yes")
    following = live(placement.referral)
    assert following.premises_id == second.id
    desk.press(at(following, "cancel"), reason="plans", still_needed="no")
    assert fresh(placement.referral).state == ReferralState.CLOSED


def test_not_arrived_then_the_search_begins_again(desk):
    factories.house(rooms=2)
    placement = placed(State.CONFIRMED, road=True)
    desk.get(at(placement, "not-arrived"))
    page = desk.press(at(placement, "not-arrived"), reason="unknown")
    assert "Nobody knows where they are, so nothing is held for them." in words(page)
    assert "Start the search again" in buttons(page) and "Put right a mistake" in buttons(page)
    desk.press(page_of(placement.referral, "search-again"))
    assert live(placement.referral).state == State.HELD
    assert "They are not waiting for a bed. Nothing was changed." in words(
        desk.press(page_of(placement.referral, "search-again"))
    )


def test_a_mistake_is_put_right_however_long_ago_while_the_bed_is_free(desk, clock):
    factories.house()
    placement = placed(State.CONFIRMED, road=True)
    desk.get(at(placement, "not-arrived"))
    desk.press(at(placement, "not-arrived"), reason="left_on_the_way")
    desk.back_at(clock, NOW + dt.timedelta(hours=5))
    desk.get(page_of(placement.referral))
    desk.press(at(placement, "correct"))
    assert fresh(placement).state == State.CONFIRMED


def test_moving_to_another_house_asks_that_house(desk):
    factories.house(outcode="LS1")
    placement = placed(State.ARRIVED)
    closed = factories.house(outcode="LS3", name="Shut House", accepting=False, accepting_reason="staff")
    other = factories.house(outcode="LS29", name="Open House")
    db.session.commit()
    page = words(desk.get(at(placement, "transfer")))
    assert "Open House, Room 1 (rooms, sleeps 2)" in page and "Fits." in page and "Shut House" not in page
    room = other.bedspaces[0]
    desk.press(at(placement, "transfer"), bedspace_id=str(room.id), reason="safety")
    assert fresh(placement).state == State.DEPARTED
    assert live(placement.referral).bedspace_id == room.id
    assert closed.bedspaces


def test_closing_a_request_needs_a_reason_and_frees_the_bed(desk):
    factories.house()
    placement = placed(State.CONFIRMED, road=True)
    page = words(desk.get(page_of(placement.referral, "close")))
    assert "They have set off. Ring the officer first." in page
    assert summary(desk.post(page_of(placement.referral, "close"), 400)) == [
        "Select why no place is needed any more"
    ]
    desk.press(page_of(placement.referral, "close"), reason="elsewhere")
    assert fresh(placement.referral).state == ReferralState.CLOSED
    assert "closed already" in words(
        desk.get(desk.get(page_of(placement.referral, "close"), 303).headers["Location"])
    )
    assert "This request is closed already. Nothing was changed." in words(
        desk.press(page_of(placement.referral, "close"), reason="arrested")
    )


def test_placing_by_hand_shows_what_fits_and_what_stands_in_the_way(desk, clock):
    referral = searching(cohort="women", support=("fire",), eta_at=NOW + dt.timedelta(hours=1))
    near = factories.house(outcode="LS1", name="Near House", supports=["alcohol"])
    factories.house(outcode="LS2", name="Shut House", accepting=False, accepting_reason="staff")
    db.session.commit()
    page = desk.get(page_of(referral, "place"))
    assert "Near House, Room 1" in words(page)
    assert f"Not met: {matching.CAUSE_WORDS[matching.Cause.SUPPORT]}." in words(page)
    assert "Shut House" not in words(page)
    room = str(near.bedspaces[0].id)
    refused = desk.post(page_of(referral, "place"), 400, bedspace_id=room)
    assert summary(refused) == ["Select why this room is right all the same, or choose a room that fits"]
    assert f'value="{room}" checked' in refused.text
    desk.press(page_of(referral, "place"), bedspace_id=room, reason="house_agrees")
    assert live(referral).premises_id == near.id
    assert "Placed by hand" in words(desk.get(page_of(referral)))


@pytest.mark.parametrize("sent", [{}, {"bedspace_id": "nothing"}, {"bedspace_id": str(uuid.uuid4())}])
def test_a_room_that_is_not_offered_cannot_be_chosen(desk, sent):
    referral = searching(cohort="men")
    factories.house(cohort="women")
    db.session.commit()
    desk.get(page_of(referral, "place"))
    assert summary(desk.post(page_of(referral, "place"), 400, reason="other", **sent)) == [
        "Select a room that is still free"
    ]
    assert live(referral) is None


def test_a_room_taken_meanwhile_is_said_so(desk):
    referral = searching(support=("fire",))
    house = factories.house(supports=[])
    db.session.commit()
    desk.get(page_of(referral, "place"))
    factories.placement()
    db.session.commit()
    sent = {"bedspace_id": str(house.bedspaces[0].id), "reason": "no_other"}
    assert "No room is free any more. Nothing was changed." in words(
        desk.press(page_of(referral, "place"), **sent)
    )
    assert "No room of any house is free." in words(desk.get(page_of(referral, "place")))
    factories.house(outcode="LS2", supports=[])
    db.session.commit()
    desk.get(page_of(referral, "place"))
    assert summary(desk.post(page_of(referral, "place"), 400, **sent)) == ["Select a room that is still free"]


def test_of_like_rooms_one_stands_for_all(desk):
    referral = searching(support=("fire",))
    house = factories.house(rooms=5, supports=[])
    factories.bedspace(house, name="Big", sleeps=5)
    db.session.commit()
    assert desk.get(page_of(referral, "place")).text.count('type="radio"') == 2


def test_looking_across_the_border_needs_a_reason_and_finds_a_bed_there(desk):
    referral = searching(outcode="LS1")
    abroad = factories.house(outcode="CF10", nation="Wales", region="Wales")
    db.session.commit()
    assert "across the border" in words(desk.get(page_of(referral)))
    desk.get(page_of(referral, "across-the-border"))
    assert summary(desk.post(page_of(referral, "across-the-border"), 400)) == [
        "Select why to look across the border"
    ]
    assert live(referral) is None
    page = words(desk.press(page_of(referral, "across-the-border"), reason="none_here"))
    assert "A bed is held and its house has been asked." in page
    assert live(referral).premises_id == abroad.id
    assert fresh(referral).border_reason == "none_here"
    assert (
        "Looking in every nation , Pat Lindqvist (coordinator) today 14:00 No place in this nation fits"
        in page
    )


def test_only_a_coordinator_looks_across_the_border(app):
    referral = factories.referral()
    with pytest.raises(lifecycle.NotAllowed):
        look_across_border(referral_id=referral.id, actor=referral.holder.actor(), reason="nearer", now=NOW)
    with pytest.raises(NotYours):
        look_across_border(
            referral_id=referral.id, actor=factories.officer().actor(), reason="nearer", now=NOW
        )
    with pytest.raises(lifecycle.NotAllowed):
        look_across_border(
            referral_id=referral.id, actor=factories.coordinator_actor(), reason="because", now=NOW
        )
    duty_actor = factories.coordinator_actor()
    for _ in range(2):
        look_across_border(referral_id=referral.id, actor=duty_actor, reason="nearer", now=NOW)
    assert [event.what for event in db.session.scalars(sa.select(AuditEvent))].count("across_border") == 1


def test_what_is_only_for_the_searching_says_so(desk):
    factories.house()
    placement = placed()
    for rest in ("place", "across-the-border"):
        landed = desk.get(page_of(placement.referral, rest), 303).headers["Location"]
        assert "They are not waiting for a bed any more." in words(desk.get(landed))


def test_texts_stand_with_what_they_were_for_and_their_words_and_never_their_number(desk):
    factories.house()
    placement = placed(officer_phone="+447700900555")
    page = desk.get(page_of(placement.referral))
    texts = db.session.scalars(sa.select(Text)).all()
    assert {text.wording for text in texts} == {"asked", "held"}
    part = words(page)[words(page).rindex("What happened") :]
    assert "To the house: a bed of yours is held; say yes or no" in part
    for text in texts:
        assert text.body in part
        assert text.to not in part and "07700" not in part


def test_every_text_and_every_event_has_words():
    assert all(timeline.MEANS[wording.__name__] for wording in messages.WORDINGS)
    unsaid = {str(event) for event in Event} - set(timeline.EVENTS)
    assert unsaid == set()


def test_a_request_for_whom_no_bed_was_sought_can_be_looked_at(desk):
    officer = factories.officer()
    referral = referrals.divert(why=ReferralState.DIVERTED, officer=officer, form_token=uuid.uuid4(), now=NOW)
    db.session.commit()
    assert "It is not kept any more." in words(desk.get(page_of(referral)))
    for rest in ("place", "close", "across-the-border"):
        desk.get(page_of(referral, rest), 404)


def test_a_request_keyed_in_by_telephone_looks_like_any_other(desk):
    factories.house()
    placement = placed(by=desk.user)
    page = words(desk.get(page_of(placement.referral)))
    assert "Officer Pat Lindqvist" in page and "Pat Lindqvist (coordinator)" in page


def test_the_pages_follow_by_themselves(desk):
    factories.house()
    placement = placed()
    for path in ("/duty", page_of(placement.referral)):
        assert f'data-poll="{path}/now"' in desk.get(path).text
        part = desk.get(f"{path}/now")
        assert desk.get(f"{path}/now", 304, headers={"If-None-Match": part.headers["ETag"]}).text == ""


def test_nobody_else_finds_the_duty_line(app):
    factories.house()
    placement = placed()
    people = (placement.referral.holder, factories.staff(of=placement.premises.provider))
    paths = (
        "/duty",
        "/duty/now",
        page_of(placement.referral),
        page_of(placement.referral, "place"),
        at(placement, "decline"),
    )
    for user in people:
        visitor = Visitor(app.test_client()).sign_in(user)
        for path in paths:
            visitor.get(path, 404)


def test_unknown_referrals_and_placements_are_not_found(desk):
    desk.get("/duty")
    desk.get(f"/duty/referrals/{uuid.uuid4()}", 404)
    desk.get(f"/duty/referrals/{uuid.uuid4()}/place", 404)
    desk.post(f"/duty/referrals/{uuid.uuid4()}/search-again", 404)
    desk.get(f"/duty/placements/{uuid.uuid4()}/decline", 404)
    factories.house()
    placement = placed()
    desk.get(at(placement, "nonsense"), 404)


def test_a_house_that_withdrew_is_an_alert_and_the_next_best_is_held(desk):
    factories.house(outcode="LS1")
    factories.house(outcode="LS29")
    placement = placed(State.CONFIRMED, road=True)
    desk.get(at(placement, "withdraw"))
    page = words(desk.press(at(placement, "withdraw"), reason="incident"))
    assert "the house withdrew, ring the officer" in page and "Beds before" in page
    assert "Something happened at the house." in page
    assert live(placement.referral).state == State.HELD


def test_a_room_out_of_service_is_not_offered(desk):
    referral = searching(support=("fire",))
    house = factories.house(rooms=1, supports=[])
    bedspaces.take_out(bedspace_id=house.bedspaces[0].id, reason="repair", until=None, by="clock", now=NOW)
    db.session.commit()
    assert "No room of any house is free." in words(desk.get(page_of(referral, "place")))


def test_a_house_that_does_not_say_how_many_are_free_stands_on_the_list_by_name(desk):
    house = factories.house()
    duty.raise_alert(kind=AlertKind.STALE, subject=f"premises:{house.id.hex}", now=NOW)
    db.session.commit()
    page = words(desk.get("/duty"))
    assert f"{house.name}: a house does not say how many beds are free" in page
    assert "Ring the house and ask how many are free." in page
    assert f"Key in what it says : {house.name}" in page
    assert f'href="/duty/premises/{house.id}/beds"' in desk.get("/duty").text


def test_an_alert_about_a_text_says_whom_it_was_for_and_never_the_number(desk):
    house = factories.house(name="Heron House")
    delivery.unreachable(number_index=house.contacts[0].phone_index, now=NOW)
    db.session.commit()
    page = desk.get("/duty")
    assert "It was for the house Heron House." in words(page)
    assert house.contacts[0].phone not in page.text and house.contacts[0].phone_index not in page.text
