"""Nearest units against slow, obvious references; what is no rows of numbers is refused."""

from __future__ import annotations

import numpy as np
import pytest

from posterity.errors import ArgumentError
from posterity.numerics import distances
from posterity.numerics.scores import maps


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def brute_units(X, codebook):
    """For each row, every unit from the nearest to the farthest, by one loop in float64."""
    units = np.asarray(codebook, np.float64).reshape(-1, codebook.shape[2])
    return [sorted(range(len(units)), key=lambda u: (float(((x - units[u]) ** 2).sum()), u)) for x in X.astype(float)]


def test_nearest_units_are_those_of_a_brute_force_loop(rng, monkeypatch):
    """Rows are searched in blocks of a few, so that the seams are tested too."""
    monkeypatch.setattr(distances, "_BLOCK", 100)
    X, codebook = rng.normal(size=(40, 7)), rng.normal(size=(4, 5, 7))
    expected = [order[:3] for order in brute_units(X, codebook)]
    assert distances.nearest_units(X, codebook, n_nearest=3).tolist() == expected


def test_ties_go_to_the_lowest_unit(rng):
    """Equal units are told apart by no rounding of the matrix product."""
    vector = rng.normal(size=300)
    codebook = np.tile(vector, (13, 11, 1))
    X = vector + rng.normal(size=(50, 300))
    assert (distances.nearest_units(X, codebook, n_nearest=2) == [0, 1]).all()


def test_vectors_far_from_the_origin_are_told_apart():
    """A common offset a thousand times the differences does not blur the search."""
    units = np.arange(20.0).reshape(4, 5, 1) + 20_000
    assert distances.nearest_units([[20_007.2]], units).tolist() == [[7]]


def test_more_nearest_units_than_there_are_is_refused():
    """The message says how many there are."""
    with pytest.raises(ArgumentError, match="The map has 4 units"):
        distances.nearest_units([[0.0]], np.zeros((2, 2, 1)), n_nearest=5)


@pytest.mark.parametrize(
    ("X", "codebook", "said"),
    [
        ([1.0, 2.0], np.zeros((2, 2, 2)), r"X has the shape \(2,\)"),
        (np.zeros((0, 2)), np.zeros((2, 2, 2)), r"X has the shape \(0, 2\)"),
        ([[np.nan, 1.0]], np.zeros((2, 2, 2)), "X holds NaN"),
        ([["a", "b"]], np.zeros((2, 2, 2)), "X is not an array of numbers"),
        ([[1.0]], np.zeros((2, 2, 2)), "1 features where 2 are needed"),
        ([[1.0, 2.0]], np.zeros((2, 2)), r"codebook has the shape \(2, 2\)"),
        ([[1.0, 2.0]], np.full((2, 2, 2), np.inf), "codebook holds NaN or inf"),
    ],
)
def test_bad_arrays_are_named(X, codebook, said):
    """The message names the array and what is wrong with it."""
    for score in (maps.quantization_error, maps.topographic_error, distances.nearest_units):
        with pytest.raises(ArgumentError, match=said):
            score(X, codebook)
