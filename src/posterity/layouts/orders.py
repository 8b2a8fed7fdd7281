"""What walls are ordered by: an encoder's vectors, colours, or genres and years.

Other packages register theirs in the entry-point group ``posterity.orders``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.catalogue.provenance import CONTENT, Reads
from posterity.errors import ArgumentError, CatalogueError
from posterity.layouts.shapes import Shape
from posterity.numerics.distances import Floats, Indices
from posterity.numerics.grid.arrange import arrange
from posterity.numerics.grid.lattice import Lattice
from posterity.numerics.principal import span
from posterity.registry import Registry


@dataclass(frozen=True)
class Room:
    """What an order has to arrange, and the cells available.

    Attributes:
        store: The catalogue; an order reads only the columns that it declares.
        where: The SQL condition that the posters meet; None for all posters.
        ids: Ids of the n posters.
        vectors: (n, d) vectors, by the wall's encoder.
        lattice: Positions of the cells; a cell is the number row · cols + column.
        usable: (cells,) mask of the cells that may be used; n or more.
        shape: The requested shape; its ``pins`` are the posters that already have a cell.
        random_state: Seed.
    """

    store: Store
    where: str | None
    ids: Sequence[str]
    vectors: Floats
    lattice: Lattice
    usable: NDArray[np.bool_]
    shape: Shape
    random_state: int

    def start(self) -> tuple[Indices, NDArray[np.bool_]]:
        """Give initial cells (pinned posters on their own, the others row by row) and a mask of the pinned posters."""
        place = {name: i for i, name in enumerate(self.ids)}
        fixed_to = pinned(place, self.lattice, self.shape)
        cells = np.full(len(self.ids), -1, np.int64)
        cells[list(fixed_to)] = list(fixed_to.values())
        free = self.usable.copy()
        free[list(fixed_to.values())] = False
        left = np.flatnonzero(cells < 0)
        cells[left] = np.flatnonzero(free)[: len(left)]
        fixed = np.zeros(len(self.ids), bool)
        fixed[list(fixed_to)] = True
        return cells, fixed


@dataclass(frozen=True)
class Order:
    """What a wall is ordered by.

    Attributes:
        arrange: Gives each poster its cell: (n,) distinct usable cells, with pinned posters on their own. The same room
            always gives the same cells.
        reads: The columns it reads, content included; a wall stays current when anything else changes. Raise its
            ``code`` whenever the same posters would be placed differently.
        encoder: The encoder that it always uses; None uses the one requested.
        grows: Whether a wall is brought up to date by giving new posters cells near similar ones, instead of being laid
            out again. This is only for orders that read nothing but vectors.

    Raises:
        ArgumentError: It grows but reads more than vectors, so that a change of those columns would go unnoticed.
    """

    arrange: Callable[[Room], Indices]
    reads: Reads
    encoder: str | None = None
    grows: bool = False

    def __post_init__(self) -> None:
        if self.grows and set(self.reads.columns) > {CONTENT}:
            raise ArgumentError(
                f"an order that reads {', '.join(self.reads.columns)} cannot grow", "Leave grows False."
            )


ORDERS: Registry[Order] = Registry(
    "order",
    {
        "content": "posterity.layouts.orders:BY_CONTENT",
        "colour": "posterity.layouts.orders:BY_COLOUR",
        "time": "posterity.layouts.orders:BY_TIME",
    },
    group="posterity.orders",
)


def arranged(order: str, room: Room) -> Indices:
    """Give each poster its cell, by the order of that name.

    Raises:
        ArgumentError: The order returned invalid cells: two posters in one cell, or a cell that may not be used.
        CatalogueError: A pinned poster does not exist.
        UnknownNameError: There is no such order.
    """
    cells = np.asarray(ORDERS.get(order).arrange(room))
    n, size = len(room.ids), room.lattice.size
    start, fixed = room.start()
    whole = cells.shape == (n,) and np.issubdtype(cells.dtype, np.integer)
    if not (
        whole
        and len(np.unique(cells)) == n
        and ((cells >= 0) & (cells < size)).all()
        and room.usable[cells].all()
        and (cells[fixed] == start[fixed]).all()
    ):
        raise ArgumentError(
            f"the order {order!r} returned invalid cells: each of {n} posters needs a usable cell of its own",
            "Choose another order, and report this to the authors of the package that registers it.",
        )
    return cells.astype(np.int64)


def pinned(place: Mapping[str, int], lattice: Lattice, shape: Shape) -> dict[int, int]:
    """Give the cells of the pinned posters: number of the poster -> cell.

    Raises:
        CatalogueError: A pinned poster is not on the wall.
    """
    if unknown := [name for name in shape.pins if name not in place]:
        raise CatalogueError(f"the pinned poster {unknown[0]!r} is not on the wall", "Pin posters by their id.")
    return {place[name]: row * lattice.cols + col for name, (row, col) in shape.pins.items()}


def _by_vectors(room: Room) -> Indices:
    start, fixed = room.start()
    return arrange(room.vectors, room.lattice, start, fixed=fixed, random_state=room.random_state)


def _by_time(room: Room) -> Indices:
    """Order by first genre from top to bottom, with similar posters of a genre in one row, and each row by year."""
    rows = {row["id"]: row for row in room.store.read(["year", "genres"], room.where).to_pylist()}
    years = [rows[name]["year"] for name in room.ids]
    genres = [(rows[name]["genres"] or [""])[0] for name in room.ids]
    along = span(room.vectors)[0][:, 0]
    # Genres with similar posters are next to each other; posters without a genre are at the bottom.
    places = {genre: [i for i, own in enumerate(genres) if own == genre] for genre in set(genres)}
    height = {genre: (not genre, float(along[items].mean()), genre) for genre, items in places.items()}
    cells, fixed = room.start()
    free = np.sort(cells[~fixed])
    items = sorted(np.flatnonzero(~fixed).tolist(), key=lambda i: (height[genres[i]], float(along[i]), i))
    unknown = max((year for year in years if year is not None), default=0) + 1
    for row in np.split(free, np.flatnonzero(np.diff(free // room.lattice.cols)) + 1):
        own, items = items[: len(row)], items[len(row) :]
        cells[sorted(own, key=lambda i: (years[i] or unknown, i))] = row
    return cells


BY_CONTENT = Order(_by_vectors, Reads((CONTENT,)), grows=True)
BY_COLOUR = Order(_by_vectors, Reads((CONTENT,)), encoder="colour", grows=True)
BY_TIME = Order(_by_time, Reads((CONTENT, "year", "genres")), grows=False)
