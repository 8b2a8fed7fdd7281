"""Bringing new items onto a wall without reshuffling it.

Where the wall must grow, whole rows or columns of blank cells are opened in its middle (:func:`opened`), which moves
the cells beyond them by one and keeps neighbours together. A new item goes where it fits best; the item in that cell
moves to a neighbouring cell, and so on along the cheapest path to a blank cell, so that each poster on the path moves
by one. Paths avoid posters that have moved already. Then the wall is refined
(:func:`posterity.numerics.grid.arrange.arrange`), with no poster more than :data:`REACH` cells from its home.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError
from posterity.numerics.distances import Floats, Indices, as_matrix, nearest_units
from posterity.numerics.grid.arrange import arrange, cells_of, means_around
from posterity.numerics.grid.lattice import Lattice

REACH = 2
"""The most rows or columns that a poster already on the wall may move."""

_FIT_SIGMA = 1.0
"""Width in cells of the gaussian that smooths the wall to find where a new item fits."""

_STEPS_ASIDE = np.array([1.0, 8.0, 64.0, 512.0])
"""Cost of moving a poster by one more cell, by how far it already is from home."""


def opened(lattice: Lattice, cells: Indices, rows: int, cols: int) -> Indices:
    """Give the cells of a wall's items after blank rows and columns were opened, evenly spread over the wall.

    Args:
        lattice: The lattice before.
        cells: (n,) cells of the items on it.
        rows: Number of rows after.
        cols: Number of columns after.

    Returns:
        (n,) cells of the items on the larger wall.
    """
    row, col = np.divmod(cells, lattice.cols)
    for n, more, at in ((lattice.rows, rows - lattice.rows, row), (lattice.cols, cols - lattice.cols, col)):
        seams = np.array([(i + 1) * n // (more + 1) for i in range(more)], np.int64)
        at += np.searchsorted(seams, at, side="right")
    return np.asarray(row * cols + col, np.int64)


def add_items(
    X: Floats,
    lattice: Lattice,
    cells: Indices,
    usable: NDArray[np.bool_],
    *,
    home: Indices | None = None,
    fixed: NDArray[np.bool_] | None = None,
    random_state: int = 0,
) -> Indices:
    """Find cells for the items that have none, moving the others as little as possible.

    Args:
        X: (n, d), one row an item.
        lattice: The wall.
        cells: (n,) cell of each item, -1 for new items.
        usable: (cells,) mask of the cells that may hold an item.
        home: (n,) cell of each item before the wall grew, -1 for new items; by default ``cells``.
        fixed: (n,) mask of the items that must not move; they have a cell.
        random_state: Seed for the refinement's groups.

    Returns:
        (n,) the cell of each item. Without new items, the cells as they were.

    Raises:
        ArgumentError: There are fewer usable cells than items, or a new item cannot reach a blank one.
    """
    X = as_matrix(X)
    cells = np.array(cells, np.int64)
    fixed = np.zeros(len(X), bool) if fixed is None else np.asarray(fixed, bool)
    new = np.flatnonzero(cells < 0)
    if usable.sum() < len(X):
        raise ArgumentError(f"{len(X)} items do not fit on {usable.sum()} cells", "Add rows or columns.")
    if not len(new):
        return cells
    home = cells.copy() if home is None else home
    item_of = np.full(lattice.size, -1, np.int64)
    item_of[cells[cells >= 0]] = np.flatnonzero(cells >= 0)
    open_ = usable.copy()
    open_[cells[fixed & (cells >= 0)]] = False
    wanted = _best_cells(X, new, lattice, item_of, open_)
    for item, cell in zip(new.tolist(), wanted.tolist(), strict=True):
        path = _path_to_blank(cell, lattice, item_of, home, open_)
        # From the blank backwards, each item moves into the next cell of the path.
        for there, here in zip(path[:0:-1], path[-2::-1], strict=True):
            item_of[there] = item_of[here]
        item_of[path[0]] = item
    found = cells_of(item_of)
    known = home >= 0
    reach = np.full(len(X), np.inf)
    reach[known] = np.maximum(lattice.moves(home[known], found[known]), REACH)
    return arrange(
        X, lattice, found, fixed=fixed, home=np.where(known, home, found), reach=reach, coarse=False,
        random_state=random_state,
    )  # fmt: skip


def _best_cells(X: Floats, new: Indices, lattice: Lattice, item_of: Indices, open_: NDArray[np.bool_]) -> Indices:
    """Give the open cell whose surroundings are most like each new item; among equals, the lowest."""
    centre = X.mean(axis=0, dtype=np.float32)
    around, weight = means_around(X - centre, lattice, item_of, _FIT_SIGMA)
    # Cells with hardly any neighbours say nothing about what fits there.
    cells = np.flatnonzero(open_ & ((weight > 0.5) | ~weight.any()))
    if not len(cells):
        cells = np.flatnonzero(open_)
    return cells[nearest_units(X[new] - centre, around[None, cells])[:, 0]]


def _path_to_blank(cell: int, lattice: Lattice, item_of: Indices, home: Indices, open_: NDArray[np.bool_]) -> list[int]:
    """Give the cells of the cheapest path from a cell to a blank, both included."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    if item_of[cell] < 0:
        return [cell]
    there = np.flatnonzero(item_of >= 0)
    items = item_of[there]
    away = np.where(home[items] >= 0, lattice.moves(np.maximum(home[items], 0), there), 0)
    price = np.ones(lattice.size)
    price[there] = _STEPS_ASIDE[np.minimum(away, len(_STEPS_ASIDE) - 1)]
    edges = lattice.edges()
    edges = edges[open_[edges].all(axis=1)]
    leave, enter = np.concatenate([edges[:, 0], edges[:, 1]]), np.concatenate([edges[:, 1], edges[:, 0]])
    graph = csr_array((price[leave], (leave, enter)), shape=(lattice.size, lattice.size))
    cost, before = dijkstra(graph, indices=cell, return_predecessors=True)
    blanks = np.flatnonzero(open_ & (item_of < 0))
    nearest = blanks[cost[blanks].argmin()] if len(blanks) else -1
    if nearest < 0 or not np.isfinite(cost[nearest]):
        raise ArgumentError(
            "a new poster cannot reach a blank cell",
            "Pinned posters or holes are in the way: use --fresh, or unpin some.",
        )
    path = [int(nearest)]
    while path[-1] != cell:
        path.append(int(before[path[-1]]))
    return path[::-1]
