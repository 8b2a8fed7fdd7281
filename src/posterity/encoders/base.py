"""What an encoder is: posters in, one vector each out.

An encoder declares its input and output as data (:class:`EncoderSpec`), so that the pipeline can decode, fit and store
without knowing it, and computes in one pure method. Encoders are plain objects, never subclasses of each other.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from posterity.numerics.neighbours.exact import Metric

OPEN_LICENCES = frozenset({"Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0"})
"""SPDX identifiers of licences that allow any use."""


@dataclass(frozen=True)
class EncoderSpec:
    """What an encoder declares about itself.

    Attributes:
        name: The name it is registered and stored by: lower case, digits and underscores.
        dimension: Length d of its vectors.
        size: (height, width) in pixels of its input pictures.
        fit: How a poster is fitted to ``size``: a name in :mod:`posterity.images.fit`.
        metric: How its vectors are compared. With ``"cosine"`` they have unit length.
        version: Raised whenever the same picture would give a different vector, which makes stored vectors stale.
        summary: One line for people.
        licence: SPDX identifier of the weights' licence, or None if it has no weights.
        weights: SHA-256 of its weights, or None if it has none.
        bytes: Size of its weights in bytes.
    """

    name: str
    dimension: int
    size: tuple[int, int]
    fit: str
    metric: Metric
    version: int
    summary: str
    licence: str | None = None
    weights: str | None = None
    bytes: int = 0

    @property
    def fingerprint(self) -> str:
        """A short digest of everything that determines the vectors; encoders with the same one are interchangeable."""
        decisive = {key: value for key, value in asdict(self).items() if key not in ("summary", "licence", "bytes")}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def open_licence(self) -> bool:
        """Whether the weights may be used for any purpose, including commercially; true if there are no weights."""
        return self.licence is None or self.licence in OPEN_LICENCES


@runtime_checkable
class Encoder(Protocol):
    """Anything with a ``spec`` and a pure ``encode``; safe to call from several threads at once."""

    @property
    def spec(self) -> EncoderSpec:
        """What the encoder declares about itself."""
        ...

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn pictures, RGB of shape (n, height, width, 3), into vectors, float32 of shape (n, d)."""
        ...
