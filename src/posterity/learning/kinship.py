"""Which posters belong together, so that no test poster is kin to a training poster.

Posters are kin by their film, by their franchise, and by their artwork: perceptual hashes that are near (resized,
recompressed), or less near but with vectors as close as only those of nearly the same picture are (cropped, re-titled).
The rule looks at two posters alone, so posters that are kin in one selection are kin in every other. A false match
costs little: two posters stay on the same side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster, Store
from posterity.catalogue.provenance import made_with
from posterity.catalogue.schema import VECTOR_PREFIX, film_key
from posterity.embedding.held import held_vectors
from posterity.encoders import ENCODERS
from posterity.images import near_pairs
from posterity.images.hashes import hamming
from posterity.numerics.components import components
from posterity.numerics.distances import row_blocks

HASH_BITS = 8
"""Maximum number of bits by which hashes of the same artwork differ."""

LOOSE_BITS, SAME_ARTWORK = 20, 0.8
"""Or this many bits, if the cosine of the ``poster`` vectors is this high, as hardly any unrelated posters' is."""

BY = "poster"


@dataclass(frozen=True)
class Kinship:
    """The ties between posters.

    Attributes:
        films: (n,) the film of each poster.
        franchises: (n,) its franchise; "" if none.
        artwork: (m, 2) pairs that show the same artwork, or nearly.
    """

    films: tuple[str, ...]
    franchises: tuple[str, ...]
    artwork: NDArray[np.int64]

    def groups(self, *, franchises: bool = True) -> NDArray[np.int64]:
        """Number the groups of posters connected by any tie: (n,). ``franchises`` includes those ties."""
        ties = [self.artwork, _chained(self.films)]
        if franchises:
            ties.append(_chained(self.franchises))
        return components(len(self.films), np.concatenate(ties))


def film_of(poster: Poster) -> str:
    """Return the key of a poster's film."""
    return film_key(poster.id, poster.film.imdb_id, poster.film.tmdb_id)


def kinship(store: Store, posters: Sequence[Poster]) -> Kinship:
    """Find the ties between posters of a catalogue.

    Args:
        store: The catalogue; its vectors of ``poster``, if any, find artwork that hashes miss.
        posters: Sorted by id.
    """
    hashes = np.array([poster.phash for poster in posters], np.uint64)
    pairs = [near_pairs(hashes, HASH_BITS)]
    own = ENCODERS.get(BY)
    made = store.artefact(VECTOR_PREFIX + BY) if BY in store.encoders else None
    if made_with(made, {BY: own.spec.fingerprint}) and len(posters) > 1:
        place = {poster.id: row for row, poster in enumerate(posters)}
        held = held_vectors(store, own)
        rows = np.array([row for row, identity in enumerate(held.ids) if identity in place], np.int64)
        here = np.array([place[held.ids[row]] for row in rows.tolist()], np.int64)
        close = here[_close_pairs(held.vectors[rows])]
        near = hamming(hashes[close[:, 0]], hashes[close[:, 1]]) <= LOOSE_BITS
        pairs.append(np.sort(close[near], axis=1))
    return Kinship(
        films=tuple(film_of(poster) for poster in posters),
        franchises=tuple(poster.film.collection or "" for poster in posters),
        artwork=np.unique(np.concatenate(pairs), axis=0).astype(np.int64).reshape(-1, 2),
    )


def _close_pairs(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Find all pairs of rows of unit length whose product reaches :data:`SAME_ARTWORK`: (m, 2)."""
    found = [np.empty((0, 2), np.int64)]
    for block in row_blocks(len(vectors), len(vectors)):
        i, j = np.nonzero(vectors[block] @ vectors[block.start :].T >= SAME_ARTWORK)
        some = np.column_stack([i, j])[j > i] + block.start
        found.append(some.astype(np.int64))
    return np.concatenate(found)


def _chained(names: Sequence[str]) -> NDArray[np.int64]:
    """Tie every item to the next one with the same name; "" makes no tie."""
    last: dict[str, int] = {}
    ties = []
    for item, name in enumerate(names):
        if name and name in last:
            ties.append((last[name], item))
        last[name] = item
    return np.array(ties, np.int64).reshape(-1, 2)
