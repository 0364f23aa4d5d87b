"""Several people of one operation: gathered, planned for, held whole or not at all, and never taken apart meanwhile."""

from __future__ import annotations

import datetime as dt
import re
import threading
import uuid

import pytest
import sqlalchemy as sa

from safety import bedspaces, invariants, referrals
from safety.extensions import begin_write, db
from safety.lifecycle import LIVE, NotAllowed, ReferralState, State
from safety.models import AuditEvent, Draft, KeepApart, Operation, Placement, Referral, User
from safety.permissions import NotYours
from safety.planning import Wish
from safety.referrals import numbers, operations
from tests import factories, listening, servers
from tests.factories import NOW
from tests.visitor import Visitor, buttons, cheap_hashes, still_clock, summary, words

MINUTE = dt.timedelta(minutes=1)
DUTY = factories.coordinator_actor


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    cheap_hashes(monkeypatch)
    return still_clock(monkeypatch, NOW)


@pytest.fixture
def force(app):
    return factories.force(name="Northmoor Police")


@pytest.fixture
def desk(app, client) -> Visitor:
    return Visitor(client).sign_in(factories.coordinator(name="Pat Lindqvist"))


def begun(force, wish: str = Wish.ANY, number: str = "OP26/114") -> Operation:
    operation, new = operations.start(number=number, force_id=force.id, wish=wish, actor=DUTY(), now=NOW)
    assert new
    db.session.commit()
    return operation


def people(operation: Operation, many: int, **kept) -> list[Referral]:
    """So many who were asked for under the operation, a minute apart."""
    officer = factories.officer(of=operation.force)
    made = [
        factories.referral(by=officer, operation=operation.number, now=NOW + number * MINUTE, **kept)
        for number in range(many)
    ]
    db.session.commit()
    return made


def plan_of(operation: Operation, at: dt.datetime = NOW) -> dict[uuid.UUID, uuid.UUID]:
    plan = operations.make_plan(operation, now=at)
    return {referral: fit.room.id for referral, fit in plan.given.items()}


def take(operation: Operation, chosen, at: dt.datetime = NOW) -> list[Placement]:
    held = operations.take_plan(operation_id=operation.id, chosen=chosen, actor=DUTY(), now=at)
    db.session.commit()
    return held


def live() -> int:
    return db.session.scalar(
        sa.select(sa.func.count()).select_from(Placement).where(Placement.state.in_(LIVE))
    )


def house_of(referral: Referral) -> uuid.UUID | None:
    db.session.expire_all()
    found = referrals.live_placement(referral)
    return found.premises_id if found else None


@pytest.mark.parametrize("said", ["op 26/114", "OP26/114", " Op26 /114"])
def test_one_number_of_one_force_is_one_operation_however_it_is_typed(force, said):
    operation = begun(force)
    assert numbers.found(number=said, force_id=force.id) == operation
    other = factories.force()
    assert numbers.found(number=said, force_id=other.id) is None
    again, new = operations.start(number=said, force_id=force.id, wish=Wish.APART, actor=DUTY(), now=NOW)
    assert again == operation and not new and operation.wish == Wish.ANY


@pytest.mark.parametrize(
    "said", ["", "FORTRESS", "O1", "26/114; drop", "x" * 40 + "1", "Operation Fort", "/26", "OP 26’1"]
)
def test_a_number_that_is_none_is_refused_in_words(said):
    with pytest.raises(numbers.NotANumber, match="Operation number must be 3 to 20"):
        numbers.plain_number(said)


def test_the_number_is_sealed(force):
    operation = begun(force)
    row = db.session.execute(sa.text("SELECT number_sealed, number_index FROM operation")).one()
    assert "26/114" not in row.number_sealed and "26/114" not in row.number_index
    assert operation.number == "OP26/114"


