"""Groups that ties join, against a slow and obvious search."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posterity.numerics.components import components, groups

Ties = list[tuple[int, int]]
some_ties = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=14)


def obvious(ties: Ties) -> list[list[int]]:
    found: list[set[int]] = []
    for tie in ties:
        joined = [group for group in found if group & {*tie}]
        found = [group for group in found if group not in joined]
        found.append(set(tie).union(*joined))
    return sorted(sorted(group) for group in found)


@given(some_ties)
def test_groups_are_those_of_an_obvious_search_and_in_order(ties: Ties) -> None:
    assert groups(np.array(ties, np.int64).reshape(-1, 2)) == obvious(ties)


@given(some_ties)
def test_items_without_ties_are_alone(ties: Ties) -> None:
    labels = components(14, np.array(ties, np.int64).reshape(-1, 2)).tolist()
    together = sorted([i for i in range(14) if labels[i] == label] for label in set(labels))
    tied = {item for tie in ties for item in tie}
    assert together == sorted([*obvious(ties), *([i] for i in range(14) if i not in tied)])


def test_nothing_makes_no_groups() -> None:
    assert groups(np.empty((0, 2), np.int64)) == []
