"""What a house says of itself on its own pages: where it is, whether it takes people, when, whom, and who answers.

The rule kept: a house speaks for itself only, every word of it stands in the record as codes, and an address in none.
Doors begin a deciding write, call one of these, match whoever is searching (referrals.rematch) and commit once.
"""

from safety.houses.accepting import close, open_again
from safety.houses.address import (
    Address,
    AlreadyChanged,
    MustKeepAway,
    NewAddress,
    address_standing,
    change_address,
    confirm_address,
    look_at_address,
    saw_old_address,
)

__all__ = [
    "Address",
    "AlreadyChanged",
    "MustKeepAway",
    "NewAddress",
    "address_standing",
    "change_address",
    "close",
    "confirm_address",
    "look_at_address",
    "open_again",
    "saw_old_address",
]
