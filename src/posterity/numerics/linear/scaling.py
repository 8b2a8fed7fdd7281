"""Standardised features and their principal axes, which every linear model here starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """What standardises features: (x − mean) / deviation."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, X: Rows) -> Scaling:
        """Compute it from rows (n, d)."""
        deviation = X.std(0)
        # A feature that is constant in training says nothing, however it varies afterwards.
        return cls(X.mean(0), np.where(deviation > 1e-6, deviation, np.float32(1)))

    def __call__(self, X: Rows) -> Rows:
        """Standardise rows (n, d)."""
        return np.asarray((X - self.mean) / self.deviation, np.float32)


def axes(x: Rows) -> tuple[Rows, Floats]:
    """Give the principal axes (d, k) of rows (n, d), and the squared lengths (k,) along them, k the smaller of n and d.

    They come from the smaller of the two Gram matrices. With few rows, weights outside their span would have no use.
    """
    if x.shape[1] <= len(x):
        values, basis = np.linalg.eigh((x.T @ x).astype(np.float64))
        return basis.astype(np.float32), np.maximum(values, 0)
    values, left = np.linalg.eigh((x @ x.T).astype(np.float64))
    kept = values > 1e-6 * max(float(values[-1]), 1e-12)
    values = values[kept]
    return np.asarray(x.T @ (left[:, kept] / np.sqrt(values)), np.float32), values
