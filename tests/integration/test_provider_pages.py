"""The house's pages: what waits, who comes, who is here, and everything a house records."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
import sqlalchemy as sa

from safety import bedspaces, lifecycle, referrals
from safety.extensions import db
from safety.lifecycle import Event, ReferralState, State
from safety.models import Alert, AlertKind, AuditEvent, Placement, Premises
from safety.referrals import details
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def house(app) -> Premises:
    made = factories.house(rooms=3)
    made.groups[0].name = "Women's rooms"
    return made


@pytest.fixture
def home(house, client) -> Visitor:
    """The browser of somebody who works at the house."""
    return Visitor(client).sign_in(factories.staff(of=house.provider))


def placed(state: State = State.HELD, **kept) -> Placement:
    """A placement in this state at the house."""
    placement = factories.placement(**kept)
    staff, officer = factories.house_actor(placement.premises_id), placement.referral.holder.actor()
    if state is not State.HELD:
        referrals.record(placement_id=placement.id, event=Event.CONFIRM, actor=staff, facts={}, now=NOW)
    if state is State.ARRIVED:
        facts = {"eta_at": NOW + 30 * MINUTE}
        referrals.record(placement_id=placement.id, event=Event.SET_OFF, actor=officer, facts=facts, now=NOW)
        referrals.record(placement_id=placement.id, event=Event.ARRIVE, actor=staff, facts={}, now=NOW)
    db.session.commit()
    return placement


def on_the_road(placement: Placement) -> None:
    actor = placement.referral.holder.actor()
    facts = {"eta_at": NOW + 30 * MINUTE}
    referrals.record(placement_id=placement.id, event=Event.SET_OFF, actor=actor, facts=facts, now=NOW)
    db.session.commit()


def fresh(placement: Placement) -> Placement:
    db.session.expire_all()
    return db.session.get_one(Placement, placement.id)


def at(placement: Placement, slug: str = "") -> str:
    return f"/house/placements/{placement.id}" + (f"/{slug}" if slug else "")


def test_signing_in_leads_to_the_house(home):
    assert home.get("/", 303).headers["Location"] == "/house"
    page = words(home.get("/house"))
    assert (
        "Nobody is waiting" in page
        and "Nobody is expected" in page
        and "Nobody of this scheme stays with you" in page
    )


def test_what_waits_for_an_answer_stands_first_with_the_time_left_and_what_they_need(home, clock):
    placement = placed(
        pregnant="yes", needed=(), support=("medication",), children={"under_2": 1, "5_to_11": 0}
    )
    clock.at = NOW + 6 * MINUTE
    page = words(home.get("/house"))
    assert "Waiting for your answer (1)" in page
    assert "Answer by 14:15: 9 minutes left." in page
    assert f"{placement.referral.spoken} in group W" in page
    assert "1 adult and 1 child (1 under 2), women only; pregnant; needs medication kept safe." in page


def test_accept_is_one_press_and_says_what_happens_next(home):
    placement = placed()
    home.get("/house")
    page = words(home.press(at(placement, "accept")))
    assert "Accepted. The officer has been told" in page
    assert "If nobody sets off by today 17:00, the bed is free again" in page
    assert fresh(placement).state == State.CONFIRMED


def test_accept_pressed_twice_is_accepted_once(home):
    placement = placed()
    home.get("/house")
    home.press(at(placement, "accept"))
    assert "recorded already, so nothing has changed" in words(home.press(at(placement, "accept")))


def test_a_yes_after_the_time_to_answer_and_before_anybody_noticed_counts(home, clock):
    placement = placed()
    home.back_at(clock, placement.answer_by + MINUTE)
    assert "The time to answer is over, but you can still say yes." in words(home.get("/house"))
    home.press(at(placement, "accept"))
    assert fresh(placement).state == State.CONFIRMED


def test_a_yes_after_the_lapse_is_taken_while_they_are_still_looked_for(home, house, clock):
    placement = placed()
    home.back_at(clock, placement.answer_by)
    referrals.sweep(now=clock.at)
    db.session.commit()
    page = home.get(at(placement))
    assert "Accept" in buttons(page) and "If you have room after all, say so" in words(page)
    landed = home.post(at(placement, "accept")).headers["Location"]
    again = db.session.scalars(sa.select(Placement).where(Placement.state == State.CONFIRMED)).one()
    assert landed == at(again) and again.id != placement.id


def test_a_yes_after_they_have_another_place_is_settled_and_said_so(home, house, clock):
    placement = placed()
    factories.house(outcode="LS29")
    home.back_at(clock, placement.answer_by)
    referrals.sweep(now=clock.at)
    db.session.commit()
    home.get(at(placement))
    page = words(home.press(at(placement, "accept")))
    assert "They have another place by now, so your bed stays free" in page
    assert fresh(placement).state == State.LAPSED


def test_a_yes_that_comes_too_late_for_a_bed_that_no_longer_fits_never_says_they_have_a_place(
    home, house, clock
):
    placement = placed()
    home.back_at(clock, placement.answer_by)
    referrals.sweep(now=clock.at)
    placement.referral.needs = {**placement.referral.needs, "adults": 8}
    db.session.commit()
    home.get(at(placement))
    page = words(home.press(at(placement, "accept")))
    assert "another place" not in page and "A place is still being looked for" in page
    assert fresh(placement).referral.state == ReferralState.SEARCHING


def test_a_yes_after_the_request_was_closed_never_says_they_have_a_place(home, house, clock):
    placement = placed()
    home.back_at(clock, placement.answer_by)
    referrals.sweep(now=clock.at)
    holder = placement.referral.holder.actor()
    referrals.withdraw(referral_id=placement.referral_id, actor=holder, reason="elsewhere", now=clock.at)
    db.session.commit()
    home.get(at(placement))
    page = words(home.press(at(placement, "accept")))
    assert "another place" not in page and "No place is needed for them any more" in page


@pytest.mark.parametrize(
    ("another", "said"), [(True, "A bed elsewhere is held for them"), (False, "No other bed fits yet")]
)
def test_a_decline_says_what_became_of_them(home, another, said):
    placement = placed()
    if another:
        factories.house(outcode="LS29")
        db.session.commit()
    home.get(at(placement, "decline"))
    page = words(home.press(at(placement, "decline"), reason="staff"))
    assert "Declined. The bed is free again." in page and said in page


def test_decline_asks_for_one_of_the_reasons_and_moves_on(home):
    placement = placed()
    other = factories.house(outcode="LS29")
    db.session.commit()
    page = home.get(at(placement, "decline"))
    for reason in lifecycle.DECLINE.values():
        assert reason in words(page)
    landed = home.press(at(placement, "decline"), reason="staff")
    assert "The bed is free again" in words(landed)
    assert (fresh(placement).state, placement.reason) == (State.DECLINED, "staff")
    assert referrals.live_placement(placement.referral).premises_id == other.id


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "Select the reason"),
        ({"reason": "because"}, "Select the reason"),
        ({"reason": ["staff", "risk"]}, "Reason was answered more than once. Give one answer"),
        (
            {"reason": "staff\x00"},
            "Reason had characters that cannot be seen. We took them out: check it and send it again",
        ),
    ],
)
def test_a_reason_that_is_none_of_ours_changes_nothing_and_says_what_to_do(home, sent, said):
    placement = placed()
    home.get(at(placement, "decline"))
    page = home.post(at(placement, "decline"), 400, **sent)
    assert summary(page) == [said]
    assert '<a href="#reason">' in page.text and 'id="reason"' in page.text
    assert fresh(placement).state == State.HELD


def test_withdrawing_warns_that_somebody_may_be_on_the_road(home):
    placement = placed(State.CONFIRMED)
    assert "may set off at any moment" in words(home.get(at(placement, "withdraw")))
    on_the_road(placement)
    assert "An officer is on the road with them now, expected today 14:30" in words(
        home.get(at(placement, "withdraw"))
    )
    page = words(home.press(at(placement, "withdraw"), reason="incident"))
    assert "The officer has been told not to come" in page
    assert (fresh(placement).state, placement.reason) == (State.WITHDRAWN, "incident")


def test_who_is_coming_stands_with_our_own_number_of_their_force(home):
    placement = placed(State.CONFIRMED)
    officer = placement.referral.holder
    assert "They have not set off yet" in words(home.get("/house"))
    on_the_road(placement)
    for path in ("/house", at(placement)):
        page = home.get(path)
        assert f"Officer, collar number {officer.collar_number}" in words(page)
        assert 'href="tel:+441134960200"' in page.text
        assert "14:30" in words(page)


def test_the_name_to_call_them_is_shown_to_the_house_while_they_are_with_it(home, clock):
    placement = placed(State.ARRIVED, alias="Mina", support=("medication",))
    page = words(home.get(at(placement)))
    assert "What to call them Mina" in page and "Needs medication kept safe" in page
    home.back_at(clock, NOW + dt.timedelta(hours=2))
    home.press(at(placement, "departed"), reason="planned")
    page = words(home.get(at(placement)))
    assert "Mina" not in page and "medication" not in page
    assert "What they need is not shown any more" in page


def test_language_interpreter_and_diet_reach_the_house(home):
    placement = placed()
    holder = placement.referral.holder.actor()

    def said(**kept):
        details.add_details(referral_id=placement.referral_id, actor=holder, alias=None, now=NOW, **kept)
        db.session.commit()
        return words(home.get(at(placement)))

    page = said(interpreter=True, language="tigrinya", diet=["halal", "other"])
    assert "Language Tigrinya. They need an interpreter: have one ready" in page
    assert "What they eat Halal; Something else, to be asked" in page
    page = said(interpreter=False, language="polish")
    assert "Language Polish" in page and "interpreter" not in page and "What they eat" not in page
    page = said(interpreter=True, language=None)
    assert "Language They need an interpreter: have one ready" in page
    assert "Language" not in said(interpreter=False, language=None)


def test_arrived_is_one_press_and_the_stay_is_said(home):
    placement = placed(State.CONFIRMED)
    on_the_road(placement)
    home.get("/house")
    page = words(home.press(at(placement, "arrived")))
    assert "They can stay until Monday 12:00" in page
    assert fresh(placement).arrived_at == NOW
    assert "Can stay until Monday 12:00" in words(home.get("/house"))


def test_arrived_earlier_takes_a_typed_time_of_today_or_yesterday(home, clock):
    placement = placed(State.CONFIRMED)
    home.back_at(clock, NOW + 30 * MINUTE)
    home.get(at(placement, "arrived-earlier"))
    home.press(at(placement, "arrived-earlier"), day="2027-01-13", time="2.10pm")
    assert fresh(placement).arrived_at == NOW + 10 * MINUTE


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"day": "2027-01-13"}, "Enter the time they arrived"),
        ({"time": "14:10"}, "Select the day they arrived"),
        ({"day": "2027-01-13", "time": "7"}, "The time they arrived must be a time, like 14:30 or 2:30pm"),
        (
            {"day": "2027-01-13", "time": "23:00"},
            "The time of arrival is still to come. Enter when they came in",
        ),
        (
            {"day": "2027-01-12", "time": "01:00"},
            "The time of arrival is long before the bed was held. Enter when they came in",
        ),
        ({"day": "2026-12-25", "time": "14:00"}, "Select the day they arrived"),
    ],
)
def test_an_arrival_that_cannot_be_is_refused_and_nothing_typed_is_lost(home, sent, said):
    placement = placed(State.CONFIRMED)
    home.get(at(placement, "arrived-earlier"))
    page = home.post(at(placement, "arrived-earlier"), 400, **sent)
    assert said in summary(page)
    if "time" in sent:
        assert f'value="{sent["time"]}"' in page.text
    assert fresh(placement).state == State.CONFIRMED


def test_a_time_the_clocks_jump_over_is_asked_again(home, clock):
    clock.at = dt.datetime(2027, 3, 28, 0, 30, tzinfo=dt.UTC)
    house = db.session.scalars(sa.select(Premises)).one()
    house.reported_at = house.address_confirmed_at = clock.at
    placement = factories.placement(now=clock.at)
    referrals.record(
        placement_id=placement.id,
        event=Event.CONFIRM,
        actor=factories.house_actor(house.id),
        facts={},
        now=clock.at,
    )
    db.session.commit()
    home.back_at(clock, clock.at + dt.timedelta(hours=2))
    home.get(at(placement, "arrived-earlier"))
    page = home.post(at(placement, "arrived-earlier"), 400, day="2027-03-28", time="01:30")
    assert summary(page) == ["The clocks went forward over that time. Enter a time before or after it"]


def test_not_arrived_waits_for_a_coordinator(home):
    placement = placed(State.CONFIRMED)
    assert "They did not arrive" not in buttons(home.get(at(placement)))
    on_the_road(placement)
    assert "Nobody set off in time" not in words(home.get(at(placement, "not-arrived")))
    page = words(home.press(at(placement, "not-arrived"), reason="unknown"))
    assert "a coordinator is finding out where they are" in page
    assert fresh(placement).state == State.NOT_ARRIVED
    assert placement.referral.paused_at is not None


def test_letting_them_in_before_anybody_answered_is_a_yes(home):
    placement = placed()
    home.get(at(placement))
    home.press(at(placement, "arrived"))
    assert fresh(placement).state == State.ARRIVED


def test_arrived_after_the_bed_came_free_stays_inside(home, clock):
    placement = placed(State.CONFIRMED)
    home.back_at(clock, placement.arrive_by)
    referrals.sweep(now=clock.at)
    db.session.commit()
    page = home.get(at(placement))
    assert "If they come all the same, let them in" in words(page) and "They have arrived" in buttons(page)
    landed = home.post(at(placement, "arrived")).headers["Location"]
    again = db.session.scalars(sa.select(Placement).where(Placement.state == State.ARRIVED)).one()
    assert landed == at(again)


def test_arrived_and_the_bed_is_gone_says_keep_them_safe(home, clock):
    placement = placed(State.CONFIRMED)
    for bedspace in placement.premises.bedspaces:
        if bedspace.id != placement.bedspace_id:
            bedspaces.take_out(bedspace_id=bedspace.id, reason="repair", until=None, by="clock", now=NOW)
    home.back_at(clock, placement.arrive_by)
    referrals.sweep(now=clock.at)
    factories.placement(now=clock.at)
    db.session.commit()
    home.get(at(placement))
    page = words(home.press(at(placement, "arrived")))
    assert "Keep them safe inside." in page and "0113 496 0100" in page
    assert db.session.scalars(sa.select(Alert).where(Alert.kind == AlertKind.NO_BED_ON_ARRIVAL)).one()


def test_a_departure_is_two_presses_and_the_bed_is_free_before_anything_else_is_asked(home, clock):
    placement = placed(State.ARRIVED)
    home.back_at(clock, NOW + dt.timedelta(hours=2))
    page = home.get(at(placement, "departed"))
    assert "They moved to another house of this scheme" not in words(page)
    landed = home.send(page, "They chose to leave")
    row = fresh(placement)
    assert (row.state, row.reason, row.departed_at) == (State.DEPARTED, "own_choice", clock.at)
    assert (row.onward, row.nrm_decision, row.referral.state) == (None, None, ReferralState.CLOSED)
    assert landed.headers["Location"] == at(placement, "afterwards")


def test_where_they_went_is_asked_afterwards_and_never_pushes_a_decision(home, clock):
    placement = placed(State.ARRIVED)
    home.send(home.get(at(placement, "departed")), "The stay came to its end")
    line = f"Say where {placement.referral.spoken} went and what they decided"
    assert line in words(home.get("/house"))
    page = home.get(at(placement, "afterwards"))
    assert "It is their choice, no answer is better than another, and nobody is measured by it." in words(
        page
    )
    assert summary(home.post(at(placement, "afterwards"), 400)) == [
        "Select where they went, or not known",
        "Select what they decided, or not known",
    ]
    home.press(at(placement, "afterwards"), onward="msvcc", nrm_decision="deciding")
    row = fresh(placement)
    assert (row.onward, row.nrm_decision) == ("msvcc", "deciding")
    assert line not in words(home.get("/house"))
    recorded = sa.select(AuditEvent).where(AuditEvent.what == "said_afterwards")
    assert [event.facts for event in db.session.scalars(recorded)] == [
        {"onward": "msvcc", "nrm_decision": "deciding"}
    ]
    # Known better later: said again, and recorded again.
    home.press(at(placement, "afterwards"), onward="charity", nrm_decision="consented")
    home.press(at(placement, "afterwards"), onward="charity", nrm_decision="consented")
    assert fresh(placement).onward == "charity" and len(list(db.session.scalars(recorded))) == 2


def test_nothing_is_asked_afterwards_of_who_has_not_left_and_nothing_of_whom_nothing_is_known(home):
    placement = placed(State.ARRIVED)
    said = {"onward": "own", "nrm_decision": "consented"}
    home.get(at(placement))
    page = words(home.press(at(placement, "afterwards"), **said))
    assert "They are not recorded as having left. Nothing was changed." in page
    home.send(home.get(at(placement, "departed")), "They chose to leave")
    placement.referral.erased_at = NOW
    db.session.commit()
    page = words(home.press(at(placement, "afterwards"), **said))
    assert "That is too long ago to record here." in page and fresh(placement).onward is None


def test_who_left_earlier_is_recorded_with_the_time_that_is_typed(home, clock):
    placement = placed(State.ARRIVED)
    home.back_at(clock, NOW + dt.timedelta(hours=2))
    assert 'href="left-earlier"' in home.get(at(placement, "departed")).text
    assert 'value="16:00"' not in home.get(at(placement, "left-earlier")).text  # theirs to say
    home.press(at(placement, "left-earlier"), day="2027-01-13", time="15:30", reason="planned")
    row = fresh(placement)
    assert (row.state, row.departed_at) == (State.DEPARTED, NOW + dt.timedelta(minutes=90))


def test_a_departure_with_nothing_answered_names_everything_missing(home):
    placement = placed(State.ARRIVED)
    home.get(at(placement, "left-earlier"))
    assert summary(home.post(at(placement, "left-earlier"), 400, time="14:00")) == [
        "Select the day they left",
        "Select why they left",
    ]
    page = home.post(at(placement, "left-earlier"), 400, time="13:00", day="2027-01-13", reason="other")
    assert 'value="other" checked' in page.text and 'value="13:00"' in page.text
    assert summary(home.post(at(placement, "departed"), 400)) == ["Select why they left"]


@pytest.mark.parametrize(
    ("reason", "ticked", "out"),
    [("repair", "y", True), ("full", "y", True), ("repair", "", False), ("staff", "y", False)],
)
def test_a_no_about_the_room_takes_it_out_of_service_if_that_is_wanted(home, reason, ticked, out):
    placement = placed()
    page = home.get(at(placement, "decline"))
    assert "If the room cannot be used: send nobody else to it" in words(page)
    assert "Until tomorrow 02:00, or until you bring it back" in words(page)
    page = words(
        home.press(at(placement, "decline"), reason=reason, **({"room_out": ticked} if ticked else {}))
    )
    told = (
        f"Nobody else is sent to {placement.bedspace.name} until tomorrow 02:00, or until it is brought back"
    )
    assert page.count(told) == (2 if out else 0), "in the notice and on the page"
    assert page.count("The bed is free again") == (0 if out else 2)
    spell = bedspaces.spell(bedspace_id=placement.bedspace_id, now=NOW)
    assert fresh(placement).state == State.DECLINED
    assert (spell is not None and spell.until == NOW + dt.timedelta(hours=12)) is out
    assert (spell is None) is not out


def test_putting_a_no_right_brings_back_the_room_it_took_out_and_no_other_spell(home, clock):
    placement = placed()
    home.get(at(placement, "decline"))
    home.press(at(placement, "decline"), reason="full", room_out="y")
    home.press(at(placement, "correct"))
    assert bedspaces.spell(bedspace_id=placement.bedspace_id, now=NOW) is None
    home.press(at(placement, "decline"), reason="full")
    clock.at = NOW + MINUTE
    bedspaces.take_out(
        bedspace_id=placement.bedspace_id, reason="cleaning", until=None, by="clock", now=clock.at
    )
    db.session.commit()
    assert "The bed is not free any more" in words(home.press(at(placement, "correct")))
    assert bedspaces.spell(bedspace_id=placement.bedspace_id, now=clock.at).reason == "cleaning"


def test_before_they_come_in_the_house_is_told_to_ask_about_tracking_and_afterwards_to_ask_now(home):
    coming, inside = placed(State.CONFIRMED), placed(State.ARRIVED)
    for placement in (coming, inside):
        placement.referral.needs = placement.referral.needs | {"tracking_checked": "not_known"}
    db.session.commit()
    assert "Not known. Ask before they come in" in words(home.get(at(coming)))
    page = words(home.get(at(inside)))
    assert "Not known. Ask them now" in page and "before they come in" not in page


def test_moving_shows_only_free_rooms_that_suit(home, house):
    placement = placed(State.ARRIVED, children={"under_2": 1})
    small = factories.bedspace(house, name="Little room", sleeps=1)
    flat = factories.bedspace(house, name="Big room", sleeps=4)
    db.session.commit()
    page = words(home.get(at(placement, "move")))
    assert "Big room (women's rooms, sleeps 4)" in page and "Little room" not in page
    assert "Moved to Big room." in words(home.press(at(placement, "move"), bedspace_id=str(flat.id)))
    assert fresh(placement).bedspace_id == flat.id
    refused = home.post(at(placement, "move"), 400, bedspace_id=str(small.id))
    assert summary(refused) == ["Select a room that is still free"]
    refused = home.post(at(placement, "move"), 400, bedspace_id="1 OR 1")
    assert summary(refused) == ["Select a room that is still free"]


def test_a_house_without_another_room_says_whom_to_ring(home, house):
    placement = placed(State.ARRIVED)
    for bedspace in house.bedspaces:
        if bedspace.id != placement.bedspace_id:
            bedspaces.take_out(bedspace_id=bedspace.id, reason="repair", until=None, by="clock", now=NOW)
    db.session.commit()
    assert "No other room of the house is free and suits them. Ring the duty line" in words(
        home.get(at(placement, "move"))
    )
    page = words(home.press(at(placement, "move"), bedspace_id=str(house.bedspaces[0].id)))
    assert "No other room is free any more. Nothing was changed." in page


def test_a_mistake_is_put_right_within_the_hour_and_not_later(home, clock):
    placement = placed()
    home.get(at(placement, "decline"))
    page = home.press(at(placement, "decline"), reason="full")
    assert "Put right a mistake" in buttons(page)
    asked = words(home.get(at(placement, "correct")))
    assert (
        "recorded as declined by the house" in asked and "goes back to held, waiting for the house" in asked
    )
    home.press(at(placement, "correct"))
    assert fresh(placement).state == State.HELD
    home.get(at(placement, "decline"))
    home.press(at(placement, "decline"), reason="full")
    home.back_at(clock, NOW + 61 * MINUTE)
    assert "Put right a mistake" not in buttons(home.get(at(placement)))
    assert "Too long ago to put right here" in words(home.press(at(placement, "correct")))


def test_a_contradiction_says_who_recorded_what(home):
    placement = placed()
    referrals.record(
        placement_id=placement.id,
        event=Event.DECLINE,
        actor=factories.house_actor(placement.premises_id),
        facts={"reason": "staff"},
        now=NOW,
    )
    db.session.commit()
    home.get("/house")
    page = words(home.press(at(placement, "accept")))
    assert "Recorded as declined by the house at 14:00 by the house, by text. Nothing was changed." in page
    page = words(home.press(at(placement, "decline"), reason="risk"))
    assert "Recorded as declined by the house at 14:00 by the house, by text. Nothing was changed." in page
    page = words(home.press(at(placement, "decline"), reason="staff"))
    assert "recorded already, so nothing has changed" in page


def test_every_button_of_the_page_leads_somewhere(home):
    for state in (State.HELD, State.CONFIRMED, State.ARRIVED):
        placement = placed(state)
        page = home.get(at(placement))
        for target in {
            line for line in page.text.split('"') if line.startswith(f"/house/placements/{placement.id}/")
        }:
            if target.rsplit("/", 1)[1] not in ("accept", "arrived", "now"):
                home.get(target)


def test_the_buttons_of_a_state_are_the_rows_of_the_table(home):
    expected = {
        State.HELD: [
            "Accept",
            "Decline",
            "They have arrived",
            "They arrived earlier",
            "Move to another room",
        ],
        State.CONFIRMED: [
            "They have arrived",
            "They arrived earlier",
            "Move to another room",
            "We can no longer take them",
        ],
        State.ARRIVED: ["Move to another room", "Where they go next", "They have left"],
    }
    for state, wanted in expected.items():
        assert buttons(home.get(at(placed(state)))) == wanted


def test_what_is_not_for_a_house_is_not_found_and_no_other_house_is_ever_named(home):
    placement = placed(State.ARRIVED)
    other = factories.house(outcode="LS2", name="Elsewhere House").bedspaces[0]
    db.session.commit()
    home.get("/house")
    for slug in ("transfer", "extend", "cancel", "set-off", "late"):
        answers = [home.post(at(placement, slug), 404), home.get(at(placement, slug), 404)]
        answers.append(home.post(at(placement, slug), 404, bedspace_id=str(other.id), reason="needs"))
        assert not any("Elsewhere" in answer.text for answer in answers)
    assert fresh(placement).state == State.ARRIVED


def test_what_cannot_be_done_in_this_state_is_said_so(home):
    placement = placed(State.ARRIVED)
    home.get("/house")
    for send in (
        lambda: home.get(at(placement, "withdraw"), 303),
        lambda: home.post(at(placement, "withdraw")),
    ):
        page = words(home.get(send().headers["Location"]))
        assert "That cannot be done now. Recorded as arrived at 14:00 by the house, by text." in page
    page = words(home.press(at(placement, "withdraw"), reason="staff"))
    assert "Nothing was changed." in page and fresh(placement).state == State.ARRIVED


def test_a_placement_of_another_provider_looks_like_none(home, house):
    elsewhere = factories.house(outcode="LS9", cohort="men")
    theirs = factories.placement(cohort="men")
    assert theirs.premises_id == elsewhere.id
    db.session.commit()
    home.get("/house")
    unknown = f"/house/placements/{uuid.uuid4()}"
    answers = [
        home.get(path, 404).text for path in (at(theirs), unknown, at(theirs, "now"), f"{unknown}/now")
    ]
    answers += [home.post(f"{path}/accept", 404).text for path in (at(theirs), unknown)]
    answers += [home.get(f"{path}/decline", 404).text for path in (at(theirs), unknown)]
    answers.append(home.post(f"/house/premises/{elsewhere.id}/same", 404).text)
    answers.append(home.get(at(theirs, "no-such-thing"), 404).text)
    assert {words_of(text) for text in answers} == {words_of(answers[0])}
    assert fresh(theirs).state == State.HELD


def words_of(text: str) -> str:
    start, end = text.index("<main"), text.index("</main>")
    return text[start:end]


def test_what_a_page_does_not_offer_is_not_found(home):
    placement = placed()
    assert home.get(at(placement, "no-such-thing"), 404)
    assert home.get(at(placement, "accept"), 404)  # a press has no page of its own


def test_the_same_as_before_makes_the_figures_fresh_again(home, house, clock):
    home.back_at(clock, NOW + dt.timedelta(hours=30))
    page = home.get("/house")
    assert (
        "Last confirmed on this page, 1 day ago. That is too long ago: your beds are offered last."
        in words(page)
    )
    page = words(home.get(home.send(page, f"Same as before: {house.name}").headers["Location"]))
    assert f"The figures of {house.name} are marked as still true." in page
    assert "Last confirmed on this page by House staff (house), just now." in page
    db.session.refresh(house)
    assert (house.reported_at, house.reported_via) == (clock.at, "page")


def test_beds_are_counted_by_group(home, house):
    placed()
    placed(State.ARRIVED)
    spare = next(room for room in house.bedspaces if not room_taken(room))
    bedspaces.take_out(bedspace_id=spare.id, reason="repair", until=None, by="clock", now=NOW)
    db.session.commit()
    page = home.get("/house")
    assert "W: Women's rooms, free now 1 held, 1 in use, 1 out of service" in words(page)
    assert 'data-was="0"' in page.text


def room_taken(room) -> bool:
    return db.session.scalar(sa.select(Placement.id).where(Placement.bedspace_id == room.id)) is not None


def test_the_page_follows_by_itself_and_nothing_new_costs_nothing(home):
    placement = placed()
    for path in ("/house", at(placement)):
        assert f'data-poll="{path}/now"' in home.get(path).text
        part = home.get(f"{path}/now")
        assert home.get(f"{path}/now", 304, headers={"If-None-Match": part.headers["ETag"]}).text == ""
        assert placement.referral.spoken in part.text or path != "/house"
    tag = home.get("/house/now").headers["ETag"]
    home.press(at(placement, "accept"))
    assert home.get("/house/now", headers={"If-None-Match": tag}).headers["ETag"] != tag


def test_no_title_of_a_house_page_names_a_house_or_a_need(home, house):
    placement = placed(State.ARRIVED, support=("fire",))
    for path in ("/house", at(placement), at(placement, "move"), at(placement, "departed")):
        title = home.get(path).text.split("<title>")[1].split("</title>")[0]
        assert house.name not in title and house.provider.name not in title and "fires" not in title


def test_an_officer_has_no_door_to_a_house(app, client):
    visitor = Visitor(client).sign_in(factories.officer())
    for path in ("/house", "/house/now", f"/house/placements/{uuid.uuid4()}"):
        visitor.get(path, 404)


def test_whoever_is_late_stands_first_and_the_page_says_what_becomes_of_the_bed(home, clock):
    late = placed(State.CONFIRMED)
    on_the_road(late)
    later = placed(State.CONFIRMED, eta_at=NOW + 50 * MINUTE)
    clock.at = NOW + 45 * MINUTE
    home.sign_in(home.user)
    page = words(home.get("/house"))
    assert page.index(late.referral.spoken) < page.index(later.referral.spoken)
    assert (
        "Overdue: expected today 14:30. Are they with you? If not, ring the number below. The bed stays theirs"
        in page
    )
    assert "Expected today 14:50 . They have not set off yet" in page
    clock.at = NOW + 55 * MINUTE
    assert "They have not set off: if they do not by 16:50" in words(home.get("/house"))


def test_the_day_of_a_stay_is_counted_in_working_days_and_its_last_day_stands_apart(home, clock):
    placed(State.ARRIVED)  # a Wednesday, so Thursday, Friday and Monday count
    assert "Came today 14:00. Can stay until Monday 12:00" in words(home.get("/house"))
    for days, said in ((1, "Day 1 of 3"), (2, "Day 2 of 3"), (3, "Day 2 of 3"), (4, "Day 2 of 3")):
        home.back_at(clock, NOW + days * dt.timedelta(days=1))
        page = words(home.get("/house"))
        assert said in page and "Leaving today" not in page
    home.back_at(clock, NOW + dt.timedelta(days=5, hours=-4))
    page = words(home.get("/house"))
    assert "Leaving today, or over" in page and "Day 3 of 3. Can stay until today 12:00" in page
    assert "Nobody else of this scheme stays with you." in page
    home.back_at(clock, NOW + dt.timedelta(days=6))
    assert "The stay was until yesterday 12:00: ring the duty line" in words(home.get("/house"))
