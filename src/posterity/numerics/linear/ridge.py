"""Ridge regression of all labels at once, and as a probe; beside it the prior, which sees no vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.numerics.linear.scaling import Floats, Rows, Scaling


@dataclass(frozen=True)
class Ridge:
    """A trained ridge regression.

    Attributes:
        scaling: Scaling of the features.
        weights: (d, l) weights.
        intercept: (l,) intercepts.
        strength: Strength of the penalty.
        left_out: (n, l), each training row predicted by a regression without it.
    """

    scaling: Scaling
    weights: Floats
    intercept: Floats
    strength: float
    left_out: Floats

    def predict(self, X: Rows) -> Floats:
        """Predict (n, l) of rows (n, d)."""
        return np.asarray(self.scaling(X).astype(np.float64) @ self.weights + self.intercept)


def fit_ridge(X: Rows, Y: Floats) -> Ridge:
    """Minimise squared error plus strength · ‖weights‖², of the strength with the smallest leave-one-out error.

    That is the power of ten, in half steps from 1 to a million, by the closed form of all n leave-one-out predictions
    (G. H. Golub, M. Heath, G. Wahba, *Generalized Cross-Validation*, 1979).

    Args:
        X: (n, d).
        Y: (n, l).
    """
    scaling = Scaling.of(X)
    x, base = scaling(X).astype(np.float64), Y.mean(0)
    y = Y - base
    # By the smaller of the two Gram matrices: the same solution, at a fraction of a decomposition's cost.
    wide = x.shape[1] > len(x)
    values, basis = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    values = np.maximum(values, 0)
    left = basis if wide else (x @ basis) / np.sqrt(np.maximum(values, 1e-9))
    projected = left.T @ y
    best: tuple[float, float, Floats] | None = None
    for strength in 10.0 ** np.arange(0, 6.5, 0.5):
        shrink = values / (values + strength)
        leverage = np.minimum((left**2) @ shrink + 1 / len(y), 1 - 1e-6)
        wrong = (y - left @ (shrink[:, None] * projected)) / (1 - leverage[:, None])
        error = float((wrong**2).mean())
        if best is None or error < best[0]:
            best = error, float(strength), Y - wrong
    assert best is not None  # noqa: S101
    strength = best[1]
    if wide:
        weights = x.T @ (left @ (projected / (values + strength)[:, None]))
    else:
        weights = basis @ (np.sqrt(values)[:, None] / (values + strength)[:, None] * projected)
    return Ridge(scaling, weights, base, strength, best[2])


def ridge_probe(vectors: Rows, labels: Floats, fold: NDArray[np.int64]) -> Floats:
    """Predict labels by :func:`fit_ridge`, each row from the other folds: (n, labels) scores."""
    scores = np.zeros_like(labels)
    for k in np.unique(fold):
        train, test = fold != k, fold == k
        scores[test] = fit_ridge(vectors[train], labels[train]).predict(vectors[test])
    return scores


def prior_scores(labels: Floats, fold: NDArray[np.int64]) -> Floats:
    """Predict for every row how common each label is in the other folds: (n, labels)."""
    scores = np.zeros_like(labels)
    for k in np.unique(fold):
        scores[fold == k] = labels[fold != k].mean(0)
    return scores
