"""The ladder: to whom an urgent alert goes at each step, until somebody takes it.

First whoever is on call, then one after another whoever is next on the rota, at the last step every coordinator with a mobile
and ON_CALL_MOBILE. Where the rota has nobody, or nobody further, everybody is texted at once. Whose turn it is counts at the
moment of each step: when a shift ends between two, whoever has just come on call is next.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from flask import current_app

from safety.duty import rota


def reached(raised_at: dt.datetime, now: dt.datetime) -> int:
    """How many steps of LADDER_MIN have come for an alert raised then, the first at once."""
    steps = current_app.config["LADDER_MIN"]
    return sum(1 for minutes in steps if raised_at + dt.timedelta(minutes=minutes) <= now)


def whom(*, step: int, told: Collection[str], now: dt.datetime) -> list[str]:
    """The numbers (E.164) a step of the ladder texts; step: from 1. told: the fingerprints of those texted before."""
    turn = [user.phone for user in rota.turn(now=now) if user.phone_index not in told]
    if not turn or step >= len(current_app.config["LADDER_MIN"]):
        return everybody()
    return _numbers(turn[0])


def everybody() -> list[str]:
    """Every coordinator's mobile, and ON_CALL_MOBILE: the one there always is."""
    mobiles = (user.phone for user in rota.coordinators())
    return _numbers(*mobiles, current_app.config["ON_CALL_MOBILE"])


def on_call(*, now: dt.datetime) -> str:
    """The one number (E.164) for what can wait: whoever is on call, ON_CALL_MOBILE when nobody is."""
    turn = rota.turn(now=now)
    return _numbers(turn[0].phone if turn else current_app.config["ON_CALL_MOBILE"])[0]


def _numbers(*numbers: str | None) -> list[str]:
    """Each number once. Two people may share a telephone, and one may have the scheme's."""
    return list(dict.fromkeys(number for number in numbers if number))
