"""Titles are found as they are typed, with slips; each case against the plain recursive distance."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posterity.search.titles import TitleIndex, folded, slips

FILMS = [
    ("tt0133093", "The Matrix", 1999, 60.0), ("tt0234215", "The Matrix Reloaded", 2003, 30.0),
    ("tt0073195", "Jaws", 1975, 40.0), ("tt0211915", "Amélie", 2001, 20.0), ("tt0088247", "The Terminator", 1984, 50.0),
    ("tt0103064", "Terminator 2: Judgment Day", 1991, 55.0), ("file:odd/one", "", None, 0.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def index() -> TitleIndex:
    ids, titles, years, weights = zip(*FILMS, strict=True)
    return TitleIndex(ids, titles, years, weights)


@pytest.mark.parametrize(
    ("typed", "first"),
    [("matrix", "The Matrix"), ("matirx", "The Matrix"), ("teminat", "The Terminator"), ("jwas", "Jaws"),
     ("amelie", "Amélie"), ("matrix 2003", "The Matrix Reloaded"), ("relaoded matr", "The Matrix Reloaded"),
     ("judgement", "Terminator 2: Judgment Day"), ("tt0211915", "Amélie"), ("TT00731", "Jaws")],
)  # fmt: skip
def test_the_film_that_was_meant_comes_first(index: TitleIndex, typed: str, first: str) -> None:
    (row, _), *_ = index.search(typed, 5)
    assert FILMS[row][1] == first


@pytest.mark.parametrize("typed", ["", "  ", "xyzzy", "matrix jaws", "jw", "1998"])
def test_what_is_not_there_is_not_found(index: TitleIndex, typed: str) -> None:
    assert index.search(typed, 5) == []


def test_an_index_of_nothing_finds_nothing() -> None:
    assert TitleIndex([], [], [], []).search("a", 5) == []


@cache
def apart(a: str, b: str) -> int:
    """The optimal string alignment distance, as its definition has it."""
    if not a or not b:
        return len(a) + len(b)
    found = min(apart(a[:-1], b) + 1, apart(a, b[:-1]) + 1, apart(a[:-1], b[:-1]) + (a[-1] != b[-1]))
    if len(a) > 1 and len(b) > 1 and a[-1] == b[-2] and a[-2] == b[-1]:
        found = min(found, apart(a[:-2], b[:-2]) + 1)
    return found


words = st.text("abc1", min_size=1, max_size=9)


@given(typed=words, known=st.lists(words, min_size=1, max_size=5))
def test_a_word_counts_by_its_distance(typed: str, known: list[str]) -> None:
    index = TitleIndex([str(i) for i in range(len(known))], known, [None] * len(known), [0.0] * len(known))
    for word, value in zip(index.words, index._values(typed), strict=True):
        begun = min(apart(typed, word[:j]) for j in range(len(word) + 1))
        whole = apart(typed, word)
        wanted = max(1 - 0.25 * whole, 0.9 - 0.25 * begun) if begun <= slips(typed) else 0.0
        assert np.isclose(value, wanted)


def test_accents_case_and_punctuation_do_not_count() -> None:
    assert folded("Wall·E: L'Été_à PARIS") == "wall e lete a paris"


def test_the_page_is_held_to_the_same_results() -> None:
    """frontend/tests/page.test.ts reads the same file."""
    cases = json.loads((Path(__file__).parents[2] / "frontend" / "tests" / "titles.json").read_text(encoding="utf-8"))
    films = cases["films"]
    index = TitleIndex(films["ids"], films["titles"], films["years"], films["weights"])
    for case in cases["searches"]:
        assert [row for row, _ in index.search(case["typed"], 99)] == case["found"]
    for case in cases["words"]:
        assert index._values(case["typed"])[index.words.index(case["word"])] == case["score"]
    for case in cases["folds"]:
        assert folded(case["text"]) == case["folds"]
