"""Parts of a catalogue, or of a network, that are cut or garbled: the rest goes on, doctor says so and mends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from conftest import once

import posterity
from faults.support import assert_one_line, cli
from posterity.catalogue.schema import MODELS, Result
from posterity.encoders import configured, poster, runtime
from posterity.encoders.networks import Net
from posterity.encoders.networks.weights import find
from posterity.errors import CatalogueError, PosterityError
from posterity.learning.model import DamagedModelError, from_bytes
from posterity.web.gallery import Gallery

MODEL = "model_genres"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a catalogue of 180 generated posters, with a wall, a map, sprites and a model of genres on colours."""

    def make(place: Path) -> None:
        made = posterity.write_sample(place / "sample", 180)
        posterity.build(made.posters, place / "films", made.metadata, encoders=["colour"])
        films = posterity.open(place / "films")
        films.wall(encoder="colour")
        films.map("pca", encoder="colour")
        films.learn.genres(encoders=["colour"])
        films.atlas()

    return once(tmp_path_factory, "damaged", make) / "films"


@pytest.fixture
def films(trained: Path, tmp_path: Path) -> posterity.Catalogue:
    shutil.copytree(trained, tmp_path / "films")
    return posterity.open(tmp_path / "films")


def replace_row(films: posterity.Catalogue, table: str, key: str, value: str, row: pa.Table) -> None:
    films.store._delete(table, f"{key} = '{value}'")
    films.store._table(table).add(row)


def spoil_model(films: posterity.Catalogue, data: bytes) -> None:
    replace_row(films, "models", "name", MODEL, pa.table({"name": [MODEL], "data": [data]}, schema=MODELS))


