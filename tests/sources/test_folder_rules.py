"""What is asked of a build is honoured or refused, whatever kind of source it is asked of."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from conftest import picture

import posterity
from posterity.cli import run
from posterity.errors import ArgumentError
from posterity.ingest.intake import of_folder
from posterity.sources.honoured import HONOURED
from posterity.sources.opening import SOURCES
from posterity.sources.rules import RULES, Rules
from posterity.sources.terms import Terms, Web

FILMS = [
    # id, title, genres, popularity, budget
    (1, "Heat", "Drama|Crime", 9.0, 60),
    (2, "Alien", "Horror", 8.0, 11),
    (3, "Brazil", "Drama", 7.0, 0),
    (4, "Casino", "Drama", 6.0, 50),
    (5, "Dune", "Western", 5.0, 40),
    (6, "Eraserhead", "Horror", 4.0, 0),
    (7, "Untold", "", 3.0, 0),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven posters with a table, and an eighth that the table does not tell of."""
    posters = tmp_path / "posters"
    posters.mkdir()
    rows = ["imdb_id,title,genres,popularity,budget"]
    for number, title, genres, popularity, budget in FILMS:
        picture(number).save(posters / f"tt{number:07d}.png")
        rows.append(f"tt{number:07d},{title},{genres},{popularity},{budget}")
    picture(8).save(posters / "unknown.png")
    (posters / "a note.txt").write_text("not a poster")
    (tmp_path / "films.csv").write_text("\n".join(rows))
    return posters


def taken(folder: Path, rules: Rules, terms: Terms = Terms()) -> tuple[list[str], dict[str, int]]:
    """Build of a folder with its table: the titles, and why others were dropped, besides the note."""
    place = folder.parent / "films"
    report = posterity.build(folder, place, folder.parent / "films.csv", rules=rules, terms=terms, encoders=[])
    dropped = {reason: n for reason, n in report.dropped_by.items() if reason != "not_an_image"}
    return [poster.film.title or "" for poster in posterity.open(place).posters()], dropped


def test_without_rules_all_pictures_of_a_folder_come_in(folder: Path) -> None:
    titles, dropped = taken(folder, Rules())
    assert len(titles) == 8
    assert dropped == {}


def test_films_of_a_folder_are_chosen_by_genre(folder: Path) -> None:
    titles, dropped = taken(folder, Rules(genres_top=2, per_genre=1))
    assert titles == ["Heat", "Alien"]
    # Dune, Untold, the unknown one, and the note, which nobody has read to see that it is no picture.
    assert dropped == {"not_popular_enough": 3, "not_top_genre": 4}
    titles, dropped = taken(folder, Rules(genres_top=2))
    assert titles == ["Heat", "Alien", "Brazil", "Casino", "Eraserhead"]
    assert dropped == {"not_top_genre": 4}


def test_three_are_three(folder: Path) -> None:
    assert taken(folder, Rules(), Terms(limit=3))[0] == ["Heat", "Alien", "Brazil"]
    report = posterity.build(folder, folder.parent / "films", folder.parent / "films.csv", terms=Terms(limit=2))
    assert (report.seen, report.gone) == (2, 0)  # the third was not looked for, and is not gone
    assert len(posterity.open(folder.parent / "films")) == 3


def test_a_limit_counts_films_so_that_versions_come_along(tmp_path: Path) -> None:
    folder = tmp_path / "posters"
    folder.mkdir()
    for number, name in enumerate(("a tt0000001", "b tt0000001", "c tt0000002", "d tt0000003")):
        picture(number).save(folder / f"{name}.png")
    report = posterity.build(folder, tmp_path / "films", terms=Terms(limit=2), encoders=[])
    assert report.added == 3
    assert [p.id.split("@")[0] for p in posterity.open(tmp_path / "films").posters()] == [
        "tt0000001", "tt0000001", "tt0000002"
    ]  # fmt: skip


