"""Queries and matches; colours and years as people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posterity.embedding.picture import Picture
from posterity.errors import ArgumentError
from posterity.settings import names_in


@dataclass(frozen=True)
class Match:
    """A poster found.

    Attributes:
        id: The poster's id.
        title: Its film's title, or the id if that is not known.
        score: The more alike, the larger. By an encoder: 1 is the same vector; the cosine similarity, or
            1 / (1 + distance). By facets: the sum of the contributions; 0 is a random poster.
        distance: The less alike, the larger. By an encoder: 0 is the same vector; 1 - cosine similarity, or the
            Euclidean distance. By facets: -score.
        year: Year of its film.
        genres: Genres of its film.
        contributions: By facets: facet -> its contribution to the score.
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
        id: The poster's id, if the query is one poster; for a picture, the id of the poster with the very same content,
            if there is one.
        title: The film's title, or the picture's name, or the text; for several, all of them.
        file: The picture's path, if it is a file.
        text: The text, as written.
        likes: Ids of the posters and names of the pictures to be like; pictures with their content
            (:class:`posterity.catalogue.pictures.Shown`).
        unlikes: The same for posters and pictures to be unlike.
        colours: Colours as "#rrggbb".
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
        matches: The posters found.
        weights: By facets: facet -> its share; the absolute values sum to 1.
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
        images: Pictures to be like, by path or in memory.
        unlike: Posters of the catalogue, or paths of pictures, to be unlike.
        colours: Colours to consist of, in equal shares: "#rrggbb".
        text: Words that describe the poster.
        k: Number of matches.
        where: An SQL condition that matches must meet.
        min_score: Matches with a lower score are left out.
        diversity: From 0, the most alike, to 1, as different from each other as possible.
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
                "a search takes exactly one of these: posters and pictures, or colours, or a text",
                "Give --id ID, --image FILE, --colour '#aa0000,#101010' or --text WORDS.",
            )
        if self.unlike and not kinds[0]:
            raise ArgumentError("unlike needs a poster or picture to start from", "Give --id or --image with --unlike.")
        if self.k < 1:
            raise ArgumentError(f"k = {self.k} is too small", "Ask for 1 match or more.")
        if not 0 <= self.diversity <= 1:
            raise ArgumentError(f"diversity = {self.diversity} is not from 0 to 1", "Try 0.3.")


def years_filter(years: str) -> str:
    """Turn years as people write them into an SQL condition.

    Raises:
        ArgumentError: The years have another form.

    >>> years_filter("1980s"), years_filter("1984"), years_filter("1980-1989")
    ('year BETWEEN 1980 AND 1989', 'year BETWEEN 1984 AND 1984', 'year BETWEEN 1980 AND 1989')
    """
    if found := re.fullmatch(r"\s*(\d{3})0s\s*", years):
        return f"year BETWEEN {found[1]}0 AND {found[1]}9"
    if found := re.fullmatch(r"\s*(\d{4})\s*(?:[-–]\s*(\d{4})\s*)?", years):
        return f"year BETWEEN {found[1]} AND {found[2] or found[1]}"
    raise ArgumentError(f"invalid years {years!r}", "Write --years 1980s, --years 1984 or --years 1980-1989.")


def parse_colours(text: str) -> tuple[str, ...]:
    """Read colours separated by commas.

    Raises:
        ArgumentError: A colour is invalid.

    >>> parse_colours("#AA0000, 101010")
    ('#aa0000', '#101010')
    """
    colours = []
    for part in names_in(text, "colours"):
        if not re.fullmatch("#?[0-9a-fA-F]{6}", part):
            raise ArgumentError(f"invalid colour {part!r}", "Write --colour '#aa0000,#101010'.")
        colours.append("#" + part.removeprefix("#").lower())
    return tuple(colours)


def stripes(colours: Sequence[str], height: int = 60, width: int = 40) -> NDArray[np.uint8]:
    """Paint colours as stripes of equal height: uint8 (height · n, width, 3)."""
    rgb = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours], np.uint8)
    return np.ascontiguousarray(np.broadcast_to(rgb.repeat(height, 0)[:, None], (height * len(rgb), width, 3)))
