"""How vectors become points in the plane: the options, and the methods by name.

Other packages register theirs in the entry-point group ``posterity.layouts``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError
from posterity.numerics.distances import Floats
from posterity.registry import Registry

Points = NDArray[np.float64]

Place = Callable[[Floats, Points, "Layout", int, Callable[[int], object] | None], Points]


@dataclass(frozen=True)
class Method:
    """A way of laying rows out in the plane.

    Attributes:
        label: Its name for people.
        place: Gives each of n ≥ 4 rows a position, (n, 2) float64, anywhere in the plane and rotated in any way. Its
            arguments are the rows (n, k) in principal coordinates; their principal plane (n, 2), to start from; the
            options; the number of threads; and a function to call with the number of steps done, or None. The same
            input gives the same positions. A method without it is the principal plane itself.
        n_steps: Number of steps it reports; None if it reports none.
        version: Raised whenever the same rows would be laid out differently, so that stored maps are laid out again.
    """

    label: str
    place: Place | None
    n_steps: int | None = None
    version: int = 0


PLANE = Method("Principal plane", None)

METHODS: Registry[Method] = Registry(
    "method",
    {
        "pca": "posterity.numerics.projection.methods:PLANE",
        "tsne": "posterity.numerics.projection.tsne:METHOD",
        "umap": "posterity.numerics.projection.umap:METHOD",
    },
    group="posterity.layouts",
)


@dataclass(frozen=True)
class Layout:
    """How vectors are laid out.

    Attributes:
        method: A name in :data:`METHODS`: "pca", "tsne", "umap", or one that another package registers.
        n_components: Number of principal components given to t-SNE, UMAP and others; 0 gives them the vectors
            themselves.
        perplexity: For t-SNE: roughly the number of neighbours that each point is attracted to.
        n_neighbors: For UMAP: the number of neighbours of each point.
        min_dist: For UMAP: the least distance between points.
        random_state: Seed.
        landmarks: For all methods but PCA: the number of posters, drawn at random, that are laid out; the rest are
            placed among them (:func:`posterity.numerics.projection.places.placed`). 0 lays out all of up to 100,000
            posters, and 25,000 if there are more.
    """

    method: str = "tsne"
    n_components: int = 50
    perplexity: float = 30.0
    n_neighbors: int = 15
    min_dist: float = 0.1
    random_state: int = 0
    landmarks: int = 0

    def __post_init__(self) -> None:
        METHODS.get(self.method)
        for name, least, most in (("n_components", 0, 1e9), ("perplexity", 1, 1e6), ("n_neighbors", 2, 1e6),
                                  ("min_dist", 0, 1), ("landmarks", 0, 1e9)):  # fmt: skip
            if not least <= getattr(self, name) <= most:
                raise ArgumentError(f"{name} {getattr(self, name)} is not allowed", f"Give {least:g} to {most:g}.")


def noise(shape: tuple[int, ...], seed: int) -> Points:
    """Draw normally distributed noise by a seed, to break ties in a start."""
    return np.random.default_rng(seed).standard_normal(shape)
