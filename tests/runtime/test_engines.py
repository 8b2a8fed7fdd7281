"""The engines give the same results in the same order, and work that is lost is done again."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import real_data

import posterity
from posterity.embedding.pipeline import _Encode
from posterity.encoders import ENCODERS
from posterity.errors import EngineError, MissingExtraError, UnknownNameError
from posterity.numerics.neighbours.exact import closest_pairs
from posterity.runtime.engines import ENGINES, Engine, Local, engine_of
from posterity.search.pairs import _Known, _on_engine, _Tile


@pytest.fixture(scope="module")
def ray() -> Iterator[Engine]:
    """Two processes of Ray, for all tests here: it takes some seconds to begin."""
    pytest.importorskip(
        "ray", reason="THE ENGINE RAY IS NOT TESTED HERE: it is not installed; pip install 'posterity[ray]'"
    )
    from posterity.runtime.engines._ray import Ray

    engine = Ray(workers=2)
    yield engine
    engine.close()
    import ray as library

    library.shutdown()


def doubled(folder: Path, always: frozenset[int] = frozenset(), once: frozenset[int] = frozenset()) -> Any:
    """Make work that doubles numbers, and ends its process at some of them, always or the first time.

    Its class is made here, so that it travels to workers, which cannot import a module of tests.
    """

    class Doubled:
        def __call__(self, items: list[int]) -> list[int]:
            for item in items:
                mark = folder / f"{item}"
                if item in always or (item in once and not mark.exists()):
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                if item < 0:
                    raise ValueError(f"{item} is below 0")
            return [2 * item for item in items]

        def cut(self, items: list[int]) -> list[list[int]]:
            return [[item] for item in items]

        def join(self, parts: list[list[int]]) -> list[int]:
            return [each for part in parts for each in part]

        def crashed(self, items: list[int]) -> list[int]:
            return [-1 for _ in items]

    return Doubled()


def _chunks(n: int = 30, size: int = 3) -> list[list[int]]:
    return [list(range(at, at + size)) for at in range(0, n, size)]


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each registered engine with two workers; of one that is not installed, only that it says so."""
    if request.param == "ray":
        yield request.getfixturevalue("ray")
        return
    try:
        opened = ENGINES.get(request.param)(2)
    except MissingExtraError as error:
        assert "pip install 'posterity[" in str(error)
        pytest.skip(str(error))
    yield opened
    opened.close()


def test_results_come_in_order(engine: Engine, tmp_path: Path) -> None:
    assert engine.workers == 2
    assert list(engine.map(doubled(tmp_path), _chunks())) == [[2 * i for i in chunk] for chunk in _chunks()]
    assert engine.share([1, 2]).get() == [1, 2]
    with pytest.raises(ValueError, match="-1 is below 0"):
        list(engine.map(doubled(tmp_path), [[1], [-1], [2]]))
    assert list(engine.map(doubled(tmp_path), [])) == []


def test_items_are_taken_as_they_are_needed(engine: Engine, tmp_path: Path) -> None:
    taken: list[int] = []

    def items() -> Iterator[list[int]]:
        for chunk in _chunks(300):
            taken.append(chunk[0])
            yield chunk

    results = engine.map(doubled(tmp_path), items(), ahead=2)
    next(results)
    assert len(taken) <= 2 * engine.workers + 1


def test_work_of_a_process_that_dies_is_done_again(ray: Engine, tmp_path: Path) -> None:
    work = doubled(tmp_path, once=frozenset({4, 20}))
    assert list(ray.map(work, _chunks())) == [[2 * i for i in chunk] for chunk in _chunks()]
    assert {int(file.name) for file in tmp_path.iterdir()} == {4, 20}


def test_what_ends_every_process_is_told_from_its_neighbours(ray: Engine, tmp_path: Path) -> None:
    found = list(ray.map(doubled(tmp_path, always=frozenset({13})), _chunks()))
    assert [each for chunk in found for each in chunk] == [-1 if i == 13 else 2 * i for i in range(30)]

    def deadly(item: int) -> int:
        if item == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(EngineError, match=r"work on 2 ended 3 processes"):
        list(ray.map(deadly, range(4)))


