"""The officer's pages, from the first press to the door of the house, and everything that can go wrong on the way."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from safety import accounts, referrals
from safety.extensions import db, new_id
from safety.lifecycle import Event, ReferralState, Role, State
from safety.models import AddressOpening, AuditEvent, Draft, Placement, Referral, Text
from tests import factories
from tests.factories import NOW
from tests.pages import check_page

SECRET = "seven purple ladders"
DUTY = "0113 496 0100"
MINUTE = dt.timedelta(minutes=1)

WHO = {"adult": "yes", "agrees": "yes", "hospital": "no", "kind": "women", "adults": "1", "pregnant": "no"}
NEEDS = {"tracking": "yes", "miles": "10"}
WHERE = {
    "outcode": "LS1",
    "setting": "station",
    "ready": "0",
    "transport": "police",
    "travel": "60",
    "mobile": "07700 900123",
}


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    monkeypatch.setattr(
        accounts, "hasher", accounts.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""

    class Clock:
        at = NOW

        def forward(self, **by):
            self.at += dt.timedelta(**by)

    still = Clock()
    monkeypatch.setattr("safety.clock.now", lambda: still.at)
    return still


class Phone:
    """Somebody's phone: keeps its CSRF token, checks every page it is shown."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.token = ""

    def get(self, path, status=200, **more):
        answer = self.client.get(path, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.headers.get("Location"))
        self._look(answer)
        return answer

    def post(self, path, data=None, status=303, **more):
        answer = self.client.post(path, data={"csrf_token": self.token, **(data or {})}, **more)
        assert answer.status_code == status, (path, answer.status_code, wrong(answer))
        self._look(answer)
        return answer

    def _look(self, answer):
        check_page(answer)
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        self.token = found[1] if found else self.token
        if answer.mimetype == "text/html" and "<main" in answer.text:
            assert DUTY in answer.text

    def sign_in(self, user):
        if self.client.get("/sign-in").status_code == 303:
            return self  # still signed in
        self.get("/sign-in")
        self.post("/sign-in", {"email": user.email, "password": SECRET})
        self.get("/home")
        return self

    def begin(self) -> str:
        """A fresh form; returns its token."""
        there = self.get("/find", 303).headers["Location"]
        self.get(there)
        return there.split("/")[2]

    def ask(self, token=None, *, who=(), needs=(), where=()) -> str:
        """All three screens; returns the path of the referral's page."""
        token = token or self.begin()
        assert self.post(f"/find/{token}/who", WHO | dict(who)).headers["Location"] == f"/find/{token}/needs"
        assert (
            self.post(f"/find/{token}/needs", NEEDS | dict(needs)).headers["Location"]
            == f"/find/{token}/where"
        )
        return self.post(f"/find/{token}/where", WHERE | dict(where)).headers["Location"]


def wrong(answer) -> list[str]:
    """What the error summary says."""
    found = re.search(r'class="govuk-error-summary".*?</ul>', answer.text, re.DOTALL)
    return (
        [re.sub(r"<[^>]+>", "", item).strip() for item in re.findall(r"<li>(.*?)</li>", found[0], re.DOTALL)]
        if found
        else []
    )


def account(**kept):
    user = factories.officer(password_hash=accounts.hasher.hash(SECRET), **kept)
    db.session.commit()
    return user


def house(**kept):
    made = factories.house(**kept)
    db.session.commit()
    return made


def count(model) -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def only(model):
    db.session.rollback()
    return db.session.scalars(sa.select(model)).one()


def say(event, now=NOW, **facts):
    """Somebody of the house says it."""
    placement = live()
    staff = factories.house_actor(placement.premises_id)
    referrals.record(placement_id=placement.id, event=event, actor=staff, facts=facts, now=now)
    db.session.commit()


def live() -> Placement:
    db.session.rollback()
    return db.session.scalars(
        sa.select(Placement).where(Placement.state.in_(("held", "confirmed", "arrived")))
    ).one()


def hidden(page, name) -> str:
    return re.search(rf'name="{name}" value="([^"]+)"', page.text)[1]


def press(phone, page_path, action, **data):
    """Open the page, and send the form of `action` with what is hidden in it."""
    page = phone.get(page_path)
    form = re.search(rf'<form method="post"[^>]*action="{action}".*?</form>', page.text, re.DOTALL)
    kept = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', form[0] if form else page.text)
    )
    return phone.post(action, kept | data)


@pytest.fixture
def officer(app):
    return account(email="pat@force.example", phone="+447700900777")


@pytest.fixture
def phone(client, officer):
    return Phone(client).sign_in(officer)


def test_three_screens_to_a_held_bed(phone, officer):
    house()
    there = phone.ask()
    referral = only(Referral)
    assert there == f"/referrals/{referral.id}"
    assert referral.state == ReferralState.PLACED
    page = phone.get(there)
    assert referral.spoken in page.text
    assert "A bed is held for them" in page.text
    assert "in 15 minutes" in page.text
    assert count(Draft) == 0


# The request


def test_the_address_of_the_form_keeps_what_was_typed(phone):
    token = phone.begin()
    phone.post(f"/find/{token}/who", WHO | {"aged_5_to_11": "2", "interpreter": "y", "kind": "either"})
    again = phone.get(f"/find/{token}/who").text
    assert re.search(r'name="aged_5_to_11"[^>]*value="2"', again)
    assert re.search(r'name="kind"[^>]*value="either" checked', again)
    assert re.search(r'name="interpreter"[^>]*checked', again)
    assert '<details class="govuk-details" open>' in again
    phone.post(
        f"/find/{token}/needs", NEEDS | {"needed": ["cot", "pet"], "support": ["fire"], "away_1": "Leeds"}
    )
    again = phone.get(f"/find/{token}/needs").text
    assert (
        len(re.findall(r"<input[^>]* checked", again)) == 5
    )  # two needs, one risk, the check for tracking, the miles
    assert 'value="Leeds"' in again


