"""Lattices: the positions of the units of a map and the cells of a wall, which of them touch, and their distances.

Cells are numbered row by row. On a rectangular lattice they are one apart along both axes; on a hexagonal one each odd
row is shifted to the right by a half, and rows are √3/2 apart, so that the six neighbours of a cell are all at distance
1. A toroidal lattice has no border: its right side touches the left one, its bottom the top.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError, UnknownNameError

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Indices = NDArray[np.int64]

TOPOLOGIES = ("rectangular", "hexagonal")

PITCH = {"rectangular": 1.0, "hexagonal": float(np.sqrt(0.75))}
"""Distance between rows, if cells in a row are 1 apart."""

_FAINTEST = 1e-30
"""Smaller neighbourhood values are set to 0: in float32 they would lose digits and slow the computation down."""

_BAND = 64
"""Rows of a kernel that are applied at once, with the columns that they reach."""


@dataclass(frozen=True)
class Lattice:
    """Cells in rows and columns.

    Args:
        rows: Number of rows.
        cols: Number of columns.
        topology: "rectangular" or "hexagonal".
        toroidal: Whether opposite sides touch.

    Raises:
        ArgumentError: A side is less than 1, or a toroidal hexagonal lattice has an odd number of rows, which would not
            fit together.
        UnknownNameError: There is no such topology.

    >>> Lattice(2, 2, "hexagonal").positions().round(2).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.5, 0.87], [1.5, 0.87]]
    """

    rows: int
    cols: int
    topology: str = "rectangular"
    toroidal: bool = False

    def __post_init__(self) -> None:
        if self.rows < 1 or self.cols < 1:
            raise ArgumentError(f"{self.rows} by {self.cols} cells are not allowed", "Use 1 or more rows and columns.")
        if self.topology not in TOPOLOGIES:
            raise UnknownNameError("topology", self.topology, TOPOLOGIES)
        if self.hexagonal and self.toroidal and self.rows % 2:
            raise ArgumentError(
                f"a toroidal hexagonal lattice of {self.rows} rows does not fit together",
                "Use an even number of rows.",
            )

    @property
    def hexagonal(self) -> bool:
        """Whether odd rows are shifted."""
        return self.topology == "hexagonal"

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.rows * self.cols

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height, in cells: those of the torus, or of the box around all cells."""
        return self.cols + (0.5 if self.hexagonal and not self.toroidal else 0.0), self.rows * PITCH[self.topology]

    def positions(self) -> Doubles:
        """Give the centre of each cell: (rows · cols, 2), x to the right and y down."""
        row, col = np.divmod(np.arange(self.size), self.cols)
        x = col + (0.5 * (row % 2) if self.hexagonal else 0.0)
        return np.column_stack([x, row * PITCH[self.topology]]).astype(np.float64)

    def offsets(self, cells: Indices) -> tuple[Doubles, Doubles]:
        """Give the distance of every cell from each of ``cells`` (m,), along x and y: two (m, rows · cols)."""
        every = self.positions()
        some = every[cells]
        return self.shortest(np.abs(some[:, None, 0] - every[:, 0]), np.abs(some[:, None, 1] - every[:, 1]))

    def shortest(self, dx: Doubles, dy: Doubles) -> tuple[Doubles, Doubles]:
        """Shorten distances along x and y, of any shape: on a torus, the other way round may be shorter."""
        if not self.toroidal:
            return dx, dy
        width, height = self.extent
        return np.minimum(dx, width - dx), np.minimum(dy, height - dy)

    def squared_distances(self, cells: Indices) -> Doubles:
        """Give the squared distance of each of ``cells`` (m,) to each cell of the lattice: (m, rows · cols)."""
        dx, dy = self.offsets(cells)
        return dx * dx + dy * dy

    def adjacent(self, a: Indices, b: Indices) -> NDArray[np.bool_]:
        """Tell which pairs of cells, (m,) and (m,), touch (8 neighbours, diagonals included, or 6) or are the same."""
        every = self.positions()
        dx, dy = self.shortest(*np.abs(every[a] - every[b]).T)
        return np.asarray(dx * dx + dy * dy < 1.01 if self.hexagonal else np.maximum(dx, dy) < 1.01)

    def moves(self, a: Indices, b: Indices) -> Indices:
        """Count the rows or columns, whichever are more, between cells ``a`` and ``b`` of shapes that broadcast."""
        (row_a, col_a), (row_b, col_b) = np.divmod(a, self.cols), np.divmod(b, self.cols)
        down, right = np.abs(row_a - row_b), np.abs(col_a - col_b)
        if self.toroidal:
            down, right = np.minimum(down, self.rows - down), np.minimum(right, self.cols - right)
        return np.asarray(np.maximum(down, right))

    def edges(self) -> Indices:
        """Give every pair of cells that touch, each once: (m, 2)."""
        row, col = np.divmod(np.arange(self.size), self.cols)
        steps = [(0, 1), (1, 0)] if self.hexagonal else [(0, 1), (1, 0), (1, 1), (1, -1)]
        pairs = [self._step(row, col, down, np.full(self.size, right)) for down, right in steps]
        if self.hexagonal:
            pairs.append(self._step(row, col, 1, np.where(row % 2, 1, -1)))
        found = np.sort(np.concatenate(pairs), axis=1)
        return np.unique(found[found[:, 0] != found[:, 1]], axis=0)

    def _step(self, row: Indices, col: Indices, down: int, right: Indices) -> Indices:
        """Pair each cell with the one ``down`` rows below and ``right`` columns beside it, if there is one."""
        r, c = row + down, col + right
        if self.toroidal:
            inside, r, c = np.ones(len(r), bool), r % self.rows, c % self.cols
        else:
            inside = (r < self.rows) & (c >= 0) & (c < self.cols)
        return np.column_stack([np.flatnonzero(inside), (r * self.cols + c)[inside]])

    def near(self, neighbourhood: str, sigma: float, cells: Indices) -> Doubles:
        """Give the neighbourhoods of some cells (m,): (m, rows · cols), by a name in :data:`NEIGHBOURHOODS`.

        On a rectangular lattice bubbles are square and triangles pyramids, the product of one along each axis, as in
        MiniSom; on a hexagonal one discs and cones.
        """
        dx, dy = self.offsets(cells)
        return NEIGHBOURHOODS[neighbourhood](dx, dy, sigma, self.hexagonal)


