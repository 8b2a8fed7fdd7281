"""New points on a map that is there, and a map that is drawn again, turned to lie as the one before."""

from __future__ import annotations

import numpy as np

from posterity.numerics.distances import TIE, Floats, as_matrix, row_blocks, squared_distances, squared_lengths
from posterity.numerics.projection.methods import Points

NEAREST = 10
"""Neighbours that a new point is placed among."""


def aligned(points: Points, reference: Points) -> Points:
    """Turn and mirror points, about their mean, to lie as near to others as can be; no distance changes.

    Orthogonal Procrustes: P. H. Schönemann, *A generalized solution of the orthogonal Procrustes problem*,
    Psychometrika 31, 1966.

    Args:
        points: (n, 2).
        reference: (n, 2), of any scale and place.

    Returns:
        (n, 2), the mean where it was.
    """
    centre = points.mean(axis=0)
    u, _, vt = np.linalg.svd((points - centre).T @ (reference - reference.mean(axis=0)))
    return np.asarray((points - centre) @ (u @ vt) + centre)


def placed(X: Floats, known: Floats, points: Points, k: int = NEAREST) -> Points:
    """Give new rows places on an existing map: the median of those of their nearest known rows.

    The median, unlike the mean, does not put a row between two clusters where there is nothing. Rows that are as near
    as the last of the nearest, but for :data:`posterity.numerics.distances.TIE` of the squared lengths, count as
    well.

    Args:
        X: (m, d) new rows.
        known: (n, d) rows of the map.
        points: (n, 2) their places.
        k: How many of the nearest.

    Returns:
        (m, 2).
    """
    X, known = as_matrix(X), as_matrix(known)
    centre = known.mean(axis=0)
    known = known - centre
    lengths = squared_lengths(known)
    k = min(k, len(known))
    found = np.empty((len(X), 2))
    for block in row_blocks(len(X), max(known.shape)):
        rows = X[block] - centre
        distances = squared_distances(rows, known)
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        places = np.median(points[nearest], axis=1)
        last = nearest[:, -1]
        bound = np.take_along_axis(distances, last[:, None], 1)[:, 0]
        bound += np.float32(TIE) * (squared_lengths(rows) + lengths[last])
        for row in np.flatnonzero(np.count_nonzero(distances <= bound[:, None], axis=1) > k).tolist():
            places[row] = np.median(points[distances[row] <= bound[row]], axis=0)
        found[block] = places
    return found
