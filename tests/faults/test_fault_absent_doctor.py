"""Doctor beside posters, or a store, that are away: it says so, and changes nothing that could not be restored."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from object_store import BUCKET, Front, moto

import posterity
from faults.absent import ENCODER, WAYS, Collection, N, away, files, make, picture
from faults.support import ENVIRONMENT, age
from faults.test_fault_read_only import WITHOUT_PRIVILEGES, tied_hands
from posterity.catalogue.rescue import FOLDER
from posterity.errors import CatalogueError, PosterityError, StorageError
from posterity.runtime.presence import Presence, Sighting

__all__ = ["tied_hands"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return make(tmp_path_factory.mktemp("absent"))


@pytest.fixture
def collection(made: Collection, tmp_path: Path) -> Collection:
    for file in files(made):  # some of the ways touch them
        age(file)
    return made.copy(tmp_path / "films")


def kinds(diagnosis: posterity.Diagnosis) -> set[str]:
    return {problem.kind for problem in diagnosis.problems}


AT_ONCE = [way for way in WAYS if not way.startswith("share lost")]
"""The ways in which files are away from the start; a share that doctor loses, which reads no file, is lost below."""

AWAY = {"source_missing", "file_in_doubt", "file_unreachable", "too_many_missing"}


# --- posters' files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("repair", [False, True], ids=["doctor", "doctor --repair"])
@pytest.mark.parametrize("way", AT_ONCE)
def test_posters_that_are_away_are_kept(collection: Collection, way: str, repair: bool) -> None:
    before = picture(collection.catalogue)
    with away(way, collection):
        found = posterity.open(collection.catalogue).doctor(repair=repair)
    assert picture(collection.catalogue) == before
    assert not (collection.catalogue / FOLDER).exists()
    if way == "unreadable files":  # they can be looked at, and were not to be read
        assert kinds(found) == {"file_changed"}
    else:
        assert kinds(found) & AWAY, found.problems
        assert "file_missing" not in kinds(found)
    assert not found.well
    assert "mended" not in found.verdict


@contextmanager
def _lost_after(made: Collection, looks: int, code: int) -> Iterator[None]:
    """Once so many files have been looked at, whatever is asked of the share fails with ``code``."""
    left = [looks]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("stat", "lstat", "scandir"):
            real = getattr(os, name)

            def call(path: Any, *arguments: Any, real: Callable[..., Any] = real, **options: Any) -> Any:
                if isinstance(path, str | Path) and str(path).startswith((str(made.source), str(made.drive))):
                    left[0] -= 1
                    if left[0] < 0:
                        raise OSError(code, os.strerror(code), str(path))
                return real(path, *arguments, **options)

            patch.setattr(os, name, call)
        yield


@pytest.mark.parametrize("looks", [0, 4, N])
@pytest.mark.parametrize("code", [errno.ENOENT, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EACCES])
def test_a_share_that_is_lost_in_mid_run_loses_no_posters(collection: Collection, code: int, looks: int) -> None:
    before = picture(collection.catalogue)
    with _lost_after(collection, looks, code):
        found = posterity.open(collection.catalogue).doctor(repair=True)
    assert kinds(found) & AWAY, found.problems
    assert kinds(found) <= AWAY
    assert picture(collection.catalogue) == before


def test_a_share_that_comes_back_while_doctor_looks_loses_no_posters(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away when the file was asked for, and there when its neighbours were: that looks like one that was deleted."""
    import posterity.doctor.files as doctors

    before = picture(collection.catalogue)
    real, first = doctors.look_for, []

    def look(source: str, path: str) -> Sighting:
        if first:
            return real(source, path)
        first.append(path)
        return Sighting(Presence.GONE, "not there any more")

    away = sorted(files(collection))[0]
    monkeypatch.setattr(doctors, "look_for", look)
    monkeypatch.setattr(doctors, "status_of", _once_absent(doctors.status_of, away.name))
    found = posterity.open(collection.catalogue).doctor(repair=True)
    assert kinds(found) == {"file_unreachable"}
    assert picture(collection.catalogue) == before


def _once_absent(real: Callable[..., Any], name: str) -> Callable[..., Any]:
    def status(source: str, path: str) -> Any:
        if path.endswith(name):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return real(source, path)

    return status


def test_what_cannot_be_looked_at_is_never_taken_out(collection: Collection) -> None:
    before = picture(collection.catalogue)
    with away("unreadable folders", collection):
        found = posterity.open(collection.catalogue).doctor(repair=True, remove_missing=True)
    assert kinds(found) == {"file_unreachable"}
    assert picture(collection.catalogue) == before