def test_a_build_on_ray_is_that_of_one_process(ray: Engine, make_posters: Callable[..., Path], tmp_path: Path) -> None:
    posters = make_posters(70)
    (posters / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (posters / "twin.jpg").write_bytes((posters / "tt0000003.jpg").read_bytes())
    here = posterity.build(posters, tmp_path / "here", tmp_path / "posters.csv")
    there = posterity.build(posters, tmp_path / "there", tmp_path / "posters.csv", engine=ray)
    assert here == there
    one, other = posterity.open(tmp_path / "here"), posterity.open(tmp_path / "there")
    assert one.posters() == other.posters()
    assert one.store.findings() == other.store.findings()
    for name in one.store.encoders:
        (ids, vectors), (others, theirs) = one.vectors(name), other.vectors(name)
        assert ids == others
        np.testing.assert_array_equal(vectors, theirs)
    assert posterity.build(posters, tmp_path / "there", tmp_path / "posters.csv", engine=ray).unchanged == 70
    for hide in (False, True):
        wanted = one.pairs(30, hide_franchise=hide, hide_duplicates=hide)
        assert other.pairs(30, hide_franchise=hide, hide_duplicates=hide, engine=ray) == wanted


def test_real_posters_on_ray(ray: Engine, tmp_path: Path) -> None:
    for file in sorted(real_data("posters").iterdir())[100:180]:
        (tmp_path / "some").mkdir(exist_ok=True)
        (tmp_path / "some" / file.name).symlink_to(file)
    for name, engine in (("here", "local"), ("there", ray)):
        posterity.build(tmp_path / "some", tmp_path / name, engine=engine, encoders=["poster", "colour"])
    one, other = posterity.open(tmp_path / "here"), posterity.open(tmp_path / "there")
    assert one.posters() == other.posters()
    np.testing.assert_array_equal(one.vectors("poster")[1], other.vectors("poster")[1])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_pairs_by_slabs_are_those_of_the_whole(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    X = rng.standard_normal((230, 12)).astype(np.float32)
    X[100:120] = X[10:30]  # ties, within and across slabs
    if metric == "cosine":
        X /= np.linalg.norm(X, axis=1, keepdims=True)
    monkeypatch.setattr("posterity.search.pairs.SLAB", 64)
    numbers = np.arange(len(X)) // 5
    known = _Known([], numbers, numbers % 7, numbers % 3 - 1)
    for hide in (False, True):
        tile = _Tile(metric, hide, hide)  # type: ignore[arg-type]
        whole = tile.slab(0, X, known)
        rows, distances = tile.closest(whole, whole, 40)
        looked: list[int] = []
        found = _on_engine(Local(2), tile, X, known, 40, looked.append)
        np.testing.assert_array_equal(found[0], rows)
        np.testing.assert_array_equal(found[1], distances)
        assert sum(looked) == 230 * 229 // 2
    plain = closest_pairs(X, 40, metric)  # type: ignore[arg-type]
    np.testing.assert_array_equal(plain[0], _on_engine(Local(1), _Tile(metric, False, False), X, known, 40, len_)[0])  # type: ignore[arg-type]


def len_(_: int) -> None:
    """Take no notice of progress."""


def test_known_encoders_travel_by_name() -> None:
    poster = ENCODERS.get("poster")
    poster.encode(np.zeros((1, 192, 128, 3), np.uint8))  # loaded: it holds locks and a network
    work = pickle.loads(pickle.dumps(_Encode((poster, ENCODERS.get("colour")))))
    assert work.encoders == ("poster", "colour")
    assert len(pickle.dumps(work)) < 300


def test_engines_are_named_and_unknown_ones_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine_of() as engine:
        assert isinstance(engine, Local)
    with engine_of(engine) as same:
        assert same is engine
    with pytest.raises(UnknownNameError, match="Known: local, ray"), engine_of("spark"):
        pass
    monkeypatch.setenv("POSTERITY_ENGINE", "local")
    with engine_of(workers=3) as three:
        assert three.workers == 3
