"""What an NFO says, in the spellings of many programs and languages -> values.

Each function reads one text that says something; what it cannot read is a :exc:`ValueError`, what stands for "unknown"
is None.
"""

from __future__ import annotations

import re
from datetime import date

from posterity.sources import values

_HOURS = r"h[a-z]*\.?|std\.?|stunden?|時間|小时|小時|시간|ч[а-я]*\.?"
_MINUTES = r"m[a-z]*\.?|分鐘|分钟|分|분|мин[а-я]*\.?|хв[а-я]*\.?|perc|dk\.?|dakika|λεπτ[ά-ώ]*|דקות|دقيقة|นาที"
_DURATION = re.compile(
    rf"(?:pt)?(?:([0-9]{{1,3}})\s*(?:{_HOURS})\s*)?([0-9]{{1,5}}(?:[.,][0-9]+)?)?\s*(?:{_MINUTES})?", re.IGNORECASE
)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::[0-5][0-9])?")
_DATE = re.compile(r"([0-9]{1,4})[-./]([0-9]{1,2})[-./]([0-9]{1,4})(?:[T ].*)?")


def imdb(cell: str) -> str | None:
    """Read an IMDb id, or the digits of one."""
    found = values.imdb_id(cell)
    if found is None and cell.strip("0"):
        raise ValueError(f"{cell!r} is not an IMDb id")
    return found if found and int(found[2:]) else None


def tmdb(cell: str) -> int | None:
    """Read a TMDb id."""
    found = values.whole(cell)
    if found is not None and not 0 <= found < 2**31:
        raise ValueError(f"{cell!r} is not a TMDb id")
    return found or None


def year(cell: str) -> int | None:
    """Read a year; 0 is unknown."""
    return values.year(cell) if cell.strip("0") else None


def day(cell: str) -> str | None:
    """Read a date: year first, or last; dots stand between day and month in that order, slashes in either.

    >>> day("15.12.1995"), day("1995-12-15T00:00:00"), day("12/15/1995"), day("0001-01-01")
    ('1995-12-15', '1995-12-15', '1995-12-15', None)
    """
    values.check_length(cell, "a date")
    if re.fullmatch(r"(?:[0-9]{4})?|000.-.*|1601-.*", cell):  # a year alone; what programs write for "unknown"
        return None
    found = _DATE.fullmatch(cell)
    if found is None:
        return date.fromisoformat(cell[:10]).isoformat()
    first, middle, last = (int(part) for part in found.groups())
    if len(found[1]) == 4:
        return date(first, middle, last).isoformat()
    if len(found[3]) != 4:
        raise ValueError(f"{cell!r} is not a date")
    if "." not in cell and first != middle and first <= 12 and middle <= 12:
        raise ValueError(f"{cell!r}: day and month could be either way round")
    by_month = "." not in cell and middle > 12
    return (date(last, first, middle) if by_month else date(last, middle, first)).isoformat()


def out_of_ten(cell: str) -> float | None:
    """Read a rating, "value" or "value/maximum", as one out of ten; 0 is nobody's vote."""
    value, _, most = cell.partition("/")
    found = values.number(value.replace(",", "."))
    highest = values.number(most.replace(",", ".")) or 10.0
    if not found:
        return None
    scaled = round(found * 10 / highest, 6)
    if not 0 < scaled <= 10:
        raise ValueError(f"{cell!r} is not a rating")
    return scaled


def count(cell: str) -> int | None:
    """Read a number of votes, whatever stands between thousands."""
    values.check_length(cell, "a count")
    found = values.whole(re.sub(r"(?<=[0-9])[., ](?=[0-9]{3}(?![0-9]))", "", cell))
    if found is not None and found < 0:
        raise ValueError(f"{cell!r} is not a count")
    return found


def minutes(cell: str) -> float | None:
    """Read a duration; a number alone is one of minutes.

    >>> minutes("142分鐘"), minutes("2h 22min"), minutes("PT2H22M"), minutes("2:22:00"), minutes("2 Stunden")
    (142.0, 142.0, 142.0, 142.0, 120.0)
    """
    values.check_length(cell, "a duration")
    found = _CLOCK.fullmatch(cell) or _DURATION.fullmatch(cell)
    if not found or not (found[1] or found[2]):
        raise ValueError(f"{cell!r} is not a duration")
    return float(found[1] or 0) * 60 + float((found[2] or "0").replace(",", ".")) or None


def language(cell: str) -> str | None:
    """Read a language's code of two letters; a name says nothing here."""
    return cell.lower() if re.fullmatch(r"[A-Za-z]{2}", cell) else None
