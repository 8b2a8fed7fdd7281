"""A table of films (CSV, TSV or Parquet) that tells of the posters in a folder.

Columns are known by their names, in the spellings that tables in the wild use (:data:`SYNONYMS`). A row belongs to a
file by the file's name, else by IMDb id, else by TMDb id.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from posterity.catalogue.schema import Film
from posterity.errors import SourceError
from posterity.paths import escape, unescape
from posterity.sources import values
from posterity.sources.release_names import title_and_year

SYNONYMS: dict[str, tuple[str, ...]] = {
    "file": ("file", "filename", "image", "imagefile", "posterfile", "posterpath", "poster", "path", "img"),
    "imdb_id": ("imdbid", "imdb", "tconst", "const"),
    "tmdb_id": ("tmdbid", "tmdb"),
    "title": ("title", "name", "movietitle", "primarytitle", "film", "originaltitle"),
    "year": ("year", "releaseyear", "startyear", "titleyear", "releasedate", "released"),
    "genres": ("genres", "genre"),
    "budget": ("budget",),
    "revenue": ("revenue", "gross", "boxoffice", "worldwidegross"),
    "popularity": ("popularity",),
    "vote_average": ("voteaverage", "rating", "imdbscore", "averagerating", "score"),
    "vote_count": ("votecount", "votes", "numvotes"),
    "runtime": ("runtime", "runtimeminutes", "duration"),
    "release_date": ("releasedate", "released"),
    "original_language": ("originallanguage", "language"),
    "collection": ("collection", "belongstocollection", "franchise", "series"),
}
"""Column -> the spellings it is known by, the first that a table has winning; case, spaces and signs do not matter."""

_PARSERS: dict[str, Callable[[object], Any]] = {
    "imdb_id": values.imdb_id,
    "tmdb_id": values.whole,
    "title": values.text,
    "year": values.year,
    "genres": values.names,
    "popularity": values.number,
    "vote_average": values.number,
    "vote_count": values.whole,
    "runtime": values.number,
    "release_date": values.text,
    "original_language": values.language,
    "collection": values.name,
}

_TMDB_TABLE = frozenset({"posterpath", "originaltitle", "votecount"})


@dataclass(frozen=True)
class Row:
    """A table's row: its number in the file (the header of a CSV being line 1), its film and the file it names."""

    number: int
    film: Film
    file: str | None


@dataclass(frozen=True)
class Fault:
    """Something wrong in a row: "bad_row" (not read) or "bad_value" (one cell left unknown)."""

    number: int
    reason: str
    detail: str


class Metadata:
    """The rows of a table, found by what a file's name tells.

    Args:
        rows: In the table's order; of two that claim the same key the first wins.
        faults: What was wrong in rows.
        origin: The table's path, for messages.
    """

    def __init__(self, rows: list[Row], faults: list[Fault], origin: str) -> None:
        self.rows = rows
        self.faults = faults
        self.origin = origin
        self._used: set[int] = set()
        self._by_path: dict[str, Row] = {}
        self._by_stem: dict[str, Row] = {}
        self._by_imdb: dict[str, Row] = {}
        self._by_tmdb: dict[int, Row] = {}
        for row in rows:
            if row.file:
                self._by_path.setdefault(row.file.lower(), row)
                self._by_stem.setdefault(_stem(row.file).lower(), row)
            if row.film.imdb_id:
                self._by_imdb.setdefault(row.film.imdb_id, row)
            if row.film.tmdb_id is not None:
                self._by_tmdb.setdefault(row.film.tmdb_id, row)

    def match(self, path: str) -> Film | None:
        """Find the film of a file by its unescaped path below the folder; None where no row belongs to it."""
        row = self._find(path)
        if row is None:
            return None
        self._used.add(row.number)
        return row.film

    def _find(self, path: str) -> Row | None:
        stem = _stem(path)
        for key in (path.lower(), path.rsplit("/", 1)[-1].lower()):
            if key in self._by_path:
                return self._by_path[key]
        if stem.lower() in self._by_stem:
            return self._by_stem[stem.lower()]
        imdb = values.imdb_id_in_name(stem)
        if imdb and imdb in self._by_imdb:
            return self._by_imdb[imdb]
        stated = values.tmdb_id_in_name(stem)
        tmdb = stated if stated is not None else (int(stem) if re.fullmatch(r"[0-9]{1,9}", stem) else None)
        return self._by_tmdb.get(tmdb) if tmdb is not None else None

    def unmatched(self) -> Iterator[Row]:
        """Give the rows that no file has been matched with so far."""
        return (row for row in self.rows if row.number not in self._used)


