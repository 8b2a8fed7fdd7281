"""A catalogue's tables: opening and making them, reading and filtering rows, and committing all or nothing."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import pyarrow as pa

from posterity.catalogue._lance import one_writer, retried, translate_errors
from posterity.catalogue._lease import Lease
from posterity.catalogue.schema import (
    FORMAT_VERSION,
    META,
    POSTERS,
    TABLES,
    VECTOR_PREFIX,
)
from posterity.errors import CatalogueError, FilterError, FormatVersionError, StorageError
from posterity.runtime import storage as places
from posterity.runtime.filenames import escape
from posterity.runtime.storage import Place, Remote, absolute, has_any, listed, place_of, stand_in, storage_options

if TYPE_CHECKING:
    from lancedb.table import Table

T = TypeVar("T")

_MARK = "meta.lance"
_DAMAGE = ("a lance file", "corrupt", "lanceerror(io)")
"""What the store says of a damaged file, and not of a filter."""

_FIRST = ("artefacts", "findings", "grids", "meta", "posters", "runs", "thumbnails")
"""The tables that every catalogue has had from the first format on: where one is absent, it was lost."""

_SOME = 500
"""How many ids go into one SQL list."""


def is_catalogue(folder: str | os.PathLike[str] | Remote) -> bool:
    """Tell whether ``folder`` is a catalogue, from the names in it alone.

    Raises:
        StorageError: It cannot be looked at.
    """
    place = place_of(folder)
    if isinstance(place, Remote):
        return has_any(place / _MARK)
    try:
        return stat.S_ISDIR((place / _MARK).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as error:
        raise StorageError(
            f"catalogue {escape(str(place))} cannot be looked at: {(error.strerror or str(error)).lower()}",
            "Check its permissions, or the drive that it lies on.",
        ) from error


class Tables:
    """The tables of an open catalogue.

    Attributes:
        folder: Where it lies.
    """

    def __init__(self, folder: Place) -> None:
        self.folder = folder
        self._lease: Lease | None = None
        self._writer: int | None = None

    # --- opening ---------------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, folder: str | os.PathLike[str] | Remote) -> Self:
        """Open the catalogue in ``folder``.

        Raises:
            CatalogueError: There is none, or it cannot be read.
            FormatVersionError: A newer Posterity wrote it.
        """
        path = place_of(folder)
        if not is_catalogue(path):
            there = has_any(path) if isinstance(path, Remote) else path.exists()
            problem = "is no catalogue" if there else "does not exist"
            raise CatalogueError(f"{path} {problem}", f"Make one: posterity build FOLDER_OF_POSTERS -c {path}")
        store = cls(path)
        store._check_format()
        store._complete()
        return store

    @classmethod
    def create(cls, folder: str | os.PathLike[str] | Remote) -> Self:
        """Open the catalogue in ``folder``, making it where there is none yet.

        Raises:
            CatalogueError: The folder holds other things, and is left alone.
            StorageError: It cannot be written.
        """
        path = place_of(folder)
        if is_catalogue(path):
            return cls.open(path)
        with translate_errors(str(path)):
            if _holds_other_things(path):
                if is_catalogue(path):  # by now: another process has made it, and writes
                    return cls.open(path)
                raise CatalogueError(f"{path} holds other things", "Name a new or empty folder for the catalogue.")
            wait = places.RETRY_SECONDS if isinstance(path, Remote) else 0
            if isinstance(path, Path):
                path.mkdir(parents=True, exist_ok=True)
            store = cls(path)
            # `meta` comes last: it is what makes the folder a catalogue, so a kill in between leaves a beginning
            # that the next call completes.
            for name in (name for name in TABLES if name != "meta"):
                retried(partial(store._make, name, schema=TABLES[name]), patience=wait)
            first = pa.Table.from_pylist([{"key": "format", "value": str(FORMAT_VERSION)}], schema=META)
            retried(partial(store._make, "meta", data=first), patience=wait)
        return store

    def _make(self, name: str, **content: Any) -> None:
        """Make a table; one that another process has made meanwhile, and given its encoders' columns, is as good."""
        try:
            self._db.create_table(name, exist_ok=True, **content)
        except ValueError as error:
            if "does not match existing table schema" not in str(error):
                raise

    def _check_format(self) -> None:
        with translate_errors(str(self.folder)):
            rows = self._table("meta").search().limit(None).to_list()
        written = {row["key"]: row["value"] for row in rows}.get("format", "0")
        if int(written) > FORMAT_VERSION:
            raise FormatVersionError(
                f"catalogue {self.folder} has format {written}; this Posterity reads up to {FORMAT_VERSION}",
                "Upgrade: pip install --upgrade posterity",
            )

    def _complete(self) -> None:
        """Add the tables and columns that a catalogue of an older Posterity lacks."""
        with translate_errors(str(self.folder)):
            if isinstance(self.folder, Remote):
                there = set(self._db.list_tables(limit=1000).tables)
                missing = [name for name in TABLES if name not in there]
            else:
                missing = [name for name in TABLES if not (self.folder / f"{name}.lance").is_dir()]
            self._refuse_lost(missing)
            for name in missing:
                self._make(name, schema=TABLES[name])
            present = set(self._table("posters").schema.names)
            if columns := [field for field in POSTERS if field.name not in present]:
                self._table("posters").add_columns(pa.schema(columns))

    def _refuse_lost(self, missing: Sequence[str]) -> None:
        """Refuse to make anew, empty, what was there once: it may lie on a drive that is away."""
        for name in missing:
            place = self.folder / f"{name}.lance"
            if name in _FIRST or (isinstance(place, Path) and place.is_symlink()):
                raise CatalogueError(
                    f"catalogue {self.folder} lacks its table {name}.lance",
                    "Bring back the drive that it lies on, or a backup; nothing was changed.",
                )

    @cached_property
    def _root(self) -> str:
        return escape(absolute(self.folder))

    def _inside(self, source: str) -> str:
        """Write a source's folder as it is stored: relative to the catalogue where it lies inside it."""
        return "." + source.removeprefix(self._root) if source.startswith(f"{self._root}/") else source

    def _outside(self, source: str | None) -> str | None:
        """Undo :meth:`_inside`, wherever the catalogue has been moved to meanwhile."""
        return self._root + source[1:] if source and source.startswith("./") else source

    def _stored(self, rows: pa.Table, change: Callable[[str], str | None]) -> pa.Table:
        """Apply :meth:`_inside` or :meth:`_outside` to a table's column ``source``, if it has one."""
        if "source" not in rows.schema.names:
            return rows
        found = rows["source"].to_pylist()
        changed = {source: change(source) for source in set(found) if source}
        if all(source == new for source, new in changed.items()):
            return rows
        place = rows.schema.get_field_index("source")
        return rows.set_column(place, "source", pa.array([changed.get(source) for source in found], pa.string()))

    @cached_property
    def _db(self) -> Any:
        os.environ.setdefault("LANCEDB_LOG", "error")  # what it warns of, it tries again, or raises
        import lancedb

        # An interval of zero: every read sees the last commit of whatever process made it.
        return lancedb.connect(
            str(self.folder),
            read_consistency_interval=timedelta(0),
            storage_options=storage_options(self.folder),
        )

    def _table(self, name: str) -> Table:
        tables: dict[str, Table] = self.__dict__.setdefault("_tables", {})
        if name not in tables:
            tables[name] = self._db.open_table(name)
        return tables[name]

    def _write(self, write: Callable[[], T], *, again: bool = False) -> T:
        """Run a write; ``again`` says that it comes to the same when it is done twice."""

        def checked() -> T:
            if self._lease is not None:
                self._lease.check()
            return write()

        patience = places.RETRY_SECONDS if again and isinstance(self.folder, Remote) else 0
        with translate_errors(str(self.folder)):
            return retried(checked, patience=patience)

    # --- reading, filtering, committing ----------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """The version of ``posters``: raised by every change."""
        with translate_errors(str(self.folder)):
            return int(self._table("posters").version)

    @property
    def versions_now(self) -> tuple[int, int]:
        """The versions of ``posters`` and of ``artefacts``: told in a millisecond, and raised by all that is shown."""
        with translate_errors(str(self.folder)):
            return int(self._table("posters").version), int(self._table("artefacts").version)

    @property
    def columns(self) -> list[str]:
        """The columns of ``posters`` that a filter may name."""
        with translate_errors(str(self.folder)):
            return [name for name in self._table("posters").schema.names if not name.startswith(VECTOR_PREFIX)]

    def _schema(self, table: str, columns: Sequence[str]) -> pa.Schema:
        with translate_errors(str(self.folder)):
            schema = self._table(table).schema
        return pa.schema([schema.field(name) for name in columns])

    def _batches(self, table: str, columns: Sequence[str], where: str | None = None) -> Iterator[pa.RecordBatch]:
        with self._filtering(where), translate_errors(str(self.folder)):
            query = self._table(table).search().select(list(columns))
            query = query.where(where) if where else query
            for batch in query.limit(None).to_batches(4096):
                yield self._stored(batch.select(list(columns)), self._outside)

    def _filtering(self, where: str | None) -> Any:
        if where and ";" in re.sub(r"'[^']*'", "", where):  # the store would read up to it and ignore the rest
            raise FilterError(f"the filter {where!r} holds a semicolon", "It is one SQL condition, no statement.")
        return _in_the_words_of_a_filter(where, self) if where else nullcontext()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the catalogue for whoever writes, waiting for others that do; readers may read on.

        Who holds it already, in this thread, may ask again.

        Raises:
            StorageError: It cannot be locked; or it lies in an object store that cannot be reached, or that takes no
                notice of conditions.
        """
        if self._writer == threading.get_ident():
            yield
            return
        with one_writer(self.folder) as lease:
            self._lease, self._writer = lease, threading.get_ident()
            try:
                yield
            finally:
                self._lease = self._writer = None

    @property
    def scratch(self) -> Path:
        """The folder on this machine for what can be made again: the catalogue's own, or one that stands for it."""
        if isinstance(self.folder, Path):
            return self.folder
        return stand_in(self.folder, "catalogues")

    @property
    def writable(self) -> bool:
        """Whether this process may write it; in an object store one small object is written and removed to tell."""
        return self._may_put if isinstance(self.folder, Remote) else os.access(self.folder, os.W_OK)

    @cached_property
    def _may_put(self) -> bool:
        return isinstance(self.folder, Remote) and places.may_write(self.folder)

    def _merge(
        self, table: str, rows: pa.Table, on: str | list[str], *, update: bool = True, insert: bool = True
    ) -> None:
        def write() -> None:
            merge = self._table(table).merge_insert(on)
            merge = merge.when_matched_update_all() if update else merge
            merge = merge.when_not_matched_insert_all() if insert else merge
            # "null" lets a cleared vector through, which the store would else take for a faulty one.
            merge.execute(rows, on_bad_vectors="null")

        self._write(write, again=True)

    def _delete(self, table: str, condition: str) -> None:
        self._write(lambda: self._table(table).delete(condition), again=True)


