"""Fitting a picture of any shape to the input size of an encoder."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.errors import UnknownNameError

RGB = NDArray[np.uint8]

TIERS = tuple((96 * 2**step, 64 * 2**step) for step in range(6))
"""(height, width) that pictures are decoded at, from 64×96 to 2,048×3,072 pixels."""


@cache
def tier(size: tuple[int, int]) -> tuple[int, int] | None:
    """Give the smallest of :data:`TIERS` that covers ``size``; None if none does, which means decoding in full.

    Encoders with similar input sizes share one decoding, and an encoder's vectors never depend on which other encoders
    it was run with.

    >>> tier((24, 16)), tier((224, 224)), tier((5000, 5000))
    ((96, 64), (384, 256), None)
    """
    return next((found for found in TIERS if found[0] >= size[0] and found[1] >= size[1]), None)


def fit(picture: RGB, size: tuple[int, int], how: str = "stretch") -> RGB:
    """Fit a picture (h, w, 3) to exactly ``size`` = (height, width).

    Args:
        picture: RGB, uint8.
        size: (height, width) in pixels.
        how: A name in :data:`FITS`.

    Raises:
        UnknownNameError: There is no fit of that name.

    >>> fit(np.zeros((300, 200, 3), np.uint8), (96, 64)).shape
    (96, 64, 3)
    """
    if how not in FITS:
        raise UnknownNameError("fit", how, FITS)
    return FITS[how](picture, size)


def stretch(picture: RGB, size: tuple[int, int]) -> RGB:
    """Scale each side independently: nothing is lost, but shapes other than the target's are distorted."""
    height, width = size
    if picture.shape[:2] == (height, width):
        return picture
    shrinking = max(picture.shape[0] / height, picture.shape[1] / width)
    # For moderate shrinking, two taps a side cover all of the source, in a quarter of the time of averaging areas.
    how = cv2.INTER_AREA if shrinking >= 2.5 else cv2.INTER_LINEAR if shrinking > 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)


def sample(picture: RGB, size: tuple[int, int]) -> RGB:
    """Pick evenly spaced pixels without mixing any: for encoders that count colours, at a fraction of the cost."""
    height, width = size
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def centre_crop(picture: RGB, size: tuple[int, int]) -> RGB:
    """Scale until the target is covered, and crop the excess equally on both sides."""
    (h, w), (height, width) = picture.shape[:2], size
    scale = max(height / h, width / w)
    cut_h, cut_w = min(h, round(height / scale)), min(w, round(width / scale))
    top, left = (h - cut_h) // 2, (w - cut_w) // 2
    return stretch(picture[top : top + cut_h, left : left + cut_w], size)


def pad(picture: RGB, size: tuple[int, int]) -> RGB:
    """Scale until it fits inside the target, and fill the rest with black, equally on both sides."""
    (h, w), (height, width) = picture.shape[:2], size
    scale = min(height / h, width / w)
    inner = stretch(picture, (max(1, round(h * scale)), max(1, round(w * scale))))
    canvas = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return canvas


def random_crop(picture: RGB, size: tuple[int, int]) -> RGB:
    """Scale until the target is covered, and crop at a random position that depends only on the picture."""
    (h, w), (height, width) = picture.shape[:2], size
    scale = max(height / h, width / w)
    cut_h, cut_w = min(h, round(height / scale)), min(w, round(width / scale))
    place = zlib.crc32(picture.tobytes()) / 2**32
    top, left = round(place * (h - cut_h)), round(place * (w - cut_w))
    return stretch(picture[top : top + cut_h, left : left + cut_w], size)


FITS: dict[str, Callable[[RGB, tuple[int, int]], RGB]] = {
    "center-crop": centre_crop,
    "multi-crop": stretch,  # to 2:3; the encoder averages over the squares at the top, in the middle and at the bottom
    "native": stretch,  # to 2:3, the usual shape of posters, so hardly anything is distorted
    "pad": pad,
    "random-crop": random_crop,
    "sample": sample,
    "stretch": stretch,
}
"""The ways of fitting, by name."""
