"""The first sheet of an Excel workbook (``.xlsx``) as rows of text; it takes the extra ``excel``."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from pathlib import Path

from posterity.errors import SourceError
from posterity.runtime.filenames import escape
from posterity.sources.notes import Notes

ENDINGS = (".xlsx", ".xlsm")
OTHERS = (".xls", ".xlsb", ".ods", ".numbers")
"""Workbooks that are read; and those that are not, and would else be taken for text."""

_LARGEST = 2**30
"""Bytes of a workbook, unpacked."""


def read_workbook(path: Path, notes: Notes) -> Iterator[tuple[int, list[str]]]:
    """Read the first sheet: the number of each row and its cells; the header comes first, empty rows are passed over.

    Raises:
        SourceError: It cannot be read, or the extra is not installed.
    """
    shown = escape(str(path))
    try:
        import openpyxl
    except ImportError:
        raise SourceError(
            f"{shown} is an Excel workbook", "Install pip install 'posterity[excel]', or save it as CSV."
        ) from None
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > _LARGEST:
            raise SourceError(f"{shown} holds {size:,} bytes unpacked, more than {_LARGEST:,}", "Save it as CSV.")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            if not book.worksheets:
                raise SourceError(f"{shown} has no sheet", "The first sheet is read.")
            first, *more = book.worksheets
            if more:
                notes.add(f"of the workbook only its first sheet is read, {first.title!r}")
            first.reset_dimensions()  # what programs write there is not always so
            yield from _rows(first.iter_rows(values_only=True))
        finally:
            book.close()
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, SyntaxError) as error:
        # What openpyxl raises for damaged files is whatever its parts stumble over; ParseError is a SyntaxError.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged"
        raise SourceError(f"{shown} cannot be read: {reason}", "Save it again, or as CSV.") from error


def _rows(rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, list[str]]]:
    width = 0
    for number, row in enumerate(rows, 1):
        cells = [_text(cell) for cell in row]
        while cells and not cells[-1]:  # sheets are as wide as anything that was ever in them
            cells.pop()
        if cells:
            width = width or len(cells)
            yield number, cells + [""] * (width - len(cells))


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return str(cell)