def _gaussian(dx: Doubles, dy: Doubles, sigma: float, _hexagonal: bool) -> Doubles:
    return np.asarray(np.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)))


def _bubble(dx: Doubles, dy: Doubles, sigma: float, hexagonal: bool) -> Doubles:
    inside = dx * dx + dy * dy < sigma * sigma if hexagonal else (dx < sigma) & (dy < sigma)
    return inside.astype(np.float64)


def _triangle(dx: Doubles, dy: Doubles, sigma: float, hexagonal: bool) -> Doubles:
    if hexagonal:
        return np.maximum(sigma - np.sqrt(dx * dx + dy * dy), 0)
    return np.asarray(np.maximum(sigma - dx, 0) * np.maximum(sigma - dy, 0))


def _mexican_hat(dx: Doubles, dy: Doubles, sigma: float, _hexagonal: bool) -> Doubles:
    share = (dx * dx + dy * dy) / (2 * sigma * sigma)
    return np.asarray(np.exp(-share) * (1 - 2 * share))


NEIGHBOURHOODS: dict[str, Callable[[Doubles, Doubles, float, bool], Doubles]] = {
    "gaussian": _gaussian,
    "bubble": _bubble,
    "triangle": _triangle,
    "mexican_hat": _mexican_hat,
}
"""How near cells are, by name: functions of the distances along x and y, σ, and whether the lattice is hexagonal."""


