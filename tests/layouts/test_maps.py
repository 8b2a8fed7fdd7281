"""Layouts, clusters and maps: places that keep neighbours, names that tell what is there, and stay put."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import picture, real_data

import posterity
from posterity.cli import run
from posterity.errors import ArgumentError, CatalogueError, MissingExtraError, UnknownNameError
from posterity.layouts import clusters
from posterity.layouts.clusters import colour_words, counted, distinctive, find_clusters, name_cluster, representative
from posterity.numerics.projection.layout import LANDMARKS, LARGE, landmarks_of, lay_out, n_steps
from posterity.numerics.projection.methods import METHODS, Layout
from posterity.numerics.projection.places import aligned, placed
from posterity.numerics.scores.preservation import neighbourhood_scores
from posterity.testing import write_sample


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def blobs(rng: np.random.Generator) -> np.ndarray:
    """200 rows (200, 20) around four far centres, 50 each."""
    centres = rng.normal(scale=6, size=(4, 20))
    return (np.repeat(centres, 50, axis=0) + rng.normal(size=(200, 20))).astype(np.float32)


# --- layouts -------------------------------------------------------------------------------------------------------


def test_pca_is_the_principal_plane(rng: np.random.Generator) -> None:
    X = (rng.normal(size=(80, 6)) * [5, 3, 1, 1, 1, 1] + 2).astype(np.float32)
    found = lay_out(X, Layout("pca"))
    _, s, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(found.std(axis=0), s[:2] / np.sqrt(80), rtol=1e-4)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)


@pytest.mark.parametrize("method", ["tsne", pytest.param("umap", marks=pytest.mark.long)])
def test_neighbours_are_kept_and_the_seed_decides(blobs: np.ndarray, method: str) -> None:
    """Each blob stays together, far better than in the principal plane; twice the same, bit for bit."""
    layout = Layout(method, perplexity=15)
    steps: list[int] = []
    found = lay_out(blobs, layout, progress=lambda n: steps.append(n))
    assert (lay_out(blobs, layout) == found).all()
    assert sum(steps) == (n_steps(layout) or 0)
    kept = neighbourhood_scores(blobs, found).preserved.value
    assert kept > neighbourhood_scores(blobs, lay_out(blobs, Layout("pca"))).preserved.value + 0.05
    near = neighbourhood_scores(blobs, found, 20)
    assert near.trustworthiness.value > 0.9


def test_tsne_is_as_good_as_opentsne_by_itself(blobs: np.ndarray) -> None:
    """The library's own way, from the same rows: no worse at keeping neighbours."""
    openTSNE = pytest.importorskip("openTSNE")
    theirs = np.asarray(openTSNE.TSNE(perplexity=30, random_state=0, negative_gradient_method="bh").fit(blobs))
    ours = lay_out(blobs, Layout("tsne"))
    a, b = neighbourhood_scores(blobs, ours), neighbourhood_scores(blobs, theirs)
    assert a.preserved.value >= b.preserved.value - 0.03
    assert a.trustworthiness.value >= b.trustworthiness.value - 0.01


@pytest.mark.parametrize("method", ["pca", "tsne", pytest.param("umap", marks=pytest.mark.long)])
@pytest.mark.parametrize("X", [np.ones((1, 3)), np.eye(3), np.zeros((6, 4)), np.repeat(np.eye(2), 5, axis=0)])
def test_few_and_equal_rows_have_places_too(method: str, X: np.ndarray) -> None:
    found = lay_out(X, Layout(method))
    assert found.shape == (len(X), 2)
    assert np.isfinite(found).all()


def test_aligning_undoes_any_turn_and_flip(rng: np.random.Generator) -> None:
    points = rng.normal(size=(50, 2)) * (3, 1)
    for angle in (0.3, 2.0, 4.0):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for flip in (np.eye(2), np.diag([1.0, -1.0])):
            moved = points @ turn @ flip * 5
            back = aligned(moved, points)
            np.testing.assert_allclose(back - back.mean(axis=0), 5 * (points - points.mean(axis=0)), atol=1e-9)


def test_of_equally_near_rows_none_is_left_out_of_a_place(rng: np.random.Generator) -> None:
    """Which of them are the k nearest would be chance: all that are as near count, however they are ordered."""
    known = np.repeat(rng.standard_normal((2, 9)), [25, 5], axis=0).astype(np.float32)
    points = rng.standard_normal((30, 2))
    new = known[:1] + np.float32(0.01)
    for order in (np.arange(30), rng.permutation(30)):
        np.testing.assert_array_equal(placed(new, known[order], points[order])[0], np.median(points[:25], axis=0))