def _holds_other_things(place: Place) -> bool:
    if isinstance(place, Remote):
        names = {key.split("/")[0] for key, _ in listed(place)}
        return any(not name.endswith(".lance") for name in names)
    return place.exists() and any(not entry.name.endswith(".lance") for entry in place.iterdir())


def now() -> datetime:
    """Give the time, in UTC."""
    return datetime.now(UTC)


def chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a list into lists that fit into one SQL condition."""
    for start in range(0, len(items), _SOME):
        yield items[start : start + _SOME]


class _in_the_words_of_a_filter:  # noqa: N801
    """Turns the store's refusal of a filter into a :class:`FilterError` that lists the columns."""

    def __init__(self, where: str, store: Tables) -> None:
        self.where = where
        self.store = store

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, CatalogueError) and isinstance(error.__cause__, ValueError | RuntimeError | OSError):
            text = " ".join(str(error.__cause__).split())
            if any(sign in text.lower() for sign in _DAMAGE):
                return
            if not any(sign in text.lower() for sign in ("schema error", "parsing", "invalid", "plan", "type", "sql")):
                return
            said = text.removeprefix("Invalid input, ").split(". Valid fields are")[0].split(", /")[0][:200]
            raise FilterError(
                f"the filter {self.where!r} cannot be used: {said}",
                f"It is an SQL condition such as: year >= 1980 AND array_has(genres, 'Horror'). "
                f"Columns: {', '.join(self.store.columns)}",
            ) from error.__cause__
