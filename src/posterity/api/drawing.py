"""Drawing any result: a wall, a map, matches, pairs, duplicates, an explanation or scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posterity.catalogue import Store
from posterity.ingest.request import PathLike
from posterity.settings import setting

if TYPE_CHECKING:
    from PIL.Image import Image

    from posterity.layouts.maps import Map
    from posterity.layouts.walls import Wall
    from posterity.search.duplicates import Duplicates
    from posterity.search.evaluation import EncoderScores
    from posterity.search.explain import Explanation
    from posterity.search.pairs import Pairs
    from posterity.search.query import Matches

    Drawable = Wall | Map | Matches | Pairs | Duplicates | Explanation | list[EncoderScores]


def draw(
    store: Store,
    what: Drawable,
    out: PathLike | None,
    *,
    cell_width: int | None,
    side: int,
    overlap: str,
    title: str | None,
    dpi: float | None,
    show_progress: bool | None,
) -> Image | None:
    """Draw a result; see :meth:`posterity.Catalogue.draw`."""
    from posterity.layouts.maps import Map
    from posterity.layouts.walls import Wall
    from posterity.render import canvas, matches, sheets
    from posterity.search.duplicates import Duplicates
    from posterity.search.pairs import Pairs
    from posterity.search.query import Matches

    if isinstance(what, Wall | Map):
        from posterity.render.raster import preview, write
        from posterity.render.scenes import map_scene, wall_scene

        if isinstance(what, Wall):
            scene = wall_scene(store, what, setting("cell_width", cell_width), title or "")
        else:
            scene = map_scene(store, what, side, overlap=overlap, title=title)
        fetch, workers = store.thumbnails, setting("workers")
        if out is None:
            return preview(scene, fetch, workers=workers)
        write(scene, fetch, out, dpi=dpi, workers=workers, show_progress=show_progress)
        return None
    if isinstance(what, Matches):
        image = matches.draw_matches(store, what)
    elif isinstance(what, Pairs):
        image = sheets.draw_pairs(store, what)
    elif isinstance(what, Duplicates):
        image = sheets.draw_duplicates(store, what)
    elif isinstance(what, list):
        image = sheets.draw_scores(what)
    else:
        image = sheets.draw_explanation(store, what)
    if out is not None:
        canvas.save(image, out)
    return image
