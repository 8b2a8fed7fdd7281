"""The clinic works once on what it is sent: for the nearest, the predictions and the places on maps together."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from conftest import picture
from counting import count_work

import posterity
from posterity.encoders import ENCODERS
from posterity.errors import ImageError
from posterity.images import THUMBNAIL_SIZE, tier
from posterity.learning.splits import Protocol
from posterity.web.clinic import examine_poster
from posterity.web.gallery import Gallery


def test_a_poster_is_decoded_once_a_size_and_encoded_once_an_encoder(
    studio: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = ("poster", "colour", "pixels")
    studio.learn.genres(encoders=["poster", "colour"], protocol=Protocol(enough=12))
    for name in used:
        studio.map("pca", encoder=name)
    gallery = Gallery(studio)
    gallery.snapshot()
    poster = studio.posters()[3]
    data = Path(poster.source, poster.path).read_bytes()
    decoded, encoded = count_work(monkeypatch, data)
    found = examine_poster(gallery, "mine.jpg", data)
    assert encoded == dict.fromkeys(used, 1)
    assert decoded == dict.fromkeys({tier(ENCODERS.get(name).spec.size) for name in used} | {THUMBNAIL_SIZE}, 1)
    assert found.known == poster.id
    assert found.matches.encoder == "poster"
    assert {spot.layout for spot in found.spots} == {f"map_pca_{name}" for name in used}
    assert found.predicted


def test_the_limits_of_the_settings_hold_for_all_that_is_done(
    films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.BytesIO()
    picture(3, (12, 18)).save(out, "PNG")
    films.map("pca", encoder="pixels")
    gallery = Gallery(films)
    with pytest.raises(ImageError, match="shorter side must have 16 pixels"):
        examine_poster(gallery, "small.png", out.getvalue())
    monkeypatch.setenv("POSTERITY_MIN_SIDE", "8")
    found = examine_poster(gallery, "small.png", out.getvalue())
    assert len(found.matches.matches) == 12
    assert [spot.layout for spot in found.spots] == ["map_pca_pixels"]
