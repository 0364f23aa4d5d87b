"""The way of a referral: opened, matched, answered, on the road, inside, over. Every cascade over several nouns lives here.

Doors begin a deciding write, call one of these, and commit once.
"""

from safety.referrals.erasing import erase_closed, erase_drafts
from safety.referrals.finding import explain, rematch
from safety.referrals.handover import (
    Whereabouts,
    open_address,
    place,
    resume,
    take_over,
    withdraw,
)
from safety.referrals.happening import Happened, Outcome, record, refine_reason
from safety.referrals.opening import Request, divert, opened
from safety.referrals.opening import open_ as open
from safety.referrals.reading import (
    by_code,
    holding,
    live,
    live_placement,
    lookup,
    of_house,
    searching,
    seen_by,
)
from safety.referrals.sweeping import Swept, sweep

__all__ = [
    "Happened",
    "Outcome",
    "Request",
    "Swept",
    "Whereabouts",
    "by_code",
    "divert",
    "erase_closed",
    "erase_drafts",
    "explain",
    "holding",
    "live",
    "live_placement",
    "lookup",
    "of_house",
    "open",
    "open_address",
    "opened",
    "place",
    "record",
    "refine_reason",
    "rematch",
    "resume",
    "searching",
    "seen_by",
    "sweep",
    "take_over",
    "withdraw",
]