def test_what_was_ticked_reaches_the_referral_as_codes(phone, officer):
    house(features=["step_free"], room={"sleeps": 4})
    other = factories.referral(by=factories.officer(of=officer.force))
    db.session.commit()
    phone.ask(
        who={"aged_5_to_11": "1", "under_2": "1", "pregnant": "yes", "interpreter": "y"},
        needs={
            "needed": ["step_free"],
            "wished": ["step_free", "quiet"],
            "support": ["medication"],
            "away_1": "M1 1AA",
            "away_2": "Harrogate",
            "miles": "20",
            "apart": other.spoken.lower(),
        },
        where={"outcode": "ls14ap", "incident": "2027/113-4"},
    )
    db.session.rollback()
    referral = db.session.scalars(sa.select(Referral).where(Referral.opened_by_id == officer.id)).one()
    assert referral.outcode == "LS1"
    assert referral.party == 3
    assert referral.incident == "2027/113-4"
    assert referral.officer_phone == "+447700900123"
    assert referral.eta_at == NOW + 60 * MINUTE
    needs = referral.needs
    assert needs["children"] == {"under_2": 1, "5_to_11": 1}
    assert (needs["pregnant"], needs["interpreter"], needs["tracking_checked"]) == ("yes", True, "yes")
    assert (needs["needed"], needs["wished"], needs["support"]) == (["step_free"], ["quiet"], ["medication"])
    assert {"M1", "HG1"} <= set(needs["keep_away"]) and needs["keep_away_miles"] == 20


def test_pressed_twice_refreshed_or_sent_again_is_one_referral(phone):
    house(rooms=3)
    token = phone.begin()
    there = phone.ask(token)
    for _ in range(2):
        assert phone.post(f"/find/{token}/where", WHERE).headers["Location"] == there
    for screen in ("who", "needs", "where", "hospital"):
        assert phone.get(f"/find/{token}/{screen}", 303).headers["Location"] == there
    assert count(Referral) == count(Placement) == 1


@pytest.mark.parametrize("adult", ["no", "not_sure"])
def test_somebody_who_may_be_a_child_goes_to_childrens_services(phone, adult):
    house()
    token = phone.begin()
    answer = phone.post(f"/find/{token}/who", {"adult": adult})
    assert answer.headers["Location"] == "/find/stopped/child"
    page = phone.get("/find/stopped/child").text
    assert "0800 043 4303" in page and "section 51" in page
    referral = only(Referral)
    assert referral.state == ReferralState.DIVERTED and referral.needs is None
    assert count(Placement) == 0
    phone.post(f"/find/{token}/who", WHO, 303)
    assert count(Referral) == 1


def test_nobody_is_taken_who_does_not_agree(phone):
    house()
    token = phone.begin()
    answer = phone.post(f"/find/{token}/who", {"adult": "yes", "agrees": "no"})
    assert answer.headers["Location"] == "/find/stopped/did-not-agree"
    page = phone.get("/find/stopped/did-not-agree").text
    assert "not for section 136" in page and "section 52" in page
    assert only(Referral).state == ReferralState.DECLINED_BY_PERSON
    assert count(Placement) == 0


def test_the_lines_of_the_officers_own_nation_come_first(client, app):
    scottish = account(of=factories.force(nation="Scotland", duty_to_notify=False))
    page = Phone(client).sign_in(scottish).get("/find/stopped/did-not-agree").text
    assert page.index("0141 276 7724") < page.index("0800 808 3733")
    assert "England and Wales only" in page


def test_hospital_first_keeps_the_draft_and_opens_nothing(phone):
    house()
    token = phone.begin()
    answer = phone.post(f"/find/{token}/who", WHO | {"hospital": "yes"})
    assert answer.headers["Location"] == f"/find/{token}/hospital"
    phone.get(f"/find/{token}/hospital")
    assert count(Referral) == 0
    assert phone.get(f"/find/{token}/needs", 303).headers["Location"] == f"/find/{token}/who"
    assert f"/find/{token}/who" in phone.get("/referrals").text
    phone.ask(token)
    assert count(Referral) == 1


def test_a_screen_cannot_be_jumped_over(phone):
    token = phone.begin()
    for screen in ("needs", "where", "hospital"):
        phone.get(f"/find/{token}/{screen}", 404)
        phone.post(f"/find/{token}/{screen}", NEEDS | WHERE, 405 if screen == "hospital" else 404)
    phone.post(f"/find/{token}/who", WHO)
    assert phone.get(f"/find/{token}/where", 303).headers["Location"] == f"/find/{token}/needs"


def test_a_draft_is_for_its_own_officer_and_for_a_day(phone, officer, app, clock):
    token = phone.begin()
    phone.post(f"/find/{token}/who", WHO)
    colleague = Phone(app.test_client()).sign_in(account(of=officer.force))
    unknown = colleague.get(f"/find/{new_id()}/needs", 404)
    for screen in ("who", "needs", "where", "hospital"):
        assert colleague.get(f"/find/{token}/{screen}", 404).data == unknown.data
    colleague.post(f"/find/{token}/who", WHO | {"kind": "men"}, 404)
    colleague.post("/find/discard", {"draft": uuid.UUID(token).hex})
    assert only(Draft).answers["who"]["kind"] == "women"
    clock.forward(hours=24, minutes=1)
    phone.sign_in(officer)
    assert "Not sent yet" not in phone.get("/referrals").text
    phone.get(f"/find/{token}/needs", 404)
    assert "checked" not in phone.get(f"/find/{token}/who").text


