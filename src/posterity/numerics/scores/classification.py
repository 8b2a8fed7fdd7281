"""How good predicted probabilities are: the field's figures of classifiers, over any number of resamples at once.

A resample of a test set is a row of counts, how often each item is in it (B. Efron, R. Tibshirani, *An Introduction to
the Bootstrap*, 1993); so every figure takes weights (r, n) and gives (r,) values, from one sort of the scores. A row of
ones is the test set itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class Score:
    """A figure and its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.value != self.value:  # undefined, like a correlation with a constant
            return "–"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def resamples(groups: Sequence[object], n_resamples: int = 500, seed: int = 0) -> Floats:
    """Draw resamples of whole groups, with replacement, after a first row of ones: (1 + r, n) counts.

    Films of one franchise, and posters of one film, are not independent, so they are drawn together.
    """
    _, member = np.unique(np.asarray([str(group) for group in groups]), return_inverse=True)
    n_groups = int(member.max()) + 1
    rng = np.random.default_rng(seed)
    counts = np.ones((1 + n_resamples, n_groups))
    for row in range(1, 1 + n_resamples):
        counts[row] = np.bincount(rng.integers(0, n_groups, n_groups), minlength=n_groups)
    return counts[:, member]


def score(values: Floats) -> Score:
    """Join a figure's values over :func:`resamples` into the figure and its 95% percentile interval."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not len(drawn):
        return Score(float(values[0]), float(values[0]), float(values[0]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Score(float(values[0]), float(low), float(high))


def _tied(scores: Floats, truth: Labels, weights: Floats) -> tuple[Floats, Floats]:
    """Add up the weight of positives and negatives at each distinct score, the lowest first: two (r, ties)."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
    every = weights[:, order]
    positive = every * truth[order]
    if len(starts) == len(scores):  # no ties
        return positive, every - positive
    positive, every = (np.add.reduceat(each, starts, axis=1) for each in (positive, every))
    return positive, every - positive


def average_precisions(scores: Floats, truth: Labels, weights: Floats) -> Floats:
    """Compute Σ (R_i − R_{i−1}) P_i over distinct thresholds, as scikit-learn does; ties count together.

    Args:
        scores: (n,).
        truth: (n,).
        weights: (r, n).

    Returns:
        (r,); NaN where no item is positive.
    """
    positive, negative = (each[:, ::-1] for each in _tied(scores, truth, weights))
    hits = positive.cumsum(1)
    found = hits + negative.cumsum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(found > 0, hits / found, 0.0)
        return np.asarray((positive * precision).sum(1) / hits[:, -1])


def roc_aucs(scores: Floats, truth: Labels, weights: Floats) -> Floats:
    """Compute the share of pairs, a positive and a negative, that are in order; ties count half.

    Args and returns are those of :func:`average_precisions`; NaN where there are no such pairs.
    """
    positive, negative = _tied(scores, truth, weights)
    below = negative.cumsum(1) - negative / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((positive * below).sum(1) / (positive.sum(1) * negative.sum(1)))


def average_precision(scores: Floats, truth: NDArray[np.generic]) -> float:
    """Compute one :func:`average_precisions` of all items."""
    return float(average_precisions(scores, np.asarray(truth) > 0, np.ones((1, len(scores))))[0])


def roc_auc(scores: Floats, truth: NDArray[np.generic]) -> float:
    """Compute one :func:`roc_aucs` of all items."""
    return float(roc_aucs(scores, np.asarray(truth) > 0, np.ones((1, len(scores))))[0])


def hits_at(scores: Floats, labels: Labels, k: int) -> Floats:
    """Tell for each item whether one of its k labels with the highest scores is right: (n,) of 0 and 1."""
    first = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.asarray(np.take_along_axis(labels, first, 1).any(1), np.float64)


