"""The contract of layout methods, which every registered one keeps; what gives no places is refused."""

from __future__ import annotations

import numpy as np
import pytest

from posterity.errors import ArgumentError, MissingExtraError
from posterity.numerics.projection.layout import lay_out, n_steps
from posterity.numerics.projection.methods import METHODS, Layout, Method, Points

SLOW = ("umap",)
"""What takes half a minute to be imported."""


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.long if name in SLOW else ()) for name in METHODS])
def method(request: pytest.FixtureRequest) -> str:
    """Each method; of one whose library is not here, only that it says so."""
    name = str(request.param)
    try:
        lay_out(_blobs(), Layout(name))
    except MissingExtraError as error:
        assert "pip install 'posterity[" in str(error)
        pytest.skip(str(error))
    return name


def _blobs() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (6 * rng.standard_normal((3, 8)).repeat(20, 0) + rng.standard_normal((60, 8))).astype(np.float32)


class TestContract:
    """What maps rely on, whichever method they are given."""

    def test_gives_each_row_a_place_about_the_middle(self, method: str) -> None:
        X = _blobs()
        before = X.copy()
        points = lay_out(X, Layout(method))
        assert points.shape == (60, 2)
        assert points.dtype == np.float64
        assert np.isfinite(points).all()
        np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-5 * np.abs(points).max())
        np.testing.assert_array_equal(X, before)

    def test_the_same_rows_have_the_same_places_to_the_bit(self, method: str) -> None:
        np.testing.assert_array_equal(lay_out(_blobs(), Layout(method)), lay_out(_blobs(), Layout(method)))

    @pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
    def test_few_rows_have_places_too(self, method: str, n: int) -> None:
        assert lay_out(_blobs()[:n], Layout(method)).shape == (n, 2)

    def test_rows_that_are_all_alike_have_places(self, method: str) -> None:
        assert np.isfinite(lay_out(np.ones((12, 3), np.float32), Layout(method))).all()

    def test_it_tells_the_steps_that_it_says(self, method: str) -> None:
        assert METHODS.get(method).label
        told: list[int] = []
        lay_out(_blobs(), Layout(method), progress=told.append)
        assert sum(told) == (n_steps(Layout(method)) or 0)


@pytest.mark.parametrize(
    "places", [np.zeros((60, 3)), np.zeros((59, 2)), np.full((60, 2), np.nan)], ids=["in space", "one missing", "NaN"]
)
def test_what_gives_no_places_is_refused(places: Points, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS, "_loaded", dict(METHODS._loaded))
    METHODS.add("spoilt", Method("Spoilt", lambda *_: places))
    with pytest.raises(ArgumentError, match="Spoilt returned invalid positions"):
        lay_out(_blobs(), Layout("spoilt"))
