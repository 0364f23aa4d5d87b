"""The officer's pages: asking for a place, following it, going there, handing it over.

The rules kept: three screens at most to the held bed; every page says what happens next; where a house is, is shown to the
holder on the road and to nobody else.
"""

from __future__ import annotations

import safety.web.officer.address
import safety.web.officer.another
import safety.web.officer.doing
import safety.web.officer.find
import safety.web.officer.home
import safety.web.officer.operation
import safety.web.officer.paper
import safety.web.officer.referral
import safety.web.officer.taking_over  # noqa: F401
from safety.web.officer.blueprint import pages

__all__ = ["pages"]
