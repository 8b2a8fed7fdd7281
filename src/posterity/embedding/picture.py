"""A picture from outside the catalogue: decoded once per size and encoded once per encoder, whatever uses it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from posterity.embedding.pipeline import encode_pixels
from posterity.encoders import Encoder
from posterity.images import Decoded, Limits, examine, tier


@dataclass(frozen=True)
class Picture:
    """A picture's content: that of a file, or one in memory only, such as an upload to the page.

    Searching, predicting and placing on maps all take this one value, so that none repeats another's work. It caches
    its results: at most one decoding for each of the few sizes that pictures are decoded at, and one vector for each
    encoder.

    Attributes:
        name: Its name for people; it is never used as a file name.
        data: Its content, as in a file.
        limits: Limits on the pictures that are decoded.
    """

    name: str
    data: bytes = field(repr=False)
    limits: Limits = Limits()
    _decoded: dict[tuple[int, int] | None, Decoded] = field(default_factory=dict, init=False, repr=False, compare=False)
    _vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __str__(self) -> str:
        return self.name

    @cached_property
    def sha256(self) -> str:
        """The digest by which a catalogue identifies the same content."""
        return hashlib.sha256(self.data).hexdigest()

    def decoded(self, enough: tuple[int, int] | None = None) -> Decoded:
        """Decode it to at least (height, width); None decodes it in full.

        Raises:
            ImageError: It is not a picture that can be read, or it is outside the limits.
        """
        size = None if enough is None else tier(enough)
        if size not in self._decoded:
            self._decoded[size] = examine(self.data, size, self.limits)
        return self._decoded[size]

    def vector(self, encoder: Encoder) -> NDArray[np.float32]:
        """Encode it: (d,) float32, bit for bit as in a catalogue.

        Raises:
            ImageError: It is not a picture that can be read, or it is outside the limits.
        """
        fingerprint = encoder.spec.fingerprint
        if fingerprint not in self._vectors:
            self._vectors[fingerprint] = encode_pixels(encoder, self.decoded(encoder.spec.size).pixels)
        return self._vectors[fingerprint]
