"""The officer's pages: asking for a place, following it, going there, handing it over.

The rules kept: three screens at most to the held bed; every page says what happens next; where a house is, is shown to the
holder on the road and to nobody else.
"""

from __future__ import annotations

from safety.web.officer import address, doing, find, home, referral, taking_over
from safety.web.officer.blueprint import pages

__all__ = ["address", "doing", "find", "home", "pages", "referral", "taking_over"]
