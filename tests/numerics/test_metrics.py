"""Scores against slow, obvious references and MiniSom's own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minisom import MiniSom

from posterity.errors import ArgumentError
from posterity.numerics.scores import metrics


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def brute_units(X, codebook):
    """For each row, every unit from the nearest to the farthest, by one loop in float64."""
    units = np.asarray(codebook, np.float64).reshape(-1, codebook.shape[2])
    return [sorted(range(len(units)), key=lambda u: (float(((x - units[u]) ** 2).sum()), u)) for x in X.astype(float)]


def test_nearest_units_are_those_of_a_brute_force_loop(rng, monkeypatch):
    """Rows are searched in blocks of a few, so that the seams are tested too."""
    monkeypatch.setattr(metrics, "_BLOCK", 100)
    X, codebook = rng.normal(size=(40, 7)), rng.normal(size=(4, 5, 7))
    expected = [order[:3] for order in brute_units(X, codebook)]
    assert metrics.nearest_units(X, codebook, n_nearest=3).tolist() == expected


def test_ties_go_to_the_lowest_unit(rng):
    """Equal units are told apart by no rounding of the matrix product."""
    vector = rng.normal(size=300)
    codebook = np.tile(vector, (13, 11, 1))
    X = vector + rng.normal(size=(50, 300))
    assert (metrics.nearest_units(X, codebook, n_nearest=2) == [0, 1]).all()


def test_vectors_far_from_the_origin_are_told_apart():
    """A common offset a thousand times the differences does not blur the search."""
    units = np.arange(20.0).reshape(4, 5, 1) + 20_000
    assert metrics.nearest_units([[20_007.2]], units).tolist() == [[7]]


def test_quantization_error_is_the_mean_distance_to_the_best_unit(rng, monkeypatch):
    """Against the definition, in float64."""
    monkeypatch.setattr(metrics, "_BLOCK", 64)
    X, codebook = rng.normal(size=(30, 6)), rng.normal(size=(3, 4, 6))
    expected = np.mean([min(np.linalg.norm(x - m) for m in codebook.reshape(-1, 6)) for x in X])
    assert metrics.quantization_error(X, codebook) == pytest.approx(expected, rel=1e-5)


def test_rows_on_their_units_have_no_quantization_error(rng):
    """The error is of the difference itself, so it is exactly 0 where the vectors are equal."""
    codebook = (rng.normal(size=(3, 4, 6)) + 1000).astype(np.float32)
    assert metrics.quantization_error(codebook.reshape(-1, 6), codebook) == 0


@pytest.mark.parametrize("shape", [(6, 5), (1, 9), (2, 2)])
def test_map_errors_are_minisoms(rng, shape):
    """The same codebook and rows give MiniSom's two errors."""
    X = rng.normal(size=(80, 4))
    other = MiniSom(*shape, 4, random_seed=1)
    other.random_weights_init(X)
    codebook = other.get_weights()
    assert metrics.quantization_error(X, codebook) == pytest.approx(other.quantization_error(X), rel=1e-5)
    assert metrics.topographic_error(X, codebook) == pytest.approx(other.topographic_error(X))


def test_topographic_error_counts_diagonals_as_neighbours():
    """Of four units, the two at the ends of a diagonal touch."""
    codebook = np.array([[[0.0], [9.0]], [[9.5], [1.0]]])
    assert metrics.topographic_error([[0.4]], codebook) == 0
    assert metrics.topographic_error([[0.4]], np.array([[[0.0], [9.0], [1.0]]])) == 1


def test_a_map_of_one_unit_has_no_topographic_error():
    """There is nothing to fold."""
    assert metrics.topographic_error([[1.0], [2.0]], np.zeros((1, 1, 1))) == 0


@pytest.mark.parametrize(
    ("X", "codebook", "said"),
    [
        ([1.0, 2.0], np.zeros((2, 2, 2)), r"X has the shape \(2,\)"),
        (np.zeros((0, 2)), np.zeros((2, 2, 2)), r"X has the shape \(0, 2\)"),
        ([[np.nan, 1.0]], np.zeros((2, 2, 2)), "X holds NaN"),
        ([["a", "b"]], np.zeros((2, 2, 2)), "X is no array of numbers"),
        ([[1.0]], np.zeros((2, 2, 2)), "1 features where 2 are needed"),
        ([[1.0, 2.0]], np.zeros((2, 2)), r"codebook has the shape \(2, 2\)"),
        ([[1.0, 2.0]], np.full((2, 2, 2), np.inf), "codebook holds NaN or inf"),
    ],
)
def test_bad_arrays_are_named(X, codebook, said):
    """The message names the array and what is wrong with it."""
    for score in (metrics.quantization_error, metrics.topographic_error, metrics.nearest_units):
        with pytest.raises(ArgumentError, match=said):
            score(X, codebook)


