"""How much of what was near stays near when vectors are laid out in the plane or on a wall.

For any layout, :func:`neighbourhood_scores`: trustworthiness (are near items really alike?), continuity (are similar
items near?) and the share of the k nearest that stay so. For walls: :func:`distance_preservation_quality`.

All compare every item with every other, n² distances. With more than :data:`ALL` items, :data:`SAMPLE` of them, drawn
by a fixed seed, are compared with all, and each score has a standard error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posterity.errors import ArgumentError
from posterity.numerics.distances import TIE, Floats, Indices, as_matrix, squared_distances, squared_lengths
from posterity.numerics.grid.lattice import Lattice

Doubles = NDArray[np.float64]

ALL = 5_000
"""Items up to which scores are exact."""

SAMPLE = 1_000
"""Number of items that are compared with all others if there are more than ALL."""

GROUPS = 20
"""Groups of the jackknife that estimates the error of a sampled distance preservation quality."""

_AT_ONCE = 1 << 22
"""Distances (32 MiB of float64) that are held at once."""


@dataclass(frozen=True)
class Estimate:
    """A score and its standard error from sampling; 0 if nothing was sampled."""

    value: float
    error: float = 0.0


@dataclass(frozen=True)
class NeighbourhoodScores:
    """How well a layout preserves neighbourhoods: scores from 0 to 1, which is best.

    Attributes:
        k: Number of neighbours considered.
        trustworthiness: J. Venna, S. Kaski, *Neighborhood preservation in nonlinear projection methods*, ICANN 2001.
        continuity: From the same article: trustworthiness with vectors and positions exchanged.
        preserved: Mean share of the k nearest that stay among the k nearest.
    """

    k: int
    trustworthiness: Estimate
    continuity: Estimate
    preserved: Estimate


def neighbourhood_scores(
    X: ArrayLike,
    positions: ArrayLike,
    k: int = 10,
    *,
    lattice: Lattice | None = None,
    n_sample: int | None = None,
) -> NeighbourhoodScores:
    """Compare the neighbourhoods of vectors with those of their positions.

    Ties of distances are broken by index, as in a stable sort, to give the ranks that Venna and Kaski's scores need.

    Args:
        X: (n, d) vectors.
        positions: (n, 2) positions.
        k: Number of neighbours; scores from 0 to 1 need n > 2k, so k is lowered for fewer items.
        lattice: Lattice of the wall, for one whose opposite sides are adjacent; None for a plane.
        n_sample: Items to compare with all; by default all up to :data:`ALL`, then :data:`SAMPLE`.

    Raises:
        ArgumentError: There are fewer than 4 items, or the arrays do not fit.
    """
    rows, places = as_matrix(X), as_matrix(positions, "positions", 2)
    n = len(rows)
    if n < 4 or len(places) != n:
        raise ArgumentError(f"{n} vectors and {len(places)} places", "Give 4 items or more, with a position each.")
    if k < 1:
        raise ArgumentError(f"k {k} is not allowed", "Give 1 or more.")
    k = min(k, (n - 1) // 2)
    rows = rows - rows.mean(axis=0)
    asked = sampled(n, n_sample)
    penalties: dict[str, list[Doubles]] = {"trust": [], "cont": [], "kept": []}
    for some in _blocks(asked, n):
        high, low = _distances(rows, some), _places(places, some, lattice)
        for distances in (high, low):
            distances[np.arange(len(some)), some] = -1  # an item is nearest to itself, even if others are equal
        near_high, near_low = _nearest(high, k), _nearest(low, k)
        intruding, missing = _ranks(high, near_low) - k, _ranks(low, near_high) - k
        penalties["trust"].append(np.maximum(intruding, 0).sum(1))
        penalties["cont"].append(np.maximum(missing, 0).sum(1))
        penalties["kept"].append((intruding <= 0).mean(1))
    worst = k * (2 * n - 3 * k - 1) / 2
    trust, cont = (1 - np.concatenate(penalties[name]) / worst for name in ("trust", "cont"))
    return NeighbourhoodScores(
        k, _estimate(trust, n), _estimate(cont, n), _estimate(np.concatenate(penalties["kept"]), n)
    )


def distance_preservation_quality(
    X: ArrayLike, lattice: Lattice, cells: Indices, p: float = 16, n_sample: int | None = None
) -> Estimate:
    """Compute DPQ_p: how close a wall's neighbourhoods come to the best that any wall could have.

    For each k, the mean distance of items to the k nearest on the wall, D_k, is compared with the mean of all
    distances, D̄: the gain is max(0, (D̄ − D_k) / D̄). DPQ_p is the p-norm of the gains over all k, divided by that of
    the gains if every item were next to those most like it. Among items that are equally far on the wall, the more
    similar are counted first. From K. U. Barthel, N. Hezel, K. Jung, K. Schall, *Improved Evaluation and Generation of
    Grid Layouts using Distance Preservation Quality and Linear Assignment Sorting*, Computer Graphics Forum 42, 2023.

    Args:
        X: (n, d) vectors.
        lattice: The wall; its topology and whether it is a torus decide which items are near.
        cells: (n,) the cell of each item.
        p: The norm; with 16, the nearest neighbours dominate.
        n_sample: Items to compare with all; by default all up to :data:`ALL`, then :data:`SAMPLE`.

    Returns:
        From 0 (as at random) to 1; its error by the jackknife over groups of the sample. A wall of fewer than 3 items,
        or of equal ones, has nothing to lose: 1.
    """
    rows = as_matrix(X)
    n = len(rows)
    if n < 3:
        return Estimate(1.0)
    asked = sampled(n, n_sample)
    positions = lattice.positions()[cells].astype(np.float32)
    rows = rows - rows.mean(axis=0)
    near, best, every = (np.zeros((GROUPS, n - 1)) for _ in range(3))
    sizes = np.zeros(GROUPS)
    group = np.arange(len(asked)) * GROUPS // len(asked)
    longest = 2.0002 * float(np.sqrt(squared_lengths(rows).max())) or 1.0
    ks = np.arange(1, n)
    at = 0
    for some in _blocks(asked, n):
        distances = np.sqrt(_distances(rows, some))
        places = _places(positions, some, lattice)
        # Distance on the wall first, then similarity: both in one number, sorted once. Squared distances on lattices
        # are multiples of a quarter.
        key = np.round(places * 4) + np.minimum(distances / longest, 0.9999)
        key.sort(axis=1)
        by_place = np.fmod(key[:, 1:], 1) * longest
        distances.sort(axis=1)
        own = group[at : at + len(some)]
        at += len(some)
        for g in np.unique(own):
            mine = own == g
            near[g] += (np.cumsum(by_place[mine], axis=1) / ks).sum(axis=0)
            best[g] += (np.cumsum(distances[mine, 1:], axis=1) / ks).sum(axis=0)
            every[g] += distances[mine, 1:].sum(axis=0)
            sizes[g] += mine.sum()

    def quality(left: NDArray[np.bool_]) -> float:
        total = sizes[left].sum()
        mean = every[left].sum() / total / (n - 1)
        if mean <= 1e-9 * longest:
            return 1.0
        gains = [np.clip((mean - curve[left].sum(axis=0) / total) / mean, 0, None) for curve in (near, best)]
        reached, possible = (float(np.linalg.norm(gain, ord=p)) for gain in gains)
        return reached / possible if possible else 1.0

    everyone = sizes > 0
    value = quality(everyone)
    if len(asked) == n:
        return Estimate(value)
    without = np.array([quality(everyone & (np.arange(GROUPS) != g)) for g in np.flatnonzero(everyone)])
    # B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, 1993, eq. 11.5; of a finite population.
    jackknife = (len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum()
    return Estimate(value, float(np.sqrt(jackknife * (1 - len(asked) / n))))


def sampled(n: int, n_sample: int | None = None) -> Indices:
    """Choose the items to compare with all others: all if there are few, else a sample by a fixed seed, sorted."""
    wanted = (n if n <= ALL else SAMPLE) if n_sample is None else min(n, n_sample)
    if wanted == n:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, wanted, replace=False))


def _blocks(asked: Indices, n: int) -> Iterator[Indices]:
    step = max(1, _AT_ONCE // n)
    return (asked[at : at + step] for at in range(0, len(asked), step))


def _distances(X: Floats, some: Indices) -> Doubles:
    """Give squared distances of some rows to all, at least 0.

    They are exactly 0 from a row to itself and to all rows that float32 cannot distinguish from it
    (:data:`posterity.numerics.distances.TIE`): otherwise the square root of the product's rounding error would turn 0
    into several thousandths.
    """
    found = squared_distances(X[some], X)
    lengths = squared_lengths(X)
    found[found <= np.float32(TIE) * (lengths[some, None] + lengths)] = 0
    found[np.arange(len(some)), some] = 0
    return found.astype(np.float64)


def _places(positions: Floats, some: Indices, lattice: Lattice | None) -> Doubles:
    """Give squared distances between positions, computed from differences so that equal distances come out equal."""
    apart = np.abs(positions[some][:, None] - positions).astype(np.float64)
    if lattice is not None:
        apart = np.stack(lattice.shortest(apart[..., 0], apart[..., 1]), axis=2)
    return np.asarray((apart**2).sum(axis=2))


def _nearest(distances: Doubles, k: int) -> Indices:
    """Give the k nearest of each row after itself, (m, k); among equals, those of lower index."""
    near = np.argpartition(distances, k, axis=1)[:, : k + 1]
    last = np.take_along_axis(distances, near, 1).max(axis=1)
    # If more items tie with the last, the partition picks arbitrarily among them, so these rows are sorted in full.
    tied = np.flatnonzero((distances <= last[:, None]).sum(axis=1) > k + 1)
    near[tied] = np.argsort(distances[tied], axis=1, kind="stable")[:, : k + 1]
    itself = np.take_along_axis(distances, near, 1) < 0
    return near[~itself].reshape(len(near), k)


def _ranks(distances: Doubles, items: Indices) -> Indices:
    """Give the place of some items of each row, (m, k), in its order of distances, 1 for the nearest after itself."""
    ranks = np.empty(items.shape, np.int64)
    every = np.arange(distances.shape[1])
    for j in range(items.shape[1]):
        own = np.take_along_axis(distances, items[:, j : j + 1], 1)
        ranks[:, j] = (distances < own).sum(axis=1)
        equal = distances == own
        tied = np.flatnonzero(equal.sum(axis=1) > 1)
        ranks[tied, j] += (equal[tied] & (every < items[tied, j : j + 1])).sum(axis=1)
    return ranks


def _estimate(values: Doubles, n: int) -> Estimate:
    if len(values) == n:
        return Estimate(float(values.mean()))
    left = 1 - len(values) / n
    return Estimate(float(values.mean()), float(values.std(ddof=1) * np.sqrt(left / len(values))))
