"""Arranging: every item keeps a cell, alike ones come together, and what is fixed or bounded stays so."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posterity.errors import ArgumentError
from posterity.numerics.grid import arrange as arranging
from posterity.numerics.grid.arrange import arrange
from posterity.numerics.grid.grow import REACH, add_items, opened
from posterity.numerics.grid.lattice import Lattice
from posterity.numerics.scores.preservation import distance_preservation_quality as quality


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def alike(rng: np.random.Generator, n: int, d: int = 24) -> np.ndarray:
    """Rows with as much structure as posters': some strong directions and many weak ones."""
    scale = np.geomspace(4, 0.3, d)
    return (rng.normal(size=(n, d)) * scale).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 9), cols=st.integers(1, 9), share=st.floats(0.1, 1),
    topology=st.sampled_from(["rectangular", "hexagonal"]),
    toroidal=st.booleans(), kind=st.sampled_from(["spread", "equal", "two"]), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_every_item_keeps_a_cell_that_was_given(
    rows: int, cols: int, share: float, topology: str, toroidal: bool, kind: str, seed: int
) -> None:
    """Whatever the lattice, the items and what is fixed; and the same cells each time."""
    if topology == "hexagonal" and toroidal and rows % 2:
        rows += 1
    rng = np.random.default_rng(seed)
    lattice = Lattice(rows, cols, topology, toroidal)
    n = max(1, round(share * lattice.size))
    X = {"spread": rng.normal(size=(n, 4)), "equal": np.ones((n, 4)), "two": np.eye(2)[rng.integers(2, size=n)]}[kind]
    cells = rng.permutation(lattice.size)[:n]
    fixed = rng.random(n) < 0.2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arranging, "COARSE_STEPS", 6)
        patch.setattr(arranging, "MOST_STARTS", 2)
        patch.setattr(arranging, "GROUP", 5)
        found = arrange(X, lattice, cells, fixed=fixed, random_state=seed)
        again = arrange(X, lattice, cells, fixed=fixed, random_state=seed)
    assert sorted(found.tolist()) == sorted(cells.tolist())
    assert (found[fixed] == cells[fixed]).all()
    assert (found == again).all()


def test_a_line_is_put_in_order(rng: np.random.Generator) -> None:
    """One number an item, on a wall of one row: sorted, from either end."""
    X = rng.permutation(40)[:, None].astype(np.float32)
    found = arrange(X, Lattice(1, 40), np.arange(40))
    order = X[np.argsort(found), 0]
    assert max(np.corrcoef(order, np.arange(40))[0, 1], -np.corrcoef(order, np.arange(40))[0, 1]) > 0.99


def test_a_sheet_is_laid_out_as_it_is(rng: np.random.Generator) -> None:
    """The places of a grid themselves, shuffled: nearly all come to stand beside their neighbours again."""
    X = np.stack(np.meshgrid(np.arange(12), np.arange(12)), axis=2).reshape(-1, 2).astype(np.float32)
    X = X[rng.permutation(144)]
    lattice = Lattice(12, 12)
    assert quality(X, lattice, arrange(X, lattice, np.arange(144))).value > 0.97


@pytest.mark.parametrize("side", [4, 12, 40])
def test_quality_is_that_of_the_peers_or_better(rng: np.random.Generator, side: int) -> None:
    """Within 0.02 DPQ of FLAS in its slow setting, the better of its two (``vc-flas``, Python before 3.13)."""
    vc_flas = pytest.importorskip("vc_flas", reason="vc-flas has no wheel for this Python")
    n = side * side
    X = alike(rng, n)
    theirs = vc_flas.flas(
        vc_flas.Grid.from_grid_features(np.ascontiguousarray(X.reshape(side, side, -1))), wrap=False, seed=1,
        radius_decay=0.99, max_swap_positions=25,
    ).get_sorted_features().reshape(n, -1)  # fmt: skip
    lattice = Lattice(side, side)
    ours = quality(X, lattice, arrange(X, lattice, np.arange(n))).value
    assert ours >= quality(theirs, lattice, np.arange(n)).value - 0.02


def test_the_best_of_all_placements_is_nearly_reached(rng: np.random.Generator) -> None:
    """Six items, every one of their 720 placements."""
    X = alike(rng, 6)
    lattice = Lattice(2, 3)
    best = max(quality(X, lattice, np.array(p)).value for p in itertools.permutations(range(6)))
    assert quality(X, lattice, arrange(X, lattice, np.arange(6))).value >= best - 0.1


def test_hexagons_and_tori_are_arranged_as_what_they_are(rng: np.random.Generator) -> None:
    """Far above chance by their own measure; and a torus, which has no corners, above the same sheet."""
    X = alike(rng, 400)
    for lattice in (Lattice(20, 20, "hexagonal"), Lattice(20, 20, toroidal=True), Lattice(20, 20, "hexagonal", True)):
        by_chance = quality(X, lattice, rng.permutation(400)).value
        assert quality(X, lattice, arrange(X, lattice, np.arange(400))).value > by_chance + 0.2


def test_who_stays_attracts_who_is_alike(rng: np.random.Generator) -> None:
    """Two clusters, one item of each pinned to opposite corners: each cluster gathers around its own."""
    X = np.concatenate([alike(rng, 50) * 0.2 + 5, alike(rng, 50) * 0.2 - 5])
    lattice = Lattice(10, 10)
    cells = np.arange(100)
    cells[[0, 99]] = [0, 99]
    fixed = np.zeros(100, bool)
    fixed[[0, 99]] = True
    found = arrange(X, lattice, cells, fixed=fixed)
    assert (found[[0, 99]] == [0, 99]).all()
    rows = found // 10 + found % 10
    assert rows[:50].mean() < 8 < 10 < rows[50:].mean()


