"""A picture's main colours, as stored in the atlas and as people write them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posterity.images import fit
from posterity.layouts.atlas import palettes_of

_SIZE = (24, 16)
"""(height, width) that a picture is resized to before its colours are counted."""


def palette_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Find the main colours of one picture (h, w, 3): (4, 4), as :func:`posterity.layouts.atlas.palettes_of` does."""
    return np.asarray(palettes_of(fit(pixels, _SIZE, "stretch")[None])[0])


def written(palette: NDArray[np.uint8]) -> list[tuple[str, float]]:
    """Write a palette (4, 4) of the atlas as "#rrggbb" and share of the area, the largest first.

    >>> written(np.array([[255, 0, 16, 204], [0, 0, 0, 51], [0, 0, 0, 0], [0, 0, 0, 0]], np.uint8))
    [('#ff0010', 0.8), ('#000000', 0.2)]
    """
    return [(f"#{r:02x}{g:02x}{b:02x}", share / 255) for r, g, b, share in palette.tolist() if share]
