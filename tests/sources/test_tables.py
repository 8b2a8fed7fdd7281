"""Parsers of tables: any bytes give rows or a reason for each, and known files give what stands in them."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import real_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posterity.catalogue import Film
from posterity.errors import SourceError
from posterity.sources import values
from posterity.sources.genres import GENRES, MAPPING, normalised
from posterity.sources.imdb import read_imdb_datasets, read_links, read_moviegenre, read_movielens
from posterity.sources.listing import Entry, Skipped
from posterity.sources.metadata import read_table
from posterity.sources.notes import Notes
from posterity.sources.tables import kind_of_table, open_table
from posterity.sources.tmdb_table import read_tmdb_table

TMDB = b"adult,id,imdb_id,title,genres,budget,revenue,poster_path,release_date,video,belongs_to_collection\n"
MOVIEGENRE = b"imdbId,Imdb Link,Title,IMDB Score,Genre,Poster\n"
LINKS = b"movieId,imdbId,tmdbId\n"
MOVIES = b"movieId,title,genres\n"
TABLE = b"file,title,year,genres\n"
HEADERS = (TMDB, MOVIEGENRE, LINKS, MOVIES, TABLE, b"")
PARSERS: list[Callable[[Path], Iterator[object]]] = [
    read_tmdb_table,
    read_moviegenre,
    read_movielens,
    read_table,
    lambda path: iter([read_links(path)]),
    lambda path: read_imdb_datasets([path], {"tt0000001"}),
    lambda path: open_table(path, Notes()).rows,
]

# Cells and punctuation that tables are made of, so that hypothesis finds its way past the header.
PIECES = st.one_of(
    st.sampled_from([b",", b"\n", b"\r\n", b'"', b"'", b"[{'id': 1, 'name': 'Drama'}]", b"tt0000001", b"\xff\xfe",
                     b"\x00", b"1e400", b"-1", b"nan", b"1999-13-45", b"False", b"http://[", b"((((((" * 50, b"|"]),
    st.binary(max_size=12),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(header=st.sampled_from(HEADERS), body=st.lists(PIECES, max_size=40).map(b"".join), packed=st.booleans())
@pytest.mark.parametrize("parse", PARSERS)
def test_any_bytes_give_rows_or_a_clear_reason(
    parse: Callable[[Path], Iterator[object]], header: bytes, body: bytes, packed: bool, tmp_path: Path
) -> None:
    path = tmp_path / ("table.csv.gz" if packed else "table.csv")
    path.write_bytes(gzip.compress(header + body, 1) if packed else header + body)
    try:
        for item in parse(path):
            if isinstance(item, Skipped):
                assert item.reason == "bad_row"
                assert item.detail
            elif isinstance(item, Entry):
                assert item.item.startswith("row ")
                assert item.film.budget is None or 0 < item.film.budget < 2**63
    except SourceError as error:
        assert "table.csv" in str(error)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_a_broken_archive_is_told(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "title.ratings.tsv.gz"
    whole = gzip.compress(b"tconst\taverageRating\tnumVotes\n" + b"tt0000001\t5.7\t1900\n" * 50)
    path.write_bytes(whole[: len(whole) // 2] + data)
    with pytest.raises(SourceError, match=r"title\.ratings\.tsv\.gz"):
        list(read_imdb_datasets([path], {"tt0000001"}))


@given(rows=st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
                              min_size=3, max_size=3), max_size=12))  # fmt: skip
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cells_come_back_as_pythons_own_reader_gives_them(rows: list[list[str]], tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["a", "b", "c"], *rows])
    table = open_table(path, Notes())
    found = [["a", "b", "c"], *(cells for _, cells in table.rows)]
    assert table.header == ["a", "b", "c"]
    with path.open(newline="", encoding="utf-8") as file:
        assert found == [row for row in csv.reader(file) if row]


def test_known_faults_of_tmdbs_table_have_their_answers(tmp_path: Path) -> None:
    path = tmp_path / "movies_metadata.csv"
    path.write_bytes(
        TMDB
        + b"""False,862,tt0114709,Toy Story,"[{'id': 16, 'name': 'Animation'}]",30000000,373554033,"""
        + b"""/a.jpg,1995-10-30,False,"{'id': 10194, 'name': 'Toy Story Collection'}"\n"""
        + b" - Written by Orn\xc3\xa5s,0.065736,,x,[],0,0.0,/b.jpg,1995-01-01,False,\n"
        + b"False,863,tt0000863,No money,[],0,0.0,/c.jpg,,False,\n"
        + b"False,864,tt0000864,\"Literal\",\"[{'id': __import__('os').getpid()}]\",abc,-5,,1/9/1997,False,\n"
        + b"False,865\n"
    )
    toy, slid, poor, literal, short = read_tmdb_table(path)
    assert toy == Entry("row 2", Film(
        imdb_id="tt0114709", tmdb_id=862, title="Toy Story", year=1995, genres=("Animation",), budget=30000000,
        revenue=373554033, release_date="1995-10-30", collection="Toy Story Collection",
    ), "a.jpg")  # fmt: skip
    assert isinstance(slid, Skipped)
    assert "shifted" in slid.detail
    assert isinstance(poor, Entry)
    assert (poor.film.budget, poor.film.revenue, poor.film.genres, poor.film.year) == (None, None, (), None)
    assert isinstance(literal, Entry)
    assert (literal.film.budget, literal.film.revenue, literal.film.year, literal.image) == (None, None, 1997, None)
    assert any("budget" in fault for fault in literal.faults)
    assert isinstance(short, Skipped)
    assert "2 cells" in short.detail


def test_moviegenre_is_read_with_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "MovieGenre.csv"
    path.write_bytes(
        MOVIEGENRE
        + "114709,http://www.imdb.com/title/tt114709,Amélie (2001),8.3,Comedy|Romance,https://a.example/x.jpg\n".encode(
            "latin-1"
        )
        + b"113497,l,Heat,,,\n"
        + b"abc,l,What (1990),5,Drama,https://a.example/y.jpg\n"
        + b"1,l,Odd (1990),5,Drama,javascript:alert(1)\n"
    )
    amelie, heat, bad, odd = read_moviegenre(path)
    assert amelie == Entry(
        "row 2",
        Film(imdb_id="tt0114709", title="Amélie", year=2001, genres=("Comedy", "Romance"), vote_average=8.3),
        "https://a.example/x.jpg",
    )
    assert heat == Entry("row 3", Film(imdb_id="tt0113497", title="Heat"))
    assert bad == Skipped("row 4", "bad_row", "'abc' is not an IMDb id")
    assert isinstance(odd, Entry)
    assert odd.image is None
    assert odd.faults


def test_the_real_moviegenre_is_read_whole() -> None:
    path = real_data("formats", "MovieGenre.csv")
    with path.open(newline="", encoding="latin-1") as file:
        rows = list(csv.DictReader(file))
    found = list(read_moviegenre(path))
    assert len(found) == len(rows)
    assert not [item for item in found if isinstance(item, Skipped)]
    entries = [item for item in found if isinstance(item, Entry)]
    assert sum(entry.image is None for entry in entries) == sum(not row["Poster"] for row in rows)
    assert sum(not entry.film.genres for entry in entries) == sum(not row["Genre"] for row in rows)
    assert [entry.film.imdb_id for entry in entries] == [f"tt{int(row['imdbId']):07d}" for row in rows]
    genres = Counter(genre for entry in entries for genre in entry.film.genres)
    assert genres == Counter(genre for row in rows for genre in row["Genre"].split("|") if genre)


def test_the_real_tmdb_table_agrees_with_a_slow_reading_of_it() -> None:
    pandas = pytest.importorskip("pandas")
    path = real_data("formats", "movies_metadata.csv")
    frame = pandas.read_csv(path, dtype=str, keep_default_na=False)
    found = list(read_tmdb_table(path))
    assert len(found) == len(frame)
    good = frame[frame["id"].str.isdecimal()]
    entries = [item for item in found if isinstance(item, Entry)]
    assert len(entries) == len(good)
    for entry, (_, row) in zip(entries, good.iterrows(), strict=True):
        assert entry.film.tmdb_id == int(row["id"])
        assert entry.film.title == (row["title"].strip() or None)
        assert (entry.film.budget or 0) == int(row["budget"])
        assert (entry.film.revenue or 0) == float(row["revenue"] or 0)
        assert (entry.film.collection or "") in row["belongs_to_collection"]
        assert all(f"'name': '{genre}'" in row["genres"] for genre in entry.film.genres)
        assert len(entry.film.genres) == len(set(row["genres"].split("'name': '")[1:]))


def test_ten_thousand_rows_of_imdb_stream_by_in_bounded_memory(tmp_path: Path) -> None:
    basics, ratings = tmp_path / "title.basics.tsv.gz", tmp_path / "title.ratings.tsv.gz"

    def write(n: int) -> None:
        with gzip.open(basics, "wt", compresslevel=1, encoding="utf-8") as file:
            file.write(
                "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n"
            )
            for i in range(n):
                file.write(f'tt{i:07d}\tmovie\t"Quoted {i}\tO\t0\t{1950 + i % 70}\t\\N\t{i % 200}\tComedy,Film-Noir\n')
        with gzip.open(ratings, "wt", compresslevel=1, encoding="utf-8") as file:
            file.write("tconst\taverageRating\tnumVotes\n")
            file.writelines(f"tt{i:07d}\t{i % 100 / 10}\t{i}\n" for i in range(n))

    peaks = []
    for n in (20_000, 80_000):
        write(n)
        tracemalloc.start()
        found = dict(read_imdb_datasets([basics, ratings], {"tt0000005", "tt0009999", "tt9999999"}))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found == {
            "tt0000005": Film(
                imdb_id="tt0000005", title='"Quoted 5', year=1955, runtime=5.0, genres=("Comedy", "Film-Noir"),
                vote_average=0.5, vote_count=5,
            ),
            "tt0009999": Film(
                imdb_id="tt0009999", title='"Quoted 9999', year=2009, runtime=199.0, genres=("Comedy", "Film-Noir"),
                vote_average=9.9, vote_count=9999,
            ),
        }  # fmt: skip
    assert peaks[1] < 1.5 * peaks[0]


def test_movielens_joins_ids_and_turns_titles_round(tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text(
        "movieId,imdbId,tmdbId\n1,0114709,862\n2,0113497,\n3,x,5\n4,0114709,999\n5,0071853,762\n"
    )
    (tmp_path / "movies.csv").write_text(
        'movieId,title,genres\n1,Toy Story (1995),Adventure|Children\n2,"Postman, The (1994)",(no genres listed)\n'
        '5,"Cité des enfants perdus, La (1995)",Sci-Fi\n'
    )
    found = read_links(tmp_path / "links.csv")
    assert found.imdb_of == {862: "tt0114709", 762: "tt0071853", 999: "tt0114709"}
    assert found.tmdb_of == {"tt0114709": 862, "tt0071853": 762}
    assert [fault.split(":")[0] for fault in found.faults] == ["line 4", "line 5"]
    toy, postman, city = (item.film for item in read_movielens(tmp_path) if isinstance(item, Entry))
    assert (toy.imdb_id, toy.tmdb_id, toy.title, toy.year) == ("tt0114709", 862, "Toy Story", 1995)
    assert (postman.title, postman.year, postman.imdb_id) == ("The Postman", 1994, "tt0113497")
    assert city.title == "La Cité des enfants perdus"
    assert normalised(postman.genres, "movielens") == ()
    assert normalised(toy.genres, "movielens") == ("Adventure", "Family")


def test_every_genre_of_imdb_and_tmdb_has_a_place() -> None:
    imdb = [
        "Action",
        "Adult",
        "Adventure",
        "Animation",
        "Biography",
        "Comedy",
        "Crime",
        "Documentary",
        "Drama",
        "Family",
        "Fantasy",
        "Film-Noir",
        "Game-Show",
        "History",
        "Horror",
        "Music",
        "Musical",
        "Mystery",
        "News",
        "Reality-TV",
        "Romance",
        "Sci-Fi",
        "Short",
        "Sport",
        "Talk-Show",
        "Thriller",
        "War",
        "Western",
    ]
    assert len(imdb) == 28
    for genre in imdb:
        assert genre in GENRES or genre in MAPPING
        assert set(normalised([genre], "imdb")) <= set(GENRES)
    assert normalised(["SCIENCE-FICTION", "sci fi", "Film noir", "Anime"], "imdb") == (
        "Science Fiction",
        "Crime",
        "Anime",
    )


@given(
    st.lists(st.sampled_from([*GENRES, *MAPPING, "Own"]) | st.text(max_size=8), max_size=6),
    st.sampled_from(["imdb", "table"]),
)
def test_normalising_genres_twice_changes_nothing(genres: list[str], origin: str) -> None:
    once = normalised(genres, origin)
    assert normalised(once, origin) == once
    assert len(set(once)) == len(once)


@given(st.text(max_size=40))
def test_any_text_is_money_a_language_an_address_or_refused(cell: str) -> None:
    for parse in (values.money, values.amount, values.language, values.imdb_id):
        try:
            parse(cell)
        except (ValueError, OverflowError) as error:
            assert str(error)
    assert isinstance(values.is_address(cell), bool)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=5), st.booleans())
def test_literals_read_the_short_way_are_as_python_reads_them(wanted: list[str], one: bool) -> None:
    items = [{"id": i, "name": name} for i, name in enumerate(wanted)]
    written = repr(items[0] if one and items else items)
    literal = ast.literal_eval(written)
    expected = [item["name"].strip() for item in (literal if isinstance(literal, list) else [literal])]
    known = [text for name in expected if (text := values.text(name))]
    assert values.names(written) == tuple(dict.fromkeys(known))


@given(st.integers(1, 10**12), st.sampled_from([("$", "USD"), ("€", "EUR"), ("INR ", "INR"), ("", None)]))
def test_money_is_read_as_it_is_written(n: int, sign: tuple[str, str | None]) -> None:
    assert values.money(f"{sign[0]}{n:,}") == (n, sign[1])
    assert values.money(str(n)) == (n, None)


@pytest.mark.parametrize(
    ("head", "kind"),
    [(TMDB.replace(b"video", b"vote_count"), "tmdb"),
     (b"budget,genres,homepage,id,keywords,original_title,title,vote_average\n", "tmdb"),
     (MOVIEGENRE, "imdb"), (LINKS, "movielens"), (MOVIES, "movielens"), (TABLE, "table")],
)  # fmt: skip
def test_whose_table_it_is_shows_in_its_header(head: bytes, kind: str, tmp_path: Path) -> None:
    for name, content in (("a.csv", head), ("b.csv", b"\xef\xbb\xbf" + head), ("c.csv.gz", gzip.compress(head))):
        (tmp_path / name).write_bytes(content)
        assert kind_of_table(tmp_path / name) == kind


def test_a_packed_bomb_of_one_line_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "title.basics.tsv.gz"
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as file:
        file.write(b"tconst\tprimaryTitle\n")
        for _ in range(96):
            file.write(b"x" * 2**20)
    path.write_bytes(out.getvalue())
    tracemalloc.start()
    with pytest.raises(SourceError, match="line"):
        list(read_imdb_datasets([path], {"tt0000001"}))
    assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    tracemalloc.stop()
