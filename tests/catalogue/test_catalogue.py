"""The store keeps what it is given, all of it or nothing of it."""

from __future__ import annotations

import multiprocessing
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from waiting import PATIENCE

import posterity
from posterity.catalogue import Artefact, Film, Finding, Poster, Store
from posterity.catalogue.schema import POSTERS, Result
from posterity.catalogue.store import now
from posterity.errors import CatalogueError, FilterError, FormatVersionError


def poster(number: int, **changes: object) -> Poster:
    film = Film(imdb_id=f"tt{number:07d}", title='It\'s "quoted"\n', year=1980 + number, genres=("Drama", "War"))
    values = {
        "id": f"tt{number:07d}", "source": "/a", "path": f"{number}.jpg", "film": film, "format": "JPEG", "mode": "RGB",
        "width": 2, "height": 3, "bytes": 4, "mtime_ns": 5, "sha256": f"{number:064x}", "phash": 2**64 - 1 - number,
    }  # fmt: skip
    return Poster(**(values | changes))  # type: ignore[arg-type]


def artefact(name: str, fingerprint: str = "one") -> Artefact:
    return Artefact(name, "vectors", "tiny", fingerprint, "{}", "{}", 1, "", "{}", now())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "films")
    posters = [poster(i) for i in (3, 1, 2)]
    store.put_posters(posters, {p.sha256: f"jpeg {p.id}".encode() for p in posters})
    return store


def test_posters_come_back_as_they_went_in_and_sorted(store: Store) -> None:
    assert Store.open(store.folder).posters() == [poster(1), poster(2), poster(3)]


def test_putting_a_poster_again_replaces_it(store: Store) -> None:
    store.put_posters([poster(2, path="moved.jpg")], {})
    assert store.count() == 3
    assert store.get([poster(2).id])[poster(2).id].path == "moved.jpg"


def test_thumbnails_are_found_by_content(store: Store) -> None:
    assert store.thumbnails([poster(1).sha256, "unknown"]) == {poster(1).sha256: b"jpeg tt0000001"}


def test_removed_posters_leave_orphans_that_can_be_removed(store: Store) -> None:
    store.remove_posters([poster(1).id])
    assert [p.id for p in store.posters()] == [poster(2).id, poster(3).id]
    assert store.orphans() == [poster(1).sha256]
    store.remove_thumbnails(store.orphans())
    assert store.thumbnails([poster(1).sha256]) == {}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("year > 1981", ["tt0000002", "tt0000003"]),
        ("array_has(genres, 'War') AND id = 'tt0000001'", ["tt0000001"]),
        ("title LIKE '%''s%' AND title <> ';'", ["tt0000001", "tt0000002", "tt0000003"]),
        ("budget IS NOT NULL", []),
    ],
)
def test_filters_are_sql(store: Store, where: str, expected: list[str]) -> None:
    assert [p.id for p in store.posters(where)] == expected
    assert store.count(where) == len(expected)


@pytest.mark.parametrize(
    "where", ["yeer > 1980", "year >", "title", "year > 'abc'", "1=1; DROP TABLE posters", "nonsense("]
)
def test_bad_filters_are_refused_and_the_columns_named(store: Store, where: str) -> None:
    with pytest.raises(FilterError) as caught:
        store.posters(where)
    assert where in str(caught.value)
    assert "genres" in str(caught.value) or "semicolon" in str(caught.value)


def test_vectors_come_back_bit_for_bit_in_the_order_of_ids(store: Store) -> None:
    vectors = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    store.prepare_vectors("tiny", 5, artefact("vector_tiny"))
    store.put_vectors([poster(i).id for i in (3, 1, 2)], [poster(i).sha256 for i in (3, 1, 2)], {"tiny": vectors})
    ids, found = store.vectors("tiny")
    assert ids == [poster(i).id for i in (1, 2, 3)]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, vectors[[1, 2, 0]])
    assert store.vectors("tiny", "year = 1982")[0] == [poster(2).id]