def test_a_draft_nobody_wants_is_deleted(phone):
    token = phone.begin()
    phone.post(f"/find/{token}/who", WHO)
    assert press(phone, "/referrals", "/find/discard").headers["Location"] == "/referrals"
    assert count(Draft) == 0


# Bad input

SCREENS = {"who": WHO, "needs": NEEDS, "where": WHERE}
BAD = [
    ("who", {"adult": None}, "Select whether they are an adult"),
    ("who", {"agrees": None}, "Select whether they agree to come"),
    ("who", {"hospital": None}, "Select whether anybody needs a hospital first"),
    ("who", {"kind": None}, "Select what kind of place they want"),
    ("who", {"pregnant": None}, "Select whether anybody is pregnant, or that it is not known"),
    ("who", {"adults": ""}, "Enter how many adults"),
    ("who", {"adults": "0"}, "Number of adults must be a whole number from 1 to 8"),
    ("who", {"adults": "two"}, "Number of adults must be a whole number from 1 to 8"),
    ("who", {"adults": "9" * 30}, "Number of adults must be 20 characters or fewer"),
    ("who", {"under_2": "-1"}, "Children under 2 must be a whole number from 0 to 9"),
    ("who", {"aged_12_to_17": "1.5"}, "Children aged 12 to 17 must be a whole number from 0 to 9"),
    ("who", {"adult": "maybe"}, "Select whether they are an adult"),
    ("who", {"kind": "everybody"}, "Select what kind of place they want"),
    (
        "who",
        {"adult": ["yes", "no"]},
        "Whether they are an adult was answered more than once. Give one answer",
    ),
    (
        "who",
        {"agrees": ["no", "yes"]},
        "Whether they agree to come was answered more than once. Give one answer",
    ),
    (
        "who",
        {"hospital": ["yes", "no"]},
        "Whether anybody needs a hospital was answered more than once. Give one answer",
    ),
    ("who", {"adults": "2\x00"}, "Number of adults had characters that cannot be seen"),
    ("who", {"interpreter": "x"}, "Interpreter: select it or leave it empty"),
    ("needs", {"tracking": None}, "Select whether their phone and belongings have been checked for tracking"),
    ("needs", {"needed": ["cot", "pool"]}, "What the room must have: select from the answers on this page"),
    ("needs", {"wished": "pool"}, "What would be good: select from the answers on this page"),
    ("needs", {"support": "anger"}, "What the house must manage: select from the answers on this page"),
    ("needs", {"miles": "7"}, "How far: select one of the answers on this page"),
    (
        "needs",
        {"away_1": "Atlantis"},
        "We do not know Atlantis. Enter the first half of a postcode, or a town",
    ),
    ("needs", {"away_2": "ZZ1"}, "We do not know ZZ1. Enter the first half of a postcode, or a town"),
    ("needs", {"away_3": "x" * 61}, "Third area to keep away from must be 60 characters or fewer"),
    ("needs", {"away_1": ["Leeds", "York"]}, "First area to keep away from was answered more than once"),
    ("needs", {"apart": "nonsense"}, "Reference to keep apart from has 6 letters and numbers"),
    ("needs", {"apart": "K7M-4QX"}, "We do not know that reference, or that request is over"),
    ("where", {"outcode": ""}, "Enter the first half of the postcode where they are, like LS1"),
    ("where", {"outcode": "ZZ9"}, "We do not know that postcode. Enter its first half, like LS1 or BT28"),
    ("where", {"outcode": "x" * 13}, "Where they are must be 12 characters or fewer"),
    ("where", {"setting": None}, "Select what kind of place they are at"),
    ("where", {"setting": "moon"}, "Select what kind of place they are at"),
    ("where", {"ready": None}, "Select when they are ready to leave"),
    ("where", {"ready": "15"}, "Select when they are ready to leave"),
    ("where", {"ready": "time"}, "Enter the time they are ready to leave"),
    (
        "where",
        {"ready": "time", "ready_time": "noonish"},
        "Time they are ready must be a time, like 14:30 or 2:30pm",
    ),
    ("where", {"transport": None}, "Select how they will travel"),
    ("where", {"travel": None}, "Select how long you could travel"),
    ("where", {"travel": "time"}, "Enter the time you would be there"),
    (
        "where",
        {"travel": "time", "eta_time": "25:00"},
        "Time you would be there must be a time, like 14:30 or 2:30pm",
    ),
    ("where", {"ready": "0", "ready_time": "18:00"}, "Select Later above, or take this time out"),
    ("where", {"eta_time": "18:00"}, "Select At a time you enter above, or take this time out"),
    ("where", {"mobile": ""}, "Enter your mobile number"),
    ("where", {"mobile": "0113 496 0123"}, "Your mobile number must be"),
    ("where", {"mobile": "+33 6 12 34 56 78"}, "Your mobile number must be a UK mobile number"),
    ("where", {"mobile": "07700"}, "Your mobile number must be a full mobile number, like 07700 900123"),
    ("where", {"incident": "A B"}, "Incident number must only include letters, numbers, hyphens and slashes"),
    ("where", {"incident": "1" * 31}, "Incident number must be 30 characters or fewer"),
    ("where", {"incident": "12\u202e34"}, "Incident number had characters that cannot be seen"),
    ("where", {"mobile": ["07700 900123", "07700 900124"]}, "Your mobile number was answered more than once"),
]


