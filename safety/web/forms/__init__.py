"""What every form of the service does alike, and the fields forms are made of.

The rules kept: what was typed is never lost; two answers for one question, characters nobody can see, an answer that was not
offered and one that is too long are each refused in words that say what to do; a field the form does not have changes nothing.
"""

from __future__ import annotations

from safety.web.forms.base import Form
from safety.web.forms.fields import (
    AnyOf,
    ClockTime,
    Day,
    Email,
    Mobile,
    OneOf,
    Password,
    Pick,
    Switchboard,
    Text,
    Tick,
    Whole,
    Words,
)

__all__ = [
    "AnyOf",
    "ClockTime",
    "Day",
    "Email",
    "Form",
    "Mobile",
    "OneOf",
    "Password",
    "Pick",
    "Switchboard",
    "Text",
    "Tick",
    "Whole",
    "Words",
]
