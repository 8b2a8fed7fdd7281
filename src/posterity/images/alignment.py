"""Whether two pictures are the same artwork: local features that agree on a shift, scale and rotation, then the pixels.

Keypoints are SIFT's (D. G. Lowe, *Distinctive Image Features from Scale-Invariant Keypoints*, 2004) with the square
roots of their descriptors (R. Arandjelović, A. Zisserman, *Three things everyone should know to improve object
retrieval*, 2012); RANSAC finds the similarity transform on which the most matches agree. The overlapping parts are then
compared block by block, so that a shared logo alone is not taken for shared artwork, and a different title does not
hide shared artwork.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
Grey = NDArray[np.uint8]

WIDTH = 128
"""Pictures are compared at this width: a thumbnail's."""

MAX_KEYPOINTS = 400
MIN_INLIERS = 12
"""A transform that fewer matches agree on is taken for chance."""

BLOCK = 16
BEST = 0.75
"""Side of a block in pixels, and the share of overlapping blocks, the best, that decides: the rest may be titles."""

_FEWEST = 8
_FLAT = 25.0
"""The least number of blocks that can decide; and the variance below which a block has nothing to compare."""

MIN_OVERLAP = 0.3
"""The least share of both pictures that must overlap for shared artwork."""


@dataclass(frozen=True)
class Keypoints:
    """What alignment needs of a picture.

    Attributes:
        grey: The picture in grey, (h, 128) uint8.
        points: Positions of the keypoints, (n, 2) float32, x and y.
        descriptors: (n, 128) uint8: unit vectors times 255, which saves three quarters of the memory at no loss.
    """

    grey: Grey
    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


@dataclass(frozen=True)
class Alignment:
    """How one picture is aligned with another.

    Attributes:
        score: Mean correlation of the best :data:`BEST` of the overlapping blocks, from 0 to 1; 0 if there are too few.
        inliers: Number of matches that agree on the transform.
        overlap: Share of each picture that overlaps the other; the smaller of the two.
        plain: Correlation of the two whole pictures, stretched to one size, from 0 to 1.
        matrix: (2, 3) transform from the first's pixels to the second's, at a width of 128 pixels; None if there is
            none.
    """

    score: float
    inliers: int
    overlap: float
    plain: float
    matrix: NDArray[np.float64] | None


def keypoints(picture: RGB) -> Keypoints:
    """Find the keypoints of an RGB picture of any size."""
    height = max(1, round(picture.shape[0] * WIDTH / picture.shape[1]))
    how = cv2.INTER_AREA if picture.shape[1] >= WIDTH else cv2.INTER_LINEAR
    small = cv2.resize(picture, (WIDTH, height), interpolation=how)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    # A new detector for each call: they are cheap, and not safe to share between threads.
    found, descriptors = cv2.SIFT.create(MAX_KEYPOINTS, contrastThreshold=0.02).detectAndCompute(grey, None)
    if descriptors is None:
        return Keypoints(grey, np.empty((0, 2), np.float32), np.empty((0, 128), np.uint8))
    rooted = np.sqrt(descriptors / np.maximum(descriptors.sum(1, keepdims=True), 1e-9))
    return Keypoints(grey, np.array([k.pt for k in found], np.float32), np.rint(255 * rooted).astype(np.uint8))


def align(a: Keypoints, b: Keypoints) -> Alignment:
    """Align ``a`` with ``b``, and measure how well it fits; the same pictures always give the same result."""
    size = b.grey.shape[1], b.grey.shape[0]
    plain = _correlation(np.asarray(cv2.resize(a.grey, size, interpolation=cv2.INTER_AREA), np.uint8), b.grey)
    start, end = _matches(a, b)
    if len(start) < MIN_INLIERS:
        return Alignment(0.0, 0, 0.0, plain, None)
    found, agree = cv2.estimateAffinePartial2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=3.0, maxIters=1000)
    if found is None or (inliers := int(agree.sum())) < MIN_INLIERS:
        return Alignment(0.0, 0, 0.0, plain, None)
    matrix = np.asarray(found, np.float64)
    warped = np.asarray(cv2.warpAffine(a.grey, matrix, size), np.uint8)
    covered = cv2.warpAffine(np.full_like(a.grey, 255), matrix, size) > 254
    area = float(abs(np.linalg.det(matrix[:, :2]))) * a.grey.size
    overlap = float(covered.sum()) / max(b.grey.size, area)
    if overlap < MIN_OVERLAP:
        return Alignment(0.0, inliers, overlap, plain, matrix)
    return Alignment(_by_blocks(warped, b.grey, covered), inliers, overlap, plain, matrix)


def _matches(a: Keypoints, b: Keypoints) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pair keypoints that are clearly nearer to each other than to any other (Lowe's ratio test)."""
    if len(a.points) < 2 or len(b.points) < 2:
        return a.points[:0], b.points[:0]
    alike = _unit(a.descriptors) @ _unit(b.descriptors).T
    rows = np.arange(len(alike))
    best = alike.argmax(1)
    first = alike[rows, best]
    alike[rows, best] = -1
    clear = 1 - first < 0.72 * (1 - alike.max(1))  # squared distances: a ratio of .85
    return a.points[clear], b.points[best[clear]]


def _by_blocks(a: Grey, b: Grey, covered: NDArray[np.bool_]) -> float:
    """Correlate two pictures block by block where both are covered, and average the best blocks."""
    rows, cols = a.shape[0] // BLOCK, a.shape[1] // BLOCK

    def summed(values: NDArray[np.float32]) -> NDArray[np.float32]:
        whole = values[: rows * BLOCK, : cols * BLOCK]
        return np.asarray(whole.reshape(rows, BLOCK, cols, BLOCK).sum((1, 3)))

    x, y, w = a.astype(np.float32), b.astype(np.float32), covered.astype(np.float32)
    n = summed(w)
    share = 1 / np.maximum(n, 1)
    mean_x, mean_y = summed(x * w) * share, summed(y * w) * share
    var_x = summed(x * x * w) * share - mean_x**2
    var_y = summed(y * y * w) * share - mean_y**2
    together = summed(x * y * w) * share - mean_x * mean_y
    flat = np.minimum(var_x, var_y) < _FLAT
    correlations = np.where(flat, 0, together / np.sqrt(np.maximum(var_x * var_y, _FLAT)))
    # Blocks that are flat in both pictures say nothing; blocks that are flat in one of them differ.
    compared = np.sort(correlations[(n > BLOCK**2 / 2) & (np.maximum(var_x, var_y) >= _FLAT)])[::-1]
    if len(compared) < _FEWEST:
        return 0.0
    return float(np.clip(compared[: int(np.ceil(BEST * len(compared)))].mean(), 0, 1))


def _unit(descriptors: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows = descriptors.astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _correlation(a: Grey, b: Grey) -> float:
    x, y = a.astype(np.float32) - a.mean(), b.astype(np.float32) - b.mean()
    return float(np.clip((x * y).sum() / max(float(np.sqrt((x * x).sum() * (y * y).sum())), 1e-9), 0, 1))
