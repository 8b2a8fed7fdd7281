"""t-SNE, by openTSNE (the extra ``maps``), from exact neighbours and the principal plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from posterity.errors import MissingExtraError
from posterity.numerics.distances import Floats
from posterity.numerics.neighbours.exact import nearest_to_all
from posterity.numerics.projection.methods import Layout, Method, Points, noise

BARNES_HUT = 25_000
"""Up to this many points, t-SNE sums repulsion by a tree; above, by interpolation and FFT, which scales better."""

_STEPS = (250, 500)
"""Steps with the attraction exaggerated twelvefold, and steps without: openTSNE's defaults."""

_EVERY = 25


def _place(Z: Floats, plane: Points, layout: Layout, workers: int, progress: Callable[[int], object] | None) -> Points:
    try:
        from openTSNE import TSNEEmbedding, affinity, initialization
        from openTSNE.nearest_neighbors import PrecomputedNeighbors
    except ImportError as error:
        raise MissingExtraError("t-SNE", "maps") from error
    perplexity = min(layout.perplexity, (len(Z) - 1) / 3)
    n_nearest = min(len(Z) - 1, int(3 * perplexity))
    indices, distances = nearest_to_all(Z, n_nearest, "euclidean")
    near = affinity.PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(indices.astype(np.int64), distances), perplexity=perplexity, n_jobs=workers
    )
    start = initialization.rescale(plane + 1e-9 * (plane.std() or 1.0) * noise(plane.shape, layout.random_state))
    embedding = TSNEEmbedding(
        start, near, n_jobs=workers, random_state=layout.random_state,
        negative_gradient_method="bh" if len(Z) <= BARNES_HUT else "fft",
    )  # fmt: skip

    def tell(iteration: int, *_: Any) -> None:
        if progress:
            progress(_EVERY)

    callbacks: dict[str, Any] = {"callbacks": tell, "callbacks_every_iters": _EVERY} if progress else {}
    early, late = _STEPS
    # The learning rate is n / exaggeration, as recommended by A. C. Belkina et al., Nature Communications 10, 2019.
    embedding = embedding.optimize(n_iter=early, exaggeration=12, momentum=0.8, learning_rate="auto", **callbacks)
    embedding = embedding.optimize(n_iter=late, momentum=0.8, learning_rate="auto", **callbacks)
    return np.asarray(embedding, np.float64)


METHOD = Method("t-SNE", _place, sum(_STEPS))
