"""A catalogue that may not be written can be read in full, and a build of it fails in one clear line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import posterity
from faults.support import Undisturbed, assert_one_line, check_equal, cli, cli_json, content, draw

WITHOUT_PRIVILEGES = [
    sys.executable,
    "-c",
    "import ctypes, os, sys;"
    # Without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
    "[ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) for capability in (1, 2)];"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
]
"""Python for whom permission bits bind even where it runs as root; who is not root is bound by them anyway."""


@pytest.fixture
def read_only_disk(undisturbed: Undisturbed, tmp_path: Path) -> Iterator[Path]:
    """A copy of the catalogue on a disk that is mounted read-only."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("A READ-ONLY DISK IS NOT TESTED HERE: mounting is not permitted")
    try:
        shutil.copytree(undisturbed.catalogue, place / "films")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        yield place / "films"
    finally:
        subprocess.run(["umount", place], check=True)


def _check_that_reading_works(folder: Path, undisturbed: Undisturbed) -> None:
    n = len(undisturbed.content["posters"])
    assert cli_json("info", folder)["posters"] == n
    assert len(cli_json("similar", "-c", folder, "--id", "tt0000002")["matches"]) == 5
    assert cli_json("report", folder)["posters"] == n
    wall = cli_json("wall", "-c", folder)
    assert wall["placed"] == n
    assert cli_json("doctor", folder)["well"]


def test_read_only_disk(read_only_disk: Path, undisturbed: Undisturbed) -> None:
    _check_that_reading_works(read_only_disk, undisturbed)
    done = cli("build", undisturbed.source / "shelf 0", "-c", read_only_disk, "-q")
    assert done.returncode == 1, done
    assert_one_line(done.stderr, "read-only")
    new = cli("build", undisturbed.source, "-c", read_only_disk.parent / "new", "-q")
    assert new.returncode == 1
    assert_one_line(new.stderr, "read-only")
    check_equal(content(read_only_disk), undisturbed.content)


@pytest.fixture
def tied_hands(tmp_path: Path) -> None:
    """Skip where permission bits cannot be made to bind."""
    closed = tmp_path / "closed"
    closed.touch(mode=0)
    test = f"import sys; from pathlib import Path; Path({str(closed)!r}).read_bytes()"
    done = subprocess.run([*WITHOUT_PRIVILEGES, "-c", test], capture_output=True, check=False)
    if b"PermissionError" not in done.stderr:
        pytest.skip("PERMISSIONS ARE NOT TESTED HERE: this user may read anything, and cannot be kept from it")


@pytest.fixture
def locked(undisturbed: Undisturbed, tmp_path: Path) -> Iterator[Path]:
    """A copy of the catalogue in which nothing may be written."""
    folder = tmp_path / "films"
    shutil.copytree(undisturbed.catalogue, folder)
    everything = [folder, *folder.rglob("*")]
    for path in everything:
        path.chmod(0o500 if path.is_dir() else 0o400)
    yield folder
    for path in everything:
        path.chmod(0o700)


@pytest.mark.usefixtures("tied_hands")
def test_folder_without_permission_to_write(locked: Path, undisturbed: Undisturbed) -> None:
    command = [*WITHOUT_PRIVILEGES, "-m", "posterity"]
    n = len(undisturbed.content["posters"])
    assert len(cli_json("similar", "-c", locked, "--id", "tt0000002", command=command)["matches"]) == 5
    assert cli_json("wall", "-c", locked, command=command)["placed"] == n
    assert cli_json("doctor", locked, command=command)["posters"] == n
    done = cli("build", undisturbed.source / "shelf 0", "-c", locked, "-q", command=command)
    assert done.returncode == 1, done
    assert_one_line(done.stderr, "no permission")
    inside = cli("build", undisturbed.source, "-c", locked / "new", "-q", command=command)
    assert inside.returncode == 1
    assert_one_line(inside.stderr, "no permission")


@pytest.mark.usefixtures("tied_hands")
def test_unreadable_posters_and_folders_are_reported_and_do_not_stop_the_run(tmp_path: Path) -> None:
    command = [*WITHOUT_PRIVILEGES, "-m", "posterity"]
    source, folder = tmp_path / "source", tmp_path / "films"
    for shelf in ("closed shelf", "open shelf"):
        (source / shelf).mkdir(parents=True)
        for number in range(3):
            draw(source / shelf / f"{number}.jpg", 10 * len(shelf) + number)
    (source / "open shelf" / "1.jpg").chmod(0)
    (source / "closed shelf").chmod(0)
    try:
        report = cli_json("build", source, "-c", folder, "-q", command=command)
        assert (report["seen"], report["added"], report["dropped_by"]) == (4, 2, {"unreadable": 2})
        dropped = cli_json("report", folder, command=command)["dropped"]
        assert {finding["item"] for finding in dropped} == {"closed shelf", "open shelf/1.jpg"}
        assert all("Permission denied" in finding["detail"] for finding in dropped)
    finally:
        (source / "closed shelf").chmod(0o700)
        (source / "open shelf" / "1.jpg").chmod(0o600)
    report = cli_json("build", source, "-c", folder, "-q", command=command)
    assert (report["seen"], report["added"], report["unchanged"], report["dropped"]) == (6, 4, 2, 0)
    table = tmp_path / "films.csv"
    table.write_text("imdbId,title\n1,One\n")
    table.chmod(0)
    refused = cli("build", source, "-c", folder, "--metadata", table, "-q", command=command)
    assert refused.returncode == 1
    assert_one_line(refused.stderr, "films.csv", "Permission denied")
    source.chmod(0)
    refused = cli("build", source, "-c", folder, "-q", command=command)
    source.chmod(0o700)
    assert refused.returncode == 1
    assert_one_line(refused.stderr, "source", "Permission denied")
    assert posterity.open(folder).info().posters == 6