def test_more_nearest_units_than_there_are_is_refused():
    """The message says how many there are."""
    with pytest.raises(ArgumentError, match="The map has 4 units"):
        metrics.nearest_units([[0.0]], np.zeros((2, 2, 1)), n_nearest=5)


def slow_group_recall(neighbours, groups):
    asked = found = 0
    for query, row in enumerate(neighbours):
        siblings = {i for i, g in enumerate(groups) if g == groups[query] != -1 and i != query}
        if siblings:
            asked += 1
            found += bool(siblings & set(row))
    return found / asked


def slow_label_agreement(neighbours, labels):
    shares = []
    for query, row in enumerate(neighbours):
        real = [i for i in row if i not in (-1, query)]
        if labels[query].any() and real:
            shares.append(sum(bool((labels[i] & labels[query]).any()) for i in real) / len(real))
    return sum(shares) / len(shares)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 15), k=st.integers(1, 5))
def test_recall_and_agreement_are_those_of_plain_loops(seed, n, k):
    """Over any neighbours, among them the query itself and -1 for none."""
    rng = np.random.default_rng(seed)
    neighbours = rng.integers(-1, n, size=(n, k))
    groups = np.r_[7, 7, rng.integers(-1, 3, size=n - 2)]
    assert metrics.group_recall_at_k(neighbours, groups) == pytest.approx(slow_group_recall(neighbours, groups))
    labels = rng.random((n, 4)) < 0.3
    labels[0, 0] = True
    neighbours[0, 0] = 1
    agreement = metrics.label_agreement_at_k(neighbours, labels)
    assert agreement == pytest.approx(slow_label_agreement(neighbours, labels))


def test_agreement_by_chance_is_the_mean_over_all_pairs(rng):
    """Ranking every item for every query agrees exactly as much as chance does."""
    labels = rng.random((30, 5)) < 0.25
    pairs = [(i, j) for i, j in itertools.permutations(range(30), 2) if labels[i].any()]
    expected = np.mean([(labels[i] & labels[j]).any() for i, j in pairs])
    assert metrics.label_agreement_by_chance(labels) == pytest.approx(expected)
    everyone = np.tile(np.arange(30), (30, 1))
    assert metrics.label_agreement_at_k(everyone, labels) == pytest.approx(expected)


def test_queries_may_be_some_of_the_items():
    """Row 0 asks for item 2; its sibling, item 0, is second among its neighbours."""
    found = [[1, 0]]
    assert metrics.group_recall_at_k(found, [5, -1, 5], queries=[2]) == 1
    assert metrics.label_agreement_at_k(found, [[1, 0], [0, 1], [1, 1]], queries=[2]) == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: metrics.group_recall_at_k([[1], [0]], [-1, -1]), "no query shares its group"),
        (lambda: metrics.group_recall_at_k([[1], [2]], [0, 0]), "neighbours name items beyond the 2"),
        (lambda: metrics.group_recall_at_k([[1]], [0, 0]), "1 rows of neighbours for queries of shape"),
        (lambda: metrics.group_recall_at_k([[1]], [0, 0], queries=[2]), "queries name items beyond the 2"),
        (lambda: metrics.group_recall_at_k([1, 0], [0, 0]), r"neighbours of shape \(2,\)"),
        (lambda: metrics.group_recall_at_k([[1], [0]], [[0, 0]]), r"groups has the shape \(1, 2\)"),
        (lambda: metrics.label_agreement_at_k([[1], [0]], [[0], [0]]), "no query has both"),
        (lambda: metrics.label_agreement_at_k([[1], [0]], [[0], [2]]), "multi_hot of shape"),
        (lambda: metrics.label_agreement_by_chance([[0], [0]]), "2 items, 0 with a label"),
        (lambda: metrics.bootstrap_interval([]), "cannot be resampled"),
        (lambda: metrics.bootstrap_interval([1.0, np.nan]), "cannot be resampled"),
        (lambda: metrics.bootstrap_interval([1.0], n_resamples=0), "n_resamples 0"),
        (lambda: metrics.bootstrap_interval([1.0], confidence=95), "confidence 95"),
    ],
)
def test_scores_that_mean_nothing_are_refused(call, said):
    """Never NaN: an error that says what is missing."""
    with pytest.raises(ArgumentError, match=said):
        call()


def test_the_bootstrap_interval_is_the_normal_one_of_a_large_sample(rng):
    """For the mean of many values both are mean ± 1.96 standard errors."""
    values = rng.normal(3, 2, size=2000)
    low, high = metrics.bootstrap_interval(values, n_resamples=2000)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)
    assert (low, high) == metrics.bootstrap_interval(values, n_resamples=2000)


def test_the_bootstrap_interval_of_equal_values_is_that_value():
    """Nothing varies."""
    assert metrics.bootstrap_interval([0.5] * 4) == (0.5, 0.5)
