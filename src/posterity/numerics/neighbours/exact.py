"""Which vectors are nearest: exact, deterministic, and as fast as a matrix product.

Products in float32 find candidates, generously: every row that could be among the nearest within the product's error
bound. Their distances are then computed again in float64, each from its own two vectors alone. So equal vectors have
equal distances wherever they are stored, and ties are always broken by row (by id, if rows are sorted by id).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError

Metric = Literal["cosine", "euclidean"]
Rows = NDArray[np.float32]
Places = NDArray[np.int64]
Distances = NDArray[np.float64]

BLOCK = 1024
"""Rows and columns of a block of products: 4 MB of float32, which stay in the processor's cache between passes."""

_PIECE = 4096
"""Number of distances computed at a time in float64."""


class Index:
    """Vectors prepared for exact search.

    Args:
        ids: (n,) sorted and distinct ids.
        vectors: (n, d) float32; of unit length if the metric is cosine.
        metric: "cosine" or "euclidean".

    Attributes:
        slack: Bound on the error of :meth:`keys` in float32, for a query of unit length.
    """

    def __init__(self, ids: Sequence[str], vectors: Rows, metric: Metric) -> None:
        self.ids = list(ids)
        self.vectors = vectors
        self.metric = metric
        self._place = {identity: index for index, identity in enumerate(self.ids)}
        # Euclidean distance has the same order as |x|²/2 - x·q, so both metrics need only one product.
        self._half_squares = None if metric == "cosine" else _half_squares(vectors)
        largest = 1.0 if self._half_squares is None else float(np.sqrt(2 * self._half_squares.max(initial=0)))
        self.slack = _slack(vectors.shape[1], largest)

    def place(self, identity: str) -> int | None:
        """Give the row of an id."""
        return self._place.get(identity)

    def keys(self, query: Rows) -> Rows:
        """Compute sort keys of all rows by nearness to a vector, the largest nearest: (n,) float32, by one product."""
        key = np.asarray(self.vectors @ np.ascontiguousarray(query, np.float32))
        if self._half_squares is not None:
            key -= self._half_squares
        return key

    def distances_to(self, query: Rows) -> Rows:
        """Compute the distances of all rows to a vector, in float32: (n,)."""
        key = self.keys(query)
        if self._half_squares is None:
            return np.asarray(1 - key, np.float32)
        half = float(query.astype(np.float64) @ query.astype(np.float64)) / 2
        return np.asarray(np.sqrt(np.maximum(2 * (np.float32(half) - key), 0)), np.float32)

    def nearest(self, query: Rows, k: int, allowed: NDArray[np.bool_] | None = None) -> tuple[Places, Distances]:
        """Find the k rows nearest to a vector, exactly.

        Args:
            query: (d,).
            k: Number of rows; fewer are returned if fewer are allowed.
            allowed: (n,) mask of the rows that may be returned; None allows all.

        Returns:
            Rows and distances, (k,) each, by distance and then by row.
        """
        query = np.ascontiguousarray(query, np.float32)
        key = self.keys(query)
        if allowed is not None:
            key[~allowed] = -np.inf
        n_allowed = len(key) if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, n_allowed)
        if k == 0:
            return np.empty(0, np.int64), np.empty(0)
        kth = np.partition(key, len(key) - k)[len(key) - k]
        slack = self.slack * max(float(np.linalg.norm(query)), 1.0)
        candidates = np.flatnonzero(key >= kth - slack)
        distances = exact_distances(self.vectors, candidates, query, self.metric)
        order = np.lexsort((candidates, distances))[:k]
        return candidates[order], distances[order]


def exact_distances(vectors: Rows, rows: Places, query: Rows, metric: Metric) -> Distances:
    """Compute the distances of some rows to a vector in float64; each depends on its own row only."""
    ours = query.astype(np.float64)
    squares = np.empty(len(rows))
    for start in range(0, len(rows), _PIECE):  # ties may make every row a candidate
        some = slice(start, start + _PIECE)
        squares[some] = np.sum((vectors[rows[some]].astype(np.float64) - ours) ** 2, axis=1)
    return _distance(squares, metric)


def pair_distances(vectors: Rows, i: Places, j: Places, metric: Metric, others: Rows | None = None) -> Distances:
    """Compute the distances of pairs of rows in float64, (m,); ``j`` are rows of ``others`` if those are given."""
    second = vectors if others is None else others
    squares = np.empty(len(i))
    for start in range(0, len(i), _PIECE):
        some = slice(start, start + _PIECE)
        squares[some] = np.sum((vectors[i[some]].astype(np.float64) - second[j[some]]) ** 2, axis=1)
    return _distance(squares, metric)


