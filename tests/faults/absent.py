"""Ways in which posters' files are away for a while, each a context manager, and all that must outlive them.

The collection lies in three places, so that each way meets each kind of path: files in a folder of the source, links to
files on a drive, and a link to a folder of that drive. Files are made unreadable for real; root, whom permissions do
not stop, gives up its right to pass over them for as long (:func:`obeying`).
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import posterity
from faults.support import LONG_AGO, age, draw
from posterity.errors import PosterityError

N = 18
"""Posters of the collection: a third in each of its three places."""

ENCODER = "colour"


@dataclass(frozen=True)
class Collection:
    """Posters, and a catalogue of them with vectors, a table's metadata, and a wall.

    Attributes:
        source: The folder that the catalogue was built of.
        drive: What lies behind its links.
        other: Another folder, with other pictures of the same films.
        table: What a table tells of the films.
        catalogue: The catalogue's folder.
    """

    source: Path
    drive: Path
    other: Path
    table: Path
    catalogue: Path

    def copy(self, folder: Path) -> Collection:
        """Give the same collection with a catalogue of its own."""
        shutil.copytree(self.catalogue, folder)
        return Collection(self.source, self.drive, self.other, self.table, folder)


def make(place: Path) -> Collection:
    """Draw a collection and build its catalogue. Half of the films are known by id, the others by file name alone."""
    made = Collection(*(place / name for name in ("source", "drive", "other", "films.csv", "films")))
    shelf = made.source / "shelf"
    folders = [shelf, made.drive / "single", made.drive / "whole"]
    for folder in (*folders, made.other):
        folder.mkdir(parents=True)
    rows = []
    for number in range(N):
        name = f"tt{number + 1:07d}.jpg" if number % 2 else f"film {number}.jpg"
        draw(folders[number % 3] / name, 300 + number, (60, 90))
        draw(made.other / name, 600 + number, (60, 90))
        rows.append(f"{name},{f'tt{number + 1:07d}' if number % 2 else ''},Film {number},{1950 + number}")
    for file in (made.drive / "single").iterdir():
        (made.source / file.name).symlink_to(file)
    (made.source / "whole").symlink_to(made.drive / "whole")
    made.table.write_text("\n".join(["file,imdb_id,title,year", *rows]) + "\n")
    age(made.table)
    report = posterity.build(made.source, made.catalogue, made.table, encoders=[ENCODER])
    assert report.added == N
    posterity.open(made.catalogue).wall(encoder=ENCODER)
    return made


def picture(folder: Path) -> dict[str, Any]:
    """All that may not be lost of a catalogue, fit to be compared by ``==``.

    Sizes and times of change are left out: they may follow the files.
    """
    store = posterity.open(folder).store
    ids, vectors = store.vectors(ENCODER)
    walls = [artefact.name for artefact in store.artefacts() if artefact.kind == "grid"]
    grids = {name: store.grid(name) for name in walls}
    posters = store.posters()
    return {
        "ids": [poster.id for poster in posters],
        "posters": {p.id: (p.source, p.path, p.film, p.sha256, p.flags) for p in posters},
        "vectors": {identity: row.tobytes() for identity, row in zip(ids, vectors, strict=True)},
        "walls": {name: dict(zip(ids, cells.tolist(), strict=True)) for name, (ids, cells) in grids.items()},
        "thumbnails": set(store.thumbnails({poster.sha256 for poster in posters})),
    }


def files(made: Collection) -> list[Path]:
    """The posters' own files, behind any link."""
    return sorted([*(made.source / "shelf").iterdir(), *(made.drive / "single").iterdir(), *made.drive.glob("whole/*")])


def touch(made: Collection) -> None:
    """Give all files another time of change, so that a build reads them again."""
    for file in files(made):
        age(file, LONG_AGO + 60)


# --- the ways of being away ----------------------------------------------------------------------------------------


@contextmanager
def unmounted(made: Collection) -> Iterator[None]:
    """The source's drive is not mounted: its mount point is there and empty."""
    with missing_source(made):
        made.source.mkdir()
        yield
        made.source.rmdir()


@contextmanager
def missing_source(made: Collection) -> Iterator[None]:
    """The source's folder is not there at all."""
    away = made.source.with_name("away")
    made.source.rename(away)
    try:
        yield
    finally:
        away.rename(made.source)


