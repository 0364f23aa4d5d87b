"""That the tests of texts can fail: each of the known bad ways of doing it turns its own test red."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration import test_inbox, test_outbox
from tests.mutants import MUTANTS, as_mutant

RED: dict[str, Callable[..., Any]] = {
    "mark_first": test_outbox.test_through_refusals_time_outs_and_kills_no_text_is_lost_and_none_sent_twice,
    "blind_retry": test_outbox.test_through_refusals_time_outs_and_kills_no_text_is_lost_and_none_sent_twice,
    "no_fence": test_outbox.test_a_process_that_was_stopped_and_comes_back_cannot_write,
    "last_receipt_wins": test_outbox.test_receipts_in_any_order_repeated_or_missing_or_before_the_answer_end_in_what_is_final,
    "one_receipt_a_text": test_outbox.test_receipts_in_any_order_repeated_or_missing_or_before_the_answer_end_in_what_is_final,
    "talks_for_ever": functools.partial(
        test_inbox.test_a_machine_that_answers_every_text_of_ours_is_answered_twice_at_most, body="INFO"
    ),
}


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_every_mutant_turns_its_own_test_red(
    request: pytest.FixtureRequest, database: str, mutant: str
) -> None:
    """And without it the same test is green: it runs by itself, under its own name."""
    test = RED[mutant]
    needed = [one.name for one in inspect.signature(test).parameters.values() if one.default is one.empty]
    given = {name: request.getfixturevalue(name) for name in needed}
    with as_mutant(mutant), pytest.raises(AssertionError):
        test(**given)
