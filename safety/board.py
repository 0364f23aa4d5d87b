"""What needs somebody: every line of the coordinators' board, in a number of queries that does not grow with the scheme.

The rules kept: nothing here is stored, so a line is gone when its cause is; and what stands in an alert stands only there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import current_app

from safety import duty, fallback, heartbeats, matching, people, premises, referrals
from safety.extensions import db
from safety.lifecycle import State
from safety.models import (
    Alert,
    AlertKind,
    AuditEvent,
    Bedspace,
    Contact,
    MessageState,
    Placement,
    Premises,
    Referral,
    Text,
)

MINUTE = dt.timedelta(minutes=1)
LAPSES_SOON = 5 * MINUTE  # a house has this long left to answer, or less
DUE_SOON = 15 * MINUTE  # they should be there within this
RELEASES_SOON = 30 * MINUTE  # the officer has been warned that the bed comes free
STAY_ENDS_SOON = dt.timedelta(hours=24)
_LOST = (MessageState.UNDELIVERED, MessageState.FAILED)
_ON_ITS_WAY = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)


@dataclass(frozen=True)
class Lost:
    """A text that did not reach somebody and would still be of use. whom: houses and people, never the number."""

    text: Text
    whom: str
    referral: Referral | None


@dataclass(frozen=True)
class House:
    """A house that takes nobody, or whose word about its beds is too old. closed_at: when it closed itself, if that is known."""

    house: Premises
    stale: bool
    closed: bool
    unconfirmed: bool
    closed_at: dt.datetime | None


@dataclass(frozen=True)
class Waiting:
    """Texts that should have gone out by now: how many, and since when the first."""

    texts: int
    since: dt.datetime


@dataclass(frozen=True)
class Board:
    """Everything on the board at one moment. Each part has its worst first; `quiet` is what is live and in no other part.

    texts: those that wait too long to go out. still: the vital jobs that have fallen silent, each with its last sign; inbound:
    the same of the job that asks for texts which did not reach us. placed: referral -> the bed it has. ring: premises -> the
    telephone that answers now.
    homes, whom: what an alert is about, by its subject. names: who took an alert, by who they signed as.
    """

    alerts: Sequence[Alert]
    waiting: Sequence[Referral]
    lapsing: Sequence[Placement]
    lost: Sequence[Lost]
    arrivals: Sequence[Placement]
    stays: Sequence[Placement]
    houses: Sequence[House]
    texts: Waiting | None
    inbound: Mapping[str, dt.datetime | None]
    still: Mapping[str, dt.datetime | None]
    quiet: Sequence[tuple[Referral, Placement | None]]
    placed: Mapping[uuid.UUID, Placement]
    ring: Mapping[uuid.UUID, Contact]
    homes: Mapping[str, Premises]
    whom: Mapping[str, str]
    names: Mapping[str, str]

    @property
    def lines(self) -> int:
        """How many things need somebody."""
        parts = (self.alerts, self.waiting, self.lapsing, self.lost, self.arrivals, self.stays, self.houses)
        return sum(map(len, parts)) + bool(self.texts) + len(self.inbound) + len(self.still)


def look(*, now: dt.datetime) -> Board:
    """The board at `now`."""
    live = referrals.live()
    alerts = duty.open_alerts()
    told = {alert.referral_id for alert in alerts if alert.referral_id}
    subjects = {alert.subject for alert in alerts}
    placed = {referral.id: placement for referral, placement in live if placement is not None}
    waiting = [row for row, placement in live if placement is None and row.id not in told]
    beds = [placement for row, placement in live if placement is not None and row.id not in told]
    lapsing = sorted((row for row in beds if _lapses(row, now)), key=lambda row: row.answer_by)
    arrivals = sorted((row for row in beds if _due(row, now)), key=_expected)
    stays = sorted((row for row in beds if _ends(row, now)), key=_stays_until)
    texts = _texts(subjects, now)
    called = people.telephones({text.to_index for text in texts} | _numbers(subjects))
    known = {row.id: row for row, _ in live}
    lost = [
        Lost(text, called.get(text.to_index, ""), known.get(text.referral_id) if text.referral_id else None)
        for text in texts
        if _still_of_use(text, placed, subjects, now) and text.referral_id not in told
    ]
    homes, houses = _houses(subjects, now)
    silent = heartbeats.silent(jobs=heartbeats.PATIENCE, now=now)
    failing = any(alert.kind == AlertKind.SUPPLIER for alert in alerts)
    elsewhere = {row.id for row in waiting} | {row.referral_id for row in (*lapsing, *arrivals, *stays)}
    lost = _one_each(line for line in lost if line.text.referral_id not in elsewhere)
    shown = elsewhere | {line.text.referral_id for line in lost}
    to_ring = [placed[which] for which in told & placed.keys()] + [*lapsing, *arrivals, *stays]
    return Board(
        alerts=alerts,
        waiting=waiting,
        lapsing=lapsing,
        lost=lost,
        arrivals=arrivals,
        stays=stays,
        houses=houses,
        texts=None if failing else _outbox(now),
        inbound={} if failing else {job: at for job, at in silent.items() if job not in heartbeats.VITAL},
        still={job: at for job, at in silent.items() if job in heartbeats.VITAL},
        quiet=sorted(
            ((row, bed) for row, bed in live if row.id not in told and row.id not in shown),
            key=_still_to_come,
        ),
        placed=placed,
        ring=premises.on_call_of(
            premises_ids={row.premises_id for row in to_ring}
            | {line.house.id for line in houses}
            | {house.id for house in homes.values()},
            now=now,
        ),
        homes=homes,
        whom=_whom(subjects, texts, called),
        names=people.named({alert.claimed_by for alert in alerts if alert.claimed_by}),
    )


def stamp(*, now: dt.datetime) -> str:
    """A word for the state of the board at `now`, from one query: while it is the same, nothing on the board has changed.

    What nobody recorded (a text's fate, a house's figures) is counted beside the record; the minute is in it, because the ages
    on the board are in minutes, and so that whatever it misses stands there a minute later.
    """

    def one(column: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
        return sa.select(column).scalar_subquery()

    lost = sa.select(sa.func.count()).select_from(Text).where(Text.state.in_(_LOST)).scalar_subquery()
    open_ = sa.select(sa.func.count()).select_from(Alert).where(Alert.ended_at.is_(None)).scalar_subquery()
    found = db.session.execute(
        sa.select(
            one(sa.func.max(AuditEvent.id)),
            one(sa.func.max(Premises.reported_at)),
            lost,
            open_,
        )
    ).one()
    words = "|".join(map(str, (*found, int(now.timestamp() // 60))))
    return hashlib.blake2b(words.encode(), digest_size=12).hexdigest()


def _lapses(row: Placement, now: dt.datetime) -> bool:
    return row.state == State.HELD and row.answer_by <= now + LAPSES_SOON


def _due(row: Placement, now: dt.datetime) -> bool:
    """Whether somebody should be there by now or soon, or loses the bed soon because nobody set off."""
    if row.state != State.CONFIRMED:
        return False
    return row.eta_at <= now + DUE_SOON if row.on_road else row.arrive_by <= now + RELEASES_SOON


def _expected(row: Placement) -> dt.datetime:
    return row.eta_at if row.on_road else row.arrive_by


def _ends(row: Placement, now: dt.datetime) -> bool:
    return row.state == State.ARRIVED and _stays_until(row) <= now + STAY_ENDS_SOON


def _stays_until(row: Placement) -> dt.datetime:
    assert row.stay_until is not None, "the database keeps that whoever arrived has an end of their stay"
    return row.stay_until


def _still_to_come(live: tuple[Referral, Placement | None]) -> tuple[int, dt.datetime]:
    """Those about whom most can still go wrong first, then the longest waiting."""
    referral, bed = live
    order = {State.HELD: 0, State.CONFIRMED: 1, State.ARRIVED: 2}
    return order.get(State(bed.state), 0) if bed else 0, referral.opened_at


def _texts(subjects: Collection[str], now: dt.datetime) -> Sequence[Text]:
    """The texts that alerts are about, and those that were lost and would still be of use; the oldest first."""
    wanted = _ids("text", subjects)
    again = sa.orm.aliased(Text)
    lost = sa.and_(
        Text.state.in_(_LOST),
        Text.worthless_at > now,
        ~sa.exists().where(again.again_of_id == Text.id),  # what was sent again speaks for itself
    )
    return db.session.scalars(
        sa.select(Text).where(sa.or_(Text.id.in_(wanted), lost)).order_by(Text.queued_at)
    ).all()


def _still_of_use(
    text: Text, placed: Mapping[uuid.UUID, Placement], subjects: Collection[str], now: dt.datetime
) -> bool:
    """Whether somebody should still hear what a lost text would have told: nothing has happened to its placement since."""
    if text.state not in _LOST or text.worthless_at <= now:
        return False
    # In an alert already; and a number that takes nothing has one alert for all of its texts.
    if {f"text:{text.id.hex}", f"phone:{text.to_index}"} & set(subjects):
        return False
    if text.placement_id is None:
        return True
    bed = placed.get(text.referral_id) if text.referral_id else None
    return (
        bed is not None and bed.id == text.placement_id and not fallback.happened(bed, since=text.queued_at)
    )


def _one_each(lines: Iterable[Lost]) -> list[Lost]:
    """One line a person, with the text that was written first; texts about nobody keep a line each."""
    found: dict[uuid.UUID, Lost] = {}
    for line in lines:
        found.setdefault(line.text.referral_id or line.text.id, line)
    return list(found.values())


def _whom(subjects: Iterable[str], texts: Iterable[Text], called: Mapping[str, str]) -> dict[str, str]:
    """Whose telephone each alert about texts is about, by the alert's subject; those nobody is known for are left out."""
    numbers = {f"text:{text.id.hex}": text.to_index for text in texts}
    numbers |= {f"phone:{index}": index for index in _numbers(subjects)}
    return {subject: called[numbers[subject]] for subject in subjects if numbers.get(subject) in called}


