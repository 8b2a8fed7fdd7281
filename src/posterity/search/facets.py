"""Steerable similarity: a score that is a weighted sum over facets and shows each facet's contribution.

A facet is one way of being alike: in colour, in composition, in content (what a network sees), in genre, in era. Each
facet has its own unit, so each distance d is standardised over random pairs of the collection,

    z = (mean - d) / standard deviation,

and the score of a poster is the sum of w / Σ|w| · z over the facets. In every facet, z of two random posters has mean 0
and standard deviation 1, so equal weights have equal influence. Where a poster lacks a facet (it has no genre, say), z
is that of a random pair, 0. Negative weights favour posters that differ in a facet.

A single facet ranks by its own distances, exactly as a search by its encoder does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster, Store
from posterity.embedding.held import held_vectors
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import ArgumentError, UnknownNameError
from posterity.numerics.neighbours.exact import Index, exact_distances, nearest_to_all, pair_distances
from posterity.settings import names_in

Vector = NDArray[np.float32]
Rows = NDArray[np.int64]

CONTENT = "content"
"""The facet of what a network sees, by whichever encoder is chosen."""

OF_ENCODERS = ("colour", "composition")
OF_FILMS = ("genre", "era")
FACETS = (*OF_ENCODERS, CONTENT, *OF_FILMS)

ERA_YEARS = 10.0
"""Number of years that count as 1 in the era's distance; standardising cancels it out."""

SAMPLE = 50_000
"""Number of random pairs that a facet is standardised over."""


class Facet:
    """One way of being alike, standardised.

    Args:
        name: "colour", "composition", "content", "genre" or "era".
        index: Its vectors; all facets of a blend hold the same posters.
        known: (n,) mask of the posters that have this facet; None if all do.

    Attributes:
        mean: Mean distance of random pairs.
        deviation: Standard deviation of those distances.
    """

    def __init__(self, name: str, index: Index, known: NDArray[np.bool_] | None = None) -> None:
        self.name = name
        self.index = index
        self.known = None if known is None or known.all() else known
        rows = np.arange(len(index.ids)) if self.known is None else np.flatnonzero(self.known)
        self.mean, self.deviation = 0.0, 1.0
        if len(rows) > 1:
            rng = np.random.default_rng(0)
            i = rng.integers(0, len(rows), SAMPLE)
            j = (i + rng.integers(1, len(rows), SAMPLE)) % len(rows)
            distances = pair_distances(index.vectors, rows[i], rows[j], index.metric)
            self.mean, self.deviation = float(distances.mean()), max(float(distances.std()), 1e-9)

    def standardised(self, query: Vector) -> Vector:
        """Compute how near all posters are to a query, in float32: (n,), 0 for a random poster."""
        z = (np.float32(self.mean) - self.index.distances_to(query)) / np.float32(self.deviation)
        if self.known is not None:
            z[~self.known] = 0
        return np.asarray(z, np.float32)

    def exactly(self, query: Vector, rows: Rows) -> NDArray[np.float64]:
        """Compute the same for some posters, in float64, each from its own vector alone."""
        z = (self.mean - exact_distances(self.index.vectors, rows, query, self.index.metric)) / self.deviation
        return z if self.known is None else np.where(self.known[rows], z, 0.0)

    def between(self, rows: Rows) -> NDArray[np.float64]:
        """Compute how near some posters are to each other: (m, m) float64."""
        m = len(rows)
        i, j = np.triu_indices(m, 1)
        z = np.full((m, m), self.mean / self.deviation)
        distances = pair_distances(self.index.vectors, rows[i], rows[j], self.index.metric)
        z[i, j] = z[j, i] = (self.mean - distances) / self.deviation
        if self.known is not None:
            unknown = ~self.known[rows]
            z[unknown] = 0
            z[:, unknown] = 0
        return z


@dataclass(frozen=True)
class Ranked:
    """Rows found by a blend of facets, the most alike first.

    Attributes:
        rows: (k,) row numbers.
        scores: (k,) sums of the contributions.
        contributions: Facet -> its (k,) contributions.
    """

    rows: Rows
    scores: NDArray[np.float64]
    contributions: dict[str, NDArray[np.float64]]


