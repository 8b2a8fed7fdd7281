"""How well a map of units fits rows: quantization error, topographic error, distortion."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from posterity.numerics.distances import (
    as_codebook,
    as_matrix,
    nearest_units,
    row_blocks,
    squared_distances,
    squared_lengths,
)
from posterity.numerics.grid.lattice import Lattice


def quantization_error(X: ArrayLike, codebook: ArrayLike) -> float:
    """Compute the mean Euclidean distance of each row to the vector of its best-matching unit.

    (1/n) Σᵢ ‖xᵢ − m_b(i)‖: T. Kohonen, *Self-Organizing Maps*, 3rd ed., Springer 2001, §2.14.

    Args:
        X: (n, d).
        codebook: (rows, cols, d).

    Returns:
        In the units of ``X``; 0 or more.

    Raises:
        ArgumentError: The arrays do not fit each other, or hold NaN or infinities.
    """
    codebook = as_codebook(codebook)
    X = as_matrix(X, n_features=codebook.shape[2])
    units = codebook.reshape(-1, codebook.shape[2])
    best = nearest_units(X, codebook)[:, 0]
    total = 0.0
    for block in row_blocks(len(X), X.shape[1]):
        # From the difference itself: what the expanded square of nearest_units cancels would show in the mean.
        total += float(np.sqrt(squared_lengths(X[block] - units[best[block]])).sum(dtype=np.float64))
    return total / len(X)


def topographic_error(X: ArrayLike, codebook: ArrayLike, lattice: Lattice | None = None) -> float:
    """Compute the share of rows whose two best-matching units are not neighbours on the map.

    K. Kiviluoto, *Topology preservation in self-organizing maps*, ICNN 1996. Neighbours are the 8 units around a unit,
    diagonals included, as in MiniSom's rectangular topology, or the 6 around a hexagonal one. A map of one unit, which
    has nothing to fold, gives 0.

    Args:
        X: (n, d).
        codebook: (rows, cols, d).
        lattice: Where the units stand; by default on a rectangular lattice.

    Returns:
        From 0 (every row's two best units touch) to 1.

    Raises:
        ArgumentError: The arrays do not fit each other, or hold NaN or infinities.
    """
    codebook = as_codebook(codebook)
    rows, cols = codebook.shape[:2]
    lattice = lattice or Lattice(rows, cols)
    two = nearest_units(X, codebook, n_nearest=min(2, rows * cols))
    return float((~lattice.adjacent(two[:, 0], two[:, -1])).mean())


def distortion(X: ArrayLike, codebook: ArrayLike, lattice: Lattice, sigma: float, neighbourhood: str) -> float:
    """Compute the mean over rows of Σᵢ hᵢ ‖x − mᵢ‖², the units weighted by their nearness to the best-matching one.

    The SOM's energy: J. Lampinen, E. Oja, *Clustering properties of hierarchical self-organizing maps*, JMIV 2 (1992).

    Args:
        X: (n, d).
        codebook: (rows, cols, d).
        lattice: Where the units stand.
        sigma: The neighbourhood's width, in units.
        neighbourhood: Its name.

    Raises:
        ArgumentError: The arrays do not fit each other, or hold NaN or infinities.
    """
    codebook = as_codebook(codebook)
    X = as_matrix(X, n_features=codebook.shape[2])
    units = codebook.reshape(-1, codebook.shape[2])
    best = nearest_units(X, codebook)[:, 0]
    centre = units.mean(axis=0)
    total = 0.0
    for block in row_blocks(len(X), max(units.shape)):
        apart = squared_distances(X[block] - centre, units - centre)
        near = lattice.near(neighbourhood, sigma, best[block])
        total += float(np.einsum("ij,ij->", near, apart.astype(np.float64)))
    return total / len(X)