@contextmanager
def dangling_links(made: Collection) -> Iterator[None]:
    """The drive that links lead to is not there."""
    away = made.drive.with_name("drive away")
    made.drive.rename(away)
    try:
        yield
    finally:
        away.rename(made.drive)


@contextmanager
def emptied_drive(made: Collection) -> Iterator[None]:
    """The drive that links lead to is not mounted: its mount point is there and empty."""
    with dangling_links(made):
        made.drive.mkdir()
        yield
        made.drive.rmdir()


@contextmanager
def unreadable_folders(made: Collection) -> Iterator[None]:
    """The folders that the posters lie in may not be listed."""
    with _modes([made.source / "shelf", *made.drive.iterdir()], 0):
        yield


@contextmanager
def unsearchable_folders(made: Collection) -> Iterator[None]:
    """The folders that the posters lie in may be listed, but nothing in them may be looked at."""
    with _modes([made.source / "shelf", *made.drive.iterdir()], 0o444):
        yield


@contextmanager
def unreadable_files(made: Collection) -> Iterator[None]:
    """The files were touched, so that they must be read again, and may not be."""
    touch(made)
    with _modes(files(made), 0):
        yield


@contextmanager
def share_lost(made: Collection, code: int) -> Iterator[None]:
    """The files were touched; once a few have been read, whatever is asked of the share fails with ``code``."""
    touch(made)
    left = [3]
    with pytest.MonkeyPatch.context() as patch:
        real = {name: getattr(os, name) for name in ("open", "stat", "lstat", "scandir", "listdir")}

        def lost(name: str) -> Callable[..., Any]:
            def call(path: Any, *arguments: Any, **options: Any) -> Any:
                there = isinstance(path, str | Path) and str(path).startswith((str(made.source), str(made.drive)))
                if there and name == "open":
                    left[0] -= 1
                if there and left[0] < 0:
                    raise OSError(code, os.strerror(code), str(path))
                return real[name](path, *arguments, **options)

            return call

        for name in real:
            patch.setattr(os, name, lost(name))
        yield


Way = Callable[[Collection], AbstractContextManager[None]]


def _lost(code: int) -> Way:
    return lambda made: share_lost(made, code)


WAYS: dict[str, Way] = {
    "unmounted": unmounted,
    "source missing": missing_source,
    "dangling links": dangling_links,
    "emptied drive": emptied_drive,
    "unreadable folders": unreadable_folders,
    "unsearchable folders": unsearchable_folders,
    "unreadable files": unreadable_files,
    "share lost, ENOENT": _lost(errno.ENOENT),
    "share lost, EIO": _lost(errno.EIO),
    "share lost, ESTALE": _lost(errno.ESTALE),
    "share lost, ENOTCONN": _lost(errno.ENOTCONN),
}
"""What the ways are called -> the ways."""


def away(name: str, made: Collection) -> AbstractContextManager[None]:
    """Take a collection's files away, in the way of that name, for a while."""
    return WAYS[name](made)


def tried(deed: Callable[[], object]) -> object:
    """Do something that may be refused, but only in a message for people."""
    try:
        return deed()
    except PosterityError as error:
        return error


# --- permissions ---------------------------------------------------------------------------------------------------


@contextmanager
def _modes(paths: list[Path], mode: int) -> Iterator[None]:
    before = {path: path.stat().st_mode & 0o777 for path in paths}
    for path in paths:
        path.chmod(mode)
    try:
        with obeying():
            yield
    finally:
        for path, old in before.items():
            path.chmod(old)


_MAY_PASS = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root read what it may not (capabilities(7))."""


@contextmanager
def obeying() -> Iterator[None]:
    """Make root, in this thread and those that it starts meanwhile, subject to files' permissions like anybody else."""
    if os.geteuid():
        yield
        return
    if sys.platform != "linux":
        pytest.skip("root obeys no permissions here")
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, data) == 0
    kept = data[0]
    data[0] = kept & ~_MAY_PASS
    assert libc.capset(header, data) == 0
    try:
        yield
    finally:
        data[0] = kept
        assert libc.capset(header, data) == 0