def test_refining_respects_how_far_items_may_move(rng: np.random.Generator) -> None:
    X = alike(rng, 225)
    lattice = Lattice(15, 15)
    cells = rng.permutation(225)
    reach = np.where(np.arange(225) < 200, 2.0, np.inf)
    found = arrange(X, lattice, cells, reach=reach, coarse=False)
    assert lattice.moves(cells, found)[:200].max() <= 2
    assert quality(X, lattice, found).value > quality(X, lattice, cells).value + 0.05


@pytest.mark.parametrize(
    ("cells", "said"), [([0, 0, 1], "cell of its own"), ([0, 1], "3 items"), ([0, 1, 9], "outside the lattice")]
)
def test_cells_that_are_none_are_refused(cells: list[int], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        arrange(np.eye(3), Lattice(2, 2), np.array(cells))


# --- growing -------------------------------------------------------------------------------------------------------


def test_seams_open_in_the_middle_and_keep_neighbours() -> None:
    lattice = Lattice(4, 6)
    moved = opened(lattice, np.arange(24), 4, 8)
    assert moved[:6].tolist() == [0, 1, 3, 4, 6, 7]
    assert opened(lattice, np.arange(24), 5, 6)[[6, 12]].tolist() == [6, 18]
    assert (opened(lattice, np.arange(24), 4, 6) == np.arange(24)).all()


@pytest.mark.parametrize("full", [True, False], ids=["the wall grows", "blanks are filled"])
def test_new_items_hardly_move_the_others(rng: np.random.Generator, full: bool) -> None:
    """1% more: 2% at most move by more than two cells (none do), and the quality is within 0.02 of a new wall's."""
    side, new = 30, 9
    n = side * side - (0 if full else new)
    X = alike(rng, n + new)
    lattice = Lattice(side, side)
    before = arrange(X[:n], lattice, np.arange(n))
    larger = Lattice(side, side + 1) if full else lattice
    unknown = np.full(new, -1)
    home = before // side * larger.cols + before % side
    cells = opened(lattice, before, larger.rows, larger.cols)
    found = add_items(X, larger, np.r_[cells, unknown], np.ones(larger.size, bool), home=np.r_[home, unknown])
    assert len(set(found.tolist())) == n + new
    assert (larger.moves(home, found[:n]) > REACH).mean() <= 0.02
    anew = arrange(X, larger, np.arange(n + new))
    assert quality(X, larger, found).value >= quality(X, larger, anew).value - 0.02


def test_new_items_stand_among_those_like_them(rng: np.random.Generator) -> None:
    """A copy of an item comes to stand near it."""
    X = alike(rng, 400)
    lattice = Lattice(20, 20)
    before = arrange(X, lattice, np.arange(400))
    larger = Lattice(20, 21)
    copies = rng.choice(400, 8, replace=False)
    cells = np.r_[opened(lattice, before, 20, 21), np.full(8, -1)]
    found = add_items(np.concatenate([X, X[copies]]), larger, cells, np.ones(420, bool))
    assert np.median(larger.moves(found[copies], found[400:])) <= 2


def test_growing_leaves_alone_what_is_fixed_and_what_needs_nothing(rng: np.random.Generator) -> None:
    X = alike(rng, 30)
    lattice = Lattice(6, 6)
    cells = np.r_[np.arange(25), np.full(5, -1)]
    fixed = np.zeros(30, bool)
    fixed[[0, 7]] = True
    usable = np.ones(36, bool)
    usable[[30, 35]] = False
    found = add_items(X, lattice, cells, usable, fixed=fixed)
    assert found[[0, 7]].tolist() == [0, 7]
    assert not set(found.tolist()) & {30, 35}
    assert (add_items(X[:25], lattice, cells[:25], usable) == cells[:25]).all()
    with pytest.raises(ArgumentError, match="30 items do not fit on 20 cells"):
        add_items(X, lattice, cells, np.arange(36) < 20)


def test_a_blank_behind_pinned_items_cannot_be_reached(rng: np.random.Generator) -> None:
    X = alike(rng, 5)
    fixed = np.array([False, False, True, False, False])
    cells = np.array([0, 1, 2, 4, -1])
    X[4] = X[0]
    usable = np.ones(6, bool)
    usable[3] = True
    lattice = Lattice(1, 6)
    usable[[3, 5]] = [False, True]
    with pytest.raises(ArgumentError, match="cannot reach a blank cell"):
        add_items(X, lattice, np.array([0, 1, 2, 4, -1]), usable, fixed=fixed)
    assert cells[4] == -1


def test_equal_items_stand_in_order_and_of_equal_arrangements_the_first_is_kept(rng: np.random.Generator) -> None:
    """A wall of few kinds is one wall on all machines: rounding (here by scaling) exchanges nothing."""
    X = alike(rng, 4)[rng.integers(4, size=30)]
    lattice = Lattice(5, 6)
    walls = [arrange(X * np.float32(scale), lattice, np.arange(30)) for scale in (1, 1.1, 0.7)]
    assert walls[0].tolist() == walls[1].tolist() == walls[2].tolist()
    for kind in np.unique(X, axis=0):
        assert (np.diff(walls[0][(kind == X).all(axis=1)]) > 0).all()
