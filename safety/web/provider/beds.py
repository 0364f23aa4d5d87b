"""What a house says of its beds, on its pages."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from safety import beds, referrals
from safety.extensions import db
from safety.lifecycle import Role
from safety.models.premises import ReportVia
from safety.permissions import allow
from safety.web.gate import now
from safety.web.provider.blueprint import me, own, pages


@pages.post("/house/premises/<uuid:premises_id>/same")
@allow(Role.PROVIDER)
def same(premises_id: uuid.UUID) -> ResponseReturnValue:
    """The figures of this house are as they were."""
    house = beds.same(premises_id=own(premises_id).id, by=me().actor().by, via=ReportVia.PAGE, now=now())
    referrals.rematch(now=now())
    db.session.commit()
    flash(f"Thank you. The figures of {house.name} are marked as still true.", "success")
    return redirect(url_for("provider.home"), 303)
