"""A table of one's own whose rows name addresses: they are asked, files beside it are found, each row counts once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from conftest import picture
from faulty_server import Faults, Server

import posterity
from posterity.cli import run
from posterity.sources.terms import Terms, Web

ALLOWED = Terms(web=Web(allow_private=True))


def poster(number: int) -> bytes:
    out = io.BytesIO()
    picture(number).save(out, "JPEG")
    return out.getvalue()


class Posters(Faults):
    """Sends posters that are large enough to be kept."""

    async def do_ok(self, request: web.Request, first: bool) -> web.StreamResponse:
        number = int(request.path.rsplit("/", 1)[-1].split(".")[0])
        return web.Response(body=poster(number), content_type="image/jpeg")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Posters()) as running:
        yield running


def write(folder: Path, *rows: str) -> Path:
    table = folder / "films.csv"
    table.write_text("\n".join(["title,year,imdb_id,poster", *rows]) + "\n")
    return table


def findings(folder: Path) -> dict[str, str]:
    """Give the reasons of what was dropped, by item."""
    return {finding.item: finding.reason for finding in posterity.open(folder).report().dropped}


def test_posters_arrive_with_their_films_and_are_not_asked_for_twice(server: Server, tmp_path: Path) -> None:
    table = write(
        tmp_path,
        f"Ran,1985,tt0089881,{server.url}/ok/1.jpg",
        f"Ikiru,1952,tt0044741,{server.url}/ok/2.jpg?width=500",
        f"Gone,1950,tt0000009,{server.url}/missing/3.jpg",
        "Nothing,1951,tt0000010,",
    )
    films = tmp_path / "films"
    report = posterity.build(table, films, terms=ALLOWED, encoders=["pixels"])
    assert (report.seen, report.added) == (4, 2)
    assert report.dropped_by == {"dead_link": 1, "no_poster": 1}
    catalogue = posterity.open(films)
    known = {p.id: p for p in catalogue.store.get(["tt0089881", "tt0044741"]).values()}
    assert {(p.film.title, p.film.year) for p in known.values()} == {("Ran", 1985), ("Ikiru", 1952)}
    assert (Path(known["tt0089881"].source) / known["tt0089881"].path).read_bytes() == poster(1)
    assert findings(films) == {"row 4": "dead_link", "row 5": "no_poster"}
    asked = server.asked.total()
    assert asked == 3 + server.asked["/robots.txt"]
    again = posterity.build(table, films, terms=ALLOWED, encoders=["pixels"])
    assert (again.seen, again.unchanged, again.added, again.dropped_by) == (4, 2, 0, report.dropped_by)
    assert server.asked.total() == asked


def test_files_beside_the_table_and_addresses_are_mixed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.jpg").write_bytes(poster(1))
    (tmp_path / "2.jpg").write_bytes(poster(9))  # called as the address below, and another film's
    table = write(
        tmp_path,
        "Local,1985,tt0000001,images/1.jpg",
        f"Remote,1952,tt0000002,{server.url}/ok/2.jpg",
        "Absent,1950,tt0000003,images/nope.jpg",
        f"Also,1951,,{server.url}/ok/1.jpg",
        f"Nameless,1953,,{server.url}/ok/4.jpg",
    )
    films = tmp_path / "films"
    planned = posterity.dry_run(table, films, terms=ALLOWED)
    assert (planned.rows, planned.to_fetch, planned.here, planned.dropped_by) == (5, 3, 1, {"dead_link": 1})
    assert not server.asked
    report = posterity.build(table, films, terms=ALLOWED, encoders=["pixels"])
    assert (report.seen, report.added, report.dropped_by) == (5, 3, {"dead_link": 1, "duplicate": 1})
    assert findings(films) == {"row 4": "dead_link", "row 5": "duplicate"}  # row 5 sends the very picture of row 2
    store = posterity.open(films).store
    by_title = {p.film.title: p for batch in store.poster_batches() for p in batch}
    assert {title: (Path(p.source) / p.path).read_bytes() for title, p in by_title.items()} == {
        "Local": poster(1),
        "Remote": poster(2),
        "Nameless": poster(4),
    }
    assert by_title["Local"].source == str(tmp_path)
    asked = server.asked.total()
    again = posterity.build(table, films, terms=ALLOWED, encoders=["pixels"])
    assert (again.unchanged, again.added, again.updated, again.gone) == (3, 0, 0, 0)
    assert again.repeatable
    assert server.asked.total() == asked
    missing = posterity.build(table, films, terms=ALLOWED, encoders=["pixels"], remove_missing=True)
    assert (missing.unchanged, missing.removed) == (3, 0)


def test_a_row_that_gets_an_address_for_its_file_keeps_its_film(server: Server, tmp_path: Path) -> None:
    """The picture moves from the folder to the downloads: the poster is the same."""
    (tmp_path / "1.jpg").write_bytes(poster(1))
    films = tmp_path / "films"
    posterity.build(write(tmp_path, "Ran,1985,tt0089881,1.jpg"), films, encoders=["pixels"])
    (tmp_path / "1.jpg").unlink()
    table = write(tmp_path, f"Ran,1985,tt0089881,{server.url}/ok/1.jpg")
    report = posterity.build(table, films, terms=ALLOWED, encoders=["pixels"])
    assert (report.updated, report.moved, report.added, report.gone) == (1, 1, 0, 0)
    (known,) = posterity.open(films).store.get(["tt0089881"]).values()
    assert (Path(known.source) / known.path).read_bytes() == poster(1)


def test_private_addresses_are_refused_until_they_are_allowed(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, films = write(tmp_path, f"Ran,1985,tt0089881,{server.url}/ok/1.jpg"), tmp_path / "films"
    planned = posterity.dry_run(table, films)
    assert (planned.rows, planned.to_fetch, planned.dropped_by) == (1, 0, {"bad_address": 1})
    report = posterity.build(table, films, encoders=["pixels"])
    assert report.dropped_by == {"bad_address": 1}
    (finding,) = posterity.open(films).report().dropped
    assert "is in a private network; give its host with --images, or use --allow-private" in finding.detail
    assert not server.asked
    command = ["build", str(table), "-c", str(films), "--encoders", "pixels", "--allow-private"]
    assert run(command) == 0  # what was refused is asked now that it is allowed
    assert "1 added" in capsys.readouterr().out
    assert server.asked["/ok/1.jpg"] == 1
    assert not posterity.open(films).report().dropped


def test_copies_in_a_folder_that_is_named_are_taken_for_addresses(server: Server, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    (copies / "1.jpg").write_bytes(poster(1))
    table = write(
        tmp_path,
        f"Ran,1985,tt0089881,{server.url}/ok/1.jpg",
        f"Ikiru,1952,tt0044741,{server.url}/ok/2.jpg",
    )
    report = posterity.build(table, tmp_path / "films", terms=Terms(images=str(copies)), encoders=["pixels"])
    assert (report.added, report.dropped_by) == (1, {"dead_link": 1})
    assert not server.asked


def test_a_table_of_a_folders_films_downloads_nothing_and_says_so(server: Server, tmp_path: Path) -> None:
    posters = tmp_path / "posters"
    posters.mkdir()
    (posters / "1.jpg").write_bytes(poster(1))
    table = write(
        tmp_path,
        f"Ran,1985,tt0089881,{server.url}/ok/1.jpg",
        f"Ikiru,1952,tt0044741,{server.url}/ok/2.jpg",
    )
    films = tmp_path / "films"
    report = posterity.build(posters, films, metadata=table, encoders=["pixels"])
    assert (report.added, report.unmatched_rows) == (1, 1)
    assert list(posterity.open(films).store.get(["tt0089881"])) == ["tt0089881"]
    (note,) = [note for note in report.notes if "addresses" in note]
    assert "row 3" in note
    assert f"posterity build {table}" in note
    (row,) = posterity.open(films).report().rows
    assert "nothing is downloaded" in row.detail
    assert not server.asked
