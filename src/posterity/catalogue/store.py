"""The catalogue's tables behind a few verbs: open, read, commit, vectors, artefacts.

Nothing here decides what a poster is worth or means; it keeps what it is given, all of it or nothing of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posterity.catalogue._lance import quoted, translate_errors
from posterity.catalogue.derived import Derived
from posterity.catalogue.schema import (
    CLAIMS,
    FINDINGS,
    POSTERS,
    RUNS,
    THUMBNAILS,
    VECTOR_PREFIX,
    VIEW_PREFIX,
    VIEWS,
    Artefact,
    Claim,
    Finding,
    Poster,
    row_to_claim,
    row_to_poster,
    to_row,
)
from posterity.catalogue.tables import chunks, is_catalogue, now
from posterity.catalogue.upkeep import Upkeep
from posterity.errors import UnknownNameError

__all__ = ["Store", "is_catalogue", "now"]

IN_MEMORY = 1 << 30
"""Vectors of more bytes than this are read into a mapped file, which the system may take from memory at any time."""


class Store(Derived, Upkeep):
    """An open catalogue: what is kept in it, and the verbs that read and write it.

    Use :meth:`open` or :meth:`create`. Safe to share between threads; a process that forks opens its own.
    """

    # --- posters ---------------------------------------------------------------------------------------------------

    @property
    def encoders(self) -> dict[str, int]:
        """The encoders that have a vector column, each with its dimension."""
        with translate_errors(str(self.folder)):
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
        with self._filtering(where), translate_errors(str(self.folder)):
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

    def poster_batches(self) -> Iterator[list[Poster]]:
        """Read all posters, some thousands at a time, in no order."""
        for batch in self._batches("posters", POSTERS.names):
            yield [row_to_poster(row) for row in batch.to_pylist()]

    def get(self, ids: Iterable[str]) -> dict[str, Poster]:
        """Read the posters of those ids; ids that are not there are left out."""
        found: dict[str, Poster] = {}
        for some in chunks(list(ids)):
            found |= {poster.id: poster for poster in self.posters(f"id IN ({', '.join(map(quoted, some))})")}
        return found

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
        rows = self._rows(posters)
        for encoder, dimension in self.encoders.items():
            nothing = pa.nulls(len(rows), pa.list_(pa.float32(), dimension))
            rows = rows.append_column(VECTOR_PREFIX + encoder, nothing)
        self._merge("posters", rows, "id")

    def put_rows(self, rows: pa.Table, vectors: Collection[str], thumbnails: Mapping[str, bytes]) -> None:
        """Insert whole rows that were read once, all or none; those whose id is there already are left alone.

        Args:
            rows: Columns of ``posters``; those that it lacks are empty.
            vectors: Which of its columns of vectors are taken; the others are to be made anew.
            thumbnails: JPEG by SHA-256 of the posters' content.
        """
        self.put_thumbnails(thumbnails)
        with translate_errors(str(self.folder)):
            schema = self._table("posters").schema
        given = set(rows.column_names)
        taken = {name for name in given if not name.startswith(VECTOR_PREFIX) or name in vectors}
        columns = [
            rows[field.name].cast(field.type) if field.name in taken else pa.nulls(len(rows), field.type)
            for field in schema
        ]
        whole = pa.Table.from_arrays(columns, schema=schema)
        self._merge("posters", self._stored(whole, self._inside), "id", update=False)

    def update_posters(self, posters: Sequence[Poster]) -> None:
        """Update posters whose picture is the same, all or none; their vectors are kept."""
        if posters:
            self._merge("posters", self._rows(posters), "id", insert=False)

    def _rows(self, posters: Sequence[Poster]) -> pa.Table:
        rows = pa.Table.from_pylist([to_row(poster) for poster in posters], schema=POSTERS)
        return self._stored(rows, self._inside)

    def update_columns(self, ids: Sequence[str], **columns: Sequence[Any]) -> None:
        """Set some columns of posters, all or none: ``columns`` maps a name to one value for each id."""
        if ids:
            names = ["id", *columns]
            schema = pa.schema([POSTERS.field(name) for name in names])
            rows = pa.table({"id": list(ids)} | {name: list(values) for name, values in columns.items()}, schema=schema)
            self._merge("posters", rows, "id", insert=False)

    def remove_posters(self, ids: Iterable[str]) -> None:
        """Remove posters; their pictures' thumbnails go when the catalogue is compacted."""
        for some in chunks(list(ids)):
            condition = f"id IN ({', '.join(map(quoted, some))})"
            self._delete("posters", condition)

    # --- what was dropped, and the runs ----------------------------------------------------------------------------

    def put_findings(self, findings: Sequence[Finding]) -> None:
        """Insert or replace findings, by source, kind and item."""
        if findings:
            rows = pa.Table.from_pylist([asdict(finding) for finding in findings], schema=FINDINGS)
            self._merge("findings", self._stored(rows, self._inside), ["source", "kind", "item"])

    def remove_findings(self, source: str, kind: str, items: Iterable[str] | None = None) -> None:
        """Remove findings of one source and kind: those of ``items``, or all."""
        base = f"source = {quoted(self._inside(source))} AND kind = {quoted(kind)}"
        lists = [""] if items is None else [f" AND item IN ({', '.join(map(quoted, s))})" for s in chunks(list(items))]
        for condition in lists:
            self._delete("findings", base + condition)

    def findings(self, source: str | None = None) -> list[Finding]:
        """Read the findings, of one source or all, sorted by source and item."""
        where = f"source = {quoted(self._inside(source))}" if source is not None else None
        table = pa.Table.from_batches(self._batches("findings", FINDINGS.names, where), schema=FINDINGS)
        rows = table.sort_by([("source", "ascending"), ("kind", "ascending"), ("item", "ascending")]).to_pylist()
        return [Finding(**row) for row in rows]

    def add_run(self, source: str, counts: str) -> None:
        """Keep the counts (JSON) of a finished build."""
        row = {"source": self._inside(source), "finished_at": now(), "counts": counts}
        rows = pa.Table.from_pylist([row], schema=RUNS)
        self._write(lambda: self._table("runs").add(rows))

    def runs(self) -> list[dict[str, Any]]:
        """Read the finished builds, oldest first."""
        table = pa.Table.from_batches(self._batches("runs", RUNS.names), schema=RUNS)
        rows: list[dict[str, Any]] = table.sort_by("finished_at").to_pylist()
        return rows

    # --- what sources claim, and named views -----------------------------------------------------------------------

    def put_claims(self, claims: Sequence[Claim]) -> None:
        """Insert or replace what sources say of films, by film and origin."""
        if claims:
            rows = pa.Table.from_pylist([to_row(claim) for claim in claims], schema=CLAIMS)
            self._merge("claims", rows, ["film_id", "origin"])

    def claims(self, film_ids: Iterable[str] | None = None) -> list[Claim]:
        """Read what sources say of some films, or of all, sorted by film and origin."""
        if film_ids is None:
            lists: list[str | None] = [None]
        else:
            lists = [f"film_id IN ({', '.join(map(quoted, some))})" for some in chunks(sorted(set(film_ids)))]
        batches = [batch for where in lists for batch in self._batches("claims", CLAIMS.names, where)]
        table = pa.Table.from_batches(batches, schema=CLAIMS)
        return [
            row_to_claim(row) for row in table.sort_by([("film_id", "ascending"), ("origin", "ascending")]).to_pylist()
        ]

    def claim_keys(self) -> pa.Table:
        """Read of every claim what tells which film it is of and whether it changed: film_id, origin, digest, ids."""
        columns = ["film_id", "origin", "digest", "imdb_id", "tmdb_id"]
        batches = self._batches("claims", columns)
        return pa.Table.from_batches(batches, schema=self._schema("claims", columns))

    def put_view(self, artefact: Artefact, labels: Mapping[str, Sequence[str]]) -> None:
        """Store a view: ``labels`` maps each of its posters' ids to the genres that it counts for."""
        name, ids = artefact.name.removeprefix(VIEW_PREFIX), sorted(labels)
        columns = {"name": [name] * len(ids), "id": ids, "labels": [list(labels[each]) for each in ids]}
        rows = pa.table(columns, schema=VIEWS)
        self.remove_view(name)
        self._write(lambda: self._table("views").add(rows))
        # What makes the view valid comes last: after a kill in between there is no view, never half of one.
        self.put_artefact(artefact)

    def remove_view(self, name: str) -> None:
        """Forget a view."""
        self._delete("artefacts", f"name = {quoted(VIEW_PREFIX + name)}")
        self._delete("views", f"name = {quoted(name)}")

    def view(self, name: str) -> dict[str, tuple[str, ...]]:
        """Read a view: the ids of its posters, sorted, each with the genres that it counts for.

        Raises:
            UnknownNameError: There is none of that name.
        """
        known = [a.name.removeprefix(VIEW_PREFIX) for a in self.artefacts() if a.kind == "view"]
        if name not in known:
            raise UnknownNameError("view", name, known)
        rows = pa.Table.from_batches(self._batches("views", VIEWS.names, f"name = {quoted(name)}"), schema=VIEWS)
        return {row["id"]: tuple(row["labels"]) for row in rows.sort_by("id").to_pylist()}

    # --- thumbnails ------------------------------------------------------------------------------------------------

    def thumbnails(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Read thumbnails (JPEG) by the SHA-256 of the posters' content."""
        found: dict[str, bytes] = {}
        for some in chunks(sorted(set(digests))):
            where = f"sha256 IN ({', '.join(map(quoted, some))})"
            for batch in self._batches("thumbnails", THUMBNAILS.names, where):
                found |= dict(zip(batch["sha256"].to_pylist(), batch["jpeg"].to_pylist(), strict=True))
        return found

    def thumbnails_at(self, rows: Sequence[int]) -> dict[str, bytes]:
        """Read thumbnails by their rows, as :meth:`thumbnail_digests` counted them; rows that are gone are left out.

        It is much faster than by SHA-256; what comes back tells whether rows have moved since.
        """
        if not rows:
            return {}
        with translate_errors(str(self.folder)):
            table = self._table("thumbnails")
            n = table.count_rows()
            found = table.take_offsets([row for row in rows if row < n]).select(["sha256", "jpeg"]).to_arrow()
        return dict(zip(found["sha256"].to_pylist(), found["jpeg"].to_pylist(), strict=True))

    def thumbnail_batches(self) -> Iterator[dict[str, bytes]]:
        """Read all thumbnails by the SHA-256 of the posters' content, some thousands at a time."""
        for batch in self._batches("thumbnails", THUMBNAILS.names):
            yield {row["sha256"]: row["jpeg"] or b"" for row in batch.to_pylist()}

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

        self._write(write, again=True)

    def vectors(self, encoder: str, where: str | None = None) -> tuple[list[str], NDArray[np.float32]]:
        """Read an encoder's vectors, streamed into one array; a large one lies in a file, mapped into memory.

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
        ids = sorted(
            identity for batch in self._batches("posters", ["id"], condition) for identity in batch["id"].to_pylist()
        )
        place = {identity: row for row, identity in enumerate(ids)}
        result = self._space(len(ids), dimension)
        filled = np.zeros(len(ids), bool)
        for batch in self._batches("posters", ["id", column], condition):
            rows = np.array([place.get(identity, -1) for identity in batch["id"].to_pylist()], np.int64)
            found = np.asarray(batch[column].flatten()).reshape(-1, dimension)
            known = rows >= 0  # else another process has added it since
            result[rows[known]] = found[known]
            filled[rows[known]] = True
        if filled.all():
            return ids, result
        return [identity for identity, there in zip(ids, filled, strict=True) if there], result[filled]

    def vector_batches(self, encoder: str) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """Read an encoder's vectors some thousands at a time, in no order: ids, and (n, d)."""
        column, dimension = VECTOR_PREFIX + encoder, self.encoders[encoder]
        for batch in self._batches("posters", ["id", column], f"{column} IS NOT NULL"):
            yield batch["id"].to_pylist(), np.asarray(batch[column].flatten(), np.float32).reshape(-1, dimension)

    def forget_vectors(self, encoder: str, ids: Sequence[str]) -> None:
        """Clear an encoder's vectors of some posters, which then lack them."""
        nothing = pa.nulls(len(ids), pa.list_(pa.float32(), self.encoders[encoder]))
        self._merge("posters", pa.table({"id": list(ids), VECTOR_PREFIX + encoder: nothing}), "id", insert=False)

    def _space(self, n: int, dimension: int) -> NDArray[np.float32]:
        """Make room for vectors: in memory, or, where they are many, in a file without a name that goes with them."""
        if n * dimension * 4 <= IN_MEMORY:
            return np.empty((n, dimension), np.float32)
        here = self.folder if isinstance(self.folder, Path) and self.writable else None
        with tempfile.TemporaryFile(dir=here) as file:
            return np.memmap(file, np.float32, "w+", shape=(n, dimension))

    def without_vector(self, encoder: str) -> pa.Table:
        """Read what is needed to read the posters that lack an encoder's vector: id, source, path, bytes, ..."""
        where = f"{VECTOR_PREFIX}{encoder} IS NULL" if encoder in self.encoders else None
        return self.read(["id", "source", "path", "bytes", "mtime_ns", "sha256"], where)

    def lacking(self, encoder: str) -> list[str]:
        """Give the ids, sorted, of the posters that lack an encoder's vector."""
        ids: list[str] = self.read([], f"{VECTOR_PREFIX}{encoder} IS NULL")["id"].to_pylist()
        return ids
