"""What is asked to sign in, and to prove again who one is."""

from __future__ import annotations

from safety.accounts import MOST
from safety.web.forms import Email, Form, Password, Tick


class SignInForm(Form):
    """E-mail address and password."""

    email = Email("Email address", needed="Enter your email address", autocomplete="username")
    password = Password("Password", needed="Enter your password", most=MOST)


class ProveForm(Form):
    """The password, once more."""

    password = Password("Password", needed="Enter your password", most=MOST)


class ForgottenForm(Form):
    """The address of an account whose password was forgotten."""

    email = Email("Email address", needed="Enter your email address", autocomplete="username")


class RungForm(Form):
    """A coordinator's word that they rang somebody back."""

    rung = Tick(
        "I rang them on one of these numbers, and it was them",
        needed="Ring them first, then select that it was them",
        subject="The call",
    )
