"""Who changed what of a house, and when."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flask import render_template
from flask.typing import ResponseReturnValue

from safety import bedspaces, people
from safety.lifecycle import HOUSE_CLOSED, Role
from safety.models import AuditEvent
from safety.models.premises import OUT_REASONS, ReportVia
from safety.permissions import allow
from safety.web.provider.blueprint import own, pages

MOST_HISTORY = 100
_DONE = {
    "house_hours": "When new people may arrive was changed",
    "house_questions": "When we may ask was changed",
    "house_safety_check": "A safety check was recorded",
    "house_takes": "Whom the house takes was changed",
    "house_closed": "Closed to new people",
    "house_opened": "Open again",
    "telephone_added": "A telephone was added",
    "telephone_changed": "A telephone was changed",
    "telephone_removed": "A telephone was removed",
    "telephone_first": "A telephone is tried earlier",
    "address_seen": "The address was looked at",
    "address_confirmed": "The address was confirmed",
    "address_changed": "The address was changed",
    "bedspace_added": "Room added",
    "bedspace_described": "Room described anew",
    "bedspace_retired": "Room retired",
    "bedspace_in_use_again": "Room in the scheme again",
    "out_of_service": "Out of service",
    "back_in_service": "Back in service",
    "beds_same": "Same as before",
    "beds_undone": "Last change taken back",
}
_VIA = {ReportVia.PAGE: "on this page", ReportVia.TEXT: "by text", ReportVia.PHONE: "by telephone"}


@dataclass(frozen=True)
class Line:
    """One line of a house's history."""

    event: AuditEvent
    what: str
    by: str


@pages.get("/house/premises/<uuid:premises_id>/history")
@allow(Role.PROVIDER)
def history(premises_id: uuid.UUID) -> ResponseReturnValue:
    """Who said and did what of a house, its rooms and its figures, newest first."""
    house = own(premises_id)
    events = bedspaces.history(premises_id=house.id, most=MOST_HISTORY)
    signed = people.named({event.by for event in events})
    called = {room.id.hex: room.name for room in house.bedspaces}
    lines = [Line(event, _what(event, called), signed[event.by]) for event in events]
    return render_template("provider/history.html", house=house, lines=lines, most=MOST_HISTORY)


def _what(event: AuditEvent, called: dict[str, str]) -> str:
    facts = event.facts
    room = called.get(str(facts.get("bedspace")), "")
    if event.what == "beds_said":
        said = ", ".join(f"{letter} {number}" for letter, number in sorted(facts["free"].items()))
        return f"Free: {said}, {_VIA[ReportVia(facts['via'])]}"
    words = _DONE[event.what]
    if event.what == "out_of_service":
        words += f": {OUT_REASONS[facts['reason']].lower()}"
    if event.what == "house_closed":
        words += f": {HOUSE_CLOSED[facts['reason']].lower()}"
    return f"{room}: {words[0].lower()}{words[1:]}" if room else words
