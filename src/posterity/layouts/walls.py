"""Catalogue + encoder -> a wall: every poster in a cell of its own, similar ones together.

A wall is stored in the catalogue and returned unchanged when requested again. If posters were added or removed, it is
brought up to date without being reshuffled (:mod:`posterity.numerics.grid.grow`), as long as the parameters are the
same.

Each wall has its scores, with those of posters placed at random and of a plain self-organising map for comparison. On
the latter, several posters compete for one cell, and the later ones go to whatever cells are left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Artefact, Store
from posterity.catalogue.provenance import CONTENT, artefact, current, key, made_with
from posterity.embedding.pipeline import load_every_vector
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import CatalogueError
from posterity.layouts.orders import ORDERS, Room, arranged, pinned
from posterity.layouts.shapes import Shape
from posterity.numerics.distances import Floats, Indices, row_blocks
from posterity.numerics.grid.grow import REACH, add_items, opened
from posterity.numerics.grid.lattice import Lattice
from posterity.numerics.scores.preservation import Estimate, distance_preservation_quality, neighbourhood_scores
from posterity.numerics.som import SelfOrganizingMap
from posterity.runtime.progress import progress
from posterity.serialise import plain

SOM_UNITS = 2_500
"""The most units of the self-organising map whose errors a wall reports; larger walls use a coarser map."""

IN_BATCHES = 100_000
"""With more posters than this, each epoch of the plain self-organising map sees a mini-batch of about this size."""

BASELINE_SAMPLE = 300
"""Number of posters that the baselines' neighbourhood scores are sampled from, if there are more."""

MOST_NEW = 0.2
"""With a larger share of new posters, or of cells that became blank, than this, a wall is laid out again."""


@dataclass(frozen=True)
class Wall:
    """Posters on a grid, no two in one cell and none left out.

    Attributes:
        encoder: Name of the encoder whose vectors put similar posters near each other.
        rows: Number of rows.
        cols: Number of columns.
        cells: Poster id -> (row, col).
        quantization_error: Mean Euclidean distance of the vectors to their best-matching units, on a self-organising
            map with as many units as cells, but at most :data:`SOM_UNITS`.
        topographic_error: Share of the vectors whose two best-matching units on that map are not neighbours.
        dpq16: Distance preservation quality
            (:func:`posterity.numerics.scores.preservation.distance_preservation_quality`).
        order: What it is ordered by.
        topology: "rectangular" or "hexagonal".
        toroidal: Whether opposite sides are adjacent.
        scores: Name -> [value, standard error]: "dpq16", "trustworthiness", "continuity", "knn_preservation".
        baselines: The same scores for "random" and "som", a plain self-organising map.
        collisions: Number of posters whose cell on the plain map was already taken; None if not counted.
        moved: If the wall was brought up to date, the share of its posters that moved by more than two cells.
    """

    encoder: str
    rows: int
    cols: int
    cells: dict[str, tuple[int, int]]
    quantization_error: float
    topographic_error: float
    dpq16: float = float("nan")
    order: str = "content"
    topology: str = "rectangular"
    toroidal: bool = False
    scores: dict[str, list[float]] = field(default_factory=dict)
    baselines: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    collisions: int | None = None
    moved: float | None = None

    @property
    def placed(self) -> int:
        """Number of posters on the wall: all of them."""
        return len(self.cells)

    @property
    def lattice(self) -> Lattice:
        """The positions of its cells."""
        return Lattice(self.rows, self.cols, self.topology, self.toroidal)


