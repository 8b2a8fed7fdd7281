"""Vectors as points in the plane: PCA, t-SNE and UMAP, each with its defaults; new points on an existing map.

t-SNE and UMAP come from openTSNE and umap-learn (the extra ``maps``). What surrounds them is ours: nearest neighbours
exact and as fast as a matrix product; a start from the principal plane, which keeps the map's large-scale order (D.
Kobak, P. Berens, *The art of using t-SNE for single-cell transcriptomics*, Nature Communications 10, 2019); and
:func:`aligned`, so that a map that is drawn again does not come out turned or mirrored.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError, MissingExtraError, UnknownNameError
from posterity.numerics.neighbours.exact import nearest_to_all
from posterity.numerics.principal import span
from posterity.numerics.scores import metrics
from posterity.numerics.scores.metrics import Floats
from posterity.runtime.parallel import ordered_map

Points = NDArray[np.float64]

METHODS = ("pca", "tsne", "umap")

BARNES_HUT = 25_000
"""Points up to which t-SNE sums repulsion by a tree; beyond, by interpolation and FFT, whose cost grows more slowly."""

LARGE, LANDMARKS = 100_000, 25_000
"""Beyond how many rows only some are laid out, and how many those are."""

_BLOCK = 8_192

NEAREST = 10
"""Neighbours that a new point is placed among."""


@dataclass(frozen=True)
class Layout:
    """How vectors are laid out.

    Attributes:
        method: "pca", "tsne" or "umap".
        n_components: Principal components that t-SNE and UMAP see; 0 shows them the vectors themselves.
        perplexity: Of t-SNE: about how many neighbours a point cares for.
        n_neighbors: Of UMAP: likewise.
        min_dist: Of UMAP: how near points may come.
        random_state: Seed.
        landmarks: Of t-SNE and UMAP: how many posters, drawn at random, are laid out; the rest find their places among
            them (:func:`placed`). 0 is all of up to 100,000, and 25,000 of more.
    """

    method: str = "tsne"
    n_components: int = 50
    perplexity: float = 30.0
    n_neighbors: int = 15
    min_dist: float = 0.1
    random_state: int = 0
    landmarks: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UnknownNameError("method", self.method, METHODS)
        for name, least, most in (("n_components", 0, 1e9), ("perplexity", 1, 1e6), ("n_neighbors", 2, 1e6),
                                  ("min_dist", 0, 1), ("landmarks", 0, 1e9)):  # fmt: skip
            if not least <= getattr(self, name) <= most:
                raise ArgumentError(f"{name} {getattr(self, name)} is not allowed", f"It is {least:g} to {most:g}.")


def lay_out(X: Floats, layout: Layout, *, workers: int = 1, progress: Callable[[int], object] | None = None) -> Points:
    """Give each row a place in the plane.

    Args:
        X: (n, d), 1 row or more.
        layout: How.
        workers: Threads of t-SNE.
        progress: Called with the number of steps done, of :func:`n_steps`.

    Returns:
        (n, 2) float64, the mean at 0, turned so that the first axis is the longest and signs are those of the first
        principal components.

    Raises:
        MissingExtraError: The library is not installed.
    """
    X = metrics.as_matrix(X)
    chosen = landmarks_of(len(X), layout)
    if chosen is not None:
        return _around_landmarks(X, chosen, layout, workers, progress)
    Z = span(X)[0]
    plane = np.zeros((len(Z), 2))
    plane[:, : min(2, Z.shape[1])] = Z[:, :2]
    if layout.method == "pca" or len(X) < 4:
        return plane
    seen = np.ascontiguousarray(Z[:, : layout.n_components] if layout.n_components else Z)
    found = (_tsne if layout.method == "tsne" else _umap)(seen, plane, layout, workers, progress)
    return aligned(found - found.mean(axis=0), plane)


def landmarks_of(n: int, layout: Layout) -> NDArray[np.int64] | None:
    """Choose the landmarks of n rows: sorted rows, or None where all rows are laid out."""
    most = layout.landmarks or (n if n <= LARGE else LANDMARKS)
    if layout.method == "pca" or n <= most:
        return None
    return np.sort(np.random.default_rng(layout.random_state).choice(n, max(4, most), replace=False))


def _around_landmarks(
    X: Floats, chosen: NDArray[np.int64], layout: Layout, workers: int, progress: Callable[[int], object] | None
) -> Points:
    """Lay out some rows, and place the others among them, by the same principal components that the method sees.

    V. de Silva, J. B. Tenenbaum, *Sparse multidimensional scaling using landmark points*, Stanford 2004, for the idea.
    """
    known = np.ascontiguousarray(X[chosen])
    points = np.empty((len(X), 2))
    points[chosen] = lay_out(known, replace(layout, landmarks=len(chosen)), workers=workers, progress=progress)
    mean = known.mean(axis=0)
    k = min(layout.n_components or X.shape[1], *known.shape)
    axes = np.linalg.eigh((known - mean).T @ (known - mean))[1][:, ::-1][:, :k]
    seen = (known - mean) @ axes
    others = np.setdiff1d(np.arange(len(X)), chosen, assume_unique=True)
    blocks = [others[at : at + _BLOCK] for at in range(0, len(others), _BLOCK)]
    found = ordered_map(lambda rows: placed((X[rows] - mean) @ axes, seen, points[chosen]), blocks, workers)
    for rows, places in zip(blocks, found, strict=True):
        points[rows] = places
    return np.asarray(points - points.mean(axis=0))


def n_steps(layout: Layout) -> int | None:
    """Tell how many steps there are; None where the method does not tell."""
    return sum(_TSNE_STEPS) if layout.method == "tsne" else None


_TSNE_STEPS = (250, 500)
"""Steps with the attraction exaggerated twelvefold, and steps without: openTSNE's defaults."""

