"""Every score, each with its formula and source, as a pure function of arrays.

Of maps: :func:`quantization_error`, :func:`topographic_error`, :func:`distortion`, on the search for best-matching
units that training uses too. Of rankings: :func:`group_recall_at_k` and :func:`label_agreement_at_k`, each the mean of
one value a query; the values themselves have functions of their own, so that :func:`bootstrap_interval` can say how
sure the mean is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posterity.errors import ArgumentError
from posterity.numerics.grid.lattice import Lattice

Floats = NDArray[np.float32]
Scores = NDArray[np.float64]
Indices = NDArray[np.int64]

_BLOCK = 1 << 23
"""Numbers (32 MiB of float32) that a working block holds: what bounds the memory of every loop over rows."""

TIE = 8 * float(np.finfo(np.float32).eps)
"""Squared distances that differ by less than this share (9.5e-7) of the two vectors' squared lengths are ties: float32
cannot tell them apart, and each processor's matrix product rounds them otherwise."""


def as_matrix(X: ArrayLike, name: str = "X", n_features: int | None = None) -> Floats:
    """Give ``X`` as a float32 matrix (n, d) that is neither empty nor holds NaN or infinities.

    Args:
        X: (n, d) numbers; a float32 array is given back as it is, not copied.
        name: What messages call it.
        n_features: The d that is needed, where it is known.

    Raises:
        ArgumentError: It is none of these; the message says which and how to mend it.
    """
    return _as_finite(X, name, 2, "one row an item: (n, d)", n_features)


def as_codebook(codebook: ArrayLike) -> Floats:
    """Give ``codebook`` as a float32 array (rows, cols, d), checked as :func:`as_matrix` does.

    Raises:
        ArgumentError: It has another number of axes, is empty, or holds NaN or infinities.
    """
    return _as_finite(codebook, "codebook", 3, "one vector a unit: (rows, cols, d)", None)