def make_wall(
    store: Store,
    encoder: str | Encoder,
    rows: int | None = None,
    cols: int | None = None,
    *,
    shape: Shape | None = None,
    order: str = "content",
    where: str | None = None,
    random_state: int = 0,
    fresh: bool = False,
    keep: bool = True,
    show_progress: bool | None = False,
) -> Wall:
    """Lay out a wall of all posters; a stored wall with the same parameters is returned, or brought up to date.

    A wall of only some posters is not stored.

    Args:
        store: The catalogue.
        encoder: Name or instance.
        rows: Number of rows; None chooses, to fit ``cols`` if that is given.
        cols: Number of columns; None chooses, to fit ``rows`` if that is given.
        shape: All options of the grid, instead of ``rows`` and ``cols``.
        order: A name in :data:`posterity.layouts.orders.ORDERS`. The order by colour always uses its own encoder.
        where: An SQL condition that posters must meet.
        random_state: Seed.
        fresh: Lay it out again, even if there is one.
        keep: Store it in the catalogue, if that is writable.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        ArgumentError: The grid is too small for the posters, or a pin or hole lies outside it.
        CatalogueError: There are no posters, or some have no vector, or a pinned one does not exist.
        FilterError: ``where`` is not SQL over the catalogue's columns.
        UnknownNameError: There is no such order.
    """
    way = ORDERS.get(order)
    shape = Shape(rows, cols) if shape is None else shape
    found = ENCODERS.get(way.encoder or encoder)
    spec = found.spec
    total = store.count(where)
    if total == 0 and where is None:
        raise CatalogueError(f"catalogue {store.folder} has no posters", "Build it from a folder that has some.")
    if total == 0:
        raise CatalogueError(f"catalogue {store.folder} has no posters that meet the condition", "Widen --where.")
    lattice, usable = shape.lattice(total)
    name = f"wall_{order}_{spec.name}"
    parameters = plain(shape.asked() | {"random_state": random_state, "order": order})
    made_by = {spec.name: spec.fingerprint}
    inputs = key(store, way.reads, encoders=made_by)
    known = None if where is not None or fresh else store.artefact(name)
    if known and not (json.loads(known.parameters) == parameters and made_with(known, made_by)):
        known = None
    if known and current(store, known, inputs):
        ids, cells = store.grid(name)
        if len(ids) == total:
            return _wall(spec.name, order, shape, ids, cells, json.loads(known.scores))
    # Read contents before vectors, so that a picture replaced in between is recognised as a different one.
    content = dict(zip(*(column.to_pylist() for column in store.read([CONTENT], where).columns), strict=True))
    ids, vectors = load_every_vector(store, found, where, total)
    contents = [content.get(identity, "") for identity in ids]
    moved = None
    with progress("Laying out the wall", None, show_progress):
        grown = None
        if known and way.grows:
            grown = _grown(store, known, ids, contents, vectors, shape, lattice, usable, random_state)
        if grown is not None:
            lattice, cells, moved = grown
        else:
            cells = arranged(order, Room(store, where, ids, vectors, lattice, usable, shape, random_state))
        scores = _scores(vectors, lattice, cells, random_state) | {
            "rows": lattice.rows, "cols": lattice.cols, "moved": moved
        }  # fmt: skip
    places = np.stack(np.divmod(cells, lattice.cols), axis=1)
    if keep and where is None:
        made = artefact(store, name, "grid", inputs, encoders=made_by, parameters=parameters, scores=scores)
        store.put_grid(made, ids, contents, places)
    return _wall(spec.name, order, shape, ids, places, scores)


def remake_wall(store: Store, kept: Artefact, *, keep: bool = True, show_progress: bool | None = False) -> Wall:
    """Bring a stored wall up to date, with the parameters it was made with.

    Raises:
        CatalogueError: Some posters have no vector, or an older version made it and did not store all parameters.
    """
    asked = json.loads(kept.parameters)
    try:
        shape = Shape(
            asked["rows"], asked["cols"], asked["aspect"], asked["topology"], asked["toroidal"],
            {name: (row, col) for name, (row, col) in asked["pins"].items()},
            [(row, col) for row, col in asked["holes"]],
        )  # fmt: skip
    except KeyError as error:
        raise CatalogueError(
            f"the parameters of {kept.name} in catalogue {store.folder} cannot be read: {error} is missing",
            f"Make it again: posterity wall -c {store.folder}",
        ) from error
    return make_wall(
        store, kept.encoder, shape=shape, order=asked["order"], random_state=asked["random_state"], keep=keep,
        show_progress=show_progress,
    )  # fmt: skip


def _grown(
    store: Store,
    known: Artefact,
    ids: Sequence[str],
    contents: Sequence[str],
    vectors: Floats,
    shape: Shape,
    wanted: Lattice,
    usable: NDArray[np.bool_],
    random_state: int,
) -> tuple[Lattice, Indices, float] | None:
    """Bring a wall up to date; None if too much has changed. A poster whose picture changed is placed as a new one."""
    scores = json.loads(known.scores)
    before = Lattice(scores["rows"], scores["cols"], shape.topology, shape.toroidal)
    old_ids, old = store.grid(known.name)
    place = {name: i for i, name in enumerate(ids)}
    shown = store.shown(known)
    # Older versions did not store the content of what they placed; those posters stay where they are.
    replaced = {
        name for name, content in zip(ids, contents, strict=True)
        if name not in shape.pins and shown.get(name) not in (None, content)
    }  # fmt: skip
    kept = [i for i, name in enumerate(old_ids) if name in place and name not in replaced]
    n_new = len(ids) - len(kept)
    n_more = n_new - len(replaced)  # each replaced poster frees its own cell
    holes = len(list(shape.holes))
    if n_new > MOST_NEW * len(ids) or before.size - holes - len(ids) > MOST_NEW * before.size:
        return None
    rows, cols = before.rows, before.cols
    free = shape.rows is None and shape.cols is None and not shape.pins and not holes
    if not free and (rows, cols) != (wanted.rows, wanted.cols):
        return None
    # A few posters fit into the existing blanks; more would have to push long rows aside.
    if free and (rows * cols < len(ids) or n_more > min(rows, cols) / 2):
        left = n_more
        while left > 0 or rows * cols < len(ids):
            # A new row would change the shift of the rows below it on a hexagonal wall.
            by_column = cols / rows <= shape.aspect or shape.topology == "hexagonal"
            left -= rows if by_column else cols
            rows, cols = (rows, cols + 1) if by_column else (rows + 1, cols)
    lattice = Lattice(rows, cols, shape.topology, shape.toroidal)
    if free:
        usable = np.ones(lattice.size, bool)
    row, col = old[kept, 0], old[kept, 1]
    at = np.array([place[old_ids[i]] for i in kept], np.int64)
    home, cells = (np.full(len(ids), -1, np.int64) for _ in range(2))
    home[at] = row * cols + col
    cells[at] = opened(before, row * before.cols + col, rows, cols)
    fixed = np.zeros(len(ids), bool)
    fixed[list(pinned(place, lattice, shape))] = True
    cells = add_items(vectors, lattice, cells, usable, home=home, fixed=fixed, random_state=random_state)
    moved = float((lattice.moves(home[at], cells[at]) > REACH).mean()) if len(at) else 0.0
    return lattice, cells, moved


