"""What the page knows of every poster, in columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posterity.catalogue import provenance
from posterity.images import THUMBNAIL_SIZE
from posterity.layouts.atlas import SHEET
from posterity.web.answers import Sprites
from posterity.web.snapshot import Said, Snapshot


def numbers(values: Sequence[str | None]) -> tuple[list[str], list[int]]:
    """Number the values, sorted: the names, and each one's number or -1."""
    names = sorted({value for value in values if value})
    place: dict[str | None, int] = {name: i for i, name in enumerate(names)}
    return names, [place.get(value or None, -1) for value in values]


def sets(values: Sequence[Sequence[str] | None]) -> tuple[list[str], list[list[int]]]:
    """Number the names in each set, sorted: the names, and each set's numbers."""
    names = sorted({name for some in values for name in some or ()})
    place = {name: i for i, name in enumerate(names)}
    return names, [[place[name] for name in dict.fromkeys(some or ())] for some in values]


def claimed(ids: Sequence[str], said: Said) -> list[list[int]]:
    """Give the labels that a model claims for each poster, by number."""
    claims = said.values >= said.thresholds
    return [np.flatnonzero(claims[said.place[identity]]).tolist() if identity in said.place else [] for identity in ids]


def sprites(snap: Snapshot) -> Sprites:
    """Tell where the posters' sprites and thumbnails are."""
    per_sheet = SHEET[0] * SHEET[1]
    digests = snap.atlas.digests
    sheets = [
        provenance.digest(THUMBNAIL_SIZE, digests[start : start + per_sheet])[:32]
        for start in range(0, len(digests), per_sheet)
    ]
    return Sprites(snap.atlas.sprite, snap.atlas.grid, list(snap.atlas.keys), snap.slots.tolist(), SHEET, sheets)
