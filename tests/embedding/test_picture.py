"""A picture from outside: the very vectors of a file, worked out once."""

from __future__ import annotations

import io

import numpy as np
import pytest
from conftest import picture
from counting import NAMES, count_work

import posterity
from posterity.embedding.picture import Picture
from posterity.embedding.pipeline import encode_file
from posterity.encoders import ENCODERS
from posterity.errors import ImageError
from posterity.images import Limits, decode, tier


def content(kind: str, size: tuple[int, int] = (400, 600), mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    picture(5, size).convert(mode).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    "data", [content("JPEG"), content("JPEG", (61, 47), "L"), content("PNG", mode="P"), content("WEBP", (1500, 2300))]
)
def test_its_vectors_are_those_of_the_file_to_the_bit(data: bytes) -> None:
    one = Picture("one", data)
    for name in NAMES:
        encoder = ENCODERS.get(name)
        np.testing.assert_array_equal(one.vector(encoder), encode_file(encoder, data))
    np.testing.assert_array_equal(one.decoded().pixels, decode(data))
    np.testing.assert_array_equal(one.decoded((192, 128)).pixels, decode(data, (192, 128)))


def test_it_is_decoded_once_a_size_and_encoded_once_an_encoder(
    films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content("JPEG")
    decoded, encoded = count_work(monkeypatch, data)
    one = Picture("one", data)
    for _ in range(2):
        films.similar(image=one, encoder="poster")
        films.similar(image=one, weights="colour=1,content=1,composition=1", encoder="poster")
        films.similar("tt0000001", image=one, encoder="pixels")
    sizes = {tier(ENCODERS.get(name).spec.size) for name in NAMES}
    assert encoded == dict.fromkeys(NAMES, 1)
    assert decoded == dict.fromkeys(sizes, 1)


def test_its_limits_hold_however_it_is_used() -> None:
    one = Picture("one", content("PNG"), Limits(max_pixels=1000))
    with pytest.raises(ImageError, match="over the limit of 1,000"):
        one.decoded((96, 64))
    with pytest.raises(ImageError, match="over the limit of 1,000"):
        one.vector(ENCODERS.get("colour"))
    with pytest.raises(ImageError, match="not a supported picture format"):
        Picture("none", b"none").decoded()


def test_two_pictures_of_one_content_are_equal_whatever_was_worked_out() -> None:
    data = content("JPEG")
    one, two = Picture("a", data), Picture("a", data)
    one.vector(ENCODERS.get("colour"))
    assert one == two
    assert str(one) == "a"
    assert "JFIF" not in repr(one)
