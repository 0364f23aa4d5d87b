"""Telephone numbers as people in the UK write them, and as we keep and text them (E.164).

The rule kept: a number that cannot get our texts is refused before anybody relies on it.
"""

from __future__ import annotations

import phonenumbers


class Unusable(ValueError):
    """A number we could not text or ring. The message reads after what the number is: "Mobile number must be …"."""


def mobile(typed: str, *, drama: bool) -> str:
    """A UK mobile as E.164. drama: whether the mobiles Ofcom keeps for drama, valid nowhere, will do. Raises Unusable."""
    number = _parsed(typed)
    if number is not None and drama and _of_a_play(number):
        return _e164(number)
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        raise Unusable("must be a full mobile number, like 07700 900123")
    if number.country_code != 44:
        raise Unusable("must be a UK mobile number: we cannot text other countries")
    if phonenumbers.number_type(number) != phonenumbers.PhoneNumberType.MOBILE:
        raise Unusable("must be a mobile number: this one cannot get texts")
    return _e164(number)


def _parsed(typed: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(typed, "GB")
    except phonenumbers.NumberParseException:
        return None


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _of_a_play(number: phonenumbers.PhoneNumber) -> bool:
    return (
        number.country_code == 44
        and not number.extension
        and 7700900000 <= (number.national_number or 0) <= 7700900999
    )
