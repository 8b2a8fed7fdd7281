"""The closest pairs of a whole collection, each with its kind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.catalogue.provenance import CONTENT, Reads
from posterity.catalogue.schema import film_key
from posterity.embedding.pipeline import load_vectors
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import ArgumentError
from posterity.numerics.neighbours.exact import Distances, Metric, Places, Rows, closest_pairs, score
from posterity.runtime.engines import Engine, Local, Shared
from posterity.runtime.progress import progress
from posterity.search.duplicates import alignments, same_artwork

SAME_PICTURE, ANOTHER_VERSION = "same picture", "another version"
SAME_FRANCHISE, LOOK_ALIKE = "same franchise", "look-alike"

READS = Reads((CONTENT, "imdb_id", "tmdb_id", "collection", "title"))
"""Columns read for each poster."""

SLAB = 16_384
"""Rows sent to a worker at a time: 25 MB for vectors of 384 numbers."""


@dataclass(frozen=True)
class Pair:
    """Two posters.

    Attributes:
        a: The lower id.
        b: The higher id.
        score: The more alike, the larger; 1 is the same vector.
        distance: The less alike, the larger; 0 is the same vector.
        kind: "same picture" (the same artwork, by :mod:`posterity.search.duplicates`), else "another version" (of the
            same film), else "same franchise", else "look-alike".
        title_a: Title of the film of ``a``, or its id.
        title_b: Title of the film of ``b``, or its id.
    """

    a: str
    b: str
    score: float
    distance: float
    kind: str
    title_a: str
    title_b: str


@dataclass(frozen=True)
class Pairs:
    """The closest pairs of a catalogue, the closest first.

    Attributes:
        encoder: Name of the encoder whose vectors were compared.
        posters: Number of posters compared, each with all others.
        hidden: The kinds that were left out.
        pairs: The pairs, by distance, then by ids.
    """

    encoder: str
    posters: int
    hidden: tuple[str, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class _Known:
    """What determines the kind of a pair, one entry per poster; -1 is unknown."""

    digests: list[str]
    content: Places
    film: Places
    franchise: Places

    def surely_same(self, i: Places, j: Places) -> NDArray[np.bool_]:
        """Compare the contents of pairs: True where they are the same."""
        return np.asarray(self.content[i] == self.content[j])


class _Slab(NamedTuple):
    """Some rows of a collection, with what determines the kinds of their pairs; sent to workers together."""

    start: int
    vectors: Rows
    content: Places
    film: Places
    franchise: Places


@dataclass(frozen=True)
class _Tile:
    """The task for two slabs: find the closest pairs of a row of one and a row of the other.

    Attributes:
        metric: How the vectors are compared.
        hide_franchise: Leave out pairs of one film or of one franchise.
        hide_duplicates: Leave out pairs of the same content.
    """

    metric: Metric
    hide_franchise: bool
    hide_duplicates: bool

    def slab(self, start: int, vectors: Rows, known: _Known) -> _Slab:
        """Make a slab: ``vectors`` are the rows from ``start`` on."""
        some = slice(start, start + len(vectors))
        return _Slab(start, vectors, known.content[some], known.film[some], known.franchise[some])

    def __call__(self, item: tuple[Shared[_Slab], Shared[_Slab], int, float]) -> tuple[Places, Distances]:
        """Find the pairs of two slabs that are closer than the distance given, as rows of the collection."""
        left, right, n, within = item
        return self.closest(left.get(), right.get(), n, within=within)

    def closest(
        self, left: _Slab, right: _Slab, n: int, within: float = np.inf, done: Callable[[int], object] | None = None
    ) -> tuple[Places, Distances]:
        """Find the n closest pairs of a row of one slab and a row of the other, which may be the same slab."""
        others = None if left.start == right.start else right.vectors

        def allowed(i: Places, j: Places) -> NDArray[np.bool_]:
            hidden = np.zeros(len(i), bool)
            if self.hide_franchise:
                same = (left.franchise[i] == right.franchise[j]) & (left.franchise[i] >= 0)
                hidden |= same | (left.film[i] == right.film[j])
            if self.hide_duplicates:
                hidden |= left.content[i] == right.content[j]
            return ~hidden

        rows, distances = closest_pairs(
            left.vectors, n, self.metric, allowed=allowed if self.hide_franchise or self.hide_duplicates else None,
            done=done, others=others, within=within,
        )  # fmt: skip
        return rows + np.array([left.start, right.start]), distances


def _on_engine(
    engine: Engine, tile: _Tile, vectors: Rows, known: _Known, n: int, done: Callable[[int], object]
) -> tuple[Places, Distances]:
    """Compare slabs with each other on an engine; the result is bit for bit that of a single process.

    A worker holds two slabs at a time, however large the collection is.
    """
    starts = range(0, len(vectors), SLAB)
    slabs = [engine.share(tile.slab(at, np.ascontiguousarray(vectors[at : at + SLAB]), known)) for at in starts]
    rows, distances = np.empty((0, 2), np.int64), np.empty(0)
    sizes: deque[int] = deque()

    def tiles() -> Iterator[tuple[Shared[_Slab], Shared[_Slab], int, float]]:
        for a in range(len(slabs)):
            for b in range(a, len(slabs)):
                high, wide = (min(SLAB, len(vectors) - starts[each]) for each in (a, b))
                sizes.append(high * (high - 1) // 2 if a == b else high * wide)
                # As the work goes on, fewer pairs are close enough to send back.
                yield slabs[a], slabs[b], n, float(distances[-1]) if len(distances) == n else float("inf")

    for found, apart in engine.map(tile, tiles(), ahead=2):
        rows, distances = np.concatenate([rows, found]), np.concatenate([distances, apart])
        order = np.lexsort((rows[:, 1], rows[:, 0], distances))[:n]
        rows, distances = rows[order], distances[order]
        done(sizes.popleft())
    return rows, distances


def pairs(
    store: Store,
    encoder: str | Encoder,
    n: int = 200,
    *,
    hide_franchise: bool = False,
    hide_duplicates: bool = False,
    where: str | None = None,
    workers: int = 0,
    engine: Engine | None = None,
    show_progress: bool | None = False,
) -> Pairs:
    """Find the n closest pairs of posters, exactly.

    Args:
        store: The catalogue.
        encoder: The encoder whose vectors are compared; name or instance.
        n: Number of pairs; fewer are returned if there are fewer.
        hide_franchise: Leave out pairs of one film or of one franchise.
        hide_duplicates: Leave out pairs that show the same artwork.
        where: An SQL condition on posters.
        workers: Number of threads for comparing artwork closely; 0 uses one per core.
        engine: Where vectors are compared; None compares in this process.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        ArgumentError: n is below 1.
        CatalogueError: There are no vectors of the encoder.
        FilterError: ``where`` is not SQL over the catalogue's columns.
    """
    if n < 1:
        raise ArgumentError(f"n = {n} is too small", "Ask for 1 pair or more.")
    found = ENCODERS.get(encoder)
    ids, vectors = load_vectors(store, found, where)
    known, titles = _known(store, ids, where)
    tile = _Tile(found.spec.metric, hide_franchise, hide_duplicates)
    hidden = ((SAME_FRANCHISE, ANOTHER_VERSION) if hide_franchise else ()) + (
        (SAME_PICTURE,) if hide_duplicates else ()
    )
    n_pairs = len(ids) * (len(ids) - 1) // 2
    # Only a close comparison shows whether two posters share their artwork. So find more pairs than requested, and more
    # again if too many of them are hidden.
    n_candidates = 2 * n + 100 if hide_duplicates else n
    while True:
        with progress("Comparing", n_pairs, show_progress) as bar:
            if engine is None or isinstance(engine, Local):
                whole = tile.slab(0, vectors, known)
                rows, distances = tile.closest(whole, whole, n_candidates, done=lambda done: bar.update(done))
            else:
                rows, distances = _on_engine(engine, tile, vectors, known, n_candidates, lambda done: bar.update(done))
        kinds = _kinds(store, known, rows, workers)
        kept = [k for k, kind in enumerate(kinds) if kind not in hidden][:n]
        if len(kept) == n or len(rows) < n_candidates:
            break
        n_candidates *= 4
    listed = [
        Pair(
            ids[i], ids[j], score(float(distances[k]), found.spec.metric), float(distances[k]), kinds[k], titles[i],
            titles[j],
        )
        for k, (i, j) in ((k, rows[k].tolist()) for k in kept)
    ]  # fmt: skip
    return Pairs(found.spec.name, len(ids), hidden, tuple(listed))


def _known(store: Store, ids: Sequence[str], where: str | None) -> tuple[_Known, list[str]]:
    table = store.read(READS.columns, where)
    rows = {row["id"]: row for row in table.to_pylist()}
    found = [rows[identity] for identity in ids]
    films = [film_key(row["id"], row["imdb_id"], row["tmdb_id"]) for row in found]
    known = _Known(
        [row["sha256"] for row in found],
        _numbered([row["sha256"] for row in found]),
        _numbered(films),
        _numbered([row["collection"] or "" for row in found]),
    )
    return known, [row["title"] or row["id"] for row in found]


def _numbered(names: Sequence[str]) -> Places:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) if name else -1 for name in names], np.int64)


def _kinds(store: Store, known: _Known, rows: Places, workers: int) -> list[str]:
    i, j = rows[:, 0], rows[:, 1]
    same = known.surely_same(i, j)
    # Only a close comparison can decide: two dark posters may have similar hashes and still be different pictures.
    unsure = np.flatnonzero(~same)
    order = unsure[np.lexsort((j[unsure], i[unsure]))]
    aligned = alignments(store, known.digests, rows[order], workers=workers)
    same[order] = [same_artwork(alignment) for alignment in aligned]
    film, franchise = known.film[i] == known.film[j], known.franchise[i] == known.franchise[j]
    franchise &= known.franchise[i] >= 0
    return [
        SAME_PICTURE if same[k] else ANOTHER_VERSION if film[k] else SAME_FRANCHISE if franchise[k] else LOOK_ALIKE
        for k in range(len(rows))
    ]
