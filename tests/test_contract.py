"""The command line's contract for sources, as a user meets it: real tables, real posters, downloads over loopback."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lancedb
import pytest
from aiohttp import web
from conftest import picture, real_data
from faulty_server import Server

import posterity
from posterity.cli import run

FASTEST = ("--encoders", "pixels")


def told(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run([str(argument) for argument in arguments]) == code
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def check(report: dict[str, Any], seen: int) -> None:
    assert report["seen"] == seen
    assert report["seen"] == report["added"] + report["updated"] + report["unchanged"] + report["dropped"]
    assert report["dropped"] == sum(report["dropped_by"].values())


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """The first rows of both published tables, and all that are broken."""
    folder = tmp_path / "tables"
    folder.mkdir()
    table = real_data("formats", "movies_metadata.csv")
    with table.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    place = header.index("id")
    few = rows[:150] + [row for row in rows[150:] if not row[place].isdigit()] + rows[:3]
    with (folder / "movies_metadata.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *few])
    lines = real_data("formats", "MovieGenre.csv").read_bytes().splitlines(keepends=True)
    (folder / "MovieGenre.csv").write_bytes(b"".join([*lines[:150], *(line for line in lines[150:] if b",," in line)]))
    return folder


@pytest.fixture
def posters() -> Iterator[Server]:
    """The real posters behind an address, as a static file server has them."""
    folder = real_data("posters")

    async def serve(request: web.Request) -> web.StreamResponse:
        file = folder / request.path.rsplit("/", 1)[-1]
        return web.FileResponse(file) if file.is_file() else web.Response(status=404)

    with Server(serve) as server:
        yield server


@pytest.mark.parametrize(("kind", "name"), [("tmdb", "movies_metadata.csv"), ("imdb", "MovieGenre.csv")])
def test_a_folder_of_images_and_an_address_give_the_same_catalogue(
    kind: str, name: str, part: Path, posters: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoding = "utf-8" if kind == "tmdb" else "latin-1"
    with (part / name).open(newline="", encoding=encoding) as file:
        rows = list(csv.DictReader(file))
    common = ("build", part / name, "--from", kind, "--json", *FASTEST)
    near = told(capsys, *common, "--images", real_data("posters"), "-c", tmp_path / "near")
    far = told(capsys, *common, "--images", posters.url + "/t/p", "-c", tmp_path / "far")
    for report in (near, far):
        check(report, len(rows))
    if kind == "tmdb":
        assert near["dropped_by"]["bad_row"] == 3
        assert near["dropped_by"]["duplicate_id"] == 3
    else:
        assert near["dropped_by"]["no_poster"] == sum(not row["Poster"] for row in rows)
    assert near["added"] > 100
    assert near["dropped_by"] == far["dropped_by"]
    one, other = posterity.open(tmp_path / "near"), posterity.open(tmp_path / "far")
    assert [(p.id, p.film, p.sha256) for p in one.posters()] == [(p.id, p.film, p.sha256) for p in other.posters()]
    # The second run asks for nothing, and the third finds what it had in a catalogue that was moved.
    asked = sum(posters.asked.values())
    again = told(capsys, *common, "--images", posters.url + "/t/p", "-c", tmp_path / "far")
    assert (again["unchanged"], again["added"]) == (far["added"], 0)
    (tmp_path / "far").rename(tmp_path / "moved")
    moved = told(capsys, *common, "--images", posters.url + "/t/p", "-c", tmp_path / "moved")
    assert (moved["unchanged"], moved["added"]) == (far["added"], 0)
    assert sum(posters.asked.values()) == asked
    assert run(["wall", "-c", str(tmp_path / "moved"), "--encoder", "pixels", "--out", str(tmp_path / "wall.png")]) == 0


def test_a_dry_run_says_what_would_be_asked_for(
    part: Path, posters: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = tmp_path / "films"
    common = ("build", part / "movies_metadata.csv", "--images", posters.url, "-c", films, "--json", *FASTEST)
    dry = told(capsys, *common, "--dry-run", "--rate", 50)
    assert sum(posters.asked.values()) == 0
    assert not films.exists()
    real = told(capsys, *common)
    assert dry["to_fetch"] == real["added"] + real["dropped_by"].get("dead_link", 0) + real["dropped_by"].get(
        "duplicate", 0
    )
    assert dry["seconds"] == pytest.approx(dry["to_fetch"] / 50, abs=1)
    assert dry["hosts"] == {"127.0.0.1": dry["to_fetch"]}
    after = told(capsys, *common, "--dry-run")
    assert after["to_fetch"] == 0


def test_a_library_of_real_posters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with real_data("posters.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["year"]][:40]
    library = tmp_path / "Movies"
    for i, row in enumerate(rows):
        title = row["title"].replace("/", "-")
        tag = (f"[imdbid-{row['imdb_id']}]", f"{{imdb-{row['imdb_id']}}}", "")[i % 3]
        folder = library / f"{title} ({row['year']}) {tag}".strip()
        folder.mkdir(parents=True)
        (folder / f"{title} ({row['year']}).mkv").touch()
        if not tag:
            (folder / "movie.nfo").write_text(
                f"<movie><uniqueid type='imdb' default='true'>{row['imdb_id']}</uniqueid><year>{row['year']}</year>"
                "<genre>Sci-Fi</genre></movie>"
            )
        source = real_data("posters", f"{row['imdb_id']}.jpg")
        shutil.copy(source, folder / ("poster.jpg", "folder.jpg", f"{title} ({row['year']})-poster.jpg")[i % 3])
        shutil.copy(source, folder / "fanart.jpg")
        if i == 0:
            shutil.copy(source, folder / "cover.jpg")
    before = {path: path.stat().st_mtime_ns for path in library.rglob("*")}
    report = told(capsys, "build", library, "--from", "library", "-c", tmp_path / "films", "--json", *FASTEST)
    check(report, 41)
    assert report["added"] == 40
    assert {path: path.stat().st_mtime_ns for path in library.rglob("*")} == before
    films = {poster.id: poster.film for poster in posterity.open(tmp_path / "films").posters()}
    assert set(films) == {row["imdb_id"] for row in rows}
    for i, row in enumerate(rows):
        assert films[row["imdb_id"]].year == int(row["year"])
        if i % 3 == 2:
            assert films[row["imdb_id"]].genres == ("Science Fiction",)


def test_one_dead_link_and_one_bad_picture_do_not_stop_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in (1, 2, 3):
        picture(number).save(images / f"p{number}.jpg")
    (images / "p2.jpg").write_bytes(b"\xff\xd8 no picture")
    table = tmp_path / "movies.csv"
    table.write_text(
        "id,title,original_title,vote_count,poster_path\n"
        "1,One,One,5,/p1.jpg\n2,Two,Two,5,/p2.jpg\n3,Three,Three,5,/p3.jpg\n4,Four,Four,5,/p4.jpg\n5,Five,Five,5,\n"
        "6,!?,-,5,/p3.jpg\n"
    )
    report = told(capsys, "build", table, "--images", images, "-c", tmp_path / "films", "--json", *FASTEST)
    check(report, 6)
    assert report["added"] == 2
    reasons = dict(report["dropped_by"])
    assert reasons.pop("dead_link") == reasons.pop("no_poster") == reasons.pop("blank_title") == 1
    assert sum(reasons.values()) == 1  # what is wrong with p2.jpg, by cleaning's own name for it
    text = run(["report", "-c", str(tmp_path / "films")]), capsys.readouterr().out
    assert text[0] == 0
    assert "row 6" in text[1]


def test_a_catalogue_from_before_claims_and_views_is_completed(
    make_posters: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = tmp_path / "films"
    posterity.build(make_posters(6), films, tmp_path / "posters.csv", encoders=["pixels"])
    database = lancedb.connect(next(path.parent for path in films.rglob("claims.lance")))
    for name in ("claims", "views"):
        database.drop_table(name)
    database.open_table("posters").drop_columns(["currency"])
    catalogue = posterity.open(films)
    assert len(list(catalogue.posters())) == 6
    report = told(capsys, "build", tmp_path / "posters", "--metadata", tmp_path / "posters.csv", "-c", films, "--json")
    assert report["unchanged"] + report["updated"] == 6
    catalogue = posterity.open(films)
    catalogue.select("early", where="year < 1953")
    assert len(list(catalogue.posters(view="early"))) == 3
    assert catalogue.claims("tt0000001")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "nowhere.csv", "--from", "tmdb"], "nowhere.csv"),
        (["build", "MovieGenre.csv", "--from", "tmdb"], "is not a TMDb table"),
        (["build", "MovieGenre.csv", "--images", "nowhere"], "is not a folder"),
        (["build", "MovieGenre.csv", "--from", "netflix"], "netflix"),
        (["build", "tmdb:popular", "--size", "w1"], "w342"),
        (["build", "title.basics.tsv.gz"], "enrich"),
        (["build", "impawards:soon"], "invalid years"),
        (["build", "MovieGenre.csv", "--drop", "ugly"], "ugly"),
        (["build", "MovieGenre.csv", "--require", "beauty"], "beauty"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_hint(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("MovieGenre.csv").write_text("imdbId,Imdb Link,Title,IMDB Score,Genre,Poster\n1,l,One (1999),5,Drama,\n")
    Path("title.basics.tsv.gz").write_bytes(b"")
    code = run([*arguments, "-c", "films"])
    out = capsys.readouterr()
    assert code != 0
    assert said in out.err
    assert "Traceback" not in out.err
    assert not Path("films").exists()
