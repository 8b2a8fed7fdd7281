"""Laying rows out by a method: all of them, or, of many, some, among which the rest find their places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError
from posterity.numerics.distances import Floats, as_matrix
from posterity.numerics.principal import span
from posterity.numerics.projection.methods import METHODS, Layout, Points
from posterity.numerics.projection.places import aligned, placed
from posterity.runtime.parallel import ordered_map

LARGE, LANDMARKS = 100_000, 25_000
"""Beyond how many rows only some are laid out, and how many those are."""

_BLOCK = 8_192


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
        ArgumentError: The method gives something else than places.
    """
    X = as_matrix(X)
    chosen = landmarks_of(len(X), layout)
    if chosen is not None:
        return _around_landmarks(X, chosen, layout, workers, progress)
    Z = span(X)[0]
    plane = np.zeros((len(Z), 2))
    plane[:, : min(2, Z.shape[1])] = Z[:, :2]
    method = METHODS.get(layout.method)
    if method.place is None or len(X) < 4:
        return plane
    seen = np.ascontiguousarray(Z[:, : layout.n_components] if layout.n_components else Z)
    found = np.asarray(method.place(seen, plane, layout, workers, progress), np.float64)
    if found.shape != plane.shape or not np.isfinite(found).all():
        raise ArgumentError(
            f"{method.label} gives no places in the plane: an array of shape {found.shape} for {len(X)} rows",
            "Lay them out by another method.",
        )
    return aligned(found - found.mean(axis=0), plane)


def landmarks_of(n: int, layout: Layout) -> NDArray[np.int64] | None:
    """Choose the landmarks of n rows: sorted rows, or None where all rows are laid out."""
    most = layout.landmarks or (n if n <= LARGE else LANDMARKS)
    if METHODS.get(layout.method).place is None or n <= most:
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
    return METHODS.get(layout.method).n_steps
