"""Training, as functions of arrays: by the batch map, on all rows or on batches of them, or one row at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike

from posterity.errors import ArgumentError
from posterity.numerics.distances import TIE, Floats, Indices, nearest_units, row_blocks, squared_lengths
from posterity.numerics.grid.lattice import NEIGHBOURHOODS, Lattice, smoother

_REACHED = 1e-30
"""A unit whose neighbourhood holds less weight than this keeps its vector."""

_TABLE = 1 << 24
"""The most distances between units that online training precomputes; on larger maps they are computed in each step."""


def batch_map(
    X: Floats,
    codebook: Floats,
    sigmas: ArrayLike,
    lattice: Lattice | None = None,
    neighbourhood: str = "gaussian",
) -> Floats:
    """Train a codebook by Kohonen's batch map, one epoch for each neighbourhood width.

    mᵢ ← Σⱼ nⱼ hⱼᵢ x̄ⱼ / Σⱼ nⱼ hⱼᵢ (Kohonen 2013, eq. 8); the gaussian is hⱼᵢ = exp(−‖rⱼ − rᵢ‖² / 2σ²). Neighbourhoods
    that are products of one along the rows and one along the columns make a step cost units · (rows + cols) · d, not
    units² · d.

    Args:
        X: (n, d) float32.
        codebook: (rows, cols, d) float32 to start from; not modified.
        sigmas: σ of each epoch, in units.
        lattice: Where the units stand; by default on a rectangular lattice.
        neighbourhood: A name in :data:`posterity.numerics.grid.lattice.NEIGHBOURHOODS`.

    Returns:
        (rows, cols, d) float32. A unit that no row's neighbourhood reaches keeps its vector.
    """
    return stream_map(lambda: (X,), codebook, sigmas, lattice, neighbourhood)


def stream_map(
    batches: Callable[[], Iterable[Floats]],
    codebook: Floats,
    sigmas: ArrayLike,
    lattice: Lattice | None = None,
    neighbourhood: str = "gaussian",
) -> Floats:
    """Train a codebook by the batch map as :func:`batch_map` does, on rows that come in batches.

    Args:
        batches: Called once per epoch; gives (m, d) float32 arrays.
        codebook: (rows, cols, d) float32 to start from; not modified.
        sigmas: σ of each epoch, in units.
        lattice: Where the units are; by default on a rectangular lattice.
        neighbourhood: A name in :data:`posterity.numerics.grid.lattice.NEIGHBOURHOODS`.
    """
    rows, cols, d = codebook.shape
    lattice = lattice or Lattice(rows, cols)
    codebook = codebook.copy()
    for sigma in np.asarray(sigmas, np.float64).tolist():
        smooth = smoother(lattice, neighbourhood, sigma)
        hits, sums = np.zeros(rows * cols, np.int64), np.zeros((rows * cols, d), np.float32)
        for X in batches():
            best = nearest_units(X, codebook)[:, 0]
            hits += np.bincount(best, minlength=rows * cols)
            sums += _sums(X, best, rows * cols)
        weight = smooth(hits.astype(np.float32).reshape(rows, cols, 1))[..., 0]
        total = smooth(sums.reshape(rows, cols, d))
        reached = weight > _REACHED
        codebook[reached] = total[reached] / weight[reached][:, None]
    return codebook


def _sums(X: Floats, best: Indices, n_units: int) -> Floats:
    """Add up the rows of each unit: (n_units, d). Rows are gathered unit by unit, far faster than ``np.add.at``."""
    sums = np.zeros((n_units, X.shape[1]), np.float32)
    order = np.argsort(best, kind="stable")
    for block in row_blocks(len(X), X.shape[1]):
        units, starts = np.unique(best[order[block]], return_index=True)
        sums[units] += np.add.reduceat(X[order[block]], starts, axis=0)
    return sums


def online_map(
    X: Floats,
    codebook: Floats,
    order: Indices,
    sigmas: ArrayLike,
    rates: ArrayLike,
    lattice: Lattice | None = None,
    neighbourhood: str = "gaussian",
) -> Floats:
    """Train a codebook one row at a time: mᵢ ← mᵢ + α(t) hⱼᵢ(t) (x(t) − mᵢ) (Kohonen 2013, eq. 3).

    The unit j that matches a row best is the lowest of those whose squared distances differ from the least by no more
    than :data:`posterity.numerics.distances.TIE` of the squared lengths, as in
    :func:`posterity.numerics.distances.nearest_units`.

    Args:
        X: (n, d) float32.
        codebook: (rows, cols, d) float32 to start from; not modified.
        order: (steps,) the row of each step.
        sigmas: (steps,) σ, in units.
        rates: (steps,) the learning rate α.
        lattice: Where the units stand; by default on a rectangular lattice.
        neighbourhood: A name in :data:`posterity.numerics.grid.lattice.NEIGHBOURHOODS`.

    Returns:
        (rows, cols, d) float32.
    """
    rows, cols, d = codebook.shape
    lattice = lattice or Lattice(rows, cols)
    units = codebook.reshape(-1, d).copy()
    at_hand = lattice.size**2 <= _TABLE
    dx, dy = lattice.offsets(np.arange(lattice.size)) if at_hand else (np.empty(0), np.empty(0))
    shape = NEIGHBOURHOODS[neighbourhood]
    apart, lengths = np.empty_like(units), squared_lengths(X)
    steps = zip(
        np.asarray(order).tolist(), np.asarray(sigmas, float).tolist(), np.asarray(rates, float).tolist(), strict=True
    )
    for row, sigma, rate in steps:
        np.subtract(X[row], units, out=apart)
        squares = squared_lengths(apart)
        nearest = squares.argmin()
        # Among units that float32 cannot tell apart, the lowest wins, as in nearest_units.
        tie = squares[nearest] + TIE * (lengths[row] + units[nearest] @ units[nearest])
        best = int((squares <= tie).argmax())
        if at_hand:
            near = shape(dx[best], dy[best], sigma, lattice.hexagonal)
        else:
            near = lattice.near(neighbourhood, sigma, np.array([best]))[0]
        pull = (rate * near).astype(np.float32)
        reached = np.flatnonzero(pull)
        if 2 * len(reached) < len(pull):
            units[reached] += pull[reached, None] * apart[reached]
        else:
            apart *= pull[:, None]
            units += apart
    return units.reshape(rows, cols, d)


def shown(n: int, steps: int, order: ArrayLike | None, rng: np.random.Generator | None) -> Indices:
    """Give the row of each step: in the given order, or every row equally often, shuffled if a generator is given."""
    if order is None:
        rows = np.arange(steps) % n
        return rows if rng is None else rng.permutation(rows)
    given = np.asarray(order)
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer) or ((given < 0) | (given >= n)).any():
        raise ArgumentError(f"order does not index {n} rows", f"Give one index from 0 to {n - 1} per step.")
    return given.astype(np.int64)
