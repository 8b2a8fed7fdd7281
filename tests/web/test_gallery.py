"""The catalogue in memory: what is shown belongs to one version of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

import posterity
from posterity.layouts.atlas import Atlas
from posterity.layouts.palettes import written
from posterity.web.gallery import Gallery


def test_a_poster_without_a_sprite_has_no_other_posters_colours(
    films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [poster.id for poster in films.posters()]
    draw = posterity.Catalogue.atlas

    def without_one(self: posterity.Catalogue, **options: bool | None) -> tuple[Atlas, dict[str, bytes]]:
        atlas, pages = draw(self, **options)
        return replace(atlas, slots=tuple("" if each == ids[3] else each for each in atlas.slots)), pages

    monkeypatch.setattr(posterity.Catalogue, "atlas", without_one)
    gallery = Gallery(films)
    atlas = gallery.snapshot().atlas
    assert gallery.film(ids[3]).palette == []
    assert gallery.film(ids[2]).palette == written(atlas.palettes[atlas.slots.index(ids[2])])
    assert gallery.collection().atlas.slots[3] == -1
