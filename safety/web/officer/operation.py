"""An operation from the officer's side: the people of it they hold, where each stands, and another one."""

from __future__ import annotations

import uuid

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from safety.permissions import OFFICERS, allow
from safety.referrals import operations as rooms
from safety.web.gate import now
from safety.web.officer import standing
from safety.web.officer.blueprint import me, pages


@pages.get("/operations/<uuid:operation_id>")
@allow(*OFFICERS)
def operation(operation_id: uuid.UUID) -> ResponseReturnValue:
    """Each request of it that is theirs; of a colleague's only that it is there."""
    actor, instant = me().actor(), now()
    found, mine = rooms.of(operation_id=operation_id, actor=actor)
    within = current_app.config["CORRECT_WITHIN_MIN"]
    return render_template(
        "officer/operation.html",
        operation=found,
        rows=[(one, standing.of(one, actor, instant, correct_within_min=within)) for one in mine],
        others=len(found.referrals) - len(mine),
        wish=rooms.WISHES[found.wish],
        shown_at=instant,
    )
