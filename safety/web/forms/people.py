"""What is asked to invite somebody, to look for them, to record a call to their control room, and of the invited themselves."""

from __future__ import annotations

from safety.accounts import LEAST, MOST
from safety.lifecycle import Role
from safety.people import ROLES
from safety.permissions import OFFICERS
from safety.web.forms import Day, Email, Form, Mobile, OneOf, Password, Pick, Switchboard, Text

_WITH_A_MOBILE = (*OFFICERS, Role.COORDINATOR)


class SearchForm(Form):
    """Part of a name or address."""

    words = Text("Name or email address", most=100, autocomplete="off")


class RoleForm(Form):
    """What somebody will do here, which decides what else is asked."""

    role = OneOf("What will they do here?", choices=ROLES, needed="Select what they will do here")


class InviteForm(Form):
    """Who is invited. What does not belong to the role is not asked."""

    name = Text("Their name", needed="Enter their name", subject="Name", most=100, autocomplete="off")
    email = Email(
        "Their work email address",
        needed="Enter their work email address",
        subject="Email address",
        autocomplete="off",
    )
    force: Pick | None = Pick("Their force", needed="Select their force", nothing="Choose a force")
    collar: Text | None = Text(
        "Collar number", needed="Enter their collar number", most=20, width=10, autocomplete="off"
    )
    provider: Pick | None = Pick(
        "The provider they work for", needed="Select the provider they work for", nothing="Choose a provider"
    )
    mobile: Mobile | None = Mobile(
        "Their mobile", needed="Enter their mobile number", subject="Mobile number", autocomplete="off"
    )

    def fit(self, role: Role) -> None:
        """Ask only what this role needs."""
        if role not in OFFICERS:
            del self.force, self.collar
        if role is not Role.PROVIDER:
            del self.provider
        if role not in _WITH_A_MOBILE:
            del self.mobile


class CallBackForm(Form):
    """What a control room said of an officer."""

    answer = OneOf(
        "What did the control room say?",
        choices={
            "confirmed": "They work there, with this name and collar number",
            "doubtful": "They do not, or the control room would not say",
        },
        needed="Select what the control room said",
    )


class SwitchboardForm(Form):
    """The number of a force's control room."""

    number = Switchboard(
        "Control-room number",
        needed="Enter the number of the control room",
        hint="From the force's own published pages, never from the officer. Houses ring it to check who is at the door.",
        autocomplete="off",
    )


class MergerForm(Form):
    """Which force another becomes part of, and from which day on."""

    into = Pick(
        "Which force does it become part of?", needed="Select the force it becomes part of", subject="Force"
    )
    first_day = Day(
        "On which day does that begin?",
        needed="Enter the day on which that begins",
        subject="The day on which that begins",
        hint="Today or a later day. For example, 1 4 2027",
    )


class ChoosePasswordForm(Form):
    """The password of a new account, twice, because nobody can read back what they typed."""

    password = Password(
        "Choose a password",
        needed="Enter a password",
        subject="Password",
        most=MOST,
        hint=f"At least {LEAST} characters. Three words that do not belong together are easy to remember and hard to guess.",
        autocomplete="new-password",
    )
    again = Password(
        "The same password again",
        needed="Enter the same password again",
        subject="Password",
        most=MOST,
        autocomplete="new-password",
    )
