"""What the server logs when something is wrong: one line, and not the same one for every request."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from pathlib import Path

NAMES = ("uvicorn.error", "asyncio", "posterity.web.problems", "posterity.web.connections")
"""The loggers that speak of connections, of defects, and of a catalogue that is away."""

EVERY = 10.0
"""Seconds in which the same thing is told once."""


class OneLine(logging.Filter):
    """Turns tracebacks into one line, and tells the same thing once in a while, with how often it was."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether an event is told."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, asyncio.CancelledError):  # an answer that the server's end cut off
            return False
        text = " ".join(record.getMessage().split())
        if error is not None:
            text += f": {type(error).__name__}: {' '.join(str(error).split())[:200]}"
            if frames := traceback.extract_tb(error.__traceback__):
                text += f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
        now = time.monotonic()
        last, unsaid = self._told.get(text, (-EVERY, 0))
        if now - last < EVERY:
            self._told[text] = last, unsaid + 1
            return False
        if len(self._told) >= 256:
            self._told.clear()
        self._told[text] = now, 0
        record.msg, record.args = text + (f" (and {unsaid} times more)" if unsaid else ""), ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def speak_briefly() -> None:
    """Have the loggers of the server tell things so."""
    for name in NAMES:
        logger = logging.getLogger(name)
        if not any(isinstance(each, OneLine) for each in logger.filters):
            logger.addFilter(OneLine())