def test_while_they_are_gathered_nobody_is_matched_by_themselves_and_then_each_is(force):
    factories.house(rooms=3)
    operation = begun(force)
    first, second = people(operation, 2)
    referrals.sweep(now=NOW + 2 * MINUTE)
    db.session.commit()
    assert house_of(first) is None and house_of(second) is None
    # Somebody of no operation is matched as ever.
    alone = factories.referral()
    assert house_of(alone) is not None
    referrals.sweep(now=NOW + 29 * MINUTE)
    assert house_of(first) is None
    referrals.sweep(now=NOW + 30 * MINUTE)
    db.session.commit()
    assert house_of(first) is not None and house_of(second) is not None


def test_an_officers_number_alone_holds_nobody_back(force):
    factories.house(rooms=2)
    officer = factories.officer(of=force)
    referral = factories.referral(by=officer, operation="OP26/115")
    assert referral.state == ReferralState.PLACED and referral.operation.number == "OP26/115"


def test_a_plan_is_held_whole_in_one_step(force):
    house = factories.house(rooms=3)
    operation = begun(force, Wish.TOGETHER)
    three = people(operation, 3)
    held = take(operation, plan_of(operation))
    assert len(held) == 3 and {placement.premises_id for placement in held} == {house.id}
    assert operation.gathering_until is None
    assert {placement.state for placement in held} == {State.HELD}
    assert all(referral.state == ReferralState.PLACED for referral in three)
    assert invariants.breaches(now=NOW + 2 * MINUTE) == []
    # Pressed twice: the same beds, nothing more.
    chosen = {placement.referral_id: placement.bedspace_id for placement in held}
    assert [one.id for one in take(operation, chosen)] == [one.id for one in held]
    assert live() == 3


def test_a_bed_that_went_meanwhile_refuses_the_whole_plan_and_the_next_one_is_another(force):
    factories.house(rooms=2)
    operation = begun(force)
    two = people(operation, 2)
    chosen = plan_of(operation)
    taken = factories.referral()
    db.session.commit()
    assert house_of(taken) is not None
    with pytest.raises(operations.PlanGone, match="was given to somebody else"):
        take(operation, chosen)
    db.session.rollback()
    assert live() == 1 and [house_of(one) for one in two] == [None, None]
    factories.house(rooms=1, outcode="LS8")
    db.session.commit()
    again = plan_of(operation)
    assert len(again) == 2 and again != chosen
    assert len(take(operation, again)) == 2


def test_a_rule_that_changed_meanwhile_refuses_the_plan_in_words(force):
    house = factories.house(rooms=2)
    operation = begun(force)
    people(operation, 2)
    chosen = plan_of(operation)
    house.accepting, house.accepting_reason = False, "staff"
    db.session.commit()
    with pytest.raises(operations.PlanGone, match="not taking anybody just now"):
        take(operation, chosen)


def test_one_who_is_not_waiting_any_more_refuses_the_plan(force):
    factories.house(rooms=2)
    operation = begun(force)
    first, _ = people(operation, 2)
    chosen = plan_of(operation)
    referrals.withdraw(referral_id=first.id, actor=DUTY(), reason="mistake", now=NOW)
    db.session.commit()
    with pytest.raises(operations.PlanGone, match=f"{first.spoken} is not waiting for a bed any more"):
        take(operation, chosen)
    db.session.rollback()
    stranger = factories.referral()
    db.session.commit()
    with pytest.raises(operations.PlanGone, match="not of this operation"):
        take(operation, {stranger.id: next(iter(chosen.values()))})


def test_a_plan_taken_in_part_leaves_the_rest_to_the_ordinary_search(force):
    factories.house(rooms=1)
    operation = begun(force)
    first, second = people(operation, 2)
    plan = operations.make_plan(operation, now=NOW)
    assert not plan.whole and len(plan.given) == 1
    take(operation, plan_of(operation))
    db.session.expire_all()
    left = second if house_of(first) else first
    assert left.state == ReferralState.SEARCHING
    assert db.session.scalar(
        sa.select(sa.func.count()).where(AuditEvent.what == "nothing_fits", AuditEvent.referral_id == left.id)
    )
    factories.house(rooms=1, outcode="LS8")
    referrals.rematch(now=NOW)
    assert house_of(left) is not None


