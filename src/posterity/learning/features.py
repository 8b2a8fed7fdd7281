"""Inputs of models: the stored vectors of one or several encoders, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.embedding.held import held_vectors
from posterity.embedding.picture import Picture
from posterity.encoders import ENCODERS
from posterity.errors import CatalogueError

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """Vectors of some posters.

    Attributes:
        encoders: Names of the encoders, in the order of their columns.
        fingerprints: Fingerprints of these encoders.
        ids: (n,) poster ids.
        X: (n, d) vectors.
    """

    encoders: tuple[str, ...]
    fingerprints: tuple[str, ...]
    ids: tuple[str, ...]
    X: Rows

    def rows(self, ids: Sequence[str]) -> Rows:
        """Give the vectors of some of the posters: (m, d)."""
        place = {identity: row for row, identity in enumerate(self.ids)}
        return self.X[[place[identity] for identity in ids]]


def load_features(store: Store, encoders: Sequence[str], needed: Sequence[str] = ()) -> Features:
    """Read the vectors of all posters that have one of every encoder.

    Args:
        store: The catalogue.
        encoders: Names of the encoders.
        needed: Ids of posters that must have vectors.

    Raises:
        CatalogueError: An encoder has no vectors, or a needed poster lacks one.
    """
    found = [ENCODERS.get(name) for name in encoders]
    tables = [held_vectors(store, encoder) for encoder in found]
    common = set(tables[0].ids).intersection(*(table.ids for table in tables[1:]))
    if lacking := [identity for identity in needed if identity not in common]:
        raise CatalogueError(
            f"{len(lacking)} posters have no vector of {', '.join(encoders)}, such as {lacking[0]}",
            f"Run: posterity embed -c {store.folder} --encoder {','.join(encoders)}",
        )
    parts = [table.vectors[[row for row, i in enumerate(table.ids) if i in common]] for table in tables]
    names = tuple(encoder.spec.name for encoder in found)
    return Features(names, tuple(e.spec.fingerprint for e in found), tuple(sorted(common)), np.hstack(parts))


def features_of_picture(encoders: Sequence[str], picture: Picture) -> Rows:
    """Encode one picture with the columns of :func:`load_features`: (d,).

    Raises:
        ImageError: The picture cannot be read.
    """
    return np.concatenate([picture.vector(ENCODERS.get(name)) for name in encoders])


def present(store: Store, encoders: Sequence[str]) -> tuple[str, ...]:
    """Return the encoders whose vectors the catalogue holds; the first one always."""
    here = store.encoders
    return tuple(name for at, name in enumerate(encoders) if at == 0 or name in here)
