"""Metadata known before a film's release, as numbers: what a forecast of its success may use.

Popularity, votes and ratings are measured after the release, and revenue is the target: they would leak the answer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster
from posterity.errors import ArgumentError, UnknownNameError
from posterity.learning.money import in_dollars_of
from posterity.learning.splits import LeakError, when_of

FIELDS = ("budget", "year", "month", "runtime", "genres", "language", "sequel")
"""Fields known before the release, each of which gives one or more columns."""

LEAKS = {
    "popularity": "is counted after the release, from people who had heard of the film by then",
    "vote_average": "is voted after the release",
    "vote_count": "counts the people who have seen the film",
    "revenue": "is what is to be predicted",
}

_GENRE_MIN = 20


def checked(fields: Sequence[str]) -> tuple[str, ...]:
    """Return the fields if all may be used.

    Raises:
        LeakError: A field is not known before the release; the message says why.
        UnknownNameError: There is no such field.
    """
    for name in fields:
        if name in LEAKS:
            raise LeakError(
                f"the field {name!r} {LEAKS[name]}: a forecast that uses it would know the future",
                f"Use fields known before the release: {', '.join(FIELDS)}.",
            )
        if name not in FIELDS:
            raise UnknownNameError("field", name, (*FIELDS, *LEAKS))
    if not fields:
        raise ArgumentError("no fields are named", f"Choose from {', '.join(FIELDS)}.")
    return tuple(fields)


def common_genres(posters: Sequence[Poster]) -> tuple[str, ...]:
    """Return the genres that are common enough among films to get a column."""
    counts = Counter(genre for poster in posters for genre in poster.film.genres)
    return tuple(sorted(name for name, n in counts.items() if n >= _GENRE_MIN))


def premises(
    posters: Sequence[Poster], fields: Sequence[str], genres: Sequence[str], everybody: Sequence[Poster]
) -> tuple[NDArray[np.float32], list[str]]:
    """Return what is known of films before their release as numbers.

    Args:
        posters: Posters of the films.
        fields: Fields to use, from :data:`FIELDS`.
        genres: Genres that get a column each.
        everybody: All posters of the catalogue, which show the films that are sequels.

    Returns:
        (n, d) numbers, and the d columns' names. Unknown values are the column's median, marked in a further column.
    """
    checked(fields)
    first: dict[str, float] = {}
    for poster in everybody:
        name = poster.film.collection
        if name and (poster.film.year or poster.film.release_date):
            first[name] = min(first.get(name, math.inf), when_of(poster))
    names: list[str] = []
    columns: list[NDArray[np.float64]] = []

    def add(name: str, cells: Sequence[float | None], *, gaps: bool = True) -> None:
        known = np.array([cell is not None for cell in cells])
        middle = float(np.median([cell for cell in cells if cell is not None])) if known.any() else 0.0
        names.append(name)
        columns.append(np.array([middle if cell is None else cell for cell in cells], float))
        if gaps:
            names.append(f"{name} unknown")
            columns.append((~known).astype(float))

    films = [poster.film for poster in posters]
    for field in dict.fromkeys(fields):
        if field == "budget":
            logs = [math.log10(in_dollars_of(f.budget, f.year or 2000)) if f.budget else None for f in films]
            add("log budget", logs)
            add("log budget²", [None if cell is None else (cell - 7) ** 2 for cell in logs], gaps=False)
        elif field == "year":
            add("year", [f.year for f in films])
        elif field == "month":
            months = [_month(f.release_date) for f in films]
            for turn, name in ((math.sin, "sine"), (math.cos, "cosine")):
                add(
                    f"month, {name}",
                    [None if m is None else turn(2 * math.pi * m / 12) for m in months],
                    gaps=name == "sine",
                )
        elif field == "runtime":
            add("runtime", [f.runtime or None for f in films])
        elif field == "language":
            add(
                "in English",
                [None if f.original_language is None else float(f.original_language == "en") for f in films],
            )
        elif field == "sequel":
            add("sequel", [float(_is_sequel(poster, first)) for poster in posters], gaps=False)
        else:
            for genre in genres:
                add(genre, [float(genre in f.genres) for f in films], gaps=False)
    return np.column_stack(columns).astype(np.float32), names


def _month(date: str | None) -> int | None:
    found = re.match(r"\d{4}-(\d\d)", date or "")
    return int(found[1]) if found else None


def _is_sequel(poster: Poster, first: dict[str, float]) -> bool:
    name = poster.film.collection
    if not name or not (poster.film.year or poster.film.release_date):
        return False
    return when_of(poster) > first.get(name, math.inf) + 0.2