def test_apart_holds_when_they_are_matched_by_themselves_too(force):
    first_house = factories.house(rooms=2)
    operation = begun(force, Wish.APART)
    first, second = people(operation, 2)
    operations.let_go(operation_id=operation.id, actor=DUTY(), now=NOW)
    db.session.commit()
    assert {house_of(first), house_of(second)} == {first_house.id, None}
    other = factories.house(rooms=1, outcode="S1")
    referrals.rematch(now=NOW)
    assert other.id in {house_of(first), house_of(second)}


def test_together_prefers_the_house_where_the_others_are_though_it_is_further(force):
    near = factories.house(rooms=1)
    far = factories.house(rooms=2, outcode="S1")
    operation = begun(force, Wish.TOGETHER)
    first, second = people(operation, 2)
    operations.take_plan(
        operation_id=operation.id, chosen={first.id: far.bedspaces[0].id}, actor=DUTY(), now=NOW
    )
    db.session.commit()
    assert house_of(second) == far.id != near.id
    alone = factories.referral()
    assert house_of(alone) == near.id


def test_two_to_keep_apart_are_apart_in_the_plan(force):
    factories.house(rooms=3)
    other = factories.house(rooms=1, outcode="S1")
    operation = begun(force, Wish.TOGETHER)
    first, second, _ = people(operation, 3)
    db.session.add(KeepApart(one_id=first.id, other_id=second.id))
    db.session.commit()
    take(operation, plan_of(operation))
    assert (house_of(first) == other.id) != (house_of(second) == other.id)


def test_a_request_that_was_made_already_joins_by_its_reference(force):
    operation = begun(force)
    officer = factories.officer(of=force)
    referral = factories.referral(by=officer)
    said = f"{referral.spoken.lower()} "
    operations.add(operation_id=operation.id, reference=said, actor=DUTY(), now=NOW)
    assert referral.operation == operation
    foreign = factories.referral()
    with pytest.raises(NotAllowed, match="another force"):
        operations.add(operation_id=operation.id, reference=foreign.spoken, actor=DUTY(), now=NOW)
    with pytest.raises(NotAllowed, match="do not know that reference"):
        operations.add(operation_id=operation.id, reference="AAA-AAA", actor=DUTY(), now=NOW)


def test_only_a_coordinator_plans_and_an_officer_sees_their_own(force):
    operation = begun(force)
    (mine,) = people(operation, 1)
    (colleagues,) = people(operation, 1)
    officer = mine.holder.actor()
    _, seen = operations.of(operation_id=operation.id, actor=officer)
    assert seen == [mine] and colleagues not in seen
    with pytest.raises(NotYours):
        operations.of(operation_id=operation.id, actor=factories.officer(of=force).actor())
    for act in (
        lambda: operations.gather(operation_id=operation.id, actor=officer, now=NOW),
        lambda: operations.let_go(operation_id=operation.id, actor=officer, now=NOW),
        lambda: operations.choose(operation_id=operation.id, wish="apart", actor=officer, now=NOW),
        lambda: operations.take_plan(operation_id=operation.id, chosen={}, actor=officer, now=NOW),
        lambda: operations.start(number="X1/1", force_id=force.id, wish="any", actor=officer, now=NOW),
    ):
        with pytest.raises(NotYours):
            act()


def test_the_number_goes_with_the_last_of_its_people(force, app):
    factories.house(rooms=2)
    operation = begun(force)
    first, second = people(operation, 2)
    referrals.withdraw(referral_id=first.id, actor=DUTY(), reason="mistake", now=NOW)
    later = NOW + dt.timedelta(days=31)
    referrals.erase_closed(now=later)
    assert operation.number == "OP26/114"
    referrals.withdraw(referral_id=second.id, actor=DUTY(), reason="mistake", now=later)
    referrals.erase_closed(now=later + dt.timedelta(days=31))
    db.session.commit()
    assert operation.number is None and operation.number_index is None and operation.erased_at is not None


