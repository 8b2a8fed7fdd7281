"""One version of a catalogue, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posterity.catalogue import Poster
from posterity.catalogue.schema import row_to_poster
from posterity.errors import NoSuchPosterError
from posterity.layouts.atlas import Atlas
from posterity.search.titles import TitleIndex
from posterity.web.answers import Collection
from posterity.web.results import Made


@dataclass
class Snapshot:
    """One version of a catalogue, in memory.

    Attributes:
        version: Of its posters.
        state: Digest of all that the page shows of it.
        rows: Of the table of posters, sorted by id.
        ids: Of the posters.
        place: Id -> its number.
        titles: To search.
        hashes: (n,) perceptual hashes.
        films: Film -> the numbers of its posters.
        atlas: The sprites.
        pages: Of the atlas, by key.
        slots: (n,) of each poster.
        digests: SHA-256 by its first letters.
        models: Name -> labels, what the model says, and its scores.
        refused: Name -> why a model that is kept cannot be used.
        thumbnail_rows: SHA-256 -> row of the table of thumbnails.
        collection: What the page knows of every poster, once it was asked for.
        packed: The same as JSON.
    """

    version: int
    state: str
    rows: pa.Table
    ids: list[str]
    place: dict[str, int]
    titles: TitleIndex
    hashes: NDArray[np.uint64]
    films: dict[str, list[int]]
    atlas: Atlas
    pages: dict[str, bytes]
    slots: NDArray[np.int64]
    digests: dict[str, str]
    models: dict[str, Said]
    refused: dict[str, str]
    thumbnail_rows: dict[str, int]
    collection: Collection | None = None
    packed: Made | None = None

    def poster(self, number: int) -> Poster:
        """Give a poster by its number."""
        return row_to_poster(self.rows.slice(number, 1).to_pylist()[0])

    def number(self, identity: str) -> int:
        """Give a poster's number.

        Raises:
            NoSuchPosterError: There is none.
        """
        if identity not in self.place:
            raise NoSuchPosterError(identity)
        return self.place[identity]


@dataclass(frozen=True)
class Said:
    """What a model says: of each poster that has a place, a row of numbers a label."""

    names: list[str]
    prior: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    place: dict[str, int]
    values: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    scores: dict[str, Any]