def _scores(vectors: Floats, lattice: Lattice, cells: Indices, random_state: int) -> dict[str, Any]:
    """Score a wall, a random one, and one from a plain self-organising map."""
    shrink = min(1.0, (SOM_UNITS / lattice.size) ** 0.5)
    rows, cols = (max(1, round(side * shrink)) for side in (lattice.rows, lattice.cols))
    if lattice.hexagonal and lattice.toroidal:
        rows += rows % 2
    som = SelfOrganizingMap(rows, cols, topology=lattice.topology, toroidal=lattice.toroidal, random_state=random_state)
    if len(vectors) <= IN_BATCHES:
        som.fit(vectors)
    else:
        blocks = [*row_blocks(*vectors.shape)]
        som.fit_batches(lambda: (vectors[block] for block in blocks), every=len(vectors) // IN_BATCHES)
    shuffled = np.random.default_rng(random_state).permutation(cells)
    baselines = {"random": layout_scores(vectors, lattice, shuffled, BASELINE_SAMPLE)}
    collisions = None
    if shrink == 1:
        crowded, collisions = som_cells(som.predict(vectors), cells)
        baselines["som"] = layout_scores(vectors, lattice, crowded, BASELINE_SAMPLE)
    return {
        "quantization_error": som.quantization_error(vectors),
        "topographic_error": som.topographic_error(vectors),
        "scores": layout_scores(vectors, lattice, cells),
        "baselines": baselines,
        "collisions": collisions,
    }


def som_cells(units: Indices, cells: Indices) -> tuple[Indices, int]:
    """Put items into the cells of their units as a plain self-organising map does, and count the collisions.

    Args:
        units: (n,) best-matching unit of each item, as a cell number.
        cells: (n,) distinct cells that may be used.

    Returns:
        (n,) cells, and the number of collisions. The first item to match a usable cell gets it; the others get the
        remaining cells, in order.
    """
    free = dict.fromkeys(np.sort(cells).tolist())
    found = np.full(len(units), -1, np.int64)
    for item, unit in enumerate(units.tolist()):
        if unit in free:
            del free[unit]
            found[item] = unit
    left = np.flatnonzero(found < 0)
    found[left] = list(free)
    return found, len(left)


def layout_scores(
    vectors: Floats, lattice: Lattice, cells: Indices, n_sample: int | None = None
) -> dict[str, list[float]]:
    """Score the positions of items on a wall: name -> [value, standard error]."""
    found = {"dpq16": distance_preservation_quality(vectors, lattice, cells)}
    if len(vectors) >= 4:
        near = neighbourhood_scores(vectors, lattice.positions()[cells], lattice=lattice, n_sample=n_sample)
        found |= {
            "trustworthiness": near.trustworthiness,
            "continuity": near.continuity,
            "knn_preservation": near.preserved,
        }
    return {name: _pair(score) for name, score in found.items()}


def _pair(score: Estimate) -> list[float]:
    return [score.value, score.error]


def _wall(
    encoder: str, order: str, shape: Shape, ids: Sequence[str], places: NDArray[np.int64], scores: Mapping[str, Any]
) -> Wall:
    return Wall(
        encoder=encoder,
        rows=scores["rows"],
        cols=scores["cols"],
        cells={identity: (row, col) for identity, (row, col) in zip(ids, places.tolist(), strict=True)},
        quantization_error=scores["quantization_error"],
        topographic_error=scores["topographic_error"],
        dpq16=scores["scores"]["dpq16"][0],
        order=order,
        topology=shape.topology,
        toroidal=shape.toroidal,
        scores=scores["scores"],
        baselines=scores["baselines"],
        collisions=scores["collisions"],
        moved=scores["moved"],
    )
