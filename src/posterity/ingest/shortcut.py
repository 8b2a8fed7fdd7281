"""The shortcut of a build: where nothing has changed since the last one, its outcome is known at once.

Opening the store alone takes longer than listing thousands of files (importing LanceDB: 1.3 s here). So a build that
ends with nothing left to do writes down, in the catalogue's folder, a digest of all that decided its outcome: the
listing with sizes and times of change, the table of films, the settings, the rules, the encoders, and the versions
that the catalogue's tables were left at. If the next build's digest is the same, so is its outcome. The note is never
more than a shortcut: it can be deleted, and anything odd about it means a full build.

The source is listed once, and the build takes in that very listing. The note is only written where the build saw each
file as it had been listed, so it needs no second look.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from posterity.errors import SourceError, StorageError
from posterity.ingest.reports import BuildReport
from posterity.ingest.request import Request
from posterity.runtime.filenames import write_whole
from posterity.runtime.storage import absolute, is_remote
from posterity.serialise import dumps
from posterity.settings import setting
from posterity.sources.folder import File, Skipped, walk
from posterity.sources.terms import Terms

NOTES = "notes.unchanged"
"""The folder in a catalogue where the notes lie, one a source."""

_FRESH_NS = 2_000_000_000
_DECISIVE = ("posters", "findings", "claims", "meta")
_SETTINGS = ("max_pixels", "min_side", "max_bytes", "near_duplicate_bits", "precedence")
"""All that taking in reads (:class:`posterity.ingest.planning.Plan`); encoders stand beside them."""


@dataclass(frozen=True)
class Snapshot:
    """A folder and its table of films as they stood when a build began.

    Attributes:
        files: What was in the folder.
        table: The table's size and time of change; None where there is none.
        settled: Whether all of it is old enough that the next change will show in a time of change.
    """

    files: tuple[File | Skipped, ...]
    table: tuple[int, int] | None
    settled: bool

    @cached_property
    def digest(self) -> str:
        """The same for two snapshots only where nothing differs."""
        digest = hashlib.sha256(repr(self.table).encode())
        for found in self.files:
            digest.update(repr(found).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def snapshot(request: Request) -> Snapshot:
    """List the folder that is to be built.

    Raises:
        SourceError: It cannot be listed.
    """
    table = _standing(request.table)
    files = tuple(walk(absolute(request.source), request.own))
    newest = max([table[1] if table else 0, *(found.mtime_ns for found in files if isinstance(found, File))])
    return Snapshot(files, table, settled=time.time_ns() - newest > _FRESH_NS)


def _standing(path: str | None) -> tuple[int, int] | None:
    """Give a file's size and time of change; None where there is none."""
    with suppress(OSError):
        if path is not None:
            status = os.stat(path)  # noqa: PTH116
            return status.st_size, status.st_mtime_ns
    return None


@dataclass(frozen=True)
class Shortcut:
    """The note of an earlier build of a folder on this machine, and what the folder holds now.

    Attributes:
        request: The build.
        before: Its source when it began.
    """

    request: Request
    before: Snapshot

    @property
    def note(self) -> Path:
        """The place of the note of the source and its table."""
        key = [
            os.path.realpath(path) if path is not None else None for path in (self.request.source, self.request.table)
        ]
        name = hashlib.sha256(repr(key).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return Path(str(self.request.folder), NOTES, name)

    @property
    def digest(self) -> str:
        """All that decides the build's outcome."""
        decisive = [
            version("posterity"),
            self.before.digest,
            self.request.terms.kind,
            [setting(name) for name in _SETTINGS],
            [encoder.spec.fingerprint for encoder in self.request.encoders],
            self.request.rules,
            [self._versions(table) for table in _DECISIVE],
        ]
        return hashlib.sha256(repr(decisive).encode()).hexdigest()

    def _versions(self, table: str) -> list[str]:
        """Name the committed versions of a table: LanceDB keeps a manifest of each, and every commit adds one."""
        with suppress(OSError):
            return sorted(os.listdir(Path(str(self.request.folder), f"{table}.lance", "_versions")))  # noqa: PTH208
        return []

    def recall(self) -> BuildReport | None:
        """Give the build's outcome, where it is known without building."""
        if not self.before.settled:
            return None
        try:
            kept = json.loads(self.note.read_text(encoding="utf-8"))
            if kept["digest"] != self.digest:
                return None
            report = BuildReport(**kept["report"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        unchanged = report.added + report.updated + report.unchanged
        return replace(report, added=0, updated=0, moved=0, removed=0, unchanged=unchanged, notes=tuple(report.notes))

    def stood(self, as_listed: bool | None) -> bool:
        """Tell whether the source stayed as it was listed while the build ran.

        Args:
            as_listed: Whether the build saw every file as it was listed; then only the table is looked at again. None
                for a media library, whose reader lists folders in its own way: the folder is walked once more.
        """
        if as_listed is None:
            try:
                return snapshot(self.request).digest == self.before.digest
            except SourceError:
                return False
        return as_listed and _standing(self.request.table) == self.before.table

    def remember(self, report: BuildReport) -> None:
        """Write the note whole or not at all; a catalogue that cannot be written does without."""
        if not (report.repeatable and not report.not_encoded and self.before.settled):
            return
        with suppress(StorageError):
            write_whole(self.note, dumps({"digest": self.digest, "report": report}).encode())


def shortcut_of(request: Request) -> Shortcut | None:
    """List the source of a build whose outcome can be known beforehand; None where it cannot.

    Raises:
        SourceError: The source cannot be listed.
    """
    possible = (
        not request.remove_missing
        and not is_remote(request.folder)  # listing an object store costs as much as opening the catalogue does
        and (request.metadata is None or request.table is not None)
        and request.terms in (Terms(), Terms(kind="folder"))
        and os.path.isdir(request.source)  # noqa: PTH112
    )
    return Shortcut(request, snapshot(request)) if possible else None