# Its pages


def test_from_the_duty_page_to_beds_for_all_of_them(desk, force):
    house = factories.house(rooms=3, name="Gorse House")
    db.session.commit()
    assert "/duty/operations" in desk.get("/duty").text
    page = desk.get("/duty/operations")
    refused = desk.post("/duty/operations", 400, force="", number="Operation Fort", wish="sideways")
    assert [line.split(",")[0] for line in summary(refused)] == [
        "Select the force",
        "Operation number must be 3 to 20 letters",
        "Select where they should be",
    ]
    assert "Begin" in buttons(page)
    page = desk.press("/duty/operations", force=force.id.hex, number="op 26/114", wish="together")
    path = page.request.path
    said = words(page)
    assert "OP26/114" in said and "Nobody yet." in said
    assert "OP26" not in path and "OP26" not in re.search(r"<title>.*?</title>", page.text)[0]
    # Two people by telephone: force, operation and, for the second, the place are filled in.
    for number in range(2):
        leads = desk.post(f"{path}/another").headers["Location"]
        who = desk.get(leads)
        assert f'value="{force.id.hex}" selected' in who.text
        desk.post(leads, **servers.WHO, force=force.id.hex)
        needs = leads.replace("/who", "/needs")
        desk.get(needs)
        desk.post(needs, **servers.NEEDS)
        where = leads.replace("/who", "/where")
        shown = desk.get(where)
        assert 'value="OP26/114"' in shown.text
        assert ('value="LS1"' in shown.text) == bool(number)
        after = desk.post(where, **servers.WHERE, operation="OP26/114")
        assert after.headers["Location"] == path
    said = words(desk.get(path))
    assert "Nobody of them is matched by themselves until 14:30" in said
    assert said.count("No bed") == 2 and "Find beds for all 2" in said
    plan = desk.get(f"{path}/plan")
    said = words(plan)
    assert "All 2 can have a bed, in 1 house." in said and " at Gorse House, 0 miles away" in said
    db.session.expire_all()
    assert live() == 0, "looking at a plan holds nothing"
    beds = re.findall(r'name="beds"[^>]*value="([0-9a-f:]+)"', plan.text)
    assert len(beds) == 2
    done = desk.press(f"{path}/plan", beds=beds)
    assert "2 beds are held and their houses asked" in words(done)
    assert live() == 2
    assert words(done).count("Waiting for the house") == 2 and "Gorse House, Room" in words(done)
    assert house.name in words(desk.get(f"{path}/now"))
    gone = desk.press(f"{path}/plan", beds=beds)
    assert "2 beds are held" in words(gone) and live() == 2


def test_the_page_of_a_big_operation_takes_no_more_questions_than_that_of_a_small_one(desk, force):
    """It is asked for every ten seconds."""
    operation = begun(force)
    operations.let_go(operation_id=operation.id, actor=DUTY(), now=NOW)
    asked: list[int] = []
    for _ in range(2):
        for _ in range(3):
            factories.house(rooms=1)
            people(operation, 1)
        db.session.expire_all()
        with listening.statements() as seen:
            page = desk.get(f"/duty/operations/{operation.id}/now")
        asked.append(len(seen))
    assert words(page).count("Room 1") == 6
    assert asked[0] == asked[1]


def test_a_plan_says_which_beds_are_confirmed_already_and_whom_to_ring(desk, force):
    factories.house(name="Gorse House", accepts_unasked=True)
    operation = begun(force)
    people(operation, 2)
    path = f"/duty/operations/{operation.id}/plan"
    beds = re.findall(r'name="beds"[^>]*value="([0-9a-f:]+)"', desk.get(path).text)
    said = words(desk.press(path, beds=beds))
    assert "1 bed is held and confirmed already." in said and "Ring" not in said.split("Demo")[0]


