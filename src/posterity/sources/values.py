"""Cells of tables -> values: what people write for a year, an amount or a list of genres. Nothing is evaluated."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable

_NOTHING = frozenset({"", "nan", "null", "none", "n/a", "na", "\\n", "-", "?"})
_IMDB = re.compile(r"(?<![a-z0-9])tt(\d{6,9})(?!\d)", re.IGNORECASE)
_TMDB = re.compile(r"(?<![a-z0-9])tmdb(?:id)?[-:= ]?(\d{1,9})(?!\d)", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


_ITEM = r"\{'id': \d+, 'name': '[^'\\\n]*'\}"
_PLAIN = re.compile(rf"\[{_ITEM}(?:, {_ITEM})*\]|{_ITEM}")
_NAMED = re.compile(r"'name': '([^']*)'\}")
"""The literals of TMDb's tables as they nearly always are: read without Python's parser, ten times as fast."""


def text(cell: object) -> str | None:
    """Trim; the many ways of writing nothing become None."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    trimmed = str(cell).strip()
    return None if len(trimmed) < 5 and trimmed.lower() in _NOTHING else trimmed


def number(cell: object) -> float | None:
    """Read a number, with thousands' commas or a dollar sign if there are any.

    Raises:
        ValueError: It is not one.

    >>> number("$1,250,000"), number("7.5"), number("NaN")
    (1250000.0, 7.5, None)
    """
    try:
        value = float(cell)  # type: ignore[arg-type]  # plain numbers, which nearly all are, are read at once
    except (TypeError, ValueError):
        written = text(cell)
        if written is None:
            return None
        value = float(written.replace(",", "").removeprefix("$").strip())
    if value - value == 0:
        return value
    if value != value:  # not a number: how tables write nothing
        return None
    raise ValueError(f"{cell!r} is no finite number")


def whole(cell: object) -> int | None:
    """Read a whole number (``"1999"``, ``"1999.0"``).

    Raises:
        ValueError: It is not one, or not one that fits into 64 bits.
    """
    value = number(cell)
    if value is None:
        return None
    if value != int(value) or abs(value) >= 2**63:
        raise ValueError(f"{cell!r} is no whole number")
    return int(value)


