"""What a house says of itself on its own pages: where it is, whether it takes people, when, whom, and who answers.

The rule kept: a house speaks for itself only, every word of it stands in the record as codes, and an address in none.
Doors begin a deciding write, call one of these, match whoever is searching (referrals.rematch) and commit once.
"""

from safety.houses.about import (
    HoursAmiss,
    PromisedToSomebody,
    StillToCome,
    Whom,
    a_day,
    change_hours,
    change_questions,
    change_whom,
    record_safety_check,
    rooms_for_nobody,
    takes,
)
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
from safety.houses.telephones import (
    Hours,
    OnlyTelephone,
    ThereAlready,
    TooManyTelephones,
    add_telephone,
    change_telephone,
    move_up,
    remove_telephone,
)

__all__ = [
    "Address",
    "AlreadyChanged",
    "Hours",
    "HoursAmiss",
    "MustKeepAway",
    "NewAddress",
    "OnlyTelephone",
    "PromisedToSomebody",
    "StillToCome",
    "ThereAlready",
    "TooManyTelephones",
    "Whom",
    "a_day",
    "add_telephone",
    "address_standing",
    "change_address",
    "change_hours",
    "change_questions",
    "change_telephone",
    "change_whom",
    "close",
    "confirm_address",
    "look_at_address",
    "move_up",
    "open_again",
    "record_safety_check",
    "remove_telephone",
    "rooms_for_nobody",
    "saw_old_address",
    "takes",
]
