"""Splitting groups of posters into parts: stratified, by time, or into folds. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError

Numbers = NDArray[np.int64]


def stratified(
    Y: NDArray[np.float64],
    groups: Numbers,
    shares: Sequence[float],
    seed: int = 0,
    allowed: NDArray[np.bool_] | None = None,
) -> Numbers:
    """Put whole groups into parts so that each part has its share of every label.

    Iterative stratification, the rarest label first, each group to the part that lacks its label most: K. Sechidis, G.
    Tsoumakas, I. Vlahavas, *On the Stratification of Multi-Label Data*, 2011; here of groups instead of single items.

    Args:
        Y: (n, l) of 0 and 1.
        groups: (n,) the group of each item; numbered from 0 if ``allowed`` is given.
        shares: Shares of the parts; scaled to add up to 1.
        seed: Seed of the order among equals.
        allowed: (g, parts) whether a group may go to a part; None allows all.

    Returns:
        (n,) the part of each item.

    Raises:
        ArgumentError: A share is 0 or less.
    """
    if not len(shares) or min(shares) <= 0:
        raise ArgumentError(f"invalid shares {list(shares)}", "Choose numbers above 0, such as 0.8 and 0.2.")
    share = np.asarray(shares, float) / sum(shares)
    names, groups = np.unique(groups, return_inverse=True)
    n_groups = len(names)
    held = np.zeros((n_groups, Y.shape[1]))
    np.add.at(held, groups, Y)
    sizes = np.bincount(groups, minlength=n_groups).astype(float)
    may = np.ones((n_groups, len(share)), bool) if allowed is None else allowed
    wanted, room = np.outer(share, held.sum(0)), share * sizes.sum()
    rng = np.random.default_rng(seed)
    # First the groups with the least choice, then the large ones, which a nearly full part could not take; equals in
    # random order.
    order = np.lexsort([rng.permutation(n_groups), -sizes, may.sum(1)])
    part = np.full(n_groups, -1)
    left = held.sum(0)
    open_ = np.ones(n_groups, bool)
    while open_.any():
        label = int(np.where(left > 0, left, np.inf).argmin()) if (left > 0).any() else -1
        some = order[open_[order] & (held[order, label] > 0)] if label >= 0 else order[open_[order]]
        for group in some.tolist():
            need = wanted[:, label] if label >= 0 else room
            best = np.lexsort([rng.random(len(share)), -room, -need, ~may[group]])[0]
            part[group] = best
            open_[group] = False
            wanted[best] -= held[group]
            room[best] -= sizes[group]
            left -= held[group]
        if label >= 0:
            left[label] = 0
    return np.asarray(part[groups], np.int64)


def by_time(when: NDArray[np.float64], groups: Numbers, shares: Sequence[float]) -> Numbers:
    """Put the earliest items into the first part and the latest into the last.

    A group goes where its latest item goes; its items from before that part are left out, so that no test item is
    predicted from its future.

    Args:
        when: (n,) times, such as years.
        groups: (n,) the group of each item.
        shares: Shares of the parts, from early to late.

    Returns:
        (n,) the part of each item, -1 for none. Items of the same time are in the same part, so shares are met only
        approximately.
    """
    latest = np.full(int(groups.max()) + 1, -np.inf)
    np.maximum.at(latest, groups, when)
    own = latest[groups]
    ends = np.cumsum(np.asarray(shares, float) / sum(shares))[:-1]
    values, counts = np.unique(own, return_counts=True)
    done = np.cumsum(counts) / len(own)
    cuts = [values[int(np.abs(done - end).argmin())] for end in ends]
    place, by_itself = (np.searchsorted(np.array(cuts), each, side="left") for each in (own, when))
    return np.where(place == by_itself, place, -1).astype(np.int64)


def folds(Y: NDArray[np.float64], groups: Numbers, n_folds: int, seed: int = 0) -> Numbers:
    """Put whole groups into folds with an equal share of every label: (n,).

    Raises:
        ArgumentError: There are fewer groups than folds, or fewer than two folds.
    """
    n_groups = len(np.unique(groups))
    if not 2 <= n_folds <= n_groups:
        raise ArgumentError(
            f"invalid number of folds: {n_folds} for {n_groups} groups", "Choose from 2 to the number of groups."
        )
    return stratified(Y, groups, [1.0] * n_folds, seed)
