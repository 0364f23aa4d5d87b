"""Random walks: every event of the lifecycle in any order against a small model; the database must agree after each step.

The model (tests/walks) knows nothing of the table in lifecycle.py: it says in its own words what may follow what, so that a wrong
row is seen. Proves I1, I5, I6, I14 and I15 of docs/proof.md (and the rest of the invariants with them).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from safety import extensions
from tests.walks.coordinators import Coordinators
from tests.walks.placing import Placing
from tests.walks.rooms import Rooms


class Walk(Coordinators, Placing, Rooms):
    """Three houses, five rooms; officers, houses, coordinators and the clock do what they like. Each walk empties the database."""


@pytest.fixture
def walking(app: Flask) -> Iterator[type[Walk]]:
    """The machine, on this test's database."""
    kept = extensions.new_id
    yield Walk
    extensions.new_id = kept


@pytest.mark.timeout(7200)
def test_every_walk_agrees_with_the_model(walking: type[Walk], full: bool) -> None:
    walks, steps = (2000, 50) if full else (50, 30)
    run_state_machine_as_test(
        walking,
        settings=settings(
            max_examples=walks,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            # Making a walk shorter takes minutes against a database; its steps are printed as they were.
            phases=(Phase.generate,),
        ),
    )
