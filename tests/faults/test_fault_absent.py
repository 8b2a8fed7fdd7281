"""Posters whose files are away for a while outlive every command that fills or reads a catalogue; so do their walls.

Doctor has such tests of its own; the ways of being away are those of :mod:`faults.absent`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import posterity
from faults.absent import ENCODER, WAYS, Collection, N, away, files, make, picture, share_lost, tried
from faults.support import age, draw
from posterity.cli import run
from posterity.errors import SourceError
from posterity.ingest.reports import BuildReport
from posterity.learning.exporting import Exported


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return make(tmp_path_factory.mktemp("absent"))


@pytest.fixture(scope="module")
def before(made: Collection) -> dict[str, Any]:
    return picture(made.catalogue)


@pytest.fixture
def films(made: Collection, tmp_path: Path) -> Iterator[Collection]:
    yield made.copy(tmp_path / "films")
    for file in files(made):
        age(file)


def _build(films: Collection, **options: bool) -> BuildReport:
    return posterity.build(films.source, films.catalogue, films.table, encoders=[ENCODER], **options)


def _all_is_as_before(films: Collection, before: dict[str, Any]) -> None:
    """Once the files are back, a build finds nothing to do, and loses nothing."""
    report = _build(films)
    assert (report.seen, report.unchanged, report.kept, report.gone) == (N, N, 0, 0)
    assert picture(films.catalogue) == before
    assert not posterity.open(films.catalogue).report().kept


@pytest.mark.parametrize("way", WAYS)
def test_build_keeps_posters_whose_files_are_away(films: Collection, before: dict[str, Any], way: str) -> None:
    with away(way, films):
        for _ in range(2):
            report = tried(lambda: _build(films))
            if isinstance(report, BuildReport):
                assert report.added == report.updated == report.removed == 0
                assert report.kept + report.gone >= N // 3
                assert posterity.open(films.catalogue).report().kept
            else:  # the source itself cannot be looked at
                assert isinstance(report, SourceError)
    assert picture(films.catalogue) == before
    _all_is_as_before(films, before)


@pytest.mark.parametrize("way", WAYS)
def test_another_source_takes_nothing_from_one_that_is_away(
    films: Collection, before: dict[str, Any], way: str, tmp_path: Path
) -> None:
    """Pictures of the same films become other versions of them, just as they do while the first source is there."""
    plain = films.copy(tmp_path / "plain")
    for catalogue, taken in ((films.catalogue, way), (plain.catalogue, None)):
        if taken is None:
            report = posterity.build(films.other, catalogue, encoders=[ENCODER])
        else:
            with away(taken, films):
                report = posterity.build(films.other, catalogue, encoders=[ENCODER])
        assert (report.added, report.dropped) == (N, 0)
    after, wanted = picture(films.catalogue), picture(plain.catalogue)
    assert after == wanted
    for part in ("posters", "vectors"):
        assert {identity: after[part][identity] for identity in before["ids"]} == before[part]
    assert after["walls"] == before["walls"]
    _all_is_as_before(films, wanted)


@pytest.mark.parametrize("way", WAYS)
def test_enrich_and_export_lose_nothing_while_files_are_away(
    films: Collection, way: str, tmp_path: Path, before: dict[str, Any]
) -> None:
    table = tmp_path / "title.basics.tsv"
    rows = [f"tt{number:07d}\tFilm\t1990\t90\t{('Drama', 'Horror')[number % 4 // 2]}" for number in range(2, N + 1, 2)]
    table.write_text("\n".join(["tconst\tprimaryTitle\tstartYear\truntimeMinutes\tgenres", *rows]) + "\n")
    with away(way, films):
        catalogue = posterity.open(films.catalogue)
        assert catalogue.enrich(table).updated == N // 2
        enriched = picture(films.catalogue)
        catalogue.learn.split("genres", enough=2)
        exported = tried(lambda: catalogue.learn.export_split("genres", tmp_path / "split", "webdataset"))
        assert isinstance(exported, Exported)
    assert enriched == picture(films.catalogue)
    assert {part: enriched[part] for part in before if part != "posters"} == {
        part: before[part] for part in before if part != "posters"
    }
    _all_is_as_before(films, enriched)


def test_a_lost_share_is_told_of_and_ends_well(films: Collection, capsys: pytest.CaptureFixture[str]) -> None:
    with share_lost(films, 5):
        arguments = ["build", films.source, "-c", films.catalogue, "--metadata", films.table, "--encoders", ENCODER]
        assert run([*map(str, arguments), "-q"]) == 0
    said = capsys.readouterr().out
    assert f"{N} seen: 0 added, 0 updated, {N} unchanged, 0 dropped" in said
    assert f"kept: {N - 3} posters unchanged" in said
    assert f"{N - 3} unreadable" in said


def test_only_being_asked_to_removes_posters_and_never_those_that_cannot_be_looked_for(
    films: Collection, before: dict[str, Any]
) -> None:
    for way in ("unsearchable folders", "unreadable folders", "unreadable files", *(w for w in WAYS if "lost" in w)):
        with away(way, films):
            assert _build(films, remove_missing=True).removed == 0, way
        assert picture(films.catalogue) == before, way
    with away("unmounted", films):
        report = _build(films)
        assert (report.gone, report.in_doubt, report.removed) == (N, True, 0)
        report = _build(films, remove_missing=True)
        assert (report.gone, report.in_doubt, report.removed) == (0, False, N)
    assert picture(films.catalogue)["ids"] == []
    (*findings,) = posterity.open(films.catalogue).report().dropped
    assert {(f.reason, f.poster_id) for f in findings} == {("vanished", each) for each in before["ids"]}


def test_a_deleted_file_is_told_of_and_removed_when_asked(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(20):
        draw(source / f"{number}.jpg", number, (60, 90))
    posterity.build(source, tmp_path / "films", encoders=[ENCODER])
    (source / "7.jpg").unlink()
    for _ in range(2):
        report = posterity.build(source, tmp_path / "films", encoders=[ENCODER])
        assert (report.unchanged, report.gone, report.in_doubt, report.removed) == (19, 1, False, 0)
    (kept,) = posterity.open(tmp_path / "films").report().kept
    assert (kept.item, kept.reason) == ("/", "vanished")
    assert kept.detail == f"1 poster is kept: no longer in {source}"
    report = posterity.build(source, tmp_path / "films", encoders=[ENCODER], remove_missing=True)
    assert (report.unchanged, report.gone, report.removed) == (19, 0, 1)
    (finding,) = posterity.open(tmp_path / "films").report().dropped
    assert (finding.item, finding.reason, finding.poster_id) == ("7.jpg", "vanished", "file:7.jpg")
    report = posterity.build(source, tmp_path / "films", encoders=[ENCODER])
    assert (report.seen, report.unchanged, report.gone, report.removed) == (19, 19, 0, 0)


def test_a_picture_that_went_for_certain_makes_way_for_another_of_its_film(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for number in range(3):
        draw(tmp_path / "a" / f"tt000000{number}.jpg", number)
    draw(tmp_path / "b" / "tt0000001.jpg", 50)
    posterity.build(tmp_path / "a", tmp_path / "films", encoders=[ENCODER])
    (tmp_path / "a" / "tt0000001.jpg").unlink()
    posterity.build(tmp_path / "b", tmp_path / "films", encoders=[ENCODER])
    (poster,) = posterity.open(tmp_path / "films").posters("imdb_id = 'tt0000001'")
    assert (poster.id, poster.source, poster.flags) == ("tt0000001", str(tmp_path / "b"), ())
