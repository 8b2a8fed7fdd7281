"""New points on an existing map, and a map laid out again, aligned with the previous one."""

from __future__ import annotations

import numpy as np

from posterity.numerics.distances import TIE, Floats, as_matrix, row_blocks, squared_distances, squared_lengths
from posterity.numerics.projection.methods import Points

NEAREST = 10
"""Number of neighbours that a new point is placed among."""


def aligned(points: Points, reference: Points) -> Points:
    """Rotate and mirror points about their mean to be as near to others as possible; no distance changes.

    Orthogonal Procrustes: P. H. Schönemann, *A generalized solution of the orthogonal Procrustes problem*,
    Psychometrika 31, 1966.

    Args:
        points: (n, 2) points.
        reference: (n, 2) points to align with, at any scale and position.

    Returns:
        (n, 2), with the same mean as ``points``.
    """
    centre = points.mean(axis=0)
    u, _, vt = np.linalg.svd((points - centre).T @ (reference - reference.mean(axis=0)))
    return np.asarray((points - centre) @ (u @ vt) + centre)


def placed(X: Floats, known: Floats, points: Points, k: int = NEAREST) -> Points:
    """Place new rows on an existing map: at the median position of their nearest known rows.

    The median, unlike the mean, does not put a row into the empty space between two clusters. Rows that tie with the
    last of the nearest, to within :data:`posterity.numerics.distances.TIE` of the squared lengths, count as well.

    Args:
        X: (m, d) new rows.
        known: (n, d) rows of the map.
        points: (n, 2) their positions.
        k: Number of nearest rows.

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
