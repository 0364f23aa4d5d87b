"""Telephone numbers as people in the UK write them, and as we keep and text them (E.164).

The rule kept: a number that cannot get our texts is refused before anybody relies on it.
"""

from __future__ import annotations

import phonenumbers

# What Ofcom keeps for drama and calls no valid number. Its other ranges (0113 496 0…, 020 7946 0…) pass for real ones.
_MOBILES_OF_PLAYS = range(7700900000, 7700901000)
_NUMBERS_OF_PLAYS = range(1632960000, 1632961000)


class Unusable(ValueError):
    """A number we could not text or ring. The message reads after what the number is: "Mobile number must be …"."""


def mobile(typed: str, *, drama: bool) -> str:
    """A UK mobile as E.164. drama: whether the mobiles Ofcom keeps for drama, valid nowhere, will do. Raises Unusable."""
    number = _parsed(typed)
    if number is not None and drama and _among(number, _MOBILES_OF_PLAYS):
        return _e164(number)
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        raise Unusable("must be a full mobile number, like 07700 900123")
    if number.country_code != 44:
        raise Unusable("must be a UK mobile number: we cannot text other countries")
    if phonenumbers.number_type(number) != phonenumbers.PhoneNumberType.MOBILE:
        raise Unusable("must be a mobile number: this one cannot get texts")
    return _e164(number)


def any_of_the_uk(typed: str, *, drama: bool) -> str:
    """Any UK telephone, written as people read it: "0113 496 0200". drama: as for mobile. Raises Unusable."""
    number = _parsed(typed)
    made_up = drama and number is not None and _among(number, _NUMBERS_OF_PLAYS)
    if (
        number is None
        or number.country_code != 44
        or number.extension
        or not (made_up or phonenumbers.is_valid_number(number))
    ):
        raise Unusable("must be a full UK telephone number, like 0113 496 0200")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)


def _parsed(typed: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(typed, "GB")
    except phonenumbers.NumberParseException:
        return None


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _among(number: phonenumbers.PhoneNumber, few: range) -> bool:
    return number.country_code == 44 and not number.extension and number.national_number in few
