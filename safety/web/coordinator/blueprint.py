"""The coordinator's pages share one blueprint, and how they lead to one another."""

from __future__ import annotations

import uuid

from flask import Blueprint, url_for

from safety.lifecycle import LIVE
from safety.models import Placement, Referral

pages = Blueprint("coordinator", __name__)


def live_of(referral: Referral) -> Placement | None:
    """The bed a referral has, if it has one."""
    return next((row for row in referral.placements if row.state in LIVE), None)


def address(referral_id: uuid.UUID) -> str:
    """Where a referral stands."""
    return url_for("coordinator.referral", referral_id=referral_id)


def address_of(found: Placement) -> str:
    """Where the referral of a placement stands."""
    return address(found.referral_id)