@pytest.mark.parametrize("screen", SCREENS)
def test_bad_input_is_said_so_and_nothing_is_written(phone, screen):
    token = phone.begin()
    for before, answers in SCREENS.items():
        if before == screen:
            break
        phone.post(f"/find/{token}/{before}", answers)
    saved = db.session.scalars(sa.select(Draft.answers_sealed)).all()
    for changes, message in [(changes, message) for where, changes, message in BAD if where == screen]:
        typed = {name: value for name, value in (SCREENS[screen] | changes).items() if value is not None}
        answer = phone.post(f"/find/{token}/{screen}", typed, 400)
        said = wrong(answer)
        assert len(said) == 1 and said[0].startswith(message), (changes, said)
        assert "<title>Error: " in answer.text
        field = re.search(r'class="govuk-error-summary".*?href="#([^"]+)"', answer.text, re.DOTALL)[1]
        assert re.search(rf'<(input|select)[^>]*id="{field}"', answer.text), changes
        for name, value in typed.items():
            if name not in changes:
                kept = rf'name="{name}"[^>]*value="{re.escape(value)}"|value="{re.escape(value)}"[^>]*name="{name}"'
                assert re.search(kept, answer.text), (changes, name)
        assert count(Referral) == 0
        assert db.session.scalars(sa.select(Draft.answers_sealed)).all() == saved


def test_a_full_postcode_is_kept_nowhere(phone):
    house()
    token = phone.begin()
    phone.post(f"/find/{token}/who", WHO)
    phone.post(f"/find/{token}/needs", NEEDS | {"away_1": "M1 1AA"})
    assert only(Draft).answers["needs"]["away_1"] == "M1"
    phone.post(f"/find/{token}/where", WHERE | {"outcode": "LS1 4AP"})
    assert only(Referral).outcode == "LS1"


def test_whom_to_keep_apart_from_is_asked_again_when_that_request_is_over(phone, officer):
    house(rooms=2)
    colleague = factories.officer(of=officer.force)
    other = factories.referral(by=colleague)
    db.session.commit()
    token = phone.begin()
    phone.post(f"/find/{token}/who", WHO)
    phone.post(f"/find/{token}/needs", NEEDS | {"apart": other.spoken})
    referrals.withdraw(referral_id=other.id, actor=colleague.actor(), reason="elsewhere", now=NOW)
    db.session.commit()
    answer = phone.post(f"/find/{token}/where", WHERE | {"incident": "77"})
    assert answer.headers["Location"] == f"/find/{token}/needs"
    page = phone.get(f"/find/{token}/needs")
    assert wrong(page) == [
        "We do not know that reference, or that request is over. Check it, or leave it empty"
    ]
    phone.post(f"/find/{token}/needs", NEEDS)
    assert 'value="77"' in phone.get(f"/find/{token}/where").text
    phone.post(f"/find/{token}/where", WHERE)
    assert count(Referral) == 2


def test_a_fault_while_opening_is_never_taken_for_a_reference_that_is_over(phone, monkeypatch):
    token = phone.begin()
    phone.post(f"/find/{token}/who", WHO)
    phone.post(f"/find/{token}/needs", NEEDS)

    def broken(**_kept):
        raise ValueError("out of order")

    monkeypatch.setattr(referrals, "open", broken)
    with pytest.raises(ValueError, match="out of order"):
        phone.post(f"/find/{token}/where", WHERE)


def test_either_says_which_beds_it_leaves_and_for_whom_it_is(phone):
    page = phone.get(f"/find/{phone.begin()}/who").text
    assert "Only mixed houses and self-contained flats" in page
    assert "a couple, a mixed family, or somebody for whom neither is right" in page
    assert "the fewest beds" in page


def test_a_live_request_is_never_hidden_by_newer_ones(phone, officer):
    for minute in range(55):
        factories.referral(by=officer, now=NOW + minute * MINUTE)
    closed = [factories.referral(by=officer, now=NOW - minute * MINUTE) for minute in range(1, 26)]
    for minute, one in enumerate(closed):
        referrals.withdraw(
            referral_id=one.id, actor=officer.actor(), reason="elsewhere", now=NOW + minute * MINUTE
        )
    db.session.commit()
    found = referrals.holding(officer.actor())
    assert [one.state for one in found] == [ReferralState.SEARCHING] * 55 + [ReferralState.CLOSED] * 20
    assert [one.id for one in found[55:]] == [one.id for one in closed[:20]]


def test_a_reference_of_another_force_is_not_known(phone):
    house()
    other = factories.referral()
    db.session.commit()
    token = phone.begin()
    phone.post(f"/find/{token}/who", WHO)
    answer = phone.post(f"/find/{token}/needs", NEEDS | {"apart": other.spoken}, 400)
    assert wrong(answer) == [
        "We do not know that reference, or that request is over. Check it, or leave it empty"
    ]


# Times

LAST_SUNDAY_OF_MARCH = dt.datetime(2027, 3, 28, 0, 20, tzinfo=dt.UTC)
LAST_SUNDAY_OF_OCTOBER = dt.datetime(2027, 10, 31, 0, 20, tzinfo=dt.UTC)  # 01:20 BST


