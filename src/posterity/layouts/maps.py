"""Catalogue + encoder -> a map: every poster a point, alike ones near each other, with clusters and scores.

A map is kept in the catalogue. Asked for again, it is the same. Posters that were added meanwhile find their places on
it (:func:`posterity.numerics.projection.places.placed`) and no other moves, until a fifth of them are new; then, or
where asked for, it is made afresh and turned to lie as the one before.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Artefact, Store
from posterity.catalogue.provenance import CONTENT, Reads, artefact, current, key, made_with
from posterity.embedding.pipeline import load_every_vector
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import CatalogueError, MissingExtraError
from posterity.images import decode
from posterity.layouts.clusters import (
    Cluster,
    colour_words,
    counted,
    distinctive,
    find_clusters,
    name_cluster,
    representative,
)
from posterity.numerics.distances import Floats
from posterity.numerics.projection.layout import lay_out, n_steps
from posterity.numerics.projection.methods import METHODS, Layout, Points
from posterity.numerics.projection.places import aligned, placed
from posterity.numerics.scores.preservation import neighbourhood_scores
from posterity.runtime.progress import progress

READS = Reads((CONTENT, "genres", "year"))
"""What a map reads of the posters: its clusters' names tell of genres and years."""

MOST_NEW = 0.2
"""With a larger share of new posters than this, a map is made anew."""

N_NEAREST = 10
"""Neighbours that the scores count."""

BASELINE_SAMPLE = 300
"""Posters that the scores of baselines are sampled by where there are more."""

LOOKED_AT = 40
"""Posters, at most, whose colours tell what colours a cluster has; and ten times as many tell those of all."""


@dataclass(frozen=True)
class Map:
    """Posters in the plane.

    Attributes:
        method: "pca", "tsne", "umap", or one that another package registers.
        encoder: Whose vectors were laid out.
        positions: Poster id -> (x, y); x to the right, y up.
        trustworthiness: Are those that are near really alike? From 0 to 1, 0.5 at random.
        knn_preservation: The share of each poster's nearest that are among its nearest on the map.
        scores: Name -> [value, standard error]: these two and "continuity".
        baselines: The same of "random" places and, for all methods but "pca", of the principal plane, "pca".
        clusters: The dense regions, the largest first.
        new: How many posters found a place on a map that was there before.
        parameters: What it was made with.
    """

    method: str
    encoder: str
    positions: dict[str, tuple[float, float]]
    trustworthiness: float
    knn_preservation: float
    scores: dict[str, list[float]]
    baselines: dict[str, dict[str, list[float]]]
    clusters: tuple[Cluster, ...] = ()
    new: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)


