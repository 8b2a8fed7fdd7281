"""A file of the store that is damaged is found and named, and repair and a build bring back what an undisturbed has."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import posterity
from faults.support import SMALL_BATCHES, Undisturbed, assert_one_line, check_equal, cli, content


def _emptied(data: bytes) -> bytes:
    return b""


def _halved(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _zeroed(data: bytes) -> bytes:
    return b"\0" * len(data)


@pytest.fixture(scope="module")
def grown(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue made in many commits, so that there are many versions and files."""
    folder = tmp_path_factory.mktemp("grown") / "films"
    done = cli("build", undisturbed.source, "-c", folder, "-q", command=SMALL_BATCHES)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(
    ("table", "damage"),
    [
        ("posters", _zeroed),
        pytest.param("thumbnails", _halved, marks=pytest.mark.long),
        pytest.param("artefacts", _emptied, marks=pytest.mark.long),
    ],
)
def test_a_damaged_file_is_named_and_mended(
    undisturbed: Undisturbed, grown: Path, tmp_path: Path, table: str, damage: Callable[[bytes], bytes]
) -> None:
    folder = tmp_path / "films"
    shutil.copytree(grown, folder)
    files = sorted((folder / f"{table}.lance" / "data").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    for file in files[-2:]:
        file.write_bytes(damage(file.read_bytes()))
    problems = posterity.open(folder).doctor().problems
    assert [(p.kind, p.about) for p in problems] == [("damaged_table", table)]
    if table == "posters":
        done = cli("similar", "-c", folder, "--id", "tt0000002")
        assert done.returncode == 1
        assert_one_line(done.stderr, "posterity doctor")
    mended = cli("doctor", folder, "--repair", "--json")
    assert mended.returncode == 0, mended.stderr
    posterity.build(undisturbed.source, folder)
    assert posterity.open(folder).doctor().well
    check_equal(content(folder), undisturbed.content)


def test_a_file_that_is_gone_is_named_and_mended(undisturbed: Undisturbed, grown: Path, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    shutil.copytree(grown, folder)
    for file in (folder / "posters.lance" / "data").iterdir():
        file.unlink()
    problems = posterity.open(folder).doctor(repair=True).problems
    assert ("damaged_table", "posters") in [(p.kind, p.about) for p in problems]
    posterity.build(undisturbed.source, folder)
    check_equal(content(folder), undisturbed.content)
