"""Named points at which a test may kill or fail the process, so that crash tests are exact. Production refuses to start with any.

POS_FAILPOINTS is a comma-separated list of name:action[:chance]; action is `kill` (the process dies as by kill -9) or `raise`.
With POS_FAILPOINTS_WHEN, the name of a file, they act only while that file is there, so that a test sets up in peace.
"""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path


class Failed(Exception):
    """Raised on purpose by a failpoint."""


def reach(name: str) -> None:
    """Do whatever POS_FAILPOINTS asks for at `name`; nothing at all when it is not set.

    Raises Failed when asked to.
    """
    asked = os.environ.get("POS_FAILPOINTS")
    when = os.environ.get("POS_FAILPOINTS_WHEN")
    if not asked or (when and not Path(when).exists()):
        return
    for entry in asked.split(","):
        wanted, action, *chance = entry.strip().split(":")
        if wanted != name or (chance and random.random() >= float(chance[0])):  # noqa: S311 - a test's dice
            continue
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise Failed(name)
