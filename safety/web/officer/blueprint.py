"""The officer's pages share one blueprint and the few things every view of theirs asks."""

from __future__ import annotations

import uuid

from flask import Blueprint, request

from safety.lifecycle import Role
from safety.permissions import OFFICERS, NotYours
from safety.web.gate import me

__all__ = ["ASKERS", "me", "pages", "pressed"]

pages = Blueprint("officer", __name__)

# A coordinator keys in what an officer says on the telephone.
ASKERS = (*OFFICERS, Role.COORDINATOR)


def pressed() -> uuid.UUID:
    """The placement a button was drawn for, so that a press meant for one bed never lands on the next.

    Raises NotYours when the form does not say it.
    """
    try:
        return uuid.UUID(hex=request.form.get("placement", ""))
    except ValueError:
        raise NotYours from None
