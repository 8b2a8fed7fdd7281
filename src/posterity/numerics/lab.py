"""CIELAB, the colour space in which distance roughly matches perception, and coarse RGB codes for counting colours.

Sources: IEC 61966-2-1:1999 (sRGB's transfer curve and primaries, white D65) and CIE 15:2004, section 8.2.1 (L*a*b*).
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError

LEVELS = 16
"""Levels that each channel is coarsened to for counting colours."""
CODES = LEVELS**3
"""Number of codes: code = (R // 16) * 256 + (G // 16) * 16 + B // 16."""

_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
# Scaled so that (255, 255, 255) is the white point itself, and so exactly L* = 100, a* = b* = 0.
_TO_RELATIVE_XYZ = _TO_XYZ / _TO_XYZ.sum(axis=1, keepdims=True)
_ENCODED = np.arange(256) / 255
_LINEAR = np.where(_ENCODED <= 0.04045, _ENCODED / 12.92, ((_ENCODED + 0.055) / 1.055) ** 2.4)
_DELTA = 6 / 29


def rgb_to_lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert sRGB colours, uint8 (..., 3), to CIELAB (..., 3), white D65.

    L* is in [0, 100]; a* and b* are within about ±110. A Euclidean distance of 2.3 is just noticeable.

    Raises:
        ArgumentError: ``rgb`` is not uint8, or its last axis is not 3 long.

    >>> rgb_to_lab(np.array([255, 0, 0], np.uint8)).round(1).tolist()
    [53.2..., 80.0..., 67.1...]
    """
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8 or rgb.ndim < 1 or rgb.shape[-1] != 3:
        found = f"{rgb.dtype} of shape {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise ArgumentError(f"cannot read {found} as colours", "Give a uint8 array of shape (..., 3), in sRGB")
    xyz = _LINEAR[rgb] @ _TO_RELATIVE_XYZ.T
    f = np.where(xyz > _DELTA**3, np.cbrt(xyz), xyz / (3 * _DELTA**2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


@cache
def code_lab() -> NDArray[np.float32]:
    """Give the CIELAB colour (4096, 3) at the middle of each RGB code."""
    code = np.arange(CODES)
    levels = np.stack([code // LEVELS**2, code // LEVELS % LEVELS, code % LEVELS], axis=-1)
    step = 256 // LEVELS
    return rgb_to_lab((levels * step + step // 2).astype(np.uint8))


def count_codes(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Count the pixels of each RGB code in a picture, uint8 (h, w, 3); float32 (4096,), whole numbers."""
    histogram = cv2.calcHist([image], [0, 1, 2], None, [LEVELS] * 3, [0, 256] * 3)
    counts: NDArray[np.float32] = np.asarray(histogram, np.float32).reshape(CODES)
    return counts
