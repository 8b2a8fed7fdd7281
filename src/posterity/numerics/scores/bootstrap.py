"""Confidence intervals of means: the percentile bootstrap."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from posterity.errors import ArgumentError


def bootstrap_interval(
    values: ArrayLike, *, n_resamples: int = 1000, confidence: float = 0.95, random_state: int = 0
) -> tuple[float, float]:
    """Estimate a confidence interval for the mean of ``values`` by the percentile bootstrap.

    B. Efron, R. J. Tibshirani, *An Introduction to the Bootstrap*, Chapman & Hall 1993, §13.3.

    Args:
        values: (n,) one value per query, such as :func:`posterity.numerics.scores.retrieval.group_hits_at_k` gives.
        n_resamples: How many times n values are drawn with replacement.
        confidence: The share of resampled means between the bounds, above 0 and below 1.
        random_state: Seed.

    Returns:
        (low, high).

    Raises:
        ArgumentError: ``values`` is empty, not a vector or not finite, or an option is out of range.
    """
    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or not len(sample) or not np.isfinite(sample).all():
        raise ArgumentError(f"values of shape {sample.shape} cannot be resampled", "Give n ≥ 1 finite values, (n,).")
    if n_resamples < 1:
        raise ArgumentError(f"n_resamples {n_resamples} is not allowed", "Give 1 or more.")
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence {confidence} is not allowed", "Give a number between 0 and 1, such as 0.95.")
    rng = np.random.default_rng(random_state)
    means = [sample[rng.integers(len(sample), size=len(sample))].mean() for _ in range(n_resamples)]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
