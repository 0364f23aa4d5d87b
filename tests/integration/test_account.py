"""One's own account: the mobile, and the code that shows whose it is."""

from __future__ import annotations

import datetime as dt
import re
import threading

import pytest
import sqlalchemy as sa

from safety import jobs, mobiles
from safety.extensions import begin_write, db
from safety.models import AuditEvent, PhoneCode, Text, User
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, summary, words

pytestmark = pytest.mark.usefixtures("cheap", "clock")

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
BY = "user:" + "0" * 32
NEW = "07700 900991"
NEW_E164 = "+447700900991"


@pytest.fixture
def officer(app) -> User:
    return factories.officer()


@pytest.fixture
def browser(client, officer) -> Visitor:
    return Visitor(client).sign_in(officer)


def again(user: User) -> User:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get(User, user.id)


def texts(wording: str) -> list[Text]:
    db.session.rollback()
    return list(
        db.session.scalars(sa.select(Text).where(Text.wording == wording).order_by(Text.queued_at, Text.id))
    )


def newest_code() -> str:
    return re.search(r"\d{6}", texts("mobile_code")[-1].body)[0]


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def ask_for_a_code(browser: Visitor) -> str:
    browser.send(browser.get("/account"), "Text me a code")
    return newest_code()


def type_in(browser: Visitor, code: str, status: int = 303):
    return browser.send(browser.get("/account/mobile/code"), "Confirm my mobile", status, code=code)


def test_a_mobile_is_confirmed_by_the_code_that_was_texted_to_it(browser, officer):
    assert "Confirm your mobile." in words(browser.get("/referrals"))
    code = ask_for_a_code(browser)
    (text,) = texts("mobile_code")
    assert (text.to, text.worthless_at) == (again(officer).phone, NOW + 10 * MINUTE)
    # As it stands in the text, and as people type it.
    answer = type_in(browser, f"{code[:3]} {code[3:]}")
    page = words(browser.get(answer.headers["Location"]))
    assert "Your mobile is confirmed." in page
    assert "Confirm your mobile." not in page
    assert again(officer).phone_verified_at == NOW
    assert "Confirmed today 14:00" in words(browser.get("/account"))


def test_of_a_code_only_a_keyed_fingerprint_is_kept(browser, officer):
    code = ask_for_a_code(browser)
    kept = db.session.scalars(sa.select(PhoneCode)).one()
    row = str(db.session.execute(sa.select(sa.text("*")).select_from(PhoneCode.__table__)).one())
    assert code not in row
    assert "7700900" not in row
    assert kept.code_index == mobiles._fingerprint(officer.id, code)
    assert kept.code_index != mobiles._fingerprint(factories.officer().id, code)
    logged = str(db.session.execute(sa.select(AuditEvent.facts)).all())
    assert code not in logged


