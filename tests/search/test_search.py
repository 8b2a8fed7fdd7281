"""Nearest vectors: exactly those of comparing with all, in one order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from hypothesis import given
from hypothesis import strategies as st

import posterity
from posterity.errors import ArgumentError, CatalogueError, FilterError, ImageError
from posterity.numerics.neighbours.exact import Index, Metric


def obvious(vectors: np.ndarray, query: np.ndarray, k: int, metric: Metric, allowed: np.ndarray) -> list[int]:
    """Sort everything by the distance as its definition has it, ties by row."""
    wide, q = vectors.astype(np.float64), query.astype(np.float64)
    squares = ((wide - q) ** 2).sum(axis=1)
    return sorted(np.flatnonzero(allowed).tolist(), key=lambda row: (squares[row], row))[:k]


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 60),
    d=st.integers(1, 24),
    k=st.integers(1, 70),
    metric=st.sampled_from(["cosine", "euclidean"]),
    twins=st.booleans(),
)
def test_nearest_is_what_sorting_everything_gives(
    seed: int, n: int, d: int, k: int, metric: Metric, twins: bool
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, d)).astype(np.float32)
    if twins:
        vectors = vectors[rng.integers(0, max(n // 3, 1), n)]
    if metric == "cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    allowed = rng.random(n) < 0.8
    rows, distances = Index([f"{i:03}" for i in range(n)], vectors, metric).nearest(vectors[0], k, allowed)
    assert rows.tolist() == obvious(vectors, vectors[0], k, metric, allowed)
    assert (np.diff(distances) >= 0).all()


def test_equal_vectors_tie_by_id_wherever_they_stand() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((1001, 67)).astype(np.float32)
    same = [3, 500, 501, 998]
    vectors[same] = vectors[3]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[same] = vectors[3]
    rows, distances = Index([f"{i:04}" for i in range(1001)], vectors, "cosine").nearest(vectors[3], 4)
    assert rows.tolist() == same
    assert distances.tolist() == [0, 0, 0, 0]


def test_near_twins_far_from_the_origin_are_ordered_rightly() -> None:
    base = np.full(512, 1000, np.float32)
    vectors = np.stack([base, base, base, base])
    vectors[1, 0] += 0.5
    vectors[2, 0] += 0.25
    vectors[3] += 1
    rows, distances = Index(list("abcd"), vectors, "euclidean").nearest(base, 3)
    assert rows.tolist() == [0, 2, 1]
    assert distances.tolist() == [0, 0.25, 0.5]


def test_a_poster_never_recommends_itself(films: posterity.Catalogue) -> None:
    for poster in films.posters():
        found = films.similar(poster.id, k=50)
        assert poster.id not in [match.id for match in found.matches]
        assert len(found.matches) == 11


def test_matches_carry_titles_scores_and_distances(films: posterity.Catalogue) -> None:
    found = films.similar("tt0000001", k=3, encoder="colour")
    assert (found.encoder, found.query.id, found.query.title) == ("colour", "tt0000001", "Film, 0")
    ids, vectors = films.vectors("colour")
    for match in found.matches:
        cosine = float(vectors[ids.index(match.id)] @ vectors[ids.index("tt0000001")])
        assert match.score == pytest.approx(cosine, abs=1e-5)
        assert match.distance == pytest.approx(1 - match.score)
        assert match.title == films.store.get([match.id])[match.id].film.title
    by_pixels = films.similar("tt0000001", k=1, encoder="pixels").matches[0]
    assert by_pixels.score == pytest.approx(1 / (1 + by_pixels.distance))


def test_a_changed_copy_finds_its_original(films: posterity.Catalogue, tmp_path: Path) -> None:
    picture(7).resize((90, 135)).save(tmp_path / "copy.webp", quality=60)
    for encoder in ("colour", "composition", "pixels"):
        found = films.similar(image=tmp_path / "copy.webp", k=2, encoder=encoder)
        assert found.matches[0].id == "tt0000008"
        assert (found.query.id, found.query.title) == (None, "copy.webp")


def test_the_very_same_picture_is_the_query_itself(films: posterity.Catalogue) -> None:
    poster = films.posters()[4]
    found = films.similar(image=Path(poster.source) / poster.path, k=50)
    assert found.query.id == poster.id
    assert poster.id not in [match.id for match in found.matches]
    assert found.matches == films.similar(poster.id, k=50).matches


def test_filters_limit_matches_before_they_are_counted(films: posterity.Catalogue) -> None:
    found = films.similar("tt0000001", k=4, where="array_has(genres, 'Horror')")
    assert len(found.matches) == 4
    assert all("Horror" in match.genres for match in found.matches)
    everything = [m.id for m in films.similar("tt0000001", k=50).matches if "Horror" in m.genres]
    assert [match.id for match in found.matches] == everything[:4]
    assert films.similar("tt0000001", where="year > 3000").matches == ()


def test_what_cannot_be_searched_is_told(films: posterity.Catalogue, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no poster 'tt404'"):
        films.similar("tt404")
    with pytest.raises(ArgumentError, match="posters and pictures, or colours, or a text"):
        films.similar()
    with pytest.raises(ArgumentError):
        films.similar("tt0000001", k=0)
    with pytest.raises(FilterError):
        films.similar("tt0000001", where="yeer = 1")
    with pytest.raises(ImageError, match=r"nowhere\.jpg cannot be read"):
        films.similar(image=tmp_path / "nowhere.jpg")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ImageError, match=r"text\.jpg cannot be used"):
        films.similar(image=tmp_path / "text.jpg")


def test_new_posters_are_found_without_opening_the_catalogue_again(films: posterity.Catalogue) -> None:
    assert len(films.similar("tt0000001", k=50).matches) == 11
    posters = Path(films.posters()[0].source)
    picture(0).resize((66, 99)).save(posters / "sequel.png")
    posterity.build(posters, films.folder)
    assert films.similar("tt0000001").matches[0].id == "file:sequel.png"
