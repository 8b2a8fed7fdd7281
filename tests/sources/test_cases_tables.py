"""Tables that were read wrongly once: each with what is right. See the README of the cases in the shared data.

The cases stand here as text, so that the tests hold anywhere; where the shared files are at hand, those are read too.
"""

from __future__ import annotations

import json
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import picture
from hypothesis import given
from hypothesis import strategies as st

import posterity
from posterity.catalogue import Film
from posterity.cli import run
from posterity.errors import ArgumentError, SourceError
from posterity.sources import values
from posterity.sources.listing import Entry, Skipped
from posterity.sources.matching import Named, assign, named
from posterity.sources.metadata import Metadata, read_metadata, read_table
from posterity.sources.notation import decide
from posterity.sources.notes import Notes
from posterity.sources.tmdb_table import read_tmdb_table


def case_file(name: str) -> Path:
    """Give a case's file in the shared data, or skip the test and say why."""
    root = Path(os.environ.get("POSTERITY_DATA", Path(__file__).parents[2] / ".." / "shared")).resolve()
    path = root / "cases" / name
    if not path.exists():
        pytest.skip(f"the cases are not here: no {path}; set POSTERITY_DATA to the folder that holds cases/")
    return path


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@dataclass(frozen=True)
class Case:
    """A table, the files beside it, and what each is to get: columns of its film, or None."""

    name: str
    table: bytes
    want: dict[str, dict[str, Any] | None]
    said: tuple[str, ...] = ()


def genres_table() -> bytes:
    cells = (
        "['Drama' 'Crime']", '"[Drama, Crime]"', "Drama;Crime", "Drama / Crime", '"{Drama,Crime}"',
        "\"['Drama', 'Crime']\"", "Drama|Crime", '"Drama, Crime"', "\"('Drama', 'Crime')\"",
        '"[{""id"": 18, ""name"": ""Drama""}, {""id"": 80, ""name"": ""Crime""}]"', "\"['Drama'\n 'Crime']\"",
    )  # fmt: skip
    rows = [f"{letter}.jpg,{letter},{cell}\r\n" for letter, cell in zip("abcdefghijk", cells, strict=True)]
    return ("file,title,genres\r\n" + "".join(rows)).encode()


TMDB_HEAD = (
    "adult,belongs_to_collection,budget,genres,id,imdb_id,original_language,original_title,popularity,poster_path,"
    "release_date,title,video,vote_average,vote_count\n"
)


def tmdb_table(*rows: tuple[str, str, str], adult: str = "False", video: str = "False") -> bytes:
    """Write TMDb's columns: of each row id, title and date."""
    lines = [
        f"{adult},,30000000,\"[{{'id': 35, 'name': 'Comedy'}}]\",{number},,en,{title},21.9,/{title}.jpg,"
        f"{day},{title},{video},7.7,5415\n"
        for number, title, day in rows
    ]
    return (TMDB_HEAD + "".join(lines)).encode()


HEAT = {"title": "Heat", "year": 1995}
RAN = {"title": "Ran", "year": 1985}
EXPORTED = {
    "imdb_id": "tt0113277", "title": "Heat", "year": 1995, "vote_average": 8.3, "runtime": 170.0, "vote_count": 700000,
    "release_date": "1995-12-15",
}  # fmt: skip
NOT_READ = ("columns not read",)

