"""Lattices: where cells are, which touch, and that shortcuts of smoothing are sums over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posterity.errors import ArgumentError, UnknownNameError
from posterity.numerics.grid import lattice as module
from posterity.numerics.grid.lattice import Lattice, smoother

LATTICES = [
    Lattice(6, 5, topology, toroidal) for topology in ("rectangular", "hexagonal") for toroidal in (False, True)
]


def slow_distance(lattice: Lattice, a: int, b: int) -> float:
    """The least distance to any copy of ``b``: a torus repeats itself."""
    positions = lattice.positions()
    width, height = lattice.extent
    copies = [(i * width, j * height) for i in (-1, 0, 1) for j in (-1, 0, 1)] if lattice.toroidal else [(0, 0)]
    return min(float(np.hypot(*(positions[a] - positions[b] + copy))) for copy in copies)


@pytest.mark.parametrize("lattice", LATTICES)
def test_distances_are_those_between_the_nearest_copies(lattice: Lattice) -> None:
    found = np.sqrt(lattice.squared_distances(np.arange(lattice.size)))
    expected = [[slow_distance(lattice, a, b) for b in range(lattice.size)] for a in range(lattice.size)]
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("lattice", LATTICES)
def test_edges_join_the_cells_that_touch(lattice: Lattice) -> None:
    """All pairs nearer than a diagonal, or at 1 on a hexagonal lattice; six or eight for a cell inside."""
    reach = 1.01 if lattice.hexagonal else 1.5
    expected = {
        (a, b) for a in range(lattice.size) for b in range(a + 1, lattice.size) if slow_distance(lattice, a, b) < reach
    }
    edges = lattice.edges()
    assert {tuple(edge) for edge in edges.tolist()} == expected
    assert lattice.adjacent(edges[:, 0], edges[:, 1]).all()
    assert np.bincount(edges.ravel()).max() == (6 if lattice.hexagonal else 8)


@pytest.mark.parametrize("lattice", LATTICES)
@pytest.mark.parametrize("neighbourhood", ["gaussian", "bubble", "triangle", "mexican_hat"])
@pytest.mark.parametrize("sigma", [0.6, 1.5, 4.0])
def test_smoothing_sums_over_all_pairs(lattice: Lattice, neighbourhood: str, sigma: float) -> None:
    field = np.random.default_rng(0).normal(size=(lattice.rows, lattice.cols, 3)).astype(np.float32)
    near = lattice.near(neighbourhood, sigma, np.arange(lattice.size))
    expected = (near @ field.reshape(lattice.size, 3)).reshape(field.shape)
    np.testing.assert_allclose(smoother(lattice, neighbourhood, sigma)(field), expected, rtol=1e-3, atol=1e-4)


@settings(max_examples=15, deadline=None)
@given(
    rows=st.integers(1, 40),
    cols=st.integers(1, 40),
    sigma=st.floats(0.3, 9),
    topology=st.sampled_from(module.TOPOLOGIES),
)
def test_bands_of_long_kernels_lose_nothing(rows: int, cols: int, sigma: float, topology: str) -> None:
    """With bands of 4 rows, which real lattices need 65 rows for."""
    lattice = Lattice(rows, cols, topology)
    field = np.random.default_rng(rows).normal(size=(rows, cols, 2)).astype(np.float32)
    near = lattice.near("gaussian", sigma, np.arange(lattice.size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BAND", 4)
        found = smoother(lattice, "gaussian", sigma)(field)
    expected = (near @ field.reshape(lattice.size, 2)).reshape(field.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_moves_count_rows_or_columns_around_the_torus() -> None:
    sheet, torus = Lattice(5, 8), Lattice(5, 8, toroidal=True)
    a, b = np.array([0, 0, 3]), np.array([7, 39, 4])
    assert sheet.moves(a, b).tolist() == [7, 7, 1]
    assert torus.moves(a, b).tolist() == [1, 1, 1]


def test_what_is_no_lattice_is_refused() -> None:
    with pytest.raises(ArgumentError, match="0 by 3"):
        Lattice(0, 3)
    with pytest.raises(UnknownNameError, match="round"):
        Lattice(2, 2, "round")
    with pytest.raises(ArgumentError, match="3 rows does not fit together"):
        Lattice(3, 4, "hexagonal", toroidal=True)
