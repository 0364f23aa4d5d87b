"""Why a house is marked compromised, and why it is safe again."""

from __future__ import annotations

from safety.lifecycle import COMPROMISED, SAFE_AGAIN
from safety.web.forms import Form, OneOf
from safety.web.forms.fields import Tick


class CompromisedForm(Form):
    """Why nobody may be sent to a house any more."""

    reason = OneOf("What has happened?", choices=COMPROMISED, needed="Select what has happened")


class SafeAgainForm(Form):
    """Why people may be sent there again."""

    reason = OneOf("Why is it safe again?", choices=SAFE_AGAIN, needed="Select why it is safe again")
    spoken = Tick(
        "I have spoken to the house, and it is ready to take people",
        subject="That you have spoken to the house",
        needed="Ring the house first, then select that it is ready to take people",
    )
