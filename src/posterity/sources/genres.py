"""One vocabulary of genres: TMDb's nineteen, and how the names of other sources translate into it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

GENRES: dict[str, int] = {
    "Action": 28,
    "Adventure": 12,
    "Animation": 16,
    "Comedy": 35,
    "Crime": 80,
    "Documentary": 99,
    "Drama": 18,
    "Family": 10751,
    "Fantasy": 14,
    "History": 36,
    "Horror": 27,
    "Music": 10402,
    "Mystery": 9648,
    "Romance": 10749,
    "Science Fiction": 878,
    "TV Movie": 10770,
    "Thriller": 53,
    "War": 10752,
    "Western": 37,
}
"""TMDb's genres of films, each with TMDb's number for it."""

MAPPING: dict[str, str | None] = {
    "Biography": "History",
    "Film-Noir": "Crime",
    "Musical": "Music",
    "Sci-Fi": "Science Fiction",
    "News": "Documentary",
    "Reality-TV": "TV Movie",
    "Game-Show": "TV Movie",
    "Talk-Show": "TV Movie",
    "Adult": None,
    "Short": None,
    "Sport": None,
    "Children": "Family",
    "Children's": "Family",
    "Kids": "Family",
    "IMAX": None,
    "(no genres listed)": None,
    "Foreign": None,
}
"""Names of IMDb (28 in all, with those that are TMDb's own), MovieLens and TMDb's old tables -> the vocabulary; None
where nothing in it means the same. A film noir is a crime film first; a biography tells history; what was made as a
television show is, as a film, a TV movie."""

_VARIANTS = {
    "scifi": "Science Fiction",
    "sciencefiction": "Science Fiction",
    "sf": "Science Fiction",
    "filmnoir": "Crime",
    "noir": "Crime",
    "suspense": "Thriller",
    "historical": "History",
    "biopic": "History",
    "romantic": "Romance",
    "animated": "Animation",
    "musicals": "Music",
    "westerns": "Western",
    "tvmovie": "TV Movie",
    "docu": "Documentary",
}


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


_KNOWN: dict[str, str | None] = (
    {_plain(name): genre for name, genre in MAPPING.items()} | _VARIANTS | {_plain(name): name for name in GENRES}
)

_LOSSY = frozenset({"imdb", "movielens", "tmdb"})
"""Origins with vocabularies of their own, of which a genre that means nothing here is left out. A table of the user's
own means what it says."""


@lru_cache(maxsize=65536)
def _normalised(genres: tuple[str, ...], lossy: bool) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for given in genres:
        genre = _KNOWN.get(_plain(given), given)
        if genre is not None or not lossy:
            found[genre or given] = None
    return tuple(found)


def normalised(genres: Iterable[str], origin: str) -> tuple[str, ...]:
    """Translate genres into the vocabulary, each once and in their order; names that nobody knows are kept.

    >>> normalised(["Sci-Fi", "Short", "Film-Noir", "Crime"], "imdb"), normalised(["sci fi", "Short"], "table")
    (('Science Fiction', 'Crime'), ('Science Fiction', 'Short'))
    """
    return _normalised(tuple(genres), origin in _LOSSY)
