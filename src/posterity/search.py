"""Which vectors are nearest: exact, deterministic, and as fast as one matrix–vector product.

The product in float32 finds candidates, generously; their distances are then computed again in float64, each from its
own two vectors alone. So equal vectors have equal distances wherever they stand, and ties fall by id, always.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster, Store
from posterity.embedding import encode_file, load_vectors
from posterity.encoders import ENCODERS, Encoder, Metric
from posterity.errors import ArgumentError, CatalogueError, ImageError
from posterity.paths import escape


@dataclass(frozen=True)
class Match:
    """A poster found.

    Attributes:
        id: Its id.
        title: Its film's title, or the id where that is not known.
        score: The more alike, the larger; 1 is the same vector. The cosine similarity, or 1 / (1 + distance).
        distance: The less alike, the larger; 0 is the same vector. 1 - cosine similarity, or the Euclidean distance.
        year: Of its film.
        genres: Of its film.
    """

    id: str
    title: str
    score: float
    distance: float
    year: int | None = None
    genres: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """What was searched for: a poster of the catalogue (``id``), or a picture (``file``).

    Attributes:
        id: Of the poster; for a picture, of the poster with the very same content, if there is one.
        title: Its film's title, or the picture's name.
        file: The picture's path.
    """

    id: str | None
    title: str
    file: str | None = None


@dataclass(frozen=True)
class Matches:
    """The posters most like a query, the most alike first."""

    query: Query
    encoder: str
    matches: tuple[Match, ...]


class Index:
    """Vectors held ready for exact search.

    Args:
        ids: (n,) sorted and distinct.
        vectors: (n, d) float32; of unit length where the metric is cosine.
        metric: "cosine" or "euclidean".
    """

    def __init__(self, ids: Sequence[str], vectors: NDArray[np.float32], metric: Metric) -> None:
        self.ids = list(ids)
        self.vectors = vectors
        self.metric = metric
        self._place = {identity: index for index, identity in enumerate(self.ids)}
        # Euclidean order is that of |x|²/2 - x·q, so that both metrics cost one product.
        self._half_squares = None if metric == "cosine" else np.einsum("nd,nd->n", vectors, vectors) / 2
        largest = np.sqrt(np.abs(self._half_squares).max(initial=0) * 2) if self._half_squares is not None else 1.0
        # Bound of the float32 product's error (Higham 2002, §3.1), for vectors of this length and dimension.
        self._slack = 4 * np.finfo(np.float32).eps * max(vectors.shape[1], 1) * max(float(largest), 1e-30)

    def place(self, identity: str) -> int | None:
        """Give the row of an id."""
        return self._place.get(identity)

    def nearest(
        self, query: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Find the k rows nearest to a vector, exactly.

        Args:
            query: (d,).
            k: How many; fewer come back where fewer are allowed.
            allowed: (n,) mask of the rows that may be given; None allows all.

        Returns:
            Rows and distances, (k,) each, by distance and then by id.
        """
        query = np.ascontiguousarray(query, np.float32)
        key = self.vectors @ query
        if self._half_squares is not None:
            key -= self._half_squares
        if allowed is not None:
            key[~allowed] = -np.inf
        n_allowed = len(key) if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, n_allowed)
        if k == 0:
            return np.empty(0, np.int64), np.empty(0)
        kth = np.partition(key, len(key) - k)[len(key) - k]
        slack = self._slack * max(float(np.linalg.norm(query)), 1.0)
        candidates = np.flatnonzero(key >= kth - slack)
        distances = self._exact(candidates, query)
        order = np.lexsort((candidates, distances))[:k]
        return candidates[order], distances[order]

    def _exact(self, rows: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float64]:
        """Compute distances in float64; each depends on its own row only, in a fixed order of summation."""
        ours = query.astype(np.float64)
        squares = np.empty(len(rows))
        for start in range(0, len(rows), 4096):  # ties may make every row a candidate
            some = slice(start, start + 4096)
            squares[some] = np.sum((self.vectors[rows[some]].astype(np.float64) - ours) ** 2, axis=1)
        # Of unit vectors: |a - b|² = 2 (1 - cos), which has no cancellation where a is near b.
        return squares / 2 if self.metric == "cosine" else np.sqrt(squares)


