"""One police force becomes part of another: what is said before, what happens on the day, what is refused, and what stays."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
import sqlalchemy as sa

from safety import accounts, forces, invariants, invitations, jobs, merging, people, placements, referrals
from safety.extensions import begin_write, db, new_id
from safety.lifecycle import LIVE_REFERRAL, TAKE_OVER, Event, Role
from safety.models import AuditEvent, Force, Invitation, Operation, Referral, Text, User
from safety.referrals import handover, numbers, operations
from tests import factories
from tests.factories import NOW
from tests.visitor import Visitor, buttons, cheap_hashes, still_clock, summary, words

TODAY = NOW.date()
DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)
LATER = dt.date(2027, 4, 1)
# The first minute of that day on a UK clock, which is an hour behind in summer.
MIDNIGHT = dt.datetime(2027, 3, 31, 23, 0, tzinfo=dt.UTC)
BY = "user:" + "0" * 32


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    cheap_hashes(monkeypatch)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    return still_clock(monkeypatch, NOW)


@pytest.fixture
def west(app) -> Force:
    return factories.force(name="Westmoor Police", switchboard="0113 496 0221")


@pytest.fixture
def north(app) -> Force:
    return factories.force(name="Northmoor Police", switchboard="0113 496 0222")


@pytest.fixture
def desk(client, west, north) -> Visitor:
    return Visitor(client).sign_in(factories.coordinator(name="Pat Lindqvist"))


def announce(force: Force, into: Force, first_day: dt.date = TODAY, now: dt.datetime = NOW) -> None:
    merging.announce(force_id=force.id, into_id=into.id, first_day=first_day, by=BY, now=now)
    db.session.commit()


def again(row):
    db.session.rollback()
    db.session.expire_all()
    return db.session.get(type(row), key(row))


def key(row):
    """Its id, even when a round of the jobs has let go of the session it was read in."""
    return sa.inspect(row).identity[0]


def told() -> list[tuple[str, str]]:
    return sorted(
        (text.wording, text.to) for text in db.session.scalars(sa.select(Text)) if "force" in text.wording
    )


def events(what: str) -> list[AuditEvent]:
    return list(db.session.scalars(sa.select(AuditEvent).where(AuditEvent.what == what)))


def one_round(clock, at: dt.datetime) -> bool:
    clock.at = at
    job = next(job for job in jobs.JOBS if job.name == "forces")
    return jobs.round_of(job, jobs.this_process(), anyway=True)


def invited(of: Force, email: str = "new@force.police.uk") -> Invitation:
    guest = invitations.Guest(
        email=email,
        name="Al Newby",
        role=Role.OFFICER,
        force_id=of.id,
        collar_number="88",
        phone=factories.phone(),
    )
    return invitations.invite(guest=guest, by=BY, now=NOW)[0]


# On the day


def test_what_goes_on_follows_and_what_is_over_stays(app, west, north):
    factories.house(rooms=2)
    officer, lead = factories.officer(of=west), factories.officer(of=west, role=Role.LEAD)
    ones, gone = factories.officer(of=north), factories.officer(of=west, disabled_at=NOW, disabled_by=BY)
    live, over = factories.referral(by=officer), factories.referral(by=officer)
    referrals.withdraw(referral_id=over.id, actor=officer.actor(), reason="elsewhere", now=NOW)
    waits, late = invited(west), invited(west, "late@force.police.uk")
    invitations.withdraw(invitation_id=late.id, by=BY, now=NOW)
    announce(west, north)
    force = again(west)
    assert (force.valid_to, force.succeeded_by_id, force.merges_on) == (TODAY - DAY, north.id, None)
    assert {again(one).force_id for one in (officer, lead, ones, live, waits)} == {north.id}
    assert {again(one).force_id for one in (gone, over, late)} == {west.id}
    (followed,) = events("follow_force")
    assert (followed.referral_id, followed.facts) == (live.id, {"from": west.id.hex, "to": north.id.hex})
    (done,) = events("merge_force")
    assert done.by == BY
    assert done.facts == {
        "force": west.id.hex,
        "into": north.id.hex,
        "first_day": "2027-01-13",
        "accounts": 2,
        "invitations": 1,
        "requests": 1,
        "operations": 0,
    }
    assert invariants.breaches(now=NOW) == []
    assert [one.id for one in forces.placing(now=NOW)] == [north.id]


def test_leads_take_over_and_the_check_at_the_door_go_on_in_the_other_force(app, west, north):
    factories.house(rooms=1)
    officer, colleague = factories.officer(of=west), factories.officer(of=north)
    lead = factories.officer(of=north, role=Role.LEAD)
    referral = factories.referral(by=officer)
    assert referral not in referrals.holding(lead.actor())
    announce(west, north)
    referral = again(referral)
    assert referral in referrals.holding(again(lead).actor())
    assert referrals.seen_by(referral_id=referral.id, actor=lead.actor()) is referral
    assert placements.matter(referrals.live_placement(referral), NOW).switchboard == "0113 496 0222"
    handover.take_over(
        reference=referral.spoken,
        actor=colleague.actor(),
        phone=factories.phone(),
        reason=next(iter(TAKE_OVER)),
        now=NOW,
    )
    assert referral.holder_id == colleague.id
    assert lead.phone in {
        text.to for text in db.session.scalars(sa.select(Text).where(Text.wording == "taken_over"))
    }


def test_until_the_day_nothing_changes_and_on_it_a_round_does_it_once(app, west, north, clock):
    officer = factories.officer(of=west)
    referral = factories.referral(by=officer, now=NOW)
    announce(west, north, LATER)
    assert one_round(clock, MIDNIGHT - MINUTE)
    assert again(west).valid_to is None and again(officer).force_id == key(west)
    assert again(referral).force_id == key(west)
    assert key(west) in {one.id for one in forces.placing(now=MIDNIGHT - MINUTE)}
    for _ in range(2):
        assert one_round(clock, MIDNIGHT)
    assert again(west).valid_to == dt.date(2027, 3, 31)
    assert again(officer).force_id == again(referral).force_id == key(north)
    (done,) = events("merge_force")
    assert done.by == "clock"
    assert key(west) not in {one.id for one in forces.placing(now=MIDNIGHT)}


def test_a_round_that_comes_days_late_still_ends_the_force_on_its_last_day(app, west, north, clock):
    announce(west, north, LATER)
    assert one_round(clock, MIDNIGHT + 5 * DAY)
    assert (again(west).valid_to, again(west).merges_on) == (dt.date(2027, 3, 31), None)


def test_one_that_cannot_be_done_any_more_is_left_whole_and_keeps_none_of_the_others(
    app, west, north, clock, caplog
):
    officer, other = factories.officer(of=west), factories.force(switchboard="0113 496 0223")
    others = factories.officer(of=other)
    announce(west, north, LATER)
    announce(other, ending := factories.force(), LATER)
    # By hand, in the database: the page lets nobody do it.
    north.valid_to = LATER
    db.session.commit()
    assert one_round(clock, MIDNIGHT + 2 * DAY)
    assert again(west).valid_to is None and again(officer).force_id == key(west)
    assert again(others).force_id == key(ending)
    assert f"the force {key(west).hex} was not merged" in caplog.text and "Westmoor" not in caplog.text
    merging.take_back(force_id=key(west), by=BY, now=MIDNIGHT + 2 * DAY)
    assert again(west).merges_on is not None  # nobody committed it
    merging.take_back(force_id=key(west), by=BY, now=MIDNIGHT + 2 * DAY)
    db.session.commit()
    assert again(west).merges_on is None


# Who is told


def test_the_leads_of_both_are_told_at_the_press_and_nobody_twice(app, west, north, clock):
    old, new = factories.officer(of=west, role=Role.LEAD), factories.officer(of=north, role=Role.LEAD)
    factories.officer(of=west, role=Role.LEAD, disabled_at=NOW, disabled_by=BY)
    factories.officer(of=north, role=Role.LEAD, confirmed=False)
    factories.officer(of=north)
    for _ in range(2):
        announce(west, north, LATER)
    assert told() == sorted([("force_goes", old.phone), ("force_comes", new.phone)])
    one_round(clock, MIDNIGHT)
    assert len(told()) == 2
    (body,) = db.session.scalars(sa.select(Text).where(Text.wording == "force_goes"))
    assert "from Thursday 1 April 2027" in body.body
    assert "Westmoor" not in body.body and "Northmoor" not in body.body


def test_what_is_taken_back_is_as_if_it_had_not_been_and_the_leads_hear_of_it(app, west, north, clock):
    old, new = factories.officer(of=west, role=Role.LEAD), factories.officer(of=north, role=Role.LEAD)
    announce(west, north, LATER)
    for _ in range(2):
        merging.take_back(force_id=key(west), by=BY, now=NOW)
        db.session.commit()
    force = again(west)
    assert (force.succeeded_by_id, force.merges_on, force.valid_to) == (None, None, None)
    assert [line for line in told() if line[0] == "force_stays"] == sorted(
        [("force_stays", old.phone), ("force_stays", new.phone)]
    )
    assert len(events("take_back_merger")) == 1
    one_round(clock, MIDNIGHT)
    assert again(old).force_id == key(west)


def test_once_the_day_has_come_it_cannot_be_taken_back(app, west, north):
    announce(west, north, LATER)
    with pytest.raises(merging.NotToBeMerged, match="The day has come"):
        merging.take_back(force_id=key(west), by=BY, now=MIDNIGHT)
    assert again(west).merges_on == LATER
    db.session.rollback()
    east, south = factories.force(), factories.force()
    announce(east, south)
    with pytest.raises(merging.NotToBeMerged, match="The day has come"):
        merging.take_back(force_id=east.id, by=BY, now=NOW)


# What is refused


def itself(west, north):
    return west, west, TODAY, "cannot become part of itself"


def into_one_that_is_over(west, north):
    north.valid_to = TODAY + DAY
    return west, north, TODAY, "is over after Thursday 14 January 2027, so nothing can become part of it"


def into_one_merged_away(west, north):
    announce(north, factories.force(name="Eastmoor Police"))
    return west, north, TODAY, "has become part of Eastmoor Police, so nothing"


def into_one_to_be_merged(west, north):
    announce(north, factories.force(name="Eastmoor Police"), LATER)
    return west, north, TODAY, "itself becomes part of Eastmoor Police on Thursday 1 April 2027"


def in_a_circle(west, north):
    announce(north, west, LATER)
    return west, north, LATER, "Westmoor Police on Thursday 1 April 2027"


def back_again(west, north):
    announce(north, west)
    return west, north, TODAY, "has become part of Westmoor Police"


def while_another_comes(west, north):
    announce(factories.force(name="Eastmoor Police"), west, LATER)
    return west, north, TODAY, "Eastmoor Police becomes part of Westmoor Police on"


def merged_already(west, north):
    announce(west, north)
    return west, factories.force(), TODAY, "has become part of Northmoor Police, so it cannot"


def to_be_merged_already(west, north):
    announce(west, north, LATER)
    return west, factories.force(), TODAY, "Take that back first"


def on_a_day_that_is_over(west, north):
    return west, north, TODAY - DAY, "Enter today or a later day"


def one_that_places_nobody(west, north):
    west.kind = forces.PLACES_NOBODY
    return west, north, TODAY, "asks for no beds"


def into_one_that_places_nobody(west, north):
    north.kind = forces.PLACES_NOBODY
    return west, north, TODAY, "asks for no beds"


def without_a_control_room(west, north):
    north.switchboard = None
    return west, north, TODAY, "no control-room number of Northmoor Police"


def before_it_began(west, north):
    west.valid_from = TODAY
    return west, north, TODAY, "began on Wednesday 13 January 2027"


def before_the_other_begins(west, north):
    north.valid_from = TODAY + DAY
    return west, north, TODAY, "only begins on Thursday 14 January 2027"


REFUSED = (
    itself,
    into_one_that_is_over,
    into_one_merged_away,
    into_one_to_be_merged,
    in_a_circle,
    back_again,
    while_another_comes,
    merged_already,
    to_be_merged_already,
    on_a_day_that_is_over,
    one_that_places_nobody,
    into_one_that_places_nobody,
    without_a_control_room,
    before_it_began,
    before_the_other_begins,
)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.__name__)
def test_what_is_refused_is_refused_in_words_and_whole(app, west, north, case):
    officer = factories.officer(of=west)
    factories.officer(of=west, role=Role.LEAD)
    force, into, first_day, why = case(west, north)
    db.session.commit()
    before = (
        again(force).valid_to,
        again(force).succeeded_by_id,
        again(force).merges_on,
        len(told()),
        again(officer).force_id,
    )
    with pytest.raises(merging.NotToBeMerged) as refused:
        merging.announce(force_id=force.id, into_id=into.id, first_day=first_day, by=BY, now=NOW)
    assert why in str(refused.value)
    db.session.commit()
    assert before == (
        again(force).valid_to,
        again(force).succeeded_by_id,
        again(force).merges_on,
        len(told()),
        again(officer).force_id,
    )


def test_the_database_itself_keeps_a_merger_announced_or_done(app, west, north):
    ids = (west.id, north.id)
    db.session.commit()
    for change in (
        {"succeeded_by_id": ids[1]},
        {"merges_on": LATER},
        {"succeeded_by_id": ids[1], "merges_on": LATER, "valid_to": TODAY},
    ):
        with pytest.raises(sa.exc.IntegrityError):
            db.session.execute(sa.update(Force).where(Force.id == ids[0]).values(**change))
        db.session.rollback()


# Operations


def test_an_operation_that_goes_on_keeps_its_number_and_grows_in_the_other_force(app, west, north):
    officer = factories.officer(of=west)
    first = factories.referral(by=officer, operation="OP26/114")
    ended = factories.referral(by=officer, operation="OP26/7")
    referrals.withdraw(referral_id=ended.id, actor=officer.actor(), reason="elsewhere", now=NOW)
    announce(west, north)
    second = factories.referral(by=again(officer), operation="op 26/114")
    assert second.operation_id == again(first).operation_id
    assert again(first).operation.force_id == north.id
    assert again(ended).operation.force_id == west.id


def test_two_operations_of_one_number_stay_two(app, west, north):
    mine, theirs = factories.officer(of=west), factories.officer(of=north)
    one = factories.referral(by=mine, operation="OP26/114")
    other = factories.referral(by=theirs, operation="OP26/114")
    (renumbered,) = merging.ahead(west, north).renumbered
    assert renumbered == ("OP26/114", "OP26/114-2")
    announce(west, north)
    assert again(one).operation_id != again(other).operation_id
    assert again(one).operation.number == "OP26/114-2"
    assert numbers.found(number="OP26/114", force_id=north.id).id == again(other).operation_id
    assert numbers.found(number="OP26/114-2", force_id=north.id).id == again(one).operation_id
    _, seen = operations.of(operation_id=again(other).operation_id, actor=again(theirs).actor())
    assert [referral.id for referral in seen] == [other.id]
    (followed,) = events("operation_follows_force")
    assert followed.facts["renumbered"] is True


def test_a_number_of_full_length_still_finds_a_free_one(app, west, north):
    long = "OP26/114-ABCDEFGHIJK"
    assert len(long) == numbers.MOST
    numbers.found_or_started(number=long, force_id=north.id, by=BY, now=NOW)
    numbers.found_or_started(number=long, force_id=west.id, by=BY, now=NOW)
    announce(west, north)
    kept = {operation.number for operation in db.session.scalars(sa.select(Operation))}
    assert kept == {long, "OP26/114-ABCDEFGHI-2"}


# What comes afterwards


def test_a_departure_put_right_after_the_day_is_live_in_the_other_force(app, west, north):
    house = factories.house(rooms=1)
    officer = factories.officer(of=west)
    referral = factories.referral(by=officer, operation="OP26/114")
    staff = factories.house_actor(house.id)
    placement = referrals.live_placement(referral)
    for event, facts in (
        (Event.CONFIRM, {}),
        (Event.ARRIVE, {}),
        (Event.DEPART, {"reason": "planned", "onward": "msvcc", "nrm_decision": "consented"}),
    ):
        referrals.record(placement_id=placement.id, event=event, actor=staff, facts=facts, now=NOW)
    announce(west, north)
    assert again(referral).force_id == west.id
    referrals.record(placement_id=placement.id, event=Event.CORRECT, actor=staff, facts={}, now=NOW + MINUTE)
    db.session.commit()
    assert again(referral).state in LIVE_REFERRAL
    assert again(referral).force_id == again(referral).operation.force_id == north.id
    assert invariants.breaches(now=NOW + MINUTE) == []


def test_what_was_begun_for_a_force_that_is_over_is_done_for_what_it_became(app, west, north):
    east = factories.force()
    closed = factories.officer(of=west, disabled_at=NOW, disabled_by=BY)
    coordinator = factories.coordinator()
    announce(west, north)
    announce(north, east)
    assert factories.referral(by=coordinator, force_id=west.id).force_id == east.id
    assert invited(west).force_id == east.id
    people.open_again(user_id=closed.id, by=BY, now=NOW)
    assert closed.force_id == east.id
    db.session.commit()
    assert invariants.breaches(now=NOW) == []


def test_an_invitation_used_after_the_day_makes_an_account_in_the_other_force(app, west, north):
    guest = invitations.Guest(
        email="new@force.police.uk",
        name="Al",
        role=Role.OFFICER,
        force_id=west.id,
        collar_number="9",
        phone=factories.phone(),
    )
    _, token = invitations.invite(guest=guest, by=BY, now=NOW)
    announce(west, north)
    secret = accounts.hashed(password="seven purple ladders")
    begin_write()
    made = invitations.accept(token=token, password=secret, now=NOW)
    db.session.commit()
    assert made.force_id == north.id


# At the same moment


def at_once(app, *works) -> list[BaseException]:
    barrier, problems = threading.Barrier(len(works)), []

    def run(work, deciding=True):
        with app.app_context():
            try:
                barrier.wait(60)
                begin_write(deciding=deciding)
                work()
                db.session.commit()
            except BaseException as problem:
                problems.append(problem)
            finally:
                db.session.remove()

    threads = [
        threading.Thread(target=run, args=work if isinstance(work, tuple) else (work,)) for work in works
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    db.session.rollback()
    db.session.expire_all()
    return problems


def test_two_presses_at_once_are_one_merger(app, west, north):
    factories.officer(of=west, role=Role.LEAD)
    factories.officer(of=west)
    db.session.commit()
    ids = {"force_id": west.id, "into_id": north.id}

    def press():
        merging.announce(**ids, first_day=TODAY, by=BY, now=NOW)

    assert at_once(app, press, press, press) == []
    assert len(events("merge_force")) == len(events("announce_merger")) == len(told()) == 1


def test_of_two_presses_at_once_that_would_make_a_circle_one_is_refused(app, west, north):
    db.session.commit()
    west_id, north_id = west.id, north.id

    def one():
        merging.announce(force_id=west_id, into_id=north_id, first_day=TODAY, by=BY, now=NOW)

    def other():
        merging.announce(force_id=north_id, into_id=west_id, first_day=TODAY, by=BY, now=NOW)

    (refused,) = at_once(app, one, other)
    assert isinstance(refused, merging.NotToBeMerged)
    assert len(events("merge_force")) == 1
    assert invariants.breaches(now=NOW) == []


def test_a_referral_opened_and_an_invitation_used_the_moment_of_the_merger_are_the_other_forces(app):
    password = accounts.hashed(password="seven purple ladders")
    for number in range(6):
        west, north = factories.force(), factories.force()
        officer, coordinator = factories.officer(of=west), factories.coordinator()
        guest = invitations.Guest(
            email=f"new{number}@force.police.uk",
            name="Al",
            role=Role.OFFICER,
            force_id=west.id,
            collar_number="9",
            phone=factories.phone(),
        )
        _, token = invitations.invite(guest=guest, by=BY, now=NOW)
        db.session.commit()
        ids = (west.id, north.id, officer.id, coordinator.id)

        def merge(ids=ids):
            merging.announce(force_id=ids[0], into_id=ids[1], first_day=TODAY, by=BY, now=NOW)

        def ask(ids=ids):
            referrals.open(
                request=factories.request(),
                officer=db.session.get_one(User, ids[2]),
                form_token=new_id(),
                now=NOW,
            )

        def key_in(ids=ids):
            referrals.open(
                request=factories.request(force_id=ids[0]),
                officer=db.session.get_one(User, ids[3]),
                form_token=new_id(),
                now=NOW,
            )

        def use(token=token):
            invitations.accept(token=token, password=password, now=NOW)

        assert at_once(app, merge, ask, key_in, (use, False)) == []
        assert set(
            db.session.scalars(sa.select(Referral.force_id).where(Referral.holder_id.in_(ids[2:])))
        ) == {ids[1]}
        made = db.session.scalars(sa.select(User).where(User.email == guest.email)).one()
        assert made.force_id == ids[1]
        assert [one for one in invariants.breaches(now=NOW) if one.startswith("I16")] == []
        db.session.rollback()


# The pages


def look_ahead(desk: Visitor, force: Force, into: Force, day: dt.date):
    db.session.commit()
    page = desk.get(f"/forces/{force.id}/merge")
    answer = desk.post(
        f"/forces/{force.id}/merge", into=into.id.hex, first_day=[str(day.day), str(day.month), str(day.year)]
    )
    assert "Show what will happen" in buttons(page)
    return desk.get(answer.headers["Location"])


def test_a_coordinator_sees_what_will_happen_presses_and_it_is_done(desk, west, north, clock):
    factories.house(rooms=1)
    officer = factories.officer(of=west)
    factories.officer(of=west, role=Role.LEAD, name="Lee Whitby")
    factories.officer(of=north, role=Role.LEAD, name="Ada Cole")
    factories.officer(of=north, role=Role.LEAD, name="Noa Unrung", confirmed=False)
    factories.referral(by=officer, operation="OP26/114")
    invited(west)
    db.session.commit()
    page = words(look_ahead(desk, west, north, LATER))
    for said in (
        "Westmoor Police becomes part of Northmoor Police",
        "From Thursday 1 April 2027",
        "Lee Whitby and Ada Cole are told by text",
        "Noa Unrung has no mobile that a text reaches. Ring them",
        "2 accounts become Northmoor Police’s",
        "1 open invitation becomes",
        "1 live request goes along",
        "1 running operation goes along",
        "houses check the officer by 0113 496 0222",
        "its last day is Wednesday 31 March 2027",
        "you can take it back",
    ):
        assert said in page, said
    assert again(west).merges_on is None
    answer = desk.send(look_ahead(desk, west, north, LATER), "Announce it for that day")
    page = words(desk.get(answer.headers["Location"]))
    assert "Westmoor Police is part of Northmoor Police from Thursday 1 April 2027 on." in page
    assert "Until then nothing changes. The leads of both forces whom a text reaches were told." in page
    assert "Is to take in Westmoor Police , from Thursday 1 April 2027" in words(
        desk.get(f"/forces/{key(north)}")
    )
    assert "Part of Northmoor Police from Thursday 1 April 2027" in words(desk.get("/forces"))
    desk.back_at(clock, MIDNIGHT)
    assert "it is to be part of Northmoor Police . That is done within a minute" in words(
        desk.get(f"/forces/{key(west)}")
    )
    one_round(clock, MIDNIGHT)
    page = words(desk.get(f"/forces/{key(west)}"))
    assert "Since Thursday 1 April 2027 it is part of Northmoor Police ." in page
    assert "Last day Wednesday 31 March 2027" in page
    assert "Merge into another force" not in page
    assert "Came from Westmoor Police , whose last day was Wednesday 31 March 2027" in words(
        desk.get(f"/forces/{key(north)}")
    )
    assert "Over Westmoor Police Part of Northmoor Police" in words(desk.get("/forces"))
    assert "Lee Whitby" in words(desk.get(f"/forces/{key(north)}"))


def test_today_it_is_done_at_the_press_and_said_that_it_cannot_be_taken_back(desk, west, north):
    page = look_ahead(desk, west, north, TODAY)
    assert "It cannot be taken back." in words(page)
    assert "neither force has a lead" in words(page)
    desk.get(desk.send(page, "Merge the two forces today").headers["Location"])
    assert again(west).valid_to == TODAY - DAY


def test_what_was_announced_is_taken_back_on_the_page_of_the_force(desk, west, north):
    desk.send(look_ahead(desk, west, north, LATER), "Announce it for that day")
    page = desk.get(f"/forces/{west.id}")
    answer = desk.send(page, "Take it back")
    assert "Westmoor Police goes on as it is." in words(desk.get(answer.headers["Location"]))
    assert again(west).merges_on is None


def test_the_page_says_what_is_wrong_and_nothing_is_changed(desk, west, north):
    desk.get(f"/forces/{west.id}/merge")
    path = f"/forces/{west.id}/merge"
    assert summary(desk.post(path, 400)) == [
        "Select the force it becomes part of",
        "Enter the day on which that begins",
    ]
    over = desk.post(path, 400, into=north.id.hex, first_day=["12", "1", "2027"])
    assert summary(over) == ["That day is over. Enter today or a later day"]
    # Itself is not offered; typed into the address it is refused in words.
    assert west.id.hex not in over.text.replace(str(west.id), "")
    where = desk.get(f"{path}/{west.id}/20270401", 303).headers["Location"]
    assert "Westmoor Police cannot become part of itself." in words(desk.get(where))
    page = desk.post(f"{path}/{west.id}/20270401")
    assert "cannot become part of itself" in words(desk.get(page.headers["Location"]))
    bare = factories.force(name="Eastmoor Police", switchboard=None)
    db.session.commit()
    desk.get(path)
    (said,) = summary(desk.post(path, 400, into=bare.id.hex, first_day=["1", "4", "2027"]))
    assert said.startswith("We hold no control-room number of Eastmoor Police")
    desk.get(f"{path}/{north.id}/20271332", 404)
    desk.get(f"/forces/{new_id()}", 404)
    assert again(west).merges_on is None and told() == []


def test_the_press_asks_for_the_password_and_nobody_but_a_coordinator_is_shown_any_of_it(
    app, desk, west, north, clock
):
    page = look_ahead(desk, west, north, LATER)
    here = page.request.path
    announced = factories.force(name="Eastmoor Police")
    announce(announced, north, LATER)
    for _ in range(2):
        clock.at += 8 * MINUTE
        desk.get("/duty")
    for answer in (
        desk.send(page, "Announce it for that day"),
        desk.get(here, 303),
        desk.post(f"/forces/{announced.id}/merge/take-back"),
    ):
        assert answer.headers["Location"].startswith("/prove-who-you-are")
    assert again(west).merges_on is None and again(announced).merges_on == LATER
    lead = factories.officer(of=west, role=Role.LEAD)
    browser = Visitor(app.test_client()).sign_in(lead)
    for path in (f"/forces/{west.id}", f"/forces/{west.id}/merge", here):
        browser.get(path, 404)
    browser.get("/account")
    for path in (here, f"/forces/{west.id}/merge/take-back", f"/forces/{west.id}/merge"):
        browser.post(path, 404)
