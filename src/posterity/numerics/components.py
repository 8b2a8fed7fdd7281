"""Items linked in pairs, joined into groups: the connected components of a graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


def components(n: int, ties: Places) -> Places:
    """Number the groups that links form: (n,), the group of each item; an item without links is a group of its own.

    Args:
        n: Number of items.
        ties: (m, 2) pairs of linked items.

    >>> components(5, np.array([[0, 3], [3, 4]])).tolist()
    [0, 1, 2, 0, 0]
    """
    from scipy.sparse import coo_array  # loads slowly, and is not always needed
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(ties), np.int8), (ties[:, 0], ties[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def groups(ties: Places) -> list[list[int]]:
    """Give the items that have links, in groups: each group sorted, and the groups sorted by their first item.

    >>> groups(np.array([[7, 9], [2, 5], [9, 3]]))
    [[2, 5], [3, 7, 9]]
    """
    items, places = np.unique(ties, return_inverse=True)
    found: dict[int, list[int]] = {}
    for item, group in zip(items.tolist(), components(len(items), places.reshape(-1, 2)).tolist(), strict=True):
        found.setdefault(group, []).append(item)
    return sorted(found.values())
