"""Rows of numbers, checked, and the distances between them; the search for best-matching units on top.

What scores, maps and arrangements of cells have in common: :func:`as_matrix` and :func:`as_codebook` refuse anything
but rows of numbers, :func:`row_blocks` bounds memory, and :data:`TIE` defines which distances float32 cannot tell
apart.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posterity.errors import ArgumentError

Floats = NDArray[np.float32]

Indices = NDArray[np.int64]

_BLOCK = 1 << 23
"""Numbers (32 MiB of float32) in a working block, which bounds the memory of every loop over rows."""

TIE = 8 * float(np.finfo(np.float32).eps)
"""Squared distances that differ by less than this share (9.5e-7) of the two vectors' squared lengths are ties: float32
cannot tell them apart, and each processor's matrix product rounds them differently."""


def as_matrix(X: ArrayLike, name: str = "X", n_features: int | None = None) -> Floats:
    """Give ``X`` as a float32 matrix (n, d) that is neither empty nor holds NaN or infinities.

    Args:
        X: (n, d) numbers; a float32 array is returned as it is, not copied.
        name: Its name in messages.
        n_features: The required d, if it is known.

    Raises:
        ArgumentError: It is not such a matrix; the message says why and what to do.
    """
    return _as_finite(X, name, 2, "one row per item, (n, d)", n_features)


def as_codebook(codebook: ArrayLike) -> Floats:
    """Give ``codebook`` as a float32 array (rows, cols, d), with the checks of :func:`as_matrix`.

    Raises:
        ArgumentError: It has another number of axes, is empty, or holds NaN or infinities.
    """
    return _as_finite(codebook, "codebook", 3, "one vector per unit, (rows, cols, d)", None)


def row_blocks(n: int, width: int) -> Iterator[slice]:
    """Cut n rows into slices so that blocks of ``width`` numbers per row stay within a fixed size."""
    step = max(1, _BLOCK // max(1, width))
    return (slice(start, min(n, start + step)) for start in range(0, n, step))


def squared_distances(A: Floats, B: Floats) -> Floats:
    """Compute ‖a‖² − 2⟨a, b⟩ + ‖b‖² for every pair, by one float32 matrix product.

    Precision is lost if vectors are long compared with their distances, so subtract a common centre from both first.

    Args:
        A: (n, d).
        B: (m, d).

    Returns:
        (n, m) float32, at least 0.
    """
    distances: Floats = A @ B.T
    distances *= -2
    distances += squared_lengths(A)[:, None]
    distances += squared_lengths(B)
    np.maximum(distances, 0, out=distances)
    return distances


def squared_lengths(A: Floats) -> Floats:
    """Compute the squared Euclidean length of each row of ``A`` (n, d): (n,) float32."""
    return np.asarray(np.einsum("ij,ij->i", A, A), np.float32)


def nearest_units(X: ArrayLike, codebook: ArrayLike, n_nearest: int = 1) -> Indices:
    """Find the units whose vectors lie nearest to each row, best first.

    Distances that float32 cannot tell apart (:data:`TIE`) are ties, and the lowest unit wins a tie: equal units, which
    training on few posters makes plenty of, would otherwise be chosen among by the matrix product's rounding.

    Args:
        X: (n, d).
        codebook: (rows, cols, d); unit (r, c) has the index r · cols + c.
        n_nearest: Number of units per row, from 1 to rows · cols.

    Returns:
        (n, n_nearest) int64 indices of units.

    Raises:
        ArgumentError: The arrays do not fit each other, or hold NaN or infinities.
    """
    codebook = as_codebook(codebook)
    X = as_matrix(X, n_features=codebook.shape[2])
    units = codebook.reshape(-1, codebook.shape[2])
    if not 1 <= n_nearest <= len(units):
        raise ArgumentError(f"n_nearest {n_nearest} is not allowed", f"The map has {len(units)} units: give 1 or more.")
    centre = units.mean(axis=0)
    units = units - centre
    lengths = squared_lengths(units)
    nearest = np.empty((len(X), n_nearest), np.int64)
    for block in row_blocks(len(X), max(units.shape)):
        rows = X[block] - centre
        own = squared_lengths(rows)
        # ‖x‖² is the same for every unit, so it is left out of the comparison.
        scores = rows @ units.T
        scores *= -2
        scores += lengths
        every = np.arange(len(rows))
        for rank in range(n_nearest):
            best = scores.argmin(axis=1)
            tie = scores[every, best] + np.float32(TIE) * (own + lengths[best])
            first = (scores <= tie[:, None]).argmax(axis=1)
            nearest[block, rank] = first
            scores[every, first] = np.inf
    return nearest


def _as_finite(X: ArrayLike, name: str, ndim: int, expected: str, n_features: int | None) -> Floats:
    try:
        array = np.asarray(X, np.float32)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} is not an array of numbers", f"Give {expected}, float32.") from None
    if array.ndim != ndim or not array.size:
        raise ArgumentError(f"{name} has the shape {array.shape}", f"Give {expected}, not empty.")
    if n_features is not None and array.shape[-1] != n_features:
        raise ArgumentError(
            f"{name} has {array.shape[-1]} features where {n_features} are needed", "Use vectors of the same encoder."
        )
    flat = array.reshape(-1, array.shape[-1])
    for block in row_blocks(len(flat), flat.shape[1]):
        if not np.isfinite(flat[block]).all():
            raise ArgumentError(f"{name} holds NaN or infinities", "Leave out the rows without a vector.")
    return array
