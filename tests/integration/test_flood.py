"""Everybody writes at once and the supplier cannot keep up: what is worth least long goes first, and nobody's bed is lost in it."""

from __future__ import annotations

import itertools

import sqlalchemy as sa

from safety import inbox, sms
from safety.extensions import db
from safety.models import Inbound, MessageState, Text
from tests import factories
from tests.desk import MINUTE, SECOND, Desk, writing


def comes_in(number: int, sender: str, body: str, desk: Desk) -> None:
    writing()
    inbox.receive(sid=f"SM{number:032x}", sender=sender, body=body, now=desk.now)
    db.session.commit()


def test_in_a_flood_of_replies_no_text_of_a_request_is_lost_and_each_round_keeps_the_order_of_worth(
    desk: Desk, full: bool
) -> None:
    """Every third call is refused as one too many, with a time to wait."""
    replies = 1000 if full else 100
    houses = [factories.house() for _ in range(10)]
    officer = factories.officer()
    db.session.commit()
    telephones = [house.contacts[0].phone for house in houses]
    held = []
    for number in range(replies):
        desk.later(MINUTE / replies)
        comes_in(number, telephones[number % 10], ("INFO", "SAME", "what?", "BEDS")[number % 4], desk)
        if number % (replies // 5) == 0:
            writing()
            held.append(factories.placement(by=officer, now=desk.now).id)
            db.session.commit()
    calm = itertools.cycle(["ok", "ok", sms.Refused("20429", retry_after_s=3)])
    desk.supplier.next = [next(calm) for _ in range(3 * replies)]
    told = sa.select(Text).where(Text.wording.in_(["asked", "held"]))
    for _ in range(40):
        before = len(desk.supplier.calls)
        desk.round()
        worth = [call["validity_s"] for call in desk.supplier.calls[before:]]
        assert worth == sorted(worth)
        desk.later(5 * SECOND)
    db.session.rollback()
    theirs = db.session.scalars(told).all()
    assert len(held) == 5
    assert len(theirs) == 10
    assert {row.state for row in theirs} == {MessageState.SENT}
    assert set(desk.supplier.copies().values()) <= {1, 2}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Inbound)) == replies
    # Nobody is answered a thousand times: the same words twice each at most.
    answers = db.session.scalars(sa.select(Text).where(Text.wording.not_in(["asked", "held"]))).all()
    assert len(answers) <= 10 * 2 * 4
    assert {row.state for row in answers} <= {MessageState.SENT, MessageState.EXPIRED}
