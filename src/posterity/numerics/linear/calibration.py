"""From the scores of a classifier to calibrated probabilities, and to thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from posterity.numerics.linear.logistic import probabilities_of
from posterity.numerics.linear.scaling import Floats

LEAST_SLOPE = 1e-3
"""The least slope of a calibration: it makes uninformative scores nearly constant, but keeps their order."""


@dataclass(frozen=True)
class Calibration:
    """Turns scores into calibrated probabilities: sigmoid(slope · logit + offset), for each label separately.

    J. Platt, *Probabilistic Outputs for Support Vector Machines*, 1999, with his regularised targets. If items have one
    label each, there is one slope for all labels and an offset for each (vector-offset temperature scaling).
    """

    slope: Floats
    offset: Floats
    single: bool

    def __call__(self, logits: Floats) -> Floats:
        """Turn (n, l) scores into (n, l) probabilities."""
        return probabilities_of(self.slope * logits + self.offset, self.single)


def calibrate(logits: Floats, Y: Floats, *, single: bool = False) -> Calibration:
    """Fit a calibration to scores of rows that their model had not seen.

    Args:
        logits: (n, l).
        Y: (n, l) of 0 and 1.
        single: Whether each item has one label.
    """
    if single:
        return _calibrate_single(logits, Y)
    positives, negatives = Y.sum(0), len(Y) - Y.sum(0)
    targets = np.where(Y > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, offset = np.ones(Y.shape[1]), np.zeros(Y.shape[1])
    for j in range(Y.shape[1]):
        z, t = logits[:, j], targets[:, j]

        def loss(ab: Floats, z: Floats = z, t: Floats = t) -> tuple[float, Floats]:
            scores = ab[0] * z + ab[1]
            wrong = expit(scores) - t
            return float((np.logaddexp(0, scores) - t * scores).mean()), np.array([(wrong * z).mean(), wrong.mean()])

        slope[j], offset[j] = minimize(
            loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(LEAST_SLOPE, None), (None, None)]
        ).x
    return Calibration(slope, offset, False)


def _calibrate_single(logits: Floats, Y: Floats) -> Calibration:
    def loss(ab: Floats) -> tuple[float, Floats]:
        logs = log_softmax(ab[0] * logits + ab[1:], axis=1)
        wrong = (np.exp(logs) - Y) / len(Y)
        return float(-(Y * logs).sum() / len(Y)), np.r_[(wrong * logits).sum(), wrong.sum(0)]

    start = np.r_[1.0, np.zeros(Y.shape[1])]
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(LEAST_SLOPE, None), *[(None, None)] * Y.shape[1]]
    ).x
    return Calibration(np.full(Y.shape[1], found[0]), np.asarray(found[1:]), True)


def best_thresholds(probabilities: Floats, Y: Floats) -> Floats:
    """Choose for each label the threshold with the highest F1: (l,).

    Args:
        probabilities: (n, l), of rows that their model had not seen.
        Y: (n, l) of 0 and 1.
    """
    thresholds = np.full(Y.shape[1], 0.5)
    for j in range(Y.shape[1]):
        order = np.argsort(-probabilities[:, j], kind="stable")
        sorted_, hits = probabilities[order, j], np.cumsum(Y[order, j])
        f1 = 2 * hits / (np.arange(1, len(Y) + 1) + Y[:, j].sum())
        # Only between distinct values can a threshold lie.
        f1[:-1][np.diff(sorted_) == 0] = 0
        if Y[:, j].any():
            thresholds[j] = sorted_[int(f1.argmax())]
    return thresholds
