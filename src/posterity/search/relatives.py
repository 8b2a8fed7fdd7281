"""The relatives of a poster: other posters of the same film, and posters that show nearly the same picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posterity.catalogue.schema import film_key

VERSION, NEAR_DUPLICATE = "version", "near duplicate"

MOST = 24
"""The most relatives returned."""


@dataclass(frozen=True)
class Kin:
    """What identifies relatives, one entry per poster.

    Attributes:
        film: (n,) number of each poster's film.
        hashes: (n,) perceptual hashes.
    """

    film: NDArray[np.int64]
    hashes: NDArray[np.uint64]


def kin_of(rows: pa.Table) -> Kin:
    """Read what identifies relatives from rows of the posters table."""
    known = zip(*(rows[name].to_pylist() for name in ("id", "imdb_id", "tmdb_id")), strict=True)
    numbers: dict[str, int] = {}
    film = [numbers.setdefault(film_key(identity, imdb, tmdb), len(numbers)) for identity, imdb, tmdb in known]
    return Kin(np.array(film, np.int64), np.array(rows["phash"].to_pylist(), np.uint64))


def relatives(kin: Kin, number: int, bits: int) -> list[tuple[int, str]]:
    """Give the relatives of a poster by number and kind: versions first, then near duplicates, each in order.

    Args:
        kin: What identifies relatives.
        number: Number of the poster.
        bits: Number of bits of the perceptual hashes that may differ.
    """
    others = np.arange(len(kin.film)) != number
    version = kin.film == kin.film[number]
    near = np.bitwise_count(kin.hashes ^ kin.hashes[number]) <= bits
    found = [(other, VERSION) for other in np.flatnonzero(version & others).tolist()]
    found += [(other, NEAR_DUPLICATE) for other in np.flatnonzero(near & ~version & others).tolist()]
    return found[:MOST]
