"""One way to build: a source is listed once, and an unchanged folder is told without planning a build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from conftest import picture

import posterity
from posterity.api.running import run
from posterity.ingest import inspection
from posterity.ingest.planning import plan_build
from posterity.ingest.run import Ingested
from posterity.sources import folder
from posterity.sources.metadata import read_metadata

Make = Callable[..., Path]
LONG_AGO = 1_000_000_000


def age(path: Path, to: int = LONG_AGO) -> None:
    """Set a file's time back, so that it is trusted to tell whether the file changed."""
    os.utime(path, (to, to))


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that are walked from now on, wherever from."""
    real, walked = folder.walk, []

    def walk(root: str | os.PathLike[str], leave_out: tuple[str, ...] = ()) -> object:
        walked.append(os.fspath(root))
        return real(root, leave_out)

    for module in list(sys.modules.values()):
        if getattr(module, "walk", None) is real:
            monkeypatch.setattr(module, "walk", walk)
    assert folder.walk is walk
    return walked


@pytest.fixture
def posters(make_posters: Make, tmp_path: Path) -> Path:
    """Twelve posters and the table of their films, all of long ago."""
    made = make_posters()
    for file in (*made.iterdir(), tmp_path / "posters.csv"):
        age(file)
    return made


def meanwhile(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object]) -> None:
    """Do something to the source of the next build once it is listed, and before any of it is read."""

    def plan(*arguments: object, **options: object) -> object:
        monkeypatch.undo()
        deed()
        return plan_build(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("posterity.ingest.planning.plan_build", plan)


@pytest.mark.parametrize("bar", [True, False])
@pytest.mark.parametrize("way", ["function", "method", "some", "table", "table read", "removing"])
def test_a_source_is_walked_once(posters: Path, tmp_path: Path, walks: list[str], way: str, bar: bool) -> None:
    films, table = tmp_path / "films", tmp_path / "posters.csv"
    if way == "function":
        report = posterity.build(posters, films, show_progress=bar)
    elif way == "table":
        report = posterity.build(posters, films, table, show_progress=bar)
    elif way == "some":
        report = posterity.build(posters, films, terms=posterity.Terms(limit=5), show_progress=bar)
    elif way == "removing":
        report = posterity.build(posters, films, remove_missing=True, show_progress=bar)
    else:
        metadata = read_metadata(table) if way == "table read" else None
        report = posterity.create(films).build(posters, metadata, show_progress=bar)
    assert report.added == (5 if way == "some" else 12)
    assert walks == [str(posters)]


@pytest.mark.parametrize("first", ["function", "method"])
@pytest.mark.parametrize("second", ["function", "method"])
def test_both_ways_know_an_unchanged_folder_at_once(
    posters: Path, tmp_path: Path, walks: list[str], monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    def build(way: str) -> posterity.BuildReport:
        films = tmp_path / "films"
        return posterity.build(posters, films) if way == "function" else posterity.create(films).build(posters)

    assert build(first).added == 12
    monkeypatch.setattr("posterity.ingest.planning.plan_build", lambda *_: pytest.fail("planned a build"))
    assert build(second).unchanged == 12
    assert walks == [str(posters)] * 2


def test_an_unchanged_folder_is_told_without_the_store_or_decoders(posters: Path, tmp_path: Path) -> None:
    films = tmp_path / "films"
    posterity.build(posters, films)
    code = (
        "import sys\n"
        "from posterity.cli import run\n"
        "code = run(['build', *sys.argv[1:], '-q'])\n"
        "heavy = {'lancedb', 'pyarrow', 'PIL', 'scipy', 'aiohttp'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else code)"
    )
    command = [sys.executable, "-c", code, str(posters), "-c", str(films)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "12 unchanged" in done.stdout


def test_a_file_that_was_another_while_it_was_read_is_read_again(
    posters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films, file, aside = tmp_path / "films", posters / "tt0000003.jpg", tmp_path / "aside.jpg"

    def swap() -> None:
        file.rename(aside)
        picture(99).save(file)
        age(file, LONG_AGO + 5)

    meanwhile(monkeypatch, swap)
    posterity.build(posters, films)
    as_read = posterity.open(films).posters("id = 'tt0000003'")[0].sha256
    aside.replace(file)
    report = posterity.build(posters, films)
    assert (report.updated, report.unchanged) == (1, 11)
    assert posterity.open(films).posters("id = 'tt0000003'")[0].sha256 != as_read


def test_a_table_that_was_another_while_it_was_read_is_read_again(
    posters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films, table = tmp_path / "films", tmp_path / "posters.csv"
    text = table.read_text()

    def write(title: str, to: int) -> None:
        table.write_text(text.replace("Film, 3", title))
        age(table, to)

    meanwhile(monkeypatch, lambda: write("Late", LONG_AGO + 5))
    posterity.build(posters, films, table)
    write("Film, 3", LONG_AGO)
    assert posterity.build(posters, films, table).updated == 1
    assert not posterity.open(films).posters("title = 'Late'")


def test_a_file_that_came_and_went_while_it_was_looked_for_is_told_gone(
    posters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films, file, aside = tmp_path / "films", posters / "tt0000003.jpg", tmp_path / "aside.jpg"
    posterity.build(posters, films)
    file.rename(aside)
    meanwhile(monkeypatch, lambda: aside.rename(file))
    assert posterity.build(posters, films).gone == 0
    file.rename(aside)
    assert posterity.build(posters, films).gone == 1


def test_a_file_that_was_met_and_then_gone_for_a_while_is_judged_again(
    posters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its poster moves to a copy of it meanwhile; back again, it is the copy."""
    films, file, aside, copy = tmp_path / "films", posters / "tt0000003.jpg", tmp_path / "aside", posters / "z.jpg"
    posterity.build(posters, films)
    shutil.copy2(file, copy)
    real = inspection.inspect

    def inspect(source: str, path: str, *more: object) -> object:
        if path == "z.jpg":
            file.rename(aside)
        return real(source, path, *more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("posterity.ingest.inspection.inspect", inspect)
        assert posterity.build(posters, films).moved == 1
    aside.rename(file)
    report = posterity.build(posters, films)
    assert (report.unchanged, report.dropped_by) == (12, {"duplicate": 1})
    assert posterity.build(posters, films) == report


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A media library of three films."""
    top = tmp_path / "Movies"
    for n in range(3):
        film = top / f"Film {n} (199{n})"
        film.mkdir(parents=True)
        (film / f"Film {n} (199{n}).mkv").touch()
        picture(n).save(film / "poster.jpg")
    for file in top.rglob("*.*"):
        age(file)
    return top


def test_a_media_library_is_walked_again_at_the_end(
    library: Path, tmp_path: Path, walks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reader lists folders in its own way, so only a second walk tells that nothing changed meanwhile."""
    assert posterity.build(library, tmp_path / "films").added == 3
    assert walks == [str(library)] * 2
    monkeypatch.setattr("posterity.ingest.planning.plan_build", lambda *_: pytest.fail("planned a build"))
    assert posterity.build(library, tmp_path / "films").unchanged == 3


def test_a_media_library_that_is_to_be_built_as_a_folder_is_another_build(library: Path, tmp_path: Path) -> None:
    picture(9).save(library / "Film 0 (1990)" / "fanart.jpg")
    age(library / "Film 0 (1990)" / "fanart.jpg")
    assert posterity.build(library, tmp_path / "films").added == 3
    report = posterity.build(library, tmp_path / "films", terms=posterity.Terms(kind="folder"))
    assert (report.added, report.unchanged, report.dropped_by) == (1, 3, {"empty": 3})


def test_a_media_library_that_goes_away_at_the_end_was_built_all_the_same(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_then_unmount(*arguments: Any) -> Ingested:
        done = run(*arguments)
        library.rename(tmp_path / "unmounted")
        return done

    with monkeypatch.context() as patch:
        patch.setattr("posterity.api.running.run", run_then_unmount)
        assert posterity.build(library, tmp_path / "films").added == 3
    (tmp_path / "unmounted").rename(library)
    assert posterity.build(library, tmp_path / "films").unchanged == 3


def test_a_media_library_that_changed_while_it_was_built_is_not_known(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, aside = library / "Film 2 (1992)", tmp_path / "aside"
    meanwhile(monkeypatch, lambda: late.rename(aside))
    assert posterity.build(library, tmp_path / "films").added == 2
    aside.rename(late)
    assert posterity.build(library, tmp_path / "films").added == 1


def test_a_source_that_cannot_be_taken_leaves_no_catalogue_behind(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("nothing,of,use\n1,2,3\n")
    for source in (tmp_path / "nowhere", tmp_path / "films.csv"):
        with pytest.raises(posterity.PosterityError):
            posterity.build(source, tmp_path / "films")
    assert not (tmp_path / "films").exists()


def test_a_build_that_waited_for_another_takes_nothing_back(
    posters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another build stored since the source was listed stays, although this one has not met it."""
    late, aside, films = posters / "late.jpg", tmp_path / "late.jpg", posterity.create(tmp_path / "films")
    picture(50).save(aside)
    real = films.store.writing

    def after_another() -> AbstractContextManager[None]:
        monkeypatch.undo()
        aside.rename(late)
        assert posterity.build(posters, films.folder).added == 13
        return real()

    monkeypatch.setattr(films.store, "writing", after_another)
    report = films.build(posters, remove_missing=True)
    assert (report.seen, report.unchanged, report.removed) == (12, 12, 0)
    assert len(films) == 13