def test_every_rule_is_honoured_for_a_folder(folder: Path) -> None:
    assert taken(folder, Rules(drop=("no_budget",)))[1] == {"no_budget": 5}
    assert taken(folder, Rules(drop=("no_genre",)))[1] == {"no_genre": 3}
    assert taken(folder, Rules(required=("popularity",)))[1] == {"null_required": 2}
    assert taken(folder, Rules(drop=("no_genre",), keep=("no_genre",)))[1] == {}
    picture(20).save(folder / "again tt0000001.png")
    assert taken(folder, Rules(drop=("duplicate_id",)))[1] == {"duplicate_id": 1}
    assert taken(folder, Rules())[1] == {}
    picture(21).save(folder / "--.png")
    titles, dropped = taken(folder, Rules(drop=("blank_title",)))
    assert dropped == {"blank_title": 1}
    assert "" not in titles
    assert set(RULES) == {"null_required", "blank_title", "no_genre", "no_budget", "no_revenue", "duplicate_id"}


def test_stricter_rules_take_a_folders_posters_out_and_looser_ones_bring_them_back(folder: Path) -> None:
    assert len(taken(folder, Rules())[0]) == 8
    assert len(taken(folder, Rules(genres_top=1))[0]) == 3
    assert len(taken(folder, Rules())[0]) == 8


def test_first_genre_counts_and_alone_is_refused(folder: Path) -> None:
    # Crime is Heat's second genre: with as many films as Western it would come before it.
    assert "Dune" not in taken(folder, Rules(genres_top=3))[0]
    assert "Dune" in taken(folder, Rules(genres_top=3, first_genre=True))[0]
    with pytest.raises(ArgumentError, match="first_genre alone.*give one of them"):
        taken(folder, Rules(first_genre=True))


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        (Rules(genres_top=1), "genres"),
        (Rules(per_genre=1), "genres"),
        (Rules(drop=("no_genre",)), "genres"),
        (Rules(drop=("no_budget",)), "budget"),
        (Rules(drop=("no_revenue",)), "revenue"),
        (Rules(required=("vote_average",)), "vote_average"),
    ],
)
def test_what_nothing_tells_is_refused_before_a_catalogue_is_made(folder: Path, rules: Rules, what: str) -> None:
    place = folder.parent / "films"
    with pytest.raises(ArgumentError, match=f"the {what} of the films in .* is unknown.*--metadata FILE"):
        posterity.build(folder, place, rules=rules)
    bare = folder.parent / "bare.csv"
    bare.write_text("imdb_id,title\ntt0000001,Heat\n")
    with pytest.raises(ArgumentError, match=f"has no {what} for any film"):
        posterity.build(folder, place, bare, rules=rules)
    with pytest.raises(ArgumentError, match=what):
        posterity.dry_run(folder, place, rules=rules)
    assert not place.exists()


def test_choosing_by_genre_where_none_is_known_of_the_files_is_refused(folder: Path) -> None:
    for number, *_ in FILMS[:6]:
        (folder / f"tt{number:07d}.png").unlink()
    with pytest.raises(ArgumentError, match="no film of .* has a known genre"):
        taken(folder, Rules(genres_top=1))
    with pytest.raises(ArgumentError, match="has a known genre"):
        list(of_folder(folder, rules=Rules(per_genre=1)).items)


