"""What a house says of its beds on its pages: counting, saving, the same as before, taking it back, and two at once."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from safety import beds, premises, referrals
from safety.extensions import db
from safety.lifecycle import ReferralState, State
from safety.models import BedReport, Placement, Premises, Referral
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def house(app) -> Premises:
    return factories.house(rooms=3, name="Heron House")


@pytest.fixture
def home(house, client) -> Visitor:
    """The browser of somebody who works at the house."""
    return Visitor(client).sign_in(factories.staff(of=house.provider, name="Asha Demo"))


def page_of(house: Premises) -> str:
    return f"/house/premises/{house.id}/beds"


def free(house: Premises, now: dt.datetime = NOW) -> dict[str, int]:
    db.session.expire_all()
    return {count.letter: count.free for count in premises.counts(house, now)}


def elsewhere(house: Premises, now: dt.datetime, **said: int) -> None:
    """A colleague says something meanwhile."""
    beds.report(premises_id=house.id, free=said, by="clock", via="text", now=now)
    db.session.commit()


def test_a_changed_figure_is_saved_in_one_press_and_the_answer_names_it(home, house):
    page = home.get("/house")
    answer = home.get(home.send(page, "Save changes: Heron House", free_W="1").headers["Location"])
    assert "Saved: W from 3 to 1. You can take it back for 10 minutes" in words(answer)
    assert "Last confirmed on this page by Asha Demo (house), just now." in words(answer)
    assert free(house) == {"W": 1}


def test_whoever_was_searching_and_fits_is_held_by_the_same_press(home, house):
    elsewhere(house, NOW, W=0)
    waiting = factories.referral()
    db.session.commit()
    assert waiting.state == ReferralState.SEARCHING
    page = home.get(page_of(house))
    answer = home.get(home.send(page, "Save changes: Heron House", free_W="1").headers["Location"])
    assert waiting.spoken in words(answer)
    db.session.expire_all()
    assert db.session.get_one(Referral, waiting.id).state == ReferralState.PLACED


def test_plus_and_minus_count_without_javascript_and_save_nothing(home, house):
    page = home.get("/house")
    for sign, shown in (("−", "2"), ("−", "1"), ("−", "0"), ("−", "0"), ("+", "1")):
        page = home.send(page, sign, 200)
        assert f'value="{shown}"' in page.text
    assert "Save changes: Heron House" in buttons(page)
    assert "Same as before: Heron House" not in buttons(page), "it would throw away what was counted"
    assert free(house) == {"W": 3} and db.session.scalar(sa.select(BedReport.id)) is None
    home.send(page, "Save changes: Heron House")
    assert free(house) == {"W": 1}


def test_enter_in_a_box_saves_and_does_not_count(home, house):
    text = home.get(page_of(house)).text
    form = text[text.index("data-beds") :]
    first = form[form.index("<button") : form.index("</button>")]
    assert first.endswith(">Save") and "name=" not in first and "formaction" not in first


def test_take_that_back_is_one_press_for_ten_minutes(home, house, clock):
    home.send(home.get("/house"), "Save changes: Heron House", free_W="0")
    page = home.get("/house")
    assert "Changed at 14:00: W from 3 to 0." in words(page)
    clock.at = NOW + 10 * MINUTE
    answer = home.get(home.send(home.get("/house"), "Take that back: Heron House").headers["Location"])
    assert "Taken back: W from 3 to 0 is as it was before." in words(answer)
    assert "Take that back: Heron House" not in buttons(answer)
    assert free(house) == {"W": 3}


def test_after_ten_minutes_it_cannot_be_taken_back_and_the_page_says_so(home, house, clock):
    home.send(home.get("/house"), "Save changes: Heron House", free_W="0")
    page = home.get("/house")
    clock.at = NOW + 10 * MINUTE + dt.timedelta(seconds=1)
    assert "Take that back: Heron House" not in buttons(home.get("/house"))
    answer = home.get(home.send(page, "Take that back: Heron House").headers["Location"])
    assert "There is no change of the last 10 minutes to undo." in words(answer)
    assert free(house, clock.at) == {"W": 0}


def test_it_cannot_be_taken_back_once_the_bed_was_given(home, house):
    elsewhere(house, NOW - MINUTE, W=0)
    home.send(home.get("/house"), "Save changes: Heron House", free_W="1")
    given = factories.placement()
    db.session.commit()
    answer = home.get(home.send(home.get("/house"), "Take that back: Heron House").headers["Location"])
    assert f"That bed has been given to {given.referral.spoken} since" in words(answer)
    db.session.expire_all()
    assert db.session.get_one(Placement, given.id).state == State.HELD


def test_a_bed_that_is_held_cannot_be_said_free_and_the_page_says_who_has_it_and_what_to_do(home, house):
    placement = factories.placement()
    db.session.commit()
    page = home.get("/house")
    answer = home.send(page, "Save changes: Heron House", 400, free_W="3")
    assert summary(answer) == [f"At most 2 can be free in W: {placement.referral.spoken} has a bed there"]
    assert f'href="/house/placements/{placement.id}"' in answer.text
    assert "If one cannot come or has left, record it on their page" in words(answer)
    assert free(house) == {"W": 2}


@pytest.mark.parametrize("typed", ["", "two", "-1", "1.5", "100", "9" * 30, "٣"])
def test_what_is_no_count_is_refused_in_words_and_kept_in_its_box(home, house, typed):
    answer = home.send(home.get("/house"), "Save changes: Heron House", 400, free_W=typed)
    assert summary(answer) in (
        ["How many are free in W must be a whole number from 0 to 99"],
        ["Enter how many are free in W, 0 if none are"],
        ["How many are free in W must be 20 characters or fewer"],
    )
    assert f'value="{typed}"' in answer.text or not typed
    assert free(house) == {"W": 3}


def test_nobodys_change_is_lost_when_two_change_the_same_figure(home, house):
    page = home.get("/house")
    elsewhere(house, NOW, W=2)
    answer = home.send(page, "Save changes: Heron House", 400, free_W="1")
    assert summary(answer) == ["W was 3 when you looked and is 2 now. Check it and send it again"]
    assert free(house) == {"W": 2}
    home.send(answer, "Save changes: Heron House")
    assert free(house) == {"W": 1}, "sent again, it is meant"


def test_two_who_change_different_figures_do_not_meet(home, house):
    factories.bedspace(house, factories.group(house, letter="F", name="Flats"))
    db.session.refresh(house)
    db.session.commit()
    page = home.get("/house")
    elsewhere(house, NOW, W=2)
    home.send(page, "Save changes: Heron House", free_F="0")
    assert free(house) == {"F": 0, "W": 2}


def test_the_same_as_before_is_not_said_of_a_figure_nobody_saw(home, house):
    page = home.get("/house")
    elsewhere(house, NOW, W=1)
    answer = home.send(page, "Same as before: Heron House", 400)
    assert summary(answer) == ["W was 3 when you looked and is 1 now. Check it and send it again"]
    db.session.refresh(house)
    assert house.reported_via == "text"
    home.send(answer, "Same as before: Heron House")
    db.session.refresh(house)
    assert house.reported_via == "page"


def test_a_change_and_the_same_as_before_at_once_is_asked_about(home, house):
    page = home.get("/house")
    answer = home.send(page, "Same as before: Heron House", 400, free_W="1")
    assert summary(answer) == ["You changed W and pressed Same as before. Press Save to keep the change"]
    assert free(house) == {"W": 3}


def test_saving_nothing_says_which_button_was_meant(home, house, clock):
    clock.at = NOW + MINUTE
    answer = home.get(home.send(home.get("/house"), "Save changes: Heron House").headers["Location"])
    assert "You changed no figure. If all is as it was, press Same as before." in words(answer)
    db.session.refresh(house)
    assert house.reported_at == NOW


def test_pressed_twice_it_is_one_change(home, house):
    page = home.get("/house")
    home.send(page, "Save changes: Heron House", free_W="1")
    answer = home.get(home.send(page, "Save changes: Heron House", free_W="1").headers["Location"])
    assert "That is saved already" in words(answer)
    assert free(house) == {"W": 1} and len(db.session.scalars(sa.select(BedReport.id)).all()) == 1


def test_several_houses_stand_on_one_page_each_with_its_own_figures(home, house):
    other = factories.house(rooms=2, provider=house.provider, name="Kestrel House")
    db.session.commit()
    page = home.get("/house")
    home.send(page, "Same as before: Kestrel House")
    home.send(page, "Save changes: Heron House", **{f"h{house.id.hex[:12]}-free_W": "0"})
    assert (free(house), free(other)) == ({"W": 0}, {"W": 2})


def test_the_beds_follow_by_themselves(home, house):
    assert 'data-poll="/house/beds/now"' in home.get("/house").text
    part = home.get("/house/beds/now")
    assert home.get("/house/beds/now", 304, headers={"If-None-Match": part.headers["ETag"]}).text == ""
    elsewhere(house, NOW, W=1)
    assert home.get("/house/beds/now").headers["ETag"] != part.headers["ETag"]


def test_another_providers_beds_look_like_none(home, house):
    other = factories.house(rooms=2)
    db.session.commit()
    home.get("/house")
    for path in ("beds", "beds/undo", "same"):
        home.post(f"/house/premises/{other.id}/{path}", 404, free_W="0", was_W="2")
    home.get(page_of(other), 404)
    assert free(other) == {"W": 2}


def test_a_text_said_it_and_the_page_says_so(home, house):
    elsewhere(house, NOW, W=1)
    assert "Last confirmed by text, just now." in words(home.get("/house"))


def test_a_bed_about_to_be_released_asks_to_wait_a_minute(home, house, clock):
    placement = factories.placement()
    db.session.commit()
    clock.at = placement.answer_by + dt.timedelta(seconds=5)
    home.sign_in(home.user)
    answer = home.send(home.get("/house"), "Save changes: Heron House", 400, free_W="0")
    assert "Wait a minute and send your figures again" in summary(answer)[0]
    referrals.sweep(now=clock.at)
    db.session.commit()
    assert db.session.get_one(Placement, placement.id).state == State.LAPSED


def test_a_coordinator_keys_in_what_the_house_says_on_the_telephone(house, client):
    desk = Visitor(client).sign_in(factories.coordinator(name="Robin Demo"))
    path = f"/duty/premises/{house.id}/beds"
    page = desk.get(path)
    assert "Ring the house on" in words(page) and "Example Street" not in page.text
    page = desk.get(desk.send(page, "Save changes: Heron House", free_W="1").headers["Location"])
    assert "Saved: W from 3 to 1." in words(page)
    assert "Last confirmed by telephone, to the duty line, just now." in words(page)
    db.session.refresh(house)
    assert (house.reported_via, house.reported_by) == ("phone", desk.user.actor().by)
    page = desk.get(desk.send(page, "Take that back: Heron House").headers["Location"])
    assert free(house) == {"W": 3}
    desk.send(page, "Same as before: Heron House")
    page = desk.send(desk.get(path), "−", 200)
    placement = factories.placement()
    db.session.commit()
    refused = desk.send(desk.get(path), "Save changes: Heron House", 400, free_W="3")
    assert f'href="/duty/referrals/{placement.referral_id}"' in refused.text
    desk.get(f"/duty/premises/{placement.id}/beds", 404)


def test_nobody_else_keys_in_figures_of_a_house(app, house):
    for user in (factories.officer(), factories.staff(of=house.provider)):
        visitor = Visitor(app.test_client()).sign_in(user)
        visitor.get(visitor.get("/", 303).headers["Location"])
        visitor.get(f"/duty/premises/{house.id}/beds", 404)
        visitor.post(f"/duty/premises/{house.id}/same", 404)
