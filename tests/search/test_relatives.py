"""Versions and near duplicates of a poster, neighbours by all facets, and what a catalogue can be searched by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import posterity
from posterity.numerics.neighbours.exact import Index
from posterity.search.available import DEFAULT_WEIGHTS, default_weights, encoder_of, facets_of
from posterity.search.facets import Facet, genre_facet
from posterity.search.nearby import nearby
from posterity.search.relatives import MOST, NEAR_DUPLICATE, VERSION, kin_of, relatives


def rows(*posters: tuple[str, str | None, int | None, int]) -> pa.Table:
    names = ("id", "imdb_id", "tmdb_id", "phash")
    columns = {name: [poster[at] for poster in posters] for at, name in enumerate(names)}
    return pa.table(columns, pa.schema({"id": pa.string(), "imdb_id": pa.string(), "tmdb_id": pa.int64(),
                                        "phash": pa.uint64()}))  # fmt: skip


def test_versions_come_first_and_are_no_near_duplicates_as_well() -> None:
    kin = kin_of(
        rows(
            ("tt1", "tt1", None, 0b0000),
            ("tt1@b", "tt1", None, 0b0001),
            ("tt2", "tt2", None, 0b0011),
            ("file:a", None, None, 0b0111),
            ("tt1@a", "tt1", None, 2**63),
        )
    )
    assert relatives(kin, 0, 2) == [(1, VERSION), (4, VERSION), (2, NEAR_DUPLICATE)]
    assert relatives(kin, 0, 0) == [(1, VERSION), (4, VERSION)]
    assert relatives(kin, 3, 1) == [(2, NEAR_DUPLICATE)]
    assert relatives(kin, 4, 0) == [(0, VERSION), (1, VERSION)]


def test_posters_of_unknown_films_are_no_versions_of_each_other() -> None:
    kin = kin_of(rows(("file:a", None, None, 0), ("file:b", None, None, 2**64 - 1)))
    assert relatives(kin, 0, 10) == []


def test_no_more_relatives_are_given_than_a_page_can_hold() -> None:
    kin = kin_of(rows(*((f"file:{i:03}", None, None, 5) for i in range(3 * MOST))))
    assert relatives(kin, 7, 0) == [(i, NEAR_DUPLICATE) for i in range(MOST + 1) if i != 7]


def facets(ids: list[str]) -> dict[str, Facet]:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(ids), 4)).astype(np.float32)
    genres = [["War"] if i % 2 else [] for i in range(len(ids))]
    return {"colour": Facet("colour", Index(ids, vectors, "euclidean")), "genre": genre_facet(ids, genres)}


def test_neighbours_are_numbered_in_the_order_of_the_collection() -> None:
    ids = [f"p{i}" for i in range(20)]
    searched = [name for name in ids if name != "p5"]  # it has no vector
    known = facets(searched)
    found = list(nearby(known, ids, 3))
    assert len(found) == len(ids)
    assert (found[5].of, found[5].parts) == ([], {"colour": [], "genre": []})
    colour = known["colour"]
    for number, identity in enumerate(ids):
        if identity == "p5":
            continue
        row = searched.index(identity)
        others, _ = colour.index.nearest(colour.index.vectors[row], 4)
        nearest = {ids.index(searched[other]) for other in others.tolist() if other != row}
        assert nearest <= set(found[number].of)
        assert 5 not in found[number].of
        assert number not in found[number].of
        for name, parts in found[number].parts.items():
            places = np.array([searched.index(ids[other]) for other in found[number].of])
            if name == "colour":
                wanted = np.rint(100 * colour.exactly(colour.index.vectors[row], places)).astype(int)
                assert np.abs(wanted - parts).max() <= 1


def test_without_facets_nobody_has_neighbours() -> None:
    assert [each.of for each in nearby({}, ["a", "b"], 3)] == [[], []]


def test_what_a_catalogue_is_searched_by(films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    assert encoder_of(films.store) in films.store.encoders
    assert facets_of(films.store) == ["content", "colour", "composition", "genre", "era"]
    monkeypatch.setenv("POSTERITY_ENCODER", "pixels")
    assert encoder_of(films.store) == "pixels"
    monkeypatch.setenv("POSTERITY_ENCODER", "no_such_encoder")  # there are no vectors of it: another is taken
    assert encoder_of(films.store) == sorted(films.store.encoders)[0]


def test_the_usual_weights_are_of_facets_that_are_there() -> None:
    assert default_weights(["colour", "era"]) == "colour=0.5"
    assert default_weights(["era"]) == ""
    whole = default_weights(DEFAULT_WEIGHTS)
    assert whole == "content=1,colour=0.5,composition=0.5"
