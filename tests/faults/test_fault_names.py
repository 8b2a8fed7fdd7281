"""Any name that a file system allows, of a file or of a folder, is catalogued, shown, found and kept."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import posterity
from faults.support import assert_one_line, check_all_vectors, cli, cli_json, draw

NAMES: list[bytes] = [
    b"plain.jpg",
    b"with spaces  and more .jpg",
    b" leading and trailing ",
    b"'single' \"double\" `back`.jpg",
    b"'; DROP TABLE posters; --.jpg",
    b"' OR '1'='1.jpg",
    b"new\nline.jpg",
    b"carriage\rreturn\ttab.jpg",
    b"\x1b[31mred\x07.jpg",
    b"\xff\xfe not utf-8 \xc3\x28.jpg",
    b"latin caf\xe9.jpg",
    "utf-8 café.jpg".encode(),
    "utf-8 cafe\u0301.jpg".encode(),
    b"-leading dash.jpg",
    b"--help",
    b"-c",
    b"%",
    b"100% %41 %FF %0A %%.jpg",
    b"%FF not utf-8.jpg",
    b"\xff not utf-8.jpg",
    b"x" * 250 + b".jpg",
    "é".encode() * 125 + b".j",
    "𝕌𝕟𝕚 漢字 العربية ไทย.jpg".encode(),
    "🎬🍿 film.jpg".encode(),
    "\u202eright to left\u2028line\u0085.jpg".encode(),
    "zero\u200bwidth\ufeff.jpg".encode(),
    b"back\\slash.jpg",
    b"*?[a-z]{x,y}$HOME~.jpg",
    b"<script>&amp;.jpg",
    b"no extension",
    b".hidden.jpg",
    b"...",
    b"a:b|c.jpg",
    b"C:\\con.jpg",
    b"s3:",
    b"file:plain.jpg",
    b"trailing dot.",
    b"UPPER.JPG",
    b"upper.jpg",
    b"film {tmdb-99999999999999999999999}.jpg",
    b"film {tmdb-0}.jpg",
    b"tt" + b"9" * 60 + b".jpg",
    b"Title (99999).jpg",
    b"(((((((((((((((((((((((((((((((.jpg",
    b"null",
    b"wrong ending.png",
    b"wrong ending.txt",
]
FOLDERS: list[bytes] = [
    b"-rf",
    b"new\nline ' \" %41 \xff",
    "🎬 films".encode(),
    b"y" * 250,
    b"'; DROP TABLE posters; --",
    b"a@b",
]
SOURCES = [
    b"so\nurce '; DROP TABLE posters; -- \" %41 100%",
    b"not utf-8 \xff\xfe",
    *(
        pytest.param(name, marks=pytest.mark.long)
        for name in (b"plain", b"-source", "🎬 films".encode(), b"%FF", b"s3:")
    ),
]


def _folder(place: Path, name: bytes) -> Path:
    return place / os.fsdecode(name)


def _fill(source: Path) -> int:
    """Put a picture of its own under every name, in the folder itself and a few in odd folders."""
    number = 0
    for folder in [source, *(_folder(source, name) for name in FOLDERS)]:
        folder.mkdir(parents=True)
        for name in NAMES if folder == source else NAMES[2:12]:
            draw(folder / "drawn", 1000 + number, (64, 96), format="JPEG").rename(_folder(folder, name))
            number += 1
    return number


@pytest.fixture
def source(tmp_path: Path) -> tuple[Path, int]:
    folder = tmp_path / "source"
    return folder, _fill(folder)


def test_every_name_is_catalogued_found_and_stable(source: tuple[Path, int], tmp_path: Path) -> None:
    posters, n = source
    folder = tmp_path / "films"
    first = cli_json("build", posters, "-c", folder, "-q")
    assert (first["seen"], first["added"], first["dropped"]) == (n, n, 0)
    listed = cli_json("list", "-c", folder)["posters"]
    ids = [poster["id"] for poster in listed]
    assert len(set(ids)) == n
    assert all("\n" not in text and text.isprintable() for text in (p["path"] for p in listed) if "\u200b" not in text
               and "\u202e" not in text and "\ufeff" not in text)  # fmt: skip
    second = cli_json("build", posters, "-c", folder, "-q")
    assert (second["seen"], second["unchanged"]) == (n, n)
    assert [poster.id for poster in posterity.open(folder).posters()] == ids
    assert cli_json("doctor", folder)["problems"] == []
    check_all_vectors(folder)
    catalogue = posterity.open(folder)
    for identity in ids[::10]:  # the very same as --id, in one process
        found = catalogue.similar(identity, k=1)
        assert found.query.id == identity
        assert found.matches[0].id != identity
    for number in (0, -1):
        found = cli_json("similar", "-c", folder, "--id", ids[number], "-k", "3")
        assert found["query"]["id"] == ids[number]
    for command in (["list", "-c"], ["info"]):
        shown = cli(*command, folder)
        assert shown.returncode == 0, shown.stderr
        assert b"\x1b" not in shown.stdout
        assert b"\xe2\x80\xae" not in shown.stdout, "a name could turn the terminal's writing round"


def test_every_name_names_one_file(tmp_path: Path) -> None:
    """Escaped names that would collide ("%FF" and the byte 0xFF) must not make one poster of two files."""
    source = tmp_path / "source"
    source.mkdir()
    for number, name in enumerate([b"%FF.jpg", b"\xff.jpg", b"%25FF.jpg", b"\xc3\xbf.jpg"]):
        draw(tmp_path / "drawn.jpg", number).rename(_folder(source, name))
    report = posterity.build(source, tmp_path / "films")
    assert report.added == 4
    kept = posterity.open(tmp_path / "films").posters()
    assert {p.id for p in kept} == {"file:%25FF.jpg", "file:%FF.jpg", "file:%2525FF.jpg", "file:ÿ.jpg"}


@pytest.mark.parametrize("name", SOURCES, ids=ascii)
def test_source_folder_of_any_name(tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = _folder(tmp_path, name)
    source.mkdir()
    for number in range(3):
        draw(source / f"{number}.jpg", number)
    arguments = ["-c", "films", "-q", "--json", "--", os.fsdecode(name)]
    done = cli("build", *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["added"] == 3
    catalogue = posterity.open("films")
    assert posterity.build(os.fsdecode(name), "films").unchanged == 3
    assert catalogue.doctor().problems == ()
    assert len(catalogue.similar("file:1.jpg").matches) == 2
    shutil.rmtree(source)
    (problem,) = catalogue.doctor().problems
    assert problem.kind == "source_missing"
    assert problem.about.isprintable()


def test_source_that_is_not_there_is_named_on_one_line(tmp_path: Path) -> None:
    for name in (b"no\nsuch \xff folder", b"--", b"x" * 300, b"s3://bucket/posters", b""):
        done = cli("build", "-c", tmp_path / "films", "-q", "--", os.fsdecode(name), cwd=tmp_path)
        assert done.returncode == 1, done
        assert_one_line(done.stderr)
    assert not (tmp_path / "films").exists()


CATALOGUES: list[bytes] = [
    b"with space",
    b"100% %41",
    b"a#b?c=d&e",
    b"-films",
    "🎬 films".encode(),
    b"quote ' \" ;",
    b"a:b",
]


@pytest.mark.parametrize("name", CATALOGUES, ids=ascii)
def test_catalogue_folder_of_any_name(tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store takes its place as a URL; a name must not be read as one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source").mkdir()
    draw(tmp_path / "source" / "1.jpg", 1)
    posterity.build("source", os.fsdecode(name))
    assert {path.name for path in tmp_path.iterdir()} == {"source", os.fsdecode(name)}
    assert posterity.open(os.fsdecode(name)).info().posters == 1
    assert posterity.open(tmp_path / os.fsdecode(name)).doctor().problems == ()


@pytest.mark.parametrize("name", [b"films \xff", b"new\nline"], ids=ascii)
def test_catalogue_folder_of_a_name_that_the_store_does_not_take_is_refused(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "source").mkdir()
    draw(tmp_path / "source" / "1.jpg", 1)
    done = cli("build", "source", "-q", "-c", os.fsdecode(name), cwd=tmp_path)
    assert done.returncode == 1
    assert_one_line(done.stderr, "does not support this name")
