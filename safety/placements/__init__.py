"""The only writer of placements: hold() makes one, change() moves one along the table; and what is asked of them."""

from safety.placements.changing import Conflict, change, hold, told
from safety.placements.codes import CODE_KEPT, ask_has_code, free_code
from safety.placements.standing import LEAST_HOLD, BedspaceTaken, is_taken, overdue_event
from safety.placements.telling import matter, tell

__all__ = [
    "CODE_KEPT",
    "LEAST_HOLD",
    "BedspaceTaken",
    "Conflict",
    "ask_has_code",
    "change",
    "free_code",
    "hold",
    "is_taken",
    "matter",
    "overdue_event",
    "tell",
    "told",
]
