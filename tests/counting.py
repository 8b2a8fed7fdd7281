"""Counting what is done to one picture: how often it is decoded, and by which encoders it is encoded."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from posterity.encoders import ENCODERS
from posterity.images import Limits

NAMES = ("colour", "composition", "pixels", "poster")
"""Encoders that need no network from elsewhere."""


def count_work(monkeypatch: pytest.MonkeyPatch, data: bytes) -> tuple[Counter[object], Counter[str]]:
    """Count how often some content is decoded, by size, and how many single pictures each encoder encodes."""
    decoded: Counter[object] = Counter()
    encoded: Counter[str] = Counter()
    module = sys.modules["posterity.images.decode"]
    decoder = module.decoded_here

    def decoding(given: bytes, kind: str, at_least: Any, limits: Limits) -> Any:
        if given == data:
            decoded[at_least] += 1
        return decoder(given, kind, at_least, limits)

    def counting(name: str, encode: Callable[..., Any]) -> Callable[..., Any]:
        def encoding(self: object, images: np.ndarray) -> Any:
            if len(images) == 1:
                encoded[name] += 1
            return encode(self, images)

        return encoding

    monkeypatch.setattr(module, "decoded_here", decoding)
    for name in NAMES:
        kind = type(ENCODERS.get(name))
        monkeypatch.setattr(kind, "encode", counting(name, kind.encode))
    return decoded, encoded
