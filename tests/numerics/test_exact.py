"""Nearest rows and closest pairs, against brute force, bit for bit."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posterity.errors import ArgumentError
from posterity.numerics.neighbours.exact import Index, Metric, closest_pairs, nearest_to_all, pairs_within


def made(n: int, d: int, metric: Metric, seed: int, equal: int = 0) -> np.ndarray:
    """Draw vectors, some of them equal to others."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)).astype(np.float32)
    if metric == "cosine":
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[rng.integers(0, n, equal)] = rows[0]
    return rows


def brute_force(rows: np.ndarray, metric: Metric) -> tuple[np.ndarray, np.ndarray]:
    """All pairs i < j with their distances in float64, by distance, then i, then j."""
    i, j = np.triu_indices(len(rows), 1)
    squares = np.concatenate(
        [np.sum((rows[a].astype(np.float64) - rows[b]) ** 2, axis=1)
         for a, b in zip(np.array_split(i, max(1, len(i) // 100_000)), np.array_split(j, max(1, len(j) // 100_000)),
                         strict=True)]
    )  # fmt: skip
    distances = squares / 2 if metric == "cosine" else np.sqrt(squares)
    order = np.lexsort((j, i, distances))
    return np.stack([i, j], 1)[order], distances[order]


@settings(deadline=None)
@given(
    st.integers(2, 70), st.integers(1, 12), st.integers(1, 400), st.sampled_from(["cosine", "euclidean"]),
    st.integers(0, 10**6), st.integers(0, 40), st.sampled_from([7, 16, 64]),
)  # fmt: skip
def test_closest_pairs_are_those_of_brute_force(
    n_rows: int, d: int, n: int, metric: Metric, seed: int, equal: int, block: int
) -> None:
    rows = made(n_rows, d, metric, seed, equal)
    pairs, distances = closest_pairs(rows, n, metric, block=block)
    wanted, wanted_distances = brute_force(rows, metric)
    assert np.array_equal(pairs, wanted[:n])
    assert np.array_equal(distances, wanted_distances[:n])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_closest_pairs_of_several_blocks_are_those_of_brute_force(metric: Metric) -> None:
    rows = made(2300, 24, metric, 3, equal=30)
    pairs, distances = closest_pairs(rows, 600, metric)
    wanted, wanted_distances = brute_force(rows, metric)
    assert np.array_equal(pairs, wanted[:600])
    assert np.array_equal(distances, wanted_distances[:600])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_pairs_that_are_not_allowed_are_passed_over(metric: Metric) -> None:
    rows = made(120, 6, metric, 4, equal=40)
    pairs, _ = closest_pairs(rows, 50, metric, allowed=lambda i, j: (i + j) % 3 == 0, block=32)
    wanted, _ = brute_force(rows, metric)
    assert np.array_equal(pairs, wanted[wanted.sum(1) % 3 == 0][:50])


def test_a_million_equal_pairs_stay_bounded_in_memory() -> None:
    rows = np.zeros((1500, 16), np.float32)
    rows[:, 0] = 1
    tracemalloc.start()
    pairs, distances = closest_pairs(rows, 10, "cosine", block=512)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pairs.tolist() == [[0, j] for j in range(1, 11)]
    assert not distances.any()
    assert peak < 40e6


@settings(deadline=None)
@given(st.integers(2, 60), st.sampled_from(["cosine", "euclidean"]), st.integers(0, 10**6), st.integers(0, 30))
def test_pairs_within_a_radius_are_those_of_brute_force(n: int, metric: Metric, seed: int, equal: int) -> None:
    rows = made(n, 5, metric, seed, equal)
    wanted, distances = brute_force(rows, metric)
    radius = float(np.median(distances))
    pairs, found = pairs_within(rows, radius, metric, block=16)
    order = np.lexsort((wanted[:, 1], wanted[:, 0]))
    wanted, distances = wanted[order], distances[order]
    assert np.array_equal(pairs, wanted[distances <= radius])
    assert np.array_equal(found, distances[distances <= radius])


@settings(deadline=None)
@given(
    st.integers(1, 60), st.integers(1, 9), st.sampled_from(["cosine", "euclidean"]), st.integers(0, 10**6),
    st.integers(0, 50),
)  # fmt: skip
def test_all_lists_of_neighbours_are_those_of_brute_force(n: int, k: int, metric: Metric, seed: int, ties: int) -> None:
    rows = made(n, 4, metric, seed, ties)
    found, distances = nearest_to_all(rows, k, metric, block=16)
    index = Index([f"{i:04}" for i in range(n)], rows, metric)
    for row in range(n):
        allowed = np.arange(n) != row
        wanted, wanted_distances = index.nearest(rows[row], k, allowed)
        assert np.array_equal(found[row], wanted)
        assert np.array_equal(distances[row], wanted_distances)


def test_fewer_pairs_than_asked_for() -> None:
    rows = made(3, 4, "cosine", 0)
    assert len(closest_pairs(rows, 99, "cosine")[0]) == 3
    assert len(closest_pairs(rows[:1], 99, "cosine")[0]) == 0
    with pytest.raises(ArgumentError, match="n = 0"):
        closest_pairs(rows, 0, "cosine")
