"""Several people of one operation from the coordinator's chair: begun, followed on one page, and found beds for at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import selectinload

from safety import forces, lifecycle, matching
from safety.extensions import db
from safety.lifecycle import LIVE_REFERRAL, Role, State
from safety.models import Bedspace, Placement, Referral
from safety.permissions import allow
from safety.planning import Plan
from safety.referrals import operations as rooms
from safety.web import needs
from safety.web.coordinator.blueprint import live_of, pages
from safety.web.forms.operations import AddForm, OperationForm, PlanForm, WishForm
from safety.web.gate import me, now, poll
from safety.web.officer.another import begin
from safety.web.wire import fragment


@pages.route("/duty/operations", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def operations() -> ResponseReturnValue:
    """Operations that go on, and a form to begin another."""
    form = OperationForm()
    form.force.offer({force.id.hex: force.name for force in forces.placing(now=now())})
    if request.method == "POST" and form.validate():
        operation, new = rooms.start(
            number=form.number.kept,
            force_id=uuid.UUID(hex=form.force.data),
            wish=form.wish.data or "",
            actor=me().actor(),
            now=now(),
        )
        db.session.commit()
        if not new:
            flash("That operation was begun already. This is its page.", "notice")
        return _to(operation.id)
    html = render_template("coordinator/operations.html", form=form, every=rooms.lately(), live=LIVE_REFERRAL)
    return html, 400 if form.errors else 200


@pages.get("/duty/operations/<uuid:operation_id>")
@allow(Role.COORDINATOR)
def operation(operation_id: uuid.UUID) -> ResponseReturnValue:
    """Everybody of it: where each stands, and at which house."""
    return _page(operation_id, AddForm())


@pages.get("/duty/operations/<uuid:operation_id>/now")
@allow(Role.COORDINATOR)
@poll
def operation_now(operation_id: uuid.UUID) -> ResponseReturnValue:
    """The same, as the page asks for it by itself."""
    return fragment(render_template("coordinator/_operation.html", **_shown(operation_id)))


@pages.post("/duty/operations/<uuid:operation_id>/gather")
@allow(Role.COORDINATOR)
def gather(operation_id: uuid.UUID) -> ResponseReturnValue:
    """Nobody of it is matched one by one for a while."""
    rooms.gather(operation_id=operation_id, actor=me().actor(), now=now())
    db.session.commit()
    flash("They wait for you to find beds for all of them.", "success")
    return _to(operation_id)


@pages.post("/duty/operations/<uuid:operation_id>/let-go")
@allow(Role.COORDINATOR)
def let_go(operation_id: uuid.UUID) -> ResponseReturnValue:
    """Each is matched by themselves, at once."""
    rooms.let_go(operation_id=operation_id, actor=me().actor(), now=now())
    db.session.commit()
    flash("Each of them is matched by themselves now.", "success")
    return _to(operation_id)


@pages.route("/duty/operations/<uuid:operation_id>/wish", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def wish(operation_id: uuid.UUID) -> ResponseReturnValue:
    """Together, apart, or wherever there is a bed."""
    found, _ = rooms.of(operation_id=operation_id, actor=me().actor())
    form = WishForm(data={"wish": found.wish})
    if request.method == "POST" and form.validate():
        rooms.choose(operation_id=operation_id, wish=form.wish.data or "", actor=me().actor(), now=now())
        db.session.commit()
        flash("Recorded. It counts for whoever is placed from now on.", "success")
        return _to(operation_id)
    html = render_template("coordinator/operation_wish.html", operation=found, form=form)
    return html, 400 if form.errors else 200


@pages.post("/duty/operations/<uuid:operation_id>/add")
@allow(Role.COORDINATOR)
def add(operation_id: uuid.UUID) -> ResponseReturnValue:
    """A request that was made already belongs to it."""
    form = AddForm()
    if not form.validate():
        return _page(operation_id, form)
    actor = me().actor()
    try:
        added = rooms.add(operation_id=operation_id, reference=form.reference.plain, actor=actor, now=now())
    except lifecycle.NotAllowed as refused:
        db.session.rollback()
        form.refuse("reference", str(refused))
        return _page(operation_id, form)
    db.session.commit()
    flash(f"{added.spoken} is of this operation.", "success")
    return _to(operation_id)


@pages.post("/duty/operations/<uuid:operation_id>/another")
@allow(Role.COORDINATOR)
def another(operation_id: uuid.UUID) -> ResponseReturnValue:
    """Take a request for another person of it by telephone."""
    found, referrals = rooms.of(operation_id=operation_id, actor=me().actor())
    return begin(me(), found, referrals[-1] if referrals else None)


@pages.route("/duty/operations/<uuid:operation_id>/plan", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def plan(operation_id: uuid.UUID) -> ResponseReturnValue:
    """Beds for everybody of it who has none, as they can be had now (GET); held, every one that is ticked or none (POST)."""
    found, _ = rooms.of(operation_id=operation_id, actor=me().actor())
    form = PlanForm()
    if request.method == "POST" and form.chosen():
        actor, instant = me().actor(), now()
        return _held(
            operation_id,
            lambda: rooms.take_plan(
                operation_id=operation_id, chosen=form.chosen(), actor=actor, now=instant
            ),
        )
    waiting = rooms.waiting(found)
    if not waiting:
        flash("Nobody of this operation is waiting for a bed.", "notice")
        return _to(operation_id)
    made = rooms.make_plan(found, now=now())
    form.show(_beds(made, waiting))
    if request.method == "POST":
        form.validate()
    html = render_template(
        "coordinator/plan.html",
        operation=found,
        form=form,
        wish=rooms.WISHES[found.wish],
        plan=made,
        waiting=len(waiting),
        houses=len({fit.room.premises_id for fit in made.given.values()}),
        left=[(one, _why(made, one)) for one in waiting if one.id in made.left],
        gathering=rooms.is_gathering(found, now()),
    )
    return html, 400 if form.errors else 200


def _held(operation_id: uuid.UUID, hold: Callable[[], list[Placement]]) -> ResponseReturnValue:
    """Every bed is held and committed, or none is and a new plan is shown."""
    try:
        held = hold()
    except rooms.PlanGone as gone:
        db.session.rollback()
        flash(f"{gone}. Nothing was held. This is what can be had now.", "notice")
        return redirect(url_for("coordinator.plan", operation_id=operation_id), 303)
    db.session.commit()
    flash(_said_of(held), "success")
    return _to(operation_id)


def _said_of(held: list[Placement]) -> str:
    """What became of the beds of a plan: a house that takes people without being asked has said yes already."""
    many, asked = len(held), sum(placement.state == State.HELD for placement in held)
    beds = "1 bed is held" if many == 1 else f"{many} beds are held"
    if not asked:
        return f"{beds} and confirmed already."
    if asked < many:
        return f"{beds}, {many - asked} confirmed already. Ring the other houses to have the answer at once."
    whose, them = ("its house", "it") if many == 1 else ("their houses", "them")
    return f"{beds} and {whose} asked. Ring {them} to have the answer at once."


def _beds(made: Plan, waiting: list[Referral]) -> dict[str, str]:
    """What is ticked to hold, and its words: who, which room of which house, how far."""
    found = db.session.scalars(
        sa.select(Bedspace)
        .where(Bedspace.id.in_([fit.room.id for fit in made.given.values()]))
        .options(selectinload(Bedspace.premises))
    )
    names = {room.id: f"{room.name} at {room.premises.name}" for room in found}
    words = {}
    for referral in waiting:
        fit = made.given.get(referral.id)
        if fit is not None:
            missing = f", {fit.unmet_wishes} of their wishes not met" if fit.unmet_wishes else ""
            stale = ", figures are old" if fit.room.freshness is matching.Freshness.STALE else ""
            words[f"{referral.id.hex}:{fit.room.id.hex}"] = (
                f"{referral.spoken}: {names[fit.room.id]}, {fit.miles:.0f} miles away{missing}{stale}"
            )
    return words


def _why(made: Plan, referral: Referral) -> str:
    """Why somebody is left, in words."""
    causes = made.left[referral.id]
    if not causes:
        return "the only rooms that fit go to others of the operation"
    return "; ".join(matching.CAUSE_WORDS[cause] for cause in causes)


def _page(operation_id: uuid.UUID, form: AddForm) -> ResponseReturnValue:
    html = render_template("coordinator/operation.html", form=form, **_shown(operation_id))
    return html, 400 if form.errors else 200


def _shown(operation_id: uuid.UUID) -> dict[str, object]:
    instant = now()
    found, referrals = rooms.of(operation_id=operation_id, actor=me().actor())
    return {
        "operation": found,
        "rows": [(one, live_of(one), needs.short(one)) for one in referrals],
        "waiting": rooms.waiting(found),
        "wish": rooms.WISHES[found.wish],
        "gathering": rooms.is_gathering(found, instant),
        "instant": instant,
    }


def _to(operation_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for("coordinator.operation", operation_id=operation_id), 303)