@overload
def score(distance: float, metric: Metric) -> float: ...
@overload
def score(distance: Distances, metric: Metric) -> Distances: ...
def score(distance: float | Distances, metric: Metric) -> float | Distances:
    """Turn a distance, or an array of them, into scores: 1 for the same vector, less for others."""
    return 1 - distance if metric == "cosine" else 1 / (1 + distance)


# --- pairs -----------------------------------------------------------------------------------------------------------


def closest_pairs(
    vectors: Rows,
    n: int,
    metric: Metric,
    *,
    allowed: Callable[[Places, Places], NDArray[np.bool_]] | None = None,
    done: Callable[[int], object] | None = None,
    block: int = BLOCK,
    others: Rows | None = None,
    within: float = np.inf,
) -> tuple[Places, Distances]:
    """Find the n closest pairs of rows, exactly: half of all products, a block at a time, in bounded memory.

    Args:
        vectors: (rows, d); of unit length if the metric is cosine. May be mapped from a file.
        n: Number of pairs; fewer are returned if there are fewer.
        metric: "cosine" or "euclidean".
        allowed: (i, j) -> mask of the pairs that may be returned; None allows all.
        done: Called from time to time with the number of pairs processed.
        block: Rows and columns of a block.
        others: (m, d); if given, each pair is a row of ``vectors`` and one of these.
        within: Pairs further apart than this are not needed, and are left out if that saves work.

    Returns:
        (m, 2) rows i < j, and (m,) distances, by distance, then i, then j; with ``others``, any i and j.

    Raises:
        ArgumentError: n is below 1.
    """
    if n < 1:
        raise ArgumentError(f"n = {n} is too small", "Ask for 1 pair or more.")
    best = _Best(n, within)
    slack = max(_pair_slack(each, metric) for each in (vectors, others) if each is not None)
    for i0, j0, key in _blocks(vectors, metric, block, others):
        if done:
            done(len(key) * (len(key) - 1) // 2 if i0 == j0 and others is None else key.size)
        bar = best.bar(metric) - slack
        if i0 > best.last_row or key.max(initial=-np.inf) < bar:
            continue
        i, j = _above(key, bar, i0, j0)
        keys = key[i - i0, j - j0]
        if allowed is not None:
            may = allowed(i, j)
            i, j, keys = i[may], j[may], keys[may]
        if len(keys) > 2 * n:  # keep the block's own n best, generously, before computing distances in float64
            enough = keys >= np.partition(keys, len(keys) - n)[len(keys) - n] - 2 * slack
            i, j = i[enough], j[enough]
        best.add(i, j, pair_distances(vectors, i, j, metric, others))
    return best.rows, best.distances


def pairs_within(vectors: Rows, radius: float, metric: Metric, *, block: int = BLOCK) -> tuple[Places, Distances]:
    """Find all pairs of rows at most ``radius`` apart, exactly: (m, 2) rows i < j, sorted, and (m,) distances."""
    bar = (1 - radius if metric == "cosine" else -(radius**2) / 2) - _pair_slack(vectors, metric)
    found = [(np.empty((0, 2), np.int64), np.empty(0))]
    for i0, j0, key in _blocks(vectors, metric, block):
        if key.max(initial=-np.inf) >= bar:
            i, j = _above(key, bar, i0, j0)
            distances = pair_distances(vectors, i, j, metric)
            near = distances <= radius
            found.append((np.stack([i[near], j[near]], 1), distances[near]))
    rows, distances = np.concatenate([pairs for pairs, _ in found]), np.concatenate([d for _, d in found])
    order = np.lexsort((rows[:, 1], rows[:, 0]))
    return rows[order], distances[order]


def nearest_to_all(vectors: Rows, k: int, metric: Metric, *, block: int = 512) -> tuple[Places, Distances]:
    """Find each row's k nearest other rows, exactly.

    Args:
        vectors: (n, d); of unit length if the metric is cosine.
        k: Number of neighbours; at most n - 1 are returned.
        metric: "cosine" or "euclidean".
        block: Rows that are processed together.

    Returns:
        (n, k) rows and distances, each list by distance and then by row.
    """
    n = len(vectors)
    k = max(0, min(k, n - 1))
    half = None if metric == "cosine" else _half_squares(vectors)
    largest = 1.0 if half is None else float(np.sqrt(2 * half.max(initial=0)))
    slack = 2 * _slack(vectors.shape[1], largest) * max(largest, 1.0)
    found, distances = np.empty((n, k), np.int64), np.empty((n, k))
    if k == 0:
        return found, distances
    spare = min(k + 8, n - 1)
    for start in range(0, n, block):
        rows = np.arange(start, min(n, start + block))
        key = vectors[rows] @ vectors.T
        if half is not None:
            key -= half
        key[np.arange(len(rows)), rows] = -np.inf
        some = np.argpartition(key, n - spare, axis=1)[:, n - spare :]
        keys = np.take_along_axis(key, some, 1)
        sure = keys.min(1) < np.partition(keys, spare - k, axis=1)[:, spare - k] - slack if spare < n - 1 else None
        some = np.sort(some, axis=1)
        near = pair_distances(vectors, np.repeat(rows, spare), some.ravel(), metric).reshape(some.shape)
        order = np.argsort(near, axis=1, kind="stable")[:, :k]
        found[rows], distances[rows] = np.take_along_axis(some, order, 1), np.take_along_axis(near, order, 1)
        for at in [] if sure is None else np.flatnonzero(~sure).tolist():  # many ties: all of them are candidates
            kth = np.partition(key[at], n - k)[n - k]
            candidates = np.flatnonzero(key[at] >= kth - slack)
            exact = exact_distances(vectors, candidates, vectors[rows[at]], metric)
            best = np.lexsort((candidates, exact))[:k]
            found[rows[at]], distances[rows[at]] = candidates[best], exact[best]
    return found, distances


class _Best:
    """The n closest pairs so far, none of them further apart than ``within``."""

    def __init__(self, n: int, within: float = np.inf) -> None:
        self.n = n
        self.within = within
        self.rows = np.empty((0, 2), np.int64)
        self.distances = np.empty(0)

    def add(self, i: Places, j: Places, distances: Distances) -> None:
        """Add pairs, and keep the n closest."""
        rows, all_ = np.concatenate([self.rows, np.stack([i, j], 1)]), np.concatenate([self.distances, distances])
        order = np.lexsort((rows[:, 1], rows[:, 0], all_))[: self.n]
        self.rows, self.distances = rows[order], all_[order]

    def bar(self, metric: Metric) -> float:
        """Give the key below which no pair can be among them."""
        worst = self.within if len(self.distances) < self.n else min(self.within, float(self.distances[-1]))
        return 1 - worst if metric == "cosine" else -(worst**2) / 2

    @property
    def last_row(self) -> float:
        """Give the row after which no pair can be among them; finite only if all pairs so far are of equal vectors."""
        full = len(self.distances) == self.n and self.distances[-1] == 0
        return float(self.rows[-1, 0]) if full else np.inf


def _blocks(vectors: Rows, metric: Metric, block: int, others: Rows | None = None) -> Iterator[tuple[int, int, Rows]]:
    """Give the keys of all pairs i < j, block by block, rows first; all other entries are -inf.

    If ``others`` are given, the pairs are all those of a row and one of the others.

    The key of a pair is a·b (cosine) or -|a - b|²/2 (Euclidean); two more columns make the latter a product too.
    """
    second = vectors if others is None else others
    space = np.empty((block, block), np.float32)
    for i0 in range(0, len(vectors), block):
        left = _widened(vectors[i0 : i0 + block], metric, False)
        for j0 in range(i0 if others is None else 0, len(second), block):
            right = _widened(second[j0 : j0 + block], metric, True)
            key = space[: len(left), : len(right)]
            if key.shape == space.shape:
                np.matmul(left, right.T, out=space)
            else:
                key = left @ right.T
            if i0 == j0 and others is None:
                key[np.tri(len(left), dtype=bool)] = -np.inf
            yield i0, j0, key


def _widened(rows: Rows, metric: Metric, right: bool) -> Rows:
    if metric == "cosine":
        return np.ascontiguousarray(rows)
    half, one = -_half_squares(rows)[:, None], np.ones((len(rows), 1), np.float32)
    return np.hstack([rows, one, half] if right else [rows, half, one])


def _above(key: Rows, bar: float, i0: int, j0: int) -> tuple[Places, Places]:
    above = np.flatnonzero(key >= bar if np.isfinite(bar) else key > -np.inf)  # five times as fast as in two dimensions
    i, j = np.divmod(above, key.shape[1])
    return i + i0, j + j0


def _half_squares(vectors: Rows) -> Rows:
    return np.asarray(np.einsum("nd,nd->n", vectors, vectors) / 2, np.float32)


def _distance(squares: Distances, metric: Metric) -> Distances:
    # Of unit vectors: |a - b|² = 2 (1 - cos), which has no cancellation where a is near b.
    return squares / 2 if metric == "cosine" else np.sqrt(squares)


def _slack(dimension: int, largest: float) -> float:
    """Bound the float32 product's error (Higham 2002, §3.1) for vectors of this dimension and length."""
    return 4 * float(np.finfo(np.float32).eps) * max(dimension, 1) * max(largest, 1e-30)


def _pair_slack(vectors: Rows, metric: Metric) -> float:
    largest = 1.0
    if metric == "euclidean":
        largest = max(
            (float(2 * _half_squares(vectors[at : at + BLOCK]).max(initial=0)) for at in range(0, len(vectors), BLOCK)),
            default=0.0,
        )
    return 2 * _slack(vectors.shape[1] + 2, largest)
