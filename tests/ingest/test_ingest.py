"""A folder becomes a catalogue; doing it again does only what is new."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import picture

import posterity
from posterity.embedding.pipeline import encode_file
from posterity.encoders import ENCODERS, EncoderSpec
from posterity.errors import CatalogueError, SourceError, UnknownNameError
from posterity.images import decode, perceptual_hash
from posterity.ingest.planning import plan_build

Make = Callable[..., Path]


def counts(report: posterity.BuildReport) -> tuple[int, int, int, int, int]:
    assert report.seen == report.added + report.updated + report.unchanged + report.dropped
    return report.seen, report.added, report.updated, report.unchanged, report.dropped


def age(path: Path) -> None:
    """Set a file's time back, so that it is trusted to tell whether the file changed."""
    os.utime(path, (1e9, 1e9))


def test_posters_enter_with_their_films(films: posterity.Catalogue) -> None:
    posters = {poster.id: poster for poster in films.posters()}
    assert len(posters) == 12
    one = posters["tt0000002"]
    assert (one.film.title, one.film.year, one.film.genres) == ("Film, 1", 1951, ("Horror", "Thriller"))
    assert (one.film.budget, one.film.revenue, one.film.collection) == (1000, None, "Saga")
    assert posters["tt0000001"].film.budget is None, "a budget of 0 stands for an unknown one"
    assert (one.width, one.height, one.format, one.flags) == (60, 90, "JPEG", ())
    data = (Path(one.source) / one.path).read_bytes()
    assert one.phash == perceptual_hash(decode(data))
    assert decode(films.store.thumbnails([one.sha256])[one.sha256]).shape == (90, 60, 3)


@pytest.mark.parametrize("name", ["colour", "composition", "pixels"])
def test_stored_vectors_are_those_of_encoding_each_file_alone(films: posterity.Catalogue, name: str) -> None:
    ids, vectors = films.vectors(name)
    assert ids == [poster.id for poster in films.posters()]
    assert vectors.dtype == np.float32
    for poster, vector in zip(films.posters(), vectors, strict=True):
        data = (Path(poster.source) / poster.path).read_bytes()
        np.testing.assert_array_equal(vector, encode_file(ENCODERS.get(name), data))


def test_building_again_changes_nothing(make_posters: Make, tmp_path: Path) -> None:
    posters, table = make_posters(), tmp_path / "posters.csv"
    assert counts(posterity.build(posters, tmp_path / "films", table)) == (12, 12, 0, 0, 0)
    before = posterity.open(tmp_path / "films").posters()
    assert counts(posterity.build(posters, tmp_path / "films", table)) == (12, 0, 0, 12, 0)
    assert counts(posterity.build(posters, tmp_path / "films")) == (12, 0, 0, 12, 0), "metadata is not forgotten"
    assert [p.film for p in posterity.open(tmp_path / "films").posters()] == [p.film for p in before]


