"""Who is told when something needs a person: alerts, who is on call, and the ladder between the two.

`alerts` raises and ends them and gives each to one person, `ladder` says whom a step of it texts, `rota` who is on call when,
`tending` looks ahead for gaps and sends the digest of what can wait.
"""

from __future__ import annotations

from safety.duty import ladder, rota, tending
from safety.duty.alerts import (
    about,
    claim,
    climb,
    end,
    needs_hearing,
    open_alerts,
    raise_alert,
    release,
    standing,
    subjects,
    take,
)

__all__ = [
    "about",
    "claim",
    "climb",
    "end",
    "ladder",
    "needs_hearing",
    "open_alerts",
    "raise_alert",
    "release",
    "rota",
    "standing",
    "subjects",
    "take",
    "tending",
]
