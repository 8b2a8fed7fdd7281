"""The poster clinic: the analysis of an uploaded poster, which is not stored."""

from __future__ import annotations

from posterity.embedding.picture import Picture
from posterity.images import THUMBNAIL_SIZE, Limits
from posterity.layouts.palettes import palette_of, written
from posterity.learning.current import GenreView, MoneyView, views_of
from posterity.settings import setting
from posterity.web.answers import Clinic
from posterity.web.films import N_PREDICTED
from posterity.web.gallery import Gallery

MOST_BYTES = 32 * 2**20
"""Maximum file size; larger files are refused unread."""


def examine_poster(gallery: Gallery, name: str, data: bytes, k: int = 12) -> Clinic:
    """Analyse an uploaded poster.

    Raises:
        ImageError: The picture cannot be read, or is outside the limits.
        CatalogueError: The catalogue has no vectors to compare it with.
    """
    limits = Limits(setting("max_pixels"), setting("min_side"), min(setting("max_bytes"), MOST_BYTES))
    picture = Picture(name, data, limits)
    small = picture.decoded(THUMBNAIL_SIZE)
    snap = gallery.snapshot()
    matches = gallery.catalogue.similar(image=picture, k=k, encoder=gallery.encoder())
    predicted: list[GenreView] = []
    money: MoneyView | None = None
    if "genres" in snap.models:
        (found,) = gallery.catalogue.learn.predict(picture)
        predicted, money = views_of(found, snap.models, N_PREDICTED)
    return Clinic(
        name=name,
        width=small.width,
        height=small.height,
        known=snap.id_of_content(picture.sha256),
        matches=matches,
        palette=written(palette_of(small.pixels)),
        predicted=predicted,
        money=money,
        spots=gallery.layouts.spots(picture),
        notes=gallery.notes(),
    )