def test_absent_posters_go_when_the_user_says_so_and_can_be_put_back(collection: Collection) -> None:
    films = posterity.open(collection.catalogue)
    before = picture(collection.catalogue)
    with away("unmounted", collection):
        found = films.doctor(repair=True, remove_missing=True)
        assert len(films) == 0
        assert len(films.report().dropped) == len(before["ids"])
    assert found.well
    assert films.put_back(found.rescued) == len(before["ids"])
    after = picture(collection.catalogue)
    assert after == before
    assert films.report().dropped == ()
    assert films.put_back(found.rescued) == 0
    assert films.doctor().problems == ()


def test_stale_vectors_are_kept_where_they_could_not_be_made_anew(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from posterity.encoders import ENCODERS

    before = picture(collection.catalogue)
    colour = ENCODERS.get(ENCODER)
    monkeypatch.setattr(colour, "spec", replace(colour.spec, version=colour.spec.version + 1), raising=False)
    with away("dangling links", collection):
        found = posterity.open(collection.catalogue).doctor(repair=True)
    assert {problem.kind: problem.repaired for problem in found.problems}["stale_vectors"] is False
    assert picture(collection.catalogue)["vectors"] == before["vectors"]


# --- the store -------------------------------------------------------------------------------------------------------

COMMANDS = """
import contextlib, io, json, sys
from posterity.cli import run
catalogue, source, table, place, wanted = sys.argv[1:]
told = {}
for command in (["doctor", catalogue], ["doctor", catalogue, "--repair"],
                ["doctor", catalogue, "--repair", "--remove-missing"],
                ["enrich", table, "-c", catalogue, "-q"], ["export", catalogue, "--out", place, "-q"],
                ["serve", catalogue, "--port", "0"], ["build", source, "-c", catalogue, "-q"]):
    if wanted not in " ".join(command):
        continue
    err, out = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
        status = run(command)
    told[" ".join(word for word in command if not word.startswith("/"))] = (status, out.getvalue(), err.getvalue())
print(json.dumps(told))
"""
"""Runs every command that a store that is away must stop, in one process; serve would stay, had it begun."""


def _every_command(collection: Collection, place: Path, command: list[str], wanted: str = "") -> dict[str, Any]:
    given = [str(each) for each in (collection.catalogue, collection.source, collection.table, place, wanted)]
    done = subprocess.run(
        [*command, "-c", COMMANDS, *given], capture_output=True, env=ENVIRONMENT, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    assert len(found) == (1 if wanted else 7)
    return found


def _refused(told: dict[str, Any], *words: str) -> None:
    for command, (status, out, err) in told.items():
        assert status == 1, (command, out, err)
        if "unreadable_table" in out:  # doctor, that got as far as looking
            said = out
            assert "nothing was changed" in out
        else:
            said = err
            assert err.startswith("posterity: "), (command, err)
            assert err.count("\n") == 1, (command, err)
        assert any(word in said for word in words), (command, said)


@contextmanager
def _shut(*paths: Path) -> Iterator[None]:
    for path in paths:
        path.chmod(0)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(0o755)


@pytest.mark.usefixtures("tied_hands")
@pytest.mark.parametrize(
    ("what", "wanted"),
    [
        (lambda folder: list((folder / "posters.lance" / "data").iterdir()), ""),
        # The store tries for two seconds to open a table, so one command stands for all.
        (lambda folder: [folder / "posters.lance", folder / "thumbnails.lance"], "--remove-missing"),
        (lambda folder: [folder], ""),
    ],
    ids=["files of rows", "tables", "catalogue"],
)
def test_a_store_that_may_not_be_read_is_left_as_it_is(
    collection: Collection, tmp_path: Path, what: Callable[[Path], list[Path]], wanted: str
) -> None:
    before = picture(collection.catalogue)
    with _shut(*what(collection.catalogue)):
        told = _every_command(collection, tmp_path / "site", WITHOUT_PRIVILEGES, wanted)
    _refused(told, "no permission", "ermission denied")
    assert picture(collection.catalogue) == before
    assert posterity.open(collection.catalogue).doctor().problems == ()


@pytest.mark.parametrize("error", ["Input/output error (os error 5)", "Stale file handle (os error 116)"])
def test_a_disk_that_fails_is_no_damage(collection: Collection, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lancedb.query import LanceEmptyQueryBuilder

    before = picture(collection.catalogue)

    def fail(*arguments: object, **options: object) -> object:
        raise RuntimeError(f"lance error: LanceError(IO): {error}, lance-io/src/local.rs:274:24")

    films = posterity.open(collection.catalogue)
    with monkeypatch.context() as patch:
        patch.setattr(LanceEmptyQueryBuilder, "to_batches", fail)
        found = films.doctor(repair=True, remove_missing=True)
        assert kinds(found) == {"unreadable_table"}
        assert found.posters == len(before["ids"])
        assert error.split(" (")[0].lower() in found.problems[0].detail
        for deed in (lambda: films.build(collection.source), lambda: films.enrich(collection.table)):
            with pytest.raises(StorageError):
                deed()
    assert picture(collection.catalogue) == before


def test_a_store_whose_files_the_system_does_not_give_is_no_damage(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the store says is what it says of damage; the files, read once more, say otherwise."""
    data = (collection.catalogue / "posters.lance" / "data").iterdir()
    film = max(data, key=lambda file: file.stat().st_mtime_ns)
    whole = film.read_bytes()
    film.write_bytes(b"\0" * len(whole))
    real = Path.open

    def refuse(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.name == film.name:
            raise OSError(5, os.strerror(5), str(self))
        return real(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        found = posterity.open(collection.catalogue).doctor(repair=True)
    assert [(p.kind, p.about) for p in found.problems] == [("unreadable_table", "posters")]
    film.write_bytes(whole)
    assert posterity.open(collection.catalogue).doctor().problems == ()


def test_a_store_that_is_away_is_left_as_it_is(collection: Collection, tmp_path: Path) -> None:
    before = picture(collection.catalogue)
    aside = tmp_path / "aside"
    collection.catalogue.rename(aside)
    told = _every_command(collection, tmp_path / "site", [sys.executable])
    build = "build -c -q"
    assert told[build][0] == 0, "a build makes a catalogue where there is none; it takes nothing from the one away"
    for command in list(told)[:-1]:
        assert told[command][0] == 1
        assert "does not exist" in told[command][2]
    shutil.rmtree(collection.catalogue)
    aside.rename(collection.catalogue)
    assert picture(collection.catalogue) == before


@pytest.mark.parametrize("table", ["posters", "thumbnails", "artefacts"])
def test_a_table_that_is_away_is_not_made_anew(collection: Collection, tmp_path: Path, table: str) -> None:
    before = picture(collection.catalogue)
    place = collection.catalogue / f"{table}.lance"
    place.rename(tmp_path / "aside")
    for deed in (posterity.open, lambda folder: posterity.build(collection.source, folder)):
        with pytest.raises(CatalogueError, match=f"lacks its table {table}"):
            deed(collection.catalogue)
    assert not place.exists()
    (tmp_path / "aside").rename(place)
    assert picture(collection.catalogue) == before


def test_an_object_store_that_is_away(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    from object_store import upload

    from posterity.runtime import storage as places

    with moto() as server:
        upload(collection.other, f"s3://{BUCKET}/posters")
        address = f"s3://{BUCKET}/films"
        posterity.build(f"s3://{BUCKET}/posters", address, encoders=[ENCODER])
        posterity.build(f"s3://{BUCKET}/posters", collection.catalogue, encoders=[ENCODER])
        films, local = posterity.open(address), posterity.open(collection.catalogue)
        films.wall(encoder=ENCODER)
        before, here = picture(address), picture(collection.catalogue)  # type: ignore[arg-type]
        _mended_in_the_store(films, before)
        front = Front(server)
        for name, value in front.variables.items():
            monkeypatch.setenv(name, value)
        front.kill()
        monkeypatch.setattr(places, "RETRY_SECONDS", 1)
        places._bucket.cache_clear()
        away = local.doctor(repair=True, remove_missing=True)
        assert "file_unreachable" in kinds(away)
        assert picture(collection.catalogue) == here
        deeds: list[Callable[[], object]] = [
            lambda: posterity.open(address).doctor(repair=True),
            lambda: posterity.build(collection.source, address),
            lambda: posterity.open(address).enrich(collection.table),
        ]
        for deed in deeds:
            with pytest.raises(PosterityError):
                deed()
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        places._bucket.cache_clear()
        assert picture(address) == before  # type: ignore[arg-type]


def _mended_in_the_store(films: posterity.Catalogue, before: dict[str, Any]) -> None:
    """A poster that is gone is taken out and put back, and a damaged table taken back, in an object store too."""
    import obstore

    from posterity.runtime.storage import listed, remote

    poster = films.posters()[0]
    place = remote(f"{poster.source}/{poster.path}")
    content = bytes(obstore.get(place.objects, place.key).bytes())
    obstore.delete(place.objects, place.key)
    found = films.doctor(repair=True)
    assert [(p.about, p.repaired) for p in found.problems if p.kind == "file_missing"] == [(poster.id, True)]
    assert films.put_back(found.rescued) == 1
    obstore.put(place.objects, place.key, content)
    assert picture(films.folder) == before  # type: ignore[arg-type]
    table = remote(f"{films.folder}/runs.lance/data")
    key = [name for name, _ in listed(table)][-1]
    obstore.put(table.objects, (table / key).key, b"\0" * 100)
    found = posterity.open(films.folder).doctor(repair=True)
    assert [(p.kind, p.about, p.repaired) for p in found.problems] == [("damaged_table", "runs", True)]
    copied = [name for name, _ in listed(remote(found.rescued))]
    assert f"runs.lance/data/{key}" in copied