TYPED = [
    (NOW, {"ready": "30", "travel": "90"}, NOW + 120 * MINUTE),
    (NOW, {"ready": "time", "ready_time": "15.30", "travel": "30"}, NOW + 120 * MINUTE),
    (NOW, {"travel": "time", "eta_time": "4pm"}, NOW + 120 * MINUTE),
    (NOW, {"travel": "time", "eta_time": "0010"}, NOW + 610 * MINUTE),
    (NOW, {"ready": "120", "travel": "time", "eta_time": "16:00"}, NOW + 120 * MINUTE),
    (LAST_SUNDAY_OF_MARCH, {"travel": "time", "eta_time": "02:20"}, LAST_SUNDAY_OF_MARCH + 60 * MINUTE),
    (
        LAST_SUNDAY_OF_OCTOBER,
        {"travel": "time", "eta_time": "01:30 bst"},
        LAST_SUNDAY_OF_OCTOBER + 10 * MINUTE,
    ),
    (
        LAST_SUNDAY_OF_OCTOBER,
        {"travel": "time", "eta_time": "01:30 GMT"},
        LAST_SUNDAY_OF_OCTOBER + 70 * MINUTE,
    ),
    (LAST_SUNDAY_OF_OCTOBER, {"travel": "time", "eta_time": "1.10am"}, LAST_SUNDAY_OF_OCTOBER + 50 * MINUTE),
]


def test_a_typed_time_is_the_next_time_the_clock_shows_it(phone, officer, clock):
    for now, typed, eta in TYPED:
        clock.at = now
        phone.sign_in(officer)
        there = phone.ask(where=typed)
        db.session.rollback()
        assert db.session.get(Referral, uuid.UUID(there.split("/")[-1])).eta_at == eta, typed


@pytest.mark.parametrize(
    ("now", "typed", "message"),
    [
        (LAST_SUNDAY_OF_MARCH, "01:30", "Time you would be there: the clocks go forward over that time"),
        (
            LAST_SUNDAY_OF_OCTOBER,
            "01:30",
            "Time you would be there: 01:30 comes twice that night. Enter 01:30 BST for",
        ),
    ],
)
def test_a_time_that_never_comes_or_comes_twice_is_asked_about(phone, officer, clock, now, typed, message):
    clock.at = now
    officer.attested_at, officer.attested_by = now, "operator"  # half a year after they joined
    db.session.commit()
    phone.sign_in(officer)
    token = phone.begin()
    phone.post(f"/find/{token}/who", WHO)
    phone.post(f"/find/{token}/needs", NEEDS)
    answer = phone.post(f"/find/{token}/where", WHERE | {"travel": "time", "eta_time": typed}, 400)
    assert wrong(answer)[0].startswith(message)


# The page of a referral


def test_until_they_have_set_off_nothing_tells_which_house_it_is(phone):
    made = house(name="Rowan House")
    there = phone.ask()
    for step in (lambda: None, lambda: say(Event.CONFIRM)):
        step()
        page = phone.get(there).text
        assert "under 15 miles" in page and "Yorkshire and the Humber" in page and "Women only" in page
        for secret in (
            made.name,
            made.address.splitlines()[0],
            made.provider.name,
            made.contacts[0].phone[-6:],
        ):
            assert secret not in page
        assert "LS1" not in page
        assert "See the address" not in page
        phone.get(f"{there}/address", 404)


def test_nothing_fits_says_what_stood_in_the_way_and_whom_to_ring(phone):
    house(cohort="men")
    page = phone.get(phone.ask()).text
    assert "We are looking for a bed. None fits yet." in page
    assert "the kind of place asked for" in page
    assert page.count(DUTY) >= 2


def test_the_part_that_refreshes_itself_is_sent_only_when_it_changed(phone, clock):
    house()
    there = phone.ask()
    first = phone.get(f"{there}/live")
    assert "<!doctype" not in first.text.lower()
    tag = first.headers["ETag"]
    phone.get(f"{there}/live", 304, headers={"If-None-Match": tag})
    say(Event.CONFIRM)
    second = phone.get(f"{there}/live", headers={"If-None-Match": tag})
    assert "The house said yes" in second.text


def test_a_deadline_counts_before_anybody_has_swept(phone, clock):
    house()
    there = phone.ask()
    clock.forward(minutes=15)
    page = phone.get(there).text
    assert "The house did not answer in time" in page and "Yorkshire" not in page


def test_the_whole_way_to_the_door(phone, officer, clock):
    house()
    there = phone.ask()
    say(Event.CONFIRM)
    page = phone.get(there).text
    assert "The house said yes" in page and "today 17:00" in page
    press(phone, f"{there}/on-our-way", f"{there}/on-our-way", travel="60")
    placement = live()
    assert placement.set_off_at == NOW and placement.eta_at == NOW + 60 * MINUTE
    press(phone, there, f"{there}/running-late")
    press(phone, there, f"{there}/running-late")
    assert live().eta_at == NOW + 120 * MINUTE
    assert f'action="{there}/running-late"' not in phone.get(there).text
    clock.forward(minutes=50)
    press(phone, f"{there}/arrived", f"{there}/arrived", when="earlier", time="14:45")
    placement = live()
    assert placement.state == State.ARRIVED and placement.arrived_at == NOW + 45 * MINUTE
    page = phone.get(there).text
    assert "They have arrived" in page and "until Monday 12:00" in page


def test_running_late_pressed_twice_moves_the_arrival_once(phone):
    house()
    there = phone.ask()
    say(Event.CONFIRM)
    press(phone, f"{there}/on-our-way", f"{there}/on-our-way", travel="60")
    once = {"placement": live().id.hex, "times": "0"}
    for _ in range(2):
        phone.post(f"{there}/running-late", once)
    assert live().eta_at == NOW + 90 * MINUTE


def test_set_off_pressed_twice_tells_the_house_once(phone, clock):
    house()
    there = phone.ask()
    say(Event.CONFIRM)
    kept = {"placement": live().id.hex, "travel": "60"}
    for _ in range(2):
        phone.post(f"{there}/on-our-way", kept)
        clock.forward(minutes=2)
    assert live().eta_at == NOW + 60 * MINUTE
    texts = db.session.scalars(sa.select(Text.wording).where(Text.wording == "on_the_way")).all()
    assert texts == ["on_the_way"]


