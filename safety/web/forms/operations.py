"""What a coordinator is asked about several people of one operation."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from safety.planning import Wish
from safety.referrals.operations import WISHES
from safety.web.forms import AnyOf, Form, OneOf, Pick
from safety.web.forms.request import OperationNumber, Reference

_BEDS = "Which of these beds should be held?"


class OperationForm(Form):
    """Begin to follow several people together."""

    force = Pick("Whose operation is it?", needed="Select the force", subject="Force")
    number = OperationNumber(
        "Operation number",
        needed="Enter the operation number",
        hint="Like OP26/114. Not the operation’s name.",
    )
    wish = OneOf(
        "Where should they be?", choices=WISHES, needed="Select where they should be", default=str(Wish.ANY)
    )


class WishForm(Form):
    """Together, apart, or wherever there is a bed."""

    wish = OneOf("Where should they be?", choices=WISHES, needed="Select where they should be")


class AddForm(Form):
    """A request that was made already belongs to the operation."""

    reference = Reference(
        "Reference of a request that was made already",
        subject="Reference",
        needed="Enter the reference of the request, like K7M-4QX",
    )


class PlanForm(Form):
    """The beds of a plan, as they were shown; those that stay ticked are held."""

    beds = AnyOf(_BEDS, subject="Beds", needed="Select at least one bed to hold")

    def show(self, beds: Mapping[str, str]) -> None:
        """Offer these, all ticked when the page is opened. What was shown a minute ago may still be sent: whether it can be
        had is said by whoever holds it.
        """
        sent = {value: "" for value in self.beds.raw_data or () if _pair(value)}
        self.beds.offer(beds)
        self.beds.offered |= frozenset(sent)
        if not self.is_submitted():
            self.beds.data = list(beds)

    def chosen(self) -> dict[uuid.UUID, uuid.UUID]:
        """Referral -> bedspace, of what was ticked."""
        return dict(pair for value in self.beds.raw_data or () if (pair := _pair(value)))


def _pair(value: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    referral, _, room = value.partition(":")
    try:
        return uuid.UUID(hex=referral), uuid.UUID(hex=room)
    except ValueError:
        return None
