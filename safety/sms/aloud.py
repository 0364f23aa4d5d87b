"""A text as it is said on the telephone."""

from __future__ import annotations

import re

# What nobody could write down as it is usually read out: a reference, a number to ring, a code.
_TO_SPELL = re.compile(r"\b[0-9A-Z]{3}-[0-9A-Z]{3}\b|\b[0-9][0-9 ]{2,}[0-9]\b")


def aloud(words: str) -> str:
    """The words with references and numbers spelt out, a pause after every sign and a longer one between groups:
    "K7M-4QX" is said "K, 7, M. 4, Q, X".
    """
    return _TO_SPELL.sub(_spelt, words)


def _spelt(found: re.Match[str]) -> str:
    return ". ".join(", ".join(group) for group in re.split("[- ]+", found.group()))