CASES = [
    Case(
        "01-same-basename/films.csv",
        b"file,title,year\nheat/poster.jpg,Heat,1995\nran/poster.jpg,Ran,1985\n",
        {"alien/poster.jpg": None, "heat/poster.jpg": HEAT, "ran/poster.jpg": RAN},
    ),
    Case(
        "01-same-basename/v2.csv",
        b"file,title\ndrama/1.jpg,A drama\ndrama/2.jpg,Another\n",
        {"drama/1.jpg": {"title": "A drama"}, "drama/2.jpg": {"title": "Another"}, "horror/1.jpg": None},
    ),
    Case(
        "01-same-basename/v3.csv",
        b"file,title\n1.jpg,Ambiguous\n2.jpg,Another\n",
        {"drama/1.jpg": None, "horror/1.jpg": None, "drama/2.jpg": {"title": "Another"}, "drama/2.png": None},
        ("ambiguous names of files",),
    ),
    Case(
        "01-same-basename/v4.csv",
        b"file,title\na/cover.png,A\n",
        {"a/cover.jpg": None, "a/cover.png": {"title": "A"}, "b/cover.png": None},
    ),
    Case("01-same-basename/v4.csv", b"file,title\na/cover.png,A\n", {"a/cover.jpg": None, "b/cover.png": None}),
    Case(
        "02-backslash-paths/films.csv",
        b"filename,title\nposters\\heat.jpg,Heat\nC:\\data\\posters\\ran.jpg,Ran\n.\\alien.jpg,Alien\n",
        {"heat.jpg": {"title": "Heat"}, "ran.jpg": {"title": "Ran"}, "alien.jpg": {"title": "Alien"}},
        ("names another folder",),
    ),
    Case(
        "03-question-mark-and-dots/films.csv",
        b'file,title,imdb_id\n"What\'s Up, Doc? (1972).jpg","What\'s Up, Doc?",tt0069495\nDr. No,Dr. No,tt0055928\n'
        b"Dr. Strangelove,Dr. Strangelove,tt0057012\n#Alive (2020).jpg,#Alive,tt10620868\n"
        b"M*A*S*H (1970).jpg,MASH,tt0066026\n100% Wolf (2020).jpg,100% Wolf,tt8774798\nE.T. (1982),E.T.,tt0083866\n",
        {
            "What's Up, Doc? (1972).jpg": {"imdb_id": "tt0069495"},
            "Dr. No.jpg": {"imdb_id": "tt0055928"},
            "Dr. Strangelove.jpg": {"imdb_id": "tt0057012"},
            "#Alive (2020).jpg": {"imdb_id": "tt10620868"},
            "M*A*S*H (1970).jpg": {"imdb_id": "tt0066026"},
            "100% Wolf (2020).jpg": {"imdb_id": "tt8774798"},
            "E.T. (1982).jpg": {"imdb_id": "tt0083866"},
        },
    ),
    Case(
        "04-nfc-nfd/films.csv",
        "file,title\nAmélie.jpg,Amélie\nLéon (1994).jpg,Léon\n천년여우.jpg,Millennium Actress\n".encode(),
        {
            nfd("Amélie.jpg"): {"title": "Amélie"},
            nfd("Léon (1994).jpg"): {"title": "Léon"},
            nfd("천년여우.jpg"): {"title": "Millennium Actress"},
        },
        ("accents",),
    ),
    Case(
        "05-decimal-comma/films.csv",
        b"\xef\xbb\xbffile;title;year;rating;runtime;budget;popularity\r\n"
        b"heat.jpg;Heat;1995;7,9;170,5;60.000.000,00;17,924927\r\nran.jpg;Ran;1985;8,2;162;11.500.000;9,5\r\n",
        {
            "heat.jpg": {"vote_average": 7.9, "runtime": 170.5, "budget": 60_000_000, "popularity": 17.924927},
            "ran.jpg": {"vote_average": 8.2, "runtime": 162.0, "budget": 11_500_000, "popularity": 9.5},
        },
        ("decimal comma",),
    ),
    Case(
        "06-cp1252/films.csv",
        "file,title,year\na.jpg,Schindler’s List,1993\nb.jpg,Wait… What,2001\nd.jpg,Amélie,2001\n".encode("cp1252"),
        {"a.jpg": {"title": "Schindler’s List"}, "b.jpg": {"title": "Wait… What"}, "d.jpg": {"title": "Amélie"}},
        ("Windows-1252",),
    ),
    Case(
        "06-cp1252/films2.csv",
        'file,title,year\na.jpg,Line\u2028Separator,1993\nb.jpg,Vertical\x0bTab,2001\nc.jpg,"Quoted\u2028 one",1988\n'
        "d.jpg,Amélie,2001\n".encode(),
        {
            "a.jpg": {"title": "Line\u2028Separator", "year": 1993},
            "b.jpg": {"title": "Vertical\x0bTab", "year": 2001},
            "c.jpg": {"title": "Quoted\u2028 one", "year": 1988},
            "d.jpg": {"title": "Amélie", "year": 2001},
        },
    ),
    Case(
        "08-genre-lists/films.csv",
        genres_table(),
        {f"{letter}.jpg": {"title": letter, "genres": ("Drama", "Crime")} for letter in "abcdefghijk"},
    ),
    Case(
        "15-excel-shapes/utf16.csv",
        "file\ttitle\tyear\r\nheat.jpg\tHeat\t1995\r\nran.jpg\tRan\t1985\r\n".encode("utf-16"),
        {"heat.jpg": HEAT, "ran.jpg": RAN},
    ),
    Case(
        "15-excel-shapes/sep.csv",
        b"sep=;\r\nfile;title;year\r\nheat.jpg;Heat;1995\r\nran.jpg;Ran;1985\r\n",
        {"heat.jpg": HEAT, "ran.jpg": RAN},
    ),
    *(
        Case(f"15-excel-shapes/{name}.csv", table, {"heat.jpg": HEAT, "ran.jpg": RAN}, said)
        for name, table, said in (
            ("blanklines", b"\r\n\r\nfile;title;year\r\nheat.jpg;Heat;1995\r\nran.jpg;Ran;1985\r\n", ()),
            ("bom2", b"\xef\xbb\xbf\xef\xbb\xbffile;title;year\r\nheat.jpg;Heat;1995\r\nran.jpg;Ran;1985\r\n", ()),
            ("cr", b"file;title;year\rheat.jpg;Heat;1995\rran.jpg;Ran;1985\r", ()),
            ("nul", b"file;title;year\r\nheat.jpg;Heat;1995\r\nran.jpg;Ran\0;1985\r\n", ()),
            ("pipe", b"file|title|year\r\nheat.jpg|Heat|1995\r\nran.jpg|Ran|1985\r\n", ()),
            ("header-comma", b'file;title;"n, a, b, c";year\r\nheat.jpg;Heat;n;1995\r\nran.jpg;Ran;n;1985', NOT_READ),
            ("quoted", b'file,title,plot,year\r\nheat.jpg,Heat,"1\r\n""2""\r\n",1995\r\nran.jpg,Ran,x,1985', NOT_READ),
            ("unnamed", b",file,title,year,title\n0,heat.jpg,Heat,1995,DE\n1,ran.jpg,Ran,1985,\n", ("duplicate",)),
        )
    ),
    Case(
        "15-excel-shapes/percent.csv",
        b"file,title\nhe%61t.jpg,Heat\n./ran.jpg,Ran\n",
        {"heat.jpg": None, "ran.jpg": {"title": "Ran"}},
    ),
    Case(
        "15-excel-shapes/thousands.csv",
        b'file,title,votes,budget,vote_average\nheat.jpg,Heat,"577,113","$60,000,000",8.3\n'
        b"ran.jpg,Ran,112 505,11 500 000 USD,8.2/10\n",
        {
            "heat.jpg": {"vote_count": 577113, "budget": 60_000_000, "vote_average": 8.3, "currency": "USD"},
            "ran.jpg": {"vote_count": 112505, "budget": 11_500_000, "vote_average": 8.2, "currency": "USD"},
        },
    ),
    Case(
        "16-case-doubles/films.csv",
        b"file,title,year\nHeat.jpg,Heat,1995\nheat.jpg,Heat remake,1986\nran.png,Ran (png),1985\n"
        b"ran.jpg,Ran (jpg),1986\n",
        {
            "Heat.jpg": HEAT,
            "heat.jpg": {"title": "Heat remake", "year": 1986},
            "ran.png": {"year": 1985},
            "ran.jpg": {"year": 1986},
        },
    ),
    *(
        Case(f"22-imdb-list-export/{name}.csv", table, {"tt0113277.jpg": EXPORTED}, NOT_READ)
        for name, table in (
            (
                "ratings",
                b"Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,"
                b"Genres,Num Votes,Release Date,Directors\ntt0113277,9,2020-01-01,Heat,Heat,"
                b'https://www.imdb.com/title/tt0113277/,Movie,8.3,170,1995,"Action, Crime, Drama",700000,'
                b"1995-12-15,Michael Mann\n",
            ),
            (
                "old",
                b'"position","const","Title","You rated","IMDb Rating","Runtime (mins)","Year","Genres","Num. Votes",'
                b'"Release Date (month/day/year)","URL"\n"1","tt0113277","Heat","7","8.3","170","1995",'
                b'"action, crime, drama","700000","1995-12-15","http://www.imdb.com/title/tt0113277/"\n',
            ),
        )
    ),
    Case(
        "22-imdb-list-export/top1000.csv",
        b"Poster_Link,Series_Title,Released_Year,Runtime,Genre,IMDB_Rating,No_of_Votes,Gross,imdb_id\n"
        b'http://127.0.0.1:9/x.jpg,Heat,1995,170 min,"Action, Crime, Drama",8.3,577113,"67,436,818",tt0113277\n',
        {
            "tt0113277.jpg": {
                "title": "Heat", "year": 1995, "runtime": 170.0, "vote_average": 8.3, "vote_count": 577113,
                "revenue": 67_436_818, "genres": ("Action", "Crime", "Drama"),
            }
        },
    ),
]  # fmt: skip


