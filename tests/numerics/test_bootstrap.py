"""The bootstrap's interval of a mean."""

from __future__ import annotations

import numpy as np
import pytest

from posterity.errors import ArgumentError
from posterity.numerics.scores import bootstrap


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_bootstrap_interval_is_the_normal_one_of_a_large_sample(rng):
    """For the mean of many values both are mean ± 1.96 standard errors."""
    values = rng.normal(3, 2, size=2000)
    low, high = bootstrap.bootstrap_interval(values, n_resamples=2000)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)
    assert (low, high) == bootstrap.bootstrap_interval(values, n_resamples=2000)


def test_the_bootstrap_interval_of_equal_values_is_that_value():
    """Nothing varies."""
    assert bootstrap.bootstrap_interval([0.5] * 4) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: bootstrap.bootstrap_interval([]), "cannot be resampled"),
        (lambda: bootstrap.bootstrap_interval([1.0, np.nan]), "cannot be resampled"),
        (lambda: bootstrap.bootstrap_interval([1.0], n_resamples=0), "n_resamples 0"),
        (lambda: bootstrap.bootstrap_interval([1.0], confidence=95), "confidence 95"),
    ],
)
def test_what_cannot_be_resampled_is_refused(call, said):
    """Never NaN: an error that says what is missing."""
    with pytest.raises(ArgumentError, match=said):
        call()
