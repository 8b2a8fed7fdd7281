"""Decoding, fitting, thumbnails and hashes."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from conftest import picture
from PIL import Image

from posterity.errors import ImageError, UnknownNameError
from posterity.images import (
    FITS,
    Limits,
    decode,
    examine,
    fit,
    hamming,
    is_blank,
    near_pairs,
    perceptual_hash,
    shrink,
    thumbnail,
)


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_every_format_is_read(format_: str) -> None:
    original = picture(1, (120, 180))
    found = examine(encoded(original, format_))
    assert (found.format, found.width, found.height) == (format_, 120, 180)
    off = np.abs(found.pixels.astype(int) - np.asarray(original).astype(int))
    assert off.mean() < 6
    assert found.flags == ()


def test_reduced_decoding_is_no_smaller_than_asked_and_looks_the_same() -> None:
    data = encoded(picture(2, (1000, 1500)), "JPEG", quality=92)
    reduced = decode(data, (150, 100))
    assert reduced.shape[0] < 400
    assert reduced.shape[0] >= 150
    assert reduced.shape[1] >= 100
    off = fit(reduced, (150, 100)).astype(int) - fit(decode(data), (150, 100)).astype(int)
    assert np.abs(off).mean() < 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 and so on", "not_an_image"),
        (b"\xff\xd8\xff\xe0 but no more", "truncated"),
        (encoded(picture(3), "JPEG")[:900], "truncated"),
        (encoded(picture(3), "PNG")[:900], "truncated"),
        (encoded(picture(3, (10, 15)), "PNG"), "tiny"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data)
    assert caught.value.reason == reason
    assert "\n" not in caught.value.detail


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_too_many_pixels_are_refused_before_decoding(format_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(picture(4, (300, 400)), format_)
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    with pytest.raises(ImageError, match="300×400 is 120,000 pixels, over the limit of 100,000") as caught:
        decode(data, limits=Limits(max_pixels=100_000))
    assert caught.value.reason == "too_many_pixels"


def test_damaged_jpegs_that_can_be_decoded_are_flagged_and_nothing_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    data = encoded(picture(5, (300, 450)), "JPEG", quality=95)
    found = examine(data[: len(data) // 2] + data[len(data) // 2 + 40 :])
    assert [code for code, _ in found.flags] == ["damaged"]
    assert capfd.readouterr() == ("", "")


def test_transparency_lies_over_white_and_16_bits_are_scaled() -> None:
    clear = Image.new("RGBA", (40, 60), (200, 0, 0, 0))
    assert decode(encoded(clear, "PNG")).min() == 255
    deep = Image.fromarray(np.full((60, 40), 0x8000, np.uint16))
    assert abs(int(decode(encoded(deep, "PNG")).mean()) - 128) <= 1


def test_rotation_by_exif_is_undone() -> None:
    upright = picture(6, (120, 180))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    found = examine(data)
    assert (found.width, found.height) == (120, 180)
    assert np.abs(found.pixels.astype(int) - np.asarray(upright).astype(int)).mean() < 4


@pytest.mark.parametrize("how", sorted(FITS))
@pytest.mark.parametrize("shape", [(300, 200), (100, 400), (20, 16), (96, 64)])
def test_fits_give_exactly_the_size_asked(how: str, shape: tuple[int, int]) -> None:
    flat = np.full((*shape, 3), 77, np.uint8)
    result = fit(flat, (96, 64), how)
    assert result.shape == (96, 64, 3)
    assert (result == 77).all() if how != "pad" else (result[48, 32] == 77).all()


def test_fits_differ_in_what_they_keep() -> None:
    wide = np.zeros((100, 200, 3), np.uint8)
    wide[:, :50], wide[:, 150:] = 255, 255  # white wings that a centre crop cuts off
    assert fit(wide, (100, 100), "center-crop").max() == 0
    assert fit(wide, (100, 100), "stretch")[:, :20].min() == 255
    assert fit(wide, (100, 100), "pad")[:20].max() == 0
    with pytest.raises(UnknownNameError, match="center-crop, multi-crop, native, pad, random-crop, sample, stretch"):
        fit(wide, (10, 10), "squash")


def test_thumbnails_keep_the_shape_and_never_grow() -> None:
    assert decode(thumbnail(np.asarray(picture(7, (1000, 1500))))).shape == (192, 128, 3)
    assert decode(thumbnail(np.asarray(picture(7, (1000, 500))))).shape == (64, 128, 3)
    assert decode(thumbnail(np.asarray(picture(7, (40, 60))))).shape == (60, 40, 3)
    assert shrink(np.zeros((9, 3000, 3), np.uint8), (192, 128)).shape == (1, 128, 3)


def test_blank_pictures_are_told_from_dark_ones() -> None:
    assert is_blank(np.full((90, 60, 3), 200, np.uint8))
    dark = np.zeros((90, 60, 3), np.uint8)
    dark[30:60, 20:40] = 12
    assert not is_blank(dark)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((150, 225)),
        lambda image: Image.open(io.BytesIO(encoded(image, "JPEG", quality=35))),
        lambda image: image.point(lambda value: min(255, value + 12)),
    ],
)
def test_the_hash_survives_what_happens_to_copies(change: Callable[[Image.Image], Image.Image]) -> None:
    original = picture(8, (300, 450))
    ours = perceptual_hash(np.asarray(original))
    copy = perceptual_hash(np.asarray(change(original).convert("RGB")))
    others = [perceptual_hash(np.asarray(picture(seed, (300, 450)))) for seed in range(20, 40)]
    assert (ours ^ copy).bit_count() <= 4
    assert min((ours ^ other).bit_count() for other in others) > 12


@pytest.mark.parametrize("most", [0, 1, 5, 8, 20, 63])
def test_near_pairs_are_those_of_comparing_all_with_all(most: int) -> None:
    rng = np.random.default_rng(most)
    hashes = rng.integers(0, 2**64, 200, dtype=np.uint64)
    for i in range(100, 200):  # neighbours at every distance, and equal ones
        flips = rng.choice(64, rng.integers(0, 24), replace=False)
        hashes[i] = hashes[i - 100] ^ np.uint64(sum(1 << int(bit) for bit in flips))
    expected = [
        (i, j) for i in range(200) for j in range(i + 1, 200) if (int(hashes[i]) ^ int(hashes[j])).bit_count() <= most
    ]
    assert [tuple(pair) for pair in near_pairs(hashes, most).tolist()] == expected
    assert expected
    assert hamming(hashes[:1], hashes[:1]).tolist() == [0]


def test_near_pairs_of_nothing_and_of_a_crowd() -> None:
    assert near_pairs(np.empty(0, np.uint64), 4).shape == (0, 2)
    assert len(near_pairs(np.zeros(1500, np.uint64), 4)) == 1500 * 1499 // 2
