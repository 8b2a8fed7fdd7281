"""Walls: every item a cell of its own, at the least cost or near it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posterity.errors import ArgumentError
from posterity.numerics.grid import assign as grids
from posterity.numerics.grid.assign import Grid, assign, grid_shape, in_order
from posterity.numerics.som import SelfOrganizingMap


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def small_windows(monkeypatch):
    """Windows of 3 × 3 cells and groups of 7: walls of a few cells go through every step of the large path."""
    monkeypatch.setattr(grids, "_WINDOW", 3)
    monkeypatch.setattr(grids, "_GROUP", 7)


def cost(X, codebook, grid):
    return float(((X - codebook[grid.cells[:, 0], grid.cells[:, 1]]) ** 2).sum())


@pytest.mark.parametrize(("n", "rows", "cols"), [(6, 2, 3), (4, 2, 3), (1, 2, 2), (5, 1, 5)])
def test_small_walls_have_the_cheapest_of_all_placements(rng, n, rows, cols):
    """Against every placement there is."""
    X, codebook = rng.normal(size=(n, 3)), rng.normal(size=(rows, cols, 3))
    units = codebook.reshape(-1, 3)
    cheapest = min(((X - units[list(p)]) ** 2).sum() for p in itertools.permutations(range(rows * cols), n))
    assert cost(X, codebook, assign(X, codebook)) == pytest.approx(cheapest, rel=1e-5)


def kinds_of_rows(kind, n, rng):
    return {
        "spread": rng.normal(size=(n, 4)),
        "duplicates": rng.normal(size=(3, 4))[rng.integers(3, size=n)],
        "constant": np.full((n, 4), 0.1),
    }[kind]


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("max_exact", [0, grids.MAX_EXACT], ids=["large path", "exact path"])
def test_every_item_has_a_cell_of_its_own(max_exact):
    """Whatever the wall's shape, the number of blanks and the rows, on both paths; and the same cells each time."""

    @settings(max_examples=40, deadline=None)
    @given(
        rows=st.integers(1, 12),
        cols=st.integers(1, 12),
        share=st.floats(0, 1),
        kind=st.sampled_from(["spread", "duplicates", "constant"]),
        same_units=st.booleans(),
        seed=st.integers(0, 2**32 - 1),
    )
    def check(rows, cols, share, kind, same_units, seed):
        rng = np.random.default_rng(seed)
        n = max(1, round(share * rows * cols))
        X = kinds_of_rows(kind, n, rng)
        codebook = np.ones((rows, cols, 4)) if same_units else rng.normal(size=(rows, cols, 4))
        grid = assign(X, codebook, max_exact=max_exact)
        wall = grid.occupancy()
        assert wall.shape == (rows, cols)
        assert sorted(wall[wall >= 0]) == list(range(n))
        assert (wall[grid.cells[:, 0], grid.cells[:, 1]] == np.arange(n)).all()
        assert len(grid.blanks) == rows * cols - n
        assert (assign(X, codebook, max_exact=max_exact).cells == grid.cells).all()

    check()


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("n", [400, 330], ids=["full", "with blanks"])
def test_the_large_path_comes_near_the_exact_answer(rng, n):
    """Even with tiny windows it is far nearer to the exact cost than to a random placement's."""
    X = rng.normal(size=(n, 8)).astype(np.float32)
    codebook = SelfOrganizingMap(20, 20).fit(X).codebook_
    exact = cost(X, codebook, assign(X, codebook))
    random = cost(X, codebook, Grid(20, 20, np.argwhere(np.ones((20, 20)))[rng.permutation(400)[:n]]))
    large = cost(X, codebook, assign(X, codebook, max_exact=0))
    assert exact <= large * (1 + 1e-5)
    assert large - exact < 0.15 * (random - exact)


def test_the_large_path_is_within_two_percent_with_its_own_windows(rng):
    """As documented: 40 × 40 cells take several windows and one group."""
    X = rng.normal(size=(1600, 16)).astype(np.float32)
    codebook = SelfOrganizingMap(40, 40, n_epochs=8).fit(X).codebook_
    assert cost(X, codebook, assign(X, codebook, max_exact=0)) < 1.02 * cost(X, codebook, assign(X, codebook))


@pytest.mark.usefixtures("small_windows")
def test_improving_never_costs_more(rng):
    """Each set of cells is assigned anew exactly, so the total cannot rise."""
    X, units = rng.normal(size=(120, 5)).astype(np.float32), rng.normal(size=(144, 5)).astype(np.float32)
    cells = rng.permutation(144)[:120]
    before = grids._cost(X, units, cells)
    grids._improve(X, units, np.arange(144).reshape(12, 12), cells)
    assert grids._cost(X, units, cells) < 0.8 * before
    assert len(set(cells.tolist())) == 120


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (2, 30), (13, 17), (3, 3), (2, 2)])
def test_windows_cover_the_wall_and_overlap(shape):
    """Every cell is in one, none holds more cells than a square window, and neighbouring windows share cells."""
    wall = np.arange(shape[0] * shape[1]).reshape(shape)
    windows = [set(window.tolist()) for window in grids._windows(wall)]
    assert set.union(*windows) == set(wall.ravel().tolist())
    assert max(map(len, windows)) <= 9
    assert len(windows) == 1 or all(any(one & other for other in windows if other is not one) for one in windows)


