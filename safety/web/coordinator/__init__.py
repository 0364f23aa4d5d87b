"""The coordinator's pages: what needs a person, every live referral, and all that can be done about one from its page.

The rule kept: a coordinator knows houses by name and never where they are, and never what somebody is called.
"""

from __future__ import annotations

import safety.web.coordinator.board
import safety.web.coordinator.capacity
import safety.web.coordinator.compromised
import safety.web.coordinator.delivery
import safety.web.coordinator.doing
import safety.web.coordinator.figures
import safety.web.coordinator.operations
import safety.web.coordinator.paper
import safety.web.coordinator.referral
import safety.web.coordinator.rota
import safety.web.coordinator.texts  # noqa: F401
from safety.web.coordinator.blueprint import pages

__all__ = ["pages"]