_CURRENCIES = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB"}
_MONEY = re.compile(
    r"(?P<before>[A-Z]{3}|US\$|[$€£¥₹₩₽])?\s*(?P<number>[-+\d.,'\s\u00a0e]+?)\s*(?P<after>[A-Z]{3}|[€£¥₹₩₽])?"
)
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:[\s\u00a0']\d{3})+(?:\.\d+)?")


def money(cell: object) -> tuple[int | None, str | None]:
    """Read an amount of money, and its currency (ISO 4217) where one stands beside it.

    0 stands for unknown in every table there is.

    Raises:
        ValueError: It is no amount, or a negative one.

    >>> money("$1,250,000"), money("INR 250,000,000"), money("3 000 000 €"), money(0), money("75.5")
    ((1250000, 'USD'), (250000000, 'INR'), (3000000, 'EUR'), (None, None), (76, None))
    """
    written = text(cell)
    if written is None:
        return None, None
    found = _MONEY.fullmatch(written)
    if found is None:
        return amount(written), None  # which says what is wrong with it
    digits = found["number"].strip()
    if _GROUPED.fullmatch(digits):
        digits = re.sub(r"[\s\u00a0']", "", digits)
    sign = found["before"] or found["after"]
    value = amount(digits)
    return value, (_CURRENCIES.get(sign, sign) if sign and value is not None else None)


def amount(cell: object) -> int | None:
    """Read an amount of money; 0 stands for unknown in every table there is.

    Raises:
        ValueError: It is not a number, or negative.
    """
    value = number(cell)
    if value is not None and (value < 0 or value >= 2**63):
        raise ValueError(f"{cell!r} is no amount of money")
    return round(value) if value else None


def year(cell: object) -> int | None:
    """Read a year, also out of a date.

    Raises:
        ValueError: There is none from 1800 to 2099.

    >>> year("1982-06-25"), year(1999.0)
    (1982, 1999)
    """
    written = text(cell)
    if written is None:
        return None
    if found := _YEAR.search(written):
        return int(found[1])
    raise ValueError(f"{written!r} holds no year")


def names(cell: object) -> tuple[str, ...]:
    """Read a list of names: JSON or Python literals of strings or of ``{"name": …}``, else split on ``|`` or ``,``.

    >>> names("Horror|Comedy"), names('["Drama"]'), names("[{'id': 35, 'name': 'Comedy'}]"), names("Crime, Drama")
    (('Horror', 'Comedy'), ('Drama',), ('Comedy',), ('Crime', 'Drama'))
    """
    if isinstance(cell, list | tuple):
        return _unique(cell)
    written = text(cell)
    if written is None:
        return ()
    if _PLAIN.fullmatch(written):
        return _unique(_NAMED.findall(written))
    if written[0] in "[{" and (listed := _literal(written)) is not None:
        return _unique(listed if isinstance(listed, list | tuple) else [listed])
    return _unique(written.split("|" if "|" in written else ","))


def name(cell: object) -> str | None:
    """Read one name, which may be wrapped as :func:`names` may."""
    written = text(cell)
    if written and written[0] == "{":
        return next(iter(names(cell)), None)
    return written


def imdb_id(cell: object) -> str | None:
    """Find an IMDb id in a text, or read a bare number as one, as some tables hold it.

    >>> imdb_id("Heat [imdbid-tt0113277]"), imdb_id("tt113277"), imdb_id(114709), imdb_id("Heat")
    ('tt0113277', 'tt0113277', 'tt0114709', None)
    """
    written = text(cell)
    if written is None:
        return None
    if found := _IMDB.search(written):
        return f"tt{int(found[1]):07d}"
    bare = written.removesuffix(".0")
    return f"tt{int(bare):07d}" if bare.isascii() and bare.isdigit() and len(bare) <= 9 and int(bare) else None


def imdb_id_in_name(stem: str) -> str | None:
    """Find an IMDb id in a file's name, where bare numbers mean nothing."""
    found = _IMDB.search(stem)
    return f"tt{int(found[1]):07d}" if found else None


def tmdb_id_in_name(stem: str) -> int | None:
    """Find a TMDb id that a file's name states, as in ``{tmdb-693134}``."""
    found = _TMDB.search(stem)
    return int(found[1]) if found else None


_LANGUAGES = {
    "arabic": "ar", "bengali": "bn", "bulgarian": "bg", "cantonese": "cn", "catalan": "ca", "chinese": "zh",
    "croatian": "hr", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en", "estonian": "et", "finnish": "fi",
    "french": "fr", "german": "de", "greek": "el", "hebrew": "he", "hindi": "hi", "hungarian": "hu", "icelandic": "is",
    "indonesian": "id", "italian": "it", "japanese": "ja", "kannada": "kn", "korean": "ko", "latvian": "lv",
    "lithuanian": "lt", "malayalam": "ml", "mandarin": "zh", "norwegian": "no", "persian": "fa", "polish": "pl",
    "portuguese": "pt", "romanian": "ro", "russian": "ru", "serbian": "sr", "slovak": "sk", "slovenian": "sl",
    "spanish": "es", "swedish": "sv", "tamil": "ta", "telugu": "te", "thai": "th", "turkish": "tr", "ukrainian": "uk",
    "vietnamese": "vi",
}  # fmt: skip
"""Languages by their English names, in the codes that TMDb uses: ISO 639-1, and ``cn`` for Cantonese."""


def language(cell: object) -> str | None:
    """Read a language: its English name becomes its code, and what nobody knows is kept as given.

    >>> language("English"), language("EN"), language("Klingon")
    ('en', 'en', 'Klingon')
    """
    written = text(cell)
    if written is None:
        return None
    if len(written) == 2 and written.isascii() and written.isalpha():
        return written.lower()
    return _LANGUAGES.get(written.lower(), written)


def is_address(text: str) -> bool:
    """Tell whether a text is an ``http`` address."""
    return text[:8].lower().startswith(("http://", "https://"))


def _literal(written: str) -> object:
    for parse in (json.loads, ast.literal_eval):
        try:
            value: object = parse(written)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return value
    return None


def _unique(items: Iterable[object]) -> tuple[str, ...]:
    found = (text(item.get("name") if isinstance(item, dict) else item) for item in items)
    return tuple(dict.fromkeys(item for item in found if item))
