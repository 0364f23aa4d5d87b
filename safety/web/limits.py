"""How often somebody may try: counts kept in the database, so that every web process counts alike.

The rules kept: counted for each account and each source, never for everybody together; what is counted is kept as a keyed
fingerprint, never as an e-mail or network address. The notation of the rules ("5 per minute; 20 per hour") is that of the
limits package; its storages count in one process or need a server of their own, so the counting is done here.
"""

from __future__ import annotations

import datetime as dt
import ipaddress

import sqlalchemy as sa
from flask import request
from limits import parse_many
from sqlalchemy.dialects import postgresql, sqlite
from werkzeug.exceptions import TooManyRequests

from safety import clock
from safety.crypto import ring
from safety.extensions import begin_write, db
from safety.models import RateLimit

_KEPT = dt.timedelta(hours=1)


class TooMany(TooManyRequests):
    """Tried too often. `wait_s`: seconds until it may be tried again."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(retry_after=wait_s)
        self.wait_s = wait_s


def source() -> str:
    """Where this request comes from, as far as it is worth counting: an IPv6 line has a whole /64 to itself."""
    address = request.remote_addr or "nowhere"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address


def times(rules: str, factor: int) -> str:
    """The same rules with `factor` times as many tries: "5 per minute" tenfold is "50 per 1 minute"."""
    return "; ".join(
        f"{item.amount * factor} per {item.multiples} {item.GRANULARITY.name}" for item in parse_many(rules)
    )


def count(*tries: tuple[str, str, str]) -> None:
    """Count one try against each (kind, subject, rules), in a transaction of its own, and refuse it when it is one too many.

    A try that is refused is counted like any other, but never lengthens the wait. Raises TooMany.
    """
    db.session.rollback()
    begin_write(deciding=False)
    now = clock.now()
    windows = [
        (
            f"{kind}:{ring().index('try', subject)}:{item.amount}/{item.get_expiry()}",
            item.amount,
            item.get_expiry(),
        )
        for kind, subject, rules in tries
        for item in parse_many(rules)
    ]
    wait_s = 0
    begun = False
    # In one order, so that two at once wait for each other instead of locking each other out.
    for key, most, seconds in sorted(windows):
        hits, expires_at = _hit(key, seconds, now)
        begun |= hits == 1
        if hits > most:
            wait_s = max(wait_s, round((expires_at - now).total_seconds()) + 1)
    db.session.commit()
    if begun:
        _forget(now)
    if wait_s:
        raise TooMany(wait_s)


def _hit(key: str, seconds: int, now: dt.datetime) -> tuple[int, dt.datetime]:
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    fresh = now + dt.timedelta(seconds=seconds)
    over = RateLimit.expires_at <= now
    insert = dialect.insert(RateLimit).values(key=key, hits=1, expires_at=fresh)
    counted = insert.on_conflict_do_update(
        index_elements=[RateLimit.key],
        set_={
            "hits": sa.case((over, 1), else_=RateLimit.hits + 1),
            "expires_at": sa.case(
                (over, sa.literal(fresh, RateLimit.expires_at.type)), else_=RateLimit.expires_at
            ),
        },
    ).returning(RateLimit.hits, RateLimit.expires_at)
    hits, expires_at = db.session.execute(counted.execution_options(populate_existing=True)).one()
    return hits, expires_at


def _forget(now: dt.datetime) -> None:
    """Remove counts that ended long ago; rows somebody is counting on at this moment are left for the next time."""
    begin_write(deciding=False)
    ended = (
        sa.select(RateLimit.key).where(RateLimit.expires_at < now - _KEPT).with_for_update(skip_locked=True)
    )
    db.session.execute(
        sa.delete(RateLimit).where(RateLimit.key.in_(ended)).execution_options(synchronize_session=False)
    )
    db.session.commit()
