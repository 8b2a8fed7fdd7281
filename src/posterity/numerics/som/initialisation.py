"""Where the units of a map begin: on the principal plane, on rows, or at random."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from posterity.numerics.distances import Floats


def _pca_plane(Z: Floats, rows: int, cols: int, _rng: np.random.Generator) -> Floats:
    """Spread the units within one standard deviation along the first two axes, the longer side along the first.

    The linear initialisation of J. Vesanto et al., *SOM Toolbox for Matlab 5*, Helsinki 2000.
    """
    return principal_plane(Z.std(axis=0), rows, cols)


def principal_plane(deviations: Floats, rows: int, cols: int) -> Floats:
    """Give units (rows, cols, d) on the plane of the first two axes, of which rows deviate by ``deviations`` (d,)."""
    plane = np.zeros((rows, cols, len(deviations)), np.float32)
    across, down = np.meshgrid(_spread(cols), _spread(rows))
    sides = (across, down) if cols >= rows else (down, across)
    for axis, side in enumerate(sides[: len(deviations)]):
        plane[:, :, axis] = side * deviations[axis]
    return plane


def _spread(n: int) -> NDArray[np.float64]:
    return np.linspace(-1, 1, n) if n > 1 else np.zeros(1)


def _sample(Z: Floats, rows: int, cols: int, rng: np.random.Generator) -> Floats:
    chosen: Floats = Z[rng.choice(len(Z), rows * cols, replace=len(Z) < rows * cols)]
    return chosen.reshape(rows, cols, -1)


def _random(Z: Floats, rows: int, cols: int, rng: np.random.Generator) -> Floats:
    spread = rng.standard_normal((rows, cols, Z.shape[1])) * Z.std(axis=0) + Z.mean(axis=0)
    drawn: Floats = spread.astype(np.float32)
    return drawn


INITS: dict[str, Callable[[Floats, int, int, np.random.Generator], Floats]] = {
    "pca": _pca_plane,
    "sample": _sample,
    "random": _random,
}
"""Name -> rows (n, d) in principal coordinates, the map's sides and a generator -> units (rows, cols, d)."""