def check(case: Case, table: Path) -> None:
    metadata = read_metadata(table)
    metadata.join(case.want, "/home/me/collection")
    for file, want in case.want.items():
        film = metadata.match(file)
        if want is None:
            assert film is None, file
        else:
            assert film is not None, file
            assert {column: getattr(film, column) for column in want} == want
    assert not metadata.faults
    told = list(metadata.notes)
    assert len(told) == len(case.said), told
    assert all(part in sentence for part, sentence in zip(case.said, told, strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_file_gets_what_the_table_says_of_it_or_nothing(case: Case, tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    table.write_bytes(case.table)
    check(case, table)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_so_it_is_with_the_shared_files(case: Case) -> None:
    check(case, case_file(case.name))


# --- TMDb's tables, saved again (07) -------------------------------------------------------------------------------

DAY = "1995-10-30"
RESAVED = [
    ("dates.csv", tmdb_table(("862", "Toy Story", "30/10/1995"), ("949", "Heat", "30.10.1995"),
                             ("11645", "Ran", "30-10-1995"), ("27205", "Inception", "nan"))),
    ("datetime.csv", tmdb_table(("862", "Toy Story", f"{DAY} 00:00:00"))),
    ("floatid.csv", tmdb_table(("862.0", "Toy Story", DAY), ("949.0", "Heat", DAY))),
    ("lower.csv", tmdb_table(("862", "Toy Story", DAY), adult="false", video="false")),
    ("nan.csv", tmdb_table(("862", "Toy Story", DAY), ("949", "Heat", DAY), adult="0", video="nan")),
]  # fmt: skip
TMDB_IDS = {"Toy Story": 862, "Heat": 949, "Ran": 11645, "Inception": 27205}


def check_resaved(table: Path) -> None:
    found = list(read_tmdb_table(table))
    entries = [item for item in found if isinstance(item, Entry)]
    assert len(entries) == len(found) > 0
    for entry in entries:
        film = entry.film
        assert film.tmdb_id == TMDB_IDS[film.title or ""]
        assert (film.budget, film.genres, film.vote_average, film.original_language) == (
            30_000_000,
            ("Comedy",),
            7.7,
            "en",
        )
        known = (1995, "1995-10-30") if film.title != "Inception" else (None, None)
        assert (film.year, film.release_date) == known
        assert entry.image
        assert not entry.faults


@pytest.mark.parametrize(("name", "table"), RESAVED)
def test_tmdb_tables_saved_again_keep_all_their_rows(name: str, table: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(table)
    check_resaved(tmp_path / name)


@pytest.mark.parametrize("name", [name for name, _ in RESAVED])
def test_the_shared_tmdb_tables_keep_all_their_rows(name: str) -> None:
    check_resaved(case_file(f"07-tmdb-resaved/{name}"))


def test_a_tmdb_table_with_semicolons_and_decimal_commas_keeps_its_rows(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(
        "id;title;original_title;original_language;popularity;vote_average;vote_count;budget;poster_path;release_date\n"
        "862,0;1917;1917;en;21,9;7,7;5.415;30.000.000;/a.jpg;25.12.2019\n"
        "1997-08-20;Slid;Slid;en;1,0;7,7;1;1;/b.jpg;2001\n"
        "11;/c.jpg;x;104.0;1,0;7,7;1;1;/b.jpg;2001\n"
    )
    good, *slid = read_tmdb_table(tmp_path / "m.csv")
    assert isinstance(good, Entry)
    film = Film(
        tmdb_id=862, title="1917", year=2019, release_date="2019-12-25", popularity=21.9, vote_average=7.7,
        vote_count=5415, budget=30_000_000, original_language="en",
    )  # fmt: skip
    assert good.film == film
    assert [isinstance(item, Skipped) and "shifted" in item.detail for item in slid] == [True, True]


# --- whole builds ---------------------------------------------------------------------------------------------------


def posters(folder: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture(seed).save(folder / name)
    return folder


def titles(catalogue: Path) -> dict[str, str | None]:
    return {poster.path: poster.film.title for poster in posterity.open(catalogue).posters()}


def test_a_poster_whose_folder_no_row_names_has_no_metadata(tmp_path: Path) -> None:
    folder = posters(tmp_path / "posters", *(f"{film}/poster.jpg" for film in ("alien", "heat", "ran")))
    (tmp_path / "films.csv").write_bytes(CASES[0].table)
    report = posterity.build(folder, tmp_path / "films", tmp_path / "films.csv", encoders=["pixels"])
    assert (report.flagged_by, report.unmatched_files, report.unmatched_rows) == ({"no_metadata": 1}, 1, 0)
    assert titles(tmp_path / "films") == {
        "alien/poster.jpg": "alien",
        "heat/poster.jpg": "Heat",
        "ran/poster.jpg": "Ran",
    }


@pytest.mark.parametrize("where", ["posters", "elsewhere"])
def test_windows_paths_are_found_with_images_named(where: str, tmp_path: Path) -> None:
    folder = posters(tmp_path / where, "heat.jpg", "ran.jpg", "alien.jpg")
    table = tmp_path / "films.csv"
    table.write_bytes(b"filename,title\nposters\\heat.jpg,Heat\nC:\\data\\posters\\ran.jpg,Ran\n.\\alien.jpg,Alien\n")
    posterity.build(table, tmp_path / "films", terms=posterity.Terms(images=str(folder)), encoders=["pixels"])
    assert titles(tmp_path / "films") == {"heat.jpg": "Heat", "ran.jpg": "Ran", "alien.jpg": "Alien"}


def test_a_table_as_source_takes_no_picture_of_another_folder(tmp_path: Path) -> None:
    folder = posters(tmp_path / "posters", "alien/poster.jpg", "heat/poster.jpg", "a/1.jpg", "b/1.jpg")
    table = tmp_path / "films.csv"
    table.write_bytes(b"file,title\nheat/poster.jpg,Heat\nran/poster.jpg,Ran\n1.jpg,Ambiguous\n")
    terms = posterity.Terms(images=str(folder))
    report = posterity.build(table, tmp_path / "films", terms=terms, encoders=["pixels"])
    assert titles(tmp_path / "films") == {"heat/poster.jpg": "Heat"}
    assert report.dropped_by == {"ambiguous": 1, "dead_link": 1}
    details = {finding.item: finding.detail for finding in posterity.open(tmp_path / "films").report().dropped}
    assert "a/1.jpg, b/1.jpg" in details["row 4"]


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith("22")], ids=lambda case: case.name)
def test_imdbs_exports_are_sources_too(case: Case, tmp_path: Path) -> None:
    table, folder = tmp_path / "films.csv", posters(tmp_path / "posters", "tt0113277.jpg")
    table.write_bytes(case.table)
    terms = posterity.Terms(images=str(folder))
    report = posterity.build(table, tmp_path / "films", terms=terms, encoders=["pixels"])
    assert (report.added, len(report.notes)) == (1, len(case.said))
    (poster,) = posterity.open(tmp_path / "films").posters()
    assert {column: getattr(poster.film, column) for column in case.want["tt0113277.jpg"] or {}} == case.want[
        "tt0113277.jpg"
    ]
    assert posterity.dry_run(table, tmp_path / "films").notes == report.notes


def test_what_was_guessed_is_said_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = posters(tmp_path / "posters", "HEAT.jpg", "1.jpg")
    table = tmp_path / "films.csv"
    table.write_text("file;Series Name;rating;remarks\nheat.jpg;Heat;7,9;x\n2.jpg;Ran;8,1;y\n")
    arguments = ["build", str(folder), "-c", str(tmp_path / "films"), "--metadata", str(table), "--encoders", "pixels"]
    mapped = [*arguments, "--column", "title=series_name"]
    assert run([*mapped, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["notes"]) == 3
    assert "columns not read: remarks" in report["notes"][0]
    assert "decimal comma" in report["notes"][1]
    assert "case" in report["notes"][2]
    assert titles(tmp_path / "films")["HEAT.jpg"] == "Heat"
    assert run(mapped) == 0
    assert capsys.readouterr().out.count("note: ") == 3
    assert run([*arguments, "--column", "name=x"]) == 1
    assert "unknown field 'name'. Columns: file, imdb_id" in capsys.readouterr().err
    assert run([*arguments, "--column", "title=Nowhere"]) == 1
    assert "no column 'Nowhere'. It has: file, Series Name, rating, remarks" in capsys.readouterr().err
    assert run([*arguments, "--column", "title"]) == 2
    assert "NAME=HEADER" in capsys.readouterr().err
    with pytest.raises(ArgumentError, match="no columns to map"):
        posterity.build(folder, tmp_path / "films", terms=posterity.Terms(columns={"title": "x"}))


def test_a_source_s_columns_are_mapped_too(tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    table.write_text("Picture file,Name of it,imdb_id\nheat.jpg,Heat,tt0113277\n")
    columns = {"file": "Picture file", "title": "name_of_it"}
    notes = Notes()
    (entry,) = read_table(table, columns, notes)
    assert isinstance(entry, Entry)
    assert (entry.image, entry.film.title, list(notes)) == ("heat.jpg", "Heat", [])
    films = tmp_path / "films"
    posterity.build(posters(tmp_path / "posters", "tt0113277.jpg"), films, encoders=["pixels"])
    assert posterity.open(films).enrich(table).notes == (
        "columns not read: Picture file, Name of it (--column NAME=HEADER maps one)",
    )
    assert posterity.open(films).enrich(table, terms=posterity.Terms(columns=columns)).updated == 1
    assert titles(films) == {"tt0113277.jpg": "Heat"}
    (tmp_path / "m.csv").write_text("id,Titel,original_title,vote_count,title\n949,Heat,x,5,y\n")
    (tmdb,) = read_tmdb_table(tmp_path / "m.csv", {"title": "Titel"})
    assert isinstance(tmdb, Entry)
    assert tmdb.film.title == "Heat"


# --- workbooks -------------------------------------------------------------------------------------------------------


def test_an_excel_workbook_is_read_or_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    import datetime

    book = openpyxl.Workbook()
    book.active.append(["file", "title", "year", "rating", "release_date", "budget"])
    book.active.append(["heat.jpg", "Heat", 1995.0, 8.3, datetime.datetime(1995, 12, 15), 60000000])
    book.active.append([None] * 6)
    book.active.append(["ran.jpg", "Ran", 1985, 8, None, None])
    book.create_sheet("more")
    path = tmp_path / "films.xlsx"
    book.save(path)
    metadata = read_metadata(path)
    assert [row.film for row in metadata.rows] == [
        Film(title="Heat", year=1995, vote_average=8.3, release_date="1995-12-15", budget=60_000_000),
        Film(title="Ran", year=1985, vote_average=8.0),
    ]
    assert [note for note in metadata.notes if "first sheet" in note]
    data = path.read_bytes()
    for wrong in (b"", b"file,title\n", data[: len(data) // 2], data.replace(b"sheet1", b"sheetX")):
        path.write_bytes(wrong)
        with pytest.raises(SourceError, match=r"films\.xlsx"):
            read_metadata(path)
    path.write_bytes(data)
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(SourceError, match=r"posterity\[excel\]"):
        read_metadata(path)
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(SourceError, match="workbook in an unsupported format"):
        read_metadata(tmp_path / "old.xls")


# --- kinds of faults, each for any input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "delimiter", "want", "n_notes"),
    [
        (["7.9", "8.1"], ",", [7.9, 8.1], 0),
        (["7,9", "8,1"], ",", [7.9, 8.1], 1),
        (["1.234,5", "12"], ";", [1234.5, 12.0], 1),
        (["1,234.5", "1,234"], ";", [1234.5, 1234.0], 0),
        (["7.500", "8.125"], ",", [7.5, 8.125], 0),  # as programs write
        (["7.500", "8.125"], ";", [None, None], 1),  # it could be either
        (["7,500", "8,125"], ";", [7.5, 8.125], 1),
        (["7,500", "8,125"], "\t", [None, None], 1),
        (["7,9", "8.1", "1,234"], ";", [7.9, 8.1, None], 1),  # they contradict each other
        (["0.125", "1,234"], ";", [0.125, 1234.0], 0),
        (["12"], ";", [12.0], 0),
    ],
)
def test_decimal_commas_are_decided_for_the_table(
    cells: list[str], delimiter: str, want: list[float | None], n_notes: int
) -> None:
    notes = Notes()
    notation = decide({"vote_average": cells}, delimiter, notes)

    def read(cell: str) -> float | None:
        try:
            return values.number(cell, notation.of("vote_average"))
        except ValueError:
            return None

    assert [read(cell) for cell in cells] == want
    assert len(list(notes)) == n_notes


def test_three_digits_after_a_mark_are_thousands_where_nobody_writes_fractions() -> None:
    notes = Notes()
    notation = decide({"vote_count": ["577.113"], "vote_average": ["8,125"]}, ";", notes)
    assert notation.decimal == ","
    assert len(list(notes)) == 1
    each = decide({"popularity": ["17.92", "3.5"], "vote_average": ["7,9", "8,1"]}, ";", Notes())
    assert (each.of("popularity"), each.of("vote_average")) == (".", ",")
    slips = decide({"vote_average": ["7.9"] * 200 + ["8,1"]}, ",", Notes())
    assert slips.decimal == "."
    with pytest.raises(ValueError, match="not a number"):
        values.number("8,1", ".")


@given(st.floats(0, 10**9).map(lambda x: round(x, 2)), st.sampled_from(["", " ", ".", "'", "\u202f"]))
def test_a_number_written_with_a_decimal_comma_comes_back(number: float, group: str) -> None:
    written = f"{number:,.2f}".replace(",", "x").replace(".", ",").replace("x", group)
    assert values.number(written, ",") == number


@given(st.lists(st.sampled_from(["Drama", "Science Fiction", "Film-Noir", "Action & Adventure", "Children's"]),
                min_size=1, max_size=4, unique=True))  # fmt: skip
def test_genres_are_read_alike_in_all_shapes(genres: list[str]) -> None:
    records = [{"id": n, "name": name} for n, name in enumerate(genres)]
    numpy = "[" + " ".join(map(repr, genres)) + "]"
    quoted = "{" + ",".join(f'"{name}"' for name in genres) + "}"
    shapes = [json.dumps(genres), repr(genres), repr(tuple(genres)), repr(set(genres)), json.dumps(records),
              repr(records), repr(records).replace("}, {", "}\n {"), numpy, numpy.replace(" '", "\n '"), quoted,
              f"array({genres!r}, dtype=object)",
              json.dumps({f"/m/{n}": name for n, name in enumerate(genres)}),
              *(mark.join(genres) for mark in ("|", ";", ",", ", ", "; ", " / ", "/", "\n"))]  # fmt: skip
    for shape in shapes:
        assert set(values.names(shape)) == set(genres), shape


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..") and name.strip() == name and not name.endswith(":")
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@given(st.lists(PATHS, min_size=1, max_size=6, unique=True), st.data())
def test_a_file_named_by_its_path_is_that_file_whatever_else_lies_there(paths: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.sampled_from(paths), min_size=1, unique=True))
    found = assign({path: name for path in rows if (name := named(path))}, paths, "/home/me/posters")
    assert found.files == {path: path for path in rows}
    assert not found.guesses


@given(st.lists(PATHS, max_size=5, unique=True), st.lists(PATHS, max_size=5, unique=True))
def test_no_file_is_given_to_a_row_that_names_another_folder_or_name(cells: list[str], paths: list[str]) -> None:
    def folded(parts: tuple[str, ...]) -> list[str]:
        return [unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold()) for part in parts]

    rows: dict[str, Named] = {cell: name for cell in cells if (name := named(cell))}
    for cell, file in assign(rows, paths, "/r").files.items():
        *folders, last = rows[cell].parts
        *own, name = file.split("/")
        both = min(len(folders), len(own))
        assert folded(tuple(folders))[len(folders) - both :] == folded(tuple(own))[len(own) - both :]
        assert folded((last,)) == folded((name,)) or not rows[cell].ending


def test_two_rows_for_one_file_and_two_for_one_id_are_said(tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    table.write_text("file,imdb_id,title\nheat.jpg,,Heat\n./heat.jpg,,Another\n,tt0000001,One\n,tt0000001,Uno\n")
    metadata = read_metadata(table)
    metadata.join(["heat.jpg", "tt0000001.jpg"])
    films = [metadata.match(path) for path in ("heat.jpg", "tt0000001.jpg")]
    assert [film and film.title for film in films] == ["Heat", "One"]
    by_file, by_id = metadata.notes
    assert by_file.endswith("the others are row 3")
    assert by_id.endswith("contradict it: row 5")
    reasons = {row.number: why for row, why in metadata.unmatched()}
    assert reasons[3] == "row 2 names the same file, heat.jpg, and counts"


def test_case_is_folded_only_where_one_row_and_one_file_are_left() -> None:
    def found(cells: list[str], files: list[str]) -> dict[str, str]:
        return assign({cell: name for cell in cells if (name := named(cell))}, files, "/r").files

    assert found(["heat.jpg"], ["HEAT.JPG"]) == {"heat.jpg": "HEAT.JPG"}
    assert found(["heat.jpg"], ["HEAT.JPG", "Heat.jpg"]) == {}
    assert found(["heat.jpg", "HEAT.jpg"], ["Heat.jpg"]) == {}
    assert found(["heat.jpg", "Heat.jpg"], ["Heat.jpg", "HEAT.jpg"]) == {"Heat.jpg": "Heat.jpg", "heat.jpg": "HEAT.jpg"}


def test_a_bare_number_that_each_folder_has_is_no_tmdb_id() -> None:
    table = Metadata([], [], "t")
    from posterity.sources.metadata import Row

    table.rows = [Row(2, Film(tmdb_id=1, title="One"), None), Row(3, Film(tmdb_id=949, title="Heat"), None)]
    table.join(["drama/1.jpg", "horror/1.jpg", "949.jpg"])
    assert [table.match(path) for path in ("drama/1.jpg", "horror/1.jpg")] == [None, None]
    heat = table.match("949.jpg")
    assert heat is not None
    assert heat.title == "Heat"
