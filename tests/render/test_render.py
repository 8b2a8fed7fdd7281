"""Pictures show what they are said to show."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import posterity
from posterity.errors import ArgumentError, StorageError
from posterity.images import decode, fit


def test_every_cell_of_a_wall_shows_its_own_poster(films: posterity.Catalogue) -> None:
    wall = films.wall(3, 5)
    drawn = np.asarray(films.draw(wall, cell_width=60))
    assert drawn.shape == (3 * 90, 5 * 60, 3)
    posters = {poster.id: poster for poster in films.posters()}
    thumbnails = films.store.thumbnails(poster.sha256 for poster in posters.values())
    for identity, (row, col) in wall.cells.items():
        cell = drawn[row * 90 : row * 90 + 90, col * 60 : col * 60 + 60]
        own = {
            i: np.abs(fit(decode(thumbnails[p.sha256]), (90, 60)).astype(int) - cell).mean() for i, p in posters.items()
        }
        assert min(own, key=lambda other: own[other]) == identity
        assert own[identity] < 3


def test_matches_are_drawn_in_their_order_beside_the_query(films: posterity.Catalogue) -> None:
    matches = films.similar("tt0000001", k=3)
    drawn = np.asarray(films.draw(matches)).astype(int)
    for place, match in enumerate(matches.matches):
        poster = films.store.get([match.id])[match.id]
        small = fit(decode(films.store.thumbnails([poster.sha256])[poster.sha256]), (300, 200)).astype(int)
        x = 28 + 200 + 2 * 18 + 18 + place * 218
        assert np.abs(drawn[58:358, x : x + 200] - small).mean() < 6


def test_many_matches_take_several_lines_and_none_are_said_to_be_none(films: posterity.Catalogue) -> None:
    one, two = films.draw(films.similar("tt0000001", k=5)), films.draw(films.similar("tt0000001", k=11))
    assert two.height > 2 * one.height * 0.9
    assert films.draw(films.similar("tt0000001", where="year > 3000")).width > 200


def test_pictures_are_written_whole_or_not_at_all(films: posterity.Catalogue, tmp_path) -> None:
    wall = films.wall()
    films.draw(wall, tmp_path / "new" / "wall.webp", cell_width=24)
    with Image.open(tmp_path / "new" / "wall.webp") as drawn:
        assert drawn.format == "WEBP"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["wall.webp"]
    with pytest.raises(ArgumentError, match=r"wall\.txt"):
        films.draw(wall, tmp_path / "wall.txt")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        films.draw(wall, tmp_path / "file" / "wall.png")
    with pytest.raises(ArgumentError, match="Choose a cell width of"):
        films.draw(wall, cell_width=20_000)
