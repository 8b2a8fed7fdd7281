"""Perceptual hashes: 64 bits that change little when a picture is resized, recompressed or slightly recoloured."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError

BITS = 64


def perceptual_hash(picture: NDArray[np.uint8]) -> int:
    """Compute the 64-bit pHash of an RGB picture (h, w, 3).

    The signs, against their median, of the 8×8 lowest frequencies of the DCT of the 32×32 grey picture: C. Zauner,
    *Implementation and Benchmarking of Perceptual Image Hash Functions*, 2010.
    """
    grey = cv2.cvtColor(cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    low = cv2.dct(grey.astype(np.float32))[:8, :8]
    bits = (low > np.median(low)).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def hamming(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Count the differing bits of two arrays of hashes, element by element (they broadcast)."""
    return np.asarray(np.bitwise_count(a ^ b), np.uint8)


def near_pairs(hashes: NDArray[np.uint64], max_distance: int) -> NDArray[np.int64]:
    """Find every pair of hashes at most ``max_distance`` bits apart, exactly.

    Two hashes that differ in at most t bits are equal in at least one of t + 1 bands of bits (the pigeonhole
    principle: G. S. Manku, A. Jain, A. Das Sarma, *Detecting Near-Duplicates for Web Crawling*, WWW 2007), so only
    those that share a band's value are compared.

    Args:
        hashes: (n,) uint64.
        max_distance: From 0 to 63.

    Returns:
        (m, 2) int64 indices i < j, sorted.
    """
    if not 0 <= max_distance < BITS:
        raise ArgumentError(f"max_distance {max_distance} is not allowed", "Give a number of bits from 0 to 63.")
    edges = np.linspace(0, BITS, max_distance + 2).astype(int)
    found = [np.empty((0, 2), np.int64)]
    for low, high in pairwise(edges):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        order = np.argsort(band, kind="stable")
        changes = np.flatnonzero(np.diff(band[order])) + 1
        edges_of_runs = np.r_[0, changes, len(order)]
        for run in np.flatnonzero(np.diff(edges_of_runs) > 1):
            members = order[edges_of_runs[run] : edges_of_runs[run + 1]]
            found.extend(_within(members, hashes, max_distance))
    pairs = np.concatenate(found)
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _within(
    members: NDArray[np.int64], hashes: NDArray[np.uint64], max_distance: int, block: int = 1024
) -> list[NDArray[np.int64]]:
    """Compare all members of one bucket, a block of rows at a time to bound the memory of a crowded bucket."""
    pairs = []
    for begin in range(0, len(members) - 1, block):
        rows, rest = members[begin : begin + block], members[begin + 1 :]
        near = hamming(hashes[rows][:, None], hashes[rest][None, :]) <= max_distance
        i, j = np.nonzero(np.triu(near))
        pairs.append(np.stack([rows[i], rest[j]], axis=1))
    return pairs
