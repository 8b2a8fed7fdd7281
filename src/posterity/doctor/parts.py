"""What is kept of derived things is read, so that nothing is called well that could not be used.

A part at a time: thumbnails and vectors some thousands at once, sprites a page. What is discarded is copied first, but
for what is made again from the same rows: thumbnails, vectors and sprites.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from posterity.catalogue import Artefact, Store
from posterity.catalogue.provenance import current
from posterity.catalogue.rescue import Rescue
from posterity.doctor.derived import discard
from posterity.doctor.problems import Problem
from posterity.embedding.pipeline import embed
from posterity.encoders import ENCODERS
from posterity.errors import CatalogueError, StorageError, UnknownNameError, one_line
from posterity.images import Limits
from posterity.ingest.inspection import Picture, inspect
from posterity.layouts.atlas import read_order, whole_jpeg
from posterity.learning.results import damage_of
from posterity.numerics.grid.assign import Grid

_MISREAD = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError)
"""What reading JSON and rows of another form than they were written in leads to."""


def thumbnails(store: Store, repair: bool, limits: Limits) -> Iterator[Problem]:
    """Find thumbnails that do not decode, and make them from the posters' files."""
    bad = {digest for batch in store.thumbnail_batches() for digest, jpeg in batch.items() if not whole_jpeg(jpeg)}
    rows = [row for row in store.read(["source", "path", "sha256"]).to_pylist() if row["sha256"] in bad] if bad else []
    if not rows:
        return  # those of no poster any more are removed as such
    made: dict[str, bytes] = {}
    for row in rows if repair else ():
        found = inspect(row["source"], row["path"], None, limits)
        if isinstance(found, Picture) and found.sha256 == row["sha256"]:
            made[found.sha256] = found.thumbnail
    if made:
        store.remove_thumbnails(sorted(made))
        store.put_thumbnails(made)
    left = sum(row["sha256"] not in made for row in rows)
    about = f"{len(rows)} posters, {rows[0]['id']} among them"
    yield Problem("damaged_thumbnail", "thumbnails", about, "make them from the posters' files", repair and not left)


def vectors(store: Store, repair: bool, workers: int, show_progress: bool | None) -> Iterator[Problem]:
    """Find vectors with values that are not numbers, or with a length other than their encoder's, and make them."""
    for name, length in sorted(store.encoders.items()):
        try:
            encoder = ENCODERS.get(name)
        except UnknownNameError:
            continue
        bad: list[str] = []
        for ids, rows in store.vector_batches(name):
            bad += [ids[row] for row in np.flatnonzero(~np.isfinite(rows).all(axis=1)).tolist()]
        if length != encoder.spec.dimension:
            detail = f"they have {length} numbers each instead of {encoder.spec.dimension}"
        elif bad:
            detail = f"those of {len(bad)} posters contain values that are not numbers, {min(bad)} among them"
        else:
            continue
        failed: dict[str, str] = {}
        if repair:
            if bad:
                store.forget_vectors(name, bad)
            failed = dict(embed(store, [encoder], workers=workers, show_progress=show_progress).failed)
            detail += f"; {len(failed)} could not be encoded: {next(iter(failed.values()))}" if failed else ""
        yield Problem(
            "damaged_vectors", name, detail, "delete them, and encode the posters again", repair and not failed
        )


def kept(store: Store, rescue: Rescue | None) -> Iterator[Problem]:
    """Find walls, maps, splits and models that cannot be read, and discard them."""
    ids = {*store.read([])["id"].to_pylist()}
    for artefact in store.artefacts(damaged=True):
        if artefact.kind not in _CHECKS:
            if not artefact.readable:
                discard(store, rescue, artefact)
                why, remedy = (
                    "the record of how it was made cannot be read",
                    "discard it, keeping a copy; make it again",
                )
                yield Problem("damaged_artefact", artefact.name, why, remedy, rescue is not None)
            continue
        kind, check, command = _CHECKS[artefact.kind]
        try:
            why = check(store, artefact, ids)
        except StorageError:
            raise  # it could not be read, which is not damage
        except CatalogueError as error:
            why = error.problem
        except KeyError as error:
            why = f"{error} is missing"
        except _MISREAD as error:
            why = one_line(error)
        if why:
            discard(store, rescue, artefact)
            remedy = f"discard it, keeping a copy; then: posterity {command} -c {store.folder}"
            yield Problem(kind, artefact.name, why, remedy, rescue is not None)


