"""Exact search beside the bare product and partial sort that it cannot do without, over random unit vectors."""

from __future__ import annotations

import statistics

import numpy as np

from benchmarks.harness import seconds, tell
from posterity.numerics.neighbours.exact import Index, Metric

N, D, K, RUNS = 100_000, 512, 5, 40


def bare_product(vectors: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Give the K largest products, in no order."""
    key = vectors @ query
    return np.argpartition(key, N - K)[N - K :]


def measure(vectors: np.ndarray, metric: Metric) -> None:
    """Time both on the same queries in turn, so that whatever else runs hits both; and check the answers."""
    index = Index([f"{i:06}" for i in range(N)], vectors, metric)
    ours, bare = [], []
    for query in vectors[np.random.default_rng(1).integers(0, N, RUNS)]:
        bare.append(seconds(lambda query=query: bare_product(vectors, query)))
        ours.append(seconds(lambda query=query: index.nearest(query, K)))
    for query in vectors[:3]:
        wanted = np.sort(((vectors - query) ** 2).sum(axis=1))[:K]
        found = index.nearest(query, K)[1]
        assert np.allclose(found * 2 if metric == "cosine" else found**2, wanted, atol=1e-5), "the answer is not exact"
    mine, floor = statistics.median(ours) * 1000, statistics.median(bare) * 1000
    ratio = mine / floor
    tell(f"nearest, {metric}", mine, "ms", "bare product", floor, ratio=ratio, goal="< 1.5", met=ratio < 1.5)


unit = np.random.default_rng(0).standard_normal((N, D), dtype=np.float32)
unit /= np.linalg.norm(unit, axis=1, keepdims=True)
measure(unit, "cosine")
measure(unit, "euclidean")
