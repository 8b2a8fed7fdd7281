"""The posters to train on: which there are, which are held out, and their pixels, packed once into one array.

Held out are whole groups: films of one franchise, films with the same artwork, and all pictures of one film stay on one
side. The test side is never looked at in training.

There are two lists: the 14,000 pictures below the data folder, and, with ``material``, those and the 37,000 that
``extract_more.py`` writes into a folder of its own. What the first list holds out, the second holds out too.

    python -m training.data --material DIR
"""

from __future__ import annotations

import argparse
import csv
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.images import decode, near_pairs, perceptual_hash
from training.sides import groups, held_out

DATA = Path(os.environ.get("POSTERITY_DATA", Path(__file__).parents[1] / ".." / "shared")).resolve() / "data"

PACKED = (216, 144)
"""Height and width that pictures are packed at: a little more than the network reads, to crop from."""

SAME_ART_BITS = 8
"""Films whose perceptual hashes differ in at most so many bits count as sharing artwork."""

Rows = list[tuple[str, str, str]]
"""Pictures: file, film and kind."""
Films = dict[str, dict[str, str]]
"""What is known of each film, by its IMDb id."""


@dataclass(frozen=True)
class Picture:
    """A picture and what is known of its film.

    Attributes:
        file: Below the data folder, or, in ``more`` and ``more_versions``, below the folder of material.
        film: IMDb id.
        kind: "poster" of ``posters``, "extra", "more", "large", or the relation to the film's poster of another
            picture: "same_art", "other_art".
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


def located(file: str, material: Path | None = None) -> Path:
    """Tell where a picture lies.

    Raises:
        SystemExit: It lies in a folder of material, and none was named.
    """
    if not file.startswith("more"):
        return DATA / file
    if material is None:
        raise SystemExit(f"{file} is not in {DATA}: name the folder that extract_more.py wrote (--material)")
    return material / file


def pictures(material: Path | None = None) -> list[Picture]:
    """List all pictures, each with its group and its side: ``posters``, ``extra``, ``versions``; then what is more.

    Args:
        material: The folder that ``extract_more.py`` wrote; perceptual hashes are kept in it. None: the first list.
    """
    films, listed = _first_list()
    hashes = _hashes(listed, None)
    group, test = _sides(films, listed, hashes, [])
    if material is not None:
        more = _second_list(films)
        listed, hashes = listed + more, np.concatenate([hashes, _hashes(more, material)])
        group, test = _sides(films, listed, hashes, test)
    return [
        Picture(
            file, film, kind, tuple(g for g in films[film]["genres"].split("|") if g), films[film]["collection"],
            group[i], test[i],
        )
        for i, (file, film, kind) in enumerate(listed)
    ]  # fmt: skip


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _first_list() -> tuple[Films, Rows]:
    films: Films = {}
    listed: Rows = []
    for table, kind in (("posters.csv", "poster"), ("extra.csv", "extra")):
        for row in _rows(table):
            films.setdefault(row["imdb_id"], row)
            listed.append((f"{table[:-4]}/{row['file']}", row["imdb_id"], kind))
    return films, listed + _versions("versions")


def _second_list(films: Films) -> Rows:
    """List what is more, and add its films."""
    listed: Rows = []
    for row in _rows("more.csv"):
        films.setdefault(row["imdb_id"], row)
        listed.append((f"more/{row['file']}", row["imdb_id"], "more"))
    large = [(f"large/{row['file']}", row["imdb_id"], "large") for row in _rows("large.csv")]
    return [*listed, *_versions("more_versions"), *large]


def _versions(table: str) -> Rows:
    return [(f"{table}/{row['file']}", row["imdb_id"], row["relation"]) for row in _rows(f"{table}.csv")]


def _sides(films: Films, listed: Rows, hashes: NDArray[np.uint64], before: list[bool]) -> tuple[list[int], list[bool]]:
    """Give each picture's group, connected by film, franchise or artwork, and whether it is held out."""
    sizes = Counter(row["collection"] for row in films.values() if row["collection"])
    names = [film for _, film, _ in listed]
    saga = [films[film]["collection"] for film in names]
    keys = [(film, f"collection:{name}") if name else (film,) for film, name in zip(names, saga, strict=True)]
    group = groups(keys, ((int(i), int(j)) for i, j in near_pairs(hashes, SAME_ART_BITS)))
    return group, held_out(group, names, [sizes[name] > 1 for name in saga], before)


def _hashes(listed: Rows, material: Path | None) -> NDArray[np.uint64]:
    """Compute perceptual hashes, or read where they are kept for the same files of the same sizes."""
    paths = [located(file, material) for file, _, _ in listed]
    known = np.array([f"{file} {path.stat().st_size}" for (file, _, _), path in zip(listed, paths, strict=True)])
    kept = None if material is None else material / "hashes.npz"
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as found:
            if np.array_equal(found["known"], known):
                return np.asarray(found["hashes"], np.uint64)
    with ThreadPoolExecutor() as pool:
        hashes = np.array(list(pool.map(lambda path: perceptual_hash(decode(path.read_bytes())), paths)), np.uint64)
    if kept is not None:
        part = kept.with_suffix(f".{os.getpid()}.npz")
        np.savez(part, known=known, hashes=hashes)
        part.replace(kept)
    return hashes


def pack(items: list[Picture], folder: Path, material: Path | None = None) -> NDArray[np.uint8]:
    """Decode all pictures once into ``folder/pixels.npy``: uint8 (n, 216, 144, 3), mapped into memory."""
    file = folder / "pixels.npy"
    shape = (len(items), *PACKED, 3)
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.lib.format.open_memmap(folder / "pixels.part.npy", "w+", np.uint8, shape)

        def read(i: int) -> None:
            image = decode(located(items[i].file, material).read_bytes(), PACKED)
            pixels[i] = cv2.resize(image, PACKED[::-1], interpolation=cv2.INTER_AREA)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(read, range(len(items))))
        pixels.flush()
        (folder / "pixels.part.npy").rename(file)
    found = np.load(file, mmap_mode="r")
    if found.shape != shape:
        raise SystemExit(f"{file} was packed from other pictures: delete it")
    return found


def main() -> None:
    """Tell how many pictures of each kind are trained on and held out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, help="folder that extract_more.py wrote; without it, the first list")
    items = pictures(parser.parse_args().material)
    print(f"{'kind':<12} {'trained on':>10} {'held out':>10}")
    for kind in dict.fromkeys(item.kind for item in items):
        sides = Counter(item.test for item in items if item.kind == kind)
        print(f"{kind:<12} {sides[False]:>10,} {sides[True]:>10,}")
    posters = [item for item in items if item.kind in ("poster", "extra", "more")]
    for test, side in ((False, "trained on"), (True, "held out")):
        sagas = Counter(item.collection for item in posters if item.test == test and item.collection)
        print(f"{side}: {sum(n for n in sagas.values() if n > 1):,} films with a sibling in their franchise")


if __name__ == "__main__":
    main()
