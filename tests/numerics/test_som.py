"""The self-organising map: what training must achieve, and what it must survive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from minisom import MiniSom

from posterity.errors import ArgumentError, UnknownNameError
from posterity.numerics import distances
from posterity.numerics.distances import Floats
from posterity.numerics.grid.lattice import Lattice
from posterity.numerics.principal import span
from posterity.numerics.som import SelfOrganizingMap, batch_map, online_map

DATA = Path(os.environ.get("POSTERITY_DATA", Path(__file__).parents[3] / "shared"))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def clusters(rng):
    """120 rows (120, 8) around six centres."""
    centres = rng.normal(scale=3, size=(6, 8))
    return (np.repeat(centres, 20, axis=0) + rng.normal(size=(120, 8))).astype(np.float32)


def slow_batch_epoch(X, codebook, sigma):
    """Kohonen 2013, eq. 8, word for word, in float64."""
    rows, cols, _ = codebook.shape
    places = [(r, c) for r in range(rows) for c in range(cols)]
    won = {place: [] for place in places}
    for x in X.astype(float):
        won[min(places, key=lambda p: ((x - codebook[p]) ** 2).sum())].append(x)
    new = np.empty(codebook.shape)
    for i in places:
        top = bottom = 0.0
        for j in places:
            h = np.exp(-((i[0] - j[0]) ** 2 + (i[1] - j[1]) ** 2) / (2 * sigma**2))
            top, bottom = top + h * np.sum(won[j] or [np.zeros(X.shape[1])], axis=0), bottom + h * len(won[j])
        new[i] = top / bottom
    return new


def test_an_epoch_is_the_papers_formula(clusters, rng, monkeypatch):
    """Also when the rows of one unit lie in several blocks."""
    monkeypatch.setattr(distances, "_BLOCK", 100)
    start = rng.normal(size=(3, 5, 8)).astype(np.float32)
    expected = slow_batch_epoch(clusters, start, 1.2)
    np.testing.assert_allclose(batch_map(clusters, start, [1.2]), expected, rtol=1e-4, atol=1e-5)


def test_no_epochs_leave_the_codebook_alone(clusters, rng):
    """The argument is neither changed nor given back itself."""
    start = rng.normal(size=(2, 3, 8)).astype(np.float32)
    same = batch_map(clusters, start, [])
    assert (same == start).all()
    assert not np.shares_memory(same, start)


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (12, 12), (20, 9000)])
def test_the_span_keeps_distances_and_finds_its_way_back(rng, shape):
    """Both ways round, wide and tall, whatever the block that columns are cut in."""
    X = (rng.normal(size=shape) + 50).astype(np.float32)
    Z, lift = span(X)
    assert Z.shape[1] <= min(shape)

    def distances(A):
        return np.linalg.norm(A[:, None] - A[None], axis=2)

    np.testing.assert_allclose(distances(Z), distances(X), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(lift(Z), X, atol=2e-3)
    variances = Z.var(axis=0)
    assert (np.diff(variances) <= 1e-4 * variances[0]).all()


def test_training_in_the_span_is_training_on_the_rows(rng):
    """Wide rows (Gram matrix) give the map that the same rows give by themselves."""
    X = rng.normal(size=(25, 60)).astype(np.float32)
    start = SelfOrganizingMap(4, 3, n_epochs=0).fit(X).codebook_
    som = SelfOrganizingMap(4, 3, algorithm="batch", n_epochs=6, sigma=2).fit(X)
    np.testing.assert_allclose(som.codebook_, batch_map(X, start, som.sigmas_), atol=1e-3)


def test_the_start_is_the_plane_of_the_first_two_components(rng):
    """Against NumPy's SVD: corners lie one standard deviation out, the longer side along the first component."""
    X = (rng.normal(size=(200, 5)) * [9, 4, 1, 1, 1] + 3).astype(np.float32)
    codebook = SelfOrganizingMap(3, 7, n_epochs=0).fit(X).codebook_
    _, s, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    coordinates = (codebook - X.mean(axis=0)) @ Vt.T
    deviations = s / np.sqrt(len(X))
    np.testing.assert_allclose(np.ptp(coordinates, axis=(0, 1))[:2], 2 * deviations[:2], rtol=1e-4)
    np.testing.assert_allclose(np.ptp(coordinates[1], axis=0)[:2], [2 * deviations[0], 0], atol=1e-3)
    np.testing.assert_allclose(coordinates[:, :, 2:], 0, atol=1e-3)


