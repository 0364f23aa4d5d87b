"""What can be recorded about a placement, as buttons and pages: one table for the house's pages and the coordinator's.

The rule kept: a button is there only when lifecycle's table has a row for it, or when something is too late and still true.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from safety import bedspaces, lifecycle, placements, referrals, workdays
from safety.extensions import db
from safety.lifecycle import Event, ReferralState, Role, State
from safety.models import Placement
from safety.permissions import Actor
from safety.referrals import Happened
from safety.web.forms import OneOf, Tick
from safety.web.forms import placement as forms
from safety.web.forms.placement import StepForm
from safety.web.gate import now

_SECOND, _WARNING = "govuk-button--secondary", "govuk-button--warning"
_LEFT = "Departure recorded. The bed is free again."


@dataclass(frozen=True)
class Step:
    """One thing that can be recorded. `slug`: its place in an address; `press`: recorded by the button itself, without a page.

    listed: whether it has a button of its own; else another step's page leads to it.
    `button`, `done`: words for the house's side; `button_duty`: on a coordinator's page, when it is the house's or the
    officer's to do; `send`: on the button of the step's own page, if other words say it better.
    """

    slug: str
    event: Event
    button: str
    done: str
    form: type[StepForm] = forms.Press
    title: str = ""
    button_duty: str = ""
    send: str = ""
    classes: str = _SECOND
    listed: bool = True

    @property
    def press(self) -> bool:
        """Whether pressing the button is all of it."""
        return self.form is forms.Press and not self.title

    def words(self, role: Role) -> str:
        """What stands on the button."""
        return self.button_duty if role is Role.COORDINATOR and self.button_duty else self.button


STEPS = (
    Step(
        "accept",
        Event.CONFIRM,
        "Accept",
        "Accepted. The officer has been told that you are expecting them.",
        button_duty="Accept for the house",
        classes="",
    ),
    Step(
        "decline",
        Event.DECLINE,
        "Decline",
        "Declined. The bed is free again.",
        forms.DeclineForm,
        "Decline",
        button_duty="Decline for the house",
    ),
    Step(
        "set-off",
        Event.SET_OFF,
        "They are on their way",
        "Recorded. The house has been told who is coming and when.",
        forms.SetOffForm,
        "They are on their way",
        send="Record when they arrive",
    ),
    Step("late", Event.LATE, "30 minutes later", "Recorded. The house has been told the new time."),
    Step(
        "arrived",
        Event.ARRIVE,
        "They have arrived",
        "Arrival recorded. The officer has been told that they are safe with you.",
        classes="",
    ),
    Step(
        "arrived-earlier",
        Event.ARRIVE,
        "They arrived earlier",
        "Arrival recorded. The officer has been told.",
        forms.ArrivedForm,
        "When did they arrive?",
        send="Record that they arrived",
    ),
    Step(
        "not-arrived",
        Event.NOT_ARRIVED,
        "They did not arrive",
        "Recorded as not arrived. The bed is free again, and a coordinator is finding out where they are.",
        forms.NotArrivedForm,
        "They did not arrive",
        send="Record that they did not arrive",
    ),
    Step(
        "move",
        Event.MOVE,
        "Move to another room",
        "Moved to {room}.",
        forms.MoveForm,
        "Move to another room of the house",
    ),
    Step(
        "transfer",
        Event.TRANSFER,
        "Move to another house",
        "They have left the one house and the other one has been asked.",
        forms.TransferForm,
        "Move to another house",
    ),
    Step(
        "extend",
        Event.EXTEND,
        "Extend the stay",
        "The stay is longer. The house and the force's lead have been told.",
        forms.ExtendForm,
        "Extend the stay",
    ),
    Step(
        "longer",
        Event.LONGER,
        "Give the house longer",
        "The house has longer to answer. It and the officer have been told.",
        forms.LongerForm,
        "Give the house longer to answer",
    ),
    Step(
        "onward",
        Event.PLAN,
        "Where they go next",
        "Recorded. Nothing changes before they leave.",
        forms.PlanForm,
        "Where do they go next?",
    ),
    Step(
        "departed",
        Event.DEPART,
        "They have left",
        _LEFT,
        forms.LeftForm,
        "They have left",
    ),
    Step(
        "left-earlier",
        Event.DEPART,
        "They left earlier",
        _LEFT,
        forms.LeftEarlierForm,
        "When did they leave?",
        send="Record that they left",
        listed=False,
    ),
    Step(
        "withdraw",
        Event.WITHDRAW,
        "We can no longer take them",
        "Withdrawn. The officer has been told not to come, and a coordinator is ringing them.",
        forms.WithdrawForm,
        "You can no longer take them",
        button_duty="Withdraw for the house",
        classes=_WARNING,
    ),
    Step(
        "cancel",
        Event.CANCEL,
        "This bed is not wanted",
        "The bed is free again and the house has been told.",
        forms.CancelForm,
        "This bed is not wanted",
        classes=_WARNING,
    ),
    Step(
        "correct",
        Event.CORRECT,
        "Put right a mistake",
        "Put right. Everybody who was told has been told again.",
        forms.Press,
        "Put right a mistake",
        send="Put it right",
    ),
)
BY_SLUG = {step.slug: step for step in STEPS}

# They may stand at the door of a house whose bed was given back; a yes may come after the time to answer.
_STILL_TRUE = (State.LAPSED, State.NOT_ARRIVED, State.CANCELLED, State.WITHDRAWN)


def possible(placement: Placement, actor: Actor, instant: dt.datetime) -> list[Step]:
    """What this actor can record about this placement at `instant`, in the order of STEPS."""
    state = State(placement.state)
    events = set(lifecycle.possible(state, actor.role, set_off=placement.set_off_at is not None))
    lately = placement.ended_at is not None and instant - placement.ended_at < placements.CODE_KEPT
    if state is State.HELD:
        events.add(Event.ARRIVE)  # letting them in is a yes
    if state is State.LAPSED and lately:
        events.add(Event.CONFIRM)
    if state in _STILL_TRUE and lately:
        events.add(Event.ARRIVE)
    if not _may_be_put_right(placement, actor, instant):
        events.discard(Event.CORRECT)
    there = [step for step in STEPS if step.event in events]
    if placement.set_off_at is not None:
        there = [
            replace(step, button="Change when they arrive") if step.slug == "set-off" else step
            for step in there
        ]
    if state is State.CONFIRMED:
        return there
    # Only what most people come for stands out.
    return [replace(step, classes=_SECOND) if step.event is Event.ARRIVE else step for step in there]


def _may_be_put_right(placement: Placement, actor: Actor, instant: dt.datetime) -> bool:
    """Whether putting right can still succeed: soon enough, the bed free, and no other place held meanwhile."""
    if placement.ended_at is None or placement.state_before is None:
        return False
    within = dt.timedelta(minutes=current_app.config["CORRECT_WITHIN_MIN"])
    if actor.role is not Role.COORDINATOR and instant > placement.ended_at + within:
        return False
    try:
        lifecycle.correction(State(placement.state), State(placement.state_before), actor.role)
    except lifecycle.NotAllowed:
        return False
    return referrals.live_placement(placement.referral) is None and not placements.is_taken(
        placement.bedspace_id
    )


def _offers(placement: Placement, slug: str, actor: Actor, instant: dt.datetime) -> bool:
    return any(step.slug == slug for step in possible(placement, actor, instant))


def page(
    placement: Placement,
    slug: str,
    *,
    actor: Actor,
    template: str,
    back: Callable[[Placement], str],
    afterwards: Callable[[Placement], str],
) -> ResponseReturnValue:
    """The page of one step (GET), and what came of it (POST): recorded, committed, and back to where it is seen.

    back: the address of a placement's page; the placement may be another one afterwards. afterwards: of the questions that
    are left when somebody has left. Raises NotFound for a step there
    is not, or that is never this actor's, and permissions.NotYours.
    """
    step = BY_SLUG.get(slug)
    if step is None or not _ever(step, actor.role) or (step.press and request.method != "POST"):
        raise NotFound
    instant = now()
    there = _offers(placement, slug, actor, instant)
    form = step.form(data=step.form.beforehand(instant))
    form.prepare(placement, instant)
    if request.method != "POST" and there:
        return _shown(placement, step, form, actor, template, back(placement))
    if request.method == "POST" and there and _nothing_to_choose(form):
        return _back("No other room is free any more. Nothing was changed.", back(placement))
    facts = form.facts(instant) if request.method == "POST" and form.validate() else None
    if facts is None:
        if there:
            return _shown(placement, step, form, actor, template, back(placement))
        return _back(f"That cannot be done now. {placements.told(placement)}.", back(placement))
    placement_id = placement.id
    try:
        outcome = referrals.record(
            placement_id=placement_id, event=step.event, actor=actor, facts=facts, now=instant
        )
    except (lifecycle.NotAllowed, placements.Conflict) as refused:
        db.session.rollback()
        placement = referrals.lookup(placement_id=placement_id, actor=actor)
        asked = [field.name for field in _asked(form)]
        if not asked or not there or not _offers(placement, slug, actor, instant):
            return _back(f"{refused}. Nothing was changed.", back(placement))
        form.refuse("time" if "time" in asked else asked[0], str(refused))
        return _shown(placement, step, form, actor, template, back(placement))
    db.session.commit()
    _say(outcome, step)
    left = step.event is Event.DEPART and referrals.is_unsaid(outcome.placement)
    return redirect((afterwards if left else back)(outcome.placement), 303)


def _ever(step: Step, role: Role) -> bool:
    """Whether this is ever for people of this role: a house's page must not offer rooms of other houses, say."""
    return any(role in row.who for row in lifecycle.TRANSITIONS if row.event is step.event)


