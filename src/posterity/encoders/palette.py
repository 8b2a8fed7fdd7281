"""A poster's palette: a few colours that represent the whole, with their shares.

Weighted k-means (Lloyd 1982) in CIELAB over the colours that occur, coarsened to at most 4096 codes. Nothing in it is
random: the first centre is the most common colour, and each further centre is the colour with the largest product of
share and squared distance to the centres so far (a greedy, deterministic variant of k-means++, Arthur & Vassilvitskii
2007).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError
from posterity.numerics.lab import CODES, LEVELS, rgb_to_lab

_MAX_ROUNDS = 50


def palette(image: NDArray[np.uint8], n_colours: int = 5) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Give the colours that summarise a picture, the largest share first.

    Args:
        image: RGB, uint8 (h, w, 3), of any size but 0.
        n_colours: The most colours to return; a picture with fewer gives fewer.

    Returns:
        The colours, uint8 (k, 3), each of which occurs in the picture (as the average of its code), and their shares of
        the area, (k,), which sum to 1.

    Raises:
        ArgumentError: ``image`` is not an RGB picture, or ``n_colours`` is less than 1.

    >>> colours, shares = palette(np.full((3, 2, 3), 200, np.uint8))
    >>> colours.tolist(), shares.tolist()
    ([[200, 200, 200]], [1.0])
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ArgumentError(f"cannot take a palette of {found}", "Give an RGB picture, uint8 of shape (h, w, 3)")
    if image.size == 0:
        raise ArgumentError(f"cannot take a palette of an empty picture, shape {image.shape}", "Give one with pixels")
    if n_colours < 1:
        raise ArgumentError(f"n_colours is {n_colours}", "It must be 1 or more")
    colours, counts = _occurring(image)
    lab = rgb_to_lab(colours).astype(np.float64)
    label = _cluster(lab, counts, _seeds(lab, counts, n_colours))
    found_colours, shares = [], []
    for cluster in np.unique(label):
        members = np.flatnonzero(label == cluster)
        centre = np.average(lab[members], axis=0, weights=counts[members])
        # A mean of colours may not occur in the picture, so the nearest colour that does is used.
        nearest = members[((lab[members] - centre) ** 2).sum(axis=1).argmin()]
        found_colours.append(colours[nearest])
        shares.append(counts[members].sum() / counts.sum())
    order = np.argsort(-np.array(shares), kind="stable")
    return np.array(found_colours)[order], np.array(shares)[order]


def _occurring(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Give the average colour (m, 3) and the pixel count (m,) of each code that occurs."""
    pixels = image.reshape(-1, 3)
    levels = pixels.astype(np.int64) // (256 // LEVELS)
    code = (levels[:, 0] * LEVELS + levels[:, 1]) * LEVELS + levels[:, 2]
    counts = np.bincount(code, minlength=CODES)
    present = np.flatnonzero(counts)
    sums = np.stack([np.bincount(code, weights=pixels[:, c], minlength=CODES) for c in range(3)], axis=-1)
    means = np.rint(sums[present] / counts[present, None]).astype(np.uint8)
    return means, counts[present].astype(np.float64)


def _seeds(lab: NDArray[np.float64], counts: NDArray[np.float64], n_colours: int) -> NDArray[np.float64]:
    """Give the first centres, (k, 3)."""
    chosen = [int(counts.argmax())]
    nearest = ((lab - lab[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < n_colours and nearest.any():
        chosen.append(int((counts * nearest).argmax()))
        nearest = np.minimum(nearest, ((lab - lab[chosen[-1]]) ** 2).sum(axis=1))
    return lab[chosen]


def _cluster(lab: NDArray[np.float64], counts: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give each colour's cluster, (m,), iterating Lloyd's algorithm until nothing changes."""
    label = np.full(len(lab), -1)
    for _ in range(_MAX_ROUNDS):
        moved = ((lab[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        if np.array_equal(moved, label):
            break
        label = moved
        for cluster in np.unique(label):
            members = label == cluster
            centres[cluster] = np.average(lab[members], axis=0, weights=counts[members])
    return label
