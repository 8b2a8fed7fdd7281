"""Summaries of a whole catalogue: its contents, and everything dropped, kept or flagged, with the reasons."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from posterity.catalogue import FORMAT_VERSION, Artefact, Finding, Store
from posterity.encoders import ENCODERS
from posterity.errors import UnknownNameError
from posterity.runtime.storage import Place, Remote, listed


@dataclass(frozen=True)
class EncoderInfo:
    """An encoder's vectors in a catalogue: their number, and whether the installed version of the encoder made them."""

    name: str
    dimension: int
    vectors: int
    current: bool


@dataclass(frozen=True)
class Info:
    """The contents of a catalogue.

    Attributes:
        folder: The catalogue's folder.
        format: Version of its format.
        version: Version of its posters; every change raises it.
        posters: Number of posters.
        flagged: Number of flagged posters.
        dropped: Number of dropped files.
        sources: Folder -> number of posters from it.
        encoders: Its vectors, by encoder.
        years: The first and the last year, if any is known.
        genres: Genre -> number of posters, the commonest first.
        bytes: Size on disk.
    """

    folder: str
    format: int
    version: int
    posters: int
    flagged: int
    dropped: int
    sources: dict[str, int]
    encoders: tuple[EncoderInfo, ...]
    years: tuple[int, int] | None
    genres: dict[str, int]
    bytes: int


@dataclass(frozen=True)
class Flagged:
    """A poster that was kept and flagged."""

    id: str
    path: str
    flag: str
    detail: str


@dataclass(frozen=True)
class Report:
    """Everything that was dropped, kept or flagged, and why: seen = posters + dropped.

    Attributes:
        seen: Files found in the sources.
        posters: Files whose posters are in the catalogue.
        dropped: Files that were dropped, with the reasons.
        flagged: One entry for each flag of each poster.
        kept: Files that could not be read or are no longer pictures, and folders with missing files, whose posters are
            kept nevertheless.
        rows: Rows of tables without a file, or that could not be read completely.
        runs: The counts of each build, oldest first.
    """

    seen: int
    posters: int
    dropped: tuple[Finding, ...]
    flagged: tuple[Flagged, ...]
    rows: tuple[Finding, ...]
    runs: tuple[dict[str, object], ...]
    kept: tuple[Finding, ...] = ()


def info_of(store: Store) -> Info:
    """Summarise a catalogue's contents."""
    rows = store.read(["source", "year", "genres", "flags"])
    genres = Counter(genre for genres in rows["genres"].to_pylist() for genre in genres or ())
    years = [year for year in rows["year"].to_pylist() if year is not None]
    made_by = {artefact.encoder: artefact for artefact in store.artefacts() if artefact.kind == "vectors"}
    encoders = tuple(
        EncoderInfo(name, dimension, len(rows) - len(store.without_vector(name)), _current(name, made_by.get(name)))
        for name, dimension in sorted(store.encoders.items())
    )
    return Info(
        folder=str(store.folder),
        format=FORMAT_VERSION,
        version=store.version,
        posters=len(rows),
        flagged=sum(bool(flags) for flags in rows["flags"].to_pylist()),
        dropped=sum(finding.kind == "dropped" for finding in store.findings()),
        sources=dict(sorted(Counter(rows["source"].to_pylist()).items())),
        encoders=encoders,
        years=(min(years), max(years)) if years else None,
        genres=dict(genres.most_common()),
        bytes=_bytes(store.folder),
    )


def report_of(store: Store) -> Report:
    """Return everything that was dropped, kept or flagged, and why."""
    from posterity.ingest.leaving import KEPT

    findings = store.findings()
    dropped = tuple(finding for finding in findings if finding.kind == "dropped")
    rows = store.read(["path", "flags", "flag_details"], "array_length(flags) > 0").to_pylist()
    flagged = tuple(
        Flagged(row["id"], row["path"], flag, detail)
        for row in rows
        for flag, detail in zip(row["flags"], row["flag_details"], strict=True)
    )
    posters = store.count()
    return Report(
        seen=posters + len(dropped),
        posters=posters,
        dropped=dropped,
        flagged=flagged,
        rows=tuple(finding for finding in findings if finding.kind not in ("dropped", KEPT)),
        runs=tuple(store.runs()),
        kept=tuple(finding for finding in findings if finding.kind == KEPT),
    )


def _bytes(folder: Place) -> int:
    """Add up the sizes of a folder's files; files deleted meanwhile do not count."""
    if isinstance(folder, Remote):
        return sum(status.size for _, status in listed(folder))
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size if file.is_file() else 0
    return total


def _current(name: str, made_by: Artefact | None) -> bool:
    from posterity.embedding.pipeline import is_current

    try:
        return made_by is not None and is_current(ENCODERS.get(name), made_by)
    except UnknownNameError:
        return False
