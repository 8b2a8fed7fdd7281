"""Principal axes: rows as coordinates along the directions in which they vary most, the same on every machine.

The sign of an axis is arbitrary, and so is its direction if two axes have equal variance; rounding then decides what a
library returns. Maps would come out mirrored or rotated on another processor, so fixed rules decide both here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError
from posterity.numerics.distances import Floats, row_blocks

Doubles = NDArray[np.float64]

_CHUNK = 4096
"""Columns centred and multiplied at once: bounds the memory and, since sums are in float64, the rounding error."""

_FLATTEST = 1e-8
"""Axes with less than this share of the first one's variance are rounding errors of float32 products, not data."""

_EQUAL = 1e-5
"""Axes whose variances differ by less than this share of the first one's are equally wide."""

_LEVEL = 1e-3
"""Entries of eigenvectors that differ by less than this share are equally large."""


def span(X: Floats, more: Floats | None = None) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Turn rows (n, d) into coordinates along their principal axes, keeping every distance between them.

    Neither training rule leaves the affine span of the rows, which has at most n − 1 dimensions. So a map can be
    trained on r ≤ min(n, d) coordinates and lifted back once: 100 posters of 154,290 pixels cost no more than 100
    vectors of 99 numbers. The axes come from the smaller of the Gram matrix (n, n) and the scatter matrix (d, d), by
    eigendecomposition.

    Args:
        X: (n, d) rows.
        more: (m, d) further rows, as if appended to X; they are not copied.

    Returns:
        The coordinates (n + m, r) float32, widest axis first, with the largest entry of each axis's eigenvector
        positive (the first, among entries equal to within a thousandth); and a function that turns coordinates (k, r)
        into vectors (k, d), float32.
    """
    parts = [X] if more is None else [X, more]
    n, d = sum(map(len, parts)), X.shape[1]
    mean = (sum(part.sum(axis=0, dtype=np.float64) for part in parts) / n).astype(np.float32)
    # What is summed: products of columns over all rows, or of rows over all columns.
    if n <= d:
        chunks = [slice(at, min(d, at + _CHUNK)) for at in range(0, d, _CHUNK)]

        def centred(chunk: slice) -> Floats:
            return np.concatenate([part[:, chunk] - mean[chunk] for part in parts])

        gram = np.zeros((n, n))
        for chunk in chunks:
            some = centred(chunk)
            gram += some @ some.T
        axes, variances = _principal(gram)
        widths = np.sqrt(variances)
        Z = np.asarray(axes * widths, np.float32)

        def lift(coordinates: Floats) -> Floats:
            # The axes in d dimensions are never formed: each vector is its weights on the rows times the rows.
            weights = ((coordinates / np.maximum(widths, np.finfo(np.float64).tiny)) @ axes.T).astype(np.float32)
            vectors = np.empty((len(coordinates), d), np.float32)
            for chunk in chunks:
                vectors[:, chunk] = weights @ centred(chunk) + mean[chunk]
            return vectors

        return Z, lift

    rows = X if more is None else np.concatenate(parts)
    scatter = np.zeros((d, d))
    for block in row_blocks(n, d):
        some = rows[block] - mean
        scatter += some.T @ some
    basis = _principal(scatter)[0].astype(np.float32)
    Z = np.empty((n, basis.shape[1]), np.float32)
    for block in row_blocks(n, d):
        Z[block] = (rows[block] - mean) @ basis
    return Z, lambda coordinates: coordinates @ basis.T + mean


def principal_axes(batches: Callable[[], Iterable[Floats]]) -> tuple[Floats, Floats, Floats]:
    """Give the mean (d,), the principal axes (d, r) and the deviations along them (r,) of rows in batches.

    Raises:
        ArgumentError: There are no rows.
    """
    n, total = 0, np.zeros(1)
    for batch in batches():
        n, total = n + len(batch), total + batch.sum(axis=0, dtype=np.float64)
    if not n:
        raise ArgumentError("there are no rows", "Train on 1 row or more.")
    mean = (total / n).astype(np.float32)
    scatter = np.zeros((len(mean), len(mean)))
    for batch in batches():
        centred = batch - mean
        scatter += centred.T @ centred
    axes, variances = _principal(scatter)
    return mean, axes.astype(np.float32), np.sqrt(variances / n).astype(np.float32)


def _principal(symmetric: Doubles) -> tuple[Doubles, Doubles]:
    """Give the eigenvectors (k, r), signs fixed, and eigenvalues (r,) that are more than rounding, largest first."""
    values, vectors = np.linalg.eigh(symmetric)
    values, vectors = values[::-1], vectors[:, ::-1]
    # Constant data have no axis at all; one of zero width is kept, so that arrays keep their shapes.
    rank = max(1, int((values > _FLATTEST * values[0]).sum()))
    values, vectors = np.maximum(values[:rank], 0), vectors[:, :rank].copy()
    # Maps are drawn along the first two axes; rotating the further ones among each other changes no distance.
    for first in range(min(2, rank)):
        equal = np.flatnonzero(np.abs(values - values[first]) <= _EQUAL * values[0])
        if len(equal) > 1 and equal[0] == first:
            vectors[:, equal] = _settled(vectors[:, equal])
    sizes = np.abs(vectors)
    largest = vectors[(sizes >= (1 - _LEVEL) * sizes.max(axis=0)).argmax(axis=0), np.arange(rank)]
    return vectors * np.where(largest < 0, -1.0, 1.0), values


def _settled(vectors: Doubles) -> Doubles:
    """Choose axes for the space spanned by axes of equal variance, (n, k) orthonormal columns.

    The first is the longest projection of any of the n unit vectors into the space (the first one, among those equal to
    within a thousandth); the second is chosen in the same way in the remaining space. The others follow in any order.
    """
    left, chosen = vectors, []
    for _ in range(min(2, vectors.shape[1])):
        lengths = np.linalg.norm(left, axis=1)
        item = int((lengths >= (1 - _LEVEL) * lengths.max()).argmax())
        chosen.append(left[item] / lengths[item])
        left = left - np.outer(left @ chosen[-1], chosen[-1])
    turn = np.linalg.qr(np.column_stack(chosen), mode="complete")[0]
    return np.asarray(vectors @ turn)
