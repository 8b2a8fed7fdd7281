"""Walls: one cell per item, none shared, none lost, similar items close together.

:func:`assign` gives every item a cell of a trained map, at the least total squared distance between the items and the
vectors of their cells. Any codebook works: a SOM's, or the lattice points themselves for a two-dimensional layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike

from posterity.errors import ArgumentError
from posterity.numerics.distances import (
    Floats,
    Indices,
    as_codebook,
    as_matrix,
    row_blocks,
    squared_distances,
    squared_lengths,
)

MAX_EXACT = 2_500 * 2_500
"""Items times cells up to which :func:`assign` is exact: 1 to 6 s at this bound, growing with the cube of n."""

_WINDOW = 32
"""Side, in cells, of the square windows of the wall that are assigned exactly."""

_GROUP = 2048
"""The most cells in a group from all over the wall that is assigned exactly."""

_MAX_ROUNDS = 6
_LEAST_GAIN = 2e-3
"""The most rounds of windows and groups, and the least share by which a round must lower the total to go on."""

_TOLERATED = 1.25
"""Factor by which a wall's aspect may differ from the one requested, to save blank cells."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The cell of each item on a wall.

    Args:
        rows: Number of rows.
        cols: Number of columns.
        cells: (n, 2) int64, the (row, column) of each item.

    Raises:
        ArgumentError: A cell is shared or lies outside the wall.

    >>> grid = Grid(2, 2, [[0, 1], [1, 0], [0, 0]])
    >>> grid.occupancy().tolist(), grid.blanks.tolist()
    ([[2, 0], [1, -1]], [[1, 1]])
    """

    rows: int
    cols: int
    cells: Indices

    def __post_init__(self) -> None:
        shape = f"{self.rows}×{self.cols}"
        cells = np.array(self.cells)
        if cells.ndim != 2 or cells.shape[1] != 2 or not np.issubdtype(cells.dtype, np.integer):
            raise ArgumentError(
                f"cells of shape {cells.shape} are not allowed", "Give one (row, column) of integers per item."
            )
        outside = ((cells < 0) | (cells >= (self.rows, self.cols))).any(axis=1)
        if outside.any():
            item = int(outside.argmax())
            raise ArgumentError(
                f"item {item} has the cell {tuple(cells[item].tolist())} outside {shape}",
                "Rows and columns count from 0.",
            )
        taken, counts = np.unique(cells, axis=0, return_counts=True)
        if (counts > 1).any():
            cell = tuple(taken[counts.argmax()].tolist())
            raise ArgumentError(f"{counts.max()} items share the cell {cell}", "Give each item a cell of its own.")
        cells = cells.astype(np.int64)
        cells.flags.writeable = False
        object.__setattr__(self, "cells", cells)

    def occupancy(self) -> Indices:
        """Give the wall as (rows, cols) int64: the index of the item in each cell, -1 for blank cells."""
        wall = np.full((self.rows, self.cols), -1, np.int64)
        wall[self.cells[:, 0], self.cells[:, 1]] = np.arange(len(self.cells))
        return wall

    @property
    def blanks(self) -> Indices:
        """The cells without an item, (m, 2) int64, row by row."""
        return np.argwhere(self.occupancy() < 0)


def grid_shape(n: int, rows: int | None = None, cols: int | None = None, aspect: float = 1.0) -> tuple[int, int]:
    """Choose the shape of a wall for n items.

    Among walls whose columns per row are within a quarter of ``aspect`` (or as near to it as possible), it chooses the
    one with the fewest blank cells; then the one nearest to ``aspect``; then the wider. If one side is given, the other
    is the shortest that fits.

    Args:
        n: Number of items.
        rows: Cells from top to bottom, if fixed.
        cols: Cells from left to right, if fixed.
        aspect: Requested columns per row; 1.5 makes a square picture of posters 2 wide and 3 high.

    Returns:
        (rows, cols), of n cells or more.

    Raises:
        ArgumentError: The items do not fit, or a number is not positive.

    >>> grid_shape(100), grid_shape(12), grid_shape(12, rows=2)
    ((10, 10), (3, 4), (2, 6))
    """
    for name, value in (("n", n), ("rows", rows), ("cols", cols), ("aspect", aspect)):
        if value is not None and not 0 < value < np.inf:
            raise ArgumentError(f"{name} {value} is not allowed", "Give a positive number.")
    if rows is not None and cols is not None:
        _check_room(n, rows, cols)
        return rows, cols
    if rows is not None:
        return rows, -(-n // rows)
    if cols is not None:
        return -(-n // cols), cols
    shortest = ((height, -(-n // height)) for height in range(1, n + 1))
    candidates = [(height, width) for height, width in shortest if (height - 1) * width < n]
    stretch = {(h, w): max(w / h / aspect, h * aspect / w) for h, w in candidates}
    longest = max(_TOLERATED, min(stretch.values()))
    return min((shape for shape in candidates if stretch[shape] <= longest), key=lambda s: (s[0] * s[1], stretch[s], s))


def assign(X: ArrayLike, codebook: ArrayLike, *, max_exact: int = MAX_EXACT) -> Grid:
    """Give every item a cell of its own, at the least total squared distance Σᵢ ‖xᵢ − m_cell(i)‖².

    Up to ``max_exact`` the answer is the exact minimum: D. F. Crouse, *On implementing 2D rectangular assignment
    algorithms*, IEEE TAES 52 (2016), as in SciPy. Beyond, the wall is halved again and again, the items between the
    halves by the exact answer of that smaller question, down to windows of 32 × 32 cells; then overlapping windows, and
    groups of cells of like vectors, are assigned exactly again and again, which can only lower the total (a large
    neighbourhood search). Time and memory then grow with the number of cells. Measured with 2,500 and with 7,056 real
    posters, the total ends 0.1% above the exact one.

    Both are deterministic, and equal items, or equal vectors of cells, stand in order (:func:`in_order`). Where there
    are more cells than items, the cells that cost most to fill stay blank, wherever on the wall they lie: choose the
    shape by :func:`grid_shape` to have few.

    Args:
        X: (n, d), one row an item.
        codebook: (rows, cols, d), one vector a cell; rows · cols ≥ n.
        max_exact: Items times cells up to which the answer is exact.

    Raises:
        ArgumentError: The items do not fit, the arrays do not fit each other, or hold NaN or infinities.

    >>> assign([[0.9], [0.1], [0.2]], [[[0.0], [0.5], [1.0]]]).occupancy().tolist()
    [[1, 2, 0]]
    """
    codebook = as_codebook(codebook)
    rows, cols, d = codebook.shape
    X = as_matrix(X, n_features=d)
    _check_room(len(X), rows, cols)
    # A common shift changes no distance, and float32 keeps more of short vectors.
    centre = codebook.reshape(-1, d).mean(axis=0)
    items, units = X - centre, (codebook - centre).reshape(-1, d)
    if len(items) * len(units) <= max_exact:
        cell_of = _solve(items, units)
    else:
        wall = np.arange(rows * cols).reshape(rows, cols)
        cell_of = np.full(len(items), -1, np.int64)
        _place(items, units, wall, np.arange(len(items)), cell_of)
        _improve(items, units, wall, cell_of)
    cell_of = in_order(X, cell_of, codebook.reshape(-1, d))
    return Grid(rows, cols, np.stack(np.divmod(cell_of, cols), axis=1))


def in_order(X: Floats, cells: Indices, units: Floats | None = None) -> Indices:
    """Exchange the cells of equal items so that the lower item has the lower cell.

    Either item fits the other's cell equally well, so in a solver's result the processor's rounding decides between
    them. Cells of equal vectors are exchanged in the same way: the lower cell gets the item of the lower kind, and the
    last cells stay blank.

    Args:
        X: (n, d), one row an item.
        cells: (n,) the cell of each item.
        units: (m, d), the vector of each cell; None if no two are equal.

    Returns:
        (n,) the cell of each item, at the same total distance.

    >>> in_order(np.array([[7.0], [5.0], [7.0]], np.float32), np.array([2, 1, 0])).tolist()
    [0, 1, 2]
    """
    kind = _kinds(X)
    if units is None:
        by_kind = cells[np.lexsort((cells, kind))]
    else:
        alike, holds = _kinds(units), np.full(len(units), len(X), np.int64)
        holds[cells] = kind
        holds[np.argsort(alike, kind="stable")] = holds[np.lexsort((holds, alike))]
        by_kind = np.argsort(holds, kind="stable")[: len(X)]
    found = np.empty(len(X), np.int64)
    found[np.argsort(kind, kind="stable")] = by_kind
    return found


def _kinds(rows: Floats) -> Indices:
    """Number rows (n, d) so that equal ones, and no others, share a number: (n,), below n."""
    return np.asarray(np.unique(rows, axis=0, return_inverse=True)[1], np.int64).reshape(-1)


def _check_room(n: int, rows: int, cols: int) -> None:
    if rows * cols < n:
        raise ArgumentError(
            f"{n} posters do not fit on {rows}×{cols}",
            f"{rows * cols} cells are {n - rows * cols} too few: add rows or columns, or give only one side.",
        )


def _solve(X: Floats, units: Floats) -> Indices:
    """Give the unit of each row at the least total squared distance, exactly: (n,)."""
    from scipy.optimize import linear_sum_assignment

    return np.asarray(linear_sum_assignment(squared_distances(X, units))[1], np.int64)


def _place(X: Floats, units: Floats, wall: Indices, items: Indices, cell_of: Indices) -> None:
    """Write a cell of ``wall`` (h, w) for each of ``items``, which fit on it, by halving."""
    if not len(items):
        return
    if wall.size <= _WINDOW**2:
        cell_of[items] = wall.ravel()[_solve(X[items], units[wall.ravel()])]
        return
    axis = int(wall.shape[1] >= wall.shape[0])
    one, other = np.array_split(wall, 2, axis=axis)
    a, b = units[one.ravel()].mean(axis=0), units[other.ravel()].mean(axis=0)
    # ‖x − a‖² − ‖x − b‖²: sorted by it, any cut is the best one of its sizes, and 0 is where both halves are as near.
    preference = X[items] @ (2 * (b - a)) + (a @ a - b @ b)
    ordered = items[np.argsort(preference, kind="stable")]
    wanted = int((preference < 0).sum())
    cut = min(max(wanted, len(items) - other.size), one.size)
    _place(X, units, one, ordered[:cut], cell_of)
    _place(X, units, other, ordered[cut:], cell_of)


def _improve(X: Floats, units: Floats, wall: Indices, cell_of: Indices) -> None:
    """Reassign the items of one set of cells after another, as long as a round still lowers the total noticeably.

    Windows of the wall sort out a crowded region. They cannot move an item far, to a cell that fits as well but is in
    another region; with many dimensions there are many such cells, so groups of cells with similar vectors follow.
    """
    item_of = np.full(wall.size, -1, np.int64)
    item_of[cell_of] = np.arange(len(X))
    rng = np.random.default_rng(0)
    before = _cost(X, units, cell_of)
    for _ in range(_MAX_ROUNDS):
        for cells in chain(_windows(wall), _groups(units, rng), _groups(units, rng)):
            items = item_of[cells]
            items = items[items >= 0]
            if len(items):
                cell_of[items] = cells[_solve(X[items], units[cells])]
                item_of[cells] = -1
                item_of[cell_of[items]] = items
        after = _cost(X, units, cell_of)
        if before - after <= _LEAST_GAIN * before:
            return
        before = after


def _windows(wall: Indices) -> Iterator[Indices]:
    """Cover a wall with windows of a fixed number of cells, each overlapping the next by half."""
    rows, cols = wall.shape
    height = min(rows, max(_WINDOW, _WINDOW**2 // cols))
    width = min(cols, _WINDOW**2 // height)
    for top in _starts(rows, height):
        for left in _starts(cols, width):
            yield wall[top : top + height, left : left + width].ravel()


def _groups(units: Floats, rng: np.random.Generator) -> list[Indices]:
    """Cut all cells into equal groups of neighbours along a random direction of the vectors' space."""
    direction = rng.standard_normal(units.shape[1], np.float32)
    return np.array_split(np.argsort(units @ direction, kind="stable"), -(-len(units) // _GROUP))


def _starts(length: int, window: int) -> list[int]:
    return [*range(0, length - window, max(1, window // 2)), length - window]


def _cost(X: Floats, units: Floats, cell_of: Indices) -> float:
    """Add up the squared distances of the items to their cells."""
    blocks = row_blocks(len(X), X.shape[1])
    return sum(float(squared_lengths(X[b] - units[cell_of[b]]).sum(dtype=np.float64)) for b in blocks)
