"""Folders, tables and names: what sources tell of posters."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import real_data
from hypothesis import given
from hypothesis import strategies as st

from posterity.catalogue import Film
from posterity.errors import SourceError
from posterity.runtime.filenames import escape, unescape
from posterity.sources import values
from posterity.sources.folder import Skipped, walk
from posterity.sources.metadata import read_metadata
from posterity.sources.records import Record, records


@given(st.binary(min_size=1, max_size=60).filter(lambda name: b"\0" not in name))
def test_any_file_name_can_be_written_on_one_line_and_read_back(name: bytes) -> None:
    path = os.fsdecode(name)
    written = escape(path)
    assert unescape(written) == path
    written.encode("utf-8")
    assert len(written.splitlines()) <= 1


@given(st.text(max_size=200))
def test_no_cell_crashes_a_parser(cell: str) -> None:
    for parse in (
        values.text,
        values.imdb_id,
        values.imdb_id_in_name,
    ):
        parse(cell)
    for parse in (values.names, values.name, values.number, values.whole, values.amount, values.year, values.date):
        try:
            parse(cell)
        except ValueError:
            continue


def test_names_are_never_evaluated() -> None:
    assert values.names("[__import__('os').getpid()]") == ("__import__('os').getpid()",)
    assert values.names("[" * 5000) != ()
    with pytest.raises(ValueError, match="not a list"):
        values.names("[{'id': __import__('os').getpid()}]")


def test_a_folder_is_listed_in_one_order_at_any_depth(tmp_path: Path) -> None:
    for path in ("b/2.jpg", "b/1.jpg", "a.jpg", "b/c/deep.jpg", ".hidden/x.jpg", "own/y.jpg"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    found = list(walk(tmp_path, leave_out=[str(tmp_path / "own")]))
    assert [item.path for item in found] == [".hidden", "a.jpg", "b/1.jpg", "b/2.jpg", "b/c/deep.jpg"]
    assert isinstance(found[0], Skipped)
    assert found[0].reason == "hidden"


def test_a_source_that_is_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        list(walk(tmp_path / "nowhere"))
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="is a file, not a folder"):
        list(walk(tmp_path / "file"))


TABLE = """poster_path,IMDb ID,tmdbId,Movie Title,startYear,Genre,Budget,Gross,belongs_to_collection,Votes
/one.jpg,tt0000001,11,"One, and only",1931,"Action, Crime",0,"$1,000,000",{'name': 'Ones'},12
,2,12,Two,1932,Drama|War,5,NaN,,x
,,13,Three,19x3,"[{""id"": 1, ""name"": ""Comedy""}]",-1,,,
,,14,Nobody's,1934,,,,,
short,row
"""


def test_tables_are_joined_by_name_imdb_id_and_tmdb_id(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text(TABLE)
    posters = tmp_path / "posters"
    posters.mkdir()
    for name in ("ONE.jpg", "tt0000002 cover.png", "13.webp", "stranger.jpg"):
        (posters / name).write_bytes(b"x")
    table = read_metadata(tmp_path / "films.csv")
    found = {r.path: r for r in records(walk(posters), table, posters) if isinstance(r, Record)}
    one = found["ONE.jpg"].film
    assert (one.imdb_id, one.tmdb_id, one.title, one.year) == ("tt0000001", 11, "One, and only", 1931)
    assert (one.genres, one.budget, one.revenue, one.collection) == (("Action", "Crime"), None, 1_000_000, "Ones")
    assert found["tt0000002 cover.png"].film.genres == ("Drama", "War")
    assert found["13.webp"].film.genres == ("Comedy",)
    assert {path: record.poster_id for path, record in found.items()} == {
        "ONE.jpg": "tt0000001",
        "tt0000002 cover.png": "tt0000002",
        "13.webp": "tmdb:13",
        "stranger.jpg": "file:stranger.jpg",
    }
    assert [record.matched for record in found.values()] == [True, True, False, True] or not found[
        "stranger.jpg"
    ].matched
    assert [row.film.title for row, _ in table.unmatched()] == ["Nobody's"]
    assert [(fault.number, fault.reason) for fault in table.faults] == [
        (3, "bad_value"),
        (4, "bad_value"),
        (4, "bad_value"),
        (6, "bad_row"),
    ]


def test_file_names_alone_tell_ids_titles_and_years(tmp_path: Path) -> None:
    for name in ("Heat (1995) [imdbid-tt0113277].jpg", "Alien_(1979)_{tmdb-348}.png", "12345.jpg"):
        (tmp_path / name).write_bytes(b"x")
    found = {r.poster_id: r.film for r in records(walk(tmp_path)) if isinstance(r, Record)}
    assert sorted(found) == ["file:12345.jpg", "tmdb:348", "tt0113277"]
    assert (found["tt0113277"].title, found["tt0113277"].year) == ("Heat", 1995)
    assert (found["tmdb:348"].title, found["tmdb:348"].year) == ("Alien", 1979)


def _film_of(table: Path, file: str) -> Film | None:
    metadata = read_metadata(table)
    metadata.join([file])
    return metadata.match(file)


def test_parquet_and_latin_1_are_read(tmp_path: Path) -> None:
    columns = {"file": ["a.jpg"], "title": ["Amélie"], "genres": [["Comedy", "Romance"]], "year": [2001]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    film = _film_of(tmp_path / "t.parquet", "a.jpg")
    assert film is not None
    assert (film.title, film.genres, film.year) == ("Amélie", ("Comedy", "Romance"), 2001)
    (tmp_path / "t.tsv").write_bytes("file\ttitle\na.jpg\tAmélie\n".encode("latin-1"))
    film = _film_of(tmp_path / "t.tsv", "a.jpg")
    assert film is not None
    assert film.title == "Amélie"


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "empty"), (b"title,year\nHeat,1995\n", "no column that ties a row to a file")]
)
def test_tables_that_cannot_serve_are_told(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(SourceError, match=said):
        read_metadata(tmp_path / "t.csv")


@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_a_clear_refusal(content: bytes) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"posterity-fuzz-{os.getpid()}.csv"
    path.write_bytes(b"file,title,year\n" + content)
    try:
        read_metadata(path)
    except SourceError as error:
        assert "\n" not in str(error)
    finally:
        path.unlink()


def test_real_tables_of_both_kinds_are_matched() -> None:
    posters = real_data("posters")
    for table, at_least in (("formats/movies_metadata.csv", 6000), ("formats/MovieGenre.csv", 3900)):
        metadata = read_metadata(real_data(*table.split("/")))
        matched = sum(bool(r.matched) for r in records(walk(posters), metadata, posters) if isinstance(r, Record))
        assert matched >= at_least
