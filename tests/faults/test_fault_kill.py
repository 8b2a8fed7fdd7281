"""A build that is killed or interrupted loses at most its last batch, and the next one ends as if nothing happened.

Signals are sent at known writes of the build, before, while, and after they are done: see :class:`Watched`.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

import posterity
from faults.support import (
    SMALL,
    Undisturbed,
    Watched,
    assert_one_line,
    check_consistent,
    check_equal,
    content,
    draw,
)
from posterity.catalogue import is_catalogue

MOMENTS = ("before", "during", "after")


def _build(source: Path, folder: Path, **options: Any) -> Watched:
    return Watched("build", source, "-c", folder, "--json", "-q", **options)


def _kill_at(source: Path, folder: Path, write: int, moment: str, values: dict[str, Any]) -> None:
    watched = _build(source, folder, halt=[write], moment=moment, values=values)
    watched.reach(write)
    watched.kill()


def _some(writes: int) -> list[tuple[int, str]]:
    """Choose a kill of each kind, early, in the middle and late."""
    return [(1, "before"), (writes // 2, "during"), (writes, "before")]


def _all(writes: int) -> list[tuple[int, str]]:
    return [(write, MOMENTS[(write + turn) % 3]) for write in range(1, writes + 1) for turn in range(2)]


FEW_AND_ALL = [pytest.param(_some, id="some"), pytest.param(_all, id="all", marks=pytest.mark.long)]


@pytest.mark.parametrize("chosen", FEW_AND_ALL)
@pytest.mark.parametrize(
    "values", [pytest.param({}, id="one-commit", marks=pytest.mark.long), pytest.param(SMALL, id="many-commits")]
)
def test_build_killed_at_any_moment_is_finished_by_the_next(
    undisturbed: Undisturbed, tmp_path: Path, values: dict[str, Any], chosen: Any
) -> None:
    writes = _build(undisturbed.source, tmp_path / "counted", values=values).count()
    check_equal(content(tmp_path / "counted"), undisturbed.content)
    assert writes > (20 if values else 5)
    for write, moment in chosen(writes):
        folder = tmp_path / f"killed {moment} {write}"
        _kill_at(undisturbed.source, folder, write, moment, values)
        if is_catalogue(folder):
            check_consistent(folder)
        posterity.build(undisturbed.source, folder)
        check_equal(content(folder), undisturbed.content)
        shutil.rmtree(folder)


def _change(source: Path) -> None:
    """Change, rename, remove and add files, as happens between two builds."""
    files = sorted(source.rglob("tt*.jpg"))
    for number, file in enumerate(files[::4]):
        draw(file, 20_000 + number)
    for file in files[1::8]:
        file.rename(file.with_name(f"renamed {file.name}"))
    for file in files[2::16]:
        file.rename(file.with_name(f"now without an id {file.stem[2:]}.jpg"))
    for number in range(40):
        draw(source / "shelf 0" / f"new {number}.jpg", 30_000 + number)


@pytest.mark.long
@pytest.mark.parametrize("chosen", FEW_AND_ALL)
def test_update_killed_at_any_moment_is_finished_by_the_next(
    undisturbed: Undisturbed, tmp_path: Path, chosen: Any
) -> None:
    before, changed, wanted = tmp_path / "before", tmp_path / "source", tmp_path / "wanted"
    shutil.copytree(undisturbed.source, changed)
    posterity.build(changed, before)
    _change(changed)
    shutil.copytree(before, wanted)
    writes = _build(changed, wanted).count()
    expected = content(wanted)
    for write, moment in chosen(writes):
        folder = tmp_path / f"killed {moment} {write}"
        shutil.copytree(before, folder)
        _kill_at(changed, folder, write, moment, SMALL)
        check_consistent(folder)
        posterity.build(changed, folder)
        check_equal(content(folder), expected)
        shutil.rmtree(folder)


@pytest.mark.parametrize("write", [1, 12])
def test_ctrl_c_ends_in_one_line_and_the_next_build_completes(
    undisturbed: Undisturbed, tmp_path: Path, write: int
) -> None:
    folder = tmp_path / "interrupted"
    watched = _build(undisturbed.source, folder, halt=[write])
    watched.reach(write)
    out, err = watched.kill(signal.SIGINT)
    assert watched.process.returncode == 130
    assert out == b""
    assert_one_line(err.removeprefix(b"\n"), "interrupted")  # the empty line is click's, to end the one with ^C
    # It ended where it was, and did not finish the work first.
    assert not is_catalogue(folder) or not posterity.open(folder).store.runs()
    posterity.build(undisturbed.source, folder)
    check_equal(content(folder), undisturbed.content)
