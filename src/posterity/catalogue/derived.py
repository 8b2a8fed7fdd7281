"""What was derived from posters, each thing with the artefact that says what made it: grids, layouts, splits, models.

What makes a thing valid, its artefact, is always written last: after a kill in between there is none, never a half.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posterity.catalogue._lance import quoted, translate_errors
from posterity.catalogue.schema import (
    ARTEFACTS,
    ATLASES,
    GRIDS,
    LAYOUTS,
    MODELS,
    PREDICTIONS,
    RESULTS,
    SPLITS,
    Artefact,
    Result,
)
from posterity.catalogue.tables import Tables
from posterity.errors import CatalogueError

log = logging.getLogger(__name__)

TABLES_OF = {
    "grid": ("grids",),
    "layout": ("layouts",),
    "split": ("splits",),
    "model": ("models", "predictions"),
}
"""Kind of artefact -> the tables that hold its rows."""


_ORDER = "order"
"""The key of the row of ``atlases`` that tells whose each slot is."""


@cache
def _tell_of_damage(folder: str, name: str) -> None:
    """Log it once, however often the catalogue is read."""
    log.warning("damaged_artefact", extra={"catalogue": folder, "artefact": name})


class Derived(Tables):
    """The verbs of what is derived."""

    # --- artefacts -------------------------------------------------------------------------------------------------

    def put_artefact(self, artefact: Artefact) -> None:
        """Insert or replace what is known of a derived thing, by its name."""
        self._merge("artefacts", pa.Table.from_pylist([asdict(artefact)], schema=ARTEFACTS), "name")

    def artefacts(self, *, damaged: bool = False) -> list[Artefact]:
        """Read what is known of the derived things, by name.

        One whose parameters or scores cannot be read counts as none, as if it had to be made, and is logged; with
        ``damaged`` it is given too, for whoever mends it.
        """
        table = pa.Table.from_batches(self._batches("artefacts", ARTEFACTS.names), schema=ARTEFACTS)
        found = [Artefact(**row) for row in table.sort_by("name").to_pylist()]
        if damaged:
            return found
        for artefact in found:
            if not artefact.readable:
                _tell_of_damage(str(self.folder), artefact.name)
        return [artefact for artefact in found if artefact.readable]

    def artefact(self, name: str) -> Artefact | None:
        """Read what is known of one derived thing."""
        return next((artefact for artefact in self.artefacts() if artefact.name == name), None)

    def remove_artefact(self, name: str) -> None:
        """Forget a derived thing: a grid with its cells, a layout, a split, a model with its predictions, vectors."""
        known = next((each for each in self.artefacts(damaged=True) if each.name == name), None)
        with translate_errors(str(self.folder)):
            columns = self._table("posters").schema.names
        if known is not None and known.kind == "vectors" and name in columns:
            self._write(lambda: self._table("posters").drop_columns([name]))
        self._delete("artefacts", f"name = {quoted(name)}")
        self._clear(name, *TABLES_OF.get("" if known is None else known.kind, ()))

    def _clear(self, name: str, *tables: str) -> None:
        """Delete a thing's rows; each deletion makes a version of its table, so only where there may be some."""
        for table in tables:
            self._delete(table, f"name = {quoted(name)}")

    def _begin(self, name: str, kind: str) -> None:
        """Make way for a thing of that name, whatever a run that was killed has left of it."""
        self._delete("artefacts", f"name = {quoted(name)}")
        self._clear(name, *TABLES_OF[kind])

    def put_grid(
        self, artefact: Artefact, ids: Sequence[str], contents: Sequence[str], cells: NDArray[np.integer[Any]]
    ) -> None:
        """Store a grid: ``cells`` is (n, 2), the row and column of each id, ``contents`` the SHA-256 of its picture."""
        columns = {"name": [artefact.name] * len(ids), "id": list(ids), "row": cells[:, 0], "col": cells[:, 1]}
        rows = pa.table(columns | {"sha256": list(contents)}, schema=GRIDS)
        self._begin(artefact.name, "grid")
        self._widen("grids", GRIDS)
        self._write(lambda: self._table("grids").add(rows))
        # What makes the grid valid comes last: after a kill in between there is no grid, never half of one.
        self.put_artefact(artefact)

    def grid(self, name: str) -> tuple[list[str], NDArray[np.int64]]:
        """Read a grid: the ids, sorted, and (n, 2) their rows and columns."""
        table = self._placed("grids", ["id", "row", "col"], name)
        return table["id"].to_pylist(), np.column_stack([table["row"], table["col"]]).astype(np.int64)

    def put_layout(
        self,
        artefact: Artefact,
        ids: Sequence[str],
        contents: Sequence[str],
        points: NDArray[np.floating[Any]],
        clusters: NDArray[np.integer[Any]],
    ) -> None:
        """Store a layout: ``points`` is (n, 2), the place of each id, and ``clusters`` (n,), -1 for none.

        ``contents`` are the SHA-256 of the pictures.
        """
        columns = {"x": points[:, 0], "y": points[:, 1], "cluster": clusters, "sha256": list(contents)}
        rows = pa.table({"name": [artefact.name] * len(ids), "id": list(ids)} | columns, schema=LAYOUTS)
        self._begin(artefact.name, "layout")
        self._widen("layouts", LAYOUTS)
        self._write(lambda: self._table("layouts").add(rows))
        # As with grids, what makes it valid comes last.
        self.put_artefact(artefact)

    def layout(self, name: str) -> tuple[list[str], NDArray[np.float64], NDArray[np.int64]]:
        """Read a layout: the ids, sorted, (n, 2) their places, and (n,) their clusters."""
        table = self._placed("layouts", ["id", "x", "y", "cluster"], name)
        points = np.column_stack([table["x"], table["y"]]).astype(np.float64).reshape(-1, 2)
        return table["id"].to_pylist(), points, np.asarray(table["cluster"], np.int64)

    def shown(self, artefact: Artefact) -> dict[str, str | None]:
        """Read which picture (SHA-256) a grid or layout shows of each id; None where an older Posterity placed it."""
        (table,) = TABLES_OF[artefact.kind]
        with translate_errors(str(self.folder)):
            told = "sha256" in self._table(table).schema.names
        rows = self._placed(table, ["id", *(["sha256"] if told else [])], artefact.name)
        ids = rows["id"].to_pylist()
        return dict(zip(ids, rows["sha256"].to_pylist() if told else [None] * len(ids), strict=True))

    def _placed(self, table: str, columns: list[str], name: str) -> pa.Table:
        batches = self._batches(table, columns, f"name = {quoted(name)}")
        return pa.Table.from_batches(batches, schema=self._schema(table, columns)).sort_by("id")

    def _widen(self, table: str, schema: pa.Schema) -> None:
        """Add the columns that a table of an older Posterity lacks."""
        with translate_errors(str(self.folder)):
            there = set(self._table(table).schema.names)
        if missing := [field for field in schema if field.name not in there]:
            self._write(lambda: self._table(table).add_columns(pa.schema(missing)))

    # --- learning ---------------------------------------------------------------------------------------------------

    def put_split(
        self, artefact: Artefact, parts: Mapping[str, Sequence[str]], labels: Mapping[str, Sequence[str]]
    ) -> None:
        """Store a split: ``parts`` maps each part to the ids in it, ``labels`` each id to what it counts for."""
        rows = [(identity, part) for part, ids in parts.items() for identity in ids]
        columns = {
            "name": [artefact.name] * len(rows),
            "id": [identity for identity, _ in rows],
            "part": [part for _, part in rows],
            "labels": [list(labels[identity]) for identity, _ in rows],
        }
        self._begin(artefact.name, "split")
        table = pa.table(columns, schema=SPLITS)
        self._write(lambda: self._table("splits").add(table))
        self.put_artefact(artefact)

    def split(self, name: str) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
        """Read a split by its artefact's name: part -> ids, sorted, and id -> labels."""
        batches = self._batches("splits", SPLITS.names, f"name = {quoted(name)}")
        rows = pa.Table.from_batches(batches, schema=SPLITS).sort_by("id").to_pylist()
        parts: dict[str, list[str]] = {}
        for row in rows:
            parts.setdefault(row["part"], []).append(row["id"])
        return {part: tuple(parts[part]) for part in sorted(parts)}, {row["id"]: tuple(row["labels"]) for row in rows}

    def put_model(
        self,
        artefact: Artefact,
        data: bytes,
        ids: Sequence[str],
        values: NDArray[np.floating[Any]],
        low: NDArray[np.floating[Any]],
        high: NDArray[np.floating[Any]],
    ) -> None:
        """Store a model and what it says of posters: ``values``, ``low`` and ``high`` are (n, l), a row an id."""
        self._begin(artefact.name, "model")
        model = pa.table({"name": [artefact.name], "data": [data]}, schema=MODELS)
        self._write(lambda: self._table("models").add(model))
        columns = {"name": [artefact.name] * len(ids), "id": list(ids)}
        lists = {key: list(np.asarray(v, np.float32)) for key, v in (("values", values), ("low", low), ("high", high))}
        rows = pa.table(columns | lists, schema=PREDICTIONS)
        self._write(lambda: self._table("predictions").add(rows))
        self.put_artefact(artefact)

    def model(self, name: str) -> bytes:
        """Read a model's data by its artefact's name; none are left of one whose row is lost."""
        batches = self._batches("models", MODELS.names, f"name = {quoted(name)}")
        return b"".join(pa.Table.from_batches(batches, schema=MODELS)["data"].drop_null().to_pylist()[:1])

    def predictions(self, name: str) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Read what a model says of posters: the ids, sorted, and (n, l) values, their lower and upper ends.

        Raises:
            CatalogueError: What is kept cannot be read: rows of different lengths, or none where there should be.
        """
        batches = self._batches("predictions", PREDICTIONS.names, f"name = {quoted(name)}")
        table = pa.Table.from_batches(batches, schema=PREDICTIONS).sort_by("id")
        try:
            arrays = [np.array(table[key].to_pylist(), np.float32) for key in ("values", "low", "high")]
        except (ValueError, TypeError) as error:
            raise CatalogueError(
                f"what {name} says of posters is damaged in catalogue {self.folder}",
                f"Run: posterity doctor {self.folder} --repair; then train it again.",
            ) from error
        return table["id"].to_pylist(), arrays[0], arrays[1], arrays[2]

    def put_result(self, result: Result) -> None:
        """Insert or replace the result of an experiment's run, by its key."""
        self._merge("results", pa.Table.from_pylist([asdict(result)], schema=RESULTS), "key")

    def results(self, experiment: str | None = None) -> list[Result]:
        """Read results of experiments' runs, of one experiment or of all, the oldest first."""
        where = None if experiment is None else f"experiment = {quoted(experiment)}"
        table = pa.Table.from_batches(self._batches("results", RESULTS.names, where), schema=RESULTS)
        return [Result(**row) for row in table.sort_by("created_at").to_pylist()]

    def remove_results(self, keys: Sequence[str]) -> None:
        """Remove results of experiments' runs, which are then run again."""
        self._delete("results", f"key IN ({', '.join(map(quoted, keys))})")

    # --- sprites ----------------------------------------------------------------------------------------------------

    def atlas_order(self) -> bytes | None:
        """Read which poster is in which slot of the atlas, as it was written; None where there is no atlas."""
        return next((row["jpeg"] for row in self._atlas([_ORDER])), None)

    def atlas_pages(self, keys: Iterable[str]) -> dict[str, tuple[bytes, NDArray[np.uint8]]]:
        """Read pages of sprites by their keys, those that there are: JPEG, and the palettes, (n, 4, 4).

        A page without a picture, or with half a palette, is damaged and left out.
        """
        return {
            row["key"]: (row["jpeg"], np.frombuffer(row["palettes"], np.uint8).reshape(-1, 4, 4))
            for row in self._atlas(keys)
            if row["jpeg"] and row["palettes"] is not None and len(row["palettes"]) % 16 == 0
        }

    def atlas_keys(self) -> list[str]:
        """Give the keys of all pages of sprites that are kept."""
        keys = [key for batch in self._batches("atlases", ["key"]) for key in batch["key"].to_pylist()]
        return sorted(key for key in keys if key != _ORDER)

    def forget_atlas(self) -> None:
        """Remove all pages of sprites: they are drawn anew when next needed."""
        self._delete("atlases", "true")

    def _atlas(self, keys: Iterable[str]) -> list[dict[str, Any]]:
        wanted = ", ".join(map(quoted, keys))
        if not wanted:
            return []
        batches = self._batches("atlases", ATLASES.names, f"key IN ({wanted})")
        rows: list[dict[str, Any]] = pa.Table.from_batches(batches, schema=ATLASES).to_pylist()
        return rows

    def put_atlas(
        self, pages: Mapping[str, tuple[bytes, NDArray[np.uint8]]], order: bytes, keys: Sequence[str]
    ) -> None:
        """Store pages of sprites by their keys, and which slot is whose; pages of other keys are forgotten."""
        rows = [{"key": key, "jpeg": jpeg, "palettes": palettes.tobytes()} for key, (jpeg, palettes) in pages.items()]
        # Pages are known by what they show, so those of a run that was killed are good, and the order comes last.
        if rows:
            self._merge("atlases", pa.Table.from_pylist(rows, schema=ATLASES), "key")
        last = [{"key": _ORDER, "jpeg": order, "palettes": b""}]
        self._merge("atlases", pa.Table.from_pylist(last, schema=ATLASES), "key")
        self._delete("atlases", f"key NOT IN ({', '.join(map(quoted, [_ORDER, *keys]))})")
