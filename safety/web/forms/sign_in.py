"""What is asked to sign in, and to prove again who one is."""

from __future__ import annotations

from safety.accounts import MOST
from safety.web.forms import Email, Form, Password


class SignInForm(Form):
    """E-mail address and password."""

    email = Email("Email address", needed="Enter your email address", autocomplete="username")
    password = Password("Password", needed="Enter your password", most=MOST)


class ProveForm(Form):
    """The password, once more."""

    password = Password("Password", needed="Enter your password", most=MOST)
