"""Clusters of a map, with a name and a representative each.

HDBSCAN (L. McInnes, J. Healy, S. Astels, *hdbscan: Hierarchical density based clustering*, JOSS 2, 2017; here
scikit-learn's) finds regions that are denser than their surroundings, and leaves the points in between unassigned.

A cluster's name says what it has more of than the whole: genres, decades, and names of colours. A word is part of the
name if its share is so much larger that chance (a binomial draw from the whole) would hardly ever explain it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.errors import MissingExtraError
from posterity.numerics.lab import rgb_to_lab

Places = NDArray[np.int64]

MIN_SHARE = 0.008
MIN_SIZE = 5
"""A cluster has at least this share of all points, and at least MIN_SIZE."""

LIFT = 1.3
SURE = 3.0
"""A word describes a cluster if its share is at least LIFT times that of the whole, and SURE standard errors above
it."""

COLOURS = {
    "black": (12, 12, 14), "dark grey": (70, 70, 72), "grey": (128, 128, 128), "light grey": (190, 190, 190),
    "white": (245, 245, 245), "dark red": (110, 15, 20), "red": (205, 25, 30), "orange": (235, 125, 25),
    "brown": (105, 65, 35), "beige": (220, 195, 155), "yellow": (240, 205, 40), "olive": (110, 105, 40),
    "green": (45, 140, 60), "dark green": (20, 60, 40), "teal": (20, 120, 125), "light blue": (150, 195, 225),
    "blue": (35, 90, 180), "dark blue": (20, 35, 85), "purple": (105, 50, 130), "pink": (230, 130, 165),
}  # fmt: skip
"""Names of colours, each with an sRGB example; a pixel gets the name of the example nearest in CIELAB."""


@dataclass(frozen=True)
class Cluster:
    """A dense region of a map.

    Attributes:
        label: A few words that describe it, "" if nothing sets it apart.
        size: Number of posters.
        representative: Id of the poster whose vector is nearest to the mean of the cluster's vectors.
        centre: Position of that poster.
        members: Ids of its posters.
    """

    label: str
    size: int
    representative: str
    centre: tuple[float, float]
    members: tuple[str, ...]


MOST = 50_000
"""The most points that clusters are searched in; if there are more, the rest join the cluster of their nearest."""


def find_clusters(points: NDArray[np.float64], min_size: int | None = None) -> Places:
    """Give the cluster of each point, -1 for points in none: (n,). Clusters are numbered by size, the largest first.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    n = len(points)
    least = max(MIN_SIZE, round(MIN_SHARE * n)) if min_size is None else min_size
    if n < 2 * least:
        return np.full(n, -1, np.int64)
    try:
        from sklearn.cluster import HDBSCAN
    except ImportError as error:
        raise MissingExtraError("finding clusters", "maps") from error
    some = np.arange(n)
    if n > MOST:  # the time grows with the square of n, and a sample is enough to find the clusters
        some = np.sort(np.random.default_rng(0).choice(n, MOST, replace=False))
        least = max(MIN_SIZE, least * MOST // n)
    found = HDBSCAN(min_cluster_size=least, min_samples=min(10, least), copy=True).fit_predict(points[some])
    if n > MOST:
        from scipy.spatial import KDTree

        found = found[KDTree(points[some]).query(points, workers=-1)[1]]
    sizes = np.bincount(found[found >= 0], minlength=1)
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return np.where(found >= 0, rank[np.maximum(found, 0)], -1)


def representative(vectors: NDArray[np.float32], members: Places) -> int:
    """Give the member whose vector is nearest to the members' mean."""
    own = vectors[members]
    return int(members[((own - own.mean(axis=0)) ** 2).sum(axis=1).argmin()])


def counted(words_of_each: Iterable[Sequence[str]]) -> Counter[str]:
    """Count how many have each word."""
    return Counter(word for words in words_of_each for word in set(words))


def distinctive(members: Sequence[Sequence[str]], everyone: Counter[str], n: int) -> list[str]:
    """Give the words that are more common among members than overall, the most distinctive first.

    Args:
        members: Words of each member; a word counts once per member.
        everyone: Word -> number of all items that have it.
        n: Number of all items.
    """
    m = len(members)
    found = []
    for word, count in counted(members).items():
        share, base = count / m, everyone[word] / n
        error = np.sqrt(max(base * (1 - base), 1e-12) / m)
        if share >= LIFT * base and share - base >= SURE * error and count > 1:
            # The word's term of the Kullback-Leibler divergence: how much it surprises, over all members.
            found.append((-share * np.log(share / base), word))
    return [word for _, word in sorted(found)]


def colour_words(picture: NDArray[np.uint8], least: float = 0.12) -> list[str]:
    """Name the colours that make up at least a given share of a picture, the largest first."""
    names = list(COLOURS)
    examples = rgb_to_lab(np.array(list(COLOURS.values()), np.uint8))
    small = cv2.resize(picture, (16, 24), interpolation=cv2.INTER_AREA)
    lab = rgb_to_lab(np.asarray(small, np.uint8)).reshape(-1, 3)
    nearest = ((lab[:, None] - examples) ** 2).sum(axis=2).argmin(axis=1)
    shares = np.bincount(nearest, minlength=len(names)) / len(lab)
    return [names[i] for i in np.argsort(-shares, kind="stable") if shares[i] >= least]


def name_cluster(genres: Sequence[str], decades: Sequence[str], colours: Sequence[str]) -> str:
    """Join a cluster's distinctive words into a name: "Western, Drama · 1950s · beige, brown"."""
    parts = (genres[:2], sorted(decades[:2]), colours[:2])
    return " · ".join(", ".join(words) for words in parts if words)
