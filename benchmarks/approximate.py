"""An approximate index of a million vectors: time to make, memory, time of a query, recall, with and without filters.

The vectors are synthetic: 20,000 clusters in 256 dimensions, spread so that neighbours reach over clusters.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.harness import peak_mb, tell
from posterity.numerics.neighbours.approximate import Approximate, make
from posterity.numerics.neighbours.exact import Index

N, D, CLUSTERS, QUERIES, K = 1_000_000, 256, 20_000, 200, 10


def clustered() -> np.ndarray:
    """Draw the vectors, (n, d), of unit length."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CLUSTERS, D), dtype=np.float32)
    vectors = centres[rng.integers(0, CLUSTERS, N)]
    for start in range(0, N, 65_536):
        some = vectors[start : start + 65_536]
        some += 0.8 * rng.standard_normal(some.shape, dtype=np.float32)
        some /= np.linalg.norm(some, axis=1, keepdims=True)
    return vectors


def measure(index: Index, approximate: Approximate, queries: np.ndarray, allowed: np.ndarray | None, name: str) -> None:
    """Search both ways, and compare."""
    ours, exact, hits = [], [], []
    for query in queries:
        start = time.perf_counter()
        found = approximate.nearest(query, K, allowed)[0]
        ours.append(time.perf_counter() - start)
    for query in queries[:60]:
        start = time.perf_counter()
        truth = index.nearest(query, K, allowed)[0]
        exact.append(time.perf_counter() - start)
        found = approximate.nearest(query, K, allowed)[0]
        hits.append(len(set(found.tolist()) & set(truth.tolist())) / len(truth))
    p50, full = statistics.median(ours) * 1000, statistics.median(exact) * 1000
    recall = float(np.mean(hits))
    goal = {"goal": "< 5", "met": p50 < 5} if allowed is None else {}
    tell(f"query, {name}", p50, "ms", "exact", full, ratio=full / p50, **goal)
    tell(f"recall@{K}, {name}", recall, "", goal=">= 0.95", met=recall >= 0.95)


def main() -> None:
    """Make and search."""
    index = Index([f"{i:07}" for i in range(N)], clustered(), "cosine")
    start = time.perf_counter()
    made = make(index)
    tell(f"index of {N} x {D}", time.perf_counter() - start, f"s, {made.faiss.nlist} lists, {made.n_probes} probed")
    tell("recall@10 that it states", made.recall, "", goal=">= 0.99", met=made.recall >= 0.99)
    approximate = Approximate(index, made)
    rng = np.random.default_rng(1)
    rows = rng.integers(0, N, QUERIES)
    queries = index.vectors[rows] + 0.02 * rng.standard_normal((QUERIES, D), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    measure(index, approximate, queries, None, "no filter")
    for share in (0.5, 0.1, 0.02, 0.005):
        measure(index, approximate, queries[:80], rng.random(N) < share, f"{share:.1%} allowed")
    peak = peak_mb()
    tell("peak memory", peak, "MB", goal="< 8000", met=peak < 8000)


if __name__ == "__main__":
    main()