def test_a_press_meant_for_one_bed_never_lands_on_the_next(phone):
    house(outcode="LS1")
    house(outcode="LS29")
    there = phone.ask()
    say(Event.CONFIRM)
    first = live()
    say(Event.WITHDRAW, reason="staff")
    second = live()
    assert second.id != first.id
    phone.post(f"{there}/on-our-way", {"placement": first.id.hex, "travel": "60"})
    assert "Recorded as withdrawn by the house at 14:00" in phone.get(there).text
    assert live().set_off_at is None
    for nonsense in ("", "x", new_id().hex):
        phone.post(f"{there}/arrived", {"placement": nonsense, "when": "now"}, 404)


def test_a_press_never_lands_on_another_request_of_ones_own(phone):
    house()
    house(outcode="LS29")
    first = phone.ask()
    placement = live().id.hex
    second = phone.ask()
    phone.post(f"{second}/another-place", {"placement": placement, "reason": "too_far"}, 404)
    assert first != second and count(Placement) == 2


def test_a_house_that_takes_its_yes_back_stands_in_red_at_once(phone):
    house()
    house(outcode="LS29")
    there = phone.ask()
    say(Event.CONFIRM)
    press(phone, f"{there}/on-our-way", f"{there}/on-our-way", travel="60")
    say(Event.WITHDRAW, reason="incident")
    page = phone.get(there).text
    assert "Do not go there" in page and "A bed is held for them" in page
    assert "Do not go to the house that said yes before" in phone.get("/referrals").text
    phone.post(f"{there}/address", {}, 404)
    say(Event.CONFIRM)
    assert "Do not go there" in phone.get(there).text
    press(phone, f"{there}/on-our-way", f"{there}/on-our-way", travel="60")
    assert "Do not go there" not in phone.get(there).text


def test_they_did_not_arrive_and_it_was_a_mistake(phone):
    house()
    there = phone.ask()
    say(Event.CONFIRM)
    press(phone, f"{there}/on-our-way", f"{there}/on-our-way", travel="60")
    page = phone.get(f"{there}/not-arrived")
    placement = hidden(page, "placement")
    assert wrong(phone.post(f"{there}/not-arrived", {"placement": placement}, 400)) == [
        "Select what happened, or that you do not know"
    ]
    phone.post(f"{there}/not-arrived", {"placement": placement, "reason": "never_set_off"}, 400)
    phone.post(f"{there}/not-arrived", {"placement": placement, "reason": "unknown"})
    page = phone.get(there).text
    assert "They did not arrive, so no bed is held" in page
    press(phone, there, f"{there}/take-back")
    assert live().state == State.CONFIRMED


def test_released_unused_and_at_the_door_all_the_same(phone, officer, clock):
    house()
    there = phone.ask()
    say(Event.CONFIRM)
    clock.forward(hours=3)
    phone.sign_in(officer)
    assert "The bed is being given back" in phone.get(there).text
    referrals.sweep(now=clock.at)
    db.session.commit()
    page = phone.get(there).text
    assert "Nobody set off in time, so the bed was given back" in page and "Are you still coming?" in page
    press(phone, f"{there}/arrived", f"{there}/arrived", when="now")
    assert live().state == State.ARRIVED


def test_at_the_door_and_the_bed_is_gone_says_keep_them_safe(phone, officer, clock):
    house()
    there = phone.ask()
    say(Event.CONFIRM)
    clock.forward(hours=3)
    referrals.sweep(now=clock.at)
    factories.placement(now=clock.at)
    db.session.commit()
    phone.sign_in(officer)
    press(phone, f"{there}/arrived", f"{there}/arrived", when="now")
    page = phone.get(there).text
    assert "Keep them safe where they are" in page and "no longer free" in page


def test_another_place_holds_the_next_best_and_no_place_closes(phone):
    near = house()
    far = house(outcode="LS29")
    there = phone.ask()
    assert "Do they still need a place?" in phone.get(f"{there}/no-longer-needed").text
    press(phone, f"{there}/another-place", f"{there}/another-place", reason="too_far")
    assert live().premises_id == far.id != near.id
    assert phone.post(f"{there}/withdraw", {"reason": "because"}, 400).status_code == 400
    phone.post(f"{there}/withdraw", {"reason": "elsewhere"})
    referral = only(Referral)
    assert (referral.state, referral.closed_reason) == (ReferralState.CLOSED, "elsewhere")
    page = phone.get(there).text
    assert "They have somewhere safe to go" in page
    phone.post(f"{there}/withdraw", {"reason": "elsewhere"})
    phone.post(f"{there}/withdraw", {"reason": "left"})
    assert "This request is closed already" in phone.get(there).text


def test_no_longer_needed_while_searching_asks_only_why(phone):
    there = phone.ask()
    assert phone.get(f"{there}/no-longer-needed", 303).headers["Location"] == f"{there}/withdraw"


def test_more_about_them_reaches_the_referral_and_the_record_says_only_that(phone):
    house()
    there = phone.ask()
    page = f"{there}/more-about-them"
    phone.get(page)
    for alias in ("Mary 123", "Mary Ann Louise", "x" * 31, "Mary\x07"):
        phone.post(page, {"alias": alias}, 400)
    assert only(Referral).alias is None
    phone.post(page, {"alias": "Mary", "interpreter": "yes", "language": "tigrinya", "diet": ["halal"]})
    referral = only(Referral)
    assert referral.alias == "Mary"
    assert (referral.needs["interpreter"], referral.needs["language"]) == (True, "tigrinya")
    assert referral.needs["diet"] == ["halal"] and referral.needs["adults"] == 1
    event = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.what == "details")).one()
    assert event.facts == {}
    assert 'value="Mary"' in phone.get(page).text