def test_a_vector_of_other_content_is_not_stored(store: Store) -> None:
    store.prepare_vectors("tiny", 2, artefact("vector_tiny"))
    store.put_vectors([poster(1).id], ["another digest"], {"tiny": np.ones((1, 2), np.float32)})
    assert store.vectors("tiny")[0] == []


def test_new_content_clears_vectors_and_new_metadata_keeps_them(store: Store) -> None:
    store.prepare_vectors("tiny", 2, artefact("vector_tiny"))
    ids, digests = [poster(1).id, poster(2).id], [poster(1).sha256, poster(2).sha256]
    store.put_vectors(ids, digests, {"tiny": np.ones((2, 2), np.float32)})
    store.update_posters([poster(1, film=Film(title="Renamed"))])
    assert store.vectors("tiny")[0] == ids
    store.put_posters([poster(2, sha256="f" * 64)], {"f" * 64: b"jpeg"})
    assert store.vectors("tiny")[0] == [poster(1).id]


def test_vectors_of_another_fingerprint_are_discarded(store: Store) -> None:
    store.prepare_vectors("tiny", 2, artefact("vector_tiny", "one"))
    store.put_vectors([poster(1).id], [poster(1).sha256], {"tiny": np.ones((1, 2), np.float32)})
    store.prepare_vectors("tiny", 2, artefact("vector_tiny", "one"))
    assert len(store.vectors("tiny")[0]) == 1
    store.prepare_vectors("tiny", 3, artefact("vector_tiny", "two"))
    assert store.vectors("tiny")[0] == []
    assert store.encoders == {"tiny": 3}


def test_findings_are_replaced_by_source_and_item(store: Store) -> None:
    store.put_findings(
        [Finding("/a", "x.jpg", "dropped", "corrupt", "first"), Finding("/a", "y", "dropped", "tiny", "")]
    )
    store.put_findings([Finding("/a", "x.jpg", "dropped", "truncated", "second")])
    assert [(f.item, f.reason) for f in store.findings()] == [("x.jpg", "truncated"), ("y", "tiny")]
    store.remove_findings("/a", "dropped", ["y"])
    assert [f.item for f in store.findings("/a")] == ["x.jpg"]


def test_a_grid_comes_back_with_what_made_it(store: Store) -> None:
    made = replace(artefact("wall"), kind="grid")
    store.put_grid(made, ["b", "a"], ["bb", "aa"], np.array([[0, 1], [2, 3]]))
    ids, cells = store.grid("wall")
    assert ids == ["a", "b"]
    assert cells.tolist() == [[2, 3], [0, 1]]
    assert store.artefact("wall") == made
    store.remove_artefact("wall")
    assert store.artefact("wall") is None
    assert store.grid("wall")[0] == []


def test_a_newer_format_is_refused_and_told(store: Store) -> None:
    store._table("meta").update(where="key = 'format'", values={"value": "99"})
    with pytest.raises(FormatVersionError, match="format 99.*Upgrade"):
        posterity.open(store.folder)