def smoother(lattice: Lattice, neighbourhood: str, sigma: float) -> Callable[[Floats], Floats]:
    """Make the function that sums a field over each cell's neighbourhood: Σⱼ hⱼᵢ fⱼ.

    If the neighbourhood is a product of one along each axis (all but the mexican hat on rectangular lattices; the
    gaussian on hexagonal ones, a parity of rows at a time), a cell costs rows + cols instead of rows · cols.

    Returns:
        A function of (rows, cols, k) float32 that gives the same shape.
    """
    if neighbourhood == "gaussian" and lattice.hexagonal:
        return _by_parity(lattice, sigma)
    if neighbourhood != "mexican_hat" and not lattice.hexagonal:
        along_rows, along_cols = _axis(lattice, neighbourhood, sigma, 1), _axis(lattice, neighbourhood, sigma, 0)
        return lambda field: _apply(along_cols, _apply(along_rows, field, 0), 1)
    return lambda field: _in_full(lattice, neighbourhood, sigma, field)


def _axis(lattice: Lattice, neighbourhood: str, sigma: float, axis: int, shift: float = 0.0) -> Floats:
    """Give the neighbourhood along one axis, (n, n), at distance 0 along the other."""
    n = lattice.rows if axis else lattice.cols
    step = PITCH[lattice.topology] if axis else 1.0
    at = np.arange(n) * step
    apart = np.abs(at[:, None] - at + shift)
    if lattice.toroidal:
        apart = np.minimum(apart, n * step - apart)
    nothing = np.zeros_like(apart)
    found = NEIGHBOURHOODS[neighbourhood](nothing, apart, sigma, False)
    # A pyramid is (σ − |dy|) · (σ − |dx|): divide by the σ of the other axis.
    found = found / sigma if neighbourhood == "triangle" else found
    return np.where(found > _FAINTEST, found, 0).astype(np.float32)


def _by_parity(lattice: Lattice, sigma: float) -> Callable[[Floats], Floats]:
    """Apply a gaussian on a hexagonal lattice, a pair of parities of rows at a time.

    Rows of one parity are aligned, those of the other are shifted by a half, so each pair's kernel is a product.
    """
    along_rows = _axis(lattice, "gaussian", sigma, 1)
    aside = [[_axis(lattice, "gaussian", sigma, 0, 0.5 * (p - q)) for q in (0, 1)] for p in (0, 1)]

    def smooth(field: Floats) -> Floats:
        result = np.zeros_like(field)
        for p in (0, 1):
            for q in (0, 1):
                rows = np.ascontiguousarray(along_rows[p::2, q::2])
                if rows.size:
                    result[p::2] += _apply(aside[p][q], _apply(rows, field[q::2], 0), 1)
        return result

    return smooth


def _apply(kernel: Floats, field: Floats, axis: int) -> Floats:
    """Multiply a kernel (n, m) along the first or second axis of a field, skipping what lies beyond its reach."""
    if axis == 1:
        return np.stack([_apply(kernel, line, 0) for line in field]) if len(kernel) > 2 * _BAND else kernel @ field
    flat = np.ascontiguousarray(field).reshape(len(field), -1)
    result = np.empty((len(kernel), flat.shape[1]), np.float32)
    for start in range(0, len(kernel), _BAND):
        some = kernel[start : start + _BAND]
        reached = np.flatnonzero(some.any(axis=0))
        if len(reached):
            low, high = reached[0], reached[-1] + 1
            np.matmul(some[:, low:high], flat[low:high], out=result[start : start + _BAND])
        else:
            result[start : start + _BAND] = 0
    return result.reshape(len(kernel), *field.shape[1:])


def _in_full(lattice: Lattice, neighbourhood: str, sigma: float, field: Floats) -> Floats:
    """Sum over every pair of cells, some cells at a time."""
    flat = field.reshape(lattice.size, -1)
    result = np.empty_like(flat)
    step = max(1, (1 << 22) // lattice.size)
    for start in range(0, lattice.size, step):
        some = np.arange(start, min(start + step, lattice.size))
        result[some] = lattice.near(neighbourhood, sigma, some).astype(np.float32) @ flat
    return result.reshape(field.shape)