def make_map(
    store: Store,
    encoder: str | Encoder,
    layout: Layout | None = None,
    *,
    where: str | None = None,
    fresh: bool = False,
    keep: bool = True,
    workers: int = 1,
    show_progress: bool | None = False,
) -> Map:
    """Lay out a map of all posters; the one in the catalogue is given or brought up to date if asked for as before.

    A map of a part of them is not kept.

    Args:
        store: The catalogue.
        encoder: Name or instance.
        layout: How; by default t-SNE.
        where: An SQL condition that posters must meet.
        fresh: Make it anew, even if there is one.
        keep: Store it in the catalogue, where that can be written.
        workers: Threads.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        CatalogueError: There are no posters, or some lack a vector.
        FilterError: ``where`` is not SQL over the catalogue's columns.
        MissingExtraError: The method's library is not installed.
    """
    layout = layout or Layout()
    found = ENCODERS.get(encoder)
    spec = found.spec
    total = store.count(where)
    if total == 0:
        what = "has no posters" if where is None else "has none that meets that condition"
        raise CatalogueError(f"catalogue {store.folder} {what}", "Build it from a folder of some, or ask for less.")
    name = f"map_{layout.method}_{spec.name}"
    made_by = {spec.name: spec.fingerprint}
    inputs = key(store, _reads(layout), encoders=made_by)
    known = store.artefact(name) if where is None else None
    if known and not (Layout(**json.loads(known.parameters)) == layout and made_with(known, made_by)):
        known = None
    if known and not fresh and current(store, known, inputs):
        ids, points, labels = store.layout(name)
        if len(ids) == total:
            return _map(spec.name, layout, ids, points, labels, json.loads(known.scores))
    # Read before the vectors: a picture that is replaced meanwhile is then known to be another.
    rows = {row["id"]: row for row in store.read(READS.columns, where).to_pylist()}
    ids, vectors = load_every_vector(store, found, where, total)
    rows |= {identity: dict.fromkeys(READS.columns) for identity in ids if identity not in rows}
    contents = [rows[identity][CONTENT] or "" for identity in ids]
    with progress(f"Laying out by {layout.method}", n_steps(layout), show_progress) as bar:
        points, new = _points(store, known, ids, contents, vectors, layout, fresh, workers, bar.update)
    labels = _clusters(points, layout)
    rng = np.random.default_rng(layout.random_state)
    scores: dict[str, Any] = {"scores": map_scores(vectors, points), "new": new}
    scores["baselines"] = {"random": map_scores(vectors, rng.random((len(ids), 2)), BASELINE_SAMPLE)}
    if layout.method != "pca":
        scores["baselines"]["pca"] = map_scores(vectors, lay_out(vectors, Layout("pca")), BASELINE_SAMPLE)
    scores["clusters"] = _described(store, rows, ids, vectors, labels)
    if keep and where is None:
        made = artefact(store, name, "layout", inputs, encoders=made_by, parameters=layout, scores=scores)
        store.put_layout(made, ids, contents, points, labels)
    return _map(spec.name, layout, ids, points, labels, scores)


def _reads(layout: Layout) -> Reads:
    """Give what a map reads, with the version of a method that another package registers."""
    version = METHODS.get(layout.method).version
    return READS + Reads(code=version) if version else READS


def remake_map(store: Store, kept: Artefact, *, keep: bool = True, show_progress: bool | None = False) -> Map:
    """Give a map that is kept, brought up to date as it was asked for.

    Raises:
        CatalogueError: Some posters lack a vector, or how it was asked for cannot be read.
    """
    try:
        layout = Layout(**json.loads(kept.parameters))
    except TypeError as error:
        raise CatalogueError(
            f"how {kept.name} was asked for is not known in catalogue {store.folder}: {error}",
            f"Make it anew: posterity map -c {store.folder}",
        ) from error
    return make_map(store, kept.encoder, layout, keep=keep, show_progress=show_progress)


def _points(
    store: Store,
    known: Artefact | None,
    ids: Sequence[str],
    contents: Sequence[str],
    vectors: Floats,
    layout: Layout,
    fresh: bool,
    workers: int,
    step: Any,
) -> tuple[Points, int]:
    """Give all places, and how many of them are new on a map that was there: also where a picture is another now."""
    place = {identity: i for i, identity in enumerate(ids)}
    old_ids, old, _ = store.layout(known.name) if known else ([], np.empty((0, 2)), None)
    shown = store.shown(known) if known else {}
    # What an older Posterity placed does not tell its picture, and stays where it is.
    kept = [
        i for i, identity in enumerate(old_ids)
        if identity in place and shown[identity] in (None, contents[place[identity]])
    ]  # fmt: skip
    at = np.array([place[old_ids[i]] for i in kept], np.int64)
    n_new = len(ids) - len(kept)
    if kept and not fresh and n_new <= MOST_NEW * len(ids):
        points = np.empty((len(ids), 2))
        points[at] = old[kept]
        new = np.setdiff1d(np.arange(len(ids)), at)
        if len(new):
            points[new] = placed(vectors[new], vectors[at], points[at])
        return points, n_new
    points = lay_out(vectors, layout, workers=workers, progress=step)
    if len(kept) > 2:
        centre = points.mean(axis=0)
        turned = aligned(points[at], old[kept])
        # The same turn for all: found on the shared ones, applied to every one.
        rotation = np.linalg.lstsq(points[at] - points[at].mean(axis=0), turned - turned.mean(axis=0), rcond=None)[0]
        # Rounded, so that a map made afresh twice is turned by the same, to the bit.
        points = (points - centre) @ rotation.round(9)
    return points, 0