def test_training_fits_the_rows_far_better_than_the_start(clusters):
    """Quantisation error: well below the initial plane's."""
    start = SelfOrganizingMap(6, 6, n_epochs=0).fit(clusters).quantization_error(clusters)
    assert SelfOrganizingMap(6, 6).fit(clusters).quantization_error(clusters) < 0.7 * start


def test_a_square_is_laid_out_without_folds(rng):
    """Two-dimensional data on a two-dimensional map: hardly a row's two best units lie apart."""
    X = rng.random((1500, 2))
    som = SelfOrganizingMap(10, 10).fit(X)
    assert som.topographic_error(X) < 0.05
    assert som.quantization_error(X) < 0.06
    corners = som.codebook_[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert len({tuple(np.round(corner)) for corner in corners}) == 4


def test_a_wide_neighbourhood_keeps_the_map_smooth_and_a_narrow_one_close(clusters):
    """``sigma_end`` trades one error for the other."""
    wide, narrow = (SelfOrganizingMap(8, 8, sigma_end=s).fit(clusters) for s in (2, 0.3))
    assert wide.topographic_error(clusters) < narrow.topographic_error(clusters)
    assert wide.quantization_error(clusters) > narrow.quantization_error(clusters)


@pytest.mark.parametrize("init", ["pca", "sample", "random"])
def test_the_same_seed_gives_the_same_map(clusters, init):
    """Bit for bit."""
    one, two = (SelfOrganizingMap(5, 4, init=init, random_state=3).fit(clusters).codebook_ for _ in range(2))
    assert (one == two).all()


def test_another_seed_gives_another_random_start(clusters):
    """And each unit of it lies on a row."""
    one, two = (SelfOrganizingMap(5, 4, init="sample", random_state=seed, n_epochs=0).fit(clusters) for seed in (0, 1))
    assert (one.codebook_ != two.codebook_).any()
    assert one.quantization_error(one.codebook_.reshape(-1, 8)) == 0
    assert min(np.linalg.norm(clusters - one.codebook_[2, 3], axis=1)) < 1e-4


@pytest.mark.parametrize("init", ["pca", "sample", "random"])
@pytest.mark.parametrize(
    "X",
    [
        np.full((20, 6), 0.1),
        np.zeros((3, 50)),
        [[1.0, 2.0, 3.0]],
        [[5.0]],
        np.eye(3),
        np.repeat(np.eye(4, 9), 25, axis=0),
        np.arange(12.0).reshape(12, 1),
        np.arange(30.0).reshape(30, 1) * np.ones(7),
        [[1e6, 1e6], [1e6 + 8, 1e6]],
    ],
    ids=["constant", "zeros", "one row", "one number", "few rows", "duplicates", "one axis", "a line", "far away"],
)
def test_degenerate_rows_give_a_finite_map(X, init):
    """Rows that span no plane still train, and equal rows share their unit."""
    X = np.asarray(X, np.float32)
    som = SelfOrganizingMap(4, 5, init=init).fit(X)
    assert som.codebook_.shape == (4, 5, X.shape[1])
    assert som.codebook_.dtype == np.float32
    assert np.isfinite(som.codebook_).all()
    assert som.quantization_error(X) <= 1e-6 + np.linalg.norm(X - X.mean(axis=0), axis=1).mean()
    units = som.best_matching_units(X)
    assert units.shape == (len(X), 2)
    for row in X:
        assert len(np.unique(units[(row == X).all(axis=1)], axis=0)) == 1


def test_raw_pixels_of_a_hundred_posters_train_at_once(rng):
    """154,290 numbers a row go through the span of the rows, in far less memory than distances to units would take."""
    X = rng.random((100, 154_290), dtype=np.float32)
    som = SelfOrganizingMap(10, 10, n_epochs=3).fit(X)
    assert som.codebook_.shape == (10, 10, 154_290)
    assert som.quantization_error(X) < np.linalg.norm(X - X.mean(axis=0), axis=1).mean()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rows": 0}, "0 by 3 cells"),
        ({"cols": -1}, "2 by -1 cells"),
        ({"n_epochs": -1}, "n_epochs -1"),
        ({"sigma": 0.0}, "sigma 0.0"),
        ({"sigma_end": np.nan}, "sigma_end nan"),
    ],
)
def test_options_out_of_range_are_refused(options, said):
    """Before any training, with the value and what is allowed."""
    with pytest.raises(ArgumentError, match=said):
        SelfOrganizingMap(**{"rows": 2, "cols": 3, **options})


