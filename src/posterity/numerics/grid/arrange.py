"""Arranging items on the cells of a wall so that nearby cells hold similar items.

The wall is a self-assembling map whose units are the items themselves. Each step smooths the wall with a gaussian, and
gives the items of some cells back to those cells at the least total squared distance to the smoothed wall, exactly.
So no two items ever compete for one cell, and none has to be moved into an arbitrary empty one. The gaussian shrinks
from a third of the wall to about half a cell.

Two things differ from *Linear Assignment Sorting* (K. U. Barthel, N. Hezel, K. Jung, K. Schall, *Improved Evaluation
and Generation of Grid Layouts using Distance Preservation Quality and Linear Assignment Sorting*, CGF 42, 2023), which
assigns all cells at once, or in its fast form a few random ones:

- Cells are drawn from windows of the gaussian's reach, in groups of :data:`GROUP`: the assignments stay small at any
  size of the wall, and their cost grows with the number of cells alone.
- Once the gaussian is about a cell wide, an item's own share is left out of the smoothed wall (it would hold the item
  where it stands), and only every second cell of every second row moves in one step, among neighbours that stand still.

Measured (docs/measured.md), this ends at a higher distance preservation quality than either form of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError
from posterity.numerics.distances import Floats, Indices, as_matrix
from posterity.numerics.grid.assign import in_order
from posterity.numerics.grid.lattice import Lattice, smoother
from posterity.numerics.principal import span
from posterity.numerics.scores.preservation import distance_preservation_quality

GROUP = 128
"""Number of items assigned to their cells at once. Larger groups took longer and were hardly better."""

WIDEST = 1 / 3
"""σ of the first step, as a share of the wall's longer side."""

COARSE_STEPS = 60
COARSE_REACH = 8
"""Number of steps with a wide gaussian, and the side of their windows, in σ."""

FINE_SIGMA = 1.2
LAST_SIGMA = 0.55
FINE_STEPS = 12
FINE_WINDOWS = (16, 20, 24)
"""The fine steps: first and last σ, number of steps, and the sides in cells of the windows that each step uses."""

REFINE_SIGMA = 0.8
REFINE_STEPS = 6
"""First σ and number of steps if an arrangement is only refined; a wider gaussian would undo it."""

FEW = 2_500
MOST_STARTS = 24
"""Walls with fewer items than FEW are arranged several times, at most MOST_STARTS, from different starts, and the best
result is kept: the fewer items, the more depends on chance."""

LEVEL = 1e-6
"""Qualities that differ by less are equal."""

ENOUGH_VARIANCE = 0.99
"""Share of the items' variance whose principal axes are compared."""

_FAR = np.float32(1e6)
"""Cost of a forbidden cell, in units of the largest cost."""