def test_unchanged_files_are_not_even_read(make_posters: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    posters = make_posters()
    for file in posters.iterdir():
        age(file)
    posterity.build(posters, tmp_path / "films")
    monkeypatch.setattr("posterity.ingest.inspection.inspect", lambda *_: pytest.fail("read a file"))
    assert posterity.open(tmp_path / "films").build(posters).unchanged == 12


def test_where_nothing_changed_the_store_is_not_even_opened(
    make_posters: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posters, table = make_posters(), tmp_path / "posters.csv"
    (posters / "bad.jpg").touch()
    for file in (*posters.iterdir(), table):
        age(file)
    first = posterity.build(posters, tmp_path / "films", table)
    with monkeypatch.context() as patch:
        patch.setattr("posterity.ingest.planning.plan_build", lambda *_, **__: pytest.fail("planned a build"))
        again = posterity.build(posters, tmp_path / "films", table)
    assert again == replace(first, added=0, unchanged=12)
    assert counts(again) == (13, 0, 0, 12, 1)


@pytest.mark.parametrize(
    "change", ["file", "touch", "new", "gone", "table", "setting", "encoders", "catalogue", "note"]
)
def test_any_change_at_all_means_a_full_build(
    make_posters: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    posters, table, films = make_posters(4), tmp_path / "posters.csv", tmp_path / "films"
    for file in (*posters.iterdir(), table):
        age(file)
    posterity.build(posters, films, table)
    encoders = None
    if change == "file":
        picture(99).save(posters / "tt0000001.jpg")
    elif change == "touch":
        os.utime(posters / "tt0000001.jpg", (1e9 + 1, 1e9 + 1))
    elif change == "new":
        shutil.copy2(posters / "tt0000001.jpg", posters / "copy.jpg")
    elif change == "gone":
        (posters / "tt0000001.jpg").unlink()
    elif change == "table":
        table.write_text(table.read_text().replace("Film, 1", "Movie, 1"))
    elif change == "setting":
        monkeypatch.setenv("POSTERITY_MIN_SIDE", "20")
    elif change == "encoders":
        encoders = ["pixels"]
    elif change == "catalogue":
        posterity.open(films).store.remove_posters(["tt0000001"])
    else:
        next((films / "notes.unchanged").iterdir()).write_text("{}")
    done = []
    monkeypatch.setattr("posterity.ingest.planning.plan_build", lambda *a, **k: done.append(1) or plan_build(*a, **k))
    report = posterity.build(posters, films, table, encoders=encoders)
    assert done
    assert report.seen == {"new": 5, "gone": 3}.get(change, 4)
    assert report.added == (change == "catalogue")


def test_new_changed_and_vanished_files_are_told_apart(make_posters: Make, tmp_path: Path) -> None:
    posters = make_posters()
    posterity.build(posters, tmp_path / "films")
    cat = posterity.open(tmp_path / "films")
    old = dict(zip(*cat.vectors("pixels"), strict=True))
    picture(100).save(posters / "tt0000003.jpg")
    picture(101).save(posters / "new.png")
    (posters / "tt0000005.jpg").unlink()
    report = posterity.build(posters, tmp_path / "films")
    assert counts(report) == (12, 1, 1, 10, 0)
    assert report.gone == 1
    new = dict(zip(*cat.vectors("pixels"), strict=True))
    assert set(new) == {*old, "file:new.png"}
    changed = {identity for identity in old if not np.array_equal(old[identity], new[identity])}
    assert changed == {"tt0000003"}


def test_changed_metadata_updates_without_encoding_again(make_posters: Make, tmp_path: Path) -> None:
    posters, table = make_posters(), tmp_path / "posters.csv"
    posterity.build(posters, tmp_path / "films", table)
    table.write_text(table.read_text().replace('"Film, 3"', "Renamed"))
    report = posterity.open(tmp_path / "films").build(posters, table, encoders=[])
    assert counts(report) == (12, 0, 1, 11, 0)
    cat = posterity.open(tmp_path / "films")
    assert [p.id for p in cat.posters("title = 'Renamed'")] == ["tt0000004"]
    assert len(cat.vectors("colour")[0]) == 12


def test_ids_learnt_later_replace_those_made_of_paths(tmp_path: Path) -> None:
    posters = tmp_path / "posters"
    posters.mkdir()
    picture(1).save(posters / "a.jpg")
    posterity.build(posters, tmp_path / "films")
    (tmp_path / "t.csv").write_text("file,tmdb_id,title\na.jpg,42,Answer\n")
    assert counts(posterity.build(posters, tmp_path / "films", tmp_path / "t.csv")) == (1, 0, 1, 0, 0)
    cat = posterity.open(tmp_path / "films")
    assert [(p.id, p.film.title) for p in cat.posters()] == [("tmdb:42", "Answer")]
    assert cat.vectors("colour")[0] == ["tmdb:42"]


def test_everything_dropped_or_flagged_is_reported_and_adds_up(make_posters: Make, tmp_path: Path) -> None:
    posters, table = make_posters(), tmp_path / "posters.csv"
    with table.open("a") as file:
        file.write("ghost.jpg,77,Ghost,soon,Drama,,,\n")
    (posters / "empty.jpg").touch()
    (posters / "notes.txt").write_text("no poster")
    (posters / "broken.png").write_bytes((posters / "tt0000001.jpg").read_bytes()[:500])
    shutil.copy(posters / "tt0000002.jpg", posters / "zz copy.jpg")
    picture(3).resize((80, 120)).save(posters / "again.webp")
    picture(8, (12, 12)).save(posters / "tiny.png")
    picture(1).save(posters / "moving.gif", save_all=True, append_images=[picture(2)])
    report = posterity.build(posters, tmp_path / "films", table)
    assert counts(report) == (19, 14, 0, 0, 5)
    assert report.dropped_by == {"duplicate": 1, "empty": 1, "not_an_image": 1, "tiny": 1, "truncated": 1}
    assert report.flagged_by == {"animated": 1, "near_duplicate": 2, "no_metadata": 2}
    assert (report.unmatched_files, report.unmatched_rows, report.faulty_rows) == (2, 1, 1)
    told = posterity.open(tmp_path / "films").report()
    assert (told.seen, told.posters, len(told.dropped)) == (19, 14, 5)
    assert {f.item: f.reason for f in told.dropped}["zz copy.jpg"] == "duplicate"
    assert "tt0000002" in next(f.detail for f in told.dropped if f.reason == "duplicate")
    assert {(f.id, f.flag) for f in told.flagged} == {
        ("file:again.webp", "no_metadata"),
        ("file:moving.gif", "animated"),
        ("file:moving.gif", "no_metadata"),
        ("tt0000002", "near_duplicate"),
        ("tt0000004", "near_duplicate"),
    }
    assert sorted(f.reason for f in told.rows) == ["bad_value", "unmatched_row"]
    again = posterity.build(posters, tmp_path / "films", table)
    assert counts(again) == (19, 0, 0, 14, 5)
    assert again.flagged_by == report.flagged_by


def test_what_was_mended_is_taken_and_no_longer_reported(tmp_path: Path) -> None:
    posters = tmp_path / "posters"
    posters.mkdir()
    (posters / "a.jpg").write_bytes(b"")
    assert counts(posterity.build(posters, tmp_path / "films")) == (1, 0, 0, 0, 1)
    picture(1).save(posters / "a.jpg")
    assert counts(posterity.build(posters, tmp_path / "films")) == (1, 1, 0, 0, 0)
    assert posterity.open(tmp_path / "films").report().dropped == ()


def test_two_pictures_of_one_film_are_both_kept(tmp_path: Path) -> None:
    for i, name in enumerate(("a/tt0000009.jpg", "b/tt0000009.jpg")):
        (tmp_path / "posters" / name).parent.mkdir(parents=True)
        picture(i).save(tmp_path / "posters" / name)
    report = posterity.build(tmp_path / "posters", tmp_path / "films")
    assert report.flagged_by == {"another_version": 1}
    ids = [poster.id for poster in posterity.open(tmp_path / "films").posters()]
    assert ids[0] == "tt0000009"
    assert ids[1].startswith("tt0000009@")
    assert posterity.build(tmp_path / "posters", tmp_path / "films").unchanged == 2


def test_the_catalogue_may_lie_among_the_posters(make_posters: Make, tmp_path: Path) -> None:
    posters = make_posters(3)
    shutil.move(tmp_path / "posters.csv", posters / "table.csv")
    for _ in range(2):
        assert posterity.build(posters, posters / "films", posters / "table.csv").seen == 3


@pytest.mark.parametrize("wrong", ["source", "table", "encoder"])
def test_a_wrong_argument_is_told_before_a_catalogue_is_made(make_posters: Make, tmp_path: Path, wrong: str) -> None:
    posters = make_posters(2)
    source = tmp_path / "nowhere" if wrong == "source" else posters
    table = tmp_path / "no.csv" if wrong == "table" else None
    with pytest.raises((SourceError, UnknownNameError)):
        posterity.build(source, tmp_path / "films", table, encoders=["vgg99"] if wrong == "encoder" else None)
    assert not (tmp_path / "films").exists()


class Brightness:
    """The smallest encoder there can be."""

    spec = EncoderSpec("brightness", 1, (4, 4), "stretch", "euclidean", 1, "mean level")

    def encode(self, images: np.ndarray) -> np.ndarray:
        return images.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]


class BetterBrightness(Brightness):
    spec = EncoderSpec("brightness", 1, (4, 4), "stretch", "euclidean", 2, "mean level, improved")


def test_anybodys_encoder_can_be_used_and_a_new_version_of_it_replaces_old_vectors(films: posterity.Catalogue) -> None:
    assert films.embed(Brightness()).encoded == {"brightness": 12}
    assert films.embed(Brightness()).encoded == {"brightness": 0}
    assert films.similar("tt0000001", encoder=Brightness(), k=20).matches[0].distance >= 0
    with pytest.raises(CatalogueError, match="another version.*posterity embed"):
        films.vectors(BetterBrightness())
    assert films.embed(BetterBrightness()).encoded == {"brightness": 12}
    assert len(films.vectors(BetterBrightness())[0]) == 12


def test_vectors_that_are_not_there_are_told_with_the_command_that_makes_them(
    make_posters: Make, tmp_path: Path
) -> None:
    posterity.build(make_posters(2), tmp_path / "films", encoders=["pixels"])
    with pytest.raises(CatalogueError, match="posterity embed -c .*films --encoder colour"):
        posterity.open(tmp_path / "films").vectors("colour")