def row_blocks(n: int, width: int) -> Iterator[slice]:
    """Cut n rows into slices whose blocks of ``width`` numbers a row stay within a fixed size."""
    step = max(1, _BLOCK // max(1, width))
    return (slice(start, min(n, start + step)) for start in range(0, n, step))


def squared_distances(A: Floats, B: Floats) -> Floats:
    """Compute ‖a‖² − 2⟨a, b⟩ + ‖b‖² for every pair, by one float32 matrix product.

    The differences cancel where vectors are long against their distances: subtract a common centre from both first.

    Args:
        A: (n, d).
        B: (m, d).

    Returns:
        (n, m) float32, at least 0.
    """
    distances: Floats = A @ B.T
    distances *= -2
    distances += squared_lengths(A)[:, None]
    distances += squared_lengths(B)
    np.maximum(distances, 0, out=distances)
    return distances


def squared_lengths(A: Floats) -> Floats:
    """Compute the squared Euclidean length of each row of ``A`` (n, d): (n,) float32."""
    return np.asarray(np.einsum("ij,ij->i", A, A), np.float32)


def nearest_units(X: ArrayLike, codebook: ArrayLike, n_nearest: int = 1) -> Indices:
    """Find the units whose vectors lie nearest to each row, best first.

    Distances that float32 cannot tell apart (:data:`TIE`) are ties, and the lowest unit wins a tie: equal units, which
    training on few posters makes plenty of, would otherwise be chosen among by the matrix product's rounding.

    Args:
        X: (n, d).
        codebook: (rows, cols, d); unit (r, c) has the index r · cols + c.
        n_nearest: How many, from 1 to rows · cols.

    Returns:
        (n, n_nearest) int64 indices of units.

    Raises:
        ArgumentError: The arrays do not fit each other, or hold NaN or infinities.
    """
    codebook = as_codebook(codebook)
    X = as_matrix(X, n_features=codebook.shape[2])
    units = codebook.reshape(-1, codebook.shape[2])
    if not 1 <= n_nearest <= len(units):
        raise ArgumentError(f"n_nearest {n_nearest} is not allowed", f"The map has {len(units)} units: 1 to that many.")
    centre = units.mean(axis=0)
    units = units - centre
    lengths = squared_lengths(units)
    nearest = np.empty((len(X), n_nearest), np.int64)
    for block in row_blocks(len(X), max(units.shape)):
        rows = X[block] - centre
        own = squared_lengths(rows)
        # ‖x‖² is the same for every unit, so it takes no part in the comparison.
        scores = rows @ units.T
        scores *= -2
        scores += lengths
        every = np.arange(len(rows))
        for rank in range(n_nearest):
            best = scores.argmin(axis=1)
            tie = scores[every, best] + np.float32(TIE) * (own + lengths[best])
            first = (scores <= tie[:, None]).argmax(axis=1)
            nearest[block, rank] = first
            scores[every, first] = np.inf
    return nearest


def quantization_error(X: ArrayLike, codebook: ArrayLike) -> float:
    """Compute the mean Euclidean distance of each row to the vector of its best-matching unit.

    (1/n) Σᵢ ‖xᵢ − m_b(i)‖: T. Kohonen, *Self-Organizing Maps*, 3rd ed., Springer 2001, §2.14.

    Args:
        X: (n, d).
        codebook: (rows, cols, d).

    Returns:
        In the units of ``X``; 0 or more.

    Raises:
        ArgumentError: The arrays do not fit each other, or hold NaN or infinities.
    """
    codebook = as_codebook(codebook)
    X = as_matrix(X, n_features=codebook.shape[2])
    units = codebook.reshape(-1, codebook.shape[2])
    best = nearest_units(X, codebook)[:, 0]
    total = 0.0
    for block in row_blocks(len(X), X.shape[1]):
        # From the difference itself: what the expanded square of nearest_units cancels would show in the mean.
        total += float(np.sqrt(squared_lengths(X[block] - units[best[block]])).sum(dtype=np.float64))
    return total / len(X)


def topographic_error(X: ArrayLike, codebook: ArrayLike, lattice: Lattice | None = None) -> float:
    """Compute the share of rows whose two best-matching units are not neighbours on the map.

    K. Kiviluoto, *Topology preservation in self-organizing maps*, ICNN 1996. Neighbours are the 8 units around a unit,
    diagonals included, as in MiniSom's rectangular topology, or the 6 around a hexagonal one. A map of one unit, which
    has nothing to fold, gives 0.

    Args:
        X: (n, d).
        codebook: (rows, cols, d).
        lattice: Where the units stand; by default on a rectangular lattice.

    Returns:
        From 0 (every row's two best units touch) to 1.

    Raises:
        ArgumentError: The arrays do not fit each other, or hold NaN or infinities.
    """
    codebook = as_codebook(codebook)
    rows, cols = codebook.shape[:2]
    lattice = lattice or Lattice(rows, cols)
    two = nearest_units(X, codebook, n_nearest=min(2, rows * cols))
    return float((~lattice.adjacent(two[:, 0], two[:, -1])).mean())


def distortion(X: ArrayLike, codebook: ArrayLike, lattice: Lattice, sigma: float, neighbourhood: str) -> float:
    """Compute the mean over rows of Σᵢ hᵢ ‖x − mᵢ‖², the units weighted by their nearness to the best-matching one.

    The SOM's energy: J. Lampinen, E. Oja, *Clustering properties of hierarchical self-organizing maps*, JMIV 2 (1992).

    Args:
        X: (n, d).
        codebook: (rows, cols, d).
        lattice: Where the units stand.
        sigma: The neighbourhood's width, in units.
        neighbourhood: Its name.

    Raises:
        ArgumentError: The arrays do not fit each other, or hold NaN or infinities.
    """
    codebook = as_codebook(codebook)
    X = as_matrix(X, n_features=codebook.shape[2])
    units = codebook.reshape(-1, codebook.shape[2])
    best = nearest_units(X, codebook)[:, 0]
    centre = units.mean(axis=0)
    total = 0.0
    for block in row_blocks(len(X), max(units.shape)):
        apart = squared_distances(X[block] - centre, units - centre)
        near = lattice.near(neighbourhood, sigma, best[block])
        total += float(np.einsum("ij,ij->", near, apart.astype(np.float64)))
    return total / len(X)


def group_hits_at_k(neighbours: ArrayLike, groups: ArrayLike, *, queries: ArrayLike | None = None) -> Scores:
    """Say for each query that has a sibling whether one of them is among its neighbours.

    Args:
        neighbours: (n_queries, k) indices of items; the query itself never counts, -1 stands for none.
        groups: (n_items,) the group of each item; -1 for none.
        queries: (n_queries,) the item that each row asks for; by default row i asks for item i.

    Returns:
        (m,) float64 of 0 and 1, in the order of the queries, without those that have no sibling.

    Raises:
        ArgumentError: The shapes do not fit, or an index names no item.
    """
    groups = np.asarray(groups)
    if groups.ndim != 1:
        raise ArgumentError(f"groups has the shape {groups.shape}", "It is one group an item: (n_items,).")
    found, asked, real = _neighbours(neighbours, queries, len(groups))
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    with_sibling = (groups[asked] != -1) & (counts[inverse[asked]] > 1)
    hits = (real & (groups[found] == groups[asked][:, None])).any(axis=1)
    return np.asarray(hits[with_sibling], np.float64)


def group_recall_at_k(neighbours: ArrayLike, groups: ArrayLike, *, queries: ArrayLike | None = None) -> float:
    """Compute the share of queries with a sibling that find one among their k neighbours (franchise recall@k).

    (1/|Q|) Σ_q [∃ i ≤ k: g(q_i) = g(q)] over the queries with a sibling: Recall@K of H. Jégou, M. Douze, C. Schmid,
    *Product Quantization for Nearest Neighbor Search*, PAMI 2011, as metric learning uses it (H. Oh Song et al.,
    *Deep Metric Learning via Lifted Structured Feature Embedding*, CVPR 2016, §5). Arguments: see
    :func:`group_hits_at_k`.

    Raises:
        ArgumentError: The shapes do not fit, an index names no item, or no query has a sibling.
    """
    hits = group_hits_at_k(neighbours, groups, queries=queries)
    if not len(hits):
        raise ArgumentError("no query shares its group with another item", "Recall needs at least one that does.")
    return float(hits.mean())


def label_agreements_at_k(neighbours: ArrayLike, multi_hot: ArrayLike, *, queries: ArrayLike | None = None) -> Scores:
    """Compute for each query that has a label the share of its neighbours that have one of its labels.

    Args:
        neighbours: (n_queries, k) indices of items; -1 and the query itself are left out of the share.
        multi_hot: (n_items, n_labels) of 0 and 1.
        queries: (n_queries,) the item that each row asks for; by default row i asks for item i.

    Returns:
        (m,) float64 from 0 to 1, in the order of the queries, without those that have no label or no neighbour.

    Raises:
        ArgumentError: The shapes do not fit, or an index names no item.
    """
    labels = _labels(multi_hot)
    found, asked, real = _neighbours(neighbours, queries, len(labels))
    agrees = np.zeros(found.shape, bool)
    for block in row_blocks(len(found), found.shape[1] * labels.shape[1]):
        agrees[block] = (labels[found[block]] & labels[asked[block]][:, None]).any(axis=2)
    n_real = real.sum(axis=1)
    counted = labels[asked].any(axis=1) & (n_real > 0)
    return np.asarray((agrees & real).sum(axis=1)[counted] / n_real[counted], np.float64)


def label_agreement_at_k(neighbours: ArrayLike, multi_hot: ArrayLike, *, queries: ArrayLike | None = None) -> float:
    """Compute the mean share of the k neighbours that share at least one label with their query.

    (1/|Q|) Σ_q (1/k) Σ_{i ≤ k} [L(q_i) ∩ L(q) ≠ ∅] over the queries with a label: Precision@k with "shares a label" as
    relevance (C. D. Manning, P. Raghavan, H. Schütze, *Introduction to Information Retrieval*, CUP 2008, §8.4). Read it
    against :func:`label_agreement_by_chance`. Arguments: see :func:`label_agreements_at_k`.

    Raises:
        ArgumentError: The shapes do not fit, an index names no item, or no query has both a label and a neighbour.
    """
    agreements = label_agreements_at_k(neighbours, multi_hot, queries=queries)
    if not len(agreements):
        raise ArgumentError("no query has both a label and a neighbour", "Agreement needs at least one that does.")
    return float(agreements.mean())


def label_agreement_by_chance(multi_hot: ArrayLike) -> float:
    """Compute the agreement that neighbours drawn at random would reach: its mean over all pairs.

    The share of ordered pairs (i, j), i ≠ j and i with a label, that share at least one: the expectation of
    :func:`label_agreement_at_k` under random rankings of all items.

    Args:
        multi_hot: (n_items, n_labels) of 0 and 1.

    Raises:
        ArgumentError: It is no matrix, or has fewer than two items or no label at all.
    """
    labels = _labels(multi_hot)
    # Items with the same set of labels behave alike, and there are far fewer sets than items.
    sets, counts = np.unique(labels, axis=0, return_counts=True)
    n_labelled = int(counts[sets.any(axis=1)].sum())
    if len(labels) < 2 or not n_labelled:
        raise ArgumentError(f"{len(labels)} items, {n_labelled} with a label", "Chance needs two items and a label.")
    sharing = 0
    as_floats = sets.astype(np.float32)
    for block in row_blocks(len(sets), len(sets)):
        sharing += int(counts[block] @ (as_floats[block] @ as_floats.T > 0) @ counts)
    return (sharing - n_labelled) / (n_labelled * (len(labels) - 1))


def bootstrap_interval(
    values: ArrayLike, *, n_resamples: int = 1000, confidence: float = 0.95, random_state: int = 0
) -> tuple[float, float]:
    """Estimate by the percentile bootstrap between which bounds the mean of ``values`` lies.

    B. Efron, R. J. Tibshirani, *An Introduction to the Bootstrap*, Chapman & Hall 1993, §13.3.

    Args:
        values: (n,) one value a query, from one of the functions above.
        n_resamples: How many times n values are drawn with replacement.
        confidence: The share of resampled means between the bounds, above 0 and below 1.
        random_state: Seed.

    Returns:
        (low, high).

    Raises:
        ArgumentError: ``values`` is empty, no vector or not finite, or an option is out of range.
    """
    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or not len(sample) or not np.isfinite(sample).all():
        raise ArgumentError(f"values of shape {sample.shape} cannot be resampled", "It is n ≥ 1 finite values: (n,).")
    if n_resamples < 1:
        raise ArgumentError(f"n_resamples {n_resamples} is not allowed", "It is 1 or more.")
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence {confidence} is not allowed", "It is above 0 and below 1, such as 0.95.")
    rng = np.random.default_rng(random_state)
    means = [sample[rng.integers(len(sample), size=len(sample))].mean() for _ in range(n_resamples)]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _as_finite(X: ArrayLike, name: str, ndim: int, meant: str, n_features: int | None) -> Floats:
    try:
        array = np.asarray(X, np.float32)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} is no array of numbers", f"It is {meant}, float32.") from None
    if array.ndim != ndim or not array.size:
        raise ArgumentError(f"{name} has the shape {array.shape}", f"It is {meant}, and not empty.")
    if n_features is not None and array.shape[-1] != n_features:
        raise ArgumentError(
            f"{name} has {array.shape[-1]} features where {n_features} are needed", "Both come from the same encoder."
        )
    flat = array.reshape(-1, array.shape[-1])
    for block in row_blocks(len(flat), flat.shape[1]):
        if not np.isfinite(flat[block]).all():
            raise ArgumentError(f"{name} holds NaN or infinities", "Leave out the rows without a vector.")
    return array


