"""What a house's beds did: how often they were held, what became of it, how fast the house answered, nights by group and month.

Read from the placements themselves each time; no person, no reference, no address is in it.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from safety import workdays
from safety.extensions import db
from safety.lifecycle import DECLINE, State
from safety.models import Bedspace, Group, Placement, Premises

MONTHS = 12
# A cell that begins with one of these is a formula to a spreadsheet (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class Month:
    """One month of one house, by the UK calendar. `first`: its first day.

    held: how often a bed was held for somebody. accepted, declined, lapsed: what the house said, by when the bed was held;
    cancelled: not needed before it could say. came: how many came in. nights: letter of a group -> nights slept there.
    """

    first: dt.date
    held: int = 0
    accepted: int = 0
    declined: int = 0
    lapsed: int = 0
    cancelled: int = 0
    came: int = 0
    nights: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Usage:
    """`months`: oldest first. `reasons`: coded reason of a no -> how often. `answers_s`: seconds to each answer, sorted."""

    months: tuple[Month, ...]
    groups: Mapping[str, str]
    reasons: Mapping[str, int]
    answers_s: tuple[float, ...]

    def answer_s(self, share: float) -> float | None:
        """The seconds within which this share of the answers came (nearest rank), None without answers. share: 0 to 1."""
        if not self.answers_s:
            return None
        return self.answers_s[max(0, math.ceil(share * len(self.answers_s)) - 1)]


def of_house(*, house: Premises, now: dt.datetime) -> Usage:
    """The last MONTHS months of a house up to `now`, this one included."""
    months = {first: Month(first) for first in _firsts(workdays.uk(now).date())}
    since = workdays.local(min(months), dt.time())
    rows = db.session.execute(
        sa.select(Placement, Group.letter)
        .join(Bedspace, Bedspace.id == Placement.bedspace_id)
        .join(Group, Group.id == Bedspace.group_id)
        .where(
            Placement.premises_id == house.id,
            sa.or_(
                Placement.held_at >= since, Placement.departed_at.is_(None), Placement.departed_at >= since
            ),
        )
        .order_by(Placement.held_at)
    ).all()
    reasons: Counter[str] = Counter()
    answers: list[float] = []
    for placement, letter in rows:
        month = months.get(_first(placement.held_at))
        if month is not None:
            _count(month, placement)
            if placement.state == State.DECLINED:
                reasons[placement.reason or "other"] += 1
            answered = _answered_at(placement)
            if answered is not None:
                answers.append((answered - placement.held_at).total_seconds())
        if placement.arrived_at is None:
            continue
        came = months.get(_first(placement.arrived_at))
        if came is not None:
            came.came += 1
        for first, nights in nights_by_month(placement.arrived_at, placement.departed_at or now).items():
            if first in months:
                months[first].nights[letter] += nights
    return Usage(
        months=tuple(months[first] for first in sorted(months)),
        groups={group.letter: group.name for group in house.groups},
        reasons=dict(reasons.most_common()),
        answers_s=tuple(sorted(answers)),
    )


def nights_by_month(arrived_at: dt.datetime, left_at: dt.datetime) -> dict[dt.date, int]:
    """The nights of a stay: each midnight of the UK clock between its ends, under the month of the evening before.

    Returns {first day of a month: nights}. Whoever comes and goes on one day slept no night.
    """
    evenings = (
        workdays.uk(arrived_at).date() + dt.timedelta(days=day)
        for day in range((workdays.uk(left_at).date() - workdays.uk(arrived_at).date()).days)
    )
    return dict(Counter(evening.replace(day=1) for evening in evenings))


def table(usage: Usage) -> Iterator[Sequence[object]]:
    """The months as rows of a sheet, headings first."""
    letters = sorted(usage.groups)
    yield [
        "Month",
        "Held",
        "Accepted",
        "Declined",
        "Not answered in time",
        "Not needed",
        "Came in",
        *(f"Nights in {letter}: {usage.groups[letter]}" for letter in letters),
    ]
    for month in usage.months:
        yield [
            f"{month.first:%Y-%m}",
            month.held,
            month.accepted,
            month.declined,
            month.lapsed,
            month.cancelled,
            month.came,
            *(month.nights[letter] for letter in letters),
        ]


def as_csv(usage: Usage) -> str:
    """The same as text of a CSV file (RFC 4180), with the reasons of a no after it. No cell is a formula."""
    out = io.StringIO()
    sheet = csv.writer(out)
    sheet.writerows(_harmless(row) for row in table(usage))
    sheet.writerow([])
    sheet.writerow(["Why declined", "How often"])
    sheet.writerows(_harmless([DECLINE.get(code, code), count]) for code, count in usage.reasons.items())
    return out.getvalue()


def _harmless(row: Iterable[object]) -> list[object]:
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in row]


def _count(month: Month, placement: Placement) -> None:
    month.held += 1
    if placement.confirmed_at is not None:
        month.accepted += 1
    elif placement.state == State.DECLINED:
        month.declined += 1
    elif placement.state == State.LAPSED:
        month.lapsed += 1
    elif placement.state == State.CANCELLED:
        month.cancelled += 1


def _answered_at(placement: Placement) -> dt.datetime | None:
    if placement.confirmed_at is not None:
        return placement.confirmed_at
    return placement.ended_at if placement.state == State.DECLINED else None


def _first(moment: dt.datetime) -> dt.date:
    return workdays.uk(moment).date().replace(day=1)


def _firsts(today: dt.date) -> list[dt.date]:
    """The first days of the last MONTHS months, newest first."""
    firsts = [today.replace(day=1)]
    while len(firsts) < MONTHS:
        firsts.append((firsts[-1] - dt.timedelta(days=1)).replace(day=1))
    return firsts
