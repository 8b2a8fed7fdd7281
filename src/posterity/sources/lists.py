"""Lists of names in one cell, in the shapes that programs and people write them. Nothing is evaluated.

JSON; Python's literals of lists, tuples, sets and dicts; NumPy's arrays, which have no commas (``['Drama' 'Crime']``);
PostgreSQL's (``{Drama,"Science Fiction"}``); and plain names with ``|``, ``;``, ``,``, ``/`` or line breaks between.
"""

from __future__ import annotations

import ast
import json
import re

_ITEM = r"\{'id': \d+, 'name': '[^'\\\n]*'\}"
_PLAIN = re.compile(rf"\[{_ITEM}(?:, {_ITEM})*\]|{_ITEM}")
_NAMED = re.compile(r"'name': '([^']*)'\}")
"""The literals of TMDb's tables as they nearly always are: read without Python's parser, ten times as fast."""

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_STRING = re.compile(_QUOTED, re.DOTALL)
_STRINGS = re.compile(rf"[\[({{]\s*(?:{_QUOTED})\s*(?:(?:,\s*)?(?:{_QUOTED})\s*)*(?:,\s*)?[\])}}]", re.DOTALL)
"""Brackets round strings, with commas between or, as NumPy writes arrays, with none."""

_ARRAY = re.compile(r"(?:np\.)?(?:array|frozenset|set|list|tuple)\((.*?)(?:,\s*dtype=[^()]*)?\)", re.DOTALL)
_UNSEPARATED = re.compile(r"\}\s*\{")
_SLASH = re.compile(r"\s+/\s+|(?<=[\w']{3})/(?=[\w']{3})")
_PAIRS = {"[": "]", "(": ")", "{": "}"}


def items(written: str) -> list[object]:
    """Read the items of a list: strings, or what a literal holds.

    Args:
        written: The cell, trimmed and not empty.

    Raises:
        ValueError: It begins as a list of records, and cannot be read as one.

    >>> items("['Drama' 'Crime']"), items("{Drama,'Film Noir'}"), items("Drama / Crime"), items("Sci-Fi; Drama")
    (['Drama', 'Crime'], ['Drama', 'Film Noir'], ['Drama', 'Crime'], ['Sci-Fi', 'Drama'])
    """
    if _PLAIN.fullmatch(written):
        return list(_NAMED.findall(written))
    if wrapped := _ARRAY.fullmatch(written):
        written = wrapped[1].strip()
    if written[:1] in _PAIRS:
        if _STRINGS.fullmatch(written):
            # Piece by piece: to Python, strings with only a space between are one.
            return [_string(found) for found in _STRING.findall(written)]
        if (listed := _literal(_UNSEPARATED.sub("}, {", written))) is not None:
            return _flat(listed)
        if re.match(r"[\[(]?\s*\{\s*['\"]", written):
            raise ValueError(f"{written[:80]!r} is not a list that can be read")
        if written.endswith(_PAIRS[written[0]]):
            written = written[1:-1]
    return list(_split(written))


def _split(written: str) -> list[str]:
    """Split plain names at the first of the marks that there is one of, and at slashes."""
    mark = next((mark for mark in ("|", ";", "\n", ",") if mark in written), None)
    parts = written.split(mark) if mark else [written]
    found = [_bare(piece) for part in parts for piece in _SLASH.split(part)]
    return [piece for piece in found if piece]


def _bare(name: str) -> str:
    name = name.strip()
    return name[1:-1].strip() if len(name) > 2 and name[0] == name[-1] and name[0] in "'\"" else name


def _string(quoted: str) -> str:
    read = _literal(quoted)
    return read if isinstance(read, str) else quoted[1:-1]


def _literal(written: str) -> object:
    for parse in (json.loads, ast.literal_eval):
        try:
            value: object = parse(written)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return value
    return None


def _flat(value: object) -> list[object]:
    """Give what is in a literal: of a record its name, of a mapping of ids to names the names."""
    if isinstance(value, list | tuple | set):
        return [inner for item in value for inner in _flat(item)]
    if isinstance(value, dict):
        return [value["name"]] if "name" in value else [name for name in value.values() if isinstance(name, str)]
    return [value]