def test_two_presses_at_once_are_two_codes_of_which_the_newest_works(app):
    wanted = [factories.officer().id for _ in range(5)]
    db.session.commit()
    problems = []
    for user_id in wanted:
        barrier = threading.Barrier(2)

        def press(user_id=user_id, barrier=barrier):
            with app.app_context():
                try:
                    barrier.wait(30)
                    begin_write(deciding=False)
                    mobiles.send_code(user_id=user_id, by=BY, now=NOW)
                    db.session.commit()
                except Exception as problem:
                    problems.append(problem)
                finally:
                    db.session.remove()

        threads = [threading.Thread(target=press) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert problems == []
    assert len(texts("mobile_code")) == 2 * len(wanted)


def test_ninety_days_later_it_is_asked_again(browser, officer, clock):
    type_in(browser, ask_for_a_code(browser))
    browser.back_at(clock, NOW + 90 * DAY - 20 * MINUTE)
    assert "Confirm your mobile." not in words(browser.get("/referrals"))
    browser.back_at(clock, NOW + 90 * DAY)
    assert "Confirm your mobile." in words(browser.get("/referrals"))
    assert "Not confirmed" in words(browser.get("/account"))


def test_a_mobile_that_is_not_confirmed_keeps_nobody_from_a_bed(browser, officer):
    factories.house()
    factories.referral(by=officer)
    db.session.commit()
    assert texts("held")
    assert "a bed is never kept from anybody because of this" in words(browser.get("/account"))


def test_a_wrong_code_is_refused_in_words_and_five_are_the_end_of_it(browser, officer):
    code = ask_for_a_code(browser)
    for _ in range(4):
        said = summary(type_in(browser, other_than(code), 400))
        assert said == ["That is not the code we texted. Look at the newest text, and type its six digits"]
    said = summary(type_in(browser, other_than(code), 400))
    assert said == ["That was wrong too often, so the code is worth nothing any more. Ask for a new one"]
    # The right one is too late now.
    browser.post("/account/mobile/code", 400, code=code)
    assert again(officer).phone_verified_at is None
    assert "There is no code to enter just now" in words(browser.get("/account/mobile/code"))


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "12345٣"])
def test_what_is_no_code_costs_no_try(browser, officer, typed):
    ask_for_a_code(browser)
    type_in(browser, typed, 400)
    assert db.session.scalars(sa.select(PhoneCode.tries)).one() == 0


def test_a_code_is_good_for_ten_minutes_and_once(browser, officer, clock):
    code = ask_for_a_code(browser)
    clock.at = NOW + 10 * MINUTE
    browser.post("/account/mobile/code", 400, code=code)
    assert again(officer).phone_verified_at is None
    code = ask_for_a_code(browser)
    type_in(browser, code)
    verified = again(officer).phone_verified_at
    clock.at += MINUTE
    browser.post("/account/mobile/code", 400, code=code)
    assert again(officer).phone_verified_at == verified


def test_a_newer_code_makes_the_one_before_worth_nothing(browser, officer, clock):
    first = ask_for_a_code(browser)
    clock.at += MINUTE
    second = ask_for_a_code(browser)
    if first != second:
        type_in(browser, first, 400)
    type_in(browser, second)
    assert again(officer).phone_verified_at == NOW + MINUTE


def test_another_mobile_is_theirs_once_its_code_is_typed_in_and_the_old_one_is_told(browser, officer):
    before = officer.phone
    page = browser.get("/account/mobile")
    browser.send(page, "Text me a code", mobile=NEW)
    assert texts("mobile_code")[-1].to == NEW_E164
    assert again(officer).phone == before
    page = browser.get(type_in(browser, newest_code()).headers["Location"])
    assert "Your mobile is changed and confirmed." in words(page)
    kept = again(officer)
    assert (kept.phone, kept.phone_verified_at) == (NEW_E164, NOW)
    (told,) = texts("mobile_changed")
    assert told.to == before


def test_confirming_the_same_mobile_tells_nobody(browser, officer):
    type_in(browser, ask_for_a_code(browser))
    assert not texts("mobile_changed")


def test_another_mobile_asks_for_the_password_again(browser, clock):
    clock.at = NOW + 14 * MINUTE
    browser.get("/account")
    clock.at = NOW + 16 * MINUTE
    assert browser.get("/account/mobile", 303).headers["Location"].startswith("/prove-who-you-are")
    assert browser.post("/account/mobile", mobile=NEW).headers["Location"].startswith("/prove-who-you-are")
    assert not texts("mobile_code")


@pytest.mark.parametrize("number", ["", "0113 496 0222", "12"])
def test_a_number_that_gets_no_texts_is_refused_and_none_is_sent(browser, number):
    browser.send(browser.get("/account/mobile"), "Text me a code", 400, mobile=number)
    assert not texts("mobile_code")


def test_codes_are_texted_so_often_and_no_oftener(browser, officer, clock):
    for _ in range(3):
        ask_for_a_code(browser)
    browser.send(browser.get("/account"), "Text me a code", 429)
    assert len(texts("mobile_code")) == 3
    clock.at += 11 * MINUTE
    ask_for_a_code(browser)


