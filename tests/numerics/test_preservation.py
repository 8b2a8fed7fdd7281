"""How layouts are scored: against scikit-learn, against the authors' own code, against slow and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from posterity.errors import ArgumentError
from posterity.numerics.grid.lattice import Lattice
from posterity.numerics.scores import preservation
from posterity.numerics.scores.preservation import distance_preservation_quality, neighbourhood_scores, sampled


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_trustworthiness_and_continuity_are_scikit_learns(rng: np.random.Generator, k: int) -> None:
    """Continuity is trustworthiness the other way round."""
    from sklearn.manifold import trustworthiness

    X, Y = rng.normal(size=(90, 12)), rng.normal(size=(90, 2))
    Y += X[:, :2]
    found = neighbourhood_scores(X, Y, k)
    X, Y = X.astype(np.float32), Y.astype(np.float32)
    assert found.trustworthiness.value == pytest.approx(trustworthiness(X, Y, n_neighbors=k), abs=1e-9)
    assert found.continuity.value == pytest.approx(trustworthiness(Y, X, n_neighbors=k), abs=1e-9)
    assert found.trustworthiness.error == 0


def test_the_share_of_neighbours_kept_is_counted(rng: np.random.Generator) -> None:
    X, Y = rng.normal(size=(50, 6)), rng.normal(size=(50, 2))

    def near(A: np.ndarray) -> list[set[int]]:
        D = ((A[:, None] - A) ** 2).sum(axis=2)
        return [set(np.argsort(row)[1:8].tolist()) for row in D]

    kept = np.mean([len(a & b) / 7 for a, b in zip(near(X), near(Y), strict=True)])
    assert neighbourhood_scores(X, Y, 7).preserved.value == pytest.approx(kept)


def test_a_perfect_layout_scores_one_and_a_random_one_half(rng: np.random.Generator) -> None:
    Y = rng.normal(size=(400, 2))
    perfect = neighbourhood_scores(Y, Y)
    assert (perfect.trustworthiness.value, perfect.continuity.value, perfect.preserved.value) == (1, 1, 1)
    by_chance = neighbourhood_scores(Y, rng.normal(size=(400, 2)))
    assert by_chance.trustworthiness.value == pytest.approx(0.5, abs=0.05)
    assert by_chance.preserved.value < 0.06


def test_a_sample_tells_what_all_would_and_how_sure_it_is(rng: np.random.Generator) -> None:
    X = rng.normal(size=(1500, 8)).astype(np.float32)
    Y = X[:, :2] + 0.3 * rng.normal(size=(1500, 2))
    whole, some = neighbourhood_scores(X, Y), neighbourhood_scores(X, Y, n_sample=300)
    lattice = Lattice(30, 50)
    cells = rng.permutation(1500)
    for a, b in ((whole.trustworthiness, some.trustworthiness), (whole.continuity, some.continuity),
                 (whole.preserved, some.preserved),
                 (distance_preservation_quality(X, lattice, cells),
                  distance_preservation_quality(X[:, :], lattice, cells, n_sample=1499))):  # fmt: skip
        assert abs(a.value - b.value) <= 4 * b.error + 0.01
        assert a.error == 0
        assert b.error >= 0
    assert some.trustworthiness.error > 0


def test_the_samples_are_few_fixed_and_sorted() -> None:
    assert sampled(5000).tolist() == list(range(5000))
    assert len(sampled(5001)) == preservation.SAMPLE
    assert (sampled(9000) == sampled(9000)).all()


def slow_dpq(X: np.ndarray, lattice: Lattice, cells: np.ndarray, p: float) -> float:
    """Barthel et al. 2023, section 4, item by item."""
    X = X.astype(float)
    n = len(X)
    gains = []
    every = np.linalg.norm(X[:, None] - X, axis=2)
    mean = every.sum() / n / (n - 1)
    for by_place in (True, False):
        total = np.zeros(n - 1)
        for i in range(n):
            places = lattice.squared_distances(cells[i : i + 1])[0, cells].round(6)
            others = [j for j in range(n) if j != i]
            others.sort(key=lambda j: (places[j], every[i, j]) if by_place else (every[i, j],))
            total += np.cumsum(every[i, others]) / np.arange(1, n)
        gains.append(np.linalg.norm(np.maximum(0, (mean - total / n) / mean), ord=p))
    return float(gains[0] / gains[1])


@pytest.mark.parametrize("lattice", [Lattice(6, 8), Lattice(6, 8, toroidal=True), Lattice(6, 8, "hexagonal")])
@pytest.mark.parametrize("p", [2, 16])
def test_dpq_is_its_definition(rng: np.random.Generator, lattice: Lattice, p: float) -> None:
    X = rng.normal(size=(44, 5)).astype(np.float32)
    X[3] = X[4]
    cells = rng.permutation(48)[:44]
    found = distance_preservation_quality(X, lattice, cells, p)
    assert found.value == pytest.approx(slow_dpq(X, lattice, cells, p), abs=2e-5)


@pytest.mark.parametrize("wrap", [False, True])
def test_dpq_is_that_of_its_authors(rng: np.random.Generator, wrap: bool) -> None:
    """``vc_flas.metrics``, by the paper's group; its wheels are for Python before 3.13."""
    theirs = pytest.importorskip("vc_flas.metrics", reason="vc-flas has no wheel for this Python")
    X = rng.normal(size=(10, 14, 9)).astype(np.float32).cumsum(axis=0)
    found = distance_preservation_quality(X.reshape(140, 9), Lattice(10, 14, toroidal=wrap), np.arange(140))
    assert found.value == pytest.approx(theirs.distance_preservation_quality(X, wrap=wrap, p=16), abs=1e-4)


def test_a_torus_is_scored_as_one(rng: np.random.Generator) -> None:
    """Items on a ring, laid along a row: its ends are near on a torus, and far on a sheet."""
    angle = np.arange(30) / 30 * 2 * np.pi
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    torus, sheet = Lattice(1, 30, toroidal=True), Lattice(1, 30)
    assert distance_preservation_quality(X, torus, np.arange(30)).value == pytest.approx(1, abs=1e-4)
    assert distance_preservation_quality(X, sheet, np.arange(30)).value < 0.999
    near = neighbourhood_scores(X, torus.positions(), 2, lattice=torus)
    assert near.preserved.value == 1
    assert neighbourhood_scores(X, sheet.positions(), 2).preserved.value < 1


def test_walls_of_hardly_anything_lose_nothing() -> None:
    assert distance_preservation_quality(np.ones((2, 3)), Lattice(1, 2), np.arange(2)).value == 1
    assert distance_preservation_quality(np.ones((9, 3)), Lattice(3, 3), np.arange(9)).value == 1


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ArgumentError, match="3 vectors and 3 places"):
        neighbourhood_scores(np.eye(3), np.zeros((3, 2)))
    with pytest.raises(ArgumentError, match="5 vectors and 4 places"):
        neighbourhood_scores(np.eye(5), np.zeros((4, 2)))
    with pytest.raises(ArgumentError, match="k 0"):
        neighbourhood_scores(np.eye(5), np.zeros((5, 2)), 0)
