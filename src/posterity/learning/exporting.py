"""Export a split in formats that other training code can read.

- *csv*: one table per part, with one column per label (multi-hot) and the path of the file.
- *folders*: ``part/label/file``, as torchvision's ImageFolder reads; for tasks with one label per poster.
- *webdataset*: shards, tar files of pictures and JSON with the same name (A. Aizman, G. Maltby, T. Breuel, *High
  Performance I/O For Large Scale Deep Learning*, 2019).
"""

from __future__ import annotations

import csv
import io
import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from posterity.catalogue import Poster, Store
from posterity.errors import ArgumentError, StorageError, UnknownNameError
from posterity.learning.splits import Split, check
from posterity.runtime.filenames import below, escape, locate, whole, writing
from posterity.runtime.progress import progress
from posterity.runtime.storage import read_bytes
from posterity.serialise import dumps

FORMATS = ("csv", "folders", "webdataset")
SHARD = 1000
"""Posters per shard: about 100 MB of posters from a media library."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: The folder written.
        format: "csv", "folders" or "webdataset".
        parts: Part -> number of posters.
        files: Number of files.
        failed: Id -> why a poster was left out.
    """

    folder: str
    format: str
    parts: dict[str, int]
    files: int
    failed: dict[str, str]


def export_split(
    store: Store,
    split: Split,
    folder: str | os.PathLike[str],
    format: str = "csv",
    *,
    show_progress: bool | None = None,
) -> Exported:
    """Write a split into a new or empty folder.

    Args:
        store: The catalogue.
        split: The split; it is checked for leaks first.
        folder: The folder to write.
        format: "csv", "folders" or "webdataset".
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        ArgumentError: The format is "folders", but posters have several labels.
        LeakError: The split leaks.
        StorageError: The folder is not empty, or cannot be written.
        UnknownNameError: There is no such format.
    """
    if format not in FORMATS:
        raise UnknownNameError("format", format, FORMATS)
    if format == "folders" and not split.targets.single:
        raise ArgumentError(
            f"the split {split.name!r} has several labels per poster, but folders hold each poster once",
            "Use --format csv or webdataset, or a split of one label: posterity split --task first_genre",
        )
    check(store, split)
    target = Path(folder)
    with writing(target):
        if target.exists() and any(target.iterdir()):
            raise StorageError(f"{escape(str(target))} is not empty", "Name a new or empty folder.")
        target.mkdir(parents=True, exist_ok=True)
    posters = store.get(identity for ids in split.parts.values() for identity in ids)
    writer = {"csv": _csv, "folders": _folders, "webdataset": _shards}[format]
    failed: dict[str, str] = {}
    n_files = 0
    with progress("Exporting", sum(map(len, split.parts.values())), show_progress) as bar:
        for part, ids in split.parts.items():
            chosen = [posters[identity] for identity in ids]
            for written in writer(split, part, chosen, target, failed):
                n_files += written
                bar.update(1)
    parts = {part: sum(identity not in failed for identity in ids) for part, ids in split.parts.items()}
    return Exported(str(target), format, parts, n_files, failed)


def neutral(cell: str | int) -> str | int:
    """Keep a spreadsheet from reading a cell as a formula, by putting an apostrophe before it.

    >>> neutral("=cmd|' /C calc'!A0"), neutral("-1"), neutral("Heat"), neutral(1995)
    ("'=cmd|' /C calc'!A0", "'-1", 'Heat', 1995)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _csv(split: Split, part: str, posters: Sequence[Poster], folder: Path, failed: dict[str, str]) -> Iterator[int]:
    names = split.targets.names
    with whole(below(folder, f"{part}.csv")) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "file", "title", "year", *names])
        for poster in posters:
            labels = split.targets.labels[poster.id]
            row = [poster.id, locate(poster.source, poster.path), poster.film.title or "", poster.film.year or ""]
            row = [neutral(cell) for cell in row]
            writer.writerow([*row, *(int(name in labels) for name in names)])
            yield 0
    yield 1


def _folders(split: Split, part: str, posters: Sequence[Poster], folder: Path, failed: dict[str, str]) -> Iterator[int]:
    for poster in posters:
        target = below(folder, part, _plain(split.targets.labels[poster.id][0]), _file_name(poster))
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        try:
            data = read_bytes(poster.source, poster.path)
        except OSError as error:
            failed[poster.id] = f"{escape(locate(poster.source, poster.path))}: {error.strerror or error}"
            yield 0
            continue
        with whole(target) as temporary:
            temporary.write_bytes(data)
        yield 1


def _shards(split: Split, part: str, posters: Sequence[Poster], folder: Path, failed: dict[str, str]) -> Iterator[int]:
    for number, start in enumerate(range(0, len(posters), SHARD)):
        with whole(below(folder, f"{part}-{number:06d}.tar")) as temporary, tarfile.open(temporary, "w") as tar:
            for poster in posters[start : start + SHARD]:
                try:
                    data = read_bytes(poster.source, poster.path)
                except OSError as error:
                    failed[poster.id] = f"{escape(locate(poster.source, poster.path))}: {error.strerror or error}"
                    yield 0
                    continue
                film, labels = poster.film, split.targets.labels[poster.id]
                about = {
                    "id": poster.id, "title": film.title, "year": film.year, "labels": labels,
                    "multi_hot": [int(name in labels) for name in split.targets.names],
                }  # fmt: skip
                key, _, ending = _file_name(poster).rpartition(".")
                key = key.replace(".", "_")  # what follows the first dot is the kind of the content
                for suffix, content in ((ending, data), ("json", dumps(about).encode())):
                    member = tarfile.TarInfo(f"{key}.{suffix}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
                yield 0
        yield 1


def _file_name(poster: Poster) -> str:
    """Name a poster's file by its unique id, with the ending of its content's format."""
    ending = {"JPEG": "jpg"}.get(poster.format, poster.format.lower())
    return f"{_plain(poster.id)}.{ending}"


def _plain(name: str) -> str:
    r"""Escape a name so that every file system accepts it and different names stay different.

    >>> _plain("tmdb:603"), _plain("Science Fiction"), _plain("../x")
    ('tmdb%3A603', 'Science Fiction', '..%2Fx')
    """
    return re.sub(r"[^\w .@-]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), name)