def calibration_errors(probabilities: Floats, labels: Labels, weights: Floats) -> Floats:
    """Compute the expected calibration error over all items and labels, in 15 bins of equal width.

    Σ_b (n_b / n) |mean label − mean probability|: C. Guo et al., *On Calibration of Modern Neural Networks*, 2017.
    """
    bins = np.minimum((probabilities * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gap = np.zeros((len(labels), CALIBRATION_BINS))
    items = np.broadcast_to(np.arange(len(labels))[:, None], labels.shape)
    np.add.at(gap, (items, bins), labels - probabilities)
    return np.asarray(np.abs(weights @ gap).sum(1) / (weights.sum(1) * labels.shape[1]))


def f1_scores(predicted: Labels, labels: Labels, weights: Floats) -> tuple[Floats, Floats]:
    """Compute F1 = 2 TP / (2 TP + FP + FN), averaged over labels (macro) and over all together (micro): two (r,).

    A label that is neither true nor predicted anywhere counts 0, as in scikit-learn.
    """
    right = weights @ (predicted & labels)
    wrong = weights @ (predicted ^ labels)
    each = 2 * right / np.maximum(2 * right + wrong, 1e-12)
    return np.asarray(each.mean(1)), 2 * right.sum(1) / np.maximum(2 * right.sum(1) + wrong.sum(1), 1e-12)


def multilabel_figures(probabilities: Floats, labels: Labels, predicted: Labels, weights: Floats) -> dict[str, Floats]:
    """Score predictions of several labels per item.

    Args:
        probabilities: (n, l).
        labels: (n, l), what is true.
        predicted: (n, l), what is claimed: probabilities above the labels' thresholds.
        weights: (r, n).

    Returns:
        Figure -> (r,): mAP (a label's average precision, averaged), mAP_micro (of all item-label pairs), auc,
        f1_macro, f1_micro, hamming (the share of wrong item-label pairs), hit_at_1, hit_at_3 (one of so many
        first is right), ece.
    """
    _check(probabilities, labels, weights)
    kept = [j for j in range(labels.shape[1]) if 0 < labels[:, j].sum() < len(labels)]
    macro, micro = f1_scores(predicted, labels, weights)
    total = weights.sum(1)
    return {
        "mAP": _mean([average_precisions(probabilities[:, j], labels[:, j], weights) for j in kept]),
        "mAP_micro": average_precisions(
            probabilities.ravel(), labels.ravel(), np.repeat(weights[:101], labels.shape[1], axis=1)
        ),
        "auc": _mean([roc_aucs(probabilities[:, j], labels[:, j], weights) for j in kept]),
        "f1_macro": macro,
        "f1_micro": micro,
        "hamming": weights @ (predicted ^ labels).mean(1) / total,
        "hit_at_1": weights @ hits_at(probabilities, labels, 1) / total,
        "hit_at_3": weights @ hits_at(probabilities, labels, 3) / total,
        "ece": calibration_errors(probabilities, labels, weights),
    }


def single_label_figures(
    probabilities: Floats, classes: NDArray[np.int64], weights: Floats, prior: Floats
) -> dict[str, Floats]:
    """Score predictions of one class per item.

    Accuracy is best served by the class of the highest probability; balanced accuracy, which asks as much of rare
    classes as of common ones, by the class whose probability exceeds its share most. Each is scored by its own rule.

    Args:
        probabilities: (n, c).
        classes: (n,), the true one.
        weights: (r, n).
        prior: (c,) the share of each class in training.

    Returns:
        Figure -> (r,): top_1 and top_3 accuracy, balanced_top_1 and balanced_top_3 (a class's own, averaged), f1_macro,
        auc (one against the rest, averaged), ece, log_loss.
    """
    one_hot = np.eye(probabilities.shape[1], dtype=bool)[classes]
    _check(probabilities, one_hot, weights)
    present = [j for j in range(one_hot.shape[1]) if 0 < one_hot[:, j].sum() < len(classes)]
    first = np.eye(probabilities.shape[1], dtype=bool)[probabilities.argmax(1)]
    total = weights.sum(1)
    figures = {f"top_{k}": weights @ hits_at(probabilities, one_hot, k) / total for k in (1, 3)}
    for k in (1, 3):
        hit = hits_at(probabilities / np.maximum(prior, 1e-9), one_hot, k)
        with np.errstate(invalid="ignore", divide="ignore"):
            figures[f"balanced_top_{k}"] = _mean(
                [(weights @ (hit * one_hot[:, j])) / (weights @ one_hot[:, j]) for j in present]
            )
    figures["f1_macro"] = f1_scores(first, one_hot, weights)[0]
    figures["auc"] = _mean([roc_aucs(probabilities[:, j], one_hot[:, j], weights) for j in present])
    figures["ece"] = calibration_errors(probabilities, one_hot, weights)
    own = np.clip(probabilities[np.arange(len(classes)), classes], 1e-12, 1)
    figures["log_loss"] = weights @ -np.log(own) / total
    return figures


def binary_figures(probabilities: Floats, truth: Labels, weights: Floats) -> dict[str, Floats]:
    """Score predictions of yes or no.

    Args:
        probabilities: (n,) of yes.
        truth: (n,).
        weights: (r, n).

    Returns:
        Figure -> (r,): auc, accuracy (at a half), balanced_accuracy, brier, log_loss, ece.
    """
    right = (probabilities >= 0.5) == truth
    total = weights.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sides = [(weights @ (right & side)) / (weights @ side) for side in (truth, ~truth)]
    own = np.clip(np.where(truth, probabilities, 1 - probabilities), 1e-12, 1)
    return {
        "auc": roc_aucs(probabilities, truth, weights),
        "accuracy": weights @ right / total,
        "balanced_accuracy": _mean(sides),
        "brier": weights @ (probabilities - truth) ** 2 / total,
        "log_loss": weights @ -np.log(own) / total,
        "ece": calibration_errors(probabilities[:, None], truth[:, None], weights),
    }


def confusion(predicted: NDArray[np.int64], classes: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Count items by their true class (rows) and the predicted one (columns): (c, c)."""
    counts = np.bincount(classes * n_classes + predicted, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes)


def _mean(values: Sequence[Floats]) -> Floats:
    """Average over labels; those that a resample cannot judge are left out of it."""
    if not values:
        return np.full(1, np.nan)
    table = np.stack(values)
    known = np.isfinite(table)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, table, 0).sum(0) / known.sum(0))


def _check(probabilities: Floats, labels: Labels, weights: Floats) -> None:
    if probabilities.shape != labels.shape or weights.shape[1:] != labels.shape[:1] or not labels.size:
        raise ArgumentError(
            f"probabilities {probabilities.shape}, labels {labels.shape} and weights {weights.shape} do not fit",
            "Give arrays of shapes (n, l), (n, l) and (r, n), not empty.",
        )