def test_the_same_incident_warns_and_never_blocks(phone, officer):
    house(rooms=2)
    first = phone.ask(where={"incident": "113"})
    assert "The same person?" not in phone.get(first).text
    second = phone.ask(where={"incident": "113"})
    page = phone.get(second).text
    assert "The same person?" in page and f'href="{first}"' in page
    assert count(Placement) == 2


# The address


@pytest.fixture
def on_road(phone, officer):
    """The path of a referral whose officer is on the way."""
    house(address="7 Example Street\nExampleton")
    there = phone.ask()
    say(Event.CONFIRM)
    press(phone, f"{there}/on-our-way", f"{there}/on-our-way", travel="60")
    return there


def test_the_address_is_shown_for_a_minute_and_recorded_first(phone, on_road):
    answer = press_address(phone, on_road)
    assert "7 Example Street" in answer.text and "Exampleton" in answer.text
    assert answer.headers["Refresh"] == f"60; url={on_road}"
    assert "no-store" in answer.headers["Cache-Control"]
    assert 'data-signed-in="reload"' in answer.text
    assert "http" not in re.sub(
        r"<head>.*?</head>", "", answer.text, flags=re.DOTALL
    )  # no map, no third party
    assert "Example" not in re.search("<title>(.*?)</title>", answer.text)[1]
    assert only(AddressOpening).reason == "on_the_way"
    texts = db.session.scalars(sa.select(Text.wording).where(Text.wording == "address_opened")).all()
    assert len(texts) == 1
    press_address(phone, on_road)
    assert count(AddressOpening) == 2


def press_address(phone, there, status=200):
    phone.get(there)
    return phone.post(f"{there}/address", {}, status)


def test_the_address_is_not_shown_when_its_opening_cannot_be_recorded(phone, on_road, monkeypatch):
    phone.get(on_road)

    def refuse():
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("safety.web.officer.address.db.session.commit", refuse)
    with pytest.raises(RuntimeError):
        phone.client.post(f"{on_road}/address", data={"csrf_token": phone.token})
    assert count(AddressOpening) == 0


def test_after_a_quarter_of_an_hour_the_address_asks_who_one_is_and_why(phone, officer, on_road, clock):
    clock.forward(minutes=16)
    answer = press_address(phone, on_road, 303)
    prove = answer.headers["Location"]
    assert prove.startswith("/prove-who-you-are")
    phone.get(prove)
    back = phone.post(prove, {"password": SECRET}).headers["Location"]
    assert back == f"{on_road}/address"
    page = phone.get(back)
    assert "Why you need the address" in page.text and "Example Street" not in page.text
    assert wrong(phone.post(back, {"reason": ""}, 400)) == ["Select why you need the address"]
    phone.post(back, {"reason": "curious"}, 400)
    assert count(AddressOpening) == 0
    assert "7 Example Street" in phone.post(back, {"reason": "cannot_find"}, 200).text
    assert only(AddressOpening).reason == "cannot_find"


def test_a_house_may_ask_to_be_rung_first_and_give_a_meeting_point(phone):
    made = house(ring_first=True, meeting_point="Outside the Example Library")
    there = phone.ask()
    say(Event.CONFIRM)
    press(phone, f"{there}/on-our-way", f"{there}/on-our-way", travel="60")
    page = press_address(phone, there).text
    assert "Where to meet" in page and "Outside the Example Library" in page
    assert made.address.splitlines()[0] not in page
    assert f'href="tel:{made.contacts[0].phone}"' in page


def test_an_hour_after_the_arrival_the_address_is_gone(phone, officer, on_road, clock):
    press(phone, f"{on_road}/arrived", f"{on_road}/arrived", when="now")
    assert "See the address" in phone.get(on_road).text
    clock.forward(minutes=61)
    phone.sign_in(officer)
    assert "See the address" not in phone.get(on_road).text
    press_address(phone, on_road, 404)


def test_neither_a_lead_nor_a_coordinator_is_shown_the_address(on_road, officer, app):
    lead = account(of=officer.force, role=Role.LEAD)
    duty = factories.coordinator(password_hash=accounts.hasher.hash(SECRET))
    db.session.commit()
    for user in (lead, duty):
        other = Phone(app.test_client()).sign_in(user)
        assert "See the address" not in other.get(on_road).text
        other.get(f"{on_road}/address", 404)
        other.post(f"{on_road}/address", {}, 404)
    assert count(AddressOpening) == 0


# Colleagues


def test_a_colleague_takes_over_by_the_reference_they_are_told(phone, officer, app):
    house()
    there = phone.ask()
    spoken = only(Referral).spoken
    colleague = Phone(app.test_client()).sign_in(account(of=officer.force))
    colleague.get("/take-over")
    typed = {"reference": spoken.lower().replace("-", " "), "reason": "shift", "mobile": "07700 900555"}
    assert colleague.post("/take-over", typed).headers["Location"] == there
    assert only(Referral).officer_phone == "+447700900555"
    colleague.get(there)
    phone.get(there, 404)
    phone.get(f"{there}/live", 404)


