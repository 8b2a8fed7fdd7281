"""A table of films (CSV, TSV, Excel or Parquet) that describes the posters in a folder.

Columns are known by their names (:mod:`posterity.sources.columns`). A row belongs to a file that it names, else by
IMDb id, else by TMDb id.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from posterity.catalogue.schema import Film, film_names
from posterity.errors import SourceError
from posterity.runtime.filenames import escape, unescape
from posterity.sources import values
from posterity.sources.columns import TIES, places
from posterity.sources.listing import Entry, Skipped
from posterity.sources.matching import Named, assign, named, stem
from posterity.sources.notation import NUMERIC, Notation, decide
from posterity.sources.notes import Notes, some
from posterity.sources.release_names import title_and_year
from posterity.sources.tables import SAMPLE, open_table

_PARSERS: dict[str, Callable[[object], Any]] = {
    "imdb_id": values.imdb_id,
    "tmdb_id": values.whole,
    "title": values.text,
    "year": values.year,
    "genres": values.names,
    "original_language": values.language,
    "collection": values.name,
}
_NUMBERS: dict[str, Callable[[object, str | None], Any]] = {
    "popularity": values.number,
    "vote_average": values.rating,
    "vote_count": values.whole,
    "runtime": values.minutes,
}


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
    """The rows of a table, joined with the files of a folder.

    Args:
        rows: In the table's order; of two that claim the same file or id the first wins.
        faults: What was wrong in rows.
        origin: The table's path, for messages.
        notes: What was guessed of the table; what is guessed in joining is added.
    """

    def __init__(self, rows: list[Row], faults: list[Fault], origin: str, notes: Notes | None = None) -> None:
        self.rows = rows
        self.faults = faults
        self.origin = origin
        self.notes = notes or Notes()
        self._used: set[int] = set()
        self._row_of: dict[str, Row] = {}
        self._reasons: dict[int, str] = {}

    def join(self, paths: Iterable[str], root: str = "") -> None:
        """Tell which row belongs to which file of a folder.

        All files must be known for that: a row that gives only a name says nothing where two files have that name.

        Args:
            paths: The files' paths below the folder, unescaped.
            root: The folder's own path.
        """
        paths = list(paths)
        self._used, self._row_of, self._reasons = set(), {}, {}
        self._join_by_names(paths, root)
        self._join_by_ids([path for path in paths if path not in self._row_of])
        self._note_addresses()

    def _join_by_names(self, paths: list[str], root: str) -> None:
        rows = {row.number: row for row in self.rows}
        names: dict[int, Named] = {}
        for row in self.rows:
            if row.file and (name := named(row.file)):
                names[row.number] = name
        found = assign(names, paths, root)
        again = []
        for number in sorted(found.files):
            first = self._row_of.setdefault(found.files[number], rows[number])
            if first.number != number:
                again.append(f"row {number}")
                self._reasons[number] = f"row {first.number} names the same file, {found.files[number]}, and counts"
        for number, files in found.unclear.items():
            self._reasons[number] = f"{names[number].cell!r} could be {some(files, 3)}, or another row's: none is taken"
        for sentence in found.sentences(names):
            self.notes.add(sentence)
        if again:
            self.notes.add(f"of rows that name the same file the first counts; the others are {some(again, 5)}")
        if found.unclear:
            unclear = [f"{names[number].cell!r}" for number in found.unclear]
            self.notes.add(f"ambiguous names of files, which match none: {some(unclear, 5)}")

    def _note_addresses(self) -> None:
        """Say that addresses only name files here, of rows that no file belongs to."""
        used = {row.number for row in self._row_of.values()}
        left = [row for row in self.rows if row.number not in used and row.file and values.is_address(row.file)]
        for row in left:
            why = "no file of the source is named like the last part of its address, and nothing is downloaded for it"
            self._reasons.setdefault(row.number, why)
        if left:
            rows = some([f"row {row.number}" for row in left], 5)
            self.notes.add(
                f"rows whose addresses match no file of the folder: {rows}; nothing is downloaded for --metadata; to "
                f"download them: posterity build {self.origin} -c DIR"
            )

    def _join_by_ids(self, paths: list[str]) -> None:
        by_name: dict[str, list[Row]] = {}
        for row in self.rows:
            for name in film_names(row.film.imdb_id, row.film.tmdb_id):
                by_name.setdefault(name, []).append(row)
        folders: dict[str, set[str]] = {}
        for path in paths:
            folders.setdefault(_stem(path), set()).add(path.rpartition("/")[0])
        contradicting: dict[str, None] = {}
        for path in paths:
            name = _stem(path)
            imdb, tmdb = values.imdb_id_in_name(name), values.tmdb_id_in_name(name)
            if tmdb is None and re.fullmatch(r"[0-9]{1,9}", name) and len(folders[name]) == 1:
                tmdb = int(name)  # a bare number in every folder only counts pictures
            if rows := next((by_name[name] for name in film_names(imdb, tmdb) if name in by_name), []):
                self._row_of[path] = rows[0]
                others = [row for row in rows if replace(row.film, imdb_id=None) != replace(rows[0].film, imdb_id=None)]
                contradicting |= {f"row {row.number}": None for row in others if row.file is None}
        if contradicting:
            examples = some(list(contradicting), 5)
            self.notes.add(f"of rows with the same id the first counts; others contradict it: {examples}")

    def match(self, path: str) -> Film | None:
        """Give the film of a file that was joined, by its unescaped path; None where no row belongs to it."""
        row = self._row_of.get(path)
        if row is None:
            return None
        self._used.add(row.number)
        return row.film

    def unmatched(self) -> Iterator[tuple[Row, str]]:
        """Give the rows that no file has been matched with so far, and why."""
        for row in self.rows:
            if row.number not in self._used:
                name = row.film.title or row.film.imdb_id or row.file or "a film without a name"
                yield row, self._reasons.get(row.number, f"no file of the source belongs to {name!r}")


def read_metadata(path: str | os.PathLike[str], columns: Mapping[str, str] | None = None) -> Metadata:
    """Read a table of films.

    Args:
        path: CSV or TSV (UTF-8, UTF-16, else Windows-1252), an Excel workbook (the extra ``excel``), or Parquet.
        columns: Field -> its column's name in the table, for names that are not known.

    Raises:
        SourceError: It cannot be read, or has no column by which a row could belong to a file.
        ArgumentError: ``columns`` maps a column that there is not.
    """
    notes = Notes()
    rows: list[Row] = []
    faults: list[Fault] = []
    for row, wrong in _read(Path(path), columns or {}, notes):
        faults += wrong
        if row:
            rows.append(row)
    return Metadata(rows, faults, escape(os.fspath(path)), notes)


def read_table(
    path: Path, columns: Mapping[str, str] | None = None, notes: Notes | None = None
) -> Iterator[Entry | Skipped]:
    """Read a table of the user's own as a source of films, row by row.

    Raises:
        SourceError: It cannot be read, or has no column by which a row could belong to a picture.
        ArgumentError: ``columns`` maps a column that there is not.
    """
    for row, wrong in _read(path, columns or {}, notes or Notes()):
        if row is None:
            yield from (Skipped(f"row {fault.number}", fault.reason, fault.detail) for fault in wrong)
            continue
        image = row.file and (row.file if values.is_address(row.file) else escape(row.file))
        yield Entry(f"row {row.number}", row.film, image, faults=tuple(fault.detail for fault in wrong))


def _read(path: Path, columns: Mapping[str, str], notes: Notes) -> Iterator[tuple[Row | None, list[Fault]]]:
    """Read a table's rows: each with what is wrong in it; None for one that is wrong as a whole."""
    table = open_table(path, notes, SAMPLE)
    found = places(table.header, columns, notes)
    if not set(TIES) & set(found):
        raise SourceError(
            f"metadata {escape(str(path))} has no column that ties a row to a file (found: {some(table.header)})",
            "Name one file, imdb_id or tmdb_id, or say which one it is: --column file=HEADER.",
        )
    parsers = _parsers(decide(table.columns({n: p for n, p in found.items() if n in DECIDING}), table.delimiter, notes))
    for number, cells in table.rows:
        if isinstance(cells, str):
            yield None, [Fault(number, "bad_row", cells)]
        else:
            yield _row(number, {name: cells[place] for name, place in found.items()}, parsers)


