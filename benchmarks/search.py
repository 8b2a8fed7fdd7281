"""Exact search beside the bare product and partial sort that it cannot do without. The vectors are random, of unit length."""

from __future__ import annotations

import statistics

import numpy as np

from benchmarks.harness import seconds, tell
from posterity.search import Index

N, D, K, RUNS = 100_000, 512, 5, 40

rng = np.random.default_rng(0)
vectors = rng.standard_normal((N, D), dtype=np.float32)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
for metric in ("cosine", "euclidean"):
    index = Index([f"{i:06}" for i in range(N)], vectors, metric)
    allowed = np.ones(N, bool)
    ours, bare = [], []
    for query in vectors[rng.integers(0, N, RUNS)]:  # alternating, so that whatever else runs hits both

        def product(query: np.ndarray = query) -> np.ndarray:
            key = vectors @ query
            return np.argpartition(key, N - K)[N - K :]

        bare.append(seconds(product))
        ours.append(seconds(lambda query=query: index.nearest(query, K, allowed)))
        wanted = np.sort(((vectors - query) ** 2).sum(axis=1))[:K]
        found = index.nearest(query, K, allowed)[1]
        found = found * 2 if metric == "cosine" else found**2
        assert np.allclose(found, wanted, atol=1e-5), "the answer is not exact"
    mine, floor = statistics.median(ours) * 1000, statistics.median(bare) * 1000
    tell(
        f"nearest, {metric}",
        mine,
        "ms",
        "bare product",
        floor,
        ratio=mine / floor,
        goal="< 1.5",
        met=mine / floor < 1.5,
    )
