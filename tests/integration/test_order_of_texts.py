"""What waits before it goes out: one telephone reads of one request in the order in which it happened, nobody else waits."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable

import pytest

from safety import messages, outbox, sms
from safety.extensions import db
from safety.messages import Matter
from safety.models import Placement, Text
from tests import factories
from tests.desk import MINUTE, SECOND, Desk, claim, hand_over, writing
from tests.factories import NOW

Queue = Callable[..., Text]


@pytest.fixture
def placement(desk: Desk) -> Placement:
    """A bed is held, and what was said of that has gone out."""
    factories.house()
    held = factories.placement()
    db.session.commit()
    while desk.round():
        pass
    return held


@pytest.fixture
def say(placement: Placement) -> Queue:
    """Queue something about this request, at first for the officer and about the bed."""
    officer, referral_id, placement_id = (
        placement.referral.officer_phone,
        placement.referral_id,
        placement.id,
    )

    def queued(
        *,
        now: dt.datetime = NOW,
        worth: dt.timedelta = 15 * MINUTE,
        to: str | None = officer,
        bed: uuid.UUID | None = placement_id,
        by_voice_of: Text | None = None,
    ) -> Text:
        writing()
        text = outbox.queue(
            wording=messages.call_officer if by_voice_of else messages.nothing_fits,
            matter=Matter(reference="K7M-4QX", ring="0113 496 0100"),
            to=to or "",
            worthless_at=now + worth,
            now=now,
            referral_id=referral_id,
            placement_id=bed,
            by_voice_of=by_voice_of,
        )
        db.session.commit()
        return text

    return queued


def claimed(owner: str = "one", now: dt.datetime = NOW + MINUTE) -> list[uuid.UUID]:
    return [errand.text_id for errand in claim(now, owner=owner, limit=9)]


def test_what_happened_first_is_read_first_however_long_it_is_worth_something(say: Queue) -> None:
    first = say(worth=12 * 60 * MINUTE)
    say(now=NOW + SECOND)
    assert claimed() == [first.id]


def test_of_one_moment_what_is_said_of_the_request_comes_after_what_is_said_of_its_bed(say: Queue) -> None:
    say(worth=5 * MINUTE, bed=None)
    of_bed = say(worth=60 * MINUTE)
    assert claimed() == [of_bed.id]


def test_another_telephone_does_not_wait(say: Queue) -> None:
    first, other = say(), say(now=NOW + SECOND, to=factories.phone())
    assert set(claimed()) == {first.id, other.id}


def test_a_call_does_not_wait_for_a_text(say: Queue) -> None:
    first = say()
    call = say(now=NOW + SECOND, by_voice_of=first)
    assert set(claimed()) == {first.id, call.id}


def test_what_the_supplier_refused_for_now_keeps_back_nothing_that_comes_after_it(
    desk: Desk, say: Queue
) -> None:
    first = say()
    desk.supplier.next = [sms.Refused("429", retry_after_s=30)]
    (errand,) = claim(NOW, limit=9)
    hand_over(errand)
    later = say(now=NOW + SECOND)
    assert claimed(now=NOW + SECOND) == [later.id]
    assert errand.text_id == first.id
