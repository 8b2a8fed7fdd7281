"""A build that is killed or interrupted loses at most its last batch, and the next one ends as if nothing happened."""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import posterity
from faults.support import (
    CLI,
    SMALL_BATCHES,
    Undisturbed,
    assert_one_line,
    check_consistent,
    check_equal,
    content,
    draw,
    kill,
    start,
    wait_for,
)
from posterity.catalogue import is_catalogue

KILLS = 4
FIRST_TABLE = "posters.lance"


def _working_time(command: Sequence[str], source: Path, folder: Path) -> float:
    """Measure how long an undisturbed build works once its libraries are loaded, which shows by its first table."""
    process = start("build", source, "-c", folder, "--json", "-q", command=command)
    wait_for((folder / FIRST_TABLE).exists)
    began = time.monotonic()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["seen"] > 0
    return time.monotonic() - began


def _kill_after(command: Sequence[str], source: Path, folder: Path, delay: float) -> bool:
    """Kill a build some time after it began to work; tell whether it was still at it."""
    process = start("build", source, "-c", folder, "--json", "-q", command=command)
    wait_for(lambda: (folder / FIRST_TABLE).exists() or process.poll() is not None)
    time.sleep(delay)
    hit = process.poll() is None
    kill(process)
    return hit


@pytest.mark.parametrize("command", [CLI, SMALL_BATCHES], ids=["one-commit", "many-commits"])
def test_build_killed_at_any_moment_is_finished_by_the_next(
    undisturbed: Undisturbed, tmp_path: Path, command: Sequence[str]
) -> None:
    duration = _working_time(command, undisturbed.source, tmp_path / "measured")
    check_equal(content(tmp_path / "measured"), undisturbed.content)
    chance = random.Random(20)
    hits = 0
    for number in range(2 * KILLS):
        folder = tmp_path / f"killed {number}"
        hit = _kill_after(command, undisturbed.source, folder, duration * (hits + chance.random()) / KILLS)
        hits += hit
        if not hit:  # a busy machine has become a quieter one
            duration *= 0.8
        if is_catalogue(folder):
            check_consistent(folder)
        posterity.build(undisturbed.source, folder)
        check_equal(content(folder), undisturbed.content)
        shutil.rmtree(folder)
        if hits == KILLS:
            break
    assert hits == KILLS, f"only {hits} kills fell into the work"


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


def test_update_killed_at_any_moment_is_finished_by_the_next(undisturbed: Undisturbed, tmp_path: Path) -> None:
    before, changed, wanted = tmp_path / "before", tmp_path / "source", tmp_path / "wanted"
    shutil.copytree(undisturbed.source, changed)
    posterity.build(changed, before)
    _change(changed)
    shutil.copytree(before, wanted)
    began = time.monotonic()
    posterity.build(changed, wanted)
    duration = time.monotonic() - began
    expected = content(wanted)
    chance = random.Random(5)
    hits = 0
    for number in range(4):
        folder = tmp_path / f"killed {number}"
        shutil.copytree(before, folder)
        runs = len(list((folder / "posters.lance" / "_versions").iterdir()))
        process = start("build", changed, "-c", folder, "--json", "-q", command=SMALL_BATCHES)
        wait_for(
            lambda runs=runs, folder=folder, process=process: (
                len(list((folder / "posters.lance" / "_versions").iterdir())) > runs or process.poll() is not None
            )
        )
        time.sleep(duration * (number + chance.random()) / 8)
        hits += process.poll() is None
        kill(process)
        check_consistent(folder)
        posterity.build(changed, folder)
        check_equal(content(folder), expected)
        shutil.rmtree(folder)
    assert hits


@pytest.mark.parametrize("part", [0.0, 0.5])
def test_ctrl_c_ends_quickly_in_one_line_and_the_next_build_completes(
    undisturbed: Undisturbed, tmp_path: Path, part: float
) -> None:
    folder = tmp_path / "interrupted"
    process = start("build", undisturbed.source, "-c", folder, "-q", command=SMALL_BATCHES)
    wait_for(folder.exists)
    if part:
        wait_for((folder / "meta.lance").exists)
        time.sleep(0.1)
    began = time.monotonic()
    out, err = kill(process, signal.SIGINT)
    assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert out == b""
    assert_one_line(err.removeprefix(b"\n"), "interrupted")  # the empty line is click's, to end the one with ^C
    posterity.build(undisturbed.source, folder)
    check_equal(content(folder), undisturbed.content)