def _labels(multi_hot: ArrayLike) -> NDArray[np.bool_]:
    labels = np.asarray(multi_hot)
    if labels.ndim != 2 or not np.isin(labels, (0, 1)).all():
        raise ArgumentError(
            f"multi_hot of shape {labels.shape} is not allowed", "It is (n_items, n_labels) of 0 and 1."
        )
    return labels.astype(bool)


def _neighbours(
    neighbours: ArrayLike, queries: ArrayLike | None, n_items: int
) -> tuple[Indices, Indices, NDArray[np.bool_]]:
    """Check and give (n_queries, k) indices, (n_queries,) items asked for, and which of the indices count."""
    found = np.asarray(neighbours)
    if found.ndim != 2 or not np.issubdtype(found.dtype, np.integer):
        raise ArgumentError(f"neighbours of shape {found.shape} is not allowed", "It is (n_queries, k) integers.")
    asked = np.arange(n_items) if queries is None else np.asarray(queries)
    if asked.shape != found.shape[:1]:
        raise ArgumentError(
            f"{len(found)} rows of neighbours for queries of shape {asked.shape}",
            "Give one row an item, or name each row's item in `queries`.",
        )
    if ((found < -1) | (found >= n_items)).any():
        raise ArgumentError(f"neighbours name items beyond the {n_items} there are", "Indices run from 0; -1 is none.")
    if ((asked < 0) | (asked >= n_items)).any():
        raise ArgumentError(f"queries name items beyond the {n_items} there are", "Indices run from 0.")
    real = (found != -1) & (found != asked[:, None])
    return found.astype(np.int64), asked.astype(np.int64), real