def _numbers(subjects: Iterable[str]) -> set[str]:
    return {subject.partition(":")[2] for subject in subjects if subject.startswith("phone:")}


def _ids(what: str, subjects: Iterable[str]) -> list[uuid.UUID]:
    return [
        uuid.UUID(hex=subject.partition(":")[2]) for subject in subjects if subject.startswith(f"{what}:")
    ]


def _houses(subjects: Collection[str], now: dt.datetime) -> tuple[dict[str, Premises], list[House]]:
    """The houses that alerts are about, by their subject; and those in trouble that no alert is about."""
    told = set(_ids("premises", subjects))
    stale_h = current_app.config["SETTINGS"].STALE_H
    rooms = sa.select(Bedspace.id).where(Bedspace.premises_id == Premises.id, Bedspace.retired_at.is_(None))
    closed_at = (
        sa.select(sa.func.max(AuditEvent.at))
        .where(AuditEvent.premises_id == Premises.id, AuditEvent.what == "house_closed")
        .scalar_subquery()
    )
    found = db.session.execute(
        sa.select(Premises, sa.case((Premises.accepting.is_(False), closed_at))).where(
            sa.or_(
                Premises.id.in_(told),
                sa.and_(
                    rooms.exists(),
                    sa.or_(
                        Premises.accepting.is_(False),
                        Premises.compromised_at.is_not(None),
                        premises.address_over(now),
                        Premises.reported_at.is_(None),
                        Premises.reported_at <= now - dt.timedelta(hours=stale_h),
                    ),
                ),
            )
        )
    ).all()
    homes = {f"premises:{house.id.hex}": house for house, _ in found if house.id in told}
    lines = [_trouble(house, since, now, stale_h) for house, since in found if house.id not in told]
    wrong = [
        line for line in lines if line.stale or line.closed or line.unconfirmed or line.house.compromised_at
    ]
    return homes, sorted(wrong, key=_worst_house)


