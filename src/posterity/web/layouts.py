"""Maps and walls for the page: which there are, made where there is none, in the order of the collection."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from posterity.api.catalogue import Catalogue
from posterity.errors import MissingExtraError, PosterityError, UnknownNameError
from posterity.layouts.maps import Map
from posterity.layouts.walls import Wall
from posterity.numerics.projection.methods import METHODS
from posterity.web.answers import LayoutAnswer, LayoutName, Place
from posterity.web.snapshot import Snapshot

FULL = 65_535
"""Coordinates of maps are from 0 to this."""


class Layouts:
    """The maps and walls of a catalogue; safe to share between threads.

    Args:
        catalogue: Which.
        encoder: Names what compares its posters.
    """

    def __init__(self, catalogue: Catalogue, encoder: Callable[[], str]) -> None:
        self.store = catalogue.store
        self._keeping = catalogue
        self._reading = catalogue.reading()
        self._encoder = encoder
        self._lock = threading.Lock()

    def names(self) -> list[LayoutName]:
        """Name the maps and walls there are; where there is none of a kind, the one that is made when asked for."""
        found = []
        for artefact in self.store.artefacts():
            asked = json.loads(artefact.parameters)
            if artefact.kind == "layout" and (method := asked.get("method")):
                label = f"{_label(method)} by {artefact.encoder}"
                found.append(LayoutName(artefact.name, "map", label))
            elif artefact.kind == "grid" and (order := asked.get("order")):  # the first Posterity's walls had none
                what = {"content": f"by {artefact.encoder}"}.get(order, f"by {order}")
                found.append(LayoutName(artefact.name, "wall", f"Wall {what}"))
        preferred = {f"map_tsne_{self._encoder()}": 0, f"map_umap_{self._encoder()}": 1,
                     f"wall_content_{self._encoder()}": 0}  # fmt: skip
        found.sort(key=lambda each: (each.kind, preferred.get(each.name, 9), each.name))
        kinds = {each.kind for each in found}
        if "map" not in kinds:
            found.insert(0, LayoutName("map", "map", "Map"))
        if "wall" not in kinds:
            found.append(LayoutName("wall", "wall", "Wall"))
        return found

    def name_of(self, kind: str, name: str | None = None) -> str:
        """Give the name of a map or wall: by default the first of its kind, or, where there is none, the kind.

        Raises:
            UnknownNameError: There is none of that name and kind.
        """
        names = [each.name for each in self.names() if each.kind == kind]
        if name is None or name == kind:
            return names[0]
        if name not in names:
            raise UnknownNameError(kind, name, names)
        return name

    def kind_of(self, name: str) -> str:
        """Tell whether a layout is a map or a wall.

        Raises:
            UnknownNameError: There is none of that name.
        """
        known = {each.name: each.kind for each in self.names()} | {"map": "map", "wall": "wall"}
        if name not in known:
            raise UnknownNameError("map or wall", name, known)
        return known[name]

    def find(self, kind: str, name: str | None = None, *, keep: bool = False) -> Map | Wall:
        """Give a map or wall, by default the first of its kind; made where there is none.

        Args:
            kind: "map" or "wall".
            name: Its name.
            keep: Whether one that is made, or brought up to date, is kept in the catalogue.

        Raises:
            CatalogueError: Some posters lack a vector, or the catalogue has none.
            UnknownNameError: There is none of that name and kind.
        """
        with self._lock:
            name = self.name_of(kind, name)
            films = self._keeping if keep else self._reading
            if name == "wall":
                return films.wall(encoder=self._encoder())
            if name == "map":
                try:
                    return films.map("tsne", encoder=self._encoder())
                except MissingExtraError:
                    return films.map("pca", encoder=self._encoder())
            return films.layout(name)

    def prepare(self) -> list[str]:
        """Make the map and the wall that visitors see first, and keep them; give what hinders it."""
        hindered = []
        for kind in ("map", "wall"):
            try:
                self.find(kind, keep=True)
            except PosterityError as error:
                hindered.append(str(error))
        return hindered


def _label(method: str) -> str:
    try:
        return METHODS.get(method).label
    except PosterityError:  # the package that registered it is gone, and the name is all there is
        return method


def laid(snap: Snapshot, name: LayoutName, found: Map | Wall) -> LayoutAnswer:
    """Give a map or wall in the order of the collection."""
    n = len(snap.ids)
    x, y = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    places: Mapping[str, tuple[float, float]] = found.cells if isinstance(found, Wall) else found.positions
    numbers = np.array([snap.place.get(identity, -1) for identity in places], np.int64)
    points = np.array(list(places.values()), np.float64).reshape(-1, 2)[numbers >= 0]
    numbers = numbers[numbers >= 0]
    if isinstance(found, Wall):
        x[numbers], y[numbers] = points[:, 1].astype(int), points[:, 0].astype(int)
        return LayoutAnswer(
            name.name, "wall", name.label, x.tolist(), y.tolist(), 1.0, found.rows, found.cols, found.topology, [],
            found.scores, found.baselines.get("random", {}),
        )  # fmt: skip
    x[numbers], y[numbers] = on_page(points, points).T
    reach = np.maximum(np.ptp(points, axis=0), 1e-9)
    clusters = [
        Place(cluster.label, cluster.size, at, int(x[at]), int(y[at]))
        for cluster in found.clusters
        if (at := snap.place.get(cluster.representative, -1)) >= 0
    ]
    return LayoutAnswer(
        name.name, "map", name.label, x.tolist(), y.tolist(), float(reach[0] / reach[1]), 0, 0, "", clusters,
        found.scores, found.baselines.get("random", {}),
    )  # fmt: skip


def on_page(points: NDArray[np.float64], everything: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give places of a map as the page has them: (n, 2) from 0 to FULL across all points' bounds, y downwards."""
    low = everything.min(axis=0)
    reach = np.maximum(np.ptp(everything, axis=0), 1e-9)
    scaled = np.rint((points - low) / reach * FULL).astype(np.int64)
    return np.column_stack([scaled[:, 0], FULL - scaled[:, 1]])
