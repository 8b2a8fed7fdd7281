"""Short logs of server errors: one line each, and not repeated for every request."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from pathlib import Path

NAMES = ("uvicorn.error", "asyncio", "posterity.web.problems", "posterity.web.connections")
"""The loggers of connections, of defects, and of an unreachable catalogue."""

EVERY = 10.0
"""Seconds in which the same error is logged only once."""


class OneLine(logging.Filter):
    """Shortens tracebacks to one line, and logs a repeated error only now and then, with its count."""

    def __init__(self) -> None:
        super().__init__()
        self._logged: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide whether to log an event."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, asyncio.CancelledError):  # an answer cut off when the server stopped
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
    """Add this filter to the loggers of the server."""
    for name in NAMES:
        logger = logging.getLogger(name)
        if not any(isinstance(each, OneLine) for each in logger.filters):
            logger.addFilter(OneLine())
