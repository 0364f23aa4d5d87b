"""What is asked to sign in, and to prove again who one is."""

from __future__ import annotations

from safety.accounts import MOST
from safety.web.forms import Form, Password, Text


class SignInForm(Form):
    """E-mail address and password."""

    email = Text(
        "Email address",
        needed="Enter your email address",
        most=254,
        pattern=r"[^\s@]+@[^\s@]+",
        wrong="Enter an email address in the correct format, like name@example.com",
        autocomplete="username",
        inputmode="email",
    )
    password = Password("Password", needed="Enter your password", most=MOST)


class ProveForm(Form):
    """The password, once more."""

    password = Password("Password", needed="Enter your password", most=MOST)
