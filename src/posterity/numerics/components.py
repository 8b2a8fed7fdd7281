"""Items tied in pairs, joined into groups: the connected components of a graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


def components(n: int, ties: Places) -> Places:
    """Number the groups that ties join: (n,), the group of each item; an item without ties is one of its own.

    Args:
        n: How many items there are.
        ties: (m, 2) items that belong together.

    >>> components(5, np.array([[0, 3], [3, 4]])).tolist()
    [0, 1, 2, 0, 0]
    """
    from scipy.sparse import coo_array  # it loads slowly, and not everything that groups is asked for
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(ties), np.int8), (ties[:, 0], ties[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def groups(ties: Places) -> list[list[int]]:
    """Give the items that have ties, in the groups that these join, each sorted; by the first of each.

    >>> groups(np.array([[7, 9], [2, 5], [9, 3]]))
    [[2, 5], [3, 7, 9]]
    """
    items, places = np.unique(ties, return_inverse=True)
    found: dict[int, list[int]] = {}
    for item, group in zip(items.tolist(), components(len(items), places.reshape(-1, 2)).tolist(), strict=True):
        found.setdefault(group, []).append(item)
    return sorted(found.values())
