"""A file of the same content under another name is the same poster: its id and all that is known of it go with it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faults.absent import picture
from faults.support import LONG_AGO, age, check_consistent, draw

import posterity
from posterity.embedding.pipeline import encode_file
from posterity.encoders import ENCODERS
from posterity.ingest import builder
from posterity.ingest.reports import BuildReport


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Nine posters whose films have no ids: 0.jpg to 8.jpg."""
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(9):
        draw(folder / f"{number}.jpg", number, (60, 90))
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    table = tmp_path / "films.csv"
    table.write_text("file,title,year\n" + "".join(f"{n}.jpg,Film {n},{1950 + n}\n" for n in range(9)))
    age(table)
    return table


def _build(source: Path, table: Path | None = None) -> BuildReport:
    report = posterity.build(source, source.with_name("films"), table, encoders=["colour"])
    _check(source)
    return report


def _check(source: Path) -> None:
    """Each file that is a poster's holds its content, and its vector is that of the content."""
    store = check_consistent(source.with_name("films"))
    ids, vectors = store.vectors("colour")
    posters = {poster.id: poster for poster in store.posters()}
    assert ids == sorted(posters)
    assert len({(poster.source, poster.path) for poster in posters.values()}) == len(posters)
    for identity, vector in zip(ids, vectors, strict=True):
        data = Path(posters[identity].source, posters[identity].path).read_bytes()
        assert np.array_equal(vector, encode_file(ENCODERS.get("colour"), data))


def _paths(source: Path) -> dict[str, str]:
    return {poster.id: poster.path for poster in posterity.open(source.with_name("films")).posters()}


def _rename(source: Path, names: dict[str, str]) -> None:
    """Rename files all at once, so that they may change places."""
    for old in names:
        (source / old).rename(source / f"{old}.aside")
    for old, new in names.items():
        (source / new).parent.mkdir(exist_ok=True)
        (source / f"{old}.aside").rename(source / new)


def test_renamed_files_keep_ids_films_vectors_and_places_on_walls(source: Path, table: Path) -> None:
    _build(source, table)
    films = posterity.open(source.with_name("films"))
    films.wall(encoder="colour")
    walls = picture(films.folder)["walls"]
    assert len(walls) == 1
    before = films.posters()
    _rename(source, {f"{n}.jpg": f"{'deeper/' if n % 2 else ''}renamed {8 - n}.jpg" for n in range(9)})
    report = _build(source, table)
    assert (report.seen, report.added, report.updated, report.moved, report.gone) == (9, 0, 9, 9, 0)
    after = films.posters()
    assert [(p.id, p.film, p.sha256, p.flags) for p in after] == [(p.id, p.film, p.sha256, p.flags) for p in before]
    assert _paths(source) == {f"file:{n}.jpg": f"{'deeper/' if n % 2 else ''}renamed {8 - n}.jpg" for n in range(9)}
    assert picture(films.folder)["walls"] == walls
    assert not films.doctor().problems
    for again in (table, None, table):
        report = _build(source, again)
        assert (report.unchanged, report.moved, report.gone) == (9, 0, 0)
    assert [p.film for p in films.posters()] == [p.film for p in before]


@pytest.mark.parametrize(
    "names",
    [
        {"1.jpg": "7.jpg", "7.jpg": "1.jpg"},
        {"7.jpg": "0.jpg", "0.jpg": "3.jpg", "3.jpg": "7.jpg"},
        {f"{n}.jpg": f"{n + 1}.jpg" for n in range(9)},
        {f"{n}.jpg": f"{n - 1}.jpg" if n else "00.jpg" for n in range(9)},
    ],
    ids=["swap", "circle", "one up", "one down"],
)
@pytest.mark.parametrize("batch", [1, 512])
def test_files_that_change_places(
    source: Path, names: dict[str, str], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "BATCH", batch)
    _build(source)
    _rename(source, names)
    report = _build(source)
    assert (report.added, report.moved, report.removed, report.dropped) == (0, len(names), 0, 0)
    assert _paths(source) == {f"file:{n}.jpg": names.get(f"{n}.jpg", f"{n}.jpg") for n in range(9)}
    assert _build(source).unchanged == 9