def _trouble(house: Premises, closed_at: dt.datetime | None, now: dt.datetime, stale_h: int) -> House:
    closed = not house.accepts_at(now)
    good_until = premises.address_good_until(house)
    age = matching.freshness(house.reported_at, now, fresh_h=stale_h, stale_h=stale_h)
    return House(
        house=house,
        # Of a house that takes nobody it matters to nobody how many beds are free.
        stale=age is matching.Freshness.STALE and not closed and house.compromised_at is None,
        closed=closed,
        unconfirmed=good_until is None or good_until <= now,
        closed_at=closed_at if closed else None,
    )


def _worst_house(line: House) -> tuple[int, dt.datetime, str]:
    """No longer secret, then of no use though it means to be open, then too old a word, then closed; each the longest first."""
    house, never = line.house, dt.datetime.min.replace(tzinfo=dt.UTC)
    if house.compromised_at is not None:
        return 0, house.compromised_at, house.name
    if line.unconfirmed and not line.closed:
        return 1, house.address_confirmed_at or never, house.name
    if line.stale:
        return 2, house.reported_at or never, house.name
    return 3, line.closed_at or never, house.name


def _outbox(now: dt.datetime) -> Waiting | None:
    """Texts that were queued longer ago than the outbox may be silent, and that no supplier has taken."""
    late = sa.and_(Text.state.in_(_ON_ITS_WAY), Text.queued_at <= now - heartbeats.PATIENCE["outbox"])
    texts, since = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(Text.queued_at)).where(late)
    ).one()
    return Waiting(texts, since) if texts else None
