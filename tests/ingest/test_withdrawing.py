"""A corrected table takes back what it said of the wrong film; a row that is merely absent takes nothing back."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import picture

import posterity
from posterity.catalogue import Poster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two posters of one name in two folders."""
    for number, name in enumerate(("alien", "heat")):
        (tmp_path / "posters" / name).mkdir(parents=True)
        picture(number).save(tmp_path / "posters" / name / "poster.png")
    return tmp_path / "posters"


def built(folder: Path, *rows: str) -> dict[str, Poster]:
    table = folder.parent / "films.csv"
    table.write_text("\n".join(["file,imdb_id,title,year,revenue", *rows]))
    posterity.build(folder, folder.parent / "films", table, encoders=[])
    return {poster.path.split("/")[0]: poster for poster in posterity.open(folder.parent / "films").posters()}


@pytest.mark.parametrize("imdb_id", ["tt0113277", ""])
def test_a_row_that_belonged_to_another_file_is_taken_back(folder: Path, imdb_id: str) -> None:
    wrong = built(folder, f"alien/poster.png,{imdb_id},Heat,1995,187000000")
    assert (wrong["alien"].film.title, wrong["heat"].film.title) == ("Heat", "heat")
    for _ in range(2):  # and it stays so
        right = built(folder, f"heat/poster.png,{imdb_id},Heat,1995,187000000")
        assert (right["heat"].film.title, right["heat"].film.year) == ("Heat", 1995)
        alien = right["alien"]
        assert (alien.film.title, alien.film.year, alien.film.imdb_id, alien.film.revenue) == (
            "alien",
            None,
            None,
            None,
        )
        assert alien.id == "file:alien/poster.png"
        assert "no_metadata" in alien.flags
        assert "no_metadata" not in right["heat"].flags


def test_the_film_itself_keeps_what_the_table_says(folder: Path) -> None:
    """Both had the row: one wrongly. The claim of the film is made anew, whichever of the two is read first."""
    row = "tt0113277,Heat,1995,187000000"
    built(folder, f"heat/poster.png,{row}", f"alien/poster.png,{row.replace('tt0113277', 'tt0078748')}")
    right = built(folder, f"heat/poster.png,{row}", "nowhere.png,tt0078748,Heat,1995,187000000")
    assert (right["heat"].film.title, right["heat"].id) == ("Heat", "tt0113277")
    assert (right["alien"].film.title, right["alien"].id) == ("alien", "file:alien/poster.png")


def test_a_row_that_is_not_there_any_more_takes_nothing_back(folder: Path) -> None:
    """Half a table, copied while it was written, is no reason to forget films."""
    before = built(folder, "heat/poster.png,tt0113277,Heat,1995,1", "alien/poster.png,tt0078748,Alien,1979,2")
    after = built(folder, "heat/poster.png,tt0113277,Heat,1995,1")
    assert after["alien"].film == before["alien"].film
    assert after["alien"].id == "tt0078748"