def _asked(form: StepForm) -> list[Any]:
    return [field for field in form if field.name != "csrf_token"]


def _pressed(asked: list[Any]) -> Any:
    """The one question whose answers are buttons, so that answering it is all of it; None when there are more to answer."""
    to_answer = [field for field in asked if not isinstance(field, Tick)]
    return to_answer[0] if len(to_answer) == 1 and isinstance(to_answer[0], OneOf) else None


def _nothing_to_choose(form: StepForm) -> bool:
    return any(getattr(field, "offered", None) == frozenset() for field in _asked(form))


def _back(words: str, to: str) -> ResponseReturnValue:
    flash(words, "notice")
    return redirect(to, 303)


def _shown(
    placement: Placement, step: Step, form: StepForm, actor: Actor, template: str, back: str
) -> ResponseReturnValue:
    asked = _asked(form)
    pressed = _pressed(asked)
    html = render_template(
        template,
        placement=placement,
        referral=placement.referral,
        step=step,
        form=form,
        asked=[field for field in asked if field is not pressed],
        pressed=pressed,
        nothing_to_choose=_nothing_to_choose(form),
        onward=lifecycle.ONWARD,
        button=step.words(actor.role),
        send=step.send or step.words(actor.role),
        back=back,
        before=lifecycle.STATE_WORDS[State(placement.state_before)] if placement.state_before else "",
        state=lifecycle.STATE_WORDS[State(placement.state)],
    )
    return html, 400 if form.errors else 200


