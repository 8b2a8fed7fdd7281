"""Laying a catalogue out, and drawing results: walls, maps, sprites, pictures."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from posterity.api import drawing
from posterity.api.opened import Opened
from posterity.catalogue.provenance import current
from posterity.encoders import Encoder
from posterity.errors import PosterityError, SourceError, UnknownNameError
from posterity.ingest.request import PathLike
from posterity.runtime.parallel import n_workers
from posterity.settings import setting

if TYPE_CHECKING:
    from PIL.Image import Image

    from posterity.api.drawing import Drawable
    from posterity.layouts.atlas import Atlas
    from posterity.layouts.maps import Map
    from posterity.layouts.shapes import Shape
    from posterity.layouts.walls import Wall
    from posterity.search.evaluation import LayoutScores


class Layouts(Opened):
    """Methods that arrange posters, and draw results."""

    def wall(
        self,
        rows: int | None = None,
        cols: int | None = None,
        *,
        shape: Shape | None = None,
        mask: PathLike | None = None,
        order: str = "content",
        encoder: str | Encoder | None = None,
        where: str | None = None,
        view: str | None = None,
        random_state: int | None = None,
        fresh: bool = False,
        show_progress: bool | None = False,
    ) -> Wall:
        """Lay all posters, or those of a view, out on a wall, one per cell.

        See :func:`posterity.layouts.walls.make_wall`.

        Args:
            rows: Rows of the grid; None chooses them, from ``cols`` if given.
            cols: Columns of the grid; None chooses them, from ``rows`` if given.
            shape: All options of the grid (topology, pinned posters, holes), not only its size.
            mask: A picture whose light part the wall fills.
            order: "content" (an encoder's vectors), "colour", "time" (one row per genre, from early to late), or one
                that another package registers.
            encoder: Name or instance of the encoder.
            where: An SQL condition that posters must meet.
            view: Name of the view that posters must be in.
            random_state: Seed of random choices.
            fresh: Make a new wall instead of updating the stored one.
            show_progress: True and False force the bar; None shows it on a terminal.

        Raises:
            ArgumentError: The grid is too small for the posters, or a pin or hole is outside it.
            CatalogueError: There are no posters, some lack a vector, or a pinned poster does not exist.
            FilterError: ``where`` is not a valid SQL condition on the catalogue's columns.
            ImageError: The mask cannot be read.
        """
        from posterity.layouts.shapes import Shape, masked
        from posterity.layouts.walls import make_wall

        within = self._within(where, view)
        if mask is not None:
            n = max(1, self.store.count(within))
            shape = shape or Shape(rows, cols)
            shape = _with_holes(shape, masked(_picture(mask), n, shape.rows, shape.cols))
        return make_wall(
            self.store, self._encoder(encoder), rows, cols, shape=shape, order=order, where=within,
            random_state=setting("seed", random_state), fresh=fresh, keep=self._keep,
            show_progress=show_progress,
        )  # fmt: skip

    def map(
        self,
        method: str = "tsne",
        *,
        encoder: str | Encoder | None = None,
        n_components: int = 50,
        perplexity: float = 30.0,
        n_neighbors: int = 15,
        min_dist: float = 0.1,
        where: str | None = None,
        view: str | None = None,
        random_state: int | None = None,
        landmarks: int = 0,
        fresh: bool = False,
        show_progress: bool | None = False,
    ) -> Map:
        """Lay all posters, or those of a view, out in the plane; see :func:`posterity.layouts.maps.make_map`.

        Args:
            method: "pca", "tsne", "umap", or a method that another package registers.
            encoder: Name or instance of the encoder.
            n_components: Principal components passed to t-SNE, UMAP and others; 0 passes the vectors themselves.
            perplexity: For t-SNE: effective number of neighbours per poster.
            n_neighbors: For UMAP: number of neighbours per poster.
            min_dist: For UMAP: minimum distance between posters.
            where: An SQL condition that posters must meet.
            view: Name of the view that posters must be in.
            random_state: Seed of random choices.
            landmarks: Number of posters to lay out, with the rest placed among them; 0 chooses by the number of
                posters; not used by PCA.
            fresh: Make a new map, even if there is a stored one.
            show_progress: True and False force the bar; None shows it on a terminal.

        Raises:
            ArgumentError: An option is out of range.
            CatalogueError: There are no posters, or some lack a vector.
            FilterError: ``where`` is not a valid SQL condition on the catalogue's columns.
            MissingExtraError: The method's library is not installed.
        """
        from posterity.layouts.maps import make_map
        from posterity.numerics.projection.methods import Layout

        seed = setting("seed", random_state)
        layout = Layout(method, n_components, perplexity, n_neighbors, min_dist, seed, landmarks)
        return make_map(
            self.store, self._encoder(encoder), layout, where=self._within(where, view), fresh=fresh,
            keep=self._keep, workers=n_workers(setting("workers")), show_progress=show_progress,
        )  # fmt: skip

    def layout(self, name: str, *, show_progress: bool | None = False) -> Wall | Map:
        """Return a stored wall or map by its artefact's name, updated with the options it was made with.

        Raises:
            CatalogueError: Some posters lack a vector.
            UnknownNameError: There is no wall or map with that name.
        """
        from posterity.layouts.maps import remake_map
        from posterity.layouts.walls import remake_wall

        kept = {each.name: each for each in self.store.artefacts() if each.kind in ("grid", "layout")}
        if name not in kept:
            raise UnknownNameError("wall or map", name, kept)
        again = remake_wall if kept[name].kind == "grid" else remake_map
        return again(self.store, kept[name], keep=self._keep, show_progress=show_progress)

    def layout_scores(self) -> list[LayoutScores]:
        """Return the scores of the stored walls and maps, updated if they are stale.

        Those that cannot be updated (posters lack vectors, or the catalogue cannot be written) are left out; see
        :func:`posterity.search.evaluation.layout_scores`.
        """
        from posterity.search.evaluation import layout_scores as _layout_scores

        for kept in self.store.artefacts():
            if kept.kind in ("grid", "layout") and self.store.writable and not current(self.store, kept):
                with suppress(PosterityError):
                    self.layout(kept.name)
        return _layout_scores(self.store)

    def atlas(self, *, show_progress: bool | None = False) -> tuple[Atlas, dict[str, bytes]]:
        """Return every poster's sprite, many to a page; see :func:`posterity.layouts.atlas.make_atlas`."""
        from posterity.layouts.atlas import make_atlas

        return make_atlas(self.store, keep=self._keep, workers=setting("workers"), show_progress=show_progress)

    def draw(
        self,
        what: Drawable,
        out: PathLike | None = None,
        *,
        cell_width: int | None = None,
        side: int = 0,
        overlap: str = "none",
        title: str | None = None,
        dpi: float | None = None,
        show_progress: bool | None = False,
    ) -> Image | None:
        """Draw a wall, a map, matches, pairs, duplicates, an explanation or scores; ``out`` saves it, by its ending.

        Walls and maps may have sides of up to 30,000 pixels, and are written as they are drawn, in bounded memory.

        Args:
            what: The result to draw.
            out: A .png, .jpg or .webp file; for walls and maps also .svg, .tif or .dzi (a folder of tiles to zoom).
            cell_width: Cell width in pixels (walls); None uses the setting, which may choose by number of posters.
            side: Longer side in pixels (maps); 0 uses 4,096.
            overlap: Overlap of posters (maps): "none" moves each a little to its own cell; or "density".
            title: Title above a wall or map; without one, a map is described.
            dpi: Pixels per inch for printing, in .png, .jpg and .tif.
            show_progress: True and False force the bar; None shows it on a terminal.

        Returns:
            The picture; None for a wall or map written to a file, which is never complete in memory.

        Raises:
            ArgumentError: The ending does not name a format, or the picture would be too large.
            StorageError: ``out`` cannot be written.
        """
        return drawing.draw(
            self.store, what, out, cell_width=cell_width, side=side, overlap=overlap, title=title, dpi=dpi,
            show_progress=show_progress,
        )  # fmt: skip


def _picture(path: PathLike) -> NDArray[np.uint8]:
    from posterity.images import decode

    try:
        return decode(Path(path).read_bytes())
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}", "Name a picture.") from error


def _with_holes(shape: Shape, found: Shape) -> Shape:
    """Combine the requested shape of a wall with the size and holes from a mask."""
    return replace(shape, rows=found.rows, cols=found.cols, holes=(*shape.holes, *found.holes))
