"""Keeping the tables whole: what state one is in, going back to one that can be read, double rows, old versions.

Damage is what was read and is wrong. What could not be accessed (permission, input/output, a network, a drive that is
away) is not damage, and nothing is concluded from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from posterity.catalogue._lance import not_reached, quoted, translate_errors
from posterity.catalogue.schema import KEYS, TABLES
from posterity.catalogue.tables import Tables, chunks
from posterity.errors import StorageError, one_line
from posterity.runtime.storage import Place, Remote, listed, read

_PIECE = 1 << 20
"""Bytes read at once."""


class State(Enum):
    """What a table is like."""

    WHOLE = "whole"
    """All of it can be read."""
    DAMAGED = "damaged"
    """All its files can be read, and what they hold is wrong; or some of them, and not all, are gone."""
    MISSING = "missing"
    """None of the files that hold its rows is there: the drive that they lie on may be away."""
    UNREADABLE = "unreadable"
    """It could not be accessed."""


@dataclass(frozen=True)
class Condition:
    """What a table is like, and why that is thought: one line for people, empty where it is whole."""

    state: State
    why: str = ""


class Upkeep(Tables):
    """The operations that repair tables."""

    def condition(self, name: str, version: int | None = None) -> Condition:
        """Read a whole table, as it is or was, and tell what it is like."""
        if (error := self._read_through(name, version)) is None:
            return Condition(State.WHOLE)
        if why := not_reached(error):
            return Condition(State.UNREADABLE, why)
        # What the store says tells little of why: so its files are read once more, without it.
        place = self.folder / f"{name}.lance"
        try:
            n_files = _read_files(place)
        except OSError as refused:
            return Condition(State.UNREADABLE, (refused.strerror or str(refused)).lower())
        if not n_files:
            return Condition(State.MISSING, f"{place / 'data'} is empty: perhaps a drive is not mounted there")
        if (error := self._read_through(name, version)) is None:
            return Condition(State.WHOLE)  # it was away for a moment
        if why := not_reached(error):
            return Condition(State.UNREADABLE, why)
        return Condition(State.DAMAGED, one_line(error))

    def _read_through(self, name: str, version: int | None) -> Exception | None:
        try:
            table = self._db.open_table(name)
            if version is not None:
                table.checkout(version)
            for _ in table.search().limit(None).to_batches(1024):
                pass
        except Exception as error:  # a damaged file may raise whatever its bytes lead to
            return error
        return None

    def go_back(self, name: str) -> int | None:
        """Bring a damaged table back to its newest version that can be read whole; None where it starts again, empty.

        What came after that version is lost here, and made again by the next build and embedding run.

        Raises:
            StorageError: An earlier version could not be accessed, or the table cannot be written; nothing is changed.
        """
        with translate_errors(str(self.folder)):
            found = [int(each["version"]) for each in self._db.open_table(name).list_versions()]
        for version in sorted(found, reverse=True):
            condition = self.condition(name, version)
            if condition.state is State.UNREADABLE:
                raise StorageError(
                    f"catalogue {self.folder}: an earlier version of {name} cannot be read: {condition.why}",
                    "Fix that and run the same command again; the table was not changed.",
                )
            if condition.state is State.WHOLE:
                self._write(partial(self._db.open_table(name).restore, version))
                self.__dict__.pop("_tables", None)
                return version
        self._write(lambda: self._db.create_table(name, schema=TABLES[name], mode="overwrite"))
        self.__dict__.pop("_tables", None)
        return None

    # --- double rows -----------------------------------------------------------------------------------------------

    def doubles(self, name: str) -> list[list[int]]:
        """Find the rows of a table that share a key: the numbers of each such group's rows, the last stored last."""
        if name not in KEYS:
            return []
        keys = list(KEYS[name])
        with translate_errors(str(self.folder)):
            query = self._table(name).search().select(keys).with_row_id(True).limit(None)
            rows = pa.Table.from_batches(query.to_batches(4096), schema=self._with_row_id(name, keys))
        groups = rows.group_by(keys).aggregate([("_rowid", "list"), ("_rowid", "count")])
        several = groups.filter(pc.greater(groups["_rowid_count"], 1))
        return sorted(sorted(group) for group in several["_rowid_list"].to_pylist())

    def rows(self, name: str, numbers: Sequence[int]) -> pa.Table:
        """Read whole rows of a table by their numbers, which come as the column ``_rowid``."""
        with translate_errors(str(self.folder)):
            columns = list(self._table(name).schema.names)
        schema = self._with_row_id(name, columns)
        batches: list[pa.RecordBatch] = []
        with translate_errors(str(self.folder)):
            for some in chunks([str(number) for number in numbers]):
                query = self._table(name).search().select(columns).with_row_id(True)
                batches += query.where(f"_rowid IN ({', '.join(some)})").limit(None).to_batches(1024)
        return self._stored(pa.Table.from_batches(batches, schema=schema), self._outside)

    def _with_row_id(self, name: str, columns: Sequence[str]) -> pa.Schema:
        return self._schema(name, columns).append(pa.field("_rowid", pa.uint64()))

    def remove_rows(self, name: str, numbers: Sequence[int]) -> None:
        """Remove rows of a table by their numbers."""
        for some in chunks([str(number) for number in numbers]):
            self._delete(name, f"_rowid IN ({', '.join(some)})")

    # --- what is no longer needed ----------------------------------------------------------------------------------

    def versions(self) -> int:
        """Count the versions of all tables that still take room on the disk."""
        with translate_errors(str(self.folder)):
            return sum(len(self._table(name).list_versions()) for name in TABLES)

    def compact(self, older_than: timedelta = timedelta(hours=1)) -> None:
        """Merge small files and let go of versions older than ``older_than``, which spares readers at work."""
        for name in TABLES:
            # The store warns at zero, which is what a caller who asks for it has decided.
            at_least = max(older_than, timedelta(milliseconds=1))
            self._write(partial(self._table(name).optimize, cleanup_older_than=at_least))

    def orphans(self) -> list[str]:
        """Find the thumbnails (by SHA-256) that no poster uses any more."""
        used = {digest for batch in self._batches("posters", ["sha256"]) for digest in batch["sha256"].to_pylist()}
        there = {digest for batch in self._batches("thumbnails", ["sha256"]) for digest in batch["sha256"].to_pylist()}
        return sorted(there - used)

    def remove_thumbnails(self, digests: Sequence[str]) -> None:
        """Remove thumbnails by SHA-256."""
        for some in chunks(digests):
            condition = f"sha256 IN ({', '.join(map(quoted, some))})"
            self._delete("thumbnails", condition)


def _read_files(place: Place) -> int:
    """Read all files below a table's place, and count those that hold rows.

    Raises:
        OSError: One cannot be read, or a folder cannot be listed.
    """
    if isinstance(place, Remote):
        keys = [key for key, _ in listed(place)]
        for key in keys:
            read(str(place), key, worth=lambda start: False)
        return sum(key.startswith("data/") for key in keys)
    files: list[Path] = []
    waiting = [place]
    while waiting:
        for entry in waiting.pop().iterdir():
            (waiting if entry.is_dir() else files).append(entry)
    for file in files:
        with file.open("rb", buffering=0) as opened:
            while opened.read(_PIECE):
                pass
    return sum(file.parent.name == "data" for file in files)
