"""Whoever asks whether two posters are of the same film gets the same answer."""

from __future__ import annotations

import io
from collections.abc import Hashable, Sequence

import numpy as np
import pytest
from conftest import picture

import posterity
from posterity.catalogue import Film, Poster, Store
from posterity.catalogue.schema import film_key, film_names
from posterity.embedding.pipeline import provenance
from posterity.encoders import ENCODERS
from posterity.ingest.sifting import sift
from posterity.learning.kinship import kinship
from posterity.search.evaluation import evaluate
from posterity.search.pairs import _known
from posterity.search.views import make_view
from posterity.sources.folder import Skipped
from posterity.sources.records import Record, film_id
from posterity.sources.rules import Rules
from posterity.web.gallery import Gallery

HEAT = Film(imdb_id="tt0113277", tmdb_id=949, title="Heat", year=1995)
FILMS = [
    {
        "tt0113277": Film(imdb_id="tt0113277", title="Heat", year=1995),
        "tt0113277@3f2a9c01": HEAT,
        "tmdb:949": HEAT,  # named before its IMDb id was known
        "file:heat.jpg": HEAT,  # likewise
    },
    {"tmdb:5": Film(tmdb_id=5, title="Four Rooms"), "tmdb:5@0000000a": Film(tmdb_id=5)},
    {"tt0047437": Film(imdb_id="tt0047437", title="Sabrina", year=1995)},
    {"tt0114319": Film(imdb_id="tt0114319", title="Sabrina", year=1995)},  # a remake is another film
    {"file:a/Sabrina (1995).jpg": Film(title="Sabrina", year=1995)},
    {"file:b/Sabrina (1995).jpg": Film(title="Sabrina", year=1995)},
    {"file:me@home.jpg": Film()},
    {"file:100%25@3f2a9c01.jpg": Film()},  # looks like a mark, and is a file's name
    {"tmdb:0": Film(tmdb_id=0)},
]
RULES = Rules(drop=("duplicate_id",))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.create(tmp_path_factory.mktemp("identity") / "films")
    posters, thumbnails = [], {}
    for number, (identity, film) in enumerate((pair for films in FILMS for pair in films.items()), start=1):
        out = io.BytesIO()
        picture(number).resize((64, 96)).save(out, "JPEG")
        thumbnails[f"{number:064x}"] = out.getvalue()
        posters.append(
            Poster(
                id=identity,
                source="/a",
                path=f"{number}.jpg",
                film=film,
                format="JPEG",
                mode="RGB",
                width=64,
                height=96,
                bytes=4,
                mtime_ns=5,
                sha256=f"{number:064x}",
                phash=number * 0x9E3779B97F4A7C15 % 2**64,
            )
        )
    store.put_posters(posters, thumbnails)
    colour = ENCODERS.get("colour")
    store.prepare_vectors("colour", colour.spec.dimension, provenance(store, colour))
    vectors = np.random.default_rng(0).random((len(posters), colour.spec.dimension), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store.put_vectors([p.id for p in posters], [p.sha256 for p in posters], {"colour": vectors})
    return store


def together(ids: Sequence[str], names: Sequence[Hashable]) -> set[frozenset[str]]:
    """Put ids together that go by the same name."""
    found: dict[Hashable, set[str]] = {}
    for identity, name in zip(ids, names, strict=True):
        found.setdefault(name, set()).add(identity)
    return {frozenset(some) for some in found.values()}


WANTED = {frozenset(films) for films in FILMS}


def test_the_one_decision(store: Store) -> None:
    posters = store.posters()
    keys = [film_key(p.id, p.film.imdb_id, p.film.tmdb_id) for p in posters]
    assert together([p.id for p in posters], keys) == WANTED


def test_pairs_agree(store: Store) -> None:
    ids = [poster.id for poster in store.posters()]
    assert together(ids, _known(store, ids, None)[0].film.tolist()) == WANTED


def test_kinship_agrees(store: Store) -> None:
    posters = store.posters()
    assert together([p.id for p in posters], kinship(store, posters).films) == WANTED


def test_evaluation_agrees(store: Store) -> None:
    (_, scored) = evaluate(store, ["colour"])
    assert scored.versions == sum(len(films) for films in FILMS if len(films) > 1)


def test_views_agree(store: Store) -> None:
    view = make_view(store, "films", rules=RULES)
    assert view.posters == len(FILMS)
    assert store.view("films").keys() == {min(films) for films in FILMS}


def test_the_page_agrees(store: Store) -> None:
    snap = Gallery(posterity.open(store.folder)).snapshot()
    assert together(snap.ids, snap.kin.film.tolist()) == WANTED


def test_builds_agree(store: Store) -> None:
    records = [Record(poster.path, 1, 1, poster.film, None) for poster in store.posters()]

    def refuse(record: Record, reason: str, detail: str) -> Skipped:
        return Skipped(record.path, reason, detail)

    sifted = sift(records, RULES, ["duplicate_id"], refuse, "a table")
    assert sum(isinstance(item, Record) for item in sifted) == len(FILMS)


def test_claims_of_a_film_are_found_by_each_of_its_names() -> None:
    assert film_names("tt0113277", 949, "file:heat.jpg") == ("tt0113277", "tmdb:949", "file:heat.jpg")
    assert film_names("tt0113277", None, "tt0113277@3f2a9c01") == ("tt0113277",)


def test_a_new_posters_id_is_its_films_first_name() -> None:
    assert [film_id(film, "heat.jpg") for film in (HEAT, Film(tmdb_id=949), Film())] == [
        "tt0113277", "tmdb:949", "file:heat.jpg",
    ]  # fmt: skip
