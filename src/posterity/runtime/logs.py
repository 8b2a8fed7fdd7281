"""What happened, for machines: one line an event, as JSON or as text, where the setting ``log`` asks for it.

Everything logs by the standard library, below the logger ``posterity``: a program that uses Posterity handles it as it
does others'. The command line writes to standard error. Fields that an event carries are those of ``extra``.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from posterity.errors import ArgumentError
from posterity.serialise import plain
from posterity.settings import setting

KINDS = ("off", "text", "json")

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JSONLines(logging.Formatter):
    """One JSON object a line: time (UTC, ISO 8601), level, logger, event, and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write an event."""
        event: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        event |= _fields(record)
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return json.dumps({name: _plain(value) for name, value in event.items()}, ensure_ascii=False)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """Give what an event carries; libraries add notes of their own to every record (Ray does), under private names."""
    return {name: value for name, value in vars(record).items() if name not in _OWN and not name.startswith("_")}


def _plain(value: object) -> object:
    """Keep what JSON can hold and turn anything else into text: every event can be written, whatever it carries."""
    try:
        return plain(value)
    except TypeError:
        return str(value)


class TextLines(logging.Formatter):
    """The same for people: time, level, event, and name=value for each field."""

    def format(self, record: logging.LogRecord) -> str:
        """Write an event."""
        fields = " ".join(f"{name}={value!r}" for name, value in _fields(record).items())
        time = datetime.fromtimestamp(record.created, UTC).isoformat(sep=" ", timespec="seconds")
        text = f"{time} {record.levelname.lower()} {record.getMessage()} {fields}".rstrip()
        return text + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")


def begin(stream: TextIO | None = None) -> None:
    """Write events as the setting ``log`` says, in place of what wrote them before.

    Raises:
        ArgumentError: The setting is not one of :data:`KINDS`.
    """
    kind = setting("log")
    if kind not in KINDS:
        raise ArgumentError(f"unknown log format {kind!r}", f"Known: {', '.join(KINDS)}.")
    logger = logging.getLogger("posterity")
    for handler in [each for each in logger.handlers if getattr(each, "ours", False)]:
        logger.removeHandler(handler)
    if kind == "off":
        return
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JSONLines() if kind == "json" else TextLines())
    handler.ours = True  # type: ignore[attr-defined]
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
