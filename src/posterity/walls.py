"""Catalogue + encoder -> a wall: a self-organising map of the posters, and then each poster in a cell of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass

from posterity.catalogue import Artefact, Store
from posterity.catalogue.provenance import inputs_digest, versions
from posterity.catalogue.store import now
from posterity.embedding import load_vectors
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import CatalogueError
from posterity.grids import assign, grid_shape
from posterity.som import SelfOrganizingMap

NAME = "wall"


@dataclass(frozen=True)
class Wall:
    """Posters on a grid, no two in one cell and none left out.

    Attributes:
        encoder: Whose vectors put alike posters near each other.
        rows: Of the grid.
        cols: Of the grid.
        cells: Poster id -> (row, col).
        quantization_error: Mean Euclidean distance of the vectors to their best-matching units.
        topographic_error: Share of the vectors whose two best-matching units are no neighbours.
    """

    encoder: str
    rows: int
    cols: int
    cells: dict[str, tuple[int, int]]
    quantization_error: float
    topographic_error: float

    @property
    def placed(self) -> int:
        """How many posters it shows: all of them."""
        return len(self.cells)


def make_wall(
    store: Store,
    encoder: str | Encoder,
    rows: int | None = None,
    cols: int | None = None,
    *,
    where: str | None = None,
    random_state: int = 0,
    keep: bool = True,
) -> Wall:
    """Lay out a wall of all posters; the one in the catalogue is given if it was made from the same, in the same way.

    A wall of a part of them is not kept.

    Args:
        store: The catalogue.
        encoder: Name or instance.
        rows: Of the grid; None chooses, from ``cols`` where that is given.
        cols: Likewise.
        where: An SQL condition that posters must meet.
        random_state: Seed.
        keep: Store it in the catalogue, where that can be written.

    Raises:
        ArgumentError: The posters do not fit on so small a grid.
        CatalogueError: There are no posters, or some lack a vector.
        FilterError: ``where`` is not SQL over the catalogue's columns.
    """
    found = ENCODERS.get(encoder)
    spec = found.spec
    total = store.count(where)
    if total == 0 and where is None:
        raise CatalogueError(f"catalogue {store.folder} has no posters", "Build it from a folder that has some.")
    if total == 0:
        raise CatalogueError(f"no poster of {store.folder} meets that condition", "Ask for less.")
    n_rows, n_cols = grid_shape(total, rows, cols)
    parameters = json.dumps({"rows": n_rows, "cols": n_cols, "random_state": random_state})
    inputs = inputs_digest(store, spec.fingerprint)
    known = store.artefact(NAME)
    if where is None and known and (known.parameters, known.inputs, known.versions) == (parameters, inputs, versions()):
        ids, cells = store.grid(NAME)
        if len(ids) == total:
            return _wall(spec.name, n_rows, n_cols, ids, cells.tolist(), json.loads(known.scores))
    ids, vectors = load_vectors(store, found, where)
    if len(ids) < total:
        raise CatalogueError(
            f"{total - len(ids)} of {total} posters have no vector of {spec.name!r}",
            f"Run: posterity embed -c {store.folder} --encoder {spec.name}; "
            f"if files are gone: posterity doctor {store.folder} --repair",
        )
    som = SelfOrganizingMap(n_rows, n_cols, random_state=random_state).fit(vectors)
    scores = {
        "quantization_error": som.quantization_error(vectors),
        "topographic_error": som.topographic_error(vectors),
    }
    grid = assign(vectors, som.codebook_)
    if keep and where is None:
        artefact = Artefact(
            NAME, "grid", spec.name, spec.fingerprint, parameters, versions(), store.version, inputs,
            json.dumps(scores), now(),
        )  # fmt: skip
        store.put_grid(artefact, ids, grid.cells)
    return _wall(spec.name, n_rows, n_cols, ids, grid.cells.tolist(), scores)


def _wall(encoder: str, rows: int, cols: int, ids: list[str], cells: list[list[int]], scores: dict[str, float]) -> Wall:
    placed = {identity: (row, col) for identity, (row, col) in zip(ids, cells, strict=True)}
    return Wall(encoder, rows, cols, placed, scores["quantization_error"], scores["topographic_error"])
