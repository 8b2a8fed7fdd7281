"""How vectors become points: the options, and the methods by name.

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
        place: Gives each of n ≥ 4 rows a place, (n, 2) float64, anywhere in the plane and turned in any way, from: the
            rows (n, k) in principal coordinates; their principal plane (n, 2), to start from; the options; how many
            threads; and what is called with the number of steps done, or None. The same input gives the same places. A
            method without it is the principal plane itself.
        n_steps: How many steps it tells of; None where it tells of none.
        version: Raised whenever the same rows would be laid out otherwise: maps that are kept are then made anew.
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
        n_components: Principal components that t-SNE, UMAP and others see; 0 shows them the vectors themselves.
        perplexity: Of t-SNE: about how many neighbours a point cares for.
        n_neighbors: Of UMAP: likewise.
        min_dist: Of UMAP: how near points may come.
        random_state: Seed.
        landmarks: Of all methods but PCA: how many posters, drawn at random, are laid out; the rest find their places
            among them (:func:`posterity.numerics.projection.places.placed`). 0 is all of up to 100,000, and 25,000 of
            more.
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
                raise ArgumentError(f"{name} {getattr(self, name)} is not allowed", f"It is {least:g} to {most:g}.")


def noise(shape: tuple[int, ...], seed: int) -> Points:
    """Draw what breaks ties of a start: normally distributed, by a seed."""
    return np.random.default_rng(seed).standard_normal(shape)
