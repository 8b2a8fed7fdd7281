"""The posters to train on: which there are, which are held out, and their pixels, packed once into one array.

Held out are whole groups: films of one franchise, films with the same artwork, and all pictures of one film stay on one
side. The test side is never looked at in training.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.images import decode, near_pairs, perceptual_hash

DATA = Path(os.environ.get("POSTERITY_DATA", Path(__file__).parents[1] / ".." / "shared")).resolve() / "data"

PACKED = (216, 144)
"""Height and width that pictures are packed at: a little more than the network reads, to crop from."""

TEST_SHARE = 0.30
TEST_SHARE_FRANCHISES = 0.75
"""Of franchises, which are few, more are held out, so that recall has enough queries."""

SAME_ART_BITS = 8
"""Films whose perceptual hashes differ in at most so many bits count as sharing artwork."""


@dataclass(frozen=True)
class Picture:
    """A picture and what is known of its film.

    Attributes:
        file: Below the data folder.
        film: IMDb id.
        kind: "poster" of ``posters``, "extra", or the relation of ``versions``: "same_art", "other_art".
        genres: Of the film.
        collection: The franchise, or "".
        group: What must stay on one side.
        test: Whether it is held out.
    """

    file: str
    film: str
    kind: str
    genres: tuple[str, ...]
    collection: str
    group: int
    test: bool


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pictures() -> list[Picture]:
    """List all pictures: ``posters``, then ``extra``, then ``versions``, each with its group and its side."""
    films = {}
    listed: list[tuple[str, str, str]] = []
    for table, kind in (("posters.csv", "poster"), ("extra.csv", "extra")):
        for row in _rows(table):
            films.setdefault(row["imdb_id"], row)
            listed.append((f"{table[:-4]}/{row['file']}", row["imdb_id"], kind))
    listed += [(f"versions/{row['file']}", row["imdb_id"], row["relation"]) for row in _rows("versions.csv")]
    groups = _groups(listed, films)
    sizes: dict[str, int] = {}
    for row in films.values():
        sizes[row["collection"]] = sizes.get(row["collection"], 0) + 1
    franchise_groups = {
        groups[i] for i, (_, film, _) in enumerate(listed)
        if films[film]["collection"] and sizes[films[film]["collection"]] > 1
    }  # fmt: skip
    first: dict[int, str] = {}
    for i, group in enumerate(groups):
        first[group] = min(first.get(group, "~"), listed[i][1])
    test = {
        group: _draw(name) < (TEST_SHARE_FRANCHISES if group in franchise_groups else TEST_SHARE)
        for group, name in first.items()
    }
    return [
        Picture(
            file, film, kind, tuple(g for g in films[film]["genres"].split("|") if g), films[film]["collection"],
            groups[i], test[groups[i]],
        )
        for i, (file, film, kind) in enumerate(listed)
    ]  # fmt: skip


def _draw(name: str) -> float:
    """Draw a number in [0, 1) that depends on the name alone: the same films are held out in every run."""
    return int.from_bytes(hashlib.sha256(f"posterity:{name}".encode()).digest()[:8], "big") / 2**64


def _groups(listed: list[tuple[str, str, str]], films: dict[str, dict[str, str]]) -> list[int]:
    """Number the groups: connected by film, franchise or artwork."""
    parent = list(range(len(listed)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(pairs: Iterable[tuple[int, int]]) -> None:
        for i, j in pairs:
            parent[root(i)] = root(j)

    by_key: dict[str, int] = {}
    for i, (_, film, _) in enumerate(listed):
        for key in (film, f"collection:{films[film]['collection']}" if films[film]["collection"] else film):
            join([(i, by_key.setdefault(key, i))])
    with ThreadPoolExecutor() as pool:
        hashes = np.array(list(pool.map(lambda item: _hash(DATA / item[0]), listed)), np.uint64)
    join((int(i), int(j)) for i, j in near_pairs(hashes, SAME_ART_BITS))
    return [root(i) for i in range(len(listed))]


def _hash(file: Path) -> int:
    return perceptual_hash(decode(file.read_bytes()))


def pack(items: list[Picture], folder: Path) -> NDArray[np.uint8]:
    """Decode all pictures once into ``folder/pixels.npy``: uint8 (n, 216, 144, 3), mapped into memory."""
    file = folder / "pixels.npy"
    shape = (len(items), *PACKED, 3)
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.lib.format.open_memmap(folder / "pixels.part.npy", "w+", np.uint8, shape)

        def read(i: int) -> None:
            image = decode((DATA / items[i].file).read_bytes(), PACKED)
            pixels[i] = cv2.resize(image, PACKED[::-1], interpolation=cv2.INTER_AREA)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(read, range(len(items))))
        pixels.flush()
        (folder / "pixels.part.npy").rename(file)
    found = np.load(file, mmap_mode="r")
    if found.shape != shape:
        raise SystemExit(f"{file} was packed from other pictures: delete it")
    return found