def test_a_dry_run_of_a_folder_tells_what_the_build_drops(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = Rules(genres_top=2, per_genre=1)
    found = posterity.dry_run(folder, folder.parent / "films", folder.parent / "films.csv", rules=rules)
    assert (found.rows, found.here, found.to_fetch) == (9, 2, 0)
    assert found.dropped_by == {"not_popular_enough": 3, "not_top_genre": 4}
    assert taken(folder, rules)[1] == {"not_popular_enough": 3, "not_top_genre": 4}
    args = ["build", str(folder), "-c", str(folder.parent / "more"), "--metadata", str(folder.parent / "films.csv")]
    assert run([*args, "--limit", "3", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["here"] == 3
    assert not (folder.parent / "more").exists()


def test_the_commands_flags_reach_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["build", str(folder), "-c", str(folder.parent / "films"), "--metadata", str(folder.parent / "films.csv")]
    assert run([*args, "--genres-top", "2", "--per-genre", "1", "--json", "--encoders", "colour"]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == 2


# --- terms ---------------------------------------------------------------------------------------------------------


def test_every_kind_of_source_says_what_it_honours() -> None:
    assert set(HONOURED) == {"folder", *SOURCES}
    known = {"images", *(item.name for item in fields(Web))}
    assert all(honoured <= known for honoured in HONOURED.values())
    assert {item.name for item in fields(Terms)} == {"kind", "images", "links", "limit", "web", "columns"}


@pytest.mark.parametrize(
    "terms",
    [
        Terms(images="pictures"), Terms(web=Web(rate=1.0)), Terms(web=Web(concurrency=2)),
        Terms(web=Web(allow_private=True)), Terms(web=Web(max_total=5)), Terms(web=Web(refresh=True)),
        Terms(web=Web(size="w92")), Terms(web=Web(language="de")),
    ],
)  # fmt: skip
def test_what_means_nothing_for_a_folder_is_refused(folder: Path, terms: Terms) -> None:
    place = folder.parent / "films"
    with pytest.raises(ArgumentError, match="has no effect on .* plain folder.*Leave --"):
        posterity.build(folder, place, terms=terms)
    with pytest.raises(ArgumentError, match="has no effect on"):
        posterity.create(place).build(folder, terms=terms)
    with pytest.raises(ArgumentError, match="has no effect on"):
        posterity.dry_run(folder, place, terms=terms)


@pytest.mark.parametrize(
    ("source", "terms", "why"),
    [
        ("impawards:1999", Terms(web=Web(language="de")), "titles in one language.*--language"),
        ("tmdb:popular", Terms(images="pictures", web=Web(size="w92")), "pictures are in pictures.*--size"),
    ],
)
def test_what_means_nothing_for_a_source_of_the_web_is_refused(
    tmp_path: Path, source: str, terms: Terms, why: str
) -> None:
    with pytest.raises(ArgumentError, match=why):
        posterity.build(source, tmp_path / "films", terms=terms)


def test_what_means_nothing_for_a_table_is_refused(folder: Path) -> None:
    table = folder.parent / "own.csv"
    table.write_text("file,title\nposters/tt0000001.png,Heat\n")
    place = folder.parent / "films"
    for terms in (Terms(web=Web(size="w92")), Terms(web=Web(rate=2.0)), Terms(web=Web(language="de"))):
        with pytest.raises(ArgumentError, match="has no effect on"):
            posterity.build(table, place, terms=terms)
    with pytest.raises(
        ArgumentError, match="rate has no effect .* none of its rows names an address. Leave --rate out"
    ):
        posterity.build(table, place, terms=Terms(web=Web(rate=2.0)))
    assert posterity.build(table, place, terms=Terms(kind="table", limit=1), encoders=[]).added == 1
    with pytest.raises(ArgumentError, match="metadata.* is for a plain folder.*posterity enrich"):
        posterity.build(table, place, folder.parent / "films.csv")


def test_a_library_takes_no_table_and_no_other_place_of_pictures(tmp_path: Path, folder: Path) -> None:
    place: Callable[[str], Path] = tmp_path.joinpath
    with pytest.raises(ArgumentError, match="a media library.*--from folder"):
        posterity.build(folder, place("films"), place("films.csv"), terms=Terms(kind="library"))
    with pytest.raises(ArgumentError, match="images has no effect on .* media library"):
        posterity.build(folder, place("films"), terms=Terms(kind="library", images=str(folder)))
