"""Scores of rankings against plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posterity.errors import ArgumentError
from posterity.numerics.scores import retrieval


@pytest.fixture
def rng():
    return np.random.default_rng(0)


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
    assert retrieval.group_recall_at_k(neighbours, groups) == pytest.approx(slow_group_recall(neighbours, groups))
    labels = rng.random((n, 4)) < 0.3
    labels[0, 0] = True
    neighbours[0, 0] = 1
    agreement = retrieval.label_agreement_at_k(neighbours, labels)
    assert agreement == pytest.approx(slow_label_agreement(neighbours, labels))


def test_agreement_by_chance_is_the_mean_over_all_pairs(rng):
    """Ranking every item for every query agrees exactly as much as chance does."""
    labels = rng.random((30, 5)) < 0.25
    pairs = [(i, j) for i, j in itertools.permutations(range(30), 2) if labels[i].any()]
    expected = np.mean([(labels[i] & labels[j]).any() for i, j in pairs])
    assert retrieval.label_agreement_by_chance(labels) == pytest.approx(expected)
    everyone = np.tile(np.arange(30), (30, 1))
    assert retrieval.label_agreement_at_k(everyone, labels) == pytest.approx(expected)


def test_queries_may_be_some_of_the_items():
    """Row 0 asks for item 2; its sibling, item 0, is second among its neighbours."""
    found = [[1, 0]]
    assert retrieval.group_recall_at_k(found, [5, -1, 5], queries=[2]) == 1
    assert retrieval.label_agreement_at_k(found, [[1, 0], [0, 1], [1, 1]], queries=[2]) == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: retrieval.group_recall_at_k([[1], [0]], [-1, -1]), "no query shares its group"),
        (lambda: retrieval.group_recall_at_k([[1], [2]], [0, 0]), "neighbours name items beyond the 2"),
        (lambda: retrieval.group_recall_at_k([[1]], [0, 0]), "1 rows of neighbours for queries of shape"),
        (lambda: retrieval.group_recall_at_k([[1]], [0, 0], queries=[2]), "queries name items beyond the 2"),
        (lambda: retrieval.group_recall_at_k([1, 0], [0, 0]), r"neighbours of shape \(2,\)"),
        (lambda: retrieval.group_recall_at_k([[1], [0]], [[0, 0]]), r"groups has the shape \(1, 2\)"),
        (lambda: retrieval.label_agreement_at_k([[1], [0]], [[0], [0]]), "no query has both"),
        (lambda: retrieval.label_agreement_at_k([[1], [0]], [[0], [2]]), "multi_hot of shape"),
        (lambda: retrieval.label_agreement_by_chance([[0], [0]]), "2 items, 0 with a label"),
    ],
)
def test_scores_that_mean_nothing_are_refused(call, said):
    """Never NaN: an error that says what is missing."""
    with pytest.raises(ArgumentError, match=said):
        call()
