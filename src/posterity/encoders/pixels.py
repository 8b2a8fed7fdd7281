"""Raw pixels: the baseline that every other encoder has to beat.

The poster, shrunk to a thumbnail and flattened into one long vector, as in the article that Posterity grew from. Two
posters are near if they have the same colours in the same places; a shift by a few pixels already separates them.
"""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from posterity.encoders._check import check_images
from posterity.encoders.base import EncoderSpec

HEIGHT, WIDTH = 24, 16


@final
class Pixels:
    """Posters -> their 24×16 RGB values in [0, 1], row by row; d = 1152.

    >>> Pixels().encode(np.full((2, 24, 16, 3), 255, np.uint8)).shape
    (2, 1152)
    """

    spec = EncoderSpec(
        name="pixels",
        dimension=HEIGHT * WIDTH * 3,
        size=(HEIGHT, WIDTH),
        fit="stretch",
        metric="euclidean",
        version=1,
        summary="Raw RGB of a thumbnail, 24 by 16: the baseline",
    )

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn uint8 RGB pictures (n, 24, 16, 3) into float32 vectors (n, 1152) with values in [0, 1].

        Raises:
            ArgumentError: ``images`` has another type or shape.
        """
        check_images(images, self.spec)
        return images.reshape(len(images), self.spec.dimension).astype(np.float32) / np.float32(255)
