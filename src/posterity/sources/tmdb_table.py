"""TMDb's published tables: ``movies_metadata.csv``, ``tmdb_5000_movies.csv`` and later exports of the same columns.

They have often been saved again by other programs, which write ids as ``862.0``, dates with a time or in another order,
``false``, ``0`` or ``nan`` for what was ``False``, and cells with semicolons between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from posterity.catalogue.schema import Film
from posterity.errors import ArgumentError, SourceError
from posterity.runtime.filenames import escape
from posterity.sources import values
from posterity.sources.columns import place_of, plain_name
from posterity.sources.listing import Entry, Skipped
from posterity.sources.notation import NUMERIC, Notation, decide
from posterity.sources.notes import Notes
from posterity.sources.tables import SAMPLE, Cells, Planned, Reading, open_table

_PICTURE = re.compile(r"\S.*\.(?:jpe?g|png|webp|svg|gif)|https?://\S+", re.IGNORECASE | re.DOTALL)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][a-z]{2,4})?|[^\W\d_]{4,20}|", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"true|false|\[.*\]|\{.*\}|/\S+\.\w+|\d{4}-\d\d-\d\d(?: .*)?|\d+\.\d+|", re.IGNORECASE | re.DOTALL
)
"""What stands for titles where columns have shifted: flags, lists, paths, dates, popularities. ("1917" is a title.)"""


def read_tmdb_table(
    path: Path, columns: Mapping[str, str] | None = None, notes: Notes | None = None
) -> Iterator[Entry | Skipped]:
    """Read a table of TMDb's, row by row.

    Rows whose columns have shifted, as in some of ``movies_metadata.csv``, are skipped as "bad_row": those in which
    id, title and language together make no sense. Budgets, revenues and running times of 0 are unknown, and so is the
    average of no votes.

    Args:
        path: The table.
        columns: Field -> its column's name in the table, for names that are not TMDb's.
        notes: Takes down what was guessed.

    Raises:
        SourceError: It cannot be read, or lacks the columns ``id`` and ``title``.
        ArgumentError: ``columns`` maps a column that there is not.
    """
    notes = notes or Notes()
    table = open_table(path, notes, SAMPLE)
    places = {
        plain_name(name): place for place, name in reversed(list(enumerate(table.header)))
    }  # of two alike the first
    for name, header in (columns or {}).items():
        if name not in _COLUMNS:
            raise ArgumentError(
                f"--column {name!r} is not a column of a TMDb table", f"Columns: {', '.join(_COLUMNS)}."
            )
        places[_COLUMNS[name]] = place_of(name, table.header, header)
    if not {"id", "title"} <= places.keys():
        raise SourceError(
            f"{escape(str(path))} is not a TMDb table: it has no columns id and title",
            f"It has: {', '.join(list(places)[:12])}. For a table of your own: --from table.",
        )
    deciding = {name: places[_COLUMNS[name]] for name in (*NUMERIC, "release_date") if _COLUMNS[name] in places}
    reading = Reading(places)
    notation = decide(table.columns(deciding), table.delimiter, notes)
    planned = reading.plan(_fields(notation))
    sense = _Sense(places, notation.decimal)
    for number, cells in table.rows:
        item = f"row {number}"
        if isinstance(cells, str):
            yield Skipped(item, "bad_row", cells)
        elif wrong := sense.shifted(cells):
            yield Skipped(item, "bad_row", wrong)
        else:
            yield _entry(item, cells, reading, planned)


def _entry(item: str, cells: Cells, reading: Reading, planned: list[Planned]) -> Entry:
    reading.start(cells)
    film, image = _film(reading.known(planned)), reading.get("posterpath", _picture)
    if image and not values.is_address(image):
        image = escape(image.lstrip("/"))
    return Entry(item, film, image, faults=tuple(reading.faults))


class _Sense:
    """Tells rows whose columns have shifted by their ids, titles and languages; no other cell needs to make sense."""

    def __init__(self, places: Mapping[str, int], decimal: str | None) -> None:
        self.id, self.title = places["id"], places["title"]
        self.language = places.get("originallanguage")
        self.decimal = decimal

    def shifted(self, cells: Cells) -> str | None:
        """Describe the cell that shows that a row's columns have shifted: the id, or title and language together."""
        if not str(cells[self.id]).isdecimal() and not self._is_id(cells[self.id]):
            return f"its columns have shifted: {str(cells[self.id])[:40]!r} is in place of the id"
        if self.language is None or not _NO_TITLE.fullmatch(str(cells[self.title]).strip()):
            return None
        language = str(cells[self.language]).strip()
        if _LANGUAGE.fullmatch(language):
            return None
        return f"its columns have shifted: {language[:40]!r} is in place of the language"

    def _is_id(self, cell: object) -> bool:
        """Tell whether a cell is an id, also as programs write it that take it for a measurement: 862.0."""
        try:
            return (values.whole(cell, self.decimal) or 0) > 0
        except (ValueError, OverflowError):
            return False


def _picture(cell: object) -> str | None:
    written = values.text(cell)
    if written is not None and not _PICTURE.fullmatch(written):
        raise ValueError(f"{written!r} is not the name of a picture")
    return written


_COLUMNS = {
    "file": "posterpath",
    "imdb_id": "imdbid",
    "tmdb_id": "id",
    "title": "title",
    "genres": "genres",
    "budget": "budget",
    "revenue": "revenue",
    "popularity": "popularity",
    "vote_average": "voteaverage",
    "vote_count": "votecount",
    "runtime": "runtime",
    "year": "releasedate",
    "release_date": "releasedate",
    "original_language": "originallanguage",
    "collection": "belongstocollection",
}
"""Field -> TMDb's column, as names are compared."""


def _fields(notation: Notation) -> dict[str, tuple[str, Callable[[object], Any]]]:
    """Tell what reads each field of a film, in the way that the table is written."""

    def marked(parse: Callable[..., Any], name: str) -> Callable[[object], Any]:
        mark = notation.of(name)
        return parse if mark == "." else partial(parse, decimal=mark)

    parsers: dict[str, Callable[[object], Any]] = {
        "imdb_id": values.imdb_id,
        "tmdb_id": marked(values.whole, "tmdb_id"),
        "title": values.text,
        "genres": values.names,
        "budget": marked(values.amount, "budget"),
        "revenue": marked(values.amount, "revenue"),
        "popularity": marked(values.number, "popularity"),
        "vote_average": marked(values.number, "vote_average"),
        "vote_count": marked(values.whole, "vote_count"),
        "runtime": marked(values.number, "runtime"),
        "year": values.year,
        "release_date": partial(values.date, day_first=notation.day_first),
        "original_language": values.text,
        "collection": values.name,
    }
    return {field: (_COLUMNS[field], parse) for field, parse in parsers.items()}


def _film(known: dict[str, Any]) -> Film:
    if known.get("vote_count") == 0:
        known["vote_average"] = None
    if known.get("runtime") == 0:
        known["runtime"] = None
    return Film(**known)
