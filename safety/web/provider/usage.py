"""What a house's beds did, as a table with a plain chart, and as a sheet to take away."""

from __future__ import annotations

import uuid

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from safety import usage
from safety.lifecycle import DECLINE, Role
from safety.permissions import allow
from safety.web.gate import now
from safety.web.provider.blueprint import own, pages

FEW = 5  # answers; of fewer no share is said, only the slowest


@pages.get("/house/premises/<uuid:premises_id>/usage")
@allow(Role.PROVIDER)
def what_beds_did(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The last twelve months of one house."""
    house = own(premises_id)
    found = usage.of_house(house=house, now=now())
    nights = [sum(month.nights.values()) for month in found.months]
    return render_template(
        "provider/usage.html",
        house=house,
        usage=found,
        nights=nights,
        names=[f"{month.first:%b}" for month in found.months],
        reasons=[(DECLINE.get(code, code), count) for code, count in found.reasons.items()],
        answers=len(found.answers_s),
        few=FEW,
        half=_minutes(found.answer_s(0.5)),
        most=_minutes(found.answer_s(0.95 if len(found.answers_s) >= FEW else 1.0)),
    )


def _minutes(seconds: float | None) -> str | None:
    """A time to answer in words."""
    if seconds is None:
        return None
    minutes = int(seconds // 60)
    return "under a minute" if minutes < 1 else f"{minutes} minute{'' if minutes == 1 else 's'}"


@pages.get("/house/premises/<uuid:premises_id>/usage/sheet")
@allow(Role.PROVIDER)
def what_beds_did_csv(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The same as a CSV file."""
    found = usage.of_house(house=own(premises_id), now=now())
    return Response(
        usage.as_csv(found),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="beds.csv"'},
    )