def test_one_account_texts_codes_to_a_few_numbers_and_no_more(browser):
    for number in ("07700 900991", "07700 900992", "07700 900993"):
        browser.send(browser.get("/account/mobile"), "Text me a code", mobile=number)
    browser.send(browser.get("/account/mobile"), "Text me a code", 429, mobile="07700 900994")
    assert len(texts("mobile_code")) == 3


def test_nobodys_telephone_is_filled_with_codes_by_several_accounts(app, browser):
    for _ in range(3):
        browser.send(browser.get("/account/mobile"), "Text me a code", mobile=NEW)
    other = Visitor(app.test_client()).sign_in(factories.officer())
    other.send(other.get("/account/mobile"), "Text me a code", 429, mobile=NEW)
    assert len(texts("mobile_code")) == 3


def test_tries_at_once_are_each_counted(app, officer):
    mobiles.send_code(user_id=officer.id, by=BY, now=NOW)
    db.session.commit()
    code, refused, start = newest_code(), [], threading.Barrier(8)
    user_id = officer.id

    def guess():
        with app.app_context():
            start.wait(10)
            begin_write()
            try:
                mobiles.confirm(user_id=user_id, typed=other_than(code), by=BY, now=NOW)
            except mobiles.WrongCode as problem:
                refused.append(type(problem))
            db.session.commit()
            db.session.remove()

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kind.__name__ for kind in refused) == ["NoCode"] * 4 + ["WrongCode"] * 4


def test_somebody_without_a_mobile_is_asked_nothing_and_may_enter_one(app, client):
    user = factories.coordinator()
    browser = Visitor(client).sign_in(user)
    assert "Confirm your mobile." not in words(browser.get("/duty"))
    assert browser.post("/account/mobile/send").headers["Location"] == "/account/mobile"
    browser.send(browser.get("/account/mobile"), "Text me a code", mobile=NEW)
    type_in(browser, newest_code())
    assert again(user).phone == NEW_E164
    assert not texts("mobile_changed")


def test_who_can_be_relied_on_to_get_a_text(app):
    sure = factories.on_the_rota(phone_verified_at=NOW)
    unsure = factories.on_the_rota()
    closed = factories.on_the_rota(phone_verified_at=NOW, disabled_at=NOW, disabled_by=BY)
    nothing = factories.coordinator()
    assert [mobiles.can_be_texted(user, NOW) for user in (sure, unsure, closed, nothing)] == [
        True,
        False,
        False,
        False,
    ]
    assert not mobiles.can_be_texted(sure, NOW + 90 * DAY)


def test_the_database_keeps_no_confirmation_of_a_mobile_that_is_not_there(app):
    with pytest.raises(sa.exc.IntegrityError):
        factories.coordinator(phone_verified_at=NOW)
    db.session.rollback()


def test_coordinators_see_whose_mobile_is_not_confirmed(app, client):
    sure = factories.officer(name="Ann Sure", phone_verified_at=NOW)
    unsure = factories.officer(name="Bea Unsure")
    desk = Visitor(client).sign_in(factories.coordinator())
    assert words(desk.get("/people")).count("Mobile not confirmed") == 1
    assert "Not yet: ring them another way" in words(desk.get(f"/people/{unsure.id}"))
    assert "Mobile confirmed today 14:00" in words(desk.get(f"/people/{sure.id}"))


def test_codes_nobody_used_are_forgotten(app, officer, clock):
    mobiles.send_code(user_id=officer.id, by=BY, now=NOW)
    db.session.commit()
    clock.at = NOW + DAY
    db.session.rollback()
    jobs.erase(jobs.this_process())
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PhoneCode)) == 1
    clock.at = NOW + DAY + 11 * MINUTE
    db.session.rollback()
    jobs.erase(jobs.this_process())
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PhoneCode)) == 0


def test_nobody_signed_out_sees_an_account(client):
    for path in ("/account", "/account/mobile", "/account/mobile/code"):
        assert client.get(path).headers["Location"].startswith("/sign-in")
