"""Scores of maps against their definitions and MiniSom's own."""

from __future__ import annotations

import numpy as np
import pytest
from minisom import MiniSom

from posterity.numerics import distances
from posterity.numerics.scores import maps


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_quantization_error_is_the_mean_distance_to_the_best_unit(rng, monkeypatch):
    """Against the definition, in float64."""
    monkeypatch.setattr(distances, "_BLOCK", 64)
    X, codebook = rng.normal(size=(30, 6)), rng.normal(size=(3, 4, 6))
    expected = np.mean([min(np.linalg.norm(x - m) for m in codebook.reshape(-1, 6)) for x in X])
    assert maps.quantization_error(X, codebook) == pytest.approx(expected, rel=1e-5)


def test_rows_on_their_units_have_no_quantization_error(rng):
    """The error is of the difference itself, so it is exactly 0 where the vectors are equal."""
    codebook = (rng.normal(size=(3, 4, 6)) + 1000).astype(np.float32)
    assert maps.quantization_error(codebook.reshape(-1, 6), codebook) == 0


@pytest.mark.parametrize("shape", [(6, 5), (1, 9), (2, 2)])
def test_map_errors_are_minisoms(rng, shape):
    """The same codebook and rows give MiniSom's two errors."""
    X = rng.normal(size=(80, 4))
    other = MiniSom(*shape, 4, random_seed=1)
    other.random_weights_init(X)
    codebook = other.get_weights()
    assert maps.quantization_error(X, codebook) == pytest.approx(other.quantization_error(X), rel=1e-5)
    assert maps.topographic_error(X, codebook) == pytest.approx(other.topographic_error(X))


def test_topographic_error_counts_diagonals_as_neighbours():
    """Of four units, the two at the ends of a diagonal touch."""
    codebook = np.array([[[0.0], [9.0]], [[9.5], [1.0]]])
    assert maps.topographic_error([[0.4]], codebook) == 0
    assert maps.topographic_error([[0.4]], np.array([[[0.0], [9.0], [1.0]]])) == 1


def test_a_map_of_one_unit_has_no_topographic_error():
    """There is nothing to fold."""
    assert maps.topographic_error([[1.0], [2.0]], np.zeros((1, 1, 1))) == 0
