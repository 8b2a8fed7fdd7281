"""How good an encoder's vectors are for searching posters, compared with chance, with confidence intervals.

- **franchise recall@k**: of the posters whose film has a sibling in its franchise, the share that have one among their
  k nearest neighbours.
- **same film@k**: of the posters whose film has another poster, the share that have one among their k nearest.
- **genre agreement@5**: the share of the five nearest that have a genre in common; by chance, the share of all posters.
- **genre probe**: ridge regression from vectors to genres, each film predicted from the other folds; mean average
  precision (mAP) and mean area under the ROC curve (AUC) over the genres with enough films, and how often one of the
  three genres predicted first is right. The prior uses only how common each genre is.

For comparison, the table includes the expected scores of neighbours drawn at random ("random") and, on request, a
mixture of encoders: the weighted sum of their cosine similarities, each standardised over random pairs
(:mod:`posterity.search.facets`).

Intervals are 95%, by the percentile bootstrap over posters. Films of one franchise, and posters of one film, are in the
same fold of the probe, so that it cannot recognise what it was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.catalogue.provenance import CONTENT, Reads, current
from posterity.catalogue.schema import film_key
from posterity.embedding.pipeline import load_vectors
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import ArgumentError, CatalogueError
from posterity.numerics.linear.ridge import prior_scores, ridge_probe
from posterity.numerics.neighbours.exact import Metric, nearest_to_all, pair_distances
from posterity.numerics.scores.bootstrap import bootstrap_interval
from posterity.numerics.scores.classification import Score, average_precision, roc_auc
from posterity.numerics.scores.retrieval import group_hits_at_k, label_agreement_by_chance, label_agreements_at_k

Rows = NDArray[np.float32]
Labels = NDArray[np.float64]

RANDOM = "random"

READS = Reads((CONTENT, "genres", "collection", "imdb_id", "tmdb_id"))
"""Columns read for each poster; the content stands for its vectors."""

FIGURES = {
    "franchise_recall@1": "franchise_at_1",
    "franchise_recall@5": "franchise_at_5",
    "franchise_recall@10": "franchise_at_10",
    "same_film@1": "same_film_at_1",
    "same_film@5": "same_film_at_5",
    "genre_agreement@5": "genre_at_5",
    "genre_probe_mAP": "genre_map",
    "genre_probe_AUC": "genre_auc",
    "genre_one_of_3": "genre_top3",
}
"""Name of each figure, as reported -> the attribute of :class:`EncoderScores` that holds it."""

BASELINES = (RANDOM, "pixels")

FOLDS = 4
ENOUGH = 30
"""Posters that a genre needs to be scored."""


@dataclass(frozen=True)
class EncoderScores:
    """The scores of an encoder's vectors; None where the catalogue has too little data to compute one.

    Attributes:
        encoder: Its name; "random" draws neighbours at random and uses only how common each genre is.
        dimension: Length of its vectors.
        posters: Number of posters scored.
        queries: Number of films scored that have a sibling in their franchise.
        versions: Number of posters scored whose film has another poster.
        franchise_at_1: Franchise recall@1.
        franchise_at_5: Franchise recall@5.
        franchise_at_10: Franchise recall@10.
        same_film_at_1: Same-film recall@1.
        same_film_at_5: Same-film recall@5.
        genre_at_5: Genre agreement@5.
        genre_map: The probe's mean average precision.
        genre_auc: The probe's mean area under the ROC curve.
        genre_top3: How often one of the probe's first three genres is right.
    """

    encoder: str
    dimension: int
    posters: int
    queries: int
    versions: int = 0
    franchise_at_1: Score | None = None
    franchise_at_5: Score | None = None
    franchise_at_10: Score | None = None
    same_film_at_1: Score | None = None
    same_film_at_5: Score | None = None
    genre_at_5: Score | None = None
    genre_map: Score | None = None
    genre_auc: Score | None = None
    genre_top3: Score | None = None


# --- pure functions of arrays --------------------------------------------------------------------------------------


def folds_of(groups: Sequence[object], n_folds: int = FOLDS, seed: int = 0) -> NDArray[np.int64]:
    """Assign items to folds, keeping each group in one fold: (n,)."""
    _, inverse = np.unique(np.asarray([str(group) for group in groups]), return_inverse=True)
    return np.random.default_rng(seed).permutation(inverse.max() + 1)[inverse] % n_folds


def probe_figures(scores: Labels, labels: Labels, rows: NDArray[np.int64]) -> tuple[float, float, float]:
    """Score predictions on some rows: mAP, mean AUC, and the share with one of the first three labels right."""
    s, y = scores[rows], labels[rows]
    kept = [j for j in range(y.shape[1]) if 0 < y[:, j].sum() < len(y)]
    ap = np.mean([average_precision(s[:, j], y[:, j]) for j in kept])
    auc = np.mean([roc_auc(s[:, j], y[:, j]) for j in kept])
    first = np.argsort(-s, axis=1, kind="stable")[:, :3]
    return float(ap), float(auc), float(np.take_along_axis(y, first, 1).any(1).mean())


def probe_scores(scores: Labels, labels: Labels, n_resamples: int = 200, seed: int = 0) -> tuple[Score, Score, Score]:
    """Give the probe's figures with their intervals."""
    rng = np.random.default_rng(seed)
    whole = probe_figures(scores, labels, np.arange(len(labels)))
    drawn = [probe_figures(scores, labels, rng.integers(0, len(labels), len(labels))) for _ in range(n_resamples)]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    one, two, three = (Score(v, float(a), float(b)) for v, a, b in zip(whole, low, high, strict=True))
    return one, two, three