def read_metadata(path: str | os.PathLike[str]) -> Metadata:
    """Read a table of films.

    Args:
        path: A ``.csv``, ``.tsv`` or ``.parquet`` file. Text is UTF-8, or Latin-1 where it is not valid UTF-8.

    Raises:
        SourceError: It cannot be read, or has no column by which a row could belong to a file.
    """
    file = Path(path)
    shown = escape(os.fspath(file))
    try:
        header, lines = _read_parquet(file) if file.suffix.lower() in (".parquet", ".pq") else _read_csv(file)
    except (OSError, csv.Error, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SourceError(f"metadata {shown} cannot be read: {said}", "It is a CSV, TSV or Parquet table.") from error
    columns = _columns(header)
    if not {"file", "imdb_id", "tmdb_id"} & set(columns):
        raise SourceError(
            f"metadata {shown} has no column that ties a row to a file (found: {', '.join(header[:20])})",
            "Name one file, imdb_id or tmdb_id.",
        )
    rows: list[Row] = []
    faults: list[Fault] = []
    for number, cells in lines:
        if len(cells) != len(header):
            faults.append(Fault(number, "bad_row", f"has {len(cells)} cells where the header has {len(header)}"))
            continue
        row, wrong = _row(number, {name: cells[index] for name, index in columns.items()})
        faults += wrong
        rows.append(row)
    return Metadata(rows, faults, shown)


def plain_name(name: str) -> str:
    """Write a column's name as names are compared: case, spaces and signs do not matter.

    >>> plain_name("IMDb ID") == plain_name("imdb_id")
    True
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _columns(header: list[str]) -> dict[str, int]:
    plain = [plain_name(name) for name in header]
    found = {
        column: plain.index(next(spelling for spelling in spellings if spelling in plain))
        for column, spellings in SYNONYMS.items()
        if any(spelling in plain for spelling in spellings)
    }
    if "id" in plain and "tmdb_id" not in found and len(_TMDB_TABLE & set(plain)) >= 2:
        found["tmdb_id"] = plain.index("id")  # TMDb's own tables call theirs plainly "id"
    return found


def _row(number: int, cells: dict[str, object]) -> tuple[Row, list[Fault]]:
    known: dict[str, Any] = {}
    faults = []
    for column, parse in _PARSERS.items():
        if column not in cells:
            continue
        try:
            known[column] = parse(cells[column])
        except (ValueError, OverflowError):
            faults.append(Fault(number, "bad_value", f"{column}: {str(cells[column])[:80]!r} left as unknown"))
    currencies: dict[str, str] = {}
    for column in ("budget", "revenue"):
        try:
            known[column], currency = values.money(cells.get(column))
        except (ValueError, OverflowError):
            faults.append(Fault(number, "bad_value", f"{column}: {str(cells[column])[:80]!r} left as unknown"))
            continue
        if currency:
            currencies[column] = currency
    if len(set(currencies.values())) > 1:
        faults.append(Fault(number, "bad_value", f"revenue in {currencies['revenue']}, not in {currencies['budget']}"))
        known["revenue"] = None
    known["currency"] = next(iter(currencies.values()), None)
    return Row(number, Film(**known), _file(values.text(cells.get("file")))), faults


def _file(named: str | None) -> str | None:
    if named is None or values.is_address(named):
        return named
    return named.lstrip("/").split("?")[0] or None


def _read_csv(file: Path) -> tuple[list[str], Iterator[tuple[int, list[object]]]]:
    raw = file.read_bytes()
    try:
        content = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        content = raw.decode("latin-1")
    first = content.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(content.splitlines(keepends=True), delimiter=delimiter)
    header = next(reader, None)
    if not header:
        raise ValueError("it is empty")

    def lines() -> Iterator[tuple[int, list[object]]]:
        while True:
            start = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise SourceError(f"metadata {escape(str(file))}, line {start}: {error}", "Mend that line.") from error
            if cells is None:
                return
            if cells:
                yield start, list(cells)

    return [name.strip() for name in header], lines()


def _read_parquet(file: Path) -> tuple[list[str], Iterator[tuple[int, list[object]]]]:
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file)

    def lines() -> Iterator[tuple[int, list[object]]]:
        number = 0
        for batch in table.iter_batches(4096):
            for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield number, list(cells)

    return list(table.schema_arrow.names), lines()


def _stem(path: str) -> str:
    return os.path.splitext(path.rsplit("/", 1)[-1])[0]  # noqa: PTH122


_NO_TITLES = re.compile(r"(poster|folder|cover|default|movie)[-_ ]?\d*", re.IGNORECASE)
"""What media libraries call a film's poster, whatever the film: its folder's name tells more."""


def film_of_file(path: str) -> Film:
    """Read what an escaped path alone tells of a film: ids, title and year in the file's name.

    >>> film_of_file("Heat (1995) {tmdb-949}.jpg").tmdb_id, film_of_file("Heat (1995)/poster.jpg").title
    (949, 'Heat')
    """
    stem = _stem(unescape(path))
    if _NO_TITLES.fullmatch(stem):
        stem = unescape(path).rpartition("/")[0].rpartition("/")[2]
    title, year = title_and_year(stem)
    return Film(imdb_id=values.imdb_id_in_name(stem), tmdb_id=values.tmdb_id_in_name(stem), title=title, year=year)


def completed(film: Film, by_name: Film) -> Film:
    """Fill what a table leaves open with what the file's name tells."""
    gaps = {f.name: getattr(by_name, f.name) for f in fields(Film) if getattr(film, f.name) in (None, ())}
    return replace(film, **gaps)