def test_a_plan_whose_bed_went_is_refused_in_words_and_a_new_one_is_shown(desk, force):
    factories.house(rooms=2, name="Gorse House")
    operation = begun(force)
    people(operation, 2)
    path = f"/duty/operations/{operation.id}/plan"
    plan = desk.get(path)
    beds = re.findall(r'name="beds"[^>]*value="([0-9a-f:]+)"', plan.text)
    factories.referral()
    db.session.commit()
    page = desk.press(path, beds=beds)
    said = words(page)
    assert (
        "Gorse House, for" in said
        and "was given to somebody else or taken out of use meanwhile. Nothing was held." in said
    )
    assert "1 of 2 can have a bed" in said and "Without a bed (1)" in said
    assert live() == 1
    for bad in (["nonsense"], ["x:y"], [f"{uuid.uuid4().hex}:"]):
        assert summary(desk.post(path, 400, beds=bad)) != []
    assert summary(desk.post(path, 400)) == ["Select at least one bed to hold"]
    assert "not of this operation" in words(desk.press(path, beds=[f"{uuid.uuid4().hex}:{uuid.uuid4().hex}"]))
    assert live() == 1


def test_the_buttons_of_an_operation(desk, force):
    factories.house(rooms=2)
    operation = begun(force)
    first, _ = people(operation, 2)
    path = f"/duty/operations/{operation.id}"
    page = desk.get(path)
    assert "Match each by themselves now" in buttons(page)
    page = desk.get(desk.send(page, "Match each by themselves now").headers["Location"])
    assert "Each of them is matched by themselves now." in words(page)
    assert house_of(first) is not None
    assert "Nobody of this operation is waiting" in words(
        desk.get(desk.get(f"{path}/plan", 303).headers["Location"])
    )
    assert "Recorded." in words(desk.press(f"{path}/wish", wish="apart"))
    assert summary(desk.post(f"{path}/wish", 400, wish="perhaps")) == ["Select where they should be"]
    assert summary(desk.post(f"{path}/add", 400, reference="K7")) == [
        "Reference has 6 letters and numbers, like K7M-4QX. Check it and enter it again"
    ]
    assert summary(desk.post(f"{path}/add", 400, reference="AAA-AAA")) == [
        "We do not know that reference, or that request is over. Check it and enter it again"
    ]
    later = factories.referral(by=factories.officer(of=force))
    db.session.commit()
    assert f"{later.spoken} is of this operation." in words(desk.press(f"{path}/add", reference=later.spoken))
    assert f"/duty/referrals/{later.id}" in desk.get(path).text
    assert path in desk.get(f"/duty/referrals/{later.id}").text
    page = desk.get(path)
    page = desk.get(desk.send(page, "Hold off, and place them together").headers["Location"])
    assert "until 14:30" in words(page)
    desk.get(f"/duty/operations/{uuid.uuid4()}", 404)


def test_looking_across_the_border_says_that_they_wait_for_the_others_and_not_that_nothing_fits(desk, force):
    factories.house(nation="Scotland", region="Scotland", outcode="EH1")
    operation = begun(force)
    (waiting,) = people(operation, 1)
    path = f"/duty/referrals/{waiting.id}/across-the-border"
    desk.get(path)
    page = words(desk.press(path, reason="none_here"))
    assert (
        f"Nobody of {operation.number} is matched by themselves just now, so no bed was looked for." in page
    )
    assert "Nothing fits" not in page
    assert house_of(waiting) is None