def _grid(store: Store, artefact: Artefact, ids: set[str]) -> str:
    scores = _table(artefact.scores)
    _table(artefact.parameters)
    with np.errstate(invalid="ignore"):  # an empty cell becomes one that is outside
        there, cells = store.grid(artefact.name)
    if there and ("rows" in scores or current(store, artefact)):  # the first Posterity kept none: its walls are behind
        Grid(scores["rows"], scores["cols"], cells)
    return _strangers(store, artefact, there, ids)


def _layout(store: Store, artefact: Artefact, ids: set[str]) -> str:
    _table(artefact.scores)
    _table(artefact.parameters)
    with np.errstate(invalid="ignore"):
        there, points, _ = store.layout(artefact.name)
    if not np.isfinite(points).all():
        return "some of its positions are not numbers"
    return _strangers(store, artefact, there, ids)


def _strangers(store: Store, artefact: Artefact, there: list[str], ids: set[str]) -> str:
    """Report posters that are not in the catalogue; if the artefact is out of date, they may have left it since."""
    if not there:
        return "all of its rows are missing"
    if (strange := {*there} - ids) and current(store, artefact):
        return f"it names {len(strange)} posters that are not in the catalogue, {min(strange)!r} among them"
    return ""


def _split(store: Store, artefact: Artefact, ids: set[str]) -> str:
    _table(artefact.parameters)
    parts, labels = store.split(artefact.name)
    if not labels:
        return "all of its rows are missing"
    if not all(parts):
        return "one of its parts has no name"
    if ids and ids.isdisjoint(labels):
        return "none of its posters are in the catalogue"
    from posterity.learning.splits import PREFIX, load_split  # loads SciPy, which most commands need not wait for

    load_split(store, artefact.name.removeprefix(PREFIX))
    return ""


def _model(store: Store, artefact: Artefact, ids: set[str]) -> str:
    from posterity.learning.model import from_bytes, predictions_key  # loads SciPy

    _table(artefact.scores)
    predicted = _table(artefact.parameters).get("predicted")
    model = from_bytes(store.model(artefact.name))
    there, *numbers = store.predictions(artefact.name)
    if any(each.shape != (len(there), len(model.names)) or not np.isfinite(each).all() for each in numbers):
        return "its predictions are not one number for each label"
    strange = {*there} - ids
    if strange and model.encoders and current(store, predicted, predictions_key(store, model, model.encoders)):
        return (
            f"it has predictions for {len(strange)} posters that are not in the catalogue, {min(strange)!r} among them"
        )
    return ""


def _table(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("its parameters or scores are not a table")
    return found


_CHECKS = {
    "grid": ("damaged_layout", _grid, "wall"),
    "layout": ("damaged_layout", _layout, "map"),
    "split": ("damaged_split", _split, "split"),
    "model": ("damaged_model", _model, "train genres (or boxoffice)"),
}


def results(store: Store, rescue: Rescue | None) -> Iterator[Problem]:
    """Find results of experiments' runs that cannot be read, and discard them."""
    found = {result.key: why for result in store.results() if (why := damage_of(result))}
    if not found:
        return
    if rescue is not None:
        rescue.results(sorted(found))
        store.remove_results(sorted(found))
    detail = f"{len(found)} of them; the first: {next(iter(found.values()))}"
    yield Problem("damaged_result", "results", detail, "discard them, keeping a copy; run again", rescue is not None)


def sprites(store: Store, repair: bool) -> Iterator[Problem]:
    """Find sprites that cannot be read, and forget all of them: they are drawn again when next needed."""
    written, keys = store.atlas_order(), store.atlas_keys()
    bad = [key for key in keys if not whole_jpeg(store.atlas_pages([key]).get(key, (b"",))[0])]
    if (written is None or read_order(written) is not None) and not bad:
        return
    if repair:
        store.forget_atlas()
    detail = f"{len(bad)} of {len(keys)} pages do not decode" if bad else "the positions of its posters cannot be read"
    yield Problem("damaged_atlas", "atlases", detail, "remove them; the page draws them again", repair)
