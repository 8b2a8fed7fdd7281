"""Metadata of many posters as columns of numbers, small enough to send for a whole collection at once."""

from __future__ import annotations

from collections.abc import Sequence


def numbered(values: Sequence[str | None]) -> tuple[list[str], list[int]]:
    """Number the values in sorted order: the distinct names, and each value's number, -1 if unknown.

    >>> numbered(["fr", None, "en", "fr"])
    (['en', 'fr'], [1, -1, 0, 1])
    """
    names = sorted({value for value in values if value})
    place: dict[str | None, int] = {name: i for i, name in enumerate(names)}
    return names, [place.get(value or None, -1) for value in values]


def numbered_sets(values: Sequence[Sequence[str] | None]) -> tuple[list[str], list[list[int]]]:
    """Number the names in sets, in sorted order: the distinct names, and each set's numbers in its own order.

    >>> numbered_sets([["War", "Drama"], None, ["War", "War"]])
    (['Drama', 'War'], [[1, 0], [], [1]])
    """
    names = sorted({name for some in values for name in some or ()})
    place = {name: i for i, name in enumerate(names)}
    return names, [[place[name] for name in dict.fromkeys(some or ())] for some in values]


def ratios(revenues: Sequence[int | None], budgets: Sequence[int | None]) -> list[float | None]:
    """Divide revenues by budgets; None if either is unknown.

    >>> ratios([300, None, 5], [100, 100, None])
    [3.0, None, None]
    """
    pairs = zip(revenues, budgets, strict=True)
    return [round(revenue / budget, 3) if revenue and budget else None for revenue, budget in pairs]


def shapes(widths: Sequence[int], heights: Sequence[int]) -> list[int]:
    """Return the shapes of pictures: width · 1000 / height.

    >>> shapes([2000], [3000])
    [667]
    """
    return [round(1000 * width / height) for width, height in zip(widths, heights, strict=True)]
