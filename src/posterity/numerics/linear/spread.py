"""How sure a logistic regression is, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.numerics.linear.logistic import Logistic, item_weights
from posterity.numerics.linear.scaling import Floats, Rows, axes


@dataclass(frozen=True)
class Spread:
    """How far logits may be off because the training rows are few: Laplace's approximation.

    The posterior of a label's weights is nearly normal, with the covariance (Xᵀ diag(p (1 − p)) X + strength)⁻¹ (D.
    MacKay, *The Evidence Framework Applied to Classification Networks*, 1992). With p (1 − p) replaced by its mean
    over the rows, all labels share the eigenvectors of XᵀX, which keeps this small.

    Attributes:
        basis: (d, k) eigenvectors of XᵀX, columns.
        values: (k,) eigenvalues; outside their span they are 0.
        curvature: (l,) mean p (1 − p).
        strength: Strength of the penalty.
        n: Number of rows.
    """

    basis: NDArray[np.float32]
    values: Floats
    curvature: Floats
    strength: float
    n: int

    @classmethod
    def of(cls, model: Logistic, X: Rows) -> Spread:
        """Compute it from a model and the rows (n, d) that it was trained on."""
        basis, values = axes(model.scaling(X))
        p = model.probabilities(X)
        return cls(basis, values, (p * (1 - p)).mean(0), model.strength, len(X))

    def deviations(self, model: Logistic, X: Rows) -> Floats:
        """Give the standard deviations (n, l) of the logits of rows (n, d)."""
        x = model.scaling(X)
        along = (x @ self.basis).astype(np.float64) ** 2
        beside = np.maximum((x.astype(np.float64) ** 2).sum(1) - along.sum(1), 0)
        curvature = np.maximum(self.curvature, 1e-9)
        variance = along @ (1 / (self.values[:, None] * curvature + self.strength)) + beside[:, None] / self.strength
        return np.asarray(np.sqrt(variance + 1 / (self.n * curvature)))


def contributions(model: Logistic, residuals: Floats, X: Rows, query: Rows) -> Floats:
    """Compute how much each training row contributes to each label of a query: (n, l).

    At the optimum the weights are Σᵢ residualᵢ xᵢ / strength, so a logit is the intercept and a sum over training rows
    (C.-K. Yeh et al., *Representer Point Selection*, 2018).

    Args:
        model: Trained on ``X``.
        residuals: (n, l), y − p of the training rows, weighed as they were in training.
        X: (n, d), the training rows.
        query: (d,).
    """
    likeness = model.scaling(X) @ model.scaling(query[None])[0]
    return np.asarray(residuals * likeness[:, None] / model.strength)


def residuals_of(model: Logistic, X: Rows, Y: Floats, *, balance: bool = False) -> Floats:
    """Give y − p of training rows, weighed as they were in training: (n, l)."""
    wrong = Y - model.probabilities(X)
    return np.asarray(wrong * item_weights(Y, model.single) if balance else wrong)
