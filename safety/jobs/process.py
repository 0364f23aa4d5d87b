"""One jobs process: who it is, whether it was asked to stop, and what a round says that left something aside."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass


class LeftAside(Exception):
    """Something could not be done just now and waits for a later round. The message says how many of what."""


@dataclass
class Process:
    """This jobs process: its name in claims and leases, and whether it was asked to stop.

    began: when it began; ask_again_at: before which the supplier does not want to be asked. Both by time.monotonic().
    """

    name: str
    stopping: threading.Event
    began: float
    ask_again_at: float = 0.0


def this_process() -> Process:
    """A name no other process has, even on a machine of the same name after a restart."""
    name = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
    return Process(name, threading.Event(), time.monotonic())
