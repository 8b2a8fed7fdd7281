"""What is taken out of a catalogue is first copied, to ``rescued/`` and the time, and can be put back.

Whole tables are copied as they are (``posters.lance``), single rows to Parquet (``posters.parquet`` with their vectors,
``thumbnails.parquet``). Where the copy cannot be written, nothing is taken out.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from posterity.catalogue._lance import quoted
from posterity.catalogue.derived import TABLES_OF
from posterity.catalogue.schema import POSTERS, RESULTS, TABLES, THUMBNAILS, VECTOR_PREFIX, Artefact
from posterity.catalogue.store import Store
from posterity.catalogue.tables import now
from posterity.errors import CatalogueError, StorageError
from posterity.runtime.filenames import escape
from posterity.runtime.storage import Place, Remote, as_os_errors, fetch_file, listed, place_of, put_file

FOLDER = "rescued"
"""Where copies lie, below the catalogue's folder."""

_FINGERPRINTS = b"posterity.fingerprints"
"""Of the metadata of a Parquet file with vectors: which version of each encoder made them."""


class Rescue:
    """The copies that one run makes, in a folder of its own, which is made with the first of them.

    Args:
        store: The catalogue that things are taken out of.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def place(self) -> Place:
        """Where the copies lie."""
        name = f"{now():%Y-%m-%dT%H-%M-%SZ}-{uuid.uuid4().hex[:4]}"
        return self._store.folder / FOLDER / name

    @property
    def used(self) -> bool:
        """Whether anything has been copied."""
        return "place" in self.__dict__

    def tables(self, names: Iterable[str]) -> None:
        """Copy whole tables with all their versions, readable or not.

        Files never change once written, so a second name for the same file is a copy that takes no room.

        Raises:
            StorageError: They cannot be copied.
        """
        for name in names:
            source, target = self._store.folder / f"{name}.lance", self.place / f"{name}.lance"
            with _or_refused(target):
                if isinstance(source, Remote) and isinstance(target, Remote):
                    _copy_objects(source, target)
                elif isinstance(source, Path) and isinstance(target, Path):
                    shutil.copytree(source, target, copy_function=_linked)

    def posters(self, ids: Collection[str]) -> None:
        """Copy posters' rows, with their vectors and thumbnails.

        Raises:
            StorageError: They cannot be copied.
        """
        store = self._store
        columns = [*POSTERS.names, *(VECTOR_PREFIX + name for name in store.encoders)]
        schema = store._schema("posters", columns).with_metadata({_FINGERPRINTS: _fingerprints(store)})
        wanted = pa.array(list(ids), pa.string())
        digests: set[str] = set()

        def rows() -> Iterator[pa.RecordBatch]:
            for batch in store._batches("posters", columns):
                found = batch.filter(pc.is_in(batch["id"], value_set=wanted))
                digests.update(found["sha256"].to_pylist())
                yield found.cast(schema)

        self._parquet("posters", schema, rows())
        thumbnails = store.thumbnails(digests)
        jpegs = pa.table({"sha256": list(thumbnails), "jpeg": list(thumbnails.values())}, schema=THUMBNAILS)
        self._parquet("thumbnails", THUMBNAILS, jpegs.to_batches())

    def artefact(self, artefact: Artefact) -> None:
        """Copy a derived thing, a file for each of the tables that it lies in.

        Raises:
            StorageError: It cannot be copied.
        """
        for table in ("artefacts", *TABLES_OF.get(artefact.kind, ())):
            columns = TABLES[table].names
            batches = self._store._batches(table, columns, f"name = {quoted(artefact.name)}")
            self._parquet(f"{artefact.name}.{table}", self._store._schema(table, columns), batches)

    def results(self, keys: Sequence[str]) -> None:
        """Copy results of experiments' runs, to ``damaged_results.parquet``.

        Raises:
            StorageError: They cannot be copied.
        """
        wanted = f"key IN ({', '.join(map(quoted, keys))})"
        batches = self._store._batches("results", RESULTS.names, wanted)
        self._parquet("damaged_results", self._store._schema("results", RESULTS.names), batches)

    def rows(self, table: str, numbers: Sequence[int]) -> None:
        """Copy rows of a table by their numbers, to ``double_TABLE.parquet``.

        Raises:
            StorageError: They cannot be copied.
        """
        rows = self._store.rows(table, numbers)
        self._parquet(f"double_{table}", rows.schema, rows.to_batches())

    def _parquet(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        target = self.place / f"{name}.parquet"
        with _or_refused(target), tempfile.TemporaryDirectory() as scratch:
            if isinstance(target, Path):
                target.parent.mkdir(parents=True, exist_ok=True)
            file = target if isinstance(target, Path) else Path(scratch) / "rows"
            with pq.ParquetWriter(file, schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            if isinstance(target, Remote):
                put_file(target, file)


def put_back(store: Store, place: str | os.PathLike[str] | Remote) -> int:
    """Put posters back that were taken out, with their thumbnails, and their vectors where those are current.

    A poster whose id is in the catalogue by now is left as it is there.

    Args:
        store: The catalogue.
        place: The folder of the copies, below ``rescued/``.

    Returns:
        How many posters were put back.

    Raises:
        CatalogueError: There are no copies of posters.
        StorageError: They cannot be read, or the catalogue cannot be written.
    """
    folder = place_of(place)
    with store.writing(), _read_parquet(folder, "posters") as posters, _read_parquet(folder, "thumbnails") as jpegs:
        current = _current(store, posters.schema_arrow)
        there = pa.array(store.read([])["id"].to_pylist(), pa.string())
        thumbnails = {
            digest: jpeg
            for batch in jpegs.iter_batches()
            for digest, jpeg in zip(batch["sha256"].to_pylist(), batch["jpeg"].to_pylist(), strict=True)
        }
        n = 0
        for batch in posters.iter_batches(1024):
            rows = pa.Table.from_batches([batch])
            rows = rows.filter(pc.invert(pc.is_in(rows["id"], value_set=there)))
            if rows.num_rows:
                own = {digest: thumbnails[digest] for digest in rows["sha256"].to_pylist() if digest in thumbnails}
                store.put_rows(rows, current, own)
                _forget_findings(store, rows)
                n += rows.num_rows
        return n


def _forget_findings(store: Store, rows: pa.Table) -> None:
    """Forget that posters were taken out, now that they are there again."""
    paths: dict[str, list[str]] = {}
    for source, path in zip(rows["source"].to_pylist(), rows["path"].to_pylist(), strict=True):
        paths.setdefault(source, []).append(path)
    for source, some in paths.items():
        store.remove_findings(source, "dropped", some)


def _current(store: Store, schema: pa.Schema) -> set[str]:
    """Tell which columns of copied vectors are those of the encoders' versions that the catalogue has now."""
    then = json.loads((schema.metadata or {}).get(_FINGERPRINTS, b"{}"))
    now_there = json.loads(_fingerprints(store))
    return {VECTOR_PREFIX + name for name in store.encoders if then.get(name, "") == now_there.get(name)}


