"""Tables of films as sources: every row gets one answer, pictures are found, and what sources say is kept."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import picture, real_data

import posterity
from posterity.catalogue import Film
from posterity.cli import run
from posterity.errors import SourceError
from posterity.ingest.rows import address_of
from posterity.sources.opening import guess

TMDB = (
    "adult", "belongs_to_collection", "budget", "genres", "homepage", "id", "imdb_id", "original_language",
    "original_title", "overview", "popularity", "poster_path", "production_companies", "production_countries",
    "release_date", "revenue", "runtime", "spoken_languages", "status", "tagline", "title", "video", "vote_average",
    "vote_count",
)  # fmt: skip


def tmdb_row(number: int, **cells: str) -> dict[str, str]:
    row = dict.fromkeys(TMDB, "") | {
        "adult": "False",
        "budget": str(1000 * number),
        "genres": "[{'id': 18, 'name': 'Drama'}]",
        "id": str(900 + number),
        "imdb_id": f"tt{number:07d}",
        "original_language": "en",
        "popularity": str(float(number)),
        "poster_path": f"/p{number}.jpg",
        "release_date": "1999-05-01",
        "revenue": "0.0",
        "title": f"Film {number}",
        "video": "False",
    }
    return row | cells


def write_tmdb(file: Path, rows: list[dict[str, str]]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, TMDB)
        writer.writeheader()
        writer.writerows(rows)
    return file


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(1, 9):
        picture(number).save(folder / f"p{number}.jpg")
    return folder


def test_every_row_is_counted_once_and_dropped_for_one_reason(tmp_path: Path, images: Path) -> None:
    rows = [tmdb_row(n) for n in range(1, 6)]
    rows += [
        tmdb_row(1),  # the same film again
        tmdb_row(6, title="", original_title="Sechs"),
        tmdb_row(7, poster_path=""),
        tmdb_row(8, poster_path="/gone.jpg", imdb_id="", id="x y z"),  # slid
        tmdb_row(9, poster_path="/gone.jpg"),
        tmdb_row(10, poster_path="/p5.jpg"),  # another film with the picture of film 5
    ]
    table = write_tmdb(tmp_path / "movies_metadata.csv", rows)
    (images / "p4.jpg").write_bytes(b"\xff\xd8\xff broken")
    report = posterity.build(table, tmp_path / "films", terms=posterity.Terms(images=str(images)))
    assert report.seen == len(rows)
    assert report.seen == report.added + report.updated + report.unchanged + report.dropped
    broken = {key for key in report.dropped_by if key in ("corrupt", "truncated", "not_an_image")}
    assert len(broken) == 1
    assert {key: n for key, n in report.dropped_by.items() if key not in broken} == {
        "bad_row": 1, "blank_title": 1, "dead_link": 1, "duplicate": 1, "duplicate_id": 1, "no_poster": 1,
    }  # fmt: skip
    films = posterity.open(tmp_path / "films")
    assert [poster.id for poster in films.posters()] == [f"tt{n:07d}" for n in (1, 2, 3, 5)]
    assert films.posters()[0].film.year == 1999
    assert films.posters()[0].film.revenue is None
    dropped = {finding.item: finding.reason for finding in films.report().dropped}
    assert dropped["row 7"] == "duplicate_id"
    assert films.report().seen == report.seen


def test_a_second_build_changes_nothing_and_a_mended_row_comes_in(tmp_path: Path, images: Path) -> None:
    rows = [tmdb_row(n) for n in range(1, 4)] + [tmdb_row(4, title="")]
    table = write_tmdb(tmp_path / "movies_metadata.csv", rows)
    terms = posterity.Terms(images=str(images))
    posterity.build(table, tmp_path / "films", terms=terms)
    again = posterity.build(table, tmp_path / "films", terms=terms)
    assert (again.added, again.updated, again.unchanged, again.dropped) == (0, 0, 3, 1)
    rows[3]["title"] = "Four"
    rows[0]["budget"] = "5"
    write_tmdb(table, rows)
    mended = posterity.build(table, tmp_path / "films", terms=terms)
    assert (mended.added, mended.updated, mended.unchanged, mended.dropped) == (1, 1, 2, 0)
    films = posterity.open(tmp_path / "films")
    assert films.posters("id = 'tt0000001'")[0].film.budget == 5
    assert not films.report().dropped


def test_stricter_rules_take_their_posters_out_again(tmp_path: Path, images: Path) -> None:
    rows = [tmdb_row(1, budget="0"), tmdb_row(2)]
    table = write_tmdb(tmp_path / "movies_metadata.csv", rows)
    terms = posterity.Terms(images=str(images))
    posterity.build(table, tmp_path / "films", terms=terms)
    report = posterity.build(table, tmp_path / "films", terms=terms, rules=posterity.Rules(drop=("no_budget",)))
    assert report.dropped_by == {"no_budget": 1}
    films = posterity.open(tmp_path / "films")
    assert [poster.id for poster in films.posters()] == ["tt0000002"]
    assert films.report().seen == 2


def test_pictures_are_found_by_the_films_ids(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    picture(1).save(folder / "tt0000001.png")
    picture(2).save(folder / "deep" / "902.jpg")
    rows = [tmdb_row(1, poster_path=""), tmdb_row(2, poster_path="/other name.jpg"), tmdb_row(3)]
    table = write_tmdb(tmp_path / "movies_metadata.csv", rows)
    report = posterity.build(table, tmp_path / "films", terms=posterity.Terms(images=str(folder)))
    assert (report.added, report.dropped_by) == (1, {"dead_link": 1, "no_poster": 1})
    # Where the table has no column for pictures, as tmdb_5000_movies.csv has none, ids are all there is to go by.
    bare = tmp_path / "tmdb_5000_movies.csv"
    bare.write_text("id,title,original_title,vote_count\n901,One,One,5\n902,Two,Two,5\n903,Three,Three,5\n")
    picture(3).save(folder / "901.png")
    report = posterity.build(bare, tmp_path / "more", terms=posterity.Terms(images=str(folder)))
    assert (report.added, report.dropped_by) == (2, {"no_poster": 1})


def test_a_row_cannot_reach_outside_the_folder_of_pictures(tmp_path: Path, images: Path) -> None:
    picture(30).save(tmp_path / "secret.jpg")
    rows = [tmdb_row(1, poster_path="/../secret.jpg"), tmdb_row(2, poster_path="/..%2Fsecret.jpg")]
    table = write_tmdb(tmp_path / "movies_metadata.csv", rows)
    report = posterity.build(table, tmp_path / "films", terms=posterity.Terms(images=str(images)))
    assert report.added == 0


def test_what_two_sources_say_is_kept_and_the_precedence_decides(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write_tmdb(tmp_path / "movies_metadata.csv", [tmdb_row(1), tmdb_row(2)])
    posterity.build(table, tmp_path / "films", terms=posterity.Terms(images=str(images)))
    kaggle = tmp_path / "MovieGenre.csv"
    with kaggle.open("w", newline="", encoding="latin-1") as out:
        writer = csv.writer(out)
        writer.writerow(["imdbId", "Imdb Link", "Title", "IMDB Score", "Genre", "Poster"])
        writer.writerow([1, "http://x/tt0000001", "Der Film (1998)", 7.5, "Sci-Fi|Short", "https://x.example/p1.jpg"])
        writer.writerow([99, "http://x/tt0000099", "Nobody's", 7.5, "Drama", "https://x.example/p9.jpg"])
    films = posterity.open(tmp_path / "films")
    told = films.enrich(kaggle)
    assert (told.rows, told.claims, told.updated) == (1, 1, 1)
    film = films.posters("id = 'tt0000001'")[0].film
    assert (film.title, film.year, film.genres, film.vote_average) == ("Film 1", 1999, ("Drama",), 7.5)
    claims = {claim.origin: claim.film for claim in films.claims("tt0000001")}
    assert claims["imdb"].title == "Der Film"
    assert claims["imdb"].genres == ("Sci-Fi", "Short")
    assert claims["tmdb"].title == "Film 1"
    assert films.enrich(kaggle).claims == 0
    # Building from the table again keeps what the other source added.
    posterity.build(table, tmp_path / "films", terms=posterity.Terms(images=str(images)))
    assert films.posters("id = 'tt0000001'")[0].film.vote_average == 7.5
    monkeypatch.setenv("POSTERITY_PRECEDENCE", "imdb")
    films.enrich(kaggle)
    film = films.posters("id = 'tt0000001'")[0].film
    assert (film.title, film.year, film.genres, film.budget) == ("Der Film", 1998, ("Science Fiction",), 1000)


def test_two_datasets_of_one_kind_add_to_each_other(tmp_path: Path) -> None:
    """IMDb's ratings name no titles, and a second table may name no years: what they leave open stays as it was."""
    folder = tmp_path / "posters"
    folder.mkdir()
    picture(1).save(folder / "tt0113277.jpg")
    (tmp_path / "films.csv").write_text("imdbId,collection\n113277,Mann\n")
    (tmp_path / "more.csv").write_text("imdbId,language\n113277,en\n")
    (tmp_path / "title.basics.tsv").write_text(
        "tconst\tprimaryTitle\tstartYear\truntimeMinutes\tgenres\ntt0113277\tHeat\t1995\t170\tCrime\n"
    )
    (tmp_path / "title.ratings.tsv").write_text("tconst\taverageRating\tnumVotes\ntt0113277\t8.3\t700\n")

    def build() -> Film:
        posterity.build(folder, tmp_path / "films", tmp_path / "films.csv", encoders=["colour"])
        return posterity.open(tmp_path / "films").posters()[0].film

    build()
    for name in ("title.basics.tsv", "title.ratings.tsv", "more.csv", "title.basics.tsv"):
        posterity.open(tmp_path / "films").enrich(tmp_path / name)
    wanted = Film("tt0113277", None, "Heat", 1995, ("Crime",), runtime=170.0, vote_average=8.3, vote_count=700)
    wanted = replace(wanted, collection="Mann", original_language="en")
    assert posterity.open(tmp_path / "films").posters()[0].film == wanted
    assert build() == wanted
    assert build() == wanted


