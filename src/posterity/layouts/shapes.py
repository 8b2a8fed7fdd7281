"""The requested shape of a wall: its grid, its topology, and which cells are pinned or stay empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError, UnknownNameError
from posterity.numerics.grid.assign import grid_shape
from posterity.numerics.grid.lattice import TOPOLOGIES, Lattice

_LIGHT = 128
"""Lightness, of 255, from which a part of a mask is filled with posters."""


@dataclass(frozen=True)
class Shape:
    """The requested shape of a wall.

    Attributes:
        rows: Number of rows; None chooses, to fit ``cols`` if that is given.
        cols: Number of columns; None chooses, to fit ``rows`` if that is given.
        aspect: Columns per row, if both are chosen; with 2:3 posters, 1.5 makes the picture square.
        topology: "rectangular" or "hexagonal".
        toroidal: Whether opposite sides are adjacent, as on a wall wrapped around a pillar.
        pins: Poster id -> the cell where it stays.
        holes: Cells that stay empty.
    """

    rows: int | None = None
    cols: int | None = None
    aspect: float = 1.0
    topology: str = "rectangular"
    toroidal: bool = False
    pins: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    holes: Iterable[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        if self.topology not in TOPOLOGIES:
            raise UnknownNameError("topology", self.topology, TOPOLOGIES)
        if not 0.01 <= self.aspect <= 100:
            raise ArgumentError(f"aspect {self.aspect} is not allowed", "Give columns per row, from 0.01 to 100.")
        for name in ("rows", "cols"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, int(getattr(self, name)))
        object.__setattr__(self, "pins", {name: (int(r), int(c)) for name, (r, c) in self.pins.items()})
        object.__setattr__(self, "holes", tuple(sorted({(int(r), int(c)) for r, c in self.holes})))

    def asked(self) -> dict[str, Any]:
        """Give the request as JSON types."""
        return {
            "rows": self.rows, "cols": self.cols, "aspect": self.aspect, "topology": self.topology,
            "toroidal": self.toroidal, "pins": {name: list(cell) for name, cell in sorted(self.pins.items())},
            "holes": [list(cell) for cell in self.holes],
        }  # fmt: skip

    def lattice(self, n: int) -> tuple[Lattice, NDArray[np.bool_]]:
        """Give the lattice for n posters, and a mask of the cells that may hold one."""
        holes = list(self.holes)
        rows, cols = grid_shape(n + len(holes), self.rows, self.cols, self.aspect)
        if self.topology == "hexagonal" and self.toroidal and rows % 2 and self.rows is None:
            rows += 1
        lattice = Lattice(rows, cols, self.topology, self.toroidal)
        usable = np.ones(lattice.size, bool)
        for what, cells in (("a hole", holes), ("a pin", self.pins.values())):
            for row, col in cells:
                if not (0 <= row < rows and 0 <= col < cols):
                    raise ArgumentError(
                        f"{what} at {row},{col} lies outside {rows}×{cols}", "Rows and columns count from 0."
                    )
        usable[[row * cols + col for row, col in holes]] = False
        if len(set(self.pins.values())) < len(self.pins):
            raise ArgumentError("two posters are pinned to one cell", "Pin each to a cell of its own.")
        for name, (row, col) in self.pins.items():
            if not usable[row * cols + col]:
                raise ArgumentError(f"{name} is pinned to {row},{col}, which is a hole", "Pin it elsewhere.")
        return lattice, usable


def masked(picture: NDArray[np.uint8], n: int, rows: int | None = None, cols: int | None = None) -> Shape:
    """Give the shape of a wall that fills the light part of a picture.

    Args:
        picture: RGB (h, w, 3); cells that fall on its dark part stay empty.
        n: Number of posters.
        rows: Number of rows; None chooses the smallest grid that has room.
        cols: Number of columns; None chooses the smallest grid that has room.

    Raises:
        ArgumentError: The picture is dark all over, or the grid has no room.
    """
    light = picture.astype(np.float32).mean(axis=2)
    share = float((light >= _LIGHT).mean())
    if share < 0.001:
        raise ArgumentError("the mask is dark all over", "Posters fill its light part: use a picture that has one.")
    aspect = 1.5 * picture.shape[1] / picture.shape[0]
    cells = n / share
    for what, asked in (("rows", rows), ("cols", cols)):
        if asked is not None and asked < 1:
            raise ArgumentError(f"{what} {asked} is not allowed", "Give 1 or more.")
    while True:
        high, wide = rows, cols
        if high is None:
            high = max(1, round((cells / aspect) ** 0.5 if cols is None else cells / cols))
        if wide is None:
            wide = max(1, round(high * aspect if rows is None else cells / rows))
        free = cv2.resize(light, (wide, high), interpolation=cv2.INTER_AREA).reshape(high, wide) >= _LIGHT
        if free.sum() >= n:
            return Shape(high, wide, holes=[(r, c) for r, c in np.argwhere(~free).tolist()])
        if (rows is not None and cols is not None) or cells > 1000 * n / share:
            raise ArgumentError(
                f"{n} posters do not fit into the mask's {free.sum()} cells of {high}×{wide}", "Add rows or columns."
            )
        cells *= 1.01
