"""Which posters of a catalogue are most like a query: posters, pictures, colours or words.

The query becomes one vector (:mod:`posterity.search.vectors`). Without weights it is compared by one encoder; with
weights, by facets (:mod:`posterity.search.facets`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster, Store
from posterity.encoders import ENCODERS, Encoder
from posterity.numerics.neighbours.approximate import Approximate
from posterity.numerics.neighbours.exact import Index, pair_distances, score
from posterity.search.facets import CONTENT, OF_FILMS, Asked, Facet, diverse, normalised
from posterity.search.pictures import Pictures, described, read_pictures
from posterity.search.query import Match, Matches, Wanted
from posterity.search.vectors import film_vector, vector_of

POOL = 10
"""Candidates for a diverse list, as a multiple of its length."""


def similar(store: Store, index: Index | Approximate, encoder: str | Encoder, wanted: Wanted) -> Matches:
    """Find the posters most like the query by one encoder, excluding the query's own posters.

    Args:
        store: The catalogue.
        index: The encoder's vectors in that catalogue.
        encoder: Name or instance.
        wanted: What to search for.

    Raises:
        ArgumentError: The encoder does not support text, or a search by colours.
        CatalogueError: There is no such poster, or it has no vector.
        ImageError: A picture cannot be read.
        FilterError: The filter is not SQL over the catalogue's columns.
    """
    found = ENCODERS.get(encoder)
    pictures = read_pictures(store, wanted)
    vector = vector_of(store, index, found, wanted, pictures)
    allowed = _allowed(store, index, wanted, pictures)
    metric = found.spec.metric
    if wanted.diversity:
        pool, near = index.nearest(vector, max(50, POOL * wanted.k), allowed)
        order = diverse(score(near, metric), _between(index, pool), wanted.k, wanted.diversity)
        rows, distances = pool[order], near[order]
    else:
        rows, distances = index.nearest(vector, wanted.k, allowed)
    found_scores = score(distances, metric)
    posters = store.get(index.ids[row] for row in rows)
    matches = [
        _match(posters[index.ids[row]], value, distance)
        for row, value, distance in zip(rows.tolist(), found_scores.tolist(), distances.tolist(), strict=True)
        if index.ids[row] in posters  # another process may have removed it since
    ]
    return Matches(described(store, wanted, pictures), found.spec.name, _enough(matches, wanted))


def steered(
    store: Store, facets: Mapping[str, Facet], content: str | Encoder, wanted: Wanted, weights: Mapping[str, float]
) -> Matches:
    """Find the posters most like the query by a weighted sum of facets.

    Args:
        store: The catalogue.
        facets: Facets by name; see :func:`posterity.search.facets.load_facets`.
        content: The encoder of the facet "content".
        wanted: What to search for.
        weights: Facet -> weight.

    Raises:
        ArgumentError: All weights are 0, or the query lacks a weighted facet: colours have no content.
        CatalogueError: There is no such poster, or it has no vector.
        ImageError: A picture cannot be read.
        FilterError: The filter is not SQL over the catalogue's columns.
        UnknownNameError: A facet is unknown.
    """
    shares = normalised(weights, facets)
    pictures = read_pictures(store, wanted)
    queries = {}
    for name in shares:
        facet = facets[name]
        if name in OF_FILMS:
            vector = film_vector(facet, wanted)
        elif wanted.colours and name != "colour":
            vector = None
        else:
            vector = vector_of(store, facet.index, ENCODERS.get(content if name == CONTENT else name), wanted, pictures)
        if vector is not None:
            queries[name] = vector
    index = next(iter(facets.values())).index
    allowed = _allowed(store, index, wanted, pictures)
    asked = Asked(facets, queries)
    ranked = asked.rank(weights, max(50, POOL * wanted.k) if wanted.diversity else wanted.k, allowed)
    order = list(range(len(ranked.rows)))
    if wanted.diversity:
        between = np.sum([share * facets[name].between(ranked.rows) for name, share in shares.items()], axis=0)
        order = diverse(ranked.scores, between, wanted.k, wanted.diversity)
    posters = store.get(index.ids[ranked.rows[at]] for at in order)
    matches = []
    for at in order:
        poster = posters.get(index.ids[ranked.rows[at]])
        if poster is not None:
            parts = {name: float(part[at]) for name, part in ranked.contributions.items()}
            value = float(ranked.scores[at])
            matches.append(_match(poster, value, -value, parts))
    return Matches(described(store, wanted, pictures), "facets", _enough(matches, wanted), shares)


def _allowed(store: Store, index: Index | Approximate, wanted: Wanted, pictures: Pictures) -> NDArray[np.bool_]:
    """Give the mask of rows that may be found: those that meet the filter, except the query's own posters."""
    allowed = np.ones(len(index.ids), bool)
    if wanted.where:
        allowed[:] = False
        places = (index.place(identity) for identity in store.read(["id"], wanted.where)["id"].to_pylist())
        allowed[[place for place in places if place is not None]] = True
    own = [*wanted.ids, *wanted.unlike, *pictures.own()]
    allowed[[place for place in map(index.place, own) if place is not None]] = False
    return allowed


def _between(index: Index | Approximate, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    m = len(rows)
    i, j = np.triu_indices(m, 1)
    near = np.ones((m, m))
    near[i, j] = near[j, i] = score(pair_distances(index.vectors, rows[i], rows[j], index.metric), index.metric)
    return near


def _enough(matches: Sequence[Match], wanted: Wanted) -> tuple[Match, ...]:
    return tuple(match for match in matches if wanted.min_score is None or match.score >= wanted.min_score)


def _match(poster: Poster, value: float, distance: float, parts: dict[str, float] | None = None) -> Match:
    title = poster.film.title or poster.id
    return Match(poster.id, title, value, distance, poster.film.year, poster.film.genres, parts)
