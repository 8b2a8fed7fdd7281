"""Waiting for events: the limits only keep a test from hanging, and assume nothing of a machine's speed."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE, poll: float = 0.01) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(poll)
