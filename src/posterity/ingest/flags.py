"""Posters that look the same are flagged, not dropped: a person decides."""

from __future__ import annotations

import numpy as np

from posterity.catalogue import Store
from posterity.catalogue.provenance import CONTENT, Reads, artefact, current, key
from posterity.images import near_pairs

READS = Reads((CONTENT, "phash"))
"""What decides which posters are flagged; a picture that is replaced has lost its flags, whatever its hash."""


def flag_near_duplicates(store: Store, bits: int) -> None:
    """Flag, of posters that look the same, all but the one of the lowest id, and name the most alike before it."""
    inputs = key(store, READS, parameters=bits)
    if current(store, store.artefact("near_duplicates"), inputs):
        return
    rows = store.read(["phash", "flags", "flag_details"])
    ids: list[str] = rows["id"].to_pylist()
    hashes = rows["phash"].to_numpy()
    old = [
        list(zip(codes, details, strict=True))
        for codes, details in zip(rows["flags"].to_pylist(), rows["flag_details"].to_pylist(), strict=True)
    ]
    blank = np.array([any(code == "blank" for code, _ in pairs) for pairs in old], bool)
    closest: dict[int, tuple[int, int]] = {}
    for i, j in near_pairs(hashes, bits):
        if not (blank[i] or blank[j]):
            distance = (int(hashes[i]) ^ int(hashes[j])).bit_count()
            closest[j] = min(closest.get(j, (bits + 1, 0)), (distance, int(i)))
    changed: dict[str, list[tuple[str, str]]] = {}
    for index, pairs in enumerate(old):
        new = [pair for pair in pairs if pair[0] != "near_duplicate"]
        if index in closest:
            distance, other = closest[index]
            new.append(("near_duplicate", f"looks like {ids[other]} ({distance} of 64 bits differ)"))
        if new != pairs:
            changed[ids[index]] = new
    store.update_columns(
        list(changed),
        flags=[[code for code, _ in pairs] for pairs in changed.values()],
        flag_details=[[detail for _, detail in pairs] for pairs in changed.values()],
    )
    store.put_artefact(artefact(store, "near_duplicates", "flags", inputs, parameters={"bits": bits}))
