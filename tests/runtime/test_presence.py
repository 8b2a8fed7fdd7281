"""Absent is not gone: what is concluded from a file that cannot be found."""

import os
import shutil
from pathlib import Path

import pytest

from posterity.runtime.presence import Presence, Sighting, look_for, too_many_missing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of posters with a folder in it."""
    for name in ("a.jpg", "b.jpg", "drive/c.jpg", "drive/d.jpg"):
        file = tmp_path / "posters" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return tmp_path / "posters"


def where(folder: Path, path: str) -> Presence:
    return look_for(str(folder), path).presence


def test_a_file_that_is_there_is_present(folder: Path) -> None:
    assert look_for(str(folder), "drive/c.jpg") == Sighting(Presence.PRESENT)


def test_a_deleted_file_whose_neighbours_are_there_is_gone(folder: Path) -> None:
    (folder / "a.jpg").unlink()
    (folder / "drive/c.jpg").unlink()
    assert where(folder, "a.jpg") == where(folder, "drive/c.jpg") == Presence.GONE


def test_a_deleted_folder_beside_others_takes_its_files_along(folder: Path) -> None:
    shutil.rmtree(folder / "drive")
    assert where(folder, "drive/c.jpg") is Presence.GONE


def test_a_folder_in_the_place_of_a_file_is_no_file(folder: Path) -> None:
    (folder / "a.jpg").unlink()
    (folder / "a.jpg").mkdir()
    assert look_for(str(folder), "a.jpg") == Sighting(Presence.GONE, "a.jpg is a folder now")


def test_an_empty_mount_point_is_no_proof(folder: Path) -> None:
    for file in (folder / "drive").iterdir():
        file.unlink()
    (folder / "drive/.hidden").touch()
    (folder / "drive/lost+found").mkdir()
    found = look_for(str(folder), "drive/c.jpg")
    assert found.presence is Presence.MISSING
    assert "mounted" in found.why


def test_a_source_that_is_not_there_is_no_proof(folder: Path) -> None:
    shutil.rmtree(folder)
    assert where(folder, "a.jpg") is Presence.MISSING


@pytest.mark.parametrize("link", ["link.jpg", "elsewhere"])
def test_a_link_to_nothing_is_no_proof(folder: Path, link: str) -> None:
    (folder / link).symlink_to("/nowhere/at/all")
    assert where(folder, "link.jpg" if link == "link.jpg" else "elsewhere/c.jpg") is Presence.MISSING


def test_what_cannot_be_looked_at_is_no_proof(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stat(path: str, *args: object, **options: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", stat)
    found = look_for(str(folder), "a.jpg")
    assert found == Sighting(Presence.UNREACHABLE, "a.jpg: Permission denied")


def test_more_than_a_tenth_is_too_many() -> None:
    assert not too_many_missing(6, 60)
    assert too_many_missing(7, 60)
