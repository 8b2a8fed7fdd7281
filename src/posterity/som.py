"""The self-organising map: a sheet of units, each with a vector, laid through the data so that neighbours are alike.

Kohonen's batch map, as in T. Kohonen, *Essentials of the self-organizing map*, Neural Networks 37 (2013). Symbols are
the paper's: mᵢ the vector of unit i, x̄ⱼ the mean of the nⱼ rows that match unit j best, hⱼᵢ how near j is to i.

This module trains by batches on a rectangular sheet, and nothing else. :func:`batch_map` is the whole of the training:
another rule (online) is a function of the same arguments beside it, another sheet another :func:`_kernel`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posterity import metrics
from posterity.errors import ArgumentError, UnknownNameError
from posterity.metrics import Floats, Indices

_CHUNK = 4096
"""Columns that are centred and multiplied at once: bounds the memory and, summed in float64, the rounding."""

_FLATTEST = 1e-8
"""Axes with less than this share of the first one's variance are rounding of float32 products, not data."""

_FAINTEST = 1e-30
"""Neighbourhoods below this are taken as none: smaller ones lose digits in float32, and a computer its speed."""


class SelfOrganizingMap:
    """A rectangular map of rows × cols units, trained in batches.

    Training is deterministic: the same rows, options and seed give the same map.

    Args:
        rows: Units from top to bottom.
        cols: Units from left to right.
        n_epochs: Passes over the data; 0 leaves the map as initialised.
        sigma: Standard deviation of the gaussian neighbourhood in the first epoch, in units. By default a quarter of
            the longer side: the initial plane has already ordered the map at large.
        sigma_end: The same in the last epoch; it shrinks by a constant factor. Lower fits the posters more closely,
            higher keeps the map smoother.
        init: ``"pca"`` spreads the units evenly on the plane of the first two principal components; ``"random"`` puts
            each on a row drawn by the seed.
        random_state: Seed of the random initialisation.

    Attributes:
        codebook_: (rows, cols, d) float32, the vectors of the units.
        n_features_in_: d.
        sigmas_: (n_epochs,) the standard deviation of each epoch.

    Raises:
        ArgumentError: An option is out of range.

    >>> som = SelfOrganizingMap(1, 2).fit([[0.0], [0.1], [0.9], [1.0]])
    >>> som.best_matching_units([[0.2], [0.8]])[:, 1].tolist()
    [0, 1]
    """

    codebook_: Floats
    n_features_in_: int
    sigmas_: NDArray[np.float64]

    def __init__(
        self,
        rows: int,
        cols: int,
        *,
        n_epochs: int = 20,
        sigma: float | None = None,
        sigma_end: float = 0.5,
        init: str = "pca",
        random_state: int = 0,
    ) -> None:
        if rows < 1 or cols < 1:
            raise ArgumentError(f"a map of {rows} by {cols} units is not allowed", "It has 1 or more rows and columns.")
        if n_epochs < 0:
            raise ArgumentError(f"n_epochs {n_epochs} is not allowed", "It is 0 (no training) or more.")
        for name, value in (("sigma", sigma), ("sigma_end", sigma_end)):
            if value is not None and not 0 < value < np.inf:
                raise ArgumentError(f"{name} {value} is not allowed", "It is a positive number of units.")
        if init not in _INITS:
            raise UnknownNameError("initialisation", init, _INITS)
        self.rows = rows
        self.cols = cols
        self.n_epochs = n_epochs
        self.sigma = sigma
        self.sigma_end = sigma_end
        self.init = init
        self.random_state = random_state

    def fit(self, X: ArrayLike) -> SelfOrganizingMap:
        """Train on ``X`` (n, d), afresh.

        Raises:
            ArgumentError: ``X`` is empty, no matrix, or holds NaN or infinities.
        """
        X = metrics.as_matrix(X)
        Z, lift = span(X)
        start = _INITS[self.init](Z, self.rows, self.cols, np.random.default_rng(self.random_state))
        widest = self.sigma if self.sigma is not None else max(self.sigma_end, max(self.rows, self.cols) / 4)
        self.sigmas_ = np.geomspace(widest, self.sigma_end, self.n_epochs)
        trained = batch_map(Z, start, self.sigmas_)
        self.codebook_ = lift(trained.reshape(-1, Z.shape[1])).reshape(self.rows, self.cols, -1)
        self.n_features_in_ = X.shape[1]
        return self

    def best_matching_units(self, X: ArrayLike) -> Indices:
        """Find the unit nearest to each row; of equally near ones the first, row by row.

        Returns:
            (n, 2) int64, (row, column) on the map.

        Raises:
            ArgumentError: The map is not fitted, or ``X`` does not fit it.
        """
        best = metrics.nearest_units(X, self._codebook())[:, 0]
        return np.stack(np.divmod(best, self.cols), axis=1)

    def quantization_error(self, X: ArrayLike) -> float:
        """Compute :func:`posterity.metrics.quantization_error` of ``X`` on this map."""
        return metrics.quantization_error(X, self._codebook())

    def topographic_error(self, X: ArrayLike) -> float:
        """Compute :func:`posterity.metrics.topographic_error` (8 neighbours) of ``X`` on this map."""
        return metrics.topographic_error(X, self._codebook())

    def _codebook(self) -> Floats:
        if not hasattr(self, "codebook_"):
            raise ArgumentError("the map is not fitted", "Call fit(X) first.")
        return self.codebook_


