"""``posterity.build``: where nothing at all has changed since the last build, it says so at once.

Opening the store alone takes longer than listing thousands of files (importing LanceDB: 1.3 s here). So a build that
ends with nothing left to do writes down, in the catalogue's folder, a digest of all that decided its outcome: the
listing with sizes and times of change, the table of films, the settings, the rules, the encoders, and the versions
that the catalogue's tables were left at. If the next build's digest is the same, so is its outcome. The note is never
more than a shortcut: it can be deleted, and anything odd about it means a full build.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from posterity.encoders import ENCODERS
from posterity.errors import StorageError
from posterity.ingest.reports import BuildReport
from posterity.runtime.filenames import write_whole
from posterity.runtime.storage import is_remote
from posterity.serialise import dumps
from posterity.settings import names_in, setting
from posterity.sources.folder import File, walk
from posterity.sources.terms import Terms

if TYPE_CHECKING:
    from posterity.encoders import Encoder
    from posterity.runtime.engines import Engine
    from posterity.sources.rules import Rules

PathLike = str | os.PathLike[str]

NOTES = "notes.unchanged"
"""The folder in a catalogue where the notes lie, one a source."""

_FRESH_NS = 2_000_000_000
_DECISIVE = ("posters", "findings", "claims", "meta")
_SETTINGS = ("max_pixels", "min_side", "max_bytes", "near_duplicate_bits", "precedence")
"""All that taking in reads (:meth:`posterity.Catalogue.build`); encoders stand beside them."""


def build(
    source: PathLike,
    folder: PathLike,
    metadata: PathLike | None = None,
    *,
    terms: Terms = Terms(),
    rules: Rules | None = None,
    encoders: Sequence[str | Encoder] | None = None,
    engine: str | Engine | None = None,
    remove_missing: bool = False,
    show_progress: bool | None = False,
) -> BuildReport:
    """Bring posters into the catalogue in ``folder``, made where there is none, and encode them.

    What is new is added, what changed is updated, the rest is left alone. A run that was killed is gone on with.
    A file that was moved or renamed keeps its poster's id and all that is known of it. No poster is removed because its
    file cannot be read or found, unless ``remove_missing`` is given.
    Pictures that are not here are downloaded into the catalogue, politely.

    Args:
        source: A folder of posters, a media library, a table of films (TMDb's, IMDb's, your own), ``tmdb:QUERY`` or
            ``impawards:YEARS``.
        folder: The catalogue's folder.
        metadata: For a folder, a CSV, TSV or Parquet table of the films.
        terms: The source's kind, where its pictures are, and how they are requested.
        rules: Which films to drop, and how to choose by genre; None takes the default ones.
        encoders: Names or instances; None takes the setting ``encoders``.
        engine: What reads and encodes: "local", "ray", or an engine; None takes the setting ``engine``.
        remove_missing: Remove the posters of this source whose file is not there any more, also where that is more than
            a tenth of them, or its drive seems not to be mounted.
        show_progress: True and False force the bars; None shows them on a terminal.

    Raises:
        SourceError: The source or the table cannot be read.
        StorageError: The catalogue cannot be written; what was committed before is kept.
        UnknownNameError: There is no encoder of a name.
    """
    names = names_in(setting("encoders"), "encoders") if encoders is None else encoders
    wanted = [ENCODERS.get(name) for name in names]
    note = _note(source, folder, metadata)
    # Listing an object store costs as much as opening the catalogue does.
    recalls = (
        not remove_missing
        and not is_remote(folder)
        and terms in (Terms(), Terms(kind="folder"))
        and os.path.isdir(source)  # noqa: PTH112
    )
    listing = _listing(source, folder, metadata) if recalls and os.path.isfile(note) else None  # noqa: PTH113
    if listing and (report := _recall(note, _digest(listing, folder, wanted, rules))):
        return report

    from posterity.api.catalogue import build_catalogue

    listing = listing or (_listing(source, folder, metadata) if recalls else None)
    report = build_catalogue(
        source, folder, metadata, terms=terms, rules=rules, encoders=wanted, engine=engine,
        remove_missing=remove_missing, show_progress=show_progress,
    )  # fmt: skip
    if (
        report.repeatable and not report.not_encoded and listing and listing == _listing(source, folder, metadata)
    ):  # nothing changed while it ran
        _remember(note, _digest(listing, folder, wanted, rules), report)
    return report


def _note(source: PathLike, folder: PathLike, metadata: PathLike | None) -> Path:
    """Give the place of the note of a source and its table."""
    key = [os.path.realpath(path) if path is not None else None for path in (source, metadata)]
    return Path(folder, NOTES, hashlib.sha256(repr(key).encode("utf-8", "surrogateescape")).hexdigest()[:16])


def _digest(listing: str, folder: PathLike, encoders: Sequence[Encoder], rules: Rules | None) -> str:
    """Digest all that decides a build's outcome."""
    decisive = [
        version("posterity"),
        listing,
        [setting(name) for name in _SETTINGS],
        [encoder.spec.fingerprint for encoder in encoders],
        rules,
        [_versions(folder, table) for table in _DECISIVE],
    ]
    return hashlib.sha256(repr(decisive).encode()).hexdigest()


def _listing(source: PathLike, folder: PathLike, metadata: PathLike | None) -> str | None:
    """Digest a source's files and table; None where one is so fresh that its next change might not show."""
    digest, newest = hashlib.sha256(), 0
    if metadata is not None and os.path.exists(metadata):  # noqa: PTH110
        status = os.stat(metadata)  # noqa: PTH116
        digest.update(repr([status.st_size, status.st_mtime_ns]).encode())
        newest = status.st_mtime_ns
    own = [os.fspath(path) for path in (folder, metadata) if path is not None]
    for found in walk(os.path.realpath(source), own):
        digest.update(repr(found).encode("utf-8", "surrogateescape"))
        newest = max(newest, found.mtime_ns if isinstance(found, File) else 0)
    return digest.hexdigest() if time.time_ns() - newest > _FRESH_NS else None


def _versions(folder: PathLike, table: str) -> list[str]:
    """Name the committed versions of a table: LanceDB keeps a manifest of each, and every commit adds one."""
    with suppress(OSError):
        return sorted(os.listdir(Path(folder, f"{table}.lance", "_versions")))  # noqa: PTH208
    return []


def _recall(note: Path, digest: str) -> BuildReport | None:
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        if kept["digest"] != digest:
            return None
        report = BuildReport(**kept["report"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    unchanged = report.added + report.updated + report.unchanged
    return replace(report, added=0, updated=0, moved=0, removed=0, unchanged=unchanged, notes=tuple(report.notes))


def _remember(note: Path, digest: str, report: BuildReport) -> None:
    """Write the note whole or not at all; a catalogue that cannot be written does without."""
    with suppress(StorageError):
        write_whole(note, dumps({"digest": digest, "report": report}).encode())
