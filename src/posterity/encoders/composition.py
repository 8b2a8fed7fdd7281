"""Composition: where a poster's edges are, which way they run, and where it is light and dark. Colour is ignored.

Three parts, joined into one vector of unit length:

- *Edges*, 3 scales × 6×4 cells × 8 orientations. Histograms of oriented gradients (Dalal & Triggs 2005) of the luma,
  regardless of which side of an edge is lighter. The cells are few and large and blend into each other
  (Gaussian pooling), and the scales are halvings, as in the spatial envelope, GIST (Oliva & Torralba 2001): the layout
  counts, not the exact place. Each cell's histogram is divided by its own contrast, square-rooted (Hellinger) and
  centred, so that unrelated posters have a cosine near 0 instead of near 1.
- *Light*, 6×4 cells: the luma minus its mean, as in the MPEG-7 colour layout descriptor (Kasutani & Yamada 2001).
- *Flatness*, one number: what is missing to unit length. A single-coloured picture has no edges and no layout of light,
  so its vector is (0, …, 0, 1): its cosine is 1 with other blank pictures and near 0 with all others.

The numbers below were chosen on 7,056 real posters with ``benchmarks/encoder_quality.py``; finer grids, one or two
scales and other shares of light found fewer of the other posters of the same film.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.encoders._check import check_images
from posterity.encoders.base import EncoderSpec

Array = NDArray[np.float32]

HEIGHT, WIDTH = 96, 64
SCALES = 3
ROWS, COLUMNS = 6, 4
ORIENTATIONS = 8
"""Number of gradient directions: 0, π/8, …, 7π/8; 0 is across a vertical edge, π/2 across a horizontal one."""
POOLING = 0.5
"""Standard deviation of a cell's Gaussian window, in cells."""
LIGHT_SHARE = 0.2
"""Share of the light part in a cosine; the edges have the rest."""
CELL_FLOOR = 1.0
"""Mean gradient, in grey levels per pixel, below which a cell counts as increasingly flat; noise and rounding are
below it."""
EDGE_FLOOR = 0.1
"""The same for the edges of a whole picture, whose length is otherwise about 2."""
LIGHT_FLOOR = 4.0
"""The same for the light, in grey levels, over all cells together."""

_CELLS = ROWS * COLUMNS
_EDGES = SCALES * _CELLS * ORIENTATIONS
_DIMENSION = _EDGES + _CELLS + 1
_COARSE_HEIGHT, _COARSE_WIDTH = HEIGHT >> (SCALES - 1), WIDTH >> (SCALES - 1)
_BLOCK = 8
"""Posters processed at once: few enough for the cache, enough that threads seldom wait for the interpreter's lock."""


def _windows(cells: int, length: int) -> NDArray[np.float64]:
    """Give the Gaussian windows (cells, length) that pool ``length`` pixels into ``cells``; each row sums to 1."""
    centre = (np.arange(cells) + 0.5) * length / cells
    distance = (np.arange(length) + 0.5 - centre[:, None]) * cells / length
    window: NDArray[np.float64] = np.exp(-(distance**2) / (2 * POOLING**2))
    window /= window.sum(axis=1, keepdims=True)
    return window


_POOL = np.kron(_windows(ROWS, _COARSE_HEIGHT), _windows(COLUMNS, _COARSE_WIDTH)).T.astype(np.float32)  # (384, 24)


def oriented_gradients(luma: Array) -> Iterator[tuple[int, Array]]:
    """Distribute each pixel's gradient over orientations: float32 (n, h, w) -> 8 pairs of k and float32 (n, h, w).

    A gradient (central differences) of length m and direction θ gives orientation k the share
    m · max(0, cos 2(θ - θ_k))³. They are yielded one by one, not in the order of k, to save memory.
    """
    padded = np.pad(luma, ((0, 0), (1, 1), (1, 1)), mode="edge")
    dx = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    dy = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    energy = dx * dx + dy * dy
    length = np.sqrt(energy)
    np.maximum(energy, np.float32(1e-12), out=energy)
    cos_2 = (dx + dy) * (dx - dy) / energy
    sin_2 = 2 * dx * dy / energy
    half = ORIENTATIONS // 2
    for k in range(half):
        doubled = 2 * np.pi * k / ORIENTATIONS
        projection = np.float32(np.cos(doubled)) * cos_2 + np.float32(np.sin(doubled)) * sin_2
        share = projection * projection
        share *= projection
        share *= length
        along = np.maximum(share, 0)
        yield k, along
        # Orientation k + 4 is at a right angle to k, where cos 2θ is the same with the opposite sign.
        yield k + half, along - share


