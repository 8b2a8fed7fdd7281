"""Why two posters are alike: each facet's contribution to the score, and the regions and colours behind it.

Regions are found by covering them (M. D. Zeiler, R. Fergus, *Visualizing and Understanding Convolutional Networks*,
2014): if covering a region of one poster makes it less like the other, that region made them alike. It works for any
encoder, because it needs only its vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.catalogue.pictures import picture_of
from posterity.encoders import ENCODERS, Encoder
from posterity.encoders.palette import palette
from posterity.errors import CatalogueError
from posterity.images import fit, shrink, tier
from posterity.search.duplicates import alignments, same_artwork
from posterity.search.facets import CONTENT, OF_FILMS, Facet, normalised, queries_of

RGB = NDArray[np.uint8]
Grid = NDArray[np.float64]

GRID = (9, 6)
"""Rows and columns of regions."""

REACH = 0.5
"""How far a cover extends beyond its region's edges, in regions, so that details on an edge count for both sides."""


@dataclass(frozen=True)
class Explanation:
    """Why two posters are alike.

    Attributes:
        a: Id of the first poster.
        b: Id of the second.
        titles: Titles of their films, or their ids.
        score: Sum of the contributions; 0 is a random pair.
        contributions: Facet -> its contribution to the score; 0 if the facet is unknown for either poster.
        weights: Facet -> its share of the weights.
        regions: Facet -> two (9, 6) arrays, one per poster: how much the facet's contribution drops when each region
            is covered.
        palettes: Colours of each poster as "#rrggbb" with their shares of the area, the largest first.
        same_artwork: Whether they show the same artwork.
    """

    a: str
    b: str
    titles: tuple[str, str]
    score: float
    contributions: dict[str, float]
    weights: dict[str, float]
    regions: dict[str, tuple[Grid, Grid]]
    palettes: tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]]
    same_artwork: bool


def explain(
    store: Store,
    facets: Mapping[str, Facet],
    content: str | Encoder,
    a: str,
    b: str,
    weights: Mapping[str, float],
) -> Explanation:
    """Explain why two posters of a catalogue are alike.

    Args:
        store: The catalogue.
        facets: Facets by name; see :func:`posterity.search.facets.load_facets`.
        content: The encoder of the facet "content".
        a: Id of the first poster.
        b: Id of the second.
        weights: Facet -> weight.

    Raises:
        CatalogueError: There is no such poster, or it has no vector.
        ArgumentError: All weights are 0.
        UnknownNameError: A facet is unknown.
    """
    shares = normalised(weights, facets)
    posters = store.get([a, b])
    index = next(iter(facets.values())).index
    for identity in (a, b):
        if identity not in posters:
            raise CatalogueError(
                f"catalogue {store.folder} has no poster {identity!r}",
                f"List the ids: posterity list -c {store.folder}",
            )
        if index.place(identity) is None:
            raise CatalogueError(
                f"poster {identity!r} has no vectors for these facets", f"Run: posterity embed -c {store.folder}"
            )
    places = np.array([index.place(a), index.place(b)], np.int64)
    pictures = [picture_of(store, posters[identity]) for identity in (a, b)]
    contributions, regions = {}, {}
    for name, share in shares.items():
        facet = facets[name]
        own = [queries_of(int(place), {name: facet}).get(name) for place in places]
        if own[0] is None or own[1] is None:
            contributions[name] = 0.0
            continue
        whole = float(facet.exactly(own[0], places[1:])[0])
        contributions[name] = share * whole
        if name not in OF_FILMS:
            encoder = ENCODERS.get(content if name == CONTENT else name)
            first = _region_drops(facet, encoder, pictures[0], own[1])
            second = _region_drops(facet, encoder, pictures[1], own[0])
            regions[name] = (share * first, share * second)
    alignment = next(alignments(store, [posters[a].sha256, posters[b].sha256], np.array([[0, 1]])))
    return Explanation(
        a,
        b,
        (posters[a].film.title or a, posters[b].film.title or b),
        sum(contributions.values()),
        contributions,
        shares,
        regions,
        (_palette(pictures[0]), _palette(pictures[1])),
        same_artwork(alignment),
    )


def _region_drops(facet: Facet, encoder: Encoder, picture: RGB, other: NDArray[np.float32]) -> Grid:
    """Measure how much similarity to another vector drops when each region of a picture is covered."""
    spec = encoder.spec
    # Cover before fitting, so that regions refer to the whole poster, whatever the encoder crops.
    small = shrink(picture, tier(spec.size) or picture.shape[:2])
    vectors = encoder.encode(np.stack([fit(one, spec.size, spec.fit) for one in (small, *covered(small))]))
    distances = _distances(facet, vectors, other)
    drops = (distances[1:] - distances[0]) / facet.deviation
    return np.asarray(drops.reshape(GRID))


def covered(picture: RGB) -> list[RGB]:
    """Cover each region of a picture, row by row, with the picture's mean colour."""
    height, width = picture.shape[:2]
    mean = picture.reshape(-1, 3).mean(0).round().astype(np.uint8)
    pictures = []
    for row in range(GRID[0]):
        for col in range(GRID[1]):
            one = picture.copy()
            top, bottom = ((row + edge) / GRID[0] * height for edge in (-REACH, 1 + REACH))
            left, right = ((col + edge) / GRID[1] * width for edge in (-REACH, 1 + REACH))
            one[max(0, round(top)) : round(bottom), max(0, round(left)) : round(right)] = mean
            pictures.append(one)
    return pictures


def _distances(facet: Facet, vectors: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    squares = ((vectors.astype(np.float64) - other.astype(np.float64)) ** 2).sum(1)
    return np.asarray(squares / 2 if facet.index.metric == "cosine" else np.sqrt(squares))


def _palette(picture: RGB) -> tuple[tuple[str, float], ...]:
    colours, shares = palette(picture)
    return tuple(
        ("#{:02x}{:02x}{:02x}".format(*colour), float(share))
        for colour, share in zip(colours.tolist(), shares.tolist(), strict=True)
    )
