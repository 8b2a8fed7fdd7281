"""Whatever changed between two builds shows after the second: no old vector stays, and no poster is doubled or lost."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import posterity
from faults.support import ENCODERS, LONG_AGO, age, check_all_vectors, check_consistent, check_sums, draw, picture
from posterity.catalogue import Store
from posterity.embedding.pipeline import encode_file
from posterity.encoders import ENCODERS as REGISTERED
from posterity.encoders import EncoderSpec
from posterity.ingest.reports import BuildReport
from posterity.ingest.run import ingest, of_folder


class CountingEncoder:
    """An encoder that counts the posters it was given."""

    def __init__(self) -> None:
        self.spec = EncoderSpec("counting", 3, (8, 8), "stretch", "euclidean", 1, "the mean colour")
        self.n = 0

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.n += len(images)
        return images.mean(axis=(1, 2), dtype=np.float32)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(8):
        draw(folder / f"tt000000{number + 1}.jpg", number)
        draw(folder / f"film {number}.jpg", 100 + number)
    return folder


def _build(source: Path, tmp_path: Path, **options: object) -> BuildReport:
    report = posterity.build(source, tmp_path / "films", **options)  # type: ignore[arg-type]
    check_sums(report)
    if "encoders" not in options:
        check_all_vectors(tmp_path / "films")
    return report


def _counts(report: BuildReport) -> tuple[int, int, int, int]:
    return report.added, report.updated, report.unchanged, report.dropped


def _check_vectors_are_those_of_the_files(folder: Path) -> None:
    """The vectors stored are, to the bit, those of the files as they are now."""
    catalogue = posterity.open(folder)
    places = {poster.id: Path(poster.source, poster.path) for poster in catalogue.posters()}
    for name in ENCODERS:
        ids, vectors = catalogue.vectors(name)
        assert len(ids) == len(places)
        for identity, vector in zip(ids, vectors, strict=True):
            assert np.array_equal(vector, encode_file(REGISTERED.get(name), places[identity].read_bytes())), identity


@pytest.mark.parametrize("moment", ["now", "in the future"])
def test_rewrite_of_the_same_size_at_the_same_time_is_noticed(tmp_path: Path, moment: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    path = source / "poster.bmp"
    draw(source / "other.jpg", 1)
    posterity.build(source, tmp_path / "films")  # so that what is imported once takes no time below
    digests = set()
    for version in range(4):
        before = time.time_ns()
        picture(version).save(path)
        if version == 0:
            stamp = before + (3_600 * 10**9 if moment != "now" else 0)
        if moment != "now" or time.time_ns() - stamp < 10**9:  # else the machine is too slow to be so quick
            os.utime(path, ns=(stamp, stamp))
        report = _build(source, tmp_path)
        assert _counts(report) == ((1, 0, 1, 0) if version == 0 else (0, 1, 1, 0)), version
        digests.add(posterity.open(tmp_path / "films").posters("path = 'poster.bmp'")[0].sha256)
        _check_vectors_are_those_of_the_files(tmp_path / "films")
    assert len(digests) == 4
    assert path.stat().st_size == 120 * 180 * 3 + 54


def test_only_the_time_of_change_changed(source: Path, tmp_path: Path) -> None:
    counting = CountingEncoder()
    _build(source, tmp_path, encoders=[counting])
    for path in source.iterdir():
        age(path, LONG_AGO + 60)
    assert _counts(_build(source, tmp_path, encoders=[counting])) == (0, 0, 16, 0)
    assert counting.n == 16
    store = Store.open(tmp_path / "films")
    assert {poster.mtime_ns for poster in store.posters()} == {(LONG_AGO + 60) * 10**9}


def test_metadata_changes_update_without_encoding_again(source: Path, tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    counting = CountingEncoder()
    table.write_text("imdbId,title,year\n" + "".join(f"{n},Film {n},{1950 + n}\n" for n in range(1, 9)))
    age(table)
    assert _counts(_build(source, tmp_path, metadata=table, encoders=[counting])) == (16, 0, 0, 0)
    assert counting.n == 16
    ids, vectors = posterity.open(tmp_path / "films").vectors(counting)
    table.write_text("imdbId,title,year\n" + "".join(f"{n},Film {n},{1950 + n - (n == 3)}\n" for n in range(1, 9)))
    age(table, LONG_AGO + 5)
    assert _counts(_build(source, tmp_path, metadata=table, encoders=[counting])) == (0, 1, 15, 0)
    assert counting.n == 16
    again = posterity.open(tmp_path / "films")
    assert again.posters("id = 'tt0000003'")[0].film.year == 1952
    assert again.vectors(counting)[0] == ids
    assert np.array_equal(again.vectors(counting)[1], vectors)


def test_changed_picture_loses_its_old_vector_and_gets_a_new_one(source: Path, tmp_path: Path) -> None:
    _build(source, tmp_path)
    draw(source / "tt0000003.jpg", 999)
    draw(source / "film 3.jpg", 998)
    age(source / "film 3.jpg", LONG_AGO + 60)
    age(source / "tt0000003.jpg", LONG_AGO + 60)
    store = Store.open(tmp_path / "films")
    ingest(store, of_folder(source))
    check_consistent(tmp_path / "films")
    for name in ENCODERS:
        assert store.without_vector(name)["id"].to_pylist() == ["file:film 3.jpg", "tt0000003"]
    assert _counts(_build(source, tmp_path)) == (0, 0, 16, 0)
    _check_vectors_are_those_of_the_files(tmp_path / "films")


def test_changes_of_names(source: Path, tmp_path: Path) -> None:
    _build(source, tmp_path)
    ids = {poster.id for poster in posterity.open(tmp_path / "films").posters()}
    (source / "tt0000001.jpg").rename(source / "now called otherwise tt0000001.jpg")
    (source / "deeper").mkdir()
    (source / "tt0000002.jpg").rename(source / "deeper" / "tt0000002.jpg")
    (source / "film 0.jpg").rename(source / "aside")  # two that change places
    (source / "film 1.jpg").rename(source / "film 0.jpg")
    (source / "aside").rename(source / "film 1.jpg")
    (source / "film 2.jpg").replace(source / "film 3.jpg")  # one that takes another's place
    (source / "film 4.jpg").rename(source / "new name.jpg")
    report = _build(source, tmp_path)
    assert report.seen == 15
    assert report.dropped == 0
    kept = {poster.id: poster for poster in posterity.open(tmp_path / "films").posters()}
    assert kept.keys() == ids - {"file:film 3.jpg"}  # whose picture is nowhere any more
    assert kept["tt0000001"].path == "now called otherwise tt0000001.jpg"
    assert kept["tt0000002"].path == "deeper/tt0000002.jpg"
    assert kept["file:film 0.jpg"].path == "film 1.jpg"
    assert kept["file:film 1.jpg"].path == "film 0.jpg"
    assert kept["file:film 2.jpg"].path == "film 3.jpg"
    assert kept["file:film 4.jpg"].path == "new name.jpg"
    assert (report.moved, report.updated, report.removed, report.gone) == (6, 6, 1, 0)
    assert posterity.open(tmp_path / "films").doctor().well
    assert not any("another_version" in poster.flags for poster in kept.values())
    _check_vectors_are_those_of_the_files(tmp_path / "films")
    assert _counts(_build(source, tmp_path)) == (0, 0, 15, 0)


def test_moved_source_keeps_its_ids(source: Path, tmp_path: Path) -> None:
    for shelf in ("a", "b"):  # two pictures of one film, and two equal files
        (source / shelf).mkdir()
        draw(source / shelf / "tt0000100.jpg", 200 + len(shelf) + ord(shelf))
        shutil.copy2(source / "film 5.jpg", source / shelf / f"copy {shelf}.jpg")
    _build(source, tmp_path)
    before = posterity.open(tmp_path / "films").posters()
    moved = tmp_path / "elsewhere" / "moved"
    moved.parent.mkdir()
    source.rename(moved)
    report = _build(moved, tmp_path)
    assert _counts(report) == (0, 18, 0, 2)
    catalogue = posterity.open(tmp_path / "films")
    after = catalogue.posters()
    assert [(p.id, p.path, p.sha256, p.flags) for p in after] == [(p.id, p.path, p.sha256, p.flags) for p in before]
    assert {p.source for p in after} == {str(moved)}
    assert catalogue.doctor().well
    _check_vectors_are_those_of_the_files(tmp_path / "films")
    assert _counts(_build(moved, tmp_path)) == (0, 0, 18, 2)
    shutil.copytree(moved, source)  # a copy at the old place: everything in it is there already
    assert _counts(_build(source, tmp_path)) == (0, 0, 0, 20)


def test_two_sources_with_equal_names_are_both_kept(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for number, path in enumerate(sorted(source.iterdir())):
        draw(other / path.name, 500 + number)
    _build(source, tmp_path)
    assert _counts(_build(other, tmp_path)) == (16, 0, 0, 0)
    catalogue = posterity.open(tmp_path / "films")
    ids = [poster.id for poster in catalogue.posters()]
    assert len(set(ids)) == 32
    assert catalogue.info().sources == {str(source): 16, str(other): 16}
    for folder in (source, other, source):
        assert _counts(_build(folder, tmp_path)) == (0, 0, 16, 0)
    draw(other / "film 1.jpg", 1_000)
    age(other / "film 1.jpg", LONG_AGO + 60)
    assert _counts(_build(other, tmp_path)) == (0, 1, 15, 0)
    assert [poster.id for poster in catalogue.posters()] == ids
    _check_vectors_are_those_of_the_files(tmp_path / "films")


@pytest.mark.parametrize("place", ["same source", "other source"])
def test_twin_takes_the_place_of_a_file_that_is_gone(source: Path, tmp_path: Path, place: str) -> None:
    other = source if place == "same source" else tmp_path / "other"
    other.mkdir(exist_ok=True)
    shutil.copy2(source / "film 6.jpg", other / "twin.jpg")
    _build(source, tmp_path)
    if other != source:
        assert _build(other, tmp_path).dropped_by == {"duplicate": 1}
        assert _build(other, tmp_path).dropped_by == {"duplicate": 1}
    (source / "film 6.jpg").unlink()
    report = _build(other, tmp_path)
    assert (report.added, report.moved, report.dropped) == (0, 1, 0)
    (poster,) = posterity.open(tmp_path / "films").posters("id = 'file:film 6.jpg'")
    assert (poster.source, poster.path) == (str(other), "twin.jpg")


def test_file_that_was_bad_and_is_mended(source: Path, tmp_path: Path) -> None:
    good = (source / "film 1.jpg").read_bytes()
    (source / "film 1.jpg").write_bytes(good[: len(good) // 2])
    age(source / "film 1.jpg")
    assert _counts(_build(source, tmp_path)) == (15, 0, 0, 1)
    assert _counts(_build(source, tmp_path)) == (0, 0, 15, 1)
    (source / "film 1.jpg").write_bytes(good)
    age(source / "film 1.jpg")
    assert _counts(_build(source, tmp_path)) == (1, 0, 15, 0)
    assert posterity.open(tmp_path / "films").report().dropped == ()


@pytest.mark.parametrize("bad", [b"", b"gone bad", None], ids=["empty", "no picture", "half a picture"])
def test_poster_whose_file_goes_bad_stays_and_is_named(source: Path, tmp_path: Path, bad: bytes | None) -> None:
    """A failing disk, or a copy that broke off: what was known of the poster is not thrown away for it."""
    _build(source, tmp_path)
    catalogue = posterity.open(tmp_path / "films")
    before = catalogue.posters()
    good = (source / "film 1.jpg").read_bytes()
    (source / "film 1.jpg").write_bytes(good[: len(good) // 2] if bad is None else bad)
    age(source / "film 1.jpg", LONG_AGO + 60)
    for _ in range(2):  # read once, then known
        report = _build(source, tmp_path)
        assert _counts(report) == (0, 0, 16, 0)
        assert (report.kept, report.gone) == (1, 0)
    (finding,) = catalogue.report().kept
    assert (finding.item, finding.poster_id) == ("film 1.jpg", "file:film 1.jpg")
    assert _build(source, tmp_path, remove_missing=True).removed == 0  # it is not missing
    assert catalogue.posters() == before
    (source / "film 1.jpg").write_bytes(good)
    age(source / "film 1.jpg")
    report = _build(source, tmp_path)
    assert (*_counts(report), report.kept) == (0, 0, 16, 0, 0)
    assert catalogue.posters() == before
    assert not catalogue.report().kept
