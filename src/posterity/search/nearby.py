"""Every poster's neighbours by all facets, as small whole numbers, for searching on a page without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from posterity.search.facets import Facet, neighbourhoods


@dataclass(frozen=True)
class Nearby:
    """A poster's neighbours.

    Attributes:
        of: Numbers of the neighbours.
        parts: Facet -> how near each neighbour is, in hundredths of a standard deviation.
    """

    of: list[int]
    parts: dict[str, list[int]]


def nearby(facets: Mapping[str, Facet], ids: Sequence[str], k: int) -> Iterator[Nearby]:
    """Give each poster's neighbours: the k nearest by each facet, and none for a poster without vectors.

    Args:
        facets: Facets by name; all hold the same posters. If there are none, posters have no neighbours.
        ids: Ids of all posters, in the order of their numbers.
        k: Number of neighbours per facet.
    """
    if not facets:
        for _ in ids:
            yield Nearby([], {})
        return
    place = {identity: number for number, identity in enumerate(ids)}
    searched = next(iter(facets.values())).index.ids
    number = np.array([place[identity] for identity in searched], np.int64)
    rows, others, nearness = neighbourhoods(facets, k)
    starts = np.searchsorted(rows, np.arange(len(searched) + 1))
    row_of = {identity: row for row, identity in enumerate(searched)}
    for identity in ids:
        row = row_of.get(identity)
        some = slice(0, 0) if row is None else slice(starts[row], starts[row + 1])
        parts = {name: np.rint(100 * near[some]).astype(int).tolist() for name, near in nearness.items()}
        yield Nearby(number[others[some]].tolist(), parts)
