"""The tests share their machine as they were told to."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("processes")
def test_what_is_to_stay_with_one_worker_does(request: pytest.FixtureRequest) -> None:
    """Or two browsers, and two crowds of processes, slow each other down until one is given up."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("there is one worker")
    assert request.node.nodeid.endswith("@processes")
