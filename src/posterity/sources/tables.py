"""Tables of films, row by row: any bytes give rows, or a reason for each bad one; only a sample is held in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from posterity.errors import SourceError
from posterity.runtime.filenames import escape
from posterity.sources.columns import known_names, plain_name
from posterity.sources.delimited import read_text
from posterity.sources.notes import Notes
from posterity.sources.spreadsheet import ENDINGS, OTHERS, read_workbook

Cells = list[Any]
"""Of a row: text, but for those of Parquet's own kinds."""

Planned = tuple[str, str, int, Callable[[object], Any], dict[str, Any]]
Numbered = Iterator[tuple[int, Cells | str]]

PARQUET = (".parquet", ".pq")
SAMPLE = 4096
"""Rows by which it is decided how a table writes numbers and dates."""

_NEW = object()
_REMEMBERED = 8192


@dataclass(frozen=True)
class Table:
    """A table that has been opened.

    Attributes:
        header: The names of its columns, trimmed.
        rows: The number of each row (in text, of the line that it begins in) and its cells, as many as the header has;
            or what is wrong with it.
        delimiter: What separates cells in text; "" in other formats.
        sample: The first rows, which come again in ``rows``.
    """

    header: list[str]
    rows: Numbered
    delimiter: str
    sample: list[Cells]

    def columns(self, places: Mapping[str, int]) -> dict[str, list[object]]:
        """Give the sample's cells of some columns: name -> cells."""
        return {name: [cells[place] for cells in self.sample] for name, place in places.items()}


def open_table(path: Path, notes: Notes, sample: int = 0) -> Table:
    """Open a table: text with separated cells, an Excel workbook, or Parquet.

    Args:
        path: The file; also packed (``.gz``), where it is text.
        notes: Takes down what was guessed of it.
        sample: Rows to read ahead.

    Raises:
        SourceError: It cannot be read, or is empty.
    """
    ending = path.suffix.lower()
    delimiter = ""
    rows: Numbered
    if ending in OTHERS:
        raise SourceError(f"{escape(str(path))} is a workbook in an unsupported format", "Save it as .xlsx or .csv.")
    if ending in PARQUET:
        rows = _read_parquet(path)
    elif ending in ENDINGS:
        rows = iter(read_workbook(path, notes))
    else:
        text = read_text(path, known_names, notes)
        delimiter, rows = text.delimiter, text.rows
    _, header = next(rows, (0, []))
    if isinstance(header, str):
        raise SourceError(
            f"{escape(str(path))} cannot be read: {header}", "A table must start with a line of column names."
        )
    if not header:
        raise SourceError(f"{escape(str(path))} is empty", "A table must start with a line of column names.")
    rows = _judged(rows, len(header))
    ahead = list(islice(rows, sample))
    whole = [cells for _, cells in ahead if not isinstance(cells, str)]
    return Table([name.strip() for name in header], chain(ahead, rows), delimiter, whole)


def _judged(rows: Numbered, n: int) -> Numbered:
    for number, cells in rows:
        if not isinstance(cells, str) and len(cells) != n:
            yield number, f"has {len(cells)} cells where the header has {n}"
        else:
            yield number, cells


def _read_parquet(path: Path) -> Numbered:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            table = pq.ParquetFile(file)
            yield 0, list(table.schema_arrow.names)
            number = 0
            for batch in table.iter_batches(4096):
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    yield number, list(cells)
    except (OSError, pa.ArrowException) as error:
        reason = (
            error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0].rstrip(".")
        )
        raise SourceError(f"{escape(str(path))} cannot be read: {reason}", "Save it again.") from error


def header_of(path: Path) -> list[str]:
    """Read the names of a table's columns, as :func:`~posterity.sources.columns.plain_name` writes them.

    Raises:
        SourceError: The file cannot be read, or is empty.
    """
    return [] if path.suffix.lower() in PARQUET else [plain_name(name) for name in open_table(path, Notes()).header]


def kind_of_table(path: Path) -> str:
    """Tell whose table a file is, by its header: "tmdb", "imdb", "movielens" or, for any other, "table".

    Raises:
        SourceError: The file cannot be read, or is empty.
    """
    if path.name.startswith("title.") and ".tsv" in path.name:
        return "imdb"
    names = set(header_of(path))
    if "movieid" in names and names & {"tmdbid", "genres"}:
        return "movielens"
    if {"id", "title"} <= names and len(names & {"posterpath", "originaltitle", "votecount", "voteaverage"}) >= 2:
        return "tmdb"
    if "imdbid" in names and names & {"imdblink", "imdbscore"}:
        return "imdb"
    return "table"


class Reading:
    """The cells of one row being read into a film: what cannot be read is left unknown and noted.

    Args:
        columns: Plain column name -> its place in a row.
    """

    def __init__(self, columns: dict[str, int]) -> None:
        self.columns = columns
        self.cells: Cells = []
        self.faults: list[str] = []

    def start(self, cells: Cells) -> None:
        """Go on to the next row."""
        self.cells, self.faults = cells, []

    def get(self, name: str, parse: Callable[[object], Any]) -> Any:
        """Read a cell; None where the table has no such column, or the cell cannot be read."""
        place = self.columns.get(name)
        if place is None:
            return None
        cell = self.cells[place]
        if not cell:
            return None
        try:
            return parse(cell)
        except (ValueError, OverflowError):
            self.faults.append(f"{name}: {cell[:80]!r} left as unknown")
            return None

    def plan(self, fields: Mapping[str, tuple[str, Callable[[object], Any]]]) -> list[Planned]:
        """Look up once, for all rows, where the cells of fields stand: field -> (column, how to read it)."""
        here = {field: (name, parse) for field, (name, parse) in fields.items() if name in self.columns}
        return [(field, name, self.columns[name], parse, {}) for field, (name, parse) in here.items()]

    def known(self, planned: list[Planned]) -> dict[str, Any]:
        """Read cells, by their fields; those of a cell that cannot be read are left out.

        Zeros, languages, lists of genres come again in thousands of rows: what was read once is remembered.
        """
        found = {}
        cells = self.cells
        for field, name, place, parse, memory in planned:
            cell = cells[place]
            value = memory.get(cell, _NEW)
            if value is _NEW:
                try:
                    value = parse(cell)
                except (ValueError, OverflowError):
                    self.faults.append(f"{name}: {cell[:80]!r} left as unknown")
                    continue
                if len(memory) < _REMEMBERED:
                    memory[cell] = value
            found[field] = value
        return found
