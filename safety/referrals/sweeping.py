"""What time alone brings about: lapses and releases, reminders, warnings, the arrival check, ends of stays, the ladder.

Idempotent: run by any number of processes at once it does each thing once, because every step is kept on its row and one
writer at a time decides. Never early; a bad row is left aside and logged, and does not hold up the rest.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import InstrumentedAttribute

from safety import duty, messages, placements
from safety.extensions import db
from safety.houses import address
from safety.lifecycle import Recipient, State, Worth
from safety.models import Alert, AlertKind, Placement, Premises
from safety.permissions import CLOCK
from safety.referrals import compromised
from safety.referrals.asking import lapse
from safety.referrals.consequences import STAY_NOTICE, settle, subject
from safety.referrals.finding import rematch
from safety.referrals.happening import record

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Swept:
    """What one round did. again: there was more than one round may do, so call at once again."""

    released: int
    told: int
    alerted: int
    placed: int
    failed: int
    again: bool


def sweep(*, now: dt.datetime, most: int = 25) -> Swept:
    """One round over everything that is due at `now`, at most `most` rows of each kind so that nobody waits long for it.

    The door has begun a deciding write and commits afterwards. Call again while `.again`.
    """
    settings = current_app.config["SETTINGS"]
    held, confirmed = Placement.state == State.HELD, Placement.state == State.CONFIRMED
    never = sa.and_(Placement.set_off_at.is_(None), ~Placement.was_on_road)
    on_road = sa.or_(Placement.set_off_at.is_not(None), Placement.was_on_road)
    minutes = dt.timedelta(minutes=1)
    tally = {"released": 0, "told": 0, "alerted": 0, "failed": 0}
    full = False

    def each(
        kind: str,
        due: sa.ColumnElement[bool],
        act: Callable[[Any], None],
        first: InstrumentedAttribute[Any] = Placement.held_at,
    ) -> None:
        """Act on every row that is due; `first` puts them in order, and says of which table they are."""
        nonlocal full
        table: Any = first.class_
        rows = db.session.scalars(sa.select(table.id).where(due).order_by(first).limit(most)).all()
        full = full or len(rows) == most
        for row in rows:
            try:
                with db.session.begin_nested():
                    found = db.session.get(table, row, populate_existing=True)
                    if found is not None:
                        act(found)
                tally[kind] += 1
            except Exception as problem:  # noqa: BLE001 - one bad row must not keep everybody else's bed
                tally["failed"] += 1
                # Without the problem's own words: a database's quote what was stored.
                kind_of_row = table.__tablename__
                log.error("sweep left %s %s aside: %s", kind_of_row, row.hex, type(problem).__name__)  # noqa: TRY400

    def release(placement: Placement) -> None:
        event = placements.overdue_event(placement, now)
        if event is not None:  # an earlier row of this round may have settled it
            record(placement_id=placement.id, event=event, actor=CLOCK, facts={}, now=now)

    each("released", sa.and_(held, Placement.answer_by <= now), release)
    each("released", sa.and_(confirmed, never, Placement.arrive_by <= now), release)

    half = settings.ANSWER_WITHIN_MIN * minutes / 2
    each(
        "told",
        sa.and_(
            held,
            Placement.reminded_at.is_(None),
            Placement.answer_by <= now + half,
            Placement.answer_by > now,
        ),
        _remind(now),
    )
    for left, column in ((30, Placement.warned_30_at), (10, Placement.warned_10_at)):
        due = sa.and_(
            confirmed,
            never,
            column.is_(None),
            Placement.arrive_by <= now + left * minutes,
            Placement.arrive_by > now,
        )
        each("told", due, _warn(column.key, now))
    check = settings.ARRIVAL_CHECK_MIN * minutes
    each(
        "told",
        sa.and_(confirmed, on_road, Placement.arrival_asked_at.is_(None), Placement.eta_at <= now - check),
        _ask_arrived(now),
    )
    arrived = Placement.state == State.ARRIVED
    ending = sa.and_(arrived, Placement.stay_end_told_at.is_(None), Placement.stay_until <= now + STAY_NOTICE)
    each("told", ending, _tell_stay_end(now))

    silent = Placement.arrival_asked_at <= now - check
    overdue = sa.and_(confirmed, on_road, sa.or_(Placement.arrive_by <= now, silent))
    each("alerted", sa.and_(overdue, _unalerted(AlertKind.OVERDUE)), _alert(AlertKind.OVERDUE, now))
    last_day = sa.and_(arrived, Placement.stay_until <= now + STAY_NOTICE)
    ends = sa.and_(last_day, Placement.stay_until > now, _unalerted(AlertKind.STAY_ENDING))
    each("alerted", ends, _alert(AlertKind.STAY_ENDING, now))
    unknown = sa.and_(last_day, Placement.planned_onward.is_(None), _unalerted(AlertKind.ONWARD_UNKNOWN))
    each("alerted", unknown, _alert(AlertKind.ONWARD_UNKNOWN, now))
    over = sa.and_(arrived, Placement.stay_until <= now, _unalerted(AlertKind.STAY_OVER))
    each("alerted", over, _alert(AlertKind.STAY_OVER, now))
    lapse(now=now)
    _addresses(each, now)
    compromised.alert_again(now=now)
    compromised.end_alerts(now=now)
    placed = rematch(now=now)
    duty.climb(now=now)
    db.session.flush()
    # A round that finished nothing would find the same rows again.
    return Swept(
        **tally, placed=placed, again=full and tally["released"] + tally["told"] + tally["alerted"] > 0
    )


def _addresses(each: Callable[..., None], now: dt.datetime) -> None:
    """Houses whose address wants confirming: told by day, on the board at once, off it when the cause is gone."""
    oldest = Premises.address_confirmed_at
    if address.is_daytime(now):
        each("told", address.address_due(now), partial(address.remind, now=now), oldest)
        each("told", address.address_over_untold(now), partial(address.tell_over, now=now), oldest)
    each("alerted", address.address_over_unalerted(now), partial(address.alert_over, now=now), oldest)
    address.end_alerts(now=now)


def _remind(now: dt.datetime) -> Callable[[Placement], None]:
    def act(placement: Placement) -> None:
        placement.reminded_at = now
        placements.tell(
            placement=placement, to=Recipient.HOUSE, wording=messages.reminded, worth=Worth.ANSWER_BY, now=now
        )

    return act


def _warn(column: str, now: dt.datetime) -> Callable[[Placement], None]:
    def act(placement: Placement) -> None:
        setattr(placement, column, now)
        placements.tell(
            placement=placement,
            to=Recipient.OFFICER,
            wording=messages.release_soon,
            worth=Worth.ARRIVE_BY,
            now=now,
        )

    return act


def _ask_arrived(now: dt.datetime) -> Callable[[Placement], None]:
    def act(placement: Placement) -> None:
        placement.arrival_asked_at = now
        placements.tell(
            placement=placement,
            to=Recipient.HOUSE,
            wording=messages.arrived_yet,
            worth=Worth.HOURS_2,
            now=now,
        )

    return act


def _tell_stay_end(now: dt.datetime) -> Callable[[Placement], None]:
    def act(placement: Placement) -> None:
        placement.stay_end_told_at = now
        for to in (Recipient.HOUSE, Recipient.LEAD):
            placements.tell(
                placement=placement, to=to, wording=messages.stay_ends, worth=Worth.HOURS_12, now=now
            )

    return act


def _unalerted(kind: AlertKind) -> sa.ColumnElement[bool]:
    standing = sa.exists().where(
        Alert.referral_id == Placement.referral_id, Alert.kind == kind, Alert.ended_at.is_(None)
    )
    return ~standing


def _alert(kind: AlertKind, now: dt.datetime) -> Callable[[Placement], None]:
    def act(placement: Placement) -> None:
        duty.raise_alert(kind=kind, subject=subject(placement.referral), referral=placement.referral, now=now)
        settle(placement.referral, now)  # a stay that is over does not also end soon

    return act
