"""Which posters of a catalogue are most like what is searched for: posters, pictures, colours, words.

What is searched for becomes one vector: of several likes the mean, less half the mean of the unlikes (Rocchio 1971).
Without weights it is compared by one encoder; with weights, by facets (:mod:`posterity.search.facets`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster, Store
from posterity.catalogue.pictures import Shown
from posterity.embedding.picture import Picture
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import ArgumentError, CatalogueError, ImageError
from posterity.numerics.neighbours.approximate import Approximate
from posterity.numerics.neighbours.exact import Index, Metric, pair_distances
from posterity.runtime.filenames import escape
from posterity.search.facets import CONTENT, OF_FILMS, Asked, Facet, diverse, normalised
from posterity.search.text import text_vectors
from posterity.settings import names_in

Vector = NDArray[np.float32]

AWAY = 0.5
"""How far the mean of the unlikes pushes, against the mean of the likes."""

POOL = 10
"""Candidates for a diverse list, as a multiple of its length."""


@dataclass(frozen=True)
class Match:
    """A poster found.

    Attributes:
        id: Its id.
        title: Its film's title, or the id where that is not known.
        score: The more alike, the larger. By an encoder: 1 is the same vector; the cosine similarity, or
            1 / (1 + distance). By facets: the sum of the contributions; 0 is a random poster.
        distance: The less alike, the larger. By an encoder: 0 is the same vector; 1 - cosine similarity, or the
            Euclidean distance. By facets: -score.
        year: Of its film.
        genres: Of its film.
        contributions: By facets: facet -> its part of the score.
    """

    id: str
    title: str
    score: float
    distance: float
    year: int | None = None
    genres: tuple[str, ...] = ()
    contributions: dict[str, float] | None = None


@dataclass(frozen=True)
class Query:
    """What was searched for: posters of the catalogue, pictures, colours or a text.

    Attributes:
        id: Of the poster, where it is one; for a picture, of the poster with the very same content, if there is one.
        title: Its film's title, or the picture's name, or the text; of several, all of them.
        file: The picture's path, where it lies in a file.
        text: What was written.
        likes: The ids of all that is to be like, and what pictures are called, with their content
            (:class:`posterity.catalogue.pictures.Shown`).
        unlikes: The same of all that is to be unlike.
        colours: As "#rrggbb".
    """

    id: str | None
    title: str
    file: str | None = None
    text: str | None = None
    likes: tuple[str, ...] = ()
    unlikes: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matches:
    """The posters most like a query, the most alike first.

    Attributes:
        query: What was searched for.
        encoder: What compared them: an encoder's name, or "facets".
        matches: What was found.
        weights: By facets: facet -> its share, of which the absolute values sum to 1.
    """

    query: Query
    encoder: str
    matches: tuple[Match, ...]
    weights: dict[str, float] | None = None


@dataclass(frozen=True)
class Wanted:
    """What to search for; see :meth:`posterity.Catalogue.similar`.

    Attributes:
        ids: Posters of the catalogue to be like.
        images: Pictures to be like, by path or as they are.
        unlike: Posters of the catalogue, or paths of pictures, to be unlike.
        colours: Colours to consist of, in equal shares: "#rrggbb".
        text: Words that describe it.
        k: How many.
        where: An SQL condition that matches must meet.
        min_score: Matches of less are left out.
        diversity: From 0, the most alike, to 1, as unlike each other as can be.
    """

    ids: tuple[str, ...] = ()
    images: tuple[Path | Picture, ...] = ()
    unlike: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    text: str | None = None
    k: int = 5
    where: str | None = None
    min_score: float | None = None
    diversity: float = 0.0

    def __post_init__(self) -> None:
        kinds = [bool(self.ids or self.images), bool(self.colours), self.text is not None]
        if sum(kinds) != 1:
            raise ArgumentError(
                "a search takes posters and pictures, or colours, or a text, and one of them",
                "Give --id ID, --image FILE, --colour '#aa0000,#101010' or --text WORDS.",
            )
        if self.unlike and not kinds[0]:
            raise ArgumentError("only posters and pictures can be unlike others", "Give --id or --image with --unlike.")
        if self.k < 1:
            raise ArgumentError(f"k = {self.k} is too small", "Ask for 1 match or more.")
        if not 0 <= self.diversity <= 1:
            raise ArgumentError(f"diversity = {self.diversity} is not from 0 to 1", "Try 0.3.")


def similar(store: Store, index: Index | Approximate, encoder: str | Encoder, wanted: Wanted) -> Matches:
    """Find the posters most like what is wanted by one encoder; never those that are searched for themselves.

    Args:
        store: The catalogue.
        index: The encoder's vectors of that catalogue.
        encoder: Name or instance.
        wanted: What to search for.

    Raises:
        ArgumentError: The encoder knows no text, or no colours.
        CatalogueError: There is no such poster, or it has no vector.
        ImageError: A picture cannot be read.
        FilterError: The filter is not SQL over the catalogue's columns.
    """
    found = ENCODERS.get(encoder)
    pictures = _read_pictures(store, wanted)
    vector = _vector(store, index, found, wanted, pictures)
    allowed = _allowed(store, index, wanted, pictures)
    metric = found.spec.metric
    if wanted.diversity:
        pool, near = index.nearest(vector, max(50, POOL * wanted.k), allowed)
        order = diverse(_scores(near, metric), _between(index, pool), wanted.k, wanted.diversity)
        rows, distances = pool[order], near[order]
    else:
        rows, distances = index.nearest(vector, wanted.k, allowed)
    found_scores = _scores(distances, metric)
    posters = store.get(index.ids[row] for row in rows)
    matches = [
        _match(posters[index.ids[row]], value, distance)
        for row, value, distance in zip(rows.tolist(), found_scores.tolist(), distances.tolist(), strict=True)
        if index.ids[row] in posters  # else another process has removed it since
    ]
    return Matches(_query(store, wanted, pictures), found.spec.name, _enough(matches, wanted))


def steered(
    store: Store, facets: Mapping[str, Facet], content: str | Encoder, wanted: Wanted, weights: Mapping[str, float]
) -> Matches:
    """Find the posters most like what is wanted by a weighted sum of facets.

    Args:
        store: The catalogue.
        facets: By name; see :func:`posterity.search.facets.load_facets`.
        content: The encoder of the facet "content".
        wanted: What to search for.
        weights: Facet -> weight.

    Raises:
        ArgumentError: All weights are 0, or what is searched for has none of a facet: colours have no content.
        CatalogueError: There is no such poster, or it has no vector.
        ImageError: A picture cannot be read.
        FilterError: The filter is not SQL over the catalogue's columns.
        UnknownNameError: There is no facet of a name.
    """
    shares = normalised(weights, facets)
    pictures = _read_pictures(store, wanted)
    queries = {}
    for name in shares:
        facet = facets[name]
        if name in OF_FILMS:
            vector = _film_vector(facet, wanted)
        elif wanted.colours and name != "colour":
            vector = None
        else:
            vector = _vector(store, facet.index, ENCODERS.get(content if name == CONTENT else name), wanted, pictures)
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
    return Matches(_query(store, wanted, pictures), "facets", _enough(matches, wanted), shares)


def years_filter(years: str) -> str:
    """Turn years as people write them into an SQL condition.

    Raises:
        ArgumentError: They are not of such a form.

    >>> years_filter("1980s"), years_filter("1984"), years_filter("1980-1989")
    ('year BETWEEN 1980 AND 1989', 'year BETWEEN 1984 AND 1984', 'year BETWEEN 1980 AND 1989')
    """
    if found := re.fullmatch(r"\s*(\d{3})0s\s*", years):
        return f"year BETWEEN {found[1]}0 AND {found[1]}9"
    if found := re.fullmatch(r"\s*(\d{4})\s*(?:[-–]\s*(\d{4})\s*)?", years):
        return f"year BETWEEN {found[1]} AND {found[2] or found[1]}"
    raise ArgumentError(f"{years!r} are no years", "Write --years 1980s, --years 1984 or --years 1980-1989.")


def parse_colours(text: str) -> tuple[str, ...]:
    """Read colours with commas between.

    Raises:
        ArgumentError: One is no colour.

    >>> parse_colours("#AA0000, 101010")
    ('#aa0000', '#101010')
    """
    colours = []
    for part in names_in(text, "colours"):
        if not re.fullmatch("#?[0-9a-fA-F]{6}", part):
            raise ArgumentError(f"{part!r} is no colour", "Write --colour '#aa0000,#101010'.")
        colours.append("#" + part.removeprefix("#").lower())
    return tuple(colours)


def stripes(colours: Sequence[str], height: int = 60, width: int = 40) -> NDArray[np.uint8]:
    """Paint colours as stripes of equal height: uint8 (height · n, width, 3)."""
    rgb = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours], np.uint8)
    return np.ascontiguousarray(np.broadcast_to(rgb.repeat(height, 0)[:, None], (height * len(rgb), width, 3)))


# --- what is searched for --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Searched:
    """A picture that is searched by: what it is called, the posters of the very same content, and the picture."""

    shown: Shown
    title: str
    own: tuple[str, ...]
    picture: Picture


@dataclass(frozen=True)
class _Pictures:
    """The pictures among what is wanted: those to be like, in order, and those to be unlike, by their paths as given.

    An upload is known by its place alone: its name says nothing, two may have the same, and it may be that of a file.
    """

    likes: tuple[_Searched, ...]
    unlikes: Mapping[str, _Searched]

    def own(self) -> Iterator[str]:
        """Give the posters of the very same content."""
        for searched in (*self.likes, *self.unlikes.values()):
            yield from searched.own


def _read_pictures(store: Store, wanted: Wanted) -> _Pictures:
    """Read the pictures among what is wanted."""
    place = set(store.get(wanted.unlike))
    away = [name for name in wanted.unlike if name not in place and Path(name).is_file()]
    return _Pictures(
        tuple(_read_picture(store, image) for image in wanted.images),
        {name: _read_picture(store, Path(name)) for name in away},
    )


def _read_picture(store: Store, image: Path | Picture) -> _Searched:
    name = escape(str(image))
    try:
        picture = image if isinstance(image, Picture) else Picture(name, image.read_bytes())
    except OSError as error:
        raise ImageError("unreadable", f"{name} cannot be read: {error.strerror}") from error
    own = tuple(store.read(["id"], f"sha256 = '{picture.sha256}'")["id"].to_pylist())
    title = name if isinstance(image, Picture) else escape(image.name)
    return _Searched(Shown(name, picture.data), title, own, picture)


def _vector(store: Store, index: Index | Approximate, encoder: Encoder, wanted: Wanted, pictures: _Pictures) -> Vector:
    """Turn what is wanted into one vector of an encoder."""
    if wanted.text is not None:
        return np.asarray(text_vectors(encoder, [wanted.text])[0])
    if wanted.colours:
        if encoder.spec.name != "colour":
            raise ArgumentError(
                f"the encoder {encoder.spec.name!r} knows no colours by themselves", "Use --encoder colour."
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


def _film_vector(facet: Facet, wanted: Wanted) -> Vector | None:
    """Give the vector of what is known of films; pictures have none."""
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


def _of_picture(encoder: Encoder, searched: _Searched) -> Vector:
    try:
        return searched.picture.vector(encoder)
    except ImageError as error:
        raise ImageError(error.reason, f"{searched.shown} cannot be used: {error.detail}") from error


def _query(store: Store, wanted: Wanted, pictures: _Pictures) -> Query:
    """Describe what was searched for."""
    if wanted.text is not None:
        return Query(None, wanted.text, text=wanted.text)
    if wanted.colours:
        return Query(None, ", ".join(wanted.colours), colours=wanted.colours)
    known = store.get((*wanted.ids, *wanted.unlike))

    def titled(like: str | _Searched) -> str:
        if isinstance(like, _Searched):
            return like.title
        return (known[like].film.title if like in known else None) or like

    likes: list[str | _Searched] = [*wanted.ids, *pictures.likes]
    unlikes = [pictures.unlikes.get(name, name) for name in wanted.unlike]
    title = " + ".join(map(titled, likes))
    if unlikes:
        title += " − " + " − ".join(map(titled, unlikes))
    own, file = None, None
    if len(likes) == 1:
        (only,) = likes
        own = next(iter(only.own), None) if isinstance(only, _Searched) else only
        if isinstance(only, _Searched) and not isinstance(wanted.images[0], Picture):
            file = str(only.shown)
    shown, away = (
        tuple(each.shown if isinstance(each, _Searched) else each for each in some) for some in (likes, unlikes)
    )
    return Query(own, title, file, None, shown, away)


# --- what is found ---------------------------------------------------------------------------------------------------


def _allowed(store: Store, index: Index | Approximate, wanted: Wanted, pictures: _Pictures) -> NDArray[np.bool_]:
    """Tell which rows may be found: those that meet the filter, and never what is searched for."""
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
    near[i, j] = near[j, i] = _scores(pair_distances(index.vectors, rows[i], rows[j], index.metric), index.metric)
    return near


def _scores(distances: NDArray[np.float64], metric: Metric) -> NDArray[np.float64]:
    return 1 - distances if metric == "cosine" else 1 / (1 + distances)


def _enough(matches: Sequence[Match], wanted: Wanted) -> tuple[Match, ...]:
    return tuple(match for match in matches if wanted.min_score is None or match.score >= wanted.min_score)


def _match(poster: Poster, value: float, distance: float, parts: dict[str, float] | None = None) -> Match:
    title = poster.film.title or poster.id
    return Match(poster.id, title, value, distance, poster.film.year, poster.film.genres, parts)
