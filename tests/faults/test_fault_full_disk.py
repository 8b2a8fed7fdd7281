"""A full disk ends a build in one clear line, costs nothing that was committed, and room is all that is missing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import posterity
from faults.support import (
    SMALL_BATCHES,
    Undisturbed,
    assert_one_line,
    check_consistent,
    check_equal,
    cli,
    content,
)
from posterity.catalogue import is_catalogue


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Give a disk of so many KiB, and make it larger when asked again."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = False

    def sized(kib: int) -> Path:
        nonlocal mounted
        options = f"size={kib}k,mode=0777" + (",remount" if mounted else "")
        if shutil.which("mount") is None or not _mount("-t", "tmpfs", "-o", options, "tmpfs", str(place)):
            pytest.skip("A FULL DISK IS NOT TESTED HERE: this user may not mount a tmpfs; run the tests as root")
        mounted = True
        return place

    yield sized
    if mounted:
        subprocess.run(["umount", str(place)], check=True)


def _needed(undisturbed: Undisturbed) -> int:
    """KiB that the finished catalogue takes, whole pages as a tmpfs counts them."""
    files = [file for file in undisturbed.catalogue.rglob("*") if file.is_file()]
    return sum(-(-file.stat().st_size // 4096) * 4 for file in files)


@pytest.mark.parametrize("share", [0.5, *(pytest.param(each, marks=pytest.mark.long) for each in (0.0, 0.2, 0.9))])
def test_full_disk_is_named_and_after_making_room_the_build_is_finished(
    undisturbed: Undisturbed, small_disk: Callable[[int], Path], share: float
) -> None:
    folder = small_disk(max(4, int(share * _needed(undisturbed)))) / "films"
    done = cli("build", undisturbed.source, "-c", folder, "-q", command=SMALL_BATCHES)
    assert done.returncode == 1, done
    assert done.stdout == b""
    assert_one_line(done.stderr, "the disk is full")
    if is_catalogue(folder):
        check_consistent(folder)
        assert cli("info", folder).returncode == 0
    small_disk(64 * 1024)
    posterity.build(undisturbed.source, folder)
    check_equal(content(folder), undisturbed.content)


def test_catalogue_on_a_disk_that_has_become_full_stays_as_it_was(
    undisturbed: Undisturbed, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(64 * 1024)
    folder = disk / "films"
    shutil.copytree(undisturbed.catalogue, folder)
    with suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"\0" * 4096)
    shelf = undisturbed.source / "shelf 0"
    done = cli("build", shelf, "-c", folder, "-q")  # another source: everything in it is new or a duplicate
    assert done.returncode == 1
    assert_one_line(done.stderr, "the disk is full")
    check_equal(content(folder), undisturbed.content)
    assert cli("similar", "-c", folder, "--id", "tt0000002", "--json").returncode == 0
