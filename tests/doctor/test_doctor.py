"""The doctor finds what is wrong, mends it when asked, and forgets nothing that may come back."""

from __future__ import annotations

import ast
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import picture

import posterity
from posterity.cli import run
from posterity.doctor import KINDS
from posterity.encoders import ENCODERS
from posterity.errors import CatalogueError, StorageError
from posterity.web.site import export_site


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
    assert mended.verdict == "11 posters, all repaired"
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
    films.wall(encoder="colour")
    colour = ENCODERS.get("colour")
    monkeypatch.setattr(colour, "spec", replace(colour.spec, version=colour.spec.version + 1), raising=False)
    assert "stale_layout" in kinds(films.doctor())
    films.doctor(repair=True)
    assert films.doctor().problems == ()
    assert [a for a in films.store.artefacts() if a.kind == "grid"] == []


def test_old_versions_are_let_go(films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posterity.doctor.derived.OLD_VERSIONS", 5)
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


def test_the_closing_line_says_what_was_done(films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    assert films.doctor().verdict == "12 posters, all well"
    monkeypatch.setattr("posterity.doctor.derived.OLD_VERSIONS", 5)
    found = films.doctor()
    assert (found.well, found.verdict) == (True, "12 posters, well, except for 1 small thing that can wait")
    assert films.doctor(repair=True, older_than=timedelta(0)).verdict == "12 posters, all repaired"
    (source_of(films) / "tt0000004.jpg").unlink()
    assert films.doctor().verdict == "12 posters, not well"


def test_every_kind_is_known_and_documented() -> None:
    """Whatever a problem is made with is a code of KINDS, and the reference lists them all."""
    root = Path(posterity.__file__).parent / "doctor"
    made = {
        node.args[0].value
        for file in root.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem"
        if isinstance(node.args[0], ast.Constant)
    }
    chosen = {"stale_vectors", "vector_missing", "damaged_layout", "damaged_split", "damaged_model"}  # by a variable
    assert made | chosen == set(KINDS)
    reference = (Path(__file__).parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"`{kind}`" in reference, kind


def test_more_than_a_tenth_at_once_is_kept_until_the_user_says_so(films: posterity.Catalogue) -> None:
    for number in (2, 4):
        (source_of(films) / f"tt000000{number}.jpg").unlink()
    found = films.doctor(repair=True)
    assert kinds(found) == ["too_many_missing"]
    assert "2 of 12 posters (tt0000002, tt0000004)" in found.problems[0].detail
    assert "--remove-missing" in found.problems[0].remedy
    assert (found.well, len(films), found.rescued) == (False, 12, "")
    assert run(["doctor", str(films.folder), "--repair", "--remove-missing"]) == 0
    assert len(films) == 10


def test_what_was_taken_out_is_copied_and_can_be_put_back(
    films: posterity.Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    before = films.posters()
    vectors = {name: films.vectors(name) for name in films.store.encoders}
    thumbnails = films.store.thumbnails([poster.sha256 for poster in before])
    lost = source_of(films) / "tt0000004.jpg"
    content = lost.read_bytes()
    lost.unlink()
    assert run(["doctor", str(films.folder), "--repair"]) == 0
    (rescued,) = (films.folder / "rescued").iterdir()
    assert f"What was removed was copied to {rescued}" in capsys.readouterr().out
    assert films.doctor(repair=True, older_than=timedelta(0)).well
    assert films.store.orphans() == []
    assert run(["doctor", str(films.folder), "--put-back", str(rescued)]) == 0
    assert "1 poster put back" in capsys.readouterr().out
    assert films.posters() == before
    assert films.store.thumbnails([poster.sha256 for poster in before]) == thumbnails
    for name, (ids, values) in vectors.items():
        assert films.vectors(name)[0] == ids
        np.testing.assert_array_equal(films.vectors(name)[1], values)
    lost.write_bytes(content)
    assert films.doctor().problems == ()
    assert run(["doctor", str(films.folder), "--put-back", str(films.folder / "rescued")]) == 1
    assert "contains no posters.parquet" in capsys.readouterr().err


def test_posters_of_several_sources_are_copied_together(films: posterity.Catalogue, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for number in range(12):
        picture(200 + number).save(other / f"other {number}.png")
    films.build(other)
    before = films.posters()
    (source_of(films) / "tt0000004.jpg").unlink(missing_ok=True)
    for folder in {Path(poster.source) for poster in before}:
        next(folder.iterdir()).unlink(missing_ok=True)
    found = films.doctor(repair=True, remove_missing=True)
    taken = [problem.about for problem in found.problems if problem.kind == "file_missing"]
    assert len(taken) >= 2
    assert films.put_back(found.rescued) == len(taken)
    assert films.posters() == before


def test_what_cannot_be_copied_is_not_taken_out(films: posterity.Catalogue) -> None:
    (source_of(films) / "tt0000004.jpg").unlink()
    (films.folder / "rescued").write_text("in the way")
    with pytest.raises(StorageError, match="a copy cannot be written.*nothing was removed"):
        films.doctor(repair=True)
    assert len(films) == 12
    assert films.report().dropped == ()


def test_a_copy_in_the_catalogue_disturbs_nothing(films: posterity.Catalogue, tmp_path: Path) -> None:
    (source_of(films) / "tt0000004.jpg").unlink()
    films.doctor(repair=True)
    assert posterity.build(source_of(films), films.folder, tmp_path / "posters.csv").unchanged == 11
    inside = posterity.build(tmp_path, tmp_path / "films")  # the catalogue lies in the source itself
    assert inside.added == 0
    export_site(films, tmp_path / "site")
    assert not [path for path in (tmp_path / "site").rglob("*") if "rescued" in str(path)]
    assert posterity.open(films.folder).info().posters == 11


def test_rows_of_one_id_are_found_and_one_of_each_is_kept(films: posterity.Catalogue) -> None:
    """As two builds without a lock left them: 2,400 rows of 1,200 ids, that were called well."""
    before = films.posters()
    rows = films.store._table("posters").to_arrow()
    poor = rows.set_column(rows.schema.get_field_index("bytes"), "bytes", pa.array([1] * len(rows), pa.int64()))
    poor = poor.set_column(
        rows.schema.get_field_index("vector_colour"),
        "vector_colour",
        pa.nulls(len(rows), rows.schema.field("vector_colour").type),
    )
    films.store._table("posters").add(poor)
    films.store._table("findings").add(films.store._table("findings").to_arrow())
    thumbnails = films.store._table("thumbnails")
    thumbnails.add(thumbnails.to_arrow().slice(0, 5))
    found = films.doctor()
    assert {p.about for p in found.problems if p.kind == "double_rows"} == {"posters", "thumbnails"}
    assert not found.well
    films.store.put_posters(before[:3], {})
    assert films.store.count() == 24, "a merge makes no more of them"
    mended = films.doctor(repair=True)
    assert mended.well
    assert films.posters() == before
    assert {len(films.vectors(name)[0]) for name in films.store.encoders} == {12}
    assert films.doctor().problems == ()
    assert {path.name for path in Path(mended.rescued).iterdir()} == {
        "double_posters.parquet",
        "double_thumbnails.parquet",
    }
    assert len(pq.read_table(Path(mended.rescued) / "double_posters.parquet")) == 12


def test_a_wall_of_an_encoder_that_is_not_installed_is_kept(
    films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    films.wall(encoder="colour")
    (made,) = [a for a in films.store.artefacts() if a.kind == "grid"]
    films.store.put_artefact(replace(made, encoder="no_such"))
    found = films.doctor(repair=True)
    assert [(p.kind, p.about, p.repaired) for p in found.problems] == [("unknown_encoder", made.name, False)]
    assert len(films.store.grid(made.name)[0]) == 12


def test_a_table_of_the_catalogue_that_cannot_be_listed_is_refused(films: posterity.Catalogue) -> None:
    manifest = min((films.folder / "grids.lance" / "_versions").glob("*.manifest"))
    manifest.write_bytes(b"\0" * 100)
    with pytest.raises(CatalogueError):
        posterity.open(films.folder).doctor(repair=True)
    assert len(films) == 12