def test_new_rows_are_placed_among_their_like(blobs: np.ndarray, rng: np.random.Generator) -> None:
    points = lay_out(blobs, Layout("tsne"))
    new = blobs[[10, 60, 110, 160]] + 0.3 * rng.normal(size=(4, 20)).astype(np.float32)
    found = placed(new, blobs, points)
    nearest = ((found[:, None] - points) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest // 50).tolist() == [0, 1, 2, 3]


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="method 'som'"):
        Layout("som")
    with pytest.raises(ArgumentError, match="perplexity 0"):
        Layout(perplexity=0)
    with pytest.raises(ArgumentError, match="min_dist 2"):
        Layout(min_dist=2)


def test_a_missing_library_is_named_with_its_extra(blobs: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for method, module in (("tsne", "openTSNE"), ("umap", "umap")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingExtraError, match=r"posterity\[maps\]"):
            lay_out(blobs, Layout(method))
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(MissingExtraError, match=r"finding clusters.*posterity\[maps\]"):
        find_clusters(blobs[:, :2].astype(float))


# --- clusters ------------------------------------------------------------------------------------------------------


def test_clusters_are_the_dense_regions_the_largest_first(rng: np.random.Generator) -> None:
    sizes, centres = (60, 30, 100), ((0, 0), (20, 0), (0, 20))
    points = np.concatenate([rng.normal(c, 1, (n, 2)) for n, c in zip(sizes, centres, strict=True)])
    found = find_clusters(np.concatenate([points, rng.uniform(-30, 40, (8, 2))]))
    for first, last, number in ((0, 60, 1), (60, 90, 2), (90, 190, 0)):
        own = found[first:last]
        assert (own == number).mean() > 0.85
        assert set(own.tolist()) <= {number, -1}
    assert (find_clusters(points[:4]) == -1).all()


def test_words_tell_what_a_cluster_has_more_of() -> None:
    everyone = counted([("Drama",)] * 60 + [("Horror", "Drama", "Horror")] * 20 + [("Comedy",)] * 20)
    assert everyone == {"Drama": 80, "Horror": 20, "Comedy": 20}
    assert distinctive([("Horror", "Drama")] * 15 + [("Drama",)] * 5, everyone, 100) == ["Horror"]
    assert distinctive([("Drama",)] * 8 + [("Comedy",)] * 2, everyone, 100) == []
    assert distinctive([()] * 5, everyone, 100) == []
    assert (
        name_cluster(["Horror", "Thriller", "Drama"], ["1990s", "1980s"], ["black"])
        == "Horror, Thriller · 1980s, 1990s · black"
    )
    assert name_cluster([], [], ["red"]) == "red"


@pytest.mark.parametrize("name", clusters.COLOURS)
def test_colours_have_their_own_words(name: str) -> None:
    sheet = np.empty((30, 20, 3), np.uint8)
    sheet[:] = clusters.COLOURS[name]
    assert colour_words(sheet) == [name]


def test_a_picture_has_the_words_of_its_larger_parts() -> None:
    sheet = np.zeros((100, 60, 3), np.uint8)
    sheet[60:] = (205, 25, 30)
    sheet[97:] = (240, 205, 40)
    assert colour_words(sheet) == ["black", "red"]


def test_the_representative_is_the_one_in_the_middle() -> None:
    vectors = np.array([[0, 0], [9, 9], [4, 0], [2, 0.5]], np.float32)
    assert representative(vectors, np.array([0, 2, 3])) == 3


# --- maps of a catalogue -------------------------------------------------------------------------------------------


def test_the_contract_of_the_command(films: posterity.Catalogue, capsys: pytest.CaptureFixture[str]) -> None:
    """The keys, all ids, and the same output for the same seed, from a catalogue that has no map yet."""
    said = []
    for name in ("map_tsne_poster", None):
        assert run(["map", "-c", str(films.folder), "--method", "tsne", "--json"]) == 0
        said.append(capsys.readouterr().out)
        if name:
            films.store.remove_artefact(name)
    assert said[0] == said[1]
    found = json.loads(said[0])
    assert found["method"] == "tsne"
    assert sorted(found["positions"]) == [poster.id for poster in films.posters()]
    assert all(len(place) == 2 for place in found["positions"].values())
    assert 0 <= found["knn_preservation"] <= 1
    assert 0 <= found["trustworthiness"] <= 1
    assert set(found["baselines"]) == {"random", "pca"}


def test_new_posters_find_a_place_and_no_other_moves(films: posterity.Catalogue) -> None:
    before = films.map("tsne")
    source = Path(films.posters()[0].source)
    # Nearly the picture of film 3.
    near = np.asarray(picture(2)).astype(int) + 6
    from PIL import Image

    Image.fromarray(near.clip(0, 255).astype(np.uint8)).save(source / "again.jpg", quality=90)
    films.build(source)
    after = films.map("tsne")
    assert after.new == 1
    assert len(after.positions) == 13
    assert {name: after.positions[name] for name in before.positions} == before.positions
    (added,) = set(after.positions) - set(before.positions)
    x, y = np.array(list(before.positions.values())).T
    assert x.min() <= after.positions[added][0] <= x.max()
    assert y.min() <= after.positions[added][1] <= y.max()
    assert films.map("tsne") == after


def test_a_map_made_afresh_lies_as_the_one_before(tmp_path: Path) -> None:
    """A fifth more posters, made anew: neither turned nor mirrored, so that most posters stay in their region."""
    sample = write_sample(tmp_path / "sample", 150)
    files = sorted(Path(sample.posters).iterdir())
    rest = tmp_path / "rest"
    rest.mkdir()
    for file in files[::6]:
        file.rename(rest / file.name)
    posterity.build(sample.posters, tmp_path / "films", sample.metadata)
    cat = posterity.open(tmp_path / "films")
    before = cat.map()
    for file in rest.iterdir():
        file.rename(Path(sample.posters) / file.name)
    cat.build(sample.posters, sample.metadata)
    after = cat.map(fresh=True)
    assert after.new == 0
    assert cat.map(fresh=True) == after
    assert after.positions != before.positions
    shared = sorted(before.positions)
    a, b = (np.array([found.positions[name] for name in shared]) for found in (before, after))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    turned = aligned(b, a)
    # As it lies, it fits the one before nearly as well as it could by any turn.
    assert (a * b).sum() >= 0.9 * (a * turned).sum()


def test_too_few_posters_for_scores_have_none(films: posterity.Catalogue, capsys: pytest.CaptureFixture[str]) -> None:
    """And what is printed is JSON all the same."""
    call = ["-c", str(films.folder), "--where", "year < 1952", "--json"]
    assert run(["map", "--method", "pca", *call]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["trustworthiness"] is None
    assert run(["wall", *call]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["dpq16"] == 1


def test_maps_of_a_part_and_of_nothing(films: posterity.Catalogue) -> None:
    some = films.map("pca", where="year < 1956")
    assert len(some.positions) == 6
    assert [artefact.name for artefact in films.store.artefacts() if artefact.kind == "layout"] == []
    assert len(films.map("pca", where="year = 1950").positions) == 1
    with pytest.raises(CatalogueError, match="no posters that meet the condition"):
        films.map("pca", where="year > 3000")
    films.store.remove_artefact("vector_colour")
    with pytest.raises(CatalogueError, match="posterity embed"):
        films.map("pca", encoder="colour")


def test_the_principal_plane_needs_no_extra(films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    assert films.map("pca").clusters == ()
    with pytest.raises(MissingExtraError, match="maps"):
        films.map("tsne")


@pytest.mark.parametrize("overlap", ["none", "density"])
def test_a_map_is_drawn_with_every_poster(films: posterity.Catalogue, overlap: str) -> None:
    from posterity.render.scenes import map_scene

    found = films.map("pca")
    scene = map_scene(films.store, found, 700, overlap=overlap)
    assert max(scene.width, scene.height) <= 702
    assert len(scene.thumbs) == 12
    places = [(t.x, t.y, t.x + t.width, t.y + t.height) for t in scene.thumbs]
    if overlap == "none":
        assert not any(
            a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
            for i, a in enumerate(places) for b in places[:i]
        )  # fmt: skip
    # Left and right, up and down, are the map's.
    x = np.array([found.positions[p.id][0] for p in films.posters()])
    y = np.array([found.positions[p.id][1] for p in films.posters()])
    digests = {p.sha256: i for i, p in enumerate(films.posters())}
    order = [digests[t.key] for t in scene.thumbs]
    assert np.corrcoef(x[order], [t.x for t in scene.thumbs])[0, 1] > 0.9
    assert np.corrcoef(y[order], [-t.y for t in scene.thumbs])[0, 1] > 0.9
    image = films.draw(found, side=700, overlap=overlap)
    assert image is not None
    assert image.size == (scene.width, scene.height)
    with pytest.raises(ArgumentError, match="longer side of a map: 100 pixels"):
        films.draw(found, side=100)


def test_the_command_says_it_to_people_too(
    films: posterity.Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "map.svg"
    assert run(["map", "-c", str(films.folder), "--method", "pca", "--out", str(out), "--side", "512"]) == 0
    said = capsys.readouterr().out
    assert "12 posters by poster, pca" in said
    assert "trustworthiness" in said
    assert out.read_text().startswith("<svg")
    assert run(["map", "-c", str(films.folder), "--out", "map.txt"]) == 1
    assert "unknown picture format" in capsys.readouterr().err


@pytest.mark.long
def test_real_posters_make_named_clusters_and_keep_neighbours(tmp_path: Path) -> None:
    """1,200 real posters: far better than at random and than the principal plane; clusters have names."""
    posters, table = real_data("posters"), real_data("posters.csv")
    some = tmp_path / "some"
    some.mkdir()
    for file in sorted(posters.iterdir())[:1200]:
        (some / file.name).symlink_to(file)
    posterity.build(some, tmp_path / "films", table)
    cat = posterity.open(tmp_path / "films")
    found = cat.map()
    random, plane = found.baselines["random"], found.baselines["pca"]
    assert found.trustworthiness > plane["trustworthiness"][0] + 0.05 > random["trustworthiness"][0] + 0.1
    assert found.knn_preservation > 5 * plane["knn_preservation"][0] > random["knn_preservation"][0]
    # Which clusters t-SNE pulls apart hangs on rounding: small changes of its start grow without bound. How they are
    # named is tested above, of points that are given.
    assert any(cluster.label for cluster in found.clusters)
    for cluster in found.clusters:
        assert cluster.representative in cluster.members
        assert cluster.size == len(cluster.members)
    scores = {row.name: row.scores for row in cat.layout_scores()}
    assert scores["map_tsne_poster"]["trustworthiness"].value == found.trustworthiness
    assert scores["map_tsne_poster: random"]["knn_preservation"].value < 0.05
    assert {"pca", "tsne", "umap"} <= set(METHODS)


# --- landmarks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["tsne", pytest.param("umap", marks=pytest.mark.long)])
def test_of_many_rows_landmarks_are_laid_out_and_the_rest_placed_among_them(method: str) -> None:
    pytest.importorskip("openTSNE" if method == "tsne" else "umap")
    rng = np.random.default_rng(1)
    centre = rng.integers(0, 6, 900)
    X = (8 * rng.standard_normal((6, 20))[centre] + rng.standard_normal((900, 20))).astype(np.float32)
    layout = Layout(method, landmarks=300)
    chosen = landmarks_of(len(X), layout)
    assert chosen is not None
    assert len(np.unique(chosen)) == 300
    points = lay_out(X, layout, workers=2)
    np.testing.assert_array_equal(points, lay_out(X, layout, workers=1))
    # The landmarks lie as they would alone, and nearly everyone among their own kind.
    alone = lay_out(X[chosen], Layout(method))
    np.testing.assert_allclose(points[chosen] - points[chosen].mean(0), alone - alone.mean(0), atol=1e-9)
    others = np.setdiff1d(np.arange(len(X)), chosen)
    near = [centre[chosen[np.argmin(((points[chosen] - points[i]) ** 2).sum(1))]] == centre[i] for i in others]
    assert np.mean(near) > 0.97


def test_landmarks_are_for_many_rows_and_for_methods_that_need_them() -> None:
    assert landmarks_of(LARGE, Layout()) is None
    chosen = landmarks_of(LARGE + 1, Layout())
    assert chosen is not None
    assert len(chosen) == LANDMARKS
    assert landmarks_of(10**6, Layout("pca")) is None
    assert landmarks_of(500, Layout(landmarks=500)) is None


def test_clusters_of_many_points_are_those_of_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    centre = rng.integers(0, 4, 1200)
    points = 20 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])[centre] + rng.standard_normal((1200, 2))
    monkeypatch.setattr("posterity.layouts.clusters.MOST", 400)
    found = find_clusters(points)
    for each in range(4):
        own = found[centre == each]
        assert np.mean(own == np.bincount(own[own >= 0]).argmax()) > 0.9
