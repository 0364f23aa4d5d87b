"""A house's page about itself: what it has told us, and when it opens its door and to whom."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import houses, matching, premises, referrals
from safety.extensions import db
from safety.lifecycle import Role
from safety.models.premises import WHO_FOR
from safety.permissions import allow
from safety.web.forms.house import DAYS, HoursForm, QuestionsForm, SafetyCheckForm, WhomForm
from safety.web.gate import now
from safety.web.provider.blueprint import me, own, pages


@pages.get("/house/premises/<uuid:premises_id>")
@allow(Role.PROVIDER)
def house(premises_id: uuid.UUID) -> ResponseReturnValue:
    """What this house has told us of itself."""
    found, instant = own(premises_id), now()
    return render_template(
        "provider/house.html",
        house=found,
        instant=instant,
        answers=premises.on_call(found, instant),
        hours=_spells(found.admits),
        who_for=WHO_FOR[found.cohort],
        child_ages=[matching.CHILD_AGES[age] for age in found.child_ages],
        features=[matching.FEATURES[feature] for feature in found.features],
        supports=[matching.SUPPORT[risk] for risk in found.supports],
        for_nobody=houses.rooms_for_nobody(found),
    )


@pages.route("/house/premises/<uuid:premises_id>/hours", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def hours(premises_id: uuid.UUID) -> ResponseReturnValue:
    """When new people may arrive, for each day of the week."""
    found = own(premises_id)
    form = HoursForm(data=HoursForm.beforehand(found))
    if request.method == "POST" and form.validate():
        houses.change_hours(premises_id=found.id, admits=form.admits, by=me().actor().by, now=now())
        return _kept(premises_id, "Your hours are kept. We only send people who can be with you by then.")
    html = render_template("provider/hours.html", form=form, house=found, days=DAYS)
    return html, 400 if form.errors else 200


@pages.route("/house/premises/<uuid:premises_id>/questions", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def questions(premises_id: uuid.UUID) -> ResponseReturnValue:
    """When the house may be asked by text what can wait."""
    found = own(premises_id)
    form = QuestionsForm(data=QuestionsForm.beforehand(found))
    if request.method == "POST" and form.validate():
        start, end = f"{form.start.clock:%H:%M}", f"{form.end.clock:%H:%M}"
        houses.change_questions(premises_id=found.id, start=start, end=end, by=me().actor().by, now=now())
        return _kept(premises_id, "Kept. Somebody who needs a bed is still asked about at any hour.")
    return render_template("provider/questions.html", form=form, house=found), 400 if form.errors else 200


@pages.route("/house/premises/<uuid:premises_id>/safety-check", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def safety_check(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The day on which the house was last looked over."""
    found = own(premises_id)
    form = SafetyCheckForm()
    if request.method == "POST" and form.validate():
        assert form.on.data is not None
        try:
            houses.record_safety_check(premises_id=found.id, on=form.on.data, by=me().actor().by, now=now())
        except houses.StillToCome as refused:
            form.refuse("on", str(refused))
        else:
            return _kept(premises_id, "The day of the check is kept.")
    return render_template("provider/safety_check.html", form=form, house=found), 400 if form.errors else 200


@pages.route("/house/premises/<uuid:premises_id>/whom", methods=["GET", "POST"])
@allow(Role.PROVIDER)
def whom(premises_id: uuid.UUID) -> ResponseReturnValue:
    """Whom the house takes and what it can manage."""
    found = own(premises_id)
    form = WhomForm(data=WhomForm.beforehand(found))
    if request.method == "POST" and form.validate():
        try:
            houses.change_whom(premises_id=found.id, whom=form.said(), by=me().actor().by, now=now())
        except houses.PromisedToSomebody as refused:
            form.refuse("cohort", str(refused))
        else:
            return _kept(premises_id, "Kept. Whoever you have said yes to stays as they are.")
    return render_template("provider/whom.html", form=form, house=found), 400 if form.errors else 200


def _kept(premises_id: uuid.UUID, words: str) -> ResponseReturnValue:
    """Whoever is searching may fit by now; committed, and back to the house's page."""
    referrals.rematch(now=now())
    db.session.commit()
    flash(words, "success")
    return redirect(url_for("provider.house", premises_id=premises_id), 303)


def _spells(admits: Sequence[Sequence[str] | None]) -> list[tuple[str, str]]:
    """Days that are alike together: [("Monday to Friday", "08:00 to 22:00"), ("Saturday", "nobody")]."""
    spells: list[tuple[list[str], str]] = []
    for name, hours in zip(DAYS.values(), admits, strict=True):
        words = _door(hours)
        if spells and spells[-1][1] == words:
            spells[-1][0].append(name)
        else:
            spells.append(([name], words))
    return [(f"{days[0]} to {days[-1]}" if len(days) > 1 else days[0], words) for days, words in spells]


def _door(hours: Sequence[str] | None) -> str:
    if not hours:
        return "nobody"
    opens, latest = hours
    if (opens, latest) == ("00:00", houses.about.MIDNIGHT):
        return "day and night"
    return f"{opens} to {latest}" + (" the next day" if latest <= opens else "")


@pages.context_processor
def _about_houses() -> dict[str, Any]:
    """What the house's pages ask of a house while they are drawn."""
    return {"address_standing": lambda found: houses.address_standing(found, now())}