def test_an_unknown_initialisation_lists_the_known():
    """As every name does."""
    with pytest.raises(UnknownNameError, match="Known: pca, random"):
        SelfOrganizingMap(2, 2, init="plane")


@pytest.mark.parametrize("X", [[], [1.0, 2.0], np.zeros((2, 0)), np.zeros((2, 2, 2)), [[np.nan]], [[np.inf]], [["a"]]])
def test_rows_that_are_no_vectors_are_refused(X):
    """Empty, of another shape, or not finite."""
    with pytest.raises(ArgumentError, match="^X "):
        SelfOrganizingMap(2, 2).fit(X)


def test_a_map_must_be_fitted_and_the_rows_must_fit_it(clusters):
    """Each with what to do next."""
    som = SelfOrganizingMap(2, 2)
    for ask in (som.best_matching_units, som.quantization_error, som.topographic_error):
        with pytest.raises(ArgumentError, match=r"Call fit\(X\) first"):
            ask(clusters)
    with pytest.raises(ArgumentError, match="3 features where 8 are needed"):
        som.fit(clusters).best_matching_units(clusters[:, :3])


def rounded_otherwise(X, seed):
    """Vectors as another processor's matrix product might give them."""
    noise = np.random.default_rng(seed).uniform(-1, 1, X.shape)
    return (X * (1 + np.finfo(np.float32).eps * noise)).astype(np.float32)


@pytest.mark.parametrize("neighbourhood", ["gaussian", "bubble", "triangle"])
def test_equal_units_are_told_apart_by_their_place_and_not_by_rounding(rng, neighbourhood):
    """Several units on one row, as few posters make them: the lowest wins, word for word, whatever the rounding."""
    X = rng.normal(size=(20, 60)).astype(np.float32)
    start = X[rng.integers(0, 6, 30)].reshape(5, 6, -1)
    order = np.arange(160) % 20
    sigmas, rates = np.full(160, 2.0), np.full(160, 0.2)
    lattice = Lattice(5, 6)
    expected = start.reshape(30, -1).astype(float)
    for row in order:
        squares = ((X[row] - expected) ** 2).sum(axis=1)
        best = int(np.flatnonzero(squares <= squares.min() * (1 + 1e-6) + 1e-6)[0])
        pull = 0.2 * lattice.near(neighbourhood, 2.0, np.array([best]))[0]
        expected += pull[:, None] * (X[row] - expected)
    for seed in range(3):
        made = online_map(
            rounded_otherwise(X, seed), rounded_otherwise(start, seed + 9), order, sigmas, rates, lattice, neighbourhood
        )
        np.testing.assert_allclose(made.reshape(30, -1), expected, atol=1e-4)


