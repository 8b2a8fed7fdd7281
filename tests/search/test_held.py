"""What is held between searches: loaded once, whatever is asked and however many ask, and let go when it is old."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import picture

import posterity
from posterity.embedding import held
from posterity.embedding.pipeline import load_vectors
from posterity.encoders import ENCODERS
from posterity.learning.features import load_features
from posterity.search.facets import load_facets
from posterity.search.held import _BLENDS

WEIGHTS = ("colour=1", "composition=1", "colour=1,composition=1", "content=1,colour=1", "genre=1,colour=1",
           "content=1,composition=1,colour=1,era=1")  # fmt: skip


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count how often the vectors of each encoder are loaded."""
    counted: Counter[str] = Counter()

    def load(store: posterity.catalogue.Store, encoder: posterity.encoders.Encoder) -> object:
        counted[encoder.spec.name] += 1
        return load_vectors(store, encoder)

    monkeypatch.setattr(held, "load_vectors", load)
    return counted


def test_vectors_are_loaded_once_whatever_the_weights(films: posterity.Catalogue, loads: Counter[str]) -> None:
    for weights in WEIGHTS * 3:
        films.similar("tt0000001", weights=weights, encoder="pixels")
    films.similar("tt0000001", encoder="colour")
    assert loads == {"colour": 1, "composition": 1, "pixels": 1}


def test_many_at_once_load_them_once(films: posterity.Catalogue, loads: Counter[str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda weights: films.similar("tt0000001", weights=weights, encoder="pixels"), WEIGHTS * 4))
    assert set(loads.values()) == {1}


def test_held_facets_are_those_that_are_read(
    make_posters: Callable[..., Path], tmp_path: Path, films: posterity.Catalogue
) -> None:
    """Also where posters lack vectors of one encoder, so that facets hold different posters."""
    picture(40).save(tmp_path / "posters" / "tt0000040.jpg")
    posterity.build(tmp_path / "posters", tmp_path / "films", tmp_path / "posters.csv", encoders=["colour"])
    films = posterity.open(tmp_path / "films")
    pixels = ENCODERS.get("pixels")
    for names in (["colour"], ["colour", "composition"], ["colour", "genre"], ["colour", "content"], ["colour"]):
        found, wanted = films._held.facets(names, pixels), load_facets(films.store, names, pixels)
        assert found.keys() == wanted.keys()
        for name, facet in found.items():
            assert facet.index.ids == wanted[name].index.ids
            assert (facet.mean, facet.deviation) == (wanted[name].mean, wanted[name].deviation)
            np.testing.assert_array_equal(facet.index.vectors, wanted[name].index.vectors)
    one, two = (films._held.facets(names, pixels)["colour"] for names in (["colour"], ["colour", "composition"]))
    assert len(one.index.ids) == len(two.index.ids) + 1


def test_a_bounded_number_is_held(films: posterity.Catalogue) -> None:
    names = ["colour", "composition", "content", "genre", "era"]
    encoder = ENCODERS.get("pixels")
    for number in range(1, 2 ** len(names)):
        films._held.facets([name for at, name in enumerate(names) if number >> at & 1], encoder)
    assert len(films._held._blends) == _BLENDS


def test_a_change_is_seen(films: posterity.Catalogue, tmp_path: Path, loads: Counter[str]) -> None:
    assert len(films.similar("tt0000001", weights="colour=1", k=50).matches) == 11
    picture(40).save(tmp_path / "posters" / "tt0000040.jpg")
    posterity.build(tmp_path / "posters", tmp_path / "films", tmp_path / "posters.csv")
    assert len(films.similar("tt0000001", weights="colour=1", k=50).matches) == 12
    assert loads["colour"] == 2


def test_learning_reads_the_vectors_that_search_holds(films: posterity.Catalogue, loads: Counter[str]) -> None:
    films.similar("tt0000001", weights="colour=1,composition=1")
    found = load_features(films.store, ["colour", "composition"])
    assert loads == {"colour": 1, "composition": 1}
    ids, vectors = load_vectors(films.store, ENCODERS.get("colour"))
    assert list(found.ids) == ids
    np.testing.assert_array_equal(found.X[:, : vectors.shape[1]], vectors)


def test_what_is_used_once_is_let_go(films: posterity.Catalogue, loads: Counter[str]) -> None:
    for _ in range(2):
        load_features(films.store, ["colour"])
    assert loads == {"colour": 2}
