"""Which pictures must stay together, and which side a group is on: held out, or trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Sequence

TEST_SHARE = 0.30
TEST_SHARE_FRANCHISES = 0.75
"""Of franchises, which are few, more are held out, so that recall has enough queries."""


def groups(keys: Sequence[Iterable[Hashable]], near: Iterable[tuple[int, int]]) -> list[int]:
    """Number groups: items that share a key, or that are near, are in one, and so on from each to the next.

    >>> groups([("a",), ("b",), ("a", "c"), ("c",), ("d",)], [(1, 4)])
    [0, 1, 0, 0, 1]
    """
    parent = list(range(len(keys)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(i: int, j: int) -> None:
        low, high = sorted((root(i), root(j)))
        parent[high] = low

    first: dict[Hashable, int] = {}
    for i, own in enumerate(keys):
        for key in own:
            join(i, first.setdefault(key, i))
    for i, j in near:
        join(int(i), int(j))
    return [root(i) for i in range(len(keys))]


def held_out(
    group: Sequence[int], film: Sequence[str], franchise: Sequence[bool], before: Sequence[bool] = ()
) -> list[bool]:
    """Tell which items are held out, whole groups at a time.

    Args:
        group: Of each item.
        film: Its film: a group's side is drawn by the first of its films' names, the same in every run.
        franchise: Whether its film has a sibling.
        before: The sides of the first items, where they were drawn before others came. What was held out stays held
            out, and what has become one group with it is held out too; other groups with an item from before are
            trained on as before.
    """
    name: dict[int, str] = {}
    share: dict[int, float] = {}
    side: dict[int, bool] = {}
    for i, number in enumerate(group):
        name[number] = min(name.get(number, film[i]), film[i])
        share[number] = max(share.get(number, TEST_SHARE), TEST_SHARE_FRANCHISES if franchise[i] else TEST_SHARE)
    for number, held in zip(group, before, strict=False):
        side[number] = side.get(number, False) or held
    for number in set(group) - set(side):
        side[number] = _draw(name[number]) < share[number]
    return [side[number] for number in group]


def _draw(name: str) -> float:
    """Draw a number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(f"posterity:{name}".encode()).digest()[:8], "big") / 2**64