@pytest.mark.parametrize("at", range(1, 9))
def test_build_stopped_while_files_change_places_is_gone_on_with(
    source: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _build(source)
    names = {f"{n}.jpg": f"{n + 1}.jpg" for n in range(8)} | {"8.jpg": "0.jpg"}
    _rename(source, names)
    real, commits = builder.Builder._commit, []

    def commit(self: builder.Builder) -> None:
        commits.append(self)
        if len(commits) > at:
            raise KeyboardInterrupt
        real(self)

    with monkeypatch.context() as patch:
        patch.setattr(builder, "BATCH", 1)
        patch.setattr(builder.Builder, "_commit", commit)
        with pytest.raises(KeyboardInterrupt):
            posterity.build(source, source.with_name("films"), encoders=["colour"])
    _build(source)
    assert _paths(source) == {f"file:{old}": new for old, new in names.items()}


def test_metadata_goes_by_the_new_name_and_the_id_stays(source: Path, table: Path) -> None:
    _build(source, table)
    _rename(source, {"1.jpg": "7.jpg", "7.jpg": "1.jpg", "3.jpg": "new.jpg"})
    table.write_text(table.read_text() + "new.jpg,New title,\n")
    _build(source, table)
    films = {p.id: (p.path, p.film.title, p.film.year) for p in posterity.open(source.with_name("films")).posters()}
    assert films["file:1.jpg"] == ("7.jpg", "Film 7", 1957)
    assert films["file:7.jpg"] == ("1.jpg", "Film 1", 1951)
    assert films["file:3.jpg"][:2] == ("new.jpg", "New title")


def test_an_id_learnt_with_the_new_name_replaces_that_of_the_old(source: Path, table: Path) -> None:
    _build(source, table)
    _rename(source, {"1.jpg": "tt0000001.jpg", "2.jpg": "by row.jpg"})
    table.write_text("file,imdbId,title\nby row.jpg,2,Second\n")
    report = _build(source, table)
    assert (report.added, report.moved, report.gone) == (0, 2, 0)
    films = {p.id: p.film.title for p in posterity.open(source.with_name("films")).posters()}
    assert films.keys() == {f"file:{n}.jpg" for n in (0, 3, 4, 5, 6, 7, 8)} | {"tt0000001", "tt0000002"}
    assert films["tt0000001"] == "Film 1"
    assert films["tt0000002"] == "Second"


def test_an_id_that_the_old_name_told_stays(source: Path) -> None:
    draw(source / "tt0000009.jpg", 99, (60, 90))
    _build(source)
    _rename(source, {"tt0000009.jpg": "nine.jpg"})
    assert _build(source).moved == 1
    draw(source / "nine.jpg", 100, (60, 90))  # another picture, later
    age(source / "nine.jpg", LONG_AGO + 60)
    assert _build(source).updated == 1
    (poster,) = posterity.open(source.with_name("films")).posters("path = 'nine.jpg'")
    assert (poster.id, poster.film.imdb_id) == ("tt0000009", "tt0000009")


@pytest.mark.parametrize("name", ["00.jpg", "four.jpg"], ids=["met before", "met after"])
def test_another_file_may_take_a_name_that_became_free(source: Path, name: str) -> None:
    """Whether the old picture is met before the new one decides which of the two keeps the id; both are there."""
    _build(source)
    _rename(source, {"4.jpg": name})
    draw(source / "4.jpg", 400, (60, 90))
    age(source / "4.jpg", LONG_AGO + 60)
    report = _build(source)
    assert (report.moved, report.added, report.updated) == ((1, 1, 1) if name == "00.jpg" else (0, 1, 1))
    paths = _paths(source)
    assert set(paths.values()) == {f"{n}.jpg" for n in range(9)} | {name}
    assert paths["file:4.jpg"] == (name if name == "00.jpg" else "4.jpg")
    assert not posterity.open(source.with_name("films")).report().flagged
    assert _build(source).unchanged == 10
    assert _paths(source) == paths


def _copy(source: Path) -> None:
    shutil.copy2(source / "5.jpg", source / "copy.jpg")


def _overwrite(source: Path) -> None:
    shutil.copy2(source / "5.jpg", source / "6.jpg")


@pytest.mark.parametrize("make", [_copy, _overwrite], ids=["a copy that was dropped", "two posters alike"])
def test_equal_files_that_are_renamed(source: Path, make: Callable[[Path], None]) -> None:
    """A file dropped as a copy may become the poster's; two posters of the same content stay two."""
    if make is _copy:
        make(source)
    _build(source)
    if make is _overwrite:
        make(source)
        age(source / "6.jpg", LONG_AGO + 60)
        _build(source)
    ids = _paths(source).keys()
    assert len(ids) == 9
    other = "copy.jpg" if make is _copy else "6.jpg"
    _rename(source, {"5.jpg": "x.jpg", other: "y.jpg"})
    for _ in range(2):
        report = _build(source)
        assert (report.added, report.gone) == (0, 0)
        assert _paths(source).keys() == ids
    assert report.dropped_by == ({"duplicate": 1} if make is _copy else {})


def test_file_moved_to_another_source_and_back(source: Path, tmp_path: Path) -> None:
    _build(source)
    before = posterity.open(tmp_path / "films").posters()
    other = tmp_path / "other"
    other.mkdir()
    (source / "2.jpg").rename(other / "two.jpg")
    assert posterity.build(other, tmp_path / "films", encoders=["colour"]).moved == 1
    assert _build(source).gone == 0
    (poster,) = posterity.open(tmp_path / "films").posters("id = 'file:2.jpg'")
    assert (poster.source, poster.path) == (str(other), "two.jpg")
    (other / "two.jpg").rename(source / "2.jpg")
    assert _build(source).moved == 1
    assert posterity.open(tmp_path / "films").posters() == before


def test_names_with_an_at_sign_are_films_of_their_own(source: Path, tmp_path: Path) -> None:
    _rename(source, {"1.jpg": "me@home.jpg", "2.jpg": "me@work.jpg"})
    table = tmp_path / "films.csv"
    table.write_text("file,title\nme@home.jpg,Home\nme@work.jpg,Work\n")
    _build(source, table)
    titles = {p.id: p.film.title for p in posterity.open(tmp_path / "films").posters("path LIKE 'me%'")}
    assert titles == {"file:me@home.jpg": "Home", "file:me@work.jpg": "Work"}