# What a yes that came too late has changed: nothing. Why, by how the referral stands now.
_STAYS_FREE = "so your bed is not held and there is nothing more to do."
_SETTLED = {
    ReferralState.PLACED: "Thank you. They have another place by now, so your bed stays free and there is nothing more to do.",
    ReferralState.SEARCHING: (
        "Thank you. A place is still being looked for, but they cannot have this bed now: it is taken, it does not "
        "suit them, or a coordinator decides first. Nothing was changed."
    ),
    ReferralState.CLOSED: f"Thank you. No place is needed for them any more, {_STAYS_FREE}",
    ReferralState.DIVERTED: f"Thank you. No place is needed for them any more, {_STAYS_FREE}",
    ReferralState.DECLINED_BY_PERSON: f"Thank you. No place is needed for them any more, {_STAYS_FREE}",
}


def room_out(placement: Placement, instant: dt.datetime) -> str:
    """What a no about the room did to it, in a sentence; empty when it left the room free, or that is over by `instant`."""
    spell = bedspaces.spell(bedspace_id=placement.bedspace_id, now=instant)
    if placement.state != State.DECLINED or spell is None or spell.since_at != placement.ended_at:
        return ""
    until = f"until {workdays.day_words(spell.until, instant)}, or " if spell.until else ""
    return f"Nobody else is sent to {placement.bedspace.name} {until}until it is brought back under Rooms."


def _since(outcome: referrals.Outcome) -> str:
    """What has become of somebody a house could not take."""
    if outcome.placement.referral.state == ReferralState.PLACED:
        return "A bed elsewhere is held for them."
    return "No other bed fits yet: a coordinator has been alerted and we keep looking."


def _say(outcome: referrals.Outcome, step: Step) -> None:
    """What came of it, in words that say what to do next."""
    duty = current_app.config["DUTY_NUMBER"]
    if outcome.kind is Happened.DONE:
        done = step.done.format(room=outcome.placement.bedspace.name)
        if step.event is Event.DECLINE:
            out = room_out(outcome.placement, now())
            done = f"Declined. {out}" if out else done
            done = f"{done} {_since(outcome)}"
        flash(done, "success")
    elif outcome.kind is Happened.SAME:
        flash("That was recorded already, so nothing has changed.", "notice")
    elif outcome.kind is Happened.SETTLED:
        flash(_SETTLED[ReferralState(outcome.placement.referral.state)], "notice")
    else:
        flash(
            "Keep them safe inside. Their bed was given to somebody else before this was recorded. A coordinator knows and is "
            f"ringing you now. If nobody rings within 5 minutes, ring {duty}.",
            "notice",
        )
