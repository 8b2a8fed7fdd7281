"""Turning a query into one vector: the mean of the likes minus half the mean of the unlikes (Rocchio 1971)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.encoders import Encoder
from posterity.errors import ArgumentError, CatalogueError, ImageError
from posterity.numerics.neighbours.approximate import Approximate
from posterity.numerics.neighbours.exact import Index, Metric
from posterity.search.facets import Facet
from posterity.search.pictures import Pictures, Searched
from posterity.search.query import Wanted, stripes
from posterity.search.text import text_vectors

Vector = NDArray[np.float32]

AWAY = 0.5
"""Weight of the mean of the unlikes, relative to the mean of the likes."""


def vector_of(store: Store, index: Index | Approximate, encoder: Encoder, wanted: Wanted, pictures: Pictures) -> Vector:
    """Turn a query into one vector of an encoder."""
    if wanted.text is not None:
        return np.asarray(text_vectors(encoder, [wanted.text])[0])
    if wanted.colours:
        if encoder.spec.name != "colour":
            raise ArgumentError(
                f"the encoder {encoder.spec.name!r} cannot search by colours alone", "Use --encoder colour."
            )
        data = stripes(wanted.colours)
        rows = np.linspace(0, len(data) - 1, encoder.spec.size[0]).round().astype(int)
        cols = np.linspace(0, data.shape[1] - 1, encoder.spec.size[1]).round().astype(int)
        return np.asarray(encoder.encode(np.ascontiguousarray(data[rows][:, cols])[None])[0])
    away = pictures.unlikes
    likes = [_of_poster(store, index, encoder, identity) for identity in wanted.ids]
    likes += [_of_picture(encoder, searched) for searched in pictures.likes]
    unlikes = [
        _of_picture(encoder, away[name]) if name in away else _of_poster(store, index, encoder, name)
        for name in wanted.unlike
    ]
    return _joined(likes, unlikes, encoder.spec.metric)


def film_vector(facet: Facet, wanted: Wanted) -> Vector | None:
    """Give the query's vector for a facet of films; None if no poster in it has that facet (pictures never do)."""
    known = {
        identity: facet.index.vectors[place]
        for identity in (*wanted.ids, *wanted.unlike)
        if (place := facet.index.place(identity)) is not None and (facet.known is None or facet.known[place])
    }
    likes = [known[identity] for identity in wanted.ids if identity in known]
    if not likes:
        return None
    unlikes = [known[identity] for identity in wanted.unlike if identity in known]
    return _joined(likes, unlikes if facet.name == "genre" else [], facet.index.metric)


def _joined(likes: Sequence[Vector], unlikes: Sequence[Vector], metric: Metric) -> Vector:
    if len(likes) == 1 and not unlikes:
        return likes[0]
    vector: NDArray[np.float64] = np.mean(likes, axis=0, dtype=np.float64)
    if unlikes:
        vector -= AWAY * np.mean(unlikes, axis=0, dtype=np.float64)
    if metric == "cosine":
        vector /= max(float(np.linalg.norm(vector)), 1e-12)
    return vector.astype(np.float32)


def _of_poster(store: Store, index: Index | Approximate, encoder: Encoder, identity: str) -> Vector:
    place = index.place(identity)
    if place is not None:
        return np.asarray(index.vectors[place])
    if not store.get([identity]):
        raise CatalogueError(
            f"catalogue {store.folder} has no poster {identity!r}", f"List the ids: posterity list -c {store.folder}"
        )
    raise CatalogueError(
        f"poster {identity!r} has no vector of {encoder.spec.name!r}",
        f"Run: posterity embed -c {store.folder} --encoder {encoder.spec.name}",
    )


def _of_picture(encoder: Encoder, searched: Searched) -> Vector:
    try:
        return searched.picture.vector(encoder)
    except ImageError as error:
        raise ImageError(error.reason, f"{searched.shown} cannot be used: {error.detail}") from error