def _mean(values: NDArray[np.float64]) -> Score | None:
    return Score(float(values.mean()), *bootstrap_interval(values)) if len(values) else None


def score_vectors(
    name: str,
    vectors: Rows,
    metric: Metric,
    genres: Sequence[Sequence[str]],
    franchises: Sequence[str],
    films: Sequence[str],
) -> EncoderScores:
    """Score vectors against the metadata of their films.

    Args:
        name: Name of the encoder.
        vectors: Vectors, (n, d).
        metric: "cosine" or "euclidean".
        genres: Genres of each row's film.
        franchises: Franchise of each row's film, or "".
        films: Film of each row. Franchises and genres are scored on one poster per film, so that a film's other
            posters count neither as siblings nor as films that share its genre.
    """
    own = _numbers(films)
    versions = {k: group_hits_at_k(nearest_to_all(vectors, k, metric)[0], own) for k in (1, 5)}
    first = np.sort(np.unique(own, return_index=True)[1])
    near, _ = nearest_to_all(vectors[first], 10, metric)
    hits = {k: group_hits_at_k(near[:, :k], _numbers(franchises)[first]) for k in (1, 5, 10)}
    labels, every, fold, known = _genres(genres, franchises, films)
    probe = probe_scores(ridge_probe(vectors[known], labels, fold), labels) if labels.size else (None,) * 3
    return EncoderScores(
        name,
        vectors.shape[1],
        len(vectors),
        len(hits[1]),
        len(versions[1]),
        _mean(hits[1]),
        _mean(hits[5]),
        _mean(hits[10]),
        _mean(versions[1]),
        _mean(versions[5]),
        _mean(label_agreements_at_k(near[:, :5], every[first])) if every.size else None,
        *probe,
    )


def score_random(genres: Sequence[Sequence[str]], franchises: Sequence[str], films: Sequence[str]) -> EncoderScores:
    """Compute the expected scores of neighbours drawn at random and of a probe that uses only how common genres are."""
    labels, every, fold, _ = _genres(genres, franchises, films)
    probe = probe_scores(prior_scores(labels, fold), labels) if labels.size else (None,) * 3
    own = _numbers(films)
    first = np.sort(np.unique(own, return_index=True)[1])
    groups, shown = _numbers(franchises)[first], every[first]
    labelled = shown[shown.any(1)]
    chance = _sure(label_agreement_by_chance(labelled)) if len(labelled) > 1 else None
    siblings, versions = _siblings(groups), _siblings(own)
    found = [_sure(hit_by_chance(siblings, len(first), k)) for k in (1, 5, 10)]
    same = [_sure(hit_by_chance(versions, len(films), k)) for k in (1, 5)]
    return EncoderScores(
        RANDOM, 0, len(genres), len(siblings), len(versions), found[0], found[1], found[2], same[0], same[1], chance,
        *probe,
    )  # fmt: skip