class Asked:
    """A query by facets. The nearness of all posters is computed once per facet; weights can then change at no cost.

    Args:
        facets: Facets by name.
        queries: Facet -> vector of the query; facets without one cannot be given a weight.
    """

    def __init__(self, facets: Mapping[str, Facet], queries: Mapping[str, Vector]) -> None:
        self.facets = facets
        self.queries = queries
        self._near: dict[str, Vector] = {}

    def rank(self, weights: Mapping[str, float], k: int, allowed: NDArray[np.bool_] | None = None) -> Ranked:
        """Find the k posters of the highest scores, exactly; ties by row.

        Args:
            weights: Facet -> weight; facets of weight 0 are ignored.
            k: Number of posters to find.
            allowed: (n,) mask of the rows that may be returned; None allows all.

        Raises:
            ArgumentError: All weights are 0, or one is not a finite number.
            UnknownNameError: A facet is unknown.
        """
        shares = normalised(weights, self.facets)
        for name in shares:
            if name not in self.queries:
                raise ArgumentError(
                    f"the query has no {name}",
                    f"Leave {name} out of the weights; the query has: {_names(self.queries)}.",
                )
        if len(shares) == 1:
            ((name, share),) = shares.items()
            facet = self.facets[name]
            if facet.known is None and share > 0:
                rows, distances = facet.index.nearest(self.queries[name], k, allowed)
                z = share * (facet.mean - distances) / facet.deviation
                return Ranked(rows, z, {name: z})
        total = np.zeros(len(next(iter(self.facets.values())).index.ids), np.float32)
        slack = 0.0
        for name, share in shares.items():
            total += np.float32(share) * self._standardised(name)
            slack += abs(share) * self._slack(name)
        if allowed is not None:
            total[~allowed] = -np.inf
        k = min(k, len(total) if allowed is None else int(np.count_nonzero(allowed)))
        if k == 0:
            return Ranked(np.empty(0, np.int64), np.empty(0), {name: np.empty(0) for name in shares})
        kth = np.partition(total, len(total) - k)[len(total) - k]
        rows = np.flatnonzero(total >= kth - 2 * slack)
        parts = {name: share * self.facets[name].exactly(self.queries[name], rows) for name, share in shares.items()}
        scores = np.sum(list(parts.values()), axis=0)
        order = np.lexsort((rows, -scores))[:k]
        return Ranked(rows[order], scores[order], {name: part[order] for name, part in parts.items()})

    def _standardised(self, name: str) -> Vector:
        if name not in self._near:
            self._near[name] = self.facets[name].standardised(self.queries[name])
        return self._near[name]

    def _slack(self, name: str) -> float:
        """Bound the error of a facet's float32 values."""
        facet, query = self.facets[name], self.queries[name]
        length = max(float(np.linalg.norm(query)), 1.0)
        error = facet.index.slack * length
        # Euclidean distances come from their squares: an error e of the square is at most √(2e) of the distance.
        error = error if facet.index.metric == "cosine" else float(np.sqrt(4 * error * length))
        return error / facet.deviation + 1e-5


def normalised(weights: Mapping[str, float], facets: Mapping[str, object]) -> dict[str, float]:
    """Turn weights into shares whose absolute values sum to 1, leaving out weights of 0.

    Raises:
        ArgumentError: All weights are 0, or one is not a finite number.
        UnknownNameError: A facet is unknown.
    """
    for name, weight in weights.items():
        if name not in facets:
            raise UnknownNameError("facet", name, list(facets))
        if not np.isfinite(weight):
            raise ArgumentError(f"the weight of {name} is {weight}", "Weights are numbers such as 1 or 0.5.")
    whole = sum(abs(weight) for weight in weights.values())
    if whole == 0:
        raise ArgumentError("no facet has a weight other than 0", "Try --weights colour=1,content=0.5.")
    return {name: weight / whole for name, weight in weights.items() if weight}


def parse_weights(text: str) -> dict[str, float]:
    """Read weights as written on the command line.

    Raises:
        ArgumentError: A weight is not a number.

    >>> parse_weights("colour=1, content=0.5")
    {'colour': 1.0, 'content': 0.5}
    """
    weights: dict[str, float] = {}
    for part in names_in(text, "weights"):
        name, equals, number = part.partition("=")
        try:
            weights[name.strip()] = float(number) if equals else 1.0
        except ValueError as error:
            raise ArgumentError(f"invalid weight {part!r}", "Write --weights colour=1,content=0.5.") from error
    return weights


def diverse(scores: NDArray[np.float64], between: NDArray[np.float64], k: int, diversity: float) -> list[int]:
    """Choose k of m candidates that are near to the query and unlike each other: maximal marginal relevance.

    J. Carbonell, J. Goldstein, *The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing
    Summaries*, SIGIR 1998: one by one, the largest of (1 - diversity) · score - diversity · nearness to those chosen.

    Args:
        scores: (m,) nearness to the query, the largest first.
        between: (m, m) nearness of candidates to each other, in the same units.
        k: Number of candidates to choose.
        diversity: From 0, the order of scores, to 1, as different from each other as possible.
    """
    chosen: list[int] = []
    nearest = np.full(len(scores), -np.inf)
    left = np.ones(len(scores), bool)
    for _ in range(min(k, len(scores))):
        value = (1 - diversity) * scores - (diversity * nearest if chosen else 0)
        best = int(np.argmax(np.where(left, value, -np.inf)))
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, between[best])
    return chosen


# --- from a catalogue ------------------------------------------------------------------------------------------------