@pytest.mark.parametrize(
    "X",
    [
        np.array([[0.0, 1.0, 5.0], [4.0, 3.0, 5.0]]),
        np.eye(5),
        np.repeat(np.eye(4, 9), 25, axis=0),
        np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]),
        np.array([[3.0, 0.0, 0.0], [-3.0, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]),
    ],
    ids=["two rows", "all as far", "four kinds", "a square", "two equal after the first"],
)
def test_axes_that_mathematics_leaves_open_are_settled_by_rule(X):
    """Signs, and directions of equally wide axes: the same plane however the numbers are rounded."""
    maps = [SelfOrganizingMap(3, 5, n_epochs=0).fit(rounded_otherwise(X + 1, seed)).codebook_ for seed in range(5)]
    for start in maps[1:]:
        np.testing.assert_allclose(start, maps[0], atol=2e-3)


@pytest.mark.parametrize("topology", ["rectangular", "hexagonal"])
@pytest.mark.parametrize("toroidal", [False, True])
@pytest.mark.parametrize("neighbourhood", ["gaussian", "bubble", "triangle"])
def test_every_batch_is_the_formula(clusters, rng, topology, toroidal, neighbourhood):
    """Whatever shortcut the lattice allows, a step is the weighted mean over all pairs of units."""
    lattice = Lattice(4, 5, topology, toroidal)
    start = rng.normal(size=(4, 5, 8)).astype(np.float32)
    near = lattice.near(neighbourhood, 1.7, np.arange(20))
    best = distances.nearest_units(clusters, start)[:, 0]
    weights = near[:, best]
    expected = start.reshape(20, 8).astype(float)
    reached = weights.sum(axis=1) > 0
    expected[reached] = (weights @ clusters)[reached] / weights.sum(axis=1)[reached, None]
    made = batch_map(clusters, start, [1.7], lattice, neighbourhood)
    np.testing.assert_allclose(made.reshape(20, 8), expected, rtol=1e-3, atol=1e-4)


def test_a_torus_has_no_border(rng):
    """A ring of rows, on a line of units: only on a torus are its ends neighbours."""
    angle = rng.uniform(0, 2 * np.pi, 600)
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    gaps = []
    for toroidal in (False, True):
        units = SelfOrganizingMap(1, 24, toroidal=toroidal, n_epochs=40).fit(X).codebook_[0]
        steps = np.linalg.norm(units - np.roll(units, 1, axis=0), axis=1)
        gaps.append(steps[0] / steps[1:].mean())
    assert gaps[1] < 1.5 < gaps[0]


def test_maps_of_units(clusters, rng):
    """Activation, units and labels against MiniSom holding our codebook, and the U-matrix against its distance map."""
    som = SelfOrganizingMap(5, 6, n_epochs=5).fit(clusters)
    theirs = MiniSom(5, 6, 8)
    theirs._weights = som.codebook_.astype(float)
    labels = rng.integers(0, 3, len(clusters)).tolist()
    assert (som.activation_response(clusters) == theirs.activation_response(clusters)).all()
    assert som.unit_map(clusters) == {k: list(v) for k, v in theirs.win_map(clusters, return_indices=True).items()}
    assert som.label_map(clusters, labels) == dict(theirs.labels_map(clusters, labels))
    u = som.u_matrix()
    np.testing.assert_allclose(u / u.max(), theirs.distance_map(scaling="mean"), rtol=1e-4)
    np.testing.assert_allclose(
        som.transform(clusters)[3], np.linalg.norm(som.codebook_ - clusters[3], axis=2).ravel(), rtol=1e-3, atol=1e-3
    )
    with pytest.raises(ArgumentError, match="2 labels for 120 rows"):
        som.label_map(clusters, ["a", "b"])


