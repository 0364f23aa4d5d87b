"""A house's page about itself: what it has told us, and where each of it can be changed."""

from __future__ import annotations

import uuid
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue

from safety import houses
from safety.lifecycle import Role
from safety.permissions import allow
from safety.web.gate import now
from safety.web.provider.blueprint import own, pages


@pages.get("/house/premises/<uuid:premises_id>")
@allow(Role.PROVIDER)
def house(premises_id: uuid.UUID) -> ResponseReturnValue:
    """What this house has told us of itself."""
    found = own(premises_id)
    return render_template("provider/house.html", house=found, instant=now())


@pages.context_processor
def _about_houses() -> dict[str, Any]:
    """What the house's pages ask of a house while they are drawn."""
    return {"address_standing": lambda found: houses.address_standing(found, now())}
