"""The way of a referral: opened, matched, answered, on the road, inside, over. Every cascade over several nouns lives here.

Doors begin a deciding write, call one of these, and commit once.
"""

from safety.referrals.afterwards import is_unsaid, may_say_afterwards, refine_reason, say_afterwards, unsaid
from safety.referrals.answering import Answered, NoRoomThere, WhichGroup, say_no, say_yes, spare, still_wanted
from safety.referrals.asking import ask_by_hand, ask_everybody
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
from safety.referrals.happening import Happened, Outcome, record
from safety.referrals.opening import Request, divert, opened
from safety.referrals.opening import open_ as open
from safety.referrals.reading import (
    ask_by_code,
    ask_of,
    asked_until,
    asks_about,
    by_code,
    holding,
    live,
    live_placement,
    lookup,
    of_house,
    open_asks,
    searching,
    seen_by,
)
from safety.referrals.sweeping import Swept, sweep

__all__ = [
    "Answered",
    "Happened",
    "NoRoomThere",
    "Outcome",
    "Request",
    "Swept",
    "Whereabouts",
    "WhichGroup",
    "ask_by_code",
    "ask_by_hand",
    "ask_everybody",
    "ask_of",
    "asked_until",
    "asks_about",
    "by_code",
    "divert",
    "erase_closed",
    "erase_drafts",
    "explain",
    "holding",
    "is_unsaid",
    "live",
    "live_placement",
    "lookup",
    "may_say_afterwards",
    "of_house",
    "open",
    "open_address",
    "open_asks",
    "opened",
    "place",
    "record",
    "refine_reason",
    "rematch",
    "resume",
    "say_afterwards",
    "say_no",
    "say_yes",
    "searching",
    "seen_by",
    "spare",
    "still_wanted",
    "sweep",
    "take_over",
    "unsaid",
    "withdraw",
]
