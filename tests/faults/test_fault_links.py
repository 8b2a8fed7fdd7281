"""Links in circles, links to what is there already, and things that are no files: a build ends, and reports them."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import posterity
from faults.support import check_all_vectors, check_sums, cli_json, draw
from posterity.ingest.run import BuildReport


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "source"
    (folder / "shelf").mkdir(parents=True)
    draw(folder / "first.jpg", 1)
    draw(folder / "shelf" / "second.jpg", 2)
    yield folder
    subprocess.run(["rm", "-rf", folder], check=True)  # pytest's own cleaning would stumble over such depths


def _built(source: Path, tmp_path: Path) -> tuple[BuildReport, dict[str, str]]:
    report = posterity.build(source, tmp_path / "films")
    check_sums(report)
    check_all_vectors(tmp_path / "films")
    catalogue = posterity.open(tmp_path / "films")
    again = posterity.build(source, tmp_path / "films")
    assert (again.seen, again.unchanged, again.dropped) == (report.seen, report.added, report.dropped)
    assert catalogue.report().seen == report.seen
    return report, {finding.item: finding.reason for finding in catalogue.report().dropped}


def test_loops_of_links(source: Path, tmp_path: Path) -> None:
    (source / "shelf" / "up").symlink_to("..")
    (source / "shelf" / "here").symlink_to(".")
    (source / "self").symlink_to("self")
    (source / "ping").symlink_to("pong")
    (source / "pong").symlink_to("ping")
    (source / "left").mkdir()
    (source / "right").mkdir()
    (source / "left" / "to right").symlink_to("../right")
    (source / "right" / "to left").symlink_to("../left")
    (source / "above").symlink_to(tmp_path)
    report, reasons = _built(source, tmp_path)
    assert report.added == 2
    assert reasons == {
        "above/source": "loop",
        "left/to right/to left": "loop",
        "ping": "unreadable",
        "pong": "unreadable",
        "right": "duplicate",
        "self": "unreadable",
        "shelf/here": "loop",
        "shelf/up": "loop",
    }


def test_links_among_many_folders_do_not_multiply(source: Path, tmp_path: Path) -> None:
    """Twelve folders that each link to all others hold 12! ways through; each folder is searched once."""
    folders = [source / f"folder {number:02}" for number in range(12)]
    for number, folder in enumerate(folders):
        folder.mkdir()
        draw(folder / "poster.jpg", 100 + number)
        for other in folders:
            (folder / f"z {other.name}").symlink_to(other)
    report, reasons = _built(source, tmp_path)
    assert report.added == 14
    assert set(reasons.values()) == {"loop", "duplicate"}


def test_folders_nested_deeper_than_pythons_stack(source: Path, tmp_path: Path) -> None:
    place = os.open(source, os.O_RDONLY)
    depth = 1900  # of names of one letter: below the kernel's limit for a path of 4,096 bytes
    for level in range(depth):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
        if level in (1200, depth - 1) and len(os.fsencode(source)) + 2 * level < 4000:
            draw(tmp_path / "deep.jpg", level)
            os.rename(tmp_path / "deep.jpg", "deep.jpg", dst_dir_fd=place)
    os.close(place)
    report, reasons = _built(source, tmp_path)
    assert report.added == 4
    assert not reasons


def test_folders_nested_deeper_than_a_path_may_be(source: Path, tmp_path: Path) -> None:
    place = os.open(source, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=place)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    report, reasons = _built(source, tmp_path)
    assert report.added == 2
    assert list(reasons.values()) == ["unreadable"]


def test_second_way_to_the_same_file_or_folder(source: Path, tmp_path: Path) -> None:
    (source / "link to first.jpg").symlink_to("first.jpg")
    (source / "other link to first.jpg").symlink_to(source / "first.jpg")
    os.link(source / "first.jpg", source / "hard link to first.jpg")
    outside = tmp_path / "outside"
    outside.mkdir()
    draw(outside / "third.jpg", 3)
    (source / "outside a").symlink_to(outside)
    (source / "outside b").symlink_to(outside)
    report, reasons = _built(source, tmp_path)
    assert report.added == 3
    assert reasons == {
        "hard link to first.jpg": "duplicate",
        "link to first.jpg": "duplicate",
        "other link to first.jpg": "duplicate",
        "outside b": "duplicate",
    }


def test_broken_links_pipes_sockets_and_devices(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source / "broken.jpg").symlink_to("nowhere.jpg")
    (source / "broken folder").symlink_to("/no/such/folder")
    os.mkfifo(source / "pipe.jpg")
    (source / "link to pipe.jpg").symlink_to("pipe.jpg")
    monkeypatch.chdir(source)  # a socket's path may have few letters only
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")
    (source / "zero.jpg").symlink_to("/dev/zero")
    (source / "null.jpg").symlink_to("/dev/null")
    (source / "random.jpg").symlink_to("/dev/urandom")
    monkeypatch.chdir(tmp_path)
    report, reasons = _built(source, tmp_path)
    assert report.added == 2
    assert reasons == {
        "broken folder": "vanished",
        "broken.jpg": "vanished",
        "link to pipe.jpg": "not_an_image",
        "null.jpg": "not_an_image",
        "pipe.jpg": "not_an_image",
        "random.jpg": "not_an_image",
        "socket.jpg": "not_an_image",
        "zero.jpg": "not_an_image",
    }


def test_source_that_is_a_link_or_holds_its_catalogue(source: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(source)
    folder = source / "films"
    assert cli_json("build", tmp_path / "link", "-c", folder, "-q")["added"] == 2
    again = cli_json("build", source, "-c", folder, "-q")
    assert (again["seen"], again["unchanged"]) == (2, 2)
    (source / "films by another name").symlink_to(folder)
    assert cli_json("build", source, "-c", folder, "-q")["seen"] == 2
