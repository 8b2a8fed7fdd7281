"""Maps and walls by name, and as columns in the order of a collection."""

from __future__ import annotations

import numpy as np
import pytest

import posterity
from posterity.errors import UnknownNameError
from posterity.layouts.clusters import Cluster
from posterity.layouts.columns import FULL, in_columns, scaled, spot_on
from posterity.layouts.kept import LayoutName, kind_of, layout_names, name_of
from posterity.layouts.maps import Map
from posterity.layouts.walls import Wall

NAME = LayoutName("map_pca_pixels", "map", "Principal plane by pixels")


def a_map(**positions: tuple[float, float]) -> Map:
    clusters = (Cluster("war", 2, "b", positions["b"], ("a", "b")), Cluster("gone", 1, "z", (0.0, 0.0), ("z",)))
    return Map("pca", "pixels", positions, 1.0, 1.0, {"continuity": [1.0, 0.0]}, {"random": {"continuity": [0.5, 0.1]}},
               clusters)  # fmt: skip


def test_a_map_is_scaled_to_its_bounds_with_y_downwards() -> None:
    found = in_columns(a_map(a=(0.0, 0.0), b=(4.0, 2.0), c=(1.0, 1.0)), NAME, {"a": 0, "b": 1, "c": 2})
    assert (found.x, found.y) == ([0, FULL, round(FULL / 4)], [FULL, 0, FULL - round(FULL / 2)])
    assert (found.kind, found.aspect, found.label) == ("map", 2.0, NAME.label)
    (cluster,) = found.clusters  # the other's poster is not in the collection
    assert (cluster.label, cluster.representative, cluster.x, cluster.y) == ("war", 1, FULL, 0)
    assert (found.scores, found.chance) == ({"continuity": [1.0, 0.0]}, {"continuity": [0.5, 0.1]})


def test_posters_that_one_side_alone_knows_have_no_place() -> None:
    found = in_columns(a_map(gone=(9.0, 9.0), a=(0.0, 0.0), b=(4.0, 2.0)), NAME, {"new": 0, "a": 1, "b": 2})
    assert (found.x, found.y) == ([-1, 0, FULL], [-1, FULL, 0])


def test_a_walls_columns_and_rows() -> None:
    wall = Wall("pixels", 2, 3, {"b": (0, 2), "a": (1, 0), "gone": (1, 1)}, 0.0, 0.0, topology="hexagonal")
    found = in_columns(wall, LayoutName("wall", "wall", "Wall"), {"a": 0, "b": 1, "new": 2})
    assert (found.x, found.y) == ([0, 2, -1], [1, 0, -1])
    assert (found.rows, found.cols, found.topology, found.clusters) == (2, 3, "hexagonal", [])


def test_points_in_one_place_are_scaled_too() -> None:
    assert scaled(np.ones((2, 2)), np.ones((2, 2))).tolist() == [[0, FULL], [0, FULL]]


def test_a_poster_from_outside_stands_among_those_it_is_most_like() -> None:
    rng = np.random.default_rng(0)
    ids = [f"p{i:02}" for i in range(60)]
    side = np.arange(60) % 2  # two groups, alike within and far from each other: one on the left, one on the right
    vectors = (rng.normal(size=(60, 8)) + 40 * side[:, None]).astype(np.float32)
    places = rng.random((60, 2)) + np.column_stack([9 * side, np.zeros(60)])
    positions = {name: (x, y) for name, (x, y) in zip(ids, places.tolist(), strict=True) if name != "p00"}
    found = Map("pca", "pixels", positions, 1.0, 1.0, {}, {})
    for group in (0, 1):
        spot = spot_on(found, "some", ids, vectors, (rng.normal(size=8) + 40 * group).astype(np.float32))
        assert spot.layout == "some"
        assert (spot.x > FULL / 2) == bool(group)
        assert 0 <= spot.y <= FULL


def test_layouts_are_named_and_made_where_there_is_none(films: posterity.Catalogue) -> None:
    names = layout_names(films.store, "pixels")
    assert names == [LayoutName("map", "map", "Map"), LayoutName("wall", "wall", "Wall")]
    films.map("pca", encoder="colour")
    films.map("pca", encoder="pixels")
    films.wall(encoder="pixels")
    films.wall(order="colour", encoder="pixels")
    names = layout_names(films.store, "pixels")
    assert [(each.kind, each.label) for each in names][:3] == [
        ("map", "Principal plane by colour"), ("map", "Principal plane by pixels"), ("wall", "Wall by pixels"),
    ]  # fmt: skip
    assert "Wall by colour" in {each.label for each in names}
    assert name_of(names, "map") == name_of(names, "map", "map") == names[0].name
    assert name_of(names, "map", "map_pca_pixels") == "map_pca_pixels"
    assert (kind_of(names, "map_pca_pixels"), kind_of(names, "wall")) == ("map", "wall")
    with pytest.raises(UnknownNameError, match="unknown map 'wall_content_pixels'"):
        name_of(names, "map", "wall_content_pixels")
    with pytest.raises(UnknownNameError, match="unknown map or wall 'none'"):
        kind_of(names, "none")