def score(distance: float, metric: Metric) -> float:
    """Turn a distance into a score: 1 for the same vector, less for others."""
    return 1 - distance if metric == "cosine" else 1 / (1 + distance)


def load_index(store: Store, encoder: str | Encoder) -> Index:
    """Read an encoder's vectors of a catalogue and hold them ready.

    Raises:
        CatalogueError: There are none, or another version of the encoder made them.
        UnknownNameError: There is no encoder of that name.
    """
    found = ENCODERS.get(encoder)
    ids, vectors = load_vectors(store, found)
    return Index(ids, vectors, found.spec.metric)


def similar(
    store: Store,
    index: Index,
    encoder: str | Encoder,
    *,
    id: str | None = None,
    image: str | Path | None = None,
    k: int = 5,
    where: str | None = None,
) -> Matches:
    """Find the posters most like a poster of the catalogue, or like a picture; never that poster itself.

    Args:
        store: The catalogue.
        index: The encoder's vectors of that catalogue.
        encoder: Name or instance.
        id: A poster of the catalogue.
        image: Or the path of a picture. A poster with its very same content counts as the query itself.
        k: How many.
        where: An SQL condition that matches must meet.

    Raises:
        ArgumentError: Not one of ``id`` and ``image`` is given, or k is below 1.
        CatalogueError: There is no such poster, or it has no vector.
        ImageError: The picture cannot be read.
        FilterError: ``where`` is not SQL over the catalogue's columns.
    """
    if (id is None) == (image is None):
        raise ArgumentError("a search takes an id or an image, and one of them", "Give --id ID or --image FILE.")
    if k < 1:
        raise ArgumentError(f"k = {k} is too small", "Ask for 1 match or more.")
    found = ENCODERS.get(encoder)
    if id is not None:
        query, vector, own = _query_of_poster(store, index, found, id)
    else:
        query, vector, own = _query_of_picture(store, found, Path(str(image)))
    allowed = np.ones(len(index.ids), bool)
    if where:
        allowed[:] = False
        places = (index.place(identity) for identity in store.read(["id"], where)["id"].to_pylist())
        allowed[[place for place in places if place is not None]] = True
    allowed[[place for place in map(index.place, own) if place is not None]] = False
    rows, distances = index.nearest(vector, k, allowed)
    posters = store.get(index.ids[row] for row in rows)
    matches = []
    for row, distance in zip(rows.tolist(), distances.tolist(), strict=True):
        poster = posters.get(index.ids[row])
        if poster is not None:  # else another process has removed it since
            matches.append(_match(poster, distance, found.spec.metric))
    return Matches(query, found.spec.name, tuple(matches))


def _match(poster: Poster, distance: float, metric: Metric) -> Match:
    title = poster.film.title or poster.id
    return Match(poster.id, title, score(distance, metric), distance, poster.film.year, poster.film.genres)


def _query_of_poster(
    store: Store, index: Index, encoder: Encoder, identity: str
) -> tuple[Query, NDArray[np.float32], list[str]]:
    place = index.place(identity)
    if place is None:
        poster = store.get([identity]).get(identity)
        if poster is None:
            raise CatalogueError(
                f"catalogue {store.folder} has no poster {identity!r}",
                f"List the ids: posterity list -c {store.folder}",
            )
        raise CatalogueError(
            f"poster {identity!r} has no vector of {encoder.spec.name!r}",
            f"Run: posterity embed -c {store.folder} --encoder {encoder.spec.name}",
        )
    known = store.get([identity]).get(identity)
    title = (known.film.title if known else None) or identity
    return Query(identity, title), index.vectors[place], [identity]


def _query_of_picture(store: Store, encoder: Encoder, image: Path) -> tuple[Query, NDArray[np.float32], list[str]]:
    shown = escape(str(image))
    try:
        data = image.read_bytes()
        vector = encode_file(encoder, data)
    except OSError as error:
        raise ImageError("unreadable", f"{shown} cannot be read: {error.strerror}") from error
    except ImageError as error:
        raise ImageError(error.reason, f"{shown} cannot be used: {error.detail}") from error
    digest = hashlib.sha256(data).hexdigest()
    own = store.read(["id"], f"sha256 = '{digest}'")["id"].to_pylist()
    return Query(next(iter(own), None), escape(image.name), shown), vector, own
