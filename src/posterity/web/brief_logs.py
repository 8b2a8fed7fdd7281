"""Logs of what is wrong with the server: one line each, and not the same one for every request."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from pathlib import Path

NAMES = ("uvicorn.error", "asyncio", "posterity.web.problems", "posterity.web.connections")
"""The loggers of connections, of defects, and of a catalogue that is away."""

EVERY = 10.0
"""Seconds in which the same thing is logged once."""


class OneLine(logging.Filter):
    """Turns tracebacks into one line, and logs the same thing once in a while, with how often it happened."""

    def __init__(self) -> None:
        super().__init__()
        self._logged: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide whether an event is logged."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, asyncio.CancelledError):  # an answer that the server's end cut off
            return False
        text = " ".join(record.getMessage().split())
        if error is not None:
            text += f": {type(error).__name__}: {' '.join(str(error).split())[:200]}"
            if frames := traceback.extract_tb(error.__traceback__):
                text += f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
        now = time.monotonic()
        last, unlogged = self._logged.get(text, (-EVERY, 0))
        if now - last < EVERY:
            self._logged[text] = last, unlogged + 1
            return False
        if len(self._logged) >= 256:
            self._logged.clear()
        self._logged[text] = now, 0
        record.msg, record.args = text + (f" (and {unlogged} times more)" if unlogged else ""), ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def log_briefly() -> None:
    """Filter the loggers of the server so."""
    for name in NAMES:
        logger = logging.getLogger(name)
        if not any(isinstance(each, OneLine) for each in logger.filters):
            logger.addFilter(OneLine())
