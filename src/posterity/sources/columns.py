"""Which column of a table tells what: by its name, in the spellings of tables in the wild, or as the user says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from posterity.errors import ArgumentError
from posterity.sources.notes import Notes, some

SYNONYMS: dict[str, tuple[str, ...]] = {
    "file": (
        "file", "filename", "filepath", "image", "imagefile", "posterfile", "posterpath", "poster", "path", "img",
        "posterlink", "posterurl", "imageurl",
    ),
    "imdb_id": ("imdbid", "imdb", "tconst", "const"),
    "tmdb_id": ("tmdbid", "tmdb"),
    "title": ("title", "name", "movietitle", "primarytitle", "film", "seriestitle", "originaltitle"),
    "year": ("year", "releaseyear", "releasedyear", "startyear", "titleyear", "releasedate", "released"),
    "genres": ("genres", "genre"),
    "budget": ("budget",),
    "revenue": ("revenue", "gross", "boxoffice", "worldwidegross"),
    "popularity": ("popularity",),
    "vote_average": ("voteaverage", "imdbrating", "rating", "imdbscore", "averagerating", "score"),
    "vote_count": ("votecount", "votes", "numvotes", "noofvotes", "imdbvotes"),
    "runtime": ("runtime", "runtimeminutes", "runtimemins", "duration"),
    "release_date": ("releasedate", "released", "releasedatemonthdayyear"),
    "original_language": ("originallanguage", "language"),
    "collection": ("collection", "belongstocollection", "franchise", "series"),
}  # fmt: skip
"""Column -> the spellings it is known by, the first that a table has winning; case, spaces and signs do not matter."""

TIES = ("file", "imdb_id", "tmdb_id")
"""The columns by which a row can belong to a file."""

_KNOWN = {spelling for spellings in SYNONYMS.values() for spelling in spellings}
_TMDB_TABLE = frozenset({"posterpath", "originaltitle", "votecount"})


def plain_name(name: str) -> str:
    """Write a column's name as names are compared: case, spaces and signs do not matter.

    >>> plain_name("IMDb ID") == plain_name("imdb_id")
    True
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def known_names(header: Sequence[str]) -> int:
    """Count the names of a header that are known."""
    return sum(plain_name(name) in _KNOWN for name in header)


def check_names(columns: Mapping[str, str]) -> None:
    """Make sure that the user maps known fields only.

    Raises:
        ArgumentError: One is not.
    """
    for name in columns:
        if name not in SYNONYMS:
            raise ArgumentError(f"--column: unknown field {name!r}", f"Columns: {', '.join(SYNONYMS)}.")


def place_of(name: str, header: Sequence[str], wanted: str) -> int:
    """Find the place of the column that a user maps to ``name``: by its exact name, else as names are compared.

    Raises:
        ArgumentError: The table has no such column.
    """
    if wanted in header:
        return list(header).index(wanted)
    plain = [plain_name(each) for each in header]
    if plain_name(wanted) and plain_name(wanted) in plain:
        return plain.index(plain_name(wanted))
    there = [each for each in header if each.strip()]
    raise ArgumentError(f"--column {name}={wanted}: the table has no column {wanted!r}", f"It has: {some(there)}.")


def places(header: Sequence[str], columns: Mapping[str, str], notes: Notes) -> dict[str, int]:
    """Tell where the columns of films stand in a table of the user's own.

    Args:
        header: The names of its columns.
        columns: Field -> name of the table's column, as the user maps them.
        notes: Takes down which columns are not known.

    Raises:
        ArgumentError: The user maps a column that there is not.
    """
    check_names(columns)
    plain = [plain_name(name) for name in header]
    found = {
        column: plain.index(next(spelling for spelling in spellings if spelling in plain))
        for column, spellings in SYNONYMS.items()
        if any(spelling in plain for spelling in spellings)
    }
    if "id" in plain and "tmdb_id" not in found and len(_TMDB_TABLE & set(plain)) >= 2:
        found["tmdb_id"] = plain.index("id")  # TMDb's own tables call theirs plainly "id"
    found |= {name: place_of(name, header, wanted) for name, wanted in columns.items()}
    used = {plain[place] for place in found.values()}
    unknown = [name for place, name in enumerate(header) if name.strip() and place not in found.values()]
    twice = Counter(plain)
    again = [name for name in unknown if twice[plain_name(name)] > 1 and plain_name(name) in used]
    if again:
        notes.add(f"duplicate columns, of which the first is read: {some(list(dict.fromkeys(again)))}")
    if unknown := [name for name in unknown if name not in again]:
        notes.add(f"columns not read: {some(unknown)} (--column NAME=HEADER maps one)")
    return found
