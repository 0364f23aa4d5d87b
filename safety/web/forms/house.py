"""What a house says of itself on its own pages.

The rule kept: an address is asked for in boxes that the browser does not remember, and no message repeats a word of it.
"""

from __future__ import annotations

import re
from typing import Any

from safety import geography
from safety.houses import NewAddress
from safety.web.forms.base import Form
from safety.web.forms.fields import Tick, Words
from safety.web.forms.request import WhereNow

# Any two pieces that could be the halves of a postcode: "LS1 4AP", "ls14ap".
_POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}\b", re.IGNORECASE)
_NOT_KEPT = {"autocomplete": "off"}


class AddressForm(Form):
    """The whole new address, with what else an officer is told instead of it or before they come to the door."""

    lines = Words(
        "The new address",
        subject="The new address",
        hint="All of it, as an officer needs it at night. Nobody but officers on their way to you sees it.",
        most=300,
        rows=5,
        needed="Enter the new address",
        drawn=_NOT_KEPT,
    )
    outcode = WhereNow(
        "First half of its postcode",
        subject="First half of its postcode",
        hint="Like LS1. We match people by it: how far they are, and which areas they must keep away from.",
        most=12,
        width=5,
        needed="Enter the first half of the postcode of the new address, like LS1",
    )
    meeting_point = Words(
        "Meeting point (optional)",
        subject="Meeting point",
        hint="If you meet people somewhere else first. Officers then see this and not the address.",
        most=300,
        rows=3,
        drawn=_NOT_KEPT,
    )
    ring_first = Tick("Officers must ring before they come to the door", subject="Ring first")

    def validate(self, extra_validators: Any = None) -> bool:
        """A whole postcode among the lines has to be of the same place as its first half: a slip there misleads matching."""
        good = super().validate(extra_validators)
        if good and not self._agree():
            self.refuse(
                "outcode",
                "The postcode in the address begins otherwise. Check the address and its first half",
            )
            good = False
        return good

    def _agree(self) -> bool:
        whole = [geography.normalise(found) for found in _POSTCODE.findall(self.lines.data)]
        return all(code is None or code == self.outcode.code for code in whole)

    def said(self) -> NewAddress:
        """What was answered, as the rooms take it."""
        return NewAddress(
            lines=self.lines.data,
            outcode=self.outcode.code,
            meeting_point=self.meeting_point.data,
            ring_first=self.ring_first.data,
        )