def _shrink(planes: Array, height: int, width: int) -> Array:
    """Average (..., h, w) down to (..., height, width), smaller by whole factors."""
    if planes.shape[-2:] == (height, width):
        return planes
    # Stacked into one tall picture: the blocks that are averaged never span two of them.
    tall = planes.reshape(-1, planes.shape[-1])
    shrunk = cv2.resize(tall, (width, len(tall) * height // planes.shape[-2]), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float32).reshape(*planes.shape[:-2], height, width)


def _soften(vectors: Array, floor: float) -> Array:
    """Scale each vector (..., d) to unit length if it is long compared with ``floor``, and towards 0 if it is not."""
    squared = (vectors * vectors).sum(axis=-1, keepdims=True)
    softened: Array = vectors / np.sqrt(squared + np.float32(floor * floor))
    return softened


def _edges(luma: Array) -> Array:
    """Give the edges of luma (n, 96, 64): (n, 3 * 24 * 8), by scale, cell (row by row) and orientation."""
    n = len(luma)
    coarse = np.empty((n, SCALES, ORIENTATIONS, _COARSE_HEIGHT, _COARSE_WIDTH), np.float32)
    for scale in range(SCALES):
        scaled = _shrink(luma, HEIGHT >> scale, WIDTH >> scale)
        for k, share in oriented_gradients(scaled):
            coarse[:, scale, k] = _shrink(share, _COARSE_HEIGHT, _COARSE_WIDTH)
    # A stack of products, one per poster and all of one shape, so that no poster's result depends on the others.
    cells = coarse.reshape(n, SCALES * ORIENTATIONS, -1) @ _POOL
    cells = cells.reshape(n, SCALES, ORIENTATIONS, _CELLS).swapaxes(2, 3).copy()
    contrast = np.sqrt((cells * cells).sum(axis=-1, keepdims=True)) + np.float32(CELL_FLOOR)
    roots = np.sqrt(cells / contrast)
    roots -= roots.mean(axis=-1, keepdims=True)
    return _soften(roots.reshape(n, SCALES, -1), EDGE_FLOOR).reshape(n, _EDGES)


def _light(luma: Array) -> Array:
    """Give the layout of light of luma (n, 96, 64): (n, 24), row by row."""
    light = _shrink(luma, ROWS, COLUMNS).reshape(len(luma), _CELLS)
    return _soften(light - light.mean(axis=1, keepdims=True), LIGHT_FLOOR)


@final
class Composition:
    """Posters -> their layout of edges and light, of unit length; d = 601.

    Colours do not matter: pictures with the same luma have the same vector.
    """

    spec = EncoderSpec(
        name="composition",
        dimension=_DIMENSION,
        size=(HEIGHT, WIDTH),
        fit="stretch",
        metric="cosine",
        version=1,
        summary="The poster's layout: where edges run and which way, where it is light and dark",
    )

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn uint8 RGB pictures (n, 96, 64, 3) into float32 vectors (n, 601) of unit length.

        Raises:
            ArgumentError: ``images`` has another type or shape.
        """
        check_images(images, self.spec)
        vectors = np.empty((len(images), _DIMENSION), np.float32)
        for start in range(0, len(images), _BLOCK):
            block = images[start : start + _BLOCK]
            grey = cv2.cvtColor(np.ascontiguousarray(block).reshape(-1, WIDTH, 3), cv2.COLOR_RGB2GRAY)
            luma = grey.astype(np.float32).reshape(-1, HEIGHT, WIDTH)
            vector = vectors[start : start + _BLOCK]
            vector[:, :_EDGES] = _edges(luma) * np.float32(np.sqrt((1 - LIGHT_SHARE) / SCALES))
            vector[:, _EDGES:-1] = _light(luma) * np.float32(np.sqrt(LIGHT_SHARE))
            squared = (vector[:, :-1] ** 2).sum(axis=1)
            vector[:, -1] = np.sqrt(np.maximum(1 - squared, 0))
        return vectors
