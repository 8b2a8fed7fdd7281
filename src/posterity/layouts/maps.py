"""Catalogue + encoder -> a map: every poster a point, similar ones near each other, with clusters and scores.

A map is stored in the catalogue and returned unchanged when requested again. Posters added since get places on it
(:func:`posterity.numerics.projection.places.placed`) and no other poster moves, until more than a fifth of them are
new; then, or on request, the map is laid out again and aligned with the previous one.
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
"""Columns that a map reads: the names of its clusters mention genres and years."""

MOST_NEW = 0.2
"""With a larger share of new posters than this, a map is laid out again."""

N_NEAREST = 10
"""Number of neighbours that the scores are computed over."""

BASELINE_SAMPLE = 300
"""Number of posters that the scores of baselines are sampled from, if there are more."""

LOOKED_AT = 40
"""The most posters sampled for the colours of a cluster; ten times as many are sampled for those of the whole map."""


@dataclass(frozen=True)
class Map:
    """Posters in the plane.

    Attributes:
        method: "pca", "tsne", "umap", or one that another package registers.
        encoder: Name of the encoder whose vectors were laid out.
        positions: Poster id -> (x, y); x to the right, y up.
        trustworthiness: Whether posters that are near each other really are alike: from 0 to 1, 0.5 at random.
        knn_preservation: The share of each poster's nearest by vector that are also among its nearest on the map.
        scores: Name -> [value, standard error]: these two and "continuity".
        baselines: The same scores for "random" positions and, except for the method "pca", for the principal plane,
            "pca".
        clusters: The dense regions, the largest first.
        new: Number of posters that were added to an existing map.
        parameters: The parameters it was made with.
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
    """Lay out a map of all posters; a stored map with the same parameters is returned, or brought up to date.

    A map of only some posters is not stored.

    Args:
        store: The catalogue.
        encoder: Name or instance.
        layout: Method and its options; by default t-SNE.
        where: An SQL condition that posters must meet.
        fresh: Lay it out again, even if there is one.
        keep: Store it in the catalogue, if that is writable.
        workers: Number of threads.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        CatalogueError: There are no posters, or some have no vector.
        FilterError: ``where`` is not SQL over the catalogue's columns.
        MissingExtraError: The method's library is not installed.
    """
    layout = layout or Layout()
    found = ENCODERS.get(encoder)
    spec = found.spec
    total = store.count(where)
    if total == 0:
        what = "has no posters" if where is None else "has no posters that meet the condition"
        raise CatalogueError(f"catalogue {store.folder} {what}", "Build it from a folder of posters, or widen --where.")
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
    # Read contents before vectors, so that a picture replaced in between is recognised as a different one.
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
    """Give what a map reads, including the version of a method that another package registers."""
    version = METHODS.get(layout.method).version
    return READS + Reads(code=version) if version else READS


def remake_map(store: Store, kept: Artefact, *, keep: bool = True, show_progress: bool | None = False) -> Map:
    """Bring a stored map up to date, with the parameters it was made with.

    Raises:
        CatalogueError: Some posters have no vector, or the parameters cannot be read.
    """
    try:
        layout = Layout(**json.loads(kept.parameters))
    except TypeError as error:
        raise CatalogueError(
            f"the parameters of {kept.name} in catalogue {store.folder} cannot be read: {error}",
            f"Make it again: posterity map -c {store.folder}",
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
    """Give all positions, and how many posters are new on an existing map (a changed picture counts as new)."""
    place = {identity: i for i, identity in enumerate(ids)}
    old_ids, old, _ = store.layout(known.name) if known else ([], np.empty((0, 2)), None)
    shown = store.shown(known) if known else {}
    # Older versions did not store the content of what they placed; those posters stay where they are.
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
        # The rotation is found from the posters that both maps show, and applied to all.
        rotation = np.linalg.lstsq(points[at] - points[at].mean(axis=0), turned - turned.mean(axis=0), rcond=None)[0]
        # Rounded, so that laying out the map twice gives the same rotation, bit for bit.
        points = (points - centre) @ rotation.round(9)
    return points, 0


def _clusters(points: Points, layout: Layout) -> NDArray[np.int64]:
    try:
        return find_clusters(points)
    except MissingExtraError:
        if layout.method != "pca":
            raise
        return np.full(len(points), -1, np.int64)  # the principal plane works without the extra, but has no clusters


def map_scores(
    vectors: Floats, points: NDArray[np.floating[Any]], n_sample: int | None = None
) -> dict[str, list[float]]:
    """Score the positions on a map: name -> [value, standard error]; empty for fewer than 4 points."""
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
    """Name each cluster, and choose its representative poster."""
    n_clusters = int(labels.max(initial=-1)) + 1
    if not n_clusters:
        return []
    genres = [tuple(rows[name]["genres"] or ()) for name in ids]
    decades = [() if rows[name]["year"] is None else (f"{rows[name]['year'] // 10 * 10}s",) for name in ids]
    digests = [rows[name][CONTENT] for name in ids]
    members = [np.flatnonzero(labels == cluster) for cluster in range(n_clusters)]
    rng = np.random.default_rng(0)
    samples = [_some(own, LOOKED_AT, rng) for own in members]
    whole = _some(np.arange(len(ids)), 10 * LOOKED_AT, rng)
    thumbnails = store.thumbnails(digests[i] for some in (*samples, whole) for i in some)
    words = {digest: colour_words(decode(jpeg, (24, 16))) for digest, jpeg in thumbnails.items()}
    colours = [words.get(digest, []) for digest in digests]
    of_all: list[tuple[Sequence[Sequence[str]], Counter[str], int]] = [
        (genres, counted(genres), len(ids)),
        (decades, counted(decades), len(ids)),
        (colours, counted(colours[i] for i in whole), len(whole)),
    ]
    found = []
    for own, some in zip(members, samples, strict=True):
        words_by_kind = [
            distinctive([each[i] for i in (some if each is colours else own.tolist())], counts, n)
            for each, counts, n in of_all
        ]
        found.append({"label": name_cluster(*words_by_kind), "representative": ids[representative(vectors, own)]})
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
