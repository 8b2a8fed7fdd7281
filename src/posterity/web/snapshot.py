"""One version of a catalogue, in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posterity.api.catalogue import Catalogue
from posterity.catalogue import Poster
from posterity.catalogue.schema import POSTERS, row_to_poster
from posterity.errors import NoSuchPosterError
from posterity.layouts.atlas import Atlas
from posterity.layouts.sheets import sheet_keys
from posterity.learning.current import CurrentModel, current_models
from posterity.search.relatives import Kin, kin_of
from posterity.search.titles import TitleIndex
from posterity.web.answers import Collection
from posterity.web.results import Packed

DIGEST = 12
"""Letters of a SHA-256 that are enough to identify a poster in a collection."""


@dataclass
class Snapshot:
    """One version of a catalogue, in memory.

    Attributes:
        version: Version of its posters.
        state: Digest of all that the page shows of it.
        rows: Rows of the table of posters, sorted by id.
        ids: Ids of the posters.
        place: Poster id -> its number.
        titles: Index of the titles, for searches.
        kin: Versions and near duplicates among the posters.
        atlas: The sprites.
        pages: Pages of the atlas, by key.
        sheets: Keys of the sheets of thumbnails.
        slots: (n,) each poster's slot in the atlas, -1 if it has none.
        palettes: (n, 4, 4) each poster's main colours, from the atlas; none for posters without a slot.
        digests: SHA-256 by its first letters.
        models: Name -> a current model.
        refused: Name -> why a stored model cannot be used.
        thumbnail_rows: SHA-256 -> row of the table of thumbnails.
        collection: What the page shows of every poster, once requested.
        packed: The collection as JSON.
    """

    version: int
    state: str
    rows: pa.Table
    ids: list[str]
    place: dict[str, int]
    titles: TitleIndex
    kin: Kin
    atlas: Atlas
    pages: dict[str, bytes]
    sheets: list[str]
    slots: NDArray[np.int64]
    palettes: NDArray[np.uint8]
    digests: dict[str, str]
    models: dict[str, CurrentModel]
    refused: dict[str, str]
    thumbnail_rows: dict[str, int]
    collection: Collection | None = None
    packed: Packed | None = None

    def poster(self, number: int) -> Poster:
        """Return a poster by its number."""
        return row_to_poster(self.rows.slice(number, 1).to_pylist()[0])

    def number(self, identity: str) -> int:
        """Return a poster's number.

        Raises:
            NoSuchPosterError: There is no such poster.
        """
        if identity not in self.place:
            raise NoSuchPosterError(identity)
        return self.place[identity]

    def title(self, number: int) -> str:
        """Return the title of a poster's film, or the poster's id."""
        return self.rows["title"][number].as_py() or self.ids[number]

    def id_of_content(self, sha256: str) -> str | None:
        """Return the id of the first poster with the given content, if there is one."""
        digests = self.rows["sha256"].to_pylist()
        return next((name for name, own in zip(self.ids, digests, strict=True) if own == sha256), None)


def read_snapshot(
    catalogue: Catalogue, state: str, old: Snapshot | None, *, show_progress: bool | None = False
) -> Snapshot:
    """Read a catalogue.

    Args:
        catalogue: The catalogue.
        state: Digest of all that the page shows of it.
        old: The version read before; its sprites are reused if the posters are the same.
        show_progress: True and False force the bars; None shows them on a terminal.
    """
    store = catalogue.store
    version = store.version
    rows = store.read(POSTERS.names)
    ids = rows["id"].to_pylist()
    if old is not None and old.version == version:
        atlas, pages = old.atlas, old.pages
    else:
        atlas, pages = catalogue.atlas(show_progress=show_progress)
    slot_of = {identity: slot for slot, identity in enumerate(atlas.slots) if identity}
    # A poster may have been removed between the two reads: it gets no slot, and no other poster's colours.
    slots = np.array([slot_of.get(identity, -1) for identity in ids], np.int64)
    palettes = np.zeros((len(ids), *atlas.palettes.shape[1:]), np.uint8)
    palettes[slots >= 0] = atlas.palettes[slots[slots >= 0]]
    titles = [title or "" for title in rows["title"].to_pylist()]
    popularity = [value or 0.0 for value in rows["popularity"].to_pylist()]
    models, refused = current_models(store)
    return Snapshot(
        version=version,
        state=state,
        rows=rows,
        ids=ids,
        place={identity: number for number, identity in enumerate(ids)},
        titles=TitleIndex(ids, titles, rows["year"].to_pylist(), popularity),
        kin=kin_of(rows),
        atlas=atlas,
        pages=pages,
        sheets=sheet_keys(atlas),
        slots=slots,
        palettes=palettes,
        digests={digest[:DIGEST]: digest for digest in rows["sha256"].to_pylist()},
        models=models,
        refused=refused,
        thumbnail_rows={digest: row for row, digest in enumerate(store.thumbnail_digests())},
    )
