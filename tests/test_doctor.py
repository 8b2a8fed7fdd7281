"""The doctor finds what is wrong, mends it when asked, and forgets nothing that may come back."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import picture

import posterity
from posterity.cli import run
from posterity.encoders import ENCODERS


def kinds(diagnosis: posterity.Diagnosis) -> list[str]:
    return [problem.kind for problem in diagnosis.problems]


def source_of(films: posterity.Catalogue) -> Path:
    return Path(films.posters()[0].source)


def test_a_fresh_catalogue_is_well(films: posterity.Catalogue) -> None:
    films.wall()
    assert films.doctor().problems == ()


def test_posters_without_files_are_taken_out_and_reported(films: posterity.Catalogue) -> None:
    (source_of(films) / "tt0000004.jpg").unlink()
    found = films.doctor()
    assert kinds(found) == ["file_missing"]
    assert (found.well, found.problems[0].about, len(films)) == (False, "tt0000004", 12)
    mended = films.doctor(repair=True)
    assert mended.well
    assert (len(films), [f.item for f in films.report().dropped]) == (11, ["tt0000004.jpg"])
    assert films.report().seen == 12
    assert films.doctor().problems == ()
    assert films.store.orphans() == []


def test_a_source_that_is_not_mounted_loses_no_posters(films: posterity.Catalogue) -> None:
    source = source_of(films)
    source.rename(source.with_name("elsewhere"))
    found = films.doctor(repair=True)
    assert kinds(found) == ["source_missing"]
    assert not found.well
    assert len(films) == 12
    report = films.build(source.with_name("elsewhere"))
    assert (report.seen, report.updated, report.dropped) == (12, 12, 0), "the same posters, in their new place"
    assert len(films) == 12
    assert films.doctor().problems == ()


def test_changed_files_are_left_to_the_next_build(films: posterity.Catalogue) -> None:
    picture(50, (90, 135)).save(source_of(films) / "tt0000002.jpg")
    found = films.doctor(repair=True)
    assert kinds(found) == ["file_changed"]
    assert "posterity build" in found.problems[0].remedy
    films.build(source_of(films))
    assert kinds(films.doctor()) == ["orphan_thumbnails"]
    assert films.doctor().well
    assert kinds(films.doctor(repair=True)) == ["orphan_thumbnails"]
    assert films.doctor().problems == ()


def test_lost_thumbnails_are_made_from_the_files(films: posterity.Catalogue) -> None:
    digests = [poster.sha256 for poster in films.posters()]
    before = films.store.thumbnails(digests)
    films.store.remove_thumbnails(digests[:3])
    assert kinds(films.doctor()) == ["thumbnail_missing"]
    assert films.doctor(repair=True).well
    assert films.store.thumbnails(digests) == before


def test_missing_vectors_are_made(films: posterity.Catalogue) -> None:
    picture(60).save(source_of(films) / "new.jpg")
    films.build(source_of(films), encoders=["pixels"])
    assert kinds(films.doctor()) == ["vector_missing"] * 3  # poster, colour, composition
    assert films.doctor(repair=True).well
    assert len(films.vectors("composition")[0]) == 13


def test_vectors_of_an_older_encoder_are_made_anew(films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    colour = ENCODERS.get("colour")
    monkeypatch.setattr(colour, "spec", replace(colour.spec, version=colour.spec.version + 1), raising=False)
    assert [e.current for e in films.info().encoders if e.name == "colour"] == [False]
    assert kinds(films.doctor()) == ["stale_vectors"]
    assert films.doctor(repair=True).well
    assert len(films.vectors("colour")[0]) == 12


def test_a_wall_of_other_posters_is_behind_and_brought_up_to_date(films: posterity.Catalogue) -> None:
    """Repairing does not discard it: the next wall leaves the posters of this one where they are."""
    before, plane = films.wall(), films.map("pca")
    assert films.wall() == before
    assert films.map("pca") == plane
    picture(70).save(source_of(films) / "new.jpg")
    films.build(source_of(films))
    assert kinds(films.doctor()) == ["layout_behind", "layout_behind"]
    assert films.doctor(repair=True).well
    assert kinds(films.doctor()) == ["layout_behind", "layout_behind"]
    assert films.wall().moved is not None
    assert films.map("pca").new == 1
    assert films.doctor().problems == ()


def test_a_wall_of_another_encoders_version_is_stale_and_discarded(
    films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    films.wall(encoder="colour")
    colour = ENCODERS.get("colour")
    monkeypatch.setattr(colour, "spec", replace(colour.spec, version=colour.spec.version + 1), raising=False)
    assert "stale_layout" in kinds(films.doctor())
    films.doctor(repair=True)
    assert films.doctor().problems == ()
    assert [a for a in films.store.artefacts() if a.kind == "grid"] == []


def test_old_versions_are_let_go(films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posterity.doctor.OLD_VERSIONS", 5)
    size = films.info().bytes
    before = films.posters()
    found = films.doctor(repair=True, older_than=timedelta(0))
    assert kinds(found) == ["old_versions"]
    assert films.info().bytes < size
    assert films.posters() == before
    assert len(films.vectors("colour")[0]) == 12


def test_the_command_says_by_its_status_whether_all_is_well(
    films: posterity.Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(films.folder)
    assert run(["doctor", folder]) == 0
    shutil.rmtree(source_of(films))
    assert run(["doctor", folder]) == 1
    assert "not well" in capsys.readouterr().out
    assert run(["doctor", folder, "--repair"]) == 1, "a missing folder is for a person to bring back"
