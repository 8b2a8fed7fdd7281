"""Cells of tables -> values: what people write for a year, an amount or a list of genres. Nothing is evaluated."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable
from contextlib import suppress

from posterity.sources.lists import items

_NOTHING = frozenset({"", "nan", "null", "none", "n/a", "na", "\\n", "-", "?"})
_IMDB = re.compile(r"(?<![a-z0-9])tt(\d{6,9})(?!\d)", re.IGNORECASE)
_TMDB = re.compile(r"(?<![a-z0-9])tmdb(?:id)?[-:= ]?(\d{1,9})(?!\d)", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


LONGEST = 200
"""Characters of the longest cell that is read as a number, an amount, a date or a duration."""

LONGEST_LIST = 20_000
"""Characters of the longest list of names."""

LONGEST_NAME = 1_000
"""Characters of a file's name or a title that are read; file systems allow 255."""


def check_length(cell: object, what: str, most: int = LONGEST) -> None:
    """Make sure that a cell is not longer than what it is read as; patterns take the square of a long one's time.

    Raises:
        ValueError: It is.
    """
    if isinstance(cell, str) and len(cell) > most:
        raise ValueError(f"{len(cell):,} characters, {cell[:40]!r} first, are too many for {what}")


def text(cell: object) -> str | None:
    """Trim; the many ways of writing nothing become None."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    trimmed = str(cell).strip()
    if "\0" in trimmed:  # what some programs end text with
        trimmed = trimmed.replace("\0", "").strip()
    return None if len(trimmed) < 5 and trimmed.lower() in _NOTHING else trimmed


_CURRENCIES = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB"}
_SPACES = r" \u00a0\u2009\u202f"
_MONEY = re.compile(
    rf"(?P<before>[A-Z]{{3}}|US\$|[$€£¥₹₩₽])?\s*(?P<number>[-+\d.,'’e{_SPACES}]+?)\s*(?P<after>[A-Z]{{3}}|[€£¥₹₩₽])?"
)
_EXPONENT = r"(?:[eE][-+]?\d+)?"
_NUMBERS = {
    mark: re.compile(
        rf"[-+]?(?:\d+|[1-9]\d{{0,2}}(?P<group>[{group}'’_{_SPACES}])\d{{2,3}}(?:(?P=group)\d{{2,3}})*(?<=\d{{3}})|(?=[.,]\d))"
        rf"(?:[{mark}]\d*)?{_EXPONENT}"
    )
    for mark, group in ((".", ","), (",", "."))
}
"""Decimal mark -> numbers as they are written with it; thousands (in India, lakhs) by the other mark or by spaces."""


_RUN = re.compile(rf"\d[\d.,'’_{_SPACES}]*\d|\d")


def shape(cell: str) -> tuple[bool, bool]:
    """Tell whether the number in a cell is one if the decimal mark is a point, and if it is a comma.

    >>> shape("7,9"), shape("1,234 min"), shape("1.234,5 €"), shape("12"), shape("x")
    ((False, True), (True, True), (False, True), (True, True), (False, False))
    """
    found = _RUN.search(cell[:LONGEST])
    digits = found[0] if found else ""
    return _NUMBERS["."].fullmatch(digits) is not None, _NUMBERS[","].fullmatch(digits) is not None


def number(cell: object, decimal: str | None = ".") -> float | None:
    """Read a number, with thousands' marks or a dollar sign if there are any.

    Args:
        cell: What the table holds.
        decimal: The decimal mark, "." or ","; None where that is unknown, and numbers that depend on it too.

    Raises:
        ValueError: It is not a number.

    >>> number("$1,250,000"), number("7.5"), number("NaN"), number("1.234,5", ",")
    (1250000.0, 7.5, None, 1234.5)
    """
    check_length(cell, "a number")
    try:
        # Plain numbers, which nearly all are, are read at once.
        value = float(cell) if decimal == "." or not isinstance(cell, str) else _written(cell, decimal)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        written = text(cell)
        if written is None:
            return None
        value = _written(written, decimal)
    if value - value == 0:
        return value
    if value != value:  # not a number: how tables write nothing
        return None
    raise ValueError(f"{cell!r} is not a finite number")


def _written(cell: str, decimal: str | None) -> float:
    digits = cell.strip().removeprefix("$").strip()
    read = {
        float(_plain(digits, mark)) for mark in ([decimal] if decimal else ".,") if _NUMBERS[mark].fullmatch(digits)
    }
    if len(read) != 1:
        raise ValueError(f"{cell!r} is not a number")
    return read.pop()


def _plain(digits: str, mark: str) -> str:
    return re.sub(rf"[{'.' if mark == ',' else ','}'’_{_SPACES}]", "", digits).replace(mark, ".")


def whole(cell: object, decimal: str | None = ".") -> int | None:
    """Read a whole number (``"1999"``, ``"1999.0"``).

    Raises:
        ValueError: It is not one, or not one that fits into 64 bits.
    """
    value = number(cell, decimal)
    if value is None:
        return None
    if value != int(value) or abs(value) >= 2**63:
        raise ValueError(f"{cell!r} is not a whole number")
    return int(value)


def money(cell: object, decimal: str | None = ".") -> tuple[int | None, str | None]:
    """Read an amount of money, and its currency (ISO 4217) where one stands beside it.

    0 stands for unknown in every table there is.

    Raises:
        ValueError: It is not an amount, or a negative one.

    >>> money("$1,250,000"), money("INR 250,000,000"), money("3 000 000 €"), money(0), money("75.5")
    ((1250000, 'USD'), (250000000, 'INR'), (3000000, 'EUR'), (None, None), (76, None))
    """
    check_length(cell, "an amount of money")
    written = text(cell)
    if written is None:
        return None, None
    found = _MONEY.fullmatch(written)
    if found is None:
        return amount(written, decimal), None  # which says what is wrong with it
    sign = found["before"] or found["after"]
    value = amount(found["number"].strip(), decimal)
    return value, (_CURRENCIES.get(sign, sign) if sign and value is not None else None)


def amount(cell: object, decimal: str | None = ".") -> int | None:
    """Read an amount of money; 0 stands for unknown in every table there is.

    Raises:
        ValueError: It is not a number, or negative.
    """
    value = number(cell, decimal)
    if value is not None and (value < 0 or value >= 2**63):
        raise ValueError(f"{cell!r} is not an amount of money")
    return round(value) if value else None


_MINUTES = re.compile(r"(?:(\d+)\s*h(?:ours?|rs?|\.)?)?\s*(?:(\d[\d.,]*)\s*m(?:inutes?|ins?|\.)?)?", re.IGNORECASE)


def minutes(cell: object, decimal: str | None = ".") -> float | None:
    """Read a running time in minutes.

    Raises:
        ValueError: It is not one.

    >>> minutes("170 min"), minutes("2h 50min"), minutes("170.5")
    (170.0, 170.0, 170.5)
    """
    check_length(cell, "a running time")
    if isinstance(cell, str) and (found := _MINUTES.fullmatch(cell.strip())) and (found[1] or found[2]):
        return 60 * int(found[1] or 0) + (number(found[2], decimal) or 0.0 if found[2] else 0.0)
    return number(cell, decimal)


def rating(cell: object, decimal: str | None = ".") -> float | None:
    """Read a rating out of ten, which may say so.

    Raises:
        ValueError: It is not one.

    >>> rating("8.2/10"), rating(8.3)
    (8.2, 8.3)
    """
    check_length(cell, "a rating")
    return number(re.sub(r"\s*/\s*10$", "", cell) if isinstance(cell, str) else cell, decimal)


def year(cell: object) -> int | None:
    """Read a year, also out of a date.

    Raises:
        ValueError: There is no year from 1800 to 2099.

    >>> year("1982-06-25"), year(1999.0)
    (1982, 1999)
    """
    written = text(cell)
    if written is None:
        return None
    if found := _YEAR.search(written):
        return int(found[1])
    raise ValueError(f"{written!r} contains no year")


_DATE = re.compile(r"(\d{1,4})([-./])(\d{1,2})\2(\d{1,4})(?:[T ].*)?", re.DOTALL)


def date(cell: object, day_first: bool | None = None) -> str | None:
    """Read a date into ISO form; one that is written in words, or is but a year, stays as it is.

    Args:
        cell: What the table holds.
        day_first: Whether the day stands before the month; None where that is not known, which leaves dates that
            could be either unknown. With points between, it always does.

    Raises:
        ValueError: It contains no year, is a date that does not exist, or could be either of two days.

    >>> date("1995-10-30 00:00:00"), date("30.10.1995"), date("12/15/1995"), date("1/9/1997", day_first=False)
    ('1995-10-30', '1995-10-30', '1995-12-15', '1997-01-09')
    """
    check_length(cell, "a date")
    if isinstance(cell, str) and len(cell) == 10:
        with suppress(ValueError):  # as nearly all are
            return datetime.date.fromisoformat(cell).isoformat()
    written = text(cell)
    if written is None:
        return None
    found = _DATE.fullmatch(written)
    if found is None:
        year(written)
        return written
    first, mark, second, third = int(found[1]), found[2], int(found[3]), int(found[4])
    if len(found[1]) == 4:
        return datetime.date(first, second, third).isoformat()
    if len(found[4]) != 4:
        raise ValueError(f"{written!r} does not say which century")
    day_before = True if mark == "." or first > 12 else False if second > 12 else day_first
    if day_before is None and first != second:
        raise ValueError(f"{written!r} could be either of two days")
    return (datetime.date(third, second, first) if day_before else datetime.date(third, first, second)).isoformat()


def day_stands_first(cell: str) -> bool | None:
    """Tell whether the day stands before the month in a date; None where it could be either, or is not such a date.

    >>> day_stands_first("30/10/1995"), day_stands_first("10/30/1995"), day_stands_first("1/9/1997")
    (True, False, None)
    """
    found = _DATE.fullmatch(cell.strip()) if len(cell) <= LONGEST else None
    if not found or len(found[1]) == 4 or found[2] == "." or max(int(found[1]), int(found[3])) <= 12:
        return None
    return int(found[1]) > 12


def names(cell: object) -> tuple[str, ...]:
    """Read a list of names, in any of the shapes of :mod:`posterity.sources.lists`.

    Raises:
        ValueError: It begins as a list of records, and cannot be read as one.

    >>> names("Horror|Comedy"), names('["Drama"]'), names("[{'id': 35, 'name': 'Comedy'}]"), names("Crime, Drama")
    (('Horror', 'Comedy'), ('Drama',), ('Comedy',), ('Crime', 'Drama'))
    """
    if isinstance(cell, list | tuple):
        return _unique(cell)
    check_length(cell, "a list of names", LONGEST_LIST)
    written = text(cell)
    return () if written is None else _unique(items(written))


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


def _unique(items: Iterable[object]) -> tuple[str, ...]:
    found = (text(item.get("name") if isinstance(item, dict) else item) for item in items)
    return tuple(dict.fromkeys(item for item in found if item))
