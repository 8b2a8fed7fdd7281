"""What another package registers is found by its name, and used, exactly as what comes with Posterity."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import outsiders
import pytest

import posterity
from posterity.cli import run
from posterity.encoders import ENCODERS
from posterity.encoders.poster import Poster
from posterity.encoders.runtime import RUNTIMES
from posterity.errors import UnknownNameError
from posterity.layouts.orders import ORDERS
from posterity.numerics.projection.methods import METHODS
from posterity.registry import PlugInError, Registry
from posterity.runtime.engines import ENGINES, Local, engine_of
from posterity.sources.opening import SOURCES

POINTS: tuple[Registry[object], ...] = (ENCODERS, SOURCES, METHODS, ORDERS, ENGINES, RUNTIMES)  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is forgotten after it."""
    for registry in POINTS:
        monkeypatch.setattr(registry, "_loaded", dict(registry._loaded))
    yield
    sys.modules.pop("outsider", None)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(outsiders.install(tmp_path / "site"))


@pytest.mark.parametrize("registry", POINTS, ids=lambda registry: registry.kind)
def test_every_plug_point_lists_what_is_registered_and_says_so_of_unknown_names(
    registry: Registry[object], installed: None
) -> None:
    (name,) = outsiders.PLUGS[registry.group]
    before = [each for each in registry if each != name]
    assert before, "those that come with Posterity are there too"
    assert name in registry
    assert registry.get(name) is registry.get(name)
    with pytest.raises(UnknownNameError, match=f"unknown {registry.kind} 'nonesuch'.*Known: ") as refused:
        registry.get("nonesuch")
    assert all(each in str(refused.value) for each in registry)


def test_an_outsiders_encoder_source_map_wall_and_engine_serve_from_the_build_to_the_page(
    installed: None, films: posterity.Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "theirs"
    table, posters = tmp_path / "posters.csv", tmp_path / "posters"
    call = ["build", str(table), "--from", "outsider", "--images", str(posters), "-c", str(folder), "-q"]
    assert run([*call, "--encoders", "brightness", "--engine", "backstage"]) == 0
    theirs = posterity.open(folder)
    assert len(theirs) == len(films)
    assert theirs.vectors("brightness")[1].shape == (12, 3)

    map_ = theirs.map("circle", encoder="brightness")
    lengths = np.linalg.norm(list(map_.positions.values()), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)
    assert theirs.map("circle", encoder="brightness") == map_
    assert theirs.layout("map_circle_brightness") == map_

    wall = theirs.wall(3, 4, order="title", encoder="brightness")
    titles = {poster.id: poster.film.title or "" for poster in theirs.posters()}
    in_cells = sorted(wall.cells, key=lambda name: wall.cells[name])
    assert [titles[name] for name in in_cells] == sorted(titles.values())
    assert theirs.layout("wall_title_brightness") == wall

    capsys.readouterr()
    arguments = ["-c", str(folder), "--encoder", "brightness", "--json"]
    assert run(["wall", "--order", "title", *arguments]) == run(["map", "--method", "circle", *arguments]) == 0
    capsys.readouterr()
    assert run(["wall", "--order", "nonesuch", *arguments]) == 2
    assert "'nonesuch' is not one of 'colour', 'content', 'time', 'title'" in capsys.readouterr().err


def test_an_outsiders_method_of_another_version_makes_the_map_anew(
    installed: None, films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    before = films.map("circle").positions
    circle = METHODS.get("circle")
    assert circle.place is not None
    twice = replace(circle, place=lambda *all_: 2 * circle.place(*all_))  # type: ignore[misc]
    METHODS.add("circle", twice)
    assert films.map("circle").positions == before, "unsaid, it is the same method"
    METHODS.add("circle", replace(twice, version=1))
    inputs = films.store.artefact("map_circle_poster").inputs  # type: ignore[union-attr]
    films.map("circle", fresh=True)
    assert films.store.artefact("map_circle_poster").inputs != inputs  # type: ignore[union-attr]


def test_an_outsiders_engine_is_opened_with_as_many_workers_as_asked_for(installed: None) -> None:
    with engine_of("backstage", 3) as engine:
        assert isinstance(engine, Local)
        assert type(engine) is not Local
        assert engine.workers == 3


def test_an_outsiders_runtime_runs_networks(installed: None) -> None:
    model = Poster()._model
    batch = np.random.default_rng(0).integers(0, 256, (2, 192, 128, 3), dtype=np.uint8)
    from posterity.encoders.runtime import load

    found = load(model, "tenfold", "poster.onnx")(batch)
    np.testing.assert_array_equal(found, 10 * load(model, "onnxruntime", "poster.onnx")(batch))
    assert Poster("tenfold").encode(batch).shape == (2, 384)


def test_a_built_in_name_stays_the_built_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugs = {"posterity.layouts": {"pca": "outsider:CIRCLE"}, "posterity.encoders": {"resnet18": "outsider:Brightness"}}
    monkeypatch.syspath_prepend(outsiders.install(tmp_path / "site", plugs))
    monkeypatch.setattr(METHODS, "_loaded", {})
    monkeypatch.setattr(ENCODERS, "_loaded", {})
    assert METHODS.get("pca").place is None
    assert ENCODERS.get("resnet18").spec.dimension == 512


def test_what_cannot_be_loaded_is_refused_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugs = {"posterity.orders": {"gone": "no_such_module_here:IT", "moved": "outsider:NOT_THERE"}}
    monkeypatch.syspath_prepend(outsiders.install(tmp_path / "site", plugs))
    for name in ("gone", "moved"):
        assert name in ORDERS
        with pytest.raises(PlugInError, match=rf"the order '{name}' of the package outsider cannot be loaded"):
            ORDERS.get(name)


def test_a_name_that_two_packages_register_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "other"):
        folder = outsiders.install(
            tmp_path / name, {"posterity.orders": {"mine": f"{name}:X"}}, name=name, code="X = 1"
        )
        monkeypatch.syspath_prepend(folder)
    with pytest.raises(PlugInError, match="'mine' is registered by the package one and the package other"):
        ORDERS.get("mine")
