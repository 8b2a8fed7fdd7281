"""What was guessed of a whole source, or left out of it: each thing said once, in the build's report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


class Notes:
    """Sentences for the report, collected while a source is read; each is kept once, in the order of telling."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        """Say a sentence, unless it has been said."""
        self._sentences[sentence] = None

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._sentences))


def some(names: Sequence[str], most: int = 20) -> str:
    """List names with commas, no more than ``most`` of them.

    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
