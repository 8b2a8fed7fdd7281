"""The closest pairs of a whole collection, each with what makes it one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.catalogue.schema import film_key
from posterity.duplicates import alignments, same_artwork
from posterity.embedding import load_vectors
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import ArgumentError
from posterity.nearest import closest_pairs, score
from posterity.progress import progress

SAME_PICTURE, ANOTHER_VERSION = "same picture", "another version"
SAME_FRANCHISE, LOOK_ALIKE = "same franchise", "look-alike"

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """Two posters.

    Attributes:
        a: The lower id.
        b: The higher.
        score: The more alike, the larger; 1 is the same vector.
        distance: The less alike, the larger; 0 is the same vector.
        kind: "same picture" (the same artwork, by :mod:`posterity.duplicates`), else "another version" (of the same
            film), else "same franchise", else "look-alike".
        title_a: Of the film of ``a``, or its id.
        title_b: Of the film of ``b``, or its id.
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
        encoder: By whose vectors.
        posters: How many were compared, each with all others.
        hidden: The kinds that were left out.
        pairs: By distance, then ids.
    """

    encoder: str
    posters: int
    hidden: tuple[str, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class _Known:
    """What tells the kinds of pairs, one entry a poster; -1 is unknown."""

    digests: list[str]
    content: Places
    film: Places
    franchise: Places

    def related(self, i: Places, j: Places) -> NDArray[np.bool_]:
        """Tell which pairs are of one film or franchise."""
        same_franchise = (self.franchise[i] == self.franchise[j]) & (self.franchise[i] >= 0)
        return np.asarray((self.film[i] == self.film[j]) | same_franchise)

    def surely_same(self, i: Places, j: Places) -> NDArray[np.bool_]:
        """Tell which pairs have the same content."""
        return np.asarray(self.content[i] == self.content[j])


def pairs(
    store: Store,
    encoder: str | Encoder,
    n: int = 200,
    *,
    hide_franchise: bool = False,
    hide_duplicates: bool = False,
    where: str | None = None,
    workers: int = 0,
    show_progress: bool | None = False,
) -> Pairs:
    """Find the n closest pairs of posters, exactly.

    Args:
        store: The catalogue.
        encoder: Whose vectors are compared; name or instance.
        n: How many; fewer come back where there are fewer.
        hide_franchise: Leave out pairs of one film or of one franchise.
        hide_duplicates: Leave out pairs that show the same artwork.
        where: An SQL condition on posters.
        workers: Threads for looking closely; 0 takes one per core.
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
    allowed = None
    if hide_franchise or hide_duplicates:

        def allowed(i: Places, j: Places) -> NDArray[np.bool_]:
            hidden = known.related(i, j) if hide_franchise else np.zeros(len(i), bool)
            return ~(hidden | known.surely_same(i, j)) if hide_duplicates else ~hidden

    hidden = ((SAME_FRANCHISE, ANOTHER_VERSION) if hide_franchise else ()) + (
        (SAME_PICTURE,) if hide_duplicates else ()
    )
    n_pairs = len(ids) * (len(ids) - 1) // 2
    # What shows the same artwork is told only by looking at it: so more pairs are found than are asked for, and again
    # more where that was not enough.
    asked = 2 * n + 100 if hide_duplicates else n
    while True:
        with progress("Comparing", n_pairs, show_progress) as bar:
            rows, distances = closest_pairs(
                vectors, asked, found.spec.metric, allowed=allowed, done=lambda done: bar.update(done)
            )
        kinds = _kinds(store, known, rows, workers)
        kept = [k for k, kind in enumerate(kinds) if kind not in hidden][:n]
        if len(kept) == n or len(rows) < asked:
            break
        asked *= 4
    listed = [
        Pair(
            ids[i], ids[j], score(float(distances[k]), found.spec.metric), float(distances[k]), kinds[k], titles[i],
            titles[j],
        )
        for k, (i, j) in ((k, rows[k].tolist()) for k in kept)
    ]  # fmt: skip
    return Pairs(found.spec.name, len(ids), hidden, tuple(listed))


def _known(store: Store, ids: Sequence[str], where: str | None) -> tuple[_Known, list[str]]:
    table = store.read(["sha256", "imdb_id", "tmdb_id", "collection", "title"], where)
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
    # Nothing but a look tells: near hashes alone do not make a same picture of two dark posters.
    unsure = np.flatnonzero(~same)
    order = unsure[np.lexsort((j[unsure], i[unsure]))]
    looks = alignments(store, known.digests, rows[order], workers=workers)
    same[order] = [same_artwork(look) for look in looks]
    film, franchise = known.film[i] == known.film[j], known.franchise[i] == known.franchise[j]
    franchise &= known.franchise[i] >= 0
    return [
        SAME_PICTURE if same[k] else ANOTHER_VERSION if film[k] else SAME_FRANCHISE if franchise[k] else LOOK_ALIKE
        for k in range(len(rows))
    ]