def hit_by_chance(siblings: NDArray[np.int64], n: int, k: int) -> float | None:
    """Compute how often one of k items, drawn at random from the other n - 1, is one of a query's siblings, on average.

    1 - C(n - 1 - s, k) / C(n - 1, k) for s siblings (the hypergeometric distribution); None where there are no queries.
    """
    if not len(siblings):
        return None
    drawn = np.arange(min(k, n - 1))
    missed = np.prod(np.clip(n - 1 - siblings[:, None] - drawn, 0, None) / (n - 1 - drawn), axis=1)
    return float(1 - missed.mean())


def mixture(vectors: Sequence[Rows], weights: Sequence[float]) -> Rows:
    """Join vectors of unit length so that their products are the weighted sums of standardised cosine similarities.

    Args:
        vectors: Vectors of each encoder, (n, d).
        weights: Weight of each encoder; not negative.

    Returns:
        (n, Σ d), of unit length.
    """
    rng = np.random.default_rng(0)
    n = len(vectors[0])
    i = rng.integers(0, n, 50_000)
    j = (i + rng.integers(1, max(n, 2), 50_000)) % n
    parts = []
    for rows, weight in zip(vectors, weights, strict=True):
        deviation = max(float(pair_distances(rows, i, j, "cosine").std()), 1e-9)
        parts.append(rows * np.float32((weight / deviation) ** 0.5))
    joined = np.hstack(parts)
    return np.asarray(joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), 1e-12))


def _sure(value: float | None) -> Score | None:
    return None if value is None else Score(value, value, value)