def _fingerprints(store: Store) -> bytes:
    return json.dumps({each.encoder: each.fingerprint for each in store.artefacts() if each.kind == "vectors"}).encode()


@contextmanager
def _read_parquet(folder: Place, name: str) -> Iterator[pq.ParquetFile]:
    place = folder / f"{name}.parquet"
    try:
        with tempfile.TemporaryDirectory() as scratch:
            file = place if isinstance(place, Path) else Path(scratch) / "rows"
            if isinstance(place, Remote):
                fetch_file(place, file)
            with pq.ParquetFile(file) as opened:
                yield opened
    except FileNotFoundError as error:
        raise CatalogueError(
            f"{escape(str(folder))} contains no {name}.parquet",
            f"Give a folder below {FOLDER}/ in the catalogue, as doctor named it.",
        ) from error
    except (OSError, pa.ArrowInvalid) as error:
        raise StorageError(f"{escape(str(place))} cannot be read: {error}", "Nothing was put back from it.") from error


@contextmanager
def _or_refused(target: Place) -> Iterator[None]:
    """Turn errors of writing a copy into a refusal, and leave no half of it."""
    try:
        yield
    except BaseException as error:
        if isinstance(target, Path):
            shutil.rmtree(target, ignore_errors=True)
            with suppress(OSError):
                target.unlink(missing_ok=True)
            with suppress(OSError):  # where nothing else lies in them
                target.parent.rmdir()
                target.parent.parent.rmdir()
        if not isinstance(error, OSError):
            raise
        raise StorageError(
            f"a copy cannot be written to {escape(str(target))}: {_reason(error)}; nothing was removed",
            "Doctor removes nothing without a copy. Free some space, or let this user write there; then run it again.",
        ) from error


def _reason(error: OSError) -> str:
    if isinstance(error, shutil.Error):  # of many files; the first says it
        return str(error.args[0][0][2]) if isinstance(error.args[0], list) else str(error)
    return error.strerror or str(error)


def _linked(source: str, target: str) -> None:
    try:
        os.link(os.path.realpath(source), target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)


def _copy_objects(source: Remote, target: Remote) -> None:
    import obstore

    for key, _ in list(listed(source)):
        with as_os_errors():
            obstore.copy(source.objects, (source / key).key, (target / key).key)
