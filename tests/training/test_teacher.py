"""The material for training: sides that keep together what belongs together, and the teacher's answers, kept safely."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import real_data

from posterity.encoders import available
from posterity.encoders.known import KNOWN
from posterity.encoders.networks import Net
from posterity.images import decode, fit, tier

sys.path.insert(0, str(Path(__file__).parents[2]))

from training import data, teacher
from training.sides import groups, held_out
from training.teacher import Look

# --- sides ---------------------------------------------------------------------------------------------------------


def test_whole_groups_are_on_one_side() -> None:
    rng = np.random.default_rng(2)
    films = [f"tt{i}" for i in rng.integers(0, 400, 600)]
    sagas = {film: f"saga {rng.integers(0, 60)}" for film in films if rng.random() < 0.3}
    near = [(int(i), int(j)) for i, j in rng.integers(0, 600, (20, 2))]
    group = groups([(film, sagas.get(film, film)) for film in films], near)
    side = held_out(group, films, [film in sagas for film in films])
    for i in range(600):
        for j in range(i):
            if films[i] == films[j] or (films[i] in sagas and sagas[films[i]] == sagas.get(films[j])):
                assert side[i] == side[j]
    assert all(side[i] == side[j] for i, j in near)
    assert 0.2 < np.mean(side) < 0.8


def test_what_was_held_out_stays_so_whatever_comes() -> None:
    films = [f"tt{i}" for i in range(300)]
    before = held_out(range(300), films, [False] * 300)
    assert 0.2 < np.mean(before) < 0.4
    # Each new film, with names that sort first, is a sibling of two old ones.
    all_films = films + [f"a{i}" for i in range(150)]
    near = [(300 + i, 2 * i + k) for i in range(150) for k in (0, 1)]
    group = groups([(film,) for film in all_films], near)
    after = held_out(group, all_films, [True] * 450, before)
    for i in range(150):
        expected = before[2 * i] or before[2 * i + 1]
        assert after[2 * i] == after[2 * i + 1] == after[300 + i] == expected


def test_sides_of_new_films_depend_on_their_names_alone() -> None:
    films = [f"tt{i}" for i in range(200)]
    alone = held_out(range(200), films, [False] * 200)
    order = np.random.default_rng(1).permutation(200)
    assert [alone[i] for i in order] == held_out(range(200), [films[i] for i in order], [False] * 200)
    assert alone[100:] == held_out(range(200), films, [False] * 200, alone[:100])[100:]


def test_all_real_posters_keep_their_sides() -> None:
    if not (folder := os.environ.get("POSTERITY_MATERIAL")):
        pytest.skip("the further posters are not here: set POSTERITY_MATERIAL to the folder that extract_more.py wrote")
    real_data("more.csv")
    first, items = data.pictures(), data.pictures(Path(folder))
    assert len(items) == 49_716
    side = {item.file: item.test for item in items}
    assert all(side[item.file] for item in first if item.test)
    assert sum(side[item.file] != item.test for item in first) <= 5  # trained on before, now kin of what is held out
    for key in ("film", "collection", "group"):
        sides: dict[object, set[bool]] = {}
        for item in items:
            if getattr(item, key) != "":
                sides.setdefault(getattr(item, key), set()).add(item.test)
        assert all(len(found) == 1 for found in sides.values())
    new = [item.test for item in items if item.kind == "more"]
    assert 0.28 < np.mean(new) < 0.35


def test_a_picture_of_the_second_list_needs_its_folder() -> None:
    assert data.located("posters/a.jpg") == data.DATA / "posters" / "a.jpg"
    assert data.located("more_versions/a.jpg", Path("m")) == Path("m/more_versions/a.jpg")
    with pytest.raises(SystemExit, match="--material"):
        data.located("more/a.jpg")


# --- answers -------------------------------------------------------------------------------------------------------

LOOK, SIZE = Look("efficientnet_lite0", 96, 64), (96, 64)


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Copies of ten posters; chunks of three."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if not available(Net(KNOWN["efficientnet_lite0"])):
        pytest.skip("the extra imagenet is not installed: no weights of efficientnet_lite0, or no onnx")
    monkeypatch.setattr(teacher, "CHUNK", 3)
    posters = tmp_path / "posters"
    posters.mkdir()
    for path in sorted(real_data("posters").iterdir())[:10]:
        shutil.copy(path, posters)
    return {f"posters/{path.name}": path for path in sorted(posters.iterdir())}


def vectors(found: dict[str, Path], mirrored: bool = False) -> np.ndarray:
    """What the encoder gives for the same pictures, of unit length."""
    encoder = Net(replace(KNOWN["efficientnet_lite0"], native=SIZE))
    images = np.stack([fit(decode(path.read_bytes(), tier(SIZE)), SIZE, "native") for path in found.values()])
    return encoder.encode(images[:, :, ::-1] if mirrored else images)


def unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("mirrored", [False, True])
def test_answers_are_what_the_encoder_gives(mirrored: bool, found: dict[str, Path], tmp_path: Path) -> None:
    look = Look("efficientnet_lite0", 96, 64, mirrored)
    teacher.compute(look, found, tmp_path / "out", "onnxruntime")
    names, rows = teacher.answers(look, tmp_path / "out")
    assert names == list(found)
    assert rows.dtype == np.float16
    np.testing.assert_allclose(unit(rows), vectors(found, mirrored), atol=1e-3)


def test_a_run_that_was_stopped_goes_on(
    found: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, here = tmp_path / "out", tmp_path / "out" / LOOK.name
    teacher.compute(LOOK, found, out, "onnxruntime")
    expected = teacher.answers(LOOK, out)[1]
    written = {path.name: path.stat().st_mtime_ns for path in here.glob("*.npy")}
    assert sorted(written) == ["00000.npy", "00001.npy", "00002.npy", "00003.npy"]
    # As a kill leaves it: one chunk is not there, and half of it lies beside.
    (here / "00002.npy").rename(here / "00002.1.part")
    with pytest.raises(SystemExit, match="answers for 7 of 10 pictures"):
        teacher.answers(LOOK, out)
    teacher.compute(LOOK, found, out, "onnxruntime")
    np.testing.assert_array_equal(teacher.answers(LOOK, out)[1], expected)
    again = {path.name: path.stat().st_mtime_ns for path in here.glob("*.npy")}
    assert {name for name in again if again[name] != written[name]} == {"00002.npy"}

    # Nothing is left to do: the network is not even loaded.
    monkeypatch.setattr(Look, "model", lambda _: pytest.fail("the network was loaded"))
    teacher.compute(LOOK, found, out, "onnxruntime")


def test_pictures_that_come_later_are_added_at_the_end(found: dict[str, Path], tmp_path: Path) -> None:
    out, late = tmp_path / "out", next(iter(found))
    teacher.compute(LOOK, {name: path for name, path in found.items() if name != late}, out, "onnxruntime")
    teacher.compute(LOOK, found, out, "onnxruntime")
    names, rows = teacher.answers(LOOK, out)
    assert names == [*(name for name in found if name != late), late]
    wanted = dict(zip(found, vectors(found), strict=True))
    np.testing.assert_allclose(unit(rows), np.stack([wanted[name] for name in names]), atol=1e-3)


def test_answers_of_two_kinds_are_never_mixed(
    found: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, name = tmp_path / "out", next(iter(found))
    teacher.compute(LOOK, found, out, "onnxruntime")
    content = found[name].read_bytes()
    found[name].write_bytes(content + b"\0")
    with pytest.raises(SystemExit, match=f"{name} is gone or another picture"):
        teacher.compute(LOOK, found, out, "onnxruntime")
    found[name].write_bytes(content)
    with pytest.raises(SystemExit, match="is gone"):
        teacher.compute(LOOK, {key: path for key, path in found.items() if key != name}, out, "onnxruntime")
    other = tmp_path / "other.pth"
    other.write_bytes(b"other weights")
    monkeypatch.setattr(Look, "file", other)
    with pytest.raises(SystemExit, match="made otherwise"):
        teacher.compute(Look("efficientnet_lite0", 96, 64), found, out, "onnxruntime")


def test_looks_are_named_by_what_decides_them() -> None:
    assert len(set(teacher.LOOKS)) == len(teacher.LOOKS) == 10
    assert next(iter(teacher.LOOKS)) == "efficientnet_lite2-256x384"
    assert all(look.name == name and look.network in KNOWN for name, look in teacher.LOOKS.items())
