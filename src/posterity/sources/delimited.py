"""Text with separated cells -> rows, whatever program wrote it; nothing is held but one block of the file.

What is decided for the whole file: its encoding by its mark (UTF-8, UTF-16, UTF-32), else UTF-8, and Windows-1252 for
lines that are not valid; what separates cells by a line ``sep=;``, else by the header. Only CR, LF and CRLF end a line.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO

from posterity.errors import SourceError
from posterity.runtime.filenames import escape
from posterity.sources.notes import Notes

LONGEST = 2**22
"""Bytes of the longest line that is read."""

DELIMITERS = ",;\t|"

_BLOCK = 2**18
_START = 2**12
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SEPARATOR = re.compile(r"""["']?sep=(.)["']?[,;\t|]*\s*""", re.IGNORECASE | re.DOTALL)
_LEADING = 1000
"""Empty lines before the header that are passed over."""


def opened(path: Path) -> IO[bytes]:
    """Open a table's bytes, unpacked where its name ends in ``.gz``.

    Raises:
        SourceError: It cannot be opened.
    """
    try:
        return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise SourceError(f"{escape(str(path))} cannot be read: {error.strerror}", "Check its name.") from error


def decoded(line: bytes) -> str:
    """Decode a line: UTF-8, else the Western Windows code page that many tables are in.

    >>> decoded("Amélie’s".encode()) == decoded("Amélie’s".encode("cp1252")) == "Amélie’s"
    True
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Split a file into lines, a block at a time: faster than asking it for each, and no line can fill the memory.

    Raises:
        OSError: A line is longer than :data:`LONGEST`, as no table's is; it begins as UTF-16 or UTF-32 and does not go
            on so; or what reading the file raises.
    """
    first = file.read(_START)
    encoding = next((name for mark, name in _MARKS if first.startswith(mark)), None) or _unmarked(first)
    if encoding is not None:
        yield from _transcoded(first, file, encoding)
        return
    while first.startswith(codecs.BOM_UTF8):
        first = first.removeprefix(codecs.BOM_UTF8)
    yield from _split(chain([first], iter(lambda: file.read(_BLOCK), b"")))


def _unmarked(start: bytes) -> str | None:
    """Recognise UTF-16 without its mark, as names of columns are ASCII: every other byte is 0."""
    head = start[:32]
    if len(head) < 4 or b"\0" not in head:
        return None
    return "utf-16-le" if not any(head[1::2]) else "utf-16-be" if not any(head[0::2]) else None


def _transcoded(first: bytes, file: IO[bytes], encoding: str) -> Iterator[bytes]:
    decode = codecs.getincrementaldecoder(encoding)().decode

    def blocks() -> Iterator[bytes]:
        yield decode(first).lstrip("\ufeff").encode()
        while block := file.read(_BLOCK):
            yield decode(block).encode()
        yield decode(b"", True).encode()

    try:
        yield from _split(blocks())
    except UnicodeDecodeError as error:
        raise OSError(f"it begins as {encoding.upper()}, but is not valid: {error.reason}") from error


def _split(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Split blocks into lines with their ends. Unlike those of text, lines of bytes end in CR, LF and CRLF alone."""
    rest = b""
    for block in blocks:
        lines = (rest + block).splitlines(keepends=True)
        # The last goes on in the next block, or might: LF may follow its CR.
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        yield from lines
        if len(rest) > LONGEST:
            raise OSError(f"a line is longer than {LONGEST} bytes")
    if rest:
        yield rest


class Text:
    """A table of text that has been opened.

    Attributes:
        delimiter: What separates its cells.
        rows: The line that each row begins in and its cells, or what is wrong with it; the header comes first.
    """

    def __init__(self, delimiter: str, rows: Iterator[tuple[int, list[str] | str]]) -> None:
        self.delimiter = delimiter
        self.rows = rows


def read_text(path: Path, known: Callable[[list[str]], int], notes: Notes) -> Text:
    """Open a table of text.

    A quote that is never closed swallows rows up to the size that a cell may have, and is reported with them.

    Args:
        path: The file.
        known: Counts the known names in a header, to find what separates them.
        notes: Takes down what was guessed.

    Raises:
        SourceError: The file cannot be read, or is empty.
    """
    shown = escape(str(path))
    lines = _lines(path, notes)
    head = []
    for line in islice(lines, _LEADING):
        head.append(line)
        if line.strip().strip(DELIMITERS):
            break
    if not head or not head[-1].strip().strip(DELIMITERS):
        raise SourceError(f"{shown} is empty", "A table must start with a line of column names.")
    skipped = len(head) - 1
    if named := _SEPARATOR.fullmatch(head[-1][:_START]):
        delimiter, skipped = named[1], len(head)
        start: Iterator[str] = lines
    else:
        delimiter = _delimiter(head[-1], known)
        start = chain(head[-1:], lines)
    return Text(delimiter, _rows(start, delimiter, skipped))


def _delimiter(header: str, known: Callable[[list[str]], int]) -> str:
    """Tell what separates the names of a header: what makes most names that are known, then what makes most names."""

    def names(mark: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([header], delimiter=mark), [])
        except csv.Error:
            return 0, 0
        return known(cells), len(cells)

    return max(DELIMITERS, key=names)


def _lines(path: Path, notes: Notes) -> Iterator[str]:
    """Give the lines of a file as text; what is wrong with it is raised at once, or when it shows."""
    shown = escape(str(path))
    foreign = first = 0
    try:
        with opened(path) as file:
            for number, line in enumerate(lines_of(file), 1):
                try:
                    yield line.decode()
                except UnicodeDecodeError:
                    foreign += 1
                    first = first or number
                    yield decoded(line)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SourceError(f"{shown} cannot be read to its end: {reason}", "Download or copy it again.") from error
    finally:
        if foreign:
            notes.add(
                f"{foreign:,} lines of {escape(path.name)}, from line {first}, are not UTF-8 and were read as "
                "Windows-1252; save it as UTF-8 if letters are wrong"
            )


def _rows(lines: Iterator[str], delimiter: str, skipped: int) -> Iterator[tuple[int, list[str] | str]]:
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        start = reader.line_num + 1 + skipped
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield start, f"from line {start} to {reader.line_num + skipped}: {error}"
            continue
        if cells is None:
            return
        if cells:
            yield start, cells