def test_links_tell_that_two_sources_mean_the_same_film(tmp_path: Path, images: Path) -> None:
    links = tmp_path / "links.csv"
    links.write_text("movieId,imdbId,tmdbId\n1,0000001,901\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(images / "p3.jpg", folder / "One (1999) {tmdb-901}.jpg")
    posterity.build(folder, tmp_path / "films", terms=posterity.Terms(links=str(links)))
    films = posterity.open(tmp_path / "films")
    assert [poster.id for poster in films.posters()] == ["tt0000001"]


def test_choice_by_genre_comes_before_pictures_are_looked_for(tmp_path: Path, images: Path) -> None:
    rows = [tmdb_row(n) for n in range(1, 6)] + [tmdb_row(6, genres="[{'id': 37, 'name': 'Western'}]")]
    table = write_tmdb(tmp_path / "movies_metadata.csv", rows)
    report = posterity.build(
        table,
        tmp_path / "films",
        terms=posterity.Terms(images=str(images)),
        rules=posterity.Rules(genres_top=1, per_genre=3),
    )
    assert report.dropped_by == {"not_popular_enough": 2, "not_top_genre": 1}
    assert [poster.id for poster in posterity.open(tmp_path / "films").posters()] == [f"tt{n:07d}" for n in (3, 4, 5)]


def test_views_are_kept_and_searched_within(tmp_path: Path, images: Path) -> None:
    rows = [tmdb_row(n, genres=f"[{{'id': 1, 'name': '{'Drama' if n % 2 else 'Horror'}'}}]") for n in range(1, 9)]
    table = write_tmdb(tmp_path / "movies_metadata.csv", rows)
    posterity.build(table, tmp_path / "films", terms=posterity.Terms(images=str(images)))
    films = posterity.open(tmp_path / "films")
    view = films.select("odd", rules=posterity.Rules(genres_top=1))
    assert (view.posters, view.labels, view.dropped_by) == (4, {"Drama": 4}, {"not_top_genre": 4})
    assert films.views() == [view]
    inside = {poster.id for poster in films.posters(view="odd")}
    assert inside == {f"tt{n:07d}" for n in (1, 3, 5, 7)}
    found = films.similar("tt0000002", k=8, view="odd")
    assert {match.id for match in found.matches} == inside
    assert set(films.wall(view="odd").cells) == inside
    assert len(films.wall().cells) == 8
    assert len(films.posters("year = 1999", view="odd")) == 4
    films.remove_view("odd")
    assert films.views() == []
    with pytest.raises(posterity.PosterityError, match="unknown view 'odd'"):
        films.posters(view="odd")


def test_kinds_are_guessed_by_header_and_by_look(tmp_path: Path, images: Path) -> None:
    assert guess(write_tmdb(tmp_path / "m.csv", [])) == "tmdb"
    (tmp_path / "g.csv").write_text("imdbId,Imdb Link,Title,IMDB Score,Genre,Poster\n")
    assert guess(tmp_path / "g.csv") == "imdb"
    (tmp_path / "own.csv").write_text("title,image\nA,a.jpg\n")
    assert guess(tmp_path / "own.csv") == "table"
    assert guess(images) == "folder"
    (images / "Film (1999)").mkdir()
    (images / "Film (1999)" / "Film (1999).mkv").touch()
    assert guess(images) == "library"
    with pytest.raises(SourceError, match="does not exist"):
        guess(tmp_path / "nothing")


def test_addresses_are_made_of_bases_and_names() -> None:
    assert address_of("a%25b.jpg", "http://h/x", False) == "http://h/x/a%25b.jpg"
    assert address_of("https://h/x.jpg", "http://other", False) == "https://h/x.jpg"


def test_the_table_of_ones_own_names_files_beside_it(tmp_path: Path, images: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("title,year,image,imdb_id\nOne,1950,images/p1.jpg,tt0000001\nTwo,1951,images/nope.jpg,tt0000002\n")
    report = posterity.build(table, tmp_path / "films")
    assert (report.seen, report.added, report.dropped_by) == (2, 1, {"dead_link": 1})


def test_the_real_tmdb_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, posters = real_data("formats", "movies_metadata.csv"), real_data("posters")
    with table.open(newline="", encoding="utf-8") as file:
        all_rows = list(csv.DictReader(file))
    rows = all_rows[:600] + [row for row in all_rows[600:] if not row["id"].isdigit()]
    part = write_tmdb(tmp_path / "movies_metadata.csv", rows)
    arguments = [
        "build",
        str(part),
        "--from",
        "tmdb",
        "--images",
        str(posters),
        "-c",
        str(tmp_path / "films"),
        "--json",
    ]
    assert run([*arguments, "--encoders", "pixels"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["seen"] == len(rows)
    assert report["seen"] == report["added"] + report["updated"] + report["unchanged"] + report["dropped"]
    assert report["dropped"] == sum(report["dropped_by"].values())
    assert report["dropped_by"]["bad_row"] == 3
    good = [row for row in rows if row["id"].isdigit()]
    ids = Counter(row["imdb_id"] for row in good if row["poster_path"] and row["title"])
    assert report["dropped_by"].get("duplicate_id", 0) == sum(n - 1 for n in ids.values())
    films = posterity.open(tmp_path / "films")
    assert report["added"] == len(films)
    with real_data("posters.csv").open(encoding="utf-8") as file:
        truth = {row["imdb_id"]: row for row in csv.DictReader(file)}
    for poster in films.posters():
        assert poster.film.title == truth[poster.id]["title"]
        assert (poster.film.budget or 0) >= 0
