"""Senders and readers that are known to be bad, to see that what is promised of the good ones would be found broken.

They change the running code of a test (or of a process started here), never the product. Each turns
its own test red in tests/integration/test_mutants.py. The first two also at full size, as a process:

    python -m tests.mutants blind_retry flask --app wsgi jobs
    python -m bench.chaos --part kills --mutant blind_retry
"""

from __future__ import annotations

import datetime as dt
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from safety import delivery, inbox, outbox
from safety.extensions import db
from safety.models import MessageState, Receipt, Text

# Puts one thing in the place of another: setattr, or a test's monkeypatch.setattr, which puts it back.
Put = Callable[[Any, str, Any], None]


def mark_first(put: Put) -> None:
    """Marks a text as sent when it takes it in hand: whoever is killed then has lost it."""
    real = outbox.claim

    def claim(**how: Any) -> list[outbox.Errand]:
        errands = real(**how)
        for errand in errands:
            db.session.execute(
                sa.update(Text)
                .where(Text.id == errand.text_id)
                .values(state=MessageState.SENT, claimed_by=None, claimed_until=None)
            )
        return errands

    put(outbox, "claim", claim)


def blind_retry(put: Put) -> None:
    """Sends again what may have been sent, without asking first."""
    real = delivery.hand_over

    def hand_over(*, errand: outbox.Errand, now: dt.datetime) -> delivery.Result:
        return real(errand=replace(errand, ask_since=None), now=now)

    put(delivery, "hand_over", hand_over)


def no_fence(put: Put) -> None:
    """Lets a process that was stopped for longer than its lease write what it thinks it knows."""

    def mine(errand: outbox.Errand) -> Text | None:
        return db.session.get(Text, errand.text_id, populate_existing=True)

    put(outbox, "_mine", mine)


def last_receipt_wins(put: Put) -> None:
    """Believes whatever the supplier said last."""

    def move(text: Text, status: str, error: str | None, now: dt.datetime) -> bool:
        target = outbox._MEANS.get(status)
        if target is None or target == text.state:
            return False
        text.state, text.error = target, error
        text.settled_at = now if target in outbox.FINAL else None
        return True

    put(outbox, "_move", move)


def one_receipt_a_text(put: Put) -> None:
    """Takes a second receipt for a repetition of the first, whatever it says."""
    real = outbox.receipt

    def receipt(*, sid: str, status: str, error: str | None, now: dt.datetime) -> Text | None:
        if db.session.scalar(sa.select(Receipt.id).where(Receipt.sid == sid).limit(1)) is not None:
            return None
        return real(sid=sid, status=status, error=error, now=now)

    put(outbox, "receipt", receipt)


def talks_for_ever(put: Put) -> None:
    """Answers every text however often it has said the same: two machines never stop."""
    put(inbox, "said_enough", lambda **_kept: False)


MUTANTS: dict[str, Callable[[Put], None]] = {
    mutant.__name__: mutant
    for mutant in (mark_first, blind_retry, no_fence, last_receipt_wins, one_receipt_a_text, talks_for_ever)
}


@contextmanager
def as_mutant(name: str | None) -> Iterator[None]:
    """The mutant of that name within this block; None: nothing is changed."""
    import pytest

    with pytest.MonkeyPatch.context() as patch:
        if name is not None:
            MUTANTS[name](patch.setattr)
        yield


def main() -> None:
    """Become the mutant that is named first, then run the module that is named next with the rest of the words."""
    name, module, *rest = sys.argv[1:]
    MUTANTS[name](setattr)
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