def load_facets(
    store: Store,
    names: Sequence[str],
    content: str | Encoder,
    load: Callable[[Encoder], Index] | None = None,
    held: Iterable[Facet] = (),
) -> dict[str, Facet]:
    """Load the named facets of a catalogue; they hold the posters that have vectors for all of them.

    Args:
        store: The catalogue.
        names: Names of the facets.
        content: The encoder of the facet "content".
        load: Function that gives an encoder's vectors; None reads them from the catalogue.
        held: Facets made earlier from the same vectors; reused where they hold the same posters.

    Raises:
        CatalogueError: An encoder has no vectors in the catalogue.
        UnknownNameError: A facet is unknown.
    """
    for name in names:
        if name not in FACETS:
            raise UnknownNameError("facet", name, FACETS)
    encoders = {name: ENCODERS.get(content if name == CONTENT else name) for name in names if name not in OF_FILMS}
    loaded = {name: (load or partial(held_vectors, store))(encoder) for name, encoder in encoders.items()}
    films = store.read(["genres", "year"])
    ids = films["id"].to_pylist()
    for index in loaded.values():
        ids = [identity for identity in ids if index.place(identity) is not None]
    facets = {facet.name: facet for facet in held if facet.name in names and facet.index.ids == ids}
    for name, index in loaded.items():
        if name not in facets:
            if len(index.ids) > len(ids):
                here = set(ids)
                rows = [row for row, identity in enumerate(index.ids) if identity in here]
                index = Index(ids, index.vectors[rows], index.metric)
            facets[name] = Facet(name, index)
    if set(names) & set(OF_FILMS) - set(facets):
        columns = (films[name].to_pylist() for name in ("genres", "year"))
        of_film = dict(zip(films["id"].to_pylist(), zip(*columns, strict=True), strict=True))
        known = [of_film[identity] for identity in ids]
        if "genre" in names:
            facets["genre"] = genre_facet(ids, [genres or [] for genres, _ in known])
        if "era" in names:
            facets["era"] = era_facet(ids, [year for _, year in known])
    return {name: facets[name] for name in names}


def genre_facet(ids: Sequence[str], genres: Sequence[Sequence[str]]) -> Facet:
    """Make the genre facet: films are near if they share genres (cosine of their genre sets; Ochiai 1957)."""
    names = sorted({name for row in genres for name in row})
    rows = np.zeros((len(ids), max(len(names), 1)), np.float32)
    place = {name: i for i, name in enumerate(names)}
    for row, found in zip(rows, genres, strict=True):
        row[[place[name] for name in set(found)]] = 1
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return Facet("genre", Index(ids, rows / np.maximum(lengths, 1), "cosine"), (lengths > 0)[:, 0])


def era_facet(ids: Sequence[str], years: Sequence[int | None]) -> Facet:
    """Make the era facet: films are near if their years are."""
    known = np.array([year is not None for year in years], bool)
    rows = np.array([[(year or 0) / ERA_YEARS] for year in years], np.float32).reshape(-1, 1)
    return Facet("era", Index(ids, rows, "euclidean"), known)


def queries_of(poster_row: int, facets: Mapping[str, Facet]) -> dict[str, Vector]:
    """Give a poster's own vectors, for the facets that it has."""
    return {
        name: facet.index.vectors[poster_row]
        for name, facet in facets.items()
        if facet.known is None or facet.known[poster_row]
    }


def neighbourhoods(facets: Mapping[str, Facet], k: int) -> tuple[Rows, Rows, dict[str, NDArray[np.float64]]]:
    """Find each poster's k nearest by every facet, with their nearness by all facets, so that they can be re-ranked.

    Args:
        facets: Facets by name, of the same posters.
        k: Number of neighbours per facet.

    Returns:
        Rows (m,) sorted, their neighbours (m,), and facet -> standardised nearness (m,).
    """
    n = len(next(iter(facets.values())).index.ids)
    listed = []
    for facet in facets.values():
        near, _ = nearest_to_all(facet.index.vectors, k, facet.index.metric)
        own = np.repeat(np.arange(n), near.shape[1])
        kept = slice(None) if facet.known is None else facet.known[own] & facet.known[near.ravel()]
        listed.append((own * n + near.ravel())[kept])
    both = np.unique(np.concatenate(listed))
    i, j = both // n, both % n
    nearness = {}
    for name, facet in facets.items():
        z = (facet.mean - pair_distances(facet.index.vectors, i, j, facet.index.metric)) / facet.deviation
        nearness[name] = z if facet.known is None else np.where(facet.known[i] & facet.known[j], z, 0.0)
    return i, j, nearness


def titled(poster: Poster) -> str:
    """Give the title of a poster's film, or the poster's id if there is none."""
    return poster.film.title or poster.id


def _names(queries: Mapping[str, object]) -> str:
    return ", ".join(queries) or "nothing"
