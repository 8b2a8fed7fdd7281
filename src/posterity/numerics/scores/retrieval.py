"""How good rankings are: :func:`group_recall_at_k` and :func:`label_agreement_at_k`.

Each is the mean of one value per query; separate functions give the values themselves, so that
:func:`posterity.numerics.scores.bootstrap.bootstrap_interval` can compute a confidence interval.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posterity.errors import ArgumentError
from posterity.numerics.distances import Indices, row_blocks

Scores = NDArray[np.float64]


def group_hits_at_k(neighbours: ArrayLike, groups: ArrayLike, *, queries: ArrayLike | None = None) -> Scores:
    """Tell for each query that has siblings whether one of them is among its neighbours.

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
        raise ArgumentError(f"groups has the shape {groups.shape}", "Give one group per item, (n_items,).")
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
        ArgumentError: ``multi_hot`` is not a matrix, or has fewer than two items or no label at all.
    """
    labels = _labels(multi_hot)
    # Items with the same set of labels behave alike, and there are far fewer sets than items.
    sets, counts = np.unique(labels, axis=0, return_counts=True)
    n_labelled = int(counts[sets.any(axis=1)].sum())
    if len(labels) < 2 or not n_labelled:
        raise ArgumentError(f"{len(labels)} items, {n_labelled} with a label", "Give two items or more, and a label.")
    sharing = 0
    as_floats = sets.astype(np.float32)
    for block in row_blocks(len(sets), len(sets)):
        sharing += int(counts[block] @ (as_floats[block] @ as_floats.T > 0) @ counts)
    return (sharing - n_labelled) / (n_labelled * (len(labels) - 1))


def _labels(multi_hot: ArrayLike) -> NDArray[np.bool_]:
    labels = np.asarray(multi_hot)
    if labels.ndim != 2 or not np.isin(labels, (0, 1)).all():
        raise ArgumentError(f"multi_hot of shape {labels.shape} is not allowed", "Give (n_items, n_labels) of 0 and 1.")
    return labels.astype(bool)


def _neighbours(
    neighbours: ArrayLike, queries: ArrayLike | None, n_items: int
) -> tuple[Indices, Indices, NDArray[np.bool_]]:
    """Check and give (n_queries, k) indices, (n_queries,) items asked for, and which of the indices count."""
    found = np.asarray(neighbours)
    if found.ndim != 2 or not np.issubdtype(found.dtype, np.integer):
        raise ArgumentError(f"neighbours of shape {found.shape} are not allowed", "Give (n_queries, k) integers.")
    asked = np.arange(n_items) if queries is None else np.asarray(queries)
    if asked.shape != found.shape[:1]:
        raise ArgumentError(
            f"{len(found)} rows of neighbours for queries of shape {asked.shape}",
            "Give one row per item, or each row's item in `queries`.",
        )
    if ((found < -1) | (found >= n_items)).any():
        raise ArgumentError(f"neighbours name items beyond the {n_items} there are", "Indices run from 0; -1 is none.")
    if ((asked < 0) | (asked >= n_items)).any():
        raise ArgumentError(f"queries name items beyond the {n_items} there are", "Indices run from 0.")
    real = (found != -1) & (found != asked[:, None])
    return found.astype(np.int64), asked.astype(np.int64), real