_EVERY = 25


def _tsne(Z: Floats, plane: Points, layout: Layout, workers: int, progress: Callable[[int], object] | None) -> Points:
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
    start = initialization.rescale(plane + 1e-9 * (plane.std() or 1.0) * _noise(plane.shape, layout.random_state))
    embedding = TSNEEmbedding(
        start, near, n_jobs=workers, random_state=layout.random_state,
        negative_gradient_method="bh" if len(Z) <= BARNES_HUT else "fft",
    )  # fmt: skip

    def tell(iteration: int, *_: Any) -> None:
        if progress:
            progress(_EVERY)

    callbacks: dict[str, Any] = {"callbacks": tell, "callbacks_every_iters": _EVERY} if progress else {}
    early, late = _TSNE_STEPS
    # The rate n / exaggeration, as A. C. Belkina et al., Nature Communications 10, 2019, recommend.
    embedding = embedding.optimize(n_iter=early, exaggeration=12, momentum=0.8, learning_rate="auto", **callbacks)
    embedding = embedding.optimize(n_iter=late, momentum=0.8, learning_rate="auto", **callbacks)
    return np.asarray(embedding, np.float64)


def _noise(shape: tuple[int, ...], seed: int) -> Points:
    return np.random.default_rng(seed).standard_normal(shape)


def _umap(Z: Floats, plane: Points, layout: Layout, _workers: int, _progress: Callable[[int], object] | None) -> Points:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TensorFlow, which we do not use, is not there
            from umap import UMAP
    except ImportError as error:
        raise MissingExtraError("UMAP", "maps") from error
    n_neighbors = min(layout.n_neighbors, len(Z) - 1)
    indices, distances = nearest_to_all(Z, n_neighbors - 1, "euclidean")
    # UMAP counts each point as its own first neighbour.
    indices = np.column_stack([np.arange(len(Z)), indices])
    distances = np.column_stack([np.zeros(len(Z)), distances]).astype(np.float32)
    scaled = plane / max(float(np.abs(plane).max()), 1e-12) * 10
    start = (scaled + 1e-4 * _noise(plane.shape, layout.random_state)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed means one thread; that neighbours given cannot place new points
        reducer = UMAP(
            n_neighbors=n_neighbors, min_dist=layout.min_dist, init=start, random_state=layout.random_state,
            precomputed_knn=(indices, distances, None), n_jobs=1,
        )  # fmt: skip
        found = reducer.fit_transform(Z)
    return np.asarray(found, np.float64)


def aligned(points: Points, reference: Points) -> Points:
    """Turn and mirror points, about their mean, to lie as near to others as can be; no distance changes.

    Orthogonal Procrustes: P. H. Schönemann, *A generalized solution of the orthogonal Procrustes problem*,
    Psychometrika 31, 1966.

    Args:
        points: (n, 2).
        reference: (n, 2), of any scale and place.

    Returns:
        (n, 2), the mean where it was.
    """
    centre = points.mean(axis=0)
    u, _, vt = np.linalg.svd((points - centre).T @ (reference - reference.mean(axis=0)))
    return np.asarray((points - centre) @ (u @ vt) + centre)


def placed(X: Floats, known: Floats, points: Points, k: int = NEAREST) -> Points:
    """Give new rows places on an existing map: the median of those of their nearest known rows.

    The median, unlike the mean, does not put a row between two clusters where there is nothing. Rows that are as near
    as the last of the nearest, but for :data:`posterity.numerics.scores.metrics.TIE` of the squared lengths, count as
    well.

    Args:
        X: (m, d) new rows.
        known: (n, d) rows of the map.
        points: (n, 2) their places.
        k: How many of the nearest.

    Returns:
        (m, 2).
    """
    X, known = metrics.as_matrix(X), metrics.as_matrix(known)
    centre = known.mean(axis=0)
    known = known - centre
    lengths = metrics.squared_lengths(known)
    k = min(k, len(known))
    found = np.empty((len(X), 2))
    for block in metrics.row_blocks(len(X), max(known.shape)):
        rows = X[block] - centre
        distances = metrics.squared_distances(rows, known)
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        places = np.median(points[nearest], axis=1)
        last = nearest[:, -1]
        bound = np.take_along_axis(distances, last[:, None], 1)[:, 0]
        bound += np.float32(metrics.TIE) * (metrics.squared_lengths(rows) + lengths[last])
        for row in np.flatnonzero(np.count_nonzero(distances <= bound[:, None], axis=1) > k).tolist():
            places[row] = np.median(points[distances[row] <= bound[row]], axis=0)
        found[block] = places
    return found
