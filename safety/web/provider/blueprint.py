"""The house's pages share one blueprint and the few things every view of theirs asks."""

from __future__ import annotations

import uuid

from flask import Blueprint

from safety.extensions import db
from safety.models import Premises
from safety.permissions import NotYours
from safety.web.gate import me

__all__ = ["me", "own", "pages"]

pages = Blueprint("provider", __name__)


def own(premises_id: uuid.UUID) -> Premises:
    """A house of their own provider. Raises NotYours for any other, whether there is one or not."""
    if premises_id not in me().actor().premises_ids:
        raise NotYours
    return db.session.get_one(Premises, premises_id)
