"""Maps and walls as visitors ask for them: found by name, made where there is none, kept where that is asked for."""

from __future__ import annotations

import pytest

import posterity
from posterity.api.showing import ShownLayouts
from posterity.embedding.picture import Picture
from posterity.errors import MissingExtraError, UnknownNameError
from posterity.layouts.maps import Map
from posterity.layouts.walls import Wall


@pytest.fixture
def layouts(films: posterity.Catalogue) -> ShownLayouts:
    return ShownLayouts(films, lambda: "pixels")


def kept(layouts: ShownLayouts) -> set[str]:
    return {each.name for each in layouts.store.artefacts() if each.kind in ("grid", "layout")}


def test_looking_at_a_map_or_wall_writes_nothing(layouts: ShownLayouts) -> None:
    assert isinstance(layouts.find("map"), Map)
    assert isinstance(layouts.find("wall"), Wall)
    assert kept(layouts) == set()
    with pytest.raises(UnknownNameError):
        layouts.find("map", "none")


def test_what_visitors_see_first_is_made_and_kept(
    layouts: ShownLayouts, films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = posterity.Catalogue.map

    def without_the_extra(self: posterity.Catalogue, method: str = "tsne", **options: object) -> Map:
        if method == "tsne":
            raise MissingExtraError("t-SNE", "maps")
        return make(self, method, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(posterity.Catalogue, "map", without_the_extra)
    assert layouts.prepare() == []
    assert kept(layouts) == {"map_pca_pixels", "wall_content_pixels"}
    assert layouts.name_of("map") == "map_pca_pixels"
    assert layouts.kind_of("wall_content_pixels") == "wall"


def test_what_hinders_it_is_given(tmp_path: object, films: posterity.Catalogue) -> None:
    hindered = ShownLayouts(films, lambda: "clip_vit_b32_openai").prepare()
    assert len(hindered) == 2


def test_a_picture_has_a_spot_on_each_map_that_is_kept(layouts: ShownLayouts, films: posterity.Catalogue) -> None:
    (poster,) = films.posters("id = 'tt0000004'")
    picture = Picture("one", films.store.thumbnails([poster.sha256])[poster.sha256])
    assert layouts.spots(picture) == []
    films.map("pca", encoder="pixels")
    films.map("pca", encoder="colour")
    assert [spot.layout for spot in layouts.spots(picture)] == ["map_pca_colour", "map_pca_pixels"]
