"""The check that every encoder makes on its input."""

from __future__ import annotations

import numpy as np

from posterity.encoders.base import EncoderSpec
from posterity.errors import ArgumentError


def check_images(images: object, spec: EncoderSpec) -> None:
    """Refuse anything but uint8 pictures of the size that ``spec`` declares.

    Raises:
        ArgumentError: ``images`` is not a uint8 array of shape (n, height, width, 3).
    """
    height, width = spec.size
    if isinstance(images, np.ndarray):
        if images.dtype == np.uint8 and images.ndim == 4 and images.shape[1:] == (height, width, 3):
            return
        found = f"{images.dtype} of shape {images.shape}"
    else:
        found = type(images).__name__
    raise ArgumentError(
        f"encoder {spec.name!r} cannot read {found}",
        f"It takes RGB pictures as a uint8 array of shape (n, {height}, {width}, 3)",
    )
