"""Closest pairs and all lists of neighbours beside bare NumPy's products and scikit-learn's ball tree.

The rate of the arithmetic, memory and growth of the one; the time of the other as the recommender used it, on the same
vectors of real posters.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.harness import data, peak_mb, tell
from posterity.encoders import ENCODERS
from posterity.images import decode, fit, tier
from posterity.numerics.neighbours.exact import BLOCK, closest_pairs, nearest_to_all
from posterity.runtime.parallel import chunked, n_workers, ordered_map

D, N_PAIRS = 512, 200


def bare(vectors: np.ndarray) -> float:
    """Time NumPy's products of all blocks of the upper half, and nothing else."""
    space = np.empty((BLOCK, BLOCK), np.float32)
    start = time.perf_counter()
    for i in range(0, len(vectors), BLOCK):
        for j in range(i, len(vectors), BLOCK):
            left, right = vectors[i : i + BLOCK], vectors[j : j + BLOCK]
            np.matmul(left, right.T, out=space[: len(left), : len(right)])
    return time.perf_counter() - start


def growth() -> None:
    """Find the closest pairs of ever more vectors."""
    rng = np.random.default_rng(0)
    for n in (25_000, 50_000, 100_000):
        vectors = rng.standard_normal((n, D), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        floor = bare(vectors)
        start = time.perf_counter()
        closest_pairs(vectors, N_PAIRS, "cosine")
        took = time.perf_counter() - start
        rate = floor / took
        gflops = n * n * D / took / 1e9  # half of the pairs, two operations each
        tell(f"{N_PAIRS} closest of {n}", took, "s", "bare products", floor, ratio=rate, goal=">= 0.7", met=rate >= 0.7)
        tell(f"rate at {n}", gflops, "GFLOP/s")
    peak = peak_mb()
    tell(f"peak memory, {n} x {D}", peak, "MB", goal="< 1000", met=peak < 1000)


def real_vectors() -> np.ndarray:
    """Encode the real posters: 2,048 numbers each, of three encoders in the box."""
    files = sorted((data() / "posters").glob("*.jpg"))
    encoders = [ENCODERS.get(name) for name in ("poster", "composition", "pixels")]

    def one(chunk: list) -> np.ndarray:
        parts = []
        for encoder in encoders:
            spec = encoder.spec
            pictures = [fit(decode(file.read_bytes(), tier(spec.size)), spec.size, spec.fit) for file in chunk]
            parts.append(encoder.encode(np.stack(pictures)))
        return np.hstack(parts)

    return np.concatenate(list(ordered_map(one, chunked(files, 32), n_workers())))[:, :2048].copy()


def ball_tree() -> None:
    """All lists of the six nearest: scikit-learn's ball tree, and ours."""
    from sklearn.neighbors import NearestNeighbors

    vectors = real_vectors()
    start = time.perf_counter()
    found, distances = nearest_to_all(vectors, 6, "euclidean")
    ours = time.perf_counter() - start
    start = time.perf_counter()
    tree = NearestNeighbors(n_neighbors=7, algorithm="ball_tree", n_jobs=-1).fit(vectors)
    theirs_distances, theirs = tree.kneighbors(vectors)
    took = time.perf_counter() - start
    ratio = took / ours
    tell(f"all 6 nearest, {vectors.shape}", ours, "s", "ball tree", took, ratio=ratio, goal=">= 20", met=ratio >= 20)
    # The tree's lists hold the poster itself, first or among its twins; without it they are compared by distance too,
    # because the tree breaks ties in no order.
    same = agreeing = 0
    for row, (mine, others, near) in enumerate(zip(found, theirs, theirs_distances, strict=True)):
        kept = [(j, d) for j, d in zip(others.tolist(), near.tolist(), strict=True) if j != row][:6]
        same += [j for j, _ in kept] == mine.tolist()
        agreeing += np.allclose([d for _, d in kept], distances[row], atol=1e-4)
    tell("same lists", same / len(found), f"{len(found) - same} differ in the order of ties")
    tell("same distances", agreeing / len(found), "", goal="= 1", met=agreeing == len(found))


if __name__ == "__main__":
    growth()
    ball_tree()
