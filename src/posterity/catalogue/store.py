"""The catalogue's tables behind a few verbs: open, read, commit, vectors, artefacts.

Nothing here decides what a poster is worth or means; it keeps what it is given, all of it or nothing of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posterity.catalogue._lance import in_our_words, one_writer, quoted, retried
from posterity.catalogue.schema import (
    ARTEFACTS,
    FINDINGS,
    FORMAT_VERSION,
    GRIDS,
    META,
    POSTERS,
    RUNS,
    TABLES,
    THUMBNAILS,
    VECTOR_PREFIX,
    Artefact,
    Finding,
    Poster,
    poster_to_row,
    row_to_poster,
)
from posterity.errors import CatalogueError, FilterError, FormatVersionError

if TYPE_CHECKING:
    from lancedb.table import Table

T = TypeVar("T")

_MARK = "meta.lance"
_SOME = 500
"""How many ids go into one SQL list."""


def is_catalogue(folder: str | os.PathLike[str]) -> bool:
    """Tell whether ``folder`` is a catalogue, from the names in it alone."""
    return Path(folder, _MARK).is_dir()


class Store:
    """An open catalogue.

    Use :meth:`open` or :meth:`create`. Safe to share between threads; a process that forks opens its own.

    Attributes:
        folder: Where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # --- opening ---------------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Store:
        """Open the catalogue in ``folder``.

        Raises:
            CatalogueError: There is none, or it cannot be read.
            FormatVersionError: A newer Posterity wrote it.
        """
        path = Path(folder)
        if not is_catalogue(path):
            problem = "is no catalogue" if path.exists() else "does not exist"
            raise CatalogueError(f"{path} {problem}", f"Make one: posterity build FOLDER_OF_POSTERS -c {path}")
        store = cls(path)
        store._check_format()
        return store

    @classmethod
    def create(cls, folder: str | os.PathLike[str]) -> Store:
        """Open the catalogue in ``folder``, making it where there is none yet.

        Raises:
            CatalogueError: The folder holds other things, and is left alone.
            StorageError: It cannot be written.
        """
        path = Path(folder)
        if is_catalogue(path):
            return cls.open(path)
        with in_our_words(str(path)):
            if path.exists() and any(not entry.name.endswith(".lance") for entry in path.iterdir()):
                raise CatalogueError(f"{path} holds other things", "Name a new or empty folder for the catalogue.")
            path.mkdir(parents=True, exist_ok=True)
            store = cls(path)
            # `meta` comes last: it is what makes the folder a catalogue, so a kill in between leaves a beginning
            # that the next call completes.
            for name in (name for name in TABLES if name != "meta"):
                store._db.create_table(name, schema=TABLES[name], exist_ok=True)
            first = pa.Table.from_pylist([{"key": "format", "value": str(FORMAT_VERSION)}], schema=META)
            store._db.create_table("meta", data=first)
        return store

    def _check_format(self) -> None:
        with in_our_words(str(self.folder)):
            rows = self._table("meta").search().limit(None).to_list()
        written = {row["key"]: row["value"] for row in rows}.get("format", "0")
        if int(written) > FORMAT_VERSION:
            raise FormatVersionError(
                f"catalogue {self.folder} has format {written}; this Posterity reads up to {FORMAT_VERSION}",
                "Upgrade: pip install --upgrade posterity",
            )

    @cached_property
    def _db(self) -> Any:
        import lancedb

        # An interval of zero: every read sees the last commit of whatever process made it.
        return lancedb.connect(str(self.folder), read_consistency_interval=timedelta(0))

    def _table(self, name: str) -> Table:
        tables: dict[str, Table] = self.__dict__.setdefault("_tables", {})
        if name not in tables:
            tables[name] = self._db.open_table(name)
        return tables[name]

    def _write(self, write: Callable[[], T]) -> T:
        with in_our_words(str(self.folder)):
            return retried(write)

    # --- reading ---------------------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """The version of ``posters``: raised by every change."""
        with in_our_words(str(self.folder)):
            return int(self._table("posters").version)

    @property
    def columns(self) -> list[str]:
        """The columns of ``posters`` that a filter may name."""
        with in_our_words(str(self.folder)):
            return [name for name in self._table("posters").schema.names if not name.startswith(VECTOR_PREFIX)]

    @property
    def encoders(self) -> dict[str, int]:
        """The encoders that have a vector column, each with its dimension."""
        with in_our_words(str(self.folder)):
            schema = self._table("posters").schema
        return {
            item.name.removeprefix(VECTOR_PREFIX): item.type.list_size
            for item in schema
            if item.name.startswith(VECTOR_PREFIX)
        }

    def count(self, where: str | None = None) -> int:
        """Count the posters, or those that an SQL filter holds for.

        Raises:
            FilterError: ``where`` is not SQL over the catalogue's columns.
        """
        with self._filtering(where), in_our_words(str(self.folder)):
            return int(self._table("posters").count_rows(where))

    def read(self, columns: Sequence[str], where: str | None = None) -> pa.Table:
        """Read some columns of ``posters``, sorted by id; ``id`` always comes first.

        Raises:
            FilterError: ``where`` is not SQL over the catalogue's columns.
        """
        names = ["id", *(name for name in columns if name != "id")]
        table = pa.Table.from_batches(self._batches("posters", names, where), schema=self._schema("posters", names))
        return table.sort_by("id")

    def posters(self, where: str | None = None) -> list[Poster]:
        """Read posters, sorted by id.

        Raises:
            FilterError: ``where`` is not SQL over the catalogue's columns.
        """
        return [row_to_poster(row) for row in self.read(POSTERS.names, where).to_pylist()]

    def get(self, ids: Iterable[str]) -> dict[str, Poster]:
        """Read the posters of those ids; ids that are not there are left out."""
        found: dict[str, Poster] = {}
        for some in _chunks(list(ids)):
            found |= {poster.id: poster for poster in self.posters(f"id IN ({', '.join(map(quoted, some))})")}
        return found

    def _schema(self, table: str, columns: Sequence[str]) -> pa.Schema:
        schema = self._table(table).schema
        return pa.schema([schema.field(name) for name in columns])

    def _batches(self, table: str, columns: Sequence[str], where: str | None = None) -> Iterator[pa.RecordBatch]:
        with self._filtering(where), in_our_words(str(self.folder)):
            query = self._table(table).search().select(list(columns))
            query = query.where(where) if where else query
            yield from (batch.select(list(columns)) for batch in query.limit(None).to_batches(4096))

    def _filtering(self, where: str | None) -> Any:
        if where and ";" in re.sub(r"'[^']*'", "", where):  # the store would read up to it and ignore the rest
            raise FilterError(f"the filter {where!r} holds a semicolon", "It is one SQL condition, no statement.")
        return _in_the_words_of_a_filter(where, self) if where else nullcontext()

    def writing(self) -> AbstractContextManager[None]:
        """Hold the catalogue for a build or an embedding run, waiting for others that do; readers may read on."""
        return one_writer(self.folder)

    # --- committing ------------------------------------------------------------------------------------------------

    def put_posters(self, posters: Sequence[Poster], thumbnails: Mapping[str, bytes]) -> None:
        """Insert or replace posters whose picture is new, all or none; their vectors, if any, are cleared.

        Args:
            posters: The rows, of distinct ids.
            thumbnails: JPEG by SHA-256 of the posters' content.
        """
        if not posters:
            return
        # Thumbnails first: a poster in the catalogue never lacks its own, whenever a run is killed.
        self.put_thumbnails(thumbnails)
        rows = pa.Table.from_pylist([poster_to_row(poster) for poster in posters], schema=POSTERS)
        for encoder, dimension in self.encoders.items():
            nothing = pa.nulls(len(rows), pa.list_(pa.float32(), dimension))
            rows = rows.append_column(VECTOR_PREFIX + encoder, nothing)
        self._merge("posters", rows, "id")

    def update_posters(self, posters: Sequence[Poster]) -> None:
        """Update posters whose picture is the same, all or none; their vectors are kept."""
        if posters:
            rows = pa.Table.from_pylist([poster_to_row(poster) for poster in posters], schema=POSTERS)
            self._merge("posters", rows, "id", insert=False)

    def update_columns(self, ids: Sequence[str], **columns: Sequence[Any]) -> None:
        """Set some columns of posters, all or none: ``columns`` maps a name to one value for each id."""
        if ids:
            names = ["id", *columns]
            schema = pa.schema([POSTERS.field(name) for name in names])
            rows = pa.table({"id": list(ids)} | {name: list(values) for name, values in columns.items()}, schema=schema)
            self._merge("posters", rows, "id", insert=False)

    def remove_posters(self, ids: Iterable[str]) -> None:
        """Remove posters; their pictures' thumbnails go when the catalogue is compacted."""
        for some in _chunks(list(ids)):
            condition = f"id IN ({', '.join(map(quoted, some))})"
            self._delete("posters", condition)

    def _merge(
        self, table: str, rows: pa.Table, on: str | list[str], *, update: bool = True, insert: bool = True
    ) -> None:
        def write() -> None:
            merge = self._table(table).merge_insert(on)
            merge = merge.when_matched_update_all() if update else merge
            merge = merge.when_not_matched_insert_all() if insert else merge
            # "null" lets a cleared vector through, which the store would else take for a faulty one.
            merge.execute(rows, on_bad_vectors="null")

        self._write(write)

    def _delete(self, table: str, condition: str) -> None:
        self._write(lambda: self._table(table).delete(condition))

    # --- what was dropped, and the runs ----------------------------------------------------------------------------

    def put_findings(self, findings: Sequence[Finding]) -> None:
        """Insert or replace findings, by source, kind and item."""
        if findings:
            rows = pa.Table.from_pylist([asdict(finding) for finding in findings], schema=FINDINGS)
            self._merge("findings", rows, ["source", "kind", "item"])

    def remove_findings(self, source: str, kind: str, items: Iterable[str] | None = None) -> None:
        """Remove findings of one source and kind: those of ``items``, or all."""
        base = f"source = {quoted(source)} AND kind = {quoted(kind)}"
        lists = [""] if items is None else [f" AND item IN ({', '.join(map(quoted, s))})" for s in _chunks(list(items))]
        for condition in lists:
            self._delete("findings", base + condition)

    def findings(self, source: str | None = None) -> list[Finding]:
        """Read the findings, of one source or all, sorted by source and item."""
        where = f"source = {quoted(source)}" if source is not None else None
        table = pa.Table.from_batches(self._batches("findings", FINDINGS.names, where), schema=FINDINGS)
        rows = table.sort_by([("source", "ascending"), ("kind", "ascending"), ("item", "ascending")]).to_pylist()
        return [Finding(**row) for row in rows]

    def add_run(self, source: str, counts: str) -> None:
        """Keep the counts (JSON) of a finished build."""
        row = pa.Table.from_pylist([{"source": source, "finished_at": now(), "counts": counts}], schema=RUNS)
        self._write(lambda: self._table("runs").add(row))

    def runs(self) -> list[dict[str, Any]]:
        """Read the finished builds, oldest first."""
        table = pa.Table.from_batches(self._batches("runs", RUNS.names), schema=RUNS)
        rows: list[dict[str, Any]] = table.sort_by("finished_at").to_pylist()
        return rows

    # --- thumbnails ------------------------------------------------------------------------------------------------

    def thumbnails(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Read thumbnails (JPEG) by the SHA-256 of the posters' content."""
        found: dict[str, bytes] = {}
        for some in _chunks(sorted(set(digests))):
            where = f"sha256 IN ({', '.join(map(quoted, some))})"
            for batch in self._batches("thumbnails", THUMBNAILS.names, where):
                found |= dict(zip(batch["sha256"].to_pylist(), batch["jpeg"].to_pylist(), strict=True))
        return found

    def thumbnail_digests(self) -> Iterator[str]:
        """Give the SHA-256 of the content of every thumbnail there is."""
        for batch in self._batches("thumbnails", ["sha256"]):
            yield from batch["sha256"].to_pylist()

    def put_thumbnails(self, thumbnails: Mapping[str, bytes]) -> None:
        """Insert thumbnails (JPEG) by the SHA-256 of the content they show; those that are there are left alone."""
        if thumbnails:
            jpegs = pa.table({"sha256": list(thumbnails), "jpeg": list(thumbnails.values())}, schema=THUMBNAILS)
            self._merge("thumbnails", jpegs, "sha256", update=False)

    # --- vectors ---------------------------------------------------------------------------------------------------

    def prepare_vectors(self, encoder: str, dimension: int, artefact: Artefact) -> None:
        """Make ready to store an encoder's vectors; those of another fingerprint are discarded first.

        The order of the three steps matters: wherever a kill falls between them, vectors never stand beside the
        fingerprint of another encoder.
        """
        column = VECTOR_PREFIX + encoder
        known = self.artefact(artefact.name)
        stale = known is not None and known.fingerprint != artefact.fingerprint
        if encoder in self.encoders and (stale or known is None or self.encoders[encoder] != dimension):
            self._write(lambda: self._table("posters").drop_columns([column]))
        if known is None or stale:
            self.put_artefact(artefact)
        if encoder not in self.encoders:
            wanted = pa.field(column, pa.list_(pa.float32(), dimension))
            self._write(lambda: self._table("posters").add_columns(wanted))

    def put_vectors(
        self, ids: Sequence[str], digests: Sequence[str], vectors: Mapping[str, NDArray[np.float32]]
    ) -> None:
        """Store vectors, all or none, of posters whose content is still the one that was encoded.

        Args:
            ids: (n,) ids of posters.
            digests: (n,) SHA-256 of the content each vector was made from.
            vectors: Encoder -> (n, d) float32; :meth:`prepare_vectors` has been called for each. Several at once cost
                little more than one, for the store writes the whole row anew each time.
        """
        columns: dict[str, Any] = {"id": list(ids), "sha256": list(digests)}
        for encoder, rows in vectors.items():
            flat = pa.array(np.ascontiguousarray(rows, np.float32).ravel())
            columns[VECTOR_PREFIX + encoder] = pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])
        table = pa.table(columns)

        def write() -> None:
            merge = self._table("posters").merge_insert(["id", "sha256"])
            merge.when_matched_update_all().execute(table)

        self._write(write)

    def vectors(self, encoder: str, where: str | None = None) -> tuple[list[str], NDArray[np.float32]]:
        """Read an encoder's vectors, streamed into one array.

        Returns:
            The ids, sorted, and float32 of shape (n, d); posters without a vector are left out.

        Raises:
            FilterError: ``where`` is not SQL over the catalogue's columns.
        """
        column = VECTOR_PREFIX + encoder
        present = f"{column} IS NOT NULL"
        condition = f"({where}) AND {present}" if where else present
        if where:
            self.count(where)  # so that an error speaks of the filter as given
        dimension = self.encoders[encoder]
        ids: list[str] = []
        parts: list[NDArray[np.float32]] = []
        for batch in self._batches("posters", ["id", column], condition):
            ids += batch["id"].to_pylist()
            parts.append(np.asarray(batch[column].flatten()).reshape(-1, dimension))
        order = sorted(range(len(ids)), key=ids.__getitem__)
        result = np.empty((len(ids), dimension), np.float32)
        place = np.empty(len(ids), np.int64)
        place[order] = np.arange(len(ids))
        done = 0
        for position, part in enumerate(parts):
            result[place[done : done + len(part)]] = part
            done += len(part)
            parts[position] = part[:0]  # give its memory back: never two copies of everything
        return [ids[i] for i in order], result

    def without_vector(self, encoder: str) -> pa.Table:
        """Read what is needed to read the posters that lack an encoder's vector: id, source, path, bytes, ..."""
        where = f"{VECTOR_PREFIX}{encoder} IS NULL" if encoder in self.encoders else None
        return self.read(["id", "source", "path", "bytes", "mtime_ns", "sha256"], where)

    # --- artefacts -------------------------------------------------------------------------------------------------

    def put_artefact(self, artefact: Artefact) -> None:
        """Insert or replace what is known of a derived thing, by its name."""
        self._merge("artefacts", pa.Table.from_pylist([asdict(artefact)], schema=ARTEFACTS), "name")

    def artefacts(self) -> list[Artefact]:
        """Read what is known of the derived things, by name."""
        table = pa.Table.from_batches(self._batches("artefacts", ARTEFACTS.names), schema=ARTEFACTS)
        return [Artefact(**row) for row in table.sort_by("name").to_pylist()]

    def artefact(self, name: str) -> Artefact | None:
        """Read what is known of one derived thing."""
        return next((artefact for artefact in self.artefacts() if artefact.name == name), None)

    def remove_artefact(self, name: str) -> None:
        """Forget a derived thing: a grid with its cells, or an encoder's vectors."""
        if name in [VECTOR_PREFIX + encoder for encoder in self.encoders]:
            self._write(lambda: self._table("posters").drop_columns([name]))
        self._delete("artefacts", f"name = {quoted(name)}")
        self._delete("grids", f"name = {quoted(name)}")

    def put_grid(self, artefact: Artefact, ids: Sequence[str], cells: NDArray[np.integer[Any]]) -> None:
        """Store a grid: ``cells`` is (n, 2), the row and column of each id."""
        rows = pa.table(
            {"name": [artefact.name] * len(ids), "id": list(ids), "row": cells[:, 0], "col": cells[:, 1]}, schema=GRIDS
        )
        self.remove_artefact(artefact.name)
        self._write(lambda: self._table("grids").add(rows))
        # What makes the grid valid comes last: after a kill in between there is no grid, never half of one.
        self.put_artefact(artefact)

    def grid(self, name: str) -> tuple[list[str], NDArray[np.int64]]:
        """Read a grid: the ids, sorted, and (n, 2) their rows and columns."""
        batches = self._batches("grids", GRIDS.names, f"name = {quoted(name)}")
        table = pa.Table.from_batches(batches, schema=GRIDS).sort_by("id")
        return table["id"].to_pylist(), np.column_stack([table["row"], table["col"]]).astype(np.int64)

    # --- upkeep ----------------------------------------------------------------------------------------------------

    def versions(self) -> int:
        """Count the versions of all tables that still take room on the disk."""
        with in_our_words(str(self.folder)):
            return sum(len(self._table(name).list_versions()) for name in TABLES)

    def compact(self, older_than: timedelta = timedelta(hours=1)) -> None:
        """Merge small files and let go of versions older than ``older_than``, which spares readers at work."""
        for name in TABLES:
            # The store warns at zero, which is what a caller who asks for it has decided.
            at_least = max(older_than, timedelta(milliseconds=1))
            self._write(partial(self._table(name).optimize, cleanup_older_than=at_least))

    def orphans(self) -> list[str]:
        """Find the thumbnails (by SHA-256) that no poster uses any more."""
        return sorted(set(self.thumbnail_digests()) - set(self.read(["sha256"])["sha256"].to_pylist()))

    def remove_thumbnails(self, digests: Sequence[str]) -> None:
        """Remove thumbnails by SHA-256."""
        for some in _chunks(digests):
            condition = f"sha256 IN ({', '.join(map(quoted, some))})"
            self._delete("thumbnails", condition)


def now() -> datetime:
    """Give the time, in UTC."""
    return datetime.now(UTC)


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _SOME):
        yield items[start : start + _SOME]


class _in_the_words_of_a_filter:  # noqa: N801
    """Turns the store's refusal of a filter into a :class:`FilterError` that lists the columns."""

    def __init__(self, where: str, store: Store) -> None:
        self.where = where
        self.store = store

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, CatalogueError) and isinstance(error.__cause__, ValueError | RuntimeError | OSError):
            text = " ".join(str(error.__cause__).split())
            if not any(sign in text.lower() for sign in ("schema error", "parsing", "invalid", "plan", "type", "sql")):
                return
            said = text.removeprefix("Invalid input, ").split(". Valid fields are")[0].split(", /")[0][:200]
            raise FilterError(
                f"the filter {self.where!r} cannot be used: {said}",
                f"It is an SQL condition such as: year >= 1980 AND array_has(genres, 'Horror'). "
                f"Columns: {', '.join(self.store.columns)}",
            ) from error.__cause__
