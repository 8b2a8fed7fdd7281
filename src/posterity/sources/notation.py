"""How a table writes numbers and dates: decided once for all of it, from a sample of its cells, and reported.

"7,9" is 7.9 in one country and no number in another; "1,234" is a thousand or a little more than one. A table is
written in one way, so cells that can be read in one way only decide for the others. Where they contradict each other,
each column is decided by itself; and what then still could be read in two ways is left unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from posterity.sources import values
from posterity.sources.notes import Notes

NUMERIC = ("popularity", "vote_average", "vote_count", "runtime", "budget", "revenue")
WHOLE = frozenset({"vote_count", "budget", "revenue"})
"""Columns of numbers; and those of them in which three digits after a mark are thousands, for nobody writes fractions
of votes, or thousandths of money."""

_STRAY = 0.01
"""As large a share of cells that contradict the others is taken for slips."""

_OTHER = {".": ",", ",": "."}
_NAMES = {".": "point", ",": "comma"}


@dataclass(frozen=True)
class Notation:
    """How numbers and dates are written.

    Attributes:
        decimal: The decimal mark, "." or ","; None where that is unclear.
        by_column: The decimal marks of columns that differ.
        day_first: Whether the day stands before the month; None where that is unclear.
    """

    decimal: str | None = "."
    by_column: Mapping[str, str | None] = field(default_factory=dict)
    day_first: bool | None = None

    def of(self, column: str) -> str | None:
        """Give the decimal mark of a column."""
        return self.by_column.get(column, self.decimal)


@dataclass
class _Tally:
    """What the cells of a column show: how many can only be read with a mark, and those that could be either."""

    only: Counter[str] = field(default_factory=Counter)
    either: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)

    def take(self, cell: str) -> None:
        point, comma = values.shape(cell)
        if point != comma:
            self.only["." if point else ","] += 1
            self.example.setdefault("." if point else ",", cell)
        elif point:  # a single mark, three digits after it: named by that mark
            mark = "," if "," in cell else "."
            self.either[mark] += 1
            self.example.setdefault(f"either {mark}", cell)

    def decided(self) -> str | None:
        """Tell the mark that the cells show, but for slips; None where they show none, or contradict each other."""
        if not self.only:
            return None
        mark, n = self.only.most_common(1)[0]
        return mark if self.only.total() - n <= _STRAY * self.only.total() else None


def decide(columns: Mapping[str, Iterable[object]], delimiter: str, notes: Notes) -> Notation:
    """Decide how a table writes numbers and dates.

    Args:
        columns: Field -> a sample of its cells. Cells that are not text do not count.
        delimiter: What separates the table's cells, "" where nothing does.
        notes: Takes down what was guessed, and what could not be.
    """
    tallies: dict[str, _Tally] = {}
    total = _Tally()
    for column in NUMERIC:
        tally = tallies[column] = _Tally()
        for cell in columns.get(column, ()):
            if isinstance(cell, str) and ("," in cell or "." in cell):
                tally.take(cell.strip())
        total.only.update(tally.only)
        total.either.update(tally.either)
        total.example = tally.example | total.example
    day_first = _day_first(columns.get("release_date", ()), notes)
    if total.decided() is None and total.only:
        return _each(tallies, notes, day_first)
    decimal = total.decided()
    if decimal == ",":
        notes.add(f"numbers are read with a decimal comma, as in {total.example[',']!r}")
    elif decimal is None:
        decimal = _guessed(tallies, total, delimiter, notes)
    return Notation(decimal, {}, day_first)


def _each(tallies: Mapping[str, _Tally], notes: Notes, day_first: bool | None) -> Notation:
    """Decide column by column, where the table as a whole contradicts itself."""
    by_column = {column: tally.decided() for column, tally in tallies.items()}
    decided = [f"{column} with a decimal {_NAMES[mark]}" for column, mark in by_column.items() if mark]
    unsure = [
        column
        for column, mark in by_column.items()
        if mark is None and (tallies[column].only or tallies[column].either)
    ]
    if decided:
        notes.add(f"columns write numbers in different ways: {', '.join(decided)}")
    if unsure:
        notes.add(
            f"numbers in {', '.join(unsure)} are written in ways that contradict each other; those that could be "
            "read in two ways are left unknown: write them without thousands separators"
        )
    return Notation(None, by_column, day_first)


def _guessed(tallies: Mapping[str, _Tally], total: _Tally, delimiter: str, notes: Notes) -> str | None:
    """Guess the mark where every number could be read in both ways, or has none."""
    if not total.either:
        return "."
    marks = Counter[str]()
    for column in WHOLE:
        marks.update(tallies[column].either)
    if len(marks) == 1:  # they are thousands separators
        mark = next(iter(marks))
        example = next(tallies[c].example[f"either {mark}"] for c in sorted(WHOLE) if mark in tallies[c].either)
        decimal = _OTHER[mark]
        notes.add(f"it is guessed that {example!r} has thousands separators, and numbers a decimal {_NAMES[decimal]}")
        return decimal
    if not marks and len(total.either) == 1:
        mark = next(iter(total.either))
        example = total.example[f"either {mark}"]
        # Programs write points, between whatever cells; and who separates cells by semicolons writes decimal commas.
        if mark == "." and delimiter != ";":
            return "."
        if mark == "," and delimiter in (",", ";"):
            decimal = "," if delimiter == ";" else "."
            notes.add(
                f"it is guessed that {example!r} has a decimal {_NAMES[decimal]}, as {delimiter!r} separates cells"
            )
            return decimal
    examples = sorted(example for kind, example in total.example.items() if kind.startswith("either"))
    notes.add(
        f"it is unclear whether numbers have decimal commas; those that could be read in two ways, such as "
        f"{examples[0]!r}, are left unknown: write them without thousands separators"
    )
    return None


def _day_first(cells: Iterable[object], notes: Notes) -> bool | None:
    """Decide whether dates such as 1/9/1997 begin with the day: as those do that can be read in one way only."""
    orders = Counter(
        first for cell in cells if isinstance(cell, str) and (first := values.day_stands_first(cell)) is not None
    )
    if len(orders) != 1:
        if orders:
            notes.add(
                "dates begin with the day in some rows and with the month in others; ambiguous ones are left unknown"
            )
        return None
    first = next(iter(orders))
    notes.add(f"dates such as 1/9/1997 are read with the {'day' if first else 'month'} first, as others show")
    return first