def test_foreign_and_unknown_references_read_alike_and_few_may_be_tried(phone, app):
    house()
    phone.ask()
    spoken = only(Referral).spoken
    stranger = Phone(app.test_client()).sign_in(account())
    stranger.get("/take-over")
    pages = []
    for said in (spoken, "AAA-AAA"):
        answer = stranger.post(
            "/take-over", {"reference": said, "reason": "shift", "mobile": "07700 900555"}, 400
        )
        pages.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert pages[0] == pages[1]
    stranger.post("/take-over", {"reference": "AAA-AAA", "reason": "shift", "mobile": "no"}, 400)
    for _ in range(8):
        stranger.post(
            "/take-over", {"reference": "AAA-AAA", "reason": "shift", "mobile": "07700 900555"}, 400
        )
    stranger.post("/take-over", {"reference": "AAA-AAA", "reason": "shift", "mobile": "07700 900555"}, 429)


def test_another_officer_cannot_tell_that_a_referral_exists(phone, app, officer):
    house()
    there = phone.ask()
    placement = live().id.hex
    for stranger in (account(of=officer.force), account()):
        other = Phone(app.test_client()).sign_in(stranger)
        missing = other.get(f"/referrals/{new_id()}", 404)
        assert other.get(there, 404).data == missing.data
        for step in (
            "live",
            "on-our-way",
            "arrived",
            "not-arrived",
            "no-longer-needed",
            "another-place",
            "withdraw",
        ):
            other.get(f"{there}/{step}", 404)
        for step in (
            "on-our-way",
            "running-late",
            "arrived",
            "not-arrived",
            "another-place",
            "withdraw",
            "take-back",
            "address",
        ):
            other.post(
                f"{there}/{step}",
                {"placement": placement, "reason": "other", "when": "now", "travel": "60"},
                404,
            )
    assert live().state == State.HELD


def test_a_lead_sees_what_the_force_holds(phone, officer, app):
    house()
    there = phone.ask()
    lead = Phone(app.test_client()).sign_in(account(of=officer.force, role=Role.LEAD))
    page = lead.get("/referrals").text
    assert "Held by others of your force" in page and there in page
    lead.get(there)


def test_a_coordinator_keys_in_what_an_officer_says_on_the_telephone(client, app):
    house()
    force = factories.force(name="Westshire Police")
    duty = factories.coordinator(password_hash=accounts.hasher.hash(SECRET))
    db.session.commit()
    phone = Phone(client).sign_in(duty)
    token = phone.begin()
    assert wrong(phone.post(f"/find/{token}/who", WHO, 400)) == ["Select the force the officer belongs to"]
    there = phone.ask(token, who={"force": force.id.hex})
    referral = only(Referral)
    assert referral.force_id == force.id and referral.state == ReferralState.PLACED
    phone.get(there)
    phone.get("/referrals", 404)


def test_home_shows_what_happens_next_and_by_when(phone):
    house()
    there = phone.ask()
    page = phone.get("/referrals").text
    assert there in page and "Bed held" in page and "in 15 minutes" in page
    phone.post(f"{there}/withdraw", {"reason": "elsewhere"})
    page = phone.get("/referrals").text
    assert "Closed lately" in page and "They have somewhere safe to go" in page


def test_signed_out_meanwhile_the_draft_is_still_there(phone, officer, clock):
    house()
    token = phone.begin()
    phone.post(f"/find/{token}/who", WHO)
    phone.get(f"/find/{token}/needs")
    clock.forward(minutes=20)
    answer = phone.client.post(f"/find/{token}/needs", data={"csrf_token": phone.token} | NEEDS)
    assert answer.status_code == 401 and DUTY in answer.text
    check_page(answer)
    phone.sign_in(officer)
    phone.get(f"/find/{token}/needs")
    phone.post(f"/find/{token}/needs", NEEDS)
    phone.post(f"/find/{token}/where", WHERE)
    assert count(Referral) == 1


def test_what_is_typed_is_kept_in_the_tab_of_whoever_types_it(phone, officer, clock):
    token = phone.begin()
    screens = [phone.get(f"/find/{token}/who")]
    phone.post(f"/find/{token}/who", WHO)
    screens.append(phone.get(f"/find/{token}/needs"))
    phone.post(f"/find/{token}/needs", NEEDS)
    screens.append(phone.get(f"/find/{token}/where"))
    for screen in screens:
        kept = re.search(rf'<div data-keep="{officer.id.hex}">.*?</form>\s*</div>', screen.text, re.DOTALL)
        assert kept and kept[0].count("<form") == 1 and "tab.js" in screen.text
    # Whoever reads the answer to a form that was not taken must not lose what is kept: that page says it was not.
    clock.forward(minutes=20)
    answer = phone.client.post(f"/find/{token}/where", data={"csrf_token": phone.token} | WHERE)
    assert answer.status_code == 401 and "tab.js" in answer.text and "data-signed-in" not in answer.text


def test_what_they_like_to_be_called_is_not_shown_to_a_lead_or_a_coordinator(phone, app):
    house()
    there = phone.ask()
    phone.get(f"{there}/more-about-them")
    phone.post(f"{there}/more-about-them", {"alias": "Marigold"})
    lead = account(email="lead@force.example", role=Role.LEAD, of=only(Referral).force)
    duty = factories.coordinator(password_hash=accounts.hasher.hash(SECRET))
    db.session.commit()
    for other in (lead, duty):
        browser = Phone(app.test_client()).sign_in(other)
        page = browser.get(f"{there}/more-about-them")
        assert "Marigold" not in page.text and 'name="alias"' not in page.text
        browser.post(f"{there}/more-about-them", {"interpreter": "yes"})
        assert only(Referral).alias == "Marigold"


def test_a_time_taken_as_tomorrows_is_said_back_with_what_to_do(phone):
    house()
    there = phone.ask(where={"ready": "0", "travel": "time", "eta_time": "13:30"})
    page = phone.get(there)
    assert "you said you would be there tomorrow 13:30" in page.text
    assert "If you meant sooner, ring the duty line" in page.text
