"""Lists of names with commas between are read in one way everywhere: empty names are passed over, no names refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import posterity
from posterity.api.learner import Learner
from posterity.cli.options import listed
from posterity.errors import ArgumentError
from posterity.ingest.claims import precedence
from posterity.search.facets import parse_weights
from posterity.search.query import parse_colours
from posterity.settings import names_in
from posterity.sources.opening import _years
from posterity.sources.tmdb_api import _ids


@pytest.mark.parametrize("text", ["colour, ", ",colour", " colour ,, ", "colour"])
def test_empty_names_are_passed_over(text: str) -> None:
    assert names_in(text, "encoders") == listed(text) == ("colour",)
    assert parse_weights(text) == {"colour": 1.0}


def test_so_are_those_of_each_kind_of_list() -> None:
    assert parse_colours("#aa0000, ,") == ("#aa0000",)
    assert precedence("imdb, ")[0] == "imdb"
    assert _years("impawards:1999, ") == [1999]
    assert _ids("603, ,604,") == ("603", "604")


@pytest.mark.parametrize("read", [lambda text: names_in(text, "x"), listed, parse_weights, parse_colours, precedence])
@pytest.mark.parametrize("text", ["", " ", ",", " , ,"])
def test_a_list_of_nothing_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(ArgumentError, match="is empty"):
        read(text)


def test_a_setting_with_an_empty_name_builds_what_it_names(
    make_posters: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posters = make_posters(3)
    monkeypatch.setenv("POSTERITY_ENCODERS", "colour, ")
    posterity.build(posters, tmp_path / "films")
    films = posterity.open(tmp_path / "films")
    assert set(films.store.encoders) == {"colour"}
    assert films.embed() == films.embed("colour")
    monkeypatch.setenv("POSTERITY_ENCODERS", ", ")
    with pytest.raises(ArgumentError, match="list of encoders is empty"):
        posterity.build(posters, tmp_path / "other")
    assert not (tmp_path / "other").exists()
    monkeypatch.setenv("POSTERITY_FEATURES", ",")
    with pytest.raises(ArgumentError, match="list of features is empty"):
        Learner(films.store).genres()
