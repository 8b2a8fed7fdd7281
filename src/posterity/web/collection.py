"""What the page shows of every poster, in columns."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from posterity.api.columns import numbered, numbered_sets, ratios, shapes
from posterity.layouts.clusters import COLOURS
from posterity.layouts.kept import LayoutName
from posterity.layouts.sheets import SHEET
from posterity.web.answers import Collection, Sprites
from posterity.web.snapshot import DIGEST, Snapshot


def collection_of(
    snap: Snapshot, *, name: str, layouts: Sequence[LayoutName], facets: Sequence[str], encoder: str, clinic: bool
) -> Collection:
    """Collect what the page shows of every poster.

    Args:
        snap: The catalogue.
        name: The catalogue's name.
        layouts: The available maps and walls.
        facets: The facets by which similarity can be weighted.
        encoder: The encoder behind the facet "content".
        clinic: Whether posters can be uploaded.
    """
    column = {name: snap.rows[name].to_pylist() for name in snap.rows.schema.names}
    genres, genre_of = numbered_sets(column["genres"])
    flags, flag_of = numbered_sets(column["flags"])
    languages, language_of = numbered(column["original_language"])
    franchises, franchise_of = numbered(column["collection"])
    model = snap.models.get("genres")
    atlas = snap.atlas
    return Collection(
        name=name,
        state=snap.state,
        ids=snap.ids,
        titles=[title or "" for title in column["title"]],
        years=column["year"],
        genres=genres,
        genre_of=genre_of,
        languages=languages,
        language_of=language_of,
        franchises=franchises,
        franchise_of=franchise_of,
        ratings=column["vote_average"],
        popularity=[None if value is None else round(value, 3) for value in column["popularity"]],
        revenues=column["revenue"],
        ratios=ratios(column["revenue"], column["budget"]),
        flags=flags,
        flag_of=flag_of,
        predicted=model.names if model else [],
        predicted_of=model.claimed(snap.ids) if model else [],
        digests=[digest[:DIGEST] for digest in column["sha256"]],
        shapes=shapes(column["width"], column["height"]),
        palettes=base64.b64encode(snap.palettes.tobytes()).decode(),
        colours={name: (r, g, b) for name, (r, g, b) in COLOURS.items()},
        atlas=Sprites(atlas.sprite, atlas.grid, list(atlas.keys), snap.slots.tolist(), SHEET, snap.sheets),
        layouts=list(layouts),
        facets=list(facets),
        encoder=encoder,
        models=sorted(snap.models),
        clinic=clinic,
    )