def test_distortion_is_its_formula(clusters):
    """Word for word, slowly."""
    som = SelfOrganizingMap(3, 4, n_epochs=3, sigma=1.5).fit(clusters)
    units = som.codebook_.reshape(-1, 8).astype(float)
    places = som.lattice.positions()
    total = 0.0
    for x in clusters.astype(float):
        apart = ((x - units) ** 2).sum(axis=1)
        near = np.exp(-((places - places[apart.argmin()]) ** 2).sum(axis=1) / (2 * som.sigmas_[-1] ** 2))
        total += (near * apart).sum()
    assert som.distortion(clusters) == pytest.approx(total / len(clusters), rel=1e-4)


def test_a_saved_map_is_the_same_map(clusters, tmp_path):
    """Codebook, options, answers; and neither a pickle nor half a file is taken."""
    som = SelfOrganizingMap(4, 5, topology="hexagonal", n_epochs=3).fit(clusters)
    path = som.save(tmp_path / "map.npz")
    again = SelfOrganizingMap.load(path)
    assert (again.codebook_ == som.codebook_).all()
    assert again.get_params() == som.get_params()
    assert again.topographic_error(clusters) == som.topographic_error(clusters)
    assert again.distortion(clusters) == som.distortion(clusters)
    (tmp_path / "half.npz").write_bytes(path.read_bytes()[:-700])
    np.savez(tmp_path / "pickled.npz", kind=np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npz").write_text("not a map")
    for name in ("half", "pickled", "text"):
        with pytest.raises(ArgumentError, match=rf"{name}.npz is not a saved map"):
            SelfOrganizingMap.load(tmp_path / f"{name}.npz")
    with pytest.raises(ArgumentError, match="cannot be read"):
        SelfOrganizingMap.load(tmp_path / "absent.npz")


def test_a_fitted_map_travels_between_processes(clusters):
    """Pickled by joblib and the like, before or after its codebook is first asked for."""
    import pickle

    som = SelfOrganizingMap(3, 3, n_epochs=2).fit(clusters)
    again = pickle.loads(pickle.dumps(som))
    assert (again.codebook_ == som.codebook_).all()


def test_scikit_learns_manners(clusters):
    """It is cloned, its options set, and put into a pipeline."""
    from sklearn.base import clone

    som = SelfOrganizingMap(3, 4, sigma=2.0)
    assert clone(som).get_params() == som.get_params()
    assert som.set_params(rows=5, n_epochs=1).fit(clusters).codebook_.shape == (5, 4, 8)
    assert som.predict(clusters).max() < 20
    with pytest.raises(UnknownNameError, match="row_count"):
        som.set_params(row_count=3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"algorithm": "offline"}, "algorithm 'offline'"),
        ({"topology": "cubic"}, "topology 'cubic'"),
        ({"neighbourhood": "hat"}, "neighbourhood 'hat'"),
        ({"decay": "never"}, "decay 'never'"),
        ({"neighbourhood": "mexican_hat"}, "cannot train in batches"),
        ({"learning_rate": 0}, "learning_rate 0"),
        ({"n_steps": -1}, "n_steps -1"),
        ({"topology": "hexagonal", "toroidal": True}, "3 rows does not fit together"),
    ],
)
def test_what_makes_no_map_is_refused(options, said):
    with pytest.raises(ArgumentError, match=said):
        SelfOrganizingMap(3, 3, **options)


def test_an_order_or_start_that_does_not_fit_is_refused(clusters):
    online = SelfOrganizingMap(3, 3, algorithm="online")
    with pytest.raises(ArgumentError, match="order does not index 120 rows"):
        online.fit(clusters, order=[0, 120])
    with pytest.raises(ArgumentError, match="order is for online"):
        SelfOrganizingMap(3, 3, algorithm="batch").fit(clusters, order=[0])
    with pytest.raises(ArgumentError, match=r"init has the shape \(3, 3, 7\)"):
        SelfOrganizingMap(3, 3, init=np.zeros((3, 3, 7))).fit(clusters)


