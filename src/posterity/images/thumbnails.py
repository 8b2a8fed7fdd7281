"""Small copies of a picture: the thumbnails stored in a catalogue."""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

RGB = NDArray[np.uint8]

THUMBNAIL_SIZE = (192, 128)
"""(height, width) that a thumbnail fits into: a 2:3 poster fills it."""

JPEG_QUALITY = 82


def shrink(picture: RGB, size: tuple[int, int]) -> RGB:
    """Scale a picture down, keeping its shape, until it fits into ``size`` = (height, width); never scale it up."""
    h, w = picture.shape[:2]
    scale = min(1.0, size[0] / h, size[1] / w)
    if scale == 1.0:
        return picture
    target = (max(1, round(w * scale)), max(1, round(h * scale)))
    return np.asarray(cv2.resize(picture, target, interpolation=cv2.INTER_AREA), np.uint8)


def thumbnail(picture: RGB) -> bytes:
    """Make a picture's thumbnail: a JPEG that fits into :data:`THUMBNAIL_SIZE`."""
    small = np.ascontiguousarray(shrink(picture, THUMBNAIL_SIZE))
    return bytes(simplejpeg.encode_jpeg(small, quality=JPEG_QUALITY, colorspace="RGB", colorsubsampling="420"))


def is_blank(picture: RGB, tolerance: float = 2.0) -> bool:
    """Tell whether a picture has only one colour (a placeholder): no channel varies by more than ``tolerance``."""
    return bool(np.ptp(cv2.resize(picture, (16, 16), interpolation=cv2.INTER_AREA), axis=(0, 1)).max() <= tolerance)