def test_what_is_no_catalogue_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="does not exist.*posterity build"):
        Store.open(tmp_path / "nowhere")
    with pytest.raises(CatalogueError, match="is not a catalogue"):
        Store.open(tmp_path)


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(CatalogueError, match="holds other files"):
        Store.create(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_creation_that_was_cut_short_is_completed(tmp_path: Path) -> None:
    store = Store(tmp_path / "films")
    store._db.create_table("posters", schema=POSTERS)
    assert Store.create(tmp_path / "films").count() == 0


@pytest.mark.parametrize("writing", [False, True])
def test_of_two_that_make_a_catalogue_at_once_the_later_takes_what_is_there(
    films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch, writing: bool
) -> None:
    """It looked before the other began; by then that one has its tables, its columns, and perhaps its lock."""
    from posterity.catalogue import tables

    others = [path for path in films.folder.iterdir() if path.suffix != ".lance"]
    assert others
    for path in [] if writing else others:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    seen = iter([False])
    is_there = tables.is_catalogue
    monkeypatch.setattr(tables, "is_catalogue", lambda place: next(seen, True) and is_there(place))
    store = Store.create(films.folder)
    assert store.count() == 12
    assert set(store.encoders) == set(films.store.encoders)


def test_compacting_keeps_the_rows_and_lets_versions_go(store: Store) -> None:
    for i in range(10, 20):
        store.put_posters([poster(i)], {})
    before = store.versions()
    store.compact(timedelta(0))
    assert store.versions() < before
    assert store.count() == 13


def _read_until(folder: str, ready: Any, between: Any, stop: Any, results: Any) -> None:
    store, counts = Store.open(folder), set()
    while not stop.is_set():
        ids = store.read(["sha256"])["id"].to_pylist()
        assert len(set(ids)) == len(ids)
        counts.add(len(ids))
        ready.set()
        if len(counts) > 1:
            between.set()
    counts.add(store.count())
    results.put(sorted(counts))


def test_a_reader_sees_whole_commits_while_another_process_writes(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    (ready, between, stop), results = (context.Event() for _ in range(3)), context.Queue()
    reader = context.Process(target=_read_until, args=(str(store.folder), ready, between, stop, results))
    reader.start()
    try:
        assert ready.wait(PATIENCE)
        for start in range(100, 400, 10):
            store.put_posters([poster(i) for i in range(start, start + 10)], {})
            if start == 380:
                assert between.wait(PATIENCE), "the reader saw nothing of the writing in between"
    finally:
        stop.set()
    counts = results.get(timeout=PATIENCE)
    reader.join(PATIENCE)
    assert reader.exitcode == 0
    assert (counts[0], counts[-1]) == (3, 303)
    assert len(counts) > 2
    assert all((count - 3) % 10 == 0 for count in counts), "the reader saw part of a commit"


def test_many_vectors_are_mapped_from_a_file_and_the_same(
    films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from posterity.catalogue import store

    ids, vectors = films.store.vectors("colour")
    monkeypatch.setattr(store, "IN_MEMORY", 100)
    mapped_ids, mapped = films.store.vectors("colour")
    assert isinstance(mapped, np.memmap)
    assert mapped_ids == ids == sorted(ids)
    assert np.array_equal(mapped, vectors)
    assert len(films.pairs(3, encoder="colour").pairs) == 3
    assert not [path for path in films.folder.iterdir() if path.is_file() and "tmp" in path.name]


def test_splits_models_predictions_and_results_come_back(store: Store) -> None:
    split = replace(artefact("split_s"), kind="split")
    store.put_split(split, {"train": ["b", "a"], "test": ["c"]}, {"a": ["X"], "b": ["X", "Y"], "c": []})
    assert store.split("split_s") == ({"test": ("c",), "train": ("a", "b")}, {"a": ("X",), "b": ("X", "Y"), "c": ()})
    model = replace(artefact("model_m"), kind="model")
    values = np.array([[0.1, 0.9], [0.3, 0.7]])
    for _ in range(2):  # a model of the same name takes its place
        store.put_model(model, b"weights", ["b", "a"], values, values - 0.1, values + 0.1)
    ids, said, low, high = store.predictions("model_m")
    assert ids == ["a", "b"]
    np.testing.assert_allclose(said, values[::-1], atol=1e-6)
    np.testing.assert_allclose(high - low, 0.2, atol=1e-6)
    assert store.model("model_m") == b"weights"
    store.remove_artefact("model_m")
    assert store.predictions("model_m")[0] == []
    result = Result("key", "mine", "{}", "{}", b"\0", now())
    store.put_result(result)
    store.put_result(replace(result, spec="[]"))
    assert [found.spec for found in store.results("mine")] == ["[]"]
    assert store.results("other") == []
