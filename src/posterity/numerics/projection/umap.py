"""UMAP, by umap-learn (the extra ``maps``), from exact neighbours and the principal plane."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from posterity.errors import MissingExtraError
from posterity.numerics.distances import Floats
from posterity.numerics.neighbours.exact import nearest_to_all
from posterity.numerics.projection.methods import Layout, Method, Points, noise


def _place(
    Z: Floats, plane: Points, layout: Layout, _workers: int, _progress: Callable[[int], object] | None
) -> Points:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TensorFlow, which is not used here, is not installed
            from umap import UMAP
    except ImportError as error:
        raise MissingExtraError("UMAP", "maps") from error
    n_neighbors = min(layout.n_neighbors, len(Z) - 1)
    indices, distances = nearest_to_all(Z, n_neighbors - 1, "euclidean")
    # UMAP counts each point as its own first neighbour.
    indices = np.column_stack([np.arange(len(Z)), indices])
    distances = np.column_stack([np.zeros(len(Z)), distances]).astype(np.float32)
    scaled = plane / max(float(np.abs(plane).max()), 1e-12) * 10
    start = (scaled + 1e-4 * noise(plane.shape, layout.random_state)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed means one thread; that given neighbours cannot place new points
        reducer = UMAP(
            n_neighbors=n_neighbors, min_dist=layout.min_dist, init=start, random_state=layout.random_state,
            precomputed_knn=(indices, distances, None), n_jobs=1,
        )  # fmt: skip
        found = reducer.fit_transform(Z)
    return np.asarray(found, np.float64)


METHOD = Method("UMAP", _place)
