"""The house's pages: who is waiting for an answer, who is coming, who is here; made for a shared telephone and ten seconds.

The rule kept: a house sees its own placements only, and what somebody needs for as long as they are asked about or with it.
"""

from __future__ import annotations

import safety.web.provider.accepting
import safety.web.provider.address
import safety.web.provider.asks
import safety.web.provider.beds
import safety.web.provider.history
import safety.web.provider.home
import safety.web.provider.house
import safety.web.provider.placement
import safety.web.provider.rooms
import safety.web.provider.telephones
import safety.web.provider.usage  # noqa: F401
from safety.web.provider.blueprint import pages

__all__ = ["pages"]
