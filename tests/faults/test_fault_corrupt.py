"""A file of the store that is damaged is found and named, and repair and a build bring back what an undisturbed has."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import posterity
from faults.support import SMALL_BATCHES, Undisturbed, assert_one_line, check_equal, cli, content
from posterity.errors import StorageError


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
    files = sorted((folder / "posters.lance" / "data").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    for file in files[-2:]:
        file.unlink()
    problems = posterity.open(folder).doctor(repair=True).problems
    assert ("damaged_table", "posters") in [(p.kind, p.about) for p in problems]
    posterity.build(undisturbed.source, folder)
    check_equal(content(folder), undisturbed.content)


def test_where_all_files_are_gone_the_user_decides(undisturbed: Undisturbed, grown: Path, tmp_path: Path) -> None:
    """A drive that is not mounted looks the same."""
    folder = tmp_path / "films"
    shutil.copytree(grown, folder)
    data = folder / "posters.lance" / "data"
    data.rename(tmp_path / "aside")
    data.mkdir()
    for repair in (False, True):
        found = posterity.open(folder).doctor(repair=repair)
        assert [(p.kind, p.about, p.repaired) for p in found.problems] == [("absent_table", "posters", False)]
        assert "mounted" in found.problems[0].detail
    data.rmdir()
    (tmp_path / "aside").rename(data)
    check_equal(content(folder), undisturbed.content)
    shutil.rmtree(data)
    data.mkdir()
    found = posterity.open(folder).doctor(repair=True, remove_missing=True)
    assert ("damaged_table", "posters") in [(p.kind, p.about) for p in found.problems]
    posterity.build(undisturbed.source, folder)
    check_equal(content(folder), undisturbed.content)


def test_what_is_taken_back_is_copied_first_and_can_be_brought_back(grown: Path, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    shutil.copytree(grown, folder)
    before = content(folder)
    file = max((folder / "posters.lance" / "data").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    whole = file.read_bytes()
    file.unlink()  # another file of that name, as a disk that fails would leave: the copy must not be the same file
    file.write_bytes(_halved(whole))
    found = posterity.open(folder).doctor(repair=True)
    assert found.problems[0].repaired
    assert "orphan_thumbnails" not in {problem.kind for problem in found.problems}
    assert "as it was at version" in found.problems[0].detail
    rescued = Path(found.rescued)
    assert rescued.parent == folder / "rescued"
    assert {path.name for path in rescued.iterdir()} == {"posters.lance", "thumbnails.lance"}
    # As the guide says: the table as it was, and the file that a backup or a mended disk gave back.
    shutil.rmtree(folder / "posters.lance")
    shutil.copytree(rescued / "posters.lance", folder / "posters.lance")
    (folder / "posters.lance" / "data" / file.name).unlink()
    (folder / "posters.lance" / "data" / file.name).write_bytes(whole)
    check_equal(content(folder), before)


def test_where_no_copy_can_be_written_nothing_is_taken_back(
    grown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "films"
    shutil.copytree(grown, folder)
    file = max((folder / "posters.lance" / "data").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    whole = file.read_bytes()
    file.write_bytes(_halved(whole))
    films = posterity.open(folder)
    before = films.store.version

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        patch.setattr(shutil, "copy2", full)
        with pytest.raises(StorageError, match="No space left.*nothing was removed"):
            films.doctor(repair=True)
    assert films.store.version == before
    assert not (folder / "rescued").exists()
    file.write_bytes(whole)
    assert films.doctor().problems == ()
