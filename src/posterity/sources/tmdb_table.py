"""TMDb's published tables: ``movies_metadata.csv``, ``tmdb_5000_movies.csv`` and later exports of the same columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from posterity.catalogue.schema import Film
from posterity.errors import SourceError
from posterity.paths import escape
from posterity.sources import values
from posterity.sources.listing import Entry, Skipped
from posterity.sources.metadata import plain_name
from posterity.sources.tables import Cells, Reading, read_rows

_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}/\d{4}|\d{4}")
_PICTURE = re.compile(r"/?[^/]+\.(?:jpe?g|png|webp|svg|gif)", re.IGNORECASE)


def read_tmdb_table(path: Path) -> Iterator[Entry | Skipped]:
    """Read a table of TMDb's, row by row.

    Rows whose columns have slid, as some in ``movies_metadata.csv`` have, are told by what stands in the wrong place,
    and skipped as "bad_row". Budgets, revenues and running times of 0 are unknown, and so is the average of no votes.

    Raises:
        SourceError: It cannot be read, or lacks the columns ``id`` and ``title``.
    """
    rows = read_rows(path)
    _, header = next(rows)
    names = [plain_name(name) for name in header] if isinstance(header, list) else []
    columns = {name: place for place, name in reversed(list(enumerate(names)))}  # of two alike, the first
    if not {"id", "title"} <= columns.keys():
        raise SourceError(
            f"{escape(str(path))} is no table of TMDb's: it has no columns id and title",
            f"It has: {', '.join(names[:12])}. For a table of your own: --from table.",
        )
    reading = Reading(columns)
    planned = reading.plan(_FIELDS)
    for number, cells in rows:
        item = f"row {number}"
        if isinstance(cells, str):
            yield Skipped(item, "bad_row", cells)
        elif wrong := _slid(cells, columns, len(names)):
            yield Skipped(item, "bad_row", wrong)
        else:
            reading.start(cells)
            film, image = _film(reading.known(planned)), reading.get("posterpath", values.text)
            yield Entry(item, film, escape(image.lstrip("/")) if image else None, faults=tuple(reading.faults))


def _slid(cells: Cells, columns: dict[str, int], n: int) -> str | None:
    """Tell by which cell it shows that a row's columns have slid."""
    if len(cells) != n:
        return f"has {len(cells)} cells where the header has {n}"
    if not cells[columns["id"]].strip().isdecimal():
        return f"its columns have slid: {cells[columns['id']][:40]!r} stands for the id"
    for name, fits in (
        ("adult", ("True", "False", "TRUE", "FALSE", "")),
        ("video", ("True", "False", "TRUE", "FALSE", "")),
    ):
        place = columns.get(name)
        if place is not None and cells[place] not in fits:
            return f"its columns have slid: {cells[place][:40]!r} stands for {name}"
    for name, shape in (("posterpath", _PICTURE), ("releasedate", _DATE)):
        place = columns.get(name)
        if place is not None and cells[place] and not shape.fullmatch(cells[place].strip()):
            return f"its columns have slid: {cells[place][:40]!r} stands for {name}"
    return None


_FIELDS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "imdb_id": ("imdbid", values.imdb_id),
    "tmdb_id": ("id", values.whole),
    "title": ("title", values.text),
    "genres": ("genres", values.names),
    "budget": ("budget", values.amount),
    "revenue": ("revenue", values.amount),
    "popularity": ("popularity", values.number),
    "vote_average": ("voteaverage", values.number),
    "vote_count": ("votecount", values.whole),
    "runtime": ("runtime", values.number),
    "year": ("releasedate", values.year),
    "release_date": ("releasedate", values.text),
    "original_language": ("originallanguage", values.text),
    "collection": ("belongstocollection", values.name),
}


def _film(known: dict[str, Any]) -> Film:
    if known.get("vote_count") == 0:
        known["vote_average"] = None
    if known.get("runtime") == 0:
        known["runtime"] = None
    return Film(**known)
