"""A map or wall as columns of whole numbers, in the order of a collection, for drawing it and locating clicks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.layouts.kept import LayoutName
from posterity.layouts.maps import Map
from posterity.layouts.walls import Wall
from posterity.numerics.projection.places import placed

FULL = 65_535
"""The largest coordinate on a map; the smallest is 0."""


@dataclass(frozen=True)
class Place:
    """A cluster of a map: its name, size, the number of its representative poster, and the position (0 to 65535)."""

    label: str
    size: int
    representative: int
    x: int
    y: int


@dataclass(frozen=True)
class LayoutAnswer:
    """A map or wall in the order of the collection.

    Attributes:
        name: Its name.
        kind: "map" or "wall".
        label: Its name for people.
        x: On a map 0 to 65535, on a wall the column; -1 for posters that are not on it.
        y: On a map 0 to 65535, downwards, on a wall the row; -1 for posters that are not on it.
        aspect: Width / height of a map's bounds; 1 for a wall.
        rows: Number of rows of a wall; 0 for a map.
        cols: Number of columns of a wall; 0 for a map.
        topology: Topology of a wall; "" for a map.
        clusters: Clusters of a map.
        scores: Name -> [value, standard error].
        chance: The same of posters at random places.
    """

    name: str
    kind: str
    label: str
    x: list[int]
    y: list[int]
    aspect: float
    rows: int
    cols: int
    topology: str
    clusters: list[Place]
    scores: dict[str, list[float]]
    chance: dict[str, list[float]]


@dataclass(frozen=True)
class Spot:
    """Where a poster from outside the catalogue belongs on a map, 0 to 65535."""

    layout: str
    x: int
    y: int


def in_columns(found: Map | Wall, name: LayoutName, place: Mapping[str, int]) -> LayoutAnswer:
    """Give a map or wall in the order of a collection.

    Args:
        found: The map or wall.
        name: Its name and label.
        place: Poster id -> its number in the collection, from 0; other posters are left out.
    """
    x, y = np.full((2, len(place)), -1, np.int64)
    places: Mapping[str, tuple[float, float]] = found.cells if isinstance(found, Wall) else found.positions
    numbers = np.array([place.get(identity, -1) for identity in places], np.int64)
    points = np.array(list(places.values()), np.float64).reshape(-1, 2)[numbers >= 0]
    numbers = numbers[numbers >= 0]
    if isinstance(found, Wall):
        x[numbers], y[numbers] = points[:, 1].astype(int), points[:, 0].astype(int)
        return LayoutAnswer(
            name.name, "wall", name.label, x.tolist(), y.tolist(), 1.0, found.rows, found.cols, found.topology, [],
            found.scores, found.baselines.get("random", {}),
        )  # fmt: skip
    x[numbers], y[numbers] = scaled(points, points).T
    reach = np.maximum(np.ptp(points, axis=0), 1e-9)
    clusters = [
        Place(cluster.label, cluster.size, at, int(x[at]), int(y[at]))
        for cluster in found.clusters
        if (at := place.get(cluster.representative, -1)) >= 0
    ]
    return LayoutAnswer(
        name.name, "map", name.label, x.tolist(), y.tolist(), float(reach[0] / reach[1]), 0, 0, "", clusters,
        found.scores, found.baselines.get("random", {}),
    )  # fmt: skip


def spot_on(
    found: Map, name: str, ids: Sequence[str], vectors: NDArray[np.float32], vector: NDArray[np.float32]
) -> Spot:
    """Find where a poster from outside the catalogue belongs on a map: among the posters that it is most like.

    Args:
        found: The map.
        name: Name of the map.
        ids: (n,) ids of the catalogue's posters.
        vectors: (n, d) their vectors, by the map's encoder.
        vector: (d,) vector of the poster from outside.
    """
    points = np.array([found.positions.get(identity, (np.nan, np.nan)) for identity in ids])
    here = ~np.isnan(points[:, 0])
    ((x, y),) = scaled(placed(vector[None], vectors[here], points[here]), points[here]).tolist()
    return Spot(name, x, y)


def scaled(points: NDArray[np.float64], everything: NDArray[np.float64]) -> NDArray[np.int64]:
    """Scale positions on a map to whole numbers: (n, 2), from 0 to FULL across the bounds of all points, y downwards.

    >>> scaled(np.array([[1.0, 1.0]]), np.array([[0.0, 0.0], [2.0, 4.0]])).tolist()
    [[32768, 49151]]
    """
    low = everything.min(axis=0)
    reach = np.maximum(np.ptp(everything, axis=0), 1e-9)
    whole = np.rint((points - low) / reach * FULL).astype(np.int64)
    return np.column_stack([whole[:, 0], FULL - whole[:, 1]])
