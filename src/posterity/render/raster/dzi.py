"""Deep Zoom pictures: a pyramid of tiles, written as the pixels arrive.

The format is that of Microsoft's Deep Zoom (schema http://schemas.microsoft.com/deepzoom/2008), which OpenSeadragon and
most viewers of large pictures read: ``name.dzi`` beside ``name_files/LEVEL/COLUMN_ROW.jpg``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from posterity.runtime.parallel import n_workers, ordered_map

RGB = NDArray[np.uint8]

TILE = 256
QUALITY = 85


def manifest(width: int, height: int) -> str:
    """Return the text of the .dzi file."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
        f'Format="jpg" Overlap="0" TileSize="{TILE}"><Size Width="{width}" Height="{height}"/></Image>\n'
    )


def write_tiles(folder: Path, width: int, height: int, strips: Iterable[RGB], workers: int = 0) -> int:
    """Write all levels into a folder.

    Args:
        folder: An existing, empty folder.
        width: Width in pixels.
        height: Height in pixels.
        strips: (h, width, 3) from top to bottom; every h but the last is :data:`TILE`.
        workers: Number of threads; 0 uses all cores.

    Returns:
        Number of tiles written.
    """
    top = max(width - 1, height - 1).bit_length()
    for level in range(top + 1):
        (folder / str(level)).mkdir()
    done = 0
    for path, jpeg in ordered_map(_encoded, _tiles(_Level(folder, top), strips), n_workers(workers)):
        path.write_bytes(jpeg)
        done += 1
    return done


def _tiles(largest: _Level, strips: Iterable[RGB]) -> Iterator[tuple[Path, RGB]]:
    for strip in strips:
        yield from largest.push(strip)
    yield from largest.end()


class _Level:
    """A level being written: it cuts strips into tiles, and passes two at a time, halved, to the level below."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder / str(number)
        self._below = _Level(folder, number - 1) if number else None
        self._row = 0
        self._half: RGB | None = None

    def push(self, strip: RGB) -> Iterator[tuple[Path, RGB]]:
        for col in range(-(-strip.shape[1] // TILE)):
            tile = np.ascontiguousarray(strip[:, col * TILE : (col + 1) * TILE])
            yield self._folder / f"{col}_{self._row}.jpg", tile
        self._row += 1
        if self._below is not None:
            half = _halved(strip)
            if self._half is None:
                self._half = half
            else:
                both, self._half = np.concatenate([self._half, half]), None
                yield from self._below.push(both)

    def end(self) -> Iterator[tuple[Path, RGB]]:
        if self._below is not None:
            if self._half is not None:
                yield from self._below.push(self._half)
            yield from self._below.end()


def _halved(strip: RGB) -> RGB:
    """Average 2 × 2 pixels; the last row and column of odd sides are repeated."""
    height, width = strip.shape[:2]
    even = cv2.copyMakeBorder(strip, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(even, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA), np.uint8)


def _encoded(job: tuple[Path, RGB]) -> tuple[Path, bytes]:
    path, tile = job
    return path, simplejpeg.encode_jpeg(tile, QUALITY, "RGB", "444")
