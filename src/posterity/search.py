"""Which posters of a catalogue are most like one of them, a picture or a text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster, Store
from posterity.embedding import encode_file, load_vectors
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import ArgumentError, CatalogueError, ImageError
from posterity.nearest import Index, Metric, score
from posterity.paths import escape
from posterity.text import text_vectors


@dataclass(frozen=True)
class Match:
    """A poster found.

    Attributes:
        id: Its id.
        title: Its film's title, or the id where that is not known.
        score: The more alike, the larger; 1 is the same vector. The cosine similarity, or 1 / (1 + distance).
        distance: The less alike, the larger; 0 is the same vector. 1 - cosine similarity, or the Euclidean distance.
        year: Of its film.
        genres: Of its film.
    """

    id: str
    title: str
    score: float
    distance: float
    year: int | None = None
    genres: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """What was searched for: a poster of the catalogue (``id``), a picture (``file``) or a text.

    Attributes:
        id: Of the poster; for a picture, of the poster with the very same content, if there is one.
        title: Its film's title, or the picture's name, or the text.
        file: The picture's path.
        text: What was written.
    """

    id: str | None
    title: str
    file: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Matches:
    """The posters most like a query, the most alike first."""

    query: Query
    encoder: str
    matches: tuple[Match, ...]


def load_index(store: Store, encoder: str | Encoder) -> Index:
    """Read an encoder's vectors of a catalogue and hold them ready.

    Raises:
        CatalogueError: There are none, or another version of the encoder made them.
        UnknownNameError: There is no encoder of that name.
    """
    found = ENCODERS.get(encoder)
    ids, vectors = load_vectors(store, found)
    return Index(ids, vectors, found.spec.metric)


def similar(
    store: Store,
    index: Index,
    encoder: str | Encoder,
    *,
    id: str | None = None,
    image: str | Path | None = None,
    text: str | None = None,
    k: int = 5,
    where: str | None = None,
) -> Matches:
    """Find the posters most like a poster of the catalogue, a picture or a text; never that poster itself.

    Args:
        store: The catalogue.
        index: The encoder's vectors of that catalogue.
        encoder: Name or instance.
        id: A poster of the catalogue.
        image: Or the path of a picture. A poster with its very same content counts as the query itself.
        text: Or words, for an encoder that knows text.
        k: How many.
        where: An SQL condition that matches must meet.

    Raises:
        ArgumentError: Not one of ``id``, ``image`` and ``text`` is given, k is below 1, or the encoder knows no text.
        CatalogueError: There is no such poster, or it has no vector.
        ImageError: The picture cannot be read.
        FilterError: ``where`` is not SQL over the catalogue's columns.
    """
    if [id, image, text].count(None) != 2:
        raise ArgumentError(
            "a search takes an id, an image or a text, and one of them", "Give --id ID, --image FILE or --text WORDS."
        )
    if k < 1:
        raise ArgumentError(f"k = {k} is too small", "Ask for 1 match or more.")
    found = ENCODERS.get(encoder)
    if id is not None:
        query, vector, own = _query_of_poster(store, index, found, id)
    elif text is not None:
        query, vector, own = Query(None, text, text=text), text_vectors(found, [text])[0], []
    else:
        query, vector, own = _query_of_picture(store, found, Path(str(image)))
    allowed = np.ones(len(index.ids), bool)
    if where:
        allowed[:] = False
        places = (index.place(identity) for identity in store.read(["id"], where)["id"].to_pylist())
        allowed[[place for place in places if place is not None]] = True
    allowed[[place for place in map(index.place, own) if place is not None]] = False
    rows, distances = index.nearest(vector, k, allowed)
    posters = store.get(index.ids[row] for row in rows)
    matches = []
    for row, distance in zip(rows.tolist(), distances.tolist(), strict=True):
        poster = posters.get(index.ids[row])
        if poster is not None:  # else another process has removed it since
            matches.append(_match(poster, distance, found.spec.metric))
    return Matches(query, found.spec.name, tuple(matches))


def _match(poster: Poster, distance: float, metric: Metric) -> Match:
    title = poster.film.title or poster.id
    return Match(poster.id, title, score(distance, metric), distance, poster.film.year, poster.film.genres)


def _query_of_poster(
    store: Store, index: Index, encoder: Encoder, identity: str
) -> tuple[Query, NDArray[np.float32], list[str]]:
    place = index.place(identity)
    if place is None:
        poster = store.get([identity]).get(identity)
        if poster is None:
            raise CatalogueError(
                f"catalogue {store.folder} has no poster {identity!r}",
                f"List the ids: posterity list -c {store.folder}",
            )
        raise CatalogueError(
            f"poster {identity!r} has no vector of {encoder.spec.name!r}",
            f"Run: posterity embed -c {store.folder} --encoder {encoder.spec.name}",
        )
    known = store.get([identity]).get(identity)
    title = (known.film.title if known else None) or identity
    return Query(identity, title), index.vectors[place], [identity]


def _query_of_picture(store: Store, encoder: Encoder, image: Path) -> tuple[Query, NDArray[np.float32], list[str]]:
    shown = escape(str(image))
    try:
        data = image.read_bytes()
        vector = encode_file(encoder, data)
    except OSError as error:
        raise ImageError("unreadable", f"{shown} cannot be read: {error.strerror}") from error
    except ImageError as error:
        raise ImageError(error.reason, f"{shown} cannot be used: {error.detail}") from error
    digest = hashlib.sha256(data).hexdigest()
    own = store.read(["id"], f"sha256 = '{digest}'")["id"].to_pylist()
    return Query(next(iter(own), None), escape(image.name), shown), vector, own
