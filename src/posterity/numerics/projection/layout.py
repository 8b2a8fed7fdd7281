"""Laying rows out by a method: all of them or, if there are many, some landmarks, among which the rest are placed."""

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
"""With more rows than LARGE, only LANDMARKS of them are laid out by the method."""

_BLOCK = 8_192


def lay_out(X: Floats, layout: Layout, *, workers: int = 1, progress: Callable[[int], object] | None = None) -> Points:
    """Give each row a position in the plane.

    Args:
        X: (n, d), 1 row or more.
        layout: The method and its options.
        workers: Number of threads for t-SNE.
        progress: Called with the number of steps done, out of :func:`n_steps`.

    Returns:
        (n, 2) float64, with the mean at 0, aligned with the plane of the first two principal components.

    Raises:
        MissingExtraError: The method's library is not installed.
        ArgumentError: The method does not return valid positions.
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
            f"{method.label} returned invalid positions: an array of shape {found.shape} for {len(X)} rows",
            "Use another method. Valid positions are finite, of shape (rows, 2).",
        )
    return aligned(found - found.mean(axis=0), plane)


def landmarks_of(n: int, layout: Layout) -> NDArray[np.int64] | None:
    """Choose the landmarks of n rows: sorted row numbers, or None if all rows are laid out."""
    most = layout.landmarks or (n if n <= LARGE else LANDMARKS)
    if METHODS.get(layout.method).place is None or n <= most:
        return None
    return np.sort(np.random.default_rng(layout.random_state).choice(n, max(4, most), replace=False))


def _around_landmarks(
    X: Floats, chosen: NDArray[np.int64], layout: Layout, workers: int, progress: Callable[[int], object] | None
) -> Points:
    """Lay out the landmarks, and place the other rows among them, by the principal components that the method sees.

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
    """Give the number of steps; None if the method does not report any."""
    return METHODS.get(layout.method).n_steps