def arrange(
    X: Floats,
    lattice: Lattice,
    cells: Indices,
    *,
    fixed: NDArray[np.bool_] | None = None,
    home: Indices | None = None,
    reach: NDArray[np.float64] | None = None,
    coarse: bool = True,
    random_state: int = 0,
) -> Indices:
    """Rearrange items on the cells that they occupy.

    Deterministic: the same arguments give the same arrangement. Of equal items the lower one gets the lower cell, where
    all cells are within reach; of arrangements whose quality differs by less than :data:`LEVEL` (such as one and its
    mirror image) the first is kept. Memory is bounded by a few times the vectors'.

    Args:
        X: (n, d), one row an item.
        lattice: The wall.
        cells: (n,) distinct initial cells of the items. No other cell is used.
        fixed: (n,) mask of the items that must not move; None lets all move.
        home: (n,) cell that an item's reach is measured from; by default its initial cell.
        reach: (n,) the most rows and columns that an item may be from home; None or infinities set no bound.
        coarse: Whether to begin with a wide gaussian; otherwise the arrangement is only refined.
        random_state: Seed for the initial order and the groups.

    Returns:
        (n,) the cell of each item.

    Raises:
        ArgumentError: Cells are shared or outside the lattice, or X is not a matrix.
    """
    X = as_matrix(X)
    cells = np.array(cells, np.int64)
    if cells.shape != (len(X),) or len(np.unique(cells)) < len(cells):
        raise ArgumentError(f"{len(X)} items on cells of shape {cells.shape}", "Give each item a cell of its own.")
    if cells.min() < 0 or cells.max() >= lattice.size:
        raise ArgumentError("a cell lies outside the lattice", f"Cells are numbered from 0 to {lattice.size - 1}.")
    rng = np.random.default_rng(random_state)
    moving = np.ones(len(X), bool) if fixed is None else ~np.asarray(fixed, bool)
    if moving.sum() < 2:
        return cells
    rows = _axes(X)
    home = cells if home is None else home
    if not coarse:
        found = _refined(_Wall(rows, lattice, cells, moving, home, reach), REFINE_SIGMA, REFINE_STEPS, rng)
        return found if reach is not None else _in_order(X, found, moving)
    starts = int(np.clip(FEW // len(X), 1, MOST_STARTS)) if reach is None else 1
    tries = []
    for _ in range(starts):
        wall = _Wall(rows, lattice, cells, moving, home, reach)
        wall.item_of[cells[moving]] = rng.permutation(np.flatnonzero(moving))
        widest = max(max(lattice.rows, lattice.cols) * WIDEST, FINE_SIGMA)
        for sigma in np.geomspace(widest, FINE_SIGMA, COARSE_STEPS):
            wall.step(sigma, wall.windows(max(2, round(COARSE_REACH * sigma)), rng), own=True)
        found = _refined(wall, FINE_SIGMA, FINE_STEPS, rng)
        tries.append(found if reach is not None else _in_order(X, found, moving))
    if starts == 1:
        return tries[0]
    scores = np.array([distance_preservation_quality(X, lattice, found).value for found in tries])
    return tries[int((scores >= scores.max() - LEVEL).argmax())]


def _in_order(X: Floats, cells: Indices, moving: NDArray[np.bool_]) -> Indices:
    """Exchange the cells of equal items that move, as :func:`posterity.numerics.grid.assign.in_order` does."""
    found = cells.copy()
    found[moving] = in_order(X[moving], cells[moving])
    return found


def _refined(wall: _Wall, first: float, steps: int, rng: np.random.Generator) -> Indices:
    for sigma in np.geomspace(first, LAST_SIGMA, steps):
        for side in FINE_WINDOWS:
            for parity in rng.permutation(4).tolist():
                wall.step(sigma, wall.windows(side, rng, parity), own=False)
    return cells_of(wall.item_of)


def _axes(X: Floats) -> Floats:
    """Give the rows along the principal axes that hold enough of their variance."""
    Z = span(X)[0]
    share = np.cumsum(Z.var(axis=0, dtype=np.float64))
    kept = int(np.searchsorted(share, ENOUGH_VARIANCE * share[-1])) + 1
    return np.ascontiguousarray(Z[:, :kept])


def cells_of(item_of: Indices) -> Indices:
    """Give the cell of each item, (n,), from the item of each cell, -1 where there is none."""
    there = np.flatnonzero(item_of >= 0)
    found = np.empty(len(there), np.int64)
    found[item_of[there]] = there
    return found


def means_around(
    X: Floats, lattice: Lattice, item_of: Indices, sigma: float, own: bool = True
) -> tuple[Floats, Floats]:
    """Smooth a wall by a gaussian.

    Args:
        X: (n, d), one row per item, centred.
        lattice: The wall.
        item_of: (cells,) the item of each cell, -1 for blank cells.
        sigma: Standard deviation of the gaussian, in cells.
        own: Whether a cell's own item counts.

    Returns:
        The mean item around each cell, (cells, d), and the total weight of the items around it, (cells,).
    """
    there = item_of >= 0
    field = np.zeros((lattice.size, X.shape[1]), np.float32)
    field[there] = X[item_of[there]]
    smooth = smoother(lattice, "gaussian", sigma)
    total = smooth(field.reshape(lattice.rows, lattice.cols, -1)).reshape(lattice.size, -1)
    weight = smooth(there.astype(np.float32).reshape(lattice.rows, lattice.cols, 1)).reshape(-1)
    if not own:
        total -= field
        weight = weight - there
    total /= np.maximum(weight, 1e-6)[:, None]
    return total, weight


class _Wall:
    """The item in each cell, while a wall is being arranged.

    Attributes:
        item_of: (cells,) item, or -1.
    """

    def __init__(
        self,
        X: Floats,
        lattice: Lattice,
        cells: Indices,
        moving: NDArray[np.bool_],
        home: Indices,
        reach: NDArray[np.float64] | None,
    ) -> None:
        self.X = X
        self.lattice = lattice
        self.item_of = np.full(lattice.size, -1, np.int64)
        self.item_of[cells] = np.arange(len(X))
        self.usable = np.sort(cells[moving])
        self.reach = None if reach is None or not np.isfinite(reach).any() else reach
        self.home = home

    def windows(self, side: int, rng: np.random.Generator, parity: int | None = None) -> Iterator[Indices]:
        """Divide the cells that move into random groups within windows at a random offset.

        Args:
            side: Side of the windows, in cells.
            rng: Random number generator.
            parity: Use only one of the four classes of cells in every second row and column.
        """
        lattice, cells = self.lattice, self.usable
        row, col = np.divmod(cells, lattice.cols)
        if parity is not None:
            chosen = (row % 2 == parity // 2) & (col % 2 == parity % 2)
            cells, row, col = cells[chosen], row[chosen], col[chosen]
        down, right = rng.integers(0, side, 2).tolist()
        if lattice.toroidal:
            row, col = (row + down) % lattice.rows, (col + right) % lattice.cols
            down = right = 0
        across = -(-(lattice.cols + side) // side)
        window = (row + down) // side * across + (col + right) // side
        order = np.lexsort((rng.random(len(cells)), window))
        cells, window = cells[order], window[order]
        borders = np.flatnonzero(np.diff(window)) + 1
        for some in np.split(cells, borders):
            # As even as possible: a single item left over could not move.
            yield from np.array_split(some, -(-len(some) // GROUP)) if len(some) > 1 else ()

    def step(self, sigma: float, groups: Iterator[Indices], own: bool) -> None:
        """Reassign the items of each group of cells to those cells."""
        from scipy.optimize import linear_sum_assignment

        goal = means_around(self.X, self.lattice, self.item_of, sigma, own)[0]
        for cells in groups:
            items = self.item_of[cells]
            gain = self.X[items] @ goal[cells].T
            if self.reach is not None:
                away = self.lattice.moves(self.home[items][:, None], cells) > self.reach[items][:, None]
                gain -= away * (_FAR * max(float(np.abs(gain).max()), 1e-6))
            # Σ‖x − m‖² is least where Σ⟨x, m⟩ is largest: the lengths are the same however the items are assigned.
            rows, cols = linear_sum_assignment(gain, maximize=True)
            self.item_of[cells[cols]] = items[rows]