def _clusters(points: Points, layout: Layout) -> NDArray[np.int64]:
    try:
        return find_clusters(points)
    except MissingExtraError:
        if layout.method != "pca":
            raise
        return np.full(len(points), -1, np.int64)  # the principal plane needs no extra, and does without clusters


def map_scores(
    vectors: Floats, points: NDArray[np.floating[Any]], n_sample: int | None = None
) -> dict[str, list[float]]:
    """Score where points are on a map: name -> [value, standard error]; nothing of fewer than 4 points."""
    if len(points) < 4:
        return {}
    near = neighbourhood_scores(vectors, points, N_NEAREST, n_sample=n_sample)
    return {
        "trustworthiness": [near.trustworthiness.value, near.trustworthiness.error],
        "continuity": [near.continuity.value, near.continuity.error],
        "knn_preservation": [near.preserved.value, near.preserved.error],
    }


def _described(
    store: Store,
    rows: Mapping[str, Mapping[str, Any]],
    ids: Sequence[str],
    vectors: Floats,
    labels: NDArray[np.int64],
) -> list[dict[str, str]]:
    """Name each cluster, and choose the poster that stands for it."""
    n_clusters = int(labels.max(initial=-1)) + 1
    if not n_clusters:
        return []
    genres = [tuple(rows[name]["genres"] or ()) for name in ids]
    decades = [() if rows[name]["year"] is None else (f"{rows[name]['year'] // 10 * 10}s",) for name in ids]
    digests = [rows[name][CONTENT] for name in ids]
    members = [np.flatnonzero(labels == cluster) for cluster in range(n_clusters)]
    rng = np.random.default_rng(0)
    looked = [_some(own, LOOKED_AT, rng) for own in members]
    whole = _some(np.arange(len(ids)), 10 * LOOKED_AT, rng)
    thumbnails = store.thumbnails(digests[i] for some in (*looked, whole) for i in some)
    words = {digest: colour_words(decode(jpeg, (24, 16))) for digest, jpeg in thumbnails.items()}
    colours = [words.get(digest, []) for digest in digests]
    of_all: list[tuple[Sequence[Sequence[str]], Counter[str], int]] = [
        (genres, counted(genres), len(ids)),
        (decades, counted(decades), len(ids)),
        (colours, counted(colours[i] for i in whole), len(whole)),
    ]
    found = []
    for own, some in zip(members, looked, strict=True):
        telling = [
            distinctive([said[i] for i in (some if said is colours else own.tolist())], counts, n)
            for said, counts, n in of_all
        ]
        found.append({"label": name_cluster(*telling), "representative": ids[representative(vectors, own)]})
    return found


def _some(items: NDArray[np.int64], most: int, rng: np.random.Generator) -> list[int]:
    return sorted((items if len(items) <= most else rng.choice(items, most, replace=False)).tolist())


def _map(
    encoder: str,
    layout: Layout,
    ids: Sequence[str],
    points: Points,
    labels: NDArray[np.int64],
    scores: Mapping[str, Any],
) -> Map:
    positions = {identity: (x, y) for identity, (x, y) in zip(ids, points.tolist(), strict=True)}
    clusters = []
    for number, known in enumerate(scores["clusters"]):
        members = tuple(ids[i] for i in np.flatnonzero(labels == number).tolist())
        own = known["representative"]
        clusters.append(Cluster(known["label"], len(members), own, positions[own], members))
    values = scores["scores"]
    return Map(
        method=layout.method,
        encoder=encoder,
        positions=positions,
        trustworthiness=values.get("trustworthiness", [float("nan")])[0],
        knn_preservation=values.get("knn_preservation", [float("nan")])[0],
        scores=values,
        baselines=scores["baselines"],
        clusters=tuple(clusters),
        new=scores["new"],
        parameters=asdict(layout),
    )
