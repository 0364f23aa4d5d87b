"""Texts and delivery: how quickly texts go, why some do not arrive, and where the supplier's record is not ours."""

from __future__ import annotations

import datetime as dt

from flask import render_template
from flask.typing import ResponseReturnValue

from safety import heartbeats, promptness, reconciliation, sms, switching
from safety.lifecycle import Role
from safety.models.messages import Differs
from safety.permissions import allow
from safety.sms.explained import Trouble, explain
from safety.web.coordinator.blueprint import pages
from safety.web.gate import now

# What a supplier is called by people.
SUPPLIERS = {
    "twilio": "Twilio",
    "notify": "GOV.UK Notify",
    "simulator": "The simulator of this demonstration",
}
DIFFERS = {
    Differs.UNKNOWN_HERE: "The supplier has it, and we do not",
    Differs.UNKNOWN_THERE: "We have it, and the supplier does not",
    Differs.STATUS: "It ended differently",
}


@pages.get("/duty/texts/delivery")
@allow(Role.COORDINATOR)
def delivery() -> ResponseReturnValue:
    """The last 24 hours and the last 30 days; what waits now; what differs."""
    instant = now()
    day, month = promptness.spells(now=instant)
    return render_template(
        "coordinator/delivery.html",
        waiting=promptness.waiting(),
        first=sms.supplier().name,
        by=switching.chosen(now=instant).name,
        spells=[("The last 24 hours", day), ("The last 30 days", month)],
        promised_s=promptness.PROMISED_S,
        suppliers=SUPPLIERS,
        took=took,
        why=_why,
        differences=reconciliation.differences(),
        differs=DIFFERS,
        compared_at=heartbeats.last(job="reconcile"),
        instant=instant,
    )


def took(seconds: float | None) -> str:
    """A delay in words: "0.4 seconds", "12 seconds", "3 minutes", "2 hours"; a dash without one."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} seconds"
    for size, name in ((dt.timedelta(hours=1), "hour"), (dt.timedelta(minutes=1), "minute")):
        if seconds >= 2 * size.total_seconds():
            return f"{round(seconds / size.total_seconds())} {name}s"
    return f"{round(seconds)} seconds"


def _why(state: str, code: str | None) -> Trouble:
    """Why a text was lost, from how it ended and the code that came with it."""
    return explain(code or state)