def batch_map(X: Floats, codebook: Floats, sigmas: ArrayLike) -> Floats:
    """Train a codebook by Kohonen's batch map, one epoch for each neighbourhood width.

    mᵢ ← Σⱼ nⱼ hⱼᵢ x̄ⱼ / Σⱼ nⱼ hⱼᵢ with hⱼᵢ = exp(−‖rⱼ − rᵢ‖² / 2σ²) (Kohonen 2013, eq. 8). The gaussian is the product
    of one along the rows and one along the columns, so a step costs units · (rows + cols) · d, not units² · d.

    Args:
        X: (n, d) float32.
        codebook: (rows, cols, d) float32 to start from; left as it is.
        sigmas: σ of each epoch, in units.

    Returns:
        (rows, cols, d) float32. A unit that no row's neighbourhood reaches keeps its vector.
    """
    rows, cols, d = codebook.shape
    codebook = codebook.copy()
    for sigma in np.asarray(sigmas, np.float64):
        along_rows, along_cols = _kernel(rows, sigma), _kernel(cols, sigma)
        best = metrics.nearest_units(X, codebook)[:, 0]
        hits = np.bincount(best, minlength=rows * cols).astype(np.float32).reshape(rows, cols)
        weight = along_rows @ hits @ along_cols
        total = (along_rows @ _sums(X, best, rows * cols).reshape(rows, cols * d)).reshape(rows, cols, d)
        total = np.matmul(along_cols, total)
        reached = weight > _FAINTEST
        codebook[reached] = total[reached] / weight[reached][:, None]
    return codebook


