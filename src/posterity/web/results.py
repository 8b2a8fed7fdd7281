"""Answers held in memory: the most recently used, as many as there is room for."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from posterity.serialise import encode


@dataclass(frozen=True)
class Packed:
    """An answer as JSON: plain, and compressed."""

    text: bytes
    gzipped: bytes
    etag: str

    def __len__(self) -> int:
        return len(self.text) + len(self.gzipped)


def pack(value: object) -> Packed:
    """Write an answer as JSON."""
    text = encode(value)
    return Packed(text, gzip.compress(text, 5), hashlib.sha256(text).hexdigest()[:32])


class Sized(Protocol):
    """Anything with a length in bytes."""

    def __len__(self) -> int: ...


Value = TypeVar("Value", bound=Sized)


class Recent(Generic[Value]):
    """A cache of values by key with a limit on their total bytes; safe to share between threads.

    Args:
        room: Maximum total bytes.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self.size = 0
        self._held: OrderedDict[str, Value] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: str) -> Value | None:
        """Return a value, if it is in the cache."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def put(self, key: str, value: Value) -> None:
        """Add a value, and drop the least recently used; a value that is too large is held alone."""
        with self._lock:
            old = self._held.pop(key, None)
            self.size += len(value) - (0 if old is None else len(old))
            self._held[key] = value
            while self.size > self.room and len(self._held) > 1:
                self.size -= len(self._held.popitem(last=False)[1])
