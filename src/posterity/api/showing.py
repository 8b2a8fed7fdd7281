"""The maps and walls of a catalogue for display: found by name, or made if there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable

from posterity.api.catalogue import Catalogue
from posterity.embedding.picture import Picture
from posterity.encoders import ENCODERS
from posterity.errors import MissingExtraError, PosterityError
from posterity.layouts.columns import Spot, spot_on
from posterity.layouts.kept import LayoutName, kind_of, layout_names, name_of
from posterity.layouts.maps import Map
from posterity.layouts.walls import Wall


class ShownLayouts:
    """The maps and walls of a catalogue; safe to share between threads.

    Args:
        catalogue: The catalogue.
        encoder: Returns the name of the encoder that compares its posters.
    """

    def __init__(self, catalogue: Catalogue, encoder: Callable[[], str]) -> None:
        self.store = catalogue.store
        self._keeping = catalogue
        self._reading = catalogue.reading()
        self._encoder = encoder
        self._lock = threading.Lock()

    def names(self) -> list[LayoutName]:
        """List them; see :func:`posterity.layouts.kept.layout_names`."""
        return layout_names(self.store, self._encoder())

    def name_of(self, kind: str, name: str | None = None) -> str:
        """Return the name of a map or wall; see :func:`posterity.layouts.kept.name_of`."""
        return name_of(self.names(), kind, name)

    def kind_of(self, name: str) -> str:
        """Return "map" or "wall" for a layout; see :func:`posterity.layouts.kept.kind_of`."""
        return kind_of(self.names(), name)

    def find(self, kind: str, name: str | None = None, *, keep: bool = False) -> Map | Wall:
        """Return a map or wall, by default the first of its kind; made if there is none.

        Args:
            kind: "map" or "wall".
            name: Name of the layout.
            keep: Whether to store a layout that is made or updated.

        Raises:
            CatalogueError: Some posters lack a vector, or the catalogue has none.
            UnknownNameError: There is no layout of that name and kind.
        """
        with self._lock:
            name = self.name_of(kind, name)
            catalogue = self._keeping if keep else self._reading
            if name == "wall":
                return catalogue.wall(encoder=self._encoder())
            if name == "map":
                try:
                    return catalogue.map("tsne", encoder=self._encoder())
                except MissingExtraError:
                    return catalogue.map("pca", encoder=self._encoder())
            return catalogue.layout(name)

    def spots(self, picture: Picture) -> list[Spot]:
        """Return where an outside picture belongs on each of the stored maps.

        Raises:
            CatalogueError: Some posters lack a vector.
            ImageError: The picture cannot be read.
        """
        spots = []
        for layout in self.names():
            if layout.kind != "map" or layout.name == "map":
                continue
            kept = self.find("map", layout.name)
            if isinstance(kept, Map) and kept.positions:
                ids, vectors = self._reading.vectors(kept.encoder)
                vector = picture.vector(ENCODERS.get(kept.encoder))
                spots.append(spot_on(kept, layout.name, ids, vectors, vector))
        return spots

    def prepare(self) -> list[str]:
        """Make and store the map and the wall that visitors see first; return what prevents it, if anything."""
        hindered = []
        for kind in ("map", "wall"):
            try:
                self.find(kind, keep=True)
            except PosterityError as error:
                hindered.append(str(error))
        return hindered
