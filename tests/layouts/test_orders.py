"""The contract of wall orders, which every registered one keeps; what is no wall is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import posterity
from posterity.catalogue.provenance import CONTENT, Reads
from posterity.errors import ArgumentError, CatalogueError
from posterity.layouts.orders import ORDERS, Order, Room
from posterity.layouts.shapes import Shape

PINNED = "tt0000003"
SHAPE = Shape(rows=4, cols=4, pins={PINNED: (1, 2)}, holes=[(0, 0), (3, 1)])


@pytest.fixture(params=list(ORDERS))
def order(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestContract:
    """What walls rely on, whichever order they are given."""

    def test_each_poster_has_a_cell_of_its_own_pins_and_holes_kept(
        self, order: str, films: posterity.Catalogue
    ) -> None:
        for shape in (SHAPE, Shape(), Shape(rows=1), Shape(topology="hexagonal"), Shape(toroidal=True)):
            wall = films.wall(shape=shape, order=order)
            assert wall.order == order
            assert len(set(wall.cells.values())) == wall.placed == 12
            assert not set(shape.holes) & set(wall.cells.values())
            assert shape is not SHAPE or wall.cells[PINNED] == (1, 2)

    def test_the_same_again(self, order: str, films: posterity.Catalogue) -> None:
        wall = films.wall(order=order)
        assert films.wall(order=order) == wall
        assert films.wall(order=order, fresh=True) == wall

    def test_some_of_the_posters(self, order: str, films: posterity.Catalogue) -> None:
        assert len(films.wall(order=order, where="year < 1955").cells) == 5
        assert len(films.wall(order=order, where="year = 1950").cells) == 1

    def test_it_says_what_it_reads(self, order: str, films: posterity.Catalogue) -> None:
        found = ORDERS.get(order)
        assert CONTENT in found.reads.columns
        assert films.store.read(found.reads.columns).num_rows == 12
        assert found.encoder is None or found.encoder in films.store.encoders

    def test_a_pin_that_is_not_there_is_refused(self, order: str, films: posterity.Catalogue) -> None:
        with pytest.raises(CatalogueError, match="'tt999' is not on the wall"):
            films.wall(shape=Shape(pins={"tt999": (0, 0)}), order=order)


def _spoilt(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Room], np.ndarray]:
    return lambda room: change(room.start()[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: cells[:-1],
        lambda cells: cells.astype(float),
        lambda cells: np.r_[cells[1], cells[1:]],
        lambda cells: np.r_[cells[:-1], 16],
        lambda cells: np.r_[cells[:-1], -1],
        lambda cells: np.r_[cells[:-1], 0],  # a hole
        lambda cells: np.roll(cells, 1),  # the pinned poster elsewhere
    ],
    ids=["one missing", "no integers", "two in one", "beyond the grid", "before it", "in a hole", "not where pinned"],
)
def test_what_is_no_wall_is_refused(
    change: Callable[[np.ndarray], np.ndarray], films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ORDERS, "_loaded", dict(ORDERS._loaded))
    ORDERS.add("spoilt", Order(_spoilt(change), Reads((CONTENT,))))
    with pytest.raises(ArgumentError, match="the order 'spoilt' returned invalid cells"):
        films.wall(shape=SHAPE, order="spoilt")
    assert films.store.artefact("wall_spoilt_poster") is None


def test_an_order_by_more_than_vectors_cannot_grow() -> None:
    with pytest.raises(ArgumentError, match="reads sha256, year cannot grow"):
        Order(lambda room: room.start()[0], Reads((CONTENT, "year")), grows=True)
