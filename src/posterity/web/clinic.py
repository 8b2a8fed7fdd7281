"""The poster clinic: what can be said of a poster that is sent, and kept nowhere."""

from __future__ import annotations

import hashlib

import numpy as np

from posterity.catalogue.pictures import Upload
from posterity.embedding.pipeline import encode_file
from posterity.encoders import ENCODERS
from posterity.images import THUMBNAIL_SIZE, Limits, examine, fit
from posterity.layouts.atlas import palettes_of
from posterity.layouts.maps import Map
from posterity.learning.predicting import Prediction
from posterity.numerics.projection.places import placed
from posterity.settings import setting
from posterity.web.answers import Clinic, GenreView, MoneyView, Spot
from posterity.web.gallery import N_PREDICTED, Gallery, palette_view
from posterity.web.layouts import on_page

MOST_BYTES = 32 * 2**20
"""Larger files are refused unread."""


def examine_poster(gallery: Gallery, name: str, data: bytes, k: int = 12) -> Clinic:
    """Tell what there is to tell of a poster.

    Raises:
        ImageError: It is no picture that can be read, or is outside the limits.
        CatalogueError: The catalogue has no vectors to compare it with.
    """
    limits = Limits(setting("max_pixels"), setting("min_side"), min(setting("max_bytes"), MOST_BYTES))
    seen = examine(data, THUMBNAIL_SIZE, limits)
    snap = gallery.snapshot()
    digest = hashlib.sha256(data).hexdigest()
    known = [identity for identity, own in zip(snap.ids, snap.rows["sha256"].to_pylist(), strict=True) if own == digest]
    upload = Upload(name, data)
    matches = gallery.catalogue.similar(image=upload, k=k, encoder=gallery.encoder())
    predicted: list[GenreView] = []
    money = None
    if "genres" in snap.models:
        (said,) = gallery.catalogue.learn.predict(upload)
        predicted = _views(said)
        money = _money(said, gallery.caveat())
    (colours,) = palettes_of(fit(seen.pixels, (24, 16), "stretch")[None])
    return Clinic(
        name=name,
        width=seen.width,
        height=seen.height,
        known=known[0] if known else None,
        matches=matches,
        palette=palette_view(colours),
        predicted=predicted,
        money=money,
        spots=_spots(gallery, data),
        notes=gallery.notes(),
    )


def _spots(gallery: Gallery, data: bytes) -> list[Spot]:
    """Place a picture on the maps that there are."""
    found = []
    for layout in gallery.collection().layouts:
        if layout.kind != "map" or layout.name == "map":
            continue
        kept = gallery.layouts.find("map", layout.name)
        if not isinstance(kept, Map) or not kept.positions:
            continue
        ids, vectors = gallery.catalogue.vectors(kept.encoder)
        points = np.array([kept.positions.get(identity, (np.nan, np.nan)) for identity in ids])
        here = ~np.isnan(points[:, 0])
        vector = encode_file(ENCODERS.get(kept.encoder), data)
        ((x, y),) = on_page(placed(vector[None], vectors[here], points[here]), points[here]).tolist()
        found.append(Spot(layout.name, x, y))
    return found


def _views(said: Prediction) -> list[GenreView]:
    return [
        GenreView(each.genre, each.probability, each.low, each.high, each.prior, each.claimed)
        for each in said.genres[:N_PREDICTED]
    ]


def _money(said: Prediction, caveat: str) -> MoneyView | None:
    found = said.box_office
    if found is None:
        return None
    return MoneyView(found.probability, found.low, found.high, found.base_rate, found.based_on, caveat)