def test_an_officer_follows_their_people_and_begins_the_next_with_the_place_kept(app, client, force):
    house = factories.house(rooms=2, name="Gorse House")
    operation = begun(force)
    (mine,) = people(operation, 1, setting="station")
    people(operation, 1)
    officer = mine.holder
    visitor = Visitor(client).sign_in(officer)
    page = visitor.get(f"/referrals/{mine.id}")
    assert "A coordinator is finding beds for everybody of your operation at once." in words(page)
    assert f"/operations/{operation.id}" in page.text
    page = visitor.get(f"/operations/{operation.id}")
    said = words(page)
    assert mine.spoken in said and "One more is held by a colleague." in said
    leads = visitor.send(page, "Another person from this operation").headers["Location"]
    (draft,) = db.session.scalars(sa.select(Draft)).all()
    assert draft.answers == {
        "where": {
            "operation": "OP26/114",
            "ready": "0",
            "outcode": "LS1",
            "setting": "station",
            "transport": "police",
            "mobile": draft.answers["where"]["mobile"],
        }
    }
    visitor.get(leads)
    take(operation, plan_of(operation))
    said = words(visitor.get(f"/operations/{operation.id}"))
    assert "A bed is held for them." in said and house.name not in said
    other = Visitor(app.test_client()).sign_in(factories.officer(of=force))
    other.get(f"/operations/{operation.id}", 404)
    other.get("/take-over")
    other.post(f"/referrals/{mine.id}/another-person", 404)


def test_without_a_number_there_is_nothing_to_begin_another_from(app, client):
    factories.house()
    referral = factories.referral()
    visitor = Visitor(client).sign_in(referral.holder)
    visitor.get(f"/referrals/{referral.id}")
    page = visitor.press(f"/referrals/{referral.id}/another-person")
    assert "has no operation number" in words(page)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Draft)) == 0


def test_two_coordinators_take_the_plan_at_once_and_a_stranger_asks_for_the_same_bed(app, force):
    """Whatever the order: every bed of the plan is held, or none."""
    factories.house(rooms=2)
    db.session.commit()
    for turn in range(10):
        operation = begun(force, number=f"OP{turn}/1")
        two = [one.id for one in people(operation, 2)]
        chosen = plan_of(operation)
        operation_id = operation.id
        officer_id = factories.officer(of=force).id
        db.session.commit()
        barrier, gone, problems = threading.Barrier(3), [], []

        def run(work):
            with app.app_context():
                try:
                    barrier.wait(60)  # noqa: B023
                    begin_write()
                    work()
                    db.session.commit()
                except operations.PlanGone:
                    db.session.rollback()
                    gone.append(1)  # noqa: B023
                except BaseException as problem:
                    problems.append(problem)  # noqa: B023
                finally:
                    db.session.remove()

        def plan():
            operations.take_plan(operation_id=operation_id, chosen=chosen, actor=DUTY(), now=NOW)  # noqa: B023

        def stranger():
            factories.referral(by=db.session.get_one(User, officer_id))  # noqa: B023

        threads = [threading.Thread(target=run, args=(work,)) for work in (plan, plan, stranger)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert problems == []
        db.session.rollback()
        db.session.expire_all()
        held = db.session.scalars(
            sa.select(Placement.referral_id).where(Placement.state.in_(LIVE), Placement.referral_id.in_(two))
        ).all()
        assert len(held) in ((0,) if gone else (2,)), (gone, held)
        assert invariants.breaches(now=NOW + 2 * MINUTE) == []
        db.session.rollback()
        begin_write()
        for referral in sorted(
            (one for one, _ in referrals.live()), key=lambda one: one.state == ReferralState.PLACED
        ):
            referrals.withdraw(referral_id=referral.id, actor=DUTY(), reason="mistake", now=NOW)
        db.session.commit()


def test_when_only_the_last_bed_of_a_plan_went_the_first_ones_are_not_held_either(desk, force):
    factories.house(rooms=3)
    operation = begun(force)
    three = people(operation, 3)
    path = f"/duty/operations/{operation.id}/plan"
    beds = re.findall(r'name="beds"[^>]*value="([0-9a-f:]+)"', desk.get(path).text)
    last = next(uuid.UUID(hex=pair[33:]) for pair in beds if pair.startswith(three[-1].id.hex))
    bedspaces.take_out(bedspace_id=last, reason="repair", until=None, by=DUTY().by, now=NOW)
    db.session.commit()
    assert "Nothing was held." in words(desk.press(path, beds=beds))
    db.session.expire_all()
    assert live() == 0 and operation.gathering_until is not None
