"""What is asked of people about their own account."""

from __future__ import annotations

import re

from wtforms.validators import StopValidation

from safety.web.forms import Form, Mobile, Text


class _Code(Text):
    """The six digits of a text. data: what was typed; `digits`: the code, once it is checked."""

    digits = ""

    def read(self, typed: str) -> None:
        """Raises StopValidation for anything but six digits, however they were spaced."""
        self.digits = re.sub(r"[\s-]", "", typed)
        if not re.fullmatch(r"[0-9]{6}", self.digits):
            raise StopValidation("Code must be the six digits of the text, like 123456")


class CodeForm(Form):
    """The code that was texted."""

    code = _Code(
        "Code from the text",
        needed="Enter the code from the text",
        subject="Code",
        most=20,
        width=10,
        inputmode="numeric",
        autocomplete="one-time-code",
    )


class MobileForm(Form):
    """The mobile somebody has from now on."""

    mobile = Mobile("Your mobile", needed="Enter your mobile number", subject="Mobile number")
