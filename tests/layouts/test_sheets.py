"""Sheets of thumbnails, and palettes as people write them."""

from __future__ import annotations

import numpy as np

import posterity
from posterity.images import decode
from posterity.images.fit import stretch
from posterity.layouts.atlas import Atlas, palettes_of
from posterity.layouts.palettes import palette_of, written
from posterity.layouts.sheets import PER_SHEET, digests_on, sheet, sheet_keys


def test_a_sheet_shows_each_thumbnail_in_its_cell(films: posterity.Catalogue) -> None:
    digests = [poster.sha256 for poster in films.posters()]
    thumbnails = films.store.thumbnails(digests)
    shown = decode(sheet(thumbnails, ["", *digests]))
    assert shown.shape == (8 * 192, 8 * 128, 3)
    assert shown[20:170, 20:100].mean() < 25
    for at, digest in enumerate(digests, 1):
        top, left = at // 8 * 192, at % 8 * 128
        wanted = stretch(decode(thumbnails[digest]), (192, 128)).astype(float)
        assert np.abs(shown[top : top + 192, left : left + 128] - wanted).mean() < 8


def atlas_of(n: int) -> Atlas:
    digests = tuple(f"{number:064x}" for number in range(n))
    return Atlas((48, 32), (42, 64), digests, digests, (), np.zeros((n, 4, 4), np.uint8), "ids")


def test_a_sheets_key_tells_what_it_shows() -> None:
    keys = sheet_keys(atlas_of(PER_SHEET + 3))
    assert len(keys) == len(set(keys)) == 2
    assert sheet_keys(atlas_of(PER_SHEET + 4))[0] == keys[0]  # a new poster changes the last sheet alone
    assert sheet_keys(atlas_of(PER_SHEET + 4))[1] != keys[1]
    assert sheet_keys(atlas_of(0)) == []
    assert digests_on(atlas_of(PER_SHEET + 3), 1) == tuple(f"{PER_SHEET + i:064x}" for i in range(3))


def test_a_palette_names_the_colours_that_are_there() -> None:
    picture = np.zeros((300, 200, 3), np.uint8)
    picture[:225] = 255, 0, 0
    (red, most), (black, least) = written(palette_of(picture))
    assert (red, black) == ("#ff0000", "#000000")
    assert most > 0.7
    assert least < 0.3
    assert written(palettes_of(np.full((1, 24, 16, 3), 255, np.uint8))[0]) == [("#ffffff", 1.0)]
