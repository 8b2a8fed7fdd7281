"""Steerable similarity: the sum of its parts, one alone as its encoder ranks, equal weights, equal influence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posterity
from posterity.errors import ArgumentError, UnknownNameError
from posterity.numerics.neighbours.exact import Index
from posterity.search.facets import Asked, Facet, diverse, era_facet, genre_facet, load_facets, parse_weights


def made(n: int = 300, seed: int = 0) -> dict[str, Facet]:
    rng = np.random.default_rng(seed)
    ids = [f"{i:04}" for i in range(n)]
    facets = {}
    for name, d in (("colour", 6), ("content", 20)):
        rows = rng.normal(size=(n, d)).astype(np.float32)
        facets[name] = Facet(name, Index(ids, rows / np.linalg.norm(rows, axis=1, keepdims=True), "cosine"))
    facets["composition"] = Facet(
        "composition", Index(ids, 7 * rng.normal(size=(n, 3)).astype(np.float32), "euclidean")
    )
    facets["genre"] = genre_facet(ids, [["A"] * (i % 2) + ["B"] * (i % 3 == 0) for i in range(n)])
    facets["era"] = era_facet(ids, [1900 + i % 90 if i % 7 else None for i in range(n)])
    return facets


def slowly(facets: dict[str, Facet], row: int, weights: dict[str, float]) -> np.ndarray:
    """Score all rows by the formula, one at a time."""
    whole = sum(abs(w) for w in weights.values())
    scores = np.zeros(len(facets["colour"].index.ids))
    for name, w in weights.items():
        facet = facets[name]
        q = facet.index.vectors[row].astype(np.float64)
        for i in range(len(scores)):
            v = facet.index.vectors[i].astype(np.float64)
            distance = ((v - q) ** 2).sum() / 2 if facet.index.metric == "cosine" else np.sqrt(((v - q) ** 2).sum())
            if facet.known is None or facet.known[i]:
                scores[i] += w / whole * (facet.mean - distance) / facet.deviation
    return scores


@settings(deadline=None, max_examples=25)
@given(
    st.dictionaries(st.sampled_from(["colour", "content", "composition", "genre", "era"]), st.floats(-2, 2)),
    st.integers(1, 300),
)  # fmt: skip
def test_scores_are_those_of_the_formula(weights: dict[str, float], k: int) -> None:
    if not any(abs(w) > 1e-6 for w in weights.values()):
        return
    facets = made()
    queries = {name: facet.index.vectors[1] for name, facet in facets.items()}
    ranked = Asked(facets, queries).rank(weights, k)
    wanted = slowly(facets, 1, weights)
    np.testing.assert_allclose(ranked.scores, np.sort(wanted)[::-1][:k], atol=1e-9)
    np.testing.assert_allclose(ranked.scores, wanted[ranked.rows], atol=1e-9)
    np.testing.assert_allclose(sum(ranked.contributions.values()), ranked.scores, atol=1e-12)


@pytest.mark.parametrize("name", ["colour", "content", "composition"])
def test_one_facet_alone_ranks_as_its_own_vectors_do(name: str) -> None:
    facets = made()
    index = facets[name].index
    index.vectors[[4, 90, 200]] = index.vectors[4]  # ties
    queries = {other: facet.index.vectors[4] for other, facet in facets.items()}
    rows, _ = index.nearest(index.vectors[4], 250)
    for weights in ({name: 1.0}, {name: 0.03}, {name: 5.0, "genre": 0.0}):
        assert Asked(facets, queries).rank(weights, 250).rows.tolist() == rows.tolist()


def test_equal_weights_have_equal_influence() -> None:
    facets = made(2000)
    rng = np.random.default_rng(3)
    for name in ("colour", "content", "composition"):
        z = np.concatenate(
            [facets[name].standardised(facets[name].index.vectors[row]) for row in rng.integers(0, 2000, 60)]
        )
        assert abs(z.mean()) < 0.1
        assert z.std() == pytest.approx(1, abs=0.05)


def test_a_negative_weight_asks_for_the_unlike() -> None:
    facets = made()
    queries = {"colour": facets["colour"].index.vectors[0]}
    away = Asked(facets, queries).rank({"colour": -1}, 300).rows
    assert away[-1] == 0
    assert away.tolist() == Asked(facets, queries).rank({"colour": 1}, 300).rows.tolist()[::-1]


def test_weights_that_say_nothing_are_refused() -> None:
    facets = made(20)
    asked = Asked(facets, {"colour": facets["colour"].index.vectors[0]})
    with pytest.raises(ArgumentError, match="no facet has a weight"):
        asked.rank({"colour": 0}, 3)
    with pytest.raises(UnknownNameError, match="color"):
        asked.rank({"color": 1}, 3)
    with pytest.raises(ArgumentError, match="has no content"):
        asked.rank({"content": 1}, 3)
    with pytest.raises(ArgumentError, match="invalid weight"):
        parse_weights("colour=much")
    with pytest.raises(ArgumentError, match="nan"):
        asked.rank({"colour": float("nan")}, 3)


def test_diversity_is_marginal_relevance() -> None:
    scores = np.array([1.0, 0.99, 0.98, 0.5])
    between = np.array([[1, 0.99, 0.1, 0], [0.99, 1, 0.1, 0], [0.1, 0.1, 1, 0], [0, 0, 0, 1.0]])
    assert diverse(scores, between, 3, 0.0) == [0, 1, 2]
    assert diverse(scores, between, 3, 0.5) == [0, 2, 3]
    assert diverse(scores, between, 9, 0.2) == [0, 2, 1, 3]


def test_a_catalogue_is_searched_by_facets(films: posterity.Catalogue) -> None:
    by_colour = films.similar("tt0000003", weights={"colour": 1}, k=11)
    assert [m.id for m in by_colour.matches] == [
        m.id for m in films.similar("tt0000003", encoder="colour", k=11).matches
    ]
    mixed = films.similar("tt0000003", weights="colour=1,composition=2,content=1,genre=1,era=1", k=11)
    assert mixed.encoder == "facets"
    assert mixed.weights == {"colour": 1 / 6, "composition": 2 / 6, "content": 1 / 6, "genre": 1 / 6, "era": 1 / 6}
    for match in mixed.matches:
        assert match.contributions is not None
        assert sum(match.contributions.values()) == pytest.approx(match.score, abs=1e-12)
    assert [m.score for m in mixed.matches] == sorted((m.score for m in mixed.matches), reverse=True)
    era = films.similar("tt0000006", weights={"era": 1}, k=2)
    assert {m.year for m in era.matches} == {1954, 1956}
    with pytest.raises(UnknownNameError, match="facet"):
        load_facets(films.store, ["taste"], "poster")


def test_a_picture_has_no_genre(films: posterity.Catalogue) -> None:
    poster = films.posters()[0]
    with pytest.raises(ArgumentError, match="has no genre"):
        films.similar(image=f"{poster.source}/{poster.path}", weights="colour=1,genre=1")
