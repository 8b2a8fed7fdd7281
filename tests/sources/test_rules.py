"""Cleaning rules and the choice by genre, against slow and obvious ways of saying the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posterity.catalogue import Film
from posterity.errors import ArgumentError, UnknownNameError
from posterity.sources.rules import RULES, Rules, broken, choose

FULL = Film(imdb_id="tt1", title="Heat", genres=("Crime",), budget=1, revenue=2)


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        (FULL, None),
        (Film(title="Heat"), "no_genre"),
        (Film(title="Heat", genres=("Crime",), revenue=2), "no_budget"),
        (Film(title="Heat", genres=("Crime",), budget=2), "no_revenue"),
        (Film(title=" ?!- ", genres=("Crime",), budget=1, revenue=2), "blank_title"),
        (Film(title=None, genres=("Crime",), budget=1, revenue=2), "blank_title"),
        (Film(title="千と千尋の神隠し", genres=("Crime",), budget=1, revenue=2), None),
        (Film(title="8½", genres=("Crime",), budget=1, revenue=2), None),
    ],
)
def test_each_rule_drops_what_it_names(film: Film, reason: str | None) -> None:
    rules = Rules(drop=("no_genre", "no_budget", "no_revenue"))
    found = broken(film, rules, rules.active())
    assert (found and found[0]) == reason
    if reason:
        kept = Rules(drop=rules.drop, keep=(reason,))
        again = broken(film, kept, kept.active())
        assert (again and again[0]) != reason


def test_required_columns_are_named_when_they_are_empty() -> None:
    rules = Rules(required=("vote_average", "genres", "title"))
    found = broken(Film(title="Heat"), rules, rules.active())
    assert found == ("null_required", "these columns are empty: vote_average, genres")
    with pytest.raises(UnknownNameError, match="vote_averag"):
        Rules(required=("vote_averag",))


def test_defaults_are_those_of_a_build_and_a_view_starts_without() -> None:
    assert Rules().active() == ("null_required", "blank_title", "duplicate_id")
    assert Rules().active(defaults=False) == ()
    assert Rules(drop=("no_budget",), keep=("blank_title",)).active() == ("null_required", "no_budget", "duplicate_id")
    with pytest.raises(UnknownNameError, match="no_money.*Known: "):
        Rules(drop=("no_money",))
    with pytest.raises(ArgumentError, match="per_genre"):
        Rules(per_genre=0)
    assert all(rule.help for rule in RULES.values())


film_lists = st.lists(
    st.builds(
        Film,
        genres=st.lists(st.sampled_from("ABCDE"), max_size=3, unique=True).map(tuple),
        popularity=st.none() | st.integers(0, 5).map(float),
        vote_count=st.none() | st.integers(0, 3),
    ),
    max_size=30,
)


@given(film_lists, st.none() | st.integers(1, 4), st.none() | st.integers(1, 4), st.booleans())
def test_choice_by_genre_equals_the_obvious_way(
    films: list[Film], top: int | None, per: int | None, first: bool
) -> None:
    chosen = choose(films, Rules(genres_top=top, per_genre=per, first_genre=first))
    genres = [list(film.genres[:1] if first else film.genres) for film in films]
    counts = {genre: sum(genre in of for of in genres) for genre in "ABCDE"}
    best = [genre for genre in sorted(counts, key=lambda g: (-counts[g], g)) if counts[genre]][:top]
    order = sorted(
        range(len(films)),
        key=lambda i: (
            -(films[i].popularity if films[i].popularity is not None else -1.0),
            -(films[i].vote_count or 0),
            i,
        ),
    )
    expected = set()
    for genre in best:
        expected.update([i for i in order if genre in genres[i]][:per])
    got = {i for i, verdict in enumerate(chosen) if verdict.reason is None}
    if top is None and per is None:
        assert got == set(range(len(films)))
    else:
        assert got == expected
    for i in got:
        assert list(chosen[i].labels) == [genre for genre in genres[i] if genre in best]
