"""The last days of the scheme in a few figures: asked, held at once, arrived, nothing fitted, slept there.

Read from the rows themselves each time; nobody, no house and no place is in it. A day is one of the UK calendar, so one in
spring has 23 hours and one in autumn 25.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from safety import workdays
from safety.extensions import db
from safety.lifecycle import ReferralState
from safety.models import Placement, Referral, UnmetNeed

DAYS = 7
AT_ONCE = dt.timedelta(minutes=1)
# Of these no place was looked for.
_NOT_ASKED = (ReferralState.DIVERTED, ReferralState.DECLINED_BY_PERSON)


@dataclass(frozen=True)
class Day:
    """One day; `over` is false for today, of which only a part is counted.

    asked: requests made. at_once: those of them for which a bed was held within AT_ONCE. arrived: people (or families) who came
    in. unmet: requests for which nothing fitted at some time of the day. inside: rooms somebody slept in, counted at the
    midnight that ends the day; today, those somebody is in now.
    """

    date: dt.date
    over: bool
    asked: int
    at_once: int
    arrived: int
    unmet: int
    inside: int

    @property
    def share(self) -> int | None:
        """Of a hundred requests, for how many a bed was held at once; None when there was none."""
        return round(100 * self.at_once / self.asked) if self.asked else None


def last_days(*, now: dt.datetime) -> tuple[Day, ...]:
    """The last DAYS days up to `now`, today the last of them; four queries."""
    today = workdays.uk(now).date()
    dates = [today - dt.timedelta(days=ago) for ago in reversed(range(DAYS))]
    since = _begins(dates[0])
    asked, at_once = _asked(since, now)
    came = _by_day(
        db.session.execute(
            sa.select(Placement.referral_id, Placement.arrived_at).where(
                Placement.arrived_at >= since, Placement.arrived_at <= now
            )
        )
    )
    unmet = _by_day(
        db.session.execute(
            sa.select(UnmetNeed.referral_id, UnmetNeed.at).where(UnmetNeed.at >= since, UnmetNeed.at <= now)
        )
    )
    stays: Sequence[Any] = db.session.execute(
        sa.select(Placement.arrived_at, Placement.departed_at).where(
            Placement.arrived_at <= now,
            sa.or_(
                sa.and_(Placement.departed_at.is_(None), Placement.ended_at.is_(None)),
                Placement.departed_at >= since,
            ),
        )
    ).all()

    def inside(moment: dt.datetime) -> int:
        return sum(1 for came_in, left in stays if came_in <= moment and (left is None or left > moment))

    return tuple(
        Day(
            date=date,
            over=date < today,
            asked=len(asked[date]),
            at_once=len(at_once[date]),
            arrived=len(came[date]),
            unmet=len(unmet[date]),
            inside=inside(min(now, _begins(date + dt.timedelta(days=1)))),
        )
        for date in dates
    )


def _asked(
    since: dt.datetime, now: dt.datetime
) -> tuple[dict[dt.date, set[uuid.UUID]], dict[dt.date, set[uuid.UUID]]]:
    """The requests of each day, and those for which a bed was held at once."""
    rows: Sequence[Any] = db.session.execute(
        sa.select(Referral.id, Referral.opened_at, sa.func.min(Placement.held_at))
        .outerjoin(Placement, Placement.referral_id == Referral.id)
        .where(Referral.opened_at >= since, Referral.opened_at <= now, Referral.state.not_in(_NOT_ASKED))
        .group_by(Referral.id, Referral.opened_at)
    ).all()
    return (
        _by_day((referral, opened_at) for referral, opened_at, _ in rows),
        _by_day(
            (referral, opened_at)
            for referral, opened_at, held_at in rows
            if held_at is not None and held_at - opened_at <= AT_ONCE
        ),
    )


def _by_day(rows: Iterable[Any]) -> dict[dt.date, set[uuid.UUID]]:
    """Referrals by the day of the UK calendar on which something happened to them; each once a day."""
    found: dict[dt.date, set[uuid.UUID]] = defaultdict(set)
    for referral_id, at in rows:
        found[workdays.uk(at).date()].add(referral_id)
    return found


def _begins(date: dt.date) -> dt.datetime:
    # The clocks change at one in the morning, so midnight is there once every day.
    return workdays.local(date, dt.time())
