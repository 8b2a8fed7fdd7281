"""Colour: which colours a poster has and how much of each, wherever they are.

Every pixel's colour is distributed over anchor colours spread over CIELAB, by a Gaussian kernel of its distance (ΔE*ab)
from each. So a slightly shifted hue moves a little weight to the next anchor, where a plain histogram would jump to
another bin. The idea is the soft assignment of van Gemert et al. (2010, "Visual word ambiguity"), over colours instead
of visual words; the power and unit length that follow are those of Perronnin et al. (2010, "Improving the Fisher
kernel"), which keep one large area from dominating all others.

It is fast because the kernel is evaluated only once, for the 4096 codes of a 16×16×16 RGB histogram: a poster is one
histogram and one row of a matrix product. And it is exact: counts and weights are whole numbers whose sums stay below
2**24, so float32 adds them without rounding, in whatever order BLAS chooses. The same picture gives the same bits in
any batch, with any number of threads.

The numbers below were chosen on 7,056 real posters with ``benchmarks/encoder_quality.py``: 64 to 256 anchors, widths
of 4 to 20 and powers of 1/4 to 1 were tried. Horizontal bands did not help when combined with ``composition``.
"""

from __future__ import annotations

from functools import cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from posterity.encoders._check import check_images
from posterity.encoders.base import EncoderSpec
from posterity.numerics.lab import CODES, code_lab, count_codes

HEIGHT, WIDTH = 48, 32
"""A small picture is enough: 96×64 pixels describe the colours no better (all scores equal within their intervals) and
cost twice as much to shrink and count."""
ANCHORS = 64
BANDWIDTH = 10.0
"""Standard deviation of the kernel, in ΔE*ab."""
_ONE = 2048
"""The whole number that represents a weight of 1: 48 · 32 · 2048 < 2**24, so that no sum is ever rounded."""
_BLOCK, _SLICE = 64, 64
"""Posters and codes in one matrix product. 64 · 64 · 64 is the most that OpenBLAS computes in the calling thread: for
larger products it wakes helper threads, which spin while others decode, and a busy machine takes 20 times as long."""


@cache
def anchors() -> NDArray[np.float32]:
    """Give the anchor colours, CIELAB (64, 3): each is the code farthest from those before it (Gonzalez 1985).

    The first is black. Farthest-first spreads them evenly over the sRGB gamut, without fitting them to data.
    """
    lab = code_lab()
    chosen = [0]
    nearest = ((lab - lab[0]) ** 2).sum(axis=1)
    while len(chosen) < ANCHORS:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((lab - lab[chosen[-1]]) ** 2).sum(axis=1))
    chosen_lab: NDArray[np.float32] = lab[chosen]
    return chosen_lab


@cache
def weights() -> NDArray[np.float32]:
    """Give each code's share in each anchor, whole numbers (4096, 64); a row's sum is about 2048."""
    codes, centres = code_lab().T.astype(np.float64), anchors().T
    squared = sum((code[:, None] - centre) ** 2 for code, centre in zip(codes, centres, strict=True))  # L*, a*, b*
    kernel = np.exp(-squared / (2 * BANDWIDTH**2))
    shares: NDArray[np.float32] = np.rint(_ONE * kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _product(counts: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give ``counts @ share``, slice by slice of the codes: (n, 4096) and (4096, 64) -> (n, 64)."""
    slices = CODES // _SLICE
    left = counts.reshape(len(counts), slices, _SLICE).swapaxes(0, 1)
    total: NDArray[np.float32] = (left @ share.reshape(slices, _SLICE, ANCHORS)).sum(axis=0)
    return total


@final
class Colour:
    """Posters -> how much they have of each of 64 anchor colours, scaled to unit length.

    The cosine of two vectors is near 1 for the same palette and 0 for palettes without a colour in common.
    Rearranging pixels changes nothing.
    """

    spec = EncoderSpec(
        name="colour",
        dimension=ANCHORS,
        size=(HEIGHT, WIDTH),
        fit="sample",
        metric="cosine",
        version=1,
        summary="The poster's colours and their shares, as the eye tells them apart (CIELAB)",
    )

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn uint8 RGB pictures (n, 48, 32, 3) into float32 vectors (n, 64) of unit length, none negative.

        Raises:
            ArgumentError: ``images`` has another type or shape.
        """
        check_images(images, self.spec)
        vectors = np.empty((len(images), ANCHORS), np.float32)
        for start in range(0, len(images), _BLOCK):
            block = images[start : start + _BLOCK]
            counts = np.empty((len(block), CODES), np.float32)
            for row, image in zip(counts, block, strict=True):
                row[:] = count_codes(image)
            root = np.sqrt(_product(counts, weights()))
            # The fourth root of a share, over the length of the vector of fourth roots.
            vectors[start : start + _BLOCK] = np.sqrt(root / root.sum(axis=1, keepdims=True))
        return vectors
