"""A poster's picture: from its file, or its thumbnail where the file is gone or broken by now."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster, Store
from posterity.errors import ImageError
from posterity.images import decode
from posterity.runtime.storage import read_bytes


class Shown(str):
    """What a picture that was searched by is called, and its content: so it is drawn as it was searched, wherever from.

    It is text like any other, also in JSON; its name is never looked up.
    """

    data: bytes

    def __new__(cls, name: str, data: bytes) -> Shown:
        """Name a picture."""
        made = super().__new__(cls, name)
        made.data = data
        return made

    def __reduce__(self) -> tuple[type[Shown], tuple[str, bytes]]:
        """Give what a copy is made of."""
        return Shown, (str(self), self.data)


def picture_of(store: Store, poster: Poster, enough: tuple[int, int] = (450, 300)) -> NDArray[np.uint8]:
    """Give a poster's picture, RGB, at least as large as ``enough`` = (height, width) where there is so much of it."""
    try:
        return file_of(poster, enough)
    except (OSError, ImageError):
        return decode(store.thumbnails([poster.sha256])[poster.sha256])


def file_of(poster: Poster, enough: tuple[int, int]) -> NDArray[np.uint8]:
    """Give the picture in a poster's file.

    Raises:
        ImageError: It is not a picture that can be read.
        OSError: It cannot be read.
    """
    return decode(read_bytes(poster.source, poster.path), enough)


def unchanged_content(poster: Poster) -> bytes | None:
    """Read a poster's file; None where it cannot be read or holds anything but what was catalogued."""
    try:
        data = read_bytes(poster.source, poster.path)
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == poster.sha256 else None
