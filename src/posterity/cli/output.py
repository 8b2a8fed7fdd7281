"""How commands speak: JSON for programs, lines for people, nothing that could command a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence

import click

from posterity.serialise import encode

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: object) -> str:
    r"""Make any text safe to print: one line, no control characters, no bytes that are not text.

    >>> one_line("a\n\x1b[31mb")
    'a �[31mb'
    """
    spaced = re.sub(r"[\r\n\t\u2028\u2029]+", " ", str(text))
    clean = _CONTROL.sub("\ufffd", spaced)
    encoding = sys.stdout.encoding or "utf-8"
    return clean.encode(encoding, "replace").decode(encoding)


def say(text: object = "") -> None:
    """Print a line for people."""
    click.echo(one_line(text))


def say_json(value: object) -> None:
    """Print one JSON object; plain ASCII, so that it is valid in whatever encoding standard output has."""
    click.echo(encode(value, ascii_only=True))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: columns of numbers to the right, others to the left."""
    rows = list(rows)
    cells = [list(header), *([one_line("" if cell is None else cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    right = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    for row in cells:
        parts = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        click.echo("  ".join(parts).rstrip())


def duration(seconds: float) -> str:
    """Write a time for people.

    >>> duration(0.4), duration(75), duration(7320)
    ('1 s', '1 min 15 s', '2 h 2 min')
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
