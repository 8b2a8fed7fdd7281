"""Tables of films, row by row: any bytes give rows, or a reason for each that is none; nothing is held but one row."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from posterity.errors import SourceError
from posterity.paths import escape
from posterity.sources import values
from posterity.sources.listing import Entry, Skipped
from posterity.sources.metadata import plain_name, read_metadata

Cells = list[str]
Planned = tuple[str, str, int, Callable[[object], Any], dict[str, Any]]

_NEW = object()
_REMEMBERED = 8192


LONGEST = 2**22
"""Bytes of the longest line that is read."""


def decoded(line: bytes) -> str:
    """Decode a line: UTF-8, else the Western Windows code page that many tables are in, else Latin-1.

    >>> decoded("Amélie".encode()) == decoded("Amélie".encode("latin-1")) == "Amélie"
    True
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        try:
            return line.decode("cp1252")
        except UnicodeDecodeError:
            return line.decode("latin-1")


def opened(path: Path) -> IO[bytes]:
    """Open a table's bytes, unpacked where its name ends in ``.gz``.

    Raises:
        SourceError: It cannot be opened.
    """
    try:
        return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise SourceError(f"{escape(str(path))} cannot be read: {error.strerror}", "Check its name.") from error


def read_rows(path: Path, delimiter: str | None = None) -> Iterator[tuple[int, Cells | str]]:
    """Read a CSV: the line that each row begins in and its cells, or what is wrong with it; the header comes first.

    A quote that is never closed swallows rows up to the size that a cell may have, and is reported with them.

    Raises:
        SourceError: The file cannot be read, or is empty.
    """
    shown = escape(str(path))
    try:
        with opened(path) as file:
            lines = lines_of(file)
            first = next(lines, b"").removeprefix(b"\xef\xbb\xbf")
            if not first.strip():
                raise SourceError(f"{shown} is empty", "A table starts with a line of column names.")
            head = decoded(first)
            mark = delimiter or max(",;\t", key=head.count)
            reader = csv.reader(_decoded(head, lines), delimiter=mark)
            while True:
                start = reader.line_num + 1
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    yield start, f"from line {start} to {reader.line_num}: {error}"
                    continue
                if cells is None:
                    return
                if cells:
                    yield start, cells
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{shown} cannot be read to its end: {error}", "Fetch or copy it again.") from error


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Split a file into lines, a block at a time: faster than asking it for each, and no line can fill the memory.

    Raises:
        OSError: A line is longer than :data:`LONGEST`, as no table's is; or what reading the file raises.
    """
    rest = b""
    while block := file.read(2**18):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        yield from [line + b"\n" for line in lines]
        if len(rest) > LONGEST:
            raise OSError(f"a line is longer than {LONGEST} bytes")
    if rest:
        yield rest


def _decoded(head: str, lines: Iterator[bytes]) -> Iterator[str]:
    yield head
    for line in lines:
        yield decoded(line)


def header_of(path: Path) -> list[str]:
    """Read the names of a table's columns, as :func:`~posterity.sources.metadata.plain_name` writes them.

    Raises:
        SourceError: The file cannot be read, or is empty.
    """
    if path.suffix.lower() in (".parquet", ".pq"):
        return []
    _, cells = next(read_rows(path))
    return [plain_name(cell) for cell in cells] if isinstance(cells, list) else []


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


def read_table(path: Path) -> Iterator[Entry | Skipped]:
    """Read a table of the user's own: columns by the synonyms of :mod:`posterity.sources.metadata`.

    Raises:
        SourceError: It cannot be read, or has no column by which a row could belong to a picture.
    """
    table = read_metadata(path)
    bad = {fault.number: fault.detail for fault in table.faults if fault.reason == "bad_row"}
    wrong: dict[int, list[str]] = {}
    for fault in table.faults:
        if fault.number not in bad:
            wrong.setdefault(fault.number, []).append(fault.detail)
    rows = {row.number: row for row in table.rows}
    for number in sorted({*rows, *bad}):
        if number in bad:
            yield Skipped(f"row {number}", "bad_row", bad[number])
            continue
        row = rows[number]
        image = row.file and (row.file if values.is_address(row.file) else escape(row.file))
        yield Entry(f"row {number}", row.film, image, faults=tuple(wrong.get(number, ())))
