"""What became of each download, in a small SQLite file beside the pictures.

Not a table of the catalogue's own: while hundreds of requests are under way, a few rows are written every half second,
and a commit of the catalogue's store takes 20 ms.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Self

from posterity.errors import StorageError
from posterity.runtime.filenames import escape, leads_out

NAME = "journal.sqlite"

FLUSH_AFTER = 100
FLUSH_SECONDS = 0.5
"""Rows are written after so many, or so long: what a kill loses is asked for again, or found in the folder."""


@dataclass(frozen=True)
class Line:
    """What became of one download.

    Attributes:
        key: What names it.
        url: Where it was asked for.
        path: Of the file below the folder, once it is there.
        status: "ok", or a reason.
        detail: What happened.
        bytes: Size of the file.
        etag: By which the server tells whether it changed.
        modified: Likewise, its ``Last-Modified``.
        fetched_at: Seconds since 1970.
    """

    key: str
    url: str
    path: str | None
    status: str
    detail: str
    bytes: int
    etag: str | None = None
    modified: str | None = None
    fetched_at: float = 0.0


_COLUMNS = tuple(item.name for item in fields(Line))


class Journal:
    """The journal of a folder; a context manager that writes what is left when it is left.

    A damaged one is put aside and started again: its contents can be found out again.

    Args:
        folder: The folder.

    Raises:
        StorageError: It cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / NAME
        self._waiting: list[Line] = []
        self._flushed = time.monotonic()
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise self._cannot(error) from error
            self.file.replace(self.file.with_suffix(".damaged"))
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.file, timeout=30, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")  # a power cut may lose the last moments, never the whole
            names = ", ".join(f"{name} PRIMARY KEY" if name == "key" else name for name in _COLUMNS)
            db.execute(f"CREATE TABLE IF NOT EXISTS downloads ({names}) WITHOUT ROWID")
            db.execute(f"SELECT {', '.join(_COLUMNS)} FROM downloads LIMIT 1").fetchall()  # noqa: S608
        except BaseException:
            db.close()
            raise
        return db

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with closing(self._db):
            if kind is None:
                self.flush()
            else:  # the error under way already says what went wrong
                with suppress(StorageError):
                    self.flush()

    def lines(self) -> Iterator[Line]:
        """Read what is known."""
        for row in self._db.execute(f"SELECT {', '.join(_COLUMNS)} FROM downloads"):  # noqa: S608
            if _is_ours(line := Line(*row)):
                yield line

    def write(self, line: Line) -> None:
        """Take a line down, soon."""
        self._waiting.append(line)
        if len(self._waiting) >= FLUSH_AFTER or time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting, all or nothing.

        Raises:
            StorageError: It cannot be written.
        """
        rows = [astuple(line) for line in self._waiting]
        marks = ", ".join("?" * len(_COLUMNS))
        try:
            self._db.execute("BEGIN")
            self._db.executemany(f"INSERT OR REPLACE INTO downloads VALUES ({marks})", rows)  # noqa: S608
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise self._cannot(error) from error
        self._waiting, self._flushed = [], time.monotonic()

    def _cannot(self, error: sqlite3.Error) -> StorageError:
        return StorageError(
            f"{escape(str(self.file))} cannot be written: {error}",
            "Is the disk full, or read-only? What was downloaded before is kept; run the same command again.",
        )


def _is_ours(line: Line) -> bool:
    """Tell whether a line names a file below the folder, or none: a journal can be tampered with like any file."""
    return line.path is None or (isinstance(line.path, str) and not leads_out(line.path))


def existing(folder: Path) -> dict[str, Line]:
    """Read the journal of a folder without writing anything; empty where there is none that can be read."""
    file = folder / NAME
    if not file.is_file():
        return {}
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as db:
        rows = db.execute(f"SELECT {', '.join(_COLUMNS)} FROM downloads")  # noqa: S608
        return {line.key: line for row in rows if _is_ours(line := Line(*row))}
    return {}
