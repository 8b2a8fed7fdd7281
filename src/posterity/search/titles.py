"""Titles found as they are typed, spelling mistakes included.

A title is found by its words, its year and its id: the whole id, or a prefix that looks like one. Each word typed must
match a word of the title or its year: the whole word, its beginning, or either with a few slips, counted by the optimal
string alignment distance (one letter left out, added, changed, or two exchanged: F. Damerau, 1964) to the prefix of the
word that is nearest. The page's search (frontend/src/search.ts) counts in the same way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SLIP = 0.25
"""What each slip subtracts from the 1 that a word counts for."""

UNFINISHED = 0.1
"""What is subtracted if the word goes on after what was typed."""

EXTRA = 0.02
"""What is subtracted for each word of the title that was not typed."""

_LONGEST = 24
"""Number of letters of a word that count."""

_BEGUN = re.compile(r"tt[0-9]{2}|tmdb:[0-9]|file:.", re.DOTALL)
"""How typed text must begin to match the beginning of an id; other text matches only a whole id."""


def folded(text: str) -> str:
    """Reduce a text to lower-case letters without accents, and digits, with single spaces between words.

    >>> folded("Amélie – Le  Fabuleux…")
    'amelie le fabuleux'
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", plain.replace("_", " ").replace("'", "").replace("\u2019", "")))


def slips(word: str) -> int:
    """Give the number of slips that a typed word may have."""
    return 0 if len(word) < 4 or word.isdigit() else 1 if len(word) < 8 else 2


class TitleIndex:
    """Titles to search.

    Args:
        ids: (n,) ids.
        titles: (n,) titles, "" if there is none.
        years: (n,) years, None if not known.
        weights: (n,) popularity, which breaks ties.
    """

    def __init__(
        self, ids: Sequence[str], titles: Sequence[str], years: Sequence[int | None], weights: Sequence[float]
    ) -> None:
        self.ids = [identity.lower() for identity in ids]
        self.weights = np.asarray(weights, np.float64)
        places: dict[str, list[int]] = {}
        self.n_words = np.zeros(len(ids), np.int64)
        for row, (title, year) in enumerate(zip(titles, years, strict=True)):
            words = set(folded(title).split())
            self.n_words[row] = len(words)
            for word in (*words, *([str(year)] if year else [])):
                places.setdefault(word, []).append(row)
        self.words = sorted(places)
        self.places = [np.array(places[word], np.int64) for word in self.words]
        self.lengths = np.array([min(len(word), _LONGEST) for word in self.words], np.int64)
        letters = [[ord(c) for c in word[:_LONGEST].ljust(_LONGEST, "\0")] for word in self.words]
        self.letters = np.ascontiguousarray(np.array(letters, np.int32).reshape(-1, _LONGEST).T)

    def search(self, text: str, k: int) -> list[tuple[int, float]]:
        """Find the k best rows for the text typed, each with its score; the best first, ties by weight, then row."""
        typed = folded(text).split()
        wanted = text.strip().lower()
        n = len(self.ids)
        total = np.zeros(n)
        fits = np.full(n, bool(typed))
        for word in typed:
            best = np.zeros(n)
            values = self._values(word[:_LONGEST])
            for at in np.flatnonzero(values).tolist():
                rows = self.places[at]
                best[rows] = np.maximum(best[rows], values[at])
            fits &= best > 0
            total += best
        score = np.where(fits, total / max(len(typed), 1) - EXTRA * np.maximum(self.n_words - len(typed), 0), 0)
        begun = _BEGUN.match(wanted) is not None
        for row, identity in enumerate(self.ids if wanted else ()):
            if identity == wanted or (begun and identity.startswith(wanted)):
                score[row], fits[row] = (2.0 if identity == wanted else 1.5), True
        rows = np.flatnonzero(fits)
        order = rows[np.lexsort((rows, -self.weights[rows], -score[rows].round(9)))][:k]
        return [(int(row), float(score[row])) for row in order]

    def _values(self, typed: str) -> NDArray[np.float64]:
        """Rate how well a typed word matches each known word: (words,), 0 for no match."""
        most = slips(typed)
        n, wide = len(typed), min(len(typed) + most, _LONGEST)
        # Rows of the alignment table, for all known words at once: (wide + 1, words).
        before: NDArray[np.int16] | None = None
        last = np.broadcast_to(np.arange(wide + 1, dtype=np.int16)[:, None], (wide + 1, len(self.words)))
        for i, letter in enumerate(typed):
            row = np.empty_like(last)
            row[0] = i + 1
            for j in range(wide):
                same = self.letters[j] == ord(letter)
                value = np.minimum(np.minimum(last[j + 1], row[j]) + 1, last[j] + ~same)
                if before is not None and j:
                    swapped = (self.letters[j - 1] == ord(letter)) & (self.letters[j] == ord(typed[i - 1]))
                    value = np.where(swapped, np.minimum(value, before[j - 1] + 1), value)
                row[j + 1] = value
            before, last = last, row
        reach = np.arange(wide + 1)[:, None] <= self.lengths  # no prefix is longer than the word itself
        begun = np.where(reach, last, 99).min(axis=0)
        columns = np.minimum(self.lengths, wide)
        whole = np.where(self.lengths <= wide, last[columns, np.arange(len(self.words))], 99)
        value = np.maximum(1 - SLIP * whole, 1 - UNFINISHED - SLIP * begun)
        return np.where((begun <= most) & (n > 0), value, 0.0)