def span(X: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Turn rows (n, d) into coordinates along their principal axes, keeping every distance between them.

    A batch map never leaves the span of its rows, of n − 1 dimensions at most. So it can be trained on r ≤ min(n, d)
    coordinates and lifted back once: 100 posters of 154,290 pixels cost no more than 100 vectors of 99 numbers. The
    axes come from the smaller of the Gram matrix (n, n) and the scatter matrix (d, d), by eigendecomposition.

    Returns:
        The coordinates (n, r) float32, widest axis first, with the largest entry of each axis's eigenvector positive;
        and the function that takes coordinates (m, r) to vectors (m, d), float32.
    """
    n, d = X.shape
    mean = X.mean(axis=0, dtype=np.float64).astype(np.float32)
    # What is summed: products of columns over all rows, or of rows over all columns.
    if n <= d:
        chunks = [slice(at, min(d, at + _CHUNK)) for at in range(0, d, _CHUNK)]
        gram = np.zeros((n, n))
        for chunk in chunks:
            centred = X[:, chunk] - mean[chunk]
            gram += centred @ centred.T
        axes, variances = _principal(gram)
        widths = np.sqrt(variances)
        Z = np.asarray(axes * widths, np.float32)

        def lift(coordinates: Floats) -> Floats:
            # The axes in d dimensions are never formed: each vector is its weights on the rows times the rows.
            weights = ((coordinates / np.maximum(widths, np.finfo(np.float64).tiny)) @ axes.T).astype(np.float32)
            vectors = np.empty((len(coordinates), d), np.float32)
            for chunk in chunks:
                vectors[:, chunk] = weights @ (X[:, chunk] - mean[chunk]) + mean[chunk]
            return vectors

        return Z, lift

    scatter = np.zeros((d, d))
    for block in metrics.row_blocks(n, d):
        centred = X[block] - mean
        scatter += centred.T @ centred
    basis = _principal(scatter)[0].astype(np.float32)
    Z = np.empty((n, basis.shape[1]), np.float32)
    for block in metrics.row_blocks(n, d):
        Z[block] = (X[block] - mean) @ basis
    return Z, lambda coordinates: coordinates @ basis.T + mean


def _principal(symmetric: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the eigenvectors (k, r), signs fixed, and eigenvalues (r,) that are more than rounding, largest first."""
    values, vectors = np.linalg.eigh(symmetric)
    values, vectors = values[::-1], vectors[:, ::-1]
    # Constant data have no axis at all; one is kept, of no width, so that arrays keep their shapes.
    rank = max(1, int((values > _FLATTEST * values[0]).sum()))
    values, vectors = np.maximum(values[:rank], 0), vectors[:, :rank]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(rank)]
    return vectors * np.where(largest < 0, -1.0, 1.0), values


def _pca_plane(Z: Floats, rows: int, cols: int, _rng: np.random.Generator) -> Floats:
    """Spread the units within one standard deviation along the first two axes, the longer side along the first.

    The linear initialisation of J. Vesanto et al., *SOM Toolbox for Matlab 5*, Helsinki 2000.
    """
    deviations = Z.std(axis=0)
    plane = np.zeros((rows, cols, Z.shape[1]), np.float32)
    across, down = np.meshgrid(_spread(cols), _spread(rows))
    sides = (across, down) if cols >= rows else (down, across)
    for axis, side in enumerate(sides[: Z.shape[1]]):
        plane[:, :, axis] = side * deviations[axis]
    return plane


def _spread(n: int) -> NDArray[np.float64]:
    return np.linspace(-1, 1, n) if n > 1 else np.zeros(1)


def _random_rows(Z: Floats, rows: int, cols: int, rng: np.random.Generator) -> Floats:
    return Z[rng.choice(len(Z), rows * cols, replace=len(Z) < rows * cols)].reshape(rows, cols, -1)


_INITS: dict[str, Callable[[Floats, int, int, np.random.Generator], Floats]] = {
    "pca": _pca_plane,
    "random": _random_rows,
}


def _kernel(n: int, sigma: float) -> Floats:
    """Give the gaussian neighbourhood (n, n) of n units in a line."""
    at = np.arange(n)
    kernel = np.exp(-((at[:, None] - at) ** 2) / (2 * sigma**2))
    return np.where(kernel > _FAINTEST, kernel, 0).astype(np.float32)


def _sums(X: Floats, best: Indices, n_units: int) -> Floats:
    """Add up the rows of each unit: (n_units, d). Rows are gathered unit by unit, far faster than ``np.add.at``."""
    sums = np.zeros((n_units, X.shape[1]), np.float32)
    order = np.argsort(best, kind="stable")
    for block in metrics.row_blocks(len(X), X.shape[1]):
        units, starts = np.unique(best[order[block]], return_index=True)
        sums[units] += np.add.reduceat(X[order[block]], starts, axis=0)
    return sums