def _siblings(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the siblings of each item that has any."""
    known = groups[groups >= 0]
    _, inverse, counts = np.unique(known, return_inverse=True, return_counts=True)
    siblings = counts[inverse] - 1 if len(known) else known
    return np.asarray(siblings[siblings > 0], np.int64)


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    """Number names; -1 is none."""
    _, numbers = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    return np.where([bool(name) for name in names], numbers, -1)


def _genres(
    genres: Sequence[Sequence[str]], franchises: Sequence[str], films: Sequence[str]
) -> tuple[Labels, NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Give the probe's labels for rows with a genre, the genres of all rows, the folds, and those rows' numbers."""
    names = sorted({genre for row in genres for genre in row})
    every = np.array([[name in row for name in names] for row in genres], bool).reshape(len(genres), len(names))
    known = np.flatnonzero(every.any(1))
    labels = every[known][:, every.sum(0) >= ENOUGH].astype(np.float64)
    fold = folds_of([franchises[i] or f"film {films[i]}" for i in known.tolist()]) if len(known) else known
    if len(np.unique(fold)) < FOLDS:
        labels = labels[:, :0]
    return labels, every, fold, known


def baselines(table: Sequence[EncoderScores]) -> dict[str, dict[str, float | None]]:
    """Extract the figures of the baselines: baseline -> figure -> value."""
    found = {}
    for row in table:
        if row.encoder in BASELINES:
            scores = {name: getattr(row, attribute) for name, attribute in FIGURES.items()}
            found[row.encoder] = {name: None if score is None else score.value for name, score in scores.items()}
    return found


@dataclass(frozen=True)
class LayoutScores:
    """How well a wall or map in a catalogue keeps similar posters together.

    Attributes:
        name: Name of the layout, or of one of its baselines: "wall_content_poster", "wall_content_poster: random".
        kind: "wall" or "map".
        encoder: Name of the encoder whose vectors it was made from.
        posters: Number of posters on it.
        scores: Name -> value with its interval, which has no width where the value is exact.
    """

    name: str
    kind: str
    encoder: str
    posters: int
    scores: dict[str, Score]


LAYOUT_FIGURES = (
    "dpq16", "trustworthiness", "continuity", "knn_preservation", "quantization_error", "topographic_error",
    "collisions",
)  # fmt: skip
"""Figures reported for walls and maps; see :mod:`posterity.numerics.scores.preservation` and
:mod:`posterity.numerics.scores.maps`."""


def layout_scores(store: Store) -> list[LayoutScores]:
    """List the scores of the walls and maps in a catalogue, each followed by its baselines, with 95% intervals.

    A layout that is out of date is left out: its scores describe posters that have changed since.
    """
    found = []
    for artefact in store.artefacts():
        kind = {"grid": "wall", "layout": "map"}.get(artefact.kind)
        known = json.loads(artefact.scores) if kind else {}
        if kind is None or "scores" not in known or not current(store, artefact):
            continue
        n = len((store.grid if kind == "wall" else store.layout)(artefact.name)[0])
        own = {name: _around(*pair) for name, pair in known["scores"].items()}
        for name in ("quantization_error", "topographic_error"):
            if name in known:
                own[name] = _around(known[name], 0.0)
        found.append(LayoutScores(artefact.name, kind, artefact.encoder, n, own))
        for baseline, scores in known["baselines"].items():
            figures = {name: _around(*pair) for name, pair in scores.items()}
            if baseline == "som" and known.get("collisions") is not None:
                figures["collisions"] = _around(known["collisions"], 0.0)
            found.append(LayoutScores(f"{artefact.name}: {baseline}", kind, artefact.encoder, n, figures))
    return found


def _around(value: float, error: float) -> Score:
    return Score(value, value - 1.96 * error, value + 1.96 * error)


# --- a catalogue ---------------------------------------------------------------------------------------------------


def evaluate(
    store: Store,
    encoders: Sequence[str | Encoder] = (),
    where: str | None = None,
    weights: Mapping[str, float] | None = None,
    content: str | Encoder = "poster",
) -> list[EncoderScores]:
    """Score the encoders whose vectors a catalogue holds: chance first, the mixture last.

    Args:
        store: The catalogue.
        encoders: Names or instances; if empty, all that have vectors.
        where: An SQL condition on posters.
        weights: Encoder -> weight in the mixture to score, if any; "content" stands for ``content``.
        content: The encoder that "content" stands for; name or instance.

    Raises:
        ArgumentError: Fewer than two posters are left, or a weight is negative or its encoder has no cosine similarity.
        CatalogueError: There are no vectors of an encoder, or no posters.
        FilterError: ``where`` is not SQL over the catalogue's columns.
    """
    wanted = [ENCODERS.get(encoder) for encoder in (encoders or sorted(store.encoders))]
    if not wanted:
        raise CatalogueError(f"catalogue {store.folder} has no vectors", f"Run: posterity embed -c {store.folder}")
    columns = store.read(READS.columns, where).to_pylist()
    films = {row["id"]: row for row in columns}
    if len(films) < 2:
        raise ArgumentError("fewer than two posters are left to evaluate", "Widen --where or --view.")

    def known(ids: Sequence[str]) -> tuple[list[tuple[str, ...]], list[str], list[str]]:
        rows = [films[identity] for identity in ids]
        return (
            [tuple(row["genres"] or ()) for row in rows],
            [row["collection"] or "" for row in rows],
            [film_key(row["id"], row["imdb_id"], row["tmdb_id"]) for row in rows],
        )

    table: list[EncoderScores] = []
    for encoder in wanted:
        ids, vectors = load_vectors(store, encoder, where)
        if not table:
            table.append(score_random(*known(ids)))
        table.append(score_vectors(encoder.spec.name, vectors, encoder.spec.metric, *known(ids)))
    if weights:
        ids, vectors = _mixed(store, weights, content, where)
        table.append(score_vectors(" + ".join(weights), vectors, "cosine", *known(ids)))
    return table


def _mixed(
    store: Store, weights: Mapping[str, float], content: str | Encoder, where: str | None
) -> tuple[list[str], Rows]:
    loaded = {}
    for name, weight in weights.items():
        encoder = ENCODERS.get(content if name == "content" else name)
        if encoder.spec.metric != "cosine" or not weight > 0:
            raise ArgumentError(
                f"{name}={weight} cannot be mixed", "Give positive weights, of encoders compared by cosine similarity."
            )
        loaded[name] = load_vectors(store, encoder, where)
    ids = sorted(set.intersection(*(set(own) for own, _ in loaded.values())))
    rows = []
    for own, vectors in loaded.values():
        place = {identity: i for i, identity in enumerate(own)}
        rows.append(vectors[[place[identity] for identity in ids]])
    return ids, mixture(rows, list(weights.values()))