@pytest.mark.parametrize("size", [1, 37, 1000])
def test_a_map_of_batches_is_that_of_all_rows(size: int) -> None:
    X = clouds(400, 8)
    batches = [X[at : at + size] for at in range(0, len(X), size)]
    whole = SelfOrganizingMap(6, 5, algorithm="batch").fit(X)
    streamed = SelfOrganizingMap(6, 5).fit_batches(lambda: batches)
    np.testing.assert_allclose(streamed.codebook_, whole.codebook_, atol=2e-3)
    assert streamed.quantization_error(X) == pytest.approx(whole.quantization_error(X), rel=1e-3)


def test_mini_batches_see_every_row_in_turn_and_fit_nearly_as_well() -> None:
    X = clouds(3000, 8)
    asked = 0

    def batches() -> Iterator[Floats]:
        nonlocal asked
        asked += 1
        for at in range(0, len(X), 500):
            yield X[at : at + 500]

    mini = SelfOrganizingMap(8, 8).fit_batches(batches, every=10)
    whole = SelfOrganizingMap(8, 8, algorithm="batch").fit(X)
    assert asked == 2 + len(mini.sigmas_)
    random = SelfOrganizingMap(8, 8, n_epochs=1).fit(X[:64])
    errors = [each.quantization_error(X) for each in (whole, mini, random)]
    assert errors[1] < 1.1 * errors[0] < errors[2]


def test_batches_need_rows_and_a_start_that_they_can_give() -> None:
    with pytest.raises(ArgumentError, match="no rows"):
        SelfOrganizingMap(3, 3).fit_batches(list)
    with pytest.raises(ArgumentError, match="need all rows"):
        SelfOrganizingMap(3, 3, init="sample").fit_batches(lambda: [np.zeros((4, 2), np.float32)])


def clouds(n: int, d: int) -> Floats:
    """Draw rows around a few centres."""
    rng = np.random.default_rng(4)
    centres = 3 * rng.standard_normal((7, d))
    return (centres[rng.integers(0, 7, n)] + rng.standard_normal((n, d))).astype(np.float32)


def test_no_epochs_of_batches_leave_the_map_as_it_began(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    untrained = SelfOrganizingMap(3, 4, n_epochs=0).fit_batches(lambda: [rows])
    trained = SelfOrganizingMap(3, 4, n_epochs=1).fit_batches(lambda: [rows])
    assert len(untrained.sigmas_) == 0
    assert len(trained.sigmas_) == 1
    np.testing.assert_allclose(untrained.codebook_, SelfOrganizingMap(3, 4, n_epochs=0).fit(rows).codebook_, atol=1e-4)
    assert not np.allclose(untrained.codebook_, trained.codebook_)


def test_numpys_numbers_are_saved_as_others_are(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    som = SelfOrganizingMap(
        np.int64(3), np.int32(4), n_epochs=np.int64(2), sigma=np.float32(1.5), toroidal=np.bool_(False)
    ).fit(rows)
    som.save(tmp_path / "map.npz")
    again = SelfOrganizingMap.load(tmp_path / "map.npz")
    assert again.get_params() == SelfOrganizingMap(3, 4, n_epochs=2, sigma=1.5).get_params()
    np.testing.assert_array_equal(again.codebook_, som.codebook_)


def test_a_map_of_the_first_version_is_read(tmp_path: Path) -> None:
    """Its file names the format as it was named when the class still was in ``posterity.som``."""
    units = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    np.savez(
        tmp_path / "old.npz", kind=np.array("posterity.som.SelfOrganizingMap/1"),
        options=np.array('{"rows": 2, "cols": 3, "n_epochs": 0}'), codebook=units, sigmas=np.zeros(0),
    )  # fmt: skip
    again = SelfOrganizingMap.load(tmp_path / "old.npz")
    np.testing.assert_array_equal(again.codebook_, units)
    with np.load(again.save(tmp_path / "new.npz")) as written:
        assert str(written["kind"]) == "posterity.som.SelfOrganizingMap/1"
