"""How things read on a page: UK times, spoken references, telephone numbers, and the names templates know without being told."""

from __future__ import annotations

import datetime as dt

import phonenumbers
from flask import Flask

from safety import workdays
from safety.web import navigation
from safety.web.gate import now


def init_app(app: Flask) -> None:
    """Give every template the filters below, the duty number and the header's links."""
    for words in (clock_words, day_words, date_words, ago_words, spoken, national, ending, tel):
        app.add_template_filter(words)
    app.add_template_global(app.config["DUTY_NUMBER"], "duty_number")
    app.add_template_global(navigation.items, "navigation")


def clock_words(moment: dt.datetime) -> str:
    """The UK time of day: "14:35"."""
    return workdays.clock_words(moment)


def day_words(moment: dt.datetime) -> str:
    """An instant as one would say it now: "today 14:35", "Wednesday 12:00"."""
    return workdays.day_words(moment, now())


def date_words(day: dt.date) -> str:
    """A day in full: "Monday 1 March 2027"."""
    return workdays.date_words(day)


def ago_words(moment: dt.datetime) -> str:
    """How long ago: "just now", "4 minutes ago", "3 hours ago", "2 days ago"."""
    minutes = int((now() - moment).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    for size, name in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            many = minutes // size
            return f"{many} {name}{'s' if many > 1 else ''} ago"
    raise AssertionError("unreachable")


def spoken(reference: str) -> str:
    """A reference as it is said and written: K7M-4QX."""
    return f"{reference[:3]}-{reference[3:]}"


def national(number: str) -> str:
    """An E.164 number as people in the UK read it: "07700 900123"; anything else as it is."""
    try:
        parsed = phonenumbers.parse(number, "GB")
    except phonenumbers.NumberParseException:
        return number
    kind = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(
        parsed, kind.NATIONAL if parsed.country_code == 44 else kind.INTERNATIONAL
    )


def ending(number: str) -> str:
    """As much of a number as its owner needs to know it by, on a page others may see: "ending 123"."""
    return f"ending {number[-3:]}"


def tel(number: str) -> str:
    """A number as a link that rings it: "tel:+441134960100". A number we cannot read is left in its own digits."""
    try:
        parsed = phonenumbers.parse(number, "GB")
    except phonenumbers.NumberParseException:
        return "tel:" + "".join(sign for sign in number if sign.isdigit() or sign == "+")
    return "tel:" + phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