def found(films: posterity.Catalogue, *, repair: bool = False) -> list[tuple[str, str]]:
    return [(problem.kind, problem.about) for problem in films.doctor(repair=repair).problems]


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def garbled(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(255 - byte for byte in data[middle : middle + 64]) + data[middle + 64 :]


def emptied(data: bytes) -> bytes:
    return b""


DAMAGES = (cut, garbled, emptied)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_model_counts_as_none(films: posterity.Catalogue, damage: Callable[[bytes], bytes]) -> None:
    assert films.doctor().problems == ()
    picture = films.posters()[0].id
    spoil_model(films, damage(films.store.model(MODEL)))
    gallery = Gallery(films)
    assert gallery.snapshot().models == {}
    assert "'genres' is damaged" in gallery.notes()[0]
    assert gallery.collection().ids, "the page goes on"
    with pytest.raises(CatalogueError, match="damaged.*posterity train genres"):
        films.learn.predict(picture)
    assert found(films) == [("damaged_model", MODEL)]
    mended = films.doctor(repair=True)
    assert mended.well
    assert (Path(mended.rescued) / f"{MODEL}.models.parquet").is_file()
    assert films.store.artefact(MODEL) is None
    assert films.doctor().problems == ()


def test_predict_and_info_say_it_on_one_line(films: posterity.Catalogue) -> None:
    spoil_model(films, cut(films.store.model(MODEL)))
    done = cli("predict", films.posters()[0].id, "-c", films.folder)
    assert done.returncode == 1
    assert_one_line(done.stderr, "is damaged")
    assert cli("info", films.folder).returncode == 0


def test_whatever_byte_is_wrong_a_model_is_refused_or_the_same(films: posterity.Catalogue) -> None:
    data = films.store.model(MODEL)
    whole, rng = from_bytes(data), np.random.default_rng(0)
    for _ in range(60):
        spoilt = bytearray(data)
        spoilt[int(rng.integers(len(data)))] ^= int(rng.integers(1, 256))
        try:
            model = from_bytes(bytes(spoilt))
        except DamagedModelError:
            continue
        np.testing.assert_array_equal(model.logistic.weights, whole.logistic.weights)
    for length in range(0, len(data), len(data) // 20):
        with pytest.raises(DamagedModelError):
            from_bytes(data[:length])


def test_what_a_model_says_is_read_too(films: posterity.Catalogue) -> None:
    ids, values, low, high = films.store.predictions(MODEL)
    artefact = films.store.artefact(MODEL)
    assert artefact is not None
    values[0, 0] = np.nan
    films.store.put_model(artefact, films.store.model(MODEL), ids, values, low, high)
    assert Gallery(films).snapshot().models == {}
    assert found(films) == [("damaged_model", MODEL)]


def test_thumbnails_and_vectors_are_made_again(films: posterity.Catalogue) -> None:
    digests = [row.sha256 for row in films.posters()]
    before, (ids, vectors) = films.store.thumbnails(digests), films.vectors("colour")
    films.store.remove_thumbnails(digests[:2])
    films.store.put_thumbnails({digests[0]: cut(before[digests[0]]), digests[1]: b"no picture"})
    wrong = np.where(np.arange(vectors.shape[1]) == 3, np.inf, vectors[:1]).astype(np.float32)
    films.store.put_vectors(ids[:1], [films.store.get(ids[:1])[ids[0]].sha256], {"colour": wrong})
    kinds = [("damaged_thumbnail", "thumbnails"), ("damaged_vectors", "colour")]
    assert found(films) == kinds
    assert found(films, repair=True) == kinds
    assert films.doctor().problems == ()
    assert films.store.thumbnails(digests) == before
    np.testing.assert_array_equal(films.vectors("colour")[1], vectors)


def test_walls_and_maps_are_read(films: posterity.Catalogue) -> None:
    wall, layout = (next(a for a in films.store.artefacts() if a.kind == kind) for kind in ("grid", "layout"))
    ids, cells = films.store.grid(wall.name)
    cells[1] = cells[0]
    films.store.put_grid(wall, ids, [""] * len(ids), cells)
    ids, points, clusters = films.store.layout(layout.name)
    films.store.put_layout(layout, ["a stranger", *ids[1:]], [""] * len(ids), points, clusters)
    problems = films.doctor().problems
    assert {(p.kind, p.about) for p in problems} == {("damaged_layout", wall.name), ("damaged_layout", layout.name)}
    assert "share the cell" in " ".join(p.detail for p in problems)
    assert "'a stranger'" in " ".join(p.detail for p in problems)
    assert films.doctor(repair=True).well
    assert films.doctor().problems == ()
    films.wall(encoder="colour")


def test_splits_and_results_are_read(films: posterity.Catalogue) -> None:
    split = next(a for a in films.store.artefacts() if a.kind == "split")
    films.store.put_artefact(replace(split, parameters='{"protocol": {'))
    when = datetime(2024, 1, 1, tzinfo=UTC)
    films.store.put_result(Result("good", "pairs", "{}", "{}", b"", when))
    films.store.put_result(Result("bad", "genres", "{}", "{}", b"PK no archive", when))
    assert found(films) == [("damaged_split", split.name), ("damaged_result", "results")]
    mended = films.doctor(repair=True)
    assert mended.well
    assert (Path(mended.rescued) / "damaged_results.parquet").is_file()
    assert [kept.key for kept in films.store.results()] == ["good"]
    assert films.doctor().problems == ()


@pytest.mark.parametrize("part", ["order", "page"])
def test_sprites_are_drawn_anew(films: posterity.Catalogue, part: str) -> None:
    atlas, pages = films.atlas()
    (key,) = atlas.keys
    order = films.store.atlas_order()
    assert order is not None
    spoilt = {} if part == "order" else {key: (cut(pages[key]), atlas.palettes)}
    films.store.put_atlas(spoilt, cut(order) if part == "order" else order, [key])
    diagnosis = films.doctor()
    assert [p.kind for p in diagnosis.problems] == ["damaged_atlas"]
    assert diagnosis.well, "it mends itself"
    again, redrawn = films.atlas()
    assert redrawn == pages
    assert again.slots == atlas.slots


# --- networks -------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("by", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("damage", [cut, emptied])
def test_a_bad_network_is_refused_by_name(by: str, damage: Callable[[bytes], bytes]) -> None:
    if by == "openvino":
        pytest.importorskip("openvino")
    model = Path(poster.__file__).with_name("poster.onnx").read_bytes()
    with pytest.raises(runtime.BadNetworkError, match=r"poster\.onnx is not a usable network"):
        runtime.load(damage(model), by, "poster.onnx")


def test_a_network_in_the_box_that_is_garbled_gives_no_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = poster.Poster()
    encoder.__dict__["_model"] = garbled(encoder._model)
    with pytest.raises(PosterityError, match=r"poster\.onnx is damaged.*Install it again"):
        encoder.encode(np.zeros((1, 192, 128, 3), np.uint8))


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("content", ["cut", "garbage", "another"])
def test_bad_weights_are_refused_by_name_and_not_remembered(tmp_path: Path, content: str) -> None:
    model = Path(poster.__file__).with_name("poster.onnx").read_bytes()
    file = tmp_path / "mine.onnx"
    file.write_bytes({"cut": cut(model), "garbage": b"no network at all" * 50, "another": model}[content])
    with pytest.raises(PosterityError, match=r"mine\.onnx is not a usable network"):
        configured("resnet18", weights=str(file))
    network = Net(posterity.encoders.networks.KNOWN["resnet18"]).network
    assert find(network) is None


@pytest.mark.parametrize("column", ["parameters", "scores"])
def test_what_cannot_be_read_of_how_things_were_made_counts_as_none(films: posterity.Catalogue, column: str) -> None:
    wall = films.wall(encoder="colour").cells
    for artefact in films.store.artefacts():
        films.store.put_artefact(replace(artefact, **{column: '{"rows": '}))
    assert films.store.artefacts() == []
    assert {each.name for each in Gallery(films).layouts.names()} == {"map", "wall"}
    assert films.layout_scores() == []
    assert "damaged_layout" in {kind for kind, _ in found(films, repair=True)}
    films.embed("colour")
    assert films.wall(encoder="colour").cells == wall
    assert films.doctor().well