DECIDING = (*NUMERIC, "release_date")
"""The columns whose cells decide how a table writes numbers and dates."""


def _parsers(notation: Notation) -> dict[str, Callable[[object], Any]]:
    """Give what reads each column, in the way that the table is written."""
    numbers = {name: _with_mark(parse, notation.of(name)) for name, parse in _NUMBERS.items()}
    money = {name: _with_mark(values.money, notation.of(name)) for name in ("budget", "revenue")}
    return {**_PARSERS, **numbers, "release_date": partial(values.date, day_first=notation.day_first), **money}


def _with_mark(parse: Callable[[object, str | None], Any], mark: str | None) -> Callable[[object], Any]:
    return lambda cell: parse(cell, mark)


def _row(
    number: int, cells: Mapping[str, object], parsers: Mapping[str, Callable[[object], Any]]
) -> tuple[Row, list[Fault]]:
    known: dict[str, Any] = {}
    faults = []
    for column, parse in parsers.items():
        if column not in cells:
            continue
        try:
            known[column] = parse(cells[column])
        except (ValueError, OverflowError):
            faults.append(Fault(number, "bad_value", f"{column}: {str(cells[column])[:80]!r} left as unknown"))
    currencies: dict[str, str] = {}
    for column in ("budget", "revenue"):
        known[column], currency = known.get(column, (None, None))
        if currency:
            currencies[column] = currency
    if len(set(currencies.values())) > 1:
        faults.append(Fault(number, "bad_value", f"revenue in {currencies['revenue']}, not in {currencies['budget']}"))
        known["revenue"] = None
    known["currency"] = next(iter(currencies.values()), None)
    return Row(number, Film(**known), values.text(cells.get("file"))), faults


def _stem(path: str) -> str:
    return stem(path.rsplit("/", 1)[-1])


_NO_TITLES = re.compile(r"(poster|folder|cover|default|movie)[-_ ]?\d*", re.IGNORECASE)
"""What media libraries call a film's poster, whatever the film: its folder's name tells more."""


def film_of_file(path: str) -> Film:
    """Read what an escaped path alone says about a film: ids, title and year in the file's name.

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