def test_alike_items_stand_together(rng):
    """On a trained map, two of three horizontal or vertical neighbours on the wall are of the same cluster."""
    centres = rng.normal(scale=5, size=(4, 10))
    cluster = np.repeat(np.arange(4), 25)
    X = centres[cluster] + rng.normal(size=(100, 10))
    wall = cluster[assign(X, SelfOrganizingMap(10, 10).fit(X).codebook_).occupancy()]
    same = np.r_[(wall[1:] == wall[:-1]).ravel(), (wall[:, 1:] == wall[:, :-1]).ravel()]
    assert same.mean() > 2 / 3


@pytest.mark.parametrize(
    ("n", "shape"),
    [(1, (1, 1)), (2, (1, 2)), (3, (2, 2)), (5, (2, 3)), (12, (3, 4)), (13, (4, 4)), (100, (10, 10)), (7056, (84, 84))],
)
def test_the_shape_is_nearly_square(n, shape):
    """With few blanks."""
    assert grid_shape(n) == shape


@given(n=st.integers(1, 3000), aspect=st.floats(0.2, 5))
def test_the_shape_fits_and_has_no_empty_row_or_column(n, aspect):
    """However many items; and from 50 on its sides are within a quarter of the wanted ratio."""
    rows, cols = grid_shape(n, aspect=aspect)
    assert rows * cols >= n
    assert rows * (cols - 1) < n
    assert (rows - 1) * cols < n
    if n >= 50 * max(aspect, 1 / aspect):
        assert 0.8 <= cols / rows / aspect <= 1.25


def test_a_given_side_is_kept():
    """The other follows; both are kept where they suffice."""
    assert grid_shape(10, rows=3) == (3, 4)
    assert grid_shape(10, cols=3) == (4, 3)
    assert grid_shape(10, rows=5, cols=9) == (5, 9)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: grid_shape(10, 3, 3), "10 posters do not fit on 3×3. 9 cells are 1 too few"),
        (lambda: assign(np.zeros((5, 2)), np.zeros((2, 2, 2))), "5 posters do not fit on 2×2"),
        (lambda: grid_shape(0), "n 0"),
        (lambda: grid_shape(3, rows=0), "rows 0"),
        (lambda: grid_shape(3, aspect=-1), "aspect -1"),
        (lambda: grid_shape(3, aspect=float("nan")), "aspect nan"),
        (lambda: assign([[np.nan, 1]], np.zeros((2, 2, 2))), "X holds NaN"),
        (lambda: assign([[1.0]], np.zeros((2, 2, 2))), "1 features where 2 are needed"),
        (lambda: Grid(2, 2, [[0, 0], [1, 1], [0, 0]]), r"2 items share the cell \(0, 0\)"),
        (lambda: Grid(2, 2, [[0, 0], [0, 2]]), r"item 1 has the cell \(0, 2\) outside 2×2"),
        (lambda: Grid(2, 2, [[0, -1]]), "outside"),
        (lambda: Grid(2, 2, [0, 1]), "cells of shape"),
        (lambda: Grid(2, 2, [[0.0, 1.0]]), "cells of shape"),
    ],
)
def test_what_cannot_be_a_wall_is_refused(call, said):
    """With the value and what to do next."""
    with pytest.raises(ArgumentError, match=said):
        call()


def test_a_grid_cannot_be_changed():
    """Neither through the array it was made from, nor through its own."""
    cells = np.array([[0, 1]])
    grid = Grid(1, 2, cells)
    cells[0, 1] = 0
    assert grid.occupancy().tolist() == [[-1, 0]]
    assert grid.blanks.tolist() == [[0, 0]]
    with pytest.raises(ValueError, match="read-only"):
        grid.cells[0, 1] = 0


def test_equal_items_and_equal_cells_stand_in_order_whatever_a_solver_chose(rng):
    """Any exchange of equal items, or of cells of equal vectors, is put into the same order, at the same cost."""
    X = rng.normal(size=(4, 3)).astype(np.float32)[rng.integers(4, size=12)]
    units = rng.normal(size=(5, 3)).astype(np.float32)[rng.integers(5, size=15)]
    cells = rng.permutation(15)[:12]
    settled = in_order(X, cells, units)
    assert len(set(settled.tolist())) == 12
    assert (X[:, None] == X).all(axis=2).nonzero()[0].size > 12
    for _ in range(20):
        other = cells.copy()
        for kind in np.unique(X, axis=0):
            some = np.flatnonzero((kind == X).all(axis=1))
            other[some] = rng.permutation(other[some])
        for kind in np.unique(units, axis=0):
            some = np.flatnonzero((units == kind).all(axis=1))
            swapped = np.arange(15)
            swapped[some] = rng.permutation(some)
            other = swapped[other]
        assert in_order(X, other, units).tolist() == settled.tolist()
    for kind in np.unique(X, axis=0):
        assert (np.diff(settled[(kind == X).all(axis=1)]) > 0).all()
    costs = [((X - units[each]) ** 2).sum() for each in (cells, settled)]
    assert costs[0] == pytest.approx(costs[1])


def test_a_wall_of_few_kinds_does_not_hang_on_rounding(rng):
    """Numbers that differ in their last digit, as processors' do, give the same wall."""
    kinds, vectors = rng.normal(size=(3, 4)), rng.normal(size=(4, 4))
    X, codebook = kinds[rng.integers(3, size=10)], vectors[rng.integers(4, size=12)].reshape(3, 4, 4)
    walls = {
        tuple(assign(X * scale, codebook * scale).cells.ravel().tolist()) for scale in np.float32([1, 1.1, 0.7, 3.3])
    }
    assert len(walls) == 1
